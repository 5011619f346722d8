//! The clock of the program. Everything below the roof is handed a time; this is where it comes from.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use certvouch_types::Timestamp;

/// Tells the time; a test puts its own in.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The clock of the system.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(system_now))
    }

    /// Any other clock.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// Counts seconds at an even pace, whatever becomes of the [`Clock`].
#[derive(Clone)]
pub struct Steady(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Steady {
    /// The seconds since the machine started, those that it slept included.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec
        }))
    }

    /// Any other.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The seconds since some moment that stays the same.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Steady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Steady({})", self.now())
    }
}

fn system_now() -> Timestamp {
    // A clock before 1970 is as wrong as one that is past i64; both give an end of the calendar, at which no signer
    // certificate is valid, so that nothing is signed.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(Timestamp::MIN, |since| {
            Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_is_in_this_century() {
        let now = Clock::system().now();
        assert!(now > Timestamp::from_rfc3339("2026-01-01T00:00:00Z").unwrap());
        assert!(now < Timestamp::from_rfc3339("2100-01-01T00:00:00Z").unwrap());
    }

    #[test]
    fn injected_clock_tells_its_own_time() {
        let clock = Clock::from_fn(|| Timestamp::from_unix(7));
        assert_eq!(clock.now().unix(), 7);
    }
}
