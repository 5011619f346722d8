//! `cargo xtask mutate`: takes a behaviour away and expects its tests to fail.
//!
//! The mutations stand in `xtask/mutations.toml`, written by people: each names a requirement row, a text that
//! occurs once in one file, what to put in its place, and the tests that have to notice. The tree is copied to
//! `target/mutate/tree` (uncommitted work included, build products not), so that the tree itself is never
//! touched; copies are built in `target/mutate/build`, which the next run uses again.
//!
//! A mutation is *killed* when the tests build, pass without it and fail with it; *survived* when they pass with
//! it; *stale* when its text is not there exactly once, its tests do not exist, or it does not compile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::args::Args;
use crate::child::{self, Finished, StopFlag};
use crate::project;
use crate::tidy::Finding;

/// The list, relative to the root.
const LIST: &str = "xtask/mutations.toml";
/// A build of the tests from nothing, on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);
/// A mutated program may hang; a test that hangs has noticed.
const TEST_LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default, rename = "mutation")]
    mutations: Vec<Mutation>,
}

/// One behaviour to remove.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    row: String,
    file: String,
    find: String,
    replace: String,
    package: String,
    /// Part of the names of the tests that have to notice.
    test: String,
}

impl Mutation {
    /// The mutated text, or why there is none.
    fn apply(&self, text: &str) -> Result<String, &'static str> {
        match text.matches(&self.find).count() {
            _ if self.find.is_empty() => Err("nothing to find"),
            _ if self.find == self.replace => Err("it changes nothing"),
            0 => Err("the text is not there"),
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            _ => Err("the text is there more than once"),
        }
    }
}

#[derive(Debug, Default)]
struct Options {
    rows: Option<usize>,
    seed: u64,
    list: bool,
}

/// Runs the chosen mutations, prints a line for each, and says whether all were killed.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let options = options(words)?;
    let root = project::root()?;
    let list = read(&root)?;
    let chosen = choose(&list.mutations, options.rows, options.seed);
    if options.list {
        for mutation in chosen {
            let Mutation {
                row,
                file,
                package,
                test,
                ..
            } = mutation;
            println!("{row:<24} {file}  ({package}: {test})");
        }
        return Ok(true);
    }
    if chosen.is_empty() {
        println!("mutate: no mutations in {LIST}");
        return Ok(true);
    }
    let lab = Lab {
        stop: StopFlag::register()?,
        folder: root.join("target/mutate"),
        root,
    };
    lab.copy_tree()?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for mutation in chosen {
        let outcome = lab.try_mutation(mutation)?;
        println!(
            "{:<9} {:<24} {}",
            outcome.word(),
            mutation.row,
            outcome.detail(mutation)
        );
        *counts.entry(outcome.word()).or_default() += 1;
    }
    let summary: Vec<String> = counts
        .iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    println!("mutate: {} (seed {})", summary.join(", "), options.seed);
    Ok(counts.keys().all(|&word| word == "killed"))
}

fn options(words: &[&str]) -> Result<Options> {
    let mut options = Options::default();
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--rows" => options.rows = Some(usize::try_from(args.number(flag)?)?),
            "--seed" => options.seed = args.number(flag)?,
            "--list" => options.list = true,
            other => bail!("mutate does not know {other}"),
        }
    }
    Ok(options)
}

fn read(root: &Path) -> Result<List> {
    let text = std::fs::read_to_string(root.join(LIST)).context(LIST)?;
    toml::from_str(&text).context(LIST)
}

/// For tidy: entries whose text has moved away.
pub(crate) fn stale(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for mutation in read(root)?.mutations {
        let text = std::fs::read_to_string(root.join(&mutation.file)).unwrap_or_default();
        if let Err(why) = mutation.apply(&text) {
            let advice = format!("{} in {}: {why}", mutation.row, mutation.file);
            findings.push(Finding::new(LIST, 0, "mutation", advice));
        }
    }
    Ok(findings)
}

/// All mutations, or those of `rows` rows drawn at random: the same rows for the same seed.
fn choose(mutations: &[Mutation], rows: Option<usize>, seed: u64) -> Vec<&Mutation> {
    let Some(count) = rows else {
        return mutations.iter().collect();
    };
    let all: BTreeSet<&str> = mutations
        .iter()
        .map(|mutation| mutation.row.as_str())
        .collect();
    let mut drawn: Vec<(u64, &str)> = Vec::new();
    let mut random = SplitMix(seed);
    drawn.extend(all.into_iter().map(|row| (random.next(), row)));
    drawn.sort_unstable();
    drawn.truncate(count);
    mutations
        .iter()
        .filter(|mutation| drawn.iter().any(|(_, row)| *row == mutation.row))
        .collect()
}

