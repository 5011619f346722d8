//! A staple: a response that was verified for its certificate, as it came, with what targets and schedules ask about it.

use core::fmt;
use std::sync::Arc;

use certvouch_types::{CertStatus, CrlReason, HashAlgorithm, Timestamp};
use certvouch_verify::{Binding, VerifiedResponse};

use crate::limits::MAX_STAPLE_OCTETS;

/// A verified response that may be stapled until its end. Only a [`VerifiedResponse`] becomes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staple {
    der: Arc<[u8]>,
    status: CertStatus,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    valid_until: Timestamp,
    hash: Option<HashAlgorithm>,
    cert_id_octets: usize,
    entries: usize,
}

/// Why a verified response is no staple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotStaplable {
    /// It was verified by a serial number or a CertID, and nobody saw the certificate.
    NotBound,
    /// It sets no end: nobody would know when to stop.
    NoEnd,
    /// It was verified for another moment than now.
    NotNow,
    /// It is past its end already; only a revocation is believed that long, and nothing is stapled.
    Stale,
    /// More octets than [`MAX_STAPLE_OCTETS`].
    TooLarge(usize),
}

impl fmt::Display for NotStaplable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBound => f.write_str("it was not verified for a certificate"),
            Self::NoEnd => f.write_str("it has no nextUpdate"),
            Self::NotNow => f.write_str("it was verified for another moment"),
            Self::Stale => f.write_str("it is past its nextUpdate"),
            Self::TooLarge(octets) => {
                write!(
                    f,
                    "it has {octets} octets, at most {MAX_STAPLE_OCTETS} are stapled"
                )
            }
        }
    }
}

impl core::error::Error for NotStaplable {}

impl Staple {
    /// Takes a response that was just verified.
    ///
    /// # Errors
    /// [`NotStaplable`].
    pub fn new(verified: &VerifiedResponse<'_>) -> Result<Self, NotStaplable> {
        if verified.binding() != Binding::Certificate {
            return Err(NotStaplable::NotBound);
        }
        if verified.moment().is_past() {
            return Err(NotStaplable::NotNow);
        }
        let octets = verified.as_bytes().len();
        if octets > MAX_STAPLE_OCTETS {
            return Err(NotStaplable::TooLarge(octets));
        }
        let valid_until = verified.valid_until().ok_or(NotStaplable::NoEnd)?;
        // The profile's tolerance lets a response live a little longer; a staple does not (invariant 6).
        if verified.stale().is_some() || valid_until <= verified.moment().at() {
            return Err(NotStaplable::Stale);
        }
        let cert_id = verified.cert_id();
        Ok(Self {
            der: verified.as_bytes().into(),
            status: verified.status(),
            this_update: verified.this_update(),
            next_update: verified.next_update(),
            valid_until,
            hash: cert_id.hash(),
            cert_id_octets: cert_id.raw.len(),
            entries: verified.entry_count(),
        })
    }

    /// The response, byte for byte as it came.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it says: good, revoked or unknown.
    #[must_use]
    pub const fn status(&self) -> CertStatus {
        self.status
    }

    /// Whether it says good.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self.status, CertStatus::Good)
    }

    /// Whether it says revoked, for good or on hold.
    #[must_use]
    pub const fn is_revoked(&self) -> bool {
        matches!(self.status, CertStatus::Revoked(_))
    }

    /// Whether it says unknown.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        !self.is_good() && !self.is_revoked()
    }

    /// Whether it says revoked for good: nothing takes that back (RFC 5280 5.3.1: only a hold may be released).
    #[must_use]
    pub fn is_final(&self) -> bool {
        is_final(self.status)
    }

    /// The response, to be held without a copy.
    #[must_use]
    pub fn shared_der(&self) -> Arc<[u8]> {
        Arc::clone(&self.der)
    }

    /// thisUpdate of its entry.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// nextUpdate of its entry.
    #[must_use]
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// The first moment at which it is no longer stapled: nextUpdate, or the end of the delegate's certificate if that is earlier.
    #[must_use]
    pub const fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// Whether it may be stapled at this moment. At the second of nextUpdate it is over: clients without tolerance
    /// would reject it.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        now < self.valid_until
    }

    /// The hash of its CertID, if it is one of the known ones.
    #[must_use]
    pub const fn cert_id_hash(&self) -> Option<HashAlgorithm> {
        self.hash
    }

    /// Octets of its CertID.
    #[must_use]
    pub const fn cert_id_octets(&self) -> usize {
        self.cert_id_octets
    }

    /// The number of SingleResponses, of whatever certificates.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.entries
    }

    /// Whether it takes the place of another staple of the same certificate: it is newer, or it is a revocation of what
    /// was not revoked. An older *good* never drives a *revoked* away, and a newer one only if that was a hold. An
    /// *unknown* drives nothing away: the caller may take it once the other is over.
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        if other.is_final() && !self.is_revoked() || self.is_unknown() && !other.is_unknown() {
            return false;
        }
        self.this_update > other.this_update
            || self.this_update == other.this_update
                && (self.is_revoked() && !other.is_revoked()
                    || self.is_revoked() == other.is_revoked()
                        && self.valid_until > other.valid_until)
    }
}

/// Whether a status is a revocation that nothing takes back.
pub(crate) fn is_final(status: CertStatus) -> bool {
    matches!(status, CertStatus::Revoked(info)
        if info.revocation_reason != Some(CrlReason::CertificateHold))
}
