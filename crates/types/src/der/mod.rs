//! A small strict DER reader that keeps offsets, and a writer that computes lengths first.
//!
//! General libraries read OCSP well, but cost 10 to 30 times the time of a plain walk, drop the raw spans of
//! what was signed, or lose the position of an error. This walk is short enough to be read in one sitting.

mod reader;
mod writer;

pub use reader::{Element, Reader};
pub use writer::{header, header_length, integer_from_unsigned, push, push_header, tlv_length};

/// Identifier octets that occur in OCSP messages and certificates.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0A;
    /// UTF8String.
    pub const UTF8_STRING: u8 = 0x0C;
    /// PrintableString.
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// TeletexString.
    pub const TELETEX_STRING: u8 = 0x14;
    /// IA5String.
    pub const IA5_STRING: u8 = 0x16;
    /// UTCTime.
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// BMPString.
    pub const BMP_STRING: u8 = 0x1E;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;
    /// SET and SET OF.
    pub const SET: u8 = 0x31;

    /// Context-specific, primitive: `[n] IMPLICIT` over a primitive type.
    #[must_use]
    pub const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// Context-specific, constructed: `[n] EXPLICIT`, or `[n] IMPLICIT` over a constructed type.
    #[must_use]
    pub const fn constructed(number: u8) -> u8 {
        0xA0 | number
    }
}
