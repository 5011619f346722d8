//! What the staple says, and whether that is believed: the checks of `certvouch-verify`, sorted by what has to be changed.

use certvouch_types::{CertStatus, CrlReason, OcspResponse, OcspResponseStatus};
use certvouch_verify::{
    CheckCode, CurrencyFault, Mismatch, Outcome, QueryError, Reason, Signer, VerifyError,
};

use super::advice::Advisor;
use super::case::{Case, Judged, Origin};
use super::check::{Check, Finding, Severity};
use crate::command::verify::advice::{mismatch, not_a_response, responder};
use crate::command::verify::words::{currency, duration};

/// All of them.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut all = vec![issuer(case)];
    match &case.staple {
        None => all.extend(REST.map(|check| Finding::skipped(check, "there is no staple"))),
        Some(staple) => {
            all.insert(0, is_response(case, staple));
            all.extend([
                about(case, staple),
                signer(case, staple),
                signature(case, staple),
                in_date(case, staple),
                refreshed(case, staple),
                status(case, staple),
            ]);
        }
    }
    all
}

/// What is about a staple.
const REST: [Check; 7] = [
    Check::Ocsp,
    Check::About,
    Check::Signer,
    Check::Signature,
    Check::InDate,
    Check::Refreshed,
    Check::Status,
];

fn issuer(case: &Case<'_>) -> Finding {
    let check = Check::Issuer;
    match case.issuer {
        Ok(issuer) if issuer.origin == Origin::Named => Finding::pass(check, "among those of --ca"),
        Ok(_) => Finding::pass(
            check,
            "in the server's chain, which proves nothing about who the server is",
        ),
        Err(QueryError::NotIssuedByIssuer) => {
            let seen = "neither the server's chain nor --ca has the certificate's issuer";
            Finding::new(check, Severity::Warning, seen)
                .advice(
                    "put the intermediates behind the certificate in the server: many clients need them, and nginx and \
                     HAProxy fetch no staple without the issuer",
                )
                .next(case.advisor.again("--ca ca.pem"))
        }
        Err(why) => Finding::new(check, Severity::Error, why.to_string())
            .advice("the chain in the server, or the file of --ca, is of another CA, or of another key of it")
            .next(case.advisor.look() + " -showcerts"),
    }
}

/// What came of a group of checks.
enum Group<'e> {
    Passed,
    Failed(&'e VerifyError),
    NotReached,
}

/// Whether the checks of a group held. The first of all that fails ends the verification.
fn group<'e>(staple: &'e Judged<'_>, codes: &[CheckCode]) -> Group<'e> {
    let why = match &staple.now {
        None => return Group::NotReached,
        Some(Ok(_)) => return Group::Passed,
        Some(Err(why)) => why,
    };
    let checks = why.evidence().checks();
    let failed = checks.iter().find(|check| check.outcome == Outcome::Failed);
    match failed.map(|check| check.code) {
        Some(code) if codes.contains(&code) => Group::Failed(why),
        Some(code) if codes.iter().all(|mine| *mine < code) => Group::Passed,
        _ => Group::NotReached,
    }
}

fn not_reached(case: &Case<'_>, check: Check) -> Finding {
    Finding::skipped(
        check,
        match case.issuer {
            Ok(_) => "not reached: an earlier check failed",
            Err(_) => "the issuer is not known",
        },
    )
}

fn is_response(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    const CODES: [CheckCode; 5] = [
        CheckCode::Envelope,
        CheckCode::ResponseStatus,
        CheckCode::ResponseType,
        CheckCode::BasicResponse,
        CheckCode::CriticalExtensions,
    ];
    let check = Check::Ocsp;
    let error = |seen: String, advice: &str| {
        Finding::new(check, Severity::Error, seen)
            .advice(advice)
            .next(Advisor::fetch())
    };
    match OcspResponse::parse(staple.octets) {
        Err(why) => error(
            format!("no OCSP response: {why}"),
            not_a_response(staple.octets),
        ),
        Ok(OcspResponse::Error(status)) => error(
            format!(
                "an error of the responder instead of a response: {}",
                status.name()
            ),
            error_advice(status),
        ),
        Ok(_) => match group(staple, &CODES) {
            Group::Failed(why) => error(why.to_string(), case.advisor.renew()),
            _ => Finding::pass(check, "an OCSP response"),
        },
    }
}

