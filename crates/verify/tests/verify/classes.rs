//! The seven classes in which verifiers went wrong from 2024 to 2026, at least five cases each.

use certvouch_testkit::ask::{self, HashAlg, Params};
use certvouch_testkit::der;
use certvouch_testkit::pki::{SigAlg, T0, World};
use certvouch_testkit::reply::{self, Reply, Single, Status};
use certvouch_verify::{Profile, Verdict};

use crate::fixture::*;

fn about(world: &World, cert_id: &[u8]) -> &'static str {
    say(world, &delegated(world, &single(world).cert_id(cert_id)))
}

// Class 1: the response is not bound to the certificate.
// covers: R6960-3.2-1, R6960-4.1.1-3
#[test]
fn response_about_anything_else_is_the_wrong_certificate() {
    let world = world();
    let serial = &world.ee_good.serial;
    let null = Params::Null;
    let sha256 = HashAlg::Sha256;
    let other_serial = ask::cert_id(sha256, &null, &world.ca_a, &world.ee_hold.serial);
    let same_name = ask::cert_id(sha256, &null, &world.ca_a2, serial);
    let other_ca = ask::cert_id(sha256, &null, &world.ca_b, serial);
    let identifier = sha256.identifier(&null);
    let name_hash = sha256.digest(&world.ca_a.subject);
    let key_hash = sha256.digest(&world.ca_a.key.public_bits());
    let other_name = ask::cert_id_from(&identifier, &[7; 32], &key_hash, serial);
    let cut = ask::cert_id_from(&identifier, &name_hash[..31], &key_hash, serial);
    let empty = ask::cert_id_from(&identifier, &name_hash, &[], serial);
    let spki_hash = sha256.digest(&world.ca_a.key.spki());
    let over_spki = ask::cert_id_from(&identifier, &name_hash, &spki_hash, serial);
    let sha1 = HashAlg::Sha1.identifier(&null);
    let other_algorithm = ask::cert_id_from(&sha1, &name_hash, &key_hash, serial);
    let strange = sha256.identifier(&Params::Other(der::octets(b"x")));
    let parameters = ask::cert_id_from(&strange, &name_hash, &key_hash, serial);
    let sha224 = der::seq(&[&der::oid("2.16.840.1.101.3.4.2.4"), &der::null()]);
    let unknown_hash = ask::cert_id_from(&sha224, &name_hash[..28], &key_hash[..28], serial);
    let negated = [&[0xFF], &serial[..]].concat();
    let longer = ask::cert_id_from(&identifier, &name_hash, &key_hash, &negated);
    for cert_id in [
        other_serial,
        same_name,
        other_ca,
        other_name,
        cut,
        empty,
        over_spki,
        other_algorithm,
        parameters,
        unknown_hash,
        longer,
    ] {
        assert_eq!(about(&world, &cert_id), "wrong-certificate");
    }
}

// covers: R6960-3.2-1, R5754-2-1, D-2, D-3, R6960-4.1.1-2
#[test]
fn cert_id_of_every_hash_and_either_parameters_is_ours() {
    let world = world();
    for hash in [
        HashAlg::Sha1,
        HashAlg::Sha256,
        HashAlg::Sha384,
        HashAlg::Sha512,
    ] {
        for parameters in [Params::Null, Params::Absent] {
            let cert_id = ask::cert_id(hash, &parameters, &world.ca_a, &world.ee_good.serial);
            assert_eq!(about(&world, &cert_id), "GOOD", "{hash:?} {parameters:?}");
        }
    }
    // A CA whose subjectKeyIdentifier is not the hash of its key.
    let single = Single::about(&world.ca_ski, &world.ee_ski.serial, T0);
    let response = Reply::delegated(&world.d_ski, T0).single(&single).build();
    let query = certvouch_verify::Query::new(&world.ee_ski.der, &world.ca_ski.der, None).unwrap();
    assert_eq!(
        word(&query.verify(&response, now(), &Profile::STRICT)),
        "GOOD"
    );
}

// Class 2: the record read is not the one matched.
// covers: R6960-3.2-1, R6960-4.2.2.3-C2
#[test]
fn entry_that_matches_is_the_one_that_is_read() {
    let world = world();
    let other = Single::about(&world.ca_a, &world.ee_rev.serial, T0);
    let revoked = Status::Revoked(T0 - DAY, Some(1));
    let good_other = other.clone();
    let revoked_other = other.status(revoked.clone());
    let ours = single(&world);
    let ours_revoked = ours.clone().status(revoked);
    let old = |single: &Single| {
        single
            .clone()
            .this_update(T0 - 20 * DAY)
            .next_update(T0 - 10 * DAY)
    };
    let cases = [
        (vec![&good_other, &ours_revoked], "REVOKED"),
        (vec![&revoked_other, &ours], "GOOD"),
        (vec![&ours, &revoked_other], "GOOD"),
        (vec![&ours_revoked, &good_other], "REVOKED"),
        (vec![&good_other, &good_other, &ours_revoked], "REVOKED"),
        (vec![&good_other, &revoked_other], "wrong-certificate"),
    ];
    for (singles, expected) in cases {
        let reply = singles
            .iter()
            .fold(Reply::delegated(&world.d_a, T0), |reply, single| {
                reply.single(single)
            });
        assert_eq!(say(&world, &reply), expected);
    }
    // The times too are those of the entry that matches.
    let reply = delegated(&world, &good_other).single(&old(&ours));
    assert_eq!(say(&world, &reply), "expired");
    let reply = delegated(&world, &old(&good_other)).single(&ours);
    assert_eq!(say(&world, &reply), "GOOD");
}

