//! Reading certificates from files: PEM with anything around the blocks, or DER.

use std::path::Path;

use certvouch_types::Certificate;
use certvouch_types::der::{Reader, tag};

use crate::error::{CertificateError, CertificateFault, LoadError};
use crate::file::read_public;
use crate::limits::MAX_CERTIFICATE_FILE;
use crate::pem::{self, PemFault};

/// Reads the certificates of a file, as DER and in their order; at least one. Each of them parses.
///
/// # Errors
/// The file cannot be read, holds something else, or a certificate in it is damaged.
pub fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, LoadError> {
    let octets = read_public(path, MAX_CERTIFICATE_FILE)?;
    let fail = |fault| LoadError::from(CertificateError::new(path, path, path, fault));
    let found = if pem::looks_like(&octets) {
        from_pem(&octets).map_err(fail)?
    } else {
        from_der(octets).map_err(fail)?
    };
    for certificate in &found {
        Certificate::parse(certificate).map_err(|why| fail(CertificateFault::Malformed(why)))?;
    }
    Ok(found)
}

fn from_pem(octets: &[u8]) -> Result<Vec<Vec<u8>>, CertificateFault> {
    let broken = |why: PemFault| CertificateFault::NotACertificate(why.text());
    let (mut found, mut other) = (Vec::new(), "something else");
    for block in pem::blocks(octets).map_err(broken)? {
        match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => found.push(block.content.to_vec()),
            "TRUSTED CERTIFICATE" => other = "an OpenSSL trusted certificate",
            "PKCS7" | "CMS" => other = "PKCS#7",
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => other = "a certificate request",
            "X509 CRL" => other = "a CRL",
            label if label.ends_with("PRIVATE KEY") => other = "a private key",
            label if label.ends_with("PUBLIC KEY") => other = "a public key",
            _ => {}
        }
    }
    if found.is_empty() {
        return Err(CertificateFault::NotACertificate(other));
    }
    Ok(found)
}

fn from_der(octets: Vec<u8>) -> Result<Vec<Vec<u8>>, CertificateFault> {
    let mut outer = Reader::new(&octets);
    let first = outer
        .sequence("Certificate")
        .ok()
        .and_then(|inner| inner.peek());
    match first {
        Some(tag::SEQUENCE) => Ok(vec![octets]),
        Some(tag::OID) => Err(CertificateFault::NotACertificate("PKCS#7")),
        Some(tag::INTEGER) => Err(CertificateFault::NotACertificate(
            "a private key or PKCS#12",
        )),
        _ => Err(CertificateFault::NotACertificate("neither PEM nor DER")),
    }
}
