//! Man pages and completions: every command has its page, and every shell knows every command.

use std::fs;
use std::process::Command;

use certvouch_testkit::peer;
use certvouch_testkit::process::temp_dir;

/// Every command that is not hidden, by its words.
fn commands(command: &clap::Command, above: &[String], found: &mut Vec<Vec<String>>) {
    for below in command.get_subcommands() {
        if below.is_hide_set() || below.get_name() == "help" {
            continue;
        }
        let words = [above, &[below.get_name().to_owned()]].concat();
        found.push(words.clone());
        commands(below, &words, found);
    }
}

#[test]
fn every_command_has_a_page_and_every_shell_knows_it() {
    let dir = temp_dir();
    let mut manual = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    manual.arg("manual").arg(dir.path());
    let _ = peer::run(&mut manual, &[], peer::PATIENCE).expect_success("manual");
    let mut found = Vec::new();
    commands(&certvouch::command::definition(), &[], &mut found);
    assert!(found.len() > 8, "{found:?}");

    let page = |name: &str| {
        let path = dir.path().join("man1").join(format!("{name}.1"));
        fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    };
    let first = page("certvouch");
    for words in &found {
        let text = page(&format!("certvouch-{}", words.join("-")));
        assert!(text.contains(".TH"), "{words:?}");
        if let [word] = &words[..] {
            assert!(first.contains(word), "{word}");
        }
    }
    assert!(page("certvouch-verify").contains("\\-\\-allow\\-sha1"));
    assert_eq!(
        fs::read_dir(dir.path().join("man1")).unwrap().count(),
        found.len() + 1
    );

    for file in [
        "certvouch.bash",
        "_certvouch",
        "certvouch.fish",
        "_certvouch.ps1",
    ] {
        let text = fs::read_to_string(dir.path().join("completions").join(file)).unwrap();
        for words in &found {
            assert!(text.contains(words.last().unwrap()), "{file}: {words:?}");
        }
    }
}

#[test]
fn bash_accepts_its_completions() {
    let Some(bash) = peer::find("bash") else {
        return;
    };
    let dir = temp_dir();
    let mut manual = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    manual.arg("manual").arg(dir.path());
    let _ = peer::run(&mut manual, &[], peer::PATIENCE).expect_success("manual");
    let file = dir.path().join("completions/certvouch.bash");
    let _ = bash
        .run(&["-n", file.to_str().unwrap()])
        .expect_success("bash -n");
}
