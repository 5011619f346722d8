//! The signer that holds its key in memory, read from a file.

use core::fmt;
use std::path::Path;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{BoxFuture, SignError, Signer};

use crate::error::{KeyError, LoadError};
use crate::key::{self, KeyKind, KeyPair, PlainKey};
use crate::passphrase::PassphraseSource;

/// A private key in memory, bound to one signature algorithm.
///
/// Signing takes 20 µs (ECDSA P-256, Ed25519) to some milliseconds (RSA-4096) of the calling thread.
pub struct FileSigner {
    pair: KeyPair,
    kind: KeyKind,
    algorithm: SignatureAlgorithm,
    public_key_info: Vec<u8>,
}

impl FileSigner {
    /// Reads a key file of any form that this crate knows. Without an algorithm, the usual one of the kind of
    /// key is taken: rsa-sha256, ECDSA with the hash of the curve's size, ed25519, ml-dsa-…
    ///
    /// Nothing is said about certificates; a response signer is had from [`crate::SigningIdentity::load`].
    ///
    /// # Errors
    /// The file cannot or must not be read, its form or its kind of key is not supported, the passphrase is
    /// missing or wrong, or the algorithm is none of this kind of key.
    pub fn open(
        path: &Path,
        passphrase: &PassphraseSource,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Self, LoadError> {
        let file = key::read(path, passphrase)?;
        Self::from_plain(&file.key, algorithm, path)
    }

    pub(crate) fn from_plain(
        key: &PlainKey,
        algorithm: Option<SignatureAlgorithm>,
        path: &Path,
    ) -> Result<Self, LoadError> {
        let (pair, kind, algorithm) =
            KeyPair::new(key, algorithm).map_err(|fault| KeyError::new(path, fault))?;
        let public_key_info = kind.public_key_info(pair.public_bits());
        Ok(Self {
            pair,
            kind,
            algorithm,
            public_key_info,
        })
    }

    /// The kind of key.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The SubjectPublicKeyInfo of the key, as DER.
    #[must_use]
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    /// The content of its subjectPublicKey BIT STRING: what key hashes are made of.
    #[must_use]
    pub fn public_key_bits(&self) -> &[u8] {
        self.pair.public_bits()
    }

    /// Signs at once, in the calling thread.
    ///
    /// # Errors
    /// [`SignError::Permanent`] if the cryptographic library fails, which it does only for want of memory.
    pub fn sign_now(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.pair.sign(message).map_err(|_| {
            SignError::Permanent("the cryptographic library gave no signature".to_owned())
        })
    }
}

impl Signer for FileSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(async move { self.sign_now(message) })
    }
}

impl fmt::Debug for FileSigner {
    /// Shows the kind and the algorithm, and nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSigner")
            .field("kind", &self.kind)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
