//! The status of a certificate as a response states it.

use core::fmt;

use crate::der::{Element, tag};
use crate::error::{DecodeError, Why};
use crate::time::Timestamp;

/// ```asn1
/// CertStatus ::= CHOICE {
///     good     [0] IMPLICIT NULL,
///     revoked  [1] IMPLICIT RevokedInfo,
///     unknown  [2] IMPLICIT UnknownInfo }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertStatus {
    /// No certificate with this serial number, inside its validity, is revoked. It proves neither that one was
    /// issued nor that it is valid (RFC 6960 2.2).
    Good,
    /// Revoked for good, or on hold.
    Revoked(RevokedInfo),
    /// This responder does not know the certificate.
    Unknown,
}

/// ```asn1
/// RevokedInfo ::= SEQUENCE {
///     revocationTime    GeneralizedTime,
///     revocationReason  [0] EXPLICIT CRLReason OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokedInfo {
    /// When it was revoked or put on hold.
    pub revocation_time: Timestamp,
    /// Why, if that was said. Absence means unspecified.
    pub revocation_reason: Option<CrlReason>,
}

impl RevokedInfo {
    /// Time and reason.
    #[must_use]
    pub const fn new(revocation_time: Timestamp, revocation_reason: Option<CrlReason>) -> Self {
        Self {
            revocation_time,
            revocation_reason,
        }
    }
}

impl CertStatus {
    /// Reads the CHOICE from an element.
    ///
    /// # Errors
    /// A tag outside the CHOICE, content in `good` or `unknown`, a bad time or reason.
    pub fn from_element(element: Element<'_>) -> Result<Self, DecodeError> {
        let what = "SingleResponse.certStatus";
        match element.tag {
            0x80 if element.value.is_empty() => Ok(Self::Good),
            0x82 if element.value.is_empty() => Ok(Self::Unknown),
            0x80 | 0x82 => Err(DecodeError::new(
                what,
                element.value_at(),
                Why::TrailingData,
            )),
            0xA1 => {
                let mut inner = element.contents();
                let revocation_time = inner.generalized_time("RevokedInfo.revocationTime")?;
                let field = "RevokedInfo.revocationReason";
                let revocation_reason = match inner.optional(tag::constructed(0), field)? {
                    Some(explicit) => {
                        let mut reason = explicit.contents();
                        let code = reason.enumerated(field)?;
                        reason.finish(field)?;
                        Some(CrlReason::from_code(code).ok_or_else(|| {
                            DecodeError::new(field, explicit.value_at(), Why::OutOfRange)
                        })?)
                    }
                    None => None,
                };
                inner.finish("RevokedInfo")?;
                Ok(Self::Revoked(RevokedInfo {
                    revocation_time,
                    revocation_reason,
                }))
            }
            found => Err(DecodeError::new(
                what,
                element.at,
                Why::UnexpectedTag {
                    expected: 0x80,
                    found,
                },
            )),
        }
    }
}

/// `CRLReason ::= ENUMERATED` (RFC 5280 5.3.1). The numbers differ from those of ReasonFlags above 6, and 7 is
/// unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5280 closes the list")]
pub enum CrlReason {
    /// 0; said by absence.
    Unspecified,
    /// 1
    KeyCompromise,
    /// 2
    CaCompromise,
    /// 3
    AffiliationChanged,
    /// 4
    Superseded,
    /// 5
    CessationOfOperation,
    /// 6
    CertificateHold,
    /// 8; belongs to delta CRLs, never to a response.
    RemoveFromCrl,
    /// 9
    PrivilegeWithdrawn,
    /// 10
    AaCompromise,
}

impl CrlReason {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The reason with this CRLReason code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The reason that is spelled so in the RFC, whatever the case (OpenSSL writes `CACompromise`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.name().eq_ignore_ascii_case(name))
    }

    /// The CRLReason code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The RFC's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for CrlReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
