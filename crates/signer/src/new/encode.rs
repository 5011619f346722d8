//! Writing a certificate request (PKCS#10, RFC 2986) and a delegate's certificate (RFC 5280 4.1, RFC 6960
//! 4.2.2.2).
//!
//! Written with our own writer because ML-DSA and id-pkix-ocsp-nocheck are needed, and because a subject must
//! repeat parts of the issuer's Name octet by octet.

use aws_lc_rs::rand;

use certvouch_crypto::digest;
use certvouch_responder::{SignError, Signer as _};
use certvouch_types::der::{Reader, integer_from_unsigned, push, tag};
use certvouch_types::pkix::Validity;
use certvouch_types::{Certificate, HashAlgorithm, Oid, Timestamp, oid};

use crate::signer::FileSigner;

/// pkcs-9-at-extensionRequest, 1.2.840.113549.1.9.14 (RFC 2985 5.4.2).
const EXTENSION_REQUEST: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 0x0E];

/// ub-common-name of RFC 5280 A.1, in characters.
const MAX_COMMON_NAME: usize = 64;

/// The subject: the parts of the issuer's that policies compare, and a commonName.
pub(super) fn subject(issuer: &Certificate<'_>, common_name: Option<&str>) -> Vec<u8> {
    let name = common_name.map_or_else(|| default_common_name(issuer), ToOwned::to_owned);
    let mut rdns = shared_rdns(issuer.subject.as_bytes());
    let mut attribute = Vec::new();
    push(&mut attribute, tag::OID, oid::COMMON_NAME.as_bytes());
    push(&mut attribute, tag::UTF8_STRING, name.as_bytes());
    push(&mut rdns, tag::SET, &tlv(tag::SEQUENCE, &attribute));
    tlv(tag::SEQUENCE, &rdns)
}

fn default_common_name(issuer: &Certificate<'_>) -> String {
    const SUFFIX: &str = " OCSP";
    let of_ca = issuer
        .subject
        .attributes()
        .filter(|(kind, ..)| *kind == oid::COMMON_NAME)
        .find_map(|(_, string, value)| match string {
            tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => {
                core::str::from_utf8(value).ok()
            }
            _ => None,
        });
    match of_ca {
        Some(name) => {
            let room = MAX_COMMON_NAME - SUFFIX.len();
            name.chars().take(room).chain(SUFFIX.chars()).collect()
        }
        None => "OCSP signer".to_owned(),
    }
}

/// The RDNs of a Name that hold nothing but C, ST, L, O and DC, as they are.
fn shared_rdns(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let Ok(mut rdns) = Reader::new(name).sequence("Name") else {
        return out;
    };
    while let Ok(rdn) = rdns.next("Name") {
        let mut members = rdn.contents();
        let mut shared = true;
        while let Ok(mut attribute) = members.sequence("Name") {
            shared &= attribute.oid("Name").is_ok_and(is_shared);
        }
        if shared {
            out.extend_from_slice(rdn.raw);
        }
    }
    out
}

fn is_shared(attribute: Oid<'_>) -> bool {
    matches!(
        attribute.as_bytes(),
        [0x55, 4, 6 | 7 | 8 | 10] | [0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 0x19]
    )
}

/// A CertificationRequest, signed with its own key.
pub(super) fn request(subject: &[u8], signer: &FileSigner) -> Result<Vec<u8>, SignError> {
    let extensions = tlv(tag::SEQUENCE, &delegate_extensions());
    let mut attribute = Vec::new();
    push(&mut attribute, tag::OID, &EXTENSION_REQUEST);
    push(&mut attribute, tag::SET, &extensions);
    let mut info = Vec::new();
    push(&mut info, tag::INTEGER, &[0]);
    info.extend_from_slice(subject);
    info.extend_from_slice(signer.public_key_info());
    push(
        &mut info,
        tag::constructed(0),
        &tlv(tag::SEQUENCE, &attribute),
    );
    signed(&info, signer)
}

/// From now, or a little before for clocks that are late (but not before the CA), to the end of the days or of
/// the CA.
pub(super) fn validity(issuer: &Certificate<'_>, now: Timestamp, days: u32) -> Validity {
    let mut validity = issuer.validity;
    let begin = Timestamp::from_unix(now.unix().saturating_sub(3_600));
    let end = Timestamp::from_unix(now.unix().saturating_add(i64::from(days) * 86_400));
    validity.not_before = validity.not_before.max(begin);
    validity.not_after = validity.not_after.min(end);
    validity
}

