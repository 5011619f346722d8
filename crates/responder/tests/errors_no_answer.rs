//! Requests that parse and cannot be answered: `unauthorized`, `tryLater`, `internalError` (requirements §17.3).

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use certvouch_responder::{
    AnswerError, CacheUse, Expired, Knowledge, NoncePolicy, Responder, SignError, SourceError,
    TargetFault, Unlisted,
};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id, cert_id_from, q1, q256};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg};
use certvouch_types::{CertIdFault, NonceFault, OcspRequest, OcspResponseStatus, Timestamp};
use support::{
    Fixture, KeySigner, MapSource, Service, SignerMode, SourceMode, ask, block_on, err, issuer,
    octets, policy, reaction, responder, response_signer, t0,
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

// covers: E-34, R6960-2.3-4
#[test]
fn source_that_cannot_say_gives_try_later() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    let request = question(&fixture);
    let why = || "database".to_owned();
    for (expected, error) in [
        (1, SourceError::Unavailable(why())),
        (2, SourceError::Outdated(why())),
    ] {
        fixture.source.mode(SourceMode::Fails(error.clone()));
        let answer = ask(&served, &request, t0());
        assert_eq!(answer.body()[..], err(3));
        assert_eq!(answer.result.err(), Some(AnswerError::Source(error)));
        assert_eq!(fixture.source.lookups(), expected, "an error is not cached");
    }
    assert_eq!(fixture.signer.signatures(), 0);
    // As soon as it works again there is an answer.
    fixture.source.mode(SourceMode::Works);
    fixture.verified(&octets(&served, &request, t0()));
}

// covers: E-34
#[test]
fn data_whose_end_has_come_give_try_later() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    let request = question(&fixture);
    for end in [t0() - DAY, t0() - 1, t0()] {
        let mut record = certvouch_responder::StatusRecord::new(Knowledge::NotRevoked);
        record.next_update = Some(end);
        fixture.source.set(&fixture.world.ee_good.serial, record);
        assert_eq!(refusal(&served, &request, t0()), (err(3), "not-fresh"));
    }
}

// covers: E-35, FRESH-6
#[test]
fn stored_answer_past_its_next_update_is_given_to_nobody() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    let request = question(&fixture);
    let old = octets(&served, &request, t0());
    let next_update = fixture
        .verified(&old)
        .single()
        .next_update
        .expect("always there");
    assert_eq!(next_update, t0().unix() + 3599);
    let down = SourceError::Unavailable("down".to_owned());
    fixture.source.mode(SourceMode::Fails(down));
    assert_eq!(octets(&served, &request, t0() + 3598), old);
    for age in [3599, 3600, DAY] {
        let now = t0() + age;
        assert_eq!(refusal(&served, &request, now), (err(3), "source"), "{age}");
    }
}

// covers: E-36
#[test]
fn signer_that_is_busy_gives_try_later() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    let busy = SignError::Temporary("HSM session lost".to_owned());
    fixture.signer.mode(SignerMode::Fails(busy));
    let request = question(&fixture);
    for _ in 0..2 {
        assert_eq!(refusal(&served, &request, t0()), (err(3), "sign"));
    }
    fixture.signer.mode(SignerMode::Works);
    fixture.verified(&octets(&served, &request, t0()));
}

// covers: E-37, R6960-2.3-3
#[test]
fn signer_that_refuses_for_good_gives_internal_error() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    let gone = SignError::Permanent("no such key".to_owned());
    fixture.signer.mode(SignerMode::Fails(gone));
    assert_eq!(
        refusal(&served, &question(&fixture), t0()),
        (err(2), "sign")
    );
}

// covers: E-37
#[test]
fn signer_whose_certificate_is_not_valid_now_gives_internal_error() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let served = fixture.responder(|_| {});
    let request = question(&fixture);
    // D-A is valid from T0 − 30 d to T0 + 90 d; both ends belong to it, but no answer can begin in the last second.
    for (now, expected) in [
        (t0() - 30 * DAY, None),
        (t0() - 30 * DAY - 1, Some((err(2), "signer-not-valid"))),
        (t0() + (90 * DAY - 1), None),
        (t0() + 90 * DAY, Some((err(3), "not-fresh"))),
        (t0() + (90 * DAY + 1), Some((err(2), "signer-not-valid"))),
    ] {
        match expected {
            None => drop(fixture.verified(&octets(&served, &request, now))),
            Some(expected) => assert_eq!(refusal(&served, &request, now), expected),
        }
    }
    // A second signer with a longer life takes over.
    let key = Key::cached(KeyAlg::P256, "d-a-next");
    let next = CertBuilder::new(&[("CN", "D-A-next")], &key)
        .validity(t0().unix(), t0().unix() + 180 * DAY)
        .ocsp_signing()
        .issued_by(&world.ca_a);
    let second = KeySigner::new(&key);
    let signers = vec![
        response_signer(&fixture.signer, &world.d_a, &world.ca_a),
        response_signer(&second, &next, &world.ca_a),
    ];
    let source = &fixture.source;
    let two = responder(vec![issuer(
        "two",
        &world.ca_a,
        source,
        signers,
        policy(|_| {}),
    )]);
    fixture.verified(&octets(&two, &request, t0()));
    let late = t0() + (90 * DAY + 1);
    support::verified(&octets(&two, &request, late), &next);
}

