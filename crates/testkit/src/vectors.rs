//! The collection of test data from other projects: reading it, running it, and the exceptions from it.
//!
//! The collection lies beside the repository and is never copied into it. Its two tables say what to feed
//! and what to expect; a test hands [`Run`] one check per kind, and [`Run::finish`] fails with everything
//! that differs. Whoever cannot or will not agree with a case writes it into an exceptions file, where it is
//! held to rules: it names what is expected and what comes instead; it fails when it is no longer true; and
//! it can never excuse that something was accepted which is to be rejected, nor a panic.
//!
//! Absent data is said aloud and is no failure: the next machine may not have it.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The environment variable that says where the collection lies.
pub const VARIABLE: &str = "CERTVOUCH_VECTORS";

/// Where it lies if nothing is said: beside the repository.
const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors");

/// All cases.
#[derive(Debug)]
#[non_exhaustive]
pub struct Collection {
    root: PathBuf,
    cases: Vec<Case>,
}

/// One line of `cases.tsv` with its line of `answers.tsv`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Case {
    /// `corpus/name`.
    pub id: String,
    /// What to call.
    pub kind: String,
    /// The clock to use, as it stands in the table.
    pub time: String,
    /// What is expected, with the advice behind the colon.
    pub expected: String,
    /// What the case is about.
    pub reason: String,
    inputs: Vec<(String, Vec<PathBuf>)>,
    literal: Option<Vec<u8>>,
    params: Map<String, Value>,
}

impl Collection {
    /// Opens the collection, or says on standard error that it is absent.
    ///
    /// # Panics
    /// When it is there and its tables cannot be read.
    #[must_use]
    pub fn open() -> Option<Self> {
        let root = env::var_os(VARIABLE).map_or_else(|| PathBuf::from(DEFAULT), PathBuf::from);
        let (Ok(cases), Ok(answers)) = (
            fs::read_to_string(root.join("cases.tsv")),
            fs::read_to_string(root.join("answers.tsv")),
        ) else {
            say(&format!(
                "SKIPPED: vectors are absent at {} (set {VARIABLE})",
                root.display()
            ));
            return None;
        };
        Some(Self::from_tables(&root, &cases, &answers))
    }

    fn from_tables(root: &Path, cases: &str, answers: &str) -> Self {
        let answers: BTreeMap<&str, (&str, &str)> = rows(answers, "id\texpected\tfields\t")
            .map(|row| (row[0], (row[1], row.get(5).copied().unwrap_or_default())))
            .collect();
        let cases = rows(cases, "id\tkind\tinputs\t")
            .map(|row| {
                let (expected, reason) = answers
                    .get(row[0])
                    .unwrap_or_else(|| panic!("vectors: {} has no answer", row[0]));
                Case::from_row(root, &row, expected, reason)
            })
            .collect();
        Self {
            root: root.to_path_buf(),
            cases,
        }
    }

    /// The kinds that occur, with the number of cases.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for case in &self.cases {
            *kinds.entry(case.kind.as_str()).or_insert(0) += 1;
        }
        kinds
    }

    /// The cases of one kind, in the order of the table.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.kind == kind)
    }

    /// Every input file that a case of one of these kinds names under `key`, once each, with its octets.
    #[must_use]
    pub fn files(&self, key: &str) -> Vec<(String, Vec<u8>)> {
        let paths: BTreeSet<&PathBuf> = self
            .cases
            .iter()
            .flat_map(|case| &case.inputs)
            .filter(|(name, _)| name == key)
            .flat_map(|(_, paths)| paths)
            .collect();
        paths
            .into_iter()
            .map(|path| {
                let name = path.strip_prefix(&self.root).unwrap_or(path);
                (name.display().to_string(), load(path))
            })
            .collect()
    }
}

/// The rows below the heading, cut at tabs.
fn rows<'a>(table: &'a str, heading: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let mut lines = table.lines();
    let first = lines.next().unwrap_or_default();
    assert!(
        first.starts_with(heading),
        "vectors: the table begins with {first:?}, not with {heading:?}"
    );
    lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split('\t').collect())
}

/// Reads a file; a PEM file gives the octets of its first block.
fn load(path: &Path) -> Vec<u8> {
    let octets =
        fs::read(path).unwrap_or_else(|error| panic!("vectors: {}: {error}", path.display()));
    from_pem(&octets).unwrap_or(octets)
}

fn from_pem(octets: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(octets).ok()?;
    let (_, block) = text.split_once("-----BEGIN ")?;
    let (_, block) = block.split_once("-----")?;
    let (block, _) = block.split_once("-----END ")?;
    let block: String = block.split_ascii_whitespace().collect();
    STANDARD.decode(block).ok()
}

/// Writes to standard error past the capture of the test harness, so that a skip is always seen.
fn say(line: &str) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(io::stderr(), "{line}");
}

