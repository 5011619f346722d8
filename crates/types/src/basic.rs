//! BasicOCSPResponse: the signed answer.

use crate::algorithm::AlgorithmIdentifier;
use crate::cert_id::CertId;
use crate::cert_status::CertStatus;
use crate::der::{Element, Reader, tag};
use crate::error::DecodeError;
use crate::extension::Extensions;
use crate::request::{read_certs, read_version};
use crate::responder_id::ResponderId;
use crate::response::ResponseBytes;
use crate::time::Timestamp;

/// ```asn1
/// BasicOCSPResponse ::= SEQUENCE {
///     tbsResponseData     ResponseData,
///     signatureAlgorithm  AlgorithmIdentifier,
///     signature           BIT STRING,
///     certs               [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ```
/// RFC 6960 4.2.1. Nothing in it is verified; whoever reads a status from here has checked nothing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BasicOcspResponse<'a> {
    /// The whole ResponseData as received: the octets that the signature covers.
    pub tbs: &'a [u8],
    /// The members of it.
    pub data: ResponseData<'a>,
    /// The signature algorithm.
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The octets of the signature.
    pub signature: &'a [u8],
    certs: &'a [u8],
}

impl<'a> BasicOcspResponse<'a> {
    /// Reads a BasicOCSPResponse that stands alone.
    ///
    /// # Errors
    /// The first octet that breaks the syntax, with its place.
    pub fn parse(input: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(Reader::new(input))
    }

    /// Reads the one inside an OCSPResponse, with offsets of the outermost input.
    ///
    /// # Errors
    /// As [`BasicOcspResponse::parse`].
    pub fn from_response_bytes(bytes: &ResponseBytes<'a>) -> Result<Self, DecodeError> {
        Self::read(Reader::at(bytes.response, bytes.response_at))
    }

    fn read(mut outer: Reader<'a>) -> Result<Self, DecodeError> {
        let mut message = outer.sequence("BasicOCSPResponse")?;
        outer.finish("BasicOCSPResponse")?;
        let tbs = message.required(tag::SEQUENCE, "BasicOCSPResponse.tbsResponseData")?;
        let data = ResponseData::from_element(tbs)?;
        let signature_algorithm =
            AlgorithmIdentifier::read(&mut message, "BasicOCSPResponse.signatureAlgorithm")?;
        let signature = message.bit_string_octets("BasicOCSPResponse.signature")?;
        let certs = read_certs(&mut message, "BasicOCSPResponse.certs")?;
        message.finish("BasicOCSPResponse")?;
        Ok(Self {
            tbs: tbs.raw,
            data,
            signature_algorithm,
            signature,
            certs,
        })
    }

    /// The embedded certificates, each as a whole triple, unread.
    pub fn certs(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.certs);
        core::iter::from_fn(move || reader.next("Certificate").ok().map(|element| element.raw))
    }
}

/// ```asn1
/// ResponseData ::= SEQUENCE {
///     version             [0] EXPLICIT Version DEFAULT v1,
///     responderID         ResponderID,
///     producedAt          GeneralizedTime,
///     responses           SEQUENCE OF SingleResponse,
///     responseExtensions  [1] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResponseData<'a> {
    /// Whether version v1 was spelled out, which DER forbids and old responders do (requirements D-25).
    pub explicit_version: bool,
    /// Who says that it signed.
    pub responder_id: ResponderId<'a>,
    /// When it was signed.
    pub produced_at: Timestamp,
    /// The answers. May be empty, which OpenSSL produces; no verifier accepts that.
    pub responses: SingleResponses<'a>,
    /// The responseExtensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ResponseData<'a> {
    fn from_element(tbs: Element<'a>) -> Result<Self, DecodeError> {
        let mut fields = tbs.contents();
        let explicit_version = read_version(&mut fields, "ResponseData.version")?;
        let responder_id = ResponderId::from_element(fields.next("ResponseData.responderID")?)?;
        let produced_at = fields.generalized_time("ResponseData.producedAt")?;
        let responses = SingleResponses::read(&mut fields)?;
        let what = "ResponseData.responseExtensions";
        let extensions = fields
            .optional(tag::constructed(1), what)?
            .map(|explicit| Extensions::from_explicit(explicit, what))
            .transpose()?
            .unwrap_or_default();
        fields.finish("ResponseData")?;
        Ok(Self {
            explicit_version,
            responder_id,
            produced_at,
            responses,
            extensions,
        })
    }
}

/// `responses SEQUENCE OF SingleResponse`, each read once already.
#[derive(Clone, Copy, Debug)]
pub struct SingleResponses<'a> {
    content: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> SingleResponses<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let list = reader.required(tag::SEQUENCE, "ResponseData.responses")?;
        let mut rest = list.contents();
        let mut count = 0;
        while !rest.is_empty() {
            SingleResponse::read(&mut rest)?;
            count += 1;
        }
        Ok(Self {
            content: list.value,
            at: list.value_at(),
            count,
        })
    }

    /// The answers in order.
    pub fn iter(&self) -> impl Iterator<Item = SingleResponse<'a>> + use<'a> {
        let mut reader = Reader::at(self.content, self.at);
        // Every answer was read without an error when the list was parsed.
        core::iter::from_fn(move || SingleResponse::read(&mut reader).ok())
    }

    /// The number of answers.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no answer at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// ```asn1
/// SingleResponse ::= SEQUENCE {
///     certID            CertID,
///     certStatus        CertStatus,
///     thisUpdate        GeneralizedTime,
///     nextUpdate        [0] EXPLICIT GeneralizedTime OPTIONAL,
///     singleExtensions  [1] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SingleResponse<'a> {
    /// The certificate that it is about.
    pub cert_id: CertId<'a>,
    /// Its status.
    pub cert_status: CertStatus,
    /// The latest moment at which the responder knew the status to be right.
    pub this_update: Timestamp,
    /// By when newer information will be there.
    pub next_update: Option<Timestamp>,
    /// The singleExtensions.
    pub extensions: Extensions<'a>,
}

impl<'a> SingleResponse<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut inner = reader.sequence("SingleResponse")?;
        let cert_id = CertId::read(&mut inner)?;
        let cert_status = CertStatus::from_element(inner.next("SingleResponse.certStatus")?)?;
        let this_update = inner.generalized_time("SingleResponse.thisUpdate")?;
        let what = "SingleResponse.nextUpdate";
        let next_update = match inner.optional(tag::constructed(0), what)? {
            Some(explicit) => {
                let mut time = explicit.contents();
                let next_update = time.generalized_time(what)?;
                time.finish(what)?;
                Some(next_update)
            }
            None => None,
        };
        let what = "SingleResponse.singleExtensions";
        let extensions = inner
            .optional(tag::constructed(1), what)?
            .map(|explicit| Extensions::from_explicit(explicit, what))
            .transpose()?
            .unwrap_or_default();
        inner.finish("SingleResponse")?;
        Ok(Self {
            cert_id,
            cert_status,
            this_update,
            next_update,
            extensions,
        })
    }
}
