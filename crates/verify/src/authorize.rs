//! Who signed, and may they speak for this issuer?
//!
//! Three kinds of signers count (RFC 6960 4.2.2.2): the issuer's own key; a delegate whose certificate that very key
//! signed and that names id-kp-OCSPSigning; a responder trusted locally for this issuer. Certificates that come with
//! the response are material and never trust. All of them are tried, in whatever order they stand, and the CA's own
//! among them is no fault. The failure that got furthest is the one reported.

use alloc::borrow::Cow;
use alloc::format;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::der::Reader;
use certvouch_types::pkix::Name;
use certvouch_types::{
    BasicOcspResponse, CertStatus, Certificate, HashAlgorithm, Oid, ResponderId, Timestamp, oid,
};

use crate::algorithms::SignatureFault;
use crate::budget::{Budget, Limit, MAX_EMBEDDED_CERTIFICATES};
use crate::crl::Target;
use crate::error::{Reason, ResponderFault};
use crate::evidence::{CheckCode, Evidence, Outcome};
use crate::freshness::Moment;
use crate::profile::{DelegateRevocationPolicy, IssuerKeyUsage, Profile};
use crate::query::Query;
use crate::trusted::{DelegateRevocation, DelegateState};
use crate::verifier::Failure;

/// Who signed a verified response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signer<'r> {
    /// A delegate (RFC 6960's Authorized Responder).
    Delegate {
        /// Its certificate, DER.
        certificate: &'r [u8],
        /// The last second of that certificate.
        not_after: Timestamp,
        /// Whether it carries id-pkix-ocsp-nocheck.
        nocheck: bool,
    },
    /// The issuer itself.
    Issuer,
    /// A responder that is trusted locally.
    Trusted,
}

/// The signer and the algorithm of the response's signature.
pub(crate) type Signed<'r> = (Signer<'r>, SignatureAlgorithm);

/// Everything that the search looks at.
pub(crate) struct Search<'s, 'r> {
    pub(crate) query: &'s Query<'s>,
    pub(crate) basic: &'s BasicOcspResponse<'r>,
    pub(crate) profile: &'s Profile,
    pub(crate) at: Timestamp,
    pub(crate) revocation: DelegateRevocation<'s>,
}

/// A candidate that did not do, with what was found out on the way.
struct Attempt {
    stage: Stage,
    code: CheckCode,
    reason: Reason,
    log: Evidence,
}

/// How far a candidate got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Unreadable,
    Unauthorized,
    Signature,
    /// The search is over.
    Final,
}

