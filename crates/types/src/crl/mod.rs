//! Certificate revocation lists (RFC 5280 5), read as a stream over the bytes.
//!
//! [`Crl::parse`] reads the head and the tail and only walks over the entries; [`Crl::entries`] reads them one by one
//! without keeping any. The rules that need no signature and no clock live here too: which certificates a CRL is about
//! ([`scope`]), when a delta may be laid over a complete CRL ([`delta`]), and which extensions forbid its use.

pub mod delta;
pub mod distribution_point;
mod entry;
mod idp;
pub mod scope;

use crate::algorithm::AlgorithmIdentifier;
use crate::der::{Element, Reader, tag};
use crate::error::{DecodeError, Why};
use crate::extension::{Extension, Extensions};
use crate::oid::{self, Oid};
use crate::pkix::name::Name;
use crate::time::Timestamp;

pub use distribution_point::{DistributionPoint, DistributionPointName, ReasonFlags};
pub use entry::{Entries, RevokedCertificate};
pub use idp::IssuingDistributionPoint;

/// ```asn1
/// CertificateList ::= SEQUENCE {
///     tbsCertList         TBSCertList,
///     signatureAlgorithm  AlgorithmIdentifier,
///     signatureValue      BIT STRING }
/// TBSCertList ::= SEQUENCE {
///     version              Version OPTIONAL, -- if present, MUST be v2
///     signature            AlgorithmIdentifier,
///     issuer               Name,
///     thisUpdate           Time,
///     nextUpdate           Time OPTIONAL,
///     revokedCertificates  SEQUENCE OF SEQUENCE { … } OPTIONAL,
///     crlExtensions        [0] EXPLICIT Extensions OPTIONAL }
/// ```
/// Nothing is verified.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Crl<'a> {
    /// The whole CRL as received.
    pub raw: &'a [u8],
    /// The whole tbsCertList: the octets that the signature covers.
    pub tbs: &'a [u8],
    /// The version as people count: 1 or 2.
    pub version: u8,
    /// Who issued the CRL.
    pub issuer: Name<'a>,
    /// When.
    pub this_update: Timestamp,
    /// By when the next one will be there. RFC 5280 requires it; without it the CRL is no source for answers.
    pub next_update: Option<Timestamp>,
    /// The crlExtensions.
    pub extensions: Extensions<'a>,
    /// The signature algorithm (the outer one, equal to the inner one).
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The octets of the signature.
    pub signature: &'a [u8],
    /// What the crlExtensions say, each read.
    pub known: KnownExtensions<'a>,
    revoked: &'a [u8],
    revoked_at: usize,
}

/// The crlExtensions that are understood (RFC 5280 5.2).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct KnownExtensions<'a> {
    /// keyIdentifier of the authorityKeyIdentifier.
    pub authority_key_id: Option<&'a [u8]>,
    /// cRLNumber: content octets of an INTEGER that is not negative, at most 20.
    pub crl_number: Option<CrlNumber<'a>>,
    /// deltaCRLIndicator: the number of the complete CRL that this delta starts from.
    pub base_crl_number: Option<CrlNumber<'a>>,
    /// issuingDistributionPoint.
    pub idp: Option<IssuingDistributionPoint<'a>>,
    /// freshestCRL: where deltas are to be had, as an extnValue to be read by
    /// [`distribution_point::distribution_points`].
    pub freshest_crl: Option<Extension<'a>>,
    /// A critical extension that is not understood: the CRL must not be used (RFC 5280 5.2).
    pub unprocessable: Option<Oid<'a>>,
}

/// A CRL number; ordered as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlNumber<'a>(&'a [u8]);

/// Content octets of a CRL number: RFC 5280 5.2.3 lets it have 20.
const NUMBER_OCTETS: usize = 20;

/// 1950-01-01: UTCTime, which RFC 5280 5.1.2.4 demands through 2049, can say nothing earlier.
const EARLIEST: Timestamp = Timestamp::EARLIEST_UTC_TIME;

