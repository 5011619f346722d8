//! Several CRLs about one certificate: which of them count, and what they say together.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Reverse;

use certvouch_types::crl::{Crl, ReasonFlags, delta};
use certvouch_types::extension::values::time_value;
use certvouch_types::{CertStatus, Timestamp, oid};

use super::VerifiedCrl;
use super::judge::{Judge, Judged, Listed, code_of};
use crate::error::{CurrencyFault, Reason};
use crate::evidence::{CheckCode, Evidence, Outcome};
use crate::verifier::Failure;

/// A status, and what it rests on.
pub(crate) struct Decision<'c> {
    pub(super) status: CertStatus,
    pub(super) stale: Option<CurrencyFault>,
    pub(super) contradiction: bool,
    pub(super) this_update: Timestamp,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) crls: Vec<VerifiedCrl<'c>>,
}

impl Decision<'_> {
    pub(crate) const fn status(&self) -> CertStatus {
        self.status
    }

    /// The CRL that the status rests on, for a sentence.
    pub(crate) fn name(&self) -> alloc::string::String {
        match self.crls.first().and_then(VerifiedCrl::crl_number) {
            Some(number) => format!("CRL number {number} of {}", self.this_update),
            None => format!("CRL of {}", self.this_update),
        }
    }
}

/// A complete CRL, and the delta that is laid over it (RFC 5280 5.2.4).
struct Unit<'j, 'c> {
    complete: &'j Judged<'c>,
    delta: Option<&'j Judged<'c>>,
}

impl<'j, 'c> Unit<'j, 'c> {
    /// The combination has the number and the times of the delta (requirements R5280-5.2.4-2).
    fn head(&self) -> &'j Judged<'c> {
        self.delta.unwrap_or(self.complete)
    }

    /// The delta is searched first (RFC 5280 6.3.3 i).
    fn entry(&self, judge: &Judge<'_>) -> Option<Listed> {
        let of = |crl: &Judged<'_>| crl.entry_at(judge.moment);
        self.delta
            .and_then(of)
            .or_else(|| of(self.complete))
            .filter(|entry| !entry.removes())
    }

    fn reasons(&self) -> ReasonFlags {
        self.complete.scope.unwrap_or(ReasonFlags::NONE)
    }

    fn members(&self) -> impl Iterator<Item = &'j Judged<'c>> + use<'j, 'c> {
        self.delta.into_iter().chain([self.complete])
    }
}

/// What the CRLs say together.
pub(super) fn combine<'c>(
    judged: &[Judged<'c>],
    mut failures: Vec<Failure>,
    judge: &Judge<'_>,
    logs: &mut [Evidence],
    evidence: &mut Evidence,
) -> Result<Decision<'c>, Failure> {
    let current: Vec<&Judged<'c>> = judged
        .iter()
        .filter(|crl| is_newest(crl, judged, logs))
        .collect();
    let units = units(&current, judged, logs);
    for crl in judged {
        say_entry(crl, judge, logs);
    }
    if let Some((listed, crl)) = final_entry(judged, judge) {
        let contradiction = contradicts(&units, crl, judge);
        agree(evidence, judged.len(), contradiction);
        return Ok(revoked(listed, crl, contradiction));
    }
    if let Some((listed, crl)) = hold(&current, &units, judge) {
        agree(evidence, judged.len(), false);
        return Ok(revoked(listed, crl, false));
    }
    // Those that are about others do not hinder; a broken or forged one might have been the one that lists it.
    let (foreign, broken): (Vec<_>, Vec<_>) = failures
        .drain(..)
        .partition(|failure| matches!(failure.reason, Reason::CrlOutOfScope(_)));
    if let Some(failure) = broken.into_iter().max_by_key(|failure| failure.code) {
        return Err(failure);
    }
    let deciding: Vec<&Unit<'_, 'c>> = units
        .iter()
        .filter(|unit| unit.head().fault.is_none() && unit.complete.scope.is_ok())
        .collect();
    let covered = deciding
        .iter()
        .fold(ReasonFlags::NONE, |sum, unit| sum.union(unit.reasons()));
    if !covered.is_all() {
        return Err(undecided(&units, judged, covered, foreign));
    }
    agree(evidence, judged.len(), false);
    evidence.pass(
        CheckCode::CrlReasons,
        "the CRLs in date are about every reason",
    );
    expired(&deciding, judge, evidence)?;
    let nothing = || Failure::new(CheckCode::CrlReasons, Reason::CrlReasonsMissing);
    good(&deciding).ok_or_else(nothing)
}

