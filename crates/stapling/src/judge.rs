//! Whether a TLS peer's certificate is believed: its issuer found by signature, what it brought verified, what it promised
//! kept. Knows nothing of any TLS library.
//!
//! Nobody is asked here: a handshake waits for no responder. What is known beforehand is in a [`StatusSet`].

use core::fmt;
use std::time::Duration;

use certvouch_types::pkix::tls_feature::STATUS_REQUEST;
use certvouch_types::{CertStatus, Certificate, Timestamp, oid};
use certvouch_verify::Profile;

use crate::path::{Anchor, Path};
use crate::policy::Standing;
use crate::statuses::StatusSet;

/// What happens when nothing is known about a certificate. A status that is known to be bad, and a response that is not
/// believed, refuse in any case (RFC 6066 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fail {
    /// The peer is let in, unless its certificate is must-staple. Whoever keeps responses away keeps the check away.
    Soft,
    /// The peer is refused.
    Hard,
}

/// On what a certificate was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ground {
    /// A good staple, which counts until this moment.
    Staple(Timestamp),
    /// A good status that was known before, which counts until this moment.
    Known(Timestamp),
    /// It has no status: noRevAvail (RFC 9608 4), or it is an anchor itself.
    NotRequired,
    /// Nothing is known, and [`Fail::Soft`] lets that pass.
    Unchecked,
}

/// Why a certificate was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// It does not parse, or its extensions do not.
    Unreadable,
    /// Neither an anchor nor a certificate that came with it signed it.
    NoIssuer,
    /// The staple is not believed: the code of [`certvouch_verify::Reason`] and the reason in words.
    Staple(&'static str, String),
    /// The staple is true and says revoked.
    StapledRevoked,
    /// The staple is true and says unknown.
    StapledUnknown,
    /// It is known to be revoked, or an intermediate of its is.
    Revoked,
    /// The responder said that it does not know it.
    Unknown,
    /// It is must-staple and came without a staple (RFC 7633 4.3.3).
    MustStaple,
    /// A CA above promises TLS features that it does not promise (RFC 7633 4.2.2).
    Features,
    /// Nothing is known, and [`Fail::Hard`] refuses that.
    Missing,
}

impl Refused {
    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "certificate",
            Self::NoIssuer => "no-issuer",
            Self::Staple(code, _) => code,
            Self::StapledRevoked => "stapled-revoked",
            Self::StapledUnknown => "stapled-unknown",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::MustStaple => "must-staple",
            Self::Features => "features",
            Self::Missing => "no-status",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the certificate does not parse",
            Self::NoIssuer => {
                "neither an anchor nor a certificate that came with it signed the certificate"
            }
            Self::Staple(_, why) => return write!(f, "the staple is not believed: {why}"),
            Self::StapledRevoked => "the staple says that the certificate is revoked",
            Self::StapledUnknown => "the staple says that the certificate is unknown",
            Self::Revoked => "the certificate, or one above it, is revoked",
            Self::Unknown => "the responder does not know the certificate",
            Self::MustStaple => "the certificate is must-staple, and no staple came with it",
            Self::Features => {
                "a CA above the certificate promises TLS features that the certificate does not"
            }
            Self::Missing => "the status of the certificate is not known",
        })
    }
}

impl core::error::Error for Refused {}

/// The rules, the anchors, and what is known beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    pub(crate) anchors: Vec<Anchor>,
    pub(crate) profile: Profile,
    pub(crate) fail: Fail,
    pub(crate) statuses: Option<StatusSet>,
}

impl Judge {
    /// Judges a server that was asked for a staple. `staple` is empty if none came.
    pub(crate) fn server(
        &self,
        certificate: &[u8],
        intermediates: &[&[u8]],
        staple: &[u8],
        now: Timestamp,
    ) -> Result<Ground, Refused> {
        let subject = Certificate::parse(certificate).map_err(|_| Refused::Unreadable)?;
        if self.is_anchor(certificate) {
            return Ok(Ground::NotRequired);
        }
        let path = self.path(&subject, intermediates)?;
        let must_staple = features_hold(&path, &subject)?;
        if staple.is_empty() {
            if must_staple {
                return Err(Refused::MustStaple);
            }
            return self.known(&path, &subject, now);
        }
        let until = self.stapled(&path, staple, now)?;
        // The staple is one source of two, and the stricter one counts.
        self.nothing_revoked(&path, &subject, now)?;
        Ok(Ground::Staple(until))
    }

