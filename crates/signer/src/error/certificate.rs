//! What can be wrong with a signer's certificate, or with the issuer's.

use core::fmt;
use std::path::{Path, PathBuf};

use certvouch_types::{DecodeError, Timestamp};

use super::{escaped, shell, shown, span};

/// A certificate that a client would reject, or that does not belong to the key or the issuer.
#[derive(Debug)]
#[non_exhaustive]
pub struct CertificateError {
    /// The file of the signer's certificate, or the key file if it comes with the key.
    pub path: PathBuf,
    /// The file of the issuer's certificate.
    pub issuer_file: PathBuf,
    /// The key file.
    pub key: PathBuf,
    /// What is wrong.
    pub fault: CertificateFault,
}

/// What is wrong with a certificate. Names are subjects in the form `CN=…, O=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// The key is the CA's own, and nobody said that it may sign responses.
    CaKey,
    /// The key is the CA's own, but the certificate has another subject than the issuer.
    CaKeyOtherName,
    /// The CA signs responses itself, but its keyUsage lacks digitalSignature (requirements D-39).
    CaKeyUsage,
    /// The delegate's certificate is that of a CA (requirements D-23).
    DelegateIsCa,
    /// It is past its last second.
    Expired {
        /// When that was.
        not_after: Timestamp,
        /// The moment of the check.
        now: Timestamp,
    },
    /// It does not name id-kp-OCSPSigning as an extended key usage (RFC 6960 4.2.2.2).
    ExtendedKeyUsage {
        /// Whether anyExtendedKeyUsage is there, which is not enough.
        any: bool,
    },
    /// The issuer's certificate is past its last second.
    IssuerExpired {
        /// When that was.
        not_after: Timestamp,
        /// The moment of the check.
        now: Timestamp,
    },
    /// It names the issuer, but was signed by another key (requirements D-20).
    IssuerKey,
    /// It names another issuer.
    IssuerName {
        /// The issuer that it names.
        named: String,
        /// The subject of the issuer's certificate.
        expected: String,
    },
    /// The issuer's certificate is none of a CA.
    IssuerNotCa,
    /// The issuer's certificate is before its first second.
    IssuerNotYetValid {
        /// When it begins.
        not_before: Timestamp,
        /// The moment of the check.
        now: Timestamp,
    },
    /// The issuer signed it with an algorithm that is not supported; the text is its OBJECT IDENTIFIER.
    IssuerSignature(String),
    /// The private key belongs to another certificate.
    KeyMismatch {
        /// Whose certificate it is.
        subject: String,
    },
    /// Its keyUsage has neither digitalSignature nor nonRepudiation (RFC 5280 4.2.1.12).
    KeyUsage,
    /// Its keyUsage has bits for encryption or key agreement, which ML-DSA cannot do (RFC 9881 5).
    KeyUsageEncipherment,
    /// It is no certificate that we can read.
    Malformed(DecodeError),
    /// There is none.
    Missing,
    /// id-pkix-ocsp-nocheck is missing (RFC 6960 4.2.2.2.1).
    Nocheck,
    /// The value of id-pkix-ocsp-nocheck is not NULL (RFC 6960 4.2.2.2.1).
    NocheckValue,
    /// The file is something else; the text names it.
    NotACertificate(&'static str),
    /// It is before its first second.
    NotYetValid {
        /// When it begins.
        not_before: Timestamp,
        /// The moment of the check.
        now: Timestamp,
    },
    /// A test signature of the key does not verify under the certificate; the text says why.
    TestSignature(String),
}

