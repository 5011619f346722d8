//! `certvouch status`: which line, entry or CRL makes the answer about a serial number. Nothing is signed, served or
//! changed, and no server is asked unless that is said.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use certvouch_responder::{
    Expired, Knowledge, NotRevoked, Policy, SourceError, StatusRecord, Unlisted,
};
use certvouch_signer::read_certificates;
use certvouch_status::{IndexTxt, SerialKey, embedded};
use certvouch_types::{Certificate, SerialNumber, Timestamp};
use clap::Args;
use serde::Serialize;

use super::admin::{Server, show};
use super::crl_args::CrlArgs;
use super::{fail, refuse, say};
use crate::clock::Clock;
use crate::config::{Config, IssuerConfig, Log, SourceConfig};
use crate::escape::{escape, escape_bytes, escape_display, escape_path};
use crate::exit::ExitCode;
use crate::serial::Serial;
use crate::serve::store::OpenStore;
use crate::serve::{Crls, Purpose, Source, certificate_file};

/// Flags of `certvouch status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArgs {
    /// The serial number: hexadecimal digits in either case, with or without 0x, colons and leading zeros
    #[arg(value_name = "SERIAL")]
    serial: String,
    /// The serial number is decimal
    #[arg(long)]
    decimal: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Ask the servers of CRL URLs; otherwise the last good CRLs of the state folder stand for them
    #[arg(long)]
    fetch: bool,
    /// Take the sources from this file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which issuer of the file; not needed if there is one
    #[arg(long, value_name = "NAME", requires = "config")]
    name: Option<String>,
    /// The CA certificate, PEM or DER [default with --easy-rsa: its ca.crt]
    #[arg(long, value_name = "FILE", required_unless_present_any = ["easy_rsa", "config"], conflicts_with = "config")]
    issuer: Option<PathBuf>,
    /// The OpenSSL index.txt that says who is revoked
    #[arg(long, value_name = "FILE", required_unless_present_any = ["admin", "easy_rsa", "crl", "config"], conflicts_with_all = ["easy_rsa", "config"])]
    index: Option<PathBuf>,
    /// The easy-rsa folder that has the index.txt
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    easy_rsa: Option<PathBuf>,
    /// Ask the store of a server: the URL of its admin port; --issuer is then the name of the issuer there
    #[arg(long, value_name = "URL", requires = "token_file", conflicts_with_all = ["config", "index", "easy_rsa", "crl", "fetch"])]
    admin: Option<String>,
    /// A file with the token that opens the admin port
    #[arg(long, value_name = "FILE", requires = "admin")]
    token_file: Option<PathBuf>,
    /// The roots that an https admin port is checked against, PEM [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "admin")]
    tls_ca: Option<PathBuf>,
    #[command(flatten)]
    crl: CrlArgs,
}

const EXAMPLES: &str = "\
Examples:
  certvouch status --issuer ca.pem --index index.txt 1001
  certvouch status --issuer ca.pem --crl ca.crl --good-list issued/ 3d:80:0a
  certvouch status --config certvouch.toml --name device-ca-1 --decimal --json 2814749767
  certvouch status --issuer device-ca-1 --admin http://127.0.0.1:8081 --token-file reader.token 3d800a

Exit codes: 0 explained, whatever the answer; 2 a flag, a file or a source is refused.";

pub(super) fn run(args: StatusArgs) -> ExitCode {
    let serial = match Serial::parse(&args.serial, args.decimal) {
        Ok(serial) => serial,
        Err(why) => return refuse(&Log::default(), &escape(&why)),
    };
    let json = args.json;
    if let (Some(admin), Some(token_file)) = (&args.admin, &args.token_file) {
        let name = args
            .issuer
            .as_ref()
            .map(|it| it.to_string_lossy().into_owned());
        let server = Server::new(
            admin,
            token_file,
            args.tls_ca.clone(),
            name.unwrap_or_default(),
        );
        return show(&server, &serial, json);
    }
    let report = match args.look(&serial, &Clock::system()) {
        Ok(report) => report,
        Err(why) => return refuse(&Log::default(), &format_args!("{why:#}")),
    };
    if !json {
        return say(&report.to_text());
    }
    match serde_json::to_string_pretty(&report) {
        Ok(text) => say(&format!("{text}\n")),
        Err(why) => fail(&why),
    }
}

