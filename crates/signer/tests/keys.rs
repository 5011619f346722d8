//! Key files of every form, and signatures of every algorithm.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in its helpers"
)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::encoding::AsRawBytes as _;
use aws_lc_rs::signature::{ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair};
use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::Signer as _;
use certvouch_signer::{FileSigner, ForeignFormat, KeyFault, KeyKind, LoadError, PassphraseSource};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Key, KeyAlg, SigAlg, pem};
use common::{closed, open, open_with, same_key, verifies};

fn key(alg: KeyAlg) -> Key {
    Key::cached(alg, "keys")
}

fn fault(result: Result<FileSigner, LoadError>) -> KeyFault {
    match result {
        Err(LoadError::Key(error)) => error.fault,
        other => panic!("no key error: {other:?}"),
    }
}

// covers: R8017-A.2.4-1, R5758-3.2-1, R8410-3-1, R9881-2-1
#[test]
fn signature_of_every_kind_and_algorithm_verifies() {
    let mut seen = Vec::new();
    for alg in KeyAlg::ALL {
        let key = key(alg);
        let default = open(key.pkcs8_pem()).unwrap();
        assert!(same_key(&default, &key), "{alg:?}");
        for sig_alg in alg.sig_algs() {
            let identifier = sig_alg.identifier();
            let algorithm = SignatureAlgorithm::ALL
                .into_iter()
                .find(|algorithm| algorithm.identifier() == identifier)
                .unwrap();
            let signer = open_with(key.pkcs8_der(), None, Some(algorithm)).unwrap();
            assert_eq!(signer.algorithm(), algorithm);
            assert!(same_key(&signer, &key), "{alg:?} {algorithm}");
            if *sig_alg == key.sig_alg() {
                assert_eq!(default.algorithm(), algorithm, "the usual one of {alg:?}");
            }
            seen.push(*sig_alg);
        }
    }
    assert!(SigAlg::ALL.iter().all(|alg| seen.contains(alg)));
}

// covers: R5758-3.2-1, R8410-3-1, R9881-2-1
#[test]
fn signature_has_the_form_that_its_standard_gives() {
    for (alg, length) in [
        (KeyAlg::Ed25519, 64),
        (KeyAlg::MlDsa44, 2420),
        (KeyAlg::MlDsa65, 3309),
        (KeyAlg::MlDsa87, 4627),
        (KeyAlg::Rsa2048, 256),
    ] {
        let signer = open(key(alg).pkcs8_der()).unwrap();
        assert_eq!(signer.sign_now(b"m").unwrap().len(), length);
    }
    for alg in [KeyAlg::P256, KeyAlg::P384, KeyAlg::P521] {
        let signature = open(key(alg).pkcs8_der()).unwrap().sign_now(b"m").unwrap();
        let members = der::read_all(der::read_only(&signature).unwrap().content).unwrap();
        assert_eq!(members.iter().map(|m| m.tag).collect::<Vec<_>>(), [2, 2]);
    }
}

#[test]
fn future_of_the_trait_gives_the_signature() {
    let key = key(KeyAlg::Ed25519);
    let signer = open(key.pkcs8_der()).unwrap();
    let mut future = signer.sign(b"m");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(signature) = future.as_mut().poll(&mut context) else {
        panic!("a key in memory has nothing to wait for");
    };
    // Ed25519 is deterministic (RFC 8032 5.1.6).
    assert_eq!(signature.unwrap(), key.sign(SigAlg::Ed25519, b"m"));
}

#[test]
fn key_in_pem_or_der_of_every_plain_form_is_read() {
    for alg in KeyAlg::ALL {
        let key = key(alg);
        assert!(same_key(&open(key.pkcs8_der()).unwrap(), &key), "{alg:?}");
        if let (Some(der), Some(pem)) = (key.traditional_der(), key.traditional_pem()) {
            assert!(same_key(&open(der).unwrap(), &key), "{alg:?} DER");
            let with_text = format!("a note\r\n{}", pem.replace('\n', "\r\n"));
            assert!(same_key(&open(with_text).unwrap(), &key), "{alg:?} PEM");
        }
    }
    let ec = key(KeyAlg::P384);
    let parameters = pem("EC PARAMETERS", &der::oid("1.3.132.0.34"));
    let both = parameters + &ec.traditional_pem().unwrap();
    assert!(same_key(&open(both).unwrap(), &ec));
}

