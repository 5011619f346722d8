//! The proof that a response was verified: a type that only this crate can make.

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::{CertId, CertStatus, Extensions, SingleResponse, Timestamp};

use crate::authorize::Signer;
use crate::error::CurrencyFault;
use crate::evidence::Evidence;
use crate::freshness::Moment;
use crate::query::Binding;
use crate::verdict::Verdict;

/// A response that was verified for one certificate, one moment and one profile.
///
/// It is good, revoked or unknown; what is out of date is an error, except a revocation that nothing can undo
/// ([`VerifiedResponse::stale`]).
#[derive(Clone, Debug)]
pub struct VerifiedResponse<'r> {
    pub(crate) raw: &'r [u8],
    pub(crate) single: SingleResponse<'r>,
    pub(crate) status: CertStatus,
    pub(crate) stale: Option<CurrencyFault>,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) produced_at: Timestamp,
    pub(crate) signer: Signer<'r>,
    pub(crate) signature_algorithm: SignatureAlgorithm,
    pub(crate) binding: Binding,
    pub(crate) moment: Moment,
    pub(crate) nonce: NonceOutcome,
    pub(crate) contradiction: bool,
    pub(crate) entries: usize,
    pub(crate) certificates: usize,
    pub(crate) evidence: Evidence,
}

/// What became of the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceOutcome {
    /// One was sent, and the response has none.
    Absent,
    /// The one that was sent came back.
    Echoed,
    /// One was sent, and the profile does not compare.
    NotCompared,
    /// None was sent.
    NotSent,
}

impl<'r> VerifiedResponse<'r> {
    /// The status of the certificate at the moment asked about.
    #[must_use]
    pub const fn status(&self) -> CertStatus {
        self.status
    }

    /// The word for it: good, revoked or unknown.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self.status {
            CertStatus::Good => Verdict::Good,
            CertStatus::Revoked(_) => Verdict::Revoked,
            // CertStatus may grow; what is not known is not good.
            _ => Verdict::Unknown,
        }
    }

    /// Why the response is out of date, if it is: then the status is revoked, and not hold (threats T-22). Nothing
    /// stale is ever stapled.
    #[must_use]
    pub const fn stale(&self) -> Option<CurrencyFault> {
        self.stale
    }

    /// The response as it was received, byte for byte.
    #[must_use]
    pub const fn as_bytes(&self) -> &'r [u8] {
        self.raw
    }

    /// What the entry says, which differs from [`VerifiedResponse::status`] for a moment before the revocation.
    #[must_use]
    pub const fn stated_status(&self) -> CertStatus {
        self.single.cert_status
    }

    /// The CertID of the entry.
    #[must_use]
    pub const fn cert_id(&self) -> CertId<'r> {
        self.single.cert_id
    }

    /// thisUpdate of the entry.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.single.this_update
    }

    /// nextUpdate of the entry.
    #[must_use]
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.single.next_update
    }

    /// Until when it counts, without tolerance: as long as the profile says, and no longer than the delegate's
    /// certificate. Nothing if neither sets an end.
    #[must_use]
    pub const fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// When it was signed.
    #[must_use]
    pub const fn produced_at(&self) -> Timestamp {
        self.produced_at
    }

    /// The singleExtensions of the entry.
    #[must_use]
    pub const fn single_extensions(&self) -> Extensions<'r> {
        self.single.extensions
    }

    /// Who signed it.
    #[must_use]
    pub const fn signer(&self) -> Signer<'r> {
        self.signer
    }

    /// With which algorithm.
    #[must_use]
    pub const fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    /// By what the certificate was known. Anything but [`Binding::Certificate`] belongs into what a person is told.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        self.binding
    }

    /// The moment it was verified for.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// What became of the nonce.
    #[must_use]
    pub const fn nonce(&self) -> NonceOutcome {
        self.nonce
    }

    /// Whether entries about the certificate contradicted each other; the strictest one counted.
    #[must_use]
    pub const fn has_contradiction(&self) -> bool {
        self.contradiction
    }

    /// The number of SingleResponses, of whatever certificates. Some servers staple only one.
    #[must_use]
    pub const fn entry_count(&self) -> usize {
        self.entries
    }

    /// The number of embedded certificates.
    #[must_use]
    pub const fn embedded_certificate_count(&self) -> usize {
        self.certificates
    }

    /// Every check: passed, failed or skipped.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}