// Class 3: contradictory duplicates.
// covers: R6960-4.2.2.3-C2
#[test]
fn strictest_of_several_entries_counts_wherever_it_stands() {
    let world = world();
    let good = single(&world);
    let revoked = good.clone().status(Status::Revoked(T0 - DAY, Some(1)));
    let hold = good.clone().status(Status::Revoked(T0 - DAY, Some(6)));
    let unknown = good.clone().status(Status::Unknown);
    let sha1 = Single::by(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial, T0);
    let sha1_revoked = sha1.clone().status(Status::Revoked(T0 - DAY, None));
    let cases: [(&[&Single], &str, bool); 10] = [
        (&[&good, &revoked], "REVOKED", true),
        (&[&revoked, &good], "REVOKED", true),
        (&[&good, &unknown], "UNKNOWN", true),
        (&[&unknown, &good], "UNKNOWN", true),
        (&[&unknown, &revoked], "REVOKED", true),
        (&[&good, &hold], "REVOKED", true),
        (&[&good, &sha1_revoked], "REVOKED", true),
        (&[&sha1_revoked, &good], "REVOKED", true),
        (&[&good, &sha1], "GOOD", false),
        (&[&good, &good], "GOOD", false),
    ];
    for (singles, expected, contradiction) in cases {
        let reply = singles
            .iter()
            .fold(Reply::delegated(&world.d_a, T0), |reply, single| {
                reply.single(single)
            });
        let response = reply.build();
        let outcome = ask(&world, &response, &Profile::RFC9919);
        assert_eq!(word(&outcome), expected);
        assert_consistent(&outcome);
        assert_eq!(outcome.unwrap().has_contradiction(), contradiction);
    }
}

// covers: R6960-4.2.2.3-C2, T-22
#[test]
fn entry_in_date_beats_one_out_of_date_unless_that_is_final() {
    let world = world();
    let good = single(&world);
    let old = |status: Status| {
        good.clone()
            .status(status)
            .this_update(T0 - 20 * DAY)
            .next_update(T0 - 10 * DAY)
    };
    let future = |status: Status| {
        good.clone()
            .status(status)
            .this_update(T0 + DAY)
            .next_update(T0 + 2 * DAY)
    };
    let revoked = Status::Revoked(T0 - 30 * DAY, Some(1));
    let unknown_now = good.clone().status(Status::Unknown);
    let cases = [
        (old(Status::Unknown), &good, "GOOD"),
        (old(Status::Revoked(T0 - 30 * DAY, Some(6))), &good, "GOOD"),
        (old(Status::Good), &unknown_now, "UNKNOWN"),
        (old(revoked.clone()), &good, "REVOKED"),
        (future(revoked), &good, "GOOD"),
    ];
    for (other, in_date, expected) in cases {
        let first = delegated(&world, &other).single(in_date);
        let last = delegated(&world, in_date).single(&other);
        assert_eq!(say(&world, &first), expected);
        assert_eq!(say(&world, &last), expected);
    }
}

// Class 4: an unauthorised signer. The rest of it is in `signer.rs`.
// covers: R6960-3.2-3, R6960-4.2.2.2-C1, R6960-4.2.2.2-C2, R9919-8.2-C1
#[test]
fn signer_without_the_word_of_the_ca_is_not_believed() {
    let world = world();
    let eku = |purposes: &[&str]| {
        delegate_builder("no-ocsp")
            .eku(purposes)
            .issued_by(&world.ca_a)
    };
    let rogue = delegate("rogue").self_signed();
    let fake_issuer = delegate("fake").issued(&world.ca_a.subject, &world.ca_b.key);
    let cases = [
        (world.d_b.clone(), "signer-not-issued-by-ca"),
        (world.d_a2.clone(), "signer-not-signed-by-ca"),
        (world.ee_good.clone(), "signer-purpose-missing"),
        (world.ee_hold.clone(), "signer-purpose-missing"),
        (eku(&["2.5.29.37.0"]), "signer-purpose-missing"),
        (eku(&["1.3.6.1.5.5.7.3.1"]), "signer-purpose-missing"),
        (rogue, "signer-not-issued-by-ca"),
        (fake_issuer, "signer-not-signed-by-ca"),
    ];
    for (signer, expected) in cases {
        assert_eq!(say(&world, &signed_by(&world, &signer)), expected);
        assert_eq!(say(&world, &signed_by(&world, &signer).by_name()), expected);
    }
    let no_usage = delegate_builder("no-eku").issued_by(&world.ca_a);
    assert_eq!(
        say(&world, &signed_by(&world, &no_usage)),
        "signer-purpose-missing"
    );
}

