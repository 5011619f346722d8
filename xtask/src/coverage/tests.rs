//! The judgement over small tables, and the real table where it is at hand.

use super::*;

const REQUIREMENTS: &str = "\
## 2. Responder

| ID | Level | Requirement | Test |
| --- | --- | --- | --- |
| R1-1 | MUST | do it | so |
| R1-2 | MAY | perhaps | so |

## 4. Client

| ID | Level | Requirement | Test |
| --- | --- | --- | --- |
| C1-1 | MUST | a client | so |
";

fn claim(id: &str) -> Claim {
    Claim {
        file: "a.rs".to_owned(),
        test: "t".to_owned(),
        ids: vec![(id.to_owned(), 7)],
    }
}

fn problems(claims: &[Claim], open: &str) -> Vec<String> {
    let rows = requirements::read(REQUIREMENTS).unwrap();
    judge(&rows, &toml::from_str(open).unwrap(), claims, Vec::new()).problems
}

fn entry(id: &str, more: &str) -> String {
    format!("[[row]]\nid = \"{id}\"\nowner = \"production\"\nwhy = \"later\"\n{more}")
}

#[test]
fn required_row_without_test_or_entry_is_a_problem() {
    assert_eq!(
        problems(&[], ""),
        ["R1-1 (MUST): neither covered nor listed as open"]
    );
    assert_eq!(problems(&[claim("R1-1")], ""), [""; 0]);
    assert_eq!(problems(&[], &entry("R1-1", "")), [""; 0]);
}

#[test]
fn entry_of_a_covered_row_is_stale() {
    let stale = ["docs/coverage-open.toml: R1-1: a test covers it now: take it out"];
    assert_eq!(problems(&[claim("R1-1")], &entry("R1-1", "")), stale);
}

#[test]
fn entry_for_a_part_excuses_nothing_and_may_stay() {
    let part = entry("R1-1", "part = \"half\"\n");
    assert_eq!(
        problems(&[], &part),
        ["R1-1 (MUST): neither covered nor listed as open"]
    );
    assert_eq!(problems(&[claim("R1-1")], &part), [""; 0]);
}

#[test]
fn entry_that_is_unknown_foreign_or_doubled_is_a_problem() {
    let covered = [claim("R1-1")];
    assert_eq!(problems(&covered, &entry("R9-9", "")).len(), 1);
    assert_eq!(problems(&covered, &entry("C1-1", "")).len(), 1);
    let twice = format!("{}{}", entry("R1-2", ""), entry("R1-2", ""));
    assert_eq!(problems(&covered, &twice).len(), 1);
}

#[test]
fn claim_with_an_unknown_id_is_a_problem_but_threats_and_vectors_are_not() {
    let with = |id: &str| problems(&[claim("R1-1"), claim(id)], "");
    assert_eq!(with("E-99"), ["a.rs:7: no requirement E-99"]);
    assert_eq!(with("T-x").len(), 1);
    for id in ["T-3", "D-2", "V2", "C1-1"] {
        assert_eq!(with(id), [""; 0], "{id}");
    }
}

#[test]
fn entries_of_this_project_name_real_rows() {
    let root = project::root().unwrap();
    let Some(path) = requirements_path(&root, &Options::default()).unwrap() else {
        return;
    };
    let rows = requirements::read(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(rows.len() > 300, "{}", rows.len());
    let open = open::read(&root.join("docs/coverage-open.toml")).unwrap();
    let problems = stale(&rows, &open, &[]);
    assert_eq!(problems, [""; 0]);
}
