//! `cargo xtask man [OUT]`: man pages and shell completions, made by the program from its own definitions.
//!
//! The chore builds the program and runs its hidden command `manual`: nothing depends on the roof, not even this crate.
//! What it makes is tested where it is made, in `crates/cli/tests/manual.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::child::{self, StopFlag};
use crate::project;

/// How long a build may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// Writes everything to OUT, `target/man` if nothing is said.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let root = project::root()?;
    let out = out(words, &root)?;
    let finished = child::run(manual(&root, &out), LIMIT, &StopFlag::register()?, true)?;
    Ok(finished.status.success())
}

/// The folder that was named, counted from where the chore was started; else the usual one.
fn out(words: &[&str], root: &Path) -> Result<PathBuf> {
    match words {
        [] => Ok(root.join("target/man")),
        [flag] if flag.starts_with('-') => bail!("man takes a folder, found {flag}"),
        [folder] => Ok(std::path::absolute(folder)?),
        _ => bail!("man takes one folder"),
    }
}

fn manual(root: &Path, out: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root)
        .args(["run", "--quiet", "--package", "certvouch", "--", "manual"])
        .arg(out);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_absolute_and_has_a_default() {
        let root = Path::new("/project");
        assert_eq!(out(&[], root).unwrap(), Path::new("/project/target/man"));
        assert_eq!(out(&["/x/y"], root).unwrap(), Path::new("/x/y"));
        assert!(out(&["x"], root).unwrap().is_absolute());
        assert!(out(&["--out"], root).is_err());
        assert!(out(&["a", "b"], root).is_err());
    }

    #[test]
    fn program_is_run_with_its_hidden_command() {
        let command = manual(Path::new("/project"), Path::new("/x"));
        let words: Vec<_> = command.get_args().collect();
        assert_eq!(words[words.len() - 2..], ["manual", "/x"]);
    }
}
