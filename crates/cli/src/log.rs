//! What is told on standard error: text or JSON lines, one event per exchange at debug, errors at warn and sampled.
//!
//! No event holds a secret, and by default none holds anything about the client: who asks about which certificate is
//! nobody's business. Foreign text comes in through [`crate::escape`].

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certvouch_responder::{AnswerError, Exchange};
use certvouch_types::CertStatus;
use certvouch_types::OcspResponseStatus;
use http::{Method, StatusCode};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{Log, choice::LogFormat};
use crate::escape::{escape, escape_display};
use crate::metrics::Metrics;

/// The environment variable whose directives come before those of the configuration.
pub const VARIABLE: &str = "CERTVOUCH_LOG";

/// Starts logging; also panics are told there from now on. Only the first call has an effect.
///
/// # Errors
/// The level is no list of directives.
pub fn start(log: &Log) -> Result<(), ParseError> {
    let filter = match std::env::var(VARIABLE) {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(directives)?,
        _ => EnvFilter::try_new(&log.level)?,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr);
    // It fails if a subscriber is there already: then that one stays.
    drop(match log.format {
        LogFormat::Text => builder
            .with_ansi(std::io::stderr().is_terminal())
            .try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_ansi(false)
            .try_init(),
    });
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or("something without words");
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a panic was caught: {}", escape(said));
    }));
    Ok(())
}

/// Logs exchanges.
#[derive(Debug, Default)]
pub struct ExchangeLog {
    /// For each kind of error, when it was last told and how many were not since then.
    told: Mutex<HashMap<&'static str, (Instant, u64)>>,
    metrics: Arc<Metrics>,
}

/// An error of one kind is told once in this time.
const SAMPLE: Duration = Duration::from_secs(10);

impl ExchangeLog {
    /// A log that also counts.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            told: Mutex::default(),
            metrics,
        }
    }

    /// One event at debug; if the fault was ours, also one at warn, unless one of its kind was told just now.
    pub fn record(&self, exchange: &Exchange, method: &Method, status: StatusCode) {
        self.metrics.exchange(exchange, status);
        if let Some(error) = &exchange.error
            && is_ours(error)
        {
            self.warn(exchange, error);
        }
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let serials: Vec<String> = exchange
            .asked
            .iter()
            .map(|asked| asked.serial.to_string())
            .collect();
        let statuses: Vec<&str> = exchange
            .asked
            .iter()
            .filter_map(|asked| asked.status.map(status_word))
            .collect();
        let hash = exchange.asked.first().and_then(|asked| asked.hash);
        tracing::debug!(
            method = method.as_str(),
            http = status.as_u16(),
            issuer = exchange
                .issuer
                .as_deref()
                .map(|name| escape(name).to_string()),
            serials = serials.join(","),
            statuses = statuses.join(","),
            hash = hash.map(|hash| hash.to_string()),
            nonce = exchange.nonce,
            cache = exchange.cache.name(),
            error = exchange.error.as_ref().map(AnswerError::code),
            why = exchange.error.as_ref().map(|error| escape_display(error)),
            "exchange"
        );
    }

    /// An exchange in which no OCSP message was received or given: HTTP refused it, or a browser got its page.
    pub fn record_http(&self, method: &Method, status: StatusCode) {
        self.metrics.http(status);
        tracing::debug!(
            method = %escape(method.as_str()),
            http = status.as_u16(),
            "exchange"
        );
    }

    fn warn(&self, exchange: &Exchange, error: &AnswerError) {
        let code = error.code();
        let Some(untold) = self.sample(code, Instant::now()) else {
            return;
        };
        tracing::warn!(
            issuer = exchange
                .issuer
                .as_deref()
                .map(|name| escape(name).to_string()),
            error = code,
            untold,
            "not answered: {}",
            escape_display(error)
        );
    }

    /// Whether an error of this kind is to be told now; if so, how many before it were not.
    fn sample(&self, code: &'static str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(code) {
            Some((last, untold)) if now.duration_since(*last) < SAMPLE => {
                *untold += 1;
                None
            }
            other => {
                let untold = other.map_or(0, |(_, untold)| *untold);
                told.insert(code, (now, 0));
                Some(untold)
            }
        }
    }
}

/// Whether an operator has to act. What clients do wrong is told at debug only: they are many, and not his.
fn is_ours(error: &AnswerError) -> bool {
    matches!(
        error.status(),
        OcspResponseStatus::TryLater | OcspResponseStatus::InternalError
    )
}

/// The RFC's word for a status.
pub(crate) fn status_word(status: CertStatus) -> &'static str {
    match status {
        CertStatus::Good => "good",
        CertStatus::Revoked(_) => "revoked",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_one_kind_are_told_once_in_ten_seconds_with_a_count() {
        let log = ExchangeLog::default();
        let start = Instant::now();
        assert_eq!(log.sample("source", start), Some(0));
        assert_eq!(log.sample("source", start + Duration::from_secs(9)), None);
        assert_eq!(log.sample("source", start + Duration::from_secs(9)), None);
        assert_eq!(log.sample("sign", start + Duration::from_secs(9)), Some(0));
        assert_eq!(
            log.sample("source", start + Duration::from_secs(10)),
            Some(2)
        );
        assert_eq!(
            log.sample("source", start + Duration::from_secs(30)),
            Some(0)
        );
    }

    #[test]
    fn only_our_own_faults_are_warnings() {
        assert!(is_ours(&AnswerError::SignerNotValid));
        assert!(is_ours(&AnswerError::NotFresh));
        assert!(!is_ours(&AnswerError::UnknownIssuer));
        assert!(!is_ours(&AnswerError::NonceRequired));
    }
}
