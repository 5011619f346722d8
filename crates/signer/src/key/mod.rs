//! Private keys in files: what form they have, and how they come out of it.
//!
//! PEM and DER of PKCS#8 (plain or encrypted), PKCS#1 and SEC 1, and PKCS#12. Whatever the form, the result is
//! one [`PlainKey`] and the certificates that lay beside it.

mod kind;
mod pair;
mod pkcs12;
mod pkcs8;

use std::path::Path;

use zeroize::Zeroizing;

use certvouch_types::der::{Reader, tag};

use crate::error::{ForeignFormat, KeyError, KeyFault, LoadError};
use crate::file::{read_public, read_secret};
use crate::limits::MAX_KEY_FILE;
use crate::passphrase::PassphraseSource;
use crate::pem;

pub use kind::KeyKind;
pub(crate) use pair::KeyPair;

/// What a key file holds.
pub(crate) struct KeyFile {
    /// The private key, no longer encrypted.
    pub(crate) key: PlainKey,
    /// The certificates beside it, in DER and in their order.
    pub(crate) certificates: Vec<Vec<u8>>,
}

/// A private key in one of the three plain forms, as DER.
pub(crate) enum PlainKey {
    /// RSAPrivateKey (RFC 8017 A.1.2).
    Pkcs1(Zeroizing<Vec<u8>>),
    /// PrivateKeyInfo (RFC 5958).
    Pkcs8(Zeroizing<Vec<u8>>),
    /// ECPrivateKey (RFC 5915).
    Sec1(Zeroizing<Vec<u8>>),
}

/// Reads a key file.
pub(crate) fn read(path: &Path, passphrase: &PassphraseSource) -> Result<KeyFile, LoadError> {
    let octets = match read_secret(path, MAX_KEY_FILE) {
        Ok(octets) => octets,
        Err(refused) => return Err(no_secret(path).unwrap_or_else(|| refused.into())),
    };
    if pem::looks_like(&octets) {
        from_pem(&octets, path, passphrase)
    } else {
        from_der(octets, path, passphrase)
    }
}

/// A file that is refused as a secret may hold none at all, such as a certificate: then that is what to say, and its
/// mode is right.
fn no_secret(path: &Path) -> Option<LoadError> {
    let octets = read_public(path, MAX_KEY_FILE)
        .ok()
        .filter(|octets| pem::looks_like(octets))?;
    let blocks = pem::blocks(&octets).ok()?;
    if blocks
        .iter()
        .any(|block| block.label.contains("PRIVATE KEY"))
    {
        return None;
    }
    from_pem(&octets, path, &PassphraseSource::Nowhere).err()
}

fn from_pem(
    octets: &[u8],
    path: &Path,
    passphrase: &PassphraseSource,
) -> Result<KeyFile, LoadError> {
    let fail = |fault| LoadError::from(KeyError::new(path, fault));
    let malformed = |why: pem::PemFault| fail(KeyFault::Malformed(why.text().to_owned()));
    let (mut keys, mut certificates, mut other) = (Vec::new(), Vec::new(), None);
    for block in pem::blocks(octets).map_err(malformed)? {
        match block.label.as_str() {
            label if label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK") => {
                keys.push(block);
            }
            "CERTIFICATE" | "X509 CERTIFICATE" => certificates.push(block.content.to_vec()),
            // `openssl ecparam -genkey` writes these in front of the key.
            "EC PARAMETERS" => {}
            "PUBLIC KEY" | "RSA PUBLIC KEY" => other = Some("a public key"),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                other = Some("a certificate request");
            }
            "PKCS7" | "CMS" => other = Some("PKCS#7"),
            _ => other = other.or(Some("something else")),
        }
    }
    let count = keys.len();
    let block = match (keys.pop(), count) {
        (Some(block), 1) => block,
        (None, _) if certificates.is_empty() => {
            return Err(fail(KeyFault::NotAKey(other.unwrap_or("something else"))));
        }
        (None, _) => return Err(fail(KeyFault::NotAKey("a certificate"))),
        _ => return Err(fail(KeyFault::SeveralKeys { count })),
    };
    if block.encrypted {
        return Err(fail(KeyFault::Foreign(ForeignFormat::LegacyEncryptedPem)));
    }
    let key = match block.label.as_str() {
        "PRIVATE KEY" => PlainKey::Pkcs8(block.content),
        "ENCRYPTED PRIVATE KEY" => {
            PlainKey::Pkcs8(pkcs8::decrypt(&block.content, path, passphrase)?)
        }
        "RSA PRIVATE KEY" => PlainKey::Pkcs1(block.content),
        "EC PRIVATE KEY" => PlainKey::Sec1(block.content),
        label => {
            let fault = ForeignFormat::of_label(label).map_or_else(
                || KeyFault::Unsupported(crate::error::escaped(label)),
                KeyFault::Foreign,
            );
            return Err(fail(fault));
        }
    };
    Ok(KeyFile { key, certificates })
}

