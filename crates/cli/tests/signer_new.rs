//! `certvouch signer new` as its user meets it: what it makes is closed, is believed by OpenSSL, and serves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use certvouch_testkit::openssl_ca::OpensslCa;
use certvouch_testkit::peer::{self, Outcome, Peer};
use certvouch_testkit::pki::KeyAlg;
use certvouch_testkit::process::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_certvouch");

fn run(dir: &Path, line: &str) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.current_dir(dir).args(line.split_whitespace());
    peer::run(&mut command, &[], peer::PATIENCE)
}

/// Serves with the pair in `signer/` and has OpenSSL ask for a certificate.
fn ask(openssl: &Peer, ca: &OpensslCa, cert: &Path) -> String {
    let mut command = Command::new(PROGRAM);
    let flags = "serve --issuer ca.pem --signer-cert signer/ocsp.pem --signer-key signer/ocsp.key \
                 --index index.txt --listen 127.0.0.1:0";
    command.current_dir(ca.dir()).args(flags.split_whitespace());
    let server = Server::start(&mut command);
    let url = format!("http://{}/", server.listening_address());
    let cert = cert.display().to_string();
    let files = [
        "ocsp", "-issuer", "ca.pem", "-CAfile", "ca.pem", "-cert", &cert,
    ];
    openssl
        .run_in(ca.dir(), &[&files[..], &["-url", &url]].concat())
        .expect_success("openssl ocsp")
        .all()
}

#[test]
fn certificate_made_with_the_ca_key_serves() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let cert = ca.issue("server", "1001").cert;
    let told = run(
        ca.dir(),
        "signer new --issuer ca.pem --ca-key ca.key --out signer --days 7",
    );
    let told = told.expect_success("signer new").out();
    assert!(told.contains("--signer-cert signer/ocsp.pem"), "{told}");
    let key = fs::metadata(ca.dir().join("signer/ocsp.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let answer = ask(&openssl, &ca, &cert);
    assert!(
        answer.contains("Response verify OK") && answer.contains(": good"),
        "{answer}"
    );
}

#[test]
fn request_signed_by_the_printed_command_serves() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let cert = ca.issue("server", "1001").cert;
    let told =
        run(ca.dir(), "signer new --issuer ca.pem --out signer").expect_success("signer new");
    let told = told.out();
    let lines: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    let extensions: Vec<&str> = lines
        .iter()
        .copied()
        .skip_while(|line| *line != "[ocsp_signer]")
        .take_while(|line| !line.starts_with("openssl"))
        .collect();
    fs::write(ca.dir().join("ocsp.cnf"), extensions.join("\n") + "\n").unwrap();
    fs::write(ca.dir().join("serial"), "1003\n").unwrap();
    let command = lines
        .iter()
        .find(|line| line.starts_with("openssl ca "))
        .unwrap();
    // The command as printed, with the test CA's configuration and without its questions.
    let arguments: Vec<&str> = command.split_whitespace().skip(2).collect();
    let own = ["ca", "-batch", "-config", "openssl.cnf"];
    let _ = openssl
        .run_in(ca.dir(), &[&own[..], &arguments].concat())
        .expect_success(command);
    let answer = ask(&openssl, &ca, &cert);
    assert!(
        answer.contains("Response verify OK") && answer.contains(": good"),
        "{answer}"
    );
}

#[test]
fn nothing_is_overwritten_and_refusals_say_why() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let line = "signer new --issuer ca.pem --out signer";
    let _ = run(ca.dir(), line).expect_success("signer new");
    let before = fs::read(ca.dir().join("signer/ocsp.key")).unwrap();
    for (line, why) in [
        (line, "is there already"),
        ("signer new --issuer absent.pem --out other", "absent.pem"),
        (
            "signer new --issuer ca.pem --out other --days 3",
            "--ca-key",
        ),
        (
            "signer new --issuer ca.pem --out other --key rsa-512",
            "rsa-2048",
        ),
    ] {
        let refused = run(ca.dir(), line);
        assert_eq!(refused.code, Some(2), "{line}\n{}", refused.all());
        assert!(refused.err().contains(why), "{line}\n{}", refused.err());
        assert!(refused.stdout.is_empty());
    }
    assert_eq!(fs::read(ca.dir().join("signer/ocsp.key")).unwrap(), before);
    assert!(!ca.dir().join("other").exists());
}
