//! OpenSSL reads and verifies the certificates and keys that the test PKI makes.

use std::path::Path;

use certvouch_testkit::der;
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0, World};

fn verify(openssl: &Peer, dir: &Path, ca: &Cert, leaf: &Cert) -> peer::Outcome {
    ca.write_pem(&dir.join("v-ca.pem"));
    leaf.write_pem(&dir.join("v-leaf.pem"));
    let at = T0.to_string();
    openssl.run_in(
        dir,
        &[
            "verify",
            "-attime",
            &at,
            "-CAfile",
            "v-ca.pem",
            "v-leaf.pem",
        ],
    )
}

#[test]
fn certificates_of_every_classic_kind_verify_in_openssl() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for alg in KeyAlg::ALL.into_iter().filter(|alg| !alg.is_ml_dsa()) {
        let world = World::new(alg);
        for cert in [&world.ca_a, &world.d_a, &world.ee_good, &world.ee_rev] {
            let _ = verify(&openssl, dir.path(), &world.ca_a, cert).expect_success("verify");
        }
        let _ = verify(&openssl, dir.path(), &world.ca_b, &world.d_b).expect_success("verify");
        let expired = verify(&openssl, dir.path(), &world.ca_a, &world.ee_exp);
        assert!(
            expired.all().contains("certificate has expired"),
            "{}",
            expired.all()
        );
        // Same DN, another key: the signature cannot be right.
        assert!(!verify(&openssl, dir.path(), &world.ca_a2, &world.ee_good).success());
    }
}

#[test]
fn every_signature_algorithm_of_a_key_verifies_in_openssl() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for alg in KeyAlg::ALL.into_iter().filter(|alg| !alg.is_ml_dsa()) {
        let world = World::new(alg);
        for &sig_alg in alg.sig_algs() {
            let builder = CertBuilder::new(&[("CN", "leaf")], &world.ee_good.key).sig_alg(sig_alg);
            let good = builder.clone().issued_by(&world.ca_a);
            let what = format!("{sig_alg:?}");
            let _ = verify(&openssl, dir.path(), &world.ca_a, &good).expect_success(&what);
            let bad = builder.bad_signature().issued_by(&world.ca_a);
            assert!(
                !verify(&openssl, dir.path(), &world.ca_a, &bad).success(),
                "{what}"
            );
        }
    }
}

#[test]
fn private_keys_are_read_by_openssl_and_match_their_certificates() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for alg in KeyAlg::ALL.into_iter().filter(|alg| !alg.is_ml_dsa()) {
        let cert = World::new(alg).d_a;
        cert.write_pem(&dir.path().join("c.pem"));
        let expected = openssl.run_in(dir.path(), &["x509", "-in", "c.pem", "-noout", "-pubkey"]);
        let traditional = cert.key.traditional_pem();
        assert_eq!(traditional.is_some(), alg != KeyAlg::Ed25519);
        for text in traditional.into_iter().chain([cert.key.pkcs8_pem()]) {
            std::fs::write(dir.path().join("k.pem"), &text).unwrap();
            let public = openssl.run_in(dir.path(), &["pkey", "-in", "k.pem", "-pubout"]);
            assert_eq!(
                public.expect_success("pkey").out(),
                expected.out(),
                "{alg:?}"
            );
        }
    }
}

#[test]
fn extensions_are_shown_by_openssl_as_they_were_asked_for() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let key = Key::cached(KeyAlg::P256, "ee");
    let cert = CertBuilder::new(&[("C", "DE"), ("O", "Zoë"), ("CN", "x")], &key)
        .serial(&der::uint_content(&der::hex("FF00AA")))
        .validity(T0, 4_102_444_800)
        .basic_constraints(true, Some(3))
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])
        .ocsp_signing()
        .ocsp_nocheck()
        .ski(&[0xAB; 3])
        .aki(&[0xCD; 4])
        .aia(&["http://o.example/"], &["http://i.example/ca.der"])
        .crl_dp(&["http://c.example/ca.crl"])
        .extension("1.2.3.4", true, &der::null())
        .self_signed();
    cert.write_pem(&dir.path().join("c.pem"));
    let arguments = [
        "x509",
        "-in",
        "c.pem",
        "-noout",
        "-text",
        "-serial",
        "-nameopt",
        "RFC2253,-esc_msb",
    ];
    let text = openssl
        .run_in(dir.path(), &arguments)
        .expect_success("x509")
        .out();
    for part in [
        "CN=x,O=Zoë,C=DE",
        "serial=FF00AA",
        "Not Before: Jan 10 00:00:00 2026 GMT",
        "Not After : Jan  1 00:00:00 2100 GMT",
        "CA:TRUE, pathlen:3",
        "Certificate Sign, CRL Sign",
        "OCSP Signing",
        "OCSP No Check",
        "AB:AB:AB",
        "CD:CD:CD:CD",
        "OCSP - URI:http://o.example/",
        "CA Issuers - URI:http://i.example/ca.der",
        "URI:http://c.example/ca.crl",
        "1.2.3.4: critical",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(cert.serial_hex(), "FF00AA");
}
