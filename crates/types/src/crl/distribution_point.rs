//! cRLDistributionPoints and freshestCRL of certificates and CRLs: where CRLs are to be had, and for which reasons.

use alloc::vec::Vec;

use crate::cert_status::CrlReason;
use crate::der::{Element, Reader, push, tag};
use crate::error::{DecodeError, Why};
use crate::extension::Extension;
use crate::pkix::general_name::{GeneralName, GeneralNames};
use crate::pkix::name::Name;

/// ```asn1
/// DistributionPoint ::= SEQUENCE {
///     distributionPoint  [0] DistributionPointName OPTIONAL,
///     reasons            [1] ReasonFlags OPTIONAL,
///     cRLIssuer          [2] GeneralNames OPTIONAL }
/// ```
/// RFC 5280 4.2.1.13: one of the first and the last must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DistributionPoint<'a> {
    /// Where.
    pub name: Option<DistributionPointName<'a>>,
    /// For which reasons; absence means all.
    pub reasons: Option<ReasonFlags>,
    /// Who issues the CRL, if not the certificate's issuer.
    pub crl_issuer: Option<GeneralNames<'a>>,
}

/// `DistributionPointName ::= CHOICE { fullName [0] GeneralNames, nameRelativeToCRLIssuer [1] RDN }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the CHOICE of RFC 5280 4.2.1.13 is closed"
)]
pub enum DistributionPointName<'a> {
    /// Several names of one point.
    FullName(GeneralNames<'a>),
    /// An RDN to be put behind the CRL issuer's name, by its content octets.
    RelativeToCrlIssuer(&'a [u8]),
}

impl<'a> DistributionPointName<'a> {
    /// Reads the CHOICE inside its explicit wrapper.
    pub(super) fn from_element(
        wrapper: Element<'a>,
        what: &'static str,
    ) -> Result<Self, DecodeError> {
        let mut inner = wrapper.contents();
        let choice = inner.next(what)?;
        inner.finish(what)?;
        match choice.tag {
            0xA0 => GeneralNames::from_element(choice, what).map(Self::FullName),
            0xA1 => Ok(Self::RelativeToCrlIssuer(choice.value)),
            found => {
                let why = Why::UnexpectedTag {
                    expected: tag::constructed(0),
                    found,
                };
                Err(DecodeError::new(what, choice.at, why))
            }
        }
    }

    /// The URIs among the full names.
    pub fn uris(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let names = match self {
            Self::FullName(names) => Some(*names),
            Self::RelativeToCrlIssuer(_) => None,
        };
        names
            .into_iter()
            .flat_map(|names| names.iter())
            .filter_map(|name| match name {
                GeneralName::Uri(uri) => Some(uri),
                _ => None,
            })
    }

    /// Whether one name of each is the same (RFC 5280 6.3.3 b 2 i). A relative name is put behind the name beside it
    /// first: that of the CRL's issuer (RFC 5280 5.2.5; in a certificate the cRLIssuer, or else the certificate's
    /// issuer, 4.2.1.13).
    #[must_use]
    pub fn shares_a_name_with(
        &self,
        base: Name<'_>,
        other: &DistributionPointName<'_>,
        other_base: Name<'_>,
    ) -> bool {
        let (ours, theirs) = (self.absolute(base), other.absolute(other_base));
        let (ours, theirs) = (ours.as_deref(), theirs.as_deref());
        self.all(ours)
            .any(|one| other.all(theirs).any(|two| one.matches(&two)))
    }

    /// The name that a relative one stands for, in DER.
    fn absolute(&self, base: Name<'_>) -> Option<Vec<u8>> {
        let Self::RelativeToCrlIssuer(rdn) = self else {
            return None;
        };
        let rdns = Reader::new(base.as_bytes()).sequence("Name").ok()?;
        let mut content = rdns.rest().to_vec();
        push(&mut content, tag::SET, rdn);
        let mut name = Vec::new();
        push(&mut name, tag::SEQUENCE, &content);
        Some(name)
    }

    /// The full names, or the one that was made of a relative name.
    fn all<'n>(&self, absolute: Option<&'n [u8]>) -> impl Iterator<Item = GeneralName<'n>>
    where
        'a: 'n,
    {
        let full = match self {
            Self::FullName(names) => Some(*names),
            Self::RelativeToCrlIssuer(_) => None,
        };
        let made = absolute.and_then(|der| Name::read(&mut Reader::new(der), "Name").ok());
        full.into_iter()
            .flat_map(|names| names.iter())
            .chain(made.map(GeneralName::DirectoryName))
    }
}

