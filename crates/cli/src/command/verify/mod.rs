//! `certvouch verify`: is this response a reason to believe that this certificate is good?
//!
//! Offline: files in, one verdict out. `certvouch-verify` judges; this reads the files, and says the verdict, the
//! evidence, the probable cause and the next command. The first word of standard output and the exit code are one
//! decision (`Report::new`), and nothing but GOOD ends with 0.

pub(super) mod advice;
mod bundle;
pub(super) mod crls;
pub(super) mod report;
pub(super) mod words;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::{
    CrlSet, DelegateRevocation, Moment, Profile, Query, QueryBuilder, QueryError, danger,
};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgGroup, Args};

use self::advice::Files;
use self::report::{Context, Report};
use super::{input, json, say_error};
use crate::clock::Clock;
use crate::exit::ExitCode;

/// `certvouch verify`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
#[command(group = ArgGroup::new("word").args(["response", "crls", "bundle"]).required(true).multiple(true))]
pub(super) struct VerifyArgs {
    /// The certificate that was asked about, PEM or DER; of several the first counts
    #[arg(long, value_name = "FILE", required_unless_present = "bundle")]
    cert: Option<PathBuf>,
    /// The certificate of the CA that issued it, PEM or DER; of several the one that signed it counts
    ///
    /// It is taken as trusted: whoever names it here has verified it.
    #[arg(long, value_name = "FILE", required_unless_present = "bundle")]
    issuer: Option<PathBuf>,
    /// The folder that `certvouch check --save` made: proves its verdict again, by its clock and its rules
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = [
            "cert", "issuer", "response", "crls", "as_of", "profile", "skew", "max_age", "allow_sha1"
        ]
    )]
    bundle: Option<PathBuf>,
    /// The response: DER, PEM or base64; - for standard input
    #[arg(long, value_name = "FILE")]
    response: Option<PathBuf>,
    /// A CRL, PEM (all in the file count) or DER; several times for deltas and parts
    ///
    /// With --response the worse verdict counts, and a delegate without nocheck is looked for on the CRLs.
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// The certificate of who may sign CRLs beside the issuer: an indirect CRL issuer, or the issuer's other key
    ///
    /// It is taken as trusted: whoever names it here has verified it.
    #[arg(long = "crl-issuer", value_name = "FILE", requires = "crls")]
    crl_issuers: Vec<PathBuf>,
    /// The request that was sent; if it has a nonce, the response's must be the same
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "nonce",
        requires = "response"
    )]
    request: Option<PathBuf>,
    /// The nonce that was sent, 32 to 128 octets in hex
    #[arg(long, value_name = "HEX", value_parser = nonce, requires = "response")]
    nonce: Option<Nonce>,
    /// Judge as if the clock showed this time, such as 2026-01-10T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Ask what the status was at this earlier time; the response is known to have existed by now, or by --at
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Timestamp>,
    /// Whose rules about time, nonces and delegates
    #[arg(long, default_value = Profile::RFC9919.name(), value_parser = profiles())]
    profile: String,
    /// Tolerate clocks that differ by so many seconds, at most a day, instead of what the profile says
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    skew: Option<u32>,
    /// Take nothing whose thisUpdate is older than so many seconds
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u32>,
    /// Let signatures with SHA-1 count, which can be forged; the verdict says so
    #[arg(long)]
    allow_sha1: bool,
    /// Print one JSON object on one line
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Exit codes: 0 GOOD; 1 REVOKED; 2 could not run (flags, files); 3 UNKNOWN; 4 NOT-CURRENT;
5 NOT-TRUSTED; 6 MALFORMED; 7 RESPONDER-ERROR.

Example:
  certvouch verify --cert server.pem --issuer ca.pem --response response.der
  certvouch verify --cert server.pem --issuer ca.pem --crl ca.crl --crl delta.crl
  certvouch verify --bundle evidence";

/// A nonce on the command line.
#[derive(Clone, Debug)]
struct Nonce(Vec<u8>);

fn nonce(text: &str) -> Result<Nonce, String> {
    input::hex(text).map(Nonce)
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_rfc3339(text)
        .ok_or_else(|| "not a time of the form 2026-01-10T00:00:00Z".to_owned())
}

