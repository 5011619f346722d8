//! The client against a responder that does wrong in every way that is known, and against right ones. Loopback only;
//! the clock is the world's.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use certvouch_client::{
    Client, Clock, Method, NoAnswer, NonceMode, Outcome, Policy, Question, Source, blocking,
};
use certvouch_fetch::{FetchPolicy, SystemResolver};
use certvouch_testkit::crl::CrlBuilder;
use certvouch_testkit::misbehave::{Act, Misbehaving, Request, answer, table};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, T0, World};
use certvouch_testkit::reply::{Reply, Single, Status, error};
use certvouch_types::Timestamp;

fn world() -> World {
    World::new(KeyAlg::P256)
}

fn client(policy: Policy) -> blocking::Client {
    client_at(policy, T0)
}

fn client_at(policy: Policy, now: i64) -> blocking::Client {
    let clock = Clock::from_fn(move || Timestamp::from_unix(now));
    let client = Client::with(policy, clock, Arc::new(SystemResolver)).unwrap();
    blocking::Client::wrap(client).unwrap()
}

fn quick() -> Policy {
    let mut policy = Policy::default();
    policy.total_time = Duration::from_millis(700);
    policy.hedge_after = Duration::from_millis(100);
    policy
}

fn nonce(mode: NonceMode) -> Policy {
    let mut policy = quick();
    policy.nonce = mode;
    policy
}

fn about(world: &World, servers: &[&Misbehaving]) -> Question {
    let mut question = Question::about(world.ee_good.der.clone(), world.ca_a.der.clone());
    let urls = servers.iter().map(|server| server.url().parse().unwrap());
    question.responders = Some(urls.collect());
    question
}

fn good(world: &World) -> impl Fn(&Request) -> Act + Send + Sync + 'static {
    let world = world.clone();
    move |request| Act::Ocsp(answer(&world, &world.ee_good.serial, Status::Good, request))
}

fn word(outcome: &Outcome) -> &'static str {
    outcome.word().as_str()
}

/// A certificate of CA-A with these URLs.
fn certificate(world: &World, ocsp: &[&str], crls: &[&str]) -> Cert {
    let mut builder = CertBuilder::new(&[("CN", "EE-x")], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x77])
        .validity(T0 - 86_400, T0 + 86_400);
    if !ocsp.is_empty() {
        builder = builder.aia(ocsp, &[]);
    }
    if !crls.is_empty() {
        builder = builder.crl_dp(crls);
    }
    builder.issued_by(&world.ca_a)
}

/// The policy with which URLs of certificates may lead to this machine, as these tests need it.
fn loopback(mut policy: Policy) -> Policy {
    let mut fetch = FetchPolicy::default();
    fetch.named_networks = vec!["127.0.0.0/8".parse().unwrap()];
    policy.fetch = fetch;
    policy
}

// covers: T-24
#[test]
fn every_misbehaviour_ends_in_its_word_and_in_time() {
    let world = world();
    let expected = |name: &str| match name {
        "good" => "GOOD",
        "hangs"
        | "half a body, then closes"
        | "half a body, then hangs"
        | "an octet every second"
        | "closes without a word"
        | "HTTP 500"
        | "HTML with 200"
        | "10 MB"
        | "redirect to a forbidden address"
        | "redirect loop" => "UNREACHABLE",
        "HTML as an OCSP response" => "MALFORMED",
        "expired" | "skewed clock" => "NOT-CURRENT",
        "wrong certificate"
        | "another CA's signer"
        | "bad signature"
        | "wrong nonce"
        | "no nonce" => "NOT-TRUSTED",
        _ => "RESPONDER-ERROR",
    };
    for behaviour in table(&world) {
        let name = behaviour.name;
        let server = Misbehaving::serve(Arc::clone(&behaviour.handler));
        let mode = match name {
            "wrong nonce" | "no nonce" => NonceMode::Require,
            _ => NonceMode::Off,
        };
        let began = Instant::now();
        let outcome = client(nonce(mode)).ask(about(&world, &[&server]));
        assert_eq!(
            word(&outcome),
            expected(name),
            "{name}: {:?}",
            outcome.answer().err()
        );
        // Not a measurement: a client that waits for a server that hangs would wait for ever.
        assert!(began.elapsed() < Duration::from_secs(20), "{name}");
        assert!(!outcome.attempts().is_empty(), "{name}");
    }
}

