//! Why a response is not believed: a reason with a stable code, a verdict word, and the evidence.

use alloc::string::String;
use core::fmt;

use certvouch_types::crl::scope::OutOfScope;
use certvouch_types::{DecodeError, OcspResponseStatus, Timestamp};

use crate::algorithms::AlgorithmFault;
use crate::budget::Limit;
use crate::evidence::Evidence;
use crate::verdict::Verdict;

/// A response that is not believed, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    reason: Reason,
    evidence: Evidence,
}

impl VerifyError {
    pub(crate) const fn new(reason: Reason, evidence: Evidence) -> Self {
        Self { reason, evidence }
    }

    /// The reason: the first check that failed.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Every check: passed, failed or skipped.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The word for it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.reason.verdict()
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl core::error::Error for VerifyError {}

/// Why a response is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The signature of the response or the CRL is not that of the signer it names.
    BadSignature,
    /// The response, or the set of CRLs, asks for more work than is spent on one.
    BudgetExceeded(Limit),
    /// The CRL is about other certificates.
    CrlOutOfScope(OutOfScope),
    /// The CRLs in date are not about every reason, so that their silence means nothing.
    CrlReasonsMissing,
    /// The CRL breaks a rule by which its entries are read.
    CrlRule(CrlRule),
    /// An extension is critical and not processed here.
    CriticalExtension(Level),
    /// Delta CRLs alone, none over a complete one: their silence means nothing.
    DeltaWithoutBase,
    /// The response holds no answer at all, which OpenSSL's responder produces.
    EmptyResponses,
    /// The bytes are no OCSP response.
    Malformed(DecodeError),
    /// The bytes are no CRL.
    MalformedCrl(DecodeError),
    /// nextUpdate lies before thisUpdate.
    NegativeValidity {
        /// thisUpdate.
        this_update: Timestamp,
        /// nextUpdate.
        next_update: Timestamp,
    },
    /// There is no CRL to look at.
    NoCrl,
    /// Another nonce than the one that was sent.
    NonceMismatch,
    /// No nonce, though one was sent and the policy requires it.
    NonceMissing,
    /// Right in everything but time.
    NotCurrent(CurrencyFault),
    /// The responder answered with an unsigned error, which says nothing about the certificate.
    ResponderError(OcspResponseStatus),
    /// The CRL issuer may not sign this CRL.
    UnauthorizedCrlIssuer(CrlSignerFault),
    /// The signer may not speak for this issuer.
    UnauthorizedResponder(ResponderFault),
    /// The signature uses an algorithm or a key that does not count.
    UnsupportedAlgorithm(AlgorithmFault),
    /// A response type other than id-pkix-ocsp-basic.
    UnknownResponseType,
    /// No entry is about the certificate asked about.
    WrongCertificate {
        /// What differs in the entry that comes nearest.
        differs: Mismatch,
        /// Its serial number, in hex.
        serial: String,
    },
}

/// A rule of RFC 5280 that makes a CRL useless if it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlRule {
    /// An entry names an issuer, but the CRL is not indirect (RFC 5280 5.3.3).
    IssuerInDirectCrl {
        /// The offset of the entry.
        at: usize,
    },
    /// An entry of a complete CRL says removeFromCRL (RFC 5280 5.3.1).
    RemoveFromCompleteCrl {
        /// The offset of the entry.
        at: usize,
    },
}

/// Why somebody may not sign a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlSignerFault {
    /// The certificate of the CRL issuer is outside its dates.
    Dates,
    /// Its keyUsage lacks cRLSign.
    KeyUsage,
    /// The CRL names an issuer whose certificate is not at hand.
    NotFound,
    /// An extension of its certificate does not parse.
    Unreadable(DecodeError),
}

/// Where an extension stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// Among the crlExtensions.
    Crl,
    /// Among the extensions of an entry of a CRL.
    CrlEntry,
    /// Among the responseExtensions.
    Response,
    /// Among the singleExtensions of an entry about the certificate.
    Single,
}

/// The member of a CertID that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mismatch {
    /// The hash algorithm is unknown, or has parameters other than NULL.
    HashAlgorithm,
    /// issuerNameHash, and perhaps more.
    IssuerNameHash,
    /// issuerKeyHash, and perhaps the serial number.
    IssuerKeyHash,
    /// The serial number alone.
    SerialNumber,
}

