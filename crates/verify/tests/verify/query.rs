//! The question itself: what belongs together, and what is sent.

use certvouch_crypto::AWS_LC;
use certvouch_testkit::ask::{self, Ask, HashAlg, Params};
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, KeyUsage, T0, World};
use certvouch_types::{HashAlgorithm, SerialNumber};
use certvouch_verify::{
    Binding, CheckCode, Outcome, Profile, Query, QueryBuilder, QueryError, Verdict, danger,
};

use crate::fixture::*;

fn refused(certificate: &[u8], issuer: &[u8]) -> QueryError {
    Query::new(certificate, issuer, None).unwrap_err()
}

// covers: T-20
#[test]
fn certificate_that_the_issuer_did_not_sign_makes_no_question() {
    let world = world();
    let ee = &world.ee_good;
    let key = Key::cached(KeyAlg::P256, "forger");
    let forged = CertBuilder::new(&[("CN", "EE-good"), ("O", "certvouch tests")], &key)
        .serial(&ee.serial)
        .validity(ee.not_before, ee.not_after)
        .issued(&world.ca_a.subject, &key);
    assert_eq!(
        refused(&forged.der, &world.ca_a.der),
        QueryError::NotSignedByIssuer
    );
    assert_eq!(
        refused(&ee.der, &world.ca_a2.der),
        QueryError::NotSignedByIssuer
    );
    assert_eq!(
        refused(&ee.der, &world.ca_b.der),
        QueryError::NotIssuedByIssuer
    );
    let broken = CertBuilder::new(&[("CN", "EE")], &key)
        .bad_signature()
        .issued_by(&world.ca_a);
    assert_eq!(
        refused(&broken.der, &world.ca_a.der),
        QueryError::NotSignedByIssuer
    );
}

// covers: T-20
#[test]
fn issuer_that_is_no_ca_makes_no_question() {
    let world = world();
    let child = CertBuilder::new(&[("CN", "child")], &world.ee_rev.key).issued_by(&world.ee_good);
    assert_eq!(
        refused(&child.der, &world.ee_good.der),
        QueryError::IssuerIsNoCa
    );
    let key = Key::cached(KeyAlg::P256, "no-cert-sign");
    let ca = CertBuilder::new(&[("CN", "no-cert-sign")], &key)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::DigitalSignature])
        .self_signed();
    let child = CertBuilder::new(&[("CN", "child")], &key).issued_by(&ca);
    assert_eq!(refused(&child.der, &ca.der), QueryError::IssuerIsNoCa);
}

#[test]
fn bytes_that_are_no_certificates_are_named() {
    let world = world();
    assert!(matches!(
        refused(b"", &world.ca_a.der),
        QueryError::Certificate(_)
    ));
    assert!(matches!(
        refused(&world.ee_good.der, &[0x30]),
        QueryError::Issuer(_)
    ));
    let trailing = [&world.ee_good.der[..], &[0]].concat();
    assert!(matches!(
        refused(&trailing, &world.ca_a.der),
        QueryError::Certificate(_)
    ));
}

// covers: R9919-3.1.1-C1, R9919-3.1.1-C2, R9919-3.1.1-C3, R9919-3.1.1-C4, R9919-3.1.2-C1
// covers: R6960-4.1.1-C1, R6960-4.1.2-C1, D-1
#[test]
fn request_has_one_entry_by_sha256_and_nothing_else() {
    let world = world();
    let serial = &world.ee_good.serial;
    assert_eq!(query(&world).request_der(), ask::q256(&world.ca_a, serial));
    let sha1 = QueryBuilder::new(AWS_LC)
        .cert_id_hash(HashAlgorithm::Sha1)
        .certificate(&world.ee_good.der, &world.ca_a.der)
        .unwrap();
    assert_eq!(sha1.request_der(), ask::q1(&world.ca_a, serial));
    let nonce = [3; 32];
    let with_nonce = Query::new(&world.ee_good.der, &world.ca_a.der, Some(&nonce)).unwrap();
    let expected = Ask::for_serial(HashAlg::Sha256, &world.ca_a, serial).nonce(&nonce);
    assert_eq!(with_nonce.request_der(), expected.build());
}

