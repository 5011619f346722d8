//! The response cache: what counts as the same question, what is never kept, and how much is.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_responder::{CacheUse, Knowledge, Responder, Settings, SourceError, Unlisted};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{self, Ask, HashAlg, Params};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Key, KeyAlg};
use certvouch_types::CrlReason;
use support::{Fixture, KeySigner, SourceMode, err, t0};

/// The eight requests about one serial number that the cache has to tell apart.
fn variants(fixture: &Fixture, serial: &[u8]) -> Vec<Vec<u8>> {
    let ca = &fixture.world.ca_a;
    HashAlg::ALL
        .into_iter()
        .flat_map(|hash| [Params::Null, Params::Absent].map(|p| ask::cert_id(hash, &p, ca, serial)))
        .map(|id| Ask::new().entry(&id).build())
        .collect()
}

// covers: T-3
#[test]
fn hit_is_the_same_octets_and_asks_and_signs_nothing() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let first = support::ask(&responder, &request, t0());
    assert_eq!(first.exchange.cache, CacheUse::Signed);
    for age in [0, 1, 100, 1799] {
        let again = support::ask(&responder, &request, t0() + age);
        assert_eq!(again.body(), first.body());
        assert_eq!(again.exchange.cache, CacheUse::Hit);
        assert!(!again.single_use);
    }
    assert_eq!(
        (fixture.signer.signatures(), fixture.source.lookups()),
        (1, 1)
    );
}

// covers: R6960-4.2.2.3-5, T-3
#[test]
fn key_tells_hash_algorithms_parameters_and_serials_apart() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let mut kept = Vec::new();
    for serial in [&fixture.world.ee_good.serial, &fixture.world.ee_rev.serial] {
        for request in variants(&fixture, serial) {
            kept.push((support::octets(&responder, &request, t0()), request));
        }
    }
    assert_eq!(
        (fixture.signer.signatures(), responder.cache_size().0),
        (16, 16)
    );
    for (octets, request) in &kept {
        let again = support::ask(&responder, request, t0());
        assert_eq!(
            (&again.body()[..], again.exchange.cache),
            (&octets[..], CacheUse::Hit)
        );
        // Each holds the CertID of its own question.
        let id = extra::parsed(octets).single().cert_id.clone();
        assert!(request.windows(id.len()).any(|part| part == id));
    }
}

// covers: R6960-4.4.7.2.1-1, T-3
#[test]
fn key_tells_signers_apart_and_not_the_ways_to_ask_for_them() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let ed = Key::cached(KeyAlg::Ed25519, "second");
    let cert = extra::delegate(
        "D-ed",
        &ed,
        &world.ca_a,
        (world.ca_a.not_before, world.ca_a.not_after),
    );
    let second = KeySigner::new(&ed);
    let signers = vec![
        support::response_signer(&fixture.signer, &world.d_a, &world.ca_a),
        support::response_signer(&second, &cert, &world.ca_a),
    ];
    let policy = support::policy(|_| {});
    let issuer = support::issuer("ca-a", &world.ca_a, &fixture.source, signers, policy);
    let responder = support::responder(vec![issuer]);
    let plain = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial);
    let ed = extra::prefer(plain.clone(), &[ed.sig_alg().identifier()]);
    let absurd = extra::prefer(plain.clone(), &[extra::sha1_with_rsa()]);
    let both = extra::prefer(
        plain.clone(),
        &[extra::sha1_with_rsa(), cert.key.sig_alg().identifier()],
    );
    for _ in 0..2 {
        for (request, signer) in [
            (&plain, &world.d_a),
            (&ed, &cert),
            (&absurd, &world.d_a),
            (&both, &cert),
        ] {
            support::verified(&support::octets(&responder, &request.build(), t0()), signer);
        }
    }
    assert_eq!((fixture.signer.signatures(), second.signatures()), (1, 1));
    // Both answers go when the status changes.
    responder.invalidate("ca-a", &[&world.ee_good.serial]);
    assert_eq!(responder.cache_size().0, 0);
}

// covers: T-3
#[test]
fn answer_to_several_entries_is_never_kept() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let id = |serial: &[u8]| ask::cert_id(HashAlg::Sha1, &Params::Null, &world.ca_a, serial);
    let twice = |a: &[u8], b: &[u8]| Ask::new().entry(&id(a)).entry(&id(b)).build();
    let requests = [
        twice(&world.ee_good.serial, &world.ee_rev.serial),
        twice(&world.ee_good.serial, &world.ee_good.serial),
    ];
    for request in requests.iter().chain(&requests) {
        assert_eq!(
            extra::cache_use(&responder, request, t0()),
            CacheUse::Signed
        );
        assert_eq!(responder.cache_size(), (0, 0));
    }
    assert_eq!(fixture.signer.signatures(), 4);
}

