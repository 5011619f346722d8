//! `certvouch revoke`, `hold`, `release` and `issue`: one change for each serial number.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certvouch_types::{Certificate, CrlReason, Timestamp};
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::{Api, ApiError, Server};
use crate::api::{StatusWord, Update, moment, reason};
use crate::command::{fail, input, refuse, say, say_error};
use crate::config::Log;
use crate::escape::{escape, escape_path};
use crate::exit::ExitCode;
use crate::serial::Serial;

/// What the four commands share.
#[derive(Debug, Args)]
struct Which {
    /// Serial numbers: hexadecimal digits in either case, with or without 0x, colons and leading zeros
    #[arg(value_name = "SERIAL")]
    serials: Vec<String>,
    /// Certificates, PEM or DER, whose serial numbers are taken; may be repeated
    #[arg(long = "certificate", value_name = "FILE")]
    certificates: Vec<PathBuf>,
    /// The serial numbers are decimal
    #[arg(long)]
    decimal: bool,
    /// Print JSON, one object for each certificate
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Flags of `certvouch revoke`.
#[derive(Debug, Args)]
#[command(after_help = REVOKE_EXAMPLES)]
pub(in crate::command) struct RevokeArgs {
    #[command(flatten)]
    which: Which,
    /// Why: keyCompromise, superseded, cessationOfOperation, affiliationChanged, privilegeWithdrawn, cACompromise,
    /// aACompromise or unspecified
    #[arg(long, value_parser = parse_reason)]
    reason: Option<CrlReason>,
    /// Since when, such as 2026-11-23T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    /// When the key is believed to have been compromised
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    invalidity_at: Option<Timestamp>,
}

const REVOKE_EXAMPLES: &str = "\
Examples:
  certvouch revoke --issuer device-ca-1 --token-file ca.token --reason keyCompromise 3D800A
  certvouch revoke --issuer device-ca-1 --token-file ca.token --certificate stolen.pem

When it ends with 0, the change is on disk and the next answer is signed from it.
Exit codes: 0 done; 1 some were refused, and the others done; 2 a flag, a file or the server is refused.";

/// Flags of `certvouch hold`.
#[derive(Debug, Args)]
pub(in crate::command) struct HoldArgs {
    #[command(flatten)]
    which: Which,
    /// Since when [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
}

/// Flags of `certvouch release`.
#[derive(Debug, Args)]
pub(in crate::command) struct ReleaseArgs {
    #[command(flatten)]
    which: Which,
}

/// Flags of `certvouch issue`.
#[derive(Debug, Args)]
pub(in crate::command) struct IssueArgs {
    #[command(flatten)]
    which: Which,
    /// The last second of its validity; a certificate says so itself
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    not_after: Option<Timestamp>,
}

fn parse_reason(text: &str) -> Result<CrlReason, String> {
    reason(text).map_err(|why| why.why)
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    moment(text).ok_or_else(|| "no time such as 2026-11-23T09:00:00Z".to_owned())
}

pub(in crate::command) fn revoke(args: &RevokeArgs) -> ExitCode {
    let mut update = Update::to(StatusWord::Revoked);
    update.reason = args.reason;
    update.revoked_at = args.at;
    update.invalidity_at = args.invalidity_at;
    run(&args.which, &Method::PUT, &update)
}

pub(in crate::command) fn hold(args: &HoldArgs) -> ExitCode {
    let mut update = Update::to(StatusWord::Hold);
    update.revoked_at = args.at;
    run(&args.which, &Method::PUT, &update)
}

pub(in crate::command) fn release(args: &ReleaseArgs) -> ExitCode {
    // PATCH changes what is there, and ends a hold; PUT says what was issued, and does not.
    run(&args.which, &Method::PATCH, &Update::to(StatusWord::Issued))
}

pub(in crate::command) fn issue(args: &IssueArgs) -> ExitCode {
    let mut update = Update::to(StatusWord::Issued);
    update.not_after = args.not_after;
    run(&args.which, &Method::PUT, &update)
}

/// What the store of a server knows about one certificate.
pub(in crate::command) fn show(server: &Server, serial: &Serial, json: bool) -> ExitCode {
    let api = match Api::new(server) {
        Ok(api) => api,
        Err(why) => return refuse(&Log::default(), &format_args!("{why:#}")),
    };
    match api.json(Method::GET, &api.place(serial), None) {
        Ok((_, entry @ Value::Object(_))) if json => say(&format!("{entry}\n")),
        Ok((status, Value::Object(entry))) => say(&line(&entry, status)),
        Ok(_) => refuse(&Log::default(), &"the server's answer is no object"),
        Err(why) => refuse(&Log::default(), &why),
    }
}

/// A certificate that is meant: its number, and itself if it is at hand.
struct Meant {
    serial: Serial,
    certificate: Option<Vec<u8>>,
}

fn run(which: &Which, method: &Method, update: &Update) -> ExitCode {
    let prepared = which
        .meant()
        .and_then(|meant| Ok((meant, Api::new(&which.server)?)));
    let (meant, api) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return refuse(&Log::default(), &format_args!("{why:#}")),
    };
    let mut refused = 0_usize;
    for one in &meant {
        let mut members = update.to_json();
        if let Some(der) = &one.certificate {
            members.insert("certificate".to_owned(), STANDARD.encode(der).into());
        }
        match api.json(
            method.clone(),
            &api.place(&one.serial),
            Some(&members.into()),
        ) {
            Ok((status, Value::Object(entry))) => {
                let text = if which.json {
                    format!("{}\n", Value::Object(entry))
                } else {
                    line(&entry, status)
                };
                match say(&text) {
                    ExitCode::Success => {}
                    other => return other,
                }
            }
            Ok(_) => return refuse(&Log::default(), &"the server's answer is no object"),
            Err(why @ ApiError::Unreachable(_)) => {
                return refuse(&Log::default(), &format_args!("{}: {why}", one.serial));
            }
            Err(ApiError::Refused(status, why)) => {
                refused += 1;
                if which.json {
                    let object = json!({"serial": one.serial.to_string(), "error": {"status": status, "detail": why}});
                    if say(&format!("{object}\n")) != ExitCode::Success {
                        return ExitCode::Failure;
                    }
                }
                if matches!(status, 401 | 403) {
                    return refuse(&Log::default(), &why);
                }
                say_error(&format_args!("{}: {why}", one.serial));
            }
        }
    }
    match refused {
        0 => ExitCode::Success,
        some => fail(&format_args!("{some} of {} were refused", meant.len())),
    }
}

