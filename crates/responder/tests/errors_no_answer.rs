//! Requests that parse and are nobody's business here: `unauthorized` (requirements §17.3, E-28 to E-33).

mod support;

use certvouch_responder::{
    AnswerError, CacheUse, Expired, Knowledge, NoncePolicy, Responder, Unlisted,
};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id, cert_id_from, q1};
use certvouch_testkit::der;
use certvouch_testkit::pki::Cert;
use certvouch_types::Timestamp;
use support::{
    Fixture, KeySigner, MapSource, ask, err, issuer, octets, policy, responder, response_signer, t0,
};

const DAY: i64 = 86_400;

/// A question about EE-good.
fn question(fixture: &Fixture) -> Vec<u8> {
    q1(&fixture.world.ca_a, &fixture.world.ee_good.serial)
}

/// What the responder says, which must be an error, and its stable word.
fn refusal(responder: &Responder, request: &[u8], now: Timestamp) -> ([u8; 5], &'static str) {
    let answer = ask(responder, request, now);
    let error = answer.result.as_ref().expect_err("an error");
    assert_eq!(answer.exchange.error.as_ref(), Some(error));
    assert_eq!(answer.exchange.cache, CacheUse::None);
    assert!(!answer.single_use && !answer.refresh_due);
    let body = answer.body();
    (body[..].try_into().expect("five octets"), error.code())
}

// covers: E-28, R6960-2.1-1, R6960-2.3-1, R6960-2.3-6
#[test]
fn issuer_that_is_not_served_is_unauthorized() {
    let fixture = Fixture::new();
    let responder_a = fixture.responder(|_| {});
    for hash in HashAlg::ALL {
        for params in [Params::Null, Params::Absent] {
            for serial in [&[1][..], &fixture.world.ee_good.serial] {
                let id = cert_id(hash, &params, &fixture.world.ca_b, serial);
                let request = Ask::new().entry(&id).build();
                assert_eq!(
                    refusal(&responder_a, &request, t0()),
                    (err(6), "unknown-issuer")
                );
            }
        }
    }
    assert_eq!(fixture.source.lookups(), 0);
    let nobody = responder(Vec::new());
    let request = question(&fixture);
    assert_eq!(refusal(&nobody, &request, t0()), (err(6), "unknown-issuer"));
}

// covers: E-29, R6960-4.1.1-3
#[test]
fn name_of_one_ca_with_the_key_of_another_is_unauthorized() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let served = fixture.responder(|_| {});
    let with = |hash: HashAlg, name: &Cert, key: &Cert| {
        let id = cert_id_from(
            &hash.identifier(&Params::Null),
            &hash.digest(&name.subject),
            &hash.digest(&key.key.public_bits()),
            &world.ee_good.serial,
        );
        Ask::new().entry(&id).build()
    };
    for hash in HashAlg::ALL {
        fixture.verified(&octets(
            &served,
            &with(hash, &world.ca_a, &world.ca_a),
            t0(),
        ));
        for (name, key) in [
            (&world.ca_a, &world.ca_a2), // the same Name, another key
            (&world.ca_a2, &world.ca_a2),
            (&world.ca_a, &world.ca_b),
            (&world.ca_b, &world.ca_a),
        ] {
            let request = with(hash, name, key);
            assert_eq!(refusal(&served, &request, t0()), (err(6), "unknown-issuer"));
        }
    }
    // The two hashes the wrong way round.
    let id = cert_id_from(
        &HashAlg::Sha1.identifier(&Params::Null),
        &HashAlg::Sha1.digest(&world.ca_a.key.public_bits()),
        &HashAlg::Sha1.digest(&world.ca_a.subject),
        &world.ee_good.serial,
    );
    let request = Ask::new().entry(&id).build();
    assert_eq!(refusal(&served, &request, t0()), (err(6), "unknown-issuer"));
}

// covers: E-29
#[test]
fn name_and_key_of_two_served_cas_are_unauthorized() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let other = KeySigner::new(&world.d_b.key);
    let signers = vec![response_signer(&other, &world.d_b, &world.ca_b)];
    let source = MapSource::new();
    let ca_b = issuer("ca-b", &world.ca_b, &source, signers, policy(|_| {}));
    let both = responder(vec![fixture.issuer(|_| {}), ca_b]);
    for (name, key) in [(&world.ca_a, &world.ca_b), (&world.ca_b, &world.ca_a)] {
        let id = cert_id_from(
            &HashAlg::Sha256.identifier(&Params::Null),
            &HashAlg::Sha256.digest(&name.subject),
            &HashAlg::Sha256.digest(&key.key.public_bits()),
            &world.ee_good.serial,
        );
        let request = Ask::new().entry(&id).build();
        assert_eq!(refusal(&both, &request, t0()), (err(6), "unknown-issuer"));
    }
    assert_eq!((fixture.source.lookups(), source.lookups()), (0, 0));
}

