//! Making a signer: what stands in the files, what is never overwritten, and who accepts the result.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in its helpers"
)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use certvouch_signer::new::{Created, NewError, NewKey, NewSigner, create};
use certvouch_signer::{
    FileSigner, PassphraseSource, SignerConfig, SigningIdentity, read_certificates,
};
use certvouch_testkit::answer::{CertView, verify_signature};
use certvouch_testkit::peer::require_or_skip;
use certvouch_testkit::pki::{CertBuilder, KeyAlg, T0, World, from_pem};
use certvouch_testkit::{clock, der};
use certvouch_types::{Certificate, Timestamp};
use common::{DAY, closed, now};

fn make(
    world: &World,
    dir: &Path,
    change: impl FnOnce(&mut NewSigner),
) -> Result<Created, NewError> {
    let mut wanted = NewSigner::new(dir.join("out"));
    wanted.ca_key = Some(closed(dir, "ca.key", world.ca_a.key.pkcs8_pem()));
    change(&mut wanted);
    create(
        &wanted,
        &Certificate::parse(&world.ca_a.der).unwrap(),
        now(),
    )
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// covers: R6960-2.6-1, R6960-4.2.2.2.1-K1, R6960-4.2.2.2.1-K2, R9919-3.2.2-K1, R9881-5-1
#[test]
fn signer_of_every_kind_is_accepted_as_it_was_made() {
    for ca in [KeyAlg::P256, KeyAlg::Rsa2048, KeyAlg::MlDsa65] {
        let world = World::new(ca);
        for kind in NewKey::ALL {
            if kind == NewKey::Rsa4096 && ca != KeyAlg::P256 {
                continue; // one key of this size takes seconds
            }
            let dir = tempfile::tempdir().unwrap();
            let made = make(&world, dir.path(), |wanted| wanted.key = kind).unwrap();
            assert_eq!((mode(&made.key), mode(&made.request)), (0o600, 0o644));
            let config = SignerConfig::new(&made.key, made.certificate);
            let issuer = Certificate::parse(&world.ca_a.der).unwrap();
            let identity = SigningIdentity::load(&config, &issuer, now()).unwrap();
            assert_eq!(identity.warnings(), [], "{kind}");
            assert_eq!(identity.days_left(now()), 30);
        }
    }
}

// covers: BR-7.1.2.8-1, BR-7.1.2.8.1-1, BR-7.1.2.8.2-1, BR-7.1.2.8.4-1, BR-7.1.2.8.5-1, BR-7.1.2.8.6-1, BR-7.1.2.8.7-1
#[test]
fn certificate_has_the_profile_of_the_baseline_requirements() {
    let world = World::new(KeyAlg::P256);
    let dir = tempfile::tempdir().unwrap();
    let made = make(&world, dir.path(), |_| {}).unwrap();
    let found = read_certificates(&made.certificate.unwrap()).unwrap();
    let view = CertView::parse(&found[0]).unwrap();
    let extensions: Vec<_> = view
        .extensions
        .iter()
        .map(|e| {
            (
                e.oid.as_str(),
                e.critical,
                der::to_hex(&e.value).to_lowercase(),
            )
        })
        .collect();
    let key_hash =
        |key: &certvouch_testkit::pki::Cert| der::to_hex(&key.key_hash_sha1()).to_lowercase();
    let own = certvouch_crypto::digest(certvouch_types::HashAlgorithm::Sha1, &view.key_bits);
    let own = der::to_hex(own.as_ref()).to_lowercase();
    assert_eq!(
        extensions,
        [
            ("2.5.29.15", true, "03020780".to_owned()),
            ("2.5.29.37", false, "300a06082b06010505070309".to_owned()),
            ("1.3.6.1.5.5.7.48.1.5", false, "0500".to_owned()),
            ("2.5.29.14", false, format!("0414{own}")),
            (
                "2.5.29.35",
                false,
                format!("30168014{}", key_hash(&world.ca_a))
            ),
        ]
    );
    assert_eq!(view.issuer, world.ca_a.subject);
    assert_eq!((view.serial.len(), view.serial[0] & 0x80), (16, 0));
    assert_eq!(
        (view.not_before, view.not_after),
        (T0 - 3_600, T0 + 30 * DAY)
    );
    let ca = CertView::parse(&world.ca_a.der).unwrap();
    verify_signature(&view.algorithm, &ca.spki, &view.tbs, &view.signature).unwrap();
    // C, ST, L, O and DC of the CA, and its commonName with a word behind.
    let subject = der::name(&[("O", "certvouch tests"), ("CN", "CA-A OCSP")]);
    assert_eq!(view.subject, subject);
}

#[test]
fn certificate_ends_with_the_ca_and_begins_after_it() {
    let world = World::new(KeyAlg::P256);
    let dir = tempfile::tempdir().unwrap();
    let ca = CertBuilder::new(&[("CN", "young")], &world.ca_a.key)
        .validity(T0 - 60, T0 + 5 * DAY)
        .basic_constraints(true, None)
        .ski(&[0x5A; 8])
        .self_signed();
    let mut wanted = NewSigner::new(dir.path());
    wanted.ca_key = Some(closed(dir.path(), "ca.key", ca.key.pkcs8_pem()));
    wanted.common_name = Some("Anders".to_owned());
    let made = create(&wanted, &Certificate::parse(&ca.der).unwrap(), now()).unwrap();
    let found = read_certificates(&made.certificate.unwrap()).unwrap();
    let view = CertView::parse(&found[0]).unwrap();
    assert_eq!((view.not_before, view.not_after), (T0 - 60, T0 + 5 * DAY));
    assert_eq!(view.subject, der::name(&[("CN", "Anders")]));
    // The CA's own subjectKeyIdentifier, not the hash of its key.
    let aki = view
        .extensions
        .iter()
        .find(|e| e.oid == "2.5.29.35")
        .unwrap();
    assert_eq!(aki.value, der::seq(&[&der::tlv(0x80, &[0x5A; 8])]));
}

#[test]
fn request_is_signed_and_asks_for_what_a_delegate_needs() {
    let world = World::new(KeyAlg::P256);
    for kind in [NewKey::EcdsaP256, NewKey::Ed25519, NewKey::MlDsa44] {
        let dir = tempfile::tempdir().unwrap();
        let without_ca = |wanted: &mut NewSigner| (wanted.ca_key, wanted.key) = (None, kind);
        let made = make(&world, dir.path(), without_ca).unwrap();
        assert_eq!(made.certificate, None);
        let text = fs::read_to_string(&made.request).unwrap();
        let csr = from_pem("CERTIFICATE REQUEST", &text).unwrap();
        let parts = der::read_all(der::read_only(&csr).unwrap().content).unwrap();
        let signer = FileSigner::open(&made.key, &PassphraseSource::Nowhere, None).unwrap();
        let (info, algorithm) = (parts[0].raw, parts[1].raw);
        let spki = signer.public_key_info();
        verify_signature(algorithm, spki, info, &parts[2].content[1..]).unwrap();
        let has = |needle: &[u8]| info.windows(needle.len()).any(|window| window == needle);
        assert!(has(spki) && has(&der::oid("1.2.840.113549.1.9.14")));
        assert!(has(&der::extension("2.5.29.15", true, &[3, 2, 7, 0x80])));
        assert!(has(&der::extension("1.3.6.1.5.5.7.48.1.5", false, &[5, 0])));
        assert!(has(&der::seq(&[&der::oid("1.3.6.1.5.5.7.3.9")])));
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let world = World::new(KeyAlg::P256);
    for taken in ["ocsp.key", "ocsp.csr", "ocsp.pem"] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        fs::create_dir(&out).unwrap();
        // Also a link that leads nowhere takes a name.
        std::os::unix::fs::symlink("nowhere", out.join(taken)).unwrap();
        let error = make(&world, dir.path(), |_| {}).unwrap_err();
        assert!(
            matches!(&error, NewError::Exists(path) if path.ends_with(taken)),
            "{error}"
        );
        assert!(error.to_string().contains("mv "), "{error}");
        let left: Vec<_> = fs::read_dir(&out)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, [taken]);
    }
    let dir = tempfile::tempdir().unwrap();
    let made = make(&world, dir.path(), |_| {}).unwrap();
    let mut left: Vec<_> = fs::read_dir(dir.path().join("out"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["ocsp.csr", "ocsp.key", "ocsp.pem"]);
    let before = fs::read(&made.key).unwrap();
    assert!(make(&world, dir.path(), |_| {}).is_err());
    assert_eq!(fs::read(&made.key).unwrap(), before);
}

// covers: R6960-4.2.2.2-K2
#[test]
fn issuer_or_ca_key_that_does_not_do_makes_nothing() {
    let world = World::new(KeyAlg::P256);
    let dir = tempfile::tempdir().unwrap();
    let other = closed(dir.path(), "other", world.ca_a2.key.pkcs8_pem());
    let error = make(&world, dir.path(), |wanted| wanted.ca_key = Some(other)).unwrap_err();
    assert!(matches!(error, NewError::CaKey(_)), "{error}");
    let mut wanted = NewSigner::new(dir.path().join("out"));
    let create_for = |wanted: &NewSigner, der: &[u8], at: i64| {
        create(
            wanted,
            &Certificate::parse(der).unwrap(),
            Timestamp::from_unix(at),
        )
    };
    let error = create_for(&wanted, &world.ee_good.der, T0).unwrap_err();
    assert!(matches!(error, NewError::Issuer(_)), "{error}");
    let error = create_for(&wanted, &world.ca_a.der, world.ca_a.not_after + 1).unwrap_err();
    assert!(matches!(error, NewError::Issuer(_)), "{error}");
    for name in ["", "..", "a/b", "/a"] {
        wanted.name = name.to_owned();
        let error = create_for(&wanted, &world.ca_a.der, T0).unwrap_err();
        assert!(matches!(error, NewError::Invalid(_)), "{name}: {error}");
    }
    let error = make(&world, dir.path(), |wanted| wanted.days = 0).unwrap_err();
    assert!(matches!(error, NewError::Invalid(_)), "{error}");
    let error = make(&world, dir.path(), |w| w.out = "/proc/nowhere".into()).unwrap_err();
    assert!(matches!(error, NewError::Write { .. }), "{error}");
    assert!(!dir.path().join("out").exists());
}

#[test]
fn names_of_keys_lead_back_to_them() {
    for kind in NewKey::ALL {
        assert_eq!(NewKey::from_name(&kind.to_string()), Some(kind));
    }
    assert_eq!(NewKey::from_name("rsa-1024"), None);
}

#[test]
fn request_and_certificate_are_accepted_by_openssl() {
    let Some(peer) = require_or_skip("openssl") else {
        return;
    };
    let real = clock::real_now();
    for (ca, kind) in [
        (KeyAlg::P256, NewKey::EcdsaP256),
        (KeyAlg::Rsa2048, NewKey::Rsa2048),
        (KeyAlg::P384, NewKey::Ed25519),
        (KeyAlg::Ed25519, NewKey::EcdsaP521),
    ] {
        let world = World::around(ca, real);
        let dir = tempfile::tempdir().unwrap();
        let mut wanted = NewSigner::new(dir.path());
        wanted.key = kind;
        wanted.ca_key = Some(closed(dir.path(), "ca.key", world.ca_a.key.pkcs8_pem()));
        world.ca_a.write_pem(&dir.path().join("ca.pem"));
        let issuer = Certificate::parse(&world.ca_a.der).unwrap();
        create(&wanted, &issuer, Timestamp::from_unix(real)).unwrap();
        let run = |arguments: &str| {
            let words: Vec<&str> = arguments.split(' ').collect();
            peer.run_in(dir.path(), &words).expect_success(arguments)
        };
        let _ = run("req -in ocsp.csr -verify -noout");
        let _ = run("pkey -in ocsp.key -check -noout");
        let _ = run("verify -x509_strict -purpose ocsphelper -CAfile ca.pem ocsp.pem");
        let text = run("x509 -in ocsp.pem -noout -text").out();
        assert!(
            text.contains("OCSP No Check") && text.contains("OCSP Signing"),
            "{text}"
        );
        // And a CA that copies what the request asks for makes a signer that we accept.
        let copy = "-CA ca.pem -CAkey ca.key -days 20 -copy_extensions copy -out copied.pem";
        let _ = run(&format!("x509 -req -in ocsp.csr {copy}"));
        let key = dir.path().join("ocsp.key");
        let config = SignerConfig::new(key, Some(dir.path().join("copied.pem")));
        let later = Timestamp::from_unix(clock::real_now() + 1);
        let identity = SigningIdentity::load(&config, &issuer, later).unwrap();
        assert_eq!(identity.warnings(), []);
    }
}
