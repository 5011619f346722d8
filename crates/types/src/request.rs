//! OCSPRequest: the question.

use crate::algorithm::AlgorithmIdentifier;
use crate::cert_id::CertId;
use crate::der::{Element, Reader, tag};
use crate::error::{DecodeError, Why};
use crate::extension::{Extension, Extensions};
use crate::nonce::{Nonce, NonceFault};
use crate::oid;

/// ```asn1
/// OCSPRequest ::= SEQUENCE {
///     tbsRequest         TBSRequest,
///     optionalSignature  [0] EXPLICIT Signature OPTIONAL }
/// TBSRequest ::= SEQUENCE {
///     version            [0] EXPLICIT Version DEFAULT v1,
///     requestorName      [1] EXPLICIT GeneralName OPTIONAL,
///     requestList        SEQUENCE OF Request,
///     requestExtensions  [2] EXPLICIT Extensions OPTIONAL }
/// ```
/// RFC 6960 4.1.1, the module of RFC 9654 A.1. Everything is checked once here and borrowed from the input.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OcspRequest<'a> {
    /// The whole tbsRequest as received: the octets that a signature covers.
    pub tbs: &'a [u8],
    /// Whether version v1 was spelled out, which DER forbids and old clients do (requirements D-25).
    pub explicit_version: bool,
    /// The GeneralName of the requestor as a whole triple. Unsigned, it says nothing (RFC 9919 3.1.2).
    pub requestor_name: Option<&'a [u8]>,
    /// What is asked; at least one.
    pub request_list: RequestList<'a>,
    /// The requestExtensions.
    pub extensions: Extensions<'a>,
    /// The optionalSignature, unverified.
    pub signature: Option<RequestSignature<'a>>,
}

impl<'a> OcspRequest<'a> {
    /// Reads a whole request.
    ///
    /// # Errors
    /// The first octet that breaks the syntax, with its place. Rules beyond the syntax (hash lengths, number
    /// of entries, nonce length) are the responder's: [`CertId::check`], [`RequestList::len`], [`OcspRequest::nonce`].
    pub fn parse(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(input);
        let mut message = outer.sequence("OCSPRequest")?;
        outer.finish("OCSPRequest")?;
        let tbs = message.required(tag::SEQUENCE, "OCSPRequest.tbsRequest")?;
        let signature = message
            .optional(tag::constructed(0), "OCSPRequest.optionalSignature")?
            .map(RequestSignature::from_explicit)
            .transpose()?;
        message.finish("OCSPRequest")?;

        let mut fields = tbs.contents();
        let explicit_version = read_version(&mut fields, "TBSRequest.version")?;
        let requestor_name = fields
            .optional(tag::constructed(1), "TBSRequest.requestorName")?
            .map(requestor_name)
            .transpose()?;
        let request_list = RequestList::read(&mut fields)?;
        let extensions = fields
            .optional(tag::constructed(2), "TBSRequest.requestExtensions")?
            .map(|explicit| Extensions::from_explicit(explicit, "TBSRequest.requestExtensions"))
            .transpose()?
            .unwrap_or_default();
        fields.finish("TBSRequest")?;
        Ok(Self {
            tbs: tbs.raw,
            explicit_version,
            requestor_name,
            request_list,
            extensions,
            signature,
        })
    }

    /// The nonce among the requestExtensions.
    ///
    /// # Errors
    /// The extension is there and is not a nonce of 1 to 128 octets; the extension itself comes along for those
    /// who tolerate the old form (requirements D-16).
    pub fn nonce(&self) -> Result<Option<Nonce<'a>>, (NonceFault, Extension<'a>)> {
        self.extensions
            .find(oid::OCSP_NONCE)
            .map(|extension| {
                Nonce::from_extn_value(extension.value).map_err(|fault| (fault, extension))
            })
            .transpose()
    }
}

