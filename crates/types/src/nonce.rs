//! The nonce extension: an OCTET STRING inside the OCTET STRING of the extension.

use core::fmt;

use crate::der::{Reader, tag};
use crate::limits::MAX_NONCE_OCTETS;

/// `Nonce ::= OCTET STRING (SIZE(1..128))` (RFC 9654 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce<'a>(&'a [u8]);

/// Why an extnValue is not a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceFault {
    /// The inner OCTET STRING is empty or longer than 128 octets.
    Length(usize),
    /// The extnValue is not exactly one OCTET STRING. Old clients put the raw octets there
    /// (requirements D-16).
    NotWrapped,
}

impl fmt::Display for NonceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "a nonce of {length} octets; 1 to 128 are allowed"),
            Self::NotWrapped => f.write_str("the nonce is not an OCTET STRING inside extnValue"),
        }
    }
}

impl<'a> Nonce<'a> {
    /// Reads the content of an extnValue.
    ///
    /// # Errors
    /// [`NonceFault`]; the length is counted on the inner octets.
    pub fn from_extn_value(value: &'a [u8]) -> Result<Self, NonceFault> {
        let mut reader = Reader::new(value);
        let inner = reader
            .required(tag::OCTET_STRING, "Nonce")
            .map_err(|_| NonceFault::NotWrapped)?;
        reader.finish("Nonce").map_err(|_| NonceFault::NotWrapped)?;
        match inner.value.len() {
            1..=MAX_NONCE_OCTETS => Ok(Self(inner.value)),
            length => Err(NonceFault::Length(length)),
        }
    }

    /// The octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::der::push;

    fn wrapped(length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, tag::OCTET_STRING, &vec![0xA5; length]);
        out
    }

    // covers: R9654-2.1-1, R9654-2.1-4
    #[test]
    fn nonce_length_is_counted_on_the_inner_octets() {
        for length in [1, 15, 16, 32, 33, 127, 128] {
            assert_eq!(
                Nonce::from_extn_value(&wrapped(length))
                    .unwrap()
                    .as_bytes()
                    .len(),
                length
            );
        }
        assert_eq!(
            Nonce::from_extn_value(&wrapped(0)),
            Err(NonceFault::Length(0))
        );
        assert_eq!(
            Nonce::from_extn_value(&wrapped(129)),
            Err(NonceFault::Length(129))
        );
    }

    // covers: E-22
    #[test]
    fn nonce_that_is_not_exactly_one_octet_string_is_refused() {
        let mut two = wrapped(16);
        two.push(0);
        for raw in [&[][..], &[0xA5; 16], &[0x04, 0x02, 0x01], &two] {
            assert_eq!(Nonce::from_extn_value(raw), Err(NonceFault::NotWrapped));
        }
    }
}
