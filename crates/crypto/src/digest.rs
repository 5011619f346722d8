//! Digests of the algorithms that a CertID may name.

use aws_lc_rs::digest as backend;
use certvouch_types::HashAlgorithm;

/// A digest value of 20 to 64 octets.
#[derive(Clone, Copy, Debug)]
pub struct Digest(backend::Digest);

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// Hashes `data`.
///
/// SHA-1 is here because issuerKeyHash of most clients and the byKey ResponderID of all responders are made
/// with it (requirements D-1, D-4); neither is a signature.
#[must_use]
pub fn digest(algorithm: HashAlgorithm, data: &[u8]) -> Digest {
    let algorithm = match algorithm {
        HashAlgorithm::Sha1 => &backend::SHA1_FOR_LEGACY_USE_ONLY,
        HashAlgorithm::Sha384 => &backend::SHA384,
        HashAlgorithm::Sha512 => &backend::SHA512,
        // HashAlgorithm may grow in a later version of its crate; SHA-256 is the one that stays.
        _ => &backend::SHA256,
    };
    Digest(backend::digest(algorithm, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_has_the_length_that_the_algorithm_states() {
        for algorithm in HashAlgorithm::ALL {
            assert_eq!(
                digest(algorithm, b"").as_ref().len(),
                algorithm.output_length()
            );
        }
    }

    #[test]
    fn digest_of_nothing_is_the_published_value() {
        assert_eq!(
            digest(HashAlgorithm::Sha1, b"").as_ref()[..4],
            [0xDA, 0x39, 0xA3, 0xEE]
        );
        assert_eq!(
            digest(HashAlgorithm::Sha256, b"").as_ref()[..4],
            [0xE3, 0xB0, 0xC4, 0x42]
        );
        assert_eq!(
            digest(HashAlgorithm::Sha384, b"").as_ref()[..4],
            [0x38, 0xB0, 0x60, 0xA7]
        );
        assert_eq!(
            digest(HashAlgorithm::Sha512, b"").as_ref()[..4],
            [0xCF, 0x83, 0xE1, 0x35]
        );
    }
}
