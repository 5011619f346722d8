//! One CRL: read, bound to the certificate, verified, and searched for it.

use alloc::format;
use alloc::string::{String, ToString};

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::crl::scope::{OutOfScope, Unusable, check_entry, check_head};
use certvouch_types::crl::{Crl, ReasonFlags, RevokedCertificate};
use certvouch_types::{Certificate, CrlReason, RevokedInfo, Timestamp};

use super::CrlSigner;
use super::target::Target;
use crate::algorithms::SignatureFault;
use crate::budget::Budget;
use crate::error::{CrlRule, CrlSignerFault, CurrencyFault, Level, Reason};
use crate::evidence::{CheckCode, Evidence, Outcome};
use crate::freshness::Moment;
use crate::profile::Profile;
use crate::query::Query;
use crate::verifier::Failure;

/// What every CRL of a set is judged by.
pub(super) struct Judge<'j> {
    pub(super) query: &'j Query<'j>,
    pub(super) target: &'j Target<'j>,
    pub(super) issuers: &'j [Certificate<'j>],
    pub(super) moment: Moment,
    pub(super) profile: &'j Profile,
}

/// A CRL whose signature verified, and what it says about the target.
pub(super) struct Judged<'c> {
    /// Its place in the set, from 1.
    pub(super) number: usize,
    pub(super) crl: Crl<'c>,
    pub(super) signer: CrlSigner,
    pub(super) algorithm: SignatureAlgorithm,
    /// The reasons for which it decides about the target.
    pub(super) scope: Result<ReasonFlags, OutOfScope>,
    pub(super) fault: Option<CurrencyFault>,
    /// The strictest entry about the target.
    pub(super) entry: Option<Listed>,
}

/// What an entry says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) info: RevokedInfo,
    /// Since when: an invalidityDate moves it to an earlier moment, as in a response.
    pub(super) since: Timestamp,
}

impl Listed {
    fn of(entry: &RevokedCertificate<'_>) -> Self {
        let since = entry.invalidity_date.unwrap_or(entry.revocation_date);
        Self {
            info: RevokedInfo::new(entry.revocation_date, entry.reason),
            since: since.min(entry.revocation_date),
        }
    }

    pub(super) fn is_hold(&self) -> bool {
        self.info.revocation_reason == Some(CrlReason::CertificateHold)
    }

    pub(super) fn removes(&self) -> bool {
        self.info.revocation_reason == Some(CrlReason::RemoveFromCrl)
    }

    pub(super) fn is_final(&self) -> bool {
        !self.is_hold() && !self.removes()
    }

    const fn strictness(&self) -> u8 {
        match self.info.revocation_reason {
            Some(CrlReason::RemoveFromCrl) => 0,
            Some(CrlReason::CertificateHold) => 1,
            _ => 2,
        }
    }
}

impl Judged<'_> {
    /// What it says about the moment: a question about the past does not see what came later.
    pub(super) fn entry_at(&self, moment: Moment) -> Option<Listed> {
        self.entry
            .filter(|entry| !moment.is_past() || entry.since <= moment.at())
    }

    pub(super) const fn is_from_the_future(&self) -> bool {
        matches!(self.fault, Some(CurrencyFault::NotYetValid { .. }))
    }

    /// Its number, or its place, for a sentence.
    pub(super) fn name(&self) -> String {
        match self.crl.known.crl_number {
            Some(number) => format!("CRL number {number}"),
            None => format!("CRL {} (without a number)", self.number),
        }
    }
}

