//! CRLs made by OpenSSL, by Python's cryptography and by Go's crypto/x509: what they list is what we read.

use std::path::Path;

use certvouch_status::CrlSource;
use certvouch_status::crl::{CrlSettings, CrlSigners, Location, Sha1};
use certvouch_testkit::clock::real_now;
use certvouch_testkit::openssl_ca::{OpensslCa, Revocation};
use certvouch_testkit::peer::{PATIENCE, require_or_skip, run};
use certvouch_testkit::pki::{KeyAlg, from_pem};
use certvouch_types::Timestamp;

use crate::crls::{lookup, word};

/// A source of these files, read once, everything of which must come into force.
fn source(ca: &[u8], others: &[Vec<u8>], crls: &[&Path], deltas: &[&Path]) -> CrlSource {
    let signers = CrlSigners::new(ca, others, Sha1::Refuse).unwrap();
    let places = |paths: &[&Path]| {
        paths
            .iter()
            .map(|path| Location::File(path.to_path_buf()))
            .collect()
    };
    let mut settings = CrlSettings::new(signers, places(crls));
    settings.deltas = places(deltas);
    let source = CrlSource::open(settings, None, || Timestamp::from_unix(real_now())).unwrap();
    for outcome in source.refresh_files() {
        let outcome = outcome.unwrap();
        assert!(outcome.entries > 0, "{outcome:?}");
    }
    source
}

fn reason(source: &CrlSource, serial: &str) -> Option<String> {
    match lookup(source, serial).unwrap().knowledge {
        certvouch_responder::Knowledge::Revoked { reason, .. } => reason.map(|it| it.to_string()),
        other => panic!("{other:?}"),
    }
}

fn read_pem(path: &Path, label: &str) -> Vec<u8> {
    from_pem(label, &std::fs::read_to_string(path).unwrap()).unwrap()
}

// covers: R5280-5-1, R5280-5.3.1-1
#[test]
fn crl_of_openssl_is_read_with_its_reasons() {
    let Some(openssl) = require_or_skip("openssl") else {
        return;
    };
    for alg in [KeyAlg::P256, KeyAlg::Rsa2048, KeyAlg::Ed25519] {
        let ca = OpensslCa::new(&openssl, alg);
        let kinds = [
            ("0A01", Revocation::NoReason, None),
            (
                "C1D2E3F405162738495A6B7C8D9EAFB0",
                Revocation::Reason("keyCompromise"),
                Some("keyCompromise"),
            ),
            (
                "0A02",
                Revocation::Hold("holdInstructionReject"),
                Some("certificateHold"),
            ),
            (
                "0A03",
                Revocation::KeyCompromisedAt("20250102030405Z"),
                Some("keyCompromise"),
            ),
        ];
        for (serial, how, _) in &kinds {
            ca.revoke(&ca.issue(&format!("EE-{serial}"), serial), *how);
        }
        let _valid = ca.issue("EE-good", "0B00");
        let crl = ca.crl();
        let source = source(&read_pem(&ca.cert(), "CERTIFICATE"), &[], &[&crl], &[]);
        for (serial, _, expected) in kinds {
            assert_eq!(reason(&source, serial).as_deref(), expected, "{serial}");
        }
        assert_eq!(word(&source, "0B00"), "not revoked");
        let compromised = lookup(&source, "0A03").unwrap();
        assert_eq!(
            compromised.invalidity_date,
            Timestamp::from_rfc3339("2025-01-02T03:04:05Z")
        );
        let held = lookup(&source, "0A02").unwrap();
        assert_eq!(
            held.hold_instruction,
            Some(certvouch_responder::HoldInstruction::Reject)
        );
    }
}

/// Complete, delta, two partitions and an indirect CRL.
const PYTHON: &str = r#"
import datetime, sys
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
out = sys.argv[1]
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
day = datetime.timedelta(days=1)
def name(text): return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
def ca(text, issuer=None, issuer_key=None):
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    cert = (x509.CertificateBuilder().subject_name(name(text)).issuer_name(issuer or name(text))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - day).not_valid_after(now + 9 * day)
        .add_extension(x509.BasicConstraints(True, None), True).add_extension(usage, True)
        .sign(issuer_key or key, hashes.SHA256()))
    open(f"{out}/{text}.pem", "wb").write(cert.public_bytes(serialization.Encoding.PEM))
    return key
def entry(serial, reason=None, issuer=None):
    b = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - day)
    if reason: b = b.add_extension(x509.CRLReason(reason), False)
    if issuer: b = b.add_extension(x509.CertificateIssuer([x509.DirectoryName(name(issuer))]), True)
    return b.build()
