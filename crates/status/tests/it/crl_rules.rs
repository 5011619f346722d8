//! One CRL: what it says, and what is refused while the old truth stands.

use certvouch_crypto::SignatureError;
use certvouch_responder::{HoldInstruction, Knowledge};
use certvouch_status::crl::{
    Changes, CrlError, CrlSettings, CrlSigners, Location, Sha1, SubjectClass,
};
use certvouch_testkit::der;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, KeyUsage, SigAlg, T0};
use certvouch_types::{CrlReason, Timestamp};

use crate::common::{at, key};
use crate::crls::{Bench, CrlBuilder, DAY, fail, flag, load, lookup, point, word};

// covers: CRLSRC-1, CRLSRC-2, CRLSRC-3, R5280-5.3.1-1, R5280-5.3.2-1, R5280-5-1
#[test]
fn entry_gives_time_reason_and_the_rest_and_silence_gives_not_revoked() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let date = der::extension("2.5.29.24", false, &der::generalized_time(T0 - 9 * DAY));
    let reason = |code| der::extension("2.5.29.21", false, &der::enumerated(code));
    let instruction = der::extension("2.5.29.23", false, &der::oid("1.2.840.10040.2.3"));
    let crl = bench
        .crl()
        .entry("C1D2", &[reason(1), date])
        .entry("0A0B", &[reason(6), instruction])
        .revoke("FF", None);
    bench.put("ca.crl", crl.der());
    let source = bench.open();
    assert_eq!(word(&source, "C1D2"), "unavailable");
    let refreshed = load(&source).remove(0);
    assert_eq!(
        (refreshed.entries, refreshed.holds, refreshed.added),
        (3, 1, 3)
    );
    let record = lookup(&source, "C1D2").unwrap();
    let revoked = |reason| Knowledge::Revoked {
        at: Timestamp::from_unix(T0 - DAY),
        reason,
    };
    assert_eq!(record.knowledge, revoked(Some(CrlReason::KeyCompromise)));
    assert_eq!(
        record.invalidity_date,
        Some(Timestamp::from_unix(T0 - 9 * DAY))
    );
    assert_eq!(record.this_update, Some(Timestamp::from_unix(T0)));
    assert_eq!(record.next_update, Some(Timestamp::from_unix(T0 + DAY)));
    let hold = lookup(&source, "0A0B").unwrap();
    assert_eq!(hold.knowledge, revoked(Some(CrlReason::CertificateHold)));
    assert_eq!(hold.hold_instruction, Some(HoldInstruction::Reject));
    assert_eq!(lookup(&source, "FF").unwrap().knowledge, revoked(None));
    let other = lookup(&source, "0DEFACED").unwrap();
    assert_eq!(other.knowledge, Knowledge::NotRevoked);
    assert_eq!(
        (other.this_update, other.next_update),
        (record.this_update, record.next_update)
    );
}

// covers: R5280-5-1, R5280-5.1.2.4-1, R5280-5.1.2.6-1
#[test]
fn crl_of_version_one_pem_and_without_entries_is_taken() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("ca.crl", bench.crl().v1().revoke("AA", None).der());
    let source = bench.open();
    assert_eq!(load(&source)[0].number, None);
    assert_eq!(word(&source, "AA"), "revoked");
    // From 2050 on the times are GeneralizedTime.
    let far = at("2050-01-02T00:00:00Z").unix() - T0;
    let next = bench.crl().number(None).during(60, Some(far));
    bench.put("ca.crl", next.pem());
    assert_eq!(load(&source)[0].next_update, at("2050-01-02T00:00:00Z"));
    assert_eq!(word(&source, "AA"), "not revoked");
}

