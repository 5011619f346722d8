//! The command line, defined once: help, man pages and completions come from the definitions here.
//!
//! A command is a module with its flags and a function that runs it and says how the program ends.

mod admin;
mod audit;
mod bundle;
mod check;
mod config;
mod crl_args;
mod decode;
mod demo;
pub(crate) mod input;
mod json;
mod manual;
mod quote;
mod serve;
mod signer;
mod staple;
mod status;
mod store;
mod token;
mod verify;

use std::fmt;
use std::io::{self, Write as _};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Log, choice::LogFormat};
use crate::exit::ExitCode;

/// The certificate-status system for everything that is not a browser: an OCSP responder (RFC 6960, RFC 9919, RFC 9654).
#[derive(Debug, Parser)]
#[command(
    name = "certvouch",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Answer for an OpenSSL CA, with a delegated signer:
    certvouch serve --issuer ca.pem --signer-cert ocsp.pem --signer-key ocsp.key --index index.txt

  Answer for several CAs:
    certvouch config check certvouch.toml
    certvouch serve --config certvouch.toml

  Ask about a certificate:
    certvouch check server.pem --issuer ca.pem

  Judge a response:
    certvouch verify --cert server.pem --issuer ca.pem --response response.der

Exit codes: 0 done, or stopped in good order; 1 failed while running; 2 refused to start. `check` and `verify` have their own.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer OCSP requests
    Serve(Box<serve::ServeArgs>),
    /// Check or print a configuration
    Config(config::ConfigArgs),
    /// Try it: make a throw-away PKI, answer for it, and print the commands that ask
    Demo(demo::DemoArgs),
    /// Make what signs the answers
    Signer(signer::SignerArgs),
    /// Keep staples fresh where servers read them
    Staple(staple::StapleArgs),
    /// Tell a server's store that certificates were issued
    Issue(Box<admin::change::IssueArgs>),
    /// Revoke certificates in a server's store: the next answer says so
    Revoke(Box<admin::change::RevokeArgs>),
    /// Put certificates on hold in a server's store
    Hold(Box<admin::change::HoldArgs>),
    /// Release certificates from hold in a server's store
    Release(Box<admin::change::ReleaseArgs>),
    /// Bring an index, a CRL, certificates, CSV or JSON lines into a server's store
    Import(Box<admin::import::ImportArgs>),
    /// Write what a server's store knows as CSV, JSON lines or an index
    Export(Box<admin::export::ExportArgs>),
    /// Explain which line, entry or CRL makes the answer about a serial number
    Status(Box<status::StatusArgs>),
    /// Make, list and revoke the tokens that open the admin port
    Token(token::TokenArgs),
    /// Ask whether a certificate is good: one verdict, the probable cause, and the command to run next
    Check(Box<check::CheckArgs>),
    /// Examine, copy and compact the embedded store
    Store(store::StoreArgs),
    /// Compare the log of the embedded store with what was said of it elsewhere
    Audit(audit::AuditArgs),
    /// Judge a response or CRLs: one verdict, its evidence, the probable cause and the next command
    Verify(Box<verify::VerifyArgs>),
    /// Show what is in an OCSP request, a response, a CRL or a certificate
    Decode(decode::DecodeArgs),
    /// Write man pages and shell completions
    #[command(hide = true)]
    Manual(manual::ManualArgs),
}

/// Reads the command line and runs what it says.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(why) => {
            // clap knows which of help, version and usage error it is, and where it belongs. If that place is closed,
            // nobody wants to read it.
            drop(why.print());
            return if why.use_stderr() {
                ExitCode::Refused
            } else {
                ExitCode::Success
            };
        }
    };
    match cli.command {
        Command::Serve(args) => serve::run(*args),
        Command::Config(args) => config::run(args),
        Command::Demo(args) => demo::run(&args),
        Command::Signer(args) => signer::run(&args),
        Command::Staple(args) => staple::run(&args),
        Command::Issue(args) => admin::change::issue(&args),
        Command::Revoke(args) => admin::change::revoke(&args),
        Command::Hold(args) => admin::change::hold(&args),
        Command::Release(args) => admin::change::release(&args),
        Command::Import(args) => admin::import::run(&args),
        Command::Export(args) => admin::export::run(&args),
        Command::Status(args) => status::run(*args),
        Command::Store(args) => store::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Check(args) => check::run(*args),
        Command::Verify(args) => verify::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Manual(args) => manual::run(&args),
    }
}

/// The definition of the command line, for man pages and completions.
#[must_use]
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Says on standard error why the program refuses to go on; as a log event where logs are for machines.
fn refuse(log: &Log, why: &dyn fmt::Display) -> ExitCode {
    if log.format == LogFormat::Json && crate::log::start(log).is_ok() {
        tracing::error!("refused to start: {why}");
    } else {
        say_error(why);
    }
    ExitCode::Refused
}

/// Says on standard error why a command did not do its work.
fn fail(why: &dyn fmt::Display) -> ExitCode {
    say_error(why);
    ExitCode::Failure
}

/// Writes a command's text to standard output; a closed one is nobody's failure but the reader's.
fn say(text: &str) -> ExitCode {
    match write(text) {
        Ok(()) => ExitCode::Success,
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => ExitCode::Success,
        Err(why) => fail(&format_args!("standard output: {why}")),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// One message to the person at the terminal.
#[expect(clippy::print_stderr, reason = "this is where the program speaks")]
fn say_error(why: &dyn fmt::Display) {
    eprintln!("error: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_defined_consistently() {
        definition().debug_assert();
    }

    #[test]
    fn every_flag_and_command_explains_itself() {
        fn visit(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                let id = argument.get_id();
                let explained = argument.get_help().is_some() || argument.get_long_help().is_some();
                assert!(explained, "{} --{id}", command.get_name());
            }
            command.get_subcommands().for_each(visit);
        }
        let mut definition = definition();
        definition.build();
        visit(&definition);
    }
}