impl Case {
    /// A param, without asserting it.
    #[must_use]
    pub fn param(&self, key: &str) -> Option<&Value> {
        self.params.get(key)
    }

    fn from_row(root: &Path, row: &[&str], expected: &str, reason: &str) -> Self {
        let id = row[0];
        let column = |index: usize| row.get(index).copied().unwrap_or_default();
        let mut inputs = Vec::new();
        let mut literal = None;
        for input in column(2).split(';').filter(|input| !input.is_empty()) {
            let (key, value) = input
                .split_once('=')
                .unwrap_or_else(|| panic!("vectors: {id}: input {input:?} has no key"));
            if key == "literal" {
                literal = Some(unhex(value).unwrap_or_else(|| panic!("vectors: {id}: bad hex")));
                continue;
            }
            assert!(
                !value.contains('!'),
                "vectors: {id}: members of archives are not read yet"
            );
            inputs.push((
                key.to_owned(),
                value.split(',').map(|path| root.join(path)).collect(),
            ));
        }
        let params = match column(4) {
            "" => Map::new(),
            text => serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("vectors: {id}: params: {error}")),
        };
        Self {
            id: id.to_owned(),
            kind: row[1].to_owned(),
            time: column(3).to_owned(),
            expected: expected.to_owned(),
            reason: reason.to_owned(),
            inputs,
            literal,
            params,
        }
    }

    /// The octets of all inputs under a key, in order. PEM is decoded.
    ///
    /// # Panics
    /// When a file is missing.
    #[must_use]
    pub fn inputs(&self, key: &str) -> Vec<Vec<u8>> {
        self.inputs
            .iter()
            .filter(|(name, _)| name == key)
            .flat_map(|(_, paths)| paths)
            .map(|path| load(path))
            .collect()
    }

    /// The octets of the one input under a key, or those that the table spells out itself.
    ///
    /// # Panics
    /// When there is neither.
    #[must_use]
    pub fn input(&self, key: &str) -> Vec<u8> {
        self.inputs(key)
            .into_iter()
            .next()
            .or_else(|| self.literal.clone())
            .unwrap_or_else(|| panic!("vectors: {} has no input {key:?}", self.id))
    }

    /// The octets of the one file under a key as they are, PEM and all.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn file(&self, key: &str) -> Vec<u8> {
        let mut paths = self.inputs.iter().filter(|(name, _)| name == key);
        let path = paths.find_map(|(_, paths)| paths.first());
        let path = path.unwrap_or_else(|| panic!("vectors: {} has no file {key:?}", self.id));
        fs::read(path).unwrap_or_else(|error| panic!("vectors: {}: {error}", path.display()))
    }

    /// The octets of every input, whatever its key.
    ///
    /// # Panics
    /// When a file is missing.
    #[must_use]
    pub fn every_input(&self) -> Vec<Vec<u8>> {
        let files = self.inputs.iter().flat_map(|(_, paths)| paths);
        files
            .map(|path| load(path))
            .chain(self.literal.clone())
            .collect()
    }
}

/// What the params of a case ask for. A check takes what it asserts; what is left over at the end fails.
#[derive(Debug)]
pub struct Params {
    left: Map<String, Value>,
    differences: Vec<String>,
}

impl Params {
    /// Takes the value under a key.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key)
    }

    /// Takes the value under a key, if it is there, and compares it with ours.
    pub fn same(&mut self, key: &str, ours: impl Into<Value>) {
        if let Some(expected) = self.take(key) {
            let ours = ours.into();
            if ours != expected {
                self.differs(&format!("{key} is {ours}, expected {expected}"));
            }
        }
    }

    /// Takes the hex under a key, if it is there, and compares it with our octets.
    pub fn same_octets(&mut self, key: &str, ours: Option<&[u8]>) {
        if let Some(expected) = self.take(key) {
            let octets = expected.as_str().and_then(unhex);
            if octets.as_deref() != ours || ours.is_none() {
                let ours = ours.map(hex);
                self.differs(&format!("{key} is {ours:?}, expected {expected}"));
            }
        }
    }

    /// Notes a difference: the case does not pass.
    pub fn differs(&mut self, difference: &str) {
        self.differences.push(difference.to_owned());
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The octets of hex in either case.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = text.chars().collect();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok())
        .collect()
}

/// What our side said about a case.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// A word of the collection: `ok`, `err`, `good`, `reject`, …
    pub word: String,
    /// Why, for a person.
    pub detail: String,
}

impl Verdict {
    /// A word alone.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self::with(word, "")
    }

    /// A word and why.
    #[must_use]
    pub fn with(word: &str, detail: impl ToString) -> Self {
        Self {
            word: word.to_owned(),
            detail: detail.to_string(),
        }
    }
}

/// The word for a check that panicked, which nothing excuses.
const PANIC: &str = "panic";

