//! Single flight: who asks the same at the same time shares one signature, and nobody who asks after a change
//! gets what was looked up before it (threats T-2). Every interleaving is stepped by hand.

#[path = "support/extra.rs"]
mod extra;
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};

use certvouch_responder::{
    Answer, CacheUse, Issuer, Knowledge, Policy, Responder, SourceError, StatusSource,
};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask;
use certvouch_types::{Certificate, CrlReason};
use extra::{Asking, StepSource};
use support::{Fixture, SourceMode, err, t0};

const REVOKED: Knowledge = Knowledge::Revoked {
    at: certvouch_types::Timestamp::EPOCH,
    reason: Some(CrlReason::KeyCompromise),
};

fn request(fixture: &Fixture) -> Vec<u8> {
    ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial)
}

fn stepped_issuer(fixture: &Fixture, source: &Arc<StepSource>) -> Issuer {
    let world = &fixture.world;
    let ca = Certificate::parse(&world.ca_a.der).expect("the CA's certificate");
    let signer = support::response_signer(&fixture.signer, &world.d_a, &world.ca_a);
    let source: Arc<dyn StatusSource> = Arc::<StepSource>::clone(source);
    Issuer::new("ca-a", &ca, source, vec![signer], Policy::default()).expect("a good policy")
}

/// CA-A with a source whose every look-up is held.
fn stepped(fixture: &Fixture) -> (Arc<StepSource>, Responder) {
    let source = StepSource::new(Knowledge::Issued);
    let responder = support::responder(vec![stepped_issuer(fixture, &source)]);
    (source, responder)
}

fn is_good(answer: &Answer) -> bool {
    extra::parsed(&answer.body()).single().status == CertStatus::Good
}

// covers: T-2, FRESH-5
#[test]
fn result_of_a_lookup_from_before_a_change_is_neither_kept_nor_shared() {
    // Which of the two flights lands first must not matter.
    for old_first in [true, false] {
        let fixture = Fixture::new();
        let serial = &fixture.world.ee_good.serial;
        let (source, responder) = stepped(&fixture);
        let request = request(&fixture);
        let old = Asking::begun(&responder, &request, t0());
        let early = Asking::begun(&responder, &request, t0());
        assert_eq!(source.lookups(), 1);
        source.say(REVOKED);
        responder.invalidate("ca-a", &[serial]);
        let new = Asking::begun(&responder, &request, t0());
        assert_eq!(
            source.lookups(),
            2,
            "who asks after the change looks up anew"
        );
        let late = Asking::begun(&responder, &request, t0());
        assert_eq!(source.lookups(), 2, "and shares that");
        let land_old = |old: Asking<'_>, early: Asking<'_>| {
            source.let_go(0);
            // They asked before the change, and are told what was true then.
            assert!(is_good(&old.answer()));
            let early = early.answer();
            assert!(is_good(&early));
            assert_eq!(early.exchange.cache, CacheUse::Joined);
        };
        if old_first {
            land_old(old, early);
            assert_eq!(responder.cache_size().0, 0);
            let mut between = Asking::begun(&responder, &request, t0());
            source.let_go(1);
            assert!(!is_good(&new.answer()));
            assert!(!is_good(&between.step().unwrap()));
        } else {
            source.let_go(1);
            assert!(!is_good(&new.answer()));
            land_old(old, early);
        }
        assert!(!is_good(&late.answer()));
        let after = support::ask(&responder, &request, t0());
        assert_eq!(after.exchange.cache, CacheUse::Hit);
        assert!(!is_good(&after));
        assert_eq!(fixture.signer.signatures(), 2);
    }
}

// covers: T-2
#[test]
fn change_while_the_signature_is_made_counts_as_well() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let serial = &fixture.world.ee_good.serial;
    let request = request(&fixture);
    fixture.signer.gate.shut();
    let old = Asking::begun(&responder, &request, t0());
    fixture.source.say(serial, REVOKED);
    responder.invalidate("ca-a", &[serial]);
    fixture.signer.gate.release();
    assert!(is_good(&old.answer()));
    assert_eq!(responder.cache_size().0, 0);
    assert!(!is_good(&support::ask(&responder, &request, t0())));
}