/// One line about what a certificate is now.
fn line(entry: &Map<String, Value>, status: u16) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(escape);
    let mut line = String::new();
    for (before, name) in [
        ("", "serial"),
        (" ", "status"),
        (" since ", "revoked_at"),
        (", ", "reason"),
    ] {
        if let Some(text) = text(name) {
            line.push_str(before);
            line.push_str(&text.to_string());
        }
    }
    let is_changed = entry.get("changed").and_then(Value::as_bool);
    if status == 201 {
        line.push_str("; it was not known before");
    } else if is_changed == Some(false) {
        line.push_str("; as before");
    }
    line.push('\n');
    line
}

impl Which {
    fn meant(&self) -> Result<Vec<Meant>> {
        let mut all = Vec::new();
        for text in &self.serials {
            let serial = Serial::parse(text, self.decimal)
                .map_err(|why| anyhow::anyhow!("{}", escape(&why)))?;
            all.push(Meant {
                serial,
                certificate: None,
            });
        }
        for path in &self.certificates {
            let certificates = input::read_certificates(path)?;
            let der = certificates.into_iter().next().context("no certificate")?;
            let shown = || escape_path(path).to_string();
            let certificate = Certificate::parse(&der).with_context(shown)?;
            let serial = certificate
                .serial_number
                .unsigned()
                .map(Serial::from_unsigned);
            let serial = serial
                .with_context(|| format!("{}: its serial number is negative", escape_path(path)))?;
            all.push(Meant {
                serial,
                certificate: Some(der),
            });
        }
        if all.is_empty() {
            bail!("which certificate? A serial number, or --certificate FILE");
        }
        Ok(all)
    }
}
