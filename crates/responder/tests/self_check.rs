//! The responder's check of its own answers: nothing wrong leaves it, and what fails stops its issuer alone, until
//! signers or policy change.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

mod support;

use std::sync::{Arc, Mutex};

use certvouch_responder::{
    Alarm, AnswerError, CacheUse, Knowledge, Responder, SelfCheckFault, Settings,
};
use certvouch_testkit::ask;
use support::{Fixture, KeySigner, SignerMode, err, octets, t0};

/// Remembers what it hears.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<String>>);

impl Alarm for Ear {
    fn issuer_stopped(&self, issuer: &str, why: &SelfCheckFault) {
        self.0.lock().unwrap().push(format!("{issuer}: {why}"));
    }
}

fn with_alarm(fixture: &Fixture) -> (Responder, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let mut settings = Settings::default();
    settings.alarm = Arc::<Ear>::clone(&ear);
    let issuer = fixture.issuer(|_| {});
    (Responder::new(vec![issuer], settings).unwrap(), ear)
}

// covers: E-37, R6960-2.3-3
#[test]
fn wrong_signature_reaches_nobody_and_stops_the_issuer_with_one_alarm() {
    let fixture = Fixture::new();
    let (responder, ear) = with_alarm(&fixture);
    fixture.signer.mode(SignerMode::Wrong);
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    for _ in 0..3 {
        assert_eq!(octets(&responder, &request, t0()), err(2));
    }
    assert_eq!(
        fixture.signer.signatures(),
        1,
        "a stopped issuer signs nothing"
    );
    let heard = ear.0.lock().unwrap().clone();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].starts_with("ca-a: the signature of the answer does not verify"),
        "{heard:?}"
    );
    let stopped = responder.stopped();
    assert_eq!(stopped.len(), 1);
    assert_eq!(&*stopped[0].0, "ca-a");
    assert!(matches!(stopped[0].1, SelfCheckFault::Signature(_)));

    // The key works again: the issuer stays stopped until somebody has looked and reloaded.
    fixture.signer.mode(SignerMode::Works);
    assert_eq!(octets(&responder, &request, t0()), err(2));
    responder.replace(vec![fixture.issuer(|_| {})]).unwrap();
    assert!(responder.stopped().is_empty());
    fixture.verified(&octets(&responder, &request, t0()));
}

#[test]
fn change_of_signers_is_checked_again_before_the_first_answer() {
    let fixture = Fixture::new();
    let (responder, ear) = with_alarm(&fixture);
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    fixture.verified(&octets(&responder, &request, t0()));
    // The next signer holds another key than its certificate says.
    let key = KeySigner::new(&fixture.world.d_b.key);
    let swapped = support::response_signer(&key, &fixture.world.d_a, &fixture.world.ca_a);
    let (ca, source) = (&fixture.world.ca_a, &fixture.source);
    let issuer = support::issuer("ca-a", ca, source, vec![swapped], support::policy(|_| {}));
    responder.replace(vec![issuer]).unwrap();
    assert_eq!(octets(&responder, &request, t0()), err(2));
    assert_eq!(ear.0.lock().unwrap().len(), 1);
}

#[test]
fn answer_of_a_new_kind_is_checked_though_another_has_passed_and_kept_ones_stop_too() {
    let fixture = Fixture::new();
    let (responder, _) = with_alarm(&fixture);
    let ca = &fixture.world.ca_a;
    let good = ask::q1(ca, &fixture.world.ee_good.serial);
    fixture.verified(&octets(&responder, &good, t0()));
    fixture.signer.mode(SignerMode::Wrong);
    let kept = support::ask(&responder, &good, t0());
    assert_eq!(kept.exchange.cache, CacheUse::Hit);
    let revoked = ask::q1(ca, &fixture.world.ee_rev.serial);
    let answer = support::ask(&responder, &revoked, t0());
    assert!(matches!(answer.result, Err(AnswerError::SelfCheck(_))));
    assert_eq!(
        octets(&responder, &good, t0()),
        err(2),
        "the cache gives nothing either"
    );
}

#[test]
fn issuer_that_stops_takes_no_other_with_it() {
    let fixture = Fixture::new();
    let other_key = KeySigner::new(&fixture.world.d_b.key);
    let other = support::response_signer(&other_key, &fixture.world.d_b, &fixture.world.ca_b);
    let source = support::MapSource::new();
    source.say(&[7], Knowledge::Issued);
    let policy = support::policy(|_| {});
    let other = support::issuer("ca-b", &fixture.world.ca_b, &source, vec![other], policy);
    let responder = support::responder(vec![fixture.issuer(|_| {}), other]);
    fixture.signer.mode(SignerMode::Wrong);
    let ours = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    assert_eq!(octets(&responder, &ours, t0()), err(2));
    let theirs = octets(&responder, &ask::q1(&fixture.world.ca_b, &[7]), t0());
    support::verified(&theirs, &fixture.world.d_b);
}
