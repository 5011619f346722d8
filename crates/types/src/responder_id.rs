//! ResponderID: who signed.

use crate::der::{Element, tag};
use crate::error::{DecodeError, Why};

/// ```asn1
/// ResponderID ::= CHOICE {
///     byName  [1] EXPLICIT Name,
///     byKey   [2] EXPLICIT KeyHash }
/// KeyHash ::= OCTET STRING -- SHA-1 of the signer's subjectPublicKey bits, for ever
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the CHOICE of RFC 6960 4.2.1 is closed"
)]
pub enum ResponderId<'a> {
    /// The subject of the signer's certificate, as a whole Name.
    ByName(&'a [u8]),
    /// SHA-1 over the content of the signer's subjectPublicKey BIT STRING, 20 octets.
    ByKey(&'a [u8]),
}

impl<'a> ResponderId<'a> {
    pub(crate) fn from_element(element: Element<'a>) -> Result<Self, DecodeError> {
        let what = "ResponseData.responderID";
        let mut inner = element.contents();
        let id = match element.tag {
            0xA1 => Self::ByName(inner.required(tag::SEQUENCE, what)?.raw),
            0xA2 => {
                let at = inner.offset();
                let key = inner.octet_string(what)?;
                if key.len() != 20 {
                    return Err(DecodeError::new(what, at, Why::OutOfRange));
                }
                Self::ByKey(key)
            }
            found => {
                let why = Why::UnexpectedTag {
                    expected: 0xA2,
                    found,
                };
                return Err(DecodeError::new(what, element.at, why));
            }
        };
        inner.finish(what)?;
        Ok(id)
    }
}
