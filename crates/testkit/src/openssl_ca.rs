//! A real certification authority run by `openssl ca` in a temporary folder.
//!
//! Everything in its `index.txt` was written by OpenSSL itself: that is the point. Serial numbers are
//! chosen by the test (through the `serial` file), also large ones and ones with leading zeros. Times are
//! the real ones, since `openssl ca` has no other clock.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clock::Civil;
use crate::peer::{Outcome, Peer};
use crate::pki::KeyAlg;
use crate::process::{TempDir, temp_dir};

/// A certificate the CA issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// PEM file of the certificate.
    pub cert: PathBuf,
    /// PKCS#8 PEM file of its private key.
    pub key: PathBuf,
    /// The serial in upper-case hexadecimal as the index has it.
    pub serial_hex: String,
}

/// How a certificate is revoked: the options of `openssl ca -revoke`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// No option: the index gets the time alone.
    NoReason,
    /// `-crl_reason`: `unspecified`, `keyCompromise`, `CACompromise`, `affiliationChanged`, `superseded`,
    /// `cessationOfOperation`, `certificateHold` or `removeFromCRL`.
    Reason(&'static str),
    /// `-crl_hold`: `holdInstructionNone`, `holdInstructionCallIssuer` or `holdInstructionReject`.
    Hold(&'static str),
    /// `-crl_compromise`: keyCompromise with an invalidity date (`YYYYMMDDHHMMSSZ`).
    KeyCompromisedAt(&'static str),
    /// `-crl_CA_compromise`: cACompromise with an invalidity date.
    CaCompromisedAt(&'static str),
}

/// The CA.
#[derive(Debug)]
pub struct OpensslCa {
    openssl: Peer,
    dir: TempDir,
    key_alg: KeyAlg,
}

impl OpensslCa {
    /// A new CA with a self-signed certificate `/CN=OpenSSL CA/O=certvouch tests`, valid ten years.
    ///
    /// # Panics
    /// When OpenSSL refuses, and for ML-DSA, which OpenSSL 3.0 lacks.
    #[must_use]
    pub fn new(openssl: &Peer, key_alg: KeyAlg) -> Self {
        let ca = Self {
            openssl: openssl.clone(),
            dir: temp_dir(),
            key_alg,
        };
        for (name, text) in [
            ("openssl.cnf", CONFIGURATION),
            ("index.txt", ""),
            ("index.txt.attr", "unique_subject = no\n"),
        ] {
            fs::write(ca.path(name), text).expect("write a CA file");
        }
        fs::create_dir(ca.path("new")).expect("make a folder");
        ca.new_key("ca.key");
        let subject = "/CN=OpenSSL CA/O=certvouch tests";
        let request = [
            "req",
            "-config",
            "openssl.cnf",
            "-new",
            "-x509",
            "-key",
            "ca.key",
            "-out",
        ];
        let rest = [
            "ca.pem",
            "-days",
            "3650",
            "-subj",
            subject,
            "-extensions",
            "ca_cert",
        ];
        let _ = ca.openssl(&[&request[..], &rest[..]].concat());
        ca
    }

    /// The folder of the CA.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The CA certificate, PEM.
    #[must_use]
    pub fn cert(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The CA's private key, PKCS#8 PEM.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.path("ca.key")
    }

    /// The database.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.path("index.txt")
    }

    /// The database as text.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn index_text(&self) -> String {
        fs::read_to_string(self.index()).expect("read index.txt")
    }

    /// Issues an end-entity certificate `/CN=<name>`, valid one year from now, with this serial
    /// (hexadecimal digits, leading zeros allowed).
    ///
    /// # Panics
    /// When OpenSSL refuses.
    #[must_use]
    pub fn issue(&self, name: &str, serial_hex: &str) -> Issued {
        self.issue_in(name, serial_hex, "end_entity", None)
    }

    /// Issues an end-entity certificate with these dates in Unix seconds (expired ones, say).
    ///
    /// # Panics
    /// When OpenSSL refuses.
    #[must_use]
    pub fn issue_between(&self, name: &str, serial_hex: &str, from: i64, to: i64) -> Issued {
        self.issue_in(name, serial_hex, "end_entity", Some((from, to)))
    }

    /// Issues a delegated responder certificate: OCSPSigning, nocheck, digitalSignature.
    ///
    /// # Panics
    /// When OpenSSL refuses.
    #[must_use]
    pub fn issue_ocsp_signer(&self, name: &str, serial_hex: &str) -> Issued {
        self.issue_in(name, serial_hex, "ocsp_signer", None)
    }

    /// Revokes a certificate.
    ///
    /// # Panics
    /// When OpenSSL refuses.
    pub fn revoke(&self, issued: &Issued, how: Revocation) {
        let cert = issued.cert.to_string_lossy();
        let mut arguments = vec!["-revoke", &*cert];
        match how {
            Revocation::NoReason => {}
            Revocation::Reason(reason) => arguments.extend(["-crl_reason", reason]),
            Revocation::Hold(instruction) => arguments.extend(["-crl_hold", instruction]),
            Revocation::KeyCompromisedAt(time) => arguments.extend(["-crl_compromise", time]),
            Revocation::CaCompromisedAt(time) => arguments.extend(["-crl_CA_compromise", time]),
        }
        let _ = self.ca(&arguments);
    }

    /// `openssl ca -updatedb`: rows past their date become `E`.
    ///
    /// # Panics
    /// When OpenSSL refuses.
    pub fn update_db(&self) {
        let _ = self.ca(&["-updatedb"]);
    }

    /// Writes a CRL valid one day to `ca.crl` (PEM) and returns its path.
    ///
    /// # Panics
    /// When OpenSSL refuses.
    #[must_use]
    pub fn crl(&self) -> PathBuf {
        fs::write(self.path("crlnumber"), "01\n").expect("write crlnumber");
        let _ = self.ca(&["-gencrl", "-crldays", "1", "-out", "ca.crl"]);
        self.path("ca.crl")
    }

    fn issue_in(
        &self,
        name: &str,
        serial_hex: &str,
        section: &str,
        dates: Option<(i64, i64)>,
    ) -> Issued {
        let stem = format!("{section}-{serial_hex}");
        let [key, request, cert] = ["key", "csr", "pem"].map(|kind| format!("{stem}.{kind}"));
        self.new_key(&key);
        let subject = format!("/CN={name}");
        let _ = self.openssl(&[
            "req",
            "-config",
            "openssl.cnf",
            "-new",
            "-utf8",
            "-key",
            &key,
            "-subj",
            &subject,
            "-out",
            &request,
        ]);
        fs::write(self.path("serial"), format!("{serial_hex}\n")).expect("write serial");
        let mut arguments = vec![
            "-notext",
            "-extensions",
            section,
            "-in",
            &request,
            "-out",
            &cert,
        ];
        let (from, to) = dates.unwrap_or_default();
        let [from, to] = [from, to].map(|unix| Civil::from_unix(unix).generalized());
        if dates.is_some() {
            arguments.extend(["-startdate", &*from, "-enddate", &*to]);
        }
        let _ = self.ca(&arguments);
        let shown = self
            .openssl(&["x509", "-in", &cert, "-noout", "-serial"])
            .out();
        let serial_hex = shown.trim().trim_start_matches("serial=").to_owned();
        Issued {
            cert: self.path(&cert),
            key: self.path(&key),
            serial_hex,
        }
    }

    fn new_key(&self, file: &str) {
        let kind: &[&str] = match self.key_alg {
            KeyAlg::Rsa2048 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            KeyAlg::Rsa3072 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
            KeyAlg::P256 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            KeyAlg::P384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            KeyAlg::P521 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            KeyAlg::Ed25519 => &["-algorithm", "ED25519"],
            other => panic!("this OpenSSL makes no {other:?} keys"),
        };
        let _ = self.openssl(&[&["genpkey", "-out", file][..], kind].concat());
    }

    fn ca(&self, arguments: &[&str]) -> Outcome {
        let mut all = vec!["ca", "-batch", "-config", "openssl.cnf"];
        // EdDSA hashes by itself: "-md default" of the configuration would be refused.
        if self.key_alg == KeyAlg::Ed25519 {
            all.extend(["-md", "null"]);
        }
        all.extend(arguments);
        self.openssl(&all)
    }

    fn openssl(&self, arguments: &[&str]) -> Outcome {
        let what = format!("openssl {}", arguments.join(" "));
        self.openssl
            .run_in(self.dir.path(), arguments)
            .expect_success(&what)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

const CONFIGURATION: &str = "\
[ca]
default_ca = here

[here]
dir = .
database = index.txt
new_certs_dir = new
certificate = ca.pem
private_key = ca.key
serial = serial
crlnumber = crlnumber
default_md = sha256
default_days = 365
policy = anything
unique_subject = no

[anything]
commonName = supplied

[req]
distinguished_name = dn
prompt = no

[dn]

[ca_cert]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash

[end_entity]
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid

[ocsp_signer]
keyUsage = critical, digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
authorityKeyIdentifier = keyid
";
