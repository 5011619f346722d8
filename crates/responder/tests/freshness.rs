//! Times (requirements §14, profile private): bounds, intervals, deadlines and max-age.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_responder::{
    EmbedCertificate, Expired, Knowledge, Policy, PolicyFault, Responder, ResponderIdForm,
};
use certvouch_testkit::answer::Basic;
use certvouch_testkit::ask;
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, T0};
use certvouch_types::Timestamp;
use extra::{DAY, record};
use support::{Fixture, KeySigner, err, t0};

fn request(fixture: &Fixture) -> Vec<u8> {
    ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial)
}

fn basic(fixture: &Fixture, responder: &Responder, now: Timestamp) -> Basic {
    extra::parsed(&support::octets(responder, &request(fixture), now))
}

/// CA `ca` with this signer.
fn signed_by(
    fixture: &Fixture,
    ca: &Cert,
    cert: &Cert,
    change: impl FnOnce(&mut Policy),
) -> Responder {
    let signer = support::response_signer(&KeySigner::new(&cert.key), cert, ca);
    let policy = support::policy(change);
    support::responder(vec![support::issuer(
        "ca",
        ca,
        &fixture.source,
        vec![signer],
        policy,
    )])
}

fn span(basic: &Basic) -> (i64, i64, i64) {
    let single = basic.single();
    (
        single.this_update - T0,
        basic.produced_at - T0,
        single.next_update.expect("nextUpdate is always there") - T0,
    )
}

// covers: FRESH-1, R9654-3.1-1
#[test]
fn validity_outside_a_minute_to_seven_days_is_refused() {
    for (validity, allowed) in [
        (59, false),
        (60, true),
        (3600, true),
        (7 * DAY, true),
        (7 * DAY + 1, false),
        (0, false),
        (-1, false),
        (i64::MAX, false),
    ] {
        let checked = support::policy(|policy| policy.validity = validity).check();
        assert_eq!(checked.is_ok(), allowed, "{validity}");
        if !allowed {
            let (least, most) = (60, 7 * DAY);
            let expected = format!(
                "validity of {validity} s: profile private allows {least} s to {most} s (FRESH-1: requirements §14)"
            );
            assert_eq!(checked.unwrap_err().to_string(), expected);
        }
    }
    let default = Policy::default();
    assert_eq!((default.validity, default.max_age), (3600, Some(300)));
    assert_eq!(default.check(), Ok(()));
    assert_eq!(default.worst_case_exposure(), 3599);
}

// covers: FRESH-7
#[test]
fn backdating_beyond_an_hour_or_the_validity_and_other_faults_are_refused() {
    let backdate = |validity, backdate| {
        support::policy(|policy| {
            policy.validity = validity;
            policy.backdate = backdate;
        })
        .check()
    };
    assert_eq!(backdate(7200, 3600), Ok(()));
    assert_eq!(backdate(7200, 3601), Err(PolicyFault::Backdate(3601)));
    assert_eq!(backdate(7200, -1), Err(PolicyFault::Backdate(-1)));
    assert_eq!(backdate(600, 600), Err(PolicyFault::Backdate(600)));
    let no_hash = support::policy(|policy| policy.hashes.clear()).check();
    assert_eq!(no_hash, Err(PolicyFault::NoHashes));
    let retain = support::policy(|policy| policy.expired = Expired::Retain { seconds: -1 });
    assert_eq!(retain.check(), Err(PolicyFault::Retention(-1)));
}

// covers: R9919-3.2.4-1, R9919-3.2.4-2, R6960-4.2.2.1-1, FRESH-3
#[test]
fn next_update_is_always_there_and_counts_both_ends() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    for validity in [60, 3600, 4 * DAY, 7 * DAY] {
        let responder = fixture.responder(|policy| policy.validity = validity);
        for serial in [
            &world.ee_good.serial,
            &world.ee_rev.serial,
            &world.ee_exp.serial,
            &world.s_x,
        ] {
            let octets = support::octets(&responder, &ask::q1(&world.ca_a, serial), t0());
            let basic = fixture.verified(&octets);
            assert_eq!(span(&basic), (0, 0, validity - 1));
            let end = der::explicit(0, &der::generalized_time(T0 + validity - 1));
            assert_eq!(end[..4], [0xA0, 0x11, 0x18, 0x0F]);
            assert!(
                basic
                    .single()
                    .der
                    .windows(end.len())
                    .any(|part| part == end)
            );
        }
    }
}