fn from_der(
    octets: Zeroizing<Vec<u8>>,
    path: &Path,
    passphrase: &PassphraseSource,
) -> Result<KeyFile, LoadError> {
    let fail = |fault| Err(LoadError::from(KeyError::new(path, fault)));
    let alone = |key| {
        Ok(KeyFile {
            key,
            certificates: Vec::new(),
        })
    };
    match shape(&octets) {
        Some(Shape::Pkcs8) => alone(PlainKey::Pkcs8(octets)),
        Some(Shape::Pkcs1) => alone(PlainKey::Pkcs1(octets)),
        Some(Shape::Sec1) => alone(PlainKey::Sec1(octets)),
        Some(Shape::Encrypted) => {
            alone(PlainKey::Pkcs8(pkcs8::decrypt(&octets, path, passphrase)?))
        }
        Some(Shape::Pkcs12) => pkcs12::open(&octets, path, passphrase),
        Some(Shape::Dsa) => fail(KeyFault::Unsupported("DSA".to_owned())),
        Some(Shape::Certificate) => fail(KeyFault::NotAKey("a certificate")),
        Some(Shape::PublicKey) => fail(KeyFault::NotAKey("a public key")),
        None => match ForeignFormat::of_octets(&octets) {
            Some(format) => fail(KeyFault::Foreign(format)),
            None => fail(KeyFault::NotAKey("neither PEM nor a DER form of a key")),
        },
    }
}

/// The DER structures that may be met in place of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Certificate,
    Dsa,
    Encrypted,
    Pkcs1,
    Pkcs8,
    Pkcs12,
    PublicKey,
    Sec1,
}

/// Tells them apart by the tags of their first members.
fn shape(input: &[u8]) -> Option<Shape> {
    let mut outer = Reader::new(input);
    let mut members = outer.sequence("key").ok()?;
    outer.finish("key").ok()?;
    let first = members.next("key").ok()?;
    let second = members.next("key").ok()?;
    let rest = {
        let mut rest = Vec::new();
        // PKCS#1 has the most members, nine or ten.
        while !members.is_empty() && rest.len() < 16 {
            rest.push(members.next("key").ok()?.tag);
        }
        rest
    };
    match (first.tag, first.value, second.tag) {
        (tag::INTEGER, [0 | 1], tag::SEQUENCE) if rest.first() == Some(&tag::OCTET_STRING) => {
            Some(Shape::Pkcs8)
        }
        (tag::INTEGER, [0 | 1], tag::INTEGER) if rest.len() == 4 => Some(Shape::Dsa),
        (tag::INTEGER, [0 | 1], tag::INTEGER) => Some(Shape::Pkcs1),
        (tag::INTEGER, [1], tag::OCTET_STRING) => Some(Shape::Sec1),
        (tag::INTEGER, [3], tag::SEQUENCE) => Some(Shape::Pkcs12),
        (tag::SEQUENCE, _, tag::OCTET_STRING) => Some(Shape::Encrypted),
        (tag::SEQUENCE, _, tag::BIT_STRING) => Some(Shape::PublicKey),
        (tag::SEQUENCE, _, tag::SEQUENCE) => Some(Shape::Certificate),
        _ => None,
    }
}
