//! Nonces: sent or not, echoed or not, under three policies.

use certvouch_crypto::AWS_LC;
use certvouch_testkit::ask::{Ask, HashAlg, NONCE};
use certvouch_testkit::pki::World;
use certvouch_testkit::reply::Reply;
use certvouch_verify::{NonceOutcome, NoncePolicy, Profile, Query, QueryBuilder, QueryError};

use crate::fixture::*;

const SENT: [u8; 32] = [0x5A; 32];

fn say_nonce(world: &World, reply: &Reply, policy: NoncePolicy) -> &'static str {
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, Some(&SENT)).unwrap();
    let profile = Profile::RFC9919.with_nonce(policy);
    word(&query.verify(&reply.build(), now(), &profile))
}

// covers: R9654-2.1-C4, R9919-5-C3
#[test]
fn nonce_that_was_sent_must_not_come_back_as_another() {
    let world = world();
    let none = good(&world);
    let right = good(&world).nonce(&SENT);
    let mut changed = SENT;
    changed[31] ^= 1;
    let wrong = good(&world).nonce(&changed);
    let short = good(&world).nonce(&SENT[..31]);
    let empty = good(&world).nonce(&[]);
    let unwrapped = good(&world).extension(NONCE, false, &SENT);
    let critical = good(&world).extension(NONCE, true, &[&[4, 32], &SENT[..]].concat());
    use NoncePolicy::{Off, Require, Try};
    for (reply, policy, expected) in [
        (&right, Try, "GOOD"),
        (&right, Require, "GOOD"),
        (&none, Try, "GOOD"),
        (&none, Require, "nonce-missing"),
        (&none, Off, "GOOD"),
        (&wrong, Try, "nonce-mismatch"),
        (&wrong, Require, "nonce-mismatch"),
        (&wrong, Off, "GOOD"),
        (&short, Try, "nonce-mismatch"),
        (&empty, Try, "nonce-mismatch"),
        (&unwrapped, Require, "GOOD"),
        (&critical, Require, "GOOD"),
    ] {
        assert_eq!(say_nonce(&world, reply, policy), expected, "{policy:?}");
    }
}

// covers: R9919-5-C4
#[test]
fn nonce_that_nobody_asked_for_is_ignored() {
    let world = world();
    for profile in Profile::ALL {
        let response = good(&world).nonce(&[1; 16]).build();
        let verified = ask(&world, &response, &profile).unwrap();
        assert_eq!(verified.nonce(), NonceOutcome::NotSent);
    }
}

// covers: R9654-2.1-C1, R9654-2.1-4
#[test]
fn nonce_of_a_client_has_32_octets_or_more() {
    let world = world();
    let query = |nonce: &[u8]| {
        Query::new(&world.ee_good.der, &world.ca_a.der, Some(nonce))
            .map(|query| query.request_der().to_vec())
    };
    for length in [0, 1, 16, 31, 129] {
        assert_eq!(
            query(&vec![7; length]).unwrap_err(),
            QueryError::NonceLength(length)
        );
    }
    for length in [32, 128] {
        let expected = Ask::for_serial(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial)
            .nonce(&vec![7; length])
            .build();
        assert_eq!(query(&vec![7; length]).unwrap(), expected);
    }
}

// covers: D-14
#[test]
fn nonce_of_a_foreign_request_counts_at_any_length() {
    let world = world();
    let request = |nonce: &[u8]| {
        Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial)
            .nonce(nonce)
            .build()
    };
    for length in [1, 16, 32, 128] {
        let request = request(&vec![9; length]);
        let query = QueryBuilder::new(AWS_LC)
            .request(&request)
            .certificate(&world.ee_good.der, &world.ca_a.der)
            .unwrap();
        assert_eq!(query.request_der(), request);
        let profile = Profile::RFC9919.with_nonce(NoncePolicy::Require);
        let response = good(&world).nonce(&vec![9; length]).build();
        assert_eq!(word(&query.verify(&response, now(), &profile)), "GOOD");
        let response = good(&world).nonce(&vec![8; length]).build();
        assert_eq!(
            word(&query.verify(&response, now(), &profile)),
            "nonce-mismatch"
        );
    }
}
