//! Several CRLs of one issuer: partitions, deltas, indirect CRLs, folders.

use certvouch_status::crl::{Changes, CrlError};
use certvouch_testkit::der;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, KeyUsage, T0};
use certvouch_types::Timestamp;
use certvouch_types::crl::delta::DeltaMismatch;

use crate::common::key;
use crate::crls::{Bench, CrlBuilder, DAY, fail, load, lookup, point, some_reasons, word};

fn partition(bench: &Bench, number: u8) -> CrlBuilder {
    let point = point(&format!("http://ca.example/{number}.crl"));
    bench
        .crl()
        .idp(&[point])
        .revoke(&format!("A{number}"), None)
}

// covers: T-4, R5280-6.3.3-z
#[test]
fn partitions_decide_when_all_are_there_and_current_and_list_at_once() {
    let names = ["1.crl", "2.crl", "3.crl", "4.crl"];
    let bench = Bench::new(&names, &[]);
    for number in 1..=3 {
        bench.put(&format!("{number}.crl"), partition(&bench, number).der());
    }
    let source = bench.open();
    assert!(matches!(fail_last(&source), CrlError::File(_)));
    for serial in ["A1", "A2", "A3"] {
        assert_eq!(word(&source, serial), "revoked");
    }
    assert_eq!(
        [word(&source, "A4"), word(&source, "FF")],
        ["unavailable"; 2]
    );
    let late = partition(&bench, 4).during(60, Some(3600));
    bench.clock.set(T0 + 60);
    bench.put("4.crl", late.der());
    load(&source);
    assert_eq!(
        [word(&source, "A4"), word(&source, "FF")],
        ["revoked", "not revoked"]
    );
    // The whole is as old as its oldest part, and ends with the first that ends.
    let record = lookup(&source, "FF").unwrap();
    assert_eq!(record.this_update, Some(Timestamp::from_unix(T0)));
    assert_eq!(record.next_update, Some(Timestamp::from_unix(T0 + 3600)));
    // One is past its end: what the others list stands, and nothing else is said.
    bench.clock.set(T0 + 3600);
    assert_eq!(
        [
            word(&source, "A1"),
            word(&source, "A4"),
            word(&source, "FF")
        ],
        ["revoked", "outdated", "outdated"]
    );
    assert!(source.health().undecided.is_some());
}

fn fail_last(source: &certvouch_status::CrlSource) -> CrlError {
    source.refresh_files().pop().unwrap().unwrap_err().1
}

// covers: R5280-6.3.3-d
#[test]
fn crls_split_by_reason_decide_only_together() {
    let bench = Bench::new(&["key.crl", "rest.crl"], &[]);
    let key_compromise = bench
        .crl()
        .idp(&[some_reasons(&[1, 2])])
        .revoke("AA", Some(1));
    let rest = bench
        .crl()
        .idp(&[some_reasons(&[3, 4, 5, 6, 7, 8])])
        .revoke("BB", Some(4));
    bench.put("key.crl", key_compromise.der());
    bench.put("rest.crl", rest.der());
    let source = bench.open();
    load(&source);
    assert_eq!(
        [
            word(&source, "AA"),
            word(&source, "BB"),
            word(&source, "CC")
        ],
        ["revoked", "revoked", "not revoked"]
    );
    let half = Bench::new(&["key.crl"], &[]);
    half.put("key.crl", key_compromise.der());
    let source = half.open();
    load(&source);
    assert_eq!(
        [word(&source, "AA"), word(&source, "CC")],
        ["revoked", "unavailable"]
    );
    assert!(source.gap().unwrap().contains("reasons"));
}

/// What the delta alone said changes when it is needless, also where neither complete CRL says a word.
#[test]
fn complete_crl_that_makes_the_delta_needless_changes_what_the_delta_alone_said() {
    let bench = Bench::new(&["ca.crl"], &["delta.crl"]);
    let base = bench
        .crl()
        .number(1)
        .revoke("AA", Some(6))
        .revoke("BB", None);
    bench.put("ca.crl", base.der());
    let delta = bench
        .crl()
        .number(2)
        .delta(1)
        .revoke("AA", Some(8))
        .revoke("CC", Some(6))
        .revoke("DD", Some(1));
    bench.put("delta.crl", delta.der());
    let source = bench.open();
    load(&source);
    let before = ["AA", "BB", "CC", "DD"].map(|serial| word(&source, serial));
    assert_eq!(before, ["not revoked", "revoked", "revoked", "revoked"]);
    // The hold on CC was released, AA is on hold again, DD goes on as it was.
    let next = bench.crl().number(3).during(60, Some(DAY));
    let next = next
        .revoke("AA", Some(6))
        .revoke("BB", None)
        .revoke("DD", Some(1));
    bench.put("ca.crl", next.der());
    bench.clock.set(T0 + 60);
    let refreshed = load(&source);
    let after = ["AA", "BB", "CC", "DD"].map(|serial| word(&source, serial));
    assert_eq!(after, ["revoked", "revoked", "not revoked", "revoked"]);
    assert_eq!(
        refreshed[0].changes,
        Changes::Serials(vec![key("AA"), key("CC")])
    );
}

