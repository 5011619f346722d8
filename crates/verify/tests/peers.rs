//! Responses that strangers make are verified: OpenSSL, Python's `cryptography`, Go's `x/crypto/ocsp`, BouncyCastle.
//!
//! Each peer answers a request of ours or builds a response for the fixtures, good and revoked; the same bytes asked
//! about another certificate are refused.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails; helpers stand outside the test functions"
)]

use std::path::Path;
use std::process::Command;

use certvouch_testkit::peer::{self, PATIENCE};
use certvouch_testkit::pki::{Cert, KeyAlg, World};
use certvouch_types::{CertStatus, CrlReason, Timestamp};
use certvouch_verify::{NonceOutcome, NoncePolicy, Profile, Query, QueryBuilder, Verdict};

/// The verdict about a certificate of CA-A now; a nonce that was sent must have come back.
fn verdict(world: &World, cert: &Cert, nonce: Option<&[u8]>, response: &[u8]) -> Verdict {
    let query = Query::new(&cert.der, &world.ca_a.der, nonce).unwrap();
    let profile = Profile::RFC9919.with_nonce(NoncePolicy::Require);
    let now = Timestamp::from_unix(certvouch_testkit::clock::real_now());
    match query.verify(response, now, &profile) {
        Ok(verified) => {
            if nonce.is_some() {
                assert_eq!(verified.nonce(), NonceOutcome::Echoed);
            }
            if let CertStatus::Revoked(info) = verified.status() {
                assert_eq!(info.revocation_reason, Some(CrlReason::KeyCompromise));
            }
            verified.verdict()
        }
        Err(error) => panic!("{error}\n{:#?}", error.evidence().checks()),
    }
}

/// The same bytes do not speak about another certificate.
fn assert_bound(world: &World, response: &[u8]) {
    let query = Query::new(&world.ee_hold.der, &world.ca_a.der, None).unwrap();
    let now = Timestamp::from_unix(certvouch_testkit::clock::real_now());
    let error = query
        .verify(response, now, &Profile::RFC9919)
        .err()
        .map(|error| error.reason().code());
    assert_eq!(error, Some("wrong-certificate"));
}

// covers: R6960-3.2-1, R6960-3.2-2
#[test]
fn answers_of_openssl_are_verified() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let nonce = [0x42; 32];
    for alg in [KeyAlg::Rsa2048, KeyAlg::P256, KeyAlg::P384] {
        let world = World::current(alg);
        let dir = tempfile::tempdir().unwrap();
        let _ = world.write(dir.path());
        for by in [
            "-rsigner ocsp.pem -rkey ocsp.key",
            "-rsigner ca.pem -rkey ca.key",
        ] {
            for id in ["", "-resp_key_id"] {
                for (cert, expected) in [
                    (&world.ee_good, Verdict::Good),
                    (&world.ee_rev, Verdict::Revoked),
                ] {
                    let query = Query::new(&cert.der, &world.ca_a.der, Some(&nonce)).unwrap();
                    std::fs::write(dir.path().join("q.der"), query.request_der()).unwrap();
                    let line = format!(
                        "ocsp -index index.txt -CA ca.pem {by} {id} -reqin q.der -respout r.der -ndays 1"
                    );
                    let words: Vec<_> = line.split_whitespace().collect();
                    let _ = openssl
                        .run_in(dir.path(), &words)
                        .expect_success("openssl ocsp");
                    let response = std::fs::read(dir.path().join("r.der")).unwrap();
                    let found = verdict(&world, cert, Some(&nonce), &response);
                    assert_eq!(found, expected, "{alg:?} {line}");
                    assert_bound(&world, &response);
                }
            }
        }
    }
}