/// Whether no newer CRL of the same issuer and scope is in the set. One from the future makes none old.
fn is_newest(crl: &Judged<'_>, all: &[Judged<'_>], logs: &mut [Evidence]) -> bool {
    let newer = all.iter().find(|other| {
        !other.is_from_the_future() && same_scope(&crl.crl, &other.crl) && {
            let (theirs, ours) = (other.crl.known.crl_number, crl.crl.known.crl_number);
            // Numbers and times must not contradict each other: else both count.
            theirs >= ours
                && other.crl.this_update >= crl.crl.this_update
                && (theirs, other.crl.this_update) != (ours, crl.crl.this_update)
        }
    });
    let Some(log) = log_of(logs, crl) else {
        return newer.is_none();
    };
    let code = CheckCode::CrlNewest;
    match newer {
        Some(other) => log.skip(code, format!("CRL {} takes its place", other.number)),
        None => log.pass(code, "none of its issuer and scope is newer"),
    }
    newer.is_none()
}

fn same_scope(one: &Crl<'_>, other: &Crl<'_>) -> bool {
    one.is_delta() == other.is_delta()
        && one.issuer.matches(&other.issuer)
        && one.known.idp.map(|idp| idp.raw) == other.known.idp.map(|idp| idp.raw)
        && one.known.authority_key_id == other.known.authority_key_id
}

/// Complete CRLs, each with the newest delta in date that may be laid over it (requirements R5280-5.2.4-3).
fn units<'j, 'c>(
    current: &[&'j Judged<'c>],
    all: &'j [Judged<'c>],
    logs: &mut [Evidence],
) -> Vec<Unit<'j, 'c>> {
    let mut units = Vec::new();
    for complete in current.iter().filter(|crl| !crl.crl.is_delta()) {
        let delta = all
            .iter()
            .filter(|crl| crl.fault.is_none() && crl.signer == complete.signer)
            .filter(|crl| delta::applies(&crl.crl, &complete.crl).is_ok())
            .max_by_key(|crl| crl.crl.this_update);
        units.push(Unit { complete, delta });
    }
    for crl in all {
        let Some(log) = log_of(logs, crl) else {
            continue;
        };
        let code = CheckCode::CrlDelta;
        let laid = units
            .iter()
            .find(|unit| unit.delta.is_some_and(|delta| delta.number == crl.number));
        match laid {
            _ if !crl.crl.is_delta() => log.skip(code, "a complete CRL"),
            Some(unit) => log.pass(code, format!("laid over CRL {}", unit.complete.number)),
            None => log.skip(
                code,
                why_not(crl, current).unwrap_or("a newer delta takes its place, or none fits"),
            ),
        }
    }
    units
}

fn why_not(crl: &Judged<'_>, current: &[&Judged<'_>]) -> Option<&'static str> {
    if crl.fault.is_some() {
        return Some("a delta that is not in date: the complete CRL speaks alone");
    }
    let mut complete = current.iter().filter(|other| !other.crl.is_delta());
    let Some(first) = complete.next() else {
        return Some("a delta without the complete CRL that it belongs to");
    };
    Some(match delta::applies(&crl.crl, &first.crl).err()? {
        delta::DeltaMismatch::BaseTooOld => "the complete CRL is older than the delta's base",
        delta::DeltaMismatch::NotNewer => "not newer than the complete CRL",
        delta::DeltaMismatch::NoNumber => "a CRL number is missing",
        delta::DeltaMismatch::OtherKey => "another key than the complete CRL's signed it",
        _ => "of another issuer or scope than the complete CRL",
    })
}

