//! Tests of CRL reading on CRLs built by hand.

use alloc::vec;
use alloc::vec::Vec;

use super::delta::{DeltaMismatch, applies};
use super::scope::{OutOfScope, Unusable, check_entry, check_head, covers};
use super::*;
use crate::CrlReason;
use crate::der::push;

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, tag::SEQUENCE, &parts.concat());
    out
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, tag, content);
    out
}

fn name(text: &str) -> Vec<u8> {
    let attribute = seq(&[
        &tlv(tag::OID, &[0x55, 4, 3]),
        &tlv(tag::UTF8_STRING, text.as_bytes()),
    ]);
    seq(&[&tlv(tag::SET, &attribute)])
}

fn extension(oid: Oid<'_>, critical: bool, value: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
    seq(&[
        &tlv(tag::OID, oid.as_bytes()),
        flag,
        &tlv(tag::OCTET_STRING, value),
    ])
}

fn entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let list = seq(&[&extensions.concat()]);
    let list: &[u8] = if extensions.is_empty() { &[] } else { &list };
    seq(&[
        &tlv(tag::INTEGER, serial),
        &tlv(tag::UTC_TIME, b"260102030405Z"),
        list,
    ])
}

/// A CRL of "CA" with these entries and extensions, a nextUpdate, and a signature of one octet.
fn crl(entries: &[Vec<u8>], extensions: &[Vec<u8>]) -> Vec<u8> {
    let algorithm = seq(&[&tlv(tag::OID, oid::ED25519.as_bytes())]);
    let list = tlv(tag::constructed(0), &seq(&[&extensions.concat()]));
    let tbs = seq(&[
        &[2, 1, 1],
        &algorithm,
        &name("CA"),
        &tlv(tag::UTC_TIME, b"260110000000Z"),
        &tlv(tag::UTC_TIME, b"260111000000Z"),
        &if entries.is_empty() {
            Vec::new()
        } else {
            seq(&[&entries.concat()])
        },
        if extensions.is_empty() { &[] } else { &list },
    ]);
    seq(&[&tbs, &algorithm, &[3, 2, 0, 0xAA]])
}

fn number(octets: &[u8]) -> Vec<u8> {
    extension(oid::CRL_NUMBER, false, &tlv(tag::INTEGER, octets))
}

fn reason(code: u8) -> Vec<u8> {
    extension(oid::CRL_REASON, false, &[tag::ENUMERATED, 1, code])
}

fn idp(content: &[u8]) -> Vec<u8> {
    extension(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[content]))
}

fn uri_point(uri: &str) -> Vec<u8> {
    tlv(0xA0, &tlv(0xA0, &tlv(0x86, uri.as_bytes())))
}

// covers: R5280-5.3.1-1, R5280-5.3.2-1, R5280-5.2.3-1
#[test]
fn entries_are_read_one_by_one_with_their_extensions() {
    let date = extension(
        oid::INVALIDITY_DATE,
        false,
        &tlv(tag::GENERALIZED_TIME, b"20251231000000Z"),
    );
    let der = crl(
        &[entry(&[5], &[reason(1), date]), entry(&[0, 0x80], &[])],
        &[number(&[7])],
    );
    let crl = Crl::parse(&der).unwrap();
    assert_eq!(crl.version, 2);
    assert_eq!(crl.known.crl_number.unwrap().as_unsigned(), [7]);
    assert_eq!(check_head(&crl), Ok(()));
    let entries: Vec<_> = crl.entries().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].reason, Some(CrlReason::KeyCompromise));
    assert_eq!(
        &entries[0].revocation_date.to_generalized_time(),
        b"20260102030405Z"
    );
    assert_eq!(
        &entries[0].invalidity_date.unwrap().to_generalized_time(),
        b"20251231000000Z"
    );
    assert_eq!(entries[1].serial_number.unsigned(), Some(&[0x80][..]));
    assert_eq!(entries[1].reason, None);
    assert!(
        entries
            .iter()
            .all(|entry| check_entry(&crl, entry) == Ok(()))
    );
}