const PYTHON: &str = "
import datetime, sys
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.hazmat.primitives import hashes, serialization
read = lambda name: open(name, 'rb').read()
issuer, signer = (x509.load_pem_x509_certificate(read(n)) for n in ('ca.pem', 'ocsp.pem'))
key = serialization.load_pem_private_key(read('ocsp.key'), None)
cert = x509.load_pem_x509_certificate(read(sys.argv[1] + '.pem'))
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
revoked = sys.argv[1] == 'ee-rev'
form = ocsp.OCSPResponderEncoding.NAME if sys.argv[2] == 'name' else ocsp.OCSPResponderEncoding.HASH
builder = ocsp.OCSPResponseBuilder().add_response(
    cert=cert, issuer=issuer, algorithm=hashes.SHA256(),
    cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
    this_update=now, next_update=now + datetime.timedelta(days=1),
    revocation_time=now - datetime.timedelta(days=1) if revoked else None,
    revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
).responder_id(form, signer).certificates([signer])
algorithm = hashes.SHA256() if sys.argv[3] == 'sha256' else None
sys.stdout.buffer.write(builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER))
";

// covers: R6960-4.2.2.3-C1, D-36
#[test]
fn responses_of_python_are_verified() {
    let Some(python) = peer::require_or_skip("python-cryptography") else {
        return;
    };
    for (alg, hash) in [
        (KeyAlg::Rsa2048, "sha256"),
        (KeyAlg::P256, "sha256"),
        (KeyAlg::P521, "sha256"),
        (KeyAlg::Ed25519, "none"),
    ] {
        let world = World::current(alg);
        let dir = tempfile::tempdir().unwrap();
        let _ = world.write(dir.path());
        for form in ["name", "key"] {
            for (file, cert, expected) in [
                ("ee-good", &world.ee_good, Verdict::Good),
                ("ee-rev", &world.ee_rev, Verdict::Revoked),
            ] {
                let words = ["-c", PYTHON, file, form, hash];
                let response = python
                    .run_in(dir.path(), &words)
                    .expect_success("python")
                    .stdout;
                let found = verdict(&world, cert, None, &response);
                assert_eq!(found, expected, "{alg:?} {form} {file}");
                assert_bound(&world, &response);
            }
        }
    }
}

/// The OCSP builder of `cryptography` 48 does not sign with ML-DSA, its keys do: a throw-away signer of the same
/// name makes the ResponseData, and the signature over it is made by hand.
const PYTHON_ML_DSA: &str = "
import datetime, sys
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
read = lambda name: open(name, 'rb').read()
issuer, signer, cert = (x509.load_pem_x509_certificate(read(n)) for n in ('ca.pem', 'ocsp.pem', 'ee-good.pem'))
key = serialization.load_pem_private_key(read('ocsp.key'), None)
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
other = ed25519.Ed25519PrivateKey.generate()
double = x509.CertificateBuilder(
    signer.subject, signer.subject, other.public_key(), 1, now, now + datetime.timedelta(days=1)
).sign(other, None)
response = ocsp.OCSPResponseBuilder().add_response(
    cert=cert, issuer=issuer, algorithm=hashes.SHA256(), cert_status=ocsp.OCSPCertStatus.GOOD,
    this_update=now, next_update=now + datetime.timedelta(days=1),
    revocation_time=None, revocation_reason=None,
).responder_id(ocsp.OCSPResponderEncoding.NAME, double).sign(other, None)
tbs = response.tbs_response_bytes
sys.stdout.buffer.write(tbs + key.sign(tbs))
";

// covers: R9881-2-1, D-36
#[test]
fn ml_dsa_signature_of_python_is_verified() {
    use certvouch_testkit::der;
    use certvouch_testkit::reply::Reply;
    let Some(python) = peer::require_or_skip("python-cryptography") else {
        return;
    };
    for alg in [KeyAlg::MlDsa44, KeyAlg::MlDsa65, KeyAlg::MlDsa87] {
        let world = World::current(alg);
        let dir = tempfile::tempdir().unwrap();
        let _ = world.write(dir.path());
        let out = python
            .run_in(dir.path(), &["-c", PYTHON_ML_DSA])
            .expect_success("python")
            .stdout;
        let (tbs, signature) = der::read(&out).unwrap();
        let response = Reply::delegated(&world.d_a, world.now)
            .tbs_der(tbs.raw)
            .signature(signature)
            .build();
        let found = verdict(&world, &world.ee_good, None, &response);
        assert_eq!(found, Verdict::Good, "{alg:?}");
        assert_bound(&world, &response);
    }
}

const GO: &str = r#"package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"

	"golang.org/x/crypto/ocsp"
)

