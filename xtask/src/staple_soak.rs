//! `cargo xtask soak staple-kill` and `soak staple-misbehave`: the stapling agent between kills, and in front of responders
//! that do everything wrong.
//!
//! `staple-kill` kills the agent with `kill -9` at a random moment of its work, a thousand times, while readers look at
//! every place to which it delivers. `staple-misbehave` runs an agent in front of each misbehaviour, all at the same
//! time, and prints what they used of the processor. The work is in `crates/testkit/src/staple`; this builds the program
//! and the driver, and runs them in a folder below the build's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;

const ROUNDS: u64 = 1000;
/// Seconds with a staple, and as many without.
const SECONDS: u64 = 60;
/// How long a build, or all rounds, may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(7200);

/// Kills, and says whether every reader saw whole staples only.
pub(crate) fn kill(words: &[&str]) -> Result<bool> {
    let (mut rounds, mut seed, mut profile) = (ROUNDS, 1, "debug");
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--rounds" => rounds = args.number(flag)?,
            "--seed" => seed = args.number(flag)?,
            "--release" => profile = "release",
            other => bail!("soak staple-kill does not know {other}"),
        }
    }
    run("kill", profile, &[rounds, seed])
}

/// Misbehaves, and says whether every agent endured it.
pub(crate) fn misbehave(words: &[&str]) -> Result<bool> {
    let (mut seconds, mut profile) = (SECONDS, "debug");
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--seconds" => seconds = args.number(flag)?,
            "--release" => profile = "release",
            other => bail!("soak staple-misbehave does not know {other}"),
        }
    }
    run("misbehave", profile, &[seconds])
}

fn run(what: &str, profile: &str, numbers: &[u64]) -> Result<bool> {
    let (root, stop) = (project::root()?, StopFlag::register()?);
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let target: PathBuf = std::path::absolute(target)?;
    let folder = target.join(format!("staple-{what}"));
    empty(&folder).with_context(|| folder.display().to_string())?;
    let mut words = vec!["--package", "certvouch"];
    if profile == "release" {
        words.push("--release");
    }
    for words in [
        &words[..],
        &["--package", "certvouch-testkit", "--example", "staple"],
    ] {
        let mut build = Command::new(project::cargo());
        build
            .current_dir(&root)
            .args(["build", "--quiet"])
            .args(words);
        let built = child::run(build, LIMIT, &stop, false)?;
        if !built.status.success() {
            bail!("{} does not build:\n{}", words.join(" "), built.text);
        }
    }
    let mut command = Command::new(target.join("debug/examples/staple"));
    command
        .arg(what)
        .arg(target.join(profile).join("certvouch"))
        .arg(&folder)
        .args(numbers.iter().map(u64::to_string));
    let finished = child::run(command, LIMIT, &stop, true)?;
    match finished.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("soak staple-{what}: {}", finished.status),
    }
}

fn empty(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why),
        _ => std::fs::create_dir_all(folder),
    }
}
