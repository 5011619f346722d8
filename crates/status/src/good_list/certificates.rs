//! A good-list made of certificates: each of our issuer counts, by its serial number and notAfter.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_types::der::{Reader, tag};
use certvouch_types::{Certificate, DecodeError, oid};

use super::error::GoodListError;
use super::table::GoodTable;

/// Adds the certificates of a file, PEM or DER, and says how many of other issuers were left out.
pub(super) fn add(
    table: &mut GoodTable,
    path: &Path,
    octets: &[u8],
    issuer: &Certificate<'_>,
) -> Result<usize, GoodListError> {
    let wrong = |why: String| GoodListError::Certificate {
        path: path.to_owned(),
        why,
    };
    let mut foreign = 0;
    for der in blocks(octets).map_err(|why| wrong(why.to_owned()))? {
        let certificate = Certificate::parse(&der).map_err(|error| wrong(error.to_string()))?;
        if !is_issued_by(&certificate, issuer).map_err(|error| wrong(error.to_string()))? {
            foreign += 1;
            continue;
        }
        // A certificate with a negative serial number can never be asked for.
        if let Some(serial) = certificate.serial_number.unsigned() {
            let not_after = Some(certificate.validity.not_after);
            table
                .insert(serial, not_after)
                .map_err(|fault| wrong(fault.to_string()))?;
        }
    }
    Ok(foreign)
}

/// By name, and by key identifier where both sides have one: two CAs may share a name.
pub(crate) fn is_issued_by(
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
) -> Result<bool, DecodeError> {
    if !certificate.issuer.matches(&issuer.subject) {
        return Ok(false);
    }
    let wanted = issuer.subject_key_identifier()?;
    let Some(extension) = certificate.extensions.find(oid::AUTHORITY_KEY_IDENTIFIER) else {
        return Ok(true);
    };
    let mut inner = Reader::sequence(&mut extension.contents(), "authorityKeyIdentifier")?;
    let named = inner.optional(tag::context(0), "authorityKeyIdentifier")?;
    Ok(match (named, wanted) {
        (Some(named), Some(wanted)) => named.value == wanted,
        _ => true,
    })
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a file: DER is one, PEM text has any number.
pub(crate) fn blocks(octets: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let text = match core::str::from_utf8(octets) {
        Ok(text) if text.contains("-----BEGIN ") => text,
        _ => return Ok(vec![octets.to_vec()]),
    };
    let parts = text.split(BEGIN).skip(1);
    parts
        .map(|part| {
            let (body, _) = part
                .split_once(END)
                .ok_or("the end line of a certificate is missing")?;
            let body: Vec<u8> = body
                .bytes()
                .filter(|octet| !octet.is_ascii_whitespace())
                .collect();
            STANDARD
                .decode(body)
                .map_err(|_| "a certificate is not base64")
        })
        .collect()
}
