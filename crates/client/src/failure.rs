//! Why a source gave nothing, and why there is no answer at all.

use core::fmt;
use std::time::Duration;

use certvouch_fetch::FetchError;
use certvouch_types::Timestamp;
use certvouch_verify::{QueryError, Reason, Verdict, VerifyError};

use crate::outcome::Word;

/// Why one look at one source gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing could be fetched.
    Fetch(FetchError),
    /// HTTP brought something that neither says that it is an OCSP response nor is one.
    NotOcsp {
        /// The Content-Type as it came. Foreign text.
        content_type: Option<String>,
        /// Whether it looks like a page of HTML.
        html: bool,
    },
    /// It came, and is not believed; or it is an error of the responder.
    Refused(VerifyError),
    /// The operating system gave no random octets for a nonce.
    Random,
    /// The time for the question was over.
    OutOfTime(Duration),
}

impl Failure {
    /// The word for it (requirements 17.5).
    #[must_use]
    pub fn word(&self) -> Word {
        match self {
            Self::Refused(why) => Word::Verdict(why.verdict()),
            Self::Fetch(_) | Self::NotOcsp { .. } | Self::Random | Self::OutOfTime(_) => {
                Word::Unreachable
            }
        }
    }

    /// Whether the server is to blame, so that it is asked last for a while.
    pub(crate) const fn is_outage(&self) -> bool {
        use certvouch_types::OcspResponseStatus::{InternalError, TryLater};
        match self {
            Self::Fetch(_) | Self::NotOcsp { .. } | Self::OutOfTime(_) => true,
            Self::Refused(why) => matches!(
                why.reason(),
                Reason::ResponderError(InternalError | TryLater)
            ),
            Self::Random => false,
        }
    }

    /// How much it tells: of several failures the one that tells most is reported. CRLs that are silent about the
    /// certificate tell as little as a server that is.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Self::Refused(why)
                if matches!(
                    why.reason(),
                    Reason::CrlOutOfScope(_)
                        | Reason::CrlReasonsMissing
                        | Reason::DeltaWithoutBase
                        | Reason::NoCrl
                ) =>
            {
                Word::Unreachable.rank()
            }
            _ => self.word().rank(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(why) => why.fmt(f),
            Self::NotOcsp { html: true, .. } => {
                f.write_str("a web page came in place of an OCSP response")
            }
            Self::NotOcsp { content_type, .. } => {
                f.write_str("something else than an OCSP response came")?;
                match content_type {
                    Some(content_type) => write!(f, ", of type {content_type}"),
                    None => f.write_str(", of no type"),
                }
            }
            Self::Refused(why) => why.fmt(f),
            Self::Random => f.write_str("the operating system gives no random octets"),
            Self::OutOfTime(limit) => {
                write!(f, "the {} ms for the question are over", limit.as_millis())
            }
        }
    }
}

impl core::error::Error for Failure {}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoAnswer {
    /// The question makes no sense: certificate and issuer do not belong together, or cannot be read. Nobody was asked.
    Question(QueryError),
    /// The certificate has expired. Nobody was asked (RFC 9919 4.2).
    Expired {
        /// Its notAfter.
        not_after: Timestamp,
    },
    /// The certificate is not valid yet. Nobody was asked.
    NotYetValid {
        /// Its notBefore.
        not_before: Timestamp,
    },
    /// Nobody is named who could be asked.
    NoSource,
    /// Every source failed; this failure tells most.
    Failed(Failure),
}

impl NoAnswer {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> Word {
        match self {
            Self::Question(_) => Word::Verdict(Verdict::NotTrusted),
            Self::Expired { .. } | Self::NotYetValid { .. } => Word::Verdict(Verdict::NotCurrent),
            Self::NoSource => Word::NoOcsp,
            Self::Failed(why) => why.word(),
        }
    }

    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Question(_) => "question",
            Self::Expired { .. } => "certificate-expired",
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::NoSource => "no-source",
            Self::Failed(why) => why.code(),
        }
    }
}

impl Failure {
    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fetch(why) => match why {
                FetchError::AddressRefused { .. } => "address-refused",
                FetchError::BodyTooLarge { .. } => "body-too-large",
                FetchError::Connect { .. } => "connect",
                FetchError::ContentCoding => "content-coding",
                FetchError::Downgrade => "downgrade",
                FetchError::Http(_) => "http",
                FetchError::Resolve { .. } => "resolve",
                FetchError::Status(_) => "http-status",
                FetchError::HeaderTimeout(_) | FetchError::TooSlow { .. } => "too-slow",
                FetchError::Timeout(_) => "timeout",
                FetchError::Tls { .. } => "tls",
                FetchError::TooManyRedirects { .. } => "too-many-redirects",
                FetchError::Url(_) => "url",
                _ => "fetch",
            },
            Self::NotOcsp { html: true, .. } => "html",
            Self::NotOcsp { .. } => "not-ocsp",
            Self::Refused(why) => why.reason().code(),
            Self::Random => "random",
            Self::OutOfTime(_) => "timeout",
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Question(why) => why.fmt(f),
            Self::Expired { not_after } => write!(f, "the certificate expired at {not_after}"),
            Self::NotYetValid { not_before } => {
                write!(f, "the certificate is valid only from {not_before}")
            }
            Self::NoSource => f.write_str("nobody is named who could be asked"),
            Self::Failed(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for NoAnswer {}
