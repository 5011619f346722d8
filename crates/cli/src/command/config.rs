//! `certvouch config`: what a configuration file means, without serving it.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{refuse, say_error};
use crate::clock::Clock;
use crate::config::{Config, Log};
use crate::exit::ExitCode;
use crate::serve::{Loaded, Purpose, load};

/// Flags of `certvouch config`.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Do everything that serve does, short of listening, and say what would be served
    ///
    /// Keys, certificates, indexes and CRLs are opened and checked, the latter also from their servers; nothing is
    /// changed. Exit code 0 means that serve would start, 2 that it
    /// would refuse to.
    Check(FileArgs),
    /// Print the effective configuration, defaults included, as TOML that can be read again
    ///
    /// Paths are printed absolute. No key of the file holds a secret; files with passphrases are named, not read.
    Print(FileArgs),
}

#[derive(Debug, Args)]
struct FileArgs {
    /// The configuration file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: ConfigArgs) -> ExitCode {
    let (Action::Check(FileArgs { file }) | Action::Print(FileArgs { file })) = &args.action;
    let config = match Config::from_file(file) {
        Ok(config) => config,
        Err(why) => return refuse(&Log::default(), &why),
    };
    let text = match &args.action {
        Action::Check(_) => match load(&config, &Clock::system(), Purpose::Look { fetch: true }) {
            Ok((issuers, _)) => summary(&config, &issuers),
            Err(why) => return refuse(&Log::default(), &format_args!("{why:#}")),
        },
        Action::Print(_) => match config.to_toml() {
            Ok(text) => text,
            Err(why) => return refuse(&Log::default(), &why),
        },
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Success,
        // Whoever reads has seen enough.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => ExitCode::Success,
        Err(why) => {
            say_error(&why);
            ExitCode::Failure
        }
    }
}

fn summary(config: &Config, issuers: &[Loaded]) -> String {
    let mut text = String::new();
    for issuer in issuers {
        text.push_str(&format!("{issuer}\n\n"));
    }
    let addresses = config.server.listen.iter().map(|a| format!("http://{a}"));
    let addresses = addresses.collect::<Vec<_>>().join(", ");
    text.push_str(&format!(
        "{} would be served on {addresses}, below {}\n",
        match issuers.len() {
            1 => "1 issuer".to_owned(),
            many => format!("{many} issuers"),
        },
        config.server.paths.join(", ")
    ));
    text
}
