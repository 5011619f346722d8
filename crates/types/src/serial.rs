//! Certificate serial numbers, compared as numbers and never as text.

use core::fmt;

use crate::limits::MAX_SERIAL_OCTETS;

/// The `CertificateSerialNumber ::= INTEGER` of a certificate or CertID, by its content octets.
///
/// DER makes the octets of one number unique, so equality of octets is equality of numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber<'a>(&'a [u8]);

impl<'a> SerialNumber<'a> {
    /// Takes content octets that a reader found to be a DER INTEGER.
    #[must_use]
    pub const fn from_content(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// The content octets, two's complement.
    #[must_use]
    pub const fn content(&self) -> &'a [u8] {
        self.0
    }

    /// Whether the content has at most 20 octets (RFC 5280 4.1.2.2, requirements E-19).
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.0.len() <= MAX_SERIAL_OCTETS
    }

    /// The number as minimal unsigned big-endian octets, which is the key under which sources store it.
    ///
    /// Zero gives an empty slice. A negative number gives nothing: no CA may use one, so nobody has issued it.
    #[must_use]
    pub fn unsigned(&self) -> Option<&'a [u8]> {
        match self.0 {
            [] => None,
            [first, ..] if first & 0x80 != 0 => None,
            [0, rest @ ..] => Some(rest),
            all => Some(all),
        }
    }
}

impl fmt::Display for SerialNumber<'_> {
    /// Upper-case hex as OpenSSL prints it: an even number of digits, `-` in front of a negative number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unsigned() {
            Some([]) => f.write_str("00"),
            Some(octets) => octets.iter().try_for_each(|octet| write!(f, "{octet:02X}")),
            None => {
                f.write_str("-")?;
                // Two's complement: the magnitude is the complement plus one, carried from the right.
                let last = self.0.iter().rposition(|octet| *octet != 0).unwrap_or(0);
                self.0.iter().enumerate().try_for_each(|(index, octet)| {
                    let magnitude = match index.cmp(&last) {
                        core::cmp::Ordering::Less => !octet,
                        core::cmp::Ordering::Equal => (!octet).wrapping_add(1),
                        core::cmp::Ordering::Greater => 0,
                    };
                    write!(f, "{magnitude:02X}")
                })
            }
        }
    }
}

impl fmt::Debug for SerialNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn unsigned_drops_the_sign_octet_only() {
        assert_eq!(SerialNumber(&[0x00, 0x80]).unsigned(), Some(&[0x80][..]));
        assert_eq!(SerialNumber(&[0x7F]).unsigned(), Some(&[0x7F][..]));
        assert_eq!(SerialNumber(&[0x00]).unsigned(), Some(&[][..]));
        assert_eq!(SerialNumber(&[0x80]).unsigned(), None);
    }

    #[test]
    fn display_is_even_hex_with_a_sign() {
        assert_eq!(SerialNumber(&[0x00]).to_string(), "00");
        assert_eq!(SerialNumber(&[0x01, 0x0A]).to_string(), "010A");
        assert_eq!(SerialNumber(&[0x00, 0xFF]).to_string(), "FF");
        assert_eq!(SerialNumber(&[0xFF]).to_string(), "-01");
        assert_eq!(SerialNumber(&[0xFF, 0x00]).to_string(), "-0100");
    }
}
