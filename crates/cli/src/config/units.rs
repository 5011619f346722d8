//! Durations and sizes as people write them: `90s`, `5m`, `1h`, `4d`, `7y`; `64KiB`, `256MiB`.
//!
//! A bare number is refused, since nobody remembers which unit it would have. A year has 365 days (a retention of
//! seven years is a promise of at least that, so leap days are the operator's to add).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use certvouch_fetch::Network;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(u32);

/// A number of octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

/// A network, by the text that the operator wrote: `10.0.0.0/8`, or one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkText(String, Network);

const PERIODS: [(&str, u32); 6] = [
    ("y", 365 * 86_400),
    ("w", 7 * 86_400),
    ("d", 86_400),
    ("h", 3600),
    ("m", 60),
    ("s", 1),
];

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Period {
    /// From seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// In seconds.
    #[must_use]
    pub fn secs(self) -> i64 {
        i64::from(self.0)
    }

    /// For timers.
    #[must_use]
    pub fn to_std(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl Size {
    /// From octets.
    #[must_use]
    pub const fn from_octets(octets: u64) -> Self {
        Self(octets)
    }

    /// In octets.
    #[must_use]
    pub const fn octets(self) -> u64 {
        self.0
    }

    /// As a length in memory; a size beyond what this machine can address is as large as it can be.
    #[must_use]
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl NetworkText {
    /// For the rules about addresses.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.1
    }
}

impl FromStr for NetworkText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(|network| Self(text.to_owned(), network))
    }
}

impl fmt::Display for NetworkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NetworkText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for NetworkText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let factor = PERIODS.iter().find(|(name, _)| *name == unit);
        let value = number.parse::<u32>().ok();
        match (value, factor) {
            (Some(value), Some((_, factor))) => value
                .checked_mul(*factor)
                .map(Self)
                .ok_or_else(|| format!("{text:?} is more than 136 years")),
            _ => Err(format!(
                "{text:?} is no duration: a whole number and one of the units s, m, h, d, w, y, such as \"90s\" or \"4d\""
            )),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split(text);
        let factor = SIZES.iter().find(|(name, _)| *name == unit);
        let value = number.parse::<u64>().ok();
        match (value, factor) {
            (Some(value), Some((_, factor))) => value
                .checked_mul(*factor)
                .map(Self)
                .ok_or_else(|| format!("{text:?} is too large")),
            _ => Err(format!(
                "{text:?} is no size: a whole number and one of the units B, KiB, MiB, GiB, such as \"64KiB\""
            )),
        }
    }
}

/// The digits in front, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

impl fmt::Display for Period {
    /// In the largest unit that divides it, so that reading it again gives the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, factor): &&(&str, u32)| self.0 != 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = PERIODS.iter().find(divides).unwrap_or(&("s", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl fmt::Display for Size {
    /// In the largest unit that divides it, so that reading it again gives the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, factor): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = SIZES.iter().find(divides).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_every_unit_are_read() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("5m", 300),
            ("1h", 3600),
            ("4d", 345_600),
            ("2w", 1_209_600),
            ("7y", 220_752_000),
        ] {
            assert_eq!(text.parse::<Period>().unwrap().secs(), seconds, "{text}");
        }
    }

    #[test]
    fn durations_without_unit_or_number_are_refused_with_an_example() {
        for text in [
            "", "90", "h", "1.5h", "-1h", "1 h", "1hour", "1H", "1h30m", "١h",
        ] {
            let why = text.parse::<Period>().unwrap_err();
            assert!(why.contains("\"90s\""), "{text}: {why}");
        }
        let why = "137y".parse::<Period>().unwrap_err();
        assert!(why.contains("136 years"), "{why}");
    }

    #[test]
    fn sizes_are_binary_and_bare_numbers_are_refused() {
        for (text, octets) in [
            ("0B", 0),
            ("64KiB", 65_536),
            ("256MiB", 1 << 28),
            ("2GiB", 1 << 31),
        ] {
            assert_eq!(text.parse::<Size>().unwrap().octets(), octets, "{text}");
        }
        for text in ["", "64", "64k", "64KB", "64 KiB", "-1B"] {
            let why = text.parse::<Size>().unwrap_err();
            assert!(why.contains("\"64KiB\""), "{text}: {why}");
        }
        assert!("99999999999999999999GiB".parse::<Size>().is_err());
        assert!(
            "99999999999GiB"
                .parse::<Size>()
                .unwrap_err()
                .contains("too large")
        );
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same() {
        for seconds in [
            0,
            1,
            59,
            60,
            90,
            3600,
            5400,
            86_400,
            604_800,
            31_536_000,
            u32::MAX,
        ] {
            let period = Period::from_secs(seconds);
            assert_eq!(period.to_string().parse::<Period>(), Ok(period));
        }
        for octets in [0, 1, 1023, 1024, 65_536, (1 << 20) + 1, 1 << 30, u64::MAX] {
            let size = Size::from_octets(octets);
            assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }
        assert_eq!(Period::from_secs(3600).to_string(), "1h");
        assert_eq!(Size::from_octets(65_536).to_string(), "64KiB");
    }
}
