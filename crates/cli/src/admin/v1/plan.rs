//! From what somebody wants to what the store is asked to do, and which scope that needs.
//!
//! PUT says what the CA did with a certificate, known or not: issued it, revoked it, put it on hold. PATCH changes one
//! that is known; to make one `issued` that is on hold releases it, which PUT refuses, so that a CA that repeats what it
//! issued ends no hold.

use certvouch_status::SerialKey;
use certvouch_status::embedded::{Action, Status, Write};
use http::StatusCode;

use crate::admin::problem::Problem;
use crate::admin::token::Scope;
use crate::api::{FieldError, StatusWord, Update};
use crate::octets::sha256;
use crate::serial::Serial;

/// How something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It is so, whatever was known.
    Put,
    /// What is known changes; nothing known is an error.
    Patch,
}

/// What the store is asked to do, and what a token needs for it.
pub(super) fn plan(
    manner: Manner,
    update: &Update,
    known: Option<Status>,
) -> Result<(Action, Scope), FieldError> {
    let revoke = Action::Revoke {
        at: update.revoked_at,
        reason: update.reason,
        invalidity_at: update.invalidity_at,
    };
    let hold = Action::Hold {
        since: update.revoked_at,
    };
    match (update.status, manner) {
        (Some(StatusWord::Issued), _) if update.unrevoke => Ok((Action::Unrevoke, Scope::Admin)),
        (Some(StatusWord::Issued), Manner::Put) => Ok((Action::Issue, Scope::Issue)),
        (Some(StatusWord::Issued), Manner::Patch) => Ok((Action::Release, Scope::Revoke)),
        (Some(StatusWord::Revoked), _) => Ok((revoke, Scope::Revoke)),
        (Some(StatusWord::Hold), _) if update.invalidity_at.is_some() => Err(FieldError::new(
            "invalidity_at",
            "goes with a revocation for good, and not with a hold",
        )),
        (Some(StatusWord::Hold), _) => Ok((hold, Scope::Revoke)),
        (None, Manner::Put) => Err(FieldError::new(
            "status",
            "which one? issued, revoked or hold; PATCH changes other members alone",
        )),
        (None, Manner::Patch) => rest(update, known).map(|is_revoked| {
            if is_revoked {
                (revoke, Scope::Revoke)
            } else {
                (Action::Issue, Scope::Issue)
            }
        }),
    }
}

/// Members without a status: whether they are about a revocation.
fn rest(update: &Update, known: Option<Status>) -> Result<bool, FieldError> {
    let about_revocation = [
        ("revoked_at", update.revoked_at.is_some()),
        ("reason", update.reason.is_some()),
        ("invalidity_at", update.invalidity_at.is_some()),
    ];
    let said = about_revocation.iter().find(|(_, is_said)| *is_said);
    match known {
        Some(Status::Revoked { .. }) => Ok(true),
        Some(Status::Hold { .. }) => Err(FieldError::new(
            "status",
            "the certificate is on hold: say hold, revoked or issued beside what else is to change",
        )),
        _ => match said {
            Some((field, _)) => Err(FieldError::new(
                field,
                "the certificate is not revoked: it goes with the status revoked or hold",
            )),
            None => Ok(false),
        },
    }
}

/// What the store is asked to write.
pub(super) fn write(issuer: &str, serial: &Serial, action: Action, update: &Update) -> Write {
    let mut write = Write::new(issuer, SerialKey::new(serial.unsigned()), action);
    write.not_after = update.not_after;
    write.certificate_sha256 = update.certificate.as_ref().map(|der| sha256(der));
    write
}

/// 404 about a certificate.
pub(super) fn not_known(serial: &Serial) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not known",
        format!("the store knows no certificate {serial} of this issuer; PUT makes it known"),
    )
    .about("serial")
}

#[cfg(test)]
mod tests {
    use certvouch_types::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn planned(manner: Manner, value: &Value) -> Result<(Action, Scope), FieldError> {
        plan(manner, &Update::from_json(value).unwrap(), None)
    }

    // covers: T-1
    #[test]
    fn only_patch_releases_and_only_admin_unrevokes() {
        let issued = json!({"status": "issued"});
        assert_eq!(
            planned(Manner::Put, &issued),
            Ok((Action::Issue, Scope::Issue))
        );
        assert_eq!(
            planned(Manner::Patch, &issued),
            Ok((Action::Release, Scope::Revoke))
        );
        let mistake = json!({"status": "issued", "unrevoke": true});
        for manner in [Manner::Put, Manner::Patch] {
            assert_eq!(
                planned(manner, &mistake),
                Ok((Action::Unrevoke, Scope::Admin))
            );
        }
        for word in ["revoked", "hold"] {
            let (_, scope) = planned(Manner::Put, &json!({ "status": word })).unwrap();
            assert_eq!(scope, Scope::Revoke);
        }
        let why = planned(Manner::Put, &json!({})).unwrap_err();
        assert_eq!(why.field, "status");
    }

    #[test]
    fn members_without_a_status_keep_to_what_is_known() {
        let at = Timestamp::from_unix(7);
        let reason = Update::from_json(&json!({"reason": "keyCompromise"})).unwrap();
        let end = Update::from_json(&json!({"not_after": "2027-01-01T00:00:00Z"})).unwrap();
        let revoked = Status::Revoked { at, reason: None };
        let of = |update: &Update, known: Status| plan(Manner::Patch, update, Some(known));
        let (action, scope) = of(&reason, revoked).unwrap();
        assert!(
            matches!(action, Action::Revoke { at: None, .. }),
            "{action:?}"
        );
        assert_eq!(scope, Scope::Revoke);
        // Never `Issue` about a revoked one, which the store would refuse, and never a release by accident.
        assert!(matches!(of(&end, revoked), Ok((Action::Revoke { .. }, _))));
        assert_eq!(of(&end, Status::Issued), Ok((Action::Issue, Scope::Issue)));
        assert_eq!(of(&reason, Status::Issued).unwrap_err().field, "reason");
        let hold = Status::Hold { since: at };
        assert_eq!(of(&end, hold).unwrap_err().field, "status");
    }
}
