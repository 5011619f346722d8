//! CRLs: whose word counts, for what, how long, and what several say together.

use certvouch_testkit::crl::{CrlBuilder, flag, point, some_reasons};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World};
use certvouch_testkit::reply::Reply;
use certvouch_types::{CertStatus, SerialNumber};
use certvouch_verify::{
    CheckCode, CrlSet, CrlSigner, DelegateRevocation, Moment, Outcome, Profile, Query,
    QueryBuilder, Verdict, VerifiedCrls, VerifyError,
};

use crate::fixture::*;

const HOUR: i64 = 3600;

fn crl(world: &World) -> CrlBuilder {
    CrlBuilder::new(&world.ca_a).during(-HOUR, Some(DAY))
}

/// The verdict, or the code of the reason; and no evidence that says otherwise.
fn verdict(outcome: &Result<VerifiedCrls<'_>, VerifyError>) -> &'static str {
    let (evidence, verdict) = match outcome {
        Ok(verified) => (verified.evidence(), verified.verdict()),
        Err(error) => (error.evidence(), error.verdict()),
    };
    let mut seen: Vec<_> = evidence
        .checks()
        .iter()
        .map(|check| (check.crl, check.code))
        .collect();
    let checks = seen.len();
    seen.dedup();
    assert_eq!(
        seen.len(),
        checks,
        "every check of every CRL once: {evidence:?}"
    );
    let failed = |check: &certvouch_verify::Check| check.outcome == Outcome::Failed;
    match outcome {
        Ok(verified) => {
            if verdict == Verdict::Revoked {
                assert!(evidence.checks().iter().any(failed), "{evidence:?}");
            }
            verified.verdict().word()
        }
        Err(error) => {
            assert_ne!(verdict, Verdict::Good);
            assert!(evidence.checks().iter().any(failed), "{evidence:?}");
            error.reason().code()
        }
    }
}

fn set(ders: &[Vec<u8>]) -> CrlSet<'_> {
    ders.iter().fold(CrlSet::new(), |set, der| set.crl(der))
}

fn ask_at(
    query: &Query<'_>,
    crls: &[&CrlBuilder],
    moment: Moment,
    profile: &Profile,
) -> &'static str {
    let ders: Vec<_> = crls.iter().map(|crl| crl.der()).collect();
    let mut words = Vec::new();
    // In either order the same.
    for ders in [ders.clone(), ders.into_iter().rev().collect()] {
        words.push(verdict(&query.verify_crls(&set(&ders), moment, profile)));
    }
    assert_eq!(words[0], words[1], "the order of the CRLs decides");
    words[0]
}

/// What these CRLs say of EE-good now.
fn say_crls(world: &World, crls: &[&CrlBuilder]) -> &'static str {
    ask_at(&query(world), crls, Moment::now(now()), &Profile::RFC9919)
}

// covers: R6960-2.7-1, T-20
#[test]
fn status_comes_from_a_verified_crl_that_is_about_the_certificate() {
    let world = world();
    let serial = world.ee_good.serial_hex();
    let other = crl(&world).revoke("77", Some(1));
    assert_eq!(say_crls(&world, &[&other]), "GOOD");
    for (reason, word) in [
        (None, "REVOKED"),
        (Some(1), "REVOKED"),
        (Some(6), "REVOKED"),
    ] {
        let listed = crl(&world).revoke("77", None).revoke(&serial, reason);
        assert_eq!(say_crls(&world, &[&listed]), word);
    }
    assert_eq!(
        say_crls(&world, &[&crl(&world).bad_signature()]),
        "bad-signature"
    );
    // The same name, another key; another CA; nobody that was named.
    let namesake = CrlBuilder::new(&world.ca_a2).during(-HOUR, Some(DAY));
    assert_eq!(say_crls(&world, &[&namesake]), "bad-signature");
    let foreign = CrlBuilder::new(&world.ca_b)
        .during(-HOUR, Some(DAY))
        .revoke(&serial, None);
    assert_eq!(say_crls(&world, &[&foreign]), "crl-out-of-scope");
    assert_eq!(say_crls(&world, &[&foreign, &crl(&world)]), "GOOD");
    assert_eq!(say_crls(&world, &[]), "no-crl");
}