// covers: R9654-2.1-1
#[test]
fn nonce_gets_shorter_and_goes_where_the_responder_refuses_it() {
    let world = world();
    let right = good(&world);
    let server = Misbehaving::start(move |request| match request.nonce() {
        Some(_) => Act::Ocsp(error(1)),
        None => right(request),
    });
    let outcome = client(nonce(NonceMode::Try)).ask(about(&world, &[&server]));
    assert_eq!(word(&outcome), "GOOD");
    let lengths: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.nonce().map(|nonce| nonce.len()))
        .collect();
    assert_eq!(lengths, [Some(32), Some(16), None]);
    let outcome = client(nonce(NonceMode::Require)).ask(about(&world, &[&server]));
    assert_eq!(word(&outcome), "RESPONDER-ERROR");
    assert!(
        server
            .requests()
            .iter()
            .skip(3)
            .all(|request| request.nonce().is_some())
    );
}

#[test]
fn sha1_is_tried_where_sha256_is_not_known() {
    let world = world();
    let right = good(&world);
    // The OID of SHA-1 in a CertID.
    const SHA1: [u8; 7] = [0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A];
    let server = Misbehaving::start(move |request| {
        let der = request.ocsp().unwrap();
        match der.windows(7).any(|part| part == SHA1) {
            true => right(request),
            false => Act::Ocsp(error(6)),
        }
    });
    let outcome = client(quick()).ask(about(&world, &[&server]));
    assert_eq!(word(&outcome), "GOOD");
    assert_eq!(outcome.attempts().len(), 2);
}

#[test]
fn post_is_tried_where_get_is_not_known() {
    let world = world();
    let right = good(&world);
    let server = Misbehaving::start(move |request| match request.method.as_str() {
        "GET" => Act::typed(405, "text/plain", b"no"),
        _ => right(request),
    });
    let outcome = client(quick()).ask(about(&world, &[&server]));
    assert_eq!(word(&outcome), "GOOD");
    let forms: Vec<_> = outcome
        .attempts()
        .iter()
        .map(|attempt| attempt.form.unwrap().method)
        .collect();
    assert_eq!(forms, [Method::Get, Method::Post]);
}