    /// Judges a client, which cannot be asked for a staple here.
    pub(crate) fn client(
        &self,
        certificate: &[u8],
        intermediates: &[&[u8]],
        now: Timestamp,
    ) -> Result<Ground, Refused> {
        let subject = Certificate::parse(certificate).map_err(|_| Refused::Unreadable)?;
        if self.is_anchor(certificate) {
            return Ok(Ground::NotRequired);
        }
        let path = self.path(&subject, intermediates)?;
        self.known(&path, &subject, now)
    }

    fn is_anchor(&self, certificate: &[u8]) -> bool {
        self.anchors.iter().any(|anchor| anchor.is(certificate))
    }

    fn path<'a>(
        &'a self,
        certificate: &Certificate<'a>,
        intermediates: &[&'a [u8]],
    ) -> Result<Path<'a>, Refused> {
        Path::find(certificate, intermediates, &self.anchors).ok_or(Refused::NoIssuer)
    }

    /// Verifies a staple; says until when it counts.
    fn stapled(
        &self,
        path: &Path<'_>,
        staple: &[u8],
        now: Timestamp,
    ) -> Result<Timestamp, Refused> {
        let verified = path
            .query
            .verify(staple, now, &self.profile)
            .map_err(|why| Refused::Staple(why.reason().code(), why.to_string()))?;
        match verified.status() {
            // A response without an end counts for the handshake that it came with.
            CertStatus::Good => Ok(verified.valid_until().unwrap_or(now)),
            CertStatus::Revoked(_) => Err(Refused::StapledRevoked),
            _ => Err(Refused::StapledUnknown),
        }
    }

    /// What is known without a staple. What is not known is noted, so that it will be.
    fn known(
        &self,
        path: &Path<'_>,
        subject: &Certificate<'_>,
        now: Timestamp,
    ) -> Result<Ground, Refused> {
        self.nothing_revoked(path, subject, now)?;
        if subject.extensions.find(oid::NO_REV_AVAIL).is_some() {
            return Ok(Ground::NotRequired);
        }
        let known = self
            .statuses
            .as_ref()
            .and_then(|set| set.status(subject.raw, now));
        match (known, self.fail) {
            (Some(known), _) if known.standing == Standing::Good => {
                Ok(Ground::Known(known.valid_until))
            }
            (Some(_), _) => Err(Refused::Unknown),
            (None, Fail::Soft) => Ok(Ground::Unchecked),
            (None, _) => Err(Refused::Missing),
        }
    }

    /// Refuses what is known to be revoked, on the whole path; what the set does not hold yet is put into it.
    fn nothing_revoked(
        &self,
        path: &Path<'_>,
        subject: &Certificate<'_>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let Some(set) = &self.statuses else {
            return Ok(());
        };
        for (certificate, issuer) in path.pairs(subject) {
            match set.status(certificate.raw, now) {
                Some(known) if known.standing == Standing::Revoked => {
                    return Err(Refused::Revoked);
                }
                Some(_) => {}
                None => set.notice(certificate.raw, issuer.raw),
            }
        }
        Ok(())
    }

    /// Until when a session with this client may be resumed: as long as its status is known to be good.
    pub(crate) fn session_until(&self, certificate: &[u8], now: Timestamp) -> Option<Timestamp> {
        let subject = Certificate::parse(certificate).ok()?;
        if self.is_anchor(certificate) || subject.extensions.find(oid::NO_REV_AVAIL).is_some() {
            return Some(subject.validity.not_after).filter(|end| now <= *end);
        }
        let known = self.statuses.as_ref()?.status(certificate, now)?;
        (known.standing == Standing::Good).then_some(known.valid_until)
    }
}

/// Whether the certificate demands a staple, and no CA above demands more of it (RFC 7633 4.2.2). Of the features only
/// status_request is ours to see: status_request_v2 cannot be met in TLS 1.3, and is never asked for here.
fn features_hold(path: &Path<'_>, subject: &Certificate<'_>) -> Result<bool, Refused> {
    let read = |it: &Certificate<'_>| -> Result<Option<Vec<Option<u16>>>, Refused> {
        let features = it.tls_features().map_err(|_| Refused::Unreadable)?;
        Ok(features.map(|features| features.iter().collect()))
    };
    for (below, above) in path.pairs(subject) {
        let Some(demanded) = read(above)? else {
            continue;
        };
        let promised = read(below)?.unwrap_or_default();
        if demanded
            .iter()
            .any(|feature| feature.is_none() || !promised.contains(feature))
        {
            return Err(Refused::Features);
        }
    }
    Ok(read(subject)?.is_some_and(|features| features.contains(&Some(STATUS_REQUEST))))
}

/// Seconds since 1970 of a duration since then; what lies beyond the calendar is its end.
pub(crate) fn timestamp(since: Duration) -> Timestamp {
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
