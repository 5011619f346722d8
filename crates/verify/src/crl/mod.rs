//! Whether a certificate is good by CRLs (RFC 5280 5 and 6.3), with the care that responses get.
//!
//! A [`CrlSet`] holds CRLs as they came: complete ones, deltas, partitions, indirect ones. [`Query::verify_crls`]
//! believes each only after its signature verified with the issuer's key or that of a CRL issuer whom the caller
//! named, and puts them together:
//!
//! * **Good** means that the certificate is not on CRLs which are in date and which together are about it and about
//!   every reason (RFC 5280 6.3.3 d and l). A CRL cannot prove that a certificate was ever issued.
//! * **Revoked** needs one verified CRL that lists it. A final revocation outlives its CRL (threats T-22), and counts
//!   even if a newer CRL leaves it out; a hold counts until a newer CRL of the same scope, or a delta, takes it away.
//! * Everything else is an error: a CRL of the set that is broken or forged is not passed over in silence, while one of
//!   another issuer, an older one, and a delta that fits nothing do not hinder.
//!
//! The status of a CRL issuer is not asked: one level of CRLs is all there is (threats T-23).

mod combine;
mod judge;
mod target;

use alloc::vec::Vec;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::crl::{Crl, CrlNumber};
use certvouch_types::{CertStatus, Certificate, DecodeError, Timestamp};

use crate::budget::{Limit, MAX_CRLS};
use crate::error::{CurrencyFault, Reason, VerifyError};
use crate::evidence::{CheckCode, Evidence};
use crate::freshness::Moment;
use crate::profile::Profile;
use crate::query::{Binding, Query};
use crate::verdict::Verdict;
use crate::verifier::Failure;
use combine::Decision;
use judge::Judge;
pub(crate) use target::Target;

/// CRLs that are judged together, and who beside the issuer may have signed them.
#[derive(Clone, Debug, Default)]
pub struct CrlSet<'a> {
    crls: Vec<&'a [u8]>,
    issuers: Vec<Certificate<'a>>,
}

impl<'a> CrlSet<'a> {
    /// No CRL yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            crls: Vec::new(),
            issuers: Vec::new(),
        }
    }

    /// Adds a CRL in DER: complete, delta, of one distribution point, indirect. In the evidence they are counted from
    /// 1, in the order in which they were added.
    #[must_use]
    pub fn crl(mut self, der: &'a [u8]) -> Self {
        self.crls.push(der);
        self
    }

    /// Lets the holder of this certificate sign CRLs: an indirect CRL issuer, or the issuer with another key. It is
    /// taken as trusted, as the issuer is; its dates, its keyUsage and its name are looked at.
    ///
    /// # Errors
    /// The certificate does not parse.
    pub fn crl_issuer(mut self, certificate: &'a [u8]) -> Result<Self, DecodeError> {
        self.issuers.push(Certificate::parse(certificate)?);
        Ok(self)
    }

    /// How many CRLs there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.crls.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.crls.is_empty()
    }
}

/// Whose key signed a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlSigner {
    /// The issuer's.
    Issuer,
    /// That of a CRL issuer whom the caller named.
    Named,
}

/// A status that was read from verified CRLs, for one certificate, one moment and one profile: good or revoked.
#[derive(Clone, Debug)]
pub struct VerifiedCrls<'c> {
    status: CertStatus,
    stale: Option<CurrencyFault>,
    contradiction: bool,
    this_update: Timestamp,
    valid_until: Option<Timestamp>,
    crls: Vec<VerifiedCrl<'c>>,
    binding: Binding,
    moment: Moment,
    evidence: Evidence,
}

/// One CRL that a status rests on.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedCrl<'c> {
    number: usize,
    crl: Crl<'c>,
    signer: CrlSigner,
    signature_algorithm: SignatureAlgorithm,
}

impl<'c> VerifiedCrl<'c> {
    /// Its place in the [`CrlSet`], counted from 1.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.number
    }

    /// The CRL as it was received, byte for byte.
    #[must_use]
    pub const fn as_bytes(&self) -> &'c [u8] {
        self.crl.raw
    }

    /// Its CRL number.
    #[must_use]
    pub const fn crl_number(&self) -> Option<CrlNumber<'c>> {
        self.crl.known.crl_number
    }

    /// Its thisUpdate.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.crl.this_update
    }

    /// Its nextUpdate.
    #[must_use]
    pub const fn next_update(&self) -> Option<Timestamp> {
        self.crl.next_update
    }

    /// Whether it is a delta.
    #[must_use]
    pub const fn is_delta(&self) -> bool {
        self.crl.is_delta()
    }

    /// Who signed it.
    #[must_use]
    pub const fn signer(&self) -> CrlSigner {
        self.signer
    }

    /// With which algorithm.
    #[must_use]
    pub const fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }
}

