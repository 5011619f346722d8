//! What the responder says now, beside what the server staples. Only where it was asked for: the responder learns of it.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use certvouch_client::{Answer, Client, NoAnswer, Policy, Question, Source};
use certvouch_fetch::SystemResolver;
use certvouch_types::CertStatus;
use certvouch_verify::VerifiedResponse;

use super::advice::Advisor;
use super::args::DoctorArgs;
use super::case::Case;
use super::check::{Check, Finding, Severity};

/// The check, made or not.
///
/// # Errors
/// The system's roots cannot be loaded.
pub(super) async fn finding(case: &Case<'_>) -> Result<Finding> {
    let check = Check::Responds;
    if !case.args.ask {
        return Ok(Finding::skipped(
            check,
            "nobody but the server was asked (--ask)",
        ));
    }
    let Ok(issuer) = case.issuer else {
        return Ok(Finding::skipped(
            check,
            "the issuer is not known, and nobody can be asked",
        ));
    };
    let leaf = Bytes::copy_from_slice(case.leaf.raw);
    let mut question = Question::about(leaf, issuer.der.clone());
    question.at = case.args.at;
    if !case.args.url.is_empty() {
        question.responders = Some(case.args.url.clone());
    }
    let policy = policy(case.args);
    let clock = certvouch_client::Clock::system();
    let client =
        Client::with(policy, clock, Arc::new(SystemResolver)).map_err(|why| anyhow!("{why}"))?;
    let outcome = client.ask(question).await;
    Ok(match outcome.answer() {
        Ok(answer) => compared(case, answer),
        Err(why) => unanswered(case, why),
    })
}

fn policy(args: &DoctorArgs) -> Policy {
    let mut policy = Policy::default();
    policy.sources = vec![Source::Ocsp];
    policy.total_time = args.timeout;
    policy.fetch.named_networks.clone_from(&args.allow_address);
    policy
}

fn unanswered(case: &Case<'_>, why: &NoAnswer) -> Finding {
    let check = Check::Responds;
    if matches!(why, NoAnswer::NoSource) {
        return Finding::skipped(
            check,
            "the certificate names no responder, and --url none either",
        );
    }
    let seen = format!("no answer: {why}");
    let finding = Finding::new(check, Severity::Warning, seen).advice(
        "the server cannot fetch a staple either, unless it reaches the responder on another way; a staple that is in date stays \
         until its end",
    );
    finding.next(case.advisor.ask())
}

fn compared(case: &Case<'_>, answer: &Answer) -> Finding {
    let check = Check::Responds;
    let says = word(answer.status());
    let Some(staple) = case.verified() else {
        let seen = match &case.staple {
            None => format!("the responder says {says}: there is something to staple"),
            Some(_) => format!("the responder says {says}; the staple does not count"),
        };
        return match says {
            "good" => Finding::pass(check, seen),
            _ => Finding::new(check, Severity::Error, seen)
                .advice("the certificate is to be replaced"),
        };
    };
    let stapled = word(staple.status());
    if says != stapled {
        return differ(staple, says, stapled).next(Advisor::fetch());
    }
    match answer.this_update().seconds_since(staple.this_update()) {
        younger @ 1.. => {
            let age = crate::command::verify::words::duration(younger);
            Finding::pass(
                check,
                format!("the responder says {says} too, and has a response that is {age} younger"),
            )
        }
        _ => Finding::pass(
            check,
            format!("the responder says {says} too, and has nothing younger"),
        ),
    }
}

fn differ(staple: &VerifiedResponse<'_>, says: &str, stapled: &str) -> Finding {
    let check = Check::Responds;
    let until = staple
        .valid_until()
        .map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
    let seen = format!("the responder says {says}, the staple says {stapled} {until}");
    let (severity, advice) = match says {
        "good" => (
            Severity::Warning,
            "the staple is older than what the CA knows: a hold that was released, or a record that came late",
        ),
        _ => (
            Severity::Error,
            "clients believe the staple until it ends; replace it now, and have the CA send the agent a SIGHUP",
        ),
    };
    Finding::new(check, severity, seen).advice(advice)
}

const fn word(status: CertStatus) -> &'static str {
    match status {
        CertStatus::Good => "good",
        CertStatus::Revoked(_) => "revoked",
        _ => "unknown",
    }
}
