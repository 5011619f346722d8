//! One CA that we answer for: its hashes, its policy, who knows and who signs.

use core::fmt;
use std::sync::Arc;

use certvouch_crypto::{Digest, digest};
use certvouch_types::{CertId, Certificate, HashAlgorithm, Timestamp};

use crate::policy::{Policy, PolicyFault};
use crate::profile::{Choice, Violation, check_signer};
use crate::signer::{ResponderIdForm, ResponseSigner, Signer};
use crate::source::StatusSource;

/// A CA certificate that we answer for.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    certificate: Vec<u8>,
    hashes: Vec<IssuerHashes>,
    validity: certvouch_types::pkix::Validity,
    policy: Policy,
    source: Arc<dyn StatusSource>,
    signers: Vec<ResponseSigner>,
}

/// The two hashes by which a CertID names an issuer, under one algorithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IssuerHashes {
    pub(crate) algorithm: HashAlgorithm,
    pub(crate) name: Digest,
    pub(crate) key: Digest,
}

impl IssuerHashes {
    pub(crate) fn matches(&self, cert_id: &CertId<'_>) -> bool {
        self.key.as_ref() == cert_id.issuer_key_hash
            && self.name.as_ref() == cert_id.issuer_name_hash
    }
}

/// Why an issuer cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerError {
    /// Nobody can sign for it.
    NoSigner,
    /// Its policy is out of bounds.
    Policy(PolicyFault),
    /// A signer breaks the profile; never empty.
    Signer(Vec<Violation>),
    /// A signer signs with SHA-1, with which nothing new is signed (RFC 6960 5.1, requirements D-17).
    Sha1Signature,
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSigner => f.write_str("no signer is configured"),
            Self::Policy(fault) => fault.fmt(f),
            Self::Signer(violations) => {
                for (index, violation) in violations.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{violation}")?;
                }
                Ok(())
            }
            Self::Sha1Signature => f.write_str("a signer signs with SHA-1"),
        }
    }
}

impl core::error::Error for IssuerError {}

impl Issuer {
    /// Puts an issuer together. `name` is the operator's word for it, in logs and metrics.
    ///
    /// The hashes are made from the Name and the public key bits of `certificate`, never from its
    /// subjectKeyIdentifier (requirements R6960-4.1.1-2). The first of `signers` is the default one.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn new(
        name: impl Into<String>,
        certificate: &Certificate<'_>,
        source: Arc<dyn StatusSource>,
        signers: Vec<ResponseSigner>,
        policy: Policy,
    ) -> Result<Self, IssuerError> {
        policy.check().map_err(IssuerError::Policy)?;
        if signers.is_empty() {
            return Err(IssuerError::NoSigner);
        }
        if signers.iter().any(|signer| signer.algorithm().uses_sha1()) {
            return Err(IssuerError::Sha1Signature);
        }
        check_signers(&policy, certificate, &signers)?;
        let public_key = certificate.subject_public_key_info.subject_public_key;
        let hashes = HashAlgorithm::ALL
            .into_iter()
            .map(|algorithm| IssuerHashes {
                algorithm,
                name: digest(algorithm, certificate.subject.as_bytes()),
                key: digest(algorithm, public_key),
            })
            .collect();
        Ok(Self {
            name: name.into(),
            certificate: certificate.raw.to_vec(),
            hashes,
            validity: certificate.validity,
            policy,
            source,
            signers,
        })
    }

    /// The same with another way to each key ([`ResponseSigner::map_key`]).
    #[must_use]
    pub fn map_keys(mut self, wrap: impl Fn(Arc<dyn Signer>) -> Arc<dyn Signer>) -> Self {
        let each = self.signers.into_iter();
        self.signers = each.map(|signer| signer.map_key(&wrap)).collect();
        self
    }

    /// The operator's word for it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operator's decisions.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Who signs, the default first.
    #[must_use]
    pub fn signers(&self) -> &[ResponseSigner] {
        &self.signers
    }

    /// Who knows.
    #[must_use]
    pub fn source(&self) -> &dyn StatusSource {
        &*self.source
    }

    /// The first second of the CA certificate's validity.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.validity.not_before
    }

    /// The last second of the CA certificate's validity.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// The CA's certificate, DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) fn hashes(&self) -> &[IssuerHashes] {
        &self.hashes
    }

    /// Whether both answer for the same CA: same Name and same key.
    pub(crate) fn is_same_ca(&self, other: &Self) -> bool {
        self.hashes.iter().zip(&other.hashes).all(|(ours, theirs)| {
            ours.name.as_ref() == theirs.name.as_ref() && ours.key.as_ref() == theirs.key.as_ref()
        })
    }
}

/// Every signer against the profile: how it is named, whether its certificate travels, what it signs with, and the
/// shape of its certificate.
fn check_signers(
    policy: &Policy,
    issuer: &Certificate<'_>,
    signers: &[ResponseSigner],
) -> Result<(), IssuerError> {
    let mut violations = Vec::new();
    for signer in signers {
        let chosen = [
            (signer.form() == ResponderIdForm::ByName, Choice::ByName),
            (
                signer.is_delegated() && signer.certs().is_empty(),
                Choice::NoCertificate,
            ),
        ];
        for (_, choice) in chosen.into_iter().filter(|(is_chosen, _)| *is_chosen) {
            policy.check_choice(choice).map_err(IssuerError::Policy)?;
        }
        // A certificate that does not parse was never loaded; if it were, the self-check would stop the issuer.
        if let Ok(certificate) = Certificate::parse(signer.certificate()) {
            let (delegated, algorithm) = (signer.is_delegated(), signer.algorithm());
            violations.extend(check_signer(
                policy.profile,
                &certificate,
                issuer,
                delegated,
                algorithm,
            ));
        }
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(IssuerError::Signer(violations))
    }
}
