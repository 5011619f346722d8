//! What becomes a staple, what servers take, and when it is asked for again. The clock is a number.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use certvouch_stapling::{NotStaplable, Random, Schedule, Staple, Target, TargetFault};
use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::pki::{KeyAlg, T0, World};
use certvouch_testkit::reply::{Reply, Single, Status};
use certvouch_types::{HashAlgorithm, SerialNumber, Timestamp};
use certvouch_verify::{DelegateRevocation, Moment, Profile, Query, QueryBuilder};

const HOUR: i64 = 3_600;
const MIDDLE: Random = Random::MAX / 2;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(T0 + seconds)
}

fn world() -> World {
    World::new(KeyAlg::P256)
}

fn single(world: &World) -> Single {
    Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial, T0)
}

/// The staple that these entries make, fetched so many seconds after `T0`.
fn staple_at(world: &World, entries: &[Single], seconds: i64) -> Result<Staple, NotStaplable> {
    let mut reply = Reply::delegated(&world.d_a, T0 + seconds);
    for entry in entries {
        reply = reply.single(entry);
    }
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap();
    let response = reply.build();
    let verified = query.verify(&response, at(seconds), &Profile::default());
    Staple::new(&verified.unwrap())
}

fn staple(world: &World, entry: Single) -> Staple {
    staple_at(world, &[entry], 0).unwrap()
}

fn lasting(world: &World, seconds: i64) -> Staple {
    staple(
        world,
        single(world).this_update(T0).next_update(T0 + seconds),
    )
}

#[test]
fn staple_at_the_second_of_next_update_is_over() {
    let staple = lasting(&world(), 4 * HOUR);
    assert!(staple.is_current(at(4 * HOUR - 1)));
    assert!(!staple.is_current(at(4 * HOUR)));
    assert_eq!(staple.valid_until(), at(4 * HOUR));
}

#[test]
fn response_without_an_end_makes_no_staple() {
    // Signed by the CA itself: a delegate's certificate would set an end.
    let world = world();
    let entry = single(&world).no_next_update();
    let response = Reply::new(&world.ca_a, T0).single(&entry).build();
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap();
    let verified = query.verify(&response, at(0), &Profile::OPENSSL).unwrap();
    assert_eq!(Staple::new(&verified), Err(NotStaplable::NoEnd));
}

#[test]
fn response_verified_for_the_past_makes_no_staple() {
    let world = world();
    let response = Reply::delegated(&world.d_a, T0)
        .single(&single(&world))
        .build();
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap();
    let verified = query
        .verify_at(
            &response,
            Moment::as_of(at(-60), at(0)),
            &Profile::default(),
            DelegateRevocation::Unknown,
        )
        .unwrap();
    assert_eq!(Staple::new(&verified), Err(NotStaplable::NotNow));
}

#[test]
fn response_verified_by_serial_number_makes_no_staple() {
    let world = world();
    let response = Reply::delegated(&world.d_a, T0)
        .single(&single(&world))
        .build();
    let query = QueryBuilder::default()
        .serial_number(
            SerialNumber::from_content(&world.ee_good.serial),
            &world.ca_a.der,
        )
        .unwrap();
    let verified = query.verify(&response, at(0), &Profile::default()).unwrap();
    assert_eq!(Staple::new(&verified), Err(NotStaplable::NotBound));
}

#[test]
fn older_good_after_a_revocation_does_not_replace_it() {
    let world = world();
    let revoked = Status::Revoked(T0 - HOUR, None);
    let good = staple(&world, single(&world));
    let newer = staple(&world, single(&world).this_update(T0 - 60));
    let revoked = staple(&world, single(&world).status(revoked));
    assert!(newer.replaces(&good) && !good.replaces(&newer));
    assert!(revoked.replaces(&good) && !good.replaces(&revoked));
    assert!(!good.replaces(&good));
}

#[test]
fn haproxy_with_what_it_would_drop_is_told_why() {
    let world = world();
    let not_after = Timestamp::from_unix(world.ee_good.not_after);
    let check = |staple: &Staple, now| Target::Haproxy.check(staple, not_after, at(now));
    let sha256 = Single::by(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial, T0);
    let sha256 = staple(&world, sha256);
    assert_eq!(
        check(&sha256, 0),
        Err(TargetFault::Hash(HashAlgorithm::Sha256))
    );
    let other = Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_rev.serial, T0);
    let two = staple_at(&world, &[single(&world), other], 0).unwrap();
    assert_eq!(check(&two, 0), Err(TargetFault::Entries(2)));
    let one = lasting(&world, HOUR);
    assert_eq!(check(&one, HOUR - 300), Ok(()));
    let (left, wanted) = (299, 300);
    assert_eq!(
        check(&one, HOUR - 299),
        Err(TargetFault::Margin { left, wanted })
    );
    // nginx takes all three.
    for staple in [&sha256, &two, &one] {
        assert_eq!(Target::Nginx.check(staple, not_after, at(0)), Ok(()));
    }
}

