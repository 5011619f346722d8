//! What is said about a certificate: from knowledge and policy to certStatus and singleExtensions.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_responder::{Expired, HoldInstruction, Knowledge, NotRevoked, Unlisted};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{self, Ask, HashAlg};
use certvouch_testkit::der;
use certvouch_testkit::pki::T0;
use certvouch_types::{CrlReason, Timestamp};
use extra::{DAY, record, revoked};
use support::{Fixture, err, t0};

// covers: R6960-2.1-1, R6960-2.2-1, R6960-4.2.1-2, R9919-3.2.1-1, R9919-3.2.3-1, E-28
#[test]
fn three_gates_stand_before_a_definitive_answer() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    assert_eq!(support::octets(&responder, b"garbage", t0()), err(1));
    let foreign = ask::q1(&fixture.world.ca_b, &fixture.world.ee_good.serial);
    assert_eq!(support::octets(&responder, &foreign, t0()), err(6));
    let q1 = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    // The reader of the test kit takes id-pkix-ocsp-basic and nothing else.
    let basic = fixture.verified(&support::octets(&responder, &q1, t0()));
    assert_eq!(basic.single().status, CertStatus::Good);
}

// covers: R6960-2.2-4, E-42, R6960-2.4-1
#[test]
fn revocation_and_hold_are_answered_revoked_with_time_and_reason() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let world = &fixture.world;
    let rev = extra::single(
        &responder,
        &ask::q1(&world.ca_a, &world.ee_rev.serial),
        t0(),
    );
    let at = der::generalized_time(world.revoked_at);
    let reason = |code| der::explicit(0, &der::enumerated(code));
    assert_eq!(rev.status_der, der::tlv(0xA1, &[at, reason(1)].concat()));

    let hold = extra::single(
        &responder,
        &ask::q1(&world.ca_a, &world.ee_hold.serial),
        t0(),
    );
    let at = der::generalized_time(world.held_at);
    assert_eq!(hold.status_der, der::tlv(0xA1, &[at, reason(6)].concat()));
}

// covers: R6960-2.2-3, E-51, R6960-4.4.4-1, BR-4.10.1-1
#[test]
fn expired_certificate_keeps_its_real_status() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&world.ca_a, &world.ee_exp.serial);
    assert_eq!(extra::status(&responder, &request, t0()), CertStatus::Good);
    let knowledge = revoked(T0 - 100 * DAY, Some(CrlReason::Superseded));
    let expired = Timestamp::from_unix(world.ee_exp.not_after);
    fixture.source.set(
        &world.ee_exp.serial,
        record(knowledge, |r| r.not_after = Some(expired)),
    );
    responder.invalidate("ca-a", &[&world.ee_exp.serial]);
    let status = extra::status(&responder, &request, t0());
    let at = T0 - 100 * DAY;
    assert_eq!(
        status,
        CertStatus::Revoked {
            at,
            reason: Some(4)
        }
    );
}

/// What the source knows, and the status under each pair of policies; nothing stands for ERR(6).
fn expected(
    knowledge: Knowledge,
    unlisted: Unlisted,
    not_revoked: NotRevoked,
) -> Option<CertStatus> {
    match (knowledge, unlisted, not_revoked) {
        (Knowledge::Issued, _, _) | (Knowledge::NotRevoked, _, NotRevoked::Good) => {
            Some(CertStatus::Good)
        }
        (Knowledge::NotRevoked, _, NotRevoked::Unknown)
        | (Knowledge::NeverIssued, Unlisted::Unknown, _) => Some(CertStatus::Unknown),
        (Knowledge::NeverIssued, Unlisted::Revoked, _) => Some(CertStatus::Revoked {
            at: 0,
            reason: Some(6),
        }),
        (Knowledge::NeverIssued, Unlisted::Unauthorized, _) => None,
        (Knowledge::Revoked { .. }, _, _) => Some(CertStatus::Revoked {
            at: 1_700_000_000,
            reason: Some(1),
        }),
        other => panic!("a case that this test does not know: {other:?}"),
    }
}