// covers: R5280-5.2.4-1, R5280-5.2.4-2, R5280-5.2.4-4, R5280-6.3.3-i
#[test]
fn delta_adds_and_removes_and_gives_its_times() {
    let bench = Bench::new(&["ca.crl"], &["delta.crl"]);
    bench.put(
        "ca.crl",
        bench
            .crl()
            .number(1)
            .revoke("AA", Some(6))
            .revoke("BB", None)
            .der(),
    );
    let source = bench.open();
    bench.put(
        "delta.crl",
        bench
            .crl()
            .number(2)
            .delta(1)
            .during(60, Some(3600))
            .revoke("AA", Some(8))
            .revoke("CC", Some(1))
            .der(),
    );
    bench.clock.set(T0 + 60);
    let refreshed = load(&source);
    assert_eq!(
        refreshed[1].changes,
        Changes::Serials(vec![key("AA"), key("CC")])
    );
    let words = ["AA", "BB", "CC", "DD"].map(|serial| word(&source, serial));
    assert_eq!(words, ["not revoked", "revoked", "revoked", "not revoked"]);
    for serial in ["AA", "BB", "CC"] {
        let record = lookup(&source, serial).unwrap();
        assert_eq!(
            record.this_update,
            Some(Timestamp::from_unix(T0 + 60)),
            "{serial}"
        );
        assert_eq!(
            record.next_update,
            Some(Timestamp::from_unix(T0 + 3600)),
            "{serial}"
        );
    }
    // Past the delta's end the complete CRL alone would take the revocation of CC back.
    bench.clock.set(T0 + 3600);
    assert_eq!(
        ["AA", "BB", "CC", "DD"].map(|serial| word(&source, serial)),
        ["outdated"; 4]
    );
    // A complete CRL that is as new as the delta makes it needless.
    let full = bench
        .crl()
        .number(2)
        .during(3600, Some(DAY))
        .revoke("BB", None)
        .revoke("CC", Some(1));
    bench.put("ca.crl", full.der());
    assert!(load(&source)[0].changes.is_empty());
    assert_eq!(
        ["AA", "CC"].map(|serial| word(&source, serial)),
        ["not revoked", "revoked"]
    );
    assert!(
        source
            .health()
            .places
            .iter()
            .all(|place| place.error.is_none())
    );
}

// covers: R5280-5.2.4-1
#[test]
fn delta_that_does_not_fit_is_refused_and_the_old_one_stands() {
    let point = |uri| vec![point(uri)];
    let setting = || {
        let bench = Bench::new(&["ca.crl"], &["delta.crl"]);
        let base = bench
            .crl()
            .number(10)
            .aki(&[1; 20])
            .idp(&point("http://a/"));
        bench.put("ca.crl", base.der());
        let delta = bench
            .crl()
            .number(11)
            .delta(10)
            .aki(&[1; 20])
            .idp(&point("http://a/"));
        bench.put("delta.crl", delta.revoke("AA", None).der());
        let source = bench.open();
        load(&source);
        (bench, source)
    };
    let (bench, _) = setting();
    let next = || bench.crl().during(60, Some(DAY));
    let aki = |crl: CrlBuilder| crl.aki(&[1; 20]).idp(&point("http://a/"));
    let cases = [
        (
            "base too new",
            aki(next().number(12).delta(11)),
            Some(DeltaMismatch::BaseTooOld),
        ),
        (
            "other scope",
            next()
                .number(12)
                .delta(10)
                .aki(&[1; 20])
                .idp(&point("http://b/")),
            Some(DeltaMismatch::OtherScope),
        ),
        (
            "no scope",
            next().number(12).delta(10).aki(&[1; 20]),
            Some(DeltaMismatch::OtherScope),
        ),
        (
            "other key",
            next()
                .number(12)
                .delta(10)
                .aki(&[2; 20])
                .idp(&point("http://a/")),
            Some(DeltaMismatch::OtherKey),
        ),
        ("no delta", aki(next().number(12)), None),
    ];
    for (what, crl, expected) in cases {
        let (bench, source) = setting();
        bench.clock.set(T0 + 60);
        bench.put("delta.crl", crl.der());
        let error = fail(&source);
        let expected = expected.map_or(CrlError::WrongKind, CrlError::Delta);
        assert_eq!(error, expected, "{what}");
        assert_eq!(
            [word(&source, "AA"), word(&source, "BB")],
            ["revoked", "not revoked"],
            "{what}"
        );
    }
    // Without a base there is nothing to lay it over.
    let bench = Bench::new(&["ca.crl"], &["delta.crl"]);
    bench.put(
        "delta.crl",
        bench.crl().number(2).delta(1).revoke("AA", None).der(),
    );
    let source = bench.open();
    let outcomes = source.refresh_files();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(word(&source, "AA"), "unavailable");
    bench.put("ca.crl", bench.crl().number(1).der());
    assert_eq!(load(&source).len(), 2);
    assert_eq!(word(&source, "AA"), "revoked");
}