// covers: R5280-5.2-1, R5280-5.3-1
#[test]
fn critical_extension_that_is_not_understood_forbids_the_use() {
    let unknown = Oid::from_content(&[0x2A, 3]).unwrap();
    let der = crl(&[], &[extension(unknown, true, &[5, 0])]);
    let crl_head = Crl::parse(&der).unwrap();
    assert_eq!(
        check_head(&crl_head),
        Err(Unusable::CriticalExtension(unknown))
    );
    let der = crl(&[entry(&[5], &[extension(unknown, true, &[5, 0])])], &[]);
    let parsed = Crl::parse(&der).unwrap();
    let found = parsed.entries().next().unwrap().unwrap();
    let wrong = check_entry(&parsed, &found);
    assert!(
        matches!(wrong, Err(Unusable::CriticalEntryExtension { .. })),
        "{wrong:?}"
    );
    let der = crl(&[entry(&[5], &[extension(unknown, false, &[5, 0])])], &[]);
    let parsed = Crl::parse(&der).unwrap();
    let found = parsed.entries().next().unwrap().unwrap();
    assert_eq!(check_entry(&parsed, &found), Ok(()));
}

// covers: R5280-5.3.3-1
#[test]
fn certificate_issuer_holds_until_the_next_one() {
    let issuer = |text: &str| {
        extension(
            oid::CERTIFICATE_ISSUER,
            true,
            &seq(&[&tlv(0xA4, &name(text))]),
        )
    };
    let entries = [
        entry(&[1], &[]),
        entry(&[2], &[issuer("B")]),
        entry(&[3], &[]),
        entry(&[4], &[issuer("C")]),
        entry(&[5], &[]),
    ];
    let der = crl(&entries, &[idp(&[0x84, 1, 0xFF])]);
    let crl = Crl::parse(&der).unwrap();
    assert!(crl.is_indirect());
    let owners: Vec<_> = crl
        .entries()
        .map(|entry| {
            entry
                .unwrap()
                .certificate_issuer
                .attributes()
                .next()
                .unwrap()
                .2
                .to_vec()
        })
        .collect();
    assert_eq!(
        owners,
        [
            b"CA".to_vec(),
            b"B".to_vec(),
            b"B".to_vec(),
            b"C".to_vec(),
            b"C".to_vec()
        ]
    );
}

// covers: R5280-5.1.1.2-1
#[test]
fn different_algorithms_inside_and_outside_are_refused() {
    let mut der = crl(&[], &[]);
    // The last OID octet of the outer algorithm stands before the four octets of the signature.
    let place = der.len() - 5;
    der[place] = 0x71;
    assert_eq!(
        Crl::parse(&der).unwrap_err().what,
        "CertificateList.signatureAlgorithm"
    );
}

// covers: R5280-5-1
#[test]
fn first_version_without_extensions_is_read() {
    let algorithm = seq(&[&tlv(tag::OID, oid::ED25519.as_bytes())]);
    let tbs = seq(&[
        &algorithm,
        &name("CA"),
        &tlv(tag::UTC_TIME, b"260110000000Z"),
    ]);
    let der = seq(&[&tbs, &algorithm, &[3, 2, 0, 0xAA]]);
    let crl = Crl::parse(&der).unwrap();
    assert_eq!((crl.version, crl.next_update), (1, None));
    assert_eq!(check_head(&crl), Err(Unusable::NoNextUpdate));
}