def crl(file, key, issuer, number, entries, *extensions):
    b = (x509.CertificateRevocationListBuilder().issuer_name(name(issuer))
        .last_update(now - datetime.timedelta(minutes=1)).next_update(now + day)
        .add_extension(x509.CRLNumber(number), False))
    for e in entries: b = b.add_revoked_certificate(e)
    for e in extensions: b = b.add_extension(e, True)
    open(f"{out}/{file}", "wb").write(b.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
def idp(url=None, indirect=False):
    full = [x509.UniformResourceIdentifier(url)] if url else None
    return x509.IssuingDistributionPoint(full, None, False, False, None, indirect, False)
F = x509.ReasonFlags
root = ca("root")
ci = ca("crl-issuer", name("root"), root)
crl("complete.crl", root, "root", 7, [entry(0xC1D2E3F405162738495A6B7C8D9EAFB0, F.key_compromise), entry(0x0A02, F.certificate_hold)])
crl("delta.crl", root, "root", 8, [entry(0x0A02, F.remove_from_crl), entry(0x0A03, F.superseded)], x509.DeltaCRLIndicator(7))
crl("one.crl", root, "root", 9, [entry(0x11)], idp("http://ca.example/1.crl"))
crl("two.crl", root, "root", 9, [entry(0x22)], idp("http://ca.example/2.crl"))
crl("indirect.crl", ci, "crl-issuer", 1, [entry(0x31), entry(0x32, None, "other"), entry(0x33), entry(0x34, None, "root"), entry(0x35)], idp(None, True))
"#;

// covers: R5280-5.2.4-4, R5280-5.3.3-1, T-4
#[test]
fn complete_delta_partitioned_and_indirect_crls_of_python_are_read() {
    let Some(python) = require_or_skip("python-cryptography") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let made = python.run(&["-c", PYTHON, out.to_str().unwrap()]);
    let _ = made.expect_success("make CRLs with Python");
    let root = read_pem(&out.join("root.pem"), "CERTIFICATE");
    let path = |name: &str| out.join(name);
    let rev = "C1D2E3F405162738495A6B7C8D9EAFB0";

    let complete = source(&root, &[], &[&path("complete.crl")], &[]);
    assert_eq!(
        [rev, "0A02", "0A03"].map(|it| word(&complete, it)),
        ["revoked", "revoked", "not revoked"]
    );
    assert_eq!(reason(&complete, rev).as_deref(), Some("keyCompromise"));
    let both = source(&root, &[], &[&path("complete.crl")], &[&path("delta.crl")]);
    assert_eq!(
        [rev, "0A02", "0A03"].map(|it| word(&both, it)),
        ["revoked", "not revoked", "revoked"]
    );
    let parts = source(&root, &[], &[&path("one.crl"), &path("two.crl")], &[]);
    assert_eq!(
        ["11", "22", "33"].map(|it| word(&parts, it)),
        ["revoked", "revoked", "not revoked"]
    );
    let issuer = read_pem(&out.join("crl-issuer.pem"), "CERTIFICATE");
    let indirect = source(&root, &[issuer], &[&path("indirect.crl")], &[]);
    let words = ["31", "32", "33", "34", "35"].map(|it| word(&indirect, it));
    assert_eq!(
        words,
        [
            "not revoked",
            "not revoked",
            "not revoked",
            "revoked",
            "revoked"
        ]
    );
}

/// A complete CRL, and a delta through ExtraExtensions, which is all that Go can do.
const GO: &str = r#"
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"time"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	out := os.Args[1]
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	now := time.Now().UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Go CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour * 99),
		KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		SubjectKeyId: []byte{1, 2, 3},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	must(os.WriteFile(out+"/ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ca, err := x509.ParseCertificate(der)
	must(err)
	reason, err := asn1.Marshal(asn1.Enumerated(4))
	must(err)
	long, _ := new(big.Int).SetString("7F00112233445566778899AABBCCDDEEFF001122", 16)
	entry := func(serial *big.Int) pkix.RevokedCertificate {
		return pkix.RevokedCertificate{SerialNumber: serial, RevocationTime: now.Add(-time.Minute),
			Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 21}, Value: reason}}}
	}
	write := func(file string, number int64, serial *big.Int, extra []pkix.Extension) {
		list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: now, NextUpdate: now.Add(time.Hour),
			RevokedCertificates: []pkix.RevokedCertificate{entry(serial)}, ExtraExtensions: extra}
		crl, err := x509.CreateRevocationList(rand.Reader, list, ca, key)
		must(err)
		must(os.WriteFile(out+"/"+file, crl, 0o600))
	}
	base, err := asn1.Marshal(big.NewInt(300))
	must(err)
	write("complete.crl", 300, long, nil)
	write("delta.crl", 301, big.NewInt(0x0A03), []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: base}})
}
"#;

// covers: R5280-5-1, R5280-5.2.4-1
#[test]
fn complete_and_delta_crls_of_go_are_read() {
    let Some(go) = require_or_skip("go") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let program = go.build_go(dir.path(), GO);
    let mut made = std::process::Command::new(program);
    let _ = run(made.arg(dir.path()), &[], PATIENCE).expect_success("make CRLs with Go");
    let ca = read_pem(&dir.path().join("ca.pem"), "CERTIFICATE");
    let (complete, delta) = (
        dir.path().join("complete.crl"),
        dir.path().join("delta.crl"),
    );
    let source = source(&ca, &[], &[&complete], &[&delta]);
    let long = "7F00112233445566778899AABBCCDDEEFF001122";
    assert_eq!(
        [long, "0A03", "0A04"].map(|it| word(&source, it)),
        ["revoked", "revoked", "not revoked"]
    );
    assert_eq!(reason(&source, long).as_deref(), Some("superseded"));
}
