//! How a Rust file looks from outside: it says what it is for, and it is not too long.

use crate::source::Source;
use crate::tidy::Finding;

/// Lines from which the module doc must say why the file is long.
const LONG: usize = 800;
/// Lines that no file may exceed.
const TOO_LONG: usize = 1200;
/// Lines of the program's `main.rs`: parse, run, exit code.
const MAIN: usize = 60;

/// All checks of this module.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    [opening(source), length(source), main_length(source)]
        .into_iter()
        .flatten()
        .collect()
}

fn opening(source: &Source) -> Option<Finding> {
    let opens = source.text.lines().next().is_some_and(|line| {
        line.strip_prefix("//!")
            .is_some_and(|doc| !doc.trim().is_empty())
    });
    (!opens).then(|| {
        let advice = "open the file with `//!`: what it is for, what it promises";
        Finding::new(&source.path, 1, "module-doc", advice)
    })
}

fn length(source: &Source) -> Option<Finding> {
    let lines = source.lines.len();
    let advice = if lines > TOO_LONG {
        format!("{lines} lines: split it (limit {TOO_LONG})")
    } else if lines > LONG && !source.module_doc().contains("long because") {
        format!("{lines} lines: split it, or let the module doc say `long because …`")
    } else {
        return None;
    };
    Some(Finding::new(&source.path, 0, "file-length", advice))
}

fn main_length(source: &Source) -> Option<Finding> {
    let lines = source.lines.len();
    (source.path == "crates/cli/src/main.rs" && lines > MAIN).then(|| {
        let advice = format!("{lines} lines: parse, run, exit code; the rest is a module ({MAIN})");
        Finding::new(&source.path, 0, "main-length", advice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        check(&Source::new(path, text, false))
            .iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn opening_without_a_doc_is_found() {
        assert_eq!(rules("a.rs", "fn main() {}\n"), ["module-doc"]);
        assert_eq!(rules("a.rs", ""), ["module-doc"]);
        assert_eq!(rules("a.rs", "//!\n"), ["module-doc"]);
        assert_eq!(rules("a.rs", "//! Says it.\n"), [""; 0]);
    }

    #[test]
    fn length_above_800_needs_a_reason_and_above_1200_has_none() {
        let body = |lines: usize| "a();\n".repeat(lines);
        assert_eq!(rules("a.rs", &format!("//! X.\n{}", body(799))), [""; 0]);
        assert_eq!(
            rules("a.rs", &format!("//! X.\n{}", body(800))),
            ["file-length"]
        );
        assert_eq!(
            rules("a.rs", &format!("//! It is long because …\n{}", body(800))),
            [""; 0]
        );
        assert_eq!(
            rules("a.rs", &format!("//! It is long because …\n{}", body(1200))),
            ["file-length"]
        );
    }

    #[test]
    fn main_of_the_program_is_short() {
        let text = format!("//! X.\n{}", "a();\n".repeat(60));
        assert_eq!(rules("crates/cli/src/main.rs", &text), ["main-length"]);
        assert_eq!(rules("crates/cli/src/other.rs", &text), [""; 0]);
    }
}
