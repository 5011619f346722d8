//! `/health` about issuers, `/ready` about the process, and the figures of both for Prometheus.
//!
//! The two are kept apart on purpose (threats T-44): a source that all nodes share goes stale for all of them at once,
//! and a balancer that asked about issuers would then take every node out of service, although each still gives
//! answers that are in force. A balancer asks `/ready`; a monitor asks `/health` or `/health/NAME`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use certvouch_types::{Certificate, Timestamp};
use http::StatusCode;
use serde::Serialize;

use super::problem::Problem;
use super::{Site, json};
use crate::escape::{escape, escape_display};
use crate::metrics::{Kind, Page};
use crate::serve::guard::Verdict;
use crate::serve::ntp::Accuracy;
use crate::serve::{Core, Loaded};

/// `ok`, or why somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Ok,
    /// Answers are given; something that they need is going wrong.
    Degraded,
    /// New answers cannot be made.
    Failing,
}

#[derive(Debug, Serialize)]
struct Health {
    status: Word,
    version: &'static str,
    clock: Clock,
    last_good_reload: String,
    issuers: Vec<Issuer>,
}

#[derive(Debug, Serialize)]
struct Clock {
    status: Word,
    now: String,
    detail: String,
    /// By how much NTP servers say that it is ahead, if any are asked and answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    ntp_offset_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Issuer {
    name: String,
    status: Word,
    subject: String,
    /// Seconds for which a good answer may be believed after a revocation.
    exposure_seconds: i64,
    /// Why it stopped, if one of its own answers failed the self-check.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// Since when signatures fail, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_fails_since: Option<String>,
    source: Source,
    signers: Vec<Signer>,
}

#[derive(Debug, Serialize)]
struct Source {
    kind: &'static str,
    /// The moment of which it tells: when an index was read, or thisUpdate of the oldest CRL.
    as_of: Option<String>,
    age_seconds: Option<i64>,
    /// When the first of its CRLs ends.
    next_update: Option<String>,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Signer {
    subject: String,
    not_after: String,
    expires_in_seconds: i64,
}

/// Below this, an expiring signer is a matter for `/health`: as long as the warnings of the start count down.
const SOON: Duration = Duration::from_secs(30 * 86_400);

fn issuer(core: &Core, one: &Loaded, clock: Word, now: Timestamp) -> Issuer {
    let signers: Vec<Signer> = one
        .identities()
        .iter()
        .map(|identity| Signer {
            subject: Certificate::parse(identity.certificate())
                .map(|it| escape_display(&it.subject))
                .unwrap_or_default(),
            not_after: identity.not_after().to_string(),
            expires_in_seconds: identity.not_after().seconds_since(now),
        })
        .collect();
    let as_of = one.source().as_of();
    let problems = one.source().problems();
    let soon = i64::try_from(SOON.as_secs()).unwrap_or(i64::MAX);
    let is_signed = signers.iter().any(|it| it.expires_in_seconds > 0);
    let stopped = stopped(core, one);
    let exposure_seconds = one.policy().worst_case_exposure();
    let fails_since = core.metrics.failing.since(one.name());
    // By then the last of the kept answers has ended (requirements FRESH-6).
    let is_over = fails_since.is_some_and(|since| now.seconds_since(since) > exposure_seconds);
    let status = if stopped.is_some() || !is_signed || is_over || clock == Word::Failing {
        Word::Failing
    } else if !problems.is_empty()
        || fails_since.is_some()
        || clock == Word::Degraded
        || signers.iter().any(|it| it.expires_in_seconds < soon)
    {
        Word::Degraded
    } else {
        Word::Ok
    };
    Issuer {
        name: escape(one.name()).to_string(),
        status,
        subject: one.subject().to_owned(),
        exposure_seconds,
        stopped,
        signing_fails_since: fails_since.map(|it| it.to_string()),
        source: Source {
            kind: one.source().kind(),
            as_of: as_of.map(|it| it.to_string()),
            age_seconds: as_of.map(|it| now.seconds_since(it)),
            next_update: one.source().next_update().map(|it| it.to_string()),
            problems,
        },
        signers,
    }
}

/// What is to be said of the clock.
fn clock(core: &Core) -> Clock {
    let verdict = core.guard.look();
    let (status, detail) = match (verdict, core.guard.accuracy()) {
        (Verdict::InOrder, Accuracy::Inaccurate(ahead)) => (
            Word::Degraded,
            format!("by NTP the clock is {ahead} ms ahead; more than a second is not accurate"),
        ),
        (Verdict::InOrder, Accuracy::Silent) => {
            let detail = "no NTP server of clock.ntp has answered for ten minutes".to_owned();
            (Word::Degraded, detail)
        }
        (Verdict::InOrder, _) => (Word::Ok, verdict.to_string()),
        _ => (Word::Failing, verdict.to_string()),
    };
    Clock {
        status,
        now: core.clock.now().to_string(),
        detail,
        ntp_offset_seconds: ntp_offset(core),
    }
}

/// Seconds by which the clock is ahead of NTP servers, if any answered.
fn ntp_offset(core: &Core) -> Option<f64> {
    match core.guard.accuracy() {
        Accuracy::Accurate(ahead) | Accuracy::Inaccurate(ahead) => {
            // Days at most: far below what a double holds exactly.
            i32::try_from(ahead).ok().map(|it| f64::from(it) / 1000.0)
        }
        _ => None,
    }
}

/// Why an issuer stopped, if it did.
fn stopped(core: &Core, one: &Loaded) -> Option<String> {
    let all = core.responder.stopped();
    let mine = all.iter().find(|(name, _)| **name == *one.name());
    mine.map(|(_, why)| escape_display(why))
}

/// `GET /health`: 200 whatever it says, since the body is what a person or a monitor reads.
pub(super) async fn all(State(site): State<Arc<Site>>) -> Response {
    let core = &site.core;
    let (clock, now) = (clock(core), core.clock.now());
    let live = core.live.load();
    let issuers: Vec<Issuer> = live
        .issuers
        .iter()
        .map(|one| issuer(core, one, clock.status, now))
        .collect();
    let is_all = |wanted| issuers.iter().all(|it| it.status == wanted);
    let status = if clock.status == Word::Failing || is_all(Word::Failing) {
        Word::Failing
    } else if is_all(Word::Ok) && clock.status == Word::Ok {
        Word::Ok
    } else {
        Word::Degraded
    };
    json(
        StatusCode::OK,
        &Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            clock,
            last_good_reload: Timestamp::from_unix(core.metrics.last_good_reload()).to_string(),
            issuers,
        },
    )
}