// covers: R6960-2.4-1, R6960-2.5-1, FRESH-3, FRESH-7
#[test]
fn times_of_the_source_bound_those_of_the_answer() {
    let fixture = Fixture::new();
    let serial = &fixture.world.ee_good.serial;
    let responder = fixture.responder(|policy| {
        policy.validity = 7200;
        policy.backdate = 600;
    });
    // thisUpdate and nextUpdate of the source; thisUpdate and nextUpdate of the answer, around T0.
    for (source, answer) in [
        ((None, None), (-600, 7199)),
        ((Some(-6 * 3600), None), (-6 * 3600, 7199)),
        ((Some(-30 * DAY), Some(DAY)), (-30 * DAY, 7199)),
        ((Some(-100), Some(1000)), (-100, 1000)),
        ((None, Some(1)), (-600, 1)),
        // Data from the future were known now at the latest.
        ((Some(50), None), (0, 7199)),
    ] {
        let known = record(Knowledge::Issued, |record| {
            record.this_update = source.0.map(|t| t0() + t);
            record.next_update = source.1.map(|t| t0() + t);
        });
        fixture.source.set(serial, known);
        responder.invalidate_all();
        let got = basic(&fixture, &responder, t0());
        assert_eq!(span(&got), (answer.0, 0, answer.1), "{source:?}");
        assert!(got.single().this_update <= got.produced_at && got.produced_at <= T0);
    }
}

// covers: E-34, E-35
#[test]
fn data_that_ended_is_not_repeated() {
    let fixture = Fixture::new();
    let serial = &fixture.world.ee_good.serial;
    let responder = fixture.responder(|_| {});
    for end in [0, -1, -DAY] {
        let known = record(Knowledge::Issued, |record| {
            record.next_update = Some(t0() + end)
        });
        fixture.source.set(serial, known);
        let octets = support::octets(&responder, &request(&fixture), t0());
        assert_eq!(octets, err(3), "{end}");
    }
}

// covers: MOZ-6-2, FRESH-3
#[test]
fn next_update_never_outlives_the_signer_or_the_ca() {
    let fixture = Fixture::new();
    let ca = &fixture.world.ca_a;
    let key = extra::p256("short");
    let week = |policy: &mut Policy| policy.validity = 7 * DAY;
    let short = extra::delegate("D-short", &key, ca, (T0 - DAY, T0 + 3 * DAY));
    let responder = signed_by(&fixture, ca, &short, week);
    assert_eq!(span(&basic(&fixture, &responder, t0())), (0, 0, 3 * DAY));

    // The CA signs itself, without certs.
    let old = extra::authority("CA-old", &key, (T0 - DAY, T0 + 2 * DAY));
    let responder = signed_by(&fixture, &old, &old, week);
    let octets = support::octets(&responder, &ask::q1(&old, &[7]), t0());
    let basic = support::verified(&octets, &old);
    assert_eq!(basic.certs, None);
    assert_eq!(span(&basic), (0, 0, 2 * DAY));
    // A delegate that outlives its CA and does not come along.
    let long = (T0 - DAY, T0 + 9 * DAY);
    let long = extra::delegate("D-long", &extra::p256("long"), &old, long);
    let (form, never) = (ResponderIdForm::ByKey, EmbedCertificate::Never);
    let signer = KeySigner::new(&long.key);
    let signers = vec![support::response_signer_as(
        &signer, &long, &old, form, never,
    )];
    let issuer = support::issuer("ca", &old, &fixture.source, signers, support::policy(week));
    let responder = support::responder(vec![issuer]);
    let octets = support::octets(&responder, &ask::q1(&old, &[7]), t0());
    let basic = support::verified(&octets, &long);
    assert_eq!(basic.certs, None);
    assert_eq!(span(&basic), (0, 0, 2 * DAY));
}

// covers: FRESH-2, FRESH-3
#[test]
fn refresh_is_due_at_half_of_the_validity_and_after_four_days_at_most() {
    let fixture = Fixture::new();
    for (validity, deadline) in [
        (60, 30),
        (61, 30),
        (3600, 1800),
        (4 * DAY, 2 * DAY),
        (7 * DAY, 7 * DAY / 2),
    ] {
        let responder = fixture.responder(|policy| policy.validity = validity);
        let response = support::ask(&responder, &request(&fixture), t0())
            .result
            .unwrap();
        assert_eq!(
            response.refresh_deadline() - T0,
            Timestamp::from_unix(deadline),
            "{validity}"
        );
        assert_eq!(response.produced_at(), t0());
    }
    // Back-dating does not move it: its base is producedAt.
    let responder = fixture.responder(|policy| {
        policy.validity = 7200;
        policy.backdate = 3600;
    });
    let response = support::ask(&responder, &request(&fixture), t0())
        .result
        .unwrap();
    assert_eq!(response.refresh_deadline(), t0() + 3600);
    let most = support::policy(|policy| policy.validity = 30 * DAY);
    assert_eq!(most.refresh_after(), 4 * DAY);
}

