//! What is counted while serving, and the page that Prometheus reads.
//!
//! One struct of atomics, fed from a few call sites: [`Metrics::exchange`] for every answer, a signer's wrapper, the
//! accept loop, the reload. Whoever counts something of his own implements [`Collector`] and calls
//! [`Metrics::register`] once; no metrics library is spread about. No label holds a serial number, an address or any
//! other word of a client, so that the number of series is bounded by the configuration.

mod cell;
mod failing;
mod page;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use certvouch_responder::{CacheUse, Exchange};
use http::StatusCode;

pub use cell::{Family, Gauge, Held, Histogram};
pub use failing::Failing;
pub use page::{Kind, Page};

use crate::log::status_word;

/// Something that has figures of its own on the page.
pub trait Collector: std::fmt::Debug + Send + Sync {
    /// Writes them.
    fn collect(&self, page: &mut Page);
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    answers: Family<2>,
    errors: Family<2>,
    http: Family<1>,
    cache: Family<1>,
    single_flight_waits: AtomicU64,
    signing: Histogram,
    signing_failures: AtomicU64,
    signing_refused_by_clock: AtomicU64,
    /// Issuers whose signatures fail.
    pub failing: Failing,
    /// Signatures that were asked for and are not there yet: those that wait and those that are being made.
    pub signing_queue: Gauge,
    /// Open connections of the public port.
    pub connections: Gauge,
    connections_total: AtomicU64,
    connections_refused: AtomicU64,
    reloads: Family<1>,
    last_good_reload: AtomicI64,
    last_reload_failed: AtomicU64,
    others: RwLock<Vec<Arc<dyn Collector>>>,
}

impl Metrics {
    /// Adds a collector; it stays as long as the process.
    pub fn register(&self, collector: Arc<dyn Collector>) {
        self.others
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(collector);
    }

