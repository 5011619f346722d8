//! `certvouch verify` as a script meets it: exit code, first line and JSON agree, and standard output never says good
//! when the exit code does not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

mod crls;
mod desk;
mod table;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id, cert_id_from};
use certvouch_testkit::der;
use certvouch_testkit::peer;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World, pem};
use certvouch_testkit::reply::{self, Reply, Status};
use serde_json::Value;

use crate::desk::{DAY, Desk, NOW, PROGRAM};
use crate::table::{ecdsa_sha1, table};

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

/// docs/symptoms.md has a table of first lines; each of them is said here.
#[test]
fn verdicts_of_the_page_are_really_said() {
    let page = include_str!("../../../../docs/symptoms.md");
    let (_, part) = page
        .split_once("\n## What certvouch verify says\n")
        .unwrap();
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(told.len() > 10, "{told:?}");
    let desk = Desk::new();
    let said: Vec<_> = table(&desk)
        .into_iter()
        .map(|(response, ..)| desk.judged(&response, &[]).1)
        .collect();
    for text in told {
        assert!(said.iter().any(|line| line.contains(text)), "{text}");
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
    desk.put("request.der", &ask.nonce(&[7; 16]).build());
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

#[test]
fn verdict_is_coloured_on_a_terminal_that_wants_it() {
    let desk = Desk::new();
    desk.put("response.der", &desk.good());
    // util-linux gives a program a terminal.
    let Some(script) = peer::on_path("script") else {
        return;
    };
    let line = format!(
        "{PROGRAM} verify --cert ee.pem --issuer ca.der --response response.der --at {NOW}"
    );
    for (variables, coloured) in [
        (&[("TERM", "xterm")][..], true),
        (&[("TERM", "xterm"), ("NO_COLOR", "")], true),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let mut command = Command::new(&script);
        command
            .current_dir(desk.dir.path())
            .args(["-qec", &line, "/dev/null"])
            .env_remove("NO_COLOR")
            .envs(variables.iter().copied());
        let outcome = peer::run(&mut command, &[], peer::PATIENCE);
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        let start = if coloured {
            "\u{1b}[1;32mGOOD\u{1b}[0m (until"
        } else {
            "GOOD (until"
        };
        assert!(
            outcome.out().starts_with(start),
            "{variables:?} {}",
            outcome.out()
        );
        assert_eq!(
            outcome.out().matches('\u{1b}').count(),
            if coloured { 2 } else { 0 }
        );
    }
}
