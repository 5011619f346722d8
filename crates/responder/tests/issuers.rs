//! Which CA is asked about: by name hash and key hash under the CertID's own algorithm, and nothing else; and how
//! a set of issuers is replaced.

#[path = "support/extra.rs"]
mod extra;
mod support;

use std::sync::Arc;

use certvouch_responder::{CacheUse, Issuer, IssuersError, Knowledge, Policy, Settings};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{self, Ask, HashAlg, Params};
use certvouch_testkit::pki::{Cert, KeyAlg, World};
use certvouch_types::{CrlReason, HashAlgorithm};
use extra::Asking;
use support::{Fixture, KeySigner, MapSource, err, t0};

/// A CA with a delegate of its own and a source that says this about everything.
fn served(name: &str, ca: &Cert, delegate: &Cert, knowledge: Knowledge) -> Issuer {
    let source = MapSource::new();
    source.otherwise(certvouch_responder::StatusRecord::new(knowledge));
    let signer = support::response_signer(&KeySigner::new(&delegate.key), delegate, ca);
    support::issuer(name, ca, &source, vec![signer], Policy::default())
}

fn id_of(name: &Cert, key: &Cert, hash: HashAlg, serial: &[u8]) -> Vec<u8> {
    let name_hash = hash.digest(&name.subject);
    let key_hash = hash.digest(&key.key.public_bits());
    ask::cert_id_from(
        &hash.identifier(&Params::Null),
        &name_hash,
        &key_hash,
        serial,
    )
}

// covers: R6960-4.1.1-1, OCPP-1
#[test]
fn issuer_is_found_under_all_four_hash_algorithms() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    for hash in HashAlg::ALL {
        let request = Ask::for_serial(hash, &world.ca_a, &world.ee_good.serial).build();
        let answer = support::ask(&responder, &request, t0());
        assert_eq!(answer.exchange.issuer.as_deref(), Some("ca-a"));
        let basic = fixture.verified(&answer.body());
        assert_eq!(basic.single().status, CertStatus::Good, "{hash:?}");
    }
}

// covers: R6960-4.1.1-3, E-29
#[test]
fn ca_of_the_same_name_and_another_key_is_another_ca() {
    let world = World::new(KeyAlg::P256);
    assert_eq!(world.ca_a.subject, world.ca_a2.subject);
    let revoked = extra::revoked(world.revoked_at, Some(CrlReason::KeyCompromise));
    let alone = support::responder(vec![served(
        "ca-a",
        &world.ca_a,
        &world.d_a,
        Knowledge::Issued,
    )]);
    let both = support::responder(vec![
        served("ca-a", &world.ca_a, &world.d_a, Knowledge::Issued),
        served("ca-a2", &world.ca_a2, &world.d_a2, revoked),
    ]);
    for hash in HashAlg::ALL {
        let second = Ask::for_serial(hash, &world.ca_a2, &world.ee_good.serial).build();
        assert_eq!(support::octets(&alone, &second, t0()), err(6), "{hash:?}");
        let basic = support::verified(&support::octets(&both, &second, t0()), &world.d_a2);
        assert!(matches!(basic.single().status, CertStatus::Revoked { .. }));
        let first = Ask::for_serial(hash, &world.ca_a, &world.ee_good.serial).build();
        let basic = support::verified(&support::octets(&both, &first, t0()), &world.d_a);
        assert_eq!(basic.single().status, CertStatus::Good);
    }
}

