//! By what a staple is known: the issuer's name and key, the serial number, and the hash of its CertID.

use core::fmt::Write as _;

use certvouch_client::CertIdHash;
use certvouch_crypto::digest;
use certvouch_types::{Certificate, HashAlgorithm};

use crate::limits::MAX_NAMED_SERIAL;

/// Names one staple among all, in memory and as a file. Nothing in it is text of others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StapleKey(String);

impl StapleKey {
    /// The key for a certificate of an issuer, asked for with this hash.
    #[must_use]
    pub fn new(certificate: &Certificate<'_>, issuer: &Certificate<'_>, hash: CertIdHash) -> Self {
        let mut identity = Vec::new();
        for part in [
            issuer.subject.as_bytes(),
            issuer.subject_public_key_info.raw,
        ] {
            identity.extend_from_slice(digest(HashAlgorithm::Sha256, part).as_ref());
        }
        let identity = digest(HashAlgorithm::Sha256, &identity);
        let mut name = hex(identity.as_ref().get(..16).unwrap_or_default());
        let serial = certificate.serial_number.content();
        name.push('-');
        if serial.len() > MAX_NAMED_SERIAL {
            name.push_str(&hex(digest(HashAlgorithm::Sha256, serial).as_ref()));
        } else {
            name.push_str(&hex(serial));
        }
        name.push('-');
        name.push_str(hash_word(hash));
        Self(name)
    }

    /// The key as a file's name, without an ending: lower-case hex digits, letters, digits and `-`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The word for a choice of CertID hash.
const fn hash_word(hash: CertIdHash) -> &'static str {
    match hash {
        CertIdHash::Sha1 => "sha1",
        CertIdHash::Sha256 => "sha256",
        _ => "any",
    }
}

fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}
