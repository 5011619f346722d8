//! A key with its certificate, checked against everything by which a client would reject its signatures.
//!
//! The checks are those of requirements §7 and §8: they stop the start instead of letting clients find out
//! (architecture decision 7). What a client accepts but an operator should hear of is a [`Warning`].

pub(crate) mod checks;
mod warning;

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{EmbedCertificate, ResponderIdForm, ResponseSigner};
use certvouch_types::pkix::Validity;
use certvouch_types::{Certificate, Timestamp};

use crate::certificate::read_certificates;
use crate::error::{CertificateError, CertificateFault, LoadError};
use crate::key;
use crate::passphrase::PassphraseSource;
use crate::signer::FileSigner;

pub use warning::Warning;

/// Whether the CA's own key may sign responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignWithCaKey {
    /// Only a delegate may.
    #[default]
    No,
    /// It may; a delegate may all the same.
    Yes,
}

/// What becomes of a delegate without a proper id-pkix-ocsp-nocheck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NocheckRule {
    /// It is refused: RFC 9919 3.2.2 and the BRs ask for the extension.
    #[default]
    Require,
    /// It is taken with a [`Warning`]; clients may then ask for the status of the delegate itself.
    Warn,
}

/// Where key and certificate are, and what is allowed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignerConfig {
    /// The key file.
    pub key: PathBuf,
    /// The file of the certificate. Without it, the certificate beside the key (PKCS#12, or PEM with both) is
    /// taken, or the issuer's own if the key is the CA's.
    pub certificate: Option<PathBuf>,
    /// Where the passphrase of an encrypted key comes from.
    pub passphrase: PassphraseSource,
    /// The algorithm of the signatures; without it, the usual one of the kind of key.
    pub algorithm: Option<SignatureAlgorithm>,
    /// Whether the CA's own key may sign.
    pub sign_with_ca_key: SignWithCaKey,
    /// What becomes of a delegate without a proper id-pkix-ocsp-nocheck.
    pub nocheck: NocheckRule,
    /// The file of the issuer's certificate, for the commands in error messages.
    pub issuer_file: PathBuf,
}

impl SignerConfig {
    /// A key file with a certificate of its own, under the strictest rules.
    #[must_use]
    pub fn new(key: impl Into<PathBuf>, certificate: Option<PathBuf>) -> Self {
        Self {
            key: key.into(),
            certificate,
            passphrase: PassphraseSource::default(),
            algorithm: None,
            sign_with_ca_key: SignWithCaKey::default(),
            nocheck: NocheckRule::default(),
            issuer_file: PathBuf::from("ca.pem"),
        }
    }

    /// An error about a certificate, with the files that its remedy names.
    fn fault(&self, fault: CertificateFault) -> LoadError {
        let path: &Path = self.certificate.as_deref().unwrap_or(&self.key);
        CertificateError::new(path, &self.key, &self.issuer_file, fault).into()
    }
}

/// A signer with its certificate, fit to sign responses for one issuer.
#[derive(Clone)]
pub struct SigningIdentity {
    signer: Arc<FileSigner>,
    certificate: Vec<u8>,
    issuer: Vec<u8>,
    validity: Validity,
    delegated: bool,
    warnings: Vec<Warning>,
}

impl fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningIdentity")
            .field("signer", &self.signer)
            .field("validity", &self.validity)
            .field("delegated", &self.delegated)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl SigningIdentity {
    /// Reads key and certificate, and checks them.
    ///
    /// # Errors
    /// Anything that keeps a client from accepting the signatures, with the cause and what mends it: the files,
    /// the key, and the certificate against the key, the issuer and the moment `now`.
    pub fn load(
        config: &SignerConfig,
        issuer_certificate: &Certificate<'_>,
        now: Timestamp,
    ) -> Result<Self, LoadError> {
        let fail = |fault| config.fault(fault);
        let file = key::read(&config.key, &config.passphrase)?;
        let signer = FileSigner::from_plain(&file.key, config.algorithm, &config.key)?;
        let candidates = match &config.certificate {
            Some(path) => read_certificates(path)?,
            None => file.certificates,
        };
        checks::issuer(issuer_certificate, now).map_err(fail)?;
        let role = checks::role(&signer, issuer_certificate, config.sign_with_ca_key);
        let (certificate, delegated) = match role.map_err(fail)? {
            checks::Role::Ca => {
                checks::ca_certificates(&candidates, issuer_certificate).map_err(fail)?;
                (issuer_certificate.raw.to_vec(), false)
            }
            checks::Role::Delegate => (
                checks::choose(candidates, &signer, now).map_err(fail)?,
                true,
            ),
        };
        let parsed = Certificate::parse(&certificate)
            .map_err(|why| fail(CertificateFault::Malformed(why)))?;
        if delegated {
            checks::delegate(&parsed, issuer_certificate, signer.kind()).map_err(fail)?;
            checks::dates(&parsed, now).map_err(fail)?;
        } else {
            checks::ca_key_usage(&parsed, signer.kind()).map_err(fail)?;
        }
        checks::test_signature(&signer, &parsed).map_err(fail)?;
        let nocheck = checks::nocheck(&parsed, delegated);
        if let (NocheckRule::Require, Some(fault)) = (config.nocheck, &nocheck) {
            return Err(fail(fault.clone()));
        }
        let warnings = warning::collect(&parsed, delegated, nocheck.as_ref(), now);
        let validity = parsed.validity;
        Ok(Self {
            signer: Arc::new(signer),
            certificate,
            issuer: issuer_certificate.raw.to_vec(),
            validity,
            delegated,
            warnings,
        })
    }

    /// The signer as the responder takes it.
    #[must_use]
    pub fn response_signer(
        &self,
        form: ResponderIdForm,
        embed: EmbedCertificate,
    ) -> ResponseSigner {
        // proof: both were parsed when this was loaded, and have not changed.
        let parse = |der| Certificate::parse(der).expect("a certificate that was parsed before");
        ResponseSigner::new(
            self.signer.clone(),
            &parse(&self.certificate),
            &parse(&self.issuer),
            form,
            embed,
        )
    }

    /// The key.
    #[must_use]
    pub const fn signer(&self) -> &Arc<FileSigner> {
        &self.signer
    }

    /// The certificate that answers are signed under, as DER: the delegate's, or the CA's own.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Whether this is a delegate and not the CA itself.
    #[must_use]
    pub const fn is_delegated(&self) -> bool {
        self.delegated
    }

    /// What an operator should hear, as of the moment of loading.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The last second of the certificate.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// Whole days until the certificate ends; negative once it has ended.
    #[must_use]
    pub const fn days_left(&self, now: Timestamp) -> i64 {
        warning::days_left(&self.validity, now)
    }

    /// The warning about the end of the certificate if it is due at this moment; for a daily reminder.
    #[must_use]
    pub fn expires_soon(&self, now: Timestamp) -> Option<Warning> {
        warning::expires_soon(&self.validity, now)
    }
}