/// What is found; its fields are the JSON.
#[derive(Debug, Serialize)]
struct Report {
    serial: String,
    serial_decimal: String,
    issuer: String,
    /// good, revoked, unknown, unauthorized or tryLater.
    answer: &'static str,
    since: Option<String>,
    reason: Option<String>,
    invalidity_date: Option<String>,
    not_after: Option<String>,
    this_update: Option<String>,
    next_update: Option<String>,
    /// Sentences, the decisive ones first.
    because: Vec<String>,
    row: Option<RowReport>,
    entries: Vec<EntryReport>,
    in_good_list: Option<bool>,
    crls: Vec<String>,
}

/// A row of an index.
#[derive(Debug, Serialize)]
struct RowReport {
    file: String,
    line: usize,
    text: String,
}

/// An entry of a CRL.
#[derive(Debug, Serialize)]
struct EntryReport {
    crl: String,
    crl_number: Option<String>,
    delta: bool,
    octet: usize,
    revoked_at: String,
    reason: Option<String>,
    crl_next_update: String,
}

impl StatusArgs {
    fn look(self, serial: &Serial, clock: &Clock) -> anyhow::Result<Report> {
        let purpose = Purpose::Look { fetch: self.fetch };
        let (config, store) = self.issuer_config()?;
        let file = certificate_file(&config)?;
        let certificates = read_certificates(&file)?;
        let der = certificates
            .first()
            .with_context(|| format!("{} holds no certificate", escape_path(&file)))?;
        let certificate =
            Certificate::parse(der).map_err(|why| anyhow!("{}: {why}", escape_path(&file)))?;
        let store = store
            .map(|path| OpenStore::open_at(&path, purpose))
            .transpose()?;
        let source = Source::open(&config, der, clock, purpose, store.as_ref())?;
        let content = serial.content();
        let number = SerialNumber::from_content(&content);
        let mut report = Report::new(serial, escape_display(&certificate.subject));
        let outcome = match &source {
            Source::Index(index) => report.look_in_index(index, &number)?,
            Source::Crl(crls) => report.look_in_crls(crls, &number),
            Source::Store(store) => report.look_in_store(&store.source, &number)?,
        };
        report.decide(&config.policy(), outcome, clock.now());
        Ok(report)
    }

    fn issuer_config(self) -> anyhow::Result<(IssuerConfig, Option<PathBuf>)> {
        let Some(file) = &self.config else {
            let mut issuer = IssuerConfig {
                certificate: self.issuer,
                source: SourceConfig {
                    index: self.index,
                    easy_rsa: self.easy_rsa,
                    ..SourceConfig::default()
                },
                ..IssuerConfig::default()
            };
            if self.crl.is_given() {
                self.crl.change(&mut issuer);
            }
            let config = Config {
                issuers: vec![issuer],
                ..Config::default()
            };
            let issuers = config.from_flags_without_signers()?.issuers;
            let one = issuers.into_iter().next().context("no issuer is named")?;
            return Ok((one, None));
        };
        let config = Config::from_file(file)?;
        let (mut issuers, store) = (config.issuers, config.store);
        let names = || -> Vec<String> {
            let names = issuers.iter().map(|one| escape(&one.name).to_string());
            names.collect()
        };
        let at = match &self.name {
            Some(name) => issuers.iter().position(|one| one.name == *name),
            None if issuers.len() == 1 => Some(0),
            None => bail!(
                "the file has several issuers; --name one of: {}",
                names().join(", ")
            ),
        };
        match at {
            Some(at) => Ok((issuers.swap_remove(at), store)),
            None => bail!(
                "no issuer of the file has that name; there are: {}",
                names().join(", ")
            ),
        }
    }
}

