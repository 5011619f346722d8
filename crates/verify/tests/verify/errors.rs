//! Bytes that are no response, extensions, and what the evidence says.

use certvouch_testkit::der;
use certvouch_testkit::pki::T0;
use certvouch_testkit::reply::{Reply, Status};
use certvouch_verify::{CheckCode, Outcome, Profile, Verdict};

use crate::fixture::*;

#[test]
fn bytes_that_are_no_response_are_malformed() {
    let world = world();
    let response = good(&world).build();
    let indefinite = der::tlv_indefinite(0x30, &response[4..]);
    let padded = der::tlv_long_form(0x30, &response[4..], 3);
    let html = b"<html>tryLater</html>".to_vec();
    for bytes in [
        Vec::new(),
        vec![0x30],
        html,
        response[..response.len() - 1].to_vec(),
        [&response[..], &[0]].concat(),
        indefinite,
        padded,
        good(&world).version(1).build(),
        good(&world).trailing(&[5, 0]).build(),
    ] {
        let outcome = ask(&world, &bytes, &Profile::RFC9919);
        assert_eq!(word(&outcome), "malformed");
        assert_consistent(&outcome);
        assert_eq!(outcome.unwrap_err().verdict(), Verdict::Malformed);
    }
}

// covers: E-15
#[test]
fn signed_parts_that_are_not_der_are_malformed() {
    let world = world();
    let right = good(&world).tbs();
    let content = der::read_only(&right).unwrap().content.to_vec();
    let false_critical = der::seq(&[
        &der::oid("1.2.3"),
        &der::boolean(false),
        &der::octets(&[5, 0]),
    ]);
    let mut explicit_false = content.clone();
    explicit_false.extend(der::explicit(1, &der::seq(&[&false_critical])));
    let mut empty_list = content.clone();
    empty_list.extend(der::explicit(1, &der::seq(&[])));
    for tbs in [
        der::tlv_indefinite(0x30, &content),
        der::tlv_long_form(0x30, &content, 4),
        der::tlv(0x30, &[&content[..], &der::null()].concat()),
        der::tlv(0x31, &content),
        der::tlv(0x30, &explicit_false),
        der::tlv(0x30, &empty_list),
    ] {
        let reply = good(&world).tbs_der(&tbs);
        assert_eq!(say(&world, &reply), "malformed");
    }
}

// covers: D-25
#[test]
fn version_spelled_out_is_read_and_verified_as_received() {
    let world = world();
    assert_eq!(say(&world, &good(&world).version(0)), "GOOD");
    let without = good(&world).tbs();
    let reply = good(&world).version(0).signed_over(&without);
    assert_eq!(say(&world, &reply), "bad-signature");
}

// covers: R9919-3.2.1-C1, R6960-4.4.8-C1, D-21
#[test]
fn critical_extension_that_is_unknown_rejects_at_both_levels() {
    let world = world();
    let null = der::null();
    for (oid, critical, expected) in [
        ("1.2.3.4", false, "GOOD"),
        ("1.2.3.4", true, "critical-extension"),
        ("1.3.6.1.5.5.7.48.1.9", true, "GOOD"),
    ] {
        let reply = good(&world).extension(oid, critical, &null);
        assert_eq!(say(&world, &reply), expected, "response {oid}");
    }
    for (oid, critical, expected) in [
        ("1.2.3.4", false, "GOOD"),
        ("1.2.3.4", true, "critical-extension"),
        ("1.3.6.1.5.5.7.48.1.2", true, "critical-extension"),
        ("2.5.29.29", true, "critical-extension"),
        ("2.5.29.21", false, "GOOD"),
    ] {
        let entry = single(&world).extension(oid, critical, &null);
        assert_eq!(
            say(&world, &delegated(&world, &entry)),
            expected,
            "single {oid}"
        );
    }
    // An entry about another certificate may have what it likes.
    let other = certvouch_testkit::reply::Single::about(&world.ca_a, &world.ee_rev.serial, T0)
        .extension("1.2.3.4", true, &null);
    assert_eq!(say(&world, &good(&world).single(&other)), "GOOD");
}

// covers: R6960-4.4.8-C1, R6960-2.2-5
#[test]
fn revoked_for_a_certificate_never_issued_is_revoked() {
    let world = world();
    let entry = single(&world).status(Status::Revoked(0, Some(6)));
    let reply = delegated(&world, &entry).extension("1.3.6.1.5.5.7.48.1.9", false, &der::null());
    assert_eq!(say(&world, &reply), "REVOKED");
}

#[test]
fn status_outside_the_choice_is_malformed() {
    let world = world();
    for raw in [
        der::tlv(0x83, &[]),
        der::tlv(0x80, &[0]),
        der::tlv(0xA0, &[]),
        der::tlv(0xA1, &[]),
    ] {
        let entry = single(&world).status(Status::Raw(raw));
        assert_eq!(say(&world, &delegated(&world, &entry)), "malformed");
    }
    let reason_seven = single(&world).status(Status::Revoked(T0, Some(7)));
    assert_eq!(say(&world, &delegated(&world, &reason_seven)), "malformed");
}

#[test]
fn evidence_lists_every_check_once_in_order() {
    let world = world();
    let cases = [
        good(&world),
        good(&world).bad_signature(),
        good(&world).no_certs(),
        Reply::delegated(&world.d_a, T0),
        good(&world).response_type("1.2.3"),
        delegated(&world, &single(&world).status(Status::Unknown)),
    ];
    for reply in cases {
        let response = reply.build();
        for profile in Profile::ALL {
            assert_consistent(&ask(&world, &response, &profile));
        }
    }
    let response = good(&world).bad_signature().build();
    let error = ask(&world, &response, &Profile::RFC9919).unwrap_err();
    let evidence = error.evidence();
    assert_eq!(evidence.outcome(CheckCode::CertId), Some(Outcome::Passed));
    assert_eq!(
        evidence.outcome(CheckCode::SignerIssuer),
        Some(Outcome::Passed)
    );
    assert_eq!(
        evidence.outcome(CheckCode::Signature),
        Some(Outcome::Failed)
    );
    assert_eq!(
        evidence.outcome(CheckCode::NextUpdate),
        Some(Outcome::Skipped)
    );
    let line = evidence.find(CheckCode::Signature).unwrap().to_string();
    assert_eq!(line, "failed signature: bad signature (RFC 6960 3.2 (2))");
}

#[test]
fn check_names_are_stable_and_distinct() {
    let names: Vec<_> = CheckCode::ALL.iter().map(|code| code.as_str()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
    for name in names {
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(plain, "{name}");
    }
}

#[test]
fn worst_verdict_has_the_highest_rank() {
    // users: revoked, not trusted, malformed, unknown, not current, responder error, …, good.
    let order = [
        Verdict::Revoked,
        Verdict::NotTrusted,
        Verdict::Malformed,
        Verdict::Unknown,
        Verdict::NotCurrent,
        Verdict::ResponderError,
        Verdict::Good,
    ];
    assert!(order.windows(2).all(|pair| pair[0].rank() > pair[1].rank()));
}