// covers: T-2
#[test]
fn change_of_another_serial_number_leaves_a_flight_alone() {
    let fixture = Fixture::new();
    let (source, responder) = stepped(&fixture);
    let request = request(&fixture);
    let first = Asking::begun(&responder, &request, t0());
    responder.invalidate("ca-a", &[&fixture.world.ee_hold.serial]);
    responder.invalidate("ca-b", &[&fixture.world.ee_good.serial]);
    let second = Asking::begun(&responder, &request, t0());
    source.let_go(0);
    let octets = first.answer().body();
    assert_eq!(second.answer().body(), octets);
    let kept = support::ask(&responder, &request, t0());
    assert_eq!((kept.body(), kept.exchange.cache), (octets, CacheUse::Hit));
    assert_eq!(source.lookups(), 1);
}

// covers: T-2, T-10
#[test]
fn removal_of_everything_and_new_issuers_stop_flights_from_being_kept() {
    for replaced in [false, true] {
        let fixture = Fixture::new();
        let (source, responder) = stepped(&fixture);
        let request = request(&fixture);
        let old = Asking::begun(&responder, &request, t0());
        source.say(REVOKED);
        if replaced {
            let issuer = stepped_issuer(&fixture, &source);
            responder.replace(vec![issuer]).unwrap();
        } else {
            responder.invalidate_all();
        }
        source.let_go(0);
        assert!(is_good(&old.answer()));
        let new = Asking::begun(&responder, &request, t0());
        source.let_go(1);
        assert!(!is_good(&new.answer()), "{replaced}");
        assert!(!is_good(&support::ask(&responder, &request, t0())));
    }
}

// covers: T-2, R6960-5-1
#[test]
fn hundred_who_ask_at_once_share_one_lookup_and_one_signature() {
    let fixture = Fixture::new();
    let (source, responder) = stepped(&fixture);
    let request = request(&fixture);
    let asking: Vec<_> = (0..100)
        .map(|_| Asking::begun(&responder, &request, t0()))
        .collect();
    source.let_go(0);
    let answers: Vec<Answer> = asking.into_iter().map(Asking::answer).collect();
    let octets = answers[0].body();
    fixture.verified(&octets);
    assert!(answers.iter().all(|answer| answer.body() == octets));
    let uses: Vec<CacheUse> = answers.iter().map(|answer| answer.exchange.cache).collect();
    assert_eq!(uses[0], CacheUse::Signed);
    assert!(uses[1..].iter().all(|cache| *cache == CacheUse::Joined));
    assert_eq!((source.lookups(), fixture.signer.signatures()), (1, 1));
}

// covers: T-2, R6960-5-1
#[test]
fn hundred_who_ask_on_runtimes_of_their_own_share_one_signature() {
    let fixture = Fixture::new();
    let responder = Arc::new(fixture.responder(|_| {}));
    let request = request(&fixture);
    fixture.source.gate.shut();
    let start = Arc::new(Barrier::new(100));
    #[expect(
        clippy::needless_collect,
        reason = "all threads have to run before one is waited for"
    )]
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let (responder, start) = (Arc::clone(&responder), Arc::clone(&start));
            let request = request.clone();
            std::thread::spawn(move || {
                start.wait();
                support::ask(&responder, &request, t0())
            })
        })
        .collect();
    support::block_on(fixture.source.gate.reached(1));
    fixture.source.gate.release();
    let answers: Vec<Answer> = threads.into_iter().map(|one| one.join().unwrap()).collect();
    let octets = answers[0].body();
    fixture.verified(&octets);
    assert!(answers.iter().all(|answer| answer.body() == octets));
    let signed = answers
        .iter()
        .filter(|answer| answer.exchange.cache == CacheUse::Signed);
    assert_eq!(signed.count(), 1);
    assert_eq!(
        (fixture.source.lookups(), fixture.signer.signatures()),
        (1, 1)
    );
}

