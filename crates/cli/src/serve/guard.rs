//! The clock guard: nothing is signed while the clock cannot be believed (threats T-9).
//!
//! Two things give a wrong clock away. It is before a moment at which something was signed already, in this run or, by
//! the state folder, in an earlier one; or it moved apart from the clock that counts the seconds since the machine
//! started. Then [`Verdict`] says so, signatures are refused, and an alarm is raised; answers that were signed before
//! and are current by the clock are still given, since their times were right when they were signed.
//!
//! It ends when the clock is right again, or when the operator says that the new time is meant: a reload or a restart
//! takes the clock as it is. What was signed already is never signed over by either: for that the file has to go.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use certvouch_types::Timestamp;

use super::ntp::{Accuracy, Ntp, Shared};
use crate::clock::{Clock, Steady};
use crate::escape::escape_path;

/// How far the two clocks may move apart. NTP steps a clock that is off by more than an eighth of a second, and a
/// machine that was moved may lose seconds; times in answers are compared by minutes (requirements FRESH-7).
pub const TOLERANCE: i64 = 60;

/// How long a comparison counts from one point: small corrections add up over months, and are none of ours.
const ANCHORED: i64 = 3600;

/// The file in the state folder.
const FILE: &str = "last-produced-at";

/// What the guard thinks of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is believed.
    InOrder,
    /// It is before the last signature.
    Behind {
        /// When that was made.
        last: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// It moved apart from the steady clock, by so many seconds; above zero it is ahead.
    Apart {
        /// Seconds.
        seconds: i64,
    },
    /// NTP servers say another time, further off than `clock.stop`; above zero it is ahead.
    Skewed {
        /// Milliseconds.
        milliseconds: i64,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InOrder => f.write_str("the clock is in order"),
            Self::Behind { last, now } => write!(
                f,
                "the clock says {now}, but something was signed at {last} already; nothing is signed until it is right \
                 (`timedatectl` shows and sets it)"
            ),
            Self::Apart { seconds } => {
                let way = if *seconds > 0 { "forward" } else { "back" };
                write!(
                    f,
                    "the clock was set {way} by {} s while the program ran; nothing is signed until it is right, or \
                     a reload (SIGHUP, POST /v1/reload) says that the new time is meant",
                    seconds.abs()
                )
            }
            Self::Skewed { milliseconds } => {
                let way = if *milliseconds > 0 {
                    "ahead of"
                } else {
                    "behind"
                };
                write!(
                    f,
                    "the clock is {} ms {way} the NTP servers of clock.ntp; nothing is signed until it is right",
                    milliseconds.abs()
                )
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Timestamp,
    steady: i64,
}

/// Guards one process's clock.
#[derive(Debug)]
pub struct ClockGuard {
    clock: Clock,
    steady: Steady,
    ntp: Shared,
    anchor: Mutex<Anchor>,
    last: AtomicI64,
    written: AtomicI64,
    alarmed: AtomicBool,
    file: Option<PathBuf>,
}

impl ClockGuard {
    /// A guard that begins now; `folder` is where the last signature is remembered.
    ///
    /// # Errors
    /// The folder cannot be used, or holds what this program did not write.
    pub fn new(clock: Clock, steady: Steady, folder: Option<&Path>) -> io::Result<Self> {
        let file = folder.map(|folder| folder.join(FILE));
        let last = match &file {
            Some(file) => read(file)?,
            None => None,
        };
        let last = last.map_or(i64::MIN, Timestamp::unix);
        let anchor = Anchor {
            wall: clock.now(),
            steady: steady.now(),
        };
        Ok(Self {
            clock,
            steady,
            ntp: Shared::default(),
            anchor: Mutex::new(anchor),
            last: AtomicI64::new(last),
            written: AtomicI64::new(last),
            alarmed: AtomicBool::new(false),
            file,
        })
    }

    /// The same with a comparison by NTP.
    #[must_use]
    pub fn with_ntp(mut self, ntp: Arc<Ntp>) -> Self {
        self.ntp = ntp;
        self
    }

    /// The comparison by NTP.
    #[must_use]
    pub fn ntp(&self) -> &Ntp {
        &self.ntp
    }

    /// What NTP says now.
    #[must_use]
    pub fn accuracy(&self) -> Accuracy {
        self.ntp.accuracy(self.steady.now())
    }

    /// Looks at the clock. A change of mind is logged.
    pub fn look(&self) -> Verdict {
        let verdict = self.verdict();
        let is_alarm = verdict != Verdict::InOrder;
        if self.alarmed.swap(is_alarm, Ordering::Relaxed) != is_alarm {
            if is_alarm {
                tracing::error!("{verdict}");
            } else {
                tracing::info!("the clock is in order again");
            }
        }
        verdict
    }

    fn verdict(&self) -> Verdict {
        // The last signature first: another thread may sign while this one looks at the clock, and what it writes down
        // then is ahead of what was seen here. Acquire, so that the clock is not read before.
        let last = self.last.load(Ordering::Acquire);
        let (now, steady) = (self.clock.now(), self.steady.now());
        if now.unix() < last {
            let last = Timestamp::from_unix(last);
            return Verdict::Behind { last, now };
        }
        if let Some(milliseconds) = self.ntp.beyond(steady) {
            return Verdict::Skewed { milliseconds };
        }
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = steady - anchor.steady;
        let seconds = now.seconds_since(anchor.wall) - passed;
        if seconds.abs() > TOLERANCE {
            return Verdict::Apart { seconds };
        }
        if passed > ANCHORED {
            *anchor = Anchor { wall: now, steady };
        }
        Verdict::InOrder
    }

    /// Seconds by which the clock moved apart from the steady one.
    #[must_use]
    pub fn offset(&self) -> i64 {
        let anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.now().seconds_since(anchor.wall) - (self.steady.now() - anchor.steady)
    }

    /// When something was signed last.
    #[must_use]
    pub fn last_signed(&self) -> Option<Timestamp> {
        let last = self.last.load(Ordering::Relaxed);
        (last != i64::MIN).then(|| Timestamp::from_unix(last))
    }

    /// Whether the last signature outlives the process.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Something was signed at this moment.
    pub fn signed(&self, at: Timestamp) {
        self.last.fetch_max(at.unix(), Ordering::Release);
    }

    /// The operator's word: the clock is right as it is now. What was signed already stays signed, so that a time before
    /// it cannot be meant: the word changes nothing then, and the clock is believed as before once it is right.
    pub fn accept(&self) {
        if self.clock.now().unix() < self.last.load(Ordering::Relaxed) {
            return;
        }
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        *anchor = Anchor {
            wall: self.clock.now(),
            steady: self.steady.now(),
        };
    }

    /// Writes down when something was signed last, if that changed. Off the way of requests: called now and then, and
    /// at the end.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let last = self.last.load(Ordering::Relaxed);
        if last == self.written.load(Ordering::Relaxed) {
            return Ok(());
        }
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(new, "{}", Timestamp::from_unix(last))?;
        new.as_file().sync_data()?;
        new.persist(file).map_err(|why| why.error)?;
        self.written.store(last, Ordering::Relaxed);
        Ok(())
    }
}

fn read(file: &Path) -> io::Result<Option<Timestamp>> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::read_to_string(file) {
        Ok(text) => match Timestamp::from_rfc3339(text.trim_end()) {
            Some(at) => Ok(Some(at)),
            None => Err(io::Error::other(format!(
                "{} holds no time; remove it if the clock is right",
                escape_path(file)
            ))),
        },
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clocks that a test moves.
    struct Two(Arc<AtomicI64>, Arc<AtomicI64>);

    impl Two {
        fn new(wall: i64) -> Self {
            Self(Arc::new(wall.into()), Arc::new(AtomicI64::new(0)))
        }

        fn guard(&self, folder: Option<&Path>) -> io::Result<ClockGuard> {
            let (wall, steady) = (Arc::clone(&self.0), Arc::clone(&self.1));
            ClockGuard::new(
                Clock::from_fn(move || Timestamp::from_unix(wall.load(Ordering::Relaxed))),
                Steady::from_fn(move || steady.load(Ordering::Relaxed)),
                folder,
            )
        }

        fn pass(&self, wall: i64, steady: i64) {
            self.0.fetch_add(wall, Ordering::Relaxed);
            self.1.fetch_add(steady, Ordering::Relaxed);
        }
    }

    // covers: T-9
    #[test]
    fn clock_that_goes_with_the_steady_one_is_believed() {
        let two = Two::new(1_000_000);
        let guard = two.guard(None).unwrap();
        for _ in 0..1000 {
            // A second too much each half an hour: over the hours that is far more than the tolerance.
            two.pass(1801, 1800);
            assert_eq!(guard.look(), Verdict::InOrder);
            guard.signed(guard.clock.now());
        }
    }

    // covers: T-9
    #[test]
    fn clock_set_back_or_forward_is_not_believed_until_it_is_right_again_or_meant() {
        let two = Two::new(1_000_000);
        let guard = two.guard(None).unwrap();
        two.pass(10, 10);
        two.pass(TOLERANCE + 1, 0);
        assert_eq!(guard.look(), Verdict::Apart { seconds: 61 });
        two.pass(-TOLERANCE - 1, 0);
        assert_eq!(guard.look(), Verdict::InOrder);
        two.pass(-3600, 0);
        assert_eq!(guard.look(), Verdict::Apart { seconds: -3600 });
        guard.accept();
        assert_eq!(guard.look(), Verdict::InOrder);
    }

    // covers: T-9
    #[test]
    fn signature_of_another_thread_in_the_meantime_is_no_alarm() {
        let other: Arc<std::sync::OnceLock<Arc<ClockGuard>>> = Arc::default();
        let at = Arc::new(AtomicI64::new(1_000_000));
        let clock = {
            let (other, at) = (Arc::clone(&other), Arc::clone(&at));
            Clock::from_fn(move || {
                // The second turns after this thread read the clock, and another one signs before this one goes on.
                let seen = at.fetch_add(1, Ordering::Relaxed);
                if let Some(guard) = other.get() {
                    guard.signed(Timestamp::from_unix(seen + 1));
                }
                Timestamp::from_unix(seen)
            })
        };
        let guard = ClockGuard::new(clock, Steady::from_fn(|| 0), None).unwrap();
        let guard = Arc::new(guard);
        other.set(Arc::clone(&guard)).unwrap();
        for _ in 0..10 {
            assert_eq!(guard.look(), Verdict::InOrder);
        }
    }

    // covers: T-9
    #[test]
    fn moment_before_the_last_signature_is_not_believed_even_by_word() {
        let two = Two::new(1_000_000);
        let guard = two.guard(None).unwrap();
        guard.signed(Timestamp::from_unix(1_000_000));
        two.pass(-1, 0);
        assert!(matches!(guard.look(), Verdict::Behind { .. }));
        guard.accept();
        assert!(matches!(guard.look(), Verdict::Behind { .. }));
        two.pass(1, 0);
        assert_eq!(guard.look(), Verdict::InOrder);
    }

    // covers: T-9
    #[test]
    fn last_signature_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let two = Two::new(1_000_000);
        let guard = two.guard(Some(dir.path())).unwrap();
        guard.signed(Timestamp::from_unix(1_000_500));
        guard.save().unwrap();
        drop(guard);
        let guard = two.guard(Some(dir.path())).unwrap();
        assert!(matches!(guard.look(), Verdict::Behind { .. }));
        two.pass(500, 500);
        assert_eq!(guard.look(), Verdict::InOrder);
        fs::write(dir.path().join(FILE), "x").unwrap();
        let why = two.guard(Some(dir.path())).unwrap_err().to_string();
        assert!(why.contains("holds no time"), "{why}");
    }
}