// covers: BR-4.9.9-10, BR-4.9.9-11, MOZ-5.4-1, E-40, E-41, R6960-2.2-5, R6960-2.2-10, R9919-3.2.3-2, R6960-2.3-6
#[test]
fn good_is_said_only_for_issued_or_where_the_operator_allowed_not_revoked() {
    let fixture = Fixture::new();
    let request = ask::q256(&fixture.world.ca_a, &fixture.world.s_x);
    let all = [
        Knowledge::Issued,
        Knowledge::NeverIssued,
        Knowledge::NotRevoked,
        revoked(1_700_000_000, Some(CrlReason::KeyCompromise)),
    ];
    for unlisted in [Unlisted::Unknown, Unlisted::Unauthorized, Unlisted::Revoked] {
        for not_revoked in [NotRevoked::Unknown, NotRevoked::Good] {
            for knowledge in all {
                let responder = fixture.responder(|policy| {
                    policy.unlisted = unlisted;
                    policy.not_revoked = not_revoked;
                });
                fixture.source.say(&fixture.world.s_x, knowledge);
                let octets = support::octets(&responder, &request, t0());
                let case = format!("{knowledge:?}, {unlisted:?}, {not_revoked:?}");
                let wanted = expected(knowledge, unlisted, not_revoked);
                match wanted {
                    Some(wanted) => {
                        let got = fixture.verified(&octets).single().status;
                        assert_eq!(got, wanted, "{case}");
                        let may_be_good = knowledge == Knowledge::Issued
                            || knowledge == Knowledge::NotRevoked
                                && not_revoked == NotRevoked::Good;
                        assert_eq!(got == CertStatus::Good, may_be_good, "{case}");
                    }
                    None => assert_eq!(octets, err(6), "{case}"),
                }
            }
        }
    }
}

// covers: E-40, R6960-2.2-10
#[test]
fn serial_that_was_never_issued_is_unknown_by_default() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    for serial in [&fixture.world.s_x[..], &[0x00], &[0xFF]] {
        let request = ask::q1(&fixture.world.ca_a, serial);
        let single = extra::single(&responder, &request, t0());
        assert_eq!(single.status_der, [0x82, 0x00], "{serial:02X?}");
        assert_eq!(single.extensions, None);
    }
}

// covers: R6960-2.2-5, R6960-2.2-6, R6960-2.2-7, R6960-2.2-8, R6960-2.2-9, R6960-4.4.8-1, E-40
#[test]
fn non_issued_answer_is_the_one_of_rfc_6960() {
    let fixture = Fixture::new();
    // Nothing that a source may attach to such a record gets into the answer.
    let knows_more = record(Knowledge::NeverIssued, |record| {
        record.hold_instruction = Some(HoldInstruction::Reject);
        record.invalidity_date = Some(t0() - 5);
    });
    fixture.source.otherwise(knows_more);
    let responder = fixture.responder(|policy| {
        policy.unlisted = Unlisted::Revoked;
        policy.expired = Expired::Retain { seconds: DAY };
    });
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.s_x);
    let basic = fixture.verified(&support::octets(&responder, &request, t0()));
    let single = basic.single();
    let status = der::hex("A116 180F 31393730303130313030303030305A A003 0A0106");
    assert_eq!(single.status_der, status);
    assert_eq!(single.extensions, None);
    let all = basic.extensions.as_deref().unwrap();
    assert_eq!(all.len(), 1);
    // NULL, without the BOOLEAN of criticality.
    let wanted = der::extension(extra::EXTENDED_REVOKE, false, &[0x05, 0x00]);
    assert_eq!(all[0].der, wanted);
}

// covers: R6960-4.4.8-1, R6960-4.4.8-2
#[test]
fn extended_revoke_is_said_once_beside_nonce_and_other_entries() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|policy| policy.unlisted = Unlisted::Revoked);
    let id = |serial: &[u8]| ask::cert_id(HashAlg::Sha1, &ask::Params::Null, &world.ca_a, serial);
    let request = Ask::new()
        .entry(&id(&world.ee_good.serial))
        .entry(&id(&world.s_x))
        .entry(&id(&[0x77]))
        .nonce(&[9; 16])
        .build();
    let basic = fixture.verified(&support::octets(&responder, &request, t0()));
    let oids: Vec<&str> = basic.extensions.iter().flatten().map(|e| &*e.oid).collect();
    assert_eq!(oids, [ask::NONCE, extra::EXTENDED_REVOKE]);
    assert!(
        basic
            .singles
            .iter()
            .all(|single| single.extensions.is_none())
    );

    let without = fixture.responder(|policy| policy.unlisted = Unlisted::Unknown);
    let basic = fixture.verified(&support::octets(&without, &request, t0()));
    assert_eq!(basic.extension(extra::EXTENDED_REVOKE), None);
}

