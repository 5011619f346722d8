//! What a client accepts but an operator should hear of.

use core::fmt;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::pkix::Validity;
use certvouch_types::{Certificate, Oid, Timestamp, oid};

use crate::error::CertificateFault;
use crate::limits::{EXPIRES_SOON_DAYS, LONG_LIFE_DAYS};

const DAY: i64 = 86_400;

/// Something about a signing identity that an operator should hear.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The delegate's certificate has cRLDistributionPoints (requirements R9919-3.2.2-K1).
    CrlDistributionPoints,
    /// The certificate ends soon.
    ExpiresSoon {
        /// Whole days left.
        days_left: i64,
        /// Its last second.
        not_after: Timestamp,
    },
    /// The delegate's certificate lives longer than a year, and nobody can revoke it in practice.
    LongLived {
        /// Its life in days.
        days: i64,
    },
    /// id-pkix-ocsp-nocheck is critical (requirements R6960-4.2.2.2.1-K1).
    NocheckCritical,
    /// id-pkix-ocsp-nocheck is missing, which is allowed by configuration.
    NocheckMissing,
    /// id-pkix-ocsp-nocheck has another value than NULL, which is allowed by configuration.
    NocheckValue,
    /// The delegate's certificate has an id-ad-ocsp address (requirements R9919-3.2.2-K1).
    OcspAddress,
    /// The CA signed the delegate's certificate with SHA-1, which most clients no longer accept.
    Sha1Signature,
    /// A critical extension that clients may not know, by its OBJECT IDENTIFIER.
    UnknownCriticalExtension(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CrlDistributionPoints => f.write_str(
                "the signer's certificate has cRLDistributionPoints, which a certificate with nocheck should not have",
            ),
            Self::ExpiresSoon { days_left, not_after } => {
                write!(f, "the signer's certificate ends in {days_left} days, at {not_after}")
            }
            Self::LongLived { days } => write!(
                f,
                "the signer's certificate is valid for {days} days; a stolen key is useful as long as that"
            ),
            Self::NocheckCritical => {
                f.write_str("id-pkix-ocsp-nocheck of the signer's certificate is critical; it should not be")
            }
            Self::NocheckMissing => f.write_str(
                "the signer's certificate lacks id-pkix-ocsp-nocheck; clients may ask for its own status",
            ),
            Self::NocheckValue => f.write_str(
                "id-pkix-ocsp-nocheck of the signer's certificate has another value than NULL; clients may reject it",
            ),
            Self::OcspAddress => f.write_str(
                "the signer's certificate has an OCSP address, which a certificate with nocheck should not have",
            ),
            Self::Sha1Signature => f.write_str(
                "the signer's certificate is signed with SHA-1, which most clients no longer accept",
            ),
            Self::UnknownCriticalExtension(oid) => write!(
                f,
                "the signer's certificate has the critical extension {oid}, which clients may not know"
            ),
        }
    }
}

/// Everything that is to be said at load.
pub(super) fn collect(
    certificate: &Certificate<'_>,
    delegated: bool,
    nocheck: Option<&CertificateFault>,
    now: Timestamp,
) -> Vec<Warning> {
    let mut warnings: Vec<_> = expires_soon(&certificate.validity, now)
        .into_iter()
        .collect();
    if !delegated {
        return warnings;
    }
    match nocheck {
        Some(CertificateFault::Nocheck) => warnings.push(Warning::NocheckMissing),
        Some(_) => warnings.push(Warning::NocheckValue),
        None => {}
    }
    let extensions = &certificate.extensions;
    if extensions
        .find(oid::OCSP_NOCHECK)
        .is_some_and(|found| found.critical)
    {
        warnings.push(Warning::NocheckCritical);
    }
    // An authorityInfoAccess that does not parse is none that points anywhere.
    if certificate
        .access_locations(oid::AD_OCSP)
        .is_ok_and(|mut locations| locations.next().is_some())
    {
        warnings.push(Warning::OcspAddress);
    }
    if extensions.find(oid::CRL_DISTRIBUTION_POINTS).is_some() {
        warnings.push(Warning::CrlDistributionPoints);
    }
    let days = life(&certificate.validity) / DAY;
    if days > LONG_LIFE_DAYS {
        warnings.push(Warning::LongLived { days });
    }
    if SignatureAlgorithm::from_identifier(&certificate.signature_algorithm)
        .is_some_and(SignatureAlgorithm::uses_sha1)
    {
        warnings.push(Warning::Sha1Signature);
    }
    let unknown = extensions.iter().filter(|e| e.critical && !is_known(e.oid));
    warnings.extend(unknown.map(|e| Warning::UnknownCriticalExtension(e.oid.to_string())));
    warnings
}

/// Extensions that every client of RFC 5280 processes, and nocheck.
fn is_known(extension: Oid<'_>) -> bool {
    [
        oid::BASIC_CONSTRAINTS,
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::SUBJECT_KEY_IDENTIFIER,
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::OCSP_NOCHECK,
    ]
    .contains(&extension)
        // certificatePolicies and subjectAltName.
        || [&[0x55, 0x1D, 0x20], &[0x55, 0x1D, 0x11]].iter().any(|known| extension.as_bytes() == *known)
}

pub(super) const fn days_left(validity: &Validity, now: Timestamp) -> i64 {
    validity.not_after.seconds_since(now).div_euclid(DAY)
}

/// Due in the last thirty days, but not before half of the certificate's life is over: a certificate of 30
/// days is renewed then (requirements R6960-4.2.2.2.1-K2), and would otherwise be complained about from its
/// first day.
pub(super) fn expires_soon(validity: &Validity, now: Timestamp) -> Option<Warning> {
    let left = validity.not_after.seconds_since(now);
    let due = (EXPIRES_SOON_DAYS * DAY).min(life(validity) / 2);
    (left <= due).then_some(Warning::ExpiresSoon {
        days_left: days_left(validity, now),
        not_after: validity.not_after,
    })
}

/// Seconds from the first to the last.
const fn life(validity: &Validity) -> i64 {
    validity.not_after.seconds_since(validity.not_before)
}
