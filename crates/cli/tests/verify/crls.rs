//! `certvouch verify --crl`: alone, several, and beside a response.

use std::fs;
use std::process::Command;

use certvouch_testkit::crl::{CrlBuilder, point};
use certvouch_testkit::openssl_ca::{OpensslCa, Revocation};
use certvouch_testkit::peer;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, KeyUsage, T0};
use certvouch_testkit::reply::{Reply, Status};
use serde_json::Value;

use crate::desk::{DAY, Desk, NOW, PROGRAM};

fn crl(desk: &Desk) -> CrlBuilder {
    CrlBuilder::new(&desk.world.ca_a).during(-3600, Some(DAY))
}

/// The exit code, the first line and the JSON of CRLs alone; nothing but 0 says good.
fn judged(desk: &Desk, more: &[&str]) -> (i32, String, Value) {
    let mut words = vec!["verify"];
    for (flag, value) in [("--cert", "ee.pem"), ("--issuer", "ca.der"), ("--at", NOW)] {
        if !more.contains(&flag) {
            words.extend([flag, value]);
        }
    }
    words.extend(more);
    let text = desk.run(&words, &[]);
    words.push("--json");
    let json = desk.run(&words, &[]);
    assert_eq!((text.err(), json.err()), (String::new(), String::new()));
    assert_eq!(text.code, json.code);
    let code = text.code.unwrap();
    let said = text.out();
    assert_eq!(code == 0, said.to_lowercase().contains("good"), "{said}");
    let object: Value = serde_json::from_str(&json.out()).unwrap();
    assert_eq!(object["code"], code);
    assert_eq!(object["verdict"] == "GOOD", code == 0);
    (code, said.lines().next().unwrap().to_owned(), object)
}

#[test]
fn crl_alone_gives_a_verdict_that_names_it() {
    let desk = Desk::new();
    let serial = desk.world.ee_good.serial_hex();
    let list = crl(&desk).number(0x2A);
    desk.put("a.crl", &list.der());
    desk.put("pem.crl", list.pem().as_bytes());
    for file in ["a.crl", "pem.crl"] {
        let (code, line, json) = judged(&desk, &["--crl", file]);
        let expected =
            "GOOD (until 2026-01-11T00:00:00Z, not on the CRL number 0x2A of 2026-01-09T23:00:00Z)";
        assert_eq!((code, line.as_str()), (0, expected));
        assert_eq!(json["crls"][0]["number"], "0x2A");
        assert_eq!(json["crls"][0]["next_update"], "2026-01-11T00:00:00Z");
        assert_eq!(json["response"], Value::Null);
    }
    for (reason, text, code) in [
        (Some(1), "keyCompromise", "revoked"),
        (None, "unspecified", "revoked"),
        (Some(6), "certificateHold", "on-hold"),
    ] {
        desk.put("b.crl", &list.clone().revoke(&serial, reason).der());
        let (exit, line, json) = judged(&desk, &["--crl", "b.crl"]);
        let expected = format!(
            "REVOKED ({text}, 2026-01-09T00:00:00Z, on the CRL number 0x2A of 2026-01-09T23:00:00Z)"
        );
        assert_eq!((exit, line), (1, expected));
        assert_eq!(json["reason"], code);
    }
    let late = ["--crl", "a.crl", "--at", "2026-01-12T00:00:00Z"];
    assert_eq!(judged(&desk, &late).0, 4);
    let skewed = [&late[..], &["--skew", "86400"]].concat();
    assert_eq!(judged(&desk, &skewed).0, 0);
    assert_eq!(judged(&desk, &["--crl", "a.crl", "--max-age", "3600"]).0, 0);
    assert_eq!(judged(&desk, &["--crl", "a.crl", "--max-age", "3599"]).0, 4);
}