impl<'c> VerifiedCrls<'c> {
    /// The status at the moment asked about: good or revoked.
    #[must_use]
    pub const fn status(&self) -> CertStatus {
        self.status
    }

    /// The word for it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self.status {
            CertStatus::Good => Verdict::Good,
            CertStatus::Revoked(_) => Verdict::Revoked,
            // CertStatus may grow; what is not known is not good.
            _ => Verdict::Unknown,
        }
    }

    /// Why the CRL that lists the certificate is out of date, if it is: then the revocation is a final one (T-22).
    #[must_use]
    pub const fn stale(&self) -> Option<CurrencyFault> {
        self.stale
    }

    /// Whether another CRL that is in date, and no older, leaves the revocation out; the strictest one counted.
    #[must_use]
    pub const fn has_contradiction(&self) -> bool {
        self.contradiction
    }

    /// The oldest thisUpdate among what the status rests on. A delta's takes the place of its base's.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// Until when the status counts, without tolerance: the first nextUpdate among what it rests on.
    #[must_use]
    pub const fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The CRLs that the status rests on.
    #[must_use]
    pub fn crls(&self) -> &[VerifiedCrl<'c>] {
        &self.crls
    }

    /// By what the certificate was known.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        self.binding
    }

    /// The moment it was verified for.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// Every check of every CRL, and of all together.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

impl Query<'_> {
    /// Verifies CRLs, and reads the status of the certificate from them.
    ///
    /// # Errors
    /// [`VerifyError`]: why the CRLs say nothing that is believed, with every check.
    pub fn verify_crls<'c>(
        &self,
        crls: &CrlSet<'c>,
        moment: Moment,
        profile: &Profile,
    ) -> Result<VerifiedCrls<'c>, VerifyError> {
        let mut evidence = Evidence::with(self.evidence.checks());
        let target = Target::of(self);
        match decide(self, &target, crls, moment, profile, &mut evidence) {
            Ok(decision) => Ok(VerifiedCrls {
                status: decision.status,
                stale: decision.stale,
                contradiction: decision.contradiction,
                this_update: decision.this_update,
                valid_until: decision.valid_until,
                crls: decision.crls,
                binding: self.binding,
                moment,
                evidence: evidence.complete(CheckCode::CRLS),
            }),
            Err(Failure { code, reason }) => {
                if evidence.outcome(code).is_none() {
                    evidence.fail(code, alloc::string::ToString::to_string(&reason));
                }
                let evidence = evidence.complete(CheckCode::CRLS);
                Err(VerifyError::new(reason, evidence))
            }
        }
    }
}

/// Judges every CRL about a target, and decides.
pub(crate) fn decide<'c>(
    query: &Query<'_>,
    target: &Target<'_>,
    crls: &CrlSet<'c>,
    moment: Moment,
    profile: &Profile,
    evidence: &mut Evidence,
) -> Result<Decision<'c>, Failure> {
    if crls.is_empty() {
        return Err(Failure::new(CheckCode::CrlReasons, Reason::NoCrl));
    }
    if crls.len() > MAX_CRLS {
        let reason = Reason::BudgetExceeded(Limit::Crls);
        return Err(Failure::new(CheckCode::CrlReasons, reason));
    }
    let judge = Judge {
        query,
        target,
        issuers: &crls.issuers,
        moment,
        profile,
    };
    let mut judged = Vec::new();
    let mut failures = Vec::new();
    let mut logs = Vec::new();
    for (place, der) in crls.crls.iter().enumerate() {
        let mut log = Evidence::default();
        match judge.run(der, place + 1, &mut log) {
            Ok(crl) => judged.push(crl),
            Err(failure) => {
                log.fail(
                    failure.code,
                    alloc::string::ToString::to_string(&failure.reason),
                );
                failures.push(failure);
            }
        }
        logs.push(log);
    }
    let decision = combine::combine(&judged, failures, &judge, &mut logs, evidence);
    for (place, log) in logs.into_iter().enumerate() {
        evidence.append(place + 1, log.complete(CheckCode::CRL));
    }
    decision
}