// covers: T-20
#[test]
fn question_by_serial_or_hashes_says_so() {
    let world = world();
    let response = good(&world).build();
    let serial = SerialNumber::from_content(&world.ee_good.serial);
    let by_serial = QueryBuilder::new(AWS_LC)
        .serial_number(serial, &world.ca_a.der)
        .unwrap();
    let cert_id = ask::cert_id(
        HashAlg::Sha384,
        &Params::Absent,
        &world.ca_a,
        &world.ee_good.serial,
    );
    let by_hashes = QueryBuilder::new(AWS_LC)
        .cert_id(&cert_id, &world.ca_a.der)
        .unwrap();
    let whole = query(&world);
    for (query, binding, line) in [
        (&by_serial, Binding::SerialNumber, Outcome::Skipped),
        (&by_hashes, Binding::Hashes, Outcome::Skipped),
        (&whole, Binding::Certificate, Outcome::Passed),
    ] {
        let outcome = query.verify(&response, now(), &Profile::RFC9919);
        assert_consistent(&outcome);
        let verified = outcome.unwrap();
        assert_eq!(verified.verdict(), Verdict::Good);
        assert_eq!(verified.binding(), binding);
        let found = verified.evidence().outcome(CheckCode::CertificateSignature);
        assert_eq!(found, Some(line));
    }
}

#[test]
fn cert_id_must_be_one_of_the_issuer() {
    let world = world();
    let ask = |cert_id: &[u8], issuer: &[u8]| {
        QueryBuilder::new(AWS_LC)
            .cert_id(cert_id, issuer)
            .map(|_| ())
            .unwrap_err()
    };
    let serial = &world.ee_good.serial;
    let right = ask::cert_id(HashAlg::Sha1, &Params::Null, &world.ca_a, serial);
    for issuer in [&world.ca_b, &world.ca_a2] {
        assert_eq!(ask(&right, &issuer.der), QueryError::HashesOfAnotherIssuer);
    }
    let identifier = HashAlg::Sha1.identifier(&Params::Null);
    let empty = ask::cert_id_from(&identifier, &[1; 20], &[], serial);
    assert!(matches!(
        ask(&empty, &world.ca_a.der),
        QueryError::CertIdFault(_)
    ));
    assert!(matches!(
        ask(&[0x30, 0], &world.ca_a.der),
        QueryError::CertId(_)
    ));
}

#[test]
fn request_about_something_else_is_refused() {
    let world = world();
    let with = |request: &[u8]| {
        QueryBuilder::new(AWS_LC)
            .request(request)
            .certificate(&world.ee_good.der, &world.ca_a.der)
            .map(|_| ())
    };
    let other = ask::q1(&world.ca_a, &world.ee_rev.serial);
    assert_eq!(with(&other), Err(QueryError::RequestAsksElse));
    assert!(matches!(with(&[0x30, 0]), Err(QueryError::Request(_))));
    assert_eq!(with(&ask::q1(&world.ca_a, &world.ee_good.serial)), Ok(()));
}

#[test]
fn claimed_status_is_what_the_entry_says_unbelieved() {
    let world = world();
    let response = good(&world).bad_signature().build();
    assert_eq!(
        danger::claimed_status(&query(&world), &response),
        Ok(certvouch_types::CertStatus::Good)
    );
    let other = query_of(&world);
    assert!(danger::claimed_status(&other, &response).is_err());
}

fn query_of(world: &World) -> Query<'_> {
    Query::new(&world.ee_rev.der, &world.ca_a.der, None).unwrap()
}

#[test]
fn verified_response_hands_out_what_was_received() {
    let world = world();
    let response = good(&world).build();
    let verified = ask(&world, &response, &Profile::RFC9919).unwrap();
    assert_eq!(verified.as_bytes(), response);
    assert_eq!(verified.this_update(), at(T0 - 3600));
    assert_eq!(verified.next_update(), Some(at(T0 - 3600 + 4 * DAY)));
    assert_eq!(verified.valid_until(), verified.next_update());
    assert_eq!(verified.produced_at(), at(T0 - 3600));
    assert_eq!(verified.entry_count(), 1);
    assert_eq!(verified.embedded_certificate_count(), 1);
    assert_eq!(
        verified.cert_id().serial_number.content(),
        world.ee_good.serial
    );
}