impl Report {
    fn new(serial: &Serial, issuer: String) -> Self {
        Self {
            serial: serial.to_string(),
            serial_decimal: serial.to_decimal(),
            issuer,
            answer: "tryLater",
            since: None,
            reason: None,
            invalidity_date: None,
            not_after: None,
            this_update: None,
            next_update: None,
            because: Vec::new(),
            row: None,
            entries: Vec::new(),
            in_good_list: None,
            crls: Vec::new(),
        }
    }

    fn look_in_index(
        &mut self,
        index: &IndexTxt,
        serial: &SerialNumber<'_>,
    ) -> anyhow::Result<Result<StatusRecord, SourceError>> {
        let unsigned = serial.unsigned().unwrap_or_default();
        let offset = index.with_table(|table| table.get(unsigned).map(|row| row.offset));
        let file = escape_path(index.path()).to_string();
        match offset.and_then(|offset| usize::try_from(offset).ok()) {
            Some(offset) => {
                let octets = std::fs::read(index.path())?;
                let (before, rest) = octets.split_at(offset.min(octets.len()));
                let line = 1 + before.iter().filter(|octet| **octet == b'\n').count();
                let row = rest
                    .split(|octet| *octet == b'\n')
                    .next()
                    .unwrap_or_default();
                let text = escape_bytes(row).to_string();
                self.because.push(format!("{file}, line {line}: {text}"));
                self.row = Some(RowReport { file, line, text });
            }
            None => self.because.push(format!("{file} has no row of it")),
        }
        Ok(Ok(index.with_table(|table| table.status(serial))))
    }

    fn look_in_store(
        &mut self,
        source: &embedded::Source,
        serial: &SerialNumber<'_>,
    ) -> anyhow::Result<Result<StatusRecord, SourceError>> {
        let store = source.store();
        let file = escape_path(store.path()).to_string();
        let key = SerialKey::of(serial);
        let stored = match &key {
            Some(key) => store.get(source.name(), key)?,
            None => None,
        };
        let Some(stored) = stored else {
            self.because.push(format!("{file} has no row of it"));
            return Ok(Ok(StatusRecord::new(Knowledge::NeverIssued)));
        };
        let (id, record) = (stored.change_id, &stored.record);
        self.because
            .push(format!("{file}, change {id}: {}", escape_display(record)));
        let entries = store.changes_since(id.saturating_sub(1), 1)?;
        if let Some(entry) = entries.first() {
            let content = &entry.content;
            self.because.push(format!(
                "made by {} at {} ({})",
                escape(&content.who),
                content.at,
                content.kind.name()
            ));
        }
        Ok(Ok(StatusRecord::from(record)))
    }

    fn look_in_crls(
        &mut self,
        crls: &Crls,
        serial: &SerialNumber<'_>,
    ) -> Result<StatusRecord, SourceError> {
        let found = crls.source().explain(serial);
        for listing in &found.listings {
            let place = escape(&listing.place).to_string();
            let kind = if listing.is_delta { "delta CRL" } else { "CRL" };
            let number = listing.number.as_deref().unwrap_or("none");
            let reason = listing.reason.map(|reason| reason.to_string());
            self.because.push(format!(
                "{place}: the {kind} number {number} lists it at octet {}: {}, {}",
                listing.offset,
                listing.at,
                reason.as_deref().unwrap_or("no reason")
            ));
            self.entries.push(EntryReport {
                crl: place,
                crl_number: listing.number.clone(),
                delta: listing.is_delta,
                octet: listing.offset,
                revoked_at: listing.at.to_string(),
                reason,
                crl_next_update: listing.next_update.to_string(),
            });
        }
        if found.listings.is_empty() {
            self.because.push("no CRL lists it".to_owned());
        }
        self.because.push(
            match found.in_good_list {
                Some(true) => "the good-list has it: it was issued",
                Some(false) => "the good-list does not have it: it was never issued",
                None => "there is no good-list: nobody knows whether it was issued",
            }
            .to_owned(),
        );
        self.in_good_list = found.in_good_list;
        self.crls = found.crls;
        for problem in crls.problems() {
            self.because.push(problem);
        }
        found.outcome
    }