/// What stands before each bad input: number 5, thisUpdate T0, AA revoked.
/// A bundle for a web server holds the CRLs of a whole chain; ours is taken, and two of ours are not guessed between.
#[test]
fn of_several_crls_in_one_pem_file_the_one_of_this_issuer_is_taken() {
    let bench = Bench::new(&["bundle.crl"], &[]);
    let ours = bench.crl().revoke("AA", None);
    let (root, other) = (
        CrlBuilder::new(&bench.world.ca_b).number(7),
        CrlBuilder::new(&bench.world.ca_b).revoke("BB", None),
    );
    bench.put("bundle.crl", root.pem() + &ours.pem() + &other.pem());
    let source = bench.open();
    load(&source);
    let words = ["AA", "BB"].map(|serial| word(&source, serial));
    assert_eq!(words, ["revoked", "not revoked"]);
    let twice = ours.pem() + &ours.number(2).pem();
    for (text, why) in [
        (root.pem() + &other.pem(), "none of this issuer"),
        (twice, "more than one CRL of this issuer"),
    ] {
        bench.put("bundle.crl", text);
        assert!(fail(&source).to_string().contains(why), "{why}");
        assert_eq!(word(&source, "AA"), "revoked");
    }
}

fn standing() -> (Bench, std::sync::Arc<certvouch_status::CrlSource>) {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("ca.crl", bench.crl().number(5).revoke("AA", Some(1)).der());
    let source = bench.open();
    load(&source);
    (bench, source)
}