/// Why a response does not hold for the moment asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CurrencyFault {
    /// The certificate had expired before the response was made, and the responder does not say that it remembers
    /// expired certificates that long (archive cutoff).
    BeyondArchiveCutoff,
    /// The response says nothing about a moment that late.
    DoesNotCover {
        /// The moment asked about.
        time: Timestamp,
        /// The last moment that the response covers.
        until: Timestamp,
    },
    /// The time until which the profile lets it count has passed.
    Expired {
        /// That time, without tolerance.
        until: Timestamp,
        /// Seconds since then.
        by: i64,
    },
    /// There is no nextUpdate, and the profile requires one.
    NoNextUpdate,
    /// thisUpdate is ahead of the clock by more than the tolerance.
    NotYetValid {
        /// thisUpdate.
        this_update: Timestamp,
        /// Seconds that it is ahead.
        by: i64,
    },
    /// producedAt is ahead of the clock by more than the tolerance.
    ProducedInFuture {
        /// Seconds that it is ahead.
        by: i64,
    },
    /// producedAt lies outside the dates of the certificate asked about.
    ProducedOutsideCertificate,
    /// thisUpdate is older than the profile allows.
    TooOld {
        /// Its age in seconds.
        age: i64,
        /// The allowed age in seconds.
        limit: i64,
    },
}

/// Why a signer may not speak for the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponderFault {
    /// The signature on the signer's certificate uses an algorithm or key that does not count.
    Algorithm(AlgorithmFault),
    /// The signer's certificate has a critical extension that is not processed here.
    CriticalExtension,
    /// The signer's certificate has expired.
    Expired {
        /// Its notAfter.
        not_after: Timestamp,
    },
    /// The signer's certificate is one of a CA (requirements R6960-4.2.2.2-C5).
    IsCa,
    /// The issuer signed itself, its keyUsage lacks digitalSignature, and the profile minds.
    IssuerKeyUsage,
    /// The keyUsage of the signer's certificate has neither digitalSignature nor nonRepudiation.
    KeyUsage,
    /// The ResponderID names nobody: not the issuer, no embedded certificate, nobody trusted locally.
    NotFound,
    /// Another name stands as issuer in the signer's certificate.
    NotIssuedByCa,
    /// Another key than the issuer's signed the signer's certificate.
    NotSignedByCa,
    /// The signer's certificate is not valid yet.
    NotYetValid {
        /// Its notBefore.
        not_before: Timestamp,
    },
    /// id-kp-OCSPSigning is missing in the signer's certificate.
    Purpose,
    /// The policy wants to know whether the signer's certificate is revoked, and nobody said.
    RevocationUnknown,
    /// The signer's certificate is revoked.
    Revoked,
    /// An embedded certificate does not parse, and no other fits.
    Unreadable(DecodeError),
}

impl Reason {
    /// The word for it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::CrlRule(_)
            | Self::EmptyResponses
            | Self::Malformed(_)
            | Self::MalformedCrl(_)
            | Self::NegativeValidity { .. } => Verdict::Malformed,
            // RFC 5280 6.3.3 calls it UNDETERMINED: nothing is wrong, and nothing is said.
            Self::CrlReasonsMissing | Self::DeltaWithoutBase | Self::NoCrl => Verdict::Unknown,
            Self::NotCurrent(_) => Verdict::NotCurrent,
            Self::ResponderError(_) | Self::UnknownResponseType => Verdict::ResponderError,
            Self::BadSignature
            | Self::BudgetExceeded(_)
            | Self::CriticalExtension(_)
            | Self::CrlOutOfScope(_)
            | Self::NonceMismatch
            | Self::NonceMissing
            | Self::UnauthorizedCrlIssuer(_)
            | Self::UnauthorizedResponder(_)
            | Self::UnsupportedAlgorithm(_)
            | Self::WrongCertificate { .. } => Verdict::NotTrusted,
        }
    }

    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::BudgetExceeded(_) => "budget-exceeded",
            Self::CriticalExtension(_) => "critical-extension",
            Self::CrlOutOfScope(_) => "crl-out-of-scope",
            Self::CrlReasonsMissing => "crl-reasons-missing",
            Self::CrlRule(_) | Self::MalformedCrl(_) => "malformed-crl",
            Self::DeltaWithoutBase => "delta-without-base",
            Self::EmptyResponses => "empty-responses",
            Self::Malformed(_) => "malformed",
            Self::NegativeValidity { .. } => "negative-validity",
            Self::NoCrl => "no-crl",
            Self::NonceMismatch => "nonce-mismatch",
            Self::NonceMissing => "nonce-missing",
            Self::NotCurrent(fault) => fault.code(),
            Self::ResponderError(status) => match status {
                OcspResponseStatus::Successful => "successful",
                OcspResponseStatus::MalformedRequest => "malformed-request",
                OcspResponseStatus::InternalError => "internal-error",
                OcspResponseStatus::TryLater => "try-later",
                OcspResponseStatus::SigRequired => "sig-required",
                OcspResponseStatus::Unauthorized => "unauthorized",
            },
            Self::UnauthorizedCrlIssuer(fault) => fault.code(),
            Self::UnauthorizedResponder(fault) => fault.code(),
            Self::UnsupportedAlgorithm(_) => "algorithm-not-allowed",
            Self::UnknownResponseType => "unknown-response-type",
            Self::WrongCertificate { .. } => "wrong-certificate",
        }
    }
}

