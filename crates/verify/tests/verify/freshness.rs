//! Time to the second, under every profile.

use certvouch_testkit::der;
use certvouch_testkit::pki::T0;
use certvouch_testkit::reply::{Reply, Single, Status};
use certvouch_verify::{CheckCode, CurrencyFault, MissingNextUpdate, Outcome, Profile, Reason};

use crate::fixture::*;

/// A fresh entry's window, wide enough that thisUpdate's own limits do not meddle: six days.
fn window(world: &certvouch_testkit::pki::World) -> (Reply, i64, i64) {
    let (this_update, next_update) = (T0, T0 + 6 * DAY);
    let single = single(world)
        .this_update(this_update)
        .next_update(next_update);
    let reply = Reply::delegated(&world.d_a, this_update).single(&single);
    (reply, this_update, next_update)
}

// covers: R9919-5-C2, R6960-3.2-6, R6960-4.2.2.1-C1, D-33, R9919-8.1-C1
#[test]
fn every_profile_turns_at_its_second() {
    let world = world();
    let (reply, this_update, next_update) = window(&world);
    // First second that counts, last second that counts.
    for (profile, early, late) in [
        (Profile::STRICT, 0, 0),
        (Profile::RFC9919, 300, 300),
        (Profile::OPENSSL, 300, 299),
        (Profile::JAVA, 900, 900),
        (Profile::FIREFOX, DAY, DAY),
        (Profile::CHROMIUM, 0, -1),
    ] {
        let say = |unix| say_at(&world, &reply, unix, &profile);
        let name = profile.name();
        assert_eq!(say(this_update - early - 1), "not-yet-valid", "{name}");
        assert_eq!(say(this_update - early), "GOOD", "{name}");
        assert_eq!(say(next_update + late), "GOOD", "{name}");
        assert_eq!(say(next_update + late + 1), "expired", "{name}");
    }
}

// covers: R9919-5-C2
#[test]
fn tolerance_is_what_the_caller_sets_and_never_beyond_a_day() {
    let world = world();
    let (reply, this_update, next_update) = window(&world);
    for (asked, granted) in [(0, 0), (300, 300), (DAY, DAY), (DAY + 1, DAY), (-5, 0)] {
        let profile = Profile::RFC9919.with_skew(asked, asked);
        let say = |unix| say_at(&world, &reply, unix, &profile);
        assert_eq!(say(next_update + granted), "GOOD");
        assert_eq!(say(next_update + granted + 1), "expired");
        assert_eq!(say(this_update - granted), "GOOD");
        assert_eq!(say(this_update - granted - 1), "not-yet-valid");
    }
}

// covers: R9919-5-C1, D-5
#[test]
fn missing_next_update_is_worth_what_the_profile_says() {
    let world = world();
    let single = single(&world).this_update(T0).no_next_update();
    let reply = Reply::delegated(&world.d_a, T0).single(&single);
    let say = |profile: &Profile, unix| say_at(&world, &reply, unix, profile);
    for profile in [Profile::RFC9919, Profile::STRICT] {
        assert_eq!(say(&profile, T0), "no-next-update");
    }
    assert_eq!(say(&Profile::OPENSSL, T0 + 80 * DAY), "GOOD");
    assert_eq!(say(&Profile::JAVA, T0 + 900), "GOOD");
    assert_eq!(say(&Profile::JAVA, T0 + 901), "expired");
    assert_eq!(say(&Profile::FIREFOX, T0 + 2 * DAY), "GOOD");
    assert_eq!(say(&Profile::FIREFOX, T0 + 2 * DAY + 1), "expired");
    assert_eq!(say(&Profile::CHROMIUM, T0 + 7 * DAY), "GOOD");
    assert_eq!(say(&Profile::CHROMIUM, T0 + 7 * DAY + 1), "too-old");
    let day = Profile::RFC9919.with_missing_next_update(MissingNextUpdate::ValidFor(DAY));
    assert_eq!(say(&day, T0 + DAY + 300), "GOOD");
    assert_eq!(say(&day, T0 + DAY + 301), "expired");
}