pub(super) fn profiles() -> PossibleValuesParser {
    Profile::ALL
        .map(|profile| {
            let about = match profile.name() {
                "rfc9919" => "RFC 6960 and RFC 9919, five minutes of tolerance",
                "strict" => "everything that any verifier asks, no tolerance",
                "openssl" => "as `openssl ocsp`, its warnings taken as errors",
                "java" => "as OpenJDK",
                "firefox" => "as Firefox (mozilla::pkix)",
                "chromium" => "as Chromium (BoringSSL)",
                _ => "",
            };
            PossibleValue::new(profile.name()).help(about)
        })
        .into()
}

/// Runs the command.
pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    let said = args.said(Clock::system().now());
    match said {
        Ok((text, exit)) => conclude(&text, exit),
        Err(why) => {
            say_error(&format_args!("{why:#}"));
            ExitCode::Refused
        }
    }
}

/// Writes the verdict. Whoever reads only its first line still gets its exit code; a verdict that could not be written
/// is none, and 1 would mean REVOKED.
pub(super) fn conclude(text: &str, exit: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => exit,
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(why) => {
            say_error(&format_args!("standard output: {why}"));
            ExitCode::Refused
        }
    }
}

/// Whether the verdict may be coloured (<https://no-color.org>).
pub(super) fn colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    io::stdout().is_terminal()
        && set("NO_COLOR").is_none()
        && set("TERM").is_none_or(|term| term != "dumb")
}

impl VerifyArgs {
    /// What is said, and how it ends.
    ///
    /// # Errors
    /// What makes a question impossible.
    fn said(&self, clock: Timestamp) -> Result<(String, ExitCode)> {
        if let Some(dir) = &self.bundle {
            let report = bundle::run(dir, self.at.unwrap_or(clock))?;
            let text = match self.json {
                true => json::line(&report)?,
                false => report.text(colour()),
            };
            return Ok((text, report.exit()));
        }
        let report = self.judge(clock)?;
        let text = match self.json {
            true => json::line(&report)?,
            false => report.text(colour()),
        };
        Ok((text, report.exit()))
    }

    /// The certificate's file; clap sees to it that it is named where there is no bundle.
    fn cert(&self) -> &Path {
        self.cert.as_deref().unwrap_or_else(|| Path::new(""))
    }

    fn issuer(&self) -> &Path {
        self.issuer.as_deref().unwrap_or_else(|| Path::new(""))
    }

    /// Reads the files and judges.
    ///
    /// # Errors
    /// What makes a question impossible: a file, or flags that contradict each other.
    fn judge(&self, clock: Timestamp) -> Result<Report> {
        let certificates = input::read_certificates(self.cert())?;
        let certificate = certificates.first().context("no certificate")?;
        let parsed = Certificate::parse(certificate)
            .with_context(|| unreadable(self.cert(), "certificate"))?;
        let issuers = input::read_certificates(self.issuer())?;
        let response = match &self.response {
            Some(path) => input::message(input::read_or_stdin(path)?),
            None => Vec::new(),
        };
        let crls = self.read_crls()?;
        let crl_issuers = self.read_crl_issuers()?;
        let request = match &self.request {
            Some(path) => Some(input::message(input::read(path)?)),
            None => None,
        };
        let now = self.at.unwrap_or(clock);
        let moment = match self.as_of {
            Some(time) if time > now => {
                bail!("--as-of {time} lies in the future: no response can tell")
            }
            Some(time) => Moment::as_of(time, now),
            None => Moment::now(now),
        };
        let context = Context {
            profile: &self.profile()?,
            moment,
            sha1: self.allow_sha1,
            certificate: &parsed,
            response: &response,
            crls: &crls,
            files: Files::new(
                self.cert(),
                self.issuer(),
                self.response.as_deref(),
                &self.crls,
                &parsed,
            ),
        };
        let query = match self.query(certificate, &issuers, request.as_deref()) {
            Ok(query) => query,
            Err(why) => {
                return match words::distrust(&why) {
                    Some(fault) => Ok(Report::without_query(&context, &why, fault)),
                    None => Err(why).with_context(|| self.blame()),
                };
            }
        };
        let set = self.set(&crls, &crl_issuers)?;
        let by_response = self
            .response
            .is_some()
            .then(|| on_response(&context, &query, &set));
        let by_crls = (!set.is_empty()).then(|| on_crls(&context, &query, &set));
        match (by_response, by_crls) {
            (Some(response), Some(crls)) => Ok(crls::joined(response, crls)),
            (response, crls) => response.or(crls).context("no response and no CRL"),
        }
    }

