//! What can be wrong with a private key.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use certvouch_crypto::SignatureAlgorithm;

use super::foreign::ForeignFormat;
use super::{shell, shown};
use crate::key::KeyKind;
use crate::limits::{MAX_RSA_BITS, MIN_RSA_BITS};

/// A private key that cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyError {
    /// The key file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: KeyFault,
}

/// What is wrong with a private key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFault {
    /// The configured algorithm is none of this kind of key.
    Algorithm {
        /// What is configured.
        algorithm: SignatureAlgorithm,
        /// What the file holds.
        kind: KeyKind,
    },
    /// It is encrypted in a way that is not supported; the text names it.
    Encryption(String),
    /// It is in a form that is recognised but not read.
    Foreign(ForeignFormat),
    /// Decrypting it would cost more than the limits of this crate allow.
    KdfCost,
    /// The file is damaged; the text says where.
    Malformed(String),
    /// The file holds something else than a private key; the text names it.
    NotAKey(&'static str),
    /// The passphrase is not UTF-8, which PKCS#12 needs.
    PassphraseEncoding,
    /// It is encrypted, and no passphrase is configured.
    PassphraseMissing,
    /// The passphrase does not open it.
    PassphraseWrong,
    /// Nobody could be asked for the passphrase.
    Prompt(io::Error),
    /// The cryptographic library refuses it; the text says why.
    Rejected(String),
    /// An RSA key of a size outside 2048 to 8192 bits (requirements ALG-1, threats T-23).
    RsaSize {
        /// Bits of its modulus.
        bits: usize,
    },
    /// The file holds more than one private key.
    SeveralKeys {
        /// How many.
        count: usize,
    },
    /// A kind of key that no response is signed with here; the text names it.
    Unsupported(String),
}

impl KeyError {
    pub(crate) fn new(path: &Path, fault: KeyFault) -> Self {
        Self {
            path: path.to_owned(),
            fault,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn cause(&self) -> String {
        let path = shown(&self.path);
        match &self.fault {
            KeyFault::Algorithm { algorithm, kind } => {
                format!("the algorithm {algorithm} is none of the key in {path}, which is {kind}")
            }
            KeyFault::Encryption(scheme) => {
                format!("{path} is encrypted with {scheme}, which is not supported")
            }
            KeyFault::Foreign(format) => format!("{path} is {format}, which is not read"),
            KeyFault::KdfCost => {
                format!("{path} asks for more work per passphrase than is allowed")
            }
            KeyFault::Malformed(what) => format!("{path} is damaged: {what}"),
            KeyFault::NotAKey(what) => format!("{path} holds no private key, but {what}"),
            KeyFault::PassphraseEncoding => {
                format!("the passphrase for {path} is not UTF-8, which PKCS#12 needs")
            }
            KeyFault::PassphraseMissing => {
                format!("{path} is encrypted, and no passphrase is configured")
            }
            KeyFault::PassphraseWrong => format!("the passphrase does not open {path}"),
            KeyFault::Prompt(why) => format!("cannot ask for the passphrase of {path}: {why}"),
            KeyFault::Rejected(why) => format!("the key in {path} is not usable: {why}"),
            KeyFault::RsaSize { bits } => format!(
                "the RSA key in {path} has {bits} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are allowed"
            ),
            KeyFault::SeveralKeys { count } => format!("{path} holds {count} private keys"),
            KeyFault::Unsupported(kind) => {
                format!("the key in {path} is {kind}, which signs no responses here")
            }
        }
    }

    /// The command or the setting that mends it, where there is one.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let path = shell(&self.path);
        let make_new = "certvouch signer new --issuer ca.pem --out DIR";
        Some(match &self.fault {
            KeyFault::Algorithm { kind, .. } => {
                let names: Vec<_> = kind.algorithms().iter().map(|a| a.name()).collect();
                format!(
                    "leave the algorithm out, or take one of: {}",
                    names.join(", ")
                )
            }
            KeyFault::Encryption(_) | KeyFault::KdfCost => {
                ForeignFormat::Pbes1.conversion(&self.path)
            }
            KeyFault::Foreign(format) => format.conversion(&self.path),
            KeyFault::Malformed(_) | KeyFault::Rejected(_) => format!(
                "look what openssl says about it (openssl pkey -in {path} -check -noout), or make a \
                 new key ({make_new})"
            ),
            KeyFault::NotAKey(_) => "name the file of the private key".to_owned(),
            KeyFault::PassphraseEncoding => {
                "write the passphrase file in UTF-8, with one line".to_owned()
            }
            KeyFault::PassphraseMissing => "write the passphrase into a file of mode 600 and name \
                 it as passphrase_file in the configuration, or with --signer-key-passphrase-file"
                .to_owned(),
            KeyFault::PassphraseWrong => {
                format!("find the right one with: openssl pkey -in {path} -passin file:FILE -noout")
            }
            KeyFault::Prompt(_) => return None,
            KeyFault::RsaSize { .. } | KeyFault::Unsupported(_) => make_new.to_owned(),
            KeyFault::SeveralKeys { .. } => "leave one private key in the file".to_owned(),
        })
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause())?;
        match self.remedy() {
            Some(remedy) => write!(f, "\nto mend it: {remedy}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for KeyError {}