/// `GET /health/NAME`: 503 unless this issuer is well, for monitors that only look at the status.
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let core = &site.core;
    let live = core.live.load();
    let Some(found) = live.issuers.iter().find(|it| it.name() == name) else {
        let known = format!("there is no issuer {}; /health lists all", escape(&name));
        return Err(Problem::new(StatusCode::NOT_FOUND, "not found", known).about("issuer"));
    };
    let report = issuer(core, found, clock(core).status, core.clock.now());
    let status = if report.status == Word::Ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok(json(status, &report))
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
}

/// `GET /ready`: whether the process takes requests; 503 once it is stopping. No source and no signer counts.
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Response {
    let ready = !site.core.is_stopping();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json(status, &Ready { ready })
}

/// The figures of issuers, the cache and the clock.
pub(super) fn write_metrics(core: &Core, page: &mut Page) {
    let now = core.clock.now();
    let live = core.live.load();
    let mut each = |name: &str, help: &str, value: &dyn Fn(&Loaded) -> Option<i64>| {
        page.family(name, Kind::Gauge, help);
        for one in &live.issuers {
            if let Some(value) = value(one) {
                page.sample(name, &[("issuer", one.name())], value);
            }
        }
    };
    each(
        "certvouch_source_age_seconds",
        "Since the index was read or found to be unchanged, or since thisUpdate of the oldest CRL.",
        &|one| Some(now.seconds_since(one.source().as_of()?)),
    );
    each(
        "certvouch_source_next_update_timestamp_seconds",
        "When the first of the issuer's CRLs ends.",
        &|one| Some(one.source().next_update()?.unix()),
    );
    each(
        "certvouch_source_problems",
        "What is wrong with parts of the source now; /health says what.",
        &|one| i64::try_from(one.source().problems().len()).ok(),
    );
    each(
        "certvouch_exposure_seconds",
        "For how long a good answer may be believed after a revocation.",
        &|one| Some(one.policy().worst_case_exposure()),
    );
    each(
        "certvouch_issuer_stopped",
        "1 while an issuer answers nothing, since an answer of its own failed the self-check.",
        &|one| Some(i64::from(stopped(core, one).is_some())),
    );
    each(
        "certvouch_signing_failing",
        "1 while signatures of the issuer fail; answers end with those that are kept.",
        &|one| Some(i64::from(core.metrics.failing.since(one.name()).is_some())),
    );
    each(
        "certvouch_signer_expiry_timestamp_seconds",
        "When the certificate of the issuer's last signer ends.",
        &|one| {
            one.identities()
                .iter()
                .map(|it| it.not_after().unix())
                .max()
        },
    );
    let (entries, octets) = core.responder.cache_size();
    page.gauge(
        "certvouch_cache_entries",
        "Answers in the cache.",
        i64::try_from(entries).unwrap_or(i64::MAX),
    );
    page.gauge(
        "certvouch_cache_bytes",
        "Memory of the cache.",
        i64::try_from(octets).unwrap_or(i64::MAX),
    );
    let verdict = core.guard.look();
    page.gauge(
        "certvouch_clock_ok",
        "0 while the clock is not believed, and nothing is signed.",
        i64::from(verdict == Verdict::InOrder),
    );
    page.gauge(
        "certvouch_clock_offset_seconds",
        "By how much the clock moved apart from the steady one.",
        core.guard.offset(),
    );
    page.family(
        "certvouch_clock_ntp_offset_seconds",
        Kind::Gauge,
        "By how much the clock is ahead of the NTP servers that are asked.",
    );
    if let Some(offset) = ntp_offset(core) {
        page.sample("certvouch_clock_ntp_offset_seconds", &[], offset);
    }
    if let Some(last) = core.guard.last_signed() {
        page.gauge(
            "certvouch_last_signature_timestamp_seconds",
            "When something was signed last.",
            last.unix(),
        );
    }
    page.gauge(
        "certvouch_ready",
        "1 while the process takes requests.",
        i64::from(!core.is_stopping()),
    );
}
