//! The flags of `certvouch check`.

use std::path::PathBuf;
use std::time::Duration;

use certvouch_client::NonceMode;
use certvouch_fetch::{Network, StartTls};
use certvouch_types::Timestamp;
use certvouch_verify::Profile;
use clap::{ArgGroup, Args, ValueEnum};
use http::Uri;

use crate::command::verify;

/// `certvouch check`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
#[command(group = ArgGroup::new("what").args(["target", "serial", "list"]).required(true))]
pub(in crate::command) struct CheckArgs {
    /// A file with a certificate, PEM or DER, with its issuer behind it or not; - for standard input; or host:port
    ///
    /// A host's chain, dates and name are validated first, then the response that comes with the handshake is looked
    /// at, and then the responders are asked.
    #[arg(value_name = "TARGET")]
    pub(super) target: Option<String>,
    /// Ask about a serial number of --issuer, in hexadecimal; names no responder, so --url or --crl does
    #[arg(long, value_name = "HEX", requires = "issuer")]
    pub(super) serial: Option<String>,
    /// Check every target in a file, one a line, and say the worst; # begins a comment
    #[arg(long, value_name = "FILE", conflicts_with_all = ["explain", "replay"])]
    pub(super) list: Option<PathBuf>,
    /// How many targets of a list are checked at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 16, requires = "list",
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: u16,
    /// The certificate of the CA that issued it; of several in the file the one that signed it counts
    ///
    /// It is taken as trusted: whoever names it here has verified it. Without it, the issuer is looked for in the
    /// file of the certificate, and then where the certificate says that it is.
    #[arg(long, value_name = "FILE")]
    pub(super) issuer: Option<PathBuf>,
    /// The roots that a chain has to end in, PEM, instead of those of the system; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) trust: Vec<PathBuf>,
    /// Do not validate the chain to a root; the verdict says so
    #[arg(long, conflicts_with = "trust")]
    pub(super) no_chain: bool,
    /// What the host begins with before TLS
    #[arg(long, value_enum, requires = "target")]
    pub(super) starttls: Option<Protocol>,
    /// The name that the host is asked for and has to prove, if it is another than the target's
    #[arg(long, value_name = "NAME", requires = "target")]
    pub(super) name: Option<String>,
    /// Ask this responder about the certificate, instead of those that it names; may be repeated
    ///
    /// An address in it may be one of this machine or of an inner network: you wrote it.
    #[arg(long, value_name = "URL", value_parser = url, conflicts_with = "private")]
    pub(super) url: Vec<Uri>,
    /// A CRL to look at before anybody is asked: a file, or an http(s) URL; may be repeated
    #[arg(long, value_name = "FILE|URL")]
    pub(super) crl: Vec<String>,
    /// The certificate of who may sign CRLs beside the issuer; taken as trusted
    #[arg(long, value_name = "FILE")]
    pub(super) crl_issuer: Vec<PathBuf>,
    /// Judge as if the clock showed this time, such as 2026-01-10T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = verify::time)]
    pub(super) at: Option<Timestamp>,
    /// Whose rules about time, nonces and delegates
    #[arg(long, default_value = Profile::RFC9919.name(), value_parser = verify::profiles())]
    pub(super) profile: String,
    /// Whether a nonce is sent, which keeps caches from answering
    #[arg(long, value_enum, default_value_t, overrides_with = "nonce")]
    pub(super) nonce: Nonce,
    /// Ask no responder, which would learn who asks about whom: staples and CRLs only
    #[arg(long)]
    pub(super) private: bool,
    /// Time for everything, such as 5s or 500ms
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "15s",
        value_parser = duration,
        overrides_with = "timeout"
    )]
    pub(super) timeout: Duration,
    /// Which certificates of the chain are asked about
    #[arg(long, value_enum, default_value_t)]
    pub(super) chain: Chain,
    /// A network or an address that URLs of certificates may lead to although it is not public; may be repeated
    #[arg(long, value_name = "NETWORK")]
    pub(super) allow_address: Vec<Network>,
    /// Ask about a certificate outside its dates too
    #[arg(long)]
    pub(super) ask_expired: bool,
    /// Let signatures with SHA-1 count, which can be forged; the verdict says so
    #[arg(long)]
    pub(super) allow_sha1: bool,
    /// Keep what proves the verdict, for certvouch verify --bundle: a new folder
    #[arg(long, value_name = "DIR")]
    pub(super) save: Option<PathBuf>,
    /// Show every check with its rule
    #[arg(long, overrides_with = "explain")]
    pub(super) explain: bool,
    /// Print openssl and curl commands that ask the same
    #[arg(long, overrides_with = "replay")]
    pub(super) replay: bool,
    /// Print one JSON object on one line
    #[arg(long)]
    pub(super) json: bool,
}