// covers: R6960-2.2-4, BR-7.3.2-1
#[test]
fn every_reason_has_its_own_code_and_unspecified_and_remove_from_crl_none() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.s_x);
    let wanted = [
        (None, None),
        (Some(CrlReason::Unspecified), None),
        (Some(CrlReason::KeyCompromise), Some(1)),
        (Some(CrlReason::CaCompromise), Some(2)),
        (Some(CrlReason::AffiliationChanged), Some(3)),
        (Some(CrlReason::Superseded), Some(4)),
        (Some(CrlReason::CessationOfOperation), Some(5)),
        (Some(CrlReason::CertificateHold), Some(6)),
        (Some(CrlReason::RemoveFromCrl), None),
        (Some(CrlReason::PrivilegeWithdrawn), Some(9)),
        (Some(CrlReason::AaCompromise), Some(10)),
    ];
    assert_eq!(wanted.len(), CrlReason::ALL.len() + 1);
    for (reason, code) in wanted {
        fixture
            .source
            .say(&fixture.world.s_x, revoked(T0 - 9, reason));
        responder.invalidate("ca-a", &[&fixture.world.s_x]);
        let single = extra::single(&responder, &request, t0());
        let status = CertStatus::Revoked {
            at: T0 - 9,
            reason: code,
        };
        assert_eq!(single.status, status, "{reason:?}");
        assert_eq!(single.extensions, None, "{reason:?}");
    }
}

// covers: R6960-4.4.5-1, R9919-3.2.1-7, BR-7.3.2-1
#[test]
fn hold_instruction_goes_with_a_hold_and_invalidity_date_with_every_revocation() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let request = ask::q1(&world.ca_a, &world.s_x);
    let date = T0 - 40 * DAY;
    let answer = |knowledge, instruction| {
        let full = record(knowledge, |record| {
            record.hold_instruction = Some(instruction);
            record.invalidity_date = Some(Timestamp::from_unix(date));
        });
        fixture.source.set(&world.s_x, full);
        responder.invalidate("ca-a", &[&world.s_x]);
        extra::single(&responder, &request, t0())
    };
    let hold = revoked(T0 - 7, Some(CrlReason::CertificateHold));
    let invalidity = der::extension(extra::INVALIDITY_DATE, false, &der::generalized_time(date));
    for (instruction, oid) in [
        (HoldInstruction::None, "1.2.840.10040.2.1"),
        (HoldInstruction::CallIssuer, "1.2.840.10040.2.2"),
        (HoldInstruction::Reject, "1.2.840.10040.2.3"),
    ] {
        let single = answer(hold, instruction);
        let all: Vec<_> = single.extensions.iter().flatten().map(|e| &e.der).collect();
        let code = der::extension(extra::HOLD_INSTRUCTION, false, &der::oid(oid));
        assert_eq!(all, [&code, &invalidity], "{instruction:?}");
        assert_eq!(single.extension(extra::REASON_CODE), None);
    }
    let for_good = revoked(T0 - 7, Some(CrlReason::KeyCompromise));
    let single = answer(for_good, HoldInstruction::Reject);
    let all: Vec<_> = single.extensions.iter().flatten().map(|e| &e.der).collect();
    assert_eq!(all, [&invalidity]);
    for knowledge in [Knowledge::Issued, Knowledge::NotRevoked] {
        assert_eq!(answer(knowledge, HoldInstruction::Reject).extensions, None);
    }
}

// covers: R6960-4.4.4-1, R6960-4.4.4-2, R6960-4.4.4-3, E-51
#[test]
fn retention_is_said_as_produced_at_minus_the_retention() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    // Seven years with the leap days of 2020 and 2024.
    let seconds = (7 * 365 + 2) * DAY;
    let responder = fixture.responder(|policy| policy.expired = Expired::Retain { seconds });
    let dead = record(
        revoked(T0 - 6 * 365 * DAY, Some(CrlReason::KeyCompromise)),
        |r| {
            r.not_after = Some(t0() - 5 * 365 * DAY);
        },
    );
    fixture.source.set(&world.s_x, dead);
    let request = ask::q1(&world.ca_a, &world.s_x);
    let basic = fixture.verified(&support::octets(&responder, &request, t0()));
    let single = basic.single();
    assert!(matches!(single.status, CertStatus::Revoked { .. }));
    let cutoff = single.extension(extra::ARCHIVE_CUTOFF).unwrap();
    let value = [&[0x18, 0x0F], &b"20190110000000Z"[..]].concat();
    assert_eq!((&cutoff.value, cutoff.critical), (&value, false));
    assert_eq!(basic.extensions, None);
    // One second later the cutoff is one second later too.
    responder.invalidate_all();
    let later = extra::single(&responder, &request, t0() + 1);
    let value = later
        .extension(extra::ARCHIVE_CUTOFF)
        .unwrap()
        .value
        .clone();
    assert_eq!(&value[2..], b"20190110000001Z");
}

