//! `openssl ca` really writes the rows that its driver promises, and `openssl ocsp` answers from them.

use certvouch_testkit::answer::{Answer, CertStatus, CertView};
use certvouch_testkit::ask::{self, HashAlg};
use certvouch_testkit::clock::real_now;
use certvouch_testkit::openssl_ca::{OpensslCa, Revocation};
use certvouch_testkit::peer;
use certvouch_testkit::pki::{KeyAlg, World, from_pem};

#[test]
fn index_rows_have_the_forms_of_openssl() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let ca = OpensslCa::new(&openssl, KeyAlg::P256);
    let large = ca.issue("large", "F1000000000000000000000000000001");
    let zeros = ca.issue("zeros", "000A0B");
    let held = ca.issue("held", "51");
    let stolen = ca.issue("stolen", "52");
    let fallen = ca.issue("fallen", "53");
    let plain = ca.issue("plain", "54");
    let old = ca.issue_between("old", "55", real_now() - 9 * 86_400, real_now() - 86_400);
    let far = ca.issue_between("far", "56", real_now() - 86_400, 2_840_140_800);
    assert_eq!(zeros.serial_hex, "0A0B");
    assert_eq!(old.serial_hex, "55");
    ca.revoke(&large, Revocation::Reason("superseded"));
    ca.revoke(&held, Revocation::Hold("holdInstructionReject"));
    ca.revoke(&stolen, Revocation::KeyCompromisedAt("20260101000000Z"));
    ca.revoke(&fallen, Revocation::CaCompromisedAt("20260101000000Z"));
    ca.revoke(&plain, Revocation::NoReason);
    ca.update_db();
    let index = ca.index_text();
    let row = |serial: &str| -> Vec<String> {
        let mut rows = index
            .lines()
            .map(|line| line.split('\t').map(str::to_owned).collect());
        rows.find(|row: &Vec<String>| row[3] == serial)
            .unwrap_or_else(|| panic!("{serial}: {index}"))
    };
    assert!(row(&large.serial_hex)[2].ends_with("Z,superseded"));
    assert_eq!(row("0A0B")[0], "V");
    assert!(row("51")[2].ends_with("Z,holdInstruction,holdInstructionReject"));
    assert!(row("52")[2].ends_with("Z,keyTime,20260101000000Z"));
    assert!(row("53")[2].ends_with("Z,CAkeyTime,20260101000000Z"));
    assert_eq!((row("54")[0].as_str(), row("54")[2].len()), ("R", 13));
    assert_eq!(row("55")[0], "E");
    assert_eq!(row(&far.serial_hex)[1], "20600101000000Z");
    assert!(ca.crl().is_file());
}

#[test]
fn answers_of_openssl_are_read_and_verified() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    for alg in [KeyAlg::P256, KeyAlg::P384, KeyAlg::Rsa2048, KeyAlg::Ed25519] {
        let ca = OpensslCa::new(&openssl, alg);
        let cert = ca.issue("leaf", "C0FFEE");
        let signer = ca.issue_ocsp_signer("signer", "0100");
        ca.revoke(&cert, Revocation::Reason("keyCompromise"));
        let [cert_path, signer_cert, signer_key] =
            [&cert.cert, &signer.cert, &signer.key].map(|path| path.to_str().unwrap());
        let _ = openssl
            .run_in(
                ca.dir(),
                &[
                    "ocsp",
                    "-index",
                    "index.txt",
                    "-CA",
                    "ca.pem",
                    "-rsigner",
                    signer_cert,
                    "-rkey",
                    signer_key,
                    "-issuer",
                    "ca.pem",
                    "-cert",
                    cert_path,
                    "-ndays",
                    "1",
                    "-respout",
                    "r.der",
                    "-reqout",
                    "q.der",
                    "-CAfile",
                    "ca.pem",
                    "-resp_key_id",
                ],
            )
            .expect_success("openssl ocsp");
        let basic = Answer::successful(&std::fs::read(ca.dir().join("r.der")).unwrap());
        let signer_der = from_pem(
            "CERTIFICATE",
            &std::fs::read_to_string(&signer.cert).unwrap(),
        )
        .unwrap();
        basic.verify_with(&signer_der).unwrap();
        let mut spoilt = basic.clone();
        spoilt.tbs[30] ^= 1;
        assert!(spoilt.verify_with(&signer_der).is_err());
        assert_eq!(basic.certs.as_ref().unwrap()[0], signer_der);
        let single = basic.single();
        assert!(matches!(
            single.status,
            CertStatus::Revoked {
                reason: Some(1),
                ..
            }
        ));
        assert_eq!(single.serial, [0, 0xC0, 0xFF, 0xEE]);
        assert_eq!(single.next_update, Some(single.this_update + 86_400));
        assert_eq!(basic.nonce().map(|nonce| nonce.len()), Some(16));
        let view = CertView::parse(&signer_der).unwrap();
        let by_key = HashAlg::Sha1.digest(&view.key_bits);
        assert_eq!(
            basic.responder_id,
            certvouch_testkit::answer::ResponderId::ByKey(by_key)
        );
        assert_eq!(view.serial, [1, 0]);
        assert!(
            view.extensions
                .iter()
                .any(|ext| ext.oid == "1.3.6.1.5.5.7.48.1.5")
        );
    }
}

#[test]
fn world_in_files_is_served_by_openssl() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let world = World::current(KeyAlg::P256);
    let _ = world.write(dir.path());
    for (serial, expected) in [
        (&world.s_x, CertStatus::Unknown),
        (&world.ee_good.serial, CertStatus::Good),
        (
            &world.ee_rev.serial,
            CertStatus::Revoked {
                at: world.revoked_at,
                reason: Some(1),
            },
        ),
        (
            &world.ee_hold.serial,
            CertStatus::Revoked {
                at: world.held_at,
                reason: Some(6),
            },
        ),
        (&world.ee_exp.serial, CertStatus::Good),
    ] {
        std::fs::write(dir.path().join("q.der"), ask::q1(&world.ca_a, serial)).unwrap();
        let _ = openssl
            .run_in(
                dir.path(),
                &[
                    "ocsp",
                    "-index",
                    "index.txt",
                    "-CA",
                    "ca.pem",
                    "-rsigner",
                    "ocsp.pem",
                    "-rkey",
                    "ocsp.key",
                    "-reqin",
                    "q.der",
                    "-respout",
                    "r.der",
                ],
            )
            .expect_success("openssl ocsp");
        let basic = Answer::successful(&std::fs::read(dir.path().join("r.der")).unwrap());
        assert_eq!(basic.single().status, expected);
        assert_eq!(basic.single().serial, *serial);
        basic.verify_with(&world.d_a.der).unwrap();
        assert!(basic.verify_with(&world.d_b.der).is_err());
    }
}
