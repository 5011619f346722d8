//! `cargo xtask coverage`: which requirement row is proved by which test.
//!
//! The rows come from the design's `requirements.md`, which is not part of this repository: `--requirements`,
//! else the folder in `CERTVOUCH_DESIGN`, else `../shared/design` next to the project. Without it there is
//! nothing to compare, and the chore says so and succeeds. With `--executed` (an output of `cargo test`) a row
//! counts only through a test that ran and passed.
//!
//! It fails on: a required row of the responder's roles that is neither covered nor listed in
//! `docs/coverage-open.toml`; an entry there that is not needed; a covers line with an unknown ID or without a
//! test; a listed test that did not run.

mod executed;
mod open;
mod requirements;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::args::Args;
use crate::project;
use executed::Executed;
use open::Open;
use requirements::Row;
pub(crate) use scan::tests_in;
use scan::{Claim, Loose};

#[derive(Debug, Default)]
struct Options {
    requirements: Option<PathBuf>,
    executed: Vec<PathBuf>,
    json: bool,
}

/// Prints the table, and says whether it holds.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let options = options(words)?;
    let root = project::root()?;
    let Some(path) = requirements_path(&root, &options)? else {
        println!("coverage: no requirements.md (set CERTVOUCH_DESIGN); nothing to compare with");
        return Ok(true);
    };
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rows = requirements::read(&text)?;
    let open = open::read(&root.join("docs/coverage-open.toml"))?;
    let (claims, loose) = claims(&root)?;
    let mut problems: Vec<String> = loose.iter().map(loose_problem).collect();
    let claims = passed(claims, &root, &options, &mut problems)?;
    let report = judge(&rows, &open, &claims, problems);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_table(&report);
    }
    Ok(report.problems.is_empty())
}

fn options(words: &[&str]) -> Result<Options> {
    let mut options = Options::default();
    let mut args = Args::new(words);
    while let Some(flag) = args.flag() {
        match flag {
            "--requirements" => options.requirements = Some(args.value(flag)?.into()),
            "--executed" => options.executed.push(args.value(flag)?.into()),
            "--json" => options.json = true,
            other => bail!("coverage does not know {other}"),
        }
    }
    Ok(options)
}

/// A path given in words has to exist; the default place may be empty.
fn requirements_path(root: &Path, options: &Options) -> Result<Option<PathBuf>> {
    let named = options.requirements.clone().or_else(|| {
        std::env::var_os("CERTVOUCH_DESIGN")
            .map(|folder| Path::new(&folder).join("requirements.md"))
    });
    match named {
        Some(path) if path.is_file() => Ok(Some(path)),
        Some(path) => bail!("{}: no such file", path.display()),
        None => {
            let path = root.join("../shared/design/requirements.md");
            Ok(path.is_file().then_some(path))
        }
    }
}

fn claims(root: &Path) -> Result<(Vec<Claim>, Vec<Loose>)> {
    let mut all = (Vec::new(), Vec::new());
    for (name, path) in project::files(root)? {
        if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).with_context(|| name.clone())?;
            let (claims, loose) = scan::scan(&name, &text);
            all.0.extend(claims);
            all.1.extend(loose);
        }
    }
    Ok(all)
}

fn loose_problem(Loose(file, line): &Loose) -> String {
    format!("{file}:{line}: this covers line stands above no test")
}

/// Keeps the claims whose tests passed; without outputs to read, all of them.
fn passed(
    claims: Vec<Claim>,
    root: &Path,
    options: &Options,
    problems: &mut Vec<String>,
) -> Result<Vec<Claim>> {
    if options.executed.is_empty() {
        return Ok(claims);
    }
    let mut executed = Executed::default();
    for path in &options.executed {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        executed.read(&String::from_utf8_lossy(&bytes));
    }
    if executed.count() == 0 {
        bail!("--executed: no test passed in there");
    }
    let metadata = project::metadata(root, false)?;
    let (ran, missing): (Vec<Claim>, Vec<Claim>) = claims.into_iter().partition(|claim| {
        let places = executed::places(&root.join(&claim.file), &metadata);
        executed.contains(&places, &claim.test)
    });
    problems.extend(missing.iter().map(|claim| {
        format!(
            "{}::{}: names requirements, but did not run and pass",
            claim.file, claim.test
        )
    }));
    Ok(ran)
}

