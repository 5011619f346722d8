//! `cargo xtask soak store-kill`: revoke, `kill -9` at a random moment, open again, ask; a thousand times.
//!
//! The work is in `crates/status/examples/store.rs`; this builds and runs it in a folder of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;

const ROUNDS: u64 = 1000;
/// How long a build, or all rounds, may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// Runs it and says whether nothing was lost.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let (mut rounds, mut seed) = (ROUNDS, 1);
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--rounds" => rounds = args.number(flag)?,
            "--seed" => seed = args.number(flag)?,
            other => bail!("soak store-kill does not know {other}"),
        }
    }
    let root = project::root()?;
    let stop = StopFlag::register()?;
    let mut build = Command::new(project::cargo());
    build.current_dir(&root).args([
        "build",
        "--quiet",
        "--package",
        "certvouch-status",
        "--example",
        "store",
    ]);
    let built = child::run(build, LIMIT, &stop, false)?;
    if !built.status.success() {
        bail!("the driver of the store does not build:\n{}", built.text);
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let target = std::path::absolute(target)?;
    // On the disk of the build: a folder for temporary files may be memory, where a sync means nothing.
    let folder = target.join("store-kill");
    match std::fs::remove_dir_all(&folder) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            return Err(why).context(folder.display().to_string());
        }
        _ => std::fs::create_dir_all(&folder)?,
    }
    let mut command = Command::new(target.join("debug/examples/store"));
    command
        .arg("kill")
        .arg(&folder)
        .args([rounds, seed].map(|it| it.to_string()));
    let finished = child::run(command, LIMIT, &stop, true)?;
    match finished.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("soak store-kill: {}", finished.status),
    }
}
