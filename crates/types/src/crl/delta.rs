//! When a delta CRL may be laid over a complete one (RFC 5280 5.2.4).

use core::fmt;

use super::Crl;

/// Why a delta does not apply to a complete CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeltaMismatch {
    /// The complete CRL is older than the base that the delta starts from.
    BaseTooOld,
    /// The delta is not newer than the complete CRL.
    NotNewer,
    /// A CRL number is missing.
    NoNumber,
    /// What is meant to be the delta has no deltaCRLIndicator, or the complete CRL has one.
    NotADelta,
    /// Different authority key identifiers: another key signed.
    OtherKey,
    /// Different issuers.
    OtherIssuer,
    /// Different scopes: issuingDistributionPoint is not the same in both, or absent in both.
    OtherScope,
}

impl fmt::Display for DeltaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BaseTooOld => "the complete CRL is older than the delta's base",
            Self::NotNewer => "the delta is not newer than the complete CRL",
            Self::NoNumber => "a CRL number is missing",
            Self::NotADelta => "one is not a delta CRL or the other is not a complete one",
            Self::OtherKey => "the authority key identifiers differ",
            Self::OtherIssuer => "the issuers differ",
            Self::OtherScope => "the issuing distribution points differ",
        })
    }
}

/// Whether `delta` may be laid over `complete`: same issuer, same scope, same key, and
/// base number ≤ complete's number < delta's number.
///
/// # Errors
/// The first condition that does not hold.
pub fn applies(delta: &Crl<'_>, complete: &Crl<'_>) -> Result<(), DeltaMismatch> {
    let Some(base) = delta.known.base_crl_number.filter(|_| !complete.is_delta()) else {
        return Err(DeltaMismatch::NotADelta);
    };
    if !delta.issuer.matches(&complete.issuer) {
        return Err(DeltaMismatch::OtherIssuer);
    }
    if delta.known.idp.map(|idp| idp.raw) != complete.known.idp.map(|idp| idp.raw) {
        return Err(DeltaMismatch::OtherScope);
    }
    if delta.known.authority_key_id != complete.known.authority_key_id {
        return Err(DeltaMismatch::OtherKey);
    }
    let (Some(number), Some(complete_number)) = (delta.known.crl_number, complete.known.crl_number)
    else {
        return Err(DeltaMismatch::NoNumber);
    };
    if complete_number < base {
        return Err(DeltaMismatch::BaseTooOld);
    }
    if number <= complete_number {
        return Err(DeltaMismatch::NotNewer);
    }
    Ok(())
}
