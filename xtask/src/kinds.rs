//! `cargo xtask kinds OUT`: writes every kind of response that the responder makes, under each profile, and has them
//! judged.
//!
//! An example of the responder makes, reads back and verifies them, so that this package stays small; pkilint judges
//! them through `judges/lint_kinds.py`. The chore fails if anything is found; where pkilint is not installed it says so.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::child::{self, StopFlag};
use crate::project;

/// How long each of the two may take; the example may have to be compiled.
const LIMIT: Duration = Duration::from_secs(900);

/// Writes and judges.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let [out] = words else {
        bail!("kinds needs a folder to write to, and nothing else");
    };
    let out = std::path::absolute(out)?;
    let root = project::root()?;
    let stop = StopFlag::register()?;
    let mut make = Command::new(project::cargo());
    make.args(["run", "--quiet", "--package", "certvouch-responder"])
        .args(["--example", "kinds", "--"])
        .arg(&out)
        .current_dir(&root);
    let made = child::run(make, LIMIT, &stop, false)?;
    print!("{}", made.text);
    if made.timed_out || !made.status.success() {
        bail!("the kinds could not be made: {}", made.status);
    }
    let has_pkilint = Command::new("python3")
        .args(["-c", "import pkilint"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_pkilint {
        println!("pkilint is not installed: nothing was judged by it");
        return Ok(true);
    }
    let mut judge = Command::new("python3");
    judge
        .arg(root.join("judges/lint_kinds.py"))
        .arg(&out)
        .current_dir(&root);
    let judged = child::run(judge, LIMIT, &stop, false).context("pkilint")?;
    print!("{}", judged.text);
    Ok(!judged.timed_out && judged.status.success())
}
