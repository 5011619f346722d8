//! The project folder: where it is, which files belong to it, and what cargo says of its members.
//!
//! Files are found by walking the folder, not by asking git, so that a chore also works on an unpacked
//! source archive. Build output and what a fuzzer writes are left out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The workspace root: the parent of this package.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask has no parent folder")?;
    Ok(root.to_path_buf())
}

/// Every file of the project as (path relative to the root with `/`, absolute path), sorted.
pub(crate) fn files(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    found.sort();
    Ok(found)
}

/// Folders that hold products of a run, relative to the root.
const SKIPPED: [&str; 9] = [
    ".git",
    "target",
    "fuzz/target",
    "fuzz/corpus",
    "fuzz/artifacts",
    "fuzz/coverage",
    "fuzz/differential/target",
    "fuzz/differential/findings",
    "certvouch-demo",
];

fn walk(folder: &Path, prefix: &str, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            bail!("{}: a file name that is not UTF-8", folder.display());
        };
        let relative = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        if SKIPPED.contains(&relative.as_str()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &relative, found)?;
        } else if kind.is_file() {
            found.push((relative, entry.path()));
        }
    }
    Ok(())
}

/// What `cargo metadata` says, as far as the chores use it.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// With `deps` all packages of the lock file, otherwise the members.
    pub(crate) packages: Vec<Package>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// One line under `[dependencies]`, `[dev-dependencies]` or `[build-dependencies]`.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) features: Vec<String>,
}

/// One thing that cargo compiles: a library, a binary, an integration test.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) src_path: PathBuf,
}

/// Asks cargo; `dependencies` adds the foreign packages.
pub(crate) fn metadata(root: &Path, dependencies: bool) -> Result<Metadata> {
    let mut command = Command::new(cargo());
    command
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--locked"]);
    if !dependencies {
        command.arg("--no-deps");
    }
    let output = command.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata: output not understood")
}

/// The cargo that runs us, or the one of the search path.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_leave_out_build_products_and_keep_hidden_sources() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "src/a.rs",
            ".ci/run",
            "target/debug/x",
            "fuzz/corpus/request/1",
            "fuzz/a.rs",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names: Vec<String> = files(folder.path())
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, [".ci/run", "fuzz/a.rs", "src/a.rs"]);
    }
}