// covers: E-30
#[test]
fn hash_algorithm_that_is_unknown_is_unauthorized() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    for (dotted, length) in [
        ("1.2.840.113549.2.5", 16),       // MD5
        ("2.16.840.1.101.3.4.2.4", 28),   // SHA-224
        ("2.16.840.1.101.3.4.2.8", 32),   // SHA3-256
        ("1.3.36.3.2.1", 20),             // RIPEMD-160
        ("2.16.840.1.101.3.4.2.1.1", 32), // one arc behind SHA-256
    ] {
        for parameters in [der::null(), Vec::new()] {
            let algorithm = der::seq(&[&der::oid(dotted), &parameters]);
            let id = cert_id_from(&algorithm, &vec![1; length], &vec![2; length], &[5]);
            let request = Ask::new().entry(&id).build();
            let answer = ask(&served, &request, t0());
            assert_eq!(answer.body()[..], err(6), "{dotted}");
            let error = answer.result.expect_err("unauthorized");
            assert_eq!(error, AnswerError::HashNotServed(dotted.to_owned()));
        }
    }
}

// covers: E-30, R9919-3.2.1-3
#[test]
fn hash_algorithm_that_is_switched_off_is_unauthorized() {
    use certvouch_types::HashAlgorithm;
    let fixture = Fixture::new();
    let served = fixture.responder(|policy| {
        policy.hashes = vec![HashAlgorithm::Sha256, HashAlgorithm::Sha512];
    });
    let serial = &fixture.world.ee_good.serial;
    for hash in HashAlg::ALL {
        let request = Ask::for_serial(hash, &fixture.world.ca_a, serial).build();
        if matches!(hash, HashAlg::Sha256 | HashAlg::Sha512) {
            fixture.verified(&octets(&served, &request, t0()));
        } else {
            assert_eq!(
                refusal(&served, &request, t0()),
                (err(6), "hash-not-served")
            );
        }
    }
    // One entry of two.
    let ca = &fixture.world.ca_a;
    let id = |hash| cert_id(hash, &Params::Null, ca, serial);
    let two = Ask::new()
        .entry(&id(HashAlg::Sha256))
        .entry(&id(HashAlg::Sha1));
    assert_eq!(octets(&served, &two.build(), t0()), err(6));
}

// covers: E-32, R9919-3.2.3-3, R6960-2.2-3
#[test]
fn record_that_was_dropped_after_expiry_is_unauthorized() {
    let fixture = Fixture::new();
    let expired = q1(&fixture.world.ca_a, &fixture.world.ee_exp.serial);
    let dropping = fixture.responder(|policy| policy.expired = Expired::Drop);
    assert_eq!(
        refusal(&dropping, &expired, t0()),
        (err(6), "expired-record")
    );
    fixture.verified(&octets(&dropping, &question(&fixture), t0()));

    // EE-exp expired 35 days before T0; the last second counts as kept.
    for (seconds, kept) in [(35 * DAY, true), (35 * DAY - 1, false), (0, false)] {
        let retaining = fixture.responder(|policy| policy.expired = Expired::Retain { seconds });
        if kept {
            let basic = fixture.verified(&octets(&retaining, &expired, t0()));
            assert_eq!(basic.single().status, CertStatus::Good);
            let later = t0() + 1;
            retaining.invalidate_all();
            assert_eq!(
                refusal(&retaining, &expired, later),
                (err(6), "expired-record")
            );
        } else {
            assert_eq!(
                refusal(&retaining, &expired, t0()),
                (err(6), "expired-record")
            );
        }
    }
}

// covers: R9919-3.2.3-2
#[test]
fn serial_number_that_nobody_issued_is_unauthorized_where_policy_says_so() {
    let fixture = Fixture::new();
    let served = fixture.responder(|policy| policy.unlisted = Unlisted::Unauthorized);
    let request = q1(&fixture.world.ca_a, &fixture.world.s_x);
    assert_eq!(refusal(&served, &request, t0()), (err(6), "never-issued"));
    assert_eq!(fixture.signer.signatures(), 0);
}

