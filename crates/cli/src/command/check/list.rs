//! A fleet: every target of a file, several at a time, with a bar on a terminal.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use certvouch_client::Word;
use certvouch_verify::Verdict;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::args::Nonce;
use super::ask::Desk;
use super::finding::{millis, passed};
use super::report::Report;
use super::save::save;
use crate::command::input;
use crate::command::verify::report::paint;
use crate::escape::{escape, escape_path};
use crate::exit::ExitCode;

/// Targets of one list: each costs a connection, and a fleet of a million is asked about in parts.
const MOST: usize = 1_000_000;

/// What came of all targets.
#[derive(Debug, Serialize)]
pub(super) struct All {
    verdict: &'static str,
    code: u8,
    text: String,
    targets: Vec<One>,
    sent: u64,
    received: u64,
    connections: u64,
    ms: u64,
    #[serde(skip)]
    exit: ExitCode,
}

/// What came of one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum One {
    /// A report.
    Report(Box<Report>),
    /// It could not be checked: a file that is not there, say.
    Not {
        /// As it stands in the list.
        target: String,
        /// Why not.
        error: String,
    },
}

/// Checks every target of the file.
///
/// # Errors
/// The list, or a file of a flag, cannot be read.
pub(super) async fn check(desk: &Desk, path: &Path) -> Result<All> {
    let began = Instant::now();
    let octets = input::read_or_stdin(path)?;
    let text =
        String::from_utf8(octets).with_context(|| format!("{}: no UTF-8", escape_path(path)))?;
    let lines = text.lines().map(str::trim);
    let targets: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .take(MOST)
        .map(str::to_owned)
        .collect();
    let crls = match desk.crls(began).await? {
        Ok(crls) => Arc::new(crls),
        // One CRL for all, and it cannot be fetched: that is what is said of each.
        Err(report) => return Ok(All::new(vec![One::Report(Box::new(report))], began)),
    };
    let bar = bar(targets.len());
    let places = Arc::new(Semaphore::new(usize::from(desk.args.jobs)));
    let mut asking = JoinSet::new();
    for (index, target) in targets.into_iter().enumerate() {
        let folder = desk.args.save.as_ref();
        let folder = folder.map(|dir| dir.join(format!("{:04}", index + 1)));
        let desk = desk.of(&target, folder.clone());
        let (crls, places, bar) = (Arc::clone(&crls), Arc::clone(&places), bar.clone());
        asking.spawn(async move {
            // It is never closed.
            let _place = places.acquire_owned().await;
            let one = one(&desk, target, folder, &crls).await;
            bar.inc(1);
            (index, one)
        });
    }
    let mut ended = asking.join_all().await;
    bar.finish_and_clear();
    ended.sort_by_key(|(index, _)| *index);
    Ok(All::new(
        ended.into_iter().map(|(_, one)| one).collect(),
        began,
    ))
}

async fn one(desk: &Desk, target: String, folder: Option<PathBuf>, crls: &[Bytes]) -> One {
    let checked = desk.check_with(crls, Instant::now()).await;
    let saved = checked.and_then(|report| {
        if let Some(dir) = folder {
            save(&report, desk.args.nonce == Nonce::Require, &dir)?;
        }
        Ok(report)
    });
    match saved {
        Ok(mut report) => {
            report.forget_octets();
            One::Report(Box::new(report))
        }
        Err(why) => One::Not {
            target,
            error: format!("{why:#}"),
        },
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(length: usize) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(10),
        false => ProgressDrawTarget::hidden(),
    };
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}, {eta} left");
    // proof: the template is one of indicatif's own words
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl All {
    fn new(targets: Vec<One>, began: Instant) -> Self {
        let reports = || {
            targets.iter().filter_map(|one| match one {
                One::Report(report) => Some(report),
                One::Not { .. } => None,
            })
        };
        let failed = targets.len() - reports().count();
        let worst = reports()
            .map(|report| report.word)
            .max_by_key(|word| word.rank());
        let good = Word::Verdict(Verdict::Good);
        // What could not be looked at is not good.
        let (verdict, exit) = match worst {
            Some(word) if word != good || failed == 0 => (word.as_str(), ExitCode::from(word)),
            _ if targets.is_empty() => ("NOTHING", ExitCode::Refused),
            _ => ("NOT-CHECKED", ExitCode::Refused),
        };
        let same = reports()
            .filter(|report| Some(report.word) == worst)
            .count();
        let mut text = format!("{same} of {} targets", targets.len());
        if failed > 0 {
            let _ = write!(text, ", {failed} could not be checked");
        }
        Self {
            verdict,
            code: exit.number(),
            text,
            sent: reports().map(|report| report.sent).sum(),
            received: reports().map(|report| report.received).sum(),
            connections: reports().map(|report| report.connections).sum(),
            ms: millis(began.elapsed()),
            exit,
            targets,
        }
    }

    /// The exit code that goes with the worst verdict.
    pub(super) const fn exit(&self) -> ExitCode {
        self.exit
    }

    /// For people: the worst verdict, then a line for each target, and what to do next where it is not good.
    pub(super) fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        let (begin, end) = paint(self.exit, colour);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{begin}{}{end} ({})\n", self.verdict, self.text);
        for one in &self.targets {
            match one {
                One::Report(report) => {
                    let verdict = match report.word {
                        Word::Verdict(verdict) => passed(verdict),
                        word => word.as_str(),
                    };
                    let (target, text) = (escape(&report.target), escape(&report.text));
                    let _ = writeln!(out, "  {verdict:<15}  {target} ({text})");
                    if let (Some(cause), Some(next)) = (&report.cause, &report.next) {
                        let _ = writeln!(out, "    cause: {cause}\n    next:  {next}");
                    }
                }
                One::Not { target, error } => {
                    let (target, error) = (escape(target), escape(error));
                    let _ = writeln!(out, "  not checked      {target}: {error}");
                }
            }
        }
        let _ = writeln!(
            out,
            "\n  {} octets sent, {} received, {} connections, {} ms in all",
            self.sent, self.received, self.connections, self.ms
        );
        out
    }
}
