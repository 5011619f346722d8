//! `certvouch verify` as a script meets it: exit code, first line and JSON agree, and standard output never says good
//! when the exit code does not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id, cert_id_from};
use certvouch_testkit::der;
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World, pem};
use certvouch_testkit::process::{TempDir, temp_dir};
use certvouch_testkit::reply::{self, Reply, Single, Status};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");
const NOW: &str = "2026-01-10T00:00:00Z";
const DAY: i64 = 86_400;

/// A world's certificates as files, and room for a response.
struct Desk {
    world: World,
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let world = World::new(KeyAlg::P256);
        let dir = temp_dir();
        fs::write(dir.path().join("ca.der"), &world.ca_a.der).unwrap();
        world.ee_good.write_pem(&dir.path().join("ee.pem"));
        Self { world, dir }
    }

    fn put(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, octets).unwrap();
        path
    }

    fn single(&self) -> Single {
        Single::about(&self.world.ca_a, &self.world.ee_good.serial, T0)
    }

    fn reply(&self) -> Reply {
        Reply::delegated(&self.world.d_a, T0)
    }

    fn good(&self) -> Vec<u8> {
        self.reply().single(&self.single()).build()
    }

    /// Verifies at [`NOW`] with more flags; a later --cert, --issuer or --at takes the place of the usual one.
    fn verify(&self, response: &[u8], more: &[&str]) -> Outcome {
        self.put("response.der", response);
        let mut words = vec!["verify"];
        for (flag, value) in [
            ("--cert", "ee.pem"),
            ("--issuer", "ca.der"),
            ("--response", "response.der"),
            ("--at", NOW),
        ] {
            if !more.contains(&flag) {
                words.extend([flag, value]);
            }
        }
        words.extend(more);
        self.run(&words, &[])
    }

    fn run(&self, words: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.dir.path()).args(words);
        peer::run(&mut command, stdin, peer::PATIENCE)
    }

    /// Runs it both ways, and checks what has to agree: code, word, brackets, and that nothing but 0 says good.
    fn judged(&self, response: &[u8], more: &[&str]) -> (i32, String, Value) {
        let text = self.verify(response, more);
        let json = self.verify(response, &[more, &["--json"]].concat());
        assert_eq!((text.err(), json.err()), (String::new(), String::new()));
        assert_eq!(text.code, json.code);
        let object: Value = serde_json::from_str(&json.out()).unwrap();
        let code = text.code.unwrap();
        let out = text.out();
        let line = out.lines().next().unwrap().to_owned();
        let verdict = object["verdict"].as_str().unwrap();
        let brackets = object["text"].as_str().unwrap();
        assert_eq!(line, format!("{verdict} ({brackets})"));
        assert_eq!(object["code"], code);
        assert_eq!(verdict == "GOOD", code == 0, "{line}");
        assert_eq!(object["reason"].is_null(), code == 0);
        assert_eq!(object["checks"].as_array().unwrap().len(), 21);
        let advised = out.contains("\n  cause: ") && out.contains("\n  next:  ");
        assert_eq!(advised, code != 0, "{out}");
        assert_eq!(object["cause"].is_string(), code != 0);
        assert_eq!(object["next"].is_string(), code != 0);
        if code != 0 {
            assert!(!out.to_lowercase().contains("good"), "{out}");
        }
        (code, line, object)
    }
}

/// A delegate of CA-A by this name.
fn delegate(world: &World, name: &str) -> Cert {
    CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, "named"))
        .serial(&[0x77])
        .validity(T0 - DAY, T0 + DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a)
}

/// ecdsa-with-SHA1.
fn ecdsa_sha1() -> Vec<u8> {
    der::seq(&[&der::oid("1.2.840.10045.4.1")])
}