// covers: E-29, E-28, R6960-4.1.1-1
#[test]
fn name_hash_and_key_hash_of_different_cas_name_nobody() {
    let world = World::new(KeyAlg::P256);
    let responder = support::responder(vec![
        served("ca-a", &world.ca_a, &world.d_a, Knowledge::Issued),
        served("ca-b", &world.ca_b, &world.d_b, Knowledge::Issued),
    ]);
    for hash in HashAlg::ALL {
        for (name, key) in [
            (&world.ca_a, &world.ca_b),
            (&world.ca_b, &world.ca_a),
            (&world.ca_ski, &world.ca_a),
        ] {
            let request = Ask::new().entry(&id_of(name, key, hash, &[7])).build();
            assert_eq!(
                support::octets(&responder, &request, t0()),
                err(6),
                "{hash:?}"
            );
        }
        let request = Ask::new()
            .entry(&id_of(&world.ca_b, &world.ca_b, hash, &[7]))
            .build();
        support::verified(&support::octets(&responder, &request, t0()), &world.d_b);
    }
}

// covers: R6960-4.1.1-1
#[test]
fn cas_of_one_key_and_different_names_are_told_apart_by_the_name() {
    let world = World::new(KeyAlg::P256);
    let validity = (world.ca_a.not_before, world.ca_a.not_after);
    let twin = extra::authority("CA-A renamed", &world.ca_a.key, validity);
    let revoked = extra::revoked(world.revoked_at, None);
    let responder = support::responder(vec![
        served("ca-a", &world.ca_a, &world.d_a, Knowledge::Issued),
        served("twin", &twin, &world.d_a, revoked),
    ]);
    let first = ask::q1(&world.ca_a, &[7]);
    assert_eq!(extra::status(&responder, &first, t0()), CertStatus::Good);
    let second = ask::q1(&twin, &[7]);
    let status = extra::status(&responder, &second, t0());
    let at = world.revoked_at;
    assert_eq!(status, CertStatus::Revoked { at, reason: None });
}

// covers: R6960-4.1.1-2
#[test]
fn subject_key_identifier_of_the_ca_is_never_taken_for_its_key_hash() {
    let world = World::new(KeyAlg::P256);
    let issuer = served("ca-ski", &world.ca_ski, &world.d_ski, Knowledge::Issued);
    let responder = support::responder(vec![issuer]);
    for hash in HashAlg::ALL {
        let request = Ask::for_serial(hash, &world.ca_ski, &world.ee_ski.serial).build();
        let basic = support::verified(&support::octets(&responder, &request, t0()), &world.d_ski);
        assert_eq!(basic.single().status, CertStatus::Good);
    }
    // The identifier in the certificate is 32 times 5A, as long as a SHA-256 hash.
    let name_hash = HashAlg::Sha256.digest(&world.ca_ski.subject);
    let algorithm = HashAlg::Sha256.identifier(&Params::Null);
    let id = ask::cert_id_from(&algorithm, &name_hash, &[0x5A; 32], &[7]);
    let octets = support::octets(&responder, &Ask::new().entry(&id).build(), t0());
    assert_eq!(octets, err(6));
}

// covers: E-30
#[test]
fn hash_algorithm_that_is_switched_off_or_unknown_is_not_answered() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|policy| {
        policy.hashes = vec![HashAlgorithm::Sha256, HashAlgorithm::Sha384];
    });
    for hash in HashAlg::ALL {
        let request = Ask::for_serial(hash, &world.ca_a, &world.ee_good.serial).build();
        let served = matches!(hash, HashAlg::Sha256 | HashAlg::Sha384);
        let octets = support::octets(&responder, &request, t0());
        assert_eq!(octets != err(6), served, "{hash:?}");
    }
}