fn log_of<'l>(logs: &'l mut [Evidence], crl: &Judged<'_>) -> Option<&'l mut Evidence> {
    logs.get_mut(crl.number.checked_sub(1)?)
}

fn say_entry(crl: &Judged<'_>, judge: &Judge<'_>, logs: &mut [Evidence]) {
    let Some(log) = log_of(logs, crl) else {
        return;
    };
    let code = CheckCode::CrlEntry;
    let name = crl.name();
    match (crl.entry, crl.entry_at(judge.moment)) {
        (None, _) => {
            let end = crl
                .crl
                .next_update
                .map_or_else(|| "none".to_string(), |end| end.to_string());
            let begin = crl.crl.this_update;
            let detail = format!("not on the {name}, thisUpdate {begin}, nextUpdate {end}");
            log.pass(code, detail);
        }
        (Some(entry), None) => {
            let detail = format!("on the {name}, but only since {}", entry.since);
            log.pass(code, detail);
        }
        (_, Some(entry)) if entry.removes() => {
            log.pass(code, format!("the {name} takes it off"));
        }
        (_, Some(entry)) => {
            let since = entry.info.revocation_time;
            let how = if entry.is_hold() {
                "on hold"
            } else {
                "revoked"
            };
            log.fail(code, format!("the {name} lists it: {how} since {since}"));
        }
    }
}

/// A revocation that nothing undoes: in date before out of date, then the earliest.
fn final_entry<'j, 'c>(
    judged: &'j [Judged<'c>],
    judge: &Judge<'_>,
) -> Option<(Listed, &'j Judged<'c>)> {
    judged
        .iter()
        .filter(|crl| !crl.is_from_the_future())
        .filter_map(|crl| Some((crl.entry_at(judge.moment)?, crl)))
        .filter(|(entry, _)| entry.is_final())
        .min_by_key(|(entry, crl)| {
            let newest = Reverse(crl.crl.this_update);
            (crl.fault.is_some(), entry.info.revocation_time, newest)
        })
}

/// A hold on the newest word of some scope, in date.
fn hold<'j, 'c>(
    current: &[&'j Judged<'c>],
    units: &[Unit<'j, 'c>],
    judge: &Judge<'_>,
) -> Option<(Listed, &'j Judged<'c>)> {
    let of_unit = |unit: &Unit<'j, 'c>| {
        let entry = unit.entry(judge)?;
        unit.head().fault.is_none().then_some((entry, unit.head()))
    };
    // A delta that fits no complete CRL speaks for itself.
    let alone = |crl: &&'j Judged<'c>| {
        let entry = crl.entry_at(judge.moment).filter(Listed::is_hold)?;
        (crl.crl.is_delta() && crl.fault.is_none()).then_some((entry, *crl))
    };
    units
        .iter()
        .find_map(of_unit)
        .or_else(|| current.iter().find_map(alone))
}

/// Whether what is in date, and no older than the CRL that lists a revocation, leaves it out.
fn contradicts(units: &[Unit<'_, '_>], crl: &Judged<'_>, judge: &Judge<'_>) -> bool {
    units.iter().any(|unit| {
        unit.head().fault.is_none()
            && unit.reasons().is_all()
            && unit.head().crl.this_update >= crl.crl.this_update
            && unit.entry(judge).is_none()
    })
}

fn agree(evidence: &mut Evidence, crls: usize, contradiction: bool) {
    let code = CheckCode::CrlsAgree;
    match (contradiction, crls) {
        (true, _) => evidence.fail(
            code,
            "a CRL in date leaves out what another lists; the strictest counts",
        ),
        (false, 1) => evidence.skip(code, "one CRL, nothing to compare"),
        (false, _) => evidence.pass(code, format!("{crls} CRLs, no contradiction")),
    }
}