#[test]
fn good_names_the_crl_its_number_and_its_times() {
    let world = world();
    let der = crl(&world).number(0x2A).der();
    let verified = query(&world)
        .verify_crls(
            &CrlSet::new().crl(&der),
            Moment::now(now()),
            &Profile::RFC9919,
        )
        .unwrap();
    assert_eq!(verified.status(), CertStatus::Good);
    let line = verified.evidence().find(CheckCode::CrlEntry).unwrap();
    assert_eq!(line.crl, Some(1));
    assert_eq!(
        line.detail,
        "not on the CRL number 0x2A, thisUpdate 2026-01-09T23:00:00Z, nextUpdate 2026-01-11T00:00:00Z"
    );
    let [one] = verified.crls() else {
        panic!("{verified:?}")
    };
    assert_eq!(one.crl_number().unwrap().to_string(), "0x2A");
    assert_eq!((one.place(), one.as_bytes()), (1, &der[..]));
    assert_eq!((one.signer(), one.is_delta()), (CrlSigner::Issuer, false));
    assert_eq!(verified.this_update(), at(T0 - HOUR));
    assert_eq!(verified.valid_until(), Some(at(T0 + DAY)));
}

// covers: R5280-5.2-1, R5280-5.3-1, R5280-5.3.1-1, R5280-5.3.3-1
#[test]
fn crl_with_anything_critical_and_unknown_says_nothing() {
    let world = world();
    let serial = world.ee_good.serial_hex();
    let head = crl(&world)
        .revoke(&serial, None)
        .extension("1.2.3", true, &der::null());
    assert_eq!(say_crls(&world, &[&head]), "critical-extension");
    let entry = |dotted: &str, value: &[u8]| der::extension(dotted, true, value);
    let odd = crl(&world).entry("77", &[entry("1.2.3", &der::null())]);
    assert_eq!(say_crls(&world, &[&odd]), "critical-extension");
    let remove = crl(&world).revoke("77", Some(8));
    assert_eq!(say_crls(&world, &[&remove]), "malformed-crl");
    let names = der::seq(&[&der::explicit(4, &world.ca_b.subject)]);
    let direct = crl(&world).entry("77", &[entry("2.5.29.29", &names)]);
    assert_eq!(say_crls(&world, &[&direct]), "malformed-crl");
    // Beside a good one it hinders all the same: it might have been the one that lists the certificate.
    assert_eq!(
        say_crls(&world, &[&crl(&world).number(2), &odd]),
        "critical-extension"
    );
    // What another one lists is revoked, whatever is broken beside it.
    let lists = crl(&world).number(2).revoke(&serial, None);
    assert_eq!(say_crls(&world, &[&lists, &odd]), "REVOKED");
}

// covers: R5280-6.3.3-f
#[test]
fn issuer_without_crl_sign_and_sha1_do_not_count() {
    let world = world();
    let key = Key::cached(KeyAlg::P256, "no-crl-sign");
    let ca = CertBuilder::new(&[("CN", "No CRL Sign")], &key)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign])
        .validity(T0 - DAY, T0 + DAY)
        .self_signed();
    let leaf = CertBuilder::new(&[("CN", "leaf")], &key)
        .validity(T0 - DAY, T0 + DAY)
        .issued_by(&ca);
    let question = Query::new(&leaf.der, &ca.der, None).unwrap();
    let list = CrlBuilder::new(&ca);
    let said = ask_at(&question, &[&list], Moment::now(now()), &Profile::RFC9919);
    assert_eq!(said, "crl-signer-key-usage");
    assert_eq!(say_crls(&world, &[&crl(&world)]), "GOOD");
}