// covers: E-33, R6960-4.2.2.3-3
#[test]
fn entries_of_one_ca_are_answered_in_one_response() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let ids = [
        cert_id(
            HashAlg::Sha1,
            &Params::Null,
            &world.ca_a,
            &world.ee_rev.serial,
        ),
        cert_id(HashAlg::Sha256, &Params::Absent, &world.ca_a, &world.s_x),
        cert_id(
            HashAlg::Sha512,
            &Params::Null,
            &world.ca_a,
            &world.ee_good.serial,
        ),
        cert_id(
            HashAlg::Sha1,
            &Params::Null,
            &world.ca_a,
            &world.ee_exp.serial,
        ),
    ];
    let request = ids.iter().fold(Ask::new(), |ask, id| ask.entry(id)).build();
    // What alone would be an error is unknown in company.
    let served = fixture.responder(|policy| {
        policy.unlisted = Unlisted::Unauthorized;
        policy.expired = Expired::Drop;
    });
    let basic = fixture.verified(&octets(&served, &request, t0()));
    let answered: Vec<_> = basic.singles.iter().map(|single| &single.cert_id).collect();
    assert_eq!(answered, ids.iter().collect::<Vec<_>>());
    let statuses: Vec<_> = basic.singles.iter().map(|single| single.status).collect();
    let revoked = CertStatus::Revoked {
        at: world.revoked_at,
        reason: Some(1),
    };
    let (good, unknown) = (CertStatus::Good, CertStatus::Unknown);
    assert_eq!(statuses, [revoked, unknown, good, unknown]);
    assert_eq!(fixture.source.lookups(), 1, "one state of the source");

    // Where none of them can be answered there is nothing to sign.
    let none = Ask::new().entry(&ids[1]).entry(&ids[3]).build();
    assert_eq!(refusal(&served, &none, t0()), (err(6), "never-issued"));
}

// covers: E-33
#[test]
fn entries_of_different_cas_are_unauthorized() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let serve = |name, ca, delegate: &Cert| {
        let key = KeySigner::new(&delegate.key);
        let signers = vec![response_signer(&key, delegate, ca)];
        let source = MapSource::new();
        source.say(&[1], Knowledge::Issued);
        issuer(name, ca, &source, signers, policy(|_| {}))
    };
    let all = responder(vec![
        fixture.issuer(|_| {}),
        serve("ca-a2", &world.ca_a2, &world.d_a2),
        serve("ca-b", &world.ca_b, &world.d_b),
    ]);
    let a = cert_id(
        HashAlg::Sha1,
        &Params::Null,
        &world.ca_a,
        &world.ee_good.serial,
    );
    let a2 = cert_id(HashAlg::Sha1, &Params::Null, &world.ca_a2, &[1]);
    let b = cert_id(HashAlg::Sha256, &Params::Null, &world.ca_b, &[1]);
    let foreign = cert_id(HashAlg::Sha1, &Params::Null, &world.ca_ski, &[1]);
    for (ids, code) in [
        (vec![&a, &b], "mixed-issuers"),
        (vec![&b, &a], "mixed-issuers"),
        (vec![&a, &a, &b], "mixed-issuers"),
        (vec![&a, &a2], "mixed-issuers"),
        (vec![&a, &foreign], "unknown-issuer"),
        (vec![&foreign, &a], "unknown-issuer"),
    ] {
        let request = ids.into_iter().fold(Ask::new(), |ask, id| ask.entry(id));
        assert_eq!(refusal(&all, &request.build(), t0()), (err(6), code));
    }
    assert_eq!(fixture.source.lookups(), 0);
    support::verified(
        &octets(&all, &Ask::new().entry(&a2).build(), t0()),
        &world.d_a2,
    );
    support::verified(
        &octets(&all, &Ask::new().entry(&b).build(), t0()),
        &world.d_b,
    );
}

// Requirements say nothing about this policy; the client is told that it may not ask like that.
#[test]
fn nonce_that_policy_requires_and_is_not_there_is_unauthorized() {
    let fixture = Fixture::new();
    let served = fixture.responder(|policy| policy.nonce = NoncePolicy::Require);
    let request = question(&fixture);
    assert_eq!(refusal(&served, &request, t0()), (err(6), "nonce-required"));
}