fn revoked<'c>(listed: Listed, crl: &Judged<'c>, contradiction: bool) -> Decision<'c> {
    Decision {
        status: CertStatus::Revoked(listed.info),
        stale: crl.fault,
        contradiction,
        this_update: crl.crl.this_update,
        valid_until: crl.crl.next_update,
        crls: [verified(crl)].into(),
    }
}

/// Nothing without a CRL.
fn good<'c>(deciding: &[&Unit<'_, 'c>]) -> Option<Decision<'c>> {
    let heads = || deciding.iter().map(|unit| unit.head());
    Some(Decision {
        status: CertStatus::Good,
        stale: None,
        contradiction: false,
        this_update: heads().map(|head| head.crl.this_update).min()?,
        valid_until: heads().filter_map(|head| head.crl.next_update).min(),
        crls: deciding
            .iter()
            .flat_map(|unit| unit.members())
            .map(verified)
            .collect(),
    })
}

const fn verified<'c>(crl: &Judged<'c>) -> VerifiedCrl<'c> {
    VerifiedCrl {
        number: crl.number,
        crl: crl.crl,
        signer: crl.signer,
        signature_algorithm: crl.algorithm,
    }
}

/// Why nothing is said, from the nearest miss to the furthest.
fn undecided(
    units: &[Unit<'_, '_>],
    judged: &[Judged<'_>],
    covered: ReasonFlags,
    foreign: Vec<Failure>,
) -> Failure {
    let about = |unit: &&Unit<'_, '_>| unit.complete.scope.is_ok();
    if let Some(fault) = units
        .iter()
        .filter(about)
        .find_map(|unit| unit.head().fault)
    {
        return Failure::new(code_of(fault), Reason::NotCurrent(fault));
    }
    let code = CheckCode::CrlReasons;
    if covered != ReasonFlags::NONE {
        return Failure::new(code, Reason::CrlReasonsMissing);
    }
    if let Some(why) = units.iter().find_map(|unit| unit.complete.scope.err()) {
        return Failure::new(CheckCode::CrlScope, Reason::CrlOutOfScope(why));
    }
    if judged.iter().any(|crl| crl.crl.is_delta()) {
        return Failure::new(code, Reason::DeltaWithoutBase);
    }
    let mut foreign = foreign.into_iter();
    foreign
        .next()
        .unwrap_or_else(|| Failure::new(code, Reason::CrlReasonsMissing))
}

/// A CA may drop certificates from its CRL once they have expired (RFC 5280 3.3), unless the CRL says how long it keeps
/// them (X.509 9.5.2.8, expiredCertsOnCRL).
fn expired(
    deciding: &[&Unit<'_, '_>],
    judge: &Judge<'_>,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let code = CheckCode::CrlExpiredCertificates;
    let Some(validity) = judge.target.validity else {
        evidence.skip(code, "no certificate was seen");
        return Ok(());
    };
    let end = validity.not_after;
    for unit in deciding {
        let crl = &unit.head().crl;
        if end >= crl.this_update {
            continue;
        }
        let kept = crl
            .extensions
            .find(oid::EXPIRED_CERTS_ON_CRL)
            .map(|extension| time_value(extension.contents(), "expiredCertsOnCRL"))
            .transpose()
            .map_err(|error| Failure::new(code, Reason::MalformedCrl(error)))?;
        if kept.is_some_and(|since| since <= end) {
            continue;
        }
        if judge.moment.is_past() {
            let reason = Reason::NotCurrent(CurrencyFault::BeyondArchiveCutoff);
            return Err(Failure::new(code, reason));
        }
        let detail = "the certificate has expired: a CRL may leave it out, revoked or not";
        evidence.note(code, Outcome::Skipped, detail, code.citation());
        return Ok(());
    }
    evidence.pass(code, "the CRL still lists certificates of this age");
    Ok(())
}