// covers: T-22, R5280-5.1.2.5-1
#[test]
fn times_count_to_the_second_and_a_final_revocation_outlives_them() {
    let world = world();
    let serial = world.ee_good.serial_hex();
    let strict = Profile::STRICT;
    let say = |from: i64, to: Option<i64>, profile: &Profile| {
        let list = crl(&world).during(from, to);
        let word = |list: &CrlBuilder| ask_at(&query(&world), &[list], Moment::now(now()), profile);
        (
            word(&list),
            word(&list.clone().revoke(&serial, Some(6))),
            word(&list.revoke(&serial, Some(1))),
        )
    };
    for (from, to, profile, empty, held, gone) in [
        (-HOUR, Some(0), &strict, "GOOD", "REVOKED", "REVOKED"),
        (-HOUR, Some(-1), &strict, "expired", "expired", "REVOKED"),
        (
            -HOUR,
            Some(-300),
            &Profile::RFC9919,
            "GOOD",
            "REVOKED",
            "REVOKED",
        ),
        (
            -HOUR,
            Some(-301),
            &Profile::RFC9919,
            "expired",
            "expired",
            "REVOKED",
        ),
        (0, Some(DAY), &strict, "GOOD", "REVOKED", "REVOKED"),
        (
            1,
            Some(DAY),
            &strict,
            "not-yet-valid",
            "not-yet-valid",
            "not-yet-valid",
        ),
        (
            -HOUR,
            None,
            &Profile::OPENSSL,
            "no-next-update",
            "no-next-update",
            "REVOKED",
        ),
        (-10 * DAY, Some(DAY), &strict, "GOOD", "REVOKED", "REVOKED"),
        (
            -10 * DAY - 1,
            Some(DAY),
            &strict,
            "too-old",
            "too-old",
            "REVOKED",
        ),
        (
            -20 * DAY,
            Some(DAY),
            &Profile::FIREFOX,
            "GOOD",
            "REVOKED",
            "REVOKED",
        ),
    ] {
        let said = say(from, to, profile);
        assert_eq!(
            said,
            (empty, held, gone),
            "{from} {to:?} {}",
            profile.name()
        );
    }
}

// covers: R5280-5.2.4-1, R5280-5.2.4-2, R5280-5.2.4-4, R5280-6.3.3-i
#[test]
fn delta_is_laid_over_its_base_and_takes_holds_away_only() {
    let world = world();
    let serial = world.ee_good.serial_hex();
    let base = crl(&world).number(5);
    let delta = crl(&world).number(6).delta(5).during(-60, Some(DAY));
    let word = |crls: &[&CrlBuilder]| say_crls(&world, crls);
    assert_eq!(word(&[&base, &delta]), "GOOD");
    assert_eq!(word(&[&delta]), "delta-without-base");
    assert_eq!(
        word(&[&base, &delta.clone().revoke(&serial, None)]),
        "REVOKED"
    );
    let held = base.clone().revoke(&serial, Some(6));
    assert_eq!(word(&[&held]), "REVOKED");
    assert_eq!(word(&[&held, &delta]), "REVOKED");
    let released = delta.clone().revoke(&serial, Some(8));
    assert_eq!(word(&[&held, &released]), "GOOD");
    let gone = base.clone().revoke(&serial, Some(1));
    assert_eq!(word(&[&gone, &released]), "REVOKED");
    // A delta that fits nothing takes nothing away; what it lists is listed all the same.
    let far = crl(&world).number(9).delta(8).during(-60, Some(DAY));
    assert_eq!(
        word(&[&held, &far.clone().revoke(&serial, Some(8))]),
        "REVOKED"
    );
    assert_eq!(
        word(&[&base, &far.clone().revoke(&serial, Some(6))]),
        "REVOKED"
    );
    assert_eq!(word(&[&base, &far]), "GOOD");
    // The delta's times are those of the two together.
    let old = base.during(-2 * DAY, Some(-DAY));
    assert_eq!(word(&[&old]), "expired");
    assert_eq!(word(&[&old, &delta]), "GOOD");
    assert_eq!(
        word(&[&crl(&world).number(5), &delta.during(-2 * DAY, Some(-DAY))]),
        "GOOD"
    );
}

