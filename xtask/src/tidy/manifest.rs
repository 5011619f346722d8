//! What manifests must say: every member takes the workspace's lint table, `unsafe` is forbidden there, and every
//! package of the lock file has a licence that `deny.toml` allows.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::project;
use crate::tidy::Finding;

/// Checks one `Cargo.toml`.
pub(crate) fn check(path: &str, content: &str) -> Vec<Finding> {
    let Ok(table) = content.parse::<Table>() else {
        return vec![Finding::new(path, 0, "manifest", "this is not TOML")];
    };
    let mut findings = Vec::new();
    if let Some(workspace) = table.get("workspace").and_then(Value::as_table)
        && path == "Cargo.toml"
        && look(workspace, &["lints", "rust", "unsafe_code"]).and_then(Value::as_str)
            != Some("forbid")
    {
        let advice = "`unsafe_code = \"forbid\"` belongs into [workspace.lints.rust]";
        findings.push(Finding::new(path, 0, "lint-table", advice));
    }
    // fuzz/ is a workspace of its own, with generated `main`s: the table does not reach it.
    let member = table.contains_key("package") && !path.starts_with("fuzz/");
    if member && look(&table, &["lints", "workspace"]).and_then(Value::as_bool) != Some(true) {
        let advice = "add `[lints]` with `workspace = true`";
        findings.push(Finding::new(path, 0, "lint-table", advice));
    }
    findings
}

fn look<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (last, path) = keys.split_last()?;
    let mut table = table;
    for key in path {
        table = table.get(*key)?.as_table()?;
    }
    table.get(*last)
}

/// Checks the licences of everything in the lock file.
pub(crate) fn licences(root: &Path) -> Result<Vec<Finding>> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml")?;
    let allowed = allowed(&text)?;
    let packages = project::metadata(root, true)?.packages;
    Ok(packages
        .iter()
        .filter(|package| package.source.is_some())
        .filter_map(|package| {
            let licence = package.license.as_deref().unwrap_or("(none)");
            (!satisfied(licence, &allowed)).then(|| {
                let advice = format!(
                    "{} {} is under `{licence}`, which deny.toml does not allow",
                    package.name, package.version
                );
                Finding::new("Cargo.lock", 0, "licence", advice)
            })
        })
        .collect())
}

fn allowed(deny: &str) -> Result<BTreeSet<String>> {
    let table: Table = deny.parse().context("deny.toml")?;
    let list = look(&table, &["licenses", "allow"]).and_then(Value::as_array);
    let list = list.context("deny.toml: no [licenses] allow")?;
    Ok(list
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect())
}

/// Can the SPDX expression be met with allowed licences? `OR` binds weaker than `AND`; the old `/` means `OR`.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest, allowed) && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = all(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        met |= all(rest, allowed);
    }
    met
}

fn all(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = one(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        met &= one(rest, allowed);
    }
    met
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = any(rest, allowed);
            *rest = rest.strip_prefix(&[")"]).unwrap_or_default();
            met
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(&format!("{name} WITH {exception}"))
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.contains(*name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_without_the_lint_table_is_found() {
        let rules = |text| check("crates/x/Cargo.toml", text).len();
        assert_eq!(rules("[package]\nname = \"x\"\n"), 1);
        assert_eq!(
            rules("[package]\nname = \"x\"\n[lints]\nworkspace = false\n"),
            1
        );
        assert_eq!(
            rules("[package]\nname = \"x\"\n[lints]\nworkspace = true\n"),
            0
        );
    }

    #[test]
    fn workspace_that_allows_unsafe_is_found() {
        assert_eq!(check("Cargo.toml", "[workspace]\n").len(), 1);
        let good = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        assert_eq!(check("Cargo.toml", good), []);
        assert_eq!(
            check("Cargo.toml", &good.replace("forbid", "warn")).len(),
            1
        );
    }

    #[test]
    fn licence_expressions_are_met_or_not() {
        let allowed: BTreeSet<String> =
            ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"]
                .map(str::to_owned)
                .into();
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "ISC AND (Apache-2.0 OR ISC)",
            "(MIT OR GPL-3.0) AND ISC",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "",
            "(none)",
            "MIT ISC",
            "ISC AND (OpenSSL OR GPL-3.0)",
        ] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }
}
