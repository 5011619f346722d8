//! Foreign programs judge us: they make keys that we read, verify what we sign, and run the commands that our
//! errors advise.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in its helpers"
)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::path::Path;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::Signer as _;
use certvouch_signer::{
    FileSigner, ForeignFormat, KeyFault, KeyKind, LoadError, NocheckRule, PassphraseSource,
    SignerConfig, SigningIdentity,
};
use certvouch_testkit::peer::{Peer, require_or_skip};
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, World, pem};
use certvouch_types::{Certificate, Timestamp};
use common::{DAY, MESSAGE, closed, same_key, verifies};

/// Runs openssl in a folder with arguments separated by blanks.
fn openssl(peer: &Peer, dir: &Path, arguments: &str) {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let _ = peer
        .run_in(dir, &arguments)
        .expect_success(&arguments.join(" "));
}

/// Runs a command that an error advises, with more arguments behind.
fn obey(peer: &Peer, command: &str, more: &str) {
    let words: Vec<&str> = command.split(' ').chain(more.split(' ')).collect();
    assert_eq!(words[0], peer.name);
    let _ = peer.run(&words[1..]).expect_success(command);
}

fn open(path: &Path, passphrase: Option<&str>) -> Result<FileSigner, LoadError> {
    let source = passphrase.map_or(PassphraseSource::Nowhere, |text| {
        let file = closed(path.parent().unwrap(), "passphrase", text);
        PassphraseSource::File(file)
    });
    FileSigner::open(path, &source, None)
}

fn foreign(result: Result<FileSigner, LoadError>) -> (ForeignFormat, String) {
    match result {
        Err(LoadError::Key(error)) => match (&error.fault, error.remedy()) {
            (KeyFault::Foreign(format), Some(remedy)) => (*format, remedy),
            _ => panic!("{error}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Every pair of key and algorithm that we sign with.
fn signers() -> Vec<FileSigner> {
    let dir = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for alg in KeyAlg::ALL {
        let path = closed(dir.path(), "key", Key::cached(alg, "peers").pkcs8_pem());
        let kind = open(&path, None).unwrap().kind();
        for algorithm in kind.algorithms() {
            let source = PassphraseSource::Nowhere;
            all.push(FileSigner::open(&path, &source, Some(*algorithm)).unwrap());
        }
    }
    all
}

// covers: R8017-A.2.4-1, R5758-3.2-1, R8410-3-1
#[test]
fn signatures_are_verified_by_openssl() {
    let Some(peer) = require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("message"), MESSAGE).unwrap();
    let mut judged = 0;
    for signer in signers().iter().filter(|signer| !signer.kind().is_ml_dsa()) {
        let public = pem("PUBLIC KEY", signer.public_key_info());
        std::fs::write(dir.path().join("public"), public).unwrap();
        let signature = signer.sign_now(MESSAGE).unwrap();
        std::fs::write(dir.path().join("signature"), signature).unwrap();
        let name = signer.algorithm().name();
        let hash = name.rsplit('-').next().unwrap();
        let command = if signer.kind() == KeyKind::Ed25519 {
            "pkeyutl -verify -pubin -inkey public -rawin -in message -sigfile signature".to_owned()
        } else {
            let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest ";
            let options = if name.contains("pss") { pss } else { "" };
            format!("dgst -{hash} {options}-verify public -signature signature message")
        };
        openssl(&peer, dir.path(), &command);
        judged += 1;
    }
    assert_eq!(judged, 2 * 6 + 1 + 1 + 3 + 1);
}

/// A Python whose cryptography knows ML-DSA, which it does from 47 on.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test must be seen to be skipped"
)]
fn python_with_ml_dsa() -> Option<Peer> {
    let peer = require_or_skip("python-cryptography")?;
    let code = "from cryptography.hazmat.primitives.asymmetric import mldsa as m; \
                m.MLDSA44PrivateKey.generate()";
    if peer.run(&["-c", code]).success() {
        return Some(peer);
    }
    let required = std::env::var("CERTVOUCH_REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(!required, "{} knows no ML-DSA", peer.version);
    eprintln!("SKIPPED: {} knows no ML-DSA", peer.version);
    None
}

const VERIFY: &str = r#"
import sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
name = sys.argv[1]
public = serialization.load_der_public_key(open("public", "rb").read())
message, signature = open("message", "rb").read(), open("signature", "rb").read()
def check(message):
    digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}.get(name[-3:])
    if isinstance(public, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(digest()), digest.digest_size)
        public.verify(signature, message, pss if "pss" in name else padding.PKCS1v15(), digest())
    elif isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ec.ECDSA(digest()))
    else:
        public.verify(signature, message)
