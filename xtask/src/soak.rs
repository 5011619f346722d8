//! `cargo xtask soak fuzz`: runs the fuzz targets one after the other and counts their executions.
//!
//! The targets are the binaries of `fuzz/Cargo.toml`. cargo-fuzz wants a nightly compiler; the flags it needs are
//! opened on the stable one with `RUSTC_BOOTSTRAP=1`, here and nowhere else. Seeds that are kept in the
//! repository stand in `fuzz/seeds/<target>/`, a dictionary in `fuzz/dict/<target>.dict`; both are optional.
//! A crash leaves its input in `fuzz/artifacts/<target>/`, and the chore fails.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use crate::args::Args;
use crate::child::{self, Finished, StopFlag};
use crate::project;

/// Seconds per target when nothing is said.
const SECONDS: u64 = 600;
/// Seconds per target with `--smoke`.
const SMOKE: u64 = 10;
/// How long a build may take on a slow machine, and how long a run may go on after its time.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);
const GRACE: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Options {
    seconds: u64,
    targets: Vec<String>,
}

/// Runs the targets, prints a line for each, and says whether none crashed.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let options = options(words)?;
    let root = project::root()?;
    let known = targets(&root)?;
    if let Some(target) = options
        .targets
        .iter()
        .find(|target| !known.contains(target))
    {
        bail!("no fuzz target {target}; there are {}", known.join(", "));
    }
    let chosen = if options.targets.is_empty() {
        &known
    } else {
        &options.targets
    };

    let stop = StopFlag::register()?;
    let mut build = cargo_fuzz(&root, "build");
    build.args(chosen.iter().take(usize::from(chosen.len() == 1)));
    let built = child::run(build, BUILD_LIMIT, &stop, false)?;
    if !built.status.success() {
        bail!("the fuzz targets do not build:\n{}", built.text);
    }

    let mut clean = true;
    for target in chosen {
        if stop.is_set() {
            bail!("stopped");
        }
        clean &= soak(&root, target, options.seconds, &stop)?;
    }
    Ok(clean)
}

fn options(words: &[&str]) -> Result<Options> {
    let mut options = Options {
        seconds: SECONDS,
        targets: Vec::new(),
    };
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--seconds" => options.seconds = args.number(flag)?,
            "--target" => options.targets.push(args.value(flag)?.to_owned()),
            "--smoke" => options.seconds = SMOKE,
            other => bail!("soak fuzz does not know {other}"),
        }
    }
    // 0 would mean "for ever" to libFuzzer.
    if options.seconds == 0 {
        bail!("--seconds 0: at least one second");
    }
    Ok(options)
}

