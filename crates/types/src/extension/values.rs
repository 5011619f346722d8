//! What stands inside the extensions of OCSP (requirements §1.2).

use alloc::vec::Vec;

use crate::algorithm::AlgorithmIdentifier;
use crate::der::{Reader, push, push_header, tag, tlv_length};
use crate::error::{DecodeError, Why};
use crate::oid::Oid;
use crate::time::Timestamp;

/// `AcceptableResponses ::= SEQUENCE OF OBJECT IDENTIFIER` (RFC 6960 4.4.3).
#[derive(Clone, Debug)]
pub struct AcceptableResponses<'a>(Reader<'a>);

impl<'a> AcceptableResponses<'a> {
    /// Reads an extnValue.
    ///
    /// # Errors
    /// Not a SEQUENCE OF OBJECT IDENTIFIER.
    pub fn parse(mut value: Reader<'a>) -> Result<Self, DecodeError> {
        let what = "AcceptableResponses";
        let list = value.sequence(what)?;
        value.finish(what)?;
        let mut walk = list.clone();
        while !walk.is_empty() {
            walk.oid(what)?;
        }
        Ok(Self(list))
    }

    /// The response types, best first.
    pub fn iter(&self) -> impl Iterator<Item = Oid<'a>> + use<'a> {
        let mut reader = self.0.clone();
        core::iter::from_fn(move || reader.oid("AcceptableResponses").ok())
    }
}

/// `PreferredSignatureAlgorithms ::= SEQUENCE OF PreferredSignatureAlgorithm` (RFC 6960 4.4.7.1).
///
/// The second field has two types in the standards and the same bytes in both (requirements D-27); it is skipped.
#[derive(Clone, Debug)]
pub struct PreferredSignatureAlgorithms<'a>(Reader<'a>);

impl<'a> PreferredSignatureAlgorithms<'a> {
    /// Reads an extnValue.
    ///
    /// # Errors
    /// Not a SEQUENCE OF SEQUENCE { sigIdentifier AlgorithmIdentifier, SEQUENCE OPTIONAL }.
    pub fn parse(mut value: Reader<'a>) -> Result<Self, DecodeError> {
        let list = value.sequence("PreferredSignatureAlgorithms")?;
        value.finish("PreferredSignatureAlgorithms")?;
        let mut walk = list.clone();
        while !walk.is_empty() {
            Self::one(&mut walk)?;
        }
        Ok(Self(list))
    }

    /// The signature algorithms, best first.
    pub fn iter(&self) -> impl Iterator<Item = AlgorithmIdentifier<'a>> + use<'a> {
        let mut reader = self.0.clone();
        core::iter::from_fn(move || Self::one(&mut reader).ok())
    }

    fn one(reader: &mut Reader<'a>) -> Result<AlgorithmIdentifier<'a>, DecodeError> {
        let what = "PreferredSignatureAlgorithm";
        let mut inner = reader.sequence(what)?;
        let algorithm = AlgorithmIdentifier::read(&mut inner, "sigIdentifier")?;
        inner.optional(tag::SEQUENCE, "pubKeyAlgIdentifier")?;
        inner.finish(what)?;
        Ok(algorithm)
    }
}

/// `ServiceLocator ::= SEQUENCE { issuer Name, locator AuthorityInfoAccessSyntax OPTIONAL }` (RFC 6960 4.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceLocator<'a> {
    /// The issuer's Name as a whole triple.
    pub issuer: &'a [u8],
    /// The AuthorityInfoAccessSyntax as a whole triple; both forms occur (requirements D-26).
    pub locator: Option<&'a [u8]>,
}

impl<'a> ServiceLocator<'a> {
    /// Reads an extnValue.
    ///
    /// # Errors
    /// Another structure.
    pub fn parse(mut value: Reader<'a>) -> Result<Self, DecodeError> {
        let what = "ServiceLocator";
        let mut inner = value.sequence(what)?;
        value.finish(what)?;
        let issuer = inner.required(tag::SEQUENCE, "ServiceLocator.issuer")?.raw;
        let locator = inner
            .optional(tag::SEQUENCE, "ServiceLocator.locator")?
            .map(|e| e.raw);
        inner.finish(what)?;
        Ok(Self { issuer, locator })
    }
}