impl CertificateError {
    pub(crate) fn new(
        path: &Path,
        key: &Path,
        issuer_file: &Path,
        fault: CertificateFault,
    ) -> Self {
        Self {
            path: path.to_owned(),
            issuer_file: issuer_file.to_owned(),
            key: key.to_owned(),
            fault,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn cause(&self) -> String {
        use CertificateFault as F;
        let path = shown(&self.path);
        let issuer = shown(&self.issuer_file);
        let key = shown(&self.key);
        match &self.fault {
            F::CaKey => format!(
                "{key} is the key of the CA itself, which signs responses only by explicit word"
            ),
            F::CaKeyOtherName => format!(
                "the certificate in {path} holds the key of the CA but has another subject than {issuer}"
            ),
            F::CaKeyUsage => format!(
                "the keyUsage of {issuer} lacks digitalSignature, so that this CA must not sign responses itself"
            ),
            F::DelegateIsCa => {
                format!("the signer's certificate in {path} is that of a CA (basicConstraints cA)")
            }
            F::Expired { not_after, now } => {
                past("the signer's certificate in", &path, *not_after, *now)
            }
            F::ExtendedKeyUsage { any: true } => format!(
                "the certificate in {path} has anyExtendedKeyUsage but not OCSPSigning, which must be named"
            ),
            F::ExtendedKeyUsage { any: false } => {
                format!("the certificate in {path} lacks the extended key usage OCSPSigning")
            }
            F::IssuerExpired { not_after, now } => {
                past("the issuer's certificate in", &issuer, *not_after, *now)
            }
            F::IssuerKey => format!(
                "the certificate in {path} names the CA of {issuer} as its issuer, but another key signed it \
                 (a CA of the same name, or this CA before or after a change of its key)"
            ),
            F::IssuerName { named, expected } => format!(
                "the certificate in {path} was issued by \"{}\", not by \"{}\" of {issuer}",
                escaped(named),
                escaped(expected)
            ),
            F::IssuerNotCa => format!("{issuer} is no certificate of a CA (basicConstraints cA)"),
            F::IssuerNotYetValid { not_before, now } => {
                ahead("the issuer's certificate in", &issuer, *not_before, *now)
            }
            F::IssuerSignature(oid) => format!(
                "the certificate in {path} is signed with the algorithm {oid}, which is not supported"
            ),
            F::KeyMismatch { subject } => format!(
                "the key in {key} does not belong to the certificate of \"{}\" in {path}",
                escaped(subject)
            ),
            F::KeyUsage => format!(
                "the keyUsage of the certificate in {path} has neither digitalSignature nor nonRepudiation"
            ),
            F::KeyUsageEncipherment => format!(
                "the keyUsage of the certificate in {path} has bits that a key of ML-DSA must not have"
            ),
            F::Malformed(why) => format!("the certificate in {path} cannot be read: {why}"),
            F::Missing => {
                format!("no certificate is configured for {key}, and the file holds none")
            }
            F::Nocheck => format!(
                "the certificate in {path} lacks id-pkix-ocsp-nocheck, so that clients would ask for its own status"
            ),
            F::NocheckValue => {
                format!("id-pkix-ocsp-nocheck in {path} has a value other than NULL")
            }
            F::NotACertificate(what) => format!("{path} holds no certificate, but {what}"),
            F::NotYetValid { not_before, now } => {
                ahead("the signer's certificate in", &path, *not_before, *now)
            }
            F::TestSignature(why) => format!(
                "a test signature of the key in {key} does not verify with the certificate in {path}: {why}"
            ),
        }
    }

    /// The command or the lines that mend it.
    #[must_use]
    pub fn remedy(&self) -> String {
        use CertificateFault as F;
        match &self.fault {
            F::CaKey => format!(
                "make a delegate with\n{}\nor, if the CA shall really sign itself, say --sign-with-ca-key",
                self.new_signer()
            ),
            F::CaKeyOtherName => {
                "leave the signer's certificate out; the issuer's is used".to_owned()
            }
            F::CaKeyUsage => format!("make a delegate with\n{}", self.new_signer()),
            F::DelegateIsCa
            | F::ExtendedKeyUsage { .. }
            | F::KeyUsage
            | F::KeyUsageEncipherment
            | F::Nocheck
            | F::NocheckValue => self.reissue(),
            F::Expired { .. } | F::IssuerSignature(_) => {
                format!("issue it anew, for example with\n{}", self.new_signer())
            }
            F::IssuerExpired { .. } => {
                "name the renewed certificate of the CA as issuer".to_owned()
            }
            F::IssuerKey => format!(
                "name the CA certificate whose key signed it as issuer, or make a delegate of this CA key with\n{}",
                self.new_signer()
            ),
            F::IssuerName { .. } => format!(
                "name the CA certificate that issued it as issuer, or make a delegate of this CA with\n{}",
                self.new_signer()
            ),
            F::IssuerNotCa => format!(
                "name the certificate of the CA as issuer; this one is of:\nopenssl x509 -in {} -noout \
                 -subject -issuer -ext basicConstraints",
                shell(&self.issuer_file)
            ),
            F::IssuerNotYetValid { .. } | F::NotYetValid { .. } => {
                "set the clock (timedatectl set-ntp true), or wait".to_owned()
            }
            F::KeyMismatch { .. } => format!(
                "find the pair that belongs together; these two must print the same:\nopenssl pkey -in {} -pubout\n\
                 openssl x509 -in {} -noout -pubkey",
                shell(&self.key),
                shell(&self.path)
            ),
            F::Malformed(_) => format!("openssl x509 -in {} -out NEW.pem", shell(&self.path)),
            F::Missing => "name the certificate of the signer".to_owned(),
            F::NotACertificate("PKCS#7") => format!(
                "openssl pkcs7 -in {} -print_certs -out NEW.pem",
                shell(&self.path)
            ),
            F::NotACertificate("an OpenSSL trusted certificate") => {
                format!("openssl x509 -in {} -out NEW.pem", shell(&self.path))
            }
            F::NotACertificate(_) => "name the file of the certificate, in PEM or DER".to_owned(),
            F::TestSignature(_) => format!("make a new pair with\n{}", self.new_signer()),
        }
    }

    fn new_signer(&self) -> String {
        format!(
            "certvouch signer new --issuer {} --ca-key CA.key --out DIR",
            shell(&self.issuer_file)
        )
    }

    /// How to issue a delegate's certificate that holds.
    fn reissue(&self) -> String {
        format!(
            "{}\nor issue it again for the same key with OpenSSL and these lines in ocsp.cnf\n{}\n\
             openssl req -new -key {} -subj \"/CN=OCSP signer\" -out ocsp.csr\n\
             openssl x509 -req -in ocsp.csr -CA {} -CAkey CA.key -days 30 -extfile ocsp.cnf -extensions ocsp_signer -out NEW.pem",
            self.new_signer(),
            EXTENSION_LINES,
            shell(&self.key),
            shell(&self.issuer_file)
        )
    }
}

/// The section of an OpenSSL configuration that makes a delegate's certificate.
const EXTENSION_LINES: &str = "[ocsp_signer]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid";

fn past(what: &str, path: &str, not_after: Timestamp, now: Timestamp) -> String {
    let since = span(now.seconds_since(not_after));
    format!("{what} {path} expired {since} ago, at {not_after}")
}

fn ahead(what: &str, path: &str, not_before: Timestamp, now: Timestamp) -> String {
    let until = span(not_before.seconds_since(now));
    format!("{what} {path} is not valid yet; it begins in {until}, at {not_before}")
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nto mend it: {}", self.cause(), self.remedy())
    }
}

impl core::error::Error for CertificateError {}
