//! Moments in time: whole seconds since 1970 in UTC, and the two ASN.1 forms of them.
//!
//! Leap seconds do not exist here, as they do not in POSIX time. The calendar is the proleptic Gregorian one
//! from year 0 to 9999, which is all that the ASN.1 forms can say.

use alloc::string::String;
use core::fmt;
use core::ops::{Add, Sub};

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// The calendar's view of a moment.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
}

const DAY: i64 = 86_400;

impl Timestamp {
    /// 1970-01-01T00:00:00Z, which RFC 6960 2.2 puts into the answer for a certificate that was never issued.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59Z: "no expiry" of RFC 5280 4.1.2.5, and the latest moment that can be written.
    pub const MAX: Self = Self(253_402_300_799);
    /// 0000-01-01T00:00:00Z, the earliest moment that can be written.
    pub const MIN: Self = Self(-62_167_219_200);

    /// 1950-01-01T00:00:00Z, the earliest moment that a UTCTime can say.
    pub(crate) const EARLIEST_UTC_TIME: Self = Self(-631_152_000);

    /// From seconds since 1970; values that no ASN.1 time can express are clamped.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Reads the content of a GeneralizedTime in the form `YYYYMMDDHHMMSSZ` (RFC 5280 4.1.2.5.2).
    ///
    /// Every other form (fractions, offsets, absent seconds) gives nothing, and so does an impossible date.
    #[must_use]
    pub fn from_generalized_time(content: &[u8]) -> Option<Self> {
        let digits = content
            .strip_suffix(b"Z")
            .filter(|digits| digits.len() == 14)?;
        let (year, rest) = digits.split_at(4);
        Self::from_digits(number(year)?, rest)
    }

    /// Reads the content of a UTCTime in the form `YYMMDDHHMMSSZ`; a year from 50 on is 19YY
    /// (RFC 5280 4.1.2.5.1).
    #[must_use]
    pub fn from_utc_time(content: &[u8]) -> Option<Self> {
        let digits = content
            .strip_suffix(b"Z")
            .filter(|digits| digits.len() == 12)?;
        let (year, rest) = digits.split_at(2);
        let year = number(year)?;
        Self::from_digits(if year >= 50 { 1900 + year } else { 2000 + year }, rest)
    }

    /// Reads RFC 3339 text of the form `YYYY-MM-DDTHH:MM:SSZ`, the one that people type.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let shape = b"0000-00-00T00:00:00Z";
        let fits = text.len() == shape.len()
            && text.iter().zip(shape).all(|(c, s)| {
                if *s == b'0' {
                    c.is_ascii_digit()
                } else {
                    c == s
                }
            });
        if !fits {
            return None;
        }
        let mut digits = [0_u8; 10];
        let places = [5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
        for (digit, place) in digits.iter_mut().zip(places) {
            *digit = text[place];
        }
        Self::from_digits(number(&text[..4])?, &digits)
    }

    /// `rest` is `MMDDHHMMSS`.
    fn from_digits(year: i64, rest: &[u8]) -> Option<Self> {
        let field = |index: usize| number(&rest[index * 2..index * 2 + 2]);
        let (month, day) = (field(0)?, field(1)?);
        let (hour, minute, second) = (field(2)?, field(3)?, field(4)?);
        let valid = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then(|| {
            Self(days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
        })
    }

    /// The 15 content octets of the GeneralizedTime `YYYYMMDDHHMMSSZ`.
    #[must_use]
    pub fn to_generalized_time(self) -> [u8; 15] {
        let civil = self.civil();
        let clock = civil.second_of_day;
        let mut out = *b"00000000000000Z";
        put(&mut out[0..4], civil.year);
        put(&mut out[4..6], civil.month);
        put(&mut out[6..8], civil.day);
        put(&mut out[8..10], clock / 3600);
        put(&mut out[10..12], clock / 60 % 60);
        put(&mut out[12..14], clock % 60);
        out
    }

    /// Seconds from `earlier` to `self`; negative if it is the other way round.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    fn civil(self) -> Civil {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        Civil {
            year,
            month,
            day,
            second_of_day: self.0.rem_euclid(DAY),
        }
    }
}

impl Add<i64> for Timestamp {
    type Output = Self;
    /// Moves by seconds; stops at the ends of the calendar.
    fn add(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }
}

impl Sub<i64> for Timestamp {
    type Output = Self;
    fn sub(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_sub(seconds))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_generalized_time();
        // The fourteen digits and the Z are ASCII.
        let text = String::from_utf8_lossy(&text);
        write!(
            f,
            "{}-{}-{}T{}:{}:{}Z",
            &text[0..4],
            &text[4..6],
            &text[6..8],
            &text[8..10],
            &text[10..12],
            &text[12..14]
        )
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + i64::from(digit - b'0'))
    })
}

fn put(out: &mut [u8], mut value: i64) {
    for place in out.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date, counting years from March so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    // covers: W-TIME-1
    #[test]
    fn generalized_time_has_fifteen_characters_in_utc() {
        let t0 = Timestamp::from_rfc3339("2026-01-10T00:00:00Z").unwrap();
        assert_eq!(&t0.to_generalized_time(), b"20260110000000Z");
        assert_eq!(t0.unix(), 1_768_003_200);
        assert_eq!(t0.to_string(), "2026-01-10T00:00:00Z");
    }

    // covers: W-TIME-2
    #[test]
    fn generalized_time_of_any_other_shape_is_refused() {
        for text in [
            "202601100000Z",
            "20260110000000.0Z",
            "20260110000000+0000",
            "20260110000000",
            "20261310000000Z",
            "20260230000000Z",
            "20260110240000Z",
            "20260110006000Z",
            "20260110000060Z",
            "2026011000000aZ",
            "",
        ] {
            assert_eq!(
                Timestamp::from_generalized_time(text.as_bytes()),
                None,
                "{text}"
            );
        }
    }

    // covers: W-TIME-3
    #[test]
    fn utc_time_turns_at_fifty() {
        let year = |text: &str| {
            Timestamp::from_utc_time(text.as_bytes())
                .unwrap()
                .to_string()
        };
        assert_eq!(year("490101000000Z"), "2049-01-01T00:00:00Z");
        assert_eq!(year("500101000000Z"), "1950-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_utc_time(b"4901010000Z"), None);
        assert_eq!(Timestamp::from_utc_time(b"490101000000+0000"), None);
    }

    // covers: W-TIME-4
    #[test]
    fn end_of_the_calendar_round_trips_and_never_overflows() {
        let end = Timestamp::from_generalized_time(b"99991231235959Z").unwrap();
        assert_eq!(end, Timestamp::MAX);
        assert_eq!(&end.to_generalized_time(), b"99991231235959Z");
        assert_eq!(end + 1, Timestamp::MAX);
        assert_eq!(end + i64::MAX, Timestamp::MAX);
        assert!(end > Timestamp::from_rfc3339("2026-01-10T00:00:00Z").unwrap());
        assert_eq!(
            Timestamp::from_generalized_time(b"00000101000000Z"),
            Some(Timestamp::MIN)
        );
        assert_eq!(Timestamp::MIN - 1, Timestamp::MIN);
    }

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        for day in -200_000..200_000 {
            let (y, m, d) = civil_from_days(day);
            assert_eq!(days_from_civil(y, m, d), day);
            assert!((1..=days_in_month(y, m)).contains(&d));
        }
    }
}
