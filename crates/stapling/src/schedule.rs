//! When to ask again. Pure: times and a random number go in, a time comes out.
//!
//! * After a success: at half of what is left, earlier by up to a tenth (a fleet that started together spreads), and no
//!   later than the deadline, which leaves an operator time to act. What lives shorter than the deadline is asked for
//!   again after a quarter of its life, not all the time.
//! * After a failure: after a delay that doubles, within bounds, give or take a quarter; sooner if the staple would end
//!   before. A responder that is down is not asked more often because a staple is about to end: at least
//!   [`Schedule::min_delay`] lies between two attempts, whatever happens.

use certvouch_types::Timestamp;

use crate::staple::Staple;

/// The numbers of a schedule, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// The least time between two attempts.
    pub min_delay: i64,
    /// The most time between two attempts after failures.
    pub max_backoff: i64,
    /// How long before the end of a staple it must have been asked again.
    pub deadline: i64,
    /// The most time between two attempts after a success: a responder whose answers last a week is still asked daily.
    pub max_delay: i64,
}

impl Default for Schedule {
    /// A minute, five minutes, an hour, a day. With HAProxy's hour of back-off, a responder that returned was noticed
    /// only after 51 minutes in a trial; every five minutes costs it nothing.
    fn default() -> Self {
        Self {
            min_delay: 60,
            max_backoff: 300,
            deadline: 3_600,
            max_delay: 86_400,
        }
    }
}

/// A random number of which all bits count.
pub type Random = u32;

impl Schedule {
    /// When to ask again after this staple came.
    #[must_use]
    pub fn after_success(&self, staple: &Staple, now: Timestamp, random: Random) -> Timestamp {
        let left = staple.valid_until().seconds_since(now).max(0);
        let half = left / 2;
        let spread = part(half / 10, random);
        let latest = (left - self.deadline).max(left / 4);
        let delay = (half - spread).min(latest).min(self.max_delay);
        now + delay.max(self.min_delay)
    }

    /// When to ask again after so many failures in a row (the first is 1), while this staple is there or none is.
    #[must_use]
    pub fn after_failure(
        &self,
        failures: u32,
        staple: Option<&Staple>,
        now: Timestamp,
        random: Random,
    ) -> Timestamp {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = self
            .min_delay
            .saturating_mul(1_i64 << doublings)
            .min(self.max_backoff);
        let jittered = delay - delay / 4 + part(delay / 2, random);
        // One more attempt falls into the last moments of what is there.
        let left = staple.map(|staple| staple.valid_until().seconds_since(now) - self.min_delay);
        let bounded = match left {
            Some(left) if left > 0 => jittered.min(left),
            _ => jittered,
        };
        now + bounded.max(self.min_delay)
    }
}

/// A part of `whole` from 0 to all of it, as the random number says.
fn part(whole: i64, random: Random) -> i64 {
    let product = i128::from(whole) * i128::from(random) / i128::from(Random::MAX);
    // proof: the product of a part of 1 and an i64 is an i64.
    i64::try_from(product).unwrap_or(whole)
}
