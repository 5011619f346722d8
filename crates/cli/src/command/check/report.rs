//! The report on a target: the worst verdict that counts, what came of each certificate, and what it cost.

use std::fmt::Write as _;

use certvouch_client::Word;
use certvouch_types::Timestamp;
use serde::Serialize;

use super::advice::Advice;
use super::finding::{Finding, Place};
use super::host::Handshake;
use crate::command::verify::report::{Line, paint, time};
use crate::escape::{escape, escape_display};
use crate::exit::ExitCode;

/// What is known besides the findings.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// As the caller wrote it.
    pub(super) target: String,
    pub(super) profile: &'static str,
    pub(super) sha1_allowed: bool,
    pub(super) at: Timestamp,
    /// What the verdict has to say about itself, such as that the chain was not validated.
    pub(super) notes: Vec<&'static str>,
}

/// Everything that is said about a target.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) target: String,
    pub(super) verdict: &'static str,
    code: u8,
    #[serde(skip)]
    exit: ExitCode,
    #[serde(skip)]
    pub(super) word: Word,
    reason: Option<&'static str>,
    /// What stands in the brackets.
    pub(super) text: String,
    pub(super) profile: &'static str,
    pub(super) sha1_allowed: bool,
    #[serde(serialize_with = "time")]
    pub(super) at: Timestamp,
    pub(super) handshake: Option<Handshake>,
    pub(super) certificates: Vec<Finding>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) connections: u64,
    ms: u64,
    pub(super) cause: Option<String>,
    pub(super) next: Option<String>,
}

impl Report {
    /// On findings: the worst that counts is that of the whole.
    pub(super) fn new(about: About, findings: Vec<Finding>, ms: u64) -> Self {
        let counted = findings.iter().filter(|finding| finding.counted);
        let worst = counted.reduce(|worst, finding| {
            if finding.word.rank() > worst.word.rank() {
                finding
            } else {
                worst
            }
        });
        let (word, reason, text, cause, next) = match worst {
            Some(worst) => {
                let text = match worst.place {
                    Place::Intermediate => format!("an intermediate: {}", worst.text),
                    _ => worst.text.clone(),
                };
                let (cause, next) = (worst.cause.clone(), worst.next.clone());
                (worst.word, worst.reason, text, cause, next)
            }
            // Nobody stands above a certificate that is asked about alone.
            None => (Word::NoOcsp, Some("no-source"), String::new(), None, None),
        };
        Self::with(about, word, reason, text, (cause, next), findings, ms)
    }

    /// On a target about which there is nothing to find out.
    pub(super) fn nothing(
        about: About,
        word: Word,
        reason: &'static str,
        text: String,
        advice: Advice,
        ms: u64,
    ) -> Self {
        let advice = (Some(advice.cause), Some(advice.next));
        Self::with(about, word, Some(reason), text, advice, Vec::new(), ms)
    }

    fn with(
        about: About,
        word: Word,
        reason: Option<&'static str>,
        text: String,
        (cause, next): (Option<String>, Option<String>),
        findings: Vec<Finding>,
        ms: u64,
    ) -> Self {
        let exit = ExitCode::from(word);
        let mut said = vec![text];
        said.extend(about.notes.iter().map(|note| (*note).to_owned()));
        if about.sha1_allowed {
            said.push("SHA-1 allowed".to_owned());
        }
        said.retain(|part| !part.is_empty());
        let sum = |of: fn(&Finding) -> u64| findings.iter().map(of).sum();
        Self {
            target: about.target,
            verdict: word.as_str(),
            code: exit.number(),
            exit,
            word,
            reason,
            text: said.join(", "),
            profile: about.profile,
            sha1_allowed: about.sha1_allowed,
            at: about.at,
            sent: sum(|finding| finding.sent),
            received: sum(|finding| finding.received),
            connections: sum(|finding| finding.connections),
            ms,
            handshake: None,
            certificates: findings,
            cause,
            next,
        }
    }

    /// The exit code that goes with the verdict.
    pub(super) const fn exit(&self) -> ExitCode {
        self.exit
    }

    /// Lets go of the octets that the verdicts rest on: of a thousand reports they would fill the memory.
    pub(super) fn forget_octets(&mut self) {
        for finding in &mut self.certificates {
            finding.basis = None;
            finding.question.crls = Vec::new();
        }
    }

    /// For people.
    pub(super) fn text(&self, colour: bool, explain: bool, replay: bool) -> String {
        let mut out = String::new();
        let (begin, end) = paint(self.exit, colour);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{begin}{}{end} ({})\n", self.verdict, self.text);
        if let Some(handshake) = &self.handshake {
            let _ = writeln!(out, "  {}", escape_display(&handshake.line()));
        }
        for finding in &self.certificates {
            finding_text(&mut out, finding, self.certificates.len() > 1, explain);
        }
        let _ = writeln!(
            out,
            "  {} octets sent, {} received, {} connections, {} ms in all",
            self.sent, self.received, self.connections, self.ms
        );
        let _ = writeln!(
            out,
            "  judged by the profile {}, at {}",
            self.profile, self.at
        );
        if let Some(skew) = self.skew() {
            let _ = writeln!(out, "  {skew}");
        }
        if let (Some(cause), Some(next)) = (&self.cause, &self.next) {
            let _ = writeln!(out, "\n  cause: {cause}\n  next:  {next}");
        }
        if replay {
            let all: Vec<_> = self.certificates.iter().flat_map(|it| &it.replay).collect();
            let head = match all.is_empty() {
                true => "\n  nobody was asked, so that there is nothing to replay",
                false => "\n  the same by other programs:",
            };
            let _ = writeln!(out, "{head}");
            for command in all {
                let _ = writeln!(out, "  {command}");
            }
        }
        out
    }

    /// The clock against those of the servers: a skew is called so and nothing else.
    fn skew(&self) -> Option<String> {
        let skew = self.certificates.iter().find_map(|finding| finding.skew)?;
        let way = if skew > 0 { "slow" } else { "fast" };
        Some(format!(
            "clock: servers say that this clock is {} s {way}",
            skew.unsigned_abs()
        ))
    }
}

fn finding_text(out: &mut String, finding: &Finding, several: bool, explain: bool) {
    let _ = writeln!(out, "  {}", finding.about());
    if several {
        let verdict = match finding.word {
            Word::Verdict(verdict) => super::finding::passed(verdict),
            word => word.as_str(),
        };
        let counted = match finding.counted {
            true => "",
            false => "; reported, and not counted without --chain strict",
        };
        let _ = writeln!(out, "    {verdict} ({}){counted}", escape(&finding.text));
    }
    for exchange in &finding.exchanges {
        let _ = writeln!(out, "    {}", exchange.line());
    }
    for crl in &finding.crls {
        let _ = writeln!(out, "    {crl}");
    }
    if explain {
        let several = finding.checks.iter().any(Line::is_of_several);
        for line in &finding.checks {
            let _ = writeln!(out, "    {}", line.text(several));
        }
    }
}
