//! Trouble of our own: `tryLater` and `internalError` (requirements §17.3, E-34 to E-39).

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use certvouch_responder::{
    AnswerError, CacheUse, Knowledge, Responder, SignError, SourceError, TargetFault,
};
use certvouch_testkit::ask::{q1, q256};
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg};
use certvouch_types::{CertIdFault, NonceFault, OcspRequest, OcspResponseStatus, Timestamp};
use support::{
    Fixture, KeySigner, SignerMode, SourceMode, ask, block_on, err, issuer, octets, policy,
    reaction, responder, response_signer, t0,
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
    let service = fixture.service();
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