check(message)
try:
    check(message + b"x")
except InvalidSignature:
    sys.exit(0)
sys.exit("another message verifies too")
"#;

// covers: R8017-A.2.4-1, R5758-3.2-1, R8410-3-1, R9881-2-1
#[test]
fn signatures_are_verified_by_python_cryptography() {
    let Some(peer) = python_with_ml_dsa() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("message"), MESSAGE).unwrap();
    for signer in signers() {
        std::fs::write(dir.path().join("public"), signer.public_key_info()).unwrap();
        let signature = signer.sign_now(MESSAGE).unwrap();
        std::fs::write(dir.path().join("signature"), signature).unwrap();
        let name = signer.algorithm().name();
        let _ = peer
            .run_in(dir.path(), &["-c", VERIFY, name])
            .expect_success(name);
    }
}

const WRITE_ML_DSA: &str = r#"
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import mldsa
for name, kind in (("44", mldsa.MLDSA44PrivateKey), ("65", mldsa.MLDSA65PrivateKey), ("87", mldsa.MLDSA87PrivateKey)):
    key = kind.generate()
    form = s.PrivateFormat.PKCS8
    open(name + ".key", "wb").write(key.private_bytes(s.Encoding.PEM, form, s.NoEncryption()))
    locked = s.BestAvailableEncryption(b"python secret")
    open(name + ".locked", "wb").write(key.private_bytes(s.Encoding.DER, form, locked))
    public = key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    open(name + ".public", "wb").write(public)
"#;

