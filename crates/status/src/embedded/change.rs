//! What may become of a record: the rules of the store, as one pure function.
//!
//! Revoked never becomes good, except that a hold may be released, unless the operator says so in as many words
//! ([`Action::Unrevoke`]; threats T-1). Issuing never touches a row that is revoked or on hold, and nothing is revoked in
//! the future (threats T-7). What is said twice changes nothing the second time.

use core::fmt;

use certvouch_types::{CrlReason, Timestamp};

use super::record::{Record, Status};
use crate::SerialKey;

/// One change that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers say all of it, and a new field has to be thought of by each of them"
)]
pub struct Write {
    /// The issuer's name, as it was given to [`Store::issuer`](super::Store::issuer).
    pub issuer: String,
    /// The certificate.
    pub serial: SerialKey,
    /// What is to become of it.
    pub action: Action,
    /// The last second of its validity, if it is known. What was known before stays if nothing is said.
    pub not_after: Option<Timestamp>,
    /// SHA-256 over the certificate, if it is known. What was known before stays if nothing is said.
    pub certificate_sha256: Option<[u8; 32]>,
}

impl Write {
    /// A change that says nothing beside its action.
    #[must_use]
    pub fn new(issuer: &str, serial: SerialKey, action: Action) -> Self {
        Self {
            issuer: issuer.to_owned(),
            serial,
            action,
            not_after: None,
            certificate_sha256: None,
        }
    }
}

/// What is to become of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It was issued.
    Issue,
    /// It is revoked for good.
    Revoke {
        /// Since when; nothing is now, or since it was put on hold. A revocation only ever moves back in time.
        at: Option<Timestamp>,
        /// Why; nothing leaves what was said before.
        reason: Option<CrlReason>,
        /// When its key is believed to have been compromised.
        invalidity_at: Option<Timestamp>,
    },
    /// It is put on hold.
    Hold {
        /// Since when; nothing is now.
        since: Option<Timestamp>,
    },
    /// It is released from hold.
    Release,
    /// The operator's word that a revocation was a mistake: it is good again.
    Unrevoke,
}

/// Why a change is not made. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is revoked for good.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
    /// It is on hold, and issuing does not release.
    OnHold {
        /// Since when.
        since: Timestamp,
    },
    /// There is nothing to release or to take back: the certificate is not known.
    Unknown,
    /// It is not revoked, so that there is no revocation to take back.
    NotRevoked,
    /// The moment lies ahead.
    Future {
        /// Which field says it: `revoked_at` or `invalidity_at`.
        field: &'static str,
        /// What it says.
        at: Timestamp,
        /// What time it is.
        now: Timestamp,
    },
    /// No reason for a revocation for good.
    Reason(CrlReason),
    /// No issuer of this name.
    UnknownIssuer(String),
    /// More octets than a serial number may have.
    SerialTooLong(usize),
}