// covers: T-10
#[test]
fn issuers_that_cannot_be_told_apart_are_refused_and_change_nothing() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let a = |name: &str| served(name, &world.ca_a, &world.d_a, Knowledge::Issued);
    let b = |name: &str| served(name, &world.ca_b, &world.d_b, Knowledge::Issued);
    let same_ca = IssuersError::SameCa("one".to_owned(), "two".to_owned());
    let same_name = IssuersError::DuplicateName("one".to_owned());
    let refused =
        certvouch_responder::Responder::new(vec![a("one"), a("two")], Settings::default());
    assert_eq!(refused.unwrap_err(), same_ca);
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&world.ca_a, &world.ee_rev.serial);
    let before = support::octets(&responder, &request, t0());
    assert_eq!(
        responder.replace(vec![a("one"), b("one")]).unwrap_err(),
        same_name
    );
    assert_eq!(
        responder
            .replace(vec![b("b"), a("one"), a("two")])
            .unwrap_err(),
        same_ca
    );
    assert_eq!(support::octets(&responder, &request, t0()), before);
    assert_eq!(
        support::octets(&responder, &ask::q1(&world.ca_b, &[7]), t0()),
        err(6)
    );
}

// covers: T-10
#[test]
fn answer_under_way_while_issuers_are_replaced_is_wholly_old_and_the_next_wholly_new() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let request = ask::q1(&world.ca_a, &world.ee_good.serial);
    let responder = Arc::new(fixture.responder(|policy| policy.validity = 600));
    fixture.source.gate.shut();
    let under_way = extra::ask_beside(&responder, &request, t0());
    support::block_on(fixture.source.gate.reached(1));

    let next = extra::delegate(
        "D-new",
        &extra::p256("d-new"),
        &world.ca_a,
        (t0().unix(), world.ca_a.not_after),
    );
    let source = MapSource::new();
    source.say(
        &world.ee_good.serial,
        extra::revoked(t0().unix(), Some(CrlReason::Superseded)),
    );
    let signer = KeySigner::new(&next.key);
    let signers = vec![support::response_signer(&signer, &next, &world.ca_a)];
    let policy = support::policy(|policy| policy.validity = 1200);
    let issuer = support::issuer("ca-a", &world.ca_a, &source, signers, policy);
    responder.replace(vec![issuer]).unwrap();

    let new = |octets: &[u8]| {
        let basic = support::verified(octets, &next);
        assert_eq!(basic.certs, Some(vec![next.der.clone()]));
        let single = basic.single().clone();
        assert!(matches!(single.status, CertStatus::Revoked { .. }));
        assert_eq!(single.next_update, Some(t0().unix() + 1199));
    };
    // Who asks now does not wait for the old look-up either.
    new(&support::octets(&responder, &request, t0()));
    fixture.source.gate.release();
    let old = fixture.verified(&under_way.join().unwrap().body());
    assert_eq!(old.certs, Some(vec![world.d_a.der.clone()]));
    assert_eq!(old.single().status, CertStatus::Good);
    assert_eq!(old.single().next_update, Some(t0().unix() + 599));
    // What the old look-up brought back is given to nobody else.
    new(&support::octets(&responder, &request, t0()));
    assert_eq!(signer.signatures(), 1);
}

// covers: T-10, T-2
#[test]
fn answer_begun_again_after_issuers_were_replaced_is_wholly_old_and_for_nobody_else() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let request = ask::q1(&world.ca_a, &world.ee_good.serial);
    let responder = fixture.responder(|_| {});
    fixture.source.gate.shut();
    let leader = Asking::begun(&responder, &request, t0());
    let waiting = Asking::begun(&responder, &request, t0());
    let revoked = extra::revoked(t0().unix(), Some(CrlReason::Superseded));
    let issuer = served("ca-a", &world.ca_a, &world.d_a, revoked);
    responder.replace(vec![issuer]).unwrap();
    // Who waited leads now, still with the issuers it began with, and lands after everything was cleared.
    drop(leader);
    fixture.source.gate.release();
    let old = waiting.answer();
    assert_eq!(old.exchange.cache, CacheUse::Signed);
    let old = fixture.verified(&old.body());
    assert_eq!(old.single().status, CertStatus::Good);
    let new = support::ask(&responder, &request, t0());
    assert_eq!(new.exchange.cache, CacheUse::Signed);
    let new = fixture.verified(&new.body());
    assert!(matches!(new.single().status, CertStatus::Revoked { .. }));
}
