//! `cargo xtask dist`: a Debian package out of this tree, with Debian's own `dpkg-deb` and `dpkg-shlibdeps`.
//!
//! The tree of the package is laid below `OUT/stage` ([`stage`]), its control files beside it ([`control`]), the licences
//! of what is linked in are collected from the sources that cargo has ([`licences`]). The program is built in release, or
//! taken with `--binary`. `--smoke` unpacks what was built, looks at it and runs it ([`smoke`]); `packaging/debian/try-in-chroot`
//! installs it into a bare Debian.

mod control;
mod licences;
mod smoke;
mod stage;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::args::Args;
use crate::child::{self, StopFlag};
use crate::project;

/// How long a release build may take on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// For everything else.
const LIMIT: Duration = Duration::from_secs(300);

/// What was asked for.
struct Plan {
    root: PathBuf,
    out: PathBuf,
    /// A program that is there already.
    binary: Option<PathBuf>,
    smoke: bool,
}

impl Plan {
    fn read(words: &[&str]) -> Result<Self> {
        let root = project::root()?;
        let mut plan = Self {
            out: root.join("target/dist"),
            root,
            binary: None,
            smoke: false,
        };
        let mut args = Args::new(words);
        while let Some(flag) = args.flag() {
            match flag {
                "--out" => plan.out = std::path::absolute(args.value(flag)?)?,
                "--binary" => plan.binary = Some(std::path::absolute(args.value(flag)?)?),
                "--smoke" => plan.smoke = true,
                other => bail!("dist does not know {other}"),
            }
        }
        Ok(plan)
    }
}

/// Builds the package, prints where it is, and says whether all is well with it.
pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let plan = Plan::read(words)?;
    let binary = match &plan.binary {
        Some(binary) => binary.clone(),
        None => build(&plan.root)?,
    };
    let stage = plan.out.join("stage");
    if stage.exists() {
        std::fs::remove_dir_all(&stage).context("the stage of the last run")?;
    }
    std::fs::create_dir_all(&stage)?;
    let version = version(&plan.root)?;
    stage::lay(&plan.root, &stage, &binary, &version)?;
    licences::write(&plan.root, &stage)?;
    stage::compress(&stage)?;
    let architecture = control::write(&plan.root, &stage, &version)?;
    stage::open_folders(&stage)?;
    let package = plan
        .out
        .join(format!("certvouch_{version}_{architecture}.deb"));
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", "--build"])
        .arg(&stage)
        .arg(&package)
        .env("SOURCE_DATE_EPOCH", epoch(&plan.root).to_string());
    tool(pack)?;
    println!("{}", package.display());
    if plan.smoke {
        return smoke::run(&plan.out, &package);
    }
    Ok(true)
}

fn build(root: &Path) -> Result<PathBuf> {
    let mut build = Command::new(project::cargo());
    build
        .current_dir(root)
        .args(["build", "--release", "--locked", "--package", "certvouch"]);
    let built = child::run(build, BUILD_LIMIT, &StopFlag::register()?, true)?;
    ensure!(built.status.success(), "the program does not build");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    Ok(std::path::absolute(target)?.join("release/certvouch"))
}

/// The version of the program; Debian's revision is 1, since there is one packaging for each version.
fn version(root: &Path) -> Result<String> {
    let metadata = project::metadata(root, false)?;
    let package = metadata.packages.iter().find(|it| it.name == "certvouch");
    let version = &package.context("no package certvouch")?.version;
    Ok(format!("{version}-1"))
}

/// Seconds since 1970 of the last commit, so that two builds of it are the same; without git, the beginning of time.
fn epoch(root: &Path) -> i64 {
    if let Some(given) = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|it| it.parse().ok())
    {
        return given;
    }
    let mut git = Command::new("git");
    git.current_dir(root).args(["log", "-1", "--format=%ct"]);
    let said = git.output().ok().map(|it| it.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&said);
    text.trim().parse().unwrap_or_default()
}

/// Runs a program of the system and gives what it said; an error if it fails.
fn tool(command: Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let finished = child::run(command, LIMIT, &StopFlag::default(), false)?;
    ensure!(finished.status.success(), "{name}: {}", finished.text);
    Ok(finished.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_reads_its_flags_and_refuses_others() {
        let plan = Plan::read(&["--binary", "/x/certvouch", "--out", "/y", "--smoke"]).unwrap();
        assert_eq!(plan.binary, Some("/x/certvouch".into()));
        assert_eq!(plan.out, Path::new("/y"));
        assert!(plan.smoke);
        assert!(Plan::read(&["--rpm"]).is_err());
        assert!(Plan::read(&["--binary"]).is_err());
    }

    #[test]
    fn version_is_the_programs_with_a_revision() {
        let version = version(&project::root().unwrap()).unwrap();
        assert!(version.ends_with("-1"), "{version}");
    }
}