/// What is put in the place of a good CRL, and the error to expect.
type Case = (&'static str, Vec<u8>, fn(&CrlError) -> bool);

/// What is no CRL of ours.
fn not_ours(bench: &Bench, next: &CrlBuilder) -> Vec<Case> {
    let good = next.der();
    let mut outer = good.clone();
    // Any octet of the outer algorithm makes it differ from the inner one.
    let inner = SigAlg::EcdsaSha256.identifier();
    let found = outer
        .windows(inner.len())
        .rposition(|part| part == inner)
        .unwrap();
    outer[found + inner.len() - 1] ^= 1;
    vec![
        ("cut", good[..good.len() - 7].to_vec(), |it| {
            matches!(it, CrlError::Decode(_))
        }),
        ("empty", Vec::new(), |it| matches!(it, CrlError::Decode(_))),
        ("ten megabytes of zeros", vec![0; 10_000_000], |it| {
            matches!(it, CrlError::Decode(_))
        }),
        ("html", b"<html>404</html>".to_vec(), |it| {
            matches!(it, CrlError::Decode(_))
        }),
        ("two algorithms", outer, |it| {
            matches!(it, CrlError::Decode(_))
        }),
        (
            "of another key with the same name",
            CrlBuilder::new(&bench.world.ca_a2)
                .number(6)
                .during(3600, Some(9 * DAY))
                .der(),
            |it| *it == CrlError::Signature(SignatureError::Invalid),
        ),
        ("bad signature", next.clone().bad_signature().der(), |it| {
            *it == CrlError::Signature(SignatureError::Invalid)
        }),
        (
            "of another CA",
            CrlBuilder::new(&bench.world.ca_b).number(6).der(),
            |it| matches!(it, CrlError::Issuer(_)),
        ),
    ]
}

/// What is ours and must not be used.
fn not_to_be_used(next: &CrlBuilder) -> Vec<Case> {
    vec![
        ("older number", next.clone().number(4).der(), |it| {
            matches!(
                it,
                CrlError::Older {
                    what: "cRLNumber",
                    ..
                }
            )
        }),
        (
            "no number any more",
            next.clone().number(None).der(),
            |it| {
                matches!(
                    it,
                    CrlError::Older {
                        what: "cRLNumber",
                        ..
                    }
                )
            },
        ),
        (
            "older time",
            next.clone().during(-1, Some(9 * DAY)).der(),
            |it| {
                matches!(
                    it,
                    CrlError::Older {
                        what: "thisUpdate",
                        ..
                    }
                )
            },
        ),
        (
            "from the future",
            next.clone().during(9 * 3600, Some(9 * DAY)).der(),
            |it| matches!(it, CrlError::TooNew { .. }),
        ),
        (
            "no nextUpdate",
            next.clone().during(3600, None).der(),
            |it| matches!(it, CrlError::Unusable(_)),
        ),
        (
            "unknown critical extension",
            next.clone().extension("1.2.3", true, &der::null()).der(),
            |it| matches!(it, CrlError::Unusable(_)),
        ),
        (
            "unknown critical entry extension",
            next.clone()
                .entry("BB", &[der::extension("1.2.3", true, &der::null())])
                .der(),
            |it| matches!(it, CrlError::Unusable(_)),
        ),
        (
            "removeFromCRL in a complete CRL",
            next.clone().revoke("AA", Some(8)).der(),
            |it| matches!(it, CrlError::Unusable(_)),
        ),
        ("a delta", next.clone().delta(5).der(), |it| {
            *it == CrlError::WrongKind
        }),
        (
            "attribute certificates",
            next.clone().idp(&[flag(5)]).der(),
            |it| *it == CrlError::AttributeCertificates,
        ),
    ]
}

// covers: R5280-5.1.1.2-1, R5280-5.1.2.5-1, R5280-5.2-1, R5280-5.3-1, R5280-5.2.3-1, R5280-6.3.3-a, R5280-6.3.3-f, T-4, E-34
#[test]
fn bad_input_leaves_the_old_truth_until_its_next_update_and_then_nothing() {
    let (bench, _) = standing();
    let next = bench.crl().number(6).during(3600, Some(9 * DAY));
    let good = next.der();
    let cases = not_ours(&bench, &next)
        .into_iter()
        .chain(not_to_be_used(&next));
    for (what, octets, expected) in cases {
        let (bench, source) = standing();
        bench.clock.set(T0 + 7200);
        bench.put("ca.crl", &octets);
        let error = fail(&source);
        assert!(expected(&error), "{what}: {error:?}");
        // The same file is not read again, and its error stands in the health.
        assert!(source.refresh_files().is_empty(), "{what}");
        assert_eq!(source.health().places[0].error, Some(error), "{what}");
        for (seconds, answers) in [
            (7200, ["revoked", "not revoked"]),
            (DAY - 1, ["revoked", "not revoked"]),
            (DAY, ["outdated"; 2]),
        ] {
            bench.clock.set(T0 + seconds);
            let found = [word(&source, "AA"), word(&source, "BB")];
            assert_eq!(found, answers, "{what} after {seconds} s");
        }
        // A good one ends it.
        bench.put("ca.crl", &good);
        load(&source);
        assert_eq!(word(&source, "AA"), "not revoked", "{what}");
        assert_eq!(source.health().places[0].error, None, "{what}");
    }
}

// covers: T-4, R5280-5.2.3-1
#[test]
fn number_of_twenty_octets_is_compared_as_a_number() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let source = bench.open();
    let mut long = [0xFF; 20];
    bench.put(
        "ca.crl",
        bench.crl().long_number(&long).revoke("AA", None).der(),
    );
    load(&source);
    long[0] = 0xFE;
    bench.put("ca.crl", bench.crl().long_number(&long).der());
    assert!(matches!(fail(&source), CrlError::Older { .. }));
    bench.put("ca.crl", bench.crl().long_number(&[0xFF; 21]).der());
    assert!(matches!(fail(&source), CrlError::Decode(_)));
    assert_eq!(word(&source, "AA"), "revoked");
}

// covers: T-4
#[test]
fn older_crl_is_refused_after_a_restart_until_the_operator_takes_the_mark_away() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let old = bench.crl().number(1).der();
    bench.put("ca.crl", bench.crl().number(2).revoke("AA", None).der());
    load(&bench.open());
    bench.put("ca.crl", &old);
    let source = bench.open();
    // The copy in the state folder answers before anything was read.
    assert_eq!(word(&source, "AA"), "revoked");
    let mark = match fail(&source) {
        CrlError::Older {
            what: "cRLNumber",
            found,
            known,
            mark,
        } => {
            assert_eq!((found.as_str(), known.as_str()), ("0x01", "0x02"));
            mark.unwrap()
        }
        other => panic!("{other}"),
    };
    assert_eq!(word(&source, "AA"), "revoked");
    std::fs::remove_file(mark).unwrap();
    bench.put("ca.crl", &old);
    assert_eq!(load(&source)[0].first_dropped, [key("AA")]);
    assert_eq!(word(&source, "AA"), "not revoked");
}