// covers: R5280-5.2.5-2
#[test]
fn scope_follows_the_issuing_distribution_point() {
    let ca = name("CA");
    let issuer = Name::read(&mut Reader::new(&ca), "Name").unwrap();
    let judge = |content: &[u8], is_ca: bool| {
        let der = crl(&[], &[idp(content)]);
        covers(&Crl::parse(&der).unwrap(), issuer, is_ca, None).map(ReasonFlags::is_all)
    };
    assert_eq!(judge(&[0x81, 1, 0xFF], false), Ok(true));
    assert_eq!(
        judge(&[0x81, 1, 0xFF], true),
        Err(OutOfScope::UserCertificatesOnly)
    );
    assert_eq!(
        judge(&[0x82, 1, 0xFF], false),
        Err(OutOfScope::CaCertificatesOnly)
    );
    assert_eq!(judge(&[0x82, 1, 0xFF], true), Ok(true));
    assert_eq!(
        judge(&[0x85, 1, 0xFF], false),
        Err(OutOfScope::AttributeCertificates)
    );
    assert_eq!(judge(&[0x83, 2, 6, 0x40], false), Ok(false));
    assert_eq!(
        judge(&uri_point("http://a/1"), false),
        Err(OutOfScope::DistributionPoint)
    );
    let other = name("Other");
    let other = Name::read(&mut Reader::new(&other), "Name").unwrap();
    let der = crl(&[], &[]);
    let plain = Crl::parse(&der).unwrap();
    assert_eq!(covers(&plain, other, false, None), Err(OutOfScope::Issuer));
}

// covers: R5280-6.3.3-b
#[test]
fn distribution_point_of_the_certificate_must_share_a_name() {
    let ca = name("CA");
    let issuer = Name::read(&mut Reader::new(&ca), "Name").unwrap();
    let der = crl(&[], &[idp(&uri_point("http://a/1"))]);
    let parsed = Crl::parse(&der).unwrap();
    let judge = |uri: &str| {
        let value = seq(&[&seq(&[&uri_point(uri)])]);
        let list = extension(oid::CRL_DISTRIBUTION_POINTS, false, &value);
        let extension = Extension::read(&mut Reader::new(&list), "x").unwrap();
        let point = distribution_point::distribution_points(&extension)
            .unwrap()
            .next()
            .unwrap();
        assert_eq!(point.name.unwrap().uris().collect::<Vec<_>>(), [uri]);
        covers(&parsed, issuer, false, Some(&point)).map(|_| ())
    };
    assert_eq!(judge("http://a/1"), Ok(()));
    assert_eq!(judge("http://a/2"), Err(OutOfScope::DistributionPoint));
}

// covers: R5280-6.3.3-b
#[test]
fn relative_point_is_the_issuers_name_and_one_more() {
    let (ca, one, two) = (name("CA"), name("1"), name("2"));
    let rdns = |der: &[u8]| Reader::new(der).sequence("Name").unwrap().rest().to_vec();
    let longer = |rdn: &[u8]| tlv(tag::SEQUENCE, &[rdns(&ca), rdns(rdn)].concat());
    // [0] { [0] { [4] { Name } } } and [0] { [1] { the content of the RDN's SET } }.
    let full = |name: &[u8]| tlv(0xA0, &tlv(0xA0, &tlv(0xA4, name)));
    let relative = |rdn: &[u8]| {
        let set = rdns(rdn);
        let content = Reader::new(&set).next("RDN").unwrap().value.to_vec();
        tlv(0xA0, &tlv(0xA1, &content))
    };
    let issuer = Name::read(&mut Reader::new(&ca), "Name").unwrap();
    let judge = |of_crl: &[u8], of_certificate: &[Vec<u8>]| {
        let der = crl(&[], &[idp(of_crl)]);
        let value = seq(&[&tlv(tag::SEQUENCE, &of_certificate.concat())]);
        let list = extension(oid::CRL_DISTRIBUTION_POINTS, false, &value);
        let extension = Extension::read(&mut Reader::new(&list), "x").unwrap();
        let mut points = distribution_point::distribution_points(&extension).unwrap();
        let point = points.next().unwrap();
        covers(&Crl::parse(&der).unwrap(), issuer, false, Some(&point)).is_ok()
    };
    for (of_crl, of_certificate) in [
        (relative(&one), relative(&one)),
        (relative(&one), full(&longer(&one))),
        (full(&longer(&one)), relative(&one)),
    ] {
        assert!(judge(&of_crl, &[of_certificate]));
    }
    for (of_crl, of_certificate) in [
        (relative(&one), relative(&two)),
        (relative(&one), full(&one)),
        (relative(&one), full(&longer(&two))),
    ] {
        assert!(!judge(&of_crl, &[of_certificate]));
    }
    // In the certificate it is relative to the cRLIssuer, if there is one.
    let crl_issuer = |name: &[u8]| tlv(0xA2, &tlv(0xA4, name));
    assert!(judge(&relative(&one), &[relative(&one), crl_issuer(&ca)]));
    assert!(!judge(&relative(&one), &[relative(&one), crl_issuer(&two)]));
}

