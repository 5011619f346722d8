//! Renewal: ahead of the deadline, at the deadline, and what serves while nothing newer can be made.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_responder::{CacheUse, Knowledge, Responder, SignError, SourceError};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{self, Ask, HashAlg};
use certvouch_types::{CrlReason, Timestamp};
use extra::{Asking, record};
use support::{Fixture, SignerMode, SourceMode, err, t0};

/// Of the default policy: refreshed by V/2, due in the last tenth of that.
const DEADLINE: i64 = 1800;
const DUE: i64 = 1620;
/// The last second of an answer from T0.
const END: i64 = 3599;

fn request(fixture: &Fixture) -> Vec<u8> {
    ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial)
}

fn refresh(responder: &Responder, request: &[u8], now: Timestamp) {
    support::block_on(responder.refresh(request, now));
}

fn unavailable() -> SourceMode {
    SourceMode::Fails(SourceError::Unavailable("down".to_owned()))
}

// covers: FRESH-2, R9919-7.1-1
#[test]
fn renewal_is_asked_for_once_in_the_last_tenth_before_the_deadline() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    let due = |age| {
        let answer = support::ask(&responder, &request, t0() + age);
        (answer.refresh_due, answer.exchange.cache)
    };
    assert_eq!(due(0), (false, CacheUse::Signed));
    assert_eq!(due(DUE - 1), (false, CacheUse::Hit));
    assert_eq!(due(DUE), (true, CacheUse::Hit));
    for age in [DUE, DUE + 1, DEADLINE - 1] {
        assert_eq!(due(age), (false, CacheUse::Hit));
    }
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: FRESH-2, R9919-7.1-1
#[test]
fn renewal_replaces_the_answer_before_its_deadline() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    let first = support::octets(&responder, &request, t0());
    refresh(&responder, &request, t0() + DUE);
    let answer = support::ask(&responder, &request, t0() + DUE);
    assert_eq!(answer.exchange.cache, CacheUse::Hit);
    assert_ne!(answer.body(), first);
    let response = answer.result.unwrap();
    assert_eq!(response.produced_at(), t0() + DUE);
    assert_eq!(response.refresh_deadline(), t0() + DUE + DEADLINE);
    // The deadline of the first one passes and nobody has to sign.
    assert_eq!(
        extra::cache_use(&responder, &request, t0() + DEADLINE),
        CacheUse::Hit
    );
    assert_eq!(fixture.signer.signatures(), 2);
    // Twice in the same second is once.
    refresh(&responder, &request, t0() + DUE);
    assert_eq!(fixture.signer.signatures(), 2);
    assert_eq!(responder.cache_size().0, 1);
}

// covers: T-3, R9654-x-2
#[test]
fn renewal_of_what_is_never_kept_does_nothing() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let ask = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial);
    let id = ask::cert_id(HashAlg::Sha1, &ask::Params::Null, &world.ca_a, &[7]);
    for request in [
        ask.clone().nonce(&[1; 16]).build(),
        ask.entry(&id).build(),
        ask::q1(&world.ca_b, &[7]),
        b"garbage".to_vec(),
    ] {
        refresh(&responder, &request, t0());
    }
    assert_eq!(
        (fixture.signer.signatures(), responder.cache_size().0),
        (0, 0)
    );
}

// covers: FRESH-2, R9919-7.1-1
#[test]
fn first_request_after_the_deadline_gets_a_new_answer() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    drop(support::octets(&responder, &request, t0()));
    assert_eq!(
        extra::cache_use(&responder, &request, t0() + DEADLINE - 1),
        CacheUse::Hit
    );
    let answer = support::ask(&responder, &request, t0() + DEADLINE);
    assert_eq!(answer.exchange.cache, CacheUse::Signed);
    assert_eq!(answer.result.unwrap().produced_at(), t0() + DEADLINE);
}

// covers: FRESH-6, E-35, E-36, R6960-2.4-1
#[test]
fn old_answer_serves_until_its_next_update_while_the_signer_is_down_then_try_later() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    let first = support::octets(&responder, &request, t0());
    fixture
        .signer
        .mode(SignerMode::Fails(SignError::Temporary("busy".to_owned())));
    for age in [DEADLINE, DEADLINE + 1, 3000, END - 1] {
        let answer = support::ask(&responder, &request, t0() + age);
        assert_eq!(
            (&answer.body()[..], answer.exchange.cache),
            (&first[..], CacheUse::Stale)
        );
        assert!(!answer.refresh_due);
        assert_eq!(answer.result.unwrap().max_age(t0() + age), 0);
    }
    for age in [END, END + 1, END + 100_000] {
        assert_eq!(
            support::octets(&responder, &request, t0() + age),
            err(3),
            "{age}"
        );
    }
    fixture.signer.mode(SignerMode::Works);
    let answer = support::ask(&responder, &request, t0() + END);
    assert_eq!(answer.exchange.cache, CacheUse::Signed);
    fixture.verified(&answer.body());
}

