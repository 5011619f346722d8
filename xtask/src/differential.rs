//! `cargo xtask soak differential`: our verifier beside OpenSSL's over mutated responses.
//!
//! The program is `fuzz/differential/`, a workspace of its own (it needs OpenSSL's headers). It is built with optimisations
//! and run; what OpenSSL rejects and we call good is a finding, lies in `fuzz/differential/findings/`, and fails the chore.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;

/// Seconds when nothing is said.
const SECONDS: u64 = 600;
/// The run of the gate: the same mutants every time, judged at the same moment.
const SMOKE: [&str; 5] = ["--fixed", "--seed", "1", "--executions", "40000"];
/// How long a build may take on a slow machine, and a number of executions may run.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);
const RUN_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Builds and runs it, and says whether nothing was found.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let arguments = arguments(words)?;
    let root = project::root()?;
    let folder = root.join("fuzz/differential");
    let stop = StopFlag::register()?;
    let cargo = |verb: &str| {
        let mut command = Command::new(project::cargo());
        command
            .current_dir(&folder)
            .args([verb, "--release", "--quiet", "--locked"]);
        command
    };
    let built = child::run(cargo("build"), BUILD_LIMIT, &stop, false)?;
    if !built.status.success() {
        bail!("differential does not build:\n{}", built.text);
    }
    let mut command = cargo("run");
    command
        .arg("--")
        .args(arguments)
        .arg("--out")
        .arg(folder.join("findings"));
    let finished = child::run(command, RUN_LIMIT, &stop, false)?;
    print!("{}", finished.text);
    match finished.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("differential: {}", finished.status),
    }
}

/// The flags, checked, in the form that the program reads.
fn arguments(words: &[&str]) -> Result<Vec<String>> {
    let mut arguments = Vec::new();
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--seconds" | "--executions" | "--seed" => {
                let number = args.number(flag)?;
                arguments.extend([flag.to_owned(), number.to_string()]);
            }
            "--smoke" => arguments.extend(SMOKE.map(str::to_owned)),
            other => bail!("soak differential does not know {other}"),
        }
    }
    let bounded = |flag: &String| flag == "--seconds" || flag == "--executions";
    if !arguments.iter().any(bounded) {
        arguments.extend(["--seconds".to_owned(), SECONDS.to_string()]);
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked_and_bounded() {
        assert_eq!(arguments(&[]).unwrap(), ["--seconds", "600"]);
        assert_eq!(arguments(&["--smoke"]).unwrap(), SMOKE);
        let own = arguments(&["--seed", "7", "--executions", "9"]).unwrap();
        assert_eq!(own, ["--seed", "7", "--executions", "9"]);
        assert!(arguments(&["--fast"]).is_err());
        assert!(arguments(&["--seconds", "x"]).is_err());
    }
}