fn close(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

// covers: R9881-2-1
#[test]
fn ml_dsa_keys_of_python_cryptography_are_read() {
    let Some(peer) = python_with_ml_dsa() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let _ = peer
        .run_in(dir.path(), &["-c", WRITE_ML_DSA])
        .expect_success("make ML-DSA keys");
    for name in ["44", "65", "87"] {
        let public = std::fs::read(dir.path().join(format!("{name}.public"))).unwrap();
        for (ending, passphrase) in [("key", None), ("locked", Some("python secret\n"))] {
            let path = dir.path().join(format!("{name}.{ending}"));
            close(&path);
            let signer = open(&path, passphrase).unwrap();
            assert_eq!(signer.public_key_info(), public);
            assert!(verifies(&signer, &public));
            assert_eq!(signer.algorithm().name(), format!("ml-dsa-{name}"));
        }
    }
}

#[test]
fn encrypted_keys_of_openssl_are_read_with_their_passphrase() {
    let Some(peer) = require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for alg in [KeyAlg::P256, KeyAlg::Rsa2048, KeyAlg::Ed25519, KeyAlg::P521] {
        let key = Key::cached(alg, "peers");
        closed(dir.path(), "plain", key.pkcs8_pem());
        for options in [
            "-v2 aes-128-cbc",
            "-v2 aes-192-cbc",
            "-v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 100000",
            "-v2 aes-256-cbc -v2prf hmacWithSHA1",
            "-v2 des3",
            "-scrypt",
        ] {
            for form in ["PEM", "DER"] {
                let command = format!(
                    "pkcs8 -topk8 -in plain -outform {form} -out locked {options} -passout pass:tr\u{fc}b"
                );
                openssl(&peer, dir.path(), &command);
                let path = dir.path().join("locked");
                close(&path);
                let signer = open(&path, Some("tr\u{fc}b\n")).unwrap();
                assert!(same_key(&signer, &key), "{alg:?} {options}");
                let Err(LoadError::Key(error)) = open(&path, Some("trub\n")) else {
                    panic!("a wrong passphrase opens {options}")
                };
                assert!(matches!(error.fault, KeyFault::PassphraseWrong), "{error}");
            }
        }
    }
}

#[test]
fn pkcs12_of_openssl_is_read_with_the_certificate_in_it() {
    let Some(peer) = require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    for alg in [KeyAlg::P256, KeyAlg::Rsa2048] {
        let world = World::new(alg);
        closed(dir.path(), "key", world.d_a.key.pkcs8_pem());
        closed(dir.path(), "cert", world.d_a.pem());
        closed(dir.path(), "ca", world.ca_a.pem());
        for (options, passphrase) in [
            ("", "secret"),
            (
                "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
                "secret",
            ),
            ("-macalg sha512 -iter 50000", "secret"),
            ("", ""),
        ] {
            let command = format!(
                "pkcs12 -export -inkey key -in cert -certfile ca -out p12 -passout pass:{passphrase} {options}"
            );
            openssl(&peer, dir.path(), command.trim_end());
            let path = dir.path().join("p12");
            close(&path);
            let mut config = SignerConfig::new(&path, None);
            if !passphrase.is_empty() {
                config.passphrase = PassphraseSource::File(closed(dir.path(), "right", passphrase));
            }
            let issuer = Certificate::parse(&world.ca_a.der).unwrap();
            let identity = SigningIdentity::load(&config, &issuer, common::now()).unwrap();
            assert_eq!(identity.certificate(), world.d_a.der, "{options}");
            assert!(same_key(identity.signer(), &world.d_a.key));

            let Err(LoadError::Key(error)) = open(&path, Some("wrong")) else {
                panic!("a wrong passphrase opens {options}")
            };
            assert!(matches!(error.fault, KeyFault::PassphraseWrong), "{error}");
            if !passphrase.is_empty() {
                let Err(LoadError::Key(error)) = open(&path, None) else {
                    panic!("{options}")
                };
                assert!(
                    matches!(error.fault, KeyFault::PassphraseMissing),
                    "{error}"
                );
            }
        }
        // What the error advises for a PKCS#12 that cannot be read works for any.
        let command = ForeignFormat::Pkcs12.conversion(&dir.path().join("p12"));
        let command = command.split(" (").next().unwrap();
        obey(&peer, command, "-passin pass: -passout pass:new");
        assert!(same_key(
            &open(&dir.path().join("p12.p8"), Some("new")).unwrap(),
            &world.d_a.key
        ));
    }
}

#[test]
fn advice_for_old_encryption_and_explicit_curves_works() {
    let Some(peer) = require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let key = Key::cached(KeyAlg::P256, "peers");
    closed(dir.path(), "plain", key.pkcs8_pem());
    let legacy = "ec -in plain -aes256 -passout pass:old -out locked";
    let pbes1 = "pkcs8 -topk8 -in plain -v1 PBE-SHA1-3DES -passout pass:old -out locked";
    for (command, format) in [
        (legacy, ForeignFormat::LegacyEncryptedPem),
        (pbes1, ForeignFormat::Pbes1),
    ] {
        openssl(&peer, dir.path(), command);
        let path = dir.path().join("locked");
        close(&path);
        let (found, advice) = foreign(open(&path, Some("old")));
        assert_eq!(found, format);
        obey(&peer, &advice, "-passin pass:old -passout pass:new");
        let signer = open(&dir.path().join("locked.p8"), Some("new")).unwrap();
        assert!(same_key(&signer, &key));
    }
    for command in [
        "pkey -in plain -ec_param_enc explicit -out spelled",
        "ec -in plain -param_enc explicit -out spelled",
    ] {
        openssl(&peer, dir.path(), command);
        let path = dir.path().join("spelled");
        close(&path);
        let (found, advice) = foreign(open(&path, None));
        assert_eq!(found, ForeignFormat::ExplicitCurve);
        obey(&peer, &advice, "-passout pass:");
        let converted = dir.path().join("spelled.p8");
        assert!(same_key(&open(&converted, None).unwrap(), &key));
    }
}

#[test]
fn advice_for_openssh_and_java_key_stores_works() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("id");
    if certvouch_testkit::peer::on_path("ssh-keygen").is_some() {
        let shell = |command: &str| {
            let mut sh = std::process::Command::new("sh");
            sh.current_dir(dir.path()).args(["-c", command]);
            let limit = certvouch_testkit::peer::PATIENCE;
            let _ = certvouch_testkit::peer::run(&mut sh, &[], limit).expect_success(command);
        };
        shell("ssh-keygen -q -t ecdsa -b 384 -N '' -f id");
        let (found, advice) = foreign(open(&path, None));
        assert_eq!(found, ForeignFormat::OpenSsh);
        let command = advice.split(" (").next().unwrap();
        shell(&format!("{command} -P '' -N ''"));
        let signer = open(&dir.path().join("id.p8"), None).unwrap();
        assert_eq!(signer.kind(), KeyKind::EcdsaP384);
    } else {
        let _ = require_or_skip("ssh-keygen");
    }
    let Some(keytool) = certvouch_testkit::peer::on_path("keytool") else {
        let _ = require_or_skip("keytool");
        return;
    };
    let run = |arguments: &str| {
        let mut command = std::process::Command::new(&keytool);
        command.current_dir(dir.path()).args(arguments.split(' '));
        let limit = certvouch_testkit::peer::PATIENCE;
        let _ = certvouch_testkit::peer::run(&mut command, &[], limit).expect_success(arguments);
    };
    let passwords = "-storepass geheim1 -keypass geheim1";
    run(&format!(
        "-genkeypair -keyalg EC -groupname secp256r1 -alias a -dname CN=x -keystore store -storetype JKS {passwords}"
    ));
    let store = dir.path().join("store");
    close(&store);
    let (found, advice) = foreign(open(&store, None));
    assert_eq!(found, ForeignFormat::Jks);
    let arguments = advice.strip_prefix("keytool ").unwrap();
    run(&format!(
        "{arguments} -srcstorepass geheim1 -deststorepass geheim2"
    ));
    let p12 = dir.path().join("store.p12");
    close(&p12);
    assert_eq!(
        open(&p12, Some("geheim2")).unwrap().kind(),
        KeyKind::EcdsaP256
    );
}