impl<'a> CrlNumber<'a> {
    /// Takes content octets of a DER INTEGER.
    ///
    /// # Errors
    /// A negative number, or one of more than 20 octets (a leading zero octet is not counted).
    fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, DecodeError> {
        let at = reader.offset();
        let content = reader.integer(what)?;
        let unsigned = crate::serial::SerialNumber::from_content(content).unsigned();
        unsigned
            .filter(|octets| octets.len() <= NUMBER_OCTETS)
            .map(Self)
            .ok_or_else(|| DecodeError::new(what, at, Why::OutOfRange))
    }

    /// From minimal unsigned big-endian octets, as they are stored.
    #[must_use]
    pub const fn from_unsigned(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The number as minimal unsigned big-endian octets.
    #[must_use]
    pub const fn as_unsigned(&self) -> &'a [u8] {
        self.0
    }
}

impl Ord for CrlNumber<'_> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0
            .len()
            .cmp(&other.0.len())
            .then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for CrlNumber<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl core::fmt::Display for CrlNumber<'_> {
    /// Upper-case hex with `0x`, as OpenSSL prints it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("0x")?;
        if self.0.is_empty() {
            return f.write_str("00");
        }
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl<'a> Crl<'a> {
    /// Reads a whole CRL except its entries, which [`Crl::entries`] reads.
    ///
    /// # Errors
    /// The first octet that breaks the syntax, with its place; two different signature algorithms inside and outside
    /// (RFC 5280 5.1.1.2); an extension that is understood and does not parse.
    pub fn parse(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(input);
        let whole = outer.required(tag::SEQUENCE, "CertificateList")?;
        outer.finish("CertificateList")?;
        let mut message = whole.contents();
        let tbs = message.required(tag::SEQUENCE, "CertificateList.tbsCertList")?;
        let at = message.offset();
        let signature_algorithm =
            AlgorithmIdentifier::read(&mut message, "CertificateList.signatureAlgorithm")?;
        let signature = message.bit_string_octets("CertificateList.signatureValue")?;
        message.finish("CertificateList")?;

        let mut fields = tbs.contents();
        let version = read_version(&mut fields)?;
        let inner_algorithm = AlgorithmIdentifier::read(&mut fields, "tbsCertList.signature")?;
        if inner_algorithm.raw != signature_algorithm.raw {
            let what = "CertificateList.signatureAlgorithm";
            return Err(DecodeError::new(what, at, Why::OutOfRange));
        }
        let issuer = Name::read(&mut fields, "tbsCertList.issuer")?;
        let this_update_at = fields.offset();
        let this_update = fields.time("tbsCertList.thisUpdate")?;
        if this_update < EARLIEST {
            let what = "tbsCertList.thisUpdate";
            return Err(DecodeError::new(what, this_update_at, Why::OutOfRange));
        }
        let next_update = match fields.peek() {
            Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => {
                Some(fields.time("tbsCertList.nextUpdate")?)
            }
            _ => None,
        };
        let revoked = fields.optional(tag::SEQUENCE, "tbsCertList.revokedCertificates")?;
        let extensions = read_extensions(&mut fields)?;
        fields.finish("tbsCertList")?;
        Ok(Self {
            raw: whole.raw,
            tbs: tbs.raw,
            version,
            issuer,
            this_update,
            next_update,
            extensions,
            signature_algorithm,
            signature,
            known: KnownExtensions::read(&extensions)?,
            revoked: revoked.map_or(&[], |element| element.value),
            revoked_at: revoked.as_ref().map_or(0, Element::value_at),
        })
    }

    /// The entries, one by one. An empty revokedCertificates is tolerated (requirements R5280-5.1.2.6-1).
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries::new(Reader::at(self.revoked, self.revoked_at), self.issuer)
    }

    /// The entry that begins at this offset of the outermost input, as an earlier walk gave it in
    /// [`RevokedCertificate::at`]. Its certificate issuer is what it says itself or the CRL's: what an earlier entry
    /// said is not looked up.
    ///
    /// # Errors
    /// There is no entry at that place.
    pub fn entry_at(&self, at: usize) -> Result<RevokedCertificate<'a>, DecodeError> {
        let begin = at.saturating_sub(self.revoked_at);
        let rest = self.revoked.get(begin..).unwrap_or_default();
        let mut entries = Entries::new(Reader::at(rest, at), self.issuer);
        let missing = DecodeError::new("revokedCertificates", at, Why::Truncated);
        entries.next().unwrap_or(Err(missing))
    }

    /// Octets of all entries together: a bound for whoever reserves memory.
    #[must_use]
    pub const fn entries_length(&self) -> usize {
        self.revoked.len()
    }

    /// The entries as they stand: the content of revokedCertificates.
    #[must_use]
    pub const fn entries_octets(&self) -> &'a [u8] {
        self.revoked
    }

    /// Whether this is a delta CRL.
    #[must_use]
    pub const fn is_delta(&self) -> bool {
        self.known.base_crl_number.is_some()
    }

    /// Whether entries may belong to other issuers than the CRL's.
    #[must_use]
    pub fn is_indirect(&self) -> bool {
        self.known.idp.is_some_and(|idp| idp.indirect_crl)
    }
}