// covers: E-38
#[test]
fn source_that_breaks_its_contract_gives_internal_error() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    for mode in [SourceMode::OneTooFew, SourceMode::OneTooMany] {
        fixture.source.mode(mode);
        let request = question(&fixture);
        assert_eq!(
            refusal(&served, &request, t0()),
            (err(2), "source-contract")
        );
    }
    assert_eq!(fixture.signer.signatures(), 0);
}

// covers: E-37
#[test]
fn panic_of_a_source_or_signer_leaves_the_responder_whole() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = question(&fixture);
    let caught = || catch_unwind(AssertUnwindSafe(|| service.post(&request))).is_err();
    fixture.source.mode(SourceMode::Panics);
    assert!(caught());
    fixture.source.mode(SourceMode::Works);
    fixture.signer.mode(SignerMode::Panics);
    assert!(caught());
    fixture.signer.mode(SignerMode::Works);
    // Nobody waits for the one who fell, and nothing of his is kept.
    fixture.verified(&service.post(&request).body);

    // What whoever caught it sends.
    let sent = reaction(service.endpoint.panicked(t0()), None);
    assert_eq!(sent.status, 200);
    assert_eq!(sent.body[..], err(2));
    assert_eq!(
        sent.header("content-type"),
        Some("application/ocsp-response")
    );
    assert_eq!(sent.header("cache-control"), Some("no-store"));
    assert_eq!(sent.header("content-length"), Some("5"));
}

// covers: E-37
#[test]
fn who_waits_for_one_that_panics_tries_again() {
    let fixture = Fixture::new();
    let served = Arc::new(fixture.responder(|_| {}));
    let request = question(&fixture);
    fixture.source.mode(SourceMode::Panics);
    fixture.source.gate.shut();
    let octets = block_on(async {
        let spawn = || {
            let (served, request) = (Arc::clone(&served), request.clone());
            tokio::spawn(async move { served.answer(&request, t0()).await })
        };
        let leader = spawn();
        fixture.source.gate.reached(1).await;
        let waiting = spawn();
        tokio::task::yield_now().await;
        fixture.source.mode(SourceMode::Works);
        fixture.source.gate.release();
        assert!(leader.await.is_err(), "the leader panicked");
        waiting.await.expect("no panic").body()
    });
    fixture.verified(&octets);
}

// Requirements say nothing about this policy; the client is told that it may not ask like that.
#[test]
fn nonce_that_policy_requires_and_is_not_there_is_unauthorized() {
    let fixture = Fixture::new();
    let served = fixture.responder(|policy| policy.nonce = NoncePolicy::Require);
    let request = question(&fixture);
    assert_eq!(refusal(&served, &request, t0()), (err(6), "nonce-required"));
}

/// One of each kind.
fn every_error() -> Vec<(AnswerError, u8)> {
    let decode = OcspRequest::parse(&[]).expect_err("nothing is no request");
    let why = || "why".to_owned();
    vec![
        (AnswerError::CertId(CertIdFault::SerialTooLong), 1),
        (AnswerError::CriticalExtension(why()), 1),
        (AnswerError::ExpiredRecord, 6),
        (AnswerError::HashNotServed(why()), 6),
        (AnswerError::Malformed(decode), 1),
        (AnswerError::MixedIssuers, 6),
        (AnswerError::NeverIssued, 6),
        (AnswerError::NotFresh, 3),
        (AnswerError::Nonce(NonceFault::Length(0)), 1),
        (AnswerError::NonceRequired, 6),
        (AnswerError::Panicked, 2),
        (AnswerError::Sign(SignError::Temporary(why())), 3),
        (AnswerError::Sign(SignError::Permanent(why())), 2),
        (AnswerError::SignerNotValid, 2),
        (AnswerError::Source(SourceError::Unavailable(why())), 3),
        (AnswerError::Source(SourceError::Outdated(why())), 3),
        (AnswerError::SourceContract, 2),
        (AnswerError::Target(TargetFault::Query), 1),
        (
            AnswerError::TooManyEntries {
                entries: 11,
                limit: 10,
            },
            1,
        ),
        (AnswerError::UnknownIssuer, 6),
    ]
}

// covers: E-39, R6960-4.2.1-1, R6960-2.3-1
#[test]
fn every_error_has_one_of_five_statuses_and_five_octets() {
    let mut codes = std::collections::HashSet::new();
    for (error, expected) in every_error() {
        let status = error.status();
        assert_eq!(status, OcspResponseStatus::from(&error));
        let written = certvouch_types::error_response(status);
        assert_eq!(written, err(expected), "{error:?}");
        assert!([1, 2, 3, 5, 6].contains(&written[4]), "{error:?}");
        codes.insert(error.code());
        let text = error.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    }
    // Temporary and permanent signer errors, and the two of sources, share their words.
    assert_eq!(codes.len(), every_error().len() - 2);
}

// covers: E-38
#[test]
fn no_error_becomes_a_code_of_http() {
    let fixture = Fixture::new();
    let service: Service = fixture.service();
    let request = q256(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    for mode in [
        SourceMode::OneTooFew,
        SourceMode::Fails(SourceError::Unavailable("x".to_owned())),
    ] {
        fixture.source.mode(mode);
        let reaction = service.post(&request);
        assert_eq!((reaction.status.as_u16(), reaction.body.len()), (200, 5));
    }
    fixture.source.mode(SourceMode::Works);
    for error in [
        SignError::Permanent("x".to_owned()),
        SignError::Temporary("x".to_owned()),
    ] {
        fixture.signer.mode(SignerMode::Fails(error));
        let reaction = service.post(&request);
        assert_eq!((reaction.status.as_u16(), reaction.body.len()), (200, 5));
    }
}
