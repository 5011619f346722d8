//! `certvouch audit`: the log of the embedded store against what was said of it elsewhere (threats T-8).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use certvouch_fetch::{Fetch, FetchError, FetchPolicy, Fetcher};
use certvouch_signer::{FileSigner, PassphraseSource};
use certvouch_status::embedded::{Access, Head};
use clap::{Args, Subcommand};

use super::store::{Place, Report, tell};
use super::{fail, say};
use crate::clock::Clock;
use crate::escape::{escape, escape_path};
use crate::exit::ExitCode;
use crate::serve::checkpoint::{Checkpoint, public_key};

/// Flags of `certvouch audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Walk the log, compare every certificate with it, and see that it still contains what was said of it
    ///
    /// Exit code 0 means that nothing is wrong, 1 that something is, 2 that the store, or a file of checkpoints, cannot be
    /// read.
    Verify(VerifyArgs),
    /// Sign the end of the log, for a place that whoever writes to the store cannot change
    Checkpoint(CheckpointArgs),
}

#[derive(Debug, Args)]
#[command(after_help = LIMITS)]
struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// A change and its hash, as logs and metrics have them: 42:9f86d0…; may be repeated
    #[arg(long, value_name = "HEAD", value_parser = head)]
    head: Vec<Head>,
    /// A file of checkpoints; may be repeated
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The public key that the checkpoints must be signed with
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const LIMITS: &str = "\
What it finds by itself: an octet that was changed in the log or in a certificate, an entry or a certificate that is missing \
or was added, and an earlier record in the place of a later one.
What it finds with a head or a checkpoint: a log that was cut after it or made anew before it, and a restored backup.
What it cannot find: what somebody who can write to the store, and knows how its log is made, changed after the last head \
that is known elsewhere; and what was wrong when it was written.";

#[derive(Debug, Args)]
struct CheckpointArgs {
    #[command(flatten)]
    place: Place,
    /// The private key that signs: a file that nobody else may read, such as `openssl genpkey -algorithm ed25519` makes
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A file with the key's passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Add it to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Send it there by POST, as JSON; anything but a 2xx answer is a failure
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

fn head(text: &str) -> Result<Head, String> {
    Head::from_text(text).ok_or_else(|| {
        "a change and its hash are needed, such as 42:9f86d0…, with 64 digits".to_owned()
    })
}

/// Runs the command.
pub(super) fn run(args: &AuditArgs) -> ExitCode {
    let outcome = match &args.action {
        Action::Verify(args) => args.verify(),
        Action::Checkpoint(args) => args.make(),
    };
    outcome.unwrap_or_else(|why| {
        fail(&format_args!("{why:#}"));
        ExitCode::Refused
    })
}

impl VerifyArgs {
    fn verify(&self) -> anyhow::Result<ExitCode> {
        let store = self.place.open(Access::Look)?;
        let pinned = self.key.as_deref().map(pinned_key).transpose()?;
        let mut heads = self.head.clone();
        let (mut notes, mut strangers) = (Vec::new(), Vec::new());
        for file in &self.checkpoint {
            let shown = escape_path(file).to_string();
            let text = std::fs::read_to_string(file).with_context(|| shown.clone())?;
            let all = Checkpoint::read_all(&text).with_context(|| shown.clone())?;
            for checkpoint in &all {
                let key = checkpoint.key_sha256()?;
                let note = format!("{shown}: signed by the key with SHA-256 {key}");
                if !notes.contains(&note) {
                    notes.push(note);
                }
                if pinned
                    .as_ref()
                    .is_some_and(|pinned| *pinned != checkpoint.key)
                {
                    strangers.push(format!(
                        "{shown}: a checkpoint is signed by another key, {key}"
                    ));
                } else if checkpoint.store == store.id() {
                    heads.push(checkpoint.head()?);
                } else {
                    strangers.push(format!(
                        "{shown}: a checkpoint is of another store, {}",
                        escape(&checkpoint.store)
                    ));
                }
            }
        }
        let mut report = Report::new(&store, &store.verify(&heads)?);
        strangers.into_iter().for_each(|it| report.find(it));
        if heads.is_empty() {
            notes.push(
                "without --head or --checkpoint, a log that was cut or made anew as a whole is not found".to_owned(),
            );
        }
        report.notes = notes;
        tell(&report, self.json)
    }
}

/// The key in a file, as checkpoints have it.
fn pinned_key(file: &Path) -> anyhow::Result<String> {
    use base64::Engine as _;
    let of = || escape_path(file).to_string();
    let octets = std::fs::read(file).with_context(of)?;
    let der = public_key(&octets).with_context(of)?;
    Ok(base64::engine::general_purpose::STANDARD.encode(der))
}

impl CheckpointArgs {
    fn make(&self) -> anyhow::Result<ExitCode> {
        let store = self.place.open(Access::Look)?;
        let passphrase = match &self.passphrase_file {
            Some(file) => PassphraseSource::File(file.clone()),
            None => PassphraseSource::default(),
        };
        let signer = FileSigner::open(&self.key, &passphrase, None)?;
        let checkpoint = Checkpoint::of(&store, &signer, Clock::system().now())?;
        let line = super::json::line(&checkpoint)?;
        if let Some(url) = &self.url {
            send(url, &line)?;
        }
        match &self.out {
            Some(file) => {
                add(file, &line).with_context(|| escape_path(file).to_string())?;
                Ok(ExitCode::Success)
            }
            None if self.url.is_some() => Ok(ExitCode::Success),
            None => Ok(say(&line)),
        }
    }
}

fn add(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

fn send(url: &str, line: &str) -> anyhow::Result<()> {
    let shown = escape(url).to_string();
    let uri: http::Uri = url.parse().with_context(|| shown.clone())?;
    let mut policy = FetchPolicy::default();
    // The operator wrote the URL himself, and its answer is not shown to anybody.
    policy.named_networks = ["0.0.0.0/0", "::/0"]
        .into_iter()
        .map(|text| text.parse().map_err(|_| anyhow!("{text}")))
        .collect::<anyhow::Result<_>>()?;
    let fetcher = Fetcher::new(policy).map_err(|why| anyhow!("{why}"))?;
    let mut fetch = Fetch::named(uri, "*/*");
    fetch.post = Some((line.as_bytes().to_vec().into(), "application/json"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(fetcher.fetch(&fetch)) {
        // 201, 202 and 204 take it as well as 200, which is all that a fetcher hands out.
        Ok(_) | Err(FetchError::Status(200..=299)) => Ok(()),
        Err(why) => bail!("{shown}: {why}"),
    }
}
