//! When to ask for the next CRL: pure arithmetic on the clock that is handed in.

use certvouch_types::Timestamp;

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// Seconds between two requests that succeed, by the operator's word; none means by HTTP freshness, or else by what
    /// is left until nextUpdate.
    pub interval: Option<i64>,
    /// The least pause between two requests, in seconds.
    pub least: i64,
    /// The longest pause that nobody asked for, in seconds: a revocation should not wait for half of a long CRL.
    pub most: i64,
    /// The longest pause after failures, in seconds.
    pub most_after_failure: i64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            interval: None,
            least: 15,
            most: 3600,
            most_after_failure: 300,
        }
    }
}

/// How the last request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attempt {
    /// So many requests failed one after the other (1 is the first).
    Failed(u32),
    /// A CRL is in force, new or unchanged.
    Good {
        /// Its nextUpdate.
        next_update: Timestamp,
        /// How long HTTP says that it is fresh, in seconds.
        freshness: Option<u64>,
    },
}

impl Schedule {
    /// Seconds from `now` until the next request. `dice` is any number; it spreads requests over the last tenth of the
    /// pause (a quarter after failures), so that many responders do not ask one server in the same second.
    ///
    /// * With an interval: that.
    /// * With HTTP freshness: as long as that says, but not past nextUpdate.
    /// * Otherwise half of what is left until nextUpdate, at most [`Schedule::most`].
    /// * Past nextUpdate and after failures: from [`Schedule::least`] doubling up to
    ///   [`Schedule::most_after_failure`], and never slower than the interval.
    #[must_use]
    pub fn pause(&self, attempt: Attempt, now: Timestamp, dice: u32) -> i64 {
        let pause = match attempt {
            Attempt::Failed(count) => {
                let doubled = 1_i64 << count.saturating_sub(1).min(20);
                let slowest = self
                    .most_after_failure
                    .min(self.interval.unwrap_or(i64::MAX));
                let pause = self.least.saturating_mul(doubled).min(slowest);
                return self.spread(pause, 4, dice);
            }
            Attempt::Good {
                next_update,
                freshness,
            } => {
                let left = next_update.seconds_since(now);
                let fresh = freshness.map(|fresh| i64::try_from(fresh).unwrap_or(i64::MAX));
                match (self.interval, fresh) {
                    _ if left <= 0 => self
                        .most_after_failure
                        .min(self.least.saturating_mul(2))
                        .min(self.interval.unwrap_or(i64::MAX)),
                    (Some(interval), _) => interval,
                    (None, Some(fresh)) => fresh.min(left).min(86_400),
                    (None, None) => (left / 2).min(self.most),
                }
            }
        };
        self.spread(pause, 10, dice)
    }

    /// Takes off up to one part in `parts`, and not less than the least pause is left.
    fn spread(&self, pause: i64, parts: i64, dice: u32) -> i64 {
        let room = pause / parts;
        let off = room.saturating_mul(i64::from(dice)) >> 32;
        (pause - off)
            .max(self.least.min(self.interval.unwrap_or(i64::MAX)))
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_768_003_200;

    fn good(left: i64, freshness: Option<u64>) -> Attempt {
        Attempt::Good {
            next_update: Timestamp::from_unix(NOW + left),
            freshness,
        }
    }

    fn pause(schedule: Schedule, attempt: Attempt) -> i64 {
        schedule.pause(attempt, Timestamp::from_unix(NOW), 0)
    }

    // covers: R5280-6.3.3-a
    #[test]
    fn pause_follows_the_interval_then_http_then_next_update() {
        let plain = Schedule::default();
        assert_eq!(pause(plain, good(7 * 86_400, None)), 3600);
        assert_eq!(pause(plain, good(1000, None)), 500);
        assert_eq!(pause(plain, good(1000, Some(600))), 600);
        assert_eq!(pause(plain, good(1000, Some(6000))), 1000);
        assert_eq!(pause(plain, good(10 * 86_400, Some(u64::MAX))), 86_400);
        assert_eq!(pause(plain, good(1000, Some(0))), 15);
        assert_eq!(pause(plain, good(2, None)), 15);
        let mut every = plain;
        every.interval = Some(5);
        assert_eq!(pause(every, good(86_400, Some(600))), 5);
        // Past nextUpdate a newer one is wanted at once, but not in a tight loop.
        assert_eq!(pause(plain, good(-1, Some(600))), 30);
        assert_eq!(pause(every, good(-1, Some(600))), 5);
    }

    #[test]
    fn failures_double_the_pause_up_to_the_bound() {
        let plain = Schedule::default();
        let pauses: Vec<i64> = (1..8)
            .map(|count| pause(plain, Attempt::Failed(count)))
            .collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 300, 300]);
        assert_eq!(pause(plain, Attempt::Failed(u32::MAX)), 300);
        let mut every = plain;
        every.interval = Some(20);
        assert_eq!(pause(every, Attempt::Failed(9)), 20);
    }

    #[test]
    fn dice_takes_off_a_tenth_or_a_quarter_at_most() {
        let plain = Schedule::default();
        let now = Timestamp::from_unix(NOW);
        for dice in [0, 1, u32::MAX / 2, u32::MAX] {
            let pause = plain.pause(good(2000, None), now, dice);
            assert!((900..=1000).contains(&pause), "{pause}");
            let pause = plain.pause(Attempt::Failed(6), now, dice);
            assert!((225..=300).contains(&pause), "{pause}");
        }
        assert_ne!(plain.pause(good(2000, None), now, u32::MAX), 1000);
    }
}
