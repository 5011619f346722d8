//! `cargo xtask tidy`: the rules of the house that a compiler does not know.
//!
//! Each rule is a small function over a file, a manifest or `cargo metadata`, with its own tests on bad samples.
//! A finding is printed as `path:line: rule: what to do`. There is no way to silence a rule from within a
//! file; whoever needs an exception changes the rule, in the open.
//!
//! Reading order: [`borders`] (who may depend on whom), [`code`] (what a Rust file may say), [`shape`] (how long
//! it is, how it opens), [`manifest`] (lint table, licences), [`text`] (all files), [`threats`] (the tests that the threat model names).

mod borders;
mod code;
mod manifest;
mod shape;
mod text;
mod threats;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::source::Source;
use crate::{mutate, project};

/// One broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1; 0 when the rule is about the whole file.
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    /// What to do about it.
    pub(crate) advice: String,
}

impl Finding {
    pub(crate) fn new(
        path: &str,
        line: usize,
        rule: &'static str,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            advice: advice.into(),
        }
    }
}

/// Checks the whole tree, prints the findings, and says whether there were none.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    if let Some(word) = words.first() {
        bail!("tidy takes no arguments, found {word}");
    }
    let root = project::root()?;
    let mut findings = check(&root)?;
    findings.sort();
    for Finding {
        path,
        line,
        rule,
        advice,
    } in &findings
    {
        println!("{path}:{line}: {rule}: {advice}");
    }
    match findings.len() {
        0 => println!("tidy: nothing found"),
        n => println!("tidy: {n} to mend"),
    }
    Ok(findings.is_empty())
}

fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = borders::check(&project::metadata(root, false)?);
    findings.extend(manifest::licences(root)?);

    let files = project::files(root)?;
    let mut sources = Vec::new();
    for (name, path) in &files {
        let bytes = std::fs::read(path).with_context(|| name.clone())?;
        let Ok(content) = String::from_utf8(bytes) else {
            continue;
        };
        findings.extend(text::check(name, &content));
        if name.ends_with("Cargo.toml") {
            findings.extend(manifest::check(name, &content));
        }
        if name.ends_with(".rs") {
            sources.push((name.as_str(), content));
        }
    }
    let page = std::fs::read_to_string(root.join(threats::PAGE)).context(threats::PAGE)?;
    let texts = sources.iter().map(|(_, text)| text.as_str());
    findings.extend(threats::check(&page, texts));
    for source in read(&sources) {
        findings.extend(shape::check(&source));
        findings.extend(code::check(&source));
    }
    findings.extend(mutate::stale(root)?);
    Ok(findings)
}

/// Reads Rust files twice: first to learn which of them are declared under `#[cfg(test)]`.
fn read(files: &[(&str, String)]) -> Vec<Source> {
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|(path, text)| Source::new(path, text, false).test_modules())
        .collect();
    files
        .iter()
        .map(|(path, text)| {
            let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
            let below = tests.iter().any(|test| {
                stem.strip_prefix(test.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            Source::new(path, text, below)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_marks_files_declared_under_cfg_test_and_what_is_below_them() {
        let files = [
            (
                "crates/x/src/lib.rs",
                "#[cfg(test)]\nmod fixture;\nmod real;\n".to_owned(),
            ),
            ("crates/x/src/fixture/mod.rs", "a();\n".to_owned()),
            ("crates/x/src/fixture/deep.rs", "a();\n".to_owned()),
            ("crates/x/src/real.rs", "a();\n".to_owned()),
        ];
        let tests: Vec<bool> = read(&files)
            .iter()
            .map(|source| source.product_lines().next().is_none())
            .collect();
        assert_eq!(tests, [false, true, true, false]);
    }
}