    /// The answer that the responder would give, as its rules have it.
    fn decide(
        &mut self,
        policy: &Policy,
        outcome: Result<StatusRecord, SourceError>,
        now: Timestamp,
    ) {
        let record = match outcome {
            Ok(record) => record,
            Err(why) => {
                self.because.insert(0, escape_display(&why));
                return;
            }
        };
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        self.not_after = text(record.not_after);
        self.invalidity_date = text(record.invalidity_date);
        self.this_update = text(record.this_update);
        self.next_update = text(record.next_update);
        if is_dropped(policy.expired, record.not_after, now) {
            self.answer = "unauthorized";
            self.because
                .insert(0, "it is past its end, and `expired` drops it".to_owned());
            return;
        }
        let compromised = policy.ca_compromised;
        self.answer = match record.knowledge {
            Knowledge::NeverIssued => match policy.unlisted {
                Unlisted::Unauthorized => "unauthorized",
                Unlisted::Revoked => {
                    self.since = Some(Timestamp::EPOCH.to_string());
                    self.reason = Some("certificateHold".to_owned());
                    self.because.push("`unlisted` says revoked".to_owned());
                    "revoked"
                }
                _ => "unknown",
            },
            Knowledge::Revoked { at, reason } => {
                let is_hold = reason == Some(certvouch_types::CrlReason::CertificateHold);
                match compromised.filter(|_| is_hold) {
                    Some(since) => self.compromised(since),
                    None => {
                        self.since = Some(at.to_string());
                        self.reason = reason.map(|reason| reason.to_string());
                    }
                }
                "revoked"
            }
            _ if compromised.is_some() => {
                compromised
                    .into_iter()
                    .for_each(|since| self.compromised(since));
                "revoked"
            }
            Knowledge::Issued => "good",
            Knowledge::NotRevoked if policy.not_revoked == NotRevoked::Good => {
                self.because.push("`not_revoked` says good".to_owned());
                "good"
            }
            _ => {
                self.because.push(
                    "`not_revoked` says unknown; a good_list would tell what was issued".to_owned(),
                );
                "unknown"
            }
        };
    }

    fn compromised(&mut self, since: Timestamp) {
        self.since = Some(since.to_string());
        self.reason = Some("cACompromise".to_owned());
        self.because.insert(
            0,
            "`ca_compromised` revokes all that the CA issued".to_owned(),
        );
    }

    fn to_text(&self) -> String {
        let mut answer = self.answer.to_owned();
        if let Some(since) = &self.since {
            answer.push_str(&format!(" since {since}"));
        }
        if let Some(reason) = &self.reason {
            answer.push_str(&format!(", {reason}"));
        }
        let mut lines = vec![
            format!(
                "serial    {} (decimal {})",
                self.serial, self.serial_decimal
            ),
            format!("issuer    {}", self.issuer),
            format!("answer    {answer}"),
        ];
        lines.extend(self.because.iter().map(|why| format!("because   {why}")));
        if let (Some(from), Some(to)) = (&self.this_update, &self.next_update) {
            lines.push(format!("current   {from} to {to}"));
        }
        let crls = self.crls.iter();
        lines.extend(crls.map(|crl| format!("source    {}", escape(crl))));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Whether a record is past what `expired` keeps.
fn is_dropped(expired: Expired, not_after: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(not_after) = not_after else {
        return false;
    };
    match expired {
        Expired::Drop => now > not_after,
        Expired::Retain { seconds } => now > not_after + seconds,
        _ => false,
    }
}
