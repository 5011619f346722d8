//! Responders that are trusted by local configuration, and what is known of delegates' revocation.

use alloc::vec::Vec;

use crate::crl::CrlSet;
use certvouch_types::pkix::Name;
use certvouch_types::{Certificate, DecodeError, SerialNumber, Timestamp};

/// A responder that is believed without the issuer's word, for certain issuers only (RFC 6960 4.2.2.2 (1),
/// requirements R6960-4.2.2.2-C4).
#[derive(Clone, Debug)]
pub struct TrustedResponder<'a> {
    pub(crate) certificate: Certificate<'a>,
    issuers: Vec<(Name<'a>, &'a [u8])>,
}

impl<'a> TrustedResponder<'a> {
    /// A responder's certificate and the certificates of the issuers that it may answer for, all DER. An issuer
    /// counts by its name and key. The responder's dates are checked; its EKU and issuer are not, since they are
    /// what the local word stands for.
    ///
    /// # Errors
    /// A certificate that does not parse.
    pub fn new(certificate: &'a [u8], issuers: &[&'a [u8]]) -> Result<Self, DecodeError> {
        let certificate = Certificate::parse(certificate)?;
        let issuers = issuers
            .iter()
            .map(|issuer| {
                let issuer = Certificate::parse(issuer)?;
                Ok((issuer.subject, issuer.subject_public_key_info.raw))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            certificate,
            issuers,
        })
    }

    pub(crate) fn answers_for(&self, issuer: &Certificate<'_>) -> bool {
        self.issuers.iter().any(|(name, key)| {
            *name == issuer.subject && *key == issuer.subject_public_key_info.raw
        })
    }
}

/// What the caller knows about the revocation of delegates, from another source than the response.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum DelegateRevocation<'a> {
    /// Nothing.
    #[default]
    Unknown,
    /// The serial numbers on a complete CRL of the issuer. The caller has verified it with the issuer's key.
    Listed {
        /// What it lists.
        revoked: &'a [SerialNumber<'a>],
        /// Its nextUpdate: afterwards it vouches for nobody. What it lists stays revoked.
        next_update: Timestamp,
    },
    /// CRLs as they came: they are verified for each delegate that lacks nocheck, as [`crate::Query::verify_crls`]
    /// does. The status of whoever signed them is not asked.
    Crls(&'a CrlSet<'a>),
}

/// The answer for one delegate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DelegateState {
    NotRevoked,
    Revoked,
    Unknown,
}

impl DelegateRevocation<'_> {
    pub(crate) fn state(&self, serial: SerialNumber<'_>, at: Timestamp) -> DelegateState {
        match self {
            // CRLs are judged where the delegate's whole certificate is at hand.
            Self::Unknown | Self::Crls(_) => DelegateState::Unknown,
            Self::Listed { revoked, .. } if revoked.contains(&serial) => DelegateState::Revoked,
            Self::Listed { next_update, .. } if at <= *next_update => DelegateState::NotRevoked,
            Self::Listed { .. } => DelegateState::Unknown,
        }
    }
}