// Class 5: the signature does not matter.
// covers: R6960-3.2-2, R9919-3.2.2-C1
#[test]
fn signature_that_is_not_over_these_bytes_is_bad() {
    let world = world();
    let right = good(&world);
    let by_ca = Reply::new(&world.ca_a, T0).single(&single(&world));
    let other_tbs = delegated(&world, &single(&world).status(Status::Unknown)).tbs();
    let ours = right.tbs();
    let cases = [
        right.clone().bad_signature(),
        by_ca.clone().bad_signature(),
        right.clone().signature(&[]),
        right.clone().signature(&[0x30, 0x00]),
        right.clone().signature(&[0; 64]),
        right.clone().signed_over(&other_tbs),
        right.clone().signed_over(b""),
        right.clone().signed_over(&ours[..ours.len() - 1]),
        right
            .clone()
            .keyed(&world.d_a.key_hash_sha1())
            .signed_by(&world.d_b),
        by_ca.signed_by(&world.ca_a2),
    ];
    for reply in cases {
        assert_eq!(say(&world, &reply), "bad-signature");
    }
    let other_algorithm = right.algorithm_der(&SigAlg::EcdsaSha384.identifier());
    assert_eq!(say(&world, &other_algorithm), "bad-signature");
}

// covers: R6960-3.2-2
#[test]
fn response_with_any_octet_changed_is_never_good() {
    let world = world();
    let response = good(&world).build();
    let certificate = response.len() - world.d_a.der.len();
    for index in 0..certificate {
        let mut changed = response.clone();
        changed[index] ^= 0x01;
        let outcome = ask(&world, &changed, &Profile::RFC9919);
        assert!(outcome.is_err(), "octet {index}");
    }
}

// Class 6: what is not revoked counts as fine.
// covers: R6960-5-C1, R6960-4.2.1-C1
#[test]
fn error_is_neither_good_nor_revoked() {
    let world = world();
    for (status, expected) in [
        (1, "malformed-request"),
        (2, "internal-error"),
        (3, "try-later"),
        (5, "sig-required"),
        (6, "unauthorized"),
    ] {
        let response = reply::error(status);
        let outcome = ask(&world, &response, &Profile::RFC9919);
        assert_eq!(word(&outcome), expected);
        assert_consistent(&outcome);
        assert_eq!(outcome.unwrap_err().verdict(), Verdict::ResponderError);
    }
    for status in [0, 4, 7, 255] {
        assert_eq!(
            word(&ask(&world, &reply::error(status), &Profile::RFC9919)),
            "malformed"
        );
    }
    // An error with the bytes of a good answer behind it.
    assert_eq!(say(&world, &good(&world).response_status(6)), "malformed");
    let unknown = good(&world).response_type("1.2.3");
    assert_eq!(say(&world, &unknown), "unknown-response-type");
    let none = Reply::delegated(&world.d_a, T0);
    assert_eq!(say(&world, &none), "empty-responses");
    let unknown = delegated(&world, &single(&world).status(Status::Unknown));
    assert_eq!(say(&world, &unknown), "UNKNOWN");
}

// Class 7: stale and accepted. Boundaries to the second are in `freshness.rs`.
// covers: R6960-3.2-6, R6960-4.2.2.1-C1, R9919-5-C1, R9919-5-C2
#[test]
fn response_out_of_date_is_not_current_under_any_profile() {
    let world = world();
    let old = single(&world)
        .this_update(T0 - 40 * DAY)
        .next_update(T0 - 30 * DAY);
    let ahead = single(&world)
        .this_update(T0 + 3 * DAY)
        .next_update(T0 + 4 * DAY);
    let year = single(&world)
        .this_update(T0 - 400 * DAY)
        .next_update(T0 - 2 * DAY);
    for profile in Profile::ALL {
        for (entry, expected) in [
            (old.clone(), "expired"),
            (old.clone().status(Status::Unknown), "expired"),
            (
                old.clone().status(Status::Revoked(T0 - 50 * DAY, Some(6))),
                "expired",
            ),
            (ahead.clone(), "not-yet-valid"),
            (
                ahead
                    .clone()
                    .status(Status::Revoked(T0 - 50 * DAY, Some(1))),
                "not-yet-valid",
            ),
            (year.clone(), "expired"),
        ] {
            let response = delegated(&world, &entry).build();
            let outcome = ask(&world, &response, &profile);
            assert_eq!(word(&outcome), expected, "{}", profile.name());
            assert_consistent(&outcome);
            assert_eq!(outcome.unwrap_err().verdict(), Verdict::NotCurrent);
        }
    }
}