// covers: FRESH-4, R9919-7.1-1
#[test]
fn max_age_ends_with_the_deadline_and_is_never_negative() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|policy| {
        policy.validity = 4 * DAY;
        policy.max_age = None;
    });
    let response = support::ask(&responder, &request(&fixture), t0())
        .result
        .unwrap();
    for (age, max_age) in [
        (0, 2 * DAY),
        (DAY, 86_400),
        (2 * DAY - 1, 1),
        (2 * DAY, 0),
        (9 * DAY, 0),
    ] {
        assert_eq!(response.max_age(t0() + age), max_age, "{age}");
    }
    let limited = fixture.responder(|_| {});
    let response = support::ask(&limited, &request(&fixture), t0())
        .result
        .unwrap();
    for (age, max_age) in [
        (0, 300),
        (1499, 300),
        (1501, 299),
        (1799, 1),
        (1800, 0),
        (3599, 0),
    ] {
        assert_eq!(response.max_age(t0() + age), max_age, "{age}");
    }
}

// covers: R9919-7.1-1, FRESH-4, FRESH-2
#[test]
fn newer_answer_is_there_when_max_age_is_over_even_if_a_certificate_or_the_source_ends_first() {
    let fixture = Fixture::new();
    let serial = &fixture.world.ee_good.serial;
    for end in [2, 3, 100, 1799, 1800, 1801, 3000, 9000] {
        let known = record(Knowledge::Issued, |record| {
            record.next_update = Some(t0() + end)
        });
        fixture.source.set(serial, known);
        let responder = fixture.responder(|policy| policy.max_age = None);
        let first = support::ask(&responder, &request(&fixture), t0())
            .result
            .unwrap();
        let back = t0() + first.max_age(t0());
        assert!(back > t0() && back < first.next_update(), "{end}");
        // The source has news meanwhile.
        let known = record(Knowledge::Issued, |record| {
            record.next_update = Some(t0() + 2 * end)
        });
        fixture.source.set(serial, known);
        let second = support::ask(&responder, &request(&fixture), back)
            .result
            .unwrap();
        assert_eq!(second.produced_at(), back, "{end}");
        assert!(second.next_update() > first.next_update(), "{end}");
    }
}

// covers: R9919-7.1-1, MOZ-6-2
#[test]
fn answer_of_the_last_second_is_signed_once_and_has_no_age() {
    let fixture = Fixture::new();
    let ca = &fixture.world.ca_a;
    let short = extra::delegate("D-last", &extra::p256("last"), ca, (T0 - DAY, T0 + 1));
    let responder = signed_by(&fixture, ca, &short, |_| {});
    let first = support::ask(&responder, &request(&fixture), t0())
        .result
        .unwrap();
    assert_eq!((first.max_age(t0()), first.next_update()), (0, t0() + 1));
    let second = support::ask(&responder, &request(&fixture), t0())
        .result
        .unwrap();
    assert_eq!(first.der(), second.der());
    // At the last second of the certificate nothing that ends after it can be signed.
    assert_eq!(
        support::octets(&responder, &request(&fixture), t0() + 1),
        err(3)
    );
    assert_eq!(
        support::octets(&responder, &request(&fixture), t0() + 2),
        err(2)
    );
}

// covers: FRESH-7
#[test]
fn nothing_is_said_from_the_future_at_any_moment() {
    let fixture = Fixture::new();
    for backdate in [0, 1800] {
        let responder = fixture.responder(|policy| policy.backdate = backdate);
        // The clock goes on, jumps, and comes back.
        for moment in [0, 1, 1799, 1800, 5000, 4999, 3, 0, -50, DAY] {
            let now = t0() + moment;
            let basic = basic(&fixture, &responder, now);
            let (this, produced, next) = span(&basic);
            assert!(
                this <= produced && produced <= moment && moment < next,
                "{moment}"
            );
        }
    }
}
