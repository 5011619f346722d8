//! Certificates written field by field.
//!
//! A builder starts with harmless values (version 3, serial 1, valid one year around [`T0`], no
//! extensions) and writes what it is told, valid or not. The signature is real unless
//! [`CertBuilder::bad_signature`] spoils it.

use std::path::Path;

use aws_lc_rs::digest;

use super::{Key, SigAlg, T0, pem};
use crate::der;

/// A certificate with the private key that belongs to it.
#[derive(Clone, Debug)]
pub struct Cert {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its private key.
    pub key: Key,
    /// The subject Name, DER.
    pub subject: Vec<u8>,
    /// The issuer Name, DER.
    pub issuer: Vec<u8>,
    /// Content octets of the serialNumber INTEGER.
    pub serial: Vec<u8>,
    /// notBefore in Unix seconds.
    pub not_before: i64,
    /// notAfter in Unix seconds.
    pub not_after: i64,
}

impl Cert {
    /// `-----BEGIN CERTIFICATE-----`.
    #[must_use]
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// SHA-1 of the subjectPublicKey bits: the byKey responder ID, and the usual SKI.
    #[must_use]
    pub fn key_hash_sha1(&self) -> Vec<u8> {
        sha1(&self.key.public_bits())
    }

    /// Serial in upper-case hexadecimal with an even number of digits and no sign octet, as OpenSSL
    /// prints it.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        match self.serial.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => der::to_hex(rest),
            all => der::to_hex(all),
        }
    }

    /// Writes the certificate as PEM.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_pem(&self, path: &Path) {
        std::fs::write(path, self.pem()).expect("write a certificate");
    }

    /// Writes the private key as PKCS#8 PEM, readable by its owner alone.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_key_pem(&self, path: &Path) {
        write_private(path, &self.key.pkcs8_pem());
    }
}

/// Bits of keyUsage by their number (RFC 5280 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsage {
    /// Bit 0.
    DigitalSignature,
    /// Bit 1.
    NonRepudiation,
    /// Bit 2.
    KeyEncipherment,
    /// Bit 5.
    KeyCertSign,
    /// Bit 6.
    CrlSign,
}

impl KeyUsage {
    fn bit(self) -> u8 {
        match self {
            Self::DigitalSignature => 0,
            Self::NonRepudiation => 1,
            Self::KeyEncipherment => 2,
            Self::KeyCertSign => 5,
            Self::CrlSign => 6,
        }
    }
}

/// A certificate in the making.
#[derive(Clone, Debug)]
pub struct CertBuilder {
    subject: Vec<u8>,
    key: Key,
    issuer: Option<Vec<u8>>,
    version: Option<u8>,
    serial: Vec<u8>,
    not_before: i64,
    not_after: i64,
    validity_der: Option<Vec<u8>>,
    spki: Option<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
    sig_alg: Option<SigAlg>,
    outer_algorithm: Option<Vec<u8>>,
    spoil_signature: bool,
}

impl CertBuilder {
    /// A certificate for this key, named as in [`der::name`].
    #[must_use]
    pub fn new(subject: &[(&str, &str)], key: &Key) -> Self {
        Self {
            subject: der::name(subject),
            key: key.clone(),
            issuer: None,
            version: Some(2),
            serial: vec![1],
            not_before: T0 - 180 * 86_400,
            not_after: T0 + 185 * 86_400,
            validity_der: None,
            spki: None,
            extensions: Vec::new(),
            sig_alg: None,
            outer_algorithm: None,
            spoil_signature: false,
        }
    }

    /// The subject as ready DER (for example a Name with another string type).
    #[must_use]
    pub fn subject_der(mut self, name: &[u8]) -> Self {
        self.subject = name.to_vec();
        self
    }

    /// Another issuer Name than the subject of the signing certificate.
    #[must_use]
    pub fn issuer_der(mut self, name: &[u8]) -> Self {
        self.issuer = Some(name.to_vec());
        self
    }

    /// The version number as encoded (2 is v3); nothing leaves the field out (v1).
    #[must_use]
    pub fn version(mut self, encoded: Option<u8>) -> Self {
        self.version = encoded;
        self
    }

