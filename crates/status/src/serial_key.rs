//! The number of a certificate, owned: the key under which sources store it and caches forget it.

use core::fmt;
use core::hash::{Hash, Hasher};

use certvouch_types::SerialNumber;
use certvouch_types::limits::MAX_SERIAL_OCTETS;

/// A serial number as minimal unsigned big-endian octets; zero has none.
///
/// Leading zeros and the case of digits are gone, so equality of keys is equality of numbers.
#[derive(Clone)]
pub struct SerialKey(Octets);

/// Serial numbers that can be asked for (RFC 5280 4.1.2.2: 20 octets) need no heap.
#[derive(Clone)]
enum Octets {
    Inline {
        length: u8,
        octets: [u8; MAX_SERIAL_OCTETS],
    },
    Heap(Box<[u8]>),
}

impl SerialKey {
    /// The key of the number with these unsigned big-endian octets; leading zeros do not count.
    #[must_use]
    pub fn new(unsigned: &[u8]) -> Self {
        let minimal = minimal(unsigned);
        let mut octets = [0; MAX_SERIAL_OCTETS];
        match (octets.get_mut(..minimal.len()), u8::try_from(minimal.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(minimal);
                Self(Octets::Inline { length, octets })
            }
            _ => Self(Octets::Heap(minimal.into())),
        }
    }

    /// The key of a serial number from a request; a negative number has none.
    #[must_use]
    pub fn of(serial: &SerialNumber<'_>) -> Option<Self> {
        serial.unsigned().map(Self::new)
    }

    /// The minimal unsigned big-endian octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        match &self.0 {
            Octets::Inline { length, octets } => &octets[..usize::from(*length)],
            Octets::Heap(octets) => octets,
        }
    }
}

/// The octets without leading zeros.
pub(crate) fn minimal(unsigned: &[u8]) -> &[u8] {
    let zeros = unsigned.iter().take_while(|octet| **octet == 0).count();
    &unsigned[zeros..]
}

impl AsRef<[u8]> for SerialKey {
    fn as_ref(&self) -> &[u8] {
        self.octets()
    }
}

impl PartialEq for SerialKey {
    fn eq(&self, other: &Self) -> bool {
        self.octets() == other.octets()
    }
}

impl Eq for SerialKey {}

impl Hash for SerialKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets().hash(state);
    }
}

impl PartialOrd for SerialKey {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SerialKey {
    /// By the number.
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        let (a, b) = (self.octets(), other.octets());
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    }
}

impl fmt::Display for SerialKey {
    /// Upper-case hex with an even number of digits, as OpenSSL prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.octets() {
            [] => f.write_str("00"),
            octets => octets.iter().try_for_each(|octet| write!(f, "{octet:02X}")),
        }
    }
}

impl fmt::Debug for SerialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_number_are_equal_and_ordered_by_it() {
        assert_eq!(SerialKey::new(&[0, 0, 1]), SerialKey::new(&[1]));
        assert_eq!(SerialKey::new(&[0]).to_string(), "00");
        assert_eq!(SerialKey::new(&[0x0A, 0xB0]).to_string(), "0AB0");
        assert!(SerialKey::new(&[2]) < SerialKey::new(&[1, 0]));
        let long = SerialKey::new(&[7; 30]);
        assert_eq!(long.octets(), [7; 30]);
        assert!(long > SerialKey::new(&[9; 20]));
        let of = |content: &[u8]| SerialKey::of(&SerialNumber::from_content(content));
        assert_eq!(of(&[0, 0x80]), Some(SerialKey::new(&[0x80])));
        assert_eq!(of(&[0x80]), None);
    }
}
