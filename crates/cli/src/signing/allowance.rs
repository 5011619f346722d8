//! The share of signing time that answers about serial numbers nobody issued may take (threats T-41).
//!
//! Time flows in by the clock and out by what such signatures took, so that the share is one of the capacity and holds
//! for every kind of key. One signature may overdraw it; the next waits until that is paid back.

use std::time::{Duration, Instant};

use super::limits::{UNASSIGNED_BURST, UNASSIGNED_SHARE};

/// Signing time that is there, and what was overdrawn.
#[derive(Debug)]
pub(super) struct Allowance {
    credit: Duration,
    debt: Duration,
    filled_at: Instant,
    threads: u32,
}

impl Allowance {
    /// A full one.
    pub(super) fn new(threads: usize, now: Instant) -> Self {
        let threads = u32::try_from(threads).unwrap_or(u32::MAX);
        Self {
            credit: UNASSIGNED_BURST * threads / UNASSIGNED_SHARE,
            debt: Duration::ZERO,
            filled_at: now,
            threads,
        }
    }

    /// How long to wait until there is something; nothing if there is.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let inflow =
            now.saturating_duration_since(self.filled_at) * self.threads / UNASSIGNED_SHARE;
        self.filled_at = now;
        let paid = inflow.min(self.debt);
        self.debt -= paid;
        let most = UNASSIGNED_BURST * self.threads / UNASSIGNED_SHARE;
        self.credit = (self.credit + (inflow - paid)).min(most);
        if self.credit > Duration::ZERO {
            return Duration::ZERO;
        }
        (self.debt * UNASSIGNED_SHARE / self.threads).max(Duration::from_micros(100))
    }

    /// A signature took this long.
    pub(super) fn spend(&mut self, took: Duration) {
        let covered = took.min(self.credit);
        self.credit -= covered;
        self.debt += took - covered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: T-41
    #[test]
    fn no_more_than_the_share_is_spent_in_the_long_run() {
        let begin = Instant::now();
        let mut allowance = Allowance::new(2, begin);
        let (mut now, mut spent) = (begin, Duration::ZERO);
        let took = Duration::from_millis(3);
        let end = begin + Duration::from_secs(60);
        while now < end {
            let wait = allowance.wait(now);
            if wait.is_zero() {
                allowance.spend(took);
                spent += took;
                now += took;
            } else {
                now += wait;
            }
        }
        let share = (Duration::from_secs(60) + UNASSIGNED_BURST) * 2 / UNASSIGNED_SHARE;
        assert!(spent <= share + took, "{spent:?}");
        assert!(spent >= share - took * 2, "{spent:?}");
    }

    #[test]
    fn what_is_saved_up_is_bounded() {
        let begin = Instant::now();
        let mut allowance = Allowance::new(1, begin);
        let later = begin + Duration::from_secs(3600);
        assert!(allowance.wait(later).is_zero());
        allowance.spend(UNASSIGNED_BURST / UNASSIGNED_SHARE);
        assert!(!allowance.wait(later).is_zero());
    }
}
