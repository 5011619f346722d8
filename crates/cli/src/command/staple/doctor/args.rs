//! The flags of `certvouch staple doctor`.

use std::path::PathBuf;
use std::time::Duration;

use certvouch_fetch::Network;
use certvouch_stapling::Target;
use certvouch_types::Timestamp;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use http::Uri;

use super::check::Severity;
use crate::command::check::args::{Protocol, duration, url};
use crate::command::verify;

/// `certvouch staple doctor`
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub(in crate::command) struct DoctorArgs {
    /// The server: host:port, or https://host/
    ///
    /// Nobody but this server is spoken to, unless --ask is given.
    #[arg(value_name = "HOST:PORT", required_unless_present = "list")]
    pub(super) target: Option<String>,
    /// The name that the server is asked for, if it is another than the host's
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// What the server begins with before TLS
    #[arg(long, value_enum)]
    pub(super) starttls: Option<Protocol>,
    /// The certificate of the CA that issued the server's, PEM or DER; may be repeated, or hold several
    ///
    /// It is taken as trusted. Without it the issuer is looked for in what the server sends, by its signature, and what
    /// is found there proves nothing about who the server is.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Vec<PathBuf>,
    /// The kind of the server: its demands are checked, and the advice is in its words
    #[arg(long, value_name = "KIND", value_parser = targets())]
    pub(super) server: Option<Target>,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub(super) fail_on: Threshold,
    /// How many handshakes are made to see whether each has the staple; one more looks at TLS 1.2
    #[arg(long, value_name = "NUMBER", default_value_t = 3,
        value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(super) handshakes: u16,
    /// Time for each handshake, and for the responder, such as 5s or 500ms
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub(super) timeout: Duration,
    /// Judge as if the clock showed this time, such as 2026-01-10T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = verify::time)]
    pub(super) at: Option<Timestamp>,
    /// Ask the responder too, and compare: it learns of the certificate and of your address
    #[arg(long)]
    pub(super) ask: bool,
    /// Ask this responder instead of those that the certificate names; may be repeated
    #[arg(long, value_name = "URL", value_parser = url, requires = "ask")]
    pub(super) url: Vec<Uri>,
    /// A network or an address that URLs of certificates may lead to although it is not public; may be repeated
    #[arg(long, value_name = "NETWORK", requires = "ask")]
    pub(super) allow_address: Vec<Network>,
    /// Print one JSON object on one line
    #[arg(long)]
    pub(super) json: bool,
    /// List the checks, with the reason for each, and end
    #[arg(long, conflicts_with = "target")]
    pub(super) list: bool,
}

const HELP: &str = "\
Makes a few handshakes, as clients do that ask for a staple, and says of each check: pass, info,
warning or error; what was seen, why it matters, and the command to run next. A server without a
staple is in order where its CA has no OCSP responder: then stapling is to be turned off.

Exit codes: 0 clean; 1 findings at or above the threshold of --fail-on; 2 could not run (flags,
files, no handshake). Never the number of findings.

Examples:
  certvouch staple doctor www.example.org:443
  certvouch staple doctor 127.0.0.1:443 --name www.example.org --server nginx
  certvouch staple doctor mail.example.org:25 --starttls smtp --ca ca.pem --ask
  certvouch staple doctor --list";

/// The least severity that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Threshold {
    /// Whatever is worth knowing
    Info,
    /// What works for some, or not for long
    #[default]
    Warning,
    /// What clients refuse
    Error,
}

impl Threshold {
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}

/// The servers whose demands are known, by the words of the table in `certvouch_stapling`.
fn targets() -> impl clap::builder::TypedValueParser<Value = Target> {
    PossibleValuesParser::new(Target::ALL.map(Target::name)).try_map(|name| {
        let found = Target::ALL.into_iter().find(|target| target.name() == name);
        found.ok_or("no such server")
    })
}