const fn error_advice(status: OcspResponseStatus) -> &'static str {
    match status {
        OcspResponseStatus::TryLater => {
            "the responder was busy when the server asked; an error is never to be stapled, and has to be fetched again"
        }
        OcspResponseStatus::Unauthorized => {
            "the responder does not answer for this certificate, or not yet; an error is never to be stapled"
        }
        _ => "whoever fetched it kept an error of the responder; an error is never to be stapled",
    }
}

fn about(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    let check = Check::About;
    let error = |seen: String, advice: String| {
        Finding::new(check, Severity::Error, seen)
            .advice(advice)
            .next(Advisor::fetch())
    };
    match group(staple, &[CheckCode::CertId]) {
        Group::Passed => Finding::pass(check, format!("serial {}", case.leaf.serial_number)),
        Group::Failed(why) => match why.reason() {
            Reason::WrongCertificate { differs, serial } => {
                let seen = match differs {
                    Mismatch::SerialNumber => format!("the staple is about serial {serial}"),
                    _ => why.to_string(),
                };
                let own = case.leaf.serial_number;
                error(
                    format!("{seen}, the certificate is serial {own}"),
                    format!("{}; {}", mismatch(*differs), case.advisor.renew()),
                )
            }
            _ => error(why.to_string(), case.advisor.renew().to_owned()),
        },
        Group::NotReached => not_reached(case, check),
    }
}

fn signer(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    const CODES: [CheckCode; 5] = [
        CheckCode::SignerFound,
        CheckCode::SignerIssuer,
        CheckCode::SignerPurpose,
        CheckCode::SignerDates,
        CheckCode::SignerRevocation,
    ];
    let check = Check::Signer;
    match group(staple, &CODES) {
        Group::Failed(why) => {
            let cause = match why.reason() {
                Reason::UnauthorizedResponder(fault) => responder(*fault),
                _ => "the signer's certificate does not count",
            };
            Finding::new(check, Severity::Error, why.to_string())
                .advice(cause)
                .next(case.advisor.ask())
        }
        Group::NotReached => not_reached(case, check),
        Group::Passed => match staple
            .verified()
            .map(certvouch_verify::VerifiedResponse::signer)
        {
            Some(Signer::Delegate { nocheck: false, .. }) => {
                let seen = "a delegate without id-pkix-ocsp-nocheck";
                Finding::new(check, Severity::Warning, seen)
                    .advice("clients that want to know whether the delegate is revoked cannot find out: tell the CA")
                    .next(case.advisor.look())
            }
            Some(Signer::Delegate { .. }) => Finding::pass(check, "a delegate of the issuer"),
            Some(_) => Finding::pass(check, "the issuer itself"),
            None => Finding::pass(check, "may speak for the issuer"),
        },
    }
}

fn signature(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    let check = Check::Signature;
    match group(staple, &[CheckCode::Signature]) {
        Group::Passed => Finding::pass(
            check,
            match staple.verified() {
                Some(verified) => verified.signature_algorithm().name(),
                None => "verifies",
            },
        ),
        Group::Failed(why) => Finding::new(check, Severity::Error, why.to_string())
            .advice("the file was changed or cut, or the response was signed with another key than its certificate's")
            .next(Advisor::fetch()),
        Group::NotReached => not_reached(case, check),
    }
}

fn in_date(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    const CODES: [CheckCode; 6] = [
        CheckCode::ThisUpdate,
        CheckCode::NextUpdate,
        CheckCode::MaximumAge,
        CheckCode::ProducedAt,
        CheckCode::EntriesAgree,
        CheckCode::ArchiveCutoff,
    ];
    let check = Check::InDate;
    let failed = |seen: String, fault: Option<CurrencyFault>| {
        let finding = Finding::new(check, Severity::Error, seen);
        match fault {
            Some(CurrencyFault::NotYetValid { .. } | CurrencyFault::ProducedInFuture { .. }) => {
                finding
                    .advice("the responder's clock is fast, or this one is slow")
                    .next("date -u")
            }
            _ => finding.advice(case.advisor.renew()).next(Advisor::fetch()),
        }
    };
    match group(staple, &CODES) {
        Group::Failed(why) => match why.reason() {
            Reason::NotCurrent(fault) => failed(time_fault(*fault), Some(*fault)),
            _ => failed(why.to_string(), None),
        },
        Group::NotReached => not_reached(case, check),
        Group::Passed => match staple.verified() {
            None => not_reached(case, check),
            Some(verified) => match verified.stale() {
                Some(fault) => failed(time_fault(fault), Some(fault)),
                None => times(case, verified),
            },
        },
    }
}

