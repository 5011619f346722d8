//! Applying and drawing in memory, and the whole way over a package of three lines.

use super::*;

fn mutation(row: &str, find: &str, replace: &str) -> Mutation {
    Mutation {
        row: row.to_owned(),
        file: "src/lib.rs".to_owned(),
        find: find.to_owned(),
        replace: replace.to_owned(),
        package: "toy".to_owned(),
        test: "answer".to_owned(),
    }
}

#[test]
fn apply_replaces_a_text_that_is_there_once() {
    assert_eq!(mutation("E-1", "b", "x").apply("abc").unwrap(), "axc");
    assert_eq!(
        mutation("E-1", "z", "x").apply("abc"),
        Err("the text is not there")
    );
    assert_eq!(
        mutation("E-1", "b", "x").apply("abcb"),
        Err("the text is there more than once")
    );
    assert_eq!(
        mutation("E-1", "", "x").apply("abc"),
        Err("nothing to find")
    );
    assert_eq!(
        mutation("E-1", "b", "b").apply("abc"),
        Err("it changes nothing")
    );
}

#[test]
fn choose_draws_rows_by_seed() {
    let all: Vec<Mutation> = (0..40)
        .map(|n| mutation(&format!("E-{}", n % 20), "a", "b"))
        .collect();
    let rows = |count, seed| -> Vec<&str> {
        choose(&all, Some(count), seed)
            .into_iter()
            .map(|mutation| mutation.row.as_str())
            .collect()
    };
    assert_eq!(choose(&all, None, 0).len(), 40);
    assert_eq!(rows(10, 7), rows(10, 7));
    assert_ne!(rows(10, 7), rows(10, 8));
    assert_eq!(rows(10, 7).into_iter().collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(rows(99, 7).len(), 40);
}

#[test]
fn list_of_this_project_parses_and_is_not_stale() {
    assert_eq!(stale(&project::root().unwrap()).unwrap(), []);
}

/// A package with one function and one test, as a tree of its own.
fn toy() -> (tempfile::TempDir, Lab) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("project");
    std::fs::create_dir_all(root.join("src")).unwrap();
    let manifest = "[package]\nname = \"toy\"\nedition = \"2024\"\n[workspace]\n";
    let code = "pub fn answer() -> u8 { 42 }\npub fn idle() -> u8 { 7 }\n\
        #[test]\nfn answer_is_42() { assert_eq!(answer(), 42); }\n";
    std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(root.join("src/lib.rs"), code).unwrap();
    let lab = Lab {
        folder: root.join("target/mutate"),
        root,
        stop: StopFlag::default(),
    };
    lab.copy_tree().unwrap();
    (folder, lab)
}

#[test]
fn mutation_is_killed_survives_or_is_stale() {
    let (_folder, lab) = toy();
    let killed = lab.try_mutation(&mutation("E-1", "42 }", "41 }")).unwrap();
    assert_eq!(
        killed,
        Outcome::Killed {
            failed: vec!["answer_is_42".to_owned()]
        }
    );
    let survived = lab.try_mutation(&mutation("E-1", "7 }", "8 }")).unwrap();
    assert_eq!(survived, Outcome::Survived);
    let broken = lab.try_mutation(&mutation("E-1", "7 }", "\"\" }")).unwrap();
    assert!(matches!(broken, Outcome::Stale(why) if why.starts_with("it does not compile")));
    let nameless = Mutation {
        test: "nobody".to_owned(),
        ..mutation("E-1", "7 }", "8 }")
    };
    assert_eq!(
        lab.try_mutation(&nameless).unwrap(),
        Outcome::Stale("no test has such a name".to_owned())
    );
    let tree = std::fs::read(lab.tree().join("src/lib.rs")).unwrap();
    assert_eq!(tree, std::fs::read(lab.root.join("src/lib.rs")).unwrap());
}

#[test]
fn copy_takes_out_what_is_gone() {
    let (_folder, lab) = toy();
    std::fs::write(lab.tree().join("src/old.rs"), "").unwrap();
    lab.copy_tree().unwrap();
    assert!(!lab.tree().join("src/old.rs").exists());
}
