//! `certvouch import`: rows of a file into the store of a running server.
//!
//! What is there already stays, and what is said twice changes nothing the second time: an import that was stopped, or
//! whose connection broke, is started again, and nothing is lost or doubled.

use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

use super::rows::{Kind, Options, Row};
use super::{Api, ApiError, Server};
use crate::command::{fail, input, refuse, say, say_error};
use crate::config::Log;
use crate::escape::escape;
use crate::exit::ExitCode;

/// Flags of `certvouch import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::command) struct ImportArgs {
    /// What to read: a file, a folder of certificates, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it is [default: by its name]
    #[arg(long, value_enum, value_name = "KIND")]
    from: Option<Kind>,
    /// Serial numbers of a CSV file are decimal
    #[arg(long)]
    decimal: bool,
    /// Leave out certificates that this CA did not issue, PEM or DER
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Change nothing, and say what would change
    #[arg(long)]
    dry_run: bool,
    /// Begin with this row: where an import was stopped
    #[arg(long, value_name = "N", default_value_t = 1)]
    start_at: u64,
    /// Print JSON: the summary
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

const EXAMPLES: &str = "\
Examples:
  What would change, and then do it:
    certvouch import --issuer device-ca-1 --token-file ca.token --dry-run index.txt
    certvouch import --issuer device-ca-1 --token-file ca.token index.txt

  What was issued, from a folder, and what was revoked, from a CRL:
    certvouch import --issuer device-ca-1 --token-file ca.token --ca ca.pem issued/
    certvouch import --issuer device-ca-1 --token-file ca.token ca.crl

  A file of another CA, whose serial numbers are decimal:
    certvouch import --issuer device-ca-1 --token-file ca.token --decimal --from csv dump.txt

The token needs the scopes issue and revoke. Ctrl-C ends after the rows that are on their way, and says how to go on; a second
one ends it at once.
Exit codes: 0 all rows are in; 1 some were refused, or it was stopped; 2 a flag, a file or the server is refused.";

/// Rows of one request: one commit of the server, or a few. Arbitrary, but more gain little, and each lasts longer.
const BATCH: usize = 5_000;

/// Refused rows that are told one by one.
const SHOWN: u64 = 20;

/// What became of the rows; its fields are the JSON.
#[derive(Clone, Debug, Default, Serialize)]
struct Summary {
    rows: u64,
    created: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
    dry_run: bool,
    /// The row to go on with, if it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

pub(in crate::command) fn run(args: &ImportArgs) -> ExitCode {
    match args.prepare() {
        Ok(import) => import.run(),
        Err(why) => refuse(&Log::default(), &format_args!("{why:#}")),
    }
}

/// An import that is on its way.
struct Import<'a> {
    args: &'a ImportArgs,
    api: Api,
    kind: Kind,
    ca: Option<Vec<u8>>,
    place: String,
    stopped: Arc<AtomicBool>,
    bar: ProgressBar,
    summary: Summary,
    lines: Vec<u8>,
    /// Where the lines of the batch stand in the file.
    places: Vec<u64>,
    /// The first row that is neither in the store nor refused.
    next: u64,
    failed: Option<ApiError>,
}

