//! A clock that tests move by hand, and the calendar that goes with Unix seconds.
//!
//! [`TestClock`] is shared between its clones and between threads; it never moves on its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A shared counter of Unix seconds.
#[derive(Clone, Debug)]
pub struct TestClock {
    seconds: Arc<AtomicI64>,
}

impl TestClock {
    /// A clock that stands at `unix` seconds since 1970.
    #[must_use]
    pub fn at(unix: i64) -> Self {
        Self {
            seconds: Arc::new(AtomicI64::new(unix)),
        }
    }

    /// A clock that stands at the frozen moment of the requirements, 2026-01-10T00:00:00Z.
    #[must_use]
    pub fn frozen() -> Self {
        Self::at(crate::pki::T0)
    }

    /// What the clock shows, in Unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.seconds.load(Ordering::SeqCst)
    }

    /// Moves the clock (backwards with a negative number) and returns what it shows then.
    pub fn advance(&self, seconds: i64) -> i64 {
        self.seconds.fetch_add(seconds, Ordering::SeqCst) + seconds
    }

    /// Sets the clock.
    pub fn set(&self, unix: i64) {
        self.seconds.store(unix, Ordering::SeqCst);
    }

    /// The clock as a closure, for services that are handed one.
    pub fn reader(&self) -> impl Fn() -> i64 + Clone + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}

/// The system's real time in Unix seconds, for what must please a foreign program that has no frozen clock.
///
/// # Panics
/// When the system clock stands before 1970.
#[must_use]
pub fn real_now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("seconds since 1970 fit 63 bits")
}

/// A moment in the proleptic Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, from 1.
    pub day: i64,
    /// Seconds since midnight.
    pub second_of_day: i64,
}

impl Civil {
    /// The calendar form of Unix seconds.
    ///
    /// Counted in eras of 400 years (146,097 days) that begin on 1 March, so that the leap day is last.
    #[must_use]
    pub fn from_unix(unix: i64) -> Self {
        let days = unix.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            second_of_day: unix.rem_euclid(86_400),
        }
    }

    /// Unix seconds of the moment.
    #[must_use]
    pub fn to_unix(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = if self.month > 2 {
            self.month - 3
        } else {
            self.month + 9
        };
        let day_of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
        let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * 86_400 + self.second_of_day
    }

    /// `YYYYMMDDHHMMSSZ`.
    #[must_use]
    pub fn generalized(self) -> String {
        let (hour, minute) = (self.second_of_day / 3600, self.second_of_day / 60 % 60);
        let second = self.second_of_day % 60;
        let Self {
            year, month, day, ..
        } = self;
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
    }

    /// Reads `YYYYMMDDHHMMSSZ`, and `YYMMDDHHMMSSZ` by the century rule of RFC 5280 4.1.2.5.1.
    ///
    /// # Errors
    /// A sentence when the text has another shape or names no moment of the calendar.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("not a DER time: {text:?}");
        let digits = text.strip_suffix('Z').ok_or_else(wrong)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let full = match digits.len() {
            14 => digits.to_owned(),
            12 if digits < "5" => format!("20{digits}"),
            12 => format!("19{digits}"),
            _ => return Err(wrong()),
        };
        let number = |from: usize, to: usize| full[from..to].parse::<i64>().map_err(|_| wrong());
        let clock = number(8, 10)? * 3600 + number(10, 12)? * 60 + number(12, 14)?;
        let civil = Self {
            year: number(0, 4)?,
            month: number(4, 6)?,
            day: number(6, 8)?,
            second_of_day: clock,
        };
        // Going through seconds and back shows 31 February, hour 24 and the like.
        let again = Self::from_unix(civil.to_unix());
        if again.generalized() == format!("{full}Z") {
            Ok(civil)
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_goes_there_and_back() {
        for (unix, text) in [
            (0, "19700101000000Z"),
            (-1, "19691231235959Z"),
            (951_782_400, "20000229000000Z"),
            (1_768_003_200, "20260110000000Z"),
            (1_767_323_045, "20260102030405Z"),
            (4_107_542_400, "21000301000000Z"),
            (253_402_300_799, "99991231235959Z"),
        ] {
            assert_eq!(Civil::from_unix(unix).generalized(), text);
            assert_eq!(Civil::parse(text).unwrap().to_unix(), unix);
        }
        assert_eq!(Civil::parse("490101000000Z").unwrap().year, 2049);
        assert_eq!(Civil::parse("500101000000Z").unwrap().year, 1950);
    }

    #[test]
    fn calendar_refuses_other_shapes() {
        for text in [
            "202601100000Z0",
            "20260110000000",
            "20260110000000+0000",
            "20260230000000Z",
            "20260110240000Z",
            "２",
        ] {
            assert!(Civil::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn clones_show_the_same_time() {
        let clock = TestClock::frozen();
        let (twin, reader) = (clock.clone(), clock.reader());
        assert_eq!(twin.advance(5), crate::pki::T0 + 5);
        assert_eq!(reader(), crate::pki::T0 + 5);
        clock.set(7);
        assert_eq!((clock.now(), reader()), (7, 7));
    }
}