/// Each response, its exit code, the first line (its start, if it ends in `…`), the stable code of the reason.
fn table(desk: &Desk) -> Vec<(Vec<u8>, i32, &'static str, &'static str)> {
    let world = &desk.world;
    let single = desk.single();
    let with = |single: &Single| desk.reply().single(single).build();
    let revoked = |reason| {
        single
            .clone()
            .status(Status::Revoked(world.revoked_at, reason))
    };
    let old = |single: Single| single.this_update(T0 - 5 * DAY).next_update(T0 - 3 * 3600);
    let plain = CertBuilder::new(&[("CN", "good responder")], &world.d_a.key)
        .validity(T0 - DAY, T0 + DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .issued_by(&world.ca_a);
    vec![
        (
            desk.good(),
            0,
            "GOOD (until 2026-01-13T23:00:00Z, delegated signer \"D-A\", nocheck)",
            "",
        ),
        (
            Reply::new(&world.ca_a, T0).single(&single).build(),
            0,
            "GOOD (until 2026-01-13T23:00:00Z, signed by the issuer)",
            "",
        ),
        (
            with(&revoked(Some(1))),
            1,
            "REVOKED (keyCompromise, 2026-01-02T03:04:05Z)",
            "revoked",
        ),
        (
            with(&revoked(None)),
            1,
            "REVOKED (unspecified, 2026-01-02T03:04:05Z)",
            "revoked",
        ),
        (
            with(&revoked(Some(6))),
            1,
            "REVOKED (certificateHold, 2026-01-02T03:04:05Z)",
            "on-hold",
        ),
        (
            with(&old(revoked(Some(1)))),
            1,
            "REVOKED (keyCompromise, 2026-01-02T03:04:05Z, stale: expired 3 h ago)",
            "revoked",
        ),
        (
            desk.reply()
                .single(&single)
                .single(&revoked(Some(4)))
                .build(),
            1,
            "REVOKED (superseded, 2026-01-02T03:04:05Z, another entry contradicts it)",
            "revoked",
        ),
        (
            with(&single.clone().status(Status::Unknown)),
            3,
            "UNKNOWN (responder answers for this issuer, not for serial 4A1B2C3D4E5F60718293A4B5C6D7E8F9)",
            "unknown",
        ),
        (
            with(&old(single.clone())),
            4,
            "NOT-CURRENT (expired 3 h ago)",
            "expired",
        ),
        (
            with(&old(revoked(Some(6)))),
            4,
            "NOT-CURRENT (expired 3 h ago)",
            "expired",
        ),
        (
            with(&single.clone().this_update(T0 + 400)),
            4,
            "NOT-CURRENT (not yet valid: thisUpdate is 6 min ahead of this clock)",
            "not-yet-valid",
        ),
        (
            with(&single.clone().no_next_update()),
            4,
            "NOT-CURRENT (no nextUpdate)",
            "no-next-update",
        ),
        (
            desk.reply().single(&single).bad_signature().build(),
            5,
            "NOT-TRUSTED (bad signature)",
            "bad-signature",
        ),
        (
            Reply::new(&plain, T0)
                .cert(&plain.der)
                .single(&single)
                .build(),
            5,
            "NOT-TRUSTED (unauthorised responder: id-kp-OCSPSigning missing in the signer certificate)",
            "signer-purpose-missing",
        ),
        (
            Reply::delegated(&world.d_b, T0).single(&single).build(),
            5,
            "NOT-TRUSTED (unauthorised responder: …",
            "signer-not-issued-by-ca",
        ),
        (
            with(&Single::about(&world.ca_a, &world.ee_hold.serial, T0)),
            5,
            "NOT-TRUSTED (wrong certificate: response is for serial 0A0B, asked for 4A1B2C3D4E5F60718293A4B5C6D7E8F9)",
            "wrong-certificate",
        ),
        (
            with(&single.clone().extension("1.2.3.4", true, &[5, 0])),
            5,
            "NOT-TRUSTED (unknown critical extension in the entry for the certificate)",
            "critical-extension",
        ),
        (
            desk.reply()
                .single(&single)
                .algorithm_der(&ecdsa_sha1())
                .build(),
            5,
            "NOT-TRUSTED (signature with SHA-1)",
            "algorithm-not-allowed",
        ),
        (
            desk.reply().build(),
            6,
            "MALFORMED (the response answers nothing: its list is empty)",
            "empty-responses",
        ),
        (
            b"<html>good</html>".to_vec(),
            6,
            "MALFORMED (no OCSP response: OCSPResponse at offset 0: …",
            "malformed",
        ),
        (vec![], 6, "MALFORMED (no OCSP response: …", "malformed"),
        (
            desk.good()[..400].to_vec(),
            6,
            "MALFORMED (no OCSP response: …",
            "malformed",
        ),
        (
            with(&single.clone().next_update(T0 - 2 * DAY)),
            6,
            "MALFORMED (nextUpdate 2026-01-08T00:00:00Z lies before thisUpdate 2026-01-09T23:00:00Z)",
            "negative-validity",
        ),
        (
            reply::error(1),
            7,
            "RESPONDER-ERROR (malformedRequest)",
            "malformed-request",
        ),
        (
            reply::error(2),
            7,
            "RESPONDER-ERROR (internalError)",
            "internal-error",
        ),
        (
            reply::error(3),
            7,
            "RESPONDER-ERROR (tryLater)",
            "try-later",
        ),
        (
            reply::error(5),
            7,
            "RESPONDER-ERROR (sigRequired)",
            "sig-required",
        ),
        (
            reply::error(6),
            7,
            "RESPONDER-ERROR (unauthorized)",
            "unauthorized",
        ),
        (
            desk.reply().single(&single).response_type("1.2.3").build(),
            7,
            "RESPONDER-ERROR (response of an unknown type)",
            "unknown-response-type",
        ),
    ]
}

// covers: T-22, R6960-3.2-1, R6960-3.2-2, R6960-3.2-3, R6960-3.2-6, R6960-4.2.2.3-C2, R9919-5-C1
#[test]
fn verdict_line_exit_code_and_json_agree_for_every_verdict() {
    let desk = Desk::new();
    for (response, code, line, reason) in table(&desk) {
        let (found_code, found, json) = desk.judged(&response, &[]);
        assert_eq!(found_code, code, "{found}");
        match line.strip_suffix('…') {
            Some(start) => assert!(found.starts_with(start), "{found}"),
            None => assert_eq!(found, line),
        }
        assert_eq!(json["reason"].as_str().unwrap_or_default(), reason);
    }
}

#[test]
fn json_holds_times_signer_and_flags() {
    let desk = Desk::new();
    let revoked = Status::Revoked(desk.world.revoked_at, Some(1));
    let single = desk.single().status(revoked);
    let (_, _, json) = desk.judged(&desk.reply().single(&single).build(), &[]);
    let facts = &json["response"];
    assert_eq!(facts["this_update"], "2026-01-09T23:00:00Z");
    assert_eq!(facts["next_update"], "2026-01-13T23:00:00Z");
    assert_eq!(facts["produced_at"], NOW);
    assert_eq!(facts["revocation_time"], "2026-01-02T03:04:05Z");
    assert_eq!(facts["revocation_reason"], "keyCompromise");
    assert_eq!(facts["signer"]["kind"], "delegate");
    assert_eq!(facts["signer"]["subject"], "CN=D-A, O=certvouch tests");
    assert_eq!(facts["signer"]["serial"], "10");
    assert_eq!(facts["signer"]["nocheck"], true);
    assert_eq!(json["serial"], "4A1B2C3D4E5F60718293A4B5C6D7E8F9");
    assert_eq!(json["at"], NOW);
    assert_eq!(
        (&json["stale"], &json["contradiction"]),
        (&false.into(), &false.into())
    );
    assert_eq!(json["checks"][0]["code"], "issuer-is-ca");
    assert_eq!(json["checks"][0]["outcome"], "passed");

    let old = single.clone().next_update(T0 - 3600 + 1);
    let both = desk.reply().single(&desk.single()).single(&single).build();
    let late = ["--at", "2026-01-12T00:00:00Z"];
    let (_, _, json) = desk.judged(&desk.reply().single(&old).build(), &late);
    assert_eq!(
        (&json["stale"], &json["stale_reason"]),
        (&true.into(), &"expired".into())
    );
    let (_, _, json) = desk.judged(&both, &[]);
    assert_eq!(json["contradiction"], true);
}

// covers: T-20
#[test]
fn certificate_that_the_issuer_did_not_make_is_not_trusted() {
    let desk = Desk::new();
    let world = &desk.world;
    let forged = CertBuilder::new(&[("CN", "EE-good")], &world.ee_good.key)
        .serial(&world.ee_good.serial)
        .validity(T0 - DAY, T0 + DAY)
        .issued(&world.ca_a.subject, &world.ca_b.key);
    desk.put("forged.der", &forged.der);
    desk.put("ca-b.der", &world.ca_b.der);
    desk.put("ca-a2.der", &world.ca_a2.der);
    for (flags, reason) in [
        (["--cert", "forged.der"], "certificate-not-signed-by-issuer"),
        (
            ["--issuer", "ca-a2.der"],
            "certificate-not-signed-by-issuer",
        ),
        (["--issuer", "ca-b.der"], "certificate-not-issued-by-issuer"),
        (["--issuer", "ee.pem"], "issuer-is-no-ca"),
    ] {
        let (code, line, json) = desk.judged(&desk.good(), &flags);
        assert_eq!((code, json["reason"].as_str()), (5, Some(reason)), "{line}");
    }
}

#[test]
fn issuer_is_found_among_several_and_response_in_every_form() {
    let desk = Desk::new();
    let world = &desk.world;
    let bundle = [world.ca_b.pem(), world.ca_a2.pem(), world.ca_a.pem()].concat();
    desk.put("bundle.pem", format!("first line\n{bundle}").as_bytes());
    let armoured = pem("OCSP RESPONSE", &desk.good());
    let bare: String = armoured
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    for response in [&desk.good()[..], armoured.as_bytes(), bare.as_bytes()] {
        let (code, line, _) = desk.judged(response, &["--issuer", "bundle.pem"]);
        assert_eq!(code, 0, "{line}");
    }
    let words = [
        "verify",
        "--cert",
        "ee.pem",
        "--issuer",
        "ca.der",
        "--response",
        "-",
        "--at",
        NOW,
    ];
    assert_eq!(desk.run(&words, &desk.good()).code, Some(0));
}

// covers: R9654-2.1-C4, R9919-5-C3
#[test]
fn nonce_of_the_request_binds_the_response() {
    let desk = Desk::new();
    let world = &desk.world;
    let ask = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial);
    desk.put("request.der", &ask.clone().nonce(&[7; 16]).build());
    let answer = |nonce: &[u8]| desk.reply().single(&desk.single()).nonce(nonce).build();
    let with = ["--request", "request.der"];
    let (code, _, json) = desk.judged(&answer(&[7; 16]), &with);
    assert_eq!((code, &json["response"]["nonce"]), (0, &"echoed".into()));
    let (code, line, _) = desk.judged(&answer(&[8; 16]), &with);
    assert_eq!((code, line.as_str()), (5, "NOT-TRUSTED (nonce mismatch)"));
    let (code, _, json) = desk.judged(&desk.good(), &with);
    assert_eq!((code, &json["response"]["nonce"]), (0, &"absent".into()));
    let (code, line, _) = desk.judged(
        &desk.good(),
        &[&with[..], &["--profile", "strict"]].concat(),
    );
    assert_eq!(
        (code, line.as_str()),
        (5, "NOT-TRUSTED (the nonce that was sent is missing)")
    );

    let hex = "07".repeat(32);
    let (code, _, json) = desk.judged(&answer(&[7; 32]), &["--nonce", &hex]);
    assert_eq!((code, &json["response"]["nonce"]), (0, &"echoed".into()));
    let (code, _, _) = desk.judged(&answer(&[8; 32]), &["--nonce", &hex]);
    assert_eq!(code, 5);
}

