//! The report: one value, shown as text or as JSON, so that the two cannot differ.
//!
//! What stands in the text of a verdict other than GOOD holds no foreign text but hex: the name of a certificate that
//! contains the word "good" must not meet a script that looks for it.

use std::fmt::Write as _;

use certvouch_types::pkix::Name;
use certvouch_types::{CertStatus, Certificate, CrlReason, Timestamp, oid};
use certvouch_verify::{
    CheckCode, Evidence, Moment, NonceOutcome, Outcome, Profile, Query, QueryError, Signer,
    Verdict, VerifiedResponse, VerifyError,
};
use serde::{Serialize, Serializer};

use super::advice::{Advice, Files};
use super::crls::CrlFacts;
use super::words::{self, Distrust};
use crate::escape::escape;
use crate::exit::ExitCode;

/// What a report needs to know besides the outcome.
pub(super) struct Context<'a> {
    pub(super) profile: &'a Profile,
    pub(super) moment: Moment,
    pub(super) sha1: bool,
    pub(super) certificate: &'a Certificate<'a>,
    pub(super) response: &'a [u8],
    pub(super) crls: &'a [Vec<u8>],
    pub(super) files: Files<'a>,
}

/// Everything that is said.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    verdict: &'static str,
    code: u8,
    #[serde(skip)]
    exit: ExitCode,
    /// How bad the verdict is.
    #[serde(skip)]
    pub(super) rank: u8,
    /// Whether it is about CRLs that say nothing about the certificate.
    #[serde(skip)]
    pub(super) silent: bool,
    /// The stable code of the reason; nothing for GOOD.
    pub(super) reason: Option<&'static str>,
    /// What stands in the brackets.
    pub(super) text: String,
    profile: &'static str,
    sha1_allowed: bool,
    #[serde(serialize_with = "time")]
    at: Timestamp,
    #[serde(serialize_with = "maybe_time")]
    as_of: Option<Timestamp>,
    serial: String,
    pub(super) stale: bool,
    pub(super) stale_reason: Option<&'static str>,
    pub(super) contradiction: bool,
    pub(super) response: Option<Facts>,
    /// The CRLs that the status rests on.
    pub(super) crls: Vec<CrlFacts>,
    pub(super) checks: Vec<Line>,
    cause: Option<String>,
    next: Option<String>,
}

/// What a verified response says.
#[derive(Debug, Serialize)]
pub(in crate::command) struct Facts {
    #[serde(serialize_with = "time")]
    this_update: Timestamp,
    #[serde(serialize_with = "maybe_time")]
    next_update: Option<Timestamp>,
    #[serde(serialize_with = "time")]
    produced_at: Timestamp,
    #[serde(serialize_with = "maybe_time")]
    valid_until: Option<Timestamp>,
    #[serde(serialize_with = "maybe_time")]
    revocation_time: Option<Timestamp>,
    revocation_reason: Option<&'static str>,
    signer: SignerFacts,
    signature_algorithm: &'static str,
    nonce: &'static str,
    entries: usize,
    embedded_certificates: usize,
}

#[derive(Debug, Serialize)]
struct SignerFacts {
    kind: &'static str,
    /// Foreign text. Nothing if the issuer signed.
    subject: Option<String>,
    serial: Option<String>,
    #[serde(serialize_with = "maybe_time")]
    not_after: Option<Timestamp>,
    nocheck: bool,
    /// The common name, else the whole subject. Foreign text.
    #[serde(skip)]
    name: String,
}

/// One check.
#[derive(Debug, Serialize)]
pub(in crate::command) struct Line {
    pub(in crate::command) code: &'static str,
    /// Which CRL it is about, by its place on the command line.
    crl: Option<usize>,
    outcome: String,
    detail: String,
    citation: &'static str,
}

impl Line {
    /// Every check of an evidence.
    pub(in crate::command) fn of(evidence: &Evidence) -> Vec<Self> {
        let line = |check: &certvouch_verify::Check| Self {
            code: check.code.as_str(),
            crl: check.crl,
            outcome: check.outcome.to_string(),
            detail: check.detail.to_string(),
            citation: check.citation,
        };
        evidence.checks().iter().map(line).collect()
    }

    /// For people, on one line without its end; with the place of the CRL if there are `several`.
    pub(in crate::command) fn text(&self, several: bool) -> String {
        let about = self.crl.filter(|_| several);
        let about = about.map_or_else(String::new, |crl| format!("CRL {crl}: "));
        format!(
            "{:<7}  {:<21}  {about}{} [{}]",
            self.outcome, self.code, self.detail, self.citation
        )
    }

    /// Whether it is about a second CRL.
    pub(in crate::command) fn is_of_several(&self) -> bool {
        self.crl > Some(1)
    }
}

