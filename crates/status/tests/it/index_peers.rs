//! The index files of real CAs, and OpenSSL's word on which files are to be refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{ask, at, knows, open, t0, valid};
use certvouch_responder::{HoldInstruction, Knowledge};
use certvouch_status::index_txt::parse;
use certvouch_status::{SerialKey, easy_rsa};
use certvouch_testkit::clock::real_now;
use certvouch_testkit::openssl_ca::{Issued, OpensslCa, Revocation};
use certvouch_testkit::peer::{self, PATIENCE, Peer};
use certvouch_testkit::pki::KeyAlg;
use certvouch_types::{CrlReason, Timestamp};

fn reason(source: &certvouch_status::IndexTxt, serial: &str) -> Option<CrlReason> {
    match knows(source, serial) {
        Knowledge::Revoked { at, reason } => {
            let age = real_now() - at.unix();
            assert!((-5..3600).contains(&age), "{serial}: revoked {age} s ago");
            reason
        }
        other => panic!("{serial}: {other:?}"),
    }
}

// covers: R6960-2.2-4, W-TIME-3, T-1
#[test]
fn index_of_openssl_ca_is_understood_and_followed() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let source = open(&ca.index());
    assert_eq!(source.health().counts.rows, 0);
    let large = "F1000000000000000000000000000001";
    let issue = |name: &str, serial: &str| ca.issue(name, serial);
    let now = real_now();
    let certs: Vec<Issued> = [large, "000A0B", "7F", "51", "52", "53", "54", "55", "56"]
        .iter()
        .enumerate()
        .map(|(number, serial)| issue(&format!("Zoë \\\\ of a\\/b {number}"), serial))
        .collect();
    let _ = ca.issue_between("old", "0101", now - 9 * 86_400, now - 86_400);
    let _ = ca.issue_between("far", "0102", now - 86_400, 2_840_140_800);
    let reloaded = source.reload(t0()).unwrap();
    assert_eq!(
        (reloaded.added, reloaded.rows),
        (11, 11),
        "{}",
        ca.index_text()
    );
    for cert in &certs {
        assert_eq!(
            knows(&source, &cert.serial_hex),
            Knowledge::Issued,
            "{}",
            cert.serial_hex
        );
    }

    let how = [
        Revocation::NoReason,
        Revocation::Reason("unspecified"),
        Revocation::Reason("keyCompromise"),
        Revocation::Reason("certificateHold"),
        Revocation::Hold("holdInstructionReject"),
        Revocation::KeyCompromisedAt("20260101000000Z"),
        Revocation::CaCompromisedAt("20260102000000Z"),
        Revocation::Reason("removeFromCRL"),
    ];
    for (cert, how) in certs.iter().zip(how) {
        ca.revoke(cert, how);
    }
    ca.update_db();
    let reloaded = source.reload(t0()).unwrap();
    assert_eq!(
        (reloaded.revoked, reloaded.altered, reloaded.removed),
        (8, 0, 0)
    );
    assert_eq!(reloaded.reports.total(), 1, "removeFromCRL");
    assert_eq!(reason(&source, large), None);
    assert_eq!(reason(&source, "0A0B"), Some(CrlReason::Unspecified));
    assert_eq!(reason(&source, "7F"), Some(CrlReason::KeyCompromise));
    assert_eq!(reason(&source, "51"), Some(CrlReason::CertificateHold));
    assert_eq!(reason(&source, "52"), Some(CrlReason::CertificateHold));
    assert_eq!(reason(&source, "53"), Some(CrlReason::KeyCompromise));
    assert_eq!(reason(&source, "54"), Some(CrlReason::CaCompromise));
    assert_eq!(reason(&source, "55"), None);
    let records = ask(&source, &["52", "53", "54", "56", "0101", "0102", "57"]);
    assert_eq!(records[0].hold_instruction, Some(HoldInstruction::Reject));
    assert_eq!(records[1].invalidity_date, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(records[2].invalidity_date, Some(at("2026-01-02T00:00:00Z")));
    assert_eq!(records[3].knowledge, Knowledge::Issued);
    assert_eq!(
        records[4].knowledge,
        Knowledge::Issued,
        "an expired row is issued"
    );
    assert_eq!(
        records[4].not_after,
        Some(Timestamp::from_unix(now - 86_400))
    );
    assert_eq!(
        records[5].not_after,
        Some(Timestamp::from_unix(2_840_140_800))
    );
    assert_eq!(records[6].knowledge, Knowledge::NeverIssued);
    assert_eq!(source.health().counts.expired, 1);
}