// covers: D-17, R6960-4.3-C2
#[test]
fn sha1_counts_only_when_allowed_and_the_verdict_says_so() {
    let desk = Desk::new();
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let reply = desk
        .reply()
        .single(&desk.single())
        .algorithm_der(&ecdsa_sha1());
    desk.world
        .d_a
        .write_key_pem(&desk.dir.path().join("key.pem"));
    desk.put("tbs", &reply.tbs());
    let sign = [
        "dgst",
        "-sha1",
        "-sign",
        "key.pem",
        "-out",
        "signature",
        "tbs",
    ];
    let _ = openssl
        .run_in(desk.dir.path(), &sign)
        .expect_success("sign");
    let signature = fs::read(desk.dir.path().join("signature")).unwrap();
    let reply = reply.signature(&signature);
    let (code, line, json) = desk.judged(&reply.build(), &["--allow-sha1"]);
    assert_eq!((code, &json["sha1_allowed"]), (0, &true.into()));
    assert!(line.ends_with(", SHA-1 allowed)"), "{line}");
    let (code, line, _) = desk.judged(&reply.bad_signature().build(), &["--allow-sha1"]);
    assert_eq!(
        (code, line.as_str()),
        (5, "NOT-TRUSTED (bad signature, SHA-1 allowed)")
    );
}

