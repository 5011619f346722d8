//! `cargo xtask soak serve` and `soak reload`: the responder under mixed load while it is reloaded.
//!
//! The work is in `crates/testkit/src/soak.rs`; this builds the program and the load, and runs them.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;

/// An hour, a reload each minute, 20 requests per second in each of the three threads of load.
const SERVE: [u64; 4] = [3600, 1_000_000, 60_000, 20];
/// A thousand reloads, one after the other, under all the load that three clients make.
const RELOAD: [u64; 4] = [3600, 1000, 0, 0];
/// How long a build may take on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// Runs it and says whether nothing was found.
pub(crate) fn run(kind: &str, words: &[&str]) -> Result<bool> {
    let mut plan = if kind == "reload" { RELOAD } else { SERVE };
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        let place = match flag {
            "--seconds" => 0,
            "--reloads" => 1,
            "--every-ms" => 2,
            "--rate" => 3,
            other => bail!("soak {kind} does not know {other}"),
        };
        plan[place] = args.number(flag)?;
    }
    let root = project::root()?;
    let stop = StopFlag::register()?;
    for package in [
        &["certvouch"][..],
        &["certvouch-testkit", "--example", "soak"],
    ] {
        let mut build = Command::new(project::cargo());
        build
            .current_dir(&root)
            .args(["build", "--quiet", "--package"])
            .args(package);
        let built = child::run(build, BUILD_LIMIT, &stop, false)?;
        if !built.status.success() {
            bail!("the soak does not build:\n{}", built.text);
        }
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let debug = std::path::absolute(target)?.join("debug");
    let mut command = Command::new(debug.join("examples/soak"));
    command
        .arg(debug.join("certvouch"))
        .args(plan.map(|it| it.to_string()));
    let limit = Duration::from_secs(plan[0]) + BUILD_LIMIT;
    let finished = child::run(command, limit, &stop, true)?;
    match finished.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("soak {kind}: {}", finished.status),
    }
}