// covers: R5280-5.2.3-1
#[test]
fn newer_crl_releases_a_hold_and_never_a_final_revocation() {
    let world = world();
    let serial = world.ee_good.serial_hex();
    let old = crl(&world).number(5).during(-2 * HOUR, Some(DAY));
    let new = crl(&world).number(6);
    let held = old.clone().revoke(&serial, Some(6));
    assert_eq!(say_crls(&world, &[&held, &new]), "GOOD");
    assert_eq!(
        say_crls(&world, &[&old, &new.clone().revoke(&serial, Some(6))]),
        "REVOKED"
    );
    // Numbers and times that contradict each other: both count.
    assert_eq!(
        say_crls(&world, &[&held.clone().number(7), &new]),
        "REVOKED"
    );
    let gone = old.revoke(&serial, Some(4));
    assert_eq!(say_crls(&world, &[&gone, &new]), "REVOKED");
    let ders = [gone.der(), new.der()];
    let verified = query(&world)
        .verify_crls(&set(&ders), Moment::now(now()), &Profile::RFC9919)
        .unwrap();
    assert!(verified.has_contradiction());
    let agree = verified.evidence().outcome(CheckCode::CrlsAgree);
    assert_eq!(agree, Some(Outcome::Failed));
    // A newer one from the future takes nobody's place.
    assert_eq!(
        say_crls(&world, &[&held, &new.during(2 * HOUR, Some(DAY))]),
        "REVOKED"
    );
}

// covers: R5280-5.2.5-2, R5280-6.3.3-b, R5280-6.3.3-d
#[test]
fn partition_counts_for_its_certificates_and_reasons_only() {
    let world = world();
    let here = "http://crl.example/1.crl";
    let leaf = delegate_builder("partitioned")
        .crl_dp(&[here])
        .issued_by(&world.ca_a);
    let question = Query::new(&leaf.der, &world.ca_a.der, None).unwrap();
    let word =
        |crls: &[&CrlBuilder]| ask_at(&question, crls, Moment::now(now()), &Profile::RFC9919);
    let part = |members: &[Vec<u8>]| crl(&world).idp(members);
    assert_eq!(word(&[&part(&[point(here)])]), "GOOD");
    assert_eq!(
        word(&[&part(&[point("http://crl.example/2.crl")])]),
        "crl-out-of-scope"
    );
    assert_eq!(word(&[&part(&[flag(1)])]), "GOOD");
    assert_eq!(word(&[&part(&[flag(2)])]), "crl-out-of-scope");
    assert_eq!(word(&[&part(&[flag(5)])]), "crl-out-of-scope");
    let (some, rest) = ([1, 2, 3, 4], [5, 6, 7, 8]);
    let split = |bits: &[u8]| part(&[some_reasons(bits)]);
    assert_eq!(word(&[&split(&some)]), "crl-reasons-missing");
    assert_eq!(word(&[&split(&some), &split(&rest)]), "GOOD");
    let old = split(&rest).during(-2 * DAY, Some(-DAY));
    assert_eq!(word(&[&split(&some), &old]), "expired");
    // A serial number of the issuer that is listed is revoked, in whatever part.
    let listed = part(&[flag(2)]).revoke(&leaf.serial_hex(), None);
    assert_eq!(word(&[&listed]), "REVOKED");
    // Of a serial number alone nobody knows whether a CA holds it.
    let serial = SerialNumber::from_content(&world.ee_good.serial);
    let bare = QueryBuilder::default()
        .serial_number(serial, &world.ca_a.der)
        .unwrap();
    let say = |list: &CrlBuilder| ask_at(&bare, &[list], Moment::now(now()), &Profile::RFC9919);
    assert_eq!(say(&crl(&world)), "GOOD");
    assert_eq!(say(&part(&[flag(1)])), "crl-out-of-scope");
}

