//! How far the clock is from what NTP servers say (RFC 9919 5: clocks have to be right).
//!
//! Servers that the configuration names are asked in turn; the middle of their answers counts, so that one of three may
//! lie. From a second on `/health` is degraded, and from `clock.stop` on nothing is signed. NTP is not authenticated:
//! whoever can answer in the place of most of the servers can stop the signing, and cannot make it sign anything. So a
//! daemon on the same machine (chrony, with NTS) is the best one to name.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rsntp::{Config, SntpClient};

use super::core::Core;
use crate::clock::Steady;
use crate::escape::{escape, escape_display};

/// Between two rounds of questions: the shortest interval of NTP's own daemons (RFC 5905 7.3, 2^6 s).
const ROUND: Duration = Duration::from_secs(64);

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Seconds for which the last answers count: nine rounds.
const COUNTS: i64 = 600;

/// Milliseconds from which on the clock is not accurate (requirements R9919-5-1).
pub const ACCURATE: i64 = 1000;

/// What the last round found.
#[derive(Clone, Copy, Debug)]
struct Measured {
    /// Milliseconds by which the clock is ahead.
    ahead: i64,
    /// When, by the steady clock.
    at: i64,
}

/// What is known of the clock by NTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accuracy {
    /// No server is configured.
    Unasked,
    /// No server has answered for ten minutes.
    Silent,
    /// By so many milliseconds the clock is ahead, less than a second either way.
    Accurate(i64),
    /// The same from a second on.
    Inaccurate(i64),
}

/// The comparison.
#[derive(Debug)]
pub struct Ntp {
    is_asked: bool,
    /// Milliseconds.
    stop: i64,
    since: i64,
    measured: Mutex<Option<Measured>>,
}

impl Ntp {
    /// For a clock whose signing stops at this difference, in seconds; `is_asked` says whether there are servers.
    #[must_use]
    pub fn new(is_asked: bool, stop: i64, steady: &Steady) -> Self {
        Self {
            is_asked,
            stop: stop.saturating_mul(1000),
            since: steady.now(),
            measured: Mutex::new(None),
        }
    }

    /// A round found this difference, in milliseconds; above zero the clock is ahead.
    pub fn found(&self, ahead: i64, at: i64) {
        *self.measured.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Measured { ahead, at });
    }

    /// What is known at this moment of the steady clock.
    #[must_use]
    pub fn accuracy(&self, steady: i64) -> Accuracy {
        if !self.is_asked {
            return Accuracy::Unasked;
        }
        let measured = *self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        match measured {
            Some(it) if steady - it.at > COUNTS => Accuracy::Silent,
            Some(it) if it.ahead.abs() > ACCURATE => Accuracy::Inaccurate(it.ahead),
            Some(it) => Accuracy::Accurate(it.ahead),
            None if steady - self.since > COUNTS => Accuracy::Silent,
            // The first round is under way.
            None => Accuracy::Accurate(0),
        }
    }

    /// Milliseconds by which the clock is ahead, if that is too much to sign.
    #[must_use]
    pub fn beyond(&self, steady: i64) -> Option<i64> {
        match self.accuracy(steady) {
            Accuracy::Inaccurate(ahead) if ahead.abs() > self.stop => Some(ahead),
            _ => None,
        }
    }
}

/// Asks these servers round after round, for as long as the server's parts are there.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(servers: Vec<String>, steady: Steady, core: Weak<Core>) -> io::Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let work = move || {
        let client = SntpClient::with_config(Config::default().timeout(PATIENCE));
        loop {
            let answers = servers.iter().filter_map(|it| ask(&client, it)).collect();
            let Some(core) = core.upgrade() else { return };
            if let Some(ahead) = middle(answers) {
                core.guard.ntp().found(ahead, steady.now());
            }
            // A change of mind is logged.
            core.guard.look();
            drop(core);
            std::thread::sleep(ROUND);
        }
    };
    std::thread::Builder::new()
        .name("ntp".to_owned())
        .spawn(work)
        .map(drop)
}

/// Milliseconds by which our clock is ahead of this server's.
fn ask(client: &SntpClient, server: &str) -> Option<i64> {
    match client.synchronize(server) {
        Ok(answer) => milliseconds(-answer.clock_offset().as_secs_f64()),
        Err(why) => {
            let why = escape_display(&why);
            tracing::warn!(server = %escape(server), "no answer from the NTP server: {why}");
            None
        }
    }
}

/// A number of seconds that is none, or more than the years of NTP, is no answer.
fn milliseconds(seconds: f64) -> Option<i64> {
    Duration::try_from_secs_f64(seconds.abs())
        .ok()
        .and_then(|it| i64::try_from(it.as_millis()).ok())
        .map(|it| if seconds < 0.0 { -it } else { it })
}

/// The median; of an even number the lower of the two in the middle.
fn middle(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied()
}

/// For whoever has no configuration at hand: nobody is asked.
impl Default for Ntp {
    fn default() -> Self {
        Self::new(false, 0, &Steady::from_fn(|| 0))
    }
}

/// What the guard and the thread share.
pub(super) type Shared = Arc<Ntp>;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Ntp {
        Ntp::new(true, 60, &Steady::from_fn(|| 100))
    }

    // covers: R9919-5-1
    #[test]
    fn clock_more_than_a_second_off_is_inaccurate_and_beyond_the_limit_nothing_is_signed() {
        let ntp = asked();
        for (ahead, accuracy, beyond) in [
            (0, Accuracy::Accurate(0), None),
            (-1000, Accuracy::Accurate(-1000), None),
            (1001, Accuracy::Inaccurate(1001), None),
            (-60_000, Accuracy::Inaccurate(-60_000), None),
            (60_001, Accuracy::Inaccurate(60_001), Some(60_001)),
            (-60_001, Accuracy::Inaccurate(-60_001), Some(-60_001)),
        ] {
            ntp.found(ahead, 100);
            assert_eq!((ntp.accuracy(101), ntp.beyond(101)), (accuracy, beyond));
        }
    }

    #[test]
    fn silence_counts_after_ten_minutes_and_stops_nothing() {
        let ntp = asked();
        assert_eq!(ntp.accuracy(700), Accuracy::Accurate(0));
        assert_eq!(ntp.accuracy(701), Accuracy::Silent);
        ntp.found(90_000, 1000);
        assert!(ntp.beyond(1600).is_some());
        assert_eq!(
            (ntp.accuracy(1601), ntp.beyond(1601)),
            (Accuracy::Silent, None)
        );
        assert_eq!(Ntp::default().accuracy(1 << 40), Accuracy::Unasked);
    }

    #[test]
    fn one_of_three_may_lie() {
        assert_eq!(middle(vec![5, 3_600_000, 7]), Some(7));
        assert_eq!(middle(vec![-3_600_000, 5, 7]), Some(5));
        assert_eq!(middle(vec![9, 4]), Some(4));
        assert_eq!(middle(Vec::new()), None);
    }

    #[test]
    fn seconds_that_are_no_number_are_no_answer() {
        assert_eq!(milliseconds(-1.5), Some(-1500));
        for bad in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
            assert_eq!(milliseconds(bad), None);
        }
    }
}
