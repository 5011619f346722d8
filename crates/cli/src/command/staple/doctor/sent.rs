//! What the server sends, whatever it is worth: the handshakes, the certificate, and whether a staple came with each.

use certvouch_fetch::{FetchError, Presented};

use super::advice::Advisor;
use super::case::Case;
use super::check::{Check, Finding, Severity};
use crate::command::verify::words::duration;

/// All of them.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    vec![
        handshake(case),
        dates(case),
        responder(case),
        sent(case),
        steady(case),
        versions(case),
        must_staple(case),
    ]
}

fn handshake(case: &Case<'_>) -> Finding {
    let first = &case.looks.first;
    let count = match first.certificates.len() {
        1 => "1 certificate".to_owned(),
        count => format!("{count} certificates"),
    };
    let seen = format!(
        "{} to {}: {count}, serial {}",
        first.version, first.address, case.leaf.serial_number
    );
    Finding::pass(Check::Handshake, seen)
}

fn dates(case: &Case<'_>) -> Finding {
    let validity = case.leaf.validity;
    let check = Check::CertificateDates;
    if case.now > validity.not_after {
        let ago = duration(case.now.seconds_since(validity.not_after));
        let seen = format!("expired {ago} ago, at {}", validity.not_after);
        return Finding::new(check, Severity::Error, seen)
            .advice("renew the certificate first, or set this clock")
            .next("date -u");
    }
    if case.now < validity.not_before {
        let seen = format!("not valid before {}", validity.not_before);
        return Finding::new(check, Severity::Error, seen)
            .advice("the certificate is deployed too early, or this clock is slow")
            .next("date -u");
    }
    Finding::pass(check, format!("until {}", validity.not_after))
}

fn responder(case: &Case<'_>) -> Finding {
    let check = Check::Responder;
    let found = &case.locations.responders;
    if let Some(url) = found.iter().find(|url| url.scheme_str() == Some("http")) {
        return Finding::pass(check, url.to_string());
    }
    if let Some(url) = found.first() {
        return Finding::new(check, Severity::Info, url.to_string())
            .advice("nginx and HAProxy ask by http only: they cannot fetch from an https URL");
    }
    if let Some(odd) = case.locations.unusable.first() {
        return Finding::new(check, Severity::Warning, format!("only {odd}")).advice(
            "no server can fetch from there; ask the CA for an http URL, or name one by hand",
        );
    }
    let none = "the certificate names no OCSP responder";
    if case.must_staple {
        return Finding::new(check, Severity::Error, format!("{none}, and demands a staple"))
            .advice(
                "the CA contradicts itself: have the certificate issued again without must-staple, or name the responder \
                 by hand",
            )
            .next(case.advisor.look());
    }
    if case.staple.is_some() {
        return Finding::new(
            check,
            Severity::Info,
            format!("{none}; somebody named one by hand"),
        );
    }
    Finding::new(check, Severity::Info, none).advice(case.advisor.turn_off())
}

fn sent(case: &Case<'_>) -> Finding {
    let check = Check::Sent;
    if let Some(staple) = &case.staple {
        let what = format!("{} octets", staple.octets.len());
        return match &case.looks.first.staple {
            Some(_) => Finding::pass(check, what),
            None => Finding::pass(check, format!("{what}, but not in the first handshake")),
        };
    }
    if case.locations.responders.is_empty() {
        return Finding::pass(check, "no staple, and there is nothing to staple");
    }
    let count = case.looks.made().count();
    let seen = match count {
        1 => "no staple, although there is a responder".to_owned(),
        _ => format!("no staple in {count} handshakes, although there is a responder"),
    };
    Finding::new(check, Severity::Warning, seen)
        .advice(case.advisor.turn_on())
        .next(case.advisor.ask())
}

