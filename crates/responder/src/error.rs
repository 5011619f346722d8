//! Everything that keeps a request from a signed answer, and the one function that says what each of it means on
//! the wire.
//!
//! The Display text is for the operator's log. The foreign octets in it are numbers or hex, never foreign text.

use core::fmt;

use certvouch_types::{CertIdFault, DecodeError, NonceFault, OcspResponseStatus};

use crate::profile::{Choice, Rule};
use crate::requestor::RequestorFault;
use crate::self_check::SelfCheckFault;
use crate::signer::SignError;
use crate::source::SourceError;

/// Why a request got no signed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// A CertID breaks a rule beyond the syntax.
    CertId(CertIdFault),
    /// An extension that must not be ignored is not understood; its OID.
    CriticalExtension(String),
    /// More signatures of requests wait to be verified than will be.
    ChecksFull,
    /// The certificate's expiry lies further back than records are kept.
    ExpiredRecord,
    /// The source says what the profile forbids to say.
    Forbidden(Choice, Rule),
    /// The CertID hash algorithm is unknown or switched off; its OID.
    HashNotServed(String),
    /// The bytes are not an OCSPRequest.
    Malformed(DecodeError),
    /// The certificates asked about belong to different CAs, and one signature speaks for one CA only.
    MixedIssuers,
    /// The serial number was never issued, and policy gives no signed answer for such.
    NeverIssued,
    /// No answer is fresh: what there is ends before now.
    NotFresh,
    /// A signed request without requestorName, where signatures count (RFC 6960 4.1.2).
    NoRequestorName,
    /// The nonce is not one.
    Nonce(NonceFault),
    /// Policy demands a nonce and there is none.
    NonceRequired,
    /// Something panicked; the process lives on.
    Panicked,
    /// The request's signature does not count.
    Requestor(RequestorFault),
    /// An answer of ours failed its own check; the issuer has stopped.
    SelfCheck(SelfCheckFault),
    /// The key did not sign.
    Sign(SignError),
    /// Only signed requests are answered.
    SignatureRequired,
    /// No signer's certificate is valid at this moment.
    SignerNotValid,
    /// The source could not be asked.
    Source(SourceError),
    /// The source answered about another number of certificates than it was asked about.
    SourceContract,
    /// The part of the HTTP request target that should hold the request does not.
    Target(TargetFault),
    /// The requestList is longer than the limit.
    TooManyEntries {
        /// How many there are.
        entries: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// No CA served here has this name hash and key hash.
    UnknownIssuer,
}

/// Why the target of a GET does not hold a request (requirements E-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetFault {
    /// Characters outside the base64 alphabets.
    Alphabet,
    /// Nothing stands behind the prefix.
    Empty,
    /// `%` without two hex digits.
    Escape,
    /// A number of characters that base64 cannot have, or padding in the wrong place.
    Length,
    /// A query string: an OCSP request has none (threats T-40).
    Query,
}

