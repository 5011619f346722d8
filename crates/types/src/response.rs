//! OCSPResponse: the envelope of an answer.

use core::fmt;

use crate::der::{Reader, tag};
use crate::error::{DecodeError, Why};
use crate::oid::{self, Oid};

/// ```asn1
/// OCSPResponse ::= SEQUENCE {
///     responseStatus  OCSPResponseStatus,
///     responseBytes   [0] EXPLICIT ResponseBytes OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6960 4.2.1: an error has no responseBytes, success has"
)]
pub enum OcspResponse<'a> {
    /// An unsigned error. It says nothing about any certificate.
    Error(OcspResponseStatus),
    /// Status successful, with the bytes of the answer.
    Successful(ResponseBytes<'a>),
}

/// ```asn1
/// ResponseBytes ::= SEQUENCE {
///     responseType  OBJECT IDENTIFIER,
///     response      OCTET STRING }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseBytes<'a> {
    /// id-pkix-ocsp-basic, or something that we do not know.
    pub response_type: Oid<'a>,
    /// The DER of the response.
    pub response: &'a [u8],
    /// The offset of `response` in the outermost input.
    pub response_at: usize,
}

impl ResponseBytes<'_> {
    /// Whether [`crate::BasicOcspResponse`] is inside.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.response_type == oid::OCSP_BASIC
    }
}

impl<'a> OcspResponse<'a> {
    /// Reads the envelope.
    ///
    /// # Errors
    /// Not DER; a status outside the enumeration; responseBytes with an error or missing from a success
    /// (RFC 6960 4.2.1).
    pub fn parse(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(input);
        let mut message = outer.sequence("OCSPResponse")?;
        outer.finish("OCSPResponse")?;
        let at = message.offset();
        let code = message.enumerated("OCSPResponse.responseStatus")?;
        let status = OcspResponseStatus::from_code(code)
            .ok_or_else(|| DecodeError::new("OCSPResponse.responseStatus", at, Why::OutOfRange))?;
        if status != OcspResponseStatus::Successful {
            message.finish("OCSPResponse")?;
            return Ok(Self::Error(status));
        }
        let what = "OCSPResponse.responseBytes";
        let explicit = message.required(tag::constructed(0), what)?;
        message.finish("OCSPResponse")?;
        let mut wrapper = explicit.contents();
        let mut bytes = wrapper.sequence(what)?;
        wrapper.finish(what)?;
        let response_type = bytes.oid("ResponseBytes.responseType")?;
        let response = bytes.required(tag::OCTET_STRING, "ResponseBytes.response")?;
        bytes.finish(what)?;
        Ok(Self::Successful(ResponseBytes {
            response_type,
            response: response.value,
            response_at: response.value_at(),
        }))
    }

    /// The responseStatus.
    #[must_use]
    pub const fn status(&self) -> OcspResponseStatus {
        match self {
            Self::Error(status) => *status,
            Self::Successful(_) => OcspResponseStatus::Successful,
        }
    }
}

/// `OCSPResponseStatus ::= ENUMERATED`; 4 was never used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6960 4.2.1 closes the list")]
pub enum OcspResponseStatus {
    /// 0: the answer follows.
    Successful,
    /// 1: the request breaks the syntax.
    MalformedRequest,
    /// 2: the responder's internal state is inconsistent.
    InternalError,
    /// 3: no answer for the moment.
    TryLater,
    /// 5: the request must be signed.
    SigRequired,
    /// 6: the client may not ask this responder, or the responder cannot answer authoritatively.
    Unauthorized,
}

impl OcspResponseStatus {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Successful,
        Self::MalformedRequest,
        Self::InternalError,
        Self::TryLater,
        Self::SigRequired,
        Self::Unauthorized,
    ];

    /// The status with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Successful => 0,
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::SigRequired => 5,
            Self::Unauthorized => 6,
        }
    }

    /// The RFC's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

impl fmt::Display for OcspResponseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