/// `ReasonFlags ::= BIT STRING`, as a set of reasons. Its numbers differ from CRLReason's above 6 (requirements §1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonFlags(u16);

impl ReasonFlags {
    /// Every reason that has a bit.
    pub const ALL: Self = Self(0b1_1111_1110);
    /// No reason.
    pub const NONE: Self = Self(0);

    pub(super) fn from_element(
        element: Element<'_>,
        what: &'static str,
    ) -> Result<Self, DecodeError> {
        let bad = || DecodeError::new(what, element.value_at(), Why::BadBitString);
        let (&unused, octets) = element.value.split_first().ok_or_else(bad)?;
        if unused > 7 || octets.len() > 2 || octets.is_empty() && unused > 0 {
            return Err(bad());
        }
        let mut bits = 0_u16;
        for number in 0..9_u8 {
            let octet = octets.get(usize::from(number / 8)).copied().unwrap_or(0);
            if octet & (0x80 >> (number % 8)) != 0 {
                bits |= 1 << number;
            }
        }
        // Bit 0 is unused.
        Ok(Self(bits & Self::ALL.0))
    }

    /// The bit of a reason, if it has one; unspecified, removeFromCRL and hold-free reasons follow RFC 5280 4.2.1.13.
    fn bit(reason: CrlReason) -> Option<u8> {
        match reason {
            CrlReason::KeyCompromise => Some(1),
            CrlReason::CaCompromise => Some(2),
            CrlReason::AffiliationChanged => Some(3),
            CrlReason::Superseded => Some(4),
            CrlReason::CessationOfOperation => Some(5),
            CrlReason::CertificateHold => Some(6),
            CrlReason::PrivilegeWithdrawn => Some(7),
            CrlReason::AaCompromise => Some(8),
            CrlReason::Unspecified | CrlReason::RemoveFromCrl => None,
        }
    }

    /// Whether the reason is in the set.
    #[must_use]
    pub fn contains(self, reason: CrlReason) -> bool {
        Self::bit(reason).is_some_and(|bit| self.0 & (1 << bit) != 0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every reason is in it.
    #[must_use]
    pub const fn is_all(self) -> bool {
        self.0 == Self::ALL.0
    }
}

/// Reads the value of cRLDistributionPoints or freshestCRL: `SEQUENCE SIZE (1..MAX) OF DistributionPoint`.
///
/// # Errors
/// Another structure, no member, or a point with reasons alone.
pub fn distribution_points<'a>(
    extension: &Extension<'a>,
) -> Result<impl Iterator<Item = DistributionPoint<'a>> + use<'a>, DecodeError> {
    let what = "cRLDistributionPoints";
    let mut value = extension.contents();
    let list = value.sequence(what)?;
    value.finish(what)?;
    let mut walk = list.clone();
    if walk.is_empty() {
        return Err(walk.fail(what, Why::Empty));
    }
    while !walk.is_empty() {
        read_point(&mut walk)?;
    }
    let mut reader = list;
    Ok(core::iter::from_fn(move || read_point(&mut reader).ok()))
}

fn read_point<'a>(reader: &mut Reader<'a>) -> Result<DistributionPoint<'a>, DecodeError> {
    let what = "DistributionPoint";
    let element = reader.required(tag::SEQUENCE, what)?;
    let mut inner = element.contents();
    let name = inner
        .optional(tag::constructed(0), what)?
        .map(|wrapper| DistributionPointName::from_element(wrapper, what))
        .transpose()?;
    let reasons = inner
        .optional(tag::context(1), what)?
        .map(|flags| ReasonFlags::from_element(flags, what))
        .transpose()?;
    let crl_issuer = inner
        .optional(tag::constructed(2), what)?
        .map(|names| GeneralNames::from_element(names, what))
        .transpose()?;
    inner.finish(what)?;
    if name.is_none() && crl_issuer.is_none() {
        return Err(DecodeError::new(what, element.at, Why::Empty));
    }
    Ok(DistributionPoint {
        name,
        reasons,
        crl_issuer,
    })
}
