//! A certificate: the fields of RFC 5280 4.1.

use certvouch_types::{Certificate, DecodeError};

use super::tree::Value;
use super::{extension, name};

/// Decodes one.
///
/// # Errors
/// It does not parse.
pub(super) fn decode(der: &[u8]) -> Result<Value, DecodeError> {
    let certificate = Certificate::parse(der)?;
    Ok(Value::fields([
        ("serialNumber", certificate.serial_number.to_string().into()),
        ("issuer", certificate.issuer.to_string().into()),
        ("notBefore", certificate.validity.not_before.into()),
        ("notAfter", certificate.validity.not_after.into()),
        ("subject", certificate.subject.to_string().into()),
        ("publicKey", name::public_key(&certificate)),
        ("extensions", extension::list(&certificate.extensions)),
        (
            "signatureAlgorithm",
            name::signature_algorithm(&certificate.signature_algorithm),
        ),
        ("signature", Value::octets(certificate.signature)),
        ("sha256", name::fingerprint(der)),
    ]))
}
