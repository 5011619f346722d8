//! Which tests really ran: read from what `cargo test` printed.
//!
//! cargo names each test binary in a line `Running <source> (<path of the binary>)`, and the binary then
//! prints `test <module path>::<name> ... ok`. Where the `Running` lines are missing (standard error was not
//! kept) the module path alone has to do.

use std::path::Path;

use crate::project::{Metadata, Target};

/// One test that passed.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    /// The name of the test binary's target with `_` for `-`; `None` when the output does not tell.
    target: Option<String>,
    path: String,
}

/// All tests that passed in the outputs read so far.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    passed: Vec<Passed>,
}

impl Executed {
    /// Adds one output of `cargo test`.
    pub(crate) fn read(&mut self, output: &str) {
        let mut target = None;
        for line in output.lines().map(str::trim) {
            if let Some(binary) = line.strip_prefix("Running ").and_then(running) {
                target = Some(binary);
            } else if line.starts_with("Doc-tests ") {
                target = Some("doc-tests".to_owned());
            } else if let Some(path) = passed(line) {
                self.passed.push(Passed {
                    target: target.clone(),
                    path: path.to_owned(),
                });
            }
        }
    }

    /// How many tests passed.
    pub(crate) fn count(&self) -> usize {
        self.passed.len()
    }

    /// Did the test function `name` of a file at one of these places pass?
    pub(crate) fn contains(&self, places: &[Place], name: &str) -> bool {
        self.passed.iter().any(|passed| {
            places.iter().any(|place| {
                passed
                    .target
                    .as_ref()
                    .is_none_or(|target| *target == place.target)
                    && is_at(&passed.path, &place.module, name)
            })
        })
    }
}

/// `name` below `module`, with any inline modules (`tests`) between.
fn is_at(path: &str, module: &str, name: &str) -> bool {
    let rest = match module {
        "" => Some(path),
        module => path
            .strip_prefix(module)
            .and_then(|rest| rest.strip_prefix("::")),
    };
    rest.is_some_and(|rest| rest.rsplit("::").next() == Some(name))
}

/// `unittests src/lib.rs (target/debug/deps/certvouch_types-0123abcd)` → `certvouch_types`.
fn running(line: &str) -> Option<String> {
    let (_, path) = line.rsplit_once('(')?;
    let file = path.trim_end_matches(')').rsplit('/').next()?;
    let (name, _hash) = file.rsplit_once('-')?;
    Some(name.to_owned())
}

/// The path in `test a::b ... ok`; a test that was ignored or failed did not pass.
fn passed(line: &str) -> Option<&str> {
    let (path, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let path = path.trim_end_matches(" - should panic");
    (outcome == "ok" || outcome.starts_with("ok <")).then_some(path)
}

/// Where a file's tests show up: in the binary of this target, below this module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    target: String,
    module: String,
}

/// The places of a file, by the targets that cargo knows. A module shared by several test binaries has several.
pub(crate) fn places(file: &Path, metadata: &Metadata) -> Vec<Place> {
    let targets = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets);
    let exact: Vec<Place> = targets
        .clone()
        .filter(|target| target.src_path == file)
        .map(|target| Place {
            target: binary(target),
            module: String::new(),
        })
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    let below: Vec<(usize, Place)> = targets
        .filter_map(|target| {
            let folder = target.src_path.parent()?;
            let module = module_of(file.strip_prefix(folder).ok()?)?;
            Some((
                folder.components().count(),
                Place {
                    target: binary(target),
                    module,
                },
            ))
        })
        .collect();
    // The innermost folder wins: tests/it/main.rs owns tests/it/x.rs, not tests/other.rs.
    let deepest = below.iter().map(|(depth, _)| *depth).max();
    below
        .into_iter()
        .filter(|(depth, _)| Some(*depth) == deepest)
        .map(|(_, place)| place)
        .collect()
}

fn binary(target: &Target) -> String {
    target.name.replace('-', "_")
}

/// `a/b.rs` → `a::b`, `a/mod.rs` → `a`.
fn module_of(relative: &Path) -> Option<String> {
    let text = relative.to_str()?.strip_suffix(".rs")?;
    let text = text.strip_suffix("/mod").unwrap_or(text);
    Some(text.replace('/', "::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Package;

    const OUTPUT: &str = "
     Running unittests src/lib.rs (target/debug/deps/certvouch_types-0123abcd)

running 4 tests
test request::tests::empty_list_is_malformed ... ok
test request::tests::other ... FAILED
test request::tests::late ... ignored
test root_test ... ok
test request::tests::panics - should panic ... ok

     Running tests/openssl.rs (/x/target/debug/deps/openssl-ffff0000)
test good_is_good ... ok
   Doc-tests certvouch_types
test crates/types/src/lib.rs - (line 3) ... ok
";

    fn place(target: &str, module: &str) -> [Place; 1] {
        [Place {
            target: target.to_owned(),
            module: module.to_owned(),
        }]
    }

    fn executed() -> Executed {
        let mut executed = Executed::default();
        executed.read(OUTPUT);
        executed
    }

    #[test]
    fn test_that_passed_is_found_in_its_own_binary_and_module_only() {
        let executed = executed();
        let name = "empty_list_is_malformed";
        assert!(executed.contains(&place("certvouch_types", "request"), name));
        assert!(executed.contains(&place("certvouch_types", ""), name));
        assert!(!executed.contains(&place("certvouch_crypto", "request"), name));
        assert!(!executed.contains(&place("certvouch_types", "response"), name));
        assert!(!executed.contains(&place("certvouch_types", "req"), name));
        assert!(executed.contains(&place("certvouch_types", "request"), "panics"));
        assert!(executed.contains(&place("openssl", ""), "good_is_good"));
        assert_eq!(executed.count(), 5);
    }

    #[test]
    fn test_that_failed_or_was_ignored_did_not_run() {
        let executed = executed();
        assert!(!executed.contains(&place("certvouch_types", "request"), "other"));
        assert!(!executed.contains(&place("certvouch_types", "request"), "late"));
    }

    #[test]
    fn output_without_running_lines_is_matched_by_module() {
        let mut executed = Executed::default();
        executed.read("test a::tests::b ... ok\n");
        assert!(executed.contains(&place("anything", "a"), "b"));
        assert!(!executed.contains(&place("anything", "c"), "b"));
    }

    #[test]
    fn places_follow_the_targets_of_cargo() {
        let target = |name: &str, path: &str| Target {
            name: name.to_owned(),
            src_path: path.into(),
        };
        let metadata = Metadata {
            packages: vec![Package {
                name: "certvouch".to_owned(),
                version: "0.1.0".to_owned(),
                license: None,
                source: None,
                dependencies: Vec::new(),
                targets: vec![
                    target("certvouch", "/p/src/main.rs"),
                    target("one", "/p/tests/one.rs"),
                    target("two", "/p/tests/two.rs"),
                    target("it", "/p/tests/it/main.rs"),
                ],
            }],
        };
        let at = |file: &str| places(Path::new(file), &metadata);
        assert_eq!(at("/p/src/main.rs"), place("certvouch", ""));
        assert_eq!(at("/p/src/config/mod.rs"), place("certvouch", "config"));
        assert_eq!(
            at("/p/src/config/file.rs"),
            place("certvouch", "config::file")
        );
        assert_eq!(at("/p/tests/one.rs"), place("one", ""));
        assert_eq!(at("/p/tests/it/deep.rs"), place("it", "deep"));
        assert_eq!(at("/p/tests/common/mod.rs").len(), 2);
    }
}