impl<'r> Search<'_, 'r> {
    /// Finds the signer and verifies the signature of the response.
    pub(crate) fn run(&self, evidence: &mut Evidence) -> Result<Signed<'r>, Failure> {
        match self.find() {
            Ok((signed, log)) => {
                evidence.extend(log);
                Ok(signed)
            }
            Err(attempt) => {
                evidence.extend(attempt.log);
                Err(Failure::new(attempt.code, attempt.reason))
            }
        }
    }

    fn find(&self) -> Result<(Signed<'r>, Evidence), Attempt> {
        let mut budget = Budget::new();
        let mut worst = None;
        let issuer = &self.query.issuer;
        if self.is_named(issuer) {
            match self.issuer(&mut budget) {
                Err(attempt) => keep(&mut worst, attempt)?,
                Ok(signed) => return Ok(signed),
            }
        }
        for trusted in &self.query.trusted {
            if trusted.answers_for(issuer) && self.is_named(&trusted.certificate) {
                match self.trusted(&trusted.certificate, &mut budget) {
                    Err(attempt) => keep(&mut worst, attempt)?,
                    Ok(signed) => return Ok(signed),
                }
            }
        }
        if self.basic.certs().count() > MAX_EMBEDDED_CERTIFICATES {
            return Err(over(Limit::EmbeddedCertificates, Evidence::default()));
        }
        for (index, raw) in self.basic.certs().enumerate() {
            // The same certificate twice costs nothing more.
            if self.basic.certs().take(index).any(|earlier| earlier == raw) {
                continue;
            }
            match self.embedded(raw, &mut budget) {
                Ok(None) => {}
                Ok(Some(signed)) => return Ok(signed),
                Err(attempt) => keep(&mut worst, attempt)?,
            }
        }
        Err(worst.unwrap_or_else(|| {
            fault(
                Stage::Unreadable,
                CheckCode::SignerFound,
                ResponderFault::NotFound,
                Evidence::default(),
            )
        }))
    }

    /// Whether the ResponderID names the holder of this certificate. byKey is SHA-1 for ever (requirements D-4).
    fn is_named(&self, certificate: &Certificate<'_>) -> bool {
        match self.basic.data.responder_id {
            ResponderId::ByName(name) => {
                // The same name in another kind of string is the same name (RFC 5280 7.1).
                name == certificate.subject.as_bytes()
                    || Name::read(&mut Reader::new(name), "responderID")
                        .is_ok_and(|name| name.matches(&certificate.subject))
            }
            ResponderId::ByKey(hash) => {
                let key = certificate.subject_public_key_info.subject_public_key;
                let digest = self.query.provider.digest(HashAlgorithm::Sha1, key);
                digest.as_ref() == hash
            }
        }
    }

    fn issuer(&self, budget: &mut Budget) -> Result<(Signed<'r>, Evidence), Attempt> {
        let issuer = &self.query.issuer;
        let mut log = self.found("the ResponderID names the issuer");
        log.pass(CheckCode::SignerIssuer, "the issuer signed itself");
        let usage = issuer.key_usage().ok().flatten();
        let signs = usage.is_none_or(|usage| usage.digital_signature());
        let rule = self.profile.issuer_key_usage;
        if signs {
            log.pass(CheckCode::SignerPurpose, "the issuer's key may sign");
        } else if rule.value == IssuerKeyUsage::Require {
            return Err(fault(
                Stage::Unauthorized,
                CheckCode::SignerPurpose,
                ResponderFault::IssuerKeyUsage,
                log,
            ));
        } else {
            let detail =
                "the issuer's keyUsage lacks digitalSignature, which this profile lets pass";
            log.note(
                CheckCode::SignerPurpose,
                Outcome::Skipped,
                detail,
                rule.source,
            );
        }
        let own = "the issuer signed itself: the chain vouches for it";
        log.skip(CheckCode::SignerDates, own);
        log.skip(CheckCode::SignerRevocation, own);
        self.signature(issuer, Signer::Issuer, log, budget)
    }

    fn trusted(
        &self,
        certificate: &Certificate<'_>,
        budget: &mut Budget,
    ) -> Result<(Signed<'r>, Evidence), Attempt> {
        let mut log = self.found("the ResponderID names a responder that is trusted locally");
        let local = "trusted locally for this issuer";
        log.pass(CheckCode::SignerIssuer, local);
        log.skip(CheckCode::SignerPurpose, local);
        log.skip(CheckCode::SignerRevocation, local);
        let log = self.dates(certificate, log)?;
        self.signature(certificate, Signer::Trusted, log, budget)
    }

    /// One embedded certificate; nothing if the ResponderID does not name it, or it is the issuer's own.
    fn embedded(
        &self,
        raw: &'r [u8],
        budget: &mut Budget,
    ) -> Result<Option<(Signed<'r>, Evidence)>, Attempt> {
        let certificate = Certificate::parse(raw).map_err(|error| {
            fault(
                Stage::Unreadable,
                CheckCode::SignerFound,
                ResponderFault::Unreadable(error),
                Evidence::default(),
            )
        })?;
        let issuer = &self.query.issuer;
        let own = certificate.subject.matches(&issuer.subject)
            && certificate.subject_public_key_info.raw == issuer.subject_public_key_info.raw;
        if own || !self.is_named(&certificate) {
            return Ok(None);
        }
        let log = self.found("the ResponderID names an embedded certificate");
        let log = self.delegate(&certificate, log, budget)?;
        let signer = Signer::Delegate {
            certificate: raw,
            not_after: certificate.validity.not_after,
            nocheck: nocheck(&certificate),
        };
        self.signature(&certificate, signer, log, budget).map(Some)
    }

    /// Whether the issuer's key made this certificate a delegate. What costs nothing is looked at first.
    fn delegate(
        &self,
        certificate: &Certificate<'_>,
        mut log: Evidence,
        budget: &mut Budget,
    ) -> Result<Evidence, Attempt> {
        let refuse = |code, why, log| Err(fault(Stage::Unauthorized, code, why, log));
        let issuer = &self.query.issuer;
        if !certificate.issuer.matches(&issuer.subject) {
            return refuse(CheckCode::SignerIssuer, ResponderFault::NotIssuedByCa, log);
        }
        if let Err(why) = purpose(certificate) {
            return refuse(CheckCode::SignerPurpose, why, log);
        }
        log.pass(
            CheckCode::SignerPurpose,
            "an end entity with id-kp-OCSPSigning",
        );
        let mut log = self.dates(certificate, log)?;
        budget
            .signature_check()
            .map_err(|limit| over(limit, log.clone()))?;
        let checked = self.profile.algorithms.verify(
            &self.query.provider,
            &issuer.subject_public_key_info,
            &certificate.signature_algorithm,
            certificate.tbs,
            certificate.signature,
        );
        match checked {
            Ok(_) => {}
            Err(SignatureFault::Algorithm(why)) => {
                return refuse(CheckCode::SignerIssuer, ResponderFault::Algorithm(why), log);
            }
            Err(SignatureFault::Invalid) => {
                return refuse(CheckCode::SignerIssuer, ResponderFault::NotSignedByCa, log);
            }
        }
        log.pass(
            CheckCode::SignerIssuer,
            "the issuer's key signed the signer's certificate",
        );
        self.revocation(certificate, log)
    }

    fn dates(&self, certificate: &Certificate<'_>, mut log: Evidence) -> Result<Evidence, Attempt> {
        let validity = certificate.validity;
        let why = if self.at < validity.not_before {
            ResponderFault::NotYetValid {
                not_before: validity.not_before,
            }
        } else if self.at > validity.not_after {
            ResponderFault::Expired {
                not_after: validity.not_after,
            }
        } else {
            let detail = format!("valid until {}", validity.not_after);
            log.pass(CheckCode::SignerDates, detail);
            return Ok(log);
        };
        Err(fault(Stage::Unauthorized, CheckCode::SignerDates, why, log))
    }

    /// nocheck, else what is known, else the policy (RFC 6960 4.2.2.2.1).
    fn revocation(
        &self,
        certificate: &Certificate<'_>,
        mut log: Evidence,
    ) -> Result<Evidence, Attempt> {
        let code = CheckCode::SignerRevocation;
        let rule = self.profile.delegate_revocation;
        if nocheck(certificate) {
            log.pass(code, "nocheck: the CA says to trust it for its lifetime");
            return Ok(log);
        }
        let (state, detail) = self.delegate_state(certificate);
        let why = match state {
            DelegateState::Revoked => ResponderFault::Revoked,
            DelegateState::NotRevoked => {
                log.pass(code, detail);
                return Ok(log);
            }
            DelegateState::Unknown => {
                let must = match rule.value {
                    DelegateRevocationPolicy::Tolerate => false,
                    DelegateRevocationPolicy::IfNamed => names_a_source(certificate),
                    DelegateRevocationPolicy::Require => true,
                };
                if !must {
                    let detail = format!("no nocheck, and {detail}; this profile lets it pass");
                    log.note(code, Outcome::Skipped, detail, rule.source);
                    return Ok(log);
                }
                ResponderFault::RevocationUnknown
            }
        };
        Err(fault(Stage::Unauthorized, code, why, log))
    }

    /// What the caller's CRLs say about a delegate, and which.
    fn delegate_state(&self, certificate: &Certificate<'_>) -> (DelegateState, Cow<'static, str>) {
        let DelegateRevocation::Crls(crls) = self.revocation else {
            let state = self.revocation.state(certificate.serial_number, self.at);
            let detail = match state {
                DelegateState::Unknown => "nothing is known",
                _ => "not on the issuer's CRL",
            };
            return (state, Cow::Borrowed(detail));
        };
        let decided = crate::crl::decide(
            self.query,
            &Target::certificate(certificate),
            crls,
            Moment::now(self.at),
            self.profile,
            &mut Evidence::default(),
        );
        match decided {
            Ok(decision) if decision.status() == CertStatus::Good => {
                let detail = format!("no nocheck; not on the {}", decision.name());
                (DelegateState::NotRevoked, Cow::Owned(detail))
            }
            Ok(decision) => {
                let detail = format!("on the {}", decision.name());
                (DelegateState::Revoked, Cow::Owned(detail))
            }
            Err(Failure { reason, .. }) => {
                let detail = format!("the CRLs say nothing about it ({reason})");
                (DelegateState::Unknown, Cow::Owned(detail))
            }
        }
    }

    /// The signature of the response, over the bytes as received.
    fn signature(
        &self,
        certificate: &Certificate<'_>,
        signer: Signer<'r>,
        mut log: Evidence,
        budget: &mut Budget,
    ) -> Result<(Signed<'r>, Evidence), Attempt> {
        budget
            .signature_check()
            .map_err(|limit| over(limit, log.clone()))?;
        let checked = self.profile.algorithms.verify(
            &self.query.provider,
            &certificate.subject_public_key_info,
            &self.basic.signature_algorithm,
            self.basic.tbs,
            self.basic.signature,
        );
        let reason = match checked {
            Ok(algorithm) => {
                log.pass(CheckCode::Signature, Cow::Borrowed(algorithm.name()));
                return Ok(((signer, algorithm), log));
            }
            Err(SignatureFault::Algorithm(fault)) => Reason::UnsupportedAlgorithm(fault),
            Err(SignatureFault::Invalid) => Reason::BadSignature,
        };
        Err(Attempt {
            stage: Stage::Signature,
            code: CheckCode::Signature,
            reason,
            log,
        })
    }

    fn found(&self, detail: &'static str) -> Evidence {
        let mut log = Evidence::default();
        log.pass(CheckCode::SignerFound, detail);
        log
    }
}

