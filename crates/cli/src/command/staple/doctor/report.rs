//! The report: one value, shown as a table or as JSON, so that the two cannot differ.

use std::fmt::Write as _;

use certvouch_types::Timestamp;
use serde::{Serialize, Serializer};

use super::case::Case;
use super::check::{Check, Finding, Severity};
use super::clients::{self, Row};
use crate::escape::escape;
use crate::exit::ExitCode;

/// Everything that is told.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    target: String,
    #[serde(serialize_with = "as_text")]
    at: Timestamp,
    /// The word of the first line; the exit code says the same.
    result: &'static str,
    fail_on: Severity,
    errors: usize,
    warnings: usize,
    infos: usize,
    certificate: Certificate,
    handshakes: Vec<Handshake>,
    staple: Option<Staple>,
    checks: Vec<Finding>,
    clients: Vec<Row>,
    #[serde(skip)]
    exit: ExitCode,
}

#[derive(Debug, Serialize)]
struct Certificate {
    serial: String,
    #[serde(serialize_with = "as_text")]
    not_after: Timestamp,
    must_staple: bool,
    responders: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Handshake {
    version: Option<String>,
    staple_octets: Option<usize>,
    error: Option<String>,
}

/// What is known of the staple: nothing is told of one that was not verified.
#[derive(Debug, Serialize)]
struct Staple {
    octets: usize,
    verified: Option<Verified>,
}

#[derive(Debug, Serialize)]
struct Verified {
    status: &'static str,
    #[serde(serialize_with = "as_text")]
    this_update: Timestamp,
    next_update: Option<String>,
    valid_until: Option<String>,
    entries: usize,
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

impl Report {
    pub(super) fn new(case: &Case<'_>, target: String, mut checks: Vec<Finding>) -> Self {
        checks.sort_by_key(|finding| place(finding.check));
        let count = |severity| checks.iter().filter(|it| it.severity == severity).count();
        let threshold = case.args.fail_on.severity();
        let (result, exit) = match checks.iter().any(|it| it.severity >= threshold) {
            true => ("FINDINGS", ExitCode::Failure),
            false => ("CLEAN", ExitCode::Success),
        };
        Self {
            target,
            at: case.now,
            result,
            fail_on: threshold,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            certificate: Certificate {
                serial: case.leaf.serial_number.to_string(),
                not_after: case.leaf.validity.not_after,
                must_staple: case.must_staple,
                responders: case
                    .locations
                    .responders
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            },
            handshakes: handshakes(case),
            staple: staple(case),
            clients: clients::rows(case),
            checks,
            exit,
        }
    }

    /// The exit code that goes with the word.
    pub(super) const fn exit(&self) -> ExitCode {
        self.exit
    }

    /// For people: the word, the checks, the clients.
    pub(super) fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        let paint = |exit| crate::command::verify::report::paint(exit, colour);
        let (begin, end) = paint(self.exit);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{begin}{}{end} ({})\n", self.result, self.counts());
        for finding in &self.checks {
            let (begin, end) = match finding.severity {
                Severity::Error => paint(ExitCode::Failure),
                Severity::Warning => paint(ExitCode::Unknown),
                _ => ("", ""),
            };
            let (severity, check) = (finding.severity, finding.check);
            let _ = writeln!(
                out,
                "  {begin}{severity:<7}{end} {check:<24} {}",
                escape(&finding.seen)
            );
            if severity < Severity::Info {
                continue;
            }
            let mut more = |what: &str, text: &str| writeln!(out, "{:10}{what:<5} {text}", "");
            let _ = more("why:", finding.why);
            if let Some(advice) = &finding.advice {
                let _ = more("do:", &escape(advice).to_string());
            }
            if let Some(next) = &finding.next {
                let _ = more("next:", next);
            }
        }
        if !self.clients.is_empty() {
            out += "\n  what clients make of it:\n";
        }
        for row in &self.clients {
            let reaction = row.reaction.as_str();
            let _ = writeln!(
                out,
                "  {reaction:<15} {:<25} {}",
                row.client,
                escape(&row.why)
            );
        }
        let _ = writeln!(out, "\n  {}, judged at {}", escape(&self.target), self.at);
        out
    }

    fn counts(&self) -> String {
        let of = |count: usize, one: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {one}s")),
        };
        let all = [
            of(self.errors, "error"),
            of(self.warnings, "warning"),
            of(self.infos, "info"),
        ];
        let said: Vec<String> = all.into_iter().flatten().collect();
        match said.is_empty() {
            true => "nothing found".to_owned(),
            false => said.join(", "),
        }
    }
}

/// The place of a check in the list.
fn place(check: Check) -> Option<usize> {
    Check::ALL.iter().position(|known| *known == check)
}

fn handshakes(case: &Case<'_>) -> Vec<Handshake> {
    let first = std::iter::once(Ok(&case.looks.first));
    let later = case.looks.later.iter().map(Result::as_ref);
    let old = case.looks.old.iter().map(Result::as_ref);
    let all = first.chain(later).chain(old);
    all.map(|look| match look {
        Ok(look) => Handshake {
            version: Some(look.version.to_string()),
            staple_octets: look.staple.as_ref().map(Vec::len),
            error: None,
        },
        Err(why) => Handshake {
            version: None,
            staple_octets: None,
            error: Some(why.to_string()),
        },
    })
    .collect()
}

fn staple(case: &Case<'_>) -> Option<Staple> {
    let staple = case.staple.as_ref()?;
    let verified = staple.verified().map(|verified| Verified {
        status: verified.verdict().word(),
        this_update: verified.this_update(),
        next_update: verified.next_update().map(|time| time.to_string()),
        valid_until: verified.valid_until().map(|time| time.to_string()),
        entries: verified.entry_count(),
    });
    Some(Staple {
        octets: staple.octets.len(),
        verified,
    })
}