#[test]
fn profile_decides_about_time() {
    let desk = Desk::new();
    let endless = desk.reply().single(&desk.single().no_next_update()).build();
    for (profile, code) in [
        ("rfc9919", 4),
        ("strict", 4),
        ("openssl", 0),
        ("java", 4),
        ("firefox", 0),
        ("chromium", 0),
    ] {
        let (found, line, json) = desk.judged(&endless, &["--profile", profile]);
        assert_eq!(found, code, "{profile}: {line}");
        assert_eq!(json["profile"], profile);
    }
}

#[test]
fn clock_and_moment_in_the_past_are_told_apart() {
    let desk = Desk::new();
    let later = ["--at", "2026-02-01T00:00:00Z"];
    assert_eq!(desk.judged(&desk.good(), &later).0, 4);
    let status = Status::Revoked(desk.world.revoked_at, Some(1));
    let revoked = desk.reply().single(&desk.single().status(status)).build();
    let as_of = |time| desk.judged(&revoked, &["--as-of", time]);
    let (code, line, json) = as_of("2026-01-01T00:00:00Z");
    assert_eq!((code, &json["as_of"]), (0, &"2026-01-01T00:00:00Z".into()));
    assert!(
        line.starts_with("GOOD (as of 2026-01-01T00:00:00Z, "),
        "{line}"
    );
    assert_eq!(as_of("2026-01-03T00:00:00Z").0, 1);
    let future = desk.verify(&revoked, &["--as-of", "2026-01-11T00:00:00Z"]);
    assert_eq!((future.code, future.out().as_str()), (Some(2), ""));
}