// covers: T-3, E-19
#[test]
fn hash_parameters_that_a_stranger_chose_get_neither_signature_nor_place() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    for other in [
        der::octets(b"mine"),
        der::seq(&[]),
        der::uint(&[1]),
        vec![0x05, 0x01, 0x00],
    ] {
        let id = ask::cert_id(
            HashAlg::Sha1,
            &Params::Other(other),
            &world.ca_a,
            &world.ee_good.serial,
        );
        let request = Ask::new().entry(&id).build();
        assert_eq!(support::octets(&responder, &request, t0()), err(1));
    }
    assert_eq!(
        (fixture.signer.signatures(), fixture.source.lookups()),
        (0, 0)
    );
    assert_eq!(responder.cache_size(), (0, 0));
}

// covers: FRESH-5, T-2
#[test]
fn invalidation_removes_every_form_of_one_serial_number_and_nothing_else() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    // EE-rev's serial number has a sign octet in front, which its unsigned form lacks.
    let (gone, stays) = (&world.ee_rev.serial, &world.ee_good.serial);
    let d_b = support::response_signer(&KeySigner::new(&world.d_b.key), &world.d_b, &world.ca_b);
    let ca_b = support::issuer(
        "ca-b",
        &world.ca_b,
        &fixture.source,
        vec![d_b],
        support::policy(|_| {}),
    );
    let responder = support::responder(vec![fixture.issuer(|_| {}), ca_b]);
    let elsewhere = ask::q1(&world.ca_b, gone);
    let ask_all = || {
        let mut kept: Vec<_> = variants(&fixture, gone)
            .into_iter()
            .chain(variants(&fixture, stays))
            .collect();
        kept.push(elsewhere.clone());
        kept.iter()
            .map(|request| extra::cache_use(&responder, request, t0()))
            .collect::<Vec<_>>()
    };
    assert_eq!(ask_all(), [CacheUse::Signed; 17]);
    responder.invalidate("nobody", &[&gone[1..]]);
    responder.invalidate("ca-a", &[&gone[2..], &[], &[0xFF; 20]]);
    assert_eq!(ask_all(), [CacheUse::Hit; 17]);
    assert_eq!((gone[0], responder.cache_size().0), (0, 17));
    responder.invalidate("ca-a", &[&gone[1..]]);
    assert_eq!(responder.cache_size().0, 9);
    let signed = ask_all().into_iter().map(|used| used == CacheUse::Signed);
    assert_eq!(
        signed.collect::<Vec<_>>(),
        (0..17).map(|i| i < 8).collect::<Vec<_>>()
    );
}

// covers: FRESH-5, R6960-2.2-4
#[test]
fn revocation_hold_and_release_show_in_the_next_answer() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let serial = &world.ee_good.serial;
    let at = t0().unix();
    let steps = [
        (Knowledge::Issued, CertStatus::Good),
        (
            extra::revoked(at, Some(CrlReason::CertificateHold)),
            CertStatus::Revoked {
                at,
                reason: Some(6),
            },
        ),
        (Knowledge::Issued, CertStatus::Good),
        (
            extra::revoked(at, Some(CrlReason::KeyCompromise)),
            CertStatus::Revoked {
                at,
                reason: Some(1),
            },
        ),
    ];
    for (knowledge, wanted) in steps {
        fixture.source.say(serial, knowledge);
        responder.invalidate("ca-a", &[serial]);
        for request in variants(&fixture, serial) {
            assert_eq!(extra::status(&responder, &request, t0()), wanted);
        }
    }
}

// covers: FRESH-5
#[test]
fn serial_that_is_issued_after_it_was_asked_for_changes_sides() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.s_x);
    assert_eq!(
        extra::status(&responder, &request, t0()),
        CertStatus::Unknown
    );
    fixture.source.say(&fixture.world.s_x, Knowledge::Issued);
    // Without an invalidation, the next signature counts, and there is one answer only.
    let later = t0() + 1800;
    assert_eq!(extra::status(&responder, &request, later), CertStatus::Good);
    assert_eq!(extra::status(&responder, &request, later), CertStatus::Good);
    assert_eq!(responder.cache_size().0, 1);
    responder.invalidate("ca-a", &[&fixture.world.s_x]);
    assert_eq!(responder.cache_size(), (0, 0));
}

// covers: T-2
#[test]
fn everything_can_be_removed_at_once() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let requests: Vec<_> = [&fixture.world.ee_good.serial, &fixture.world.s_x]
        .into_iter()
        .flat_map(|serial| variants(&fixture, serial))
        .collect();
    requests
        .iter()
        .for_each(|request| drop(support::octets(&responder, request, t0())));
    assert_eq!(responder.cache_size().0, 16);
    responder.invalidate_all();
    assert_eq!(responder.cache_size(), (0, 0));
    assert_eq!(
        extra::cache_use(&responder, &requests[0], t0()),
        CacheUse::Signed
    );
}

