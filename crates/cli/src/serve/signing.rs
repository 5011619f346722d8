//! A key with what the process adds to it: the clock guard before each signature, and the counters around it.

use std::sync::Arc;
use std::time::Instant;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{BoxFuture, SignError, Signer};

use super::guard::{ClockGuard, Verdict};
use crate::clock::Clock;
use crate::escape::{escape, escape_display};
use crate::metrics::Metrics;

/// A guarded key.
#[derive(Debug)]
pub(super) struct Guarded {
    key: Arc<dyn Signer>,
    issuer: Arc<str>,
    guard: Arc<ClockGuard>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Guarded {
    pub(super) fn new(
        key: Arc<dyn Signer>,
        issuer: Arc<str>,
        guard: Arc<ClockGuard>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            key,
            issuer,
            guard,
            clock,
            metrics,
        }
    }

    async fn sign_guarded(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let verdict = self.guard.look();
        if verdict != Verdict::InOrder {
            self.metrics.signing_refused();
            // The guard has said so in the log.
            self.metrics.failing.failed(&self.issuer, self.clock.now());
            // A later try may succeed: clients are told tryLater, and what is kept and current is still given.
            return Err(SignError::Temporary(verdict.to_string()));
        }
        let _waits = self.metrics.signing_queue.hold();
        let begun = Instant::now();
        let made = self.key.sign(message).await;
        match &made {
            Ok(_) => {
                self.metrics.signed(begun.elapsed());
                self.guard.signed(self.clock.now());
                if self.metrics.failing.worked(&self.issuer) {
                    tracing::info!(issuer = %escape(&self.issuer), "signatures are made again");
                }
            }
            Err(why) => {
                self.metrics.signing_failed();
                self.alarm(why);
            }
        }
        made
    }
}

impl Guarded {
    /// Once for each time of failures (requirements FRESH-6): answers that are kept last until their nextUpdate, and
    /// somebody has to act before.
    fn alarm(&self, why: &SignError) {
        if self.metrics.failing.failed(&self.issuer, self.clock.now()) {
            let why = escape_display(why);
            tracing::error!(
                issuer = %escape(&self.issuer),
                "signatures fail, and answers end with the nextUpdate of those that are kept: {why}"
            );
        }
    }
}

impl Signer for Guarded {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(self.sign_guarded(message))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use certvouch_types::Timestamp;

    use super::*;
    use crate::clock::Steady;

    /// A key that a test breaks and mends.
    #[derive(Debug, Default)]
    struct Fragile(AtomicBool);

    impl Signer for Fragile {
        fn algorithm(&self) -> SignatureAlgorithm {
            SignatureAlgorithm::EcdsaSha256
        }

        fn sign<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
            let is_broken = self.0.load(Ordering::Relaxed);
            Box::pin(async move {
                if is_broken {
                    return Err(SignError::Temporary("unplugged".to_owned()));
                }
                Ok(vec![1])
            })
        }
    }

    // covers: FRESH-6
    #[test]
    fn failing_key_is_alarmed_from_its_first_failure_until_it_signs_again() {
        let clock = Clock::from_fn(|| Timestamp::from_unix(5000));
        let guard = ClockGuard::new(clock.clone(), Steady::from_fn(|| 0), None).unwrap();
        let (key, metrics) = (Arc::new(Fragile::default()), Arc::new(Metrics::default()));
        let guarded = Guarded::new(
            Arc::<Fragile>::clone(&key),
            "a".into(),
            Arc::new(guard),
            clock,
            Arc::clone(&metrics),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let sign = || runtime.block_on(guarded.sign(b"x")).is_ok();
        assert!(sign());
        assert_eq!(metrics.failing.since("a"), None);
        key.0.store(true, Ordering::Relaxed);
        assert!(!sign());
        assert_eq!(metrics.failing.since("a"), Some(Timestamp::from_unix(5000)));
        key.0.store(false, Ordering::Relaxed);
        assert!(sign());
        assert_eq!(metrics.failing.since("a"), None);
    }
}