// covers: T-30
#[test]
fn names_cannot_speak_for_the_program() {
    let desk = Desk::new();
    for (name, shown) in [
        ("x\", nocheck)\nGOOD (", "x\\\", nocheck)\\nGOOD ("),
        ("\u{1b}[2J\u{202e}x", "\\x1B[2J\\u{202E}x"),
        ("\\\"", "\\\\\\\""),
    ] {
        let signer = delegate(&desk.world, name);
        let reply = Reply::delegated(&signer, T0).single(&desk.single());
        let out = desk.verify(&reply.build(), &[]).out();
        let line = out.lines().next().unwrap();
        let expected =
            format!("GOOD (until 2026-01-11T00:00:00Z, delegated signer \"{shown}\", nocheck)");
        assert_eq!(line, expected);
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'));
        let json = desk.verify(&reply.build(), &["--json"]);
        assert!(
            json.out()
                .trim_end()
                .chars()
                .all(|c| (' '..='~').contains(&c))
        );
        let object: Value = serde_json::from_str(&json.out()).unwrap();
        assert_eq!(
            object["response"]["signer"]["subject"],
            format!("CN={name}")
        );
    }
}

// covers: T-30
#[test]
fn url_of_a_certificate_is_one_harmless_word_of_the_next_command() {
    let desk = Desk::new();
    let evil = CertBuilder::new(&[("CN", "evil")], &desk.world.ee_good.key)
        .serial(&[5])
        .validity(T0 - DAY, T0 + DAY)
        .aia(&["http://x/$(touch\u{20}y)';\u{1b}[2J"], &[])
        .issued_by(&desk.world.ca_a);
    desk.put("evil.der", &evil.der);
    let outcome = desk.verify(&reply::error(3), &["--cert", "evil.der"]);
    let out = outcome.out();
    assert!(!out.contains('\u{1b}'));
    let expected = r"-url 'http://x/$(touch y)'\'';\\x1B[2J' -noverify";
    assert!(out.contains(&expected.replace(r"\\x1B", r"\x1B")), "{out}");
}