/// `CrlID ::= SEQUENCE { crlUrl [0] IA5String?, crlNum [1] INTEGER?, crlTime [2] GeneralizedTime? }`, all
/// EXPLICIT (RFC 6960 4.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlId<'a> {
    /// Where the CRL is to be had.
    pub url: Option<&'a str>,
    /// The content octets of the CRL number.
    pub number: Option<&'a [u8]>,
    /// When the CRL was issued.
    pub time: Option<Timestamp>,
}

impl<'a> CrlId<'a> {
    /// Reads an extnValue.
    ///
    /// # Errors
    /// Another structure.
    pub fn parse(mut value: Reader<'a>) -> Result<Self, DecodeError> {
        let what = "CrlID";
        let mut inner = value.sequence(what)?;
        value.finish(what)?;
        let mut id = Self::default();
        if let Some(explicit) = inner.optional(tag::constructed(0), "CrlID.crlUrl")? {
            let mut url = explicit.contents();
            let text = url.required(tag::IA5_STRING, "CrlID.crlUrl")?;
            url.finish("CrlID.crlUrl")?;
            let ascii = core::str::from_utf8(text.value)
                .ok()
                .filter(|text| text.is_ascii());
            let bad = DecodeError::new("CrlID.crlUrl", text.value_at(), Why::BadString);
            id.url = Some(ascii.ok_or(bad)?);
        }
        if let Some(explicit) = inner.optional(tag::constructed(1), "CrlID.crlNum")? {
            let mut number = explicit.contents();
            id.number = Some(number.integer("CrlID.crlNum")?);
            number.finish("CrlID.crlNum")?;
        }
        if let Some(explicit) = inner.optional(tag::constructed(2), "CrlID.crlTime")? {
            let mut time = explicit.contents();
            id.time = Some(time.generalized_time("CrlID.crlTime")?);
            time.finish("CrlID.crlTime")?;
        }
        inner.finish(what)?;
        Ok(id)
    }
}

/// `ArchiveCutoff ::= GeneralizedTime`, and the same shape of invalidityDate (RFC 6960 4.4.4, RFC 5280 5.3.2).
///
/// # Errors
/// Not one GeneralizedTime.
pub fn time_value(mut value: Reader<'_>, what: &'static str) -> Result<Timestamp, DecodeError> {
    let time = value.generalized_time(what)?;
    value.finish(what)?;
    Ok(time)
}

/// Appends a non-critical extension. None of ours is critical (RFC 6960 4.1.2, 4.4.8).
pub fn push_extension(out: &mut Vec<u8>, oid: Oid<'_>, value: &[u8]) {
    let oid = oid.as_bytes();
    push_header(
        out,
        tag::SEQUENCE,
        tlv_length(oid.len()) + tlv_length(value.len()),
    );
    push(out, tag::OID, oid);
    push(out, tag::OCTET_STRING, value);
}

/// Appends an extension whose value is one GeneralizedTime.
pub fn push_time_extension(out: &mut Vec<u8>, oid: Oid<'_>, time: Timestamp) {
    let mut value = Vec::with_capacity(17);
    push(
        &mut value,
        tag::GENERALIZED_TIME,
        &time.to_generalized_time(),
    );
    push_extension(out, oid, &value);
}

/// Appends a CrlID (RFC 6960 4.4.2): the number as unsigned big-endian octets, and the time of the CRL.
pub fn push_crl_id(out: &mut Vec<u8>, number: Option<&[u8]>, time: Timestamp) {
    let mut members = Vec::with_capacity(48);
    if let Some(number) = number {
        let mut integer = Vec::with_capacity(24);
        push(
            &mut integer,
            tag::INTEGER,
            &crate::der::integer_from_unsigned(number),
        );
        push(&mut members, tag::constructed(1), &integer);
    }
    let mut moment = Vec::with_capacity(17);
    push(
        &mut moment,
        tag::GENERALIZED_TIME,
        &time.to_generalized_time(),
    );
    push(&mut members, tag::constructed(2), &moment);
    let mut value = Vec::with_capacity(members.len() + 4);
    push(&mut value, tag::SEQUENCE, &members);
    push_extension(out, crate::oid::OCSP_CRL, &value);
}

