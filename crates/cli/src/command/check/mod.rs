//! `certvouch check`: is this certificate good, and if nobody can tell, why not, and what to do next?
//!
//! Asks as `certvouch-client` asks, and believes as `certvouch-verify` believes. What is here reads the target, finds
//! the chain ([`path`]), hands the questions over, and says what came of them ([`finding`], [`report`]). The first word
//! of standard output and the exit code are one decision; of several certificates the worst verdict counts.

mod advice;
pub(super) mod args;
mod ask;
mod call;
mod fetching;
mod finding;
pub(super) mod host;
mod list;
pub(super) mod path;
mod replay;
mod report;
mod save;
mod trust;

use std::time::Duration;

use anyhow::{Context as _, Result};

use self::args::Nonce;
use self::ask::Desk;
use self::report::Report;
use super::verify::{colour, conclude};
use super::{json, say_error};
use crate::clock::Clock;
use crate::exit::ExitCode;

pub(super) use self::args::CheckArgs;

/// Runs the command.
pub(super) fn run(args: CheckArgs) -> ExitCode {
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
/// What makes a question impossible: flags, a file.
fn answer(args: CheckArgs) -> Result<(String, ExitCode)> {
    let as_json = args.json;
    let list = args.list.clone();
    let save = args.save.clone();
    let nonce_required = args.nonce == Nonce::Require;
    let (explain, replay) = (args.explain, args.replay);
    let desk = Desk::new(args, &Clock::system())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    if let Some(path) = list {
        let all = runtime.block_on(list::check(&desk, &path));
        runtime.shutdown_timeout(Duration::ZERO);
        let all = all?;
        let text = match as_json {
            true => json::line(&all)?,
            false => all.text(colour()),
        };
        return Ok((text, all.exit()));
    }
    let report = runtime.block_on(desk.check());
    // A name that is still being resolved must not keep the answer back.
    runtime.shutdown_timeout(Duration::ZERO);
    let report: Report = report?;
    if let Some(dir) = &save {
        save::save(&report, nonce_required, dir)?;
    }
    let text = match as_json {
        true => json::line(&report)?,
        false => report.text(colour(), explain, replay),
    };
    Ok((text, report.exit()))
}
