//! Making a signer: a key file, a certificate request, and the certificate if the CA's key is at hand.
//!
//! What it promises: the key file is closed to others from its first moment; nothing is ever overwritten; each
//! file appears whole under its name or not at all, the key first, so that whatever interrupts the work there
//! is never a certificate without its key. If a later step fails, the files made before are removed again.

mod encode;
mod files;

use core::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::rsa::KeySize;

use certvouch_types::{Certificate, Timestamp};

use crate::error::{CertificateFault, LoadError, shell, shown};
use crate::identity::checks;
use crate::key::{KeyKind, PlainKey};
use crate::passphrase::PassphraseSource;
use crate::signer::FileSigner;

/// The life of a delegate's certificate, in days: short, since nobody can revoke it in practice (RFC 6960
/// 4.2.2.2.1), and long enough for a renewal by hand.
pub const DEFAULT_DAYS: u32 = 30;

/// A kind of key that can be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewKey {
    /// NIST P-256: small and quick, and known to every client.
    #[default]
    EcdsaP256,
    /// NIST P-384.
    EcdsaP384,
    /// NIST P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

impl NewKey {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// The name on the command line, such as `ecdsa-p256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn kind(self) -> (KeyKind, KeySize) {
        let kind = match self {
            Self::EcdsaP256 => KeyKind::EcdsaP256,
            Self::EcdsaP384 => KeyKind::EcdsaP384,
            Self::EcdsaP521 => KeyKind::EcdsaP521,
            Self::Ed25519 => KeyKind::Ed25519,
            Self::MlDsa44 => KeyKind::MlDsa44,
            Self::MlDsa65 => KeyKind::MlDsa65,
            Self::MlDsa87 => KeyKind::MlDsa87,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => KeyKind::Rsa,
        };
        let size = match self {
            Self::Rsa4096 => KeySize::Rsa4096,
            Self::Rsa3072 => KeySize::Rsa3072,
            _ => KeySize::Rsa2048,
        };
        (kind, size)
    }
}

impl fmt::Display for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to make, and where.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewSigner {
    /// The folder for the files; it is made if it is not there.
    pub out: PathBuf,
    /// The name of the files before `.key`, `.csr` and `.pem`.
    pub name: String,
    /// The kind of key.
    pub key: NewKey,
    /// The commonName of the subject; without it, that of the CA with ` OCSP` behind. The other parts of the
    /// subject (C, ST, L, O, DC) are the CA's, as the usual policies of `openssl ca` want.
    pub common_name: Option<String>,
    /// The CA's key file, to issue the certificate at once.
    pub ca_key: Option<PathBuf>,
    /// Where the passphrase of the CA's key comes from.
    pub ca_passphrase: PassphraseSource,
    /// The life of the certificate in days; never beyond that of the CA's.
    pub days: u32,
    /// The file of the issuer's certificate, for the commands in error messages.
    pub issuer_file: PathBuf,
}

impl NewSigner {
    /// A P-256 key and a request in this folder, named `ocsp`.
    #[must_use]
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            name: "ocsp".to_owned(),
            key: NewKey::default(),
            common_name: None,
            ca_key: None,
            ca_passphrase: PassphraseSource::default(),
            days: DEFAULT_DAYS,
            issuer_file: PathBuf::from("ca.pem"),
        }
    }
}

/// The files that were made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Created {
    /// The private key: PKCS#8 in PEM, not encrypted, mode 0600.
    pub key: PathBuf,
    /// The certificate request: PKCS#10 in PEM.
    pub request: PathBuf,
    /// The certificate in PEM, if the CA's key was given.
    pub certificate: Option<PathBuf>,
}

/// Why nothing was made.
#[derive(Debug)]
#[non_exhaustive]
pub enum NewError {
    /// The issuer's certificate does not do.
    Issuer(LoadError),
    /// The CA's key cannot be used, or is not that of the issuer's certificate.
    CaKey(LoadError),
    /// The cryptographic library failed.
    Crypto,
    /// Such a file is there already, and nothing is overwritten.
    Exists(PathBuf),
    /// A name that is no part of a file name, or a life of no days.
    Invalid(&'static str),
    /// A file could not be written.
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
}

impl fmt::Display for NewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(why) | Self::CaKey(why) => why.fmt(f),
            Self::Crypto => f.write_str("the cryptographic library gave no key or signature"),
            Self::Exists(path) => write!(
                f,
                "{} is there already, and nothing is overwritten\nto mend it: mv {} {}",
                shown(path),
                shell(path),
                shell(&path.with_added_extension("old"))
            ),
            Self::Invalid(what) => f.write_str(what),
            Self::Write { path, why } => write!(f, "cannot write {}: {why}", shown(path)),
        }
    }
}

impl core::error::Error for NewError {}

/// Makes the files for a delegate of this issuer.
///
/// # Errors
/// The issuer's certificate or the CA's key does not do, a file is there already, or one cannot be written.
pub fn create(
    wanted: &NewSigner,
    issuer: &Certificate<'_>,
    now: Timestamp,
) -> Result<Created, NewError> {
    if wanted.days == 0 {
        return Err(NewError::Invalid(
            "a certificate lives for one day at least",
        ));
    }
    if Path::new(&wanted.name).file_name() != Some(wanted.name.as_ref()) {
        return Err(NewError::Invalid(
            "the name of the files must be a plain file name",
        ));
    }
    let fault = |path: &Path, fault| {
        let file = &wanted.issuer_file;
        LoadError::from(crate::error::CertificateError::new(file, path, file, fault))
    };
    let file = &wanted.issuer_file;
    checks::issuer(issuer, now).map_err(|why| NewError::Issuer(fault(file, why)))?;
    let ca = match &wanted.ca_key {
        Some(path) => {
            let ca =
                FileSigner::open(path, &wanted.ca_passphrase, None).map_err(NewError::CaKey)?;
            if !checks::is_key_of(&ca, issuer) {
                let subject = issuer.subject.to_string();
                let mismatch = CertificateFault::KeyMismatch { subject };
                return Err(NewError::CaKey(fault(path, mismatch)));
            }
            Some(ca)
        }
        None => None,
    };
    let (kind, size) = wanted.key.kind();
    let plain = PlainKey::generate(kind, size).map_err(|_| NewError::Crypto)?;
    let signer = FileSigner::from_plain(&plain, None, Path::new("the new key"))
        .map_err(|_| NewError::Crypto)?;
    let subject = encode::subject(issuer, wanted.common_name.as_deref());
    let request = encode::request(&subject, &signer).map_err(|_| NewError::Crypto)?;
    let certificate = match &ca {
        Some(ca) => {
            let validity = encode::validity(issuer, now, wanted.days);
            let made = encode::certificate(&subject, &signer, issuer, ca, validity);
            Some(made.map_err(|_| NewError::Crypto)?)
        }
        None => None,
    };
    files::write(wanted, &plain, &request, certificate.as_deref())
}