fn steady(case: &Case<'_>) -> Finding {
    let (check, looks) = (Check::Steady, case.looks);
    let failed = looks.later.iter().enumerate();
    if let Some((index, why)) = failed
        .filter_map(|(index, look)| Some((index + 2, look.as_ref().err()?)))
        .next()
    {
        let seen = format!("handshake {index} failed: {why}");
        return Finding::new(check, Severity::Warning, seen)
            .next(case.advisor.again("--handshakes 10"));
    }
    let made: Vec<(usize, &Presented)> = looks.made().collect();
    if made.iter().any(|(_, look)| !looks.is_about(look)) {
        return Finding::new(check, Severity::Warning, "the handshakes showed different certificates")
            .advice("several machines or certificates stand behind this address; those of the first handshake are judged here")
            .next(case.advisor.again("--handshakes 10"));
    }
    let with: Vec<usize> = made
        .iter()
        .filter(|(_, look)| look.staple.is_some())
        .map(|(number, _)| *number)
        .collect();
    let (count, stapled) = (made.len(), with.len());
    match with.first() {
        None => Finding::skipped(check, "no handshake had a staple"),
        Some(1) if stapled == count => same(case, count),
        Some(1) => Finding::new(
            check,
            Severity::Warning,
            format!("{stapled} of {count} handshakes had a staple"),
        )
        .advice("the workers or machines behind this address are not in step; some clients get no staple")
        .next(case.advisor.again("--handshakes 10")),
        Some(number) => Finding::new(
            check,
            Severity::Warning,
            format!("the first handshake had no staple, and handshake {number} had one"),
        )
        .advice(case.advisor.fetch_early())
        .next(Advisor::fetch()),
    }
}

/// Every handshake had a staple: was it the same one?
fn same(case: &Case<'_>, count: usize) -> Finding {
    match case.looks.staples().len() {
        0 | 1 if count == 1 => Finding::pass(Check::Steady, "in the one handshake that was made"),
        0 | 1 => Finding::pass(
            Check::Steady,
            format!("the same staple in {count} handshakes"),
        ),
        different => Finding::new(
            Check::Steady,
            Severity::Info,
            format!("{different} different staples for the certificate; the worst is judged here"),
        )
        .advice("several workers or machines fetched one after the other"),
    }
}

fn versions(case: &Case<'_>) -> Finding {
    let check = Check::Versions;
    let Some(old) = &case.looks.old else {
        return Finding::skipped(
            check,
            "the server speaks no TLS 1.3, so that all handshakes were in 1.2",
        );
    };
    let old = match old {
        Ok(old) => old,
        Err(FetchError::Tls { .. }) => {
            return Finding::skipped(check, "the server speaks TLS 1.3 alone");
        }
        Err(why) => {
            let seen = format!("the handshake in TLS 1.2 failed: {why}");
            return Finding::new(check, Severity::Warning, seen)
                .next(case.advisor.look() + " -tls1_2");
        }
    };
    if !case.looks.is_about(old) {
        return Finding::new(check, Severity::Info, "the server has another certificate for TLS 1.2")
            .advice("certificates of different key types have staples of their own: look at each by its name");
    }
    let new = case.looks.made().any(|(_, look)| look.staple.is_some());
    match (new, old.staple.is_some()) {
        (true, true) => Finding::pass(check, "a staple in TLS 1.2 as in 1.3"),
        (false, false) => Finding::skipped(check, "no staple in TLS 1.3 either"),
        (true, false) => Finding::new(check, Severity::Warning, "a staple in TLS 1.3, none in 1.2")
            .advice(
                "something in front of the server drops it, or it was too late for this handshake",
            )
            .next(case.advisor.look() + " -tls1_2"),
        (false, true) => Finding::new(check, Severity::Warning, "a staple in TLS 1.2, none in 1.3")
            .advice("something in front of the server drops it, or it came too late for the others")
            .next(case.advisor.look() + " -tls1_3"),
    }
}

fn must_staple(case: &Case<'_>) -> Finding {
    let check = Check::MustStaple;
    if !case.must_staple {
        return Finding::pass(check, "the certificate demands no staple");
    }
    let error = |seen: &str| {
        Finding::new(check, Severity::Error, seen)
            .advice(case.advisor.turn_on())
            .next(Advisor::fetch())
    };
    let bare = case.looks.made().any(|(_, look)| look.staple.is_none());
    match (&case.staple, case.has_valid_staple()) {
        (None, _) => error("the certificate demands a staple, and there is none"),
        (Some(staple), _) if staple.query.is_none() => Finding::skipped(
            check,
            "demanded and sent, but the issuer is not known to judge it",
        ),
        (_, false) => {
            error("the certificate demands a staple, and the one that is sent does not count")
        }
        (_, true) if bare => {
            error("the certificate demands a staple, and not every handshake has one")
        }
        (_, true) => Finding::pass(check, "demanded and sent"),
    }
}