#[test]
fn crl_that_is_not_believed_ends_with_its_code_and_cause() {
    let desk = Desk::new();
    let list = crl(&desk);
    desk.put("forged", &list.clone().bad_signature().der());
    desk.put("other", &CrlBuilder::new(&desk.world.ca_b).der());
    desk.put("part", &list.clone().idp(&[point("http://x/1")]).der());
    desk.put("delta", &list.clone().number(3).delta(2).der());
    desk.put("cut", &list.der()[..99]);
    desk.put("empty", b"");
    desk.put("page", b"<html>");
    desk.put("response", &desk.good());
    for (file, code, reason, cause) in [
        ("forged", 5, "bad-signature", "--crl-issuer"),
        ("other", 5, "crl-out-of-scope", "another CA"),
        ("part", 5, "crl-out-of-scope", "another part"),
        ("delta", 3, "delta-without-base", "complete CRL"),
        ("cut", 6, "malformed-crl", "cut or changed"),
        ("empty", 6, "malformed-crl", "empty"),
        ("page", 6, "malformed-crl", "HTML"),
        ("response", 6, "malformed-crl", "--response"),
        ("ca.der", 6, "malformed-crl", "certificate"),
    ] {
        let (exit, line, json) = judged(&desk, &["--crl", file]);
        assert_eq!(
            (exit, json["reason"].as_str()),
            (code, Some(reason)),
            "{file}: {line}"
        );
        assert!(json["cause"].as_str().unwrap().contains(cause), "{json}");
    }
    let (exit, _, json) = desk.judged(&list.der(), &[]);
    assert_eq!(exit, 6);
    assert!(json["cause"].as_str().unwrap().contains("--crl"), "{json}");
    fs::create_dir(desk.dir.path().join("folder")).unwrap();
    for file in ["folder", "missing"] {
        let words = [
            "verify", "--cert", "ee.pem", "--issuer", "ca.der", "--crl", file,
        ];
        let outcome = desk.run(&words, &[]);
        assert_eq!(
            (outcome.code, outcome.out().as_str()),
            (Some(2), ""),
            "{file}"
        );
    }
    let outcome = desk.run(&["verify", "--cert", "ee.pem", "--issuer", "ca.der"], &[]);
    assert_eq!((outcome.code, outcome.out().as_str()), (Some(2), ""));
}

// covers: T-20
#[test]
fn forged_certificate_gets_no_word_from_a_crl() {
    let desk = Desk::new();
    let world = &desk.world;
    let forged = CertBuilder::new(&[("CN", "EE-good")], &world.ee_good.key)
        .serial(&world.ee_good.serial)
        .validity(T0 - DAY, T0 + DAY)
        .issued(&world.ca_a.subject, &world.ca_b.key);
    desk.put("forged.der", &forged.der);
    desk.put("a.crl", &crl(&desk).der());
    let (code, _, json) = judged(&desk, &["--crl", "a.crl", "--cert", "forged.der"]);
    assert_eq!(
        (code, &json["reason"]),
        (5, &"certificate-not-signed-by-issuer".into())
    );
}

#[test]
fn several_crls_are_judged_together_and_each_check_names_its_crl() {
    let desk = Desk::new();
    let serial = desk.world.ee_good.serial_hex();
    let held = crl(&desk).number(5).revoke(&serial, Some(6));
    let delta = crl(&desk).number(6).delta(5).revoke(&serial, Some(8));
    let both = [held.pem(), delta.pem()].concat();
    desk.put("both.pem", both.as_bytes());
    desk.put("held.crl", &held.der());
    desk.put("delta.crl", &delta.der());
    for flags in [
        &["--crl", "both.pem"][..],
        &["--crl", "held.crl", "--crl", "delta.crl"],
        &["--crl", "delta.crl", "--crl", "held.crl"],
    ] {
        let (code, line, json) = judged(&desk, flags);
        assert_eq!(code, 0, "{line}");
        let checks = json["checks"].as_array().unwrap();
        let of = |crl: u64| checks.iter().filter(|check| check["crl"] == crl).count();
        assert_eq!((of(1), of(2), of(3)), (12, 12, 0));
        assert_eq!(json["crls"].as_array().unwrap().len(), 2);
    }
    assert_eq!(judged(&desk, &["--crl", "held.crl"]).0, 1);
}

