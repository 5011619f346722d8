//! `cargo xtask corpus OUT [--judge]`: writes the corpus of OCSP responses, and lets programs judge it.
//!
//! The corpus is made by an example of testkit and judged by us through an example of verify, so that this package
//! stays small. The other judges are the runners in `judges/`. `--judge` writes `docs/verdicts.md`; a program that is
//! not installed has a column that says so. The chore fails if our own verdict is not the expected one.

mod table;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;
use table::{Case, Column, Said};

/// How long a judge may take; each starts several programs for each case.
const LIMIT: Duration = Duration::from_secs(1800);

/// A foreign program: its column, the profile it is held to, what has to be on the path, and how it is asked.
struct Judge {
    title: &'static str,
    profile: &'static str,
    needs: &'static [&'static str],
    version: &'static [&'static str],
    command: &'static [&'static str],
}

const JUDGES: [Judge; 4] = [
    Judge {
        title: "openssl",
        profile: "openssl",
        needs: &["openssl", "faketime"],
        version: &["openssl", "version"],
        command: &["judges/openssl.sh"],
    },
    Judge {
        title: "ocsptool",
        profile: "rfc9919",
        needs: &["ocsptool", "openssl", "faketime"],
        version: &["ocsptool", "--version"],
        command: &["judges/gnutls.sh"],
    },
    Judge {
        title: "go",
        profile: "rfc9919",
        needs: &["go"],
        version: &["go", "version"],
        command: &["go", "run", "judges/go/main.go"],
    },
    Judge {
        title: "java",
        profile: "java",
        needs: &["java"],
        version: &["java", "--version"],
        command: &["java", "judges/java/Judge.java"],
    },
];

/// Writes the corpus, and the table if asked to.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let mut args = Args::new(words);
    let (mut out, mut judge) = (None, false);
    while let Some(word) = args.flag() {
        match word {
            "--judge" => judge = true,
            flag if flag.starts_with('-') => bail!("corpus does not know {flag}"),
            folder => out = Some(folder),
        }
    }
    let out = std::path::absolute(out.context("corpus needs a folder to write to")?)?;
    let root = project::root()?;
    let stop = StopFlag::register()?;
    let made = ask(&root, example("certvouch-testkit", "corpus"), &out, &stop)?;
    print!("{made}");
    if !judge {
        return Ok(true);
    }
    let index = std::fs::read_to_string(out.join("cases.tsv")).context("cases.tsv")?;
    let cases = table::cases(&index)?;
    let ours = ask(&root, example("certvouch-verify", "judge"), &out, &stop)?;
    let mut columns = vec![Column {
        title: "certvouch".to_owned(),
        profile: "rfc9919",
        version: format!("certvouch {}", env!("CARGO_PKG_VERSION")),
        said: table::ours(&cases, &ours),
    }];
    for judge in &JUDGES {
        columns.push(column(&root, judge, &cases, &out, &stop)?);
    }
    let path = root.join("docs/verdicts.md");
    std::fs::write(&path, table::page(&cases, &columns))
        .with_context(|| path.display().to_string())?;
    println!("written: docs/verdicts.md");
    let wrong: Vec<&str> = table::deviations(&cases, &columns[0]);
    if !wrong.is_empty() {
        println!("ours differ from what is expected: {}", wrong.join(", "));
    }
    Ok(wrong.is_empty())
}

fn example(package: &str, name: &str) -> Command {
    let mut command = Command::new(project::cargo());
    command.args([
        "run",
        "--quiet",
        "--package",
        package,
        "--example",
        name,
        "--",
    ]);
    command
}

/// What a command says of the corpus.
fn ask(root: &Path, mut command: Command, corpus: &Path, stop: &StopFlag) -> Result<String> {
    let name = format!("{command:?}");
    command.current_dir(root).arg(corpus);
    let finished = child::run(command, LIMIT, stop, false)?;
    if finished.timed_out || !finished.status.success() {
        bail!("{name}: {}\n{}", finished.status, finished.text);
    }
    Ok(finished.text)
}

fn column(
    root: &Path,
    judge: &Judge,
    cases: &[Case],
    corpus: &Path,
    stop: &StopFlag,
) -> Result<Column> {
    let missing: Vec<&str> = judge
        .needs
        .iter()
        .copied()
        .filter(|program| !on_path(program))
        .collect();
    if !missing.is_empty() {
        return Ok(Column {
            title: judge.title.to_owned(),
            profile: judge.profile,
            version: format!("absent: {} not installed", missing.join(", ")),
            said: cases.iter().map(|_| Said::absent()).collect(),
        });
    }
    let command = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .envs([
                ("GO111MODULE", "off"),
                ("GOPATH", "/usr/share/gocode"),
                ("GOTOOLCHAIN", "local"),
            ])
            .current_dir(root);
        command
    };
    let version = command(judge.version)
        .output()
        .with_context(|| judge.title)?;
    let version = String::from_utf8_lossy(&version.stdout);
    println!("asking {}", judge.title);
    let text = ask(root, command(judge.command), corpus, stop)?;
    Ok(Column {
        title: judge.title.to_owned(),
        profile: judge.profile,
        version: version.lines().next().unwrap_or_default().to_owned(),
        said: table::said(cases, &text),
    })
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