impl Refusal {
    /// The field of the API that is at fault.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Revoked { .. } | Self::OnHold { .. } | Self::Unknown | Self::NotRevoked => {
                "status"
            }
            Self::Future { field, .. } => field,
            Self::Reason(_) => "reason",
            Self::UnknownIssuer(_) => "issuer",
            Self::SerialTooLong(_) => "serial",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked { at } => write!(
                f,
                "the certificate is revoked since {at}, and revoked does not become anything else"
            ),
            Self::OnHold { since } => write!(
                f,
                "the certificate is on hold since {since}: it has to be released or revoked"
            ),
            Self::Unknown => f.write_str("the certificate is not known"),
            Self::NotRevoked => f.write_str("the certificate is not revoked"),
            Self::Future { field, at, now } => write!(
                f,
                "{field} is {at}, which lies ahead of now, {now}; without it the present moment is taken"
            ),
            Self::Reason(CrlReason::CertificateHold) => f.write_str(
                "certificateHold is no reason of a revocation for good: the status is hold",
            ),
            Self::Reason(reason) => write!(f, "{reason} is no reason of a revocation"),
            Self::UnknownIssuer(name) => {
                write!(f, "there is no issuer named \"{}\"", name.escape_debug())
            }
            Self::SerialTooLong(octets) => {
                write!(f, "a serial number of {octets} octets is too long")
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// What becomes of what is known by a change at this moment; equal to `old` if nothing does.
///
/// # Errors
/// The rules forbid it.
pub fn decide(old: Option<&Record>, write: &Write, now: Timestamp) -> Result<Record, Refusal> {
    let status = match write.action {
        Action::Issue => issue(old)?,
        Action::Revoke {
            at,
            reason,
            invalidity_at,
        } => {
            not_ahead("revoked_at", at, now)?;
            not_ahead("invalidity_at", invalidity_at, now)?;
            revoke(old, at, reason, now)?
        }
        Action::Hold { since } => {
            not_ahead("revoked_at", since, now)?;
            hold(old, since, now)?
        }
        Action::Release => release(old)?,
        Action::Unrevoke => unrevoke(old)?,
    };
    let mut record = old.copied().unwrap_or_else(|| Record::new(status));
    record.status = status;
    match write.action {
        Action::Revoke {
            invalidity_at: Some(at),
            ..
        } => record.invalidity_at = Some(at),
        Action::Unrevoke => record.invalidity_at = None,
        _ => {}
    }
    record.not_after = write.not_after.or(record.not_after);
    record.certificate_sha256 = write.certificate_sha256.or(record.certificate_sha256);
    Ok(record)
}

fn issue(old: Option<&Record>) -> Result<Status, Refusal> {
    match old.map(|record| record.status) {
        None | Some(Status::Issued) => Ok(Status::Issued),
        Some(Status::Revoked { at, .. }) => Err(Refusal::Revoked { at }),
        Some(Status::Hold { since }) => Err(Refusal::OnHold { since }),
    }
}

fn revoke(
    old: Option<&Record>,
    at: Option<Timestamp>,
    reason: Option<CrlReason>,
    now: Timestamp,
) -> Result<Status, Refusal> {
    let reason = match reason {
        // RFC 5280 5.3.1: it is said by absence.
        Some(CrlReason::Unspecified) | None => None,
        Some(no @ (CrlReason::CertificateHold | CrlReason::RemoveFromCrl)) => {
            return Err(Refusal::Reason(no));
        }
        Some(reason) => Some(reason),
    };
    let (earlier, said) = match old.map(|record| record.status) {
        None | Some(Status::Issued) => (None, None),
        Some(Status::Hold { since }) => (Some(since), None),
        Some(Status::Revoked { at, reason }) => (Some(at), reason),
    };
    Ok(Status::Revoked {
        at: earliest(earlier, at, now),
        reason: reason.or(said),
    })
}

fn hold(old: Option<&Record>, since: Option<Timestamp>, now: Timestamp) -> Result<Status, Refusal> {
    let earlier = match old.map(|record| record.status) {
        None | Some(Status::Issued) => None,
        Some(Status::Hold { since }) => Some(since),
        // A hold could be released.
        Some(Status::Revoked { at, .. }) => return Err(Refusal::Revoked { at }),
    };
    Ok(Status::Hold {
        since: earliest(earlier, since, now),
    })
}

fn release(old: Option<&Record>) -> Result<Status, Refusal> {
    match old.map(|record| record.status) {
        None => Err(Refusal::Unknown),
        Some(Status::Issued | Status::Hold { .. }) => Ok(Status::Issued),
        Some(Status::Revoked { at, .. }) => Err(Refusal::Revoked { at }),
    }
}

fn unrevoke(old: Option<&Record>) -> Result<Status, Refusal> {
    match old.map(|record| record.status) {
        None => Err(Refusal::Unknown),
        Some(Status::Revoked { .. }) => Ok(Status::Issued),
        Some(Status::Issued | Status::Hold { .. }) => Err(Refusal::NotRevoked),
    }
}

/// The time of a revocation: what was said first, unless an earlier one is said now.
fn earliest(said: Option<Timestamp>, at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    match (said, at) {
        (Some(said), Some(at)) => said.min(at),
        (Some(said), None) => said,
        (None, Some(at)) => at,
        (None, None) => now,
    }
}

fn not_ahead(field: &'static str, at: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    match at {
        Some(at) if at > now => Err(Refusal::Future { field, at, now }),
        _ => Ok(()),
    }
}

/// Whether an import may turn revoked certificates good (threats T-1).
pub use crate::index_txt::UnrevokePolicy;