func block(name string) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	found, _ := pem.Decode(text)
	return found.Bytes
}

func cert(name string) *x509.Certificate {
	found, err := x509.ParseCertificate(block(name))
	if err != nil {
		panic(err)
	}
	return found
}

func main() {
	key, err := x509.ParsePKCS8PrivateKey(block("ocsp.key"))
	if err != nil {
		panic(err)
	}
	now := time.Now()
	signer := cert("ocsp.pem")
	template := ocsp.Response{
		Status:       ocsp.Good,
		SerialNumber: cert(os.Args[1] + ".pem").SerialNumber,
		ThisUpdate:   now,
		NextUpdate:   now.Add(time.Hour),
		Certificate:  signer,
		IssuerHash:   crypto.SHA256,
	}
	if os.Args[1] == "ee-rev" {
		template.Status = ocsp.Revoked
		template.RevokedAt = now.Add(-time.Hour)
		template.RevocationReason = ocsp.KeyCompromise
	}
	response, err := ocsp.CreateResponse(cert("ca.pem"), signer, template, key.(crypto.Signer))
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(response)
}
"#;

// covers: R9919-3.2.2-C2
#[test]
fn responses_of_go_are_verified() {
    let Some(go) = peer::require_or_skip("go") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let program = go.build_go(dir.path(), GO);
    for alg in [KeyAlg::Rsa2048, KeyAlg::P256, KeyAlg::P384] {
        let world = World::current(alg);
        let _ = world.write(dir.path());
        for (file, cert, expected) in [
            ("ee-good", &world.ee_good, Verdict::Good),
            ("ee-rev", &world.ee_rev, Verdict::Revoked),
        ] {
            let response = run_go(&program, dir.path(), file);
            let found = verdict(&world, cert, None, &response);
            assert_eq!(found, expected, "{alg:?} {file}");
            assert_bound(&world, &response);
        }
    }
}

fn run_go(program: &Path, dir: &Path, file: &str) -> Vec<u8> {
    let mut command = Command::new(program);
    peer::run(command.arg(file).current_dir(dir), &[], PATIENCE)
        .expect_success("the Go peer")
        .stdout
}

/// For each pair of a folder and an algorithm: a response per certificate, named by the form of the ResponderID too.
const JAVA: &str = r#"
import java.nio.file.*;
import java.security.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.ocsp.*;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.*;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;

public class Maker {
    static Path base;

    static Object pem(String name) throws Exception {
        try (PEMParser parser = new PEMParser(Files.newBufferedReader(base.resolve(name)))) {
            return parser.readObject();
        }
    }

    public static void main(String[] words) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        for (int at = 0; at < words.length; at += 2) {
            base = Path.of(words[at]);
            make(words[at + 1]);
        }
    }

    static void make(String algorithm) throws Exception {
        X509CertificateHolder issuer = (X509CertificateHolder) pem("ca.pem");
        X509CertificateHolder signer = (X509CertificateHolder) pem("ocsp.pem");
        byte[] pkcs8 = ((org.bouncycastle.asn1.pkcs.PrivateKeyInfo) pem("ocsp.key")).getEncoded();
        String family = signer.getSubjectPublicKeyInfo().getAlgorithm().getAlgorithm().getId();
        PrivateKey key = KeyFactory.getInstance(family, "BC").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        Date now = new Date(System.currentTimeMillis() / 1000 * 1000);
        Date later = new Date(now.getTime() + 86_400_000L);
        for (String file : new String[] {"ee-good", "ee-rev"}) {
            X509CertificateHolder cert = (X509CertificateHolder) pem(file + ".pem");
            for (String form : new String[] {"name", "key"}) {
                BasicOCSPRespBuilder builder = form.equals("name")
                    ? new BasicOCSPRespBuilder(new RespID(signer.getSubject()))
                    : new BasicOCSPRespBuilder(signer.getSubjectPublicKeyInfo(), digests.get(CertificateID.HASH_SHA1));
                AlgorithmIdentifier hash = form.equals("name")
                    ? CertificateID.HASH_SHA1
                    : new AlgorithmIdentifier(org.bouncycastle.asn1.nist.NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);
                CertificateID id = new CertificateID(digests.get(hash), issuer, cert.getSerialNumber());
                org.bouncycastle.cert.ocsp.CertificateStatus status = file.equals("ee-rev")
                    ? new RevokedStatus(new Date(now.getTime() - 86_400_000L), CRLReason.keyCompromise)
                    : org.bouncycastle.cert.ocsp.CertificateStatus.GOOD;
                builder.addResponse(id, status, now, later, null);
                byte[] nonce = new byte[32];
                Arrays.fill(nonce, (byte) 0x42);
                builder.setResponseExtensions(new Extensions(new Extension(
                    OCSPObjectIdentifiers.id_pkix_ocsp_nonce, false, new DEROctetString(nonce).getEncoded())));
                ContentSigner content = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(key);
                BasicOCSPResp basic = builder.build(content, new X509CertificateHolder[] {signer, issuer}, now);
                byte[] response = new OCSPRespBuilder().build(OCSPRespBuilder.SUCCESSFUL, basic).getEncoded();
                Files.write(base.resolve(file + "-" + form + ".der"), response);
            }
        }
    }
}
"#;

