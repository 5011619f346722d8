//! The TLS feature extension (RFC 7633): what a server must deliver for its certificate to count.

use crate::der::{Reader, tag};
use crate::error::{DecodeError, Why};

/// `Features ::= SEQUENCE OF INTEGER`, the numbers of TLS extensions (RFC 7633 4).
///
/// `30 03 02 01 05` is must-staple: status_request.
#[derive(Clone, Debug)]
pub struct TlsFeatures<'a>(Reader<'a>);

/// status_request (RFC 6066 8): the feature that must-staple names.
pub const STATUS_REQUEST: u16 = 5;

impl<'a> TlsFeatures<'a> {
    /// Reads an extnValue.
    ///
    /// # Errors
    /// Not a SEQUENCE OF INTEGER, or an empty one.
    pub fn parse(mut value: Reader<'a>) -> Result<Self, DecodeError> {
        let what = "TLSFeature";
        let list = value.required(tag::SEQUENCE, what)?.contents();
        value.finish(what)?;
        if list.is_empty() {
            return Err(list.fail(what, Why::Empty));
        }
        let mut walk = list.clone();
        while !walk.is_empty() {
            walk.integer(what)?;
        }
        Ok(Self(list))
    }

    /// The features in order; nothing stands for a number that no TLS extension can have.
    pub fn iter(&self) -> impl Iterator<Item = Option<u16>> + use<'a> {
        let mut reader = self.0.clone();
        // Every member was read without an error when the list was parsed.
        core::iter::from_fn(move || {
            let content = reader.integer("TLSFeature").ok()?;
            Some(match content {
                [low] if *low < 0x80 => Some(u16::from(*low)),
                [high, low] if *high < 0x80 => Some(u16::from_be_bytes([*high, *low])),
                [0, high, low] => Some(u16::from_be_bytes([*high, *low])),
                _ => None,
            })
        })
    }

    /// Whether a feature is named.
    #[must_use]
    pub fn requires(&self, feature: u16) -> bool {
        self.iter().any(|named| named == Some(feature))
    }

    /// Whether everything that is named was delivered (RFC 7633 4.3.3).
    #[must_use]
    pub fn met_by(&self, delivered: &[u16]) -> bool {
        self.iter()
            .all(|named| named.is_some_and(|named| delivered.contains(&named)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(der: &[u8]) -> Result<TlsFeatures<'_>, DecodeError> {
        TlsFeatures::parse(Reader::new(der))
    }

    // covers: R7633-4-K1
    #[test]
    fn must_staple_is_feature_five() {
        let must_staple = features(&[0x30, 0x03, 0x02, 0x01, 0x05]).unwrap();
        assert!(must_staple.requires(STATUS_REQUEST));
        assert!(must_staple.met_by(&[STATUS_REQUEST]));
        assert!(!must_staple.met_by(&[]));
    }

    // covers: R7633-4.3.3-C1
    #[test]
    fn every_feature_must_be_delivered() {
        let two = features(&[0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x11]).unwrap();
        assert!(!two.met_by(&[5]));
        assert!(two.met_by(&[17, 5]));
        let large = features(&[0x30, 0x05, 0x02, 0x03, 0x00, 0xFF, 0x01]).unwrap();
        assert!(large.met_by(&[0xFF01]));
        let beyond = features(&[0x30, 0x05, 0x02, 0x03, 0x01, 0x00, 0x05]).unwrap();
        assert!(!beyond.met_by(&[5]));
        let negative = features(&[0x30, 0x03, 0x02, 0x01, 0xFB]).unwrap();
        assert!(!negative.met_by(&[5, 0xFB, 0xFFFB]));
    }

    #[test]
    fn list_that_is_empty_or_no_list_is_refused() {
        for der in [
            &[][..],
            &[0x30, 0x00],
            &[0x02, 0x01, 0x05],
            &[0x30, 0x02, 0x02, 0x00],
            &[0x30, 0x03, 0x02, 0x01, 0x05, 0x00],
        ] {
            assert!(features(der).is_err(), "{der:02X?}");
        }
    }
}
