//! `certvouch store`: examine, copy and compact the embedded store.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use certvouch_status::embedded::{Access, OpenOptions, Store, Verified};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{fail, say};
use crate::clock::Clock;
use crate::config::Config;
use crate::escape::{escape_display, escape_path};
use crate::exit::ExitCode;

/// Flags of `certvouch store`.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Examine every page, every record and the whole log; also while it is served
    ///
    /// Exit code 0 means that nothing is wrong, 1 that something is, 2 that the store cannot be read.
    Check {
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a copy of one moment, whole and compact; also while it is served
    Backup {
        #[command(flatten)]
        place: Place,
        /// The file to write; there must be none
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Give back to the disk what is not used any more; nobody may serve from it meanwhile
    Compact {
        #[command(flatten)]
        place: Place,
    },
}

/// Which store.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// The configuration that names the store
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

impl Place {
    /// Opens it.
    pub(super) fn open(&self, access: Access) -> anyhow::Result<Store> {
        Ok(Store::open(&self.path()?, OpenOptions::new(access))?)
    }

    fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.store {
            return Ok(path.clone());
        }
        let config = self.config.as_deref().map(Config::from_file).transpose()?;
        config.and_then(|config| config.store).context(
            "the configuration names no store: store = \"status.db\" at the top of the file",
        )
    }
}

/// Runs the command.
pub(super) fn run(args: &StoreArgs) -> ExitCode {
    let outcome = match &args.action {
        Action::Check { place, json } => check(place, *json),
        Action::Backup { place, to } => backup(place, to),
        Action::Compact { place } => compact(place),
    };
    outcome.unwrap_or_else(|why| {
        fail(&format_args!("{why:#}"));
        ExitCode::Refused
    })
}

fn check(place: &Place, json: bool) -> anyhow::Result<ExitCode> {
    let store = place.open(Access::Look)?;
    let verified = store.check()?;
    let report = Report::new(&store, &verified);
    tell(&report, json)
}

fn backup(place: &Place, to: &Path) -> anyhow::Result<ExitCode> {
    let store = place.open(Access::Look)?;
    store.backup(to)?;
    let copy = Store::open(to, OpenOptions::new(Access::Look))?;
    Ok(say(&format!("{}: {}\n", escape_path(to), copy.head())))
}

fn compact(place: &Place) -> anyhow::Result<ExitCode> {
    let path = place.path()?;
    // To compact is no reason to make one.
    drop(place.open(Access::Look)?);
    let size = || std::fs::metadata(&path).map_or(0, |about| about.len());
    let store = place.open(Access::Serve)?;
    let before = size();
    store.compact("certvouch store compact", Clock::system().now())?;
    drop(store);
    Ok(say(&format!(
        "{}: {} octets, {before} before\n",
        escape_path(&path),
        size()
    )))
}

/// What an examination found, for people and programs.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    store: String,
    store_id: String,
    head: String,
    changes: u64,
    certificates: u64,
    findings: Vec<String>,
    findings_total: u64,
    /// Sentences about what was compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

impl Report {
    pub(super) fn new(store: &Store, verified: &Verified) -> Self {
        Self {
            store: escape_path(store.path()).to_string(),
            store_id: store.id().to_owned(),
            head: verified.head.to_string(),
            changes: verified.entries,
            certificates: verified.certificates,
            findings: verified
                .findings
                .iter()
                .map(|it| escape_display(it))
                .collect(),
            findings_total: verified.total,
            notes: Vec::new(),
        }
    }

    /// Adds something that is wrong.
    pub(super) fn find(&mut self, finding: String) {
        self.findings.push(finding);
        self.findings_total += 1;
    }

    fn text(&self) -> String {
        let mut text = format!(
            "store         {} ({})\nlog           {} changes, ends with {}\ncertificates  {} compared with the log\n",
            self.store, self.store_id, self.changes, self.head, self.certificates
        );
        for note in &self.notes {
            text.push_str(&format!("note          {note}\n"));
        }
        for finding in &self.findings {
            text.push_str(&format!("finding       {finding}\n"));
        }
        match self.findings_total {
            0 => text.push_str("result        nothing is wrong\n"),
            total => text.push_str(&format!("result        {total} things are wrong\n")),
        }
        text
    }
}

/// Prints a report; its exit code says whether something is wrong.
pub(super) fn tell(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    let text = if json {
        super::json::line(report)?
    } else {
        report.text()
    };
    Ok(match (say(&text), report.findings_total) {
        (ExitCode::Success, 0) => ExitCode::Success,
        (ExitCode::Success, _) => ExitCode::Failure,
        (other, _) => other,
    })
}