// covers: R6960-4.2.2.3-C1, R6960-4.2.2.2-C6
#[test]
fn responses_of_bouncycastle_are_verified() {
    let Some(java) = peer::require_or_skip("bouncycastle") else {
        return;
    };
    let nonce = [0x42; 32];
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("Maker.java"), JAVA).unwrap();
    let worlds = [
        (KeyAlg::Rsa2048, "SHA256withRSA"),
        (KeyAlg::Rsa2048, "SHA256withRSAandMGF1"),
        (KeyAlg::P256, "SHA256withECDSA"),
        (KeyAlg::Ed25519, "Ed25519"),
    ]
    .map(|(alg, name)| {
        let world = World::current(alg);
        std::fs::create_dir(dir.path().join(name)).unwrap();
        let _ = world.write(&dir.path().join(name));
        (world, name)
    });
    let mut words = vec![
        "-cp",
        peer::BOUNCY_CASTLE,
        "-XX:TieredStopAtLevel=1",
        "Maker.java",
    ];
    // The folders have the names of the algorithms.
    words.extend(worlds.iter().flat_map(|(_, name)| [*name, *name]));
    let _ = java.run_in(dir.path(), &words).expect_success("java");
    for (world, name) in worlds {
        for (file, cert, expected) in [
            ("ee-good", &world.ee_good, Verdict::Good),
            ("ee-rev", &world.ee_rev, Verdict::Revoked),
        ] {
            for form in ["name", "key"] {
                let path = dir.path().join(name).join(format!("{file}-{form}.der"));
                let response = std::fs::read(path).unwrap();
                let found = verdict(&world, cert, Some(&nonce), &response);
                assert_eq!(found, expected, "{name} {form} {file}");
                assert_bound(&world, &response);
            }
        }
    }
}

/// A request that OpenSSL made, nonce and all, is taken as the question.
#[test]
fn request_of_openssl_is_the_question() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let world = World::current(KeyAlg::P256);
    let dir = tempfile::tempdir().unwrap();
    let _ = world.write(dir.path());
    let run = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let _ = openssl
            .run_in(dir.path(), &words)
            .expect_success("openssl ocsp");
    };
    run("ocsp -issuer ca.pem -cert ee-good.pem -reqout q.der");
    run(
        "ocsp -index index.txt -CA ca.pem -rsigner ocsp.pem -rkey ocsp.key -reqin q.der -respout r.der -ndays 1",
    );
    let request = std::fs::read(dir.path().join("q.der")).unwrap();
    let response = std::fs::read(dir.path().join("r.der")).unwrap();
    let query = QueryBuilder::default()
        .request(&request)
        .certificate(&world.ee_good.der, &world.ca_a.der)
        .unwrap();
    let profile = Profile::RFC9919.with_nonce(NoncePolicy::Require);
    let now = Timestamp::from_unix(certvouch_testkit::clock::real_now());
    let verified = query.verify(&response, now, &profile).unwrap();
    assert_eq!(verified.nonce(), NonceOutcome::Echoed);
    assert_eq!(verified.verdict(), Verdict::Good);
}
