//! Octets as people compare them: hexadecimal digits, and SHA-256.

use certvouch_crypto::digest;
use certvouch_types::HashAlgorithm;

/// Lower-case hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// SHA-256.
pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let value = digest(HashAlgorithm::Sha256, octets);
    let mut array = [0; 32];
    array.copy_from_slice(value.as_ref());
    array
}
