//! The form of the staple: what some clients and servers do not take although it is true.

use certvouch_stapling::Target;
use certvouch_types::HashAlgorithm;

use super::advice::Advisor;
use super::case::{Case, Judged};
use super::check::{Check, Finding, Severity};

/// Octets of one record of TLS (RFC 8446 5.1).
const RECORD: usize = 1 << 14;

/// All of them.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let Some(staple) = &case.staple else {
        let all = [Check::Hash, Check::Entries, Check::Size, Check::Server];
        return all
            .map(|check| Finding::skipped(check, "there is no staple"))
            .into();
    };
    vec![
        hash(case),
        entries(case),
        size(case, staple),
        server(case, staple),
    ]
}

fn hash(case: &Case<'_>) -> Finding {
    let check = Check::Hash;
    let Some(verified) = case.verified() else {
        return Finding::skipped(check, "the staple does not count");
    };
    match verified.cert_id().hash() {
        Some(HashAlgorithm::Sha1) => Finding::pass(check, HashAlgorithm::Sha1.to_string()),
        hash => {
            let seen = hash.map_or_else(|| "an unknown hash".to_owned(), |hash| hash.to_string());
            Finding::new(check, Severity::Warning, seen)
                .advice(
                    "have the responder asked with a SHA-1 CertID, which is no matter of trust here: `cert_id = \"sha1\"` in \
                     staple.toml, and its default",
                )
                .next(Advisor::fetch())
        }
    }
}

fn entries(case: &Case<'_>) -> Finding {
    let check = Check::Entries;
    match case
        .verified()
        .map(certvouch_verify::VerifiedResponse::entry_count)
    {
        None => Finding::skipped(check, "the staple does not count"),
        Some(1) => Finding::pass(check, "one entry"),
        Some(count) => Finding::new(check, Severity::Info, format!("{count} entries"))
            .advice("have the responder asked about one certificate alone")
            .next(Advisor::fetch()),
    }
}

fn size(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    let check = Check::Size;
    let octets = staple.octets.len();
    let apache = Target::Apache.demands().max_octets;
    let most = case.args.server.map(|server| server.demands().max_octets);
    if octets <= apache.min(most.unwrap_or(apache)) {
        return Finding::pass(check, format!("{octets} octets"));
    }
    let seen = match octets > RECORD {
        true => format!("{octets} octets, more than a record of TLS has ({RECORD})"),
        false => format!("{octets} octets, more than Apache staples ({apache})"),
    };
    // Another server is known to take it, so that only its way through TLS counts.
    let severity = match most {
        Some(most) if octets <= most && octets <= RECORD => Severity::Info,
        _ => Severity::Warning,
    };
    Finding::new(check, severity, seen)
        .advice(
            "large keys and signatures make large responses: the issuer's own key as the signer needs no certificate in \
             the response, and one certificate of a delegate is enough",
        )
        .next(case.advisor.look())
}

/// What the named server demands; or which of all that are known would drop it.
fn server(case: &Case<'_>, staple: &Judged<'_>) -> Finding {
    let check = Check::Server;
    let staple = match staple.as_staple() {
        None => return Finding::skipped(check, "the staple does not count"),
        Some(Err(why)) => {
            return Finding::new(
                check,
                Severity::Info,
                format!("certvouch does not staple it: {why}"),
            );
        }
        Some(Ok(staple)) => staple,
    };
    let fault = |target: Target| {
        let taken = target.check(&staple, case.leaf.validity.not_after, case.now);
        taken.err().map(|why| (target, why))
    };
    if let Some(target) = case.args.server {
        return match fault(target) {
            None => Finding::pass(check, format!("{target} takes it")),
            Some((_, why)) => {
                Finding::new(check, Severity::Error, format!("{target} drops it: {why}"))
                    .advice(format!("known from: {}", target.demands().source))
                    .next(Advisor::fetch())
            }
        };
    }
    let dropped: Vec<String> = Target::ALL
        .into_iter()
        .filter_map(fault)
        .map(|(target, why)| format!("{target} ({why})"))
        .collect();
    match dropped.as_slice() {
        [] => Finding::pass(check, "every server that is known takes it"),
        all => Finding::new(
            check,
            Severity::Info,
            format!("dropped by {}", all.join("; ")),
        ),
    }
}
