//! Who signs: the trait that key adapters implement, and the identity that answers carry.

use core::fmt;
use std::sync::Arc;

use certvouch_crypto::{SignatureAlgorithm, digest};
use certvouch_types::{Certificate, HashAlgorithm, ResponderId, ResponseDataWriter, Timestamp};

use crate::BoxFuture;

/// Signs octets with one key and one algorithm.
///
/// Implementations hold the key (or reach it in another process or device); this crate never sees it.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The algorithm of every signature.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The signature over `message`, as it goes into the BIT STRING.
    ///
    /// # Errors
    /// [`SignError`] says whether a later try may succeed.
    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>>;
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The key refuses or is gone for good; the client is told `internalError`.
    Permanent(String),
    /// Busy, timed out or restarting; the client is told `tryLater`.
    Temporary(String),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permanent(why) => write!(f, "the signer failed: {why}"),
            Self::Temporary(why) => write!(f, "the signer cannot sign for the moment: {why}"),
        }
    }
}

impl core::error::Error for SignError {}

/// How answers name their signer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponderIdForm {
    /// By SHA-1 of its key: what RFC 9919 3.2.2 demands of new responders.
    #[default]
    ByKey,
    /// By its subject, for clients that know nothing else (requirements D-4).
    ByName,
}

/// Whether the signer's certificate travels with the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbedCertificate {
    /// A delegate's does (RFC 9919 3.2.2), the CA's own does not: clients have it, and Go stumbles over it.
    #[default]
    Delegate,
    /// Never; for clients that hold the signer's certificate already.
    Never,
}

/// A [`Signer`] with its certificate, ready to produce answers.
#[derive(Clone, Debug)]
pub struct ResponseSigner {
    key: Arc<dyn Signer>,
    writer: ResponseDataWriter,
    certificate: Arc<[u8]>,
    form: ResponderIdForm,
    embedded: bool,
    not_before: Timestamp,
    not_after: Timestamp,
    delegated: bool,
}

impl ResponseSigner {
    /// Binds a key to its certificate. That the two belong together, and that a client would accept the
    /// certificate, was checked by whoever loaded them.
    ///
    /// `issuer` is the CA's certificate; the CA signs for itself if both hold the same key.
    #[must_use]
    pub fn new(
        key: Arc<dyn Signer>,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        form: ResponderIdForm,
        embed: EmbedCertificate,
    ) -> Self {
        let public_key = certificate.subject_public_key_info;
        let delegated = public_key.raw != issuer.subject_public_key_info.raw;
        let key_hash = digest(HashAlgorithm::Sha1, public_key.subject_public_key);
        let id = match form {
            ResponderIdForm::ByKey => ResponderId::ByKey(key_hash.as_ref()),
            ResponderIdForm::ByName => ResponderId::ByName(certificate.subject.as_bytes()),
        };
        let embedded = delegated && embed == EmbedCertificate::Delegate;
        Self {
            key,
            writer: ResponseDataWriter::new(id),
            certificate: certificate.raw.into(),
            form,
            embedded,
            not_before: certificate.validity.not_before,
            not_after: certificate.validity.not_after,
            delegated,
        }
    }

    /// The same with another way to its key: one that counts, or that asks somebody first. It signs with the same
    /// algorithm.
    #[must_use]
    pub fn map_key(mut self, wrap: impl FnOnce(Arc<dyn Signer>) -> Arc<dyn Signer>) -> Self {
        self.key = wrap(self.key);
        self
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    /// The last second of its certificate's validity.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether this is a delegate and not the CA itself.
    #[must_use]
    pub const fn is_delegated(&self) -> bool {
        self.delegated
    }

    /// Whether its certificate is valid at this moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    pub(crate) fn key(&self) -> &dyn Signer {
        &*self.key
    }

    pub(crate) const fn writer(&self) -> &ResponseDataWriter {
        &self.writer
    }

    /// The certificates that travel with the answer.
    pub(crate) fn certs(&self) -> Vec<&[u8]> {
        if self.embedded {
            vec![&self.certificate]
        } else {
            Vec::new()
        }
    }

    /// Its certificate, whether it travels with the answer or not.
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) const fn form(&self) -> ResponderIdForm {
        self.form
    }
}