/// A certificate of CA-A whose only point names CA-B as CRL issuer.
fn indirect_leaf(world: &World) -> Cert {
    let name = der::explicit(2, &der::explicit(4, &world.ca_b.subject));
    let points = der::seq(&[&der::seq(&[&name])]);
    delegate_builder("indirect")
        .extension("2.5.29.31", false, &points)
        .issued_by(&world.ca_a)
}

// covers: R5280-5.3.3-1, R5280-6.3.3-f, T-23
#[test]
fn indirect_crl_counts_by_a_named_issuer_and_for_the_entries_that_are_ours() {
    let world = world();
    let leaf = indirect_leaf(&world);
    let serial = leaf.serial_hex();
    let question = Query::new(&leaf.der, &world.ca_a.der, None).unwrap();
    let start = || CrlBuilder::new(&world.ca_b).idp(&[flag(4)]);
    let owner = |name: &[u8]| {
        let names = der::seq(&[&der::explicit(4, name)]);
        der::extension("2.5.29.29", true, &names)
    };
    let say = |list: &CrlBuilder, named: Option<&Cert>| {
        let der = list.der();
        let set = CrlSet::new().crl(&der);
        let set = match named {
            Some(named) => set.crl_issuer(&named.der).unwrap(),
            None => set,
        };
        verdict(&question.verify_crls(&set, Moment::now(now()), &Profile::RFC9919))
    };
    let b = Some(&world.ca_b);
    assert_eq!(say(&start(), b), "GOOD");
    assert_eq!(say(&start(), None), "crl-signer-not-found");
    assert_eq!(say(&start(), Some(&world.ca_a2)), "crl-signer-not-found");
    // The same serial number of CA-B is not ours; after certificateIssuer it is.
    assert_eq!(say(&start().revoke(&serial, None), b), "GOOD");
    let ours = start().entry(&serial, &[owner(&world.ca_a.subject)]);
    assert_eq!(say(&ours, b), "REVOKED");
    let later = start()
        .entry("77", &[owner(&world.ca_a.subject)])
        .revoke(&serial, None);
    assert_eq!(say(&later, b), "REVOKED");
    let theirs = later.entry(&serial, &[owner(&world.ca_b.subject)]);
    assert_eq!(say(&theirs, b), "REVOKED");
    // Not indirect: not about certificates of CA-A.
    assert_eq!(say(&CrlBuilder::new(&world.ca_b), b), "crl-out-of-scope");
    // The issuer's second key, named.
    let rolled = CrlBuilder::new(&world.ca_a2);
    assert_eq!(say(&rolled, None), "bad-signature");
    assert_eq!(say(&rolled, Some(&world.ca_a2)), "GOOD");
}