    /// Counts an OCSP exchange.
    pub fn exchange(&self, exchange: &Exchange, status: StatusCode) {
        self.http(status);
        let issuer = exchange.issuer.as_deref().unwrap_or("");
        if let Some(error) = &exchange.error {
            let word = wire_word(error.status());
            self.errors.add([error.code(), word]);
        } else {
            for status in exchange.asked.iter().filter_map(|asked| asked.status) {
                self.answers.add([issuer, status_word(status)]);
            }
        }
        self.cache.add([exchange.cache.name()]);
        if exchange.cache == CacheUse::Joined {
            self.single_flight_waits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an HTTP response, whatever was in it.
    pub fn http(&self, status: StatusCode) {
        self.http.add([status.as_str()]);
    }

    /// A signature was made in this time.
    pub fn signed(&self, took: Duration) {
        self.signing.observe(took);
    }

    /// A signer failed.
    pub fn signing_failed(&self) {
        self.signing_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The clock guard kept a signature from being made.
    pub fn signing_refused(&self) {
        self.signing_refused_by_clock
            .fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was accepted.
    pub fn connected(&self) {
        self.connections_total.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection found no place.
    pub fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The configuration was taken at this moment (seconds since 1970).
    pub fn reload_took(&self, at: i64) {
        self.last_good_reload.store(at, Ordering::Relaxed);
        self.last_reload_failed.store(0, Ordering::Relaxed);
        self.reloads.add(["taken"]);
    }

    /// A reload failed; what was there stays.
    pub fn reload_failed(&self) {
        self.last_reload_failed.store(1, Ordering::Relaxed);
        self.reloads.add(["refused"]);
    }

    /// The start counts as the first good reload, but not as one that was asked for.
    pub fn started(&self, at: i64) {
        self.last_good_reload.store(at, Ordering::Relaxed);
    }

    /// Seconds since 1970 of the last good reload.
    #[must_use]
    pub fn last_good_reload(&self) -> i64 {
        self.last_good_reload.load(Ordering::Relaxed)
    }

    /// Writes everything that is counted here or by a collector.
    pub fn write(&self, page: &mut Page) {
        page.family(
            "certvouch_build_info",
            Kind::Gauge,
            "The program that runs.",
        );
        page.sample(
            "certvouch_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))],
            1,
        );
        self.answers.write(
            page,
            "certvouch_answers_total",
            "Statuses in signed answers.",
            ["issuer", "status"],
        );
        self.errors.write(
            page,
            "certvouch_errors_total",
            "Unsigned answers, by our cause and by the word on the wire.",
            ["error", "response_status"],
        );
        self.http.write(
            page,
            "certvouch_http_responses_total",
            "HTTP responses of the public port.",
            ["code"],
        );
        self.cache.write(
            page,
            "certvouch_cache_total",
            "Where answers came from: hit, joined, none, signed or stale.",
            ["use"],
        );
        page.counter(
            "certvouch_single_flight_waits_total",
            "Requests that waited for the signature of another that asked the same.",
            self.single_flight_waits.load(Ordering::Relaxed),
        );
        self.write_signing(page);
        self.write_connections(page);
        self.write_reloads(page);
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        for other in others.iter() {
            other.collect(page);
        }
    }

    fn write_signing(&self, page: &mut Page) {
        self.signing.write(
            page,
            "certvouch_signing_seconds",
            "How long signatures took, waiting included.",
        );
        page.counter(
            "certvouch_signing_failures_total",
            "Signatures that a signer could not make.",
            self.signing_failures.load(Ordering::Relaxed),
        );
        page.counter(
            "certvouch_signing_refused_by_clock_total",
            "Signatures that were not made since the clock is not believed.",
            self.signing_refused_by_clock.load(Ordering::Relaxed),
        );
        page.gauge(
            "certvouch_signing_queue",
            "Signatures that are asked for and not there yet.",
            self.signing_queue.get(),
        );
    }

    fn write_connections(&self, page: &mut Page) {
        page.gauge(
            "certvouch_connections",
            "Open connections of the public port.",
            self.connections.get(),
        );
        page.counter(
            "certvouch_connections_total",
            "Connections that were taken.",
            self.connections_total.load(Ordering::Relaxed),
        );
        page.counter(
            "certvouch_connections_refused_total",
            "Connections for which there was no place.",
            self.connections_refused.load(Ordering::Relaxed),
        );
    }

    fn write_reloads(&self, page: &mut Page) {
        self.reloads.write(
            page,
            "certvouch_reloads_total",
            "Reloads that were asked for.",
            ["outcome"],
        );
        page.gauge(
            "certvouch_last_good_reload_timestamp_seconds",
            "When the configuration that is in force was read.",
            self.last_good_reload(),
        );
        page.gauge(
            "certvouch_last_reload_failed",
            "1 if the last reload was refused.",
            i64::try_from(self.last_reload_failed.load(Ordering::Relaxed)).unwrap_or(1),
        );
    }
}

/// RFC 6960's spelling of a responseStatus.
fn wire_word(status: certvouch_types::OcspResponseStatus) -> &'static str {
    use certvouch_types::OcspResponseStatus as Status;
    match status {
        Status::Successful => "successful",
        Status::MalformedRequest => "malformedRequest",
        Status::InternalError => "internalError",
        Status::TryLater => "tryLater",
        Status::SigRequired => "sigRequired",
        Status::Unauthorized => "unauthorized",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Own;

    impl Collector for Own {
        fn collect(&self, page: &mut Page) {
            page.counter("certvouch_own_total", "Of a part.", 3);
        }
    }

    #[test]
    fn page_has_what_was_counted_and_what_parts_add() {
        let metrics = Metrics::default();
        let mut exchange = Exchange::default();
        exchange.issuer = Some("a\"b".into());
        exchange.cache = CacheUse::Joined;
        exchange.error = Some(certvouch_responder::AnswerError::UnknownIssuer);
        metrics.exchange(&exchange, StatusCode::OK);
        metrics.signed(Duration::from_millis(3));
        metrics.connections.add(2);
        metrics.reload_failed();
        metrics.register(Arc::new(Own));
        let mut page = Page::default();
        metrics.write(&mut page);
        let text = page.into_text();
        for line in [
            "certvouch_http_responses_total{code=\"200\"} 1",
            "certvouch_single_flight_waits_total 1",
            "certvouch_signing_seconds_count 1",
            "certvouch_signing_seconds_bucket{le=\"0.0025\"} 0",
            "certvouch_signing_seconds_bucket{le=\"0.005\"} 1",
            "certvouch_connections 2",
            "certvouch_last_reload_failed 1",
            "certvouch_reloads_total{outcome=\"refused\"} 1",
            "certvouch_own_total 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(
            text.contains("response_status=\"unauthorized\"} 1"),
            "{text}"
        );
    }
}
