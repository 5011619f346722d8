//! The responder checks itself: the first answer of each kind that a signer makes under a policy is read back, its
//! signature verified and its times held against the profile before anybody gets it.
//!
//! A key behind a broken device, a certificate that was swapped, a mistake in our own producer: all of these would
//! otherwise be found by clients. What fails stops the issuer until its signers or policy change; no later answer of it
//! is given, from the cache neither. Kinds are told apart by what can go wrong in them: the statuses, extensions, a
//! nonce, several entries.

use core::fmt;
use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use certvouch_crypto::{KeyKind, SignatureAlgorithm, SignatureError, digest, verify_signature};
use certvouch_types::{
    BasicOcspResponse, CertId, CertStatus, Certificate, CrlReason, DecodeError, HashAlgorithm,
    OcspResponse, ResponderId, SingleResponse, Timestamp,
};

use crate::policy::Policy;
use crate::profile::{Choice, Rule};
use crate::signer::ResponseSigner;

/// Why an answer of our own was not given out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelfCheckFault {
    /// The signature algorithm is one that the profile forbids.
    Algorithm(Rule),
    /// The certificates that travel with it are not the signer's.
    Certificates,
    /// It is about other certificates than those asked about.
    CertIds,
    /// A certificate on hold, which the profile forbids.
    Hold(Rule),
    /// nextUpdate is missing, or not after the moment of signing.
    NextUpdate,
    /// It is not successful, or of another type than basic.
    NotBasic,
    /// It does not parse.
    Parse(DecodeError),
    /// producedAt is another moment than that of signing.
    ProducedAt,
    /// It names another signer than its own.
    ResponderId,
    /// Its signature does not verify with the signer's certificate.
    Signature(SignatureError),
    /// It outlives the certificate of its signer.
    SignerEnds,
    /// thisUpdate lies after producedAt.
    ThisUpdate,
    /// It is valid for longer than the profile allows.
    TooLong(Rule),
}

impl fmt::Display for SelfCheckFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(rule) => {
                write!(f, "the profile forbids the signature algorithm ({rule})")
            }
            Self::Certificates => {
                f.write_str("the certificates in the answer are not the signer's")
            }
            Self::CertIds => f.write_str("the answer is about other certificates than the request"),
            Self::Hold(rule) => write!(f, "the profile forbids certificates on hold ({rule})"),
            Self::NextUpdate => f.write_str("nextUpdate is missing or has passed"),
            Self::NotBasic => f.write_str("the answer is no successful basic response"),
            Self::Parse(why) => write!(f, "the answer does not parse: {why}"),
            Self::ProducedAt => f.write_str("producedAt is not the moment of signing"),
            Self::ResponderId => f.write_str("the answer names another signer than its own"),
            Self::Signature(why) => write!(
                f,
                "the signature of the answer does not verify with the signer's certificate: {why}"
            ),
            Self::SignerEnds => f.write_str("the answer outlives the certificate of its signer"),
            Self::ThisUpdate => f.write_str("thisUpdate lies after producedAt"),
            Self::TooLong(rule) => write!(f, "the answer is valid for too long ({rule})"),
        }
    }
}

impl core::error::Error for SelfCheckFault {}

/// Hears of what an operator must hear of at once.
pub trait Alarm: fmt::Debug + Send + Sync {
    /// An issuer stopped answering, since an answer of its own failed the self-check.
    fn issuer_stopped(&self, issuer: &str, why: &SelfCheckFault);
}

/// An alarm that nobody hears; the fault is in the log as the error of each exchange.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no state")]
pub struct NoAlarm;

impl Alarm for NoAlarm {
    fn issuer_stopped(&self, _: &str, _: &SelfCheckFault) {}
}

/// What one issuer's answers were found to be, since its signers or policy changed.
#[derive(Debug, Default)]
pub(crate) struct SelfCheck {
    passed: Mutex<HashSet<(usize, Kind)>>,
    failed: OnceLock<SelfCheckFault>,
}

/// What tells one kind of answer from another: a set of flags.
pub(crate) type Kind = u8;

/// The kind of an answer with these parts.
pub(crate) fn kind_of<'a>(
    statuses: impl Iterator<Item = (CertStatus, &'a [u8])>,
    nonce: bool,
) -> Kind {
    let (mut kind, mut count) = (0, 0);
    for (status, extensions) in statuses {
        count += 1;
        kind |= match status {
            CertStatus::Good => 1,
            CertStatus::Revoked(info)
                if info.revocation_reason == Some(CrlReason::CertificateHold) =>
            {
                2
            }
            CertStatus::Revoked(_) => 4,
            _ => 8,
        };
        kind |= if extensions.is_empty() { 0 } else { 16 };
    }
    kind | if nonce { 32 } else { 0 } | if count > 1 { 64 } else { 0 }
}

