//! Reading DER: one element after the other, with absolute offsets.

use super::tag;
use crate::error::{DecodeError, Why};
use crate::limits::MAX_LENGTH_OCTETS;
use crate::oid::Oid;
use crate::time::Timestamp;

/// One tag-length-value triple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The content octets.
    pub value: &'a [u8],
    /// The whole triple as received.
    pub raw: &'a [u8],
    /// The offset of the identifier octet in the outermost input.
    pub at: usize,
}

impl<'a> Element<'a> {
    /// The offset of the first content octet in the outermost input.
    #[must_use]
    pub fn value_at(&self) -> usize {
        self.at + (self.raw.len() - self.value.len())
    }

    /// A reader over the content.
    #[must_use]
    pub fn contents(&self) -> Reader<'a> {
        Reader::at(self.value, self.value_at())
    }
}

/// A cursor over the content of one constructed value (or over a whole message).
///
/// Every method takes `what`, the name of the field for the error message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of a message.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self::at(input, 0)
    }

    /// Starts inside a message, `at` octets from its beginning.
    #[must_use]
    pub const fn at(input: &'a [u8], at: usize) -> Self {
        Self { rest: input, at }
    }

    /// The offset of the next octet in the outermost input.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Whether everything was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next identifier octet, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The error `why` at the current position.
    #[must_use]
    pub const fn fail(&self, what: &'static str, why: Why) -> DecodeError {
        DecodeError::new(what, self.at, why)
    }

    /// Reads the next element, whatever its tag.
    ///
    /// # Errors
    /// The input ends early, or the tag or length is not DER.
    pub fn next(&mut self, what: &'static str) -> Result<Element<'a>, DecodeError> {
        let (&tag, after_tag) = self
            .rest
            .split_first()
            .ok_or_else(|| self.fail(what, Why::Truncated))?;
        if tag & 0x1F == 0x1F {
            return Err(self.fail(what, Why::UnsupportedTag));
        }
        let length_at = self.at + 1;
        let (length, length_octets) =
            read_length(after_tag).map_err(|why| DecodeError::new(what, length_at, why))?;
        let header = 1 + length_octets;
        let end = header
            .checked_add(length)
            .filter(|end| *end <= self.rest.len());
        let Some(end) = end else {
            return Err(DecodeError::new(what, length_at, Why::Truncated));
        };
        let (raw, rest) = self.rest.split_at(end);
        let element = Element {
            tag,
            value: &raw[header..],
            raw,
            at: self.at,
        };
        self.rest = rest;
        self.at += end;
        Ok(element)
    }

    /// Reads the next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::next`], or another tag.
    pub fn required(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, DecodeError> {
        match self.peek() {
            Some(found) if found == tag => self.next(what),
            Some(found) => Err(self.fail(
                what,
                Why::UnexpectedTag {
                    expected: tag,
                    found,
                },
            )),
            None => Err(self.fail(what, Why::Truncated)),
        }
    }

    /// Reads the next element if it has this tag.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn optional(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<Option<Element<'a>>, DecodeError> {
        if self.peek() == Some(tag) {
            self.next(what).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Enters the SEQUENCE that comes next.
    ///
    /// # Errors
    /// As [`Reader::required`].
    pub fn sequence(&mut self, what: &'static str) -> Result<Self, DecodeError> {
        Ok(self.required(tag::SEQUENCE, what)?.contents())
    }

    /// Says that nothing may follow.
    ///
    /// # Errors
    /// [`Why::TrailingData`] at the first octet left over.
    pub fn finish(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.fail(what, Why::TrailingData))
        }
    }

    /// Reads an INTEGER and gives its content octets (two's complement, minimal).
    ///
    /// # Errors
    /// As [`Reader::required`], or [`Why::BadInteger`].
    pub fn integer(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let element = self.required(tag::INTEGER, what)?;
        check_integer(element.value)
            .map_err(|why| DecodeError::new(what, element.value_at(), why))?;
        Ok(element.value)
    }

    /// Reads an ENUMERATED of one octet.
    ///
    /// # Errors
    /// As [`Reader::required`], or [`Why::OutOfRange`] for anything but one octet 0..127.
    pub fn enumerated(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        let element = self.required(tag::ENUMERATED, what)?;
        match element.value {
            [value @ 0..=127] => Ok(*value),
            other => {
                let why = if check_integer(other).is_err() {
                    Why::BadInteger
                } else {
                    Why::OutOfRange
                };
                Err(DecodeError::new(what, element.value_at(), why))
            }
        }
    }

    /// Reads an OCTET STRING.
    ///
    /// # Errors
    /// As [`Reader::required`].
    pub fn octet_string(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        Ok(self.required(tag::OCTET_STRING, what)?.value)
    }

    /// Reads a BIT STRING and gives its octets and the number of unused bits in the last one.
    ///
    /// # Errors
    /// As [`Reader::required`], or [`Why::BadBitString`].
    pub fn bit_string(&mut self, what: &'static str) -> Result<(&'a [u8], u8), DecodeError> {
        let element = self.required(tag::BIT_STRING, what)?;
        let bad = DecodeError::new(what, element.value_at(), Why::BadBitString);
        let (&unused, bits) = element.value.split_first().ok_or(bad)?;
        let mask = if unused > 7 {
            return Err(bad);
        } else {
            (1_u8 << unused) - 1
        };
        match bits.last() {
            None if unused != 0 => Err(bad),
            Some(last) if last & mask != 0 => Err(bad),
            _ => Ok((bits, unused)),
        }
    }

    /// Reads a BIT STRING of whole octets, as keys and signatures are.
    ///
    /// # Errors
    /// As [`Reader::bit_string`], or unused bits.
    pub fn bit_string_octets(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let at = self.at;
        match self.bit_string(what)? {
            (bits, 0) => Ok(bits),
            _ => Err(DecodeError::new(what, at, Why::BadBitString)),
        }
    }

    /// Reads an OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// As [`Reader::required`], or [`Why::BadOid`].
    pub fn oid(&mut self, what: &'static str) -> Result<Oid<'a>, DecodeError> {
        let element = self.required(tag::OID, what)?;
        Oid::from_content(element.value)
            .ok_or_else(|| DecodeError::new(what, element.value_at(), Why::BadOid))
    }

    /// Reads a BOOLEAN.
    ///
    /// # Errors
    /// As [`Reader::required`], or [`Why::BadBoolean`] for anything but `00` and `FF`.
    pub fn boolean(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        let element = self.required(tag::BOOLEAN, what)?;
        match element.value {
            [0x00] => Ok(false),
            [0xFF] => Ok(true),
            _ => Err(DecodeError::new(what, element.value_at(), Why::BadBoolean)),
        }
    }

    /// Reads a GeneralizedTime of the one form that OCSP allows, `YYYYMMDDHHMMSSZ`.
    ///
    /// # Errors
    /// As [`Reader::required`], or [`Why::BadTime`].
    pub fn generalized_time(&mut self, what: &'static str) -> Result<Timestamp, DecodeError> {
        let element = self.required(tag::GENERALIZED_TIME, what)?;
        Timestamp::from_generalized_time(element.value)
            .ok_or_else(|| DecodeError::new(what, element.value_at(), Why::BadTime))
    }

    /// Reads a `Time` (UTCTime or GeneralizedTime), as certificates and CRLs have it.
    ///
    /// # Errors
    /// As [`Reader::next`], or [`Why::BadTime`].
    pub fn time(&mut self, what: &'static str) -> Result<Timestamp, DecodeError> {
        if self.peek() != Some(tag::UTC_TIME) {
            return self.generalized_time(what);
        }
        let element = self.next(what)?;
        Timestamp::from_utc_time(element.value)
            .ok_or_else(|| DecodeError::new(what, element.value_at(), Why::BadTime))
    }
}

/// Reads a DER length: its value, and the number of octets it took.
fn read_length(input: &[u8]) -> Result<(usize, usize), Why> {
    let (&first, rest) = input.split_first().ok_or(Why::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), 1));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 {
        return Err(Why::IndefiniteLength);
    }
    if count > MAX_LENGTH_OCTETS {
        return Err(Why::LengthTooLong);
    }
    let octets = rest.get(..count).ok_or(Why::Truncated)?;
    let length = octets
        .iter()
        .fold(0_usize, |length, octet| (length << 8) | usize::from(*octet));
    // X.690 10.1: the fewest octets possible, and the short form below 128.
    if octets[0] == 0 || length < 0x80 {
        return Err(Why::LengthNotMinimal);
    }
    Ok((length, 1 + count))
}