/// The word for a verdict that agrees while decoded values do not.
const MISMATCH: &str = "mismatch";

/// Whether a word means that the input must not be used.
fn rejects(word: &str) -> bool {
    matches!(
        word,
        "err" | "reject" | "invalid" | "sig-bad" | "fail" | "missing-staple"
    ) || word.starts_with(['4', '5'])
}

/// What stands before the colon: what follows is advice.
fn strict(word: &str) -> &str {
    word.split_once(':').map_or(word, |(word, _)| word)
}

/// One line of an exceptions file.
#[derive(Debug)]
struct Exception {
    expected: String,
    ours: String,
    used: bool,
}

/// A run over some kinds with one exceptions file.
#[derive(Debug)]
pub struct Run<'a> {
    collection: &'a Collection,
    exceptions: BTreeMap<String, Exception>,
    failures: Vec<String>,
    summary: Vec<String>,
    seen: BTreeSet<String>,
}

impl<'a> Run<'a> {
    /// A run with an exceptions file: a heading, then `id, expected, ours, reason` separated by tabs.
    ///
    /// # Panics
    /// When a line of the file has another shape or lacks its reason, or its id stands there twice.
    #[must_use]
    pub fn new(collection: &'a Collection, exceptions: &str) -> Self {
        let mut run = Self {
            collection,
            exceptions: BTreeMap::new(),
            failures: Vec::new(),
            summary: Vec::new(),
            seen: BTreeSet::new(),
        };
        for row in rows(exceptions, "id\texpected\tours\treason") {
            let [id, expected, ours, reason] = row[..] else {
                panic!("exceptions: {row:?} has not four columns");
            };
            assert!(!reason.trim().is_empty(), "exceptions: {id} has no reason");
            let forbidden = ours == PANIC || rejects(strict(expected)) && !rejects(strict(ours));
            if forbidden {
                run.failures.push(format!(
                    "{id}: no exception may excuse {ours} where {expected} is expected"
                ));
            }
            let exception = Exception {
                expected: expected.to_owned(),
                ours: ours.to_owned(),
                used: false,
            };
            let double = run.exceptions.insert(id.to_owned(), exception);
            assert!(double.is_none(), "exceptions: {id} stands there twice");
        }
        run
    }

    /// Runs all cases of a kind.
    pub fn kind(&mut self, kind: &str, check: impl Fn(&Case, &mut Params) -> Verdict) {
        self.kind_where(kind, |_| true, check);
    }

    /// Runs the cases of a kind that are about something of ours. The others are counted in the summary.
    pub fn kind_where(
        &mut self,
        kind: &str,
        ours: impl Fn(&Case) -> bool,
        check: impl Fn(&Case, &mut Params) -> Verdict,
    ) {
        self.seen.insert(kind.to_owned());
        let (mut passed, mut excepted, mut failed, mut left) = (0, 0, 0, 0);
        let collection = self.collection;
        for case in collection.of_kind(kind) {
            if !ours(case) {
                left += 1;
                continue;
            }
            let (verdict, differences) = judge(case, &check);
            let agrees = verdict.word == strict(&case.expected) && differences.is_empty();
            let ours = if verdict.word == strict(&case.expected) && !agrees {
                MISMATCH
            } else {
                &verdict.word
            };
            let what = format!(
                "{}: {ours} instead of {} ({}) {} {}",
                case.id,
                case.expected,
                case.reason,
                verdict.detail,
                differences.join("; ")
            );
            match (self.exceptions.get_mut(&case.id), agrees) {
                (None, true) => passed += 1,
                (None, false) => {
                    failed += 1;
                    self.failures.push(what);
                }
                (Some(exception), agrees) => {
                    exception.used = true;
                    if agrees {
                        failed += 1;
                        let stale = format!("{}: the exception is stale, it passes", case.id);
                        self.failures.push(stale);
                    } else if exception.expected != case.expected || exception.ours != ours {
                        failed += 1;
                        self.failures
                            .push(format!("the exception says something else: {what}"));
                    } else {
                        excepted += 1;
                    }
                }
            }
        }
        let mut line =
            format!("vectors: {kind}: {passed} passed, {excepted} excepted, {failed} failed");
        if left > 0 {
            line.push_str(&format!(", {left} about something else"));
        }
        self.summary.push(line);
    }

