//! Which certificates a CRL speaks about (RFC 5280 6.3.3 b and d), and whether it may be used at all.

use core::fmt;

use super::Crl;
use super::distribution_point::{DistributionPoint, DistributionPointName, ReasonFlags};
use crate::error::DecodeError;
use crate::oid::Oid;
use crate::pkix::name::Name;

/// Why a CRL says nothing about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutOfScope {
    /// It lists attribute certificates only.
    AttributeCertificates,
    /// It lists CA certificates only, and this is none.
    CaCertificatesOnly,
    /// It is issued for another distribution point than the certificate names.
    DistributionPoint,
    /// Its issuer is not whom the certificate names.
    Issuer,
    /// It lists end-entity certificates only, and this is a CA's.
    UserCertificatesOnly,
}

impl fmt::Display for OutOfScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AttributeCertificates => "the CRL is about attribute certificates only",
            Self::CaCertificatesOnly => "the CRL is about CA certificates only",
            Self::DistributionPoint => "the CRL is for another distribution point",
            Self::Issuer => "the CRL is not issued by whom the certificate names",
            Self::UserCertificatesOnly => "the CRL is about end-entity certificates only",
        })
    }
}

/// Whether `crl` is about a certificate of `certificate_issuer`, found through `point` (none if the certificate
/// names no distribution point, which is treated as one with the issuer's name, RFC 5280 6.3.3). Gives the reasons for
/// which it decides: the interim reasons mask of step d.
///
/// # Errors
/// The first rule by which it is not.
pub fn covers(
    crl: &Crl<'_>,
    certificate_issuer: Name<'_>,
    is_ca: bool,
    point: Option<&DistributionPoint<'_>>,
) -> Result<ReasonFlags, OutOfScope> {
    let idp = crl.known.idp.unwrap_or_default();
    issuer_fits(crl, certificate_issuer, point)?;
    if let Some(name) = idp.distribution_point {
        point_fits(crl, &name, certificate_issuer, point)?;
    }
    if idp.only_attribute_certs {
        return Err(OutOfScope::AttributeCertificates);
    }
    if idp.only_user_certs && is_ca {
        return Err(OutOfScope::UserCertificatesOnly);
    }
    if idp.only_ca_certs && !is_ca {
        return Err(OutOfScope::CaCertificatesOnly);
    }
    let reasons = point
        .and_then(|point| point.reasons)
        .unwrap_or(ReasonFlags::ALL);
    Ok(reasons.intersection(idp.only_some_reasons.unwrap_or(ReasonFlags::ALL)))
}

/// Step b 1: cRLIssuer in the point demands that name and indirectCRL; otherwise the CRL's issuer is the certificate's.
fn issuer_fits(
    crl: &Crl<'_>,
    certificate_issuer: Name<'_>,
    point: Option<&DistributionPoint<'_>>,
) -> Result<(), OutOfScope> {
    let named = point.and_then(|point| point.crl_issuer);
    let fits = match named {
        Some(names) => {
            let found = names.iter().any(|name| {
                matches!(name, crate::pkix::GeneralName::DirectoryName(name) if name.matches(&crl.issuer))
            });
            found && (crl.is_indirect() || crl.issuer.matches(&certificate_issuer))
        }
        None => crl.issuer.matches(&certificate_issuer),
    };
    if fits {
        Ok(())
    } else {
        Err(OutOfScope::Issuer)
    }
}

/// Step b 2 i: one name of the CRL's point equals one name of the certificate's point, or of its cRLIssuer.
fn point_fits(
    crl: &Crl<'_>,
    name: &DistributionPointName<'_>,
    certificate_issuer: Name<'_>,
    point: Option<&DistributionPoint<'_>>,
) -> Result<(), OutOfScope> {
    let Some(point) = point else {
        // A certificate without a point gets no word from a CRL that is for one point only.
        return Err(OutOfScope::DistributionPoint);
    };
    let named = point.crl_issuer.and_then(|names| names.directory_name());
    let base = named.unwrap_or(certificate_issuer);
    let theirs = match (point.name, point.crl_issuer) {
        (Some(theirs), _) => Some(theirs),
        (None, issuer) => issuer.map(DistributionPointName::FullName),
    };
    if theirs.is_some_and(|theirs| name.shares_a_name_with(crl.issuer, &theirs, base)) {
        Ok(())
    } else {
        Err(OutOfScope::DistributionPoint)
    }
}

/// Why a CRL must not be used for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable<'a> {
    /// A critical crlExtension is not understood (RFC 5280 5.2).
    CriticalExtension(Oid<'a>),
    /// A critical entry extension is not understood (RFC 5280 5.3).
    CriticalEntryExtension {
        /// Which.
        oid: Oid<'a>,
        /// The offset of the entry.
        at: usize,
    },
    /// An entry names an issuer in a CRL that is not indirect (RFC 5280 5.3.3).
    IssuerInDirectCrl {
        /// The offset of the entry.
        at: usize,
    },
    /// An entry does not parse.
    Malformed(DecodeError),
    /// Without nextUpdate nobody knows until when it counts (RFC 5280 5.1.2.5).
    NoNextUpdate,
    /// removeFromCRL in a CRL that is no delta (RFC 5280 5.3.1).
    RemoveFromCompleteCrl {
        /// The offset of the entry.
        at: usize,
    },
}

impl fmt::Display for Unusable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CriticalExtension(oid) => write!(f, "critical extension {oid} is not understood"),
            Self::CriticalEntryExtension { oid, at } => {
                write!(
                    f,
                    "critical extension {oid} of the entry at offset {at} is not understood"
                )
            }
            Self::IssuerInDirectCrl { at } => {
                write!(
                    f,
                    "the entry at offset {at} names an issuer, but the CRL is not indirect"
                )
            }
            Self::Malformed(error) => write!(f, "malformed entry: {error}"),
            Self::NoNextUpdate => f.write_str("it has no nextUpdate"),
            Self::RemoveFromCompleteCrl { at } => {
                write!(
                    f,
                    "the entry at offset {at} says removeFromCRL in a complete CRL"
                )
            }
        }
    }
}

/// Checks the head of a CRL for what forbids its use; [`check_entry`] does the same for each entry.
///
/// # Errors
/// The first reason.
pub const fn check_head<'a>(crl: &Crl<'a>) -> Result<(), Unusable<'a>> {
    if let Some(oid) = crl.known.unprocessable {
        return Err(Unusable::CriticalExtension(oid));
    }
    if crl.next_update.is_none() {
        return Err(Unusable::NoNextUpdate);
    }
    Ok(())
}

/// Checks one entry for what forbids the use of the whole CRL.
///
/// # Errors
/// The first reason.
pub fn check_entry<'a>(
    crl: &Crl<'a>,
    entry: &super::RevokedCertificate<'a>,
) -> Result<(), Unusable<'a>> {
    let at = entry.at;
    if let Some(oid) = entry.unprocessable {
        return Err(Unusable::CriticalEntryExtension { oid, at });
    }
    if entry.names_issuer && !crl.is_indirect() {
        return Err(Unusable::IssuerInDirectCrl { at });
    }
    if entry.reason == Some(crate::CrlReason::RemoveFromCrl) && !crl.is_delta() {
        return Err(Unusable::RemoveFromCompleteCrl { at });
    }
    Ok(())
}