/// Keeps the attempt that got furthest, the earlier of two that got equally far. A final one ends the search.
fn keep(worst: &mut Option<Attempt>, attempt: Attempt) -> Result<(), Attempt> {
    if attempt.stage == Stage::Final {
        return Err(attempt);
    }
    if worst
        .as_ref()
        .is_none_or(|known| known.stage < attempt.stage)
    {
        *worst = Some(attempt);
    }
    Ok(())
}

fn fault(stage: Stage, code: CheckCode, why: ResponderFault, log: Evidence) -> Attempt {
    Attempt {
        stage,
        code,
        reason: Reason::UnauthorizedResponder(why),
        log,
    }
}

fn over(limit: Limit, log: Evidence) -> Attempt {
    Attempt {
        stage: Stage::Final,
        code: CheckCode::Signature,
        reason: Reason::BudgetExceeded(limit),
        log,
    }
}

/// Whether the extensions make it a delegate: not a CA, explicit id-kp-OCSPSigning (anyExtendedKeyUsage is none), a
/// keyUsage that signs, and no critical extension that nobody processed.
fn purpose(certificate: &Certificate<'_>) -> Result<(), ResponderFault> {
    let unreadable = ResponderFault::Unreadable;
    if certificate.is_ca().map_err(unreadable)? {
        return Err(ResponderFault::IsCa);
    }
    if !certificate
        .has_extended_key_usage(oid::KP_OCSP_SIGNING)
        .map_err(unreadable)?
    {
        return Err(ResponderFault::Purpose);
    }
    let usage = certificate.key_usage().map_err(unreadable)?;
    if usage.is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
        return Err(ResponderFault::KeyUsage);
    }
    let processed = |oid: Oid<'_>| {
        // nameConstraints and policies bind a path; the others are looked at here or only inform.
        [
            oid::BASIC_CONSTRAINTS,
            oid::EXTENDED_KEY_USAGE,
            oid::KEY_USAGE,
            oid::OCSP_NOCHECK,
            oid::CERTIFICATE_POLICIES,
            oid::SUBJECT_ALT_NAME,
        ]
        .contains(&oid)
    };
    if certificate
        .extensions
        .iter()
        .any(|extension| extension.critical && !processed(extension.oid))
    {
        return Err(ResponderFault::CriticalExtension);
    }
    Ok(())
}

/// id-pkix-ocsp-nocheck with the value that it must have, NULL (RFC 6960 4.2.2.2.1). With another it is none.
fn nocheck(certificate: &Certificate<'_>) -> bool {
    certificate
        .extensions
        .find(oid::OCSP_NOCHECK)
        .is_some_and(|extension| extension.value == [0x05, 0x00])
}

fn names_a_source(certificate: &Certificate<'_>) -> bool {
    let responder = match certificate.access_locations(oid::AD_OCSP) {
        Ok(mut locations) => locations.next().is_some(),
        // What cannot be read may name one.
        Err(_) => true,
    };
    responder
        || certificate
            .extensions
            .find(oid::CRL_DISTRIBUTION_POINTS)
            .is_some()
}
