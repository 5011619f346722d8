//! A key with what the process adds to it: the clock guard before each signature, and the counters around it.

use std::sync::Arc;
use std::time::Instant;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{BoxFuture, SignError, Signer};

use super::guard::{ClockGuard, Verdict};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// A guarded key.
#[derive(Debug)]
pub(super) struct Guarded {
    key: Arc<dyn Signer>,
    guard: Arc<ClockGuard>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Guarded {
    pub(super) fn new(
        key: Arc<dyn Signer>,
        guard: Arc<ClockGuard>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            key,
            guard,
            clock,
            metrics,
        }
    }

    async fn sign_guarded(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let verdict = self.guard.look();
        if verdict != Verdict::InOrder {
            self.metrics.signing_refused();
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
            }
            Err(_) => self.metrics.signing_failed(),
        }
        made
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