const HELP: &str = "\
Exit codes: 0 GOOD; 1 REVOKED; 2 could not run (flags, files); 3 UNKNOWN; 4 NOT-CURRENT;
5 NOT-TRUSTED; 6 MALFORMED; 7 RESPONDER-ERROR; 8 UNREACHABLE; 9 NO-OCSP. Of several
certificates the worst counts, in the order 1 > 5 > 6 > 3 > 4 > 7 > 8 > 9 > 0.

Examples:
  certvouch check server.pem --issuer ca.pem
  certvouch check server.pem --issuer ca.pem --url http://127.0.0.1:8080/ --explain
  certvouch check www.example.org:443
  certvouch check --list fleet.txt --issuer ca.pem
  certvouch check --serial 1001 --issuer ca.pem --url http://127.0.0.1:8080/";

/// Whether a nonce is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Nonce {
    /// None
    #[default]
    Off,
    /// 32 octets; then 16, then none, where the responder refuses it
    Try,
    /// As try, and an answer without it is not believed
    Require,
}

impl From<Nonce> for NonceMode {
    fn from(nonce: Nonce) -> Self {
        match nonce {
            Nonce::Off => Self::Off,
            Nonce::Try => Self::Try,
            Nonce::Require => Self::Require,
        }
    }
}

/// What is said before TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::command) enum Protocol {
    /// Mail in transit, RFC 3207
    Smtp,
    /// Mail to its reader, RFC 9051
    Imap,
    /// Directories, RFC 4511
    Ldap,
    /// PostgreSQL
    Postgres,
}

impl Protocol {
    /// As `openssl s_client -starttls` calls it.
    pub(in crate::command) const fn openssl(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
        }
    }
}

impl From<Protocol> for StartTls {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Smtp => Self::Smtp,
            Protocol::Imap => Self::Imap,
            Protocol::Ldap => Self::Ldap,
            Protocol::Postgres => Self::Postgres,
        }
    }
}

/// Which certificates of the chain are asked about, and which verdicts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Chain {
    /// The certificate alone
    Leaf,
    /// The intermediates too; one that names no status source is reported and does not count
    #[default]
    Full,
    /// As full, and one that names no status source counts
    Strict,
}

/// An http or https URL with a host.
pub(in crate::command) fn url(text: &str) -> Result<Uri, String> {
    let bad = || "not an http or https URL".to_owned();
    let uri: Uri = text.parse().map_err(|_| bad())?;
    let fetched = matches!(uri.scheme_str(), Some("http" | "https"));
    let complete = fetched && uri.host().is_some_and(|host| !host.is_empty());
    complete.then_some(uri).ok_or_else(bad)
}

/// The longest `--timeout`: an hour is longer than anybody waits for one answer.
const LONGEST: Duration = Duration::from_secs(3600);

/// A length of time: `5s`, `500ms`, `2m`; a bare number is seconds.
pub(in crate::command) fn duration(text: &str) -> Result<Duration, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        _ => return Err("a number with ms, s or m behind it".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "a number with ms, s or m behind it".to_owned())?;
    match Duration::try_from_secs_f64(number * scale) {
        Ok(time) if time.is_zero() => Err("no time at all".to_owned()),
        Ok(time) if time > LONGEST => Err("more than an hour".to_owned()),
        Ok(time) => Ok(time),
        Err(why) => Err(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_read_as_people_write_it() {
        let of = |text| duration(text).map(|time| time.as_millis());
        for (text, millis) in [
            ("5s", 5_000),
            ("0.5", 500),
            ("500ms", 500),
            ("2m", 120_000),
            ("15", 15_000),
        ] {
            assert_eq!(of(text), Ok(millis), "{text}");
        }
        for text in ["", "s", "0", "0ms", "-1", "5h", "1e9", "3601", "nan"] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn url_needs_a_scheme_and_a_host() {
        assert!(url("http://127.0.0.1:8080/").is_ok());
        assert!(url("https://ocsp.example/ca").is_ok());
        for text in ["ocsp.example", "ldap://a/b", "/path", "http://", ""] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