#[test]
fn cache_on_the_way_that_is_out_of_date_is_passed() {
    let world = world();
    let right = good(&world);
    let single = Single::about(&world.ca_a, &world.ee_good.serial, T0 - 30 * 86_400);
    let old = Reply::delegated(&world.d_a, T0 - 29 * 86_400)
        .single(&single)
        .build();
    let server = Misbehaving::start(move |request| {
        match request
            .header
            .to_ascii_lowercase()
            .contains("cache-control: no-cache")
        {
            true => right(request),
            false => Act::Ocsp(old.clone()),
        }
    });
    let outcome = client(quick()).ask(about(&world, &[&server]));
    assert_eq!(word(&outcome), "GOOD");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn slow_responder_is_overtaken_and_asked_last_afterwards() {
    let world = world();
    let slow = Misbehaving::start(|_| Act::Hang(Vec::new()));
    let right = Misbehaving::start(good(&world));
    let mut policy = quick();
    policy.total_time = Duration::from_secs(10);
    policy.nonce = NonceMode::Require;
    let client = client(policy);
    // It is asked first, and nobody waits for it.
    let outcome = client.ask(about(&world, &[&slow, &right]));
    assert_eq!(word(&outcome), "GOOD");
    assert_eq!(
        outcome.answer().unwrap().url().unwrap().to_string(),
        right.url()
    );
    // One that refuses is remembered.
    let busy = Misbehaving::start(|_| Act::Ocsp(error(3)));
    for _ in 0..2 {
        assert_eq!(word(&client.ask(about(&world, &[&busy, &right]))), "GOOD");
    }
    assert_eq!(busy.requests().len(), 1);
}

#[test]
fn revoked_and_unknown_are_answers() {
    let world = world();
    for (status, expected) in [
        (Status::Revoked(T0 - 60, Some(1)), "REVOKED"),
        (Status::Unknown, "UNKNOWN"),
    ] {
        let about_it = world.clone();
        let server = Misbehaving::start(move |request| {
            Act::Ocsp(answer(
                &about_it,
                &about_it.ee_good.serial,
                status.clone(),
                request,
            ))
        });
        assert_eq!(
            word(&client(quick()).ask(about(&world, &[&server]))),
            expected
        );
    }
}

#[test]
fn second_question_is_answered_from_memory_and_a_new_process_from_the_folder() {
    let world = world();
    let folder = certvouch_testkit::process::temp_dir();
    let server = Misbehaving::start(good(&world));
    let mut policy = quick();
    policy.cache_folder = Some(folder.path().to_owned());
    let first = client(policy.clone());
    for _ in 0..2 {
        assert_eq!(word(&first.ask(about(&world, &[&server]))), "GOOD");
    }
    let again = client(policy.clone()).ask(about(&world, &[&server]));
    assert_eq!(again.answer().unwrap().source(), Source::Cache);
    assert_eq!(server.requests().len(), 1);
    // What is past its nextUpdate is asked for again, and so is what was changed on the disk.
    let later = client_at(policy.clone(), T0 + 5 * 86_400).ask(about(&world, &[&server]));
    assert_ne!(word(&later), "GOOD");
    assert_eq!(word(&first.ask(about(&world, &[&server]))), "GOOD");
    let file = || std::fs::read_dir(folder.path()).unwrap().next();
    assert!(file().is_none(), "what is too old is removed");
    assert_eq!(
        word(&client(policy.clone()).ask(about(&world, &[&server]))),
        "GOOD"
    );
    let path = file().unwrap().unwrap().path();
    let mut octets = std::fs::read(&path).unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    std::fs::write(&path, octets).unwrap();
    let changed = client(policy).ask(about(&world, &[&server]));
    assert_eq!(changed.answer().unwrap().source(), Source::Ocsp);
}

// covers: T-20
#[test]
fn nobody_is_asked_about_a_forged_or_an_expired_certificate() {
    let world = world();
    let server = Misbehaving::start(good(&world));
    let mut forged = about(&world, &[&server]);
    forged.issuer = world.ca_a2.der.clone().into();
    let outcome = client(quick()).ask(forged);
    assert!(matches!(outcome.answer(), Err(NoAnswer::Question(_))));
    assert_eq!(word(&outcome), "NOT-TRUSTED");
    let mut expired = Question::about(world.ee_exp.der.clone(), world.ca_a.der);
    expired.responders = Some(vec![server.url().parse().unwrap()]);
    assert_eq!(word(&client(quick()).ask(expired)), "NOT-CURRENT");
    assert!(server.requests().is_empty());
}

// covers: T-24
#[test]
fn loopback_address_of_a_certificate_is_not_connected_to() {
    let world = world();
    let server = Misbehaving::start(good(&world));
    let certificate = certificate(&world, &[&server.url()], &[]);
    let outcome = client(quick()).ask(Question::about(certificate.der, world.ca_a.der));
    assert_eq!(word(&outcome), "UNREACHABLE");
    assert!(server.requests().is_empty());
}

// covers: T-27
#[test]
fn private_client_asks_no_responder() {
    let world = world();
    let server = Misbehaving::start(good(&world));
    let outcome = client(Policy::private()).ask(about(&world, &[&server]));
    assert_eq!(word(&outcome), "NO-OCSP");
    assert!(server.requests().is_empty());
}

// covers: T-27
#[test]
fn sources_are_looked_at_in_their_order() {
    let world = world();
    let server = Misbehaving::start(good(&world));
    let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
    let staple = Reply::delegated(&world.d_a, T0).single(&single).build();
    let mut question = about(&world, &[&server]);
    question.staple = Some(staple.clone().into());
    let outcome = client(quick()).ask(question.clone());
    assert_eq!(outcome.answer().unwrap().source(), Source::Staple);
    assert_eq!(outcome.answer().unwrap().response().unwrap(), &staple);
    assert!(server.requests().is_empty());
    // A staple that is worth nothing keeps nobody from asking.
    question.staple = Some(error(3).into());
    let outcome = client(quick()).ask(question);
    assert_eq!(outcome.answer().unwrap().source(), Source::Ocsp);
    assert!(outcome.attempts()[0].result.is_err());
}

#[test]
fn crl_answers_where_no_responder_does() {
    let world = world();
    let crl = CrlBuilder::new(&world.ca_a).revoke("77", Some(4)).der();
    let lists = Misbehaving::start(move |_| Act::typed(200, "application/pkix-crl", &crl));
    let dead = Misbehaving::start(|_| Act::Ocsp(error(3)));
    let url = format!("{}ca.crl", lists.url());
    let certificate = certificate(&world, &[&dead.url()], &[&url]);
    let client = client(loopback(quick()));
    let question = Question::about(certificate.der, world.ca_a.der);
    let outcome = client.ask(question.clone());
    assert_eq!(word(&outcome), "REVOKED", "{:?}", outcome.attempts());
    assert_eq!(outcome.answer().unwrap().source(), Source::Crl);
    assert_eq!(word(&client.ask(question)), "REVOKED");
    assert_eq!(lists.requests().len(), 1, "it is kept until its nextUpdate");
}

#[test]
fn forged_crl_is_not_believed_and_not_kept() {
    let world = world();
    let crl = CrlBuilder::new(&world.ca_a).bad_signature().der();
    let lists = Misbehaving::start(move |_| Act::typed(200, "application/pkix-crl", &crl));
    let certificate = certificate(&world, &[], &[&lists.url()]);
    let client = client(loopback(quick()));
    let question = Question::about(certificate.der, world.ca_a.der);
    assert_eq!(word(&client.ask(question.clone())), "NOT-TRUSTED");
    assert_eq!(word(&client.ask(question)), "NOT-TRUSTED");
    assert_eq!(lists.requests().len(), 2);
}

#[test]
fn held_crl_counts_before_anybody_is_asked() {
    let world = world();
    let server = Misbehaving::start(good(&world));
    let serial = world.ee_good.serial_hex();
    let mut question = about(&world, &[&server]);
    question.crls = vec![
        CrlBuilder::new(&world.ca_a)
            .revoke(&serial, Some(1))
            .der()
            .into(),
    ];
    let outcome = client(quick()).ask(question);
    assert_eq!(word(&outcome), "REVOKED");
    assert!(server.requests().is_empty());
}

#[test]
fn certificate_that_names_nobody_is_no_ocsp() {
    let world = world();
    let outcome = client(quick()).ask(Question::about(world.ee_good.der.clone(), world.ca_a.der));
    assert_eq!(word(&outcome), "NO-OCSP");
}

#[test]
fn octets_and_skew_are_told() {
    let world = world();
    let right = good(&world);
    let server = Misbehaving::start(move |request| match right(request) {
        Act::Ocsp(der) => {
            // T0 is 2026-01-10T00:00:00Z.
            let date = (
                "Date".to_owned(),
                "Sat, 10 Jan 2026 01:00:00 GMT".to_owned(),
            );
            let kind = (
                "Content-Type".to_owned(),
                "application/ocsp-response".to_owned(),
            );
            Act::Http(200, vec![kind, date], der)
        }
        other => other,
    });
    let outcome = client(quick()).ask(about(&world, &[&server]));
    assert_eq!(outcome.skew(), Some(3600));
    let attempt = &outcome.attempts()[0];
    let body = u64::try_from(attempt.body.as_ref().unwrap().len()).unwrap();
    assert!(attempt.received > body && attempt.sent > 100 && attempt.connections == 1);
}