impl SelfCheck {
    /// Why the issuer has stopped, if it has.
    pub(crate) fn failure(&self) -> Option<&SelfCheckFault> {
        self.failed.get()
    }

    /// Whether an answer of this kind by this signer has passed already.
    pub(crate) fn has_passed(&self, signer: usize, kind: Kind) -> bool {
        self.kinds().contains(&(signer, kind))
    }

    /// Notes that one passed.
    pub(crate) fn pass(&self, signer: usize, kind: Kind) {
        self.kinds().insert((signer, kind));
    }

    /// Stops the issuer; true for the first fault.
    pub(crate) fn fail(&self, fault: SelfCheckFault) -> bool {
        self.failed.set(fault).is_ok()
    }

    fn kinds(&self) -> std::sync::MutexGuard<'_, HashSet<(usize, Kind)>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an answer as a client would, and holds it against what it should be.
///
/// # Errors
/// The first thing that a client or the profile would refuse.
pub(crate) fn check(
    der: &[u8],
    signer: &ResponseSigner,
    policy: &Policy,
    cert_ids: &[CertId<'_>],
    now: Timestamp,
) -> Result<(), SelfCheckFault> {
    let OcspResponse::Successful(bytes) =
        OcspResponse::parse(der).map_err(SelfCheckFault::Parse)?
    else {
        return Err(SelfCheckFault::NotBasic);
    };
    if !bytes.is_basic() {
        return Err(SelfCheckFault::NotBasic);
    }
    let basic = BasicOcspResponse::from_response_bytes(&bytes).map_err(SelfCheckFault::Parse)?;
    let certificate = Certificate::parse(signer.certificate()).map_err(SelfCheckFault::Parse)?;
    check_signature(&basic, signer, &certificate, policy)?;
    if basic.data.produced_at != now {
        return Err(SelfCheckFault::ProducedAt);
    }
    let singles: Vec<SingleResponse<'_>> = basic.data.responses.iter().collect();
    let asked = cert_ids.iter().map(|cert_id| cert_id.raw);
    if !singles.iter().map(|single| single.cert_id.raw).eq(asked) {
        return Err(SelfCheckFault::CertIds);
    }
    singles
        .iter()
        .try_for_each(|single| check_single(single, &certificate, policy, now))
}

fn check_signature(
    basic: &BasicOcspResponse<'_>,
    signer: &ResponseSigner,
    certificate: &Certificate<'_>,
    policy: &Policy,
) -> Result<(), SelfCheckFault> {
    let key = &certificate.subject_public_key_info;
    let named = match basic.data.responder_id {
        ResponderId::ByName(name) => name == certificate.subject.as_bytes(),
        ResponderId::ByKey(hash) => {
            hash == digest(HashAlgorithm::Sha1, key.subject_public_key).as_ref()
        }
    };
    if !named {
        return Err(SelfCheckFault::ResponderId);
    }
    if !basic.certs().eq(signer.certs()) {
        return Err(SelfCheckFault::Certificates);
    }
    let identifier = &basic.signature_algorithm;
    verify_signature(key, identifier, basic.tbs, basic.signature)
        .map_err(SelfCheckFault::Signature)?;
    // It verified, so it is one of ours.
    let algorithm = SignatureAlgorithm::from_identifier(identifier);
    let kind = KeyKind::from_algorithm(&key.algorithm);
    match algorithm.and_then(|algorithm| policy.profile.forbids_algorithm(kind, algorithm)) {
        Some(rule) => Err(SelfCheckFault::Algorithm(rule)),
        None => Ok(()),
    }
}

fn check_single(
    single: &SingleResponse<'_>,
    certificate: &Certificate<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), SelfCheckFault> {
    if single.this_update > now {
        return Err(SelfCheckFault::ThisUpdate);
    }
    let next_update = single.next_update.ok_or(SelfCheckFault::NextUpdate)?;
    if next_update <= now {
        return Err(SelfCheckFault::NextUpdate);
    }
    if next_update > certificate.validity.not_after {
        return Err(SelfCheckFault::SignerEnds);
    }
    // From the moment of signing an answer lives as long as policy says; from the thisUpdate of a source, as long as
    // the laxest ceiling of the profile says.
    let profile = policy.profile;
    let since_now = next_update.seconds_since(now) + 1;
    if since_now > policy.validity.min(profile.most_validity.seconds) {
        return Err(SelfCheckFault::TooLong(profile.most_validity.rule));
    }
    let interval = next_update.seconds_since(single.this_update) + 1;
    if let Some(ceiling) = profile.ceilings.last()
        && interval > ceiling.seconds
    {
        return Err(SelfCheckFault::TooLong(ceiling.rule));
    }
    if let CertStatus::Revoked(info) = single.cert_status
        && info.revocation_reason == Some(CrlReason::CertificateHold)
        && let Some(rule) = profile.forbids(Choice::Hold)
    {
        return Err(SelfCheckFault::Hold(rule));
    }
    Ok(())
}
