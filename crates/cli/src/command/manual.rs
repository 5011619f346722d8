//! `certvouch manual` (hidden): man pages and shell completions, made from the definitions of the command line.
//!
//! `cargo xtask man` runs it; whoever packages the program can, too. One page per command, as `certvouch-verify.1`,
//! and one file per shell.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Command};
use clap_complete::Shell;

use super::{say, say_error};
use crate::escape::escape_path;
use crate::exit::ExitCode;

/// `certvouch manual`
#[derive(Debug, Args)]
pub(super) struct ManualArgs {
    /// The folder to write to, below it `man1` and `completions`
    #[arg(value_name = "DIR")]
    out: PathBuf,
}

const SHELLS: [Shell; 4] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell];

/// Runs the command.
pub(super) fn run(args: &ManualArgs) -> ExitCode {
    match write(&args.out) {
        Ok(files) => say(&format!("{files} files in {}\n", escape_path(&args.out))),
        Err(why) => {
            say_error(&format_args!("{why:#}"));
            ExitCode::Refused
        }
    }
}

/// Writes everything and counts the files.
fn write(out: &Path) -> Result<usize> {
    let (man, completions) = (out.join("man1"), out.join("completions"));
    for dir in [&man, &completions] {
        fs::create_dir_all(dir).with_context(|| escape_path(dir).to_string())?;
    }
    let mut definition = super::definition();
    definition.build();
    let mut files = 0;
    pages(&definition, &man, &mut files)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut super::definition(), "certvouch", &completions)
            .with_context(|| format!("completions for {shell}"))?;
        files += 1;
    }
    Ok(files)
}

/// The page of a command and those of the commands below it.
fn pages(command: &Command, dir: &Path, files: &mut usize) -> Result<()> {
    // The built definition names a command by its whole path: `certvouch-config-check`.
    let page = clap_mangen::Man::new(command.clone());
    let path = dir.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text).context("render a page")?;
    fs::write(&path, text).with_context(|| escape_path(&path).to_string())?;
    *files += 1;
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            pages(below, dir, files)?;
        }
    }
    Ok(())
}