fn time_fault(fault: CurrencyFault) -> String {
    match fault {
        CurrencyFault::Expired { until, .. } => format!("{}: it ended at {until}", currency(fault)),
        other => currency(other),
    }
}

/// It is in date here: is it for clients with less patience, and for how long?
fn times(case: &Case<'_>, verified: &certvouch_verify::VerifiedResponse<'_>) -> Finding {
    let check = Check::InDate;
    let ahead = verified.this_update().seconds_since(case.now);
    if ahead > 0 {
        let seen = format!("thisUpdate is {} ahead of this clock", duration(ahead));
        return Finding::new(check, Severity::Warning, seen)
            .advice("clients without patience, Chromium among them, take it for not yet valid: the responder has to set thisUpdate back a little")
            .next("date -u");
    }
    let Some(next_update) = verified.next_update() else {
        return Finding::new(check, Severity::Warning, "there is no nextUpdate")
            .advice(
                "clients that follow RFC 9919 refuse it, HAProxy and Envoy do not staple it; OpenSSL's responder sets one \
                 with -nmin or -ndays",
            )
            .next(case.advisor.ask());
    };
    let until = verified.valid_until().unwrap_or(next_update);
    let left = duration(until.seconds_since(case.now));
    if until < next_update {
        let seen = format!(
            "until {until}, {left} are left: its signer's certificate ends before nextUpdate {next_update}"
        );
        return Finding::new(check, Severity::Info, seen)
            .advice("the CA has to renew the delegate's certificate");
    }
    Finding::pass(check, format!("until {until}, {left} are left"))
}

/// Past half of its life a staple should have been refreshed; with less than a third left even the latest of the servers
/// that refresh (mod_md) has.
fn refreshed(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    let check = Check::Refreshed;
    let current = staple.verified().filter(|_| staple.is_current());
    let Some((verified, until)) = current.and_then(|it| Some((it, it.valid_until()?))) else {
        return match staple.verified() {
            Some(_) => Finding::skipped(check, "it is not in date, or has no end"),
            None => not_reached(case, check),
        };
    };
    let life = until.seconds_since(verified.this_update());
    let left = until.seconds_since(case.now);
    let seen = format!("{} of {} are left", duration(left), duration(life));
    if left * 3 < life {
        return Finding::new(
            check,
            Severity::Warning,
            format!("{seen}: the refresh is late"),
        )
        .advice(case.advisor.renew())
        .next(case.advisor.ask());
    }
    if left * 2 < life {
        return Finding::new(check, Severity::Info, format!("{seen}: it is past its half life"))
            .advice("a stapler asks again at half; either it is late, or the responder gives nothing younger")
            .next(case.advisor.ask());
    }
    Finding::pass(check, seen)
}

fn status(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    let check = Check::Status;
    let Some(verified) = staple.verified() else {
        return not_reached(case, check);
    };
    let finding = match verified.status() {
        CertStatus::Good => return Finding::pass(check, "good"),
        CertStatus::Revoked(info) => {
            let reason = info.revocation_reason.unwrap_or(CrlReason::Unspecified);
            let advice = match info.revocation_reason {
                Some(CrlReason::CertificateHold) => {
                    "the CA put the certificate on hold; clients that look refuse the server until it is released"
                }
                _ => "clients that look refuse the server, and that is right: replace the certificate",
            };
            let seen = format!("revoked ({reason}) at {}", info.revocation_time);
            Finding::new(check, Severity::Error, seen).advice(advice)
        }
        _ => Finding::new(check, Severity::Error, "unknown: the responder has no record of the certificate").advice(
            "curl --cert-status and Java refuse the server; the responder's data are behind the CA, or the CA never issued the \
             certificate. Staple nothing until it says good",
        ),
    };
    let finding = match verified.has_contradiction() {
        true => finding.advice("the response says two things at once; the strictest counts until the responder is repaired"),
        false => finding,
    };
    finding.next(case.advisor.ask())
}