/// Appends the positive statement of Common PKI: `CertHash ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier,
/// certificateHash OCTET STRING }`, SHA-256 with absent parameters (RFC 5754 2).
pub fn push_cert_hash(out: &mut Vec<u8>, sha256: &[u8; 32]) {
    let mut algorithm = Vec::with_capacity(11);
    push(&mut algorithm, tag::OID, crate::oid::SHA256.as_bytes());
    let mut members = Vec::with_capacity(47);
    push(&mut members, tag::SEQUENCE, &algorithm);
    push(&mut members, tag::OCTET_STRING, sha256);
    let mut value = Vec::with_capacity(49);
    push(&mut value, tag::SEQUENCE, &members);
    push_extension(out, crate::oid::ISIS_MTT_CERT_HASH, &value);
}

/// Appends a nonce extension; the octets are wrapped twice (RFC 9654 2.1).
pub fn push_nonce(out: &mut Vec<u8>, nonce: &[u8]) {
    let mut value = Vec::with_capacity(nonce.len() + 3);
    push(&mut value, tag::OCTET_STRING, nonce);
    push_extension(out, crate::oid::OCSP_NONCE, &value);
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: R9654-2.1-4
    #[test]
    fn nonce_extension_is_the_one_of_the_rfc() {
        let nonce = [
            0xDD, 0x49, 0xD4, 0x07, 0x2C, 0x44, 0x9D, 0xA1, 0xC3, 0x17, 0xBD, 0x1C, 0x1B, 0xDF,
            0xFE, 0xDB, 0xE1, 0x50, 0x31, 0x2E, 0xC4, 0xCD, 0x0A, 0xDD, 0x18, 0xAF, 0x45, 0xBD,
            0x6F, 0x84, 0xBF, 0x14, 0xC8,
        ];
        let nonce = &nonce[1..];
        let mut out = Vec::new();
        push_nonce(&mut out, nonce);
        assert_eq!(out.len(), 0x2F + 2);
        assert_eq!(
            out[..19],
            [
                0x30, 0x2F, 0x06, 0x09, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, 2, 0x04, 0x22, 0x04, 0x20,
                nonce[0], nonce[1]
            ]
        );
    }

    #[test]
    fn preferred_algorithms_of_both_shapes_are_read() {
        // { { ecdsa-with-SHA256 }, { Ed25519, { rsaEncryption } } }
        let input = [
            0x30, 0x21, 0x30, 0x0C, 0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2,
            0x30, 0x11, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x30, 0x08, 0x06, 0x06, 0x2A,
            0x86, 0x48, 0x86, 0xF7, 0x0D,
        ];
        let list = PreferredSignatureAlgorithms::parse(Reader::new(&input)).unwrap();
        let oids: Vec<_> = list.iter().map(|algorithm| algorithm.oid).collect();
        assert_eq!(oids, [crate::oid::ECDSA_WITH_SHA256, crate::oid::ED25519]);
    }

    #[test]
    fn crl_id_with_every_member_is_read() {
        let input = [
            0x30, 0x1E, 0xA0, 0x04, 0x16, 0x02, b'h', b':', 0xA1, 0x03, 0x02, 0x01, 0x05, 0xA2,
            0x11, 0x18, 0x0F, b'2', b'0', b'2', b'6', b'0', b'1', b'1', b'0', b'0', b'0', b'0',
            b'0', b'0', b'0', b'Z',
        ];
        let id = CrlId::parse(Reader::new(&input)).unwrap();
        assert_eq!((id.url, id.number), (Some("h:"), Some(&[5][..])));
        assert_eq!(id.time.map(Timestamp::unix), Some(1_768_003_200));
    }
}