// covers: R6960-4.4.4-2, E-51
#[test]
fn kept_for_ever_is_said_as_the_beginning_of_the_ca_and_about_the_expired_only() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|policy| policy.expired = Expired::Answer);
    let expired = extra::single(
        &responder,
        &ask::q1(&world.ca_a, &world.ee_exp.serial),
        t0(),
    );
    let cutoff = expired.extension(extra::ARCHIVE_CUTOFF).unwrap();
    assert_eq!(cutoff.value, der::generalized_time(world.ca_a.not_before));
    let valid = extra::single(
        &responder,
        &ask::q1(&world.ca_a, &world.ee_good.serial),
        t0(),
    );
    assert_eq!(valid.extensions, None);
}

// covers: R9919-3.2.3-3, E-32, BR-4.10.1-1, R6960-2.3-6
#[test]
fn record_is_dropped_after_expiry_or_retention_and_never_before() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let end = Timestamp::from_unix(world.ee_exp.not_after);
    let request = ask::q1(&world.ca_a, &world.ee_exp.serial);
    for (expired, last) in [
        (Expired::Drop, end),
        (Expired::Retain { seconds: 40 * DAY }, end + 40 * DAY),
    ] {
        let responder = fixture.responder(|policy| policy.expired = expired);
        for (now, answered) in [(end, true), (last, true), (last + 1, false)] {
            // D-A is not valid at all of these moments, so a signer that is.
            let octets = support::octets(&responder_at(&fixture, expired), &request, now);
            assert_eq!(octets != err(6), answered, "{expired:?} {now}");
        }
        let good = ask::q1(&world.ca_a, &world.ee_good.serial);
        assert_eq!(extra::status(&responder, &good, t0()), CertStatus::Good);
    }
}

/// CA-A with a delegate that is valid for years.
fn responder_at(fixture: &Fixture, expired: Expired) -> certvouch_responder::Responder {
    let world = &fixture.world;
    let key = extra::p256("long-lived");
    let cert = extra::delegate(
        "D-long",
        &key,
        &world.ca_a,
        (T0 - 900 * DAY, T0 + 900 * DAY),
    );
    let signer = support::KeySigner::new(&key);
    let signer = support::response_signer(&signer, &cert, &world.ca_a);
    let policy = support::policy(|policy| policy.expired = expired);
    let issuer = support::issuer("ca-a", &world.ca_a, &fixture.source, vec![signer], policy);
    support::responder(vec![issuer])
}

// covers: R6960-2.7-1, E-52
#[test]
fn compromised_ca_has_everything_it_issued_revoked() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let since = t0() - 3 * DAY;
    let responder = fixture.responder(|policy| {
        policy.ca_compromised = Some(since);
        policy.not_revoked = NotRevoked::Good;
    });
    let compromised = CertStatus::Revoked {
        at: since.unix(),
        reason: Some(2),
    };
    fixture.source.say(&[0x55], Knowledge::NotRevoked);
    for serial in [&world.ee_good.serial[..], &world.ee_exp.serial, &[0x55]] {
        let request = ask::q1(&world.ca_a, serial);
        assert_eq!(extra::status(&responder, &request, t0()), compromised);
    }
    // Who was revoked before keeps time and reason; what was never issued stays unknown.
    let before = CertStatus::Revoked {
        at: world.revoked_at,
        reason: Some(1),
    };
    let request = ask::q1(&world.ca_a, &world.ee_rev.serial);
    assert_eq!(extra::status(&responder, &request, t0()), before);
    let request = ask::q1(&world.ca_a, &world.s_x);
    assert_eq!(
        extra::status(&responder, &request, t0()),
        CertStatus::Unknown
    );
}