impl CurrencyFault {
    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BeyondArchiveCutoff => "beyond-archive-cutoff",
            Self::DoesNotCover { .. } => "does-not-cover",
            Self::Expired { .. } => "expired",
            Self::NoNextUpdate => "no-next-update",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::ProducedInFuture { .. } => "produced-in-future",
            Self::ProducedOutsideCertificate => "produced-outside-certificate",
            Self::TooOld { .. } => "too-old",
        }
    }
}

impl CrlSignerFault {
    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Dates => "crl-signer-dates",
            Self::KeyUsage => "crl-signer-key-usage",
            Self::NotFound => "crl-signer-not-found",
            Self::Unreadable(_) => "crl-signer-unreadable",
        }
    }
}

impl ResponderFault {
    /// The stable code, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Algorithm(_) => "signer-algorithm-not-allowed",
            Self::CriticalExtension => "signer-critical-extension",
            Self::Expired { .. } => "signer-expired",
            Self::IsCa => "signer-is-ca",
            Self::IssuerKeyUsage => "issuer-key-usage",
            Self::KeyUsage => "signer-key-usage",
            Self::NotFound => "signer-not-found",
            Self::NotIssuedByCa => "signer-not-issued-by-ca",
            Self::NotSignedByCa => "signer-not-signed-by-ca",
            Self::NotYetValid { .. } => "signer-not-yet-valid",
            Self::Purpose => "signer-purpose-missing",
            Self::RevocationUnknown => "signer-revocation-unknown",
            Self::Revoked => "signer-revoked",
            Self::Unreadable(_) => "signer-unreadable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSignature => f.write_str("bad signature"),
            Self::BudgetExceeded(limit) => write!(f, "too much work: {limit}"),
            Self::CriticalExtension(Level::Crl) => {
                f.write_str("unknown critical extension in the CRL")
            }
            Self::CriticalExtension(Level::CrlEntry) => {
                f.write_str("unknown critical extension in an entry of the CRL")
            }
            Self::CriticalExtension(Level::Response) => {
                f.write_str("unknown critical extension in the response")
            }
            Self::CriticalExtension(Level::Single) => {
                f.write_str("unknown critical extension in the entry for the certificate")
            }
            Self::CrlOutOfScope(why) => why.fmt(f),
            Self::CrlReasonsMissing => {
                f.write_str("the CRLs in date do not cover every reason for this certificate")
            }
            Self::CrlRule(rule) => rule.fmt(f),
            Self::DeltaWithoutBase => {
                f.write_str("a delta CRL without the complete CRL that it belongs to")
            }
            Self::EmptyResponses => f.write_str("the response answers nothing: its list is empty"),
            Self::Malformed(error) => write!(f, "no OCSP response: {error}"),
            Self::MalformedCrl(error) => write!(f, "no CRL: {error}"),
            Self::NoCrl => f.write_str("no CRL"),
            Self::NegativeValidity {
                this_update,
                next_update,
            } => write!(
                f,
                "nextUpdate {next_update} lies before thisUpdate {this_update}"
            ),
            Self::NonceMismatch => f.write_str("nonce mismatch"),
            Self::NonceMissing => f.write_str("the nonce that was sent is missing"),
            Self::NotCurrent(fault) => fault.fmt(f),
            Self::ResponderError(status) => status.fmt(f),
            Self::UnauthorizedCrlIssuer(fault) => write!(f, "unauthorised CRL issuer: {fault}"),
            Self::UnauthorizedResponder(fault) => write!(f, "unauthorised responder: {fault}"),
            Self::UnsupportedAlgorithm(fault) => fault.fmt(f),
            Self::UnknownResponseType => f.write_str("response of an unknown type"),
            Self::WrongCertificate { differs, serial } => {
                let what = match differs {
                    Mismatch::SerialNumber => "response is for serial",
                    Mismatch::IssuerKeyHash => "response is for another issuer key; serial",
                    Mismatch::IssuerNameHash => "response is for another issuer; serial",
                    Mismatch::HashAlgorithm => {
                        "response identifies certificates by an unknown hash; serial"
                    }
                };
                write!(f, "wrong certificate: {what} {serial}")
            }
        }
    }
}