#[test]
fn complete_crl_that_would_lose_the_delta_is_refused() {
    let bench = Bench::new(&["ca.crl"], &["delta.crl"]);
    bench.put("ca.crl", bench.crl().number(1).aki(&[1; 20]).der());
    bench.put(
        "delta.crl",
        bench
            .crl()
            .number(5)
            .delta(1)
            .aki(&[1; 20])
            .revoke("AA", None)
            .der(),
    );
    let source = bench.open();
    load(&source);
    bench.put("ca.crl", bench.crl().number(2).aki(&[2; 20]).der());
    assert_eq!(
        fail(&source),
        CrlError::DeltaWouldBeLost(DeltaMismatch::OtherKey)
    );
    assert_eq!(word(&source, "AA"), "revoked");
}

// covers: R5280-5.2.4-3
#[test]
fn of_several_deltas_the_latest_counts() {
    let bench = Bench::new(&["ca.crl"], &["a.crl", "b.crl"]);
    bench.put("ca.crl", bench.crl().number(1).revoke("AA", Some(6)).der());
    bench.put(
        "a.crl",
        bench
            .crl()
            .number(3)
            .delta(1)
            .during(120, Some(DAY))
            .revoke("AA", Some(8))
            .der(),
    );
    bench.put(
        "b.crl",
        bench
            .crl()
            .number(2)
            .delta(1)
            .during(60, Some(DAY))
            .revoke("BB", None)
            .der(),
    );
    bench.clock.set(T0 + 120);
    let source = bench.open();
    let outcomes = source.refresh_files();
    // The older delta has the scope of the newer one, is refused for its number, and is not missed.
    assert!(outcomes.iter().any(Result::is_err), "{outcomes:?}");
    assert_eq!(source.health().undecided, None, "{outcomes:?}");
    assert_eq!(word(&source, "AA"), "not revoked");
    bench.put(
        "b.crl",
        bench
            .crl()
            .number(3)
            .delta(1)
            .during(180, Some(DAY))
            .revoke("CC", None)
            .der(),
    );
    bench.clock.set(T0 + 180);
    load(&source);
    let words = ["AA", "CC"].map(|serial| word(&source, serial));
    assert_eq!(words, ["revoked", "revoked"]);
    assert_eq!(
        lookup(&source, "CC").unwrap().this_update,
        Some(Timestamp::from_unix(T0 + 180))
    );
}

// covers: R5280-5.3.3-1, R5280-6.3.3-b, R5280-6.3.3-f
#[test]
fn indirect_crl_of_a_named_issuer_speaks_for_us_where_it_names_us() {
    let world = crate::crls::world();
    let now = T0;
    let signer = |name: &str, usages: &[KeyUsage], until: i64| {
        CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, name))
            .serial(&[9])
            .validity(now - DAY, now + until)
            .key_usage(usages)
            .issued_by(&world.ca_a)
    };
    let crl_issuer = signer("CRL issuer", &[KeyUsage::CrlSign], 30 * DAY);
    let issuer_is =
        |name: &[u8]| der::extension("2.5.29.29", true, &der::seq(&[&der::explicit(4, name)]));
    let crl = CrlBuilder::new(&crl_issuer)
        .idp(&[crate::crls::flag(4)])
        .entry("01", &[])
        .entry("02", &[issuer_is(&world.ca_b.subject)])
        .entry("03", &[])
        .entry("04", &[issuer_is(&world.ca_a.subject)])
        .entry("05", &[]);
    let mut bench = Bench::new(&["all.crl"], &[]);
    bench.put("all.crl", crl.der());
    // Nobody named it.
    assert!(matches!(fail(&bench.open()), CrlError::Issuer(_)));
    bench.others = vec![crl_issuer.der];
    let source = bench.open();
    assert_eq!(load(&source)[0].entries, 2);
    let words = ["01", "02", "03", "04", "05"].map(|serial| word(&source, serial));
    assert_eq!(
        words,
        [
            "not revoked",
            "not revoked",
            "not revoked",
            "revoked",
            "revoked"
        ]
    );
    // The same certificateIssuer in a CRL that is not indirect.
    let direct = bench.crl().entry("04", &[issuer_is(&world.ca_a.subject)]);
    let other = Bench::new(&["ca.crl"], &[]);
    other.put("ca.crl", direct.der());
    assert!(matches!(fail(&other.open()), CrlError::Unusable(_)));
    // A named issuer that must not sign, or no longer.
    for (wrong, why) in [
        (
            signer("CRL issuer", &[KeyUsage::DigitalSignature], 30 * DAY),
            "has a keyUsage without cRLSign",
        ),
        (
            signer("CRL issuer", &[KeyUsage::CrlSign], -1),
            "is not valid now",
        ),
    ] {
        let mut bench = Bench::new(&["all.crl"], &[]);
        bench.put("all.crl", crl.der());
        bench.others = vec![wrong.der.clone()];
        assert_eq!(fail(&bench.open()), CrlError::Signer(why));
    }
}

