//! `certvouch export`: what the store of a running server knows about the certificates of an issuer.

use std::io::{self, Write};

use anyhow::{Result, anyhow};
use certvouch_types::Timestamp;
use clap::{Args, ValueEnum};
use http::Method;
use serde_json::{Map, Value};

use super::api::percent_encode;
use super::{Api, Server};
use crate::command::{fail, refuse};
use crate::config::Log;
use crate::exit::ExitCode;

/// Flags of `certvouch export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::command) struct ExportArgs {
    /// How it is written
    #[arg(long = "to", value_enum, default_value = "jsonl", value_name = "KIND")]
    to: Kind,
    /// Only these: issued, revoked or hold
    #[arg(long, value_name = "STATUS", value_parser = ["issued", "revoked", "hold"])]
    status: Option<String>,
    #[command(flatten)]
    server: Server,
}

const EXAMPLES: &str = "\
Examples:
  certvouch export --issuer device-ca-1 --token-file reader.token --to csv > status.csv
  certvouch export --issuer device-ca-1 --token-file reader.token --to index > index.txt

An index has no place for certificates whose end is not known; they are written as ending in 9999.
Exit codes: 0 done; 1 the output broke; 2 a flag or the server is refused, and the output is not whole.";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Comma-separated values, the first line naming the columns
    Csv,
    /// A JSON object on each line
    Jsonl,
    /// The database of an OpenSSL CA
    Index,
}

const COLUMNS: [&str; 8] = [
    "serial",
    "status",
    "revoked_at",
    "reason",
    "invalidity_at",
    "not_after",
    "certificate_sha256",
    "change_id",
];

pub(in crate::command) fn run(args: &ExportArgs) -> ExitCode {
    let api = match Api::new(&args.server) {
        Ok(api) => api,
        Err(why) => return refuse(&Log::default(), &format_args!("{why:#}")),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.write(&api, &mut out) {
        Ok(()) => ExitCode::Success,
        Err(Fault::Output(why)) if why.kind() == io::ErrorKind::BrokenPipe => ExitCode::Success,
        Err(Fault::Output(why)) => fail(&format_args!("standard output: {why}")),
        Err(Fault::Server(why)) => refuse(&Log::default(), &format_args!("{why:#}")),
    }
}

enum Fault {
    Output(io::Error),
    Server(anyhow::Error),
}

impl From<io::Error> for Fault {
    fn from(why: io::Error) -> Self {
        Self::Output(why)
    }
}

impl ExportArgs {
    fn write(&self, api: &Api, out: &mut impl Write) -> Result<(), Fault> {
        let mut after: Option<String> = None;
        if self.to == Kind::Csv {
            writeln!(out, "{}", COLUMNS.join(","))?;
        }
        loop {
            let mut place = format!("{}?limit=1000", api.certificates());
            if let Some(status) = &self.status {
                place.push_str(&format!("&status={status}"));
            }
            if let Some(after) = &after {
                place.push_str(&format!("&after={}", percent_encode(after)));
            }
            let (_, page) = api
                .json(Method::GET, &place, None)
                .map_err(|why| Fault::Server(anyhow!("{why}")))?;
            let entries = page.get("certificates").and_then(Value::as_array);
            for entry in entries.into_iter().flatten().filter_map(Value::as_object) {
                self.entry(entry, out)?;
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(out.flush()?)
    }

    fn entry(&self, entry: &Map<String, Value>, out: &mut impl Write) -> io::Result<()> {
        match self.to {
            Kind::Jsonl => writeln!(out, "{}", Value::Object(entry.clone())),
            Kind::Csv => {
                // None of the values can hold a comma, a quote or the end of a line.
                let values = COLUMNS.map(|column| match entry.get(column) {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Number(number)) => number.to_string(),
                    _ => String::new(),
                });
                writeln!(out, "{}", values.join(","))
            }
            Kind::Index => writeln!(out, "{}", index_row(entry)),
        }
    }
}

/// A row of an OpenSSL index: `type TAB expires TAB [revoked] TAB serial TAB file TAB name`.
fn index_row(entry: &Map<String, Value>) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name).and_then(Timestamp::from_rfc3339);
    let ends = time("not_after").map_or_else(|| "99991231235959Z".to_owned(), generalized);
    let since = time("revoked_at").map(generalized).unwrap_or_default();
    let (kind, revoked) = match text("status") {
        Some("revoked") => {
            // OpenSSL spells two of them with a large letter, and has a column of its own for one detail.
            let reason = match text("reason") {
                Some("cACompromise") => Some("CACompromise".to_owned()),
                Some("keyCompromise") => match time("invalidity_at") {
                    Some(at) => Some(format!("keyTime,{}", generalized(at))),
                    None => Some("keyCompromise".to_owned()),
                },
                // OpenSSL knows neither; it would refuse the whole file.
                Some("privilegeWithdrawn" | "aACompromise") | None => None,
                Some(other) => Some(other.to_owned()),
            };
            let with = reason
                .map(|reason| format!(",{reason}"))
                .unwrap_or_default();
            ("R", format!("{since}{with}"))
        }
        Some("hold") => ("R", format!("{since},certificateHold")),
        _ => ("V", String::new()),
    };
    let serial = text("serial").unwrap_or("00");
    format!("{kind}\t{ends}\t{revoked}\t{serial}\tunknown\t/")
}

/// As an index has it: with two digits of the year where UTCTime does, with four beyond it (RFC 5280 4.1.2.5).
fn generalized(time: Timestamp) -> String {
    let octets = time.to_generalized_time();
    let text: String = octets.iter().map(|octet| char::from(*octet)).collect();
    match text.get(..4).and_then(|year| year.parse().ok()) {
        Some(1950..=2049_u32) => text[2..].to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use certvouch_status::index_txt::parse;
    use serde_json::json;

    use super::*;

    #[test]
    fn index_of_every_status_is_read_again() {
        let entries = [
            json!({"serial": "1001", "status": "issued", "not_after": "2027-01-01T00:00:00Z"}),
            json!({"serial": "1002", "status": "issued"}),
            json!({"serial": "1003", "status": "hold", "revoked_at": "2026-02-01T00:00:00Z"}),
            json!({"serial": "1004", "status": "revoked", "revoked_at": "2026-02-01T00:00:00Z", "reason": "cACompromise"}),
            json!({"serial": "1005", "status": "revoked", "revoked_at": "2026-02-01T00:00:00Z",
                "reason": "keyCompromise", "invalidity_at": "2026-01-01T00:00:00Z", "not_after": "2051-01-01T00:00:00Z"}),
            json!({"serial": "1006", "status": "revoked", "revoked_at": "2026-02-01T00:00:00Z", "reason": "aACompromise"}),
        ];
        let text: String = entries
            .iter()
            .map(|entry| format!("{}\n", index_row(entry.as_object().unwrap())))
            .collect();
        let table = parse(text.as_bytes()).unwrap();
        assert_eq!((table.len(), table.reports().total()), (6, 0), "{text}");
        let row = table.get(&[0x10, 0x05]).unwrap();
        let revocation = row.revocation.unwrap();
        assert_eq!(
            revocation.invalidity_date.unwrap().to_string(),
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(row.not_after.to_string(), "2051-01-01T00:00:00Z");
        assert!(
            table
                .get(&[0x10, 0x03])
                .unwrap()
                .revocation
                .unwrap()
                .is_hold()
        );
    }
}
