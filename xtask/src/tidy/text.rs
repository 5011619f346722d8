//! What no file of the project may contain, whatever its kind: places of one machine, or of one registry.

use crate::tidy::Finding;

/// A folder that exists on one machine only. Written in two halves, or this file would be found.
const LOCAL_FOLDER: &str = concat!("/wo", "rk/");
/// A registry chosen in a manifest or a cargo configuration.
const REGISTRY: &str = concat!("regis", "try = ");
/// The only source that the lock file may name.
const PUBLIC_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// All checks of this module.
pub(crate) fn check(path: &str, content: &str) -> Vec<Finding> {
    let lines = content
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    lines
        .filter_map(|(number, line)| leak(path, number, line))
        .collect()
}

fn leak(path: &str, number: usize, line: &str) -> Option<Finding> {
    let advice = if line.contains(LOCAL_FOLDER) {
        "a folder of one machine: use a path relative to the project, or a variable"
    } else if chooses_registry(line) {
        "a registry of one's own: the project builds from the public one"
    } else if path.ends_with("Cargo.lock") && foreign_source(line) {
        "a dependency from elsewhere than the public registry"
    } else {
        return None;
    };
    Some(Finding::new(path, number, "leak", advice))
}

/// The key by itself, at the start or inside a table, not the end of a longer key.
fn chooses_registry(line: &str) -> bool {
    line.split_once(REGISTRY)
        .is_some_and(|(before, _)| before.is_empty() || before.ends_with(['{', ',', ' ', '"']))
}

fn foreign_source(line: &str) -> bool {
    line.strip_prefix("source = ")
        .is_some_and(|source| source.trim_matches('"') != PUBLIC_SOURCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Vec<usize> {
        check(path, content)
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn leak_of_a_local_folder_is_found_in_any_file() {
        assert_eq!(
            found("README.md", &format!("a\nsee {LOCAL_FOLDER}x\n")),
            [2]
        );
        assert_eq!(found("README.md", "network/ and work are words\n"), [0; 0]);
    }

    #[test]
    fn leak_of_a_registry_is_found() {
        assert_eq!(
            found(
                ".cargo/config.toml",
                &format!("{REGISTRY}\"sparse+http://x\"\n")
            ),
            [1]
        );
    }

    #[test]
    fn lock_file_names_the_public_registry_only() {
        let good = format!("source = \"{PUBLIC_SOURCE}\"\n");
        let bad = "source = \"git+https://example.org/x\"\n";
        assert_eq!(found("Cargo.lock", &format!("{good}{bad}")), [2]);
        assert_eq!(found("notes.toml", bad), [0; 0]);
    }
}