// covers: E-38, R6960-2.3-1
#[test]
fn errors_are_never_kept() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|policy| policy.unlisted = Unlisted::Unauthorized);
    let good = ask::q1(&world.ca_a, &world.ee_good.serial);
    let missing = ask::q1(&world.ca_a, &world.s_x);
    fixture
        .source
        .mode(SourceMode::Fails(SourceError::Unavailable(
            "down".to_owned(),
        )));
    assert_eq!(support::octets(&responder, &good, t0()), err(3));
    fixture.source.mode(SourceMode::Works);
    fixture.verified(&support::octets(&responder, &good, t0()));
    assert_eq!(support::octets(&responder, &missing, t0()), err(6));
    fixture.source.say(&world.s_x, Knowledge::Issued);
    assert_eq!(extra::status(&responder, &missing, t0()), CertStatus::Good);
}

// covers: FRESH-7
#[test]
fn clock_that_goes_backwards_gets_no_answer_from_the_future() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    let ahead = support::ask(&responder, &request, t0() + 100)
        .result
        .unwrap();
    assert_eq!(ahead.produced_at(), t0() + 100);
    let answer = support::ask(&responder, &request, t0());
    assert_eq!(answer.exchange.cache, CacheUse::Signed);
    assert_eq!(answer.result.unwrap().produced_at(), t0());
    assert_eq!(
        extra::cache_use(&responder, &request, t0() + 100),
        CacheUse::Hit
    );
    // Where nothing new can be made, the one from the future is none either.
    responder.invalidate_all();
    drop(support::octets(&responder, &request, t0() + 100));
    fixture
        .source
        .mode(SourceMode::Fails(SourceError::Unavailable(
            "down".to_owned(),
        )));
    assert_eq!(support::octets(&responder, &request, t0() + 99), err(3));
}

/// CA-A with an Ed25519 signer, which is quick, behind a small cache.
fn small(fixture: &Fixture, octets: u64) -> Responder {
    let mut settings = Settings::default();
    settings.cache_bytes = octets;
    Responder::new(vec![fixture.issuer(|_| {})], settings).expect("one CA")
}

fn random_serial(number: u32) -> Vec<u8> {
    let mut serial = HashAlg::Sha256.digest(&number.to_be_bytes());
    serial.truncate(16);
    serial[0] = 0x40 | serial[0] & 0x3F;
    serial
}

// covers: R6960-5-1
#[test]
fn flood_of_serials_that_nobody_issued_displaces_no_answer_about_issued_ones() {
    const LIMIT: u64 = 512 * 1024;
    let fixture = Fixture::with(KeyAlg::Ed25519);
    let world = &fixture.world;
    let responder = small(&fixture, LIMIT);
    let assigned: Vec<_> = [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp]
        .into_iter()
        .flat_map(|cert| variants(&fixture, &cert.serial))
        .collect();
    assigned
        .iter()
        .for_each(|request| drop(support::octets(&responder, request, t0())));
    let (count, before) = responder.cache_size();
    assert_eq!(count, 32);
    for number in 0..2000 {
        let request = ask::q1(&world.ca_a, &random_serial(number));
        drop(support::octets(&responder, &request, t0()));
        let (_, octets) = responder.cache_size();
        assert!(octets <= before + LIMIT / 16, "{number}: {octets}");
    }
    for request in &assigned {
        assert_eq!(extra::cache_use(&responder, request, t0()), CacheUse::Hit);
    }
}

// covers: R6960-5-1
#[test]
fn cache_stays_within_its_octets_whatever_is_issued() {
    const LIMIT: u64 = 128 * 1024;
    let fixture = Fixture::with(KeyAlg::Ed25519);
    fixture
        .source
        .otherwise(certvouch_responder::StatusRecord::new(Knowledge::Issued));
    let responder = small(&fixture, LIMIT);
    let mut most = 0;
    for number in 0..1000 {
        let request = ask::q1(&fixture.world.ca_a, &random_serial(number));
        fixture.verified(&support::octets(&responder, &request, t0()));
        let (_, kept) = responder.cache_size();
        assert!(kept <= LIMIT, "{number}: {kept}");
        most = most.max(kept);
    }
    // It was full, and counts more than the octets of the responses.
    assert!(most > LIMIT / 2, "{most}");
    let (count, octets) = responder.cache_size();
    let count = u64::try_from(count).unwrap();
    assert!(count > 0 && octets / count > 640, "{octets} in {count}");
}
