//! The report on CRLs, and how it joins the one on a response: of both the worse verdict counts.

use certvouch_types::{CertStatus, CrlReason, Timestamp};
use certvouch_verify::{
    CheckCode, CrlSigner, Moment, Query, Reason, Verdict, VerifiedCrl, VerifiedCrls, VerifyError,
};
use serde::Serialize;

use super::report::{Context, Report, maybe_time, time};
use super::words;

/// One CRL that the status rests on.
#[derive(Debug, Serialize)]
pub(in crate::command) struct CrlFacts {
    /// Its place on the command line, from 1.
    place: usize,
    number: Option<String>,
    delta: bool,
    #[serde(serialize_with = "time")]
    this_update: Timestamp,
    #[serde(serialize_with = "maybe_time")]
    next_update: Option<Timestamp>,
    signer: &'static str,
    signature_algorithm: &'static str,
}

impl CrlFacts {
    pub(in crate::command) fn new(crl: &VerifiedCrl<'_>) -> Self {
        Self {
            place: crl.place(),
            number: crl.crl_number().map(|number| number.to_string()),
            delta: crl.is_delta(),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            signer: match crl.signer() {
                CrlSigner::Issuer => "issuer",
                _ => "named",
            },
            signature_algorithm: crl.signature_algorithm().name(),
        }
    }

    /// `CRL number 0x05 of 2026-01-10T00:00:00Z`.
    fn name(&self) -> String {
        let number = self.number.as_ref();
        let number = number.map_or_else(String::new, |number| format!(" number {number}"));
        let kind = if self.delta { "delta CRL" } else { "CRL" };
        format!("{kind}{number} of {}", self.this_update)
    }
}

impl std::fmt::Display for CrlFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let next = self
            .next_update
            .map_or_else(|| "none".to_owned(), |time| time.to_string());
        write!(f, "{}, nextUpdate {next}", self.name())
    }
}

/// On CRLs that were verified: GOOD or REVOKED.
pub(super) fn verified(
    context: &Context<'_>,
    query: &Query<'_>,
    verified: &VerifiedCrls<'_>,
) -> Report {
    let crls: Vec<_> = verified.crls().iter().map(CrlFacts::new).collect();
    let said = said(verified, &crls, query, context.moment);
    let mut report = Report::new(context, verified.verdict(), said)
        .with_checks(verified.evidence())
        .with_advice(context.files.on_listed(verified.status()));
    report.reason = words::status_code(verified.status());
    report.stale = verified.stale().is_some();
    report.stale_reason = verified.stale().map(|fault| fault.code());
    report.contradiction = verified.has_contradiction();
    report.crls = crls;
    report
}

/// What stands in the brackets of CRLs that were verified.
pub(in crate::command) fn said(
    verified: &VerifiedCrls<'_>,
    crls: &[CrlFacts],
    query: &Query<'_>,
    moment: Moment,
) -> Vec<String> {
    let names: Vec<_> = crls.iter().map(CrlFacts::name).collect();
    let mut said = match verified.status() {
        CertStatus::Good => vec![
            match verified.valid_until() {
                Some(until) => format!("until {until}"),
                None => "no nextUpdate".to_owned(),
            },
            format!("not on the {}", names.join(", not on the ")),
        ],
        CertStatus::Revoked(info) => vec![
            info.revocation_reason
                .unwrap_or(CrlReason::Unspecified)
                .to_string(),
            info.revocation_time.to_string(),
            format!("on the {}", names.join(", ")),
        ],
        _ => vec![format!(
            "the CRLs say nothing about serial {}",
            query.serial_number()
        )],
    };
    if moment.is_past() {
        said.insert(0, format!("as of {}", moment.at()));
    }
    if verified.has_contradiction() {
        said.push("a newer CRL leaves it out".to_owned());
    }
    if let Some(fault) = verified.stale() {
        said.push(format!("stale: {}", words::currency(fault)));
    }
    said
}

/// On CRLs that say nothing that is believed.
pub(super) fn refused(context: &Context<'_>, query: &Query<'_>, why: &VerifyError) -> Report {
    let said = vec![words::why(why.reason(), query.serial_number())];
    let given = context.crls.iter().map(Vec::as_slice);
    let advice = context.files.on_crl_reason(why.reason(), given);
    let mut report = Report::new(context, why.verdict(), said)
        .with_checks(why.evidence())
        .with_advice(Some(advice));
    report.reason = Some(why.reason().code());
    report.silent = matches!(
        why.reason(),
        Reason::CrlOutOfScope(_) | Reason::CrlReasonsMissing | Reason::DeltaWithoutBase
    );
    report
}

/// A response and CRLs about the same certificate: the worse verdict counts. CRLs that are about other certificates or
/// a part of the reasons say nothing, and change nothing.
pub(super) fn joined(response: Report, crls: Report) -> Report {
    let says = |verdict: Verdict| [response.rank, crls.rank].contains(&verdict.rank());
    let contradicts = says(Verdict::Revoked) && says(Verdict::Good);
    let worse = !crls.silent && crls.rank > response.rank;
    let (mut report, other) = if worse {
        (crls, response)
    } else {
        (response, crls)
    };
    if contradicts {
        report.contradiction = true;
        report.text.push_str(if worse {
            ", the response contradicts it"
        } else {
            ", the CRLs contradict it"
        });
    }
    report.response = report.response.or(other.response);
    if report.crls.is_empty() {
        report.crls = other.crls;
    }
    let (mut checks, more) = if worse {
        (other.checks, report.checks)
    } else {
        (report.checks, other.checks)
    };
    // What was asked of the certificate stands in both.
    let known = [CheckCode::IssuerIsCa, CheckCode::CertificateSignature].map(CheckCode::as_str);
    checks.extend(more.into_iter().filter(|line| !known.contains(&line.code)));
    report.checks = checks;
    report
}