// covers: R6960-3.2-5
#[test]
fn age_beyond_the_limit_is_too_old() {
    let world = world();
    let single = single(&world)
        .this_update(T0 - 30 * DAY)
        .next_update(T0 + 30 * DAY);
    let reply = Reply::delegated(&world.d_a, T0 - 30 * DAY).single(&single);
    let ten_days = Profile::RFC9919.with_max_age(Some(10 * DAY));
    let say = |unix, profile: &Profile| say_at(&world, &reply, unix, profile);
    assert_eq!(say(T0, &ten_days), "too-old");
    assert_eq!(say(T0, &Profile::RFC9919), "GOOD");
    assert_eq!(say(T0 - 20 * DAY, &ten_days), "GOOD");
    assert_eq!(say(T0 - 20 * DAY + 1, &ten_days), "too-old");
    assert_eq!(say(T0 - 23 * DAY, &Profile::CHROMIUM), "GOOD");
    assert_eq!(say(T0 - 23 * DAY + 1, &Profile::CHROMIUM), "too-old");
    // Ten days from thisUpdate at most, whatever nextUpdate says; Firefox adds its tolerance of a day.
    assert_eq!(say(T0 - 20 * DAY, &Profile::STRICT), "GOOD");
    assert_eq!(say(T0 - 20 * DAY + 1, &Profile::STRICT), "expired");
    assert_eq!(say(T0 - 19 * DAY, &Profile::FIREFOX), "GOOD");
    assert_eq!(say(T0 - 19 * DAY + 1, &Profile::FIREFOX), "expired");
}

#[test]
fn next_update_before_this_update_is_malformed() {
    let world = world();
    let backwards = single(&world).this_update(T0).next_update(T0 - 1);
    let point = single(&world).this_update(T0).next_update(T0);
    for profile in Profile::ALL {
        let reply = delegated(&world, &backwards);
        assert_eq!(
            say_at(&world, &reply, T0, &profile),
            "negative-validity",
            "{}",
            profile.name()
        );
        let revoked = backwards.clone().status(Status::Revoked(T0 - DAY, Some(1)));
        let reply = delegated(&world, &revoked);
        assert_eq!(say_at(&world, &reply, T0, &profile), "negative-validity");
    }
    let reply = delegated(&world, &point);
    assert_eq!(say_at(&world, &reply, T0, &Profile::STRICT), "GOOD");
}

// covers: T-22
#[test]
fn revocation_outlives_its_response_and_hold_does_not() {
    let world = world();
    let old = single(&world)
        .this_update(T0 - 20 * DAY)
        .next_update(T0 - 10 * DAY);
    for profile in Profile::ALL {
        for reason in [None, Some(1), Some(3), Some(4), Some(9)] {
            let entry = old.clone().status(Status::Revoked(T0 - 30 * DAY, reason));
            let response = delegated(&world, &entry).build();
            let outcome = ask(&world, &response, &profile);
            assert_eq!(word(&outcome), "REVOKED");
            assert_consistent(&outcome);
            let verified = outcome.unwrap();
            assert!(matches!(
                verified.stale(),
                Some(CurrencyFault::Expired { .. })
            ));
            let line = verified.evidence().outcome(CheckCode::NextUpdate);
            assert_eq!(line, Some(Outcome::Failed));
        }
        let hold = old.clone().status(Status::Revoked(T0 - 30 * DAY, Some(6)));
        let reply = delegated(&world, &hold);
        assert_eq!(say_at(&world, &reply, T0, &profile), "expired");
        // Nothing is saved that does not verify.
        let revoked = old.clone().status(Status::Revoked(T0 - 30 * DAY, Some(1)));
        let reply = delegated(&world, &revoked).bad_signature();
        assert_eq!(say_at(&world, &reply, T0, &profile), "bad-signature");
    }
    let current = single(&world).status(Status::Revoked(T0 - DAY, Some(1)));
    let response = delegated(&world, &current).build();
    let verified = ask(&world, &response, &Profile::STRICT).unwrap();
    assert_eq!(verified.stale(), None);
}