#[test]
fn file_that_is_no_certificate_or_cannot_be_read_ends_with_two() {
    let desk = Desk::new();
    desk.put("empty", b"");
    desk.put("text", b"hello, this is text\n");
    desk.put("key.pem", pem("PRIVATE KEY", &[0x30, 0]).as_bytes());
    desk.put("cut.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n");
    desk.put("cut.der", &desk.world.ee_good.der[..100]);
    desk.put("huge", &vec![0x30; 5 << 20]);
    fs::create_dir(desk.dir.path().join("folder")).unwrap();
    for flag in ["--cert", "--issuer"] {
        for file in [
            "empty", "text", "key.pem", "cut.pem", "cut.der", "huge", "folder", "missing",
        ] {
            let outcome = desk.verify(&desk.good(), &[flag, file]);
            assert_eq!(
                (outcome.code, outcome.out().as_str()),
                (Some(2), ""),
                "{flag} {file}"
            );
            let said = outcome.err();
            assert!(said.starts_with("error: ") && said.contains(file), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    for file in ["huge", "folder", "missing"] {
        let outcome = desk.verify(&desk.good(), &["--response", file]);
        assert_eq!(
            (outcome.code, outcome.out().as_str()),
            (Some(2), ""),
            "{file}"
        );
    }
    for file in ["empty", "text", "key.pem", "cut.pem", "cut.der", "ca.der"] {
        let outcome = desk.verify(&desk.good(), &["--response", file]);
        assert_eq!(outcome.code, Some(6), "{file}");
    }
}

#[test]
fn question_that_makes_no_sense_ends_with_two() {
    let desk = Desk::new();
    let other = Ask::for_serial(HashAlg::Sha256, &desk.world.ca_a, &[1]).build();
    desk.put("other.der", &other);
    for flags in [
        &["--request", "other.der"][..],
        &["--request", "ee.pem"],
        &["--nonce", "00"],
        &["--nonce", "xyz"],
        &["--at", "yesterday"],
        &["--profile", "lax"],
        &["--request", "other.der", "--nonce", "00"],
    ] {
        let outcome = desk.verify(&desk.good(), flags);
        assert_eq!(
            (outcome.code, outcome.out().as_str()),
            (Some(2), ""),
            "{flags:?}"
        );
        assert!(outcome.err().starts_with("error: "), "{}", outcome.err());
    }
}

// covers: R5754-2-1, D-2
#[test]
fn cert_id_may_be_written_in_every_legal_way() {
    let desk = Desk::new();
    let world = &desk.world;
    for hash in [
        HashAlg::Sha1,
        HashAlg::Sha256,
        HashAlg::Sha384,
        HashAlg::Sha512,
    ] {
        for parameters in [Params::Null, Params::Absent] {
            let id = cert_id(hash, &parameters, &world.ca_a, &world.ee_good.serial);
            let reply = desk.reply().single(&desk.single().cert_id(&id));
            assert_eq!(desk.judged(&reply.build(), &[]).0, 0);
        }
    }
    let algorithm = HashAlg::Sha256.identifier(&Params::Null);
    let id = cert_id_from(&algorithm, &[0; 32], &[0; 32], &world.ee_good.serial);
    let reply = desk.reply().single(&desk.single().cert_id(&id));
    assert_eq!(desk.judged(&reply.build(), &[]).0, 5);
    assert_eq!(der::read(&id).map(|_| ()), Ok(()));
}

#[test]
fn reader_that_leaves_early_gets_the_exit_code_all_the_same() {
    let desk = Desk::new();
    desk.put("response.der", &desk.good());
    for (program, response) in [(0, desk.good()), (7, reply::error(6))] {
        desk.put("response.der", &response);
        let mut child = Command::new(PROGRAM)
            .current_dir(desk.dir.path())
            .args([
                "verify", "--cert", "ee.pem", "--issuer", "ca.der", "--at", NOW,
            ])
            .args(["--response", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads before it writes: it waits for its input.
        drop(child.stdout.take());
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &response).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(program));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[test]
fn output_that_cannot_be_written_is_no_verdict() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let desk = Desk::new();
    desk.put("response.der", &desk.good());
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = Command::new(PROGRAM)
        .current_dir(desk.dir.path())
        .args([
            "verify", "--cert", "ee.pem", "--issuer", "ca.der", "--at", NOW,
        ])
        .args(["--response", "response.der"])
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}
