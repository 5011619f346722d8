//! Moments as programs write them (RFC 3339): with an offset, with fractions of a second.

use certvouch_types::Timestamp;

/// Reads a date-time of RFC 3339 5.6. Fractions of a second are left out: statuses have none.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let date_and_time = text.get(..19)?.to_ascii_uppercase();
    // "T" may be a blank (5.6, note).
    let (date, time) = (date_and_time.get(..10)?, date_and_time.get(11..)?);
    if !matches!(date_and_time.as_bytes().get(10), Some(b'T' | b' ')) {
        return None;
    }
    let rest = text.get(19..)?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            (digits > 0).then(|| fraction.get(digits..))??
        }
        None => rest,
    };
    let at = Timestamp::from_rfc3339(&format!("{date}T{time}Z"))?;
    // Local time is ahead of UTC by its offset.
    Some(Timestamp::from_unix(at.unix() - seconds(offset)?))
}

/// `Z`, or `±HH:MM`.
fn seconds(offset: &str) -> Option<i64> {
    if offset.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let octets = offset.as_bytes();
    let (sign, digits) = octets.split_first()?;
    let [h1, h2, b':', m1, m2] = digits else {
        return None;
    };
    let number = |tens: &u8, ones: &u8| {
        let both = [*tens, *ones];
        let text = std::str::from_utf8(&both).ok()?;
        text.bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| text.parse::<i64>().ok())?
    };
    let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_in_all_its_spellings() {
        for text in [
            "2026-11-23T09:00:00Z",
            "2026-11-23t09:00:00z",
            "2026-11-23 09:00:00Z",
            "2026-11-23T09:00:00.123456Z",
            "2026-11-23T09:00:00+00:00",
            "2026-11-23T10:30:00.5+01:30",
            "2026-11-22T23:00:00-10:00",
        ] {
            let at = moment(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at.to_string(), "2026-11-23T09:00:00Z", "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T09:00:00",
            "2026-11-23T09:00:00.Z",
            "2026-11-23T09:00:00+0100",
            "2026-11-23T09:00:00+1:00",
            "2026-11-23T09:00:00+24:00",
            "2026-11-23T25:00:00Z",
            "2026-02-30T09:00:00Z",
            "2026-11-23T09:00:00Z ",
            "2026-11-23T09:00:0é",
            "20é6-11-23T09:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