/// A CRL of version 1 has no version field; the field, if there, says 1 and means v2.
fn read_version(fields: &mut Reader<'_>) -> Result<u8, DecodeError> {
    if fields.peek() != Some(tag::INTEGER) {
        return Ok(1);
    }
    let at = fields.offset();
    match fields.integer("tbsCertList.version")? {
        [1] => Ok(2),
        _ => Err(DecodeError::new(
            "tbsCertList.version",
            at,
            Why::UnsupportedVersion,
        )),
    }
}

fn read_extensions<'a>(fields: &mut Reader<'a>) -> Result<Extensions<'a>, DecodeError> {
    let what = "tbsCertList.crlExtensions";
    fields
        .optional(tag::constructed(0), what)?
        .map(|explicit| Extensions::from_explicit(explicit, what))
        .transpose()
        .map(Option::unwrap_or_default)
}

impl<'a> KnownExtensions<'a> {
    fn read(extensions: &Extensions<'a>) -> Result<Self, DecodeError> {
        let mut known = Self::default();
        for extension in extensions.iter() {
            let mut value = extension.contents();
            match extension.oid {
                o if o == oid::CRL_NUMBER => {
                    known.crl_number = Some(CrlNumber::read(&mut value, "cRLNumber")?);
                    value.finish("cRLNumber")?;
                }
                o if o == oid::DELTA_CRL_INDICATOR => {
                    known.base_crl_number = Some(CrlNumber::read(&mut value, "BaseCRLNumber")?);
                    value.finish("BaseCRLNumber")?;
                }
                o if o == oid::ISSUING_DISTRIBUTION_POINT => {
                    known.idp = Some(IssuingDistributionPoint::parse(value)?);
                }
                o if o == oid::AUTHORITY_KEY_IDENTIFIER => {
                    known.authority_key_id = read_key_identifier(value)?;
                }
                o if o == oid::FRESHEST_CRL => {
                    let _checked = distribution_point::distribution_points(&extension)?;
                    known.freshest_crl = Some(extension);
                }
                other if extension.critical => known.unprocessable = Some(other),
                _ => {}
            }
        }
        Ok(known)
    }
}

/// `AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] IMPLICIT OCTET STRING OPTIONAL, … }`.
fn read_key_identifier(mut value: Reader<'_>) -> Result<Option<&[u8]>, DecodeError> {
    let what = "authorityKeyIdentifier";
    let mut inner = value.sequence(what)?;
    value.finish(what)?;
    let identifier = inner
        .optional(tag::context(0), what)?
        .map(|element| element.value);
    while !inner.is_empty() {
        inner.next(what)?;
    }
    Ok(identifier)
}

#[cfg(test)]
mod tests;
