//! Extensions, at every level of requests, responses and certificates.
//!
//! [`Extensions`] keeps the list as received and walks it on demand; [`values`] holds what stands inside the
//! extensions of OCSP.

pub mod values;

use crate::der::{Element, Reader, tag};
use crate::error::{DecodeError, Why};
use crate::limits::MAX_EXTENSIONS;
use crate::oid::Oid;

/// ```asn1
/// Extension ::= SEQUENCE {
///     extnID     OBJECT IDENTIFIER,
///     critical   BOOLEAN DEFAULT FALSE,
///     extnValue  OCTET STRING }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// Which extension it is.
    pub oid: Oid<'a>,
    /// Whether it must not be ignored.
    pub critical: bool,
    /// The content of extnValue.
    pub value: &'a [u8],
    /// The offset of `value` in the outermost input.
    pub value_at: usize,
    /// The whole SEQUENCE as received.
    pub raw: &'a [u8],
    /// The offset of the SEQUENCE in the outermost input.
    pub at: usize,
}

impl<'a> Extension<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// Not DER, members missing or left over, or FALSE spelled out (X.690 11.5).
    pub fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let element = reader.required(tag::SEQUENCE, what)?;
        let mut inner = element.contents();
        let oid = inner.oid("Extension.extnID")?;
        let critical = match inner.peek() {
            Some(tag::BOOLEAN) => {
                let at = inner.offset();
                let critical = inner.boolean("Extension.critical")?;
                if !critical {
                    return Err(DecodeError::new("Extension.critical", at, Why::BadBoolean));
                }
                true
            }
            _ => false,
        };
        let value = inner.required(tag::OCTET_STRING, "Extension.extnValue")?;
        inner.finish("Extension")?;
        Ok(Self {
            oid,
            critical,
            value: value.value,
            value_at: value.value_at(),
            raw: element.raw,
            at: element.at,
        })
    }

    /// A reader over the content of extnValue, with offsets of the outermost input.
    #[must_use]
    pub const fn contents(&self) -> Reader<'a> {
        Reader::at(self.value, self.value_at)
    }
}

/// `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`, or none at all.
///
/// Every member was read once when the list was parsed, and no OID stands in it twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    content: &'a [u8],
    at: usize,
    raw: &'a [u8],
    count: usize,
}

impl<'a> Extensions<'a> {
    /// Reads the SEQUENCE that `explicit`, an `[n] EXPLICIT` wrapper, holds.
    ///
    /// # Errors
    /// Not DER, an empty list, an OID twice, or more members than [`MAX_EXTENSIONS`].
    pub fn from_explicit(explicit: Element<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let mut reader = explicit.contents();
        let extensions = Self::read(&mut reader, what)?;
        reader.finish(what)?;
        Ok(extensions)
    }

    /// Reads the SEQUENCE that comes next.
    ///
    /// # Errors
    /// As [`Extensions::from_explicit`].
    pub fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let list = reader.required(tag::SEQUENCE, what)?;
        let mut rest = list.contents();
        if rest.is_empty() {
            return Err(rest.fail(what, Why::Empty));
        }
        let mut count = 0;
        while !rest.is_empty() {
            let extension = Extension::read(&mut rest, what)?;
            let mut earlier = list.contents();
            for _ in 0..count {
                // Read a moment ago without an error, so it reads again.
                if Extension::read(&mut earlier, what)?.oid == extension.oid {
                    return Err(DecodeError::new(
                        what,
                        extension.at,
                        Why::DuplicateExtension,
                    ));
                }
            }
            count += 1;
            if count > MAX_EXTENSIONS {
                return Err(DecodeError::new(what, extension.at, Why::OutOfRange));
            }
        }
        Ok(Self {
            content: list.value,
            at: list.value_at(),
            raw: list.raw,
            count,
        })
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut reader = Reader::at(self.content, self.at);
        // Every member was read without an error when the list was parsed.
        core::iter::from_fn(move || Extension::read(&mut reader, "Extension").ok())
    }

    /// The member with this OID.
    #[must_use]
    pub fn find(&self, oid: Oid<'_>) -> Option<Extension<'a>> {
        self.iter().find(|extension| extension.oid == oid)
    }

    /// The number of members.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no extension.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The whole SEQUENCE as received; empty if there is none.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(input: &[u8]) -> Result<Extensions<'_>, DecodeError> {
        Extensions::read(&mut Reader::new(input), "Extensions")
    }

    // covers: E-20
    #[test]
    fn list_that_is_empty_or_names_an_extension_twice_is_refused() {
        assert_eq!(list(&[0x30, 0x00]).unwrap_err().why, Why::Empty);
        let one = [0x30, 0x06, 0x06, 0x02, 0x2A, 0x03, 0x04, 0x00];
        let mut twice = alloc::vec![0x30, 0x10];
        twice.extend(one);
        twice.extend(one);
        let error = list(&twice).unwrap_err();
        assert_eq!((error.why, error.at), (Why::DuplicateExtension, 10));
    }

    #[test]
    fn false_spelled_out_is_not_der() {
        let input = [
            0x30, 0x0B, 0x30, 0x09, 0x06, 0x02, 0x2A, 0x03, 0x01, 0x01, 0x00, 0x04, 0x00,
        ];
        assert_eq!(list(&input).unwrap_err().why, Why::BadBoolean);
    }

    #[test]
    fn critical_member_is_found_with_its_offset() {
        let input = [
            0x30, 0x0C, 0x30, 0x0A, 0x06, 0x02, 0x2A, 0x03, 0x01, 0x01, 0xFF, 0x04, 0x01, 7,
        ];
        let extensions = list(&input).unwrap();
        let oid = Oid::from_content(&[0x2A, 0x03]).unwrap();
        let found = extensions.find(oid).unwrap();
        assert!(found.critical);
        assert_eq!((found.value, found.value_at, found.at), (&[7][..], 13, 2));
        assert_eq!(extensions.len(), 1);
    }
}