impl ImportArgs {
    fn prepare(&self) -> Result<Import<'_>> {
        let kind = self.from.map_or_else(|| Kind::of(&self.file), Ok)?;
        let ca = match &self.ca {
            Some(path) => input::read_certificates(path)?.into_iter().next(),
            None => None,
        };
        let api = Api::new(&self.server)?;
        let dry_run = if self.dry_run { "&dry_run=true" } else { "" };
        let place = format!(
            "{}?results=refused&import=true{dry_run}",
            api.certificates()
        );
        let stopped = Arc::new(AtomicBool::new(false));
        // In this order: the first Ctrl-C asks, and a second one does not wait for a server that does not answer.
        let interrupt = signal_hook::consts::SIGINT;
        signal_hook::flag::register_conditional_shutdown(interrupt, 1, Arc::clone(&stopped))?;
        signal_hook::flag::register(interrupt, Arc::clone(&stopped))?;
        Ok(Import {
            args: self,
            api,
            kind,
            ca,
            place,
            stopped,
            bar: bar(),
            summary: Summary {
                dry_run: self.dry_run,
                ..Summary::default()
            },
            lines: Vec::new(),
            places: Vec::new(),
            next: self.start_at,
            failed: None,
        })
    }
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {pos} rows, {per_sec}, {elapsed}{msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Import<'_> {
    fn run(mut self) -> ExitCode {
        let args = self.args;
        let ca = self.ca.take();
        let options = Options {
            decimal: args.decimal,
            issuer: ca.as_deref(),
        };
        let read = self
            .kind
            .visit(&args.file, &options, &mut |row| self.take(row));
        if self.failed.is_none() {
            self.send();
        }
        self.bar.finish_and_clear();
        if let Err(why) = read {
            say_error(&format_args!("{why:#}"));
            return self.end(ExitCode::Refused);
        }
        if let Some(why) = self.failed.take() {
            say_error(&why);
            self.summary.next = Some(self.next);
            return self.end(ExitCode::Refused);
        }
        if self.stopped.load(Ordering::Relaxed) {
            self.summary.next = Some(self.next);
        }
        let is_whole = self.summary.refused == 0 && self.summary.next.is_none();
        self.end(if is_whole {
            ExitCode::Success
        } else {
            ExitCode::Failure
        })
    }

    fn take(&mut self, row: Row) -> ControlFlow<()> {
        if row.place < self.args.start_at {
            return ControlFlow::Continue(());
        }
        match row.said {
            Ok((serial, update)) => {
                let mut members = update.to_json();
                members.insert("serial".to_owned(), serial.to_string().into());
                self.lines
                    .extend_from_slice(Value::Object(members).to_string().as_bytes());
                self.lines.push(b'\n');
                self.places.push(row.place);
            }
            Err(why) => {
                self.summary.rows += 1;
                self.refused(row.place, &why);
            }
        }
        if self.places.len() >= BATCH {
            self.send();
        }
        if self.failed.is_some() || self.stopped.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn send(&mut self) {
        if self.places.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        let places = std::mem::take(&mut self.places);
        match self.api.lines(&self.place, lines) {
            Ok(results) => {
                for result in &results {
                    self.count(result, &places);
                }
                if self.failed.is_none() {
                    self.next = places.last().map_or(self.next, |last| last + 1);
                }
                self.bar.set_position(self.summary.rows);
            }
            Err(why) => self.failed = Some(why),
        }
    }

    /// A line of the answer: about a row that was refused, or the counts of all.
    fn count(&mut self, result: &Value, places: &[u64]) {
        let number = |name: &str| result.get(name).and_then(Value::as_u64).unwrap_or(0);
        if result.get("error").is_none() {
            self.summary.rows += number("lines");
            self.summary.created += number("created");
            self.summary.changed += number("changed");
            self.summary.unchanged += number("unchanged");
            if result.get("stopped").is_some() {
                let why = "the store of the server failed; its log says why".to_owned();
                self.failed = Some(ApiError::Refused(503, why));
            }
            return;
        }
        let text = |name: &str| result.pointer(name).and_then(Value::as_str).unwrap_or("");
        let at = number("line").checked_sub(1);
        let at = at.and_then(|at| usize::try_from(at).ok());
        let place = at.and_then(|at| places.get(at)).copied().unwrap_or(0);
        let why = format!(
            "{} {}: {}",
            escape(text("/serial")),
            escape(text("/error/field")),
            escape(text("/error/detail"))
        );
        self.refused(place, &why);
    }

    fn refused(&mut self, place: u64, why: &str) {
        self.summary.refused += 1;
        if self.summary.refused <= SHOWN {
            self.bar
                .suspend(|| say_error(&format_args!("row {place}: {why}")));
        }
    }

    fn end(self, code: ExitCode) -> ExitCode {
        let Summary {
            rows,
            created,
            changed,
            unchanged,
            refused,
            ..
        } = self.summary;
        if refused > SHOWN {
            say_error(&format_args!("{} more rows were refused", refused - SHOWN));
        }
        let text = if self.args.json {
            match serde_json::to_string(&self.summary) {
                Ok(text) => format!("{text}\n"),
                Err(why) => return fail(&why),
            }
        } else {
            let would = if self.summary.dry_run {
                "would be "
            } else {
                ""
            };
            format!(
                "{rows} rows: {created} {would}created, {changed} {would}changed, {unchanged} as before, {refused} refused\n"
            )
        };
        let said = say(&text);
        if let Some(next) = self.summary.next {
            say_error(&format_args!(
                "not all rows were sent: go on with --start-at {next}, or begin again; what is in stays as it is"
            ));
        }
        match said {
            ExitCode::Success => code,
            other => other,
        }
    }
}
