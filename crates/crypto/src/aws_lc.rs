//! The provider that certvouch itself uses: aws-lc-rs.

use aws_lc_rs::{digest as digests, signature as backend};
use certvouch_types::pkix::SubjectPublicKeyInfo;
use certvouch_types::{AlgorithmIdentifier, HashAlgorithm};

use crate::algorithm::SignatureAlgorithm as A;
use crate::digest::Digest;
use crate::key::KeyKind as K;
use crate::provider::{Digester, Provider, SignatureError, SignatureVerification};

/// aws-lc-rs: RSA keys of 2048 to 8192 bits (requirements ALG-1, threats T-23), ECDSA, Ed25519, ML-DSA.
pub const AWS_LC: Provider = Provider::new(&AwsLc, &TABLE);

/// Hashes `data` with [`AWS_LC`].
#[must_use]
pub fn digest(algorithm: HashAlgorithm, data: &[u8]) -> Digest {
    AWS_LC.digest(algorithm, data)
}

/// Verifies a signature with [`AWS_LC`].
///
/// # Errors
/// As [`Provider::verify_signature`].
pub fn verify_signature(
    key: &SubjectPublicKeyInfo<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    AWS_LC.verify_signature(key, algorithm, message, signature)
}

#[derive(Debug)]
struct AwsLc;

impl Digester for AwsLc {
    fn digest(&self, algorithm: HashAlgorithm, data: &[u8]) -> Digest {
        let algorithm = match algorithm {
            HashAlgorithm::Sha1 => &digests::SHA1_FOR_LEGACY_USE_ONLY,
            HashAlgorithm::Sha384 => &digests::SHA384,
            HashAlgorithm::Sha512 => &digests::SHA512,
            // HashAlgorithm may grow in a later version of its crate; SHA-256 is the one that stays.
            _ => &digests::SHA256,
        };
        Digest::new(digests::digest(algorithm, data).as_ref())
    }
}

#[derive(Debug)]
struct Row(A, K, &'static dyn backend::VerificationAlgorithm);

impl SignatureVerification for Row {
    fn algorithm(&self) -> A {
        self.0
    }

    fn key(&self) -> K {
        self.1
    }

    fn verify(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        backend::UnparsedPublicKey::new(self.2, public_key)
            .verify(message, signature)
            .map_err(|_| SignatureError::Invalid)
    }
}

/// The table. Hash and curve are free of each other outside the BRs (RFC 5758 3.2).
#[rustfmt::skip]
static TABLE: [&dyn SignatureVerification; 22] = [
    &Row(A::EcdsaSha256, K::EcP256, &backend::ECDSA_P256_SHA256_ASN1),
    &Row(A::EcdsaSha384, K::EcP384, &backend::ECDSA_P384_SHA384_ASN1),
    &Row(A::RsaPkcs1Sha256, K::Rsa, &backend::RSA_PKCS1_2048_8192_SHA256),
    &Row(A::Ed25519, K::Ed25519, &backend::ED25519),
    &Row(A::EcdsaSha1, K::EcP256, &backend::ECDSA_P256_SHA1_ASN1),
    &Row(A::EcdsaSha384, K::EcP256, &backend::ECDSA_P256_SHA384_ASN1),
    &Row(A::EcdsaSha512, K::EcP256, &backend::ECDSA_P256_SHA512_ASN1),
    &Row(A::EcdsaSha256, K::EcP384, &backend::ECDSA_P384_SHA256_ASN1),
    &Row(A::EcdsaSha512, K::EcP384, &backend::ECDSA_P384_SHA512_ASN1),
    &Row(A::EcdsaSha1, K::EcP521, &backend::ECDSA_P521_SHA1_ASN1),
    &Row(A::EcdsaSha256, K::EcP521, &backend::ECDSA_P521_SHA256_ASN1),
    &Row(A::EcdsaSha384, K::EcP521, &backend::ECDSA_P521_SHA384_ASN1),
    &Row(A::EcdsaSha512, K::EcP521, &backend::ECDSA_P521_SHA512_ASN1),
    &Row(A::MlDsa44, K::MlDsa44, &backend::ML_DSA_44),
    &Row(A::MlDsa65, K::MlDsa65, &backend::ML_DSA_65),
    &Row(A::MlDsa87, K::MlDsa87, &backend::ML_DSA_87),
    &Row(A::RsaPkcs1Sha1, K::Rsa, &backend::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    &Row(A::RsaPkcs1Sha384, K::Rsa, &backend::RSA_PKCS1_2048_8192_SHA384),
    &Row(A::RsaPkcs1Sha512, K::Rsa, &backend::RSA_PKCS1_2048_8192_SHA512),
    &Row(A::RsaPssSha256, K::Rsa, &backend::RSA_PSS_2048_8192_SHA256),
    &Row(A::RsaPssSha384, K::Rsa, &backend::RSA_PSS_2048_8192_SHA384),
    &Row(A::RsaPssSha512, K::Rsa, &backend::RSA_PSS_2048_8192_SHA512),
];

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
        for (algorithm, start) in [
            (HashAlgorithm::Sha1, [0xDA, 0x39, 0xA3, 0xEE]),
            (HashAlgorithm::Sha256, [0xE3, 0xB0, 0xC4, 0x42]),
            (HashAlgorithm::Sha384, [0x38, 0xB0, 0x60, 0xA7]),
            (HashAlgorithm::Sha512, [0xCF, 0x83, 0xE1, 0x35]),
        ] {
            assert_eq!(digest(algorithm, b"").as_ref()[..4], start);
        }
    }

    #[test]
    fn every_pair_stands_in_the_table_once() {
        for (index, row) in TABLE.iter().enumerate() {
            let twin = |other: &&&dyn SignatureVerification| {
                other.algorithm() == row.algorithm() && other.key() == row.key()
            };
            assert_eq!(TABLE.iter().position(|other| twin(&other)), Some(index));
        }
    }

    // covers: ALG-1
    #[test]
    fn every_algorithm_has_a_row() {
        for algorithm in A::ALL {
            assert!(
                TABLE.iter().any(|row| row.algorithm() == algorithm),
                "{algorithm}"
            );
        }
    }
}
