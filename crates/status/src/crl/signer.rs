//! Whose signature on a CRL counts: the issuer's, or that of a CRL issuer whom the operator named (RFC 5280 6.3.3 f, g).
//!
//! A path from the CRL issuer to a trust anchor is not built: the operator names the certificate itself.

use certvouch_crypto::{SignatureAlgorithm, verify_signature};
use certvouch_types::pkix::Name;
use certvouch_types::{Certificate, Crl, DecodeError, Timestamp};

use super::error::CrlError;
use crate::escape;

/// Whether CRLs signed with SHA-1 are believed (requirements ALG-1, D-17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the operator allows it or does not"
)]
pub enum Sha1 {
    /// For CAs that cannot do better; by the operator's word.
    Accept,
    /// They are refused.
    #[default]
    Refuse,
}

/// The certificates whose keys may sign the CRLs of one issuer.
#[derive(Clone, Debug)]
pub struct CrlSigners {
    issuer: Vec<u8>,
    others: Vec<Vec<u8>>,
    sha1: Sha1,
}

impl CrlSigners {
    /// The issuer's certificate (DER), and those of further CRL issuers that the operator named.
    ///
    /// # Errors
    /// One of them does not parse.
    pub fn new(issuer: &[u8], others: &[Vec<u8>], sha1: Sha1) -> Result<Self, DecodeError> {
        Certificate::parse(issuer)?;
        for other in others {
            Certificate::parse(other)?;
        }
        Ok(Self {
            issuer: issuer.to_vec(),
            others: others.to_vec(),
            sha1,
        })
    }

    /// The issuer's certificate.
    pub(super) fn issuer(&self) -> Option<Certificate<'_>> {
        // It was parsed when it was taken.
        Certificate::parse(&self.issuer).ok()
    }

    /// Whether one of them has this name.
    pub(super) fn names(&self, issuer: &Name<'_>) -> bool {
        core::iter::once(&self.issuer)
            .chain(&self.others)
            .filter_map(|der| Certificate::parse(der).ok())
            .any(|certificate| certificate.subject.matches(issuer))
    }

    /// Verifies the signature of a CRL at a time.
    ///
    /// Among the named certificates with the CRL's issuer name, one whose key made the signature must have keyUsage
    /// with cRLSign, if it has keyUsage at all. Named CRL issuers must be valid now; how long the issuer itself counts
    /// is the responder's affair.
    ///
    /// # Errors
    /// Nobody has that name, the signature is not his, or he must not sign CRLs.
    pub fn verify(&self, crl: &Crl<'_>, now: Timestamp) -> Result<(), CrlError> {
        if self.sha1 == Sha1::Refuse
            && SignatureAlgorithm::from_identifier(&crl.signature_algorithm)
                .is_some_and(SignatureAlgorithm::uses_sha1)
        {
            return Err(CrlError::Sha1);
        }
        let mut outcome = Err(CrlError::Issuer(name_text(crl.issuer)));
        let named = core::iter::once(&self.issuer).chain(&self.others);
        for (index, der) in named.enumerate() {
            let Ok(certificate) = Certificate::parse(der) else {
                continue;
            };
            if !certificate.subject.matches(&crl.issuer) {
                continue;
            }
            let verdict = verify_with(crl, &certificate, (index > 0).then_some(now));
            if verdict.is_ok() {
                return verdict;
            }
            // That he may not is said before that he did not.
            if !matches!(outcome, Err(CrlError::Signer(_))) {
                outcome = verdict;
            }
        }
        outcome
    }
}

fn verify_with(
    crl: &Crl<'_>,
    certificate: &Certificate<'_>,
    valid_at: Option<Timestamp>,
) -> Result<(), CrlError> {
    verify_signature(
        &certificate.subject_public_key_info,
        &crl.signature_algorithm,
        crl.tbs,
        crl.signature,
    )
    .map_err(CrlError::Signature)?;
    let usage = certificate.key_usage().map_err(CrlError::Decode)?;
    if usage.is_some_and(|usage| !usage.crl_sign()) {
        return Err(CrlError::Signer("has a keyUsage without cRLSign"));
    }
    if valid_at.is_some_and(|now| !certificate.validity.contains(now)) {
        return Err(CrlError::Signer("is not valid now"));
    }
    Ok(())
}

/// A name for a message, escaped and short.
pub(super) fn name_text(name: Name<'_>) -> String {
    escape::octets(name.to_string().as_bytes())
}
