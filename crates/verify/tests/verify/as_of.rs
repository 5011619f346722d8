//! What was the status at an earlier moment?

use certvouch_testkit::der;
use certvouch_testkit::pki::{T0, World};
use certvouch_testkit::reply::{Reply, Single, Status};
use certvouch_types::CertStatus;
use certvouch_verify::{DelegateRevocation, Moment, Profile, Query};

use crate::fixture::*;

/// What is said of EE-good at `time` by a response that existed at `existed_by`.
fn say_as_of(world: &World, reply: &Reply, time: i64, existed_by: i64) -> &'static str {
    let response = reply.build();
    let moment = Moment::as_of(at(time), at(existed_by));
    let outcome = query(world).verify_at(
        &response,
        moment,
        &Profile::RFC9919,
        DelegateRevocation::Unknown,
    );
    assert_consistent(&outcome);
    word(&outcome)
}

#[test]
fn response_covers_what_was_before_its_end() {
    let world = world();
    let end = T0 - 3600 + 4 * DAY;
    let reply = good(&world);
    let later = T0 + 30 * DAY;
    for (time, expected) in [
        (T0 - 20 * DAY, "GOOD"),
        (T0, "GOOD"),
        (end + 300, "GOOD"),
        (end + 301, "does-not-cover"),
    ] {
        assert_eq!(say_as_of(&world, &reply, time, later), expected);
    }
    // It cannot have existed before it was made.
    assert_eq!(
        say_as_of(&world, &reply, T0 - DAY, T0 - DAY),
        "not-yet-valid"
    );
    let unlimited = delegated(&world, &single(&world).no_next_update());
    assert_eq!(say_as_of(&world, &unlimited, T0 - 3600, later), "GOOD");
    assert_eq!(say_as_of(&world, &unlimited, T0, later), "does-not-cover");
}

#[test]
fn certificate_was_good_until_it_was_revoked() {
    let world = world();
    let revoked = single(&world).status(Status::Revoked(T0 - DAY, Some(4)));
    let reply = delegated(&world, &revoked);
    assert_eq!(say_as_of(&world, &reply, T0 - DAY - 1, T0), "GOOD");
    assert_eq!(say_as_of(&world, &reply, T0 - DAY, T0), "REVOKED");
    // The key was known to be bad earlier.
    let invalid = revoked.extension("2.5.29.24", false, &der::generalized_time(T0 - 3 * DAY));
    let reply = delegated(&world, &invalid);
    assert_eq!(say_as_of(&world, &reply, T0 - 3 * DAY - 1, T0), "GOOD");
    assert_eq!(say_as_of(&world, &reply, T0 - 3 * DAY, T0), "REVOKED");
    let response = reply.build();
    let moment = Moment::as_of(at(T0 - 9 * DAY), now());
    let verified = query(&world)
        .verify_at(
            &response,
            moment,
            &Profile::RFC9919,
            DelegateRevocation::Unknown,
        )
        .unwrap();
    assert_eq!(verified.status(), CertStatus::Good);
    assert!(matches!(verified.stated_status(), CertStatus::Revoked(_)));
}

#[test]
fn signer_is_judged_when_the_response_is_known_to_have_existed() {
    let world = world();
    // D-A is valid for 90 days from T0.
    assert_eq!(say_as_of(&world, &good(&world), T0, T0 + 90 * DAY), "GOOD");
    assert_eq!(
        say_as_of(&world, &good(&world), T0, T0 + 90 * DAY + 1),
        "signer-expired"
    );
}

// covers: R6960-4.4.4-3, E-51
#[test]
fn good_about_an_expired_certificate_needs_an_archive_cutoff() {
    let world = world();
    let ee = &world.ee_exp;
    let single = Single::about(&world.ca_a, &ee.serial, T0);
    let say = |single: &Single| {
        let query = Query::new(&ee.der, &world.ca_a.der, None).unwrap();
        let response = Reply::delegated(&world.d_a, T0).single(single).build();
        let moment = Moment::as_of(at(ee.not_after - DAY), now());
        word(&query.verify_at(
            &response,
            moment,
            &Profile::RFC9919,
            DelegateRevocation::Unknown,
        ))
    };
    let missing = "beyond-archive-cutoff";
    assert_eq!(say(&single), missing);
    assert_eq!(say(&single.clone().archive_cutoff(ee.not_after)), "GOOD");
    assert_eq!(
        say(&single.clone().archive_cutoff(ee.not_after + 1)),
        missing
    );
    let revoked = single.status(Status::Revoked(ee.not_after - 9 * DAY, Some(1)));
    assert_eq!(say(&revoked), "REVOKED");
}
