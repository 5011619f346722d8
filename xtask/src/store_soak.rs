//! `cargo xtask soak store-kill` and `soak store-push`: the embedded store between kills, and under load.
//!
//! `store-kill` revokes, kills the writer with `kill -9` at a random moment, opens the store again and asks about everything
//! that was acknowledged, a thousand times: the library in `crates/status/examples/store.rs`, or with `--served` the program
//! through its API. `store-push` revokes ten thousand certificates through the API while others ask about them. The program
//! is driven from `crates/testkit/src/push.rs`. This builds and runs them, in folders below the build's own: a folder for
//! temporary files may be memory, where a sync means nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;

const ROUNDS: u64 = 1000;
const REVOCATIONS: u64 = 10_000;
/// Requests per second of those who ask.
const RATE: u64 = 3000;
/// How long a build, or all rounds, may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(3600);

/// Kills, and says whether nothing was lost.
pub(crate) fn kill(words: &[&str]) -> Result<bool> {
    let (mut rounds, mut seed, mut served) = (ROUNDS, 1, false);
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--rounds" => rounds = args.number(flag)?,
            "--seed" => seed = args.number(flag)?,
            "--served" => served = true,
            other => bail!("soak store-kill does not know {other}"),
        }
    }
    let soak = Soak::new("store-kill")?;
    if served {
        return soak.push("kill", rounds, seed, "debug");
    }
    soak.build(&["--package", "certvouch-status", "--example", "store"])?;
    let mut command = Command::new(soak.target.join("debug/examples/store"));
    command
        .arg("kill")
        .arg(&soak.folder)
        .args([rounds, seed].map(|it| it.to_string()));
    soak.run(command)
}

/// Revokes under load, and says whether no answer was stale.
pub(crate) fn push(words: &[&str]) -> Result<bool> {
    let (mut revocations, mut rate, mut profile) = (REVOCATIONS, RATE, "debug");
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--revocations" => revocations = args.number(flag)?,
            "--rate" => rate = args.number(flag)?,
            "--release" => profile = "release",
            other => bail!("soak store-push does not know {other}"),
        }
    }
    Soak::new("store-push")?.push("push", revocations, rate, profile)
}

struct Soak {
    root: PathBuf,
    target: PathBuf,
    folder: PathBuf,
    stop: StopFlag,
}

impl Soak {
    /// With an empty folder of this name.
    fn new(name: &str) -> Result<Self> {
        let root = project::root()?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
        let target = std::path::absolute(target)?;
        let folder = target.join(name);
        empty(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            root,
            target,
            folder,
            stop: StopFlag::register()?,
        })
    }

    fn build(&self, words: &[&str]) -> Result<()> {
        let mut build = Command::new(project::cargo());
        build
            .current_dir(&self.root)
            .args(["build", "--quiet"])
            .args(words);
        let built = child::run(build, LIMIT, &self.stop, false)?;
        if !built.status.success() {
            bail!("{} does not build:\n{}", words.join(" "), built.text);
        }
        Ok(())
    }

    /// Runs the driver of the program.
    fn push(&self, what: &str, one: u64, other: u64, profile: &str) -> Result<bool> {
        let mut words = vec!["--package", "certvouch"];
        if profile == "release" {
            words.push("--release");
        }
        self.build(&words)?;
        self.build(&["--package", "certvouch-testkit", "--example", "push"])?;
        let mut command = Command::new(self.target.join("debug/examples/push"));
        command
            .arg(what)
            .arg(self.target.join(profile).join("certvouch"))
            .arg(&self.folder)
            .args([one, other].map(|it| it.to_string()));
        self.run(command)
    }

    fn run(&self, command: Command) -> Result<bool> {
        let finished = child::run(command, LIMIT, &self.stop, true)?;
        match finished.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => bail!("the driver of the store: {}", finished.status),
        }
    }
}

fn empty(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why),
        _ => std::fs::create_dir_all(folder),
    }
}
