//! The words in the brackets of a verdict, and the codes of what a verdict says beyond its first word.

use certvouch_types::{CertStatus, CrlReason, SerialNumber};
use certvouch_verify::{CheckCode, CurrencyFault, QueryError, Reason};

/// Why a certificate is not even asked about, as a verdict: the check that failed, and its stable code.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Distrust {
    pub(in crate::command) check: CheckCode,
    pub(in crate::command) code: &'static str,
}

/// What of a [`QueryError`] is a verdict about the certificate (threats T-20) and no mistake of the caller.
pub(in crate::command) const fn distrust(why: &QueryError) -> Option<Distrust> {
    let (check, code) = match why {
        QueryError::Algorithm(_) => (
            CheckCode::CertificateSignature,
            "certificate-algorithm-not-allowed",
        ),
        QueryError::IssuerIsNoCa => (CheckCode::IssuerIsCa, "issuer-is-no-ca"),
        QueryError::NotIssuedByIssuer => (
            CheckCode::CertificateSignature,
            "certificate-not-issued-by-issuer",
        ),
        QueryError::NotSignedByIssuer => (
            CheckCode::CertificateSignature,
            "certificate-not-signed-by-issuer",
        ),
        _ => return None,
    };
    Some(Distrust { check, code })
}

/// The reason of a verdict on a response that is not believed, in the words of the verdict line.
pub(in crate::command) fn why(reason: &Reason, asked: SerialNumber<'_>) -> String {
    match reason {
        Reason::WrongCertificate { .. } => format!("{reason}, asked for {asked}"),
        Reason::NotCurrent(fault) => currency(*fault),
        other => other.to_string(),
    }
}

/// Why a response is out of date, with durations as people say them; the seconds are in the evidence.
pub(in crate::command) fn currency(fault: CurrencyFault) -> String {
    match fault {
        CurrencyFault::Expired { by, .. } => format!("expired {} ago", duration(by)),
        CurrencyFault::NotYetValid { by, .. } => format!(
            "not yet valid: thisUpdate is {} ahead of this clock",
            duration(by)
        ),
        CurrencyFault::ProducedInFuture { by } => {
            format!("producedAt is {} ahead of this clock", duration(by))
        }
        CurrencyFault::TooOld { age, limit } => format!(
            "{} old, the profile allows {}",
            duration(age),
            duration(limit)
        ),
        other => other.to_string(),
    }
}

/// A length of time in its largest whole unit.
pub(in crate::command) fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The stable code of a status.
pub(in crate::command) const fn status_code(status: CertStatus) -> Option<&'static str> {
    match status {
        CertStatus::Good => None,
        CertStatus::Revoked(info) => match info.revocation_reason {
            Some(CrlReason::CertificateHold) => Some("on-hold"),
            _ => Some("revoked"),
        },
        _ => Some("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_said_in_the_largest_unit_that_still_tells() {
        for (seconds, said) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (10_800, "3 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(duration(seconds), said);
        }
    }
}