/// SplitMix64: enough to draw rows that nobody picked by hand.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// What became of a mutation.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Killed { failed: Vec<String> },
    Stale(String),
    Survived,
    TimedOut,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Killed { .. } | Self::TimedOut => "killed",
            Self::Stale(_) => "stale",
            Self::Survived => "survived",
        }
    }

    fn detail(&self, mutation: &Mutation) -> String {
        match self {
            Self::Killed { failed } => failed.join(", "),
            Self::Stale(why) => format!("{}: {why}", mutation.file),
            Self::Survived => format!("{}: {} passes without it", mutation.file, mutation.test),
            Self::TimedOut => format!("{} did not end", mutation.test),
        }
    }
}

/// The copy of the tree, and where it is built.
struct Lab {
    root: PathBuf,
    folder: PathBuf,
    stop: StopFlag,
}

impl Lab {
    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Brings the copy up to date. Files that are equal stay untouched, so that cargo has nothing to rebuild.
    fn copy_tree(&self) -> Result<()> {
        let wanted = project::files(&self.root)?;
        let tree = self.tree();
        std::fs::create_dir_all(&tree)?;
        let names: BTreeSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        for (name, path) in project::files(&tree)? {
            if !names.contains(name.as_str()) {
                std::fs::remove_file(path)?;
            }
        }
        for (name, path) in &wanted {
            let copy = tree.join(name);
            let content = std::fs::read(path)?;
            if std::fs::read(&copy).ok().as_ref() != Some(&content) {
                let folder = copy.parent().context("a file without a folder")?;
                std::fs::create_dir_all(folder)?;
                std::fs::copy(path, &copy).with_context(|| name.clone())?;
                // `copy` keeps the permissions; the time has to be new, or cargo sees nothing.
                std::fs::write(&copy, content)?;
            }
        }
        Ok(())
    }

    fn try_mutation(&self, mutation: &Mutation) -> Result<Outcome> {
        let path = self.tree().join(&mutation.file);
        let Ok(original) = std::fs::read_to_string(&path) else {
            return Ok(Outcome::Stale("no such file".to_owned()));
        };
        let mutated = match mutation.apply(&original) {
            Ok(mutated) => mutated,
            Err(why) => return Ok(Outcome::Stale(why.to_owned())),
        };
        let before = self.test(mutation)?;
        if let Some(why) = unusable(&before) {
            return Ok(Outcome::Stale(why));
        }
        std::fs::write(&path, mutated)?;
        let outcome = self.judge(mutation);
        std::fs::write(&path, original)?;
        outcome
    }

    /// Builds and runs the tests of the mutated tree.
    fn judge(&self, mutation: &Mutation) -> Result<Outcome> {
        let built = self.cargo(mutation, &["--no-run"], BUILD_LIMIT)?;
        if !built.status.success() {
            return Ok(Outcome::Stale(format!(
                "it does not compile\n{}",
                built.text
            )));
        }
        let after = self.test(mutation)?;
        Ok(match (after.timed_out, after.status.success()) {
            (true, _) => Outcome::TimedOut,
            (false, true) => Outcome::Survived,
            (false, false) => Outcome::Killed {
                failed: failed(&after.text),
            },
        })
    }

    /// Builds first, so that the limit is the tests' own.
    fn test(&self, mutation: &Mutation) -> Result<Finished> {
        let built = self.cargo(mutation, &["--no-run"], BUILD_LIMIT)?;
        if !built.status.success() {
            return Ok(built);
        }
        self.cargo(
            mutation,
            &["--no-fail-fast", "--", &mutation.test],
            TEST_LIMIT,
        )
    }

    fn cargo(&self, mutation: &Mutation, words: &[&str], limit: Duration) -> Result<Finished> {
        let mut command = Command::new(project::cargo());
        command
            .current_dir(self.tree())
            .env("CARGO_TARGET_DIR", self.folder.join("build"))
            .args(["test", "--tests", "--package", &mutation.package])
            .args(words);
        for (variable, folder) in [
            ("CERTVOUCH_DESIGN", "design"),
            ("CERTVOUCH_VECTORS", "vectors"),
        ] {
            let place = self.root.join("../shared").join(folder);
            if std::env::var_os(variable).is_none() && place.is_dir() {
                command.env(variable, place);
            }
        }
        let finished = child::run(command, limit, &self.stop, false)?;
        if self.stop.is_set() {
            bail!("stopped");
        }
        Ok(finished)
    }
}

/// Why the tests of the tree as it is cannot judge a mutation.
fn unusable(before: &Finished) -> Option<String> {
    if before.timed_out {
        Some("its tests do not end".to_owned())
    } else if !before.status.success() {
        Some(format!("its tests fail without it\n{}", before.text))
    } else if !before
        .text
        .lines()
        .any(|line| line.starts_with("test ") && line.ends_with(" ok"))
    {
        Some("no test has such a name".to_owned())
    } else {
        None
    }
}

/// The names of the tests that failed.
fn failed(output: &str) -> Vec<String> {
    let names = output.lines().filter_map(|line| {
        line.strip_prefix("test ")?
            .strip_suffix(" ... FAILED")
            .map(str::to_owned)
    });
    names.collect()
}

#[cfg(test)]
mod tests;