/// The outcome, as printed with `--json`.
#[derive(Debug, Serialize)]
struct Report {
    rows: Vec<Line>,
    problems: Vec<String>,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    section: String,
    level: String,
    role: &'static str,
    required: bool,
    /// `file::test`
    tests: Vec<String>,
    /// `owner: why` of the row or part left open by plan.
    open: Option<String>,
}

fn judge(rows: &[Row], open: &Open, claims: &[Claim], mut problems: Vec<String>) -> Report {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut tests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for claim in claims {
        for (id, line) in &claim.ids {
            if known.contains(id.as_str()) {
                tests
                    .entry(id)
                    .or_default()
                    .push(format!("{}::{}", claim.file, claim.test));
            } else if !is_other_id(id) {
                problems.push(format!("{}:{line}: no requirement {id}", claim.file));
            }
        }
    }
    let mut lines = Vec::new();
    for row in rows
        .iter()
        .filter(|row| row.role.is_ours() || tests.contains_key(row.id.as_str()))
    {
        let line = line(
            row,
            open,
            tests.get(row.id.as_str()).cloned().unwrap_or_default(),
        );
        if row.is_required() && line.tests.is_empty() && !excused(row, open) {
            problems.push(format!(
                "{} ({}): neither covered nor listed as open",
                row.id, row.level
            ));
        }
        lines.push(line);
    }
    problems.extend(stale(rows, open, &lines));
    Report {
        rows: lines,
        problems,
    }
}

/// Tests may also name threats (`T-1`), decisions (`D-2`) and vectors (`V1`); their lists are elsewhere.
fn is_other_id(id: &str) -> bool {
    ["T-", "D-", "V"].iter().any(|start| {
        id.strip_prefix(start).is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|character| character.is_ascii_digit())
        })
    })
}

fn line(row: &Row, open: &Open, tests: Vec<String>) -> Line {
    let entries: Vec<String> = open
        .rows
        .iter()
        .filter(|entry| entry.id == row.id)
        .map(|entry| match &entry.part {
            Some(part) => format!("{} ({part}): {}", entry.owner.name(), entry.why),
            None => format!("{}: {}", entry.owner.name(), entry.why),
        })
        .collect();
    Line {
        id: row.id.clone(),
        section: row.section.clone(),
        level: row.level.clone(),
        role: row.role.name(),
        required: row.is_required(),
        tests,
        open: (!entries.is_empty()).then(|| entries.join("; ")),
    }
}

fn excused(row: &Row, open: &Open) -> bool {
    open.rows
        .iter()
        .any(|entry| entry.id == row.id && entry.part.is_none())
}

/// Entries that are not needed: of unknown rows, of rows outside our roles, of rows that a test covers.
fn stale(rows: &[Row], open: &Open, lines: &[Line]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in &open.rows {
        let row = rows.iter().find(|row| row.id == entry.id);
        let covered = lines
            .iter()
            .any(|line| line.id == entry.id && !line.tests.is_empty());
        let problem = match row {
            None => "no such requirement",
            Some(row) if !row.role.is_ours() => "not a row of the responder's roles: leave it out",
            Some(_) if entry.why.trim().is_empty() => "say why it is open",
            Some(_) if covered && entry.part.is_none() => "a test covers it now: take it out",
            Some(_) if !seen.insert((&entry.id, &entry.part)) => "listed twice",
            Some(_) => continue,
        };
        problems.push(format!("docs/coverage-open.toml: {}: {problem}", entry.id));
    }
    problems
}

fn print_table(report: &Report) {
    for line in &report.rows {
        let Line { id, level, .. } = line;
        let proof = match (line.tests.as_slice(), &line.open) {
            ([], Some(open)) => format!("open, {open}"),
            ([], None) => "open".to_owned(),
            (tests, None) => tests.join(", "),
            (tests, Some(open)) => format!("{}; open, {open}", tests.join(", ")),
        };
        println!("{id:<24} {level:<14} {proof}");
    }
    let covered = report
        .rows
        .iter()
        .filter(|line| !line.tests.is_empty())
        .count();
    let required = report.rows.iter().filter(|line| line.required).count();
    let proved = report
        .rows
        .iter()
        .filter(|line| line.required && !line.tests.is_empty())
        .count();
    println!(
        "coverage: {} rows, {covered} covered; {required} required, {proved} of them covered",
        report.rows.len()
    );
    for problem in &report.problems {
        println!("coverage: {problem}");
    }
}

#[cfg(test)]
mod tests;