/// Whether `openssl ocsp` takes this index: it answers for the signer's serial number, or refuses
/// to start.
fn openssl_takes(openssl: &Peer, ca: &OpensslCa, signer: &Issued, index: &[u8]) -> bool {
    fs::write(ca.dir().join("try.txt"), index).unwrap();
    let [cert, key] = [&signer.cert, &signer.key].map(|path| path.to_str().unwrap());
    let arguments = [
        "ocsp", "-index", "try.txt", "-CA", "ca.pem", "-rsigner", cert, "-rkey", key, "-issuer",
        "ca.pem",
    ];
    let rest = ["-serial", "0x01", "-ndays", "1", "-noverify", "-resp_text"];
    let outcome = openssl.run_in(ca.dir(), &[&arguments[..], &rest[..]].concat());
    let answered = outcome.out().contains("Cert Status: good");
    let refused = outcome.err().contains("Problem with index file");
    assert_ne!(answered, refused, "{}", outcome.all());
    answered
}

#[test]
fn structure_that_openssl_refuses_is_refused() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let signer = ca.issue_ocsp_signer("signer", "0100");
    let one = valid("01");
    let cases: [(&str, bool); 15] = [
        ("", true),
        ("# comment\n", true),
        ("#\n", true),
        ("V\t271231235959Z\t\t02\tunknown\t/CN=x\r\n", true),
        ("V\t271231235959Z\t\t02\tunknown\t/CN=\\\tx\n", true),
        ("V\t271231235959Z\t\t02\tunknown\t/CN=x\t\n", false),
        ("V\t271231235959Z\t\t02\t\t\n", true),
        (
            "R\t271231235959Z\t260101000000Z,superseded,extra\t02\tunknown\t/CN=x\n",
            true,
        ),
        ("E\t271231235959Z\t\t02\tunknown\t/CN=x\n", true),
        ("\n", false),
        ("\r\n", false),
        ("V\t271231235959Z\t\t02\tunknown\n", false),
        ("V\t271231235959Z\t\t02\\\tunknown\t/CN=x\n", false),
        ("V\t271231235959Z\t\t02\tunknown\t/CN=x\tmore\n", false),
        ("V\t271231235959Z\t\t02\tunknown\t/CN=x\t\t\n", false),
    ];
    for (text, takes) in cases {
        for index in [one.clone() + text, text.to_owned() + &one] {
            let theirs = openssl_takes(&openssl, &ca, &signer, index.as_bytes());
            let ours = parse(index.as_bytes());
            assert_eq!((theirs, ours.is_ok()), (takes, takes), "{text:?}: {ours:?}");
        }
    }
    // The one file that OpenSSL takes and we do not: it leaves out the row that was cut, and says
    // nothing.
    let cut = one + "V\t271231235959Z\t\t02\tunknown\t/CN=x";
    assert!(openssl_takes(&openssl, &ca, &signer, cut.as_bytes()));
    assert_eq!(parse(cut.as_bytes()).unwrap_err().line, 2);
}

fn easyrsa() -> Option<PathBuf> {
    let debian = Path::new("/usr/share/easy-rsa/easyrsa");
    let found = peer::on_path("easyrsa").or_else(|| debian.is_file().then(|| debian.to_owned()));
    if found.is_none() {
        // Says so, and fails where all peers are demanded.
        assert!(peer::require_or_skip("easyrsa").is_none());
    }
    found
}

// covers: R6960-2.2-4
#[test]
fn easy_rsa_folder_is_detected_and_its_index_understood() {
    let Some(program) = easyrsa() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&program);
        command
            .current_dir(dir.path())
            .env("EASYRSA_BATCH", "1")
            .env("EASYRSA_ALGO", "ec");
        command.env_remove("EASYRSA_PKI").args(arguments);
        let _ = peer::run(&mut command, &[], PATIENCE)
            .expect_success(&format!("easyrsa {arguments:?}"));
    };
    assert_eq!(easy_rsa::detect(dir.path()), None);
    run(&["init-pki"]);
    assert_eq!(easy_rsa::detect(dir.path()), None, "no CA yet");
    run(&["build-ca", "nopass"]);
    let found = easy_rsa::detect(dir.path()).unwrap();
    assert_eq!(
        easy_rsa::detect(&dir.path().join("pki")),
        Some(found.clone())
    );
    let source = open(&found.index);
    assert_eq!(source.health().counts.rows, 0);
    for name in ["alice", "bob", "carol"] {
        run(&["build-client-full", name, "nopass"]);
    }
    run(&["revoke", "bob", "keyCompromise"]);
    run(&["revoke", "carol"]);
    assert_eq!(source.reload(t0()).unwrap().added, 3);
    let serials: Vec<SerialKey> =
        source.with_table(|table| table.iter().map(|row| SerialKey::new(row.serial)).collect());
    let known: Vec<Knowledge> = serials
        .iter()
        .map(|serial| knows(&source, &serial.to_string()))
        .collect();
    assert_eq!(known[0], Knowledge::Issued);
    assert_eq!(
        reason(&source, &serials[1].to_string()),
        Some(CrlReason::KeyCompromise)
    );
    assert!(matches!(known[2], Knowledge::Revoked { .. }));
    let certs = found
        .certs_by_serial
        .or_else(|| easy_rsa::detect(dir.path()).unwrap().certs_by_serial);
    assert!(certs.unwrap().join(format!("{}.pem", serials[0])).is_file());
}
