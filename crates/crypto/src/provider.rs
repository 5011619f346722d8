//! What a cryptographic library has to offer: rows of signature verification, and digests.

use core::fmt;

use certvouch_types::pkix::SubjectPublicKeyInfo;
use certvouch_types::{AlgorithmIdentifier, HashAlgorithm};

use crate::algorithm::SignatureAlgorithm;
use crate::digest::Digest;
use crate::key::KeyKind;

/// Computes digests.
pub trait Digester: fmt::Debug + Send + Sync {
    /// Hashes `data`. An algorithm that is not known gives a value of another length, which matches nothing.
    fn digest(&self, algorithm: HashAlgorithm, data: &[u8]) -> Digest;
}

/// One row of the table: one signature algorithm with one kind of key.
pub trait SignatureVerification: fmt::Debug + Send + Sync {
    /// The signature algorithm.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The kind of key.
    fn key(&self) -> KeyKind;

    /// Verifies `signature` over `message`. `public_key` are the octets of the subjectPublicKey BIT STRING.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`], or [`SignatureError::KeyMismatch`] for a key of this kind that the library does
    /// not take.
    fn verify(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError>;
}

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

/// A cryptographic library as this crate sees it.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    digester: &'static dyn Digester,
    signatures: &'static [&'static dyn SignatureVerification],
}

impl Provider {
    /// Puts a table together. Of two rows for the same pair the first counts.
    #[must_use]
    pub const fn new(
        digester: &'static dyn Digester,
        signatures: &'static [&'static dyn SignatureVerification],
    ) -> Self {
        Self {
            digester,
            signatures,
        }
    }

    /// Hashes `data`.
    ///
    /// SHA-1 is here because issuerKeyHash of most clients and the byKey ResponderID of all responders are made
    /// with it (requirements D-1, D-4); neither is a signature.
    #[must_use]
    pub fn digest(&self, algorithm: HashAlgorithm, data: &[u8]) -> Digest {
        self.digester.digest(algorithm, data)
    }

    /// Verifies `signature` over `message` with the key in `key`.
    ///
    /// # Errors
    /// [`SignatureError`]; nothing is said about which part of an invalid signature was wrong.
    pub fn verify_signature(
        &self,
        key: &SubjectPublicKeyInfo<'_>,
        algorithm: &AlgorithmIdentifier<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let algorithm = SignatureAlgorithm::from_identifier(algorithm)
            .ok_or(SignatureError::UnsupportedAlgorithm)?;
        let kind = KeyKind::from_algorithm(&key.algorithm).ok_or(SignatureError::KeyMismatch)?;
        self.signatures
            .iter()
            .find(|row| row.algorithm() == algorithm && row.key() == kind)
            .ok_or(SignatureError::KeyMismatch)?
            .verify(key.subject_public_key, message, signature)
    }
}
