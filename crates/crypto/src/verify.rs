//! Verification of signatures: one table, by algorithm and kind of key.

use core::fmt;

use aws_lc_rs::signature as backend;
use certvouch_types::pkix::SubjectPublicKeyInfo;
use certvouch_types::{AlgorithmIdentifier, Parameters, oid};

use crate::algorithm::SignatureAlgorithm;

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not one of this key over these octets.
    Invalid,
    /// The key is of another kind than the algorithm needs, or of a kind, curve or size that is not supported.
    KeyMismatch,
    /// The AlgorithmIdentifier names nothing in the table.
    UnsupportedAlgorithm,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the signature does not verify",
            Self::KeyMismatch => "the key does not fit the signature algorithm",
            Self::UnsupportedAlgorithm => "unsupported signature algorithm",
        })
    }
}

impl core::error::Error for SignatureError {}

/// Verifies `signature` over `message` with the key in `key`.
///
/// RSA keys have 2048 to 8192 bits (requirements ALG-1, threats T-23).
///
/// # Errors
/// [`SignatureError`]; nothing is said about which part of an invalid signature was wrong.
pub fn verify_signature(
    key: &SubjectPublicKeyInfo<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let algorithm = SignatureAlgorithm::from_identifier(algorithm)
        .ok_or(SignatureError::UnsupportedAlgorithm)?;
    let verification = find(algorithm, &key.algorithm).ok_or(SignatureError::KeyMismatch)?;
    backend::UnparsedPublicKey::new(verification, key.subject_public_key)
        .verify(message, signature)
        .map_err(|_| SignatureError::Invalid)
}

/// The table.
fn find(
    algorithm: SignatureAlgorithm,
    key: &AlgorithmIdentifier<'_>,
) -> Option<&'static dyn backend::VerificationAlgorithm> {
    use SignatureAlgorithm as A;
    if algorithm.is_rsa() {
        // id-RSASSA-PSS in the key restricts it to PSS (RFC 4055 1.2); such keys are not in use and not supported.
        return (key.oid == oid::RSA_ENCRYPTION)
            .then(|| rsa(algorithm))
            .flatten();
    }
    match algorithm {
        A::EcdsaSha1 | A::EcdsaSha256 | A::EcdsaSha384 | A::EcdsaSha512 => {
            ecdsa(algorithm, curve(key)?)
        }
        A::Ed25519 if key.oid == oid::ED25519 => Some(&backend::ED25519),
        A::MlDsa44 if key.oid == oid::ML_DSA_44 => Some(&backend::ML_DSA_44),
        A::MlDsa65 if key.oid == oid::ML_DSA_65 => Some(&backend::ML_DSA_65),
        A::MlDsa87 if key.oid == oid::ML_DSA_87 => Some(&backend::ML_DSA_87),
        _ => None,
    }
}

fn rsa(algorithm: SignatureAlgorithm) -> Option<&'static dyn backend::VerificationAlgorithm> {
    use SignatureAlgorithm as A;
    Some(match algorithm {
        A::RsaPkcs1Sha1 => &backend::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        A::RsaPkcs1Sha256 => &backend::RSA_PKCS1_2048_8192_SHA256,
        A::RsaPkcs1Sha384 => &backend::RSA_PKCS1_2048_8192_SHA384,
        A::RsaPkcs1Sha512 => &backend::RSA_PKCS1_2048_8192_SHA512,
        A::RsaPssSha256 => &backend::RSA_PSS_2048_8192_SHA256,
        A::RsaPssSha384 => &backend::RSA_PSS_2048_8192_SHA384,
        A::RsaPssSha512 => &backend::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

/// The named curve of an EC key; explicit parameters are forbidden (RFC 5480 2.1.1).
fn curve(key: &AlgorithmIdentifier<'_>) -> Option<Curve> {
    let Parameters::Other(raw) = key.parameters else {
        return None;
    };
    let named = certvouch_types::der::Reader::new(raw)
        .oid("namedCurve")
        .ok()?;
    match named {
        _ if key.oid != oid::EC_PUBLIC_KEY => None,
        o if o == oid::SECP256R1 => Some(Curve::P256),
        o if o == oid::SECP384R1 => Some(Curve::P384),
        o if o == oid::SECP521R1 => Some(Curve::P521),
        _ => None,
    }
}

/// Hash and curve are free of each other outside the BRs (RFC 5758 3.2).
fn ecdsa(
    algorithm: SignatureAlgorithm,
    curve: Curve,
) -> Option<&'static dyn backend::VerificationAlgorithm> {
    use SignatureAlgorithm as A;
    Some(match (curve, algorithm) {
        (Curve::P256, A::EcdsaSha1) => &backend::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, A::EcdsaSha256) => &backend::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, A::EcdsaSha384) => &backend::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, A::EcdsaSha512) => &backend::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, A::EcdsaSha256) => &backend::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, A::EcdsaSha384) => &backend::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, A::EcdsaSha512) => &backend::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, A::EcdsaSha1) => &backend::ECDSA_P521_SHA1_ASN1,
        (Curve::P521, A::EcdsaSha256) => &backend::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, A::EcdsaSha384) => &backend::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, A::EcdsaSha512) => &backend::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}