// covers: T-2
#[test]
fn those_who_wait_for_a_leader_that_leaves_are_woken_and_go_on() {
    let fixture = Fixture::new();
    let (source, responder) = stepped(&fixture);
    let request = request(&fixture);
    let leader = Asking::begun(&responder, &request, t0());
    let mut waiting: Vec<_> = (0..5)
        .map(|_| Asking::begun(&responder, &request, t0()))
        .collect();
    assert!(waiting.iter().all(|one| !one.is_woken()));
    drop(leader);
    assert!(waiting.iter().all(Asking::is_woken));
    assert!(waiting.iter_mut().all(|one| one.step().is_none()));
    assert_eq!(source.lookups(), 2, "one of them leads now");
    source.let_go(1);
    let answers: Vec<Answer> = waiting.into_iter().map(Asking::answer).collect();
    assert!(
        answers
            .iter()
            .all(|answer| answer.body() == answers[0].body())
    );
    assert_eq!(fixture.signer.signatures(), 1);
    assert_eq!(extra::cache_use(&responder, &request, t0()), CacheUse::Hit);
}

// covers: T-2
#[test]
fn one_who_waits_and_leaves_disturbs_nobody() {
    let fixture = Fixture::new();
    let (source, responder) = stepped(&fixture);
    let request = request(&fixture);
    let leader = Asking::begun(&responder, &request, t0());
    drop(Asking::begun(&responder, &request, t0()));
    let other = Asking::begun(&responder, &request, t0());
    source.let_go(0);
    assert_eq!(leader.answer().exchange.cache, CacheUse::Signed);
    assert_eq!(other.answer().exchange.cache, CacheUse::Joined);
    assert_eq!(source.lookups(), 1);
}

// covers: T-2, E-38
#[test]
fn panic_of_a_leader_leaves_nobody_hanging() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    fixture.source.gate.shut();
    fixture.source.mode(SourceMode::Panics);
    let mut leader = Asking::begun(&responder, &request, t0());
    let mut waiting = Asking::begun(&responder, &request, t0());
    fixture.source.mode(SourceMode::Works);
    fixture.source.gate.release();
    assert!(catch_unwind(AssertUnwindSafe(|| leader.step())).is_err());
    drop(leader);
    assert!(waiting.is_woken());
    let answer = waiting.step().unwrap();
    assert_eq!(answer.exchange.cache, CacheUse::Signed);
    fixture.verified(&answer.body());
}

// covers: T-2, E-34
#[test]
fn error_of_a_leader_is_the_error_of_those_who_waited_and_of_nobody_else() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = request(&fixture);
    fixture.source.gate.shut();
    fixture
        .source
        .mode(SourceMode::Fails(SourceError::Unavailable(
            "down".to_owned(),
        )));
    let leader = Asking::begun(&responder, &request, t0());
    let waiting = Asking::begun(&responder, &request, t0());
    fixture.source.mode(SourceMode::Works);
    fixture.source.gate.release();
    for asking in [leader, waiting] {
        assert_eq!(asking.answer().body(), &err(3)[..]);
    }
    assert_eq!(fixture.source.lookups(), 1);
    assert_eq!(
        extra::cache_use(&responder, &request, t0()),
        CacheUse::Signed
    );
}

// covers: T-3
#[test]
fn hits_and_other_questions_never_wait_for_a_flight() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let (source, responder) = stepped(&fixture);
    let kept = ask::q1(&world.ca_a, &world.ee_rev.serial);
    let first = Asking::begun(&responder, &kept, t0());
    source.let_go(0);
    let octets = first.answer().body();
    let request = request(&fixture);
    let under_way = Asking::begun(&responder, &request, t0());
    assert_eq!(support::ask(&responder, &kept, t0()).body(), octets);
    // The same certificate under another hash algorithm is another question.
    let other = ask::q256(&world.ca_a, &world.ee_good.serial);
    let other = Asking::begun(&responder, &other, t0()).is_woken();
    assert_eq!((source.lookups(), other), (3, false));
    source.let_go(1);
    assert_eq!(under_way.answer().exchange.cache, CacheUse::Signed);
}