/// A delegate's certificate, signed with the CA's key.
pub(super) fn certificate(
    subject: &[u8],
    signer: &FileSigner,
    issuer: &Certificate<'_>,
    ca: &FileSigner,
    validity: Validity,
) -> Result<Vec<u8>, SignError> {
    let mut tbs = Vec::new();
    push(&mut tbs, tag::constructed(0), &tlv(tag::INTEGER, &[2]));
    push(&mut tbs, tag::INTEGER, &serial()?);
    tbs.extend_from_slice(ca.algorithm().identifier());
    tbs.extend_from_slice(issuer.subject.as_bytes());
    let mut dates = time(validity.not_before);
    dates.extend(time(validity.not_after));
    push(&mut tbs, tag::SEQUENCE, &dates);
    tbs.extend_from_slice(subject);
    tbs.extend_from_slice(signer.public_key_info());
    let mut extensions = delegate_extensions();
    let key_hash = digest(HashAlgorithm::Sha1, signer.public_key_bits());
    let identifier = tlv(tag::OCTET_STRING, key_hash.as_ref());
    extension(
        &mut extensions,
        oid::SUBJECT_KEY_IDENTIFIER,
        false,
        &identifier,
    );
    let authority = tlv(
        tag::SEQUENCE,
        &tlv(tag::context(0), &key_identifier(issuer)),
    );
    extension(
        &mut extensions,
        oid::AUTHORITY_KEY_IDENTIFIER,
        false,
        &authority,
    );
    push(
        &mut tbs,
        tag::constructed(3),
        &tlv(tag::SEQUENCE, &extensions),
    );
    signed(&tbs, ca)
}

/// The issuer's subjectKeyIdentifier, or what it would be by method 1 of RFC 5280 4.2.1.2.
fn key_identifier(issuer: &Certificate<'_>) -> Vec<u8> {
    if let Ok(Some(identifier)) = issuer.subject_key_identifier() {
        return identifier.to_vec();
    }
    let bits = issuer.subject_public_key_info.subject_public_key;
    digest(HashAlgorithm::Sha1, bits).as_ref().to_vec()
}

/// keyUsage digitalSignature (critical), extKeyUsage OCSPSigning and nothing else, nocheck with NULL: the
/// profile of BR 7.1.2.8, which every other one allows.
fn delegate_extensions() -> Vec<u8> {
    let mut out = Vec::new();
    extension(
        &mut out,
        oid::KEY_USAGE,
        true,
        &[tag::BIT_STRING, 2, 7, 0x80],
    );
    let purpose = tlv(tag::OID, oid::KP_OCSP_SIGNING.as_bytes());
    extension(
        &mut out,
        oid::EXTENDED_KEY_USAGE,
        false,
        &tlv(tag::SEQUENCE, &purpose),
    );
    extension(&mut out, oid::OCSP_NOCHECK, false, &[tag::NULL, 0]);
    out
}

fn extension(out: &mut Vec<u8>, oid: Oid<'_>, critical: bool, value: &[u8]) {
    let mut content = Vec::new();
    push(&mut content, tag::OID, oid.as_bytes());
    if critical {
        push(&mut content, tag::BOOLEAN, &[0xFF]);
    }
    push(&mut content, tag::OCTET_STRING, value);
    push(out, tag::SEQUENCE, &content);
}

/// 127 random bits: positive, at most 16 octets, and more than the 64 that BR 7.1 asks for. The highest of
/// them is always set, so that all serials have one length.
fn serial() -> Result<Vec<u8>, SignError> {
    let mut octets = [0_u8; 16];
    rand::fill(&mut octets).map_err(|_| SignError::Permanent("no random octets".to_owned()))?;
    octets[0] = (octets[0] & 0x7F) | 0x40;
    Ok(integer_from_unsigned(&octets))
}

/// `Time` of RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
fn time(moment: Timestamp) -> Vec<u8> {
    let text = moment.to_generalized_time();
    match &text {
        [b'1', b'9', b'5'..=b'9', ..] | [b'2', b'0', b'0'..=b'4', ..] => {
            tlv(tag::UTC_TIME, &text[2..])
        }
        _ => tlv(tag::GENERALIZED_TIME, &text),
    }
}

/// `SEQUENCE { content, signatureAlgorithm, signature }` around the content of a SEQUENCE.
fn signed(content: &[u8], signer: &FileSigner) -> Result<Vec<u8>, SignError> {
    let inner = tlv(tag::SEQUENCE, content);
    let signature = signer.sign_now(&inner)?;
    let mut bits = vec![0];
    bits.extend_from_slice(&signature);
    let mut all = inner;
    all.extend_from_slice(signer.algorithm().identifier());
    push(&mut all, tag::BIT_STRING, &bits);
    Ok(tlv(tag::SEQUENCE, &all))
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, tag, content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: W-TIME-3
    #[test]
    fn time_is_utc_time_through_2049() {
        let of = |text: &str| time(Timestamp::from_rfc3339(text).unwrap());
        assert_eq!(of("2049-12-31T23:59:59Z"), b"\x17\x0D491231235959Z");
        assert_eq!(of("2050-01-01T00:00:00Z"), b"\x18\x0F20500101000000Z");
        assert_eq!(of("1999-01-01T00:00:00Z"), b"\x17\x0D990101000000Z");
    }

    #[test]
    fn serials_are_positive_long_and_different() {
        let (one, two) = (serial().unwrap(), serial().unwrap());
        assert_ne!(one, two);
        for serial in [one, two] {
            assert_eq!((serial.len(), serial[0] & 0xC0), (16, 0x40));
        }
    }
}