    /// Every CRL of every file.
    fn read_crls(&self) -> Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        for path in &self.crls {
            all.extend(input::read_crls(path)?);
        }
        Ok(all)
    }

    fn read_crl_issuers(&self) -> Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        for path in &self.crl_issuers {
            all.extend(input::read_certificates(path)?);
        }
        Ok(all)
    }

    fn set<'a>(&self, crls: &'a [Vec<u8>], issuers: &'a [Vec<u8>]) -> Result<CrlSet<'a>> {
        let set = crls.iter().fold(CrlSet::new(), |set, crl| set.crl(crl));
        issuers.iter().try_fold(set, |set, issuer| {
            let what = || "--crl-issuer: the certificate does not parse";
            set.crl_issuer(issuer).with_context(what)
        })
    }

    fn profile(&self) -> Result<Profile> {
        let mut profile = Profile::by_name(&self.profile).context("no such profile")?;
        if let Some(seconds) = self.skew {
            profile = profile.with_skew(seconds.into(), seconds.into());
        }
        if let Some(seconds) = self.max_age {
            profile = profile.with_max_age(Some(seconds.into()));
        }
        Ok(if self.allow_sha1 {
            danger::allow_sha1_signatures(profile)
        } else {
            profile
        })
    }

    /// The question, with whichever of the issuers fits; else why the first does not that has the right name.
    fn query<'a>(
        &'a self,
        certificate: &'a [u8],
        issuers: &'a [Vec<u8>],
        request: Option<&'a [u8]>,
    ) -> Result<Query<'a>, QueryError> {
        let mut worst = None;
        for issuer in issuers {
            let mut builder = QueryBuilder::default();
            if self.allow_sha1 {
                builder = danger::allow_sha1_on_certificate(builder);
            }
            if let Some(request) = request {
                builder = builder.request(request);
            }
            if let Some(Nonce(nonce)) = &self.nonce {
                builder = builder.nonce(nonce);
            }
            match builder.certificate(certificate, issuer) {
                Ok(query) => return Ok(query),
                Err(why) => match worst {
                    None | Some(QueryError::NotIssuedByIssuer) => worst = Some(why),
                    Some(_) => {}
                },
            }
        }
        // A file without certificates was refused when it was read.
        Err(worst.unwrap_or(QueryError::NotIssuedByIssuer))
    }

    /// What belongs before an error about the question: the files that it is about.
    fn blame(&self) -> String {
        let shown = |path: &Path| crate::escape::escape_path(path).to_string();
        match &self.request {
            Some(request) => format!(
                "{}, {}, {}",
                shown(self.cert()),
                shown(self.issuer()),
                shown(request)
            ),
            None => format!("{}, {}", shown(self.cert()), shown(self.issuer())),
        }
    }
}

/// Judges the response. A delegate without nocheck is looked for on the CRLs.
fn on_response(context: &Context<'_>, query: &Query<'_>, crls: &CrlSet<'_>) -> Report {
    let revocation = match crls.is_empty() {
        true => DelegateRevocation::Unknown,
        false => DelegateRevocation::Crls(crls),
    };
    match query.verify_at(
        context.response,
        context.moment,
        context.profile,
        revocation,
    ) {
        Ok(verified) => Report::verified(context, query, &verified),
        Err(why) => Report::refused(context, query, &why),
    }
}

/// Judges the CRLs.
fn on_crls(context: &Context<'_>, query: &Query<'_>, crls: &CrlSet<'_>) -> Report {
    match query.verify_crls(crls, context.moment, context.profile) {
        Ok(verified) => crls::verified(context, query, &verified),
        Err(why) => crls::refused(context, query, &why),
    }
}

fn unreadable(path: &Path, what: &str) -> String {
    format!(
        "{}: the {what} does not parse",
        crate::escape::escape_path(path)
    )
}