    /// Prints one line per kind and fails with everything that went wrong. `later` names the kinds that are
    /// not run here, so that a new one is noticed.
    ///
    /// # Panics
    /// When a case failed, an exception is stale or forbidden, or a kind is neither run nor in `later`.
    pub fn finish(mut self, later: &[&str]) {
        for line in &self.summary {
            say(line);
        }
        for (id, exception) in &self.exceptions {
            if !exception.used {
                let stale = format!("{id}: the exception names no case that was run");
                self.failures.push(stale);
            }
        }
        for (kind, cases) in self.collection.kinds() {
            if !self.seen.contains(kind) && !later.contains(&kind) {
                self.failures
                    .push(format!("kind {kind} ({cases} cases) is not run by anybody"));
            }
        }
        assert!(
            self.failures.is_empty(),
            "{} vectors failed:\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}

/// Calls the check; what it left of the params is a difference.
fn judge(case: &Case, check: impl Fn(&Case, &mut Params) -> Verdict) -> (Verdict, Vec<String>) {
    let mut params = Params {
        left: case.params.clone(),
        differences: Vec::new(),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| check(case, &mut params)));
    let verdict = outcome.unwrap_or_else(|panic| Verdict::with(PANIC, message(&*panic)));
    for key in params.left.keys() {
        params
            .differences
            .push(format!("param {key:?} was not asserted"));
    }
    (verdict, params.differences)
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = "id\tkind\tinputs\ttime\tparams\n\
        a/1\tparse\tliteral=00ff\t\t{\"count\":2}\n\
        a/2\tparse\tliteral=01\t\t\n";
    const ANSWERS: &str = "id\texpected\tfields\tcorpus\tcase\treason\n\
        a/1\tok:class\t\ta\t1\twhy\n\
        a/2\terr\t\ta\t2\twhy\n";
    const NONE: &str = "id\texpected\tours\treason\n";

    fn outcome(exceptions: &str, check: fn(&Case, &mut Params) -> Verdict) -> Vec<String> {
        let collection = Collection::from_tables(Path::new("."), CASES, ANSWERS);
        let mut run = Run::new(&collection, &format!("{NONE}{exceptions}"));
        run.kind("parse", check);
        let panic = catch_unwind(AssertUnwindSafe(|| run.finish(&[])));
        match panic {
            Ok(()) => Vec::new(),
            Err(panic) => message(&*panic)
                .lines()
                .skip(1)
                .map(str::to_owned)
                .collect(),
        }
    }

    fn right(case: &Case, params: &mut Params) -> Verdict {
        let octets = case.input("anything");
        params.same("count", octets.len());
        Verdict::new(if octets == [1] { "err" } else { "ok" })
    }

    #[test]
    fn run_passes_when_words_and_params_agree() {
        assert!(outcome("", right).is_empty());
    }

    #[test]
    fn run_fails_on_a_difference_a_param_left_over_and_a_panic() {
        let wrong = outcome("", |case, params| {
            params.same("count", 3);
            Verdict::new(if case.id == "a/2" { "err" } else { "ok" })
        });
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("mismatch") && wrong[0].contains("count is 3, expected 2"));
        let left = outcome("", |case, _| {
            Verdict::new(if case.id == "a/2" { "err" } else { "ok" })
        });
        assert!(left[0].contains("\"count\" was not asserted"), "{left:?}");
        let panicked = outcome("", |_, _| panic!("boom"));
        assert_eq!(panicked.len(), 2);
        assert!(panicked[1].contains("panic instead of err") && panicked[1].contains("boom"));
    }

    #[test]
    fn exception_must_be_true_needed_and_allowed() {
        let lenient = |case: &Case, params: &mut Params| {
            params.take("count");
            let _ = case;
            Verdict::new("err")
        };
        assert!(outcome("a/1\tok:class\terr\tstrict here\n", lenient).is_empty());
        let other = outcome("a/1\tok:class\tmismatch\tstrict here\n", lenient);
        assert!(other[0].contains("says something else"), "{other:?}");
        let stale = outcome("a/1\tok:class\terr\tstrict here\n", right);
        assert!(stale[0].contains("stale"), "{stale:?}");
        let unknown = outcome("a/9\tok\terr\tstrict here\n", right);
        assert!(unknown[0].contains("names no case"), "{unknown:?}");
        let accepting = outcome("a/2\terr\tok\twe like it\n", |_, params| {
            params.take("count");
            Verdict::new("ok")
        });
        assert!(
            accepting[0].contains("no exception may excuse"),
            "{accepting:?}"
        );
    }

    #[test]
    fn kind_that_nobody_runs_is_a_failure() {
        let collection = Collection::from_tables(Path::new("."), CASES, ANSWERS);
        let run = Run::new(&collection, NONE);
        assert!(catch_unwind(AssertUnwindSafe(|| run.finish(&[]))).is_err());
        Run::new(&collection, NONE).finish(&["parse"]);
    }

    #[test]
    fn pem_gives_its_first_block_and_hex_its_octets() {
        let pem = b"text\n-----BEGIN X-----\nAAEC\n/w==\n-----END X-----\n";
        assert_eq!(from_pem(pem), Some(vec![0, 1, 2, 255]));
        assert_eq!(from_pem(&[0x30, 0x80, 0xFF]), None);
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0g"), None);
    }
}
