//! The one error of reading: what was being read, where in the input, and why it failed.

use core::fmt;

/// Bytes that are not what they should be.
///
/// `at` counts octets from the start of the buffer that was given to the outermost `parse`, so that a person
/// can find the place in a hex dump and a linter can point at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// The field that was being read, in the RFC's words, such as `CertID.serialNumber`.
    pub what: &'static str,
    /// The offset of the offending octet in the outermost input.
    pub at: usize,
    /// The rule that it breaks.
    pub why: Why,
}

impl DecodeError {
    pub(crate) const fn new(what: &'static str, at: usize, why: Why) -> Self {
        Self { what, at, why }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}: {}", self.what, self.at, self.why)
    }
}

impl core::error::Error for DecodeError {}

/// The rule that the bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// A BIT STRING without its first octet, with more than 7 unused bits, or with unused bits set.
    BadBitString,
    /// A BOOLEAN other than one octet `00` or `FF` (X.690 11.1), or FALSE spelled out where it is the default.
    BadBoolean,
    /// An OBJECT IDENTIFIER that is empty, cut, or padded (X.690 8.19).
    BadOid,
    /// A time in another shape than the one allowed here (RFC 5280 4.1.2.5).
    BadTime,
    /// The same extension twice in one list (RFC 5280 4.2).
    DuplicateExtension,
    /// A SEQUENCE that must have members has none.
    Empty,
    /// Octets that carry no characters of this string type.
    BadString,
    /// An INTEGER without content, or with a redundant first octet (X.690 8.3.2).
    BadInteger,
    /// A length of indefinite form, which DER forbids (X.690 10.1).
    IndefiniteLength,
    /// A length in more octets than needed (X.690 10.1).
    LengthNotMinimal,
    /// A length beyond what this reader handles (four length octets).
    LengthTooLong,
    /// A value outside the range that the type allows.
    OutOfRange,
    /// Octets behind the end of a complete value.
    TrailingData,
    /// The input ends inside a value.
    Truncated,
    /// Another tag than the expected one.
    UnexpectedTag {
        /// The identifier octet that belongs here.
        expected: u8,
        /// The one that stands here.
        found: u8,
    },
    /// A tag number above 30, which no message of ours uses.
    UnsupportedTag,
    /// A version other than those defined.
    UnsupportedVersion,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::BadBitString => "not a DER BIT STRING",
            Self::BadBoolean => "not a DER BOOLEAN",
            Self::BadOid => "not a DER OBJECT IDENTIFIER",
            Self::BadTime => "not a time of the required form",
            Self::DuplicateExtension => "the same extension stands twice in one list",
            Self::Empty => "empty where at least one member is required",
            Self::BadString => "characters outside this string type",
            Self::BadInteger => "not a DER INTEGER",
            Self::IndefiniteLength => "indefinite length, which DER forbids",
            Self::LengthNotMinimal => "length in more octets than needed",
            Self::LengthTooLong => "length of more than four octets",
            Self::OutOfRange => "value out of range",
            Self::TrailingData => "octets behind the end",
            Self::Truncated => "the input ends inside a value",
            Self::UnexpectedTag { expected, found } => {
                return write!(f, "expected tag {expected:02X}, found {found:02X}");
            }
            Self::UnsupportedTag => "tag number above 30",
            Self::UnsupportedVersion => "unsupported version",
        };
        f.write_str(text)
    }
}