/// The names of the fuzz targets.
fn targets(root: &Path) -> Result<Vec<String>> {
    let path = root.join("fuzz/Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let names = binaries(&text)?;
    if names.is_empty() {
        bail!("{}: no [[bin]] in it", path.display());
    }
    Ok(names)
}

fn binaries(manifest: &str) -> Result<Vec<String>> {
    let table: Table = manifest.parse().context("fuzz/Cargo.toml")?;
    let bins = table.get("bin").and_then(Value::as_array);
    let names = bins
        .into_iter()
        .flatten()
        .filter_map(|bin| bin.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

fn cargo_fuzz(root: &Path, verb: &str) -> Command {
    let mut command = Command::new(project::cargo());
    command
        .current_dir(root)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", verb]);
    command
}

/// Runs one target and prints its line.
fn soak(root: &Path, target: &str, seconds: u64, stop: &StopFlag) -> Result<bool> {
    let corpus = format!("fuzz/corpus/{target}");
    std::fs::create_dir_all(root.join(&corpus)).with_context(|| corpus.clone())?;
    let mut command = cargo_fuzz(root, "run");
    command.arg(target).arg(corpus);
    let seeds = format!("fuzz/seeds/{target}");
    if root.join(&seeds).is_dir() {
        command.arg(seeds);
    }
    command
        .arg("--")
        .args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=2048"]);
    command.arg(format!("-max_total_time={seconds}"));
    let dictionary = format!("fuzz/dict/{target}.dict");
    if root.join(&dictionary).is_file() {
        command.arg(format!("-dict={dictionary}"));
    }

    let limit = Duration::from_secs(seconds)
        .saturating_add(GRACE)
        .saturating_add(BUILD_LIMIT);
    let started = Instant::now();
    let finished = child::run(command, limit, stop, false)?;
    let ran = started.elapsed().as_secs();
    let Some(executions) = executions(&finished.text) else {
        bail!(
            "{target}: no statistics in the output of libFuzzer:\n{}",
            tail(&finished.text)
        );
    };
    let verdict = verdict(&finished, stop);
    println!("soak fuzz {target}: {executions} executions in {ran} s: {verdict}");
    if verdict == "crashed" {
        println!("{}\n…\n{}", cause(&finished.text), tail(&finished.text));
    }
    Ok(verdict == "clean")
}

fn verdict(finished: &Finished, stop: &StopFlag) -> &'static str {
    if stop.is_set() {
        "stopped"
    } else if finished.timed_out {
        "did not end in time"
    } else if finished.status.success() {
        "clean"
    } else {
        "crashed"
    }
}

/// The number of executions: from the final statistics, or from the closing line.
fn executions(output: &str) -> Option<u64> {
    let last = |read: fn(&str) -> Option<&str>| output.lines().filter_map(read).next_back();
    let number = last(|line| {
        line.split_once("stat::number_of_executed_units:")
            .map(|(_, n)| n)
    })
    .or_else(|| last(|line| line.strip_prefix("Done ")?.split(' ').next()))?;
    number.trim().parse().ok()
}

/// The first lines that say why: a panic with its message, or a report of libFuzzer.
fn cause(output: &str) -> String {
    let cause = ["panicked at", "ERROR: "];
    let lines = output
        .lines()
        .skip_while(|line| !cause.iter().any(|word| line.contains(word)));
    lines.take(3).collect::<Vec<_>>().join("\n")
}

/// The last lines of an output: the input that crashed, and how to repeat it.
fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let from = lines.len().saturating_sub(40);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_the_final_statistics() {
        let output = "#2 INITED\nDone 9 runs in 11 second(s)\nstat::number_of_executed_units: 123456\nstat::average_exec_per_sec: 7\n";
        assert_eq!(executions(output), Some(123_456));
        assert_eq!(executions("Done 42 runs in 11 second(s)\n"), Some(42));
        assert_eq!(executions("error: no such target\n"), None);
    }

    #[test]
    fn binaries_are_the_targets_in_their_order() {
        let manifest = "[package]\nname = \"f\"\n[[bin]]\nname = \"request\"\npath = \"a.rs\"\n[[bin]]\nname = \"index_txt\"\n";
        assert_eq!(binaries(manifest).unwrap(), ["request", "index_txt"]);
        assert_eq!(binaries("[package]\n").unwrap(), [""; 0]);
    }

    #[test]
    fn options_refuse_endless_runs_and_unknown_flags() {
        assert_eq!(options(&["--smoke"]).unwrap().seconds, SMOKE);
        assert_eq!(options(&[]).unwrap().seconds, SECONDS);
        assert!(options(&["--seconds", "0"]).is_err());
        assert!(options(&["--fast"]).is_err());
        let both = options(&["--target", "a", "--target", "b", "--seconds", "3"]).unwrap();
        assert_eq!((both.seconds, both.targets.len()), (3, 2));
    }

    #[test]
    fn tail_keeps_the_last_forty_lines() {
        let output: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert!(tail(&output).starts_with("60\n") && tail(&output).ends_with("99"));
    }

    #[test]
    fn cause_is_the_panic_with_its_message() {
        let output = "#2 INITED\nthread 'x' panicked at a.rs:1:2:\nseven\nnote\nmore\n";
        assert_eq!(
            cause(output),
            "thread 'x' panicked at a.rs:1:2:\nseven\nnote"
        );
        assert_eq!(cause("nothing\n"), "");
    }
}