// covers: R9881-2-1
#[test]
fn ml_dsa_key_in_all_three_forms_of_rfc_9881_is_the_same_key() {
    let seed = [7_u8; 32];
    for (alg, oid) in [
        (&ML_DSA_44_SIGNING, "2.16.840.1.101.3.4.3.17"),
        (&ML_DSA_65_SIGNING, "2.16.840.1.101.3.4.3.18"),
        (&ML_DSA_87_SIGNING, "2.16.840.1.101.3.4.3.19"),
    ] {
        let pair = PqdsaKeyPair::from_seed(alg, &seed).unwrap();
        let expanded = pair.private_key().as_raw_bytes().unwrap();
        let expanded = der::octets(expanded.as_ref());
        let forms = [
            der::tlv(0x80, &seed),
            expanded.clone(),
            der::seq(&[&der::octets(&seed), &expanded]),
        ];
        let signers = forms.map(|form| {
            let algorithm = der::seq(&[&der::oid(oid)]);
            open(der::seq(&[
                &der::uint(&[0]),
                &algorithm,
                &der::octets(&form),
            ]))
            .unwrap()
        });
        for signer in &signers {
            assert_eq!(signer.public_key_info(), signers[0].public_key_info());
            assert!(verifies(signer, signers[0].public_key_info()));
        }
        // A seed that does not belong to the expanded key.
        let form = der::seq(&[&der::octets(&[8; 32]), &expanded]);
        let algorithm = der::seq(&[&der::oid(oid)]);
        let torn = der::seq(&[&der::uint(&[0]), &algorithm, &der::octets(&form)]);
        assert!(matches!(fault(open(torn)), KeyFault::Rejected(_)));
    }
}

#[test]
fn algorithm_that_does_not_fit_the_key_is_refused_with_those_that_do() {
    let wrong = [
        (KeyAlg::P256, SignatureAlgorithm::EcdsaSha384),
        (KeyAlg::P384, SignatureAlgorithm::EcdsaSha256),
        (KeyAlg::Rsa2048, SignatureAlgorithm::EcdsaSha256),
        (KeyAlg::Ed25519, SignatureAlgorithm::MlDsa44),
        (KeyAlg::MlDsa44, SignatureAlgorithm::MlDsa65),
        // Nothing new is signed with SHA-1.
        (KeyAlg::Rsa2048, SignatureAlgorithm::RsaPkcs1Sha1),
        (KeyAlg::P256, SignatureAlgorithm::EcdsaSha1),
    ];
    for (alg, algorithm) in wrong {
        let error = open_with(key(alg).pkcs8_der(), None, Some(algorithm)).unwrap_err();
        assert!(error.cause().contains(algorithm.name()), "{error}");
    }
    let error = open_with(
        key(KeyAlg::P521).pkcs8_der(),
        None,
        Some(SignatureAlgorithm::Ed25519),
    );
    let remedy = error.unwrap_err().remedy().unwrap();
    assert!(
        remedy.ends_with("ecdsa-sha512, ecdsa-sha384, ecdsa-sha256"),
        "{remedy}"
    );
}

// covers: T-32
#[test]
fn debug_and_errors_show_nothing_of_the_key() {
    for alg in [KeyAlg::P256, KeyAlg::Rsa2048, KeyAlg::MlDsa44] {
        let signer = open(key(alg).pkcs8_der()).unwrap();
        let shown = format!("{signer:?}");
        let expected = format!(
            "FileSigner {{ kind: {:?}, algorithm: {:?}, .. }}",
            signer.kind(),
            signer.algorithm()
        );
        assert_eq!(shown, expected);
    }
    let text = key(KeyAlg::P256).pkcs8_pem();
    let secret = text.lines().nth(1).unwrap();
    let damaged = text.replace("MIG", "M!G");
    let error = open(&damaged).unwrap_err();
    assert!(
        !format!("{error}{error:?}").contains(&secret[4..12]),
        "{error}"
    );
}

// covers: ALG-1
#[test]
fn rsa_key_outside_2048_to_8192_bits_is_refused_by_its_size() {
    for bits in [1024, 2040, 8200_usize] {
        let mut modulus = vec![0xC5; bits / 8];
        modulus.insert(0, 0);
        let numbers = der::seq(&[
            &der::uint(&[0]),
            &der::int_bytes(&modulus),
            &[
                der::uint(&[1, 0, 1]),
                der::uint(&[1]),
                der::uint(&[1]),
                der::uint(&[1]),
                der::uint(&[1]),
                der::uint(&[1]),
                der::uint(&[1]),
            ]
            .concat(),
        ]);
        let found = fault(open(pem("RSA PRIVATE KEY", &numbers)));
        assert!(
            matches!(found, KeyFault::RsaSize { bits: b } if b == bits),
            "{found:?}"
        );
        assert!(matches!(fault(open(&numbers)), KeyFault::RsaSize { .. }));
    }
}