#[test]
fn exim_is_the_only_target_that_takes_no_revocation() {
    let world = world();
    let revoked = staple(
        &world,
        single(&world)
            .status(Status::Revoked(T0 - HOUR, None))
            .next_update(T0 + HOUR),
    );
    let not_after = Timestamp::from_unix(world.ee_good.not_after);
    for target in Target::ALL {
        let expected = match target {
            Target::Exim => Err(TargetFault::Revoked),
            _ => Ok(()),
        };
        assert_eq!(
            target.check(&revoked, not_after, at(0)),
            expected,
            "{target}"
        );
    }
}

#[test]
fn every_target_over_an_expired_staple_refuses() {
    let world = world();
    let one = lasting(&world, HOUR);
    let not_after = Timestamp::from_unix(world.ee_good.not_after);
    for target in Target::ALL {
        assert_eq!(target.check(&one, not_after, at(0)), Ok(()), "{target}");
        let over = target.check(&one, not_after, at(HOUR));
        assert_eq!(over, Err(TargetFault::Over), "{target}");
    }
}

#[test]
fn schedule_after_success_lies_at_half_life_and_before_the_deadline() {
    let world = world();
    let schedule = Schedule::default();
    let delay = |life, random| {
        let next = schedule.after_success(&lasting(&world, life), at(0), random);
        next.seconds_since(at(0))
    };
    assert_eq!(delay(24 * HOUR, 0), 12 * HOUR);
    assert_eq!(delay(24 * HOUR, Random::MAX), 12 * HOUR - 12 * HOUR / 10);
    // A week: daily at least.
    assert_eq!(delay(168 * HOUR, 0), 24 * HOUR);
    // An hour and a half: half of it lies behind the deadline.
    assert_eq!(delay(HOUR + HOUR / 2, 0), HOUR / 2);
    // Shorter than the deadline: a quarter, not every minute.
    assert_eq!(delay(HOUR / 2, 0), HOUR / 8);
    // Never twice within the least delay.
    assert_eq!(delay(61, 0), 60);
}

#[test]
fn schedule_after_failures_doubles_within_bounds_and_tries_before_the_end() {
    let world = world();
    let schedule = Schedule::default();
    let delay = |failures, left: Option<i64>, random| {
        let staple = left.map(|left| lasting(&world, left));
        let next = schedule.after_failure(failures, staple.as_ref(), at(0), random);
        next.seconds_since(at(0))
    };
    for (failures, base) in [(2, 120), (3, 240), (4, 300), (u32::MAX, 300)] {
        assert_eq!(delay(failures, None, 0), base - base / 4, "{failures}");
        assert_eq!(
            delay(failures, None, Random::MAX),
            base + base / 4,
            "{failures}"
        );
    }
    assert_eq!(delay(1, None, 0), 60);
    // The last attempt falls a minute before the end; a responder is never asked faster than that.
    assert_eq!(delay(9, Some(250), 0), 190);
    assert_eq!(delay(9, Some(90), 0), 60);
}

/// A staple whose half life passes while the responder is down, which then returns. Printed, as a person would read it.
#[test]
fn timeline_with_an_outage_over_the_half_life_keeps_the_staple_and_recovers() {
    let (world, schedule) = (world(), Schedule::default());
    let life = 8 * HOUR;
    let outage = 3 * HOUR..6 * HOUR;
    let fetch = |now: i64| {
        let entry = single(&world)
            .this_update(T0 + now)
            .next_update(T0 + now + life);
        staple_at(&world, &[entry], now).unwrap()
    };
    let (mut now, mut failures, mut attempts) = (0, 0, Vec::new());
    let mut staple: Option<Staple> = None;
    while now < 12 * HOUR {
        let next = if outage.contains(&now) {
            failures += 1;
            schedule.after_failure(failures, staple.as_ref(), at(now), MIDDLE)
        } else {
            let fresh = fetch(now);
            failures = 0;
            schedule.after_success(staple.insert(fresh), at(now), MIDDLE)
        };
        let held = staple.as_ref().unwrap();
        // The old staple is there and valid throughout.
        assert!(held.is_current(at(now)));
        attempts.push((now, failures));
        println!(
            "t+{:>5} s  {}  staple ends t+{} s, next attempt t+{} s",
            now,
            if failures == 0 {
                "fetched".to_owned()
            } else {
                format!("failure {failures}")
            },
            held.valid_until().seconds_since(at(0)),
            next.seconds_since(at(0)),
        );
        let gap = next.seconds_since(at(now));
        assert!(gap >= schedule.min_delay);
        now += gap;
    }
    // The outage is met at half life, not before; and it is over at most one longest back-off (and its jitter) later.
    let first = attempts
        .iter()
        .find(|(_, failures)| *failures == 1)
        .unwrap()
        .0;
    assert!((life / 2 - life / 20..=life / 2).contains(&first));
    let back = attempts.iter().find(|(at, _)| *at >= outage.end).unwrap();
    assert_eq!(back.1, 0);
    assert!(back.0 <= outage.end + schedule.max_backoff + schedule.max_backoff / 4);
    let failed = attempts
        .iter()
        .filter(|(_, failures)| *failures > 0)
        .count();
    // Two hours of outage are left at half life.
    assert!((20..=35).contains(&failed), "{failed}");
}