    /// Content octets of the serial INTEGER, written as given. [`der::uint_content`] makes canonical ones.
    #[must_use]
    pub fn serial(mut self, content: &[u8]) -> Self {
        self.serial = content.to_vec();
        self
    }

    /// notBefore and notAfter in Unix seconds.
    #[must_use]
    pub fn validity(mut self, not_before: i64, not_after: i64) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    /// The whole Validity SEQUENCE as ready DER (wrong time types, say).
    #[must_use]
    pub fn validity_der(mut self, validity: &[u8]) -> Self {
        self.validity_der = Some(validity.to_vec());
        self
    }

    /// Another SubjectPublicKeyInfo than that of the key.
    #[must_use]
    pub fn spki_der(mut self, spki: &[u8]) -> Self {
        self.spki = Some(spki.to_vec());
        self
    }

    /// Any extension by OID, criticality and the content of its extnValue.
    #[must_use]
    pub fn extension(self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.raw_extension(&der::extension(dotted, critical, value))
    }

    /// Any bytes in the place of an Extension.
    #[must_use]
    pub fn raw_extension(mut self, extension: &[u8]) -> Self {
        self.extensions.push(extension.to_vec());
        self
    }

    /// Critical basicConstraints.
    #[must_use]
    pub fn basic_constraints(self, ca: bool, path_len: Option<u8>) -> Self {
        let ca = if ca { der::boolean(true) } else { Vec::new() };
        let path_len = path_len.map_or_else(Vec::new, |n| der::uint(&[n]));
        self.extension("2.5.29.19", true, &der::seq(&[&ca, &path_len]))
    }

    /// Critical keyUsage.
    #[must_use]
    pub fn key_usage(self, usages: &[KeyUsage]) -> Self {
        let bits: Vec<u8> = usages.iter().map(|usage| usage.bit()).collect();
        self.extension("2.5.29.15", true, &der::named_bits(&bits))
    }

    /// extKeyUsage, not critical, of dotted OIDs.
    #[must_use]
    pub fn eku(self, purposes: &[&str]) -> Self {
        let purposes: Vec<Vec<u8>> = purposes.iter().map(|dotted| der::oid(dotted)).collect();
        self.extension("2.5.29.37", false, &der::seq_of(&purposes))
    }

    /// extKeyUsage with id-kp-OCSPSigning.
    #[must_use]
    pub fn ocsp_signing(self) -> Self {
        self.eku(&["1.3.6.1.5.5.7.3.9"])
    }

    /// id-pkix-ocsp-nocheck.
    #[must_use]
    pub fn ocsp_nocheck(self) -> Self {
        self.extension("1.3.6.1.5.5.7.48.1.5", false, &der::null())
    }

    /// subjectKeyIdentifier of any bytes.
    #[must_use]
    pub fn ski(self, identifier: &[u8]) -> Self {
        self.extension("2.5.29.14", false, &der::octets(identifier))
    }

    /// subjectKeyIdentifier = SHA-1 of the key's bits (RFC 5280 4.2.1.2, method 1).
    #[must_use]
    pub fn ski_sha1(self) -> Self {
        let identifier = sha1(&self.key.public_bits());
        self.ski(&identifier)
    }

    /// authorityKeyIdentifier with a keyIdentifier of any bytes.
    #[must_use]
    pub fn aki(self, identifier: &[u8]) -> Self {
        self.extension(
            "2.5.29.35",
            false,
            &der::seq(&[&der::tlv(0x80, identifier)]),
        )
    }

    /// authorityInfoAccess with id-ad-ocsp and id-ad-caIssuers URLs.
    #[must_use]
    pub fn aia(self, ocsp: &[&str], ca_issuers: &[&str]) -> Self {
        let description = |method: &str, url: &&str| {
            der::seq(&[&der::oid(method), &der::tlv(0x86, url.as_bytes())])
        };
        let ocsp = ocsp
            .iter()
            .map(|url| description("1.3.6.1.5.5.7.48.1", url));
        let issuers = ca_issuers
            .iter()
            .map(|url| description("1.3.6.1.5.5.7.48.2", url));
        let all: Vec<Vec<u8>> = ocsp.chain(issuers).collect();
        self.extension("1.3.6.1.5.5.7.1.1", false, &der::seq_of(&all))
    }