#[test]
fn issuing_distribution_point_that_is_empty_or_not_der_is_refused() {
    for content in [
        &[][..],
        &[0x81, 1, 0x00],
        &[0x81, 1, 0x01],
        &[0x86, 1, 0xFF],
        &[0x82, 1, 0xFF, 0x81, 1, 0xFF],
    ] {
        assert!(
            Crl::parse(&crl(&[], &[idp(content)])).is_err(),
            "{content:?}"
        );
    }
}

// covers: R5280-5.2.4-1
#[test]
fn delta_applies_only_under_every_condition() {
    let delta_of = |base: u8, own: u8, more: &[Vec<u8>]| {
        let indicator = extension(oid::DELTA_CRL_INDICATOR, true, &tlv(tag::INTEGER, &[base]));
        let mut extensions = vec![number(&[own]), indicator];
        extensions.extend_from_slice(more);
        crl(&[entry(&[9], &[reason(8)])], &extensions)
    };
    let key = |id: u8| {
        extension(
            oid::AUTHORITY_KEY_IDENTIFIER,
            false,
            &seq(&[&tlv(0x80, &[id])]),
        )
    };
    let judge = |delta: &[u8], complete: &[u8]| {
        applies(&Crl::parse(delta).unwrap(), &Crl::parse(complete).unwrap())
    };
    let complete = crl(&[], &[number(&[5])]);
    assert_eq!(judge(&delta_of(5, 6, &[]), &complete), Ok(()));
    assert_eq!(judge(&delta_of(4, 6, &[]), &complete), Ok(()));
    assert_eq!(
        judge(&delta_of(6, 7, &[]), &complete),
        Err(DeltaMismatch::BaseTooOld)
    );
    assert_eq!(
        judge(&delta_of(4, 5, &[]), &complete),
        Err(DeltaMismatch::NotNewer)
    );
    assert_eq!(judge(&complete, &complete), Err(DeltaMismatch::NotADelta));
    assert_eq!(
        judge(&delta_of(5, 6, &[key(1)]), &complete),
        Err(DeltaMismatch::OtherKey)
    );
    let scoped = idp(&[0x81, 1, 0xFF]);
    assert_eq!(
        judge(&delta_of(5, 6, &[scoped]), &complete),
        Err(DeltaMismatch::OtherScope)
    );
    assert_eq!(
        judge(&delta_of(5, 6, &[]), &crl(&[], &[])),
        Err(DeltaMismatch::NoNumber)
    );
}

#[test]
fn remove_from_crl_belongs_to_deltas_only() {
    let der = crl(&[entry(&[9], &[reason(8)])], &[]);
    let crl = Crl::parse(&der).unwrap();
    let entry = crl.entries().next().unwrap().unwrap();
    assert!(matches!(
        check_entry(&crl, &entry),
        Err(Unusable::RemoveFromCompleteCrl { .. })
    ));
}

#[test]
fn crl_numbers_order_as_numbers() {
    let small = CrlNumber::from_unsigned(&[0xFF]);
    let large = CrlNumber::from_unsigned(&[1, 0]);
    assert!(small < large);
    assert!(CrlNumber::from_unsigned(&[]) < small);
}

#[test]
fn reason_flags_differ_from_reason_codes_above_six() {
    let der = crl(&[], &[idp(&[0x83, 3, 7, 0x01, 0x80])]);
    let flags = Crl::parse(&der)
        .unwrap()
        .known
        .idp
        .unwrap()
        .only_some_reasons
        .unwrap();
    assert!(flags.contains(CrlReason::PrivilegeWithdrawn));
    assert!(flags.contains(CrlReason::AaCompromise));
    assert!(!flags.contains(CrlReason::KeyCompromise));
}