impl AnswerError {
    /// The one meaning of each error on the wire (requirements §17). Nothing else in certvouch chooses a status.
    #[must_use]
    pub const fn status(&self) -> OcspResponseStatus {
        match self {
            Self::CertId(_)
            | Self::CriticalExtension(_)
            | Self::Malformed(_)
            | Self::NoRequestorName
            | Self::Nonce(_)
            | Self::Target(_)
            | Self::TooManyEntries { .. } => OcspResponseStatus::MalformedRequest,
            Self::ExpiredRecord
            | Self::HashNotServed(_)
            | Self::MixedIssuers
            | Self::NeverIssued
            | Self::NonceRequired
            | Self::Requestor(_)
            | Self::UnknownIssuer => OcspResponseStatus::Unauthorized,
            Self::SignatureRequired => OcspResponseStatus::SigRequired,
            Self::ChecksFull
            | Self::NotFresh
            | Self::Source(_)
            | Self::Sign(SignError::Temporary(_)) => OcspResponseStatus::TryLater,
            Self::Forbidden(..)
            | Self::Panicked
            | Self::SelfCheck(_)
            | Self::Sign(SignError::Permanent(_))
            | Self::SignerNotValid
            | Self::SourceContract => OcspResponseStatus::InternalError,
        }
    }

    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CertId(_) => "cert-id",
            Self::ChecksFull => "checks-full",
            Self::CriticalExtension(_) => "critical-extension",
            Self::ExpiredRecord => "expired-record",
            Self::Forbidden(..) => "forbidden",
            Self::HashNotServed(_) => "hash-not-served",
            Self::Malformed(_) => "malformed",
            Self::MixedIssuers => "mixed-issuers",
            Self::NeverIssued => "never-issued",
            Self::NotFresh => "not-fresh",
            Self::NoRequestorName => "no-requestor-name",
            Self::Nonce(_) => "nonce",
            Self::NonceRequired => "nonce-required",
            Self::Panicked => "panicked",
            Self::Requestor(_) => "requestor",
            Self::SelfCheck(_) => "self-check",
            Self::Sign(_) => "sign",
            Self::SignatureRequired => "signature-required",
            Self::SignerNotValid => "signer-not-valid",
            Self::Source(_) => "source",
            Self::SourceContract => "source-contract",
            Self::Target(_) => "target",
            Self::TooManyEntries { .. } => "too-many-entries",
            Self::UnknownIssuer => "unknown-issuer",
        }
    }
}

impl From<&AnswerError> for OcspResponseStatus {
    fn from(error: &AnswerError) -> Self {
        error.status()
    }
}

impl From<DecodeError> for AnswerError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertId(fault) => write!(f, "unusable CertID: {fault}"),
            Self::ChecksFull => f.write_str("too many signatures of requests wait to be verified"),
            Self::CriticalExtension(oid) => write!(f, "critical extension {oid} is not understood"),
            Self::ExpiredRecord => {
                f.write_str("the certificate expired longer ago than records are kept")
            }
            Self::Forbidden(choice, rule) => write!(f, "the profile forbids {choice} ({rule})"),
            Self::HashNotServed(oid) => {
                write!(f, "CertID hash algorithm {oid} is not answered here")
            }
            Self::Malformed(error) => write!(f, "not an OCSP request: {error}"),
            Self::MixedIssuers => {
                f.write_str("the request asks about certificates of different CAs")
            }
            Self::NeverIssued => f.write_str("the serial number was never issued"),
            Self::NotFresh => f.write_str("no answer that is still current can be given"),
            Self::NoRequestorName => {
                f.write_str("the request is signed, but without requestorName")
            }
            Self::Nonce(fault) => fault.fmt(f),
            Self::NonceRequired => f.write_str("a nonce is required and there is none"),
            Self::Panicked => f.write_str("a panic was caught while answering"),
            Self::Requestor(fault) => fault.fmt(f),
            Self::SelfCheck(fault) => {
                write!(f, "an answer of our own failed the self-check: {fault}")
            }
            Self::Sign(error) => error.fmt(f),
            Self::SignatureRequired => f.write_str("only signed requests are answered"),
            Self::SignerNotValid => f.write_str("no signer certificate is valid at this moment"),
            Self::Source(error) => error.fmt(f),
            Self::SourceContract => f.write_str("the status source gave another number of records"),
            Self::Target(fault) => fault.fmt(f),
            Self::TooManyEntries { entries, limit } => {
                write!(
                    f,
                    "the request asks about {entries} certificates, {limit} are allowed"
                )
            }
            Self::UnknownIssuer => f.write_str("no CA served here has these issuer hashes"),
        }
    }
}

impl core::error::Error for AnswerError {}

impl fmt::Display for TargetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alphabet => "the request target holds characters outside base64",
            Self::Empty => "the request target holds no OCSP request",
            Self::Escape => "the request target holds a broken percent-escape",
            Self::Length => "the request target holds base64 of an impossible length",
            Self::Query => "the request target has a query string",
        })
    }
}