/// Reads `[0] EXPLICIT Version DEFAULT v1`; true if v1 was spelled out.
pub(crate) fn read_version(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<bool, DecodeError> {
    let Some(explicit) = reader.optional(tag::constructed(0), what)? else {
        return Ok(false);
    };
    let mut inner = explicit.contents();
    let version = inner.integer(what)?;
    inner.finish(what)?;
    if version == [0] {
        Ok(true)
    } else {
        Err(DecodeError::new(
            what,
            explicit.value_at(),
            Why::UnsupportedVersion,
        ))
    }
}

/// `[1] EXPLICIT GeneralName`: any context-specific tag 0..8.
fn requestor_name(explicit: Element<'_>) -> Result<&[u8], DecodeError> {
    let what = "TBSRequest.requestorName";
    let mut inner = explicit.contents();
    let name = inner.next(what)?;
    inner.finish(what)?;
    if name.tag & 0xC0 == 0x80 && name.tag & 0x1F <= 8 {
        Ok(name.raw)
    } else {
        let why = Why::UnexpectedTag {
            expected: tag::constructed(4),
            found: name.tag,
        };
        Err(DecodeError::new(what, name.at, why))
    }
}

/// `requestList SEQUENCE OF Request`, at least one, each read once already.
#[derive(Clone, Copy, Debug)]
pub struct RequestList<'a> {
    content: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> RequestList<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let list = reader.required(tag::SEQUENCE, "TBSRequest.requestList")?;
        let mut rest = list.contents();
        if rest.is_empty() {
            return Err(rest.fail("TBSRequest.requestList", Why::Empty));
        }
        let mut count = 0;
        while !rest.is_empty() {
            Request::read(&mut rest)?;
            count += 1;
        }
        Ok(Self {
            content: list.value,
            at: list.value_at(),
            count,
        })
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = Request<'a>> + use<'a> {
        let mut reader = Reader::at(self.content, self.at);
        // Every entry was read without an error when the list was parsed.
        core::iter::from_fn(move || Request::read(&mut reader).ok())
    }

    /// The number of entries.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a list without entries does not parse"
    )]
    pub const fn len(&self) -> usize {
        self.count
    }
}

/// ```asn1
/// Request ::= SEQUENCE {
///     reqCert                  CertID,
///     singleRequestExtensions  [0] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The certificate asked about.
    pub cert_id: CertId<'a>,
    /// The singleRequestExtensions.
    pub extensions: Extensions<'a>,
}

impl<'a> Request<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut inner = reader.sequence("Request")?;
        let cert_id = CertId::read(&mut inner)?;
        let what = "Request.singleRequestExtensions";
        let extensions = inner
            .optional(tag::constructed(0), what)?
            .map(|explicit| Extensions::from_explicit(explicit, what))
            .transpose()?
            .unwrap_or_default();
        inner.finish("Request")?;
        Ok(Self {
            cert_id,
            extensions,
        })
    }
}

/// ```asn1
/// Signature ::= SEQUENCE {
///     signatureAlgorithm  AlgorithmIdentifier,
///     signature           BIT STRING,
///     certs               [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestSignature<'a> {
    /// The algorithm.
    pub algorithm: AlgorithmIdentifier<'a>,
    /// The octets of the signature.
    pub signature: &'a [u8],
    /// The content of `certs`: certificates one after the other, unread.
    pub certs: &'a [u8],
}

impl<'a> RequestSignature<'a> {
    fn from_explicit(explicit: Element<'a>) -> Result<Self, DecodeError> {
        let what = "OCSPRequest.optionalSignature";
        let mut outer = explicit.contents();
        let mut inner = outer.sequence(what)?;
        outer.finish(what)?;
        let algorithm = AlgorithmIdentifier::read(&mut inner, "Signature.signatureAlgorithm")?;
        let signature = inner.bit_string_octets("Signature.signature")?;
        let certs = read_certs(&mut inner, "Signature.certs")?;
        inner.finish(what)?;
        Ok(Self {
            algorithm,
            signature,
            certs,
        })
    }
}

/// Reads `certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL` and gives its content. Each member must be a
/// SEQUENCE; what is inside is read by whoever needs it.
pub(crate) fn read_certs<'a>(
    reader: &mut Reader<'a>,
    what: &'static str,
) -> Result<&'a [u8], DecodeError> {
    let Some(explicit) = reader.optional(tag::constructed(0), what)? else {
        return Ok(&[]);
    };
    let mut outer = explicit.contents();
    let list = outer.required(tag::SEQUENCE, what)?;
    outer.finish(what)?;
    let mut walk = list.contents();
    while !walk.is_empty() {
        walk.required(tag::SEQUENCE, what)?;
    }
    Ok(list.value)
}