pub(in crate::command) fn time<S: Serializer>(
    time: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(in crate::command) fn maybe_time<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_some(&time.to_string()),
        None => serializer.serialize_none(),
    }
}

impl Report {
    /// A report without findings yet. Here, and nowhere else, a verdict becomes a word and an exit code.
    pub(super) fn new(context: &Context<'_>, verdict: Verdict, said: Vec<String>) -> Self {
        let exit = ExitCode::from(verdict);
        let mut said = said;
        if context.sha1 {
            said.push("SHA-1 allowed".to_owned());
        }
        Self {
            verdict: verdict.word(),
            code: exit.number(),
            exit,
            rank: verdict.rank(),
            silent: false,
            reason: None,
            text: said.join(", "),
            profile: context.profile.name(),
            sha1_allowed: context.sha1,
            at: context.moment.existed_by(),
            as_of: context.moment.is_past().then(|| context.moment.at()),
            serial: context.certificate.serial_number.to_string(),
            stale: false,
            stale_reason: None,
            contradiction: false,
            response: None,
            crls: Vec::new(),
            checks: Vec::new(),
            cause: None,
            next: None,
        }
    }

    /// On a response that verified: GOOD, REVOKED or UNKNOWN.
    pub(super) fn verified(
        context: &Context<'_>,
        query: &Query<'_>,
        verified: &VerifiedResponse<'_>,
    ) -> Self {
        let facts = Facts::new(verified);
        let said = said(verified, &facts, query);
        let report = Self::new(context, verified.verdict(), said);
        Self {
            reason: words::status_code(verified.status()),
            stale: verified.stale().is_some(),
            stale_reason: verified.stale().map(|fault| fault.code()),
            contradiction: verified.has_contradiction(),
            response: Some(facts),
            ..report
        }
        .with_checks(verified.evidence())
        .with_advice(context.files.on_status(verified))
    }

    /// On a response that is not believed.
    pub(super) fn refused(context: &Context<'_>, query: &Query<'_>, why: &VerifyError) -> Self {
        let said = vec![words::why(why.reason(), query.serial_number())];
        Self {
            reason: Some(why.reason().code()),
            ..Self::new(context, why.verdict(), said)
        }
        .with_checks(why.evidence())
        .with_advice(Some(
            context.files.on_reason(why.reason(), context.response),
        ))
    }

    /// On a certificate that the issuer did not make: nothing was asked, and no response can vouch for it.
    pub(super) fn without_query(context: &Context<'_>, why: &QueryError, fault: Distrust) -> Self {
        let codes = match context.files.has_response() {
            true => CheckCode::RESPONSE,
            false => CheckCode::CRLS,
        };
        let line = |code: &CheckCode| {
            let (outcome, detail) = match code.cmp(&fault.check) {
                std::cmp::Ordering::Less => (Outcome::Passed, "the issuer is a CA".to_owned()),
                std::cmp::Ordering::Equal => (Outcome::Failed, why.to_string()),
                std::cmp::Ordering::Greater => {
                    let detail = "not reached: an earlier check failed";
                    (Outcome::Skipped, detail.to_owned())
                }
            };
            Line {
                code: code.as_str(),
                crl: None,
                outcome: outcome.to_string(),
                detail,
                citation: code.citation(),
            }
        };
        Self {
            reason: Some(fault.code),
            checks: codes.iter().map(line).collect(),
            ..Self::new(context, Verdict::NotTrusted, vec![why.to_string()])
        }
        .with_advice(Some(context.files.on_question(why)))
    }

    pub(super) fn with_checks(mut self, evidence: &Evidence) -> Self {
        self.checks = Line::of(evidence);
        self
    }

    pub(super) fn with_advice(mut self, advice: Option<Advice>) -> Self {
        if let Some(advice) = advice {
            self.cause = Some(advice.cause);
            self.next = Some(advice.next);
        }
        self
    }

    /// The exit code that goes with the verdict.
    pub(super) const fn exit(&self) -> ExitCode {
        self.exit
    }

    /// For people: the verdict, the evidence, the cause and the next command.
    pub(super) fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        let (paint, plain) = paint(self.exit, colour);
        let several = self.checks.iter().any(Line::is_of_several);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{paint}{}{plain} ({})\n", self.verdict, self.text);
        for line in &self.checks {
            let _ = writeln!(out, "  {}", line.text(several));
        }
        let _ = writeln!(out, "\n  serial {}", self.serial);
        if let Some(facts) = &self.response {
            let next = facts
                .next_update
                .map_or_else(|| "none".to_owned(), |time| time.to_string());
            let _ = writeln!(
                out,
                "  thisUpdate {}, nextUpdate {next}, producedAt {}",
                facts.this_update, facts.produced_at
            );
        }
        for crl in &self.crls {
            let _ = writeln!(out, "  {crl}");
        }
        let _ = writeln!(
            out,
            "  judged by the profile {}, at {}",
            self.profile, self.at
        );
        if let (Some(cause), Some(next)) = (&self.cause, &self.next) {
            let _ = writeln!(out, "\n  cause: {cause}\n  next:  {next}");
        }
        out
    }
}