impl Judge<'_> {
    pub(super) fn run<'c>(
        &self,
        der: &'c [u8],
        number: usize,
        log: &mut Evidence,
    ) -> Result<Judged<'c>, Failure> {
        let crl = Crl::parse(der)
            .map_err(|error| Failure::new(CheckCode::CrlSyntax, Reason::MalformedCrl(error)))?;
        log.pass(CheckCode::CrlSyntax, "well formed DER");
        let endless = match check_head(&crl) {
            Ok(()) => false,
            // That is judged with the other times: what such a CRL lists is revoked all the same.
            Err(Unusable::NoNextUpdate) => true,
            Err(_) => {
                let reason = Reason::CriticalExtension(Level::Crl);
                return Err(Failure::new(CheckCode::CrlExtensions, reason));
            }
        };
        log.pass(
            CheckCode::CrlExtensions,
            "none is critical that is not processed here",
        );
        let scope = self.scope(&crl, log)?;
        let (signer, algorithm) = self.signature(&crl, log)?;
        let entry = self.entry(&crl, log)?;
        let fault = self.times(&crl, endless, log);
        Ok(Judged {
            number,
            crl,
            signer,
            algorithm,
            scope,
            fault,
            entry,
        })
    }

    /// Whether it is about the target. One of another issuer, or about attribute certificates, is not looked into: its
    /// serial numbers are not ours. All others are: a serial number of the issuer that is revoked, is revoked.
    fn scope(
        &self,
        crl: &Crl<'_>,
        log: &mut Evidence,
    ) -> Result<Result<ReasonFlags, OutOfScope>, Failure> {
        let code = CheckCode::CrlScope;
        let scope = self.target.scope(crl);
        match scope {
            Err(why @ (OutOfScope::Issuer | OutOfScope::AttributeCertificates)) => {
                return Err(Failure::new(code, Reason::CrlOutOfScope(why)));
            }
            Err(why) => log.fail(code, format!("{why}: its silence means nothing")),
            Ok(reasons) if reasons.is_all() => log.pass(code, "about this certificate"),
            Ok(_) => log.pass(code, "about this certificate, for some reasons only"),
        }
        Ok(scope)
    }

    /// The issuer's key, or that of a CRL issuer whom the caller named.
    fn signature(
        &self,
        crl: &Crl<'_>,
        log: &mut Evidence,
    ) -> Result<(CrlSigner, SignatureAlgorithm), Failure> {
        let named = self.issuers.iter().map(|issuer| (CrlSigner::Named, issuer));
        let all = core::iter::once((CrlSigner::Issuer, &self.query.issuer)).chain(named);
        let mut budget = Budget::new();
        let mut worst = Failure::new(
            CheckCode::CrlSigner,
            Reason::UnauthorizedCrlIssuer(CrlSignerFault::NotFound),
        );
        for (signer, certificate) in all {
            if !certificate.subject.matches(&crl.issuer) {
                continue;
            }
            match self.signed_by(crl, signer, certificate, &mut budget) {
                Ok(algorithm) => {
                    log.pass(
                        CheckCode::CrlSigner,
                        match signer {
                            CrlSigner::Issuer => "the issuer of the certificate",
                            CrlSigner::Named => {
                                "a CRL issuer whom the caller named; its own revocation is not asked"
                            }
                        },
                    );
                    log.pass(CheckCode::CrlSignature, algorithm.name());
                    return Ok((signer, algorithm));
                }
                // The one that got furthest is reported.
                Err(failure) if failure.code >= worst.code => worst = failure,
                Err(_) => {}
            }
        }
        if worst.code == CheckCode::CrlSignature {
            log.pass(CheckCode::CrlSigner, "the name is one that may sign");
        }
        Err(worst)
    }

    fn signed_by(
        &self,
        crl: &Crl<'_>,
        signer: CrlSigner,
        certificate: &Certificate<'_>,
        budget: &mut Budget,
    ) -> Result<SignatureAlgorithm, Failure> {
        let refuse = |fault| {
            let reason = Reason::UnauthorizedCrlIssuer(fault);
            Err(Failure::new(CheckCode::CrlSigner, reason))
        };
        match certificate.key_usage() {
            Ok(usage) if usage.is_none_or(|usage| usage.crl_sign()) => {}
            Ok(_) => return refuse(CrlSignerFault::KeyUsage),
            Err(error) => return refuse(CrlSignerFault::Unreadable(error)),
        }
        // How long the issuer itself counts is a question of the chain.
        let at = self.moment.existed_by();
        if signer == CrlSigner::Named && !certificate.validity.contains(at) {
            return refuse(CrlSignerFault::Dates);
        }
        let code = CheckCode::CrlSignature;
        budget
            .signature_check()
            .map_err(|limit| Failure::new(code, Reason::BudgetExceeded(limit)))?;
        self.profile
            .algorithms
            .verify(
                &self.query.provider,
                &certificate.subject_public_key_info,
                &crl.signature_algorithm,
                crl.tbs,
                crl.signature,
            )
            .map_err(|fault| match fault {
                SignatureFault::Algorithm(why) => {
                    Failure::new(code, Reason::UnsupportedAlgorithm(why))
                }
                SignatureFault::Invalid => Failure::new(code, Reason::BadSignature),
            })
    }

    /// The strictest entry about the target. Every entry is read, since one that is not understood spoils the CRL.
    fn entry(&self, crl: &Crl<'_>, log: &mut Evidence) -> Result<Option<Listed>, Failure> {
        let code = CheckCode::CrlEntries;
        let fail = |reason| Failure::new(code, reason);
        let mut found: Option<Listed> = None;
        let mut count = 0_usize;
        for entry in crl.entries() {
            let entry = entry.map_err(|error| fail(Reason::MalformedCrl(error)))?;
            check_entry(crl, &entry).map_err(|why| fail(unusable(why)))?;
            count += 1;
            if entry.serial_number != self.target.serial_number
                || !entry.certificate_issuer.matches(&self.target.issuer)
            {
                continue;
            }
            let listed = Listed::of(&entry);
            if found.is_none_or(|known| known.strictness() < listed.strictness()) {
                found = Some(listed);
            }
        }
        log.pass(code, format!("{count}, each understood"));
        Ok(found)
    }

    fn times(&self, crl: &Crl<'_>, endless: bool, log: &mut Evidence) -> Option<CurrencyFault> {
        let policy = self.profile.freshness.for_crl(self.target.is_ca);
        let fault = if endless {
            let early = policy.judge_begin(crl.this_update, self.moment);
            early.err().or(Some(CurrencyFault::NoNextUpdate))
        } else {
            policy
                .judge_times(crl.this_update, crl.next_update, self.moment)
                .err()
        };
        let failed = fault.map(code_of);
        let lines = [
            (
                CheckCode::CrlThisUpdate,
                crl.this_update.to_string(),
                policy.early.source,
            ),
            (
                CheckCode::CrlNextUpdate,
                crl.next_update
                    .map_or_else(String::new, |end| format!("counts until {end}")),
                policy.late.source,
            ),
            (
                CheckCode::CrlMaximumAge,
                policy
                    .max_age
                    .value
                    .map_or_else(String::new, |limit| format!("at most {limit} s")),
                policy.max_age.source,
            ),
        ];
        for (code, passed, source) in lines {
            match (fault, failed) {
                (Some(fault), Some(failed)) if failed == code => {
                    log.note(code, Outcome::Failed, fault.to_string(), source);
                }
                (Some(_), Some(failed)) if failed < code => {
                    log.skip(code, "not reached: an earlier check of time failed");
                }
                _ if passed.is_empty() => {
                    let detail = "this profile sets no limit";
                    log.note(code, Outcome::Skipped, detail, source);
                }
                _ => log.note(code, Outcome::Passed, passed, source),
            }
        }
        fault
    }
}

/// The check that a fault of time belongs to.
pub(super) const fn code_of(fault: CurrencyFault) -> CheckCode {
    match fault {
        CurrencyFault::NotYetValid { .. } => CheckCode::CrlThisUpdate,
        CurrencyFault::TooOld { .. } => CheckCode::CrlMaximumAge,
        _ => CheckCode::CrlNextUpdate,
    }
}

const fn unusable(why: Unusable<'_>) -> Reason {
    match why {
        Unusable::IssuerInDirectCrl { at } => Reason::CrlRule(CrlRule::IssuerInDirectCrl { at }),
        Unusable::RemoveFromCompleteCrl { at } => {
            Reason::CrlRule(CrlRule::RemoveFromCompleteCrl { at })
        }
        Unusable::Malformed(error) => Reason::MalformedCrl(error),
        _ => Reason::CriticalExtension(Level::CrlEntry),
    }
}