// covers: T-4
#[test]
fn folder_holds_a_set_and_what_left_it_is_missed() {
    let bench = Bench::new(&["crls"], &[]);
    std::fs::create_dir(bench.path("crls")).unwrap();
    let source = bench.open();
    assert!(source.refresh_files().is_empty());
    assert_eq!(source.health().places[0].error, Some(CrlError::NoCrl));
    assert_eq!(word(&source, "FF"), "unavailable");
    for number in [1, 2] {
        bench.put(
            &format!("crls/{number}.crl"),
            partition(&bench, number).pem(),
        );
    }
    // A delta may lie beside its base, and be read before it.
    let idp = [point("http://ca.example/1.crl")];
    bench.put(
        "crls/0.crl",
        bench
            .crl()
            .number(2)
            .delta(1)
            .idp(&idp)
            .revoke("D1", None)
            .der(),
    );
    bench.put("crls/readme.txt", "no CRL");
    let outcomes = source.refresh_files();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    assert_eq!(
        ["A1", "A2", "D1", "FF"].map(|serial| word(&source, serial)),
        ["revoked", "revoked", "revoked", "not revoked"]
    );
    // An older CRL that somebody left there harms nobody.
    bench.put(
        "crls/9.crl",
        bench.crl().number(0).idp(&idp).during(-DAY, Some(0)).der(),
    );
    assert!(matches!(fail(&source), CrlError::Older { .. }));
    assert_eq!(word(&source, "FF"), "not revoked");
    std::fs::remove_file(bench.path("crls/2.crl")).unwrap();
    assert!(matches!(fail(&source), CrlError::File(_)));
    assert_eq!(
        ["A2", "FF"].map(|serial| word(&source, serial)),
        ["revoked", "not revoked"]
    );
    // After a restart too: the state folder knows what was there.
    let again = bench.open();
    again.refresh_files();
    assert_eq!(word(&again, "A2"), "revoked");
    assert!(
        again
            .health()
            .places
            .iter()
            .any(|place| matches!(place.error, Some(CrlError::File(_))))
    );
    assert_eq!(word(&again, "FF"), "not revoked");
    bench.clock.set(T0 + DAY);
    assert_eq!(
        ["A2", "FF"].map(|serial| word(&source, serial)),
        ["outdated"; 2]
    );
    assert_eq!(
        ["A2", "FF"].map(|serial| word(&again, serial)),
        ["outdated"; 2]
    );
}

#[test]
fn of_two_places_with_one_crl_the_newer_copy_counts() {
    let bench = Bench::new(&["a.crl", "b.crl"], &[]);
    let old = bench.crl().number(1).revoke("AA", Some(6)).der();
    bench.put("a.crl", &old);
    bench.put("b.crl", &old);
    let source = bench.open();
    load(&source);
    let new = bench
        .crl()
        .number(2)
        .during(60, Some(2 * DAY))
        .revoke("BB", None);
    bench.clock.set(T0 + 60);
    bench.put("b.crl", new.der());
    load(&source);
    assert_eq!(
        ["AA", "BB"].map(|serial| word(&source, serial)),
        ["not revoked", "revoked"]
    );
    // The other copy may end: it is needed no more.
    bench.clock.set(T0 + DAY);
    assert_eq!(
        ["AA", "BB"].map(|serial| word(&source, serial)),
        ["not revoked", "revoked"]
    );
    assert!(
        source
            .health()
            .places
            .iter()
            .all(|place| place.error.is_none())
    );
}
