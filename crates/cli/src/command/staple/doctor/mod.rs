//! `certvouch staple doctor`: what a server staples, whether clients would accept it, and what to change.
//!
//! Makes a few handshakes ([`look`]), finds the issuer by its signature and judges the staple ([`case`]), and turns that
//! into findings: what is sent ([`sent`]), what it says ([`said`]), in which form ([`form`]), and, where that was asked for,
//! what the responder says ([`ask`]). [`clients`] has what is known of clients, [`advice`] the words of servers. The model
//! is OpenBao's `pki health-check`: checks with names, severities, a threshold.

mod advice;
mod args;
mod ask;
mod case;
mod check;
mod clients;
mod form;
mod look;
mod report;
mod said;
mod sent;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use certvouch_fetch::{FetchError, FetchPolicy, Fetcher, TlsServer};

use self::advice::Advisor;
pub(super) use self::args::DoctorArgs;
use self::case::{Case, Issuer};
use self::look::Looks;
use self::report::Report;
use crate::clock::Clock;
use crate::command::check::host::{Host, why_no_handshake};
use crate::command::verify::{colour, conclude};
use crate::command::{input, json, say, say_error};
use crate::escape::escape;
use crate::exit::ExitCode;

/// Runs the command.
pub(super) fn run(args: &DoctorArgs) -> ExitCode {
    if args.list {
        return say(&check::table());
    }
    match answer(args) {
        Ok((text, exit)) => conclude(&text, exit),
        Err(why) => {
            say_error(&format_args!("{why:#}"));
            ExitCode::Refused
        }
    }
}

/// What is said, and how it ends.
///
/// # Errors
/// What makes an examination impossible: flags, a file, a server without TLS.
fn answer(args: &DoctorArgs) -> Result<(String, ExitCode)> {
    let target = args.target.clone().unwrap_or_default();
    let host = host(args, &target)?;
    let mut named = Vec::new();
    for path in &args.ca {
        named.extend(input::read_certificates(path)?.into_iter().map(Bytes::from));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let report = runtime.block_on(examine(args, &host, &named));
    // A name that is still being resolved must not keep the answer back.
    runtime.shutdown_timeout(Duration::ZERO);
    let report = report?;
    let text = match args.json {
        true => json::line(&report)?,
        false => report.text(colour()),
    };
    Ok((text, report.exit()))
}

fn host(args: &DoctorArgs, target: &str) -> Result<Host> {
    let protocol = args.starttls.map(Into::into);
    Host::parse(target, protocol).ok_or_else(|| {
        let shown = escape(target);
        anyhow!("{shown}: not a server of the form HOST:PORT, such as www.example.org:443")
    })
}

async fn examine(args: &DoctorArgs, host: &Host, named: &[Bytes]) -> Result<Report> {
    let mut policy = FetchPolicy::default();
    policy.total_timeout = args.timeout;
    let fetcher = Fetcher::new(policy).map_err(|why| anyhow!("{why}"))?;
    let mut server = TlsServer::new(host.host.clone(), host.port);
    server.name.clone_from(&args.name);
    server.starttls = args.starttls.map(Into::into);
    let looks = match Looks::make(&fetcher, &server, args.handshakes).await {
        Ok(looks) => looks,
        Err(why) => bail!(no_handshake(&why)),
    };
    let now = args.at.unwrap_or_else(|| Clock::system().now());
    let issuer = Issuer::find(&looks, named);
    let advisor = Advisor::new(args, host);
    let case = Case::new(args, advisor, &looks, &issuer, now)
        .map_err(|why| anyhow!("the server's certificate does not parse: {why}"))?;
    let mut findings = sent::findings(&case);
    findings.extend(said::findings(&case));
    findings.extend(form::findings(&case));
    findings.push(ask::finding(&case).await?);
    Ok(Report::new(&case, host.shown(), findings))
}

fn no_handshake(why: &FetchError) -> String {
    let said = crate::escape::escape_display(why);
    format!("no handshake: {said}; {}", why_no_handshake(why))
}