/// What begins and ends the colour of a verdict.
pub(in crate::command) const fn paint(
    exit: ExitCode,
    colour: bool,
) -> (&'static str, &'static str) {
    if !colour {
        return ("", "");
    }
    let paint = match exit {
        ExitCode::Success => "\x1b[1;32m",
        ExitCode::Unknown
        | ExitCode::NotCurrent
        | ExitCode::ResponderError
        | ExitCode::Unreachable
        | ExitCode::NoOcsp => "\x1b[1;33m",
        _ => "\x1b[1;31m",
    };
    (paint, "\x1b[0m")
}

/// What stands in the brackets of a response that verified.
pub(in crate::command) fn said(
    verified: &VerifiedResponse<'_>,
    facts: &Facts,
    query: &Query<'_>,
) -> Vec<String> {
    let mut said = match verified.status() {
        CertStatus::Good => good(verified, &facts.signer),
        CertStatus::Revoked(info) => vec![
            info.revocation_reason
                .unwrap_or(CrlReason::Unspecified)
                .to_string(),
            info.revocation_time.to_string(),
        ],
        _ => vec![format!(
            "responder answers for this issuer, not for serial {}",
            query.serial_number()
        )],
    };
    if verified.moment().is_past() {
        said.insert(0, format!("as of {}", verified.moment().at()));
    }
    if verified.has_contradiction() {
        said.push("another entry contradicts it".to_owned());
    }
    if let Some(fault) = verified.stale() {
        said.push(format!("stale: {}", words::currency(fault)));
    }
    said
}

/// The brackets of GOOD.
fn good(verified: &VerifiedResponse<'_>, signer: &SignerFacts) -> Vec<String> {
    let mut said = vec![match verified.valid_until() {
        Some(until) => format!("until {until}"),
        None => "no nextUpdate".to_owned(),
    }];
    match verified.signer() {
        Signer::Delegate { nocheck, .. } => {
            // A quotation mark in the name must not end the quotation.
            let name = escape(&signer.name).to_string().replace('"', "\\\"");
            said.push(format!("delegated signer \"{name}\""));
            if nocheck {
                said.push("nocheck".to_owned());
            }
        }
        Signer::Issuer => said.push("signed by the issuer".to_owned()),
        _ => said.push("signer trusted locally".to_owned()),
    }
    said
}

impl Facts {
    pub(in crate::command) fn new(verified: &VerifiedResponse<'_>) -> Self {
        let revoked = match verified.status() {
            CertStatus::Revoked(info) => Some(info),
            _ => None,
        };
        Self {
            this_update: verified.this_update(),
            next_update: verified.next_update(),
            produced_at: verified.produced_at(),
            valid_until: verified.valid_until(),
            revocation_time: revoked.map(|info| info.revocation_time),
            revocation_reason: revoked
                .and_then(|info| info.revocation_reason)
                .map(CrlReason::name),
            signer: SignerFacts::new(verified.signer()),
            signature_algorithm: verified.signature_algorithm().name(),
            nonce: match verified.nonce() {
                NonceOutcome::Absent => "absent",
                NonceOutcome::Echoed => "echoed",
                NonceOutcome::NotCompared => "not-compared",
                _ => "not-sent",
            },
            entries: verified.entry_count(),
            embedded_certificates: verified.embedded_certificate_count(),
        }
    }
}

impl SignerFacts {
    fn new(signer: Signer<'_>) -> Self {
        let kind = match signer {
            Signer::Delegate { .. } => "delegate",
            Signer::Issuer => "issuer",
            _ => "trusted",
        };
        let mut facts = Self {
            kind,
            subject: None,
            serial: None,
            not_after: None,
            nocheck: false,
            name: String::new(),
        };
        if let Signer::Delegate {
            certificate,
            not_after,
            nocheck,
            ..
        } = signer
        {
            facts.not_after = Some(not_after);
            facts.nocheck = nocheck;
            // It was parsed when it was verified.
            if let Ok(certificate) = Certificate::parse(certificate) {
                facts.subject = Some(certificate.subject.to_string());
                facts.serial = Some(certificate.serial_number.to_string());
                facts.name = common_name(&certificate.subject);
            }
        }
        facts
    }
}

/// The common name if it can be read, else the whole name.
fn common_name(name: &Name<'_>) -> String {
    name.attributes()
        .find(|(oid, _, _)| *oid == oid::COMMON_NAME)
        .and_then(|(_, _, value)| std::str::from_utf8(value).ok())
        .map_or_else(|| name.to_string(), str::to_owned)
}
