//! `docs/threat-model.md` is true: every test that it names is there, and every row has one or says what it waits for.

use std::collections::BTreeSet;

use crate::coverage::tests_in;
use crate::tidy::Finding;

/// The page.
pub(crate) const PAGE: &str = "docs/threat-model.md";

/// Checks the page against all tests of the tree, given as Rust sources.
pub(crate) fn check<'a>(page: &str, sources: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    let known: BTreeSet<&str> = sources.flat_map(tests_in).collect();
    let mut findings = Vec::new();
    for (index, line) in page.lines().enumerate() {
        let Some((id, cell)) = row(line) else {
            continue;
        };
        let mut find = |advice: String| {
            findings.push(Finding::new(PAGE, index + 1, "threats", advice));
        };
        let named: Vec<&str> = cell
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|it| is_test(it))
            .collect();
        if named.is_empty() && !cell.contains("open: ") {
            find(format!(
                "{id} has neither a test nor a word about what it waits for"
            ));
        }
        for name in named.into_iter().filter(|name| !known.contains(name)) {
            find(format!("{id}: there is no test {name}"));
        }
    }
    findings
}

/// The ID and the tests of a row of the tables.
fn row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let id = cells.next().filter(|id| id.starts_with("T-"))?;
    Some((id, cells.last()?))
}

/// Whether this is a name as tests have it, and not a path, a flag or a rule.
fn is_test(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.contains('_') && word.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#[test]\nfn it_holds() {}\nfn no_test() {}\n#[tokio::test]\nasync fn it_holds_later() {}\n";

    fn lines(page: &str) -> Vec<usize> {
        let found = check(page, [SOURCE].into_iter());
        found.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn rows_with_tests_that_are_there_are_true() {
        let page = "| ID | sentence | test |\n|---|---|---|\n| T-1 | x | `it_holds`, `it_holds_later` (cli), tidy `some-rule` |\n\
                    | T-2 | y | open: later |\n";
        assert_eq!(lines(page), [0; 0]);
    }

    #[test]
    fn test_that_is_no_test_or_not_there_is_found() {
        assert_eq!(lines("\n| T-1 | x | `no_test` |\n"), [2]);
        assert_eq!(lines("| T-1 | x | `it_held`, `it_holds` |\n"), [1]);
    }

    #[test]
    fn row_without_a_test_is_found() {
        assert_eq!(lines("| T-1 | `it_holds` | nothing |\n"), [1]);
    }
}