// covers: T-4
#[test]
fn last_good_crl_answers_after_a_restart_without_its_place_but_not_past_its_end() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("ca.crl", bench.crl().revoke("AA", None).der());
    load(&bench.open());
    std::fs::remove_file(bench.path("ca.crl")).unwrap();
    let source = bench.open();
    assert!(matches!(fail(&source), CrlError::File(_)));
    assert_eq!(
        [word(&source, "AA"), word(&source, "BB")],
        ["revoked", "not revoked"]
    );
    bench.clock.set(T0 + DAY);
    assert_eq!([word(&source, "AA"), word(&source, "BB")], ["outdated"; 2]);
    // A copy that somebody changed is nobody's.
    let folder = std::fs::read_dir(bench.state().join("crl"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension() == Some("crl".as_ref()) {
            let mut octets = std::fs::read(&path).unwrap();
            let last = octets.len() - 1;
            octets[last] ^= 1;
            std::fs::write(&path, octets).unwrap();
        }
    }
    bench.clock.set(T0);
    assert_eq!(word(&bench.open(), "AA"), "unavailable");
}

#[test]
fn state_that_cannot_be_written_is_told_and_the_new_crl_is_in_force() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let source = bench.open();
    std::fs::remove_dir_all(bench.state()).unwrap();
    bench.put("ca.crl", bench.crl().number(2).revoke("AA", None).der());
    let refreshed = load(&source).remove(0);
    assert!(matches!(
        refreshed.state_error,
        Some(CrlError::State { .. })
    ));
    assert_eq!(word(&source, "AA"), "revoked");
    // The mark is remembered all the same, as long as the process lives.
    bench.put("ca.crl", bench.crl().number(1).der());
    assert!(matches!(
        fail(&source),
        CrlError::Older { mark: Some(_), .. }
    ));
}

// covers: T-1
#[test]
fn newer_crl_is_the_word_of_the_ca_and_what_it_drops_is_told() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let source = bench.open();
    let first = bench
        .crl()
        .revoke("AA", Some(1))
        .revoke("BB", Some(6))
        .revoke("CC", Some(6));
    bench.put("ca.crl", first.der());
    load(&source);
    let second = bench
        .crl()
        .number(2)
        .revoke("DD", None)
        .revoke("CC", Some(1));
    bench.put("ca.crl", second.der());
    let refreshed = load(&source).remove(0);
    assert_eq!(refreshed.dropped, 1);
    assert_eq!(refreshed.first_dropped, [key("AA")]);
    assert_eq!(
        (refreshed.released, refreshed.added, refreshed.entries),
        (1, 2, 2)
    );
    let changed = ["AA", "BB", "CC", "DD"].map(key).to_vec();
    assert_eq!(refreshed.changes, Changes::Serials(changed));
    let again = bench
        .crl()
        .number(3)
        .revoke("CC", Some(1))
        .revoke("DD", None);
    bench.put("ca.crl", again.der());
    assert!(load(&source)[0].changes.is_empty());
}

