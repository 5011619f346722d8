//! The notices of every library that is linked in: their licences ask that they travel with the program.
//!
//! Which libraries those are is what `cargo tree` says of the program's normal dependencies; the texts are the files that
//! each library has in its source. Whether the licences are permitted at all is `deny.toml`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::stage;
use crate::project;

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Library>,
}

#[derive(Debug, Deserialize)]
struct Library {
    name: String,
    version: String,
    license: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    repository: Option<String>,
    /// Nothing for members of the workspace.
    source: Option<String>,
    manifest_path: PathBuf,
}

/// Writes the notices into the package's documentation.
pub(super) fn write(root: &Path, stage: &Path) -> Result<()> {
    let linked = linked(root)?;
    let metadata: Metadata = serde_json::from_slice(&cargo(
        root,
        &["metadata", "--format-version", "1", "--locked"],
    )?)?;
    let libraries: Vec<&Library> = metadata
        .packages
        .iter()
        .filter(|it| it.source.is_some())
        .filter(|it| linked.contains(&(it.name.clone(), it.version.clone())))
        .collect();
    ensure!(libraries.len() > 50, "only {} libraries", libraries.len());
    let text = notices(&libraries)?;
    let to = stage.join("usr/share/doc/certvouch/third-party-licences.txt");
    stage::write(&to, &text, 0o644)
}

/// Names and versions of what the program is linked with.
fn linked(root: &Path) -> Result<BTreeSet<(String, String)>> {
    let words = [
        "tree",
        "--locked",
        "--package",
        "certvouch",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ];
    let said = String::from_utf8(cargo(root, &words)?)?;
    Ok(said.lines().filter_map(name_and_version).collect())
}

/// Of a line such as `aws-lc-rs v1.19.0` or `certvouch v0.1.0 (/folder)` or `syn v2.0.1 (*)`.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next()?);
    Some((name.to_owned(), version.strip_prefix('v')?.to_owned()))
}

/// Each licence text once, with all libraries that carry it.
fn notices(libraries: &[&Library]) -> Result<String> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut out = String::from(
        "certvouch is linked with these libraries. Their licences follow, each text once.\n\n",
    );
    for library in libraries {
        let title = format!("{} {}", library.name, library.version);
        let licence = library.license.as_deref().unwrap_or("see below");
        let home = library.repository.as_deref().unwrap_or("");
        out.push_str(&format!("{title}: {licence} {home}\n"));
        let mut found = texts(library)?;
        if found.is_empty() {
            // The licence is named and no text is there: its holders at least.
            let holders = library.authors.join(", ");
            found.push(format!("{licence}\n{holders}\n"));
        }
        for text in found {
            by_text.entry(text).or_default().push(title.clone());
        }
    }
    for (text, titles) in by_text {
        out.push_str(&format!("\n{}\n{}\n\n", "=".repeat(80), titles.join(", ")));
        out.push_str(&text);
    }
    Ok(out)
}

fn texts(library: &Library) -> Result<Vec<String>> {
    let folder = library
        .manifest_path
        .parent()
        .context("a manifest without a folder")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_notice(&name) && folder.join(&name).is_file() {
            names.push(name);
        }
    }
    names.sort();
    let read = |name: &String| {
        let octets = fs::read(folder.join(name))?;
        let text = String::from_utf8_lossy(&octets).replace("\r\n", "\n");
        Ok(text.trim_end().to_owned() + "\n")
    };
    names.iter().map(read).collect()
}

fn is_notice(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let begins = |word: &&str| name.starts_with(*word);
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"]
        .iter()
        .any(begins)
}

fn cargo(root: &Path, words: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new(project::cargo());
    let output = command.current_dir(root).args(words).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo {}: {said}", words[0]);
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_tree_are_read() {
        let both = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(name_and_version("a-b v1.2.3"), both("a-b", "1.2.3"));
        assert_eq!(name_and_version("x v0.1.0 (/f)"), both("x", "0.1.0"));
        assert_eq!(name_and_version("x v0.1.0 (*)"), both("x", "0.1.0"));
        assert_eq!(name_and_version(""), None);
    }

    #[test]
    fn libraries_that_share_a_text_share_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let library = |name: &str, text: Option<&str>| {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).unwrap();
            if let Some(text) = text {
                fs::write(folder.join("LICENSE-MIT"), text).unwrap();
            }
            Library {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                license: Some("MIT".to_owned()),
                authors: vec!["Somebody".to_owned()],
                repository: None,
                source: Some("registry".to_owned()),
                manifest_path: folder.join("Cargo.toml"),
            }
        };
        let all = [
            library("a", Some("the words\r\n")),
            library("b", Some("the words")),
            library("c", None),
        ];
        let text = notices(&all.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(text.matches("the words").count(), 1);
        assert!(text.contains("a 1.0.0, b 1.0.0\n"));
        assert!(text.contains("MIT\nSomebody\n"));
    }
}