/// X.690 8.3.2: at least one octet, and the first nine bits neither all zero nor all one.
fn check_integer(content: &[u8]) -> Result<(), Why> {
    match content {
        [] => Err(Why::BadInteger),
        [0x00, second, ..] if second & 0x80 == 0 => Err(Why::BadInteger),
        [0xFF, second, ..] if second & 0x80 != 0 => Err(Why::BadInteger),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(input: &[u8]) -> Result<Element<'_>, DecodeError> {
        Reader::new(input).next("x")
    }

    // covers: E-15
    #[test]
    fn length_of_any_but_the_shortest_form_is_refused() {
        let why = |input: &[u8]| next(input).unwrap_err().why;
        assert_eq!(why(&[0x04]), Why::Truncated);
        assert_eq!(why(&[0x04, 0x02, 0x01]), Why::Truncated);
        assert_eq!(why(&[0x04, 0x80, 0x00, 0x00]), Why::IndefiniteLength);
        assert_eq!(why(&[0x04, 0x81, 0x01, 0x00]), Why::LengthNotMinimal);
        assert_eq!(why(&[0x04, 0x82, 0x00, 0x80]), Why::LengthNotMinimal);
        assert_eq!(why(&[0x04, 0x85, 1, 0, 0, 0, 0]), Why::LengthTooLong);
        assert_eq!(why(&[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), Why::Truncated);
        assert_eq!(why(&[0x1F, 0x01, 0x00]), Why::UnsupportedTag);
    }

    #[test]
    fn error_gives_the_offset_in_the_outermost_input() {
        // SEQUENCE { OCTET STRING(1), INTEGER 00 01 (padded) }
        let input = [0x30, 0x07, 0x04, 0x01, 0xAA, 0x02, 0x02, 0x00, 0x01];
        let mut outer = Reader::new(&input);
        let mut inner = outer.sequence("outer").unwrap();
        inner.octet_string("first").unwrap();
        let error = inner.integer("second").unwrap_err();
        assert_eq!(error, DecodeError::new("second", 7, Why::BadInteger));
    }

    // covers: E-15
    #[test]
    fn integers_bits_and_booleans_are_strict() {
        assert!(Reader::new(&[2, 2, 0x00, 0x7F]).integer("i").is_err());
        assert!(Reader::new(&[2, 2, 0xFF, 0x80]).integer("i").is_err());
        assert!(Reader::new(&[2, 0]).integer("i").is_err());
        assert_eq!(
            Reader::new(&[2, 2, 0x00, 0x80]).integer("i"),
            Ok(&[0x00, 0x80][..])
        );
        assert!(Reader::new(&[1, 1, 0x01]).boolean("b").is_err());
        assert!(Reader::new(&[1, 2, 0xFF, 0xFF]).boolean("b").is_err());
        assert!(Reader::new(&[3, 0]).bit_string("s").is_err());
        assert!(Reader::new(&[3, 2, 8, 0]).bit_string("s").is_err());
        assert!(Reader::new(&[3, 2, 1, 0x01]).bit_string("s").is_err());
        assert!(Reader::new(&[3, 1, 1]).bit_string("s").is_err());
        assert_eq!(
            Reader::new(&[3, 2, 1, 0x02]).bit_string("s"),
            Ok((&[0x02][..], 1))
        );
        assert!(
            Reader::new(&[3, 2, 1, 0x02])
                .bit_string_octets("s")
                .is_err()
        );
    }

    #[test]
    fn trailing_data_is_found_where_it_begins() {
        let mut reader = Reader::new(&[5, 0, 9]);
        reader.next("null").unwrap();
        assert_eq!(
            reader.finish("m"),
            Err(DecodeError::new("m", 2, Why::TrailingData))
        );
    }
}