// covers: R5280-6.3.3-f
#[test]
fn issuer_without_crl_sign_signs_no_crl() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let ca = |usages: &[KeyUsage]| {
        CertBuilder::new(&[("CN", "CA-KU")], &Key::cached(KeyAlg::P256, "ca-ku"))
            .basic_constraints(true, None)
            .key_usage(usages)
            .self_signed()
    };
    for (usages, allowed) in [
        (&[KeyUsage::KeyCertSign][..], false),
        (&[KeyUsage::KeyCertSign, KeyUsage::CrlSign], true),
    ] {
        let ca = ca(usages);
        bench.put("ca.crl", CrlBuilder::new(&ca).der());
        let signers = CrlSigners::new(&ca.der, &[], Sha1::Refuse).unwrap();
        let settings = CrlSettings::new(signers, vec![Location::File(bench.path("ca.crl"))]);
        let source = bench.open_with(settings, None);
        let outcome = source.refresh_files().remove(0);
        assert_eq!(outcome.is_ok(), allowed, "{outcome:?}");
        if !allowed {
            assert!(matches!(outcome.unwrap_err().1, CrlError::Signer(_)));
        }
    }
}

// covers: R5280-7.1-1
#[test]
fn issuer_name_in_another_spelling_is_the_same_name() {
    let bench = Bench::new(&["ca.crl"], &[]);
    let name = der::seq(&[
        &der::set(&[&der::seq(&[&der::oid("2.5.4.3"), &der::printable("ca-a")])]),
        &der::set(&[&der::seq(&[
            &der::oid("2.5.4.10"),
            &der::printable("Certvouch  Tests"),
        ])]),
    ]);
    bench.put(
        "ca.crl",
        bench.crl().issuer_name(&name).revoke("AA", None).der(),
    );
    let source = bench.open();
    load(&source);
    assert_eq!(word(&source, "AA"), "revoked");
}

// covers: R5280-5.2.5-1, R5280-5.2.5-2, R5280-6.3.3-b
#[test]
fn crl_about_one_sort_of_certificates_decides_for_an_issuer_of_that_sort_only() {
    let user = 1;
    let ca = 2;
    for (member, class, decides) in [
        (flag(user), SubjectClass::Any, false),
        (flag(user), SubjectClass::EndEntity, true),
        (flag(user), SubjectClass::Ca, false),
        (flag(ca), SubjectClass::Any, false),
        (flag(ca), SubjectClass::EndEntity, false),
        (flag(ca), SubjectClass::Ca, true),
    ] {
        let bench = Bench::new(&["ca.crl"], &[]);
        bench.put(
            "ca.crl",
            bench.crl().revoke("AA", None).idp(&[member]).der(),
        );
        let mut settings = bench.settings();
        settings.class = Some(class);
        let source = bench.open_with(settings, None);
        load(&source);
        assert_eq!(word(&source, "AA"), "revoked");
        let expected = if decides {
            "not revoked"
        } else {
            "unavailable"
        };
        assert_eq!(word(&source, "BB"), expected, "{class:?}");
        assert_eq!(source.gap().is_none(), decides);
    }
    // An issuer with pathLenConstraint 0 issues end-entity certificates only.
    let issuer = CertBuilder::new(&[("CN", "CA-0")], &Key::cached(KeyAlg::P256, "ca-0"))
        .basic_constraints(true, Some(0))
        .self_signed();
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put(
        "ca.crl",
        CrlBuilder::new(&issuer)
            .idp(&[point("http://ca.example/1"), flag(user)])
            .der(),
    );
    let signers = CrlSigners::new(&issuer.der, &[], Sha1::Refuse).unwrap();
    let settings = CrlSettings::new(signers, vec![Location::File(bench.path("ca.crl"))]);
    let source = bench.open_with(settings, None);
    load(&source);
    assert_eq!(word(&source, "BB"), "not revoked");
}

#[test]
fn explanation_names_the_crl_the_entry_and_the_outcome() {
    let (_bench, source) = standing();
    let content = [0, 0xAA];
    let serial = certvouch_types::SerialNumber::from_content(&content);
    let explanation = source.explain(&serial);
    assert_eq!(explanation.listings[0].number.as_deref(), Some("0x05"));
    let text = explanation.to_string();
    for part in [
        "serial number AA",
        "ca.crl, number 0x05, at octet ",
        "keyCompromise",
        "no good-list",
        "so: revoked",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}
