//! A serial number as people write it: hexadecimal as OpenSSL, Vault and Windows show it, or decimal as step-ca, EJBCA and
//! cfssl do. It is a number: notation is lost at this border.

use std::fmt;

/// A serial number, as minimal unsigned big-endian octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Serial(Vec<u8>);

/// More octets than this are refused; RFC 5280 4.1.2.2 allows 20, and some CAs do not care.
const LONGEST: usize = 255;

impl Serial {
    /// Reads `3D800A`, `3d:80:0a`, `0x3d800a`, `3d 80 0a`, with leading zeros or without; or digits, if it is decimal.
    ///
    /// # Errors
    /// What it is not.
    pub(crate) fn parse(text: &str, decimal: bool) -> Result<Self, String> {
        let octets = if decimal {
            from_decimal(text)
        } else {
            from_hex(text)
        };
        let kind = if decimal { "decimal" } else { "hexadecimal" };
        let hint = if decimal {
            "without --decimal, hexadecimal ones are read"
        } else {
            "such as 3D800A, 3d:80:0a or 0x3d800a; --decimal reads decimal ones"
        };
        let octets =
            octets.ok_or_else(|| format!("{text:?} is no {kind} serial number: {hint}"))?;
        let start = octets.iter().position(|octet| *octet != 0);
        let minimal = start.map_or(&[][..], |start| &octets[start..]);
        if minimal.len() > LONGEST {
            return Err(format!("a serial number of more than {LONGEST} octets"));
        }
        Ok(Self(minimal.to_vec()))
    }

    /// The number with these unsigned big-endian octets.
    pub(crate) fn from_unsigned(octets: &[u8]) -> Self {
        let start = octets.iter().position(|octet| *octet != 0);
        Self(start.map_or_else(Vec::new, |start| octets[start..].to_vec()))
    }

    /// The minimal unsigned big-endian octets; zero has none.
    pub(crate) fn unsigned(&self) -> &[u8] {
        &self.0
    }

    /// The content octets of the INTEGER.
    pub(crate) fn content(&self) -> Vec<u8> {
        match self.0.first() {
            Some(first) if *first < 0x80 => self.0.clone(),
            _ => [&[0], &self.0[..]].concat(),
        }
    }

    /// Decimal digits.
    pub(crate) fn to_decimal(&self) -> String {
        let mut digits: Vec<u8> = vec![0];
        for octet in &self.0 {
            let mut carry = u16::from(*octet);
            for digit in &mut digits {
                let value = u16::from(*digit) * 256 + carry;
                // A remainder by ten fits.
                *digit = u8::try_from(value % 10).unwrap_or(0);
                carry = value / 10;
            }
            while carry > 0 {
                digits.push(u8::try_from(carry % 10).unwrap_or(0));
                carry /= 10;
            }
        }
        digits
            .iter()
            .rev()
            .map(|digit| char::from(b'0' + digit))
            .collect()
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    let plain: Vec<u8> = if digits.contains([':', ' ']) {
        // Between separators stand one or two digits, and no separator stands alone.
        let mut plain = Vec::new();
        for part in digits.split([':', ' ']) {
            match part.as_bytes() {
                [one] => plain.extend([b'0', *one]),
                [one, two] => plain.extend([*one, *two]),
                _ => return None,
            }
        }
        plain
    } else {
        digits.bytes().collect()
    };
    if plain.is_empty() {
        return None;
    }
    let values: Option<Vec<u8>> = plain.iter().map(|digit| value(*digit, 16)).collect();
    let mut values = values?;
    if values.len() % 2 == 1 {
        values.insert(0, 0);
    }
    let (pairs, _) = values.as_chunks::<2>();
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn from_decimal(text: &str) -> Option<Vec<u8>> {
    // Three digits for each octet are more than enough.
    if text.is_empty() || text.len() > LONGEST * 3 {
        return None;
    }
    let mut octets: Vec<u8> = Vec::new();
    for digit in text.bytes() {
        let mut carry = u16::from(value(digit, 10)?);
        for octet in octets.iter_mut().rev() {
            let [high, low] = (u16::from(*octet) * 10 + carry).to_be_bytes();
            *octet = low;
            carry = u16::from(high);
        }
        if carry > 0 {
            // A carry is below ten.
            octets.insert(0, u8::try_from(carry).unwrap_or(0));
        }
    }
    Some(octets)
}

fn value(digit: u8, base: u32) -> Option<u8> {
    char::from(digit)
        .to_digit(base)
        .and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for Serial {
    /// As OpenSSL prints it: upper case, an even number of digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("00");
        }
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_is_the_same_number() {
        for text in [
            "3D800A",
            "3d800a",
            "0x3d800a",
            "0X3D800A",
            "3d:80:0a",
            "3d:80:a",
            "00:3d:80:0a",
            "0003D800A",
            "3D 80 0A",
        ] {
            let serial = Serial::parse(text, false).unwrap();
            assert_eq!(serial.to_string(), "3D800A", "{text}");
            assert_eq!(serial.to_decimal(), "4030474", "{text}");
        }
        for text in ["4030474", "0004030474"] {
            assert_eq!(Serial::parse(text, true).unwrap().to_string(), "3D800A");
        }
        assert_eq!(Serial::parse("1001", false).unwrap().to_string(), "1001");
        assert_eq!(Serial::parse("1001", true).unwrap().to_string(), "03E9");
    }

    #[test]
    fn large_numbers_keep_every_digit() {
        let hex = "C1D2E3F405162738495A6B7C8D9EAFB0";
        let serial = Serial::parse(hex, false).unwrap();
        let decimal = serial.to_decimal();
        assert_eq!(decimal, "257636008967006966309845178238742998960");
        assert_eq!(Serial::parse(&decimal, true), Ok(serial.clone()));
        assert_eq!(serial.content()[..2], [0, 0xC1]);
    }

    #[test]
    fn zero_is_a_number() {
        for (text, decimal) in [("0", false), ("00", false), ("0", true), ("0x0", false)] {
            let serial = Serial::parse(text, decimal).unwrap();
            assert_eq!(
                (serial.to_string().as_str(), serial.content()),
                ("00", vec![0])
            );
            assert_eq!(serial.to_decimal(), "0");
        }
    }

    #[test]
    fn everything_else_is_refused_with_an_example() {
        for text in [
            "", "0x", "xyz", "-1", "3d::80", ":3d", "3d80:0a", "3d,80", "0x0x1", "١",
        ] {
            let why = Serial::parse(text, false).unwrap_err();
            assert!(why.contains("3d:80:0a"), "{text}: {why}");
        }
        for text in ["", "1a", "-1", "1 0", "0x1"] {
            assert!(Serial::parse(text, true).is_err(), "{text}");
        }
        assert!(Serial::parse(&"f".repeat(511), false).is_err());
        assert!(Serial::parse(&"f".repeat(510), false).is_ok());
    }
}