// covers: R9881-8.3-1
#[test]
fn kind_of_key_that_signs_nothing_here_is_named() {
    let pkcs8 = |algorithm: &[Vec<u8>]| {
        let algorithm = der::seq_of(algorithm);
        der::seq(&[
            &der::uint(&[0]),
            &algorithm,
            &der::octets(&der::octets(&[1; 32])),
        ])
    };
    let ec = "1.2.840.10045.2.1";
    for (algorithm, name) in [
        (vec![der::oid("1.3.101.113")], "Ed448"),
        (vec![der::oid("1.3.101.110")], "X25519"),
        (vec![der::oid("1.2.840.113549.1.1.10")], "PSS"),
        (vec![der::oid("2.16.840.1.101.3.4.3.32")], "HashML-DSA"),
        (vec![der::oid(ec), der::oid("1.3.132.0.10")], "secp256k1"),
        (
            vec![der::oid(ec), der::oid("1.3.36.3.3.2.8.1.1.7")],
            "Brainpool",
        ),
        (vec![der::oid("1.2.3.4")], "1.2.3.4"),
    ] {
        let found = fault(open(pkcs8(&algorithm)));
        assert!(
            matches!(&found, KeyFault::Unsupported(text) if text.contains(name)),
            "{found:?}"
        );
    }
    let dsa = der::seq_of(&[0, 9, 9, 9, 9, 9_u8].map(|n| der::uint(&[n])));
    assert!(matches!(fault(open(dsa)), KeyFault::Unsupported(text) if text == "DSA"));
}

#[test]
fn foreign_format_is_named_with_the_command_that_converts_it() {
    use ForeignFormat as F;
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
        DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let explicit = der::seq(&[
        &der::uint(&[1]),
        &der::octets(&[1; 32]),
        &der::explicit(0, &der::seq(&[&der::uint(&[1])])),
    ]);
    let cases: Vec<(Vec<u8>, F, &str)> = vec![
        (legacy.into(), F::LegacyEncryptedPem, "openssl pkey -in"),
        (
            pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0").into(),
            F::OpenSsh,
            "ssh-keygen",
        ),
        (
            pem("PGP PRIVATE KEY BLOCK", b"xxx").into(),
            F::Pgp,
            "certvouch signer new",
        ),
        (
            pem("TSS2 PRIVATE KEY", b"xxx").into(),
            F::Tpm,
            "certvouch signer new",
        ),
        (vec![0x95, 1, 2, 3], F::Pgp, "certvouch signer new"),
        (
            vec![0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2],
            F::Jks,
            "keytool -importkeystore",
        ),
        (
            vec![0xCE, 0xCE, 0xCE, 0xCE, 0, 0, 0, 2],
            F::Jceks,
            "keytool -importkeystore",
        ),
        (
            vec![0x1E, 0xF1, 0xB5, 0xB0, 0],
            F::Pvk,
            "openssl rsa -inform PVK",
        ),
        (
            vec![7, 2, 0, 0, 0, 0x24],
            F::MsBlob,
            "openssl rsa -inform MSBLOB",
        ),
        (
            "PuTTY-User-Key-File-3: ssh-rsa\n".into(),
            F::Putty,
            "puttygen",
        ),
        (
            "{ \"kty\": \"EC\", \"d\": \"x\" }".into(),
            F::Jwk,
            "step crypto key format",
        ),
        (
            vec![0x30, 0x80, 2, 1, 3, 0x30, 0x80],
            F::Ber,
            "openssl pkcs12 -in",
        ),
        (explicit, F::ExplicitCurve, "-ec_param_enc named_curve"),
    ];
    for (content, expected, command) in cases {
        let error = open(&content).unwrap_err();
        let text = error.to_string();
        let LoadError::Key(key) = error else {
            panic!("{text}")
        };
        assert!(
            matches!(key.fault, KeyFault::Foreign(found) if found == expected),
            "{text}"
        );
        assert!(
            text.contains(command) && text.contains(&expected.to_string()),
            "{text}"
        );
    }
}

#[test]
fn file_that_is_no_private_key_is_named() {
    let world = certvouch_testkit::pki::World::new(KeyAlg::P256);
    let public = key(KeyAlg::P256).spki();
    for (content, name) in [
        (world.d_a.pem().into_bytes(), "a certificate"),
        (world.d_a.der, "a certificate"),
        (pem("PUBLIC KEY", &public).into_bytes(), "a public key"),
        (public, "a public key"),
        (
            pem("CERTIFICATE REQUEST", b"x").into_bytes(),
            "a certificate request",
        ),
        (b"hello".to_vec(), "neither PEM nor"),
    ] {
        let found = fault(open(content));
        assert!(
            matches!(found, KeyFault::NotAKey(what) if what.starts_with(name)),
            "{found:?}"
        );
    }
    let two = key(KeyAlg::P256).pkcs8_pem() + &key(KeyAlg::Ed25519).pkcs8_pem();
    assert!(matches!(
        fault(open(two)),
        KeyFault::SeveralKeys { count: 2 }
    ));
    let cut = &key(KeyAlg::P256).pkcs8_pem()[..100];
    assert!(matches!(fault(open(cut)), KeyFault::Malformed(_)));
}