impl fmt::Display for CrlRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerInDirectCrl { at } => write!(
                f,
                "the entry at offset {at} names an issuer, but the CRL is not indirect"
            ),
            Self::RemoveFromCompleteCrl { at } => write!(
                f,
                "the entry at offset {at} says removeFromCRL in a complete CRL"
            ),
        }
    }
}

impl fmt::Display for CrlSignerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dates => f.write_str("its certificate is outside its dates"),
            Self::KeyUsage => f.write_str("its keyUsage lacks cRLSign"),
            Self::NotFound => f.write_str("no certificate of that name was given"),
            Self::Unreadable(error) => write!(f, "its certificate does not parse: {error}"),
        }
    }
}

impl fmt::Display for CurrencyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeyondArchiveCutoff => f.write_str(
                "the certificate had expired, and the responder does not say that it remembers that long",
            ),
            Self::DoesNotCover { time, until } => {
                write!(f, "does not cover {time}, only until {until}")
            }
            Self::Expired { until, by } => write!(f, "expired {by} s ago, at {until}"),
            Self::NoNextUpdate => f.write_str("no nextUpdate"),
            Self::NotYetValid { this_update, by } => write!(
                f,
                "not yet valid: thisUpdate {this_update} is {by} s ahead of this clock"
            ),
            Self::ProducedInFuture { by } => {
                write!(f, "producedAt is {by} s ahead of this clock")
            }
            Self::ProducedOutsideCertificate => {
                f.write_str("producedAt lies outside the validity of the certificate")
            }
            Self::TooOld { age, limit } => write!(f, "{age} s old, at most {limit} s are allowed"),
        }
    }
}

impl fmt::Display for ResponderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(fault) => write!(f, "its certificate: {fault}"),
            Self::CriticalExtension => {
                f.write_str("unknown critical extension in the signer certificate")
            }
            Self::Expired { not_after } => {
                write!(f, "the signer certificate expired at {not_after}")
            }
            Self::IsCa => f.write_str("the signer certificate is a CA certificate"),
            Self::IssuerKeyUsage => f.write_str("the issuer's keyUsage lacks digitalSignature"),
            Self::KeyUsage => f.write_str("the signer's keyUsage does not allow signing"),
            Self::NotFound => f.write_str("the ResponderID names nobody who may answer"),
            Self::NotIssuedByCa => {
                f.write_str("the signer certificate names another issuer than the certificate")
            }
            Self::NotSignedByCa => {
                f.write_str("the signer certificate was not signed by this issuer's key")
            }
            Self::NotYetValid { not_before } => {
                write!(f, "the signer certificate is valid only from {not_before}")
            }
            Self::Purpose => f.write_str("id-kp-OCSPSigning missing in the signer certificate"),
            Self::RevocationUnknown => {
                f.write_str("nothing is known about the revocation of the signer certificate")
            }
            Self::Revoked => f.write_str("the signer certificate is revoked"),
            Self::Unreadable(error) => write!(f, "an embedded certificate does not parse: {error}"),
        }
    }
}