// covers: D-24
#[test]
fn produced_at_may_come_before_this_update_and_not_from_the_future() {
    let world = world();
    let reply = |produced| Reply::delegated(&world.d_a, produced).single(&single(&world));
    let say = |produced, profile: &Profile| say_at(&world, &reply(produced), T0, profile);
    for profile in Profile::ALL {
        assert_eq!(say(T0 - 2 * DAY, &profile), "GOOD", "{}", profile.name());
    }
    assert_eq!(say(T0 + 300, &Profile::RFC9919), "GOOD");
    assert_eq!(say(T0 + 301, &Profile::RFC9919), "produced-in-future");
    assert_eq!(say(T0 + 1, &Profile::STRICT), "produced-in-future");
    assert_eq!(say(T0 + 9 * DAY, &Profile::OPENSSL), "GOOD");
    // BoringSSL compares with the certificate, not with the clock.
    assert_eq!(say(T0 + 9 * DAY, &Profile::CHROMIUM), "GOOD");
    // EE-good is valid from 90 days before.
    let first = T0 - 90 * DAY;
    for profile in [Profile::CHROMIUM, Profile::STRICT] {
        assert_eq!(say(first, &profile), "GOOD");
        assert_eq!(say(first - 1, &profile), "produced-outside-certificate");
    }
    assert_eq!(say(first - 1, &Profile::RFC9919), "GOOD");
}

#[test]
fn profiles_that_mind_every_entry_reject_for_a_neighbour() {
    let world = world();
    let neighbour = Single::about(&world.ca_a, &world.ee_rev.serial, T0)
        .this_update(T0 - 20 * DAY)
        .next_update(T0 - 10 * DAY);
    let reply = good(&world).single(&neighbour);
    let revoked = single(&world).status(Status::Revoked(T0 - DAY, Some(1)));
    let revoked = delegated(&world, &revoked).single(&neighbour);
    for profile in Profile::ALL {
        assert_eq!(say_at(&world, &revoked, T0, &profile), "REVOKED");
    }
    // An entry about the certificate itself is no better a neighbour.
    let twin = single(&world)
        .status(Status::Unknown)
        .this_update(T0 - 20 * DAY)
        .next_update(T0 - 10 * DAY);
    let twins = good(&world).single(&twin);
    for (profile, expected) in [
        (Profile::RFC9919, "GOOD"),
        (Profile::OPENSSL, "GOOD"),
        (Profile::FIREFOX, "GOOD"),
        (Profile::CHROMIUM, "GOOD"),
        (Profile::JAVA, "expired"),
        (Profile::STRICT, "expired"),
    ] {
        assert_eq!(say_at(&world, &reply, T0, &profile), expected);
        assert_eq!(say_at(&world, &twins, T0, &profile), expected);
    }
}

// covers: W-TIME-2, W-TIME-4
#[test]
fn times_of_another_shape_are_malformed_and_the_last_one_counts() {
    let world = world();
    for text in ["20260109230000.5Z", "202601092300Z", "20260109230000+0000"] {
        let single = single(&world).this_update_der(&der::tlv(0x18, text.as_bytes()));
        assert_eq!(say(&world, &delegated(&world, &single)), "malformed");
    }
    let utc = single(&world).this_update_der(&der::utc_time(T0));
    assert_eq!(say(&world, &delegated(&world, &utc)), "malformed");
    let last = single(&world).next_update(253_402_300_799);
    assert_eq!(say(&world, &delegated(&world, &last)), "GOOD");
}

#[test]
fn skew_is_reported_as_skew() {
    let world = world();
    let ahead = single(&world).this_update(T0 + 2).next_update(T0 + DAY);
    let response = Reply::delegated(&world.d_a, T0).single(&ahead).build();
    let error = ask(&world, &response, &Profile::STRICT).unwrap_err();
    assert!(matches!(
        error.reason(),
        Reason::NotCurrent(CurrencyFault::NotYetValid { by: 2, .. })
    ));
    assert_eq!(
        error.to_string(),
        "not yet valid: thisUpdate 2026-01-10T00:00:02Z is 2 s ahead of this clock"
    );
}

#[test]
fn every_rule_of_every_profile_has_a_source() {
    for profile in Profile::ALL {
        assert_eq!(
            Profile::by_name(profile.name()).as_ref(),
            Some(&profile),
            "{}",
            profile.name()
        );
        for rule in profile.rules() {
            assert!(!rule.source.is_empty(), "{} {}", profile.name(), rule.name);
        }
    }
    assert_eq!(Profile::default().name(), "rfc9919");
    assert_eq!(Profile::by_name("lax"), None);
}