// covers: R6960-4.2.2.2.1-C1, T-23
#[test]
fn delegate_without_nocheck_is_checked_by_the_crls_at_hand() {
    let world = world();
    let builder = || {
        delegate_builder("checked")
            .key_usage(&[KeyUsage::DigitalSignature])
            .ocsp_signing()
    };
    let signer = builder().issued_by(&world.ca_a);
    let blessed = builder().ocsp_nocheck().issued_by(&world.ca_a);
    let serial = signer.serial_hex();
    let say = |signer: &Cert, list: &CrlBuilder, profile: &Profile| {
        let der = list.der();
        let set = CrlSet::new().crl(&der);
        let reply = signed_by(&world, signer);
        say_with(&world, &reply, profile, DelegateRevocation::Crls(&set))
    };
    let strict = Profile::STRICT.with_nonce(certvouch_verify::NoncePolicy::Off);
    let (clean, listed) = (crl(&world), crl(&world).revoke(&serial, None));
    assert_eq!(say(&signer, &clean, &strict), "GOOD");
    for profile in Profile::ALL {
        assert_eq!(say(&signer, &listed, &profile), "signer-revoked");
    }
    let held = crl(&world).revoke(&serial, Some(6));
    assert_eq!(say(&signer, &held, &Profile::OPENSSL), "signer-revoked");
    assert_eq!(say(&blessed, &listed, &strict), "GOOD");
    // A forged or outdated CRL is no word.
    for silent in [
        clean.clone().bad_signature(),
        clean.during(-3 * DAY, Some(-2 * DAY)),
    ] {
        assert_eq!(say(&signer, &silent, &strict), "signer-revocation-unknown");
        assert_eq!(say(&signer, &silent, &Profile::OPENSSL), "GOOD");
    }
    let der = crl(&world).der();
    let set = CrlSet::new().crl(&der);
    let reply: Reply = signed_by(&world, &signer);
    let response = reply.build();
    let verified = query(&world)
        .verify_at(
            &response,
            Moment::now(now()),
            &strict,
            DelegateRevocation::Crls(&set),
        )
        .unwrap();
    let line = verified
        .evidence()
        .find(CheckCode::SignerRevocation)
        .unwrap();
    assert_eq!(
        line.detail,
        "no nocheck; not on the CRL number 0x01 of 2026-01-09T23:00:00Z"
    );
}

#[test]
fn question_about_the_past_does_not_see_what_came_later() {
    let world = world();
    let serial = world.ee_good.serial_hex();
    // Revoked a day before the frozen moment.
    let listed = crl(&world).revoke(&serial, Some(1));
    let as_of = |time: i64| Moment::as_of(at(T0 + time), now());
    let say = |time| ask_at(&query(&world), &[&listed], as_of(time), &Profile::RFC9919);
    assert_eq!(say(-DAY), "REVOKED");
    assert_eq!(say(-DAY - 1), "GOOD");
    assert_eq!(say(2 * DAY), "REVOKED");
    let short = ask_at(
        &query(&world),
        &[&crl(&world)],
        as_of(2 * DAY),
        &Profile::RFC9919,
    );
    assert_eq!(short, "does-not-cover");
    // An expired certificate may have left the CRL, unless the CRL says that it stays.
    let gone = Query::new(&world.ee_exp.der, &world.ca_a.der, None).unwrap();
    let moment = as_of(-40 * DAY);
    let plain = crl(&world);
    assert_eq!(
        ask_at(&gone, &[&plain], moment, &Profile::RFC9919),
        "beyond-archive-cutoff"
    );
    let keeps = crl(&world).extension("2.5.29.60", false, &der::generalized_time(T0 - 400 * DAY));
    assert_eq!(ask_at(&gone, &[&keeps], moment, &Profile::RFC9919), "GOOD");
}

// covers: T-23
#[test]
fn crls_are_bounded_and_garbage_is_malformed() {
    let world = world();
    let der = crl(&world).der();
    let many = vec![der.clone(); 65];
    let outcome = query(&world).verify_crls(&set(&many), Moment::now(now()), &Profile::RFC9919);
    assert_eq!(verdict(&outcome), "budget-exceeded");
    let response = good(&world).build();
    let trailing = [&der[..], &[0]].concat();
    for octets in [
        &[][..],
        b"hello",
        &der[..der.len() - 1],
        &trailing,
        &response,
    ] {
        let set = CrlSet::new().crl(octets);
        let outcome = query(&world).verify_crls(&set, Moment::now(now()), &Profile::RFC9919);
        assert_eq!(verdict(&outcome), "malformed-crl");
        assert_eq!(outcome.unwrap_err().verdict(), Verdict::Malformed);
    }
    // And a CRL is no response.
    let outcome = query(&world).verify(&der, now(), &Profile::RFC9919);
    assert_eq!(word(&outcome), "malformed");
}