/// What becomes of what is known by a record out of an import: as with [`decide`], but nothing is refused that only
/// repeats what was so once; the old record stands then.
///
/// # Errors
/// A moment that lies ahead, or what the rules forbid.
pub(super) fn merge(
    old: Option<&Record>,
    new: &Record,
    now: Timestamp,
    unrevoke: UnrevokePolicy,
) -> Result<Record, Refusal> {
    let write = |action| Write {
        issuer: String::new(),
        serial: SerialKey::new(&[]),
        action,
        not_after: new.not_after,
        certificate_sha256: new.certificate_sha256,
    };
    let allowed = unrevoke == UnrevokePolicy::Allow;
    let old_status = old.map(|record| record.status);
    match new.status {
        Status::Revoked { at, reason } => decide(
            old,
            &write(Action::Revoke {
                at: Some(at),
                reason,
                invalidity_at: new.invalidity_at,
            }),
            now,
        ),
        Status::Hold { since } => match old_status {
            Some(Status::Revoked { .. }) if allowed => {
                not_ahead("revoked_at", Some(since), now)?;
                Ok(*new)
            }
            _ => decide(old, &write(Action::Hold { since: Some(since) }), now),
        },
        Status::Issued => match old_status {
            Some(Status::Revoked { .. }) if allowed => decide(old, &write(Action::Unrevoke), now),
            Some(Status::Hold { .. }) if allowed => decide(old, &write(Action::Release), now),
            _ => decide(old, &write(Action::Issue), now),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    const NOW: i64 = 100;

    fn say(old: Option<Status>, action: Action) -> Result<Status, Refusal> {
        let old = old.map(Record::new);
        let write = Write::new("a", SerialKey::new(&[1]), action);
        decide(old.as_ref(), &write, at(NOW)).map(|record| record.status)
    }

    fn revoke_at(moment: Option<i64>) -> Action {
        Action::Revoke {
            at: moment.map(at),
            reason: None,
            invalidity_at: None,
        }
    }

    fn revoked(moment: i64) -> Status {
        Status::Revoked {
            at: at(moment),
            reason: None,
        }
    }

    fn held(moment: i64) -> Status {
        Status::Hold { since: at(moment) }
    }

    // covers: T-1
    #[test]
    fn revoked_becomes_nothing_else_without_the_operators_word() {
        let old = Some(revoked(5));
        for action in [Action::Issue, Action::Release, Action::Hold { since: None }] {
            assert_eq!(say(old, action), Err(Refusal::Revoked { at: at(5) }));
        }
        assert_eq!(say(old, Action::Unrevoke), Ok(Status::Issued));
    }

    // covers: T-1
    #[test]
    fn hold_is_left_by_release_or_revocation_only() {
        let old = Some(held(5));
        assert_eq!(
            say(old, Action::Issue),
            Err(Refusal::OnHold { since: at(5) })
        );
        assert_eq!(say(old, Action::Unrevoke), Err(Refusal::NotRevoked));
        assert_eq!(say(old, Action::Release), Ok(Status::Issued));
        assert_eq!(say(old, revoke_at(None)), Ok(revoked(5)));
        assert_eq!(say(old, Action::Hold { since: None }), Ok(held(5)));
    }

    #[test]
    fn certificate_that_nobody_issued_can_be_revoked_and_not_released() {
        assert_eq!(say(None, revoke_at(None)), Ok(revoked(NOW)));
        assert_eq!(say(None, Action::Hold { since: None }), Ok(held(NOW)));
        assert_eq!(say(None, Action::Issue), Ok(Status::Issued));
        assert_eq!(say(None, Action::Release), Err(Refusal::Unknown));
        assert_eq!(say(None, Action::Unrevoke), Err(Refusal::Unknown));
    }

    #[test]
    fn time_of_a_revocation_only_moves_back() {
        let old = Some(revoked(50));
        assert_eq!(say(old, revoke_at(None)), Ok(revoked(50)));
        assert_eq!(say(old, revoke_at(Some(70))), Ok(revoked(50)));
        assert_eq!(say(old, revoke_at(Some(30))), Ok(revoked(30)));
    }

    // covers: T-7
    #[test]
    fn nothing_is_revoked_in_the_future() {
        for action in [
            revoke_at(Some(NOW + 1)),
            Action::Hold {
                since: Some(at(NOW + 1)),
            },
            Action::Revoke {
                at: None,
                reason: None,
                invalidity_at: Some(at(NOW + 1)),
            },
        ] {
            let why = say(None, action).unwrap_err();
            assert!(matches!(why, Refusal::Future { .. }), "{why}");
        }
        assert_eq!(say(None, revoke_at(Some(NOW))), Ok(revoked(NOW)));
    }

    #[test]
    fn reasons_are_those_of_a_revocation_for_good() {
        let with = |reason| Action::Revoke {
            at: None,
            reason: Some(reason),
            invalidity_at: None,
        };
        for no in [CrlReason::CertificateHold, CrlReason::RemoveFromCrl] {
            assert_eq!(say(None, with(no)), Err(Refusal::Reason(no)));
        }
        assert_eq!(say(None, with(CrlReason::Unspecified)), Ok(revoked(NOW)));
        let said = say(None, with(CrlReason::KeyCompromise)).unwrap();
        assert_eq!(say(Some(said), revoke_at(None)), Ok(said));
    }

    #[test]
    fn what_was_known_stays_where_nothing_is_said() {
        let old = Record {
            not_after: Some(at(7)),
            certificate_sha256: Some([1; 32]),
            ..Record::new(Status::Issued)
        };
        let write = Write::new("a", SerialKey::new(&[1]), revoke_at(None));
        let new = decide(Some(&old), &write, at(NOW)).unwrap();
        assert_eq!(
            (new.not_after, new.certificate_sha256),
            (old.not_after, old.certificate_sha256)
        );
        let again = Write {
            not_after: Some(at(8)),
            ..Write::new("a", SerialKey::new(&[1]), Action::Issue)
        };
        assert_eq!(
            decide(Some(&old), &again, at(NOW)).unwrap().not_after,
            Some(at(8))
        );
    }

    // covers: T-1
    #[test]
    fn import_releases_and_unrevokes_by_the_operators_word_only() {
        let issued = Record::new(Status::Issued);
        for status in [revoked(5), held(5)] {
            let old = Record::new(status);
            let now = at(NOW);
            assert!(merge(Some(&old), &issued, now, UnrevokePolicy::Refuse).is_err());
            let allowed = merge(Some(&old), &issued, now, UnrevokePolicy::Allow).unwrap();
            assert_eq!(allowed.status, Status::Issued);
            let same = merge(Some(&old), &old, now, UnrevokePolicy::Refuse).unwrap();
            assert_eq!(same, old);
        }
    }
}
