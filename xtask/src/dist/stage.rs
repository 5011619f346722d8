//! The tree of the package: which file of ours lies where on a Debian system.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::tool;

/// A file of the project, its place in the package, and its mode.
const FILES: [(&str, &str, u32); 9] = [
    (
        "packaging/systemd/certvouch.service",
        "lib/systemd/system/certvouch.service",
        0o644,
    ),
    (
        "packaging/systemd/certvouch.socket",
        "lib/systemd/system/certvouch.socket",
        0o644,
    ),
    (
        "packaging/systemd/certvouch.sysusers",
        "usr/lib/sysusers.d/certvouch.conf",
        0o644,
    ),
    (
        "packaging/certvouch.toml",
        "etc/certvouch/certvouch.toml",
        0o644,
    ),
    (
        "packaging/debian/copyright",
        "usr/share/doc/certvouch/copyright",
        0o644,
    ),
    (
        "packaging/monitoring/certvouch.rules.yml",
        "usr/share/certvouch/monitoring/certvouch.rules.yml",
        0o644,
    ),
    (
        "packaging/monitoring/grafana-certvouch.json",
        "usr/share/certvouch/monitoring/grafana-certvouch.json",
        0o644,
    ),
    (
        "docs/samples/certvouch.toml",
        "usr/share/doc/certvouch/examples/certvouch.toml",
        0o644,
    ),
    ("CHANGELOG.md", "usr/share/doc/certvouch/changelog", 0o644),
];

/// What the program writes about itself, and where it belongs.
const COMPLETIONS: [(&str, &str); 3] = [
    (
        "certvouch.bash",
        "usr/share/bash-completion/completions/certvouch",
    ),
    ("_certvouch", "usr/share/zsh/vendor-completions/_certvouch"),
    (
        "certvouch.fish",
        "usr/share/fish/vendor_completions.d/certvouch.fish",
    ),
];

/// Pages that tell an operator how; the others are for developers.
const PAGES: [&str; 14] = [
    "admin",
    "caches",
    "crl",
    "decode",
    "demo",
    "overload",
    "packaging",
    "peers",
    "profiles",
    "serve",
    "signer",
    "status",
    "symptoms",
    "verify",
];

/// Lays everything below `stage`.
pub(super) fn lay(root: &Path, stage: &Path, binary: &Path, version: &str) -> Result<()> {
    place(binary, &stage.join("usr/bin/certvouch"), 0o755)?;
    for (from, to, mode) in FILES {
        place(&root.join(from), &stage.join(to), mode)?;
    }
    for page in PAGES {
        let name = format!("{page}.md");
        let from = root.join("docs").join(&name);
        place(
            &from,
            &stage.join("usr/share/doc/certvouch").join(name),
            0o644,
        )?;
    }
    let doc = stage.join("usr/share/doc/certvouch");
    write(
        &doc.join("changelog.Debian"),
        &changelog(version, super::epoch(root))?,
        0o644,
    )?;
    manual(stage, binary)
}

/// Man pages and completions, as the program writes them.
fn manual(stage: &Path, binary: &Path) -> Result<()> {
    let aside = stage.with_extension("manual");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    let mut command = Command::new(binary);
    command.arg("manual").arg(&aside);
    tool(command)?;
    for entry in fs::read_dir(aside.join("man1"))? {
        let entry = entry?;
        let to = stage.join("usr/share/man/man1").join(entry.file_name());
        place(&entry.path(), &to, 0o644)?;
    }
    for (from, to) in COMPLETIONS {
        place(
            &aside.join("completions").join(from),
            &stage.join(to),
            0o644,
        )?;
    }
    fs::remove_dir_all(&aside).context("the manual that was copied")
}

/// Debian wants man pages and changelogs compressed, without a name or a time inside.
pub(super) fn compress(stage: &Path) -> Result<()> {
    let doc = stage.join("usr/share/doc/certvouch");
    let mut files = vec![
        doc.join("changelog"),
        doc.join("changelog.Debian"),
        doc.join("third-party-licences.txt"),
    ];
    for entry in fs::read_dir(stage.join("usr/share/man/man1"))? {
        files.push(entry?.path());
    }
    let mut gzip = Command::new("gzip");
    gzip.arg("-9n").args(files);
    tool(gzip).map(drop)
}

/// Whatever the umask was: others enter the folders that a package brings.
pub(super) fn open_folders(stage: &Path) -> Result<()> {
    let mut find = Command::new("find");
    find.arg(stage)
        .args(["-type", "d", "-exec", "chmod", "0755", "{}", "+"]);
    tool(find).map(drop)
}

/// Debian's own changelog: what changed in the packaging. The program's lies beside it.
fn changelog(version: &str, epoch: i64) -> Result<String> {
    let mut date = Command::new("date");
    date.args(["-u", "-R", "-d", &format!("@{epoch}")])
        .env("LC_ALL", "C");
    let date = tool(date)?;
    Ok(format!(
        "certvouch ({version}) unstable; urgency=medium\n\n  * Built by `cargo xtask dist`; changelog.gz has what is new.\n\n \
         -- The certvouch contributors <maintainers@certvouch.example>  {}\n",
        date.trim()
    ))
}

fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let content = fs::read(from).with_context(|| from.display().to_string())?;
    put(to, &content, mode)
}

/// The same for text that was made here.
pub(super) fn write(to: &Path, text: &str, mode: u32) -> Result<()> {
    put(to, text.as_bytes(), mode)
}

fn put(to: &Path, content: &[u8], mode: u32) -> Result<()> {
    let folder = to.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(to, content).with_context(|| to.display().to_string())?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}