/// EncryptedPrivateKeyInfo with PBES2, made up: it is never decrypted.
fn encrypted(kdf: &[u8]) -> Vec<u8> {
    let cipher = der::seq(&[&der::oid("2.16.840.1.101.3.4.1.42"), &der::octets(&[0; 16])]);
    let algorithm = der::seq(&[
        &der::oid("1.2.840.113549.1.5.13"),
        &der::seq(&[kdf, &cipher]),
    ]);
    der::seq(&[&algorithm, &der::octets(&[0; 48])])
}

fn pbkdf2(iterations: &[u8]) -> Vec<u8> {
    let prf = der::seq(&[&der::oid("1.2.840.113549.2.9"), &der::null()]);
    let parameters = der::seq(&[&der::octets(&[1; 8]), &der::uint(iterations), &prf]);
    der::seq(&[&der::oid("1.2.840.113549.1.5.12"), &parameters])
}

// covers: T-32
#[test]
fn encrypted_key_asks_for_its_passphrase_only_when_it_can_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let prompt = PassphraseSource::Prompt(Arc::new(move |path| {
        assert!(path.ends_with("key"));
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(String::from("wrong").into())
    }));
    let try_open = |content: &[u8]| {
        fault(FileSigner::open(
            &closed(dir.path(), "key", content),
            &prompt,
            None,
        ))
    };
    // 2^31 - 1 iterations, and scrypt with 8 GiB.
    let endless = encrypted(&pbkdf2(&[0x7F, 0xFF, 0xFF, 0xFF]));
    assert!(!matches!(try_open(&endless), KeyFault::PassphraseWrong));
    let sizes = [vec![0x40, 0, 0], vec![0x10], vec![1]]
        .map(|n| der::uint(&n))
        .concat();
    let scrypt = der::seq(&[&der::octets(&[1; 8]), &sizes]);
    let hungry = encrypted(&der::seq(&[&der::oid("1.3.6.1.4.1.11591.4.11"), &scrypt]));
    assert!(matches!(try_open(&hungry), KeyFault::KdfCost));
    let old = der::seq(&[
        &der::seq(&[&der::oid("1.2.840.113549.1.12.1.3"), &der::seq(&[])]),
        &der::octets(&[0; 48]),
    ]);
    assert!(matches!(
        try_open(&old),
        KeyFault::Foreign(ForeignFormat::Pbes1)
    ));
    let plain = key(KeyAlg::P256).pkcs8_der();
    assert!(FileSigner::open(&closed(dir.path(), "key", plain), &prompt, None).is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    let good = encrypted(&pbkdf2(&[0x08, 0x00]));
    assert!(matches!(try_open(&good), KeyFault::PassphraseWrong));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(matches!(fault(open(&good)), KeyFault::PassphraseMissing));
    let failing = PassphraseSource::Prompt(Arc::new(|_| Err(std::io::Error::other("no terminal"))));
    let path = closed(dir.path(), "key", &good);
    assert!(matches!(
        fault(FileSigner::open(&path, &failing, None)),
        KeyFault::Prompt(_)
    ));
}

// covers: T-32
#[test]
fn passphrase_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let key = closed(dir.path(), "key", encrypted(&pbkdf2(&[0x08, 0x00])));
    let passphrase = closed(dir.path(), "pass", "secret\n");
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o640)).unwrap();
    let source = PassphraseSource::File(passphrase.clone());
    let error = FileSigner::open(&key, &source, None).unwrap_err();
    assert_eq!(
        error.remedy().unwrap(),
        format!("chmod 600 {}", passphrase.display())
    );
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o660)).unwrap();
    let error = FileSigner::open(&key, &source, None).unwrap_err();
    assert_eq!(
        error.remedy().unwrap(),
        format!("chmod 600 {}", key.display())
    );
}

#[test]
fn kinds_say_their_names() {
    assert_eq!(KeyKind::EcdsaP256.to_string(), "ECDSA P-256");
    assert_eq!(
        open(key(KeyAlg::MlDsa87).pkcs8_der()).unwrap().kind(),
        KeyKind::MlDsa87
    );
}
