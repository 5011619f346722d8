//! Profiles: what each allows, what each refuses with the rule's ID, and what its answers look like.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

#[path = "support/extra.rs"]
mod extra;
mod support;

use std::sync::Arc;

use certvouch_responder::{
    AnswerError, Choice, CrlReference, CrlReferencePolicy, EmbedCertificate, Expired, Issuer,
    IssuerError, Knowledge, NoncePolicy, NotRevoked, Policy, Profile, ResponderIdForm,
    ResponseSigner, StatusSource, Unlisted,
};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask;
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, SigAlg, T0};
use certvouch_types::{Certificate, CrlReason, HashAlgorithm, Timestamp};

use extra::DAY;
use support::{Fixture, KeySigner, err, octets, t0};

const HOUR: i64 = 3600;

fn of(profile: &'static Profile, change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::of(profile);
    change(&mut policy);
    policy
}

/// What a policy is refused for, all of it.
fn refusals(policy: &Policy) -> String {
    let faults: Vec<String> = policy.faults().iter().map(ToString::to_string).collect();
    faults.join("\n")
}

/// A delegate that TLS BR 7.1.2.8 likes, as far as the change lets it.
fn br_delegate(key: &Key, ca: &Cert, change: impl FnOnce(CertBuilder) -> CertBuilder) -> Cert {
    let plain = CertBuilder::new(&[("CN", "OCSP")], key)
        .serial(&[0x71, 2, 3, 4, 5, 6, 7, 8, 9])
        .validity(T0 - DAY, T0 + 30 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .aki(&ca.key_hash_sha1())
        .ski_sha1();
    change(plain).issued_by(ca)
}

fn br_issuer(
    fixture: &Fixture,
    signer: ResponseSigner,
    policy: Policy,
) -> Result<Issuer, IssuerError> {
    let ca = Certificate::parse(&fixture.world.ca_a.der).unwrap();
    let source: Arc<dyn StatusSource> = Arc::<support::MapSource>::clone(&fixture.source);
    Issuer::new("ca-a", &ca, source, vec![signer], policy)
}

fn signed_by(fixture: &Fixture, delegate: &Cert, algorithm: SigAlg) -> ResponseSigner {
    let key = KeySigner::with(&delegate.key, algorithm);
    support::response_signer(&key, delegate, &fixture.world.ca_a)
}

/// A responder under a profile with a delegate that `br` likes.
fn responder(fixture: &Fixture, policy: Policy) -> certvouch_responder::Responder {
    let delegate = br_delegate(&fixture.world.d_a.key, &fixture.world.ca_a, |cert| cert);
    let signer = signed_by(fixture, &delegate, SigAlg::EcdsaSha256);
    support::responder(vec![br_issuer(fixture, signer, policy).unwrap()])
}

// covers: FRESH-1, BR-4.9.9-1, BR-4.9.9-9, MS-3.2.2-1, MOZ-6-1
#[test]
fn validity_is_held_to_the_bounds_of_its_profile() {
    for (profile, least, most) in [
        (&Profile::PRIVATE, 60, 7 * DAY),
        (&Profile::BR, 16 * HOUR, 7 * DAY),
        (&Profile::LIGHTWEIGHT, 8 * HOUR, 10 * DAY - 1),
        (&Profile::ETSI, 8 * HOUR, 10 * DAY - 1),
    ] {
        for (validity, allowed) in [
            (least - 1, false),
            (least, true),
            (most, true),
            (most + 1, false),
        ] {
            let policy = of(profile, |policy| policy.validity = validity);
            let refused = refusals(&policy);
            assert_eq!(
                refused.is_empty(),
                allowed,
                "{} {validity}: {refused}",
                profile.name
            );
            if !allowed {
                assert!(refused.contains(profile.name), "{refused}");
            }
        }
        assert_eq!(
            refusals(&Policy::of(profile)),
            "",
            "the defaults of {}",
            profile.name
        );
        assert_eq!(Profile::by_name(profile.name), Some(profile));
    }
    let (hour, ten_days) = (HOUR, 10 * DAY);
    assert!(refusals(&of(&Profile::BR, |policy| policy.validity = hour)).contains("FRESH-1"));
    let etsi = refusals(&of(&Profile::ETSI, |policy| policy.validity = ten_days));
    assert!(etsi.contains("BR-4.9.9-9"), "{etsi}");
    assert_eq!(Policy::of(&Profile::BR).validity, 4 * DAY);
    assert!(Profile::by_name("iso15118").is_none());
}

// covers: D-7, BR-4.9.13-1, BR-4.9.9-10, BR-4.9.9-4, ETSI1-CSS-6.3.10-04, ETSI1-CSS-6.3.10-10
#[test]
fn decision_that_a_profile_forbids_is_refused_with_the_rule() {
    type Change = fn(&mut Policy);
    let cases: [(&'static Profile, Change, &str); 13] = [
        (&Profile::BR, |p| p.unlisted = Unlisted::Revoked, "D-7"),
        (
            &Profile::BR,
            |p| p.not_revoked = NotRevoked::Good,
            "BR-4.9.9-10",
        ),
        (
            &Profile::BR,
            |p| p.nonce = NoncePolicy::Require,
            "BR-4.9.9-4",
        ),
        (&Profile::BR, require_signatures, "BR-4.9.9-4"),
        (
            &Profile::LIGHTWEIGHT,
            |p| p.unlisted = Unlisted::Revoked,
            "R9919-3.2.1-4",
        ),
        (
            &Profile::LIGHTWEIGHT,
            |p| p.nonce = NoncePolicy::Require,
            "R9919-3.2.1-5",
        ),
        (&Profile::LIGHTWEIGHT, require_signatures, "R9919-3.2.1-5"),
        (
            &Profile::LIGHTWEIGHT,
            |p| p.hashes = vec![HashAlgorithm::Sha1],
            "D-1",
        ),
        (
            &Profile::ETSI,
            |p| p.expired = Expired::Drop,
            "ETSI1-CSS-6.3.10-04",
        ),
        (
            &Profile::ETSI,
            |p| p.expired = Expired::Retain { seconds: 9 },
            "ETSI2-CSS-6.3.10-10",
        ),
        (&Profile::ETSI, require_signatures, "ETSI1-CSS-6.3.10-10"),
        (&Profile::BR, |p| p.backdate = 3601, "FRESH-7"),
        (&Profile::BR, |p| p.validity = 8 * DAY, "FRESH-1"),
    ];
    for (profile, change, rule) in cases {
        let refused = refusals(&of(profile, change));
        assert!(
            refused.contains(rule),
            "{}: {refused:?} lacks {rule}",
            profile.name
        );
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    // `private` forbids none of them.
    let harmless: [Change; 3] = [
        |p| p.unlisted = Unlisted::Revoked,
        |p| p.not_revoked = NotRevoked::Good,
        require_signatures,
    ];
    for change in harmless {
        assert_eq!(refusals(&of(&Profile::PRIVATE, change)), "");
    }
    // All of them at once are all named.
    let all = refusals(&of(&Profile::BR, |p| {
        p.unlisted = Unlisted::Revoked;
        p.nonce = NoncePolicy::Require;
        p.validity = 60;
    }));
    assert_eq!(all.lines().count(), 3, "{all}");
    assert_eq!(Profile::BR.forbids(Choice::Hold).unwrap().id, "BR-4.9.13-1");
    assert_eq!(
        Profile::BR.forbids(Choice::CrlWithoutGoodList).unwrap().id,
        "BR-4.9.9-4"
    );
}

fn require_signatures(policy: &mut Policy) {
    let someone = extra::authority("someone", &extra::p256("someone"), (T0 - DAY, T0 + DAY));
    let room = Arc::new(certvouch_responder::CheckAtOnce);
    let list = certvouch_responder::Requestors::new(vec![someone.der], room).unwrap();
    policy.requestors = Some(Arc::new(list));
}

// covers: R9919-3.2.2-1, R9919-3.2.2-2
#[test]
fn lightweight_refuses_signers_named_by_subject_or_without_their_certificate() {
    let fixture = Fixture::new();
    let (d_a, ca_a) = (&fixture.world.d_a, &fixture.world.ca_a);
    let key = KeySigner::new(&d_a.key);
    let as_is = |form, embed| {
        let signer = support::response_signer_as(&key, d_a, ca_a, form, embed);
        br_issuer(&fixture, signer, Policy::of(&Profile::LIGHTWEIGHT))
    };
    let (by_key, by_name) = (ResponderIdForm::ByKey, ResponderIdForm::ByName);
    let (with, never) = (EmbedCertificate::Delegate, EmbedCertificate::Never);
    assert!(as_is(by_key, with).is_ok());
    assert!(
        as_is(by_name, with)
            .unwrap_err()
            .to_string()
            .contains("R9919-3.2.2-2")
    );
    assert!(
        as_is(by_key, never)
            .unwrap_err()
            .to_string()
            .contains("R9919-3.2.2-1")
    );
}

// covers: BR-7.1.3.2-1, MOZ-5.1-1
#[test]
fn br_signs_with_the_algorithms_of_its_list_and_their_curves_alone() {
    for (alg, sig_alg, allowed) in [
        (KeyAlg::P256, SigAlg::EcdsaSha256, true),
        (KeyAlg::P384, SigAlg::EcdsaSha384, true),
        (KeyAlg::P384, SigAlg::EcdsaSha256, false),
        (KeyAlg::Rsa2048, SigAlg::RsaSha256, true),
        (KeyAlg::Rsa2048, SigAlg::RsaPssSha256, true),
        (KeyAlg::Ed25519, SigAlg::Ed25519, false),
        (KeyAlg::MlDsa44, SigAlg::MlDsa44, false),
    ] {
        let fixture = Fixture::new();
        let key = Key::cached(alg, "br");
        let delegate = br_delegate(&key, &fixture.world.ca_a, |cert| cert);
        let made = br_issuer(
            &fixture,
            signed_by(&fixture, &delegate, sig_alg),
            Policy::of(&Profile::BR),
        );
        match made {
            Ok(_) => assert!(allowed, "{sig_alg:?} of {alg:?}"),
            Err(error) => {
                assert!(!allowed, "{error}");
                assert!(
                    error.to_string().contains("(BR-7.1.3.2-1: TLS BR 7.1.3.2)"),
                    "{error}"
                );
            }
        }
        // The others take all of them.
        let signer = signed_by(&fixture, &delegate, sig_alg);
        assert!(br_issuer(&fixture, signer, Policy::of(&Profile::ETSI)).is_ok());
    }
}

// covers: BR-7.1.2.8-1, BR-7.1.2.8.2-1, BR-7.1.2.8.3-1, BR-7.1.2.8.4-1, BR-7.1.2.8.5-1, BR-7.1.2.8.6-1, BR-7.1.2.8.7-1, MOZ-7.5-1, MS-3.1.18-1
#[test]
fn br_refuses_signer_certificates_of_another_shape() {
    let fixture = Fixture::new();
    let (key, ca) = (&fixture.world.d_a.key, &fixture.world.ca_a);
    let refusal = |cert: &Cert| {
        let signer = signed_by(&fixture, cert, SigAlg::EcdsaSha256);
        match br_issuer(&fixture, signer, Policy::of(&Profile::BR)) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(refusal(&br_delegate(key, ca, |cert| cert)), "");
    let address = ["http://ocsp.example/"];
    assert_eq!(
        refusal(&br_delegate(key, ca, |cert| cert.aia(&address, &[]))),
        ""
    );
    let empty = |cert: CertBuilder| cert.extension("2.5.29.19", true, &[0x30, 0]);
    assert_eq!(refusal(&br_delegate(key, ca, empty)), "");
    type Change = fn(CertBuilder) -> CertBuilder;
    let cases: [(Change, &str); 11] = [
        (|c| c.serial(&[1]), "BR-7.1.2.8-1"),
        (|c| c.version(Some(1)), "BR-7.1.2.8-1"),
        (|c| c.crl_dp(&["http://x.example/crl"]), "BR-7.1.2.8.2-1"),
        (
            |c| c.extension("2.5.29.17", false, &[0x30, 3, 0x82, 1, b'a']),
            "BR-7.1.2.8.2-1",
        ),
        (
            |c| c.extension("2.5.29.30", true, &[0x30, 0]),
            "BR-7.1.2.8.2-1",
        ),
        (|c| c.aia(&["https://ocsp.example/"], &[]), "BR-7.1.2.8.3-1"),
        (
            |c| c.aia(&["http://ocsp.example/"], &["http://ca.example/"]),
            "BR-7.1.2.8.3-1",
        ),
        (
            |c| c.extension("2.5.29.19", true, &[0x30, 3, 1, 1, 0xFF]),
            "BR-7.1.2.8.4-1",
        ),
        (
            |c| c.extension("2.5.29.19", true, &[0x30, 3, 1, 1, 0]),
            "BR-7.1.2.8.4-1",
        ),
        (
            |c| c.extension("2.5.29.19", false, &[0x30, 0]),
            "BR-7.1.2.8.4-1",
        ),
        (|c| c.validity(T0 - DAY, T0 + DAY), ""),
    ];
    for (change, rule) in cases {
        let refused = refusal(&br_delegate(key, ca, change));
        assert!(
            refused.contains(rule) && refused.is_empty() == rule.is_empty(),
            "{refused:?} lacks {rule}"
        );
    }
}

// covers: BR-7.1.2.8.2-1, BR-7.1.2.8.5-1, BR-7.1.2.8.6-1, BR-7.1.2.8.7-1, MOZ-7.5-1, MS-3.1.18-1
#[test]
fn br_refuses_signer_certificates_whose_extensions_have_another_form() {
    type Change = fn(CertBuilder) -> CertBuilder;
    let fixture = Fixture::new();
    let (key, ca) = (&fixture.world.d_a.key, &fixture.world.ca_a);
    let refusal = |cert: &Cert| {
        let signer = signed_by(&fixture, cert, SigAlg::EcdsaSha256);
        br_issuer(&fixture, signer, Policy::of(&Profile::BR))
            .unwrap_err()
            .to_string()
    };
    let bare = |change: Change| {
        let cert = CertBuilder::new(&[("CN", "OCSP")], key).serial(&[0x71, 2, 3, 4, 5, 6, 7, 8, 9]);
        change(cert.validity(T0 - DAY, T0 + DAY)).issued_by(ca)
    };
    let cases: [(Change, &str); 4] = [
        (
            |c| {
                c.ocsp_signing()
                    .ocsp_nocheck()
                    .key_usage(&[KeyUsage::DigitalSignature])
            },
            "BR-7.1.2.8.2-1",
        ),
        (
            |c| {
                c.eku(&["1.3.6.1.5.5.7.3.9", "1.3.6.1.5.5.7.3.1"])
                    .ocsp_nocheck()
                    .aki(&[1])
                    .key_usage(&[KeyUsage::DigitalSignature])
            },
            "BR-7.1.2.8.5-1, MOZ-7.5-1, MS-3.1.18-1",
        ),
        (
            |c| {
                c.ocsp_signing()
                    .aki(&[1])
                    .key_usage(&[KeyUsage::DigitalSignature])
            },
            "BR-7.1.2.8.6-1",
        ),
        (
            |c| {
                c.ocsp_signing()
                    .ocsp_nocheck()
                    .aki(&[1])
                    .key_usage(&[KeyUsage::DigitalSignature, KeyUsage::NonRepudiation])
            },
            "BR-7.1.2.8.7-1",
        ),
    ];
    for (change, rule) in cases {
        let refused = refusal(&bare(change));
        assert!(refused.contains(rule), "{refused:?} lacks {rule}");
        // Other profiles have no such wishes.
        let signer = signed_by(&fixture, &bare(change), SigAlg::EcdsaSha256);
        assert!(br_issuer(&fixture, signer, Policy::of(&Profile::LIGHTWEIGHT)).is_ok());
    }
}

// covers: MS-3.1.6-1, BR-7.1.2.10.7-1
#[test]
fn br_lets_a_ca_sign_itself_only_with_digital_signature_in_its_key_usage() {
    let fixture = Fixture::new();
    let key = extra::p256("direct");
    let plain = || {
        CertBuilder::new(&[("CN", "CA")], &key)
            .validity(T0 - DAY, T0 + 300 * DAY)
            .basic_constraints(true, None)
    };
    for (cert, allowed) in [
        (
            plain()
                .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::DigitalSignature])
                .self_signed(),
            true,
        ),
        (
            plain().key_usage(&[KeyUsage::KeyCertSign]).self_signed(),
            false,
        ),
        (plain().self_signed(), false),
    ] {
        let signer = support::response_signer(&KeySigner::new(&key), &cert, &cert);
        let ca = Certificate::parse(&cert.der).unwrap();
        let source: Arc<dyn StatusSource> = Arc::<support::MapSource>::clone(&fixture.source);
        let made = Issuer::new("ca", &ca, source, vec![signer], Policy::of(&Profile::BR));
        assert_eq!(made.is_ok(), allowed);
        if let Err(error) = made {
            assert!(error.to_string().contains("MS-3.1.6-1"), "{error}");
        }
    }
}

// covers: BR-4.9.13-1
#[test]
fn hold_that_a_source_brings_under_br_gets_no_signed_answer() {
    let fixture = Fixture::new();
    let responder = responder(&fixture, Policy::of(&Profile::BR));
    let request = ask::q1(&fixture.world.ca_a, &fixture.world.ee_hold.serial);
    assert_eq!(octets(&responder, &request, t0()), err(2));
    let answer = support::ask(&responder, &request, t0());
    let Err(AnswerError::Forbidden(Choice::Hold, rule)) = answer.result else {
        panic!("{answer:?}");
    };
    assert_eq!(rule.id, "BR-4.9.13-1");
    // It is that certificate's trouble and nobody else's.
    let revoked = ask::q1(&fixture.world.ca_a, &fixture.world.ee_rev.serial);
    assert!(matches!(
        extra::status(&responder, &revoked, t0()),
        CertStatus::Revoked { .. }
    ));
    assert!(responder.stopped().is_empty());
}

/// Seconds from [`T0`] to thisUpdate, nextUpdate and the refresh deadline.
fn times(
    responder: &certvouch_responder::Responder,
    request: &[u8],
    now: Timestamp,
) -> (i64, i64, i64) {
    let response = support::ask(responder, request, now).result.unwrap();
    let since = |time: Timestamp| time.unix() - T0;
    (
        since(response.this_update()),
        since(response.next_update()),
        since(response.refresh_deadline()),
    )
}

// covers: BR-4.9.9-5, BR-4.9.9-6, MS-3.2.2-2, MOZ-6-1, FRESH-2, FRESH-3
#[test]
fn br_renews_by_half_eight_hours_before_the_end_and_within_four_days_of_this_update() {
    let fixture = Fixture::new();
    let good = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    for (validity, backdate, deadline) in [
        (4 * DAY, 0, 2 * DAY),
        (7 * DAY, 0, 7 * DAY / 2),
        (16 * HOUR, 0, 8 * HOUR),
        // thisUpdate is the base, so that back-dating makes nothing longer.
        (4 * DAY, HOUR, 2 * DAY - HOUR),
    ] {
        let responder = responder(
            &fixture,
            of(&Profile::BR, |policy| {
                policy.validity = validity;
                policy.backdate = backdate;
            }),
        );
        let (this, next, refresh) = times(&responder, &good, t0());
        assert_eq!(
            (this, next - this + 1, refresh),
            (-backdate, validity, deadline)
        );
        assert!(next - refresh >= 8 * HOUR - 1, "{validity}");
        assert!(refresh - this <= 4 * DAY, "{validity}");
    }
    // A source that ends the answer early: 10 hours are renewed within 2.
    fixture.source.set(
        &fixture.world.ee_good.serial,
        extra::record(Knowledge::Issued, |record| {
            record.this_update = Some(t0());
            record.next_update = Some(t0() + (10 * HOUR - 1));
        }),
    );
    let responder = responder(&fixture, Policy::of(&Profile::BR));
    assert_eq!(times(&responder, &good, t0()), (0, 10 * HOUR - 1, 2 * HOUR));
}

// covers: FRESH-3, MS-3.2.2-1, BR-4.9.9-9
#[test]
fn br_ends_answers_of_an_old_crl_at_seven_days_and_if_need_be_at_ten() {
    let fixture = Fixture::new();
    let good = ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial);
    for (age, end) in [
        // Fresh enough for the whole validity.
        (6 * HOUR, Some(4 * DAY - 1)),
        // Seven days after thisUpdate.
        (5 * DAY, Some(2 * DAY - 1)),
        // Those have passed; ten days are the last word.
        (8 * DAY, Some(2 * DAY - 1)),
        (10 * DAY, None),
    ] {
        fixture.source.set(
            &fixture.world.ee_good.serial,
            extra::record(Knowledge::Issued, |record| {
                record.this_update = Some(t0() - age);
                record.next_update = Some(t0() + 30 * DAY);
            }),
        );
        let responder = responder(&fixture, Policy::of(&Profile::BR));
        let Some(end) = end else {
            assert_eq!(octets(&responder, &good, t0()), err(3));
            continue;
        };
        let (this, next, refresh) = times(&responder, &good, t0());
        assert_eq!((this, next), (-age, end), "{age}");
        assert!(0 < refresh && refresh < next, "{age}: renewed at {refresh}");
        // Under `private` the CRL goes on answering for all of its days.
        let private = responder_of_private(&fixture);
        assert_eq!(times(&private, &good, t0()).1, HOUR - 1);
    }
}

fn responder_of_private(fixture: &Fixture) -> certvouch_responder::Responder {
    responder(fixture, Policy::of(&Profile::PRIVATE))
}

// covers: BR-4.9.9-4, BR-4.9.9-11
#[test]
fn precertificate_is_answered_with_authority_from_the_moment_the_source_has_it() {
    let fixture = Fixture::new();
    let responder = responder(&fixture, Policy::of(&Profile::BR));
    let serial = [0x44, 0x55];
    let request = ask::q1(&fixture.world.ca_a, &serial);
    assert_eq!(
        extra::status(&responder, &request, t0()),
        CertStatus::Unknown
    );
    // The unknown of a minute ago stands in no cache's way: the source says what changed.
    fixture.source.say(&serial, Knowledge::Issued);
    responder.invalidate("ca-a", &[&serial]);
    let soon = t0() + 1;
    assert_eq!(extra::status(&responder, &request, soon), CertStatus::Good);
}

// covers: BR-4.9.9-7
#[test]
fn subordinate_ca_status_is_renewed_within_days_and_its_revocation_shows_at_once() {
    let fixture = Fixture::new();
    let policy = Policy::of(&Profile::BR);
    assert!(
        policy.refresh_after() <= 4 * DAY,
        "twelve months are allowed"
    );
    let responder = responder(&fixture, policy);
    let serial = &fixture.world.ee_good.serial;
    let request = ask::q1(&fixture.world.ca_a, serial);
    assert_eq!(extra::status(&responder, &request, t0()), CertStatus::Good);
    fixture
        .source
        .say(serial, extra::revoked(T0, Some(CrlReason::CaCompromise)));
    responder.invalidate("ca-a", &[serial]);
    let answer = extra::status(&responder, &request, t0() + 1);
    assert!(matches!(answer, CertStatus::Revoked { .. }), "{answer:?}");
}

// covers: R9919-3.2.1-4, R9919-3.2.1-5
#[test]
fn lightweight_answers_a_nonce_request_without_response_extensions_and_from_the_cache() {
    let fixture = Fixture::new();
    let responder = responder(&fixture, Policy::of(&Profile::LIGHTWEIGHT));
    let request = ask::Ask::for_serial(
        ask::HashAlg::Sha256,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    )
    .nonce(&[7; 32])
    .build();
    let first = octets(&responder, &request, t0());
    assert!(extra::parsed(&first).extensions.is_none());
    assert_eq!(octets(&responder, &request, t0() + 9), first);
}

// covers: ETSI2-CSS-6.3.10-10, ETSI1-CSS-6.3.10-04, ETSI1-REV-6.3.9-15A n.5
#[test]
fn etsi_says_how_far_back_its_records_reach_and_keeps_them_past_the_end() {
    let fixture = Fixture::new();
    let responder = responder(&fixture, Policy::of(&Profile::ETSI));
    let ca = &fixture.world.ca_a;
    let cutoff = der::generalized_time(ca.not_before);
    // A short-term certificate that nobody will revoke is good like any other.
    let short = [0x33];
    fixture.source.set(
        &short,
        extra::record(Knowledge::Issued, |record| {
            record.not_after = Some(t0() + 600)
        }),
    );
    for (serial, at) in [
        (&fixture.world.ee_good.serial[..], t0()),
        (&fixture.world.ee_rev.serial, t0()),
        (&fixture.world.ee_exp.serial, t0()),
        (&short, t0()),
        (&short, t0() + 601),
    ] {
        let single = extra::single(&responder, &ask::q1(ca, serial), at);
        assert_ne!(single.status, CertStatus::Unknown);
        let extension = single
            .extension(extra::ARCHIVE_CUTOFF)
            .expect("archive-cutoff");
        assert_eq!((&extension.value, extension.critical), (&cutoff, false));
    }
    let nobody = extra::single(&responder, &ask::q1(ca, &[0x66]), t0());
    assert!(nobody.extension(extra::ARCHIVE_CUTOFF).is_none());
}

// covers: R6960-4.4.2-1
#[test]
fn revocation_out_of_a_crl_names_the_crl_if_asked_to() {
    let fixture = Fixture::new();
    let (ca, rev) = (&fixture.world.ca_a, &fixture.world.ee_rev);
    let issued = t0() - 6 * HOUR;
    let listed = |number: Option<&[u8]>| {
        let crl = CrlReference::new(number, issued);
        let knowledge = extra::revoked(T0 - DAY, Some(CrlReason::KeyCompromise));
        fixture.source.set(
            &rev.serial,
            extra::record(knowledge, |record| record.crl = Some(crl)),
        );
    };
    let ask_with = |policy| {
        let responder = fixture.responder(|p| p.crl_reference = policy);
        extra::single(&responder, &ask::q1(ca, &rev.serial), t0())
    };
    let time = der::explicit(2, &der::generalized_time(T0 - 6 * HOUR));
    let eighty = der::explicit(1, &der::int_bytes(&[0, 0x80]));
    let zero = der::explicit(1, &der::int_bytes(&[0]));
    for (number, value) in [
        (Some(&[0x80][..]), der::seq(&[&eighty, &time])),
        (Some(&[][..]), der::seq(&[&zero, &time])),
        (None, der::seq(&[&time])),
        (Some(&[1; 21][..]), der::seq(&[&time])),
    ] {
        listed(number);
        let single = ask_with(CrlReferencePolicy::Send);
        let extension = single
            .extension(extra::CRL_REFERENCES)
            .expect("a reference");
        assert_eq!((&extension.value, extension.critical), (&value, false));
        assert!(
            ask_with(CrlReferencePolicy::Omit)
                .extension(extra::CRL_REFERENCES)
                .is_none()
        );
    }
}

#[test]
fn certificate_that_is_known_is_vouched_for_by_its_hash() {
    let fixture = Fixture::new();
    let ca = &fixture.world.ca_a;
    let responder = fixture.responder(|_| {});
    let cases = [
        (&[1][..], Knowledge::Issued, true),
        (&[2], extra::revoked(T0 - DAY, None), true),
        (&[3], Knowledge::NotRevoked, false),
        (&[4], Knowledge::NeverIssued, false),
    ];
    for (serial, knowledge, there) in cases {
        fixture.source.set(
            serial,
            extra::record(knowledge, |record| record.cert_hash = Some([0xAB; 32])),
        );
        let single = extra::single(&responder, &ask::q1(ca, serial), t0());
        let extension = single.extension("1.3.36.8.3.13");
        assert_eq!(extension.is_some(), there, "{knowledge:?}");
        if let Some(extension) = extension {
            let algorithm = der::seq(&[&der::oid("2.16.840.1.101.3.4.2.1")]);
            let value = der::seq(&[&algorithm, &der::octets(&[0xAB; 32])]);
            assert_eq!((&extension.value, extension.critical), (&value, false));
        }
    }
}