    /// cRLDistributionPoints: one point with fullName per URL.
    #[must_use]
    pub fn crl_dp(self, urls: &[&str]) -> Self {
        let points: Vec<Vec<u8>> = urls
            .iter()
            .map(|url| {
                let full_name = der::explicit(0, &der::tlv(0x86, url.as_bytes()));
                der::seq(&[&der::explicit(0, &full_name)])
            })
            .collect();
        self.extension("2.5.29.31", false, &der::seq_of(&points))
    }

    /// Another signature algorithm than the usual one of the signing key.
    #[must_use]
    pub fn sig_alg(mut self, sig_alg: SigAlg) -> Self {
        self.sig_alg = Some(sig_alg);
        self
    }

    /// Another AlgorithmIdentifier outside the signed part than inside.
    #[must_use]
    pub fn outer_algorithm(mut self, identifier: &[u8]) -> Self {
        self.outer_algorithm = Some(identifier.to_vec());
        self
    }

    /// Signs something else than what is written, so that the signature is well formed but wrong.
    #[must_use]
    pub fn bad_signature(mut self) -> Self {
        self.spoil_signature = true;
        self
    }

    /// A self-signed certificate.
    #[must_use]
    pub fn self_signed(self) -> Cert {
        let (name, key) = (self.subject.clone(), self.key.clone());
        self.issued(&name, &key)
    }

    /// A certificate issued by `issuer` (its subject becomes the issuer Name; its key signs).
    #[must_use]
    pub fn issued_by(self, issuer: &Cert) -> Cert {
        self.issued(&issuer.subject, &issuer.key)
    }

    /// A certificate with this issuer Name (unless [`Self::issuer_der`] said otherwise), signed by this key.
    #[must_use]
    pub fn issued(self, issuer_name: &[u8], issuer_key: &Key) -> Cert {
        let issuer = self.issuer.clone().unwrap_or_else(|| issuer_name.to_vec());
        let sig_alg = self.sig_alg.unwrap_or_else(|| issuer_key.sig_alg());
        let tbs = self.tbs(&issuer, sig_alg);
        let signature = if self.spoil_signature {
            issuer_key.sign(sig_alg, b"not the certificate")
        } else {
            issuer_key.sign(sig_alg, &tbs)
        };
        let outer = self.outer_algorithm.unwrap_or_else(|| sig_alg.identifier());
        Cert {
            der: der::seq(&[&tbs, &outer, &der::bits(&signature)]),
            key: self.key,
            subject: self.subject,
            issuer,
            serial: self.serial,
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }

    fn tbs(&self, issuer: &[u8], sig_alg: SigAlg) -> Vec<u8> {
        let version = self
            .version
            .map_or_else(Vec::new, |v| der::explicit(0, &der::uint(&[v])));
        let validity = self.validity_der.clone().unwrap_or_else(|| {
            der::seq(&[
                &der::x509_time(self.not_before),
                &der::x509_time(self.not_after),
            ])
        });
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            der::explicit(3, &der::seq_of(&self.extensions))
        };
        der::seq(&[
            &version,
            &der::int_bytes(&self.serial),
            &sig_alg.identifier(),
            issuer,
            &validity,
            &self.subject,
            &self.spki.clone().unwrap_or_else(|| self.key.spki()),
            &extensions,
        ])
    }
}

/// Writes a file that only its owner may read (the program refuses keys that others can read).
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let mut file = file.expect("open a key file");
    // The mode above counts only for a new file.
    let owner_only = std::fs::Permissions::from_mode(0o600);
    file.set_permissions(owner_only)
        .expect("close a key file to others");
    file.write_all(text.as_bytes()).expect("write a key file");
}

pub(crate) fn sha1(input: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, input)
        .as_ref()
        .to_vec()
}