// covers: FRESH-6, E-34, E-37
#[test]
fn old_answer_serves_while_the_source_or_the_key_fails_and_the_error_is_theirs_then() {
    for (source, signer, status) in [
        (unavailable(), SignerMode::Works, 3),
        (
            SourceMode::Fails(SourceError::Outdated("CRL".to_owned())),
            SignerMode::Works,
            3,
        ),
        (
            SourceMode::Works,
            SignerMode::Fails(SignError::Permanent("gone".to_owned())),
            2,
        ),
    ] {
        let fixture = Fixture::new();
        let responder = fixture.responder(|_| {});
        let request = request(&fixture);
        let first = support::octets(&responder, &request, t0());
        fixture.source.mode(source);
        fixture.signer.mode(signer);
        assert_eq!(support::octets(&responder, &request, t0() + END - 1), first);
        assert_eq!(
            support::octets(&responder, &request, t0() + END),
            err(status)
        );
    }
}

// covers: FRESH-6
#[test]
fn answer_that_was_removed_does_not_come_back_when_nothing_can_be_signed() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    drop(support::octets(&responder, &request, t0()));
    fixture.source.mode(unavailable());
    responder.invalidate("ca-a", &[&fixture.world.ee_good.serial]);
    assert_eq!(support::octets(&responder, &request, t0() + 1), err(3));
}

// covers: FRESH-6
#[test]
fn failed_renewal_at_the_deadline_is_tried_once_a_second() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    drop(support::octets(&responder, &request, t0()));
    fixture.source.mode(unavailable());
    for second in 0..5 {
        for _ in 0..20 {
            let used = extra::cache_use(&responder, &request, t0() + DEADLINE + second);
            assert_eq!(used, CacheUse::Stale);
        }
        let tries = usize::try_from(second).unwrap() + 1;
        assert_eq!(fixture.source.lookups(), 1 + tries, "second {second}");
    }
    fixture.source.mode(SourceMode::Works);
    let recovered = extra::cache_use(&responder, &request, t0() + DEADLINE + 5);
    assert_eq!(recovered, CacheUse::Signed);
}

// covers: FRESH-6
#[test]
fn failed_renewal_ahead_of_the_deadline_is_tried_once_a_second() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    let first = support::octets(&responder, &request, t0());
    fixture.source.mode(unavailable());
    for second in 0..5 {
        let now = t0() + DUE + second;
        let mut renewals = 0;
        for _ in 0..20 {
            let answer = support::ask(&responder, &request, now);
            assert_eq!(
                (&answer.body()[..], answer.exchange.cache),
                (&first[..], CacheUse::Hit)
            );
            if answer.refresh_due {
                renewals += 1;
                refresh(&responder, &request, now);
            }
        }
        assert_eq!(renewals, 1, "second {second}");
    }
    assert_eq!(fixture.source.lookups(), 6);
}

// covers: FRESH-2
#[test]
fn requests_are_answered_from_the_cache_while_the_renewal_is_under_way() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    let first = support::octets(&responder, &request, t0());
    fixture.signer.gate.shut();
    let mut renewal = Asking::of(responder.refresh(&request, t0() + DUE));
    assert!(renewal.step().is_none());
    let answer = support::ask(&responder, &request, t0() + DUE);
    assert_eq!(
        (&answer.body()[..], answer.exchange.cache),
        (&first[..], CacheUse::Hit)
    );
    // Past the deadline one waits for the renewal instead of beginning another.
    let mut late = Asking::begun(&responder, &request, t0() + DEADLINE);
    fixture.signer.gate.release();
    assert!(renewal.step().is_some() && late.is_woken());
    let answer = late.step().unwrap();
    assert_eq!(answer.exchange.cache, CacheUse::Joined);
    assert_eq!(answer.result.unwrap().produced_at(), t0() + DUE);
    assert_eq!(fixture.signer.signatures(), 2);
}

// covers: T-2
#[test]
fn renewal_that_looked_up_before_a_revocation_is_not_kept() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let serial = &fixture.world.ee_good.serial;
    let request = request(&fixture);
    drop(support::octets(&responder, &request, t0()));
    fixture.source.gate.shut();
    let mut renewal = Asking::of(responder.refresh(&request, t0() + DUE));
    assert!(renewal.step().is_none());
    let at = t0().unix() + DUE;
    let revoked = record(extra::revoked(at, Some(CrlReason::KeyCompromise)), |_| {});
    fixture.source.set(serial, revoked);
    responder.invalidate("ca-a", &[serial]);
    fixture.source.gate.release();
    assert!(renewal.step().is_some());
    assert_eq!(responder.cache_size().0, 0);
    let status = extra::status(&responder, &request, t0() + DUE);
    assert_eq!(
        status,
        CertStatus::Revoked {
            at,
            reason: Some(1)
        }
    );
}

// covers: FRESH-5, T-2
#[test]
fn renewal_shows_what_the_source_says_by_then() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.s_x);
    assert_eq!(
        extra::status(&responder, &request, t0()),
        CertStatus::Unknown
    );
    fixture.source.say(&fixture.world.s_x, Knowledge::Issued);
    refresh(&responder, &request, t0() + DUE);
    let single = extra::single(&responder, &request, t0() + DUE);
    assert_eq!(single.status, CertStatus::Good);
    assert_eq!(responder.cache_size().0, 1);
}