// covers: R6960-4.2.2.2.1-K1, R5280-4.2.1.12-1
#[test]
fn advice_for_a_certificate_without_extensions_works() {
    let Some(peer) = require_or_skip("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let real = certvouch_testkit::clock::real_now();
    let world = World::around(KeyAlg::P256, real);
    let cert = CertBuilder::new(&[("CN", "bare")], &world.d_a.key)
        .validity(real - DAY, real + DAY)
        .issued_by(&world.ca_a);
    let ca = closed(dir.path(), "my ca.pem", world.ca_a.pem());
    closed(dir.path(), "CA.key", world.ca_a.key.pkcs8_pem());
    let mut config = SignerConfig::new(
        closed(dir.path(), "ocsp.key", world.d_a.key.pkcs8_pem()),
        Some(closed(dir.path(), "ocsp.pem", cert.pem())),
    );
    config.issuer_file = ca;
    config.nocheck = NocheckRule::Require;
    let issuer = Certificate::parse(&world.ca_a.der).unwrap();
    let now = Timestamp::from_unix(real);
    let error = SigningIdentity::load(&config, &issuer, now).unwrap_err();

    let remedy = error.remedy().unwrap();
    let from = remedy.find("[ocsp_signer]").unwrap();
    let to = remedy.find("\nopenssl req").unwrap();
    std::fs::write(dir.path().join("ocsp.cnf"), &remedy[from..to]).unwrap();
    let script = &remedy[to..];
    assert_eq!(script.trim().lines().count(), 2);
    let mut sh = std::process::Command::new("sh");
    sh.current_dir(dir.path()).args(["-e", "-c", script]);
    let limit = certvouch_testkit::peer::PATIENCE;
    let _ = certvouch_testkit::peer::run(&mut sh, &[], limit).expect_success(script);
    assert!(peer.version.contains("OpenSSL"));
    config.certificate = Some(dir.path().join("NEW.pem"));
    let after = Timestamp::from_unix(certvouch_testkit::clock::real_now() + 1);
    let identity = SigningIdentity::load(&config, &issuer, after).unwrap();
    assert_eq!(identity.warnings(), []);
}

#[test]
fn table_of_algorithms_is_whole() {
    let mut used: Vec<_> = signers().iter().map(|signer| signer.algorithm()).collect();
    used.sort_by_key(|algorithm| algorithm.name());
    used.dedup();
    let modern = SignatureAlgorithm::ALL
        .into_iter()
        .filter(|a| !a.uses_sha1());
    assert_eq!(used.len(), modern.count());
}
