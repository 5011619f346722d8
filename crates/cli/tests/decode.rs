//! `certvouch decode` as its user meets it: every kind in every form, text and JSON, and what it does with the wrong
//! files.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

use std::fs;
use std::process::{Command, Stdio};

use certvouch_testkit::ask::{Ask, GetForm, HashAlg, Params, cert_id, get_segment};
use certvouch_testkit::crl::{CrlBuilder, flag, point, some_reasons};
use certvouch_testkit::der;
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, T0, World, pem};
use certvouch_testkit::process::{TempDir, temp_dir};
use certvouch_testkit::reply::{self, Reply, Single, Status};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");

fn decode(dir: &TempDir, words: &[&str], stdin: &[u8]) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.current_dir(dir.path()).arg("decode").args(words);
    peer::run(&mut command, stdin, peer::PATIENCE)
}

/// Decodes octets from standard input; the text and the JSON.
fn both(octets: &[u8]) -> (String, Value) {
    let dir = temp_dir();
    let text = decode(&dir, &["-"], octets).expect_success("text").out();
    let line = decode(&dir, &["-", "--json"], octets);
    let line = line.expect_success("json").out();
    assert_eq!(line.lines().count(), 1);
    (text, serde_json::from_str(&line).unwrap())
}

#[test]
fn response_is_shown_with_every_field() {
    let world = World::new(KeyAlg::P256);
    let crl = der::seq(&[
        &der::explicit(0, &der::ia5("http://x/a.crl")),
        &der::explicit(1, &der::uint(&[0x0A])),
        &der::explicit(2, &der::generalized_time(T0)),
    ]);
    let single = Single::about(&world.ca_a, &world.ee_good.serial, T0)
        .status(Status::Revoked(world.revoked_at, Some(1)))
        .archive_cutoff(T0 - 86_400)
        .extension("2.5.29.24", false, &der::generalized_time(T0 - 3600))
        .extension("1.3.6.1.5.5.7.48.1.3", false, &crl)
        .extension("1.2.3.4", true, &[5, 0]);
    let other = Single::about(&world.ca_a, &world.ee_hold.serial, T0).no_next_update();
    let reply = Reply::delegated(&world.d_a, T0)
        .single(&single)
        .single(&other)
        .single(&other.clone().status(Status::Unknown))
        .nonce(&[0xAB; 16])
        .extension("1.3.6.1.5.5.7.48.1.9", false, &der::null());
    let octets = reply.build();
    let (text, json) = both(&octets);
    assert_eq!(json["kind"], "ocspResponse");
    assert_eq!(json["octets"], octets.len());
    let message = &json["message"];
    assert_eq!(message["responseStatus"], "successful (0)");
    assert_eq!(message["responseType"], "id-pkix-ocsp-basic");
    assert_eq!(
        message["responderID"]["byKey"],
        der::to_hex(&world.d_a.key_hash_sha1()).to_uppercase()
    );
    assert_eq!(message["producedAt"], "2026-01-10T00:00:00Z");
    let first = &message["responses"][0];
    assert_eq!(first["certID"]["hashAlgorithm"], "SHA-256");
    assert_eq!(first["certID"]["parameters"], "NULL");
    assert_eq!(
        first["certID"]["serialNumber"],
        "4A1B2C3D4E5F60718293A4B5C6D7E8F9"
    );
    assert_eq!(
        first["certStatus"]["revoked"],
        json!({"revocationTime": "2026-01-02T03:04:05Z", "revocationReason": "keyCompromise"})
    );
    assert_eq!(first["thisUpdate"], "2026-01-09T23:00:00Z");
    assert_eq!(first["nextUpdate"], "2026-01-13T23:00:00Z");
    let extensions = first["singleExtensions"].as_array().unwrap();
    let value = |index: usize| (&extensions[index]["extension"], &extensions[index]["value"]);
    assert_eq!(
        value(0),
        (&json!("archiveCutoff"), &json!("2026-01-09T00:00:00Z"))
    );
    assert_eq!(
        value(1),
        (&json!("invalidityDate"), &json!("2026-01-09T23:00:00Z"))
    );
    let expected =
        json!({"crlUrl": "http://x/a.crl", "crlNum": "0A", "crlTime": "2026-01-10T00:00:00Z"});
    assert_eq!(value(2), (&json!("crlReferences"), &expected));
    assert_eq!(
        extensions[3],
        json!({"extension": "unknown", "oid": "1.2.3.4", "critical": true, "value": "0500"})
    );
    assert_eq!(message["responses"][1]["certStatus"], "good");
    assert_eq!(message["responses"][1]["nextUpdate"], Value::Null);
    assert_eq!(message["responses"][2]["certStatus"], "unknown");
    assert_eq!(message["responseExtensions"][0]["value"], "AB".repeat(16));
    assert_eq!(message["responseExtensions"][1]["value"], "NULL");
    assert_eq!(message["signatureAlgorithm"], "ecdsa-sha256");
    let embedded = &message["certs"][0];
    assert_eq!(embedded["subject"], "CN=D-A, O=certvouch tests");
    assert_eq!(
        (&embedded["OCSPSigning"], &embedded["nocheck"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(embedded["publicKey"], "EC, P-256");
    for line in [
        "OCSP response, ",
        "\n  responses:\n    - certID:\n        hashAlgorithm: SHA-256\n",
        "\n      certStatus:\n        revoked:\n          revocationTime: 2026-01-02T03:04:05Z\n",
        "\n      nextUpdate: absent\n",
        "\n          critical: yes\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn errors_and_strange_responses_are_shown() {
    let (text, json) = both(&reply::error(6));
    assert_eq!(
        text,
        "OCSP response, 5 octets\n  responseStatus: unauthorized (6)\n"
    );
    assert_eq!(
        json["message"],
        json!({"responseStatus": "unauthorized (6)"})
    );
    let world = World::new(KeyAlg::P256);
    let empty = Reply::new(&world.ca_a, T0).by_name();
    let (_, json) = both(&empty.build());
    let message = &json["message"];
    assert_eq!(
        message["responderID"]["byName"],
        "CN=CA-A, O=certvouch tests"
    );
    assert_eq!(
        (&message["responses"], &message["certs"]),
        (&json!([]), &json!([]))
    );
    let (_, json) = both(&empty.clone().response_type("1.2.3").build());
    assert_eq!(json["message"]["responseType"], "1.2.3");
    let (_, json) = both(&empty.basic());
    assert_eq!(json["kind"], "basicOcspResponse");
    let (_, json) = both(&empty.version(0).basic());
    assert_eq!(json["message"]["explicitVersion"], true);
}

// covers: D-26, D-27
#[test]
fn request_is_shown_with_every_field() {
    let world = World::new(KeyAlg::P256);
    let id = cert_id(HashAlg::Sha1, &Params::Absent, &world.ca_a, &[1]);
    let locator = der::seq(&[&world.ca_a.subject]);
    let extension = der::extension("1.3.6.1.5.5.7.48.1.7", false, &locator);
    let preferred = der::seq(&[&der::seq(&[&der::seq(&[&der::oid("1.2.840.10045.4.3.2")])])]);
    let sig_alg = world.d_b.key.sig_alg();
    let request = Ask::new()
        .requestor_directory_name(&world.ee_good.subject)
        .entry_with_extensions(&id, &[extension])
        .nonce(&[1; 32])
        .extension(
            "1.3.6.1.5.5.7.48.1.4",
            false,
            &der::seq(&[&der::oid("1.3.6.1.5.5.7.48.1.1")]),
        )
        .extension("1.3.6.1.5.5.7.48.1.8", false, &preferred)
        .sign(&world.d_b, sig_alg, &[&world.d_b]);
    let (_, json) = both(&request.build());
    assert_eq!(json["kind"], "ocspRequest");
    let message = &json["message"];
    assert_eq!(
        message["requestorName"]["directoryName"],
        "CN=EE-good, O=certvouch tests"
    );
    let entry = &message["requestList"][0];
    assert_eq!(entry["reqCert"]["hashAlgorithm"], "SHA-1");
    assert_eq!(entry["reqCert"]["parameters"], Value::Null);
    assert_eq!(
        entry["singleRequestExtensions"][0]["value"],
        json!({"issuer": "CN=CA-A, O=certvouch tests", "locator": null})
    );
    let extensions = &message["requestExtensions"];
    assert_eq!(extensions[0]["extension"], "nonce");
    assert_eq!(extensions[0]["value"], "01".repeat(32));
    assert_eq!(extensions[1]["value"], json!(["id-pkix-ocsp-basic"]));
    assert_eq!(extensions[2]["value"], json!(["ecdsa-sha256"]));
    assert_eq!(message["signature"]["signatureAlgorithm"], "ecdsa-sha256");
    assert_eq!(
        message["signature"]["certs"][0]["subject"],
        "CN=D-B, O=certvouch tests"
    );
}

#[test]
fn extension_that_breaks_its_syntax_is_shown_in_hex_with_the_reason() {
    let world = World::new(KeyAlg::P256);
    let ask = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &[1]);
    let (_, json) = both(&ask.clone().unwrapped_nonce(&[0xAA; 16]).build());
    let nonce = &json["message"]["requestExtensions"][0];
    assert_eq!(nonce["value"], "AA".repeat(16));
    assert!(nonce["fault"].as_str().unwrap().contains("OCTET STRING"));
    let wrong = ask.extension("1.3.6.1.5.5.7.48.1.4", false, &[5, 0]);
    let (_, json) = both(&wrong.build());
    let fault = &json["message"]["requestExtensions"][0]["fault"];
    assert!(
        fault
            .as_str()
            .unwrap()
            .contains("expected tag 30, found 05"),
        "{fault}"
    );
}

#[test]
fn certificate_is_shown_with_its_extensions() {
    let world = World::new(KeyAlg::P256);
    let made = CertBuilder::new(&[("CN", "leaf")], &Key::cached(KeyAlg::Rsa2048, "leaf"))
        .serial(&[0x0F])
        .validity(T0, T0 + 60)
        .basic_constraints(true, Some(3))
        .key_usage(&[certvouch_testkit::pki::KeyUsage::KeyCertSign])
        .eku(&["1.3.6.1.5.5.7.3.9", "1.2.3"])
        .ocsp_nocheck()
        .ski(&[0xEE; 20])
        .aki(&[0xDD; 20])
        .aia(&["http://ocsp.example/"], &["http://ca.example/ca.cer"])
        .crl_dp(&["http://crl.example/a.crl"])
        .extension("1.3.6.1.5.5.7.1.24", false, &der::seq(&[&der::uint(&[5])]))
        .extension(
            "2.5.29.17",
            false,
            &der::seq(&[
                &der::tlv(0x82, b"x.example"),
                &der::tlv(0x87, &[127, 0, 0, 1]),
            ]),
        )
        .issued_by(&world.ca_a);
    let (text, json) = both(&made.der);
    let message = &json["message"];
    assert_eq!(message["subject"], "CN=leaf");
    assert_eq!(message["publicKey"], "RSA, 2048 bits");
    assert_eq!(message["notAfter"], "2026-01-10T00:01:00Z");
    let extensions = message["extensions"].as_array().unwrap();
    let value = |name: &str| {
        let found = extensions.iter().find(|one| one["extension"] == name);
        found.unwrap()["value"].clone()
    };
    assert_eq!(
        value("basicConstraints"),
        json!({"cA": true, "pathLenConstraint": 3})
    );
    assert_eq!(value("keyUsage"), json!(["keyCertSign"]));
    assert_eq!(value("extKeyUsage"), json!(["OCSPSigning", "1.2.3"]));
    assert_eq!(value("nocheck"), "NULL");
    assert_eq!(value("subjectKeyIdentifier"), "EE".repeat(20));
    assert_eq!(
        value("authorityKeyIdentifier")["keyIdentifier"],
        "DD".repeat(20)
    );
    assert_eq!(
        value("authorityInfoAccess")[0],
        json!({"accessMethod": "ocsp",
               "accessLocation": {"uniformResourceIdentifier": "http://ocsp.example/"}})
    );
    assert_eq!(
        value("cRLDistributionPoints"),
        json!([[{"uniformResourceIdentifier": "http://crl.example/a.crl"}]])
    );
    assert_eq!(value("tlsFeature"), json!(["status_request (5)"]));
    assert_eq!(
        value("subjectAltName"),
        json!([{"dNSName": "x.example"}, {"iPAddress": "127.0.0.1"}])
    );
    assert!(text.starts_with("certificate, "), "{text}");
}

#[test]
fn every_form_of_input_is_read() {
    let world = World::new(KeyAlg::P256);
    let request = Ask::for_serial(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial).build();
    let dir = temp_dir();
    let segment = get_segment(&request, GetForm::Strict);
    let url = format!("http://ocsp.example/some/path/{segment}");
    let write = |name: &str, octets: &[u8]| fs::write(dir.path().join(name), octets).unwrap();
    write("der", &request);
    write("pem", pem("OCSP REQUEST", &request).as_bytes());
    write("url", format!("{url}\n").as_bytes());
    write("path", format!("/{segment}").as_bytes());
    write("raw", get_segment(&request, GetForm::Raw).as_bytes());
    write(
        "unpadded",
        get_segment(&request, GetForm::NoPadding).as_bytes(),
    );
    let shown = decode(&dir, &["der"], &[]).expect_success("der").out();
    assert!(shown.starts_with("OCSP request, "), "{shown}");
    for input in ["pem", "url", "path", "raw", "unpadded", &url] {
        let outcome = decode(&dir, &[input], &[]);
        assert_eq!(outcome.expect_success(input).out(), shown, "{input}");
    }
    let chain = [world.ee_good.pem(), world.ca_a.pem()].concat();
    write("chain", chain.as_bytes());
    let out = decode(&dir, &["chain"], &[]).expect_success("chain").out();
    assert_eq!(out.matches("certificate, ").count(), 2);
    let out = decode(&dir, &["chain", "--json"], &[]).out();
    assert_eq!(out.lines().count(), 2);
}

// covers: T-30
#[test]
fn names_do_nothing_to_a_terminal() {
    let evil = "a\u{1b}[2J\n  notAfter: never\u{202e}\u{85}\"";
    let made = CertBuilder::new(&[("CN", evil)], &Key::cached(KeyAlg::P256, "evil"))
        .aia(&["http://x/\u{1b}]0;t\u{7}"], &[])
        .self_signed();
    let (text, json) = both(&made.der);
    assert_eq!(json["message"]["subject"], format!("CN={evil}"));
    let harmless = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
    assert!(text.chars().all(harmless), "{text:?}");
    assert!(!text.contains("\n  notAfter: never"), "{text}");
    let dir = temp_dir();
    let line = decode(&dir, &["-", "--json"], &made.der).out();
    assert!(line.trim_end().chars().all(|c| (' '..='~').contains(&c)));
}

// covers: E-15
#[test]
fn octets_that_break_the_syntax_end_with_six_and_their_place() {
    let world = World::new(KeyAlg::P256);
    let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
    let response = Reply::delegated(&world.d_a, T0).single(&single);
    let dir = temp_dir();
    let trailing = response.clone().trailing(&[0]).build();
    let end = trailing.len() - 1;
    let reason = response
        .clone()
        .single_der(&single.status(Status::Revoked(T0, Some(7))).der());
    for (octets, what, at) in [
        (b"hello, world".to_vec(), "message", Some(0)),
        (b"<html>".to_vec(), "message", Some(0)),
        (response.build()[..300].to_vec(), "message", None),
        (trailing, "OCSPResponse", Some(end)),
        (reason.build(), "RevokedInfo.revocationReason", None),
        (world.ee_good.der[..50].to_vec(), "message", None),
    ] {
        let outcome = decode(&dir, &["-"], &octets);
        assert_eq!((outcome.code, outcome.out().as_str()), (Some(6), ""));
        let said = outcome.err();
        assert!(
            said.starts_with("error: ") && said.contains(" at offset "),
            "{said}"
        );
        let outcome = decode(&dir, &["-", "--json"], &octets);
        assert_eq!(outcome.code, Some(6));
        let json: Value = serde_json::from_str(&outcome.out()).unwrap();
        let error = &json["error"];
        assert_eq!(error["field"], what, "{json}");
        assert!(error["reason"].is_string());
        match at {
            Some(at) => assert_eq!(error["offset"], at, "{json}"),
            None => assert!(error["offset"].as_u64().unwrap() > 0, "{json}"),
        }
    }
}

#[test]
fn crl_is_shown_with_its_entries_and_extensions() {
    let dir = temp_dir();
    let world = World::new(KeyAlg::P256);
    let issuer = der::seq(&[&der::explicit(4, &world.ca_b.subject)]);
    let crl = CrlBuilder::new(&world.ca_a)
        .number(0x2A)
        .delta(0x29)
        .idp(&[
            point("http://crl.example/1.crl"),
            some_reasons(&[1, 6]),
            flag(4),
        ])
        .revoke("77", Some(6))
        .entry("78", &[der::extension("2.5.29.29", true, &issuer)]);
    fs::write(dir.path().join("a.crl"), crl.der()).unwrap();
    fs::write(dir.path().join("a.pem"), crl.pem()).unwrap();
    for file in ["a.crl", "a.pem"] {
        let outcome = decode(&dir, &[file, "--json"], &[]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.err());
        let shown: Value = serde_json::from_str(&outcome.out()).unwrap();
        assert_eq!(shown["kind"], "crl");
        let message = &shown["message"];
        assert_eq!(message["thisUpdate"], "2026-01-10T00:00:00Z");
        assert_eq!(message["entries"], 2);
        let first = json!({
            "serialNumber": "77",
            "revocationDate": "2026-01-09T00:00:00Z",
            "reasonCode": "certificateHold",
        });
        assert_eq!(message["revokedCertificates"][0], first);
        let second = &message["revokedCertificates"][1];
        assert_eq!(second["certificateIssuer"], "CN=CA-B, O=certvouch tests");
        let value = |name: &str| {
            let all = message["extensions"].as_array().unwrap();
            all.iter().find(|one| one["extension"] == name).unwrap()["value"].clone()
        };
        assert_eq!(value("cRLNumber"), "2A");
        assert_eq!(value("deltaCRLIndicator"), "29");
        let idp = json!({
            "distributionPoint": ["http://crl.example/1.crl"],
            "indirectCRL": true,
            "onlySomeReasons": ["keyCompromise", "certificateHold"],
        });
        assert_eq!(value("issuingDistributionPoint"), idp);
        let text = decode(&dir, &[file], &[]).out();
        assert!(
            text.starts_with("CRL, ") && text.contains("reasonCode: certificateHold"),
            "{text}"
        );
    }
    fs::write(dir.path().join("cut"), &crl.der()[..200]).unwrap();
    let outcome = decode(&dir, &["cut"], &[]);
    assert_eq!((outcome.code, outcome.out().as_str()), (Some(6), ""));
    assert!(outcome.err().contains("offset"), "{}", outcome.err());
}

#[test]
fn file_that_cannot_be_read_or_is_of_another_kind_ends_with_two() {
    let dir = temp_dir();
    fs::create_dir(dir.path().join("folder")).unwrap();
    fs::write(dir.path().join("empty"), b"").unwrap();
    fs::write(dir.path().join("huge"), vec![0x30; 17 << 20]).unwrap();
    fs::write(
        dir.path().join("key"),
        pem("PRIVATE KEY", &der::seq(&[&der::uint(&[0])])),
    )
    .unwrap();
    for (input, said) in [
        ("folder", "directory"),
        ("missing", "No such file"),
        ("empty", "empty"),
        ("huge", "larger than 16 MiB"),
        ("key", "this is a private key or PKCS#12"),
        ("http://ocsp.example/", "no OCSP request in this URL"),
    ] {
        let outcome = decode(&dir, &[input], &[]);
        assert_eq!(
            (outcome.code, outcome.out().as_str()),
            (Some(2), ""),
            "{input}"
        );
        assert!(outcome.err().contains(said), "{}", outcome.err());
        assert_eq!(outcome.err().lines().count(), 1);
    }
}

#[test]
fn reader_that_leaves_early_makes_no_panic() {
    let world = World::new(KeyAlg::P256);
    let chain = world.ca_a.pem().repeat(100);
    let mut child = Command::new(PROGRAM)
        .args(["decode", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody reads before it writes: it waits for its input.
    drop(child.stdout.take());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), chain.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