#[test]
fn of_response_and_crl_the_worse_counts() {
    let desk = Desk::new();
    let serial = desk.world.ee_good.serial_hex();
    let list = crl(&desk);
    desk.put("clean", &list.der());
    desk.put("lists", &list.clone().revoke(&serial, Some(1)).der());
    desk.put("forged", &list.clone().bad_signature().der());
    desk.put("old", &list.during(-2 * DAY, Some(-DAY)).der());
    desk.put("other", &CrlBuilder::new(&desk.world.ca_b).der());
    let status = Status::Revoked(desk.world.revoked_at, Some(1));
    let revoked = desk.reply().single(&desk.single().status(status)).build();
    for (response, file, code, contradiction) in [
        (desk.good(), "clean", 0, false),
        (desk.good(), "lists", 1, true),
        (desk.good(), "forged", 5, false),
        (desk.good(), "old", 4, false),
        (desk.good(), "other", 0, false),
        (revoked.clone(), "clean", 1, true),
        (revoked.clone(), "lists", 1, false),
        (revoked, "forged", 1, false),
        (b"x".to_vec(), "clean", 6, false),
        (b"x".to_vec(), "lists", 1, false),
    ] {
        let (found, line, json) = desk.judged(&response, &["--crl", file]);
        assert_eq!(found, code, "{file}: {line}");
        assert_eq!(json["contradiction"], contradiction, "{file}: {line}");
        let checks = json["checks"].as_array().unwrap();
        for word in ["envelope", "crl-syntax", "issuer-is-ca"] {
            let count = checks.iter().filter(|check| check["code"] == word).count();
            assert_eq!(count, 1, "{file}: {word}");
        }
    }
}

// covers: R6960-4.2.2.2.1-C1
#[test]
fn delegate_without_nocheck_is_looked_for_on_the_crls() {
    let desk = Desk::new();
    let signer = CertBuilder::new(&[("CN", "plain")], &Key::cached(KeyAlg::P256, "plain"))
        .serial(&[0x55])
        .validity(T0 - DAY, T0 + DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .issued_by(&desk.world.ca_a);
    let response = Reply::delegated(&signer, T0).single(&desk.single()).build();
    let list = crl(&desk);
    desk.put("clean", &list.der());
    desk.put("lists", &list.revoke("55", Some(6)).der());
    let strict = ["--profile", "strict"];
    assert_eq!(desk.judged(&response, &strict).0, 5);
    let with = |file| [&strict[..], &["--crl", file]].concat();
    assert_eq!(desk.judged(&response, &with("clean")).0, 0);
    let (code, line, _) = desk.judged(&response, &with("lists"));
    let expected = "NOT-TRUSTED (unauthorised responder: the signer certificate is revoked)";
    assert_eq!((code, line.as_str()), (5, expected));
    assert_eq!(desk.judged(&response, &["--crl", "lists"]).0, 5);
}

/// A real CA's CRL: `openssl ca -gencrl`.
#[test]
fn crl_of_openssl_is_verified() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let [sound, gone, held] = ["1A", "1B", "1C"].map(|serial| ca.issue("leaf", serial));
    ca.revoke(&gone, Revocation::KeyCompromisedAt("20260101000000Z"));
    ca.revoke(&held, Revocation::Hold("holdInstructionReject"));
    let crl = ca.crl();
    for (leaf, code, word) in [
        (&sound, 0, "GOOD (until "),
        (&gone, 1, "REVOKED (keyCompromise, "),
        (&held, 1, "REVOKED (certificateHold, "),
    ] {
        let [cert, issuer, crl] =
            [&leaf.cert, &ca.cert(), &crl].map(|path| path.display().to_string());
        let words = [
            "verify", "--cert", &cert, "--issuer", &issuer, "--crl", &crl,
        ];
        let outcome = peer::run(Command::new(PROGRAM).args(words), &[], peer::PATIENCE);
        assert_eq!(outcome.code, Some(code), "{}", outcome.err());
        assert!(outcome.out().starts_with(word), "{}", outcome.out());
    }
}
