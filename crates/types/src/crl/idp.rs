//! issuingDistributionPoint: which certificates and reasons a CRL is about.

use super::distribution_point::{DistributionPointName, ReasonFlags};
use crate::der::{Element, Reader, tag};
use crate::error::{DecodeError, Why};

/// ```asn1
/// IssuingDistributionPoint ::= SEQUENCE {
///     distributionPoint           [0] DistributionPointName OPTIONAL,
///     onlyContainsUserCerts       [1] BOOLEAN DEFAULT FALSE,
///     onlyContainsCACerts         [2] BOOLEAN DEFAULT FALSE,
///     onlySomeReasons             [3] ReasonFlags OPTIONAL,
///     indirectCRL                 [4] BOOLEAN DEFAULT FALSE,
///     onlyContainsAttributeCerts  [5] BOOLEAN DEFAULT FALSE }
/// ```
/// RFC 5280 5.2.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuingDistributionPoint<'a> {
    /// The name of the distribution point that this CRL is for.
    pub distribution_point: Option<DistributionPointName<'a>>,
    /// Only end-entity certificates.
    pub only_user_certs: bool,
    /// Only CA certificates.
    pub only_ca_certs: bool,
    /// Only these reasons.
    pub only_some_reasons: Option<ReasonFlags>,
    /// Entries may belong to other issuers.
    pub indirect_crl: bool,
    /// Only attribute certificates, of which we know nothing.
    pub only_attribute_certs: bool,
    /// The distributionPoint as it stands, to compare one with another; empty if there is none.
    point: &'a [u8],
    /// The whole SEQUENCE: a delta must have the same one as its base.
    pub raw: &'a [u8],
}

impl<'a> IssuingDistributionPoint<'a> {
    /// The distributionPoint as it stands in the CRL; empty if there is none.
    #[must_use]
    pub const fn distribution_point_octets(&self) -> &'a [u8] {
        self.point
    }

    /// Reads an extnValue.
    ///
    /// # Errors
    /// Not DER (FALSE spelled out is not), an unknown member, or no member at all (RFC 5280 5.2.5 forbids the empty
    /// SEQUENCE).
    pub fn parse(mut value: Reader<'a>) -> Result<Self, DecodeError> {
        let what = "issuingDistributionPoint";
        let whole = value.required(tag::SEQUENCE, what)?;
        value.finish(what)?;
        let mut inner = whole.contents();
        if inner.is_empty() {
            return Err(inner.fail(what, Why::Empty));
        }
        let mut idp = Self {
            raw: whole.raw,
            ..Self::default()
        };
        if let Some(name) = inner.optional(tag::constructed(0), what)? {
            idp.distribution_point = Some(DistributionPointName::from_element(name, what)?);
            idp.point = name.raw;
        }
        idp.only_user_certs = flag(inner.optional(tag::context(1), what)?, what)?;
        idp.only_ca_certs = flag(inner.optional(tag::context(2), what)?, what)?;
        if let Some(reasons) = inner.optional(tag::context(3), what)? {
            idp.only_some_reasons = Some(ReasonFlags::from_element(reasons, what)?);
        }
        idp.indirect_crl = flag(inner.optional(tag::context(4), what)?, what)?;
        idp.only_attribute_certs = flag(inner.optional(tag::context(5), what)?, what)?;
        inner.finish(what)?;
        Ok(idp)
    }
}

/// `[n] IMPLICIT BOOLEAN DEFAULT FALSE`: absent, or TRUE.
fn flag(element: Option<Element<'_>>, what: &'static str) -> Result<bool, DecodeError> {
    match element {
        None => Ok(false),
        Some(element) if element.value == [0xFF] => Ok(true),
        Some(element) => Err(DecodeError::new(what, element.value_at(), Why::BadBoolean)),
    }
}
