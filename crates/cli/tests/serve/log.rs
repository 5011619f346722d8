//! What is told on standard error.

use certvouch_testkit::http::{once, post};
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg};

use crate::support::Site;

#[test]
fn start_tells_what_is_served_and_how_long_a_revocation_may_go_unnoticed() {
    let site = Site::new();
    let (server, _) = site.serve(&["--validity", "4h"]);
    let told = server.wait_for_stderr("serving an issuer");
    for word in [
        "issuer=ca",
        "CN=CA-A",
        "CN=D-A",
        "ecdsa-sha256",
        "rows=5",
        "revoked=1",
        "on_hold=1",
        "validity=4h",
        "exposure=3h 59m",
    ] {
        assert!(told.contains(word), "{word} in {told}");
    }
}

#[test]
fn every_exchange_is_one_event_at_debug_and_none_at_info() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--log-level", "debug", "--log-format", "json"]);
    let _ = post(address, "/", &site.question(&site.world.ee_good));
    let _ = post(address, "/", &site.question(&site.world.ee_good));
    let _ = post(address, "/", b"x");
    let _ = once(address, b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(server.terminate().success());
    let told = server.wait_for_stderr("\"stopped\"");
    let exchanges: Vec<&str> = told
        .lines()
        .filter(|l| l.contains("\"exchange\""))
        .collect();
    assert_eq!(exchanges.len(), 4, "{told}");
    assert!(
        exchanges[0].contains("\"statuses\":\"good\""),
        "{}",
        exchanges[0]
    );
    assert!(exchanges[3].contains("\"http\":405"), "{}", exchanges[3]);
    assert!(
        exchanges[0].contains("\"cache\":\"signed\""),
        "{}",
        exchanges[0]
    );
    assert!(
        exchanges[1].contains("\"cache\":\"hit\""),
        "{}",
        exchanges[1]
    );
    assert!(
        exchanges[0].contains("4A1B2C3D4E5F60718293A4B5C6D7E8F9")
            || exchanges[0].contains("4a1b2c3d4e5f60718293a4b5c6d7e8f9"),
        "{}",
        exchanges[0]
    );
    assert!(
        exchanges[2].contains("\"error\":\"malformed\""),
        "{}",
        exchanges[2]
    );
    for line in told.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }

    let (mut quiet, address) = site.serve(&[]);
    let _ = post(address, "/", &site.question(&site.world.ee_good));
    assert!(quiet.terminate().success());
    assert!(!quiet.wait_for_stderr("stopped").contains("exchange"));
}

#[test]
fn refusal_is_a_json_line_where_logs_are() {
    let site = Site::new();
    let outcome = site.refused(&["--index", "missing.txt", "--log-format", "json"]);
    assert_eq!(outcome.code, Some(2));
    let refused = site.refused(&["--signer-algorithm", "ed25519", "--log-format", "json"]);
    let line = refused.err();
    assert!(
        line.starts_with('{') && line.contains("refused to start"),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1, "{line}");
}

// covers: T-30
#[test]
fn foreign_text_cannot_forge_a_line_or_steer_a_terminal() {
    let site = Site::new();
    let world = &site.world;
    let key = Key::cached(KeyAlg::P256, "evil-ca");
    let name = "Evil\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J\u{202E}";
    let ca = CertBuilder::new(&[("CN", name)], &key)
        .serial(&[1])
        .validity(world.now - 1000, world.now + 86_400 * 400)
        .basic_constraints(true, None)
        .key_usage(&[
            certvouch_testkit::pki::KeyUsage::KeyCertSign,
            certvouch_testkit::pki::KeyUsage::DigitalSignature,
        ])
        .ski_sha1()
        .self_signed();
    ca.write_pem(&site.files.ca);
    ca.write_key_pem(&site.files.ca_key);
    let file = "[[issuer]]\ncertificate = \"ca.pem\"\nsource = { index = \"index.txt\" }\n\
        signer = { key = \"ca.key\", sign_with_ca_key = true }\n";
    std::fs::write(site.path().join("c.toml"), file).unwrap();
    let checked = crate::support::run(site.path(), &["config", "check", "c.toml"]);
    let said = checked.out();
    assert!(
        !said.contains('\u{1b}') && !said.contains('\u{202E}'),
        "{said:?}"
    );
    assert!(
        said.contains(r"CN=Evil\n2026-01-01T00:00:00Z ERROR forged\x1B[2J\u{202E}"),
        "{said:?}"
    );
    let server = certvouch_testkit::process::Server::start(&mut crate::support::certvouch(
        site.path(),
        &[
            "serve",
            "--issuer",
            "ca.pem",
            "--sign-with-ca-key",
            "--signer-key",
            "ca.key",
            "--index",
            "index.txt",
            "--listen",
            "127.0.0.1:0",
        ],
    ));
    let _ = server.listening_address();
    let told = server.wait_for_stderr("serving an issuer");
    assert!(told.contains("forged"), "{told}");
    assert!(
        !told.contains('\u{1b}') && !told.contains('\u{202E}'),
        "{told:?}"
    );
    assert!(
        !told
            .lines()
            .any(|line| line.starts_with("2026-01-01T00:00:00Z ERROR forged")),
        "{told}"
    );
}

#[test]
fn signer_that_ends_soon_is_told_at_the_start() {
    let site = Site::new();
    let world = &site.world;
    let key = Key::cached(KeyAlg::P256, "d-a");
    CertBuilder::new(&[("CN", "D-soon")], &key)
        .validity(world.now - 86_400 * 60, world.now + 86_400 * 12 + 100)
        .key_usage(&[certvouch_testkit::pki::KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a)
        .write_pem(&site.files.signer_cert);
    let (server, _) = site.serve(&[]);
    let told = server.wait_for_stderr("WARN");
    assert!(told.contains("ends in 12 days"), "{told}");
}
