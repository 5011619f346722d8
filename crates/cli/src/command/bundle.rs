//! An evidence bundle: a folder that proves a verdict again, without a network, for as long as it is kept.
//!
//! ```text
//! bundle.json         what was asked, when, by which rules, and the verdicts
//! 1-certificate.pem   the certificate; not for a bare serial number
//! 1-issuer.pem        its issuer
//! 1-request.der       the request and the response, if there were any
//! 1-response.der
//! 1-crl-1.der …       the CRLs, if it was those
//! 2-…                 the next certificate of the chain
//! report.json         everything that `certvouch check --json` said
//! SHA256SUMS          for `sha256sum -c`
//! ```
//!
//! The sums find an octet that changed by accident or was changed by somebody who forgot them. Whoever writes new sums
//! still cannot make a responder's signature.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::input;
use crate::escape::{escape, escape_path};
use crate::octets::{hex, sha256};

/// The form of the folder that this program writes.
pub(super) const FORMAT: u32 = 1;
/// What the folder is about.
pub(super) const INDEX: &str = "bundle.json";
/// The digests of all other files.
pub(super) const SUMS: &str = "SHA256SUMS";
/// Files of a bundle that are looked at: eight certificates with a request, a response and a handful of CRLs each.
const MOST: usize = 256;

/// `bundle.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle {
    pub(super) format: u32,
    /// Foreign text, when it is read.
    pub(super) target: String,
    pub(super) profile: String,
    pub(super) nonce_required: bool,
    pub(super) sha1_allowed: bool,
    /// The clock, in RFC 3339.
    pub(super) at: String,
    pub(super) verdict: String,
    pub(super) certificates: Vec<Item>,
}

/// What is kept of one certificate.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) place: String,
    pub(super) serial: String,
    pub(super) verdict: String,
    pub(super) reason: Option<String>,
    pub(super) counted: bool,
    /// The clock when it was judged, in RFC 3339.
    pub(super) at: String,
    /// Names of files in the folder.
    pub(super) certificate: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) request: Option<String>,
    pub(super) response: Option<String>,
    pub(super) crls: Vec<String>,
    pub(super) crl_issuers: Vec<String>,
}

/// A bundle that is being written.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    dir: &'a Path,
    sums: String,
}

impl<'a> Folder<'a> {
    /// A new folder, or an empty one: evidence is never mixed with other evidence.
    ///
    /// # Errors
    /// There is something in it, or it cannot be made.
    pub(super) fn new(dir: &'a Path) -> Result<Self> {
        let shown = || escape_path(dir).to_string();
        fs::create_dir_all(dir).with_context(shown)?;
        if fs::read_dir(dir).with_context(shown)?.next().is_some() {
            bail!("{}: not empty; evidence gets a folder of its own", shown());
        }
        Ok(Self {
            dir,
            sums: String::new(),
        })
    }

    /// Writes one file, and gives its name back.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn put(&mut self, name: String, octets: &[u8]) -> Result<String> {
        let path = self.dir.join(&name);
        fs::write(&path, octets).with_context(|| escape_path(&path).to_string())?;
        // Writing to a String cannot fail.
        let _ = writeln!(self.sums, "{}  {name}", sum(octets));
        Ok(name)
    }

    /// Writes the sums: the last file, so that a bundle without them is one that was not finished.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        let path = self.dir.join(SUMS);
        fs::write(&path, self.sums).with_context(|| escape_path(&path).to_string())
    }
}

/// A bundle that was read: the octets of its files by name.
#[derive(Debug)]
pub(super) struct Files {
    all: Vec<(String, Vec<u8>)>,
    /// The first file that is not what its sum says, or is missing. Holds nothing foreign.
    pub(super) changed: Option<String>,
}

impl Files {
    /// Reads every file that the sums list, and compares.
    ///
    /// # Errors
    /// There is no bundle in the folder.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let sums =
            input::read(&dir.join(SUMS)).context("no evidence bundle, or not a whole one")?;
        let mut files = Self {
            all: Vec::new(),
            changed: None,
        };
        let Ok(sums) = std::str::from_utf8(&sums) else {
            files.changed = Some(SUMS.to_owned());
            return Ok(files);
        };
        for line in sums.lines().take(MOST) {
            let Some((wanted, name)) = line.split_once("  ").filter(|(_, name)| is_name(name))
            else {
                files.blame(SUMS);
                continue;
            };
            match input::read_to_show(&dir.join(name)) {
                Ok(octets) => {
                    if sum(&octets) != wanted {
                        files.blame(name);
                    }
                    files.all.push((name.to_owned(), octets));
                }
                Err(_) => files.blame(name),
            }
        }
        if files.get(INDEX).is_none() {
            files.blame(INDEX);
        }
        Ok(files)
    }

    fn blame(&mut self, name: &str) {
        if self.changed.is_none() {
            self.changed = Some(name.to_owned());
        }
    }

    /// A file, if the sums list it.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.all.iter().find(|(known, _)| known == name);
        found.map(|(_, octets)| octets.as_slice())
    }

    /// `bundle.json`.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn index(&self) -> Result<Bundle> {
        let octets = self.get(INDEX).context("no bundle.json")?;
        let index: Bundle = serde_json::from_slice(octets)
            .map_err(|why| anyhow::anyhow!("bundle.json: {}", escape(&why.to_string())))?;
        if index.format != FORMAT {
            bail!("bundle.json: the format {} is not known here", index.format);
        }
        Ok(index)
    }
}

/// A name as [`Folder::put`] gives it: nothing that leads out of the folder, nothing that a terminal obeys.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    name.len() < 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(plain)
}

fn sum(octets: &[u8]) -> String {
    hex(&sha256(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_stays_in_the_folder() {
        for name in ["1-certificate.pem", "bundle.json", "2-crl-1.der"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            "-x",
            ".x",
            "a b",
            "a\u{1b}",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
