//! The control files of the package: what it is, what it needs, which files are the operator's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{stage, tool};

/// The scripts that dpkg runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Writes `DEBIAN/` below the stage and gives the architecture.
pub(super) fn write(root: &Path, stage: &Path, version: &str) -> Result<String> {
    let architecture = architecture()?;
    let control = control(version, &architecture, size(stage)?, &libraries(stage)?);
    let folder = stage.join("DEBIAN");
    // Before the control files are there, which have no checksums of their own.
    let sums = sums(stage)?;
    stage::write(&folder.join("control"), &control, 0o644)?;
    stage::write(&folder.join("md5sums"), &sums, 0o644)?;
    stage::write(
        &folder.join("conffiles"),
        "/etc/certvouch/certvouch.toml\n",
        0o644,
    )?;
    for script in SCRIPTS {
        let from = root.join("packaging/debian").join(script);
        let text = fs::read_to_string(&from).with_context(|| from.display().to_string())?;
        stage::write(&folder.join(script), &text, 0o755)?;
    }
    Ok(architecture)
}

fn control(version: &str, architecture: &str, kibibytes: u64, libraries: &str) -> String {
    // passwd has useradd, for systems without systemd-sysusers.
    format!(
        "Package: certvouch\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: The certvouch contributors <maintainers@certvouch.example>\n\
         Installed-Size: {kibibytes}\n\
         Depends: {libraries}, passwd\n\
         Recommends: ca-certificates\n\
         Suggests: prometheus, openssl\n\
         Section: net\n\
         Priority: optional\n\
         Homepage: https://github.com/certvouch/certvouch\n\
         Description: OCSP responder, and judge of OCSP responses\n \
         certvouch answers whether certificates are revoked (RFC 6960, RFC 9919,\n \
         RFC 9654), out of the index.txt of OpenSSL and easy-rsa or out of CRLs,\n \
         for many CAs on one port, and signs with a delegated key.\n \
         .\n \
         It also judges OCSP responses and CRLs, and says why.\n"
    )
}

fn architecture() -> Result<String> {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg("--print-architecture");
    Ok(tool(dpkg)?.trim().to_owned())
}

/// The libraries that the program is linked with, as Debian's packages with their versions.
fn libraries(stage: &Path) -> Result<String> {
    // dpkg-shlibdeps looks for debian/control where it runs, and reads no more of it than that it is there.
    let aside = stage.with_extension("shlibdeps");
    stage::write(
        &aside.join("debian/control"),
        "Source: certvouch\n\nPackage: certvouch\nArchitecture: any\n",
        0o644,
    )?;
    let mut shlibdeps = Command::new("dpkg-shlibdeps");
    shlibdeps
        .current_dir(&aside)
        .arg("-O")
        .arg(stage.join("usr/bin/certvouch"));
    let said = tool(shlibdeps).context("dpkg-shlibdeps, of the package dpkg-dev")?;
    fs::remove_dir_all(&aside)?;
    named(&said)
        .map(str::to_owned)
        .with_context(|| format!("dpkg-shlibdeps: {said}"))
}

/// Out of `shlibs:Depends=libc6 (>= 2.34), …`, between warnings.
fn named(said: &str) -> Option<&str> {
    said.lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="))
}

/// All files below the stage, relative to it, in order.
fn files(stage: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![stage.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(stage)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Kibibytes, each file rounded up, as Debian counts.
fn size(stage: &Path) -> Result<u64> {
    let mut all = 0;
    for file in files(stage)? {
        all += fs::metadata(stage.join(file))?.len().div_ceil(1024);
    }
    Ok(all)
}

/// For `dpkg --verify`; the operator's files are not in it, as Debian has it.
fn sums(stage: &Path) -> Result<String> {
    let mut md5sum = Command::new("md5sum");
    md5sum.current_dir(stage);
    md5sum.args(files(stage)?.iter().filter(|it| !it.starts_with("etc")));
    tool(md5sum)
}

/// Whether a control file may be run; the smoke test asks.
pub(super) fn is_executable(path: &Path) -> Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o111 == 0o111)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_has_what_debian_demands() {
        let text = control("1.2.3-1", "amd64", 42, "libc6 (>= 2.34)");
        for line in [
            "Package: certvouch",
            "Version: 1.2.3-1",
            "Installed-Size: 42",
            "Depends: libc6 (>= 2.34), passwd",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        // Every further line of the description begins with a space, and none is longer than a terminal.
        let (_, description) = text.split_once("Description: ").unwrap();
        assert!(description.lines().skip(1).all(|it| it.starts_with(' ')));
        assert!(text.lines().all(|it| it.len() <= 80), "{text}");
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn libraries_are_found_between_warnings() {
        let said = "dpkg-shlibdeps: warning: x\nshlibs:Depends=libc6 (>= 2.34), libgcc-s1\n";
        assert_eq!(named(said), Some("libc6 (>= 2.34), libgcc-s1"));
        assert_eq!(named("nothing\n"), None);
    }

    #[test]
    fn size_counts_each_file_rounded_up() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/one"), "x").unwrap();
        fs::write(dir.path().join("two"), vec![0; 1025]).unwrap();
        assert_eq!(size(dir.path()).unwrap(), 3);
        let names = files(dir.path()).unwrap();
        assert_eq!(names, [PathBuf::from("a/one"), PathBuf::from("two")]);
    }
}
