//! What survives a restart: high-water marks (threats T-4) and the last good CRLs.
//!
//! One folder per issuer inside the state folder, called after the issuer's key. A mark is a small text file per scope, a
//! copy is the DER of the last accepted CRL per place, with the validators of HTTP beside it. For a folder the names of its
//! files are kept (`.set`), so that one that left it is missed after a restart too; who means it removes that file. Files are written aside,
//! synced and renamed; the folder is synced after that. A copy is verified again when it is loaded, and the marks hold
//! for it too.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use certvouch_fetch::Validators;
use certvouch_types::Timestamp;
use certvouch_types::crl::CrlNumber;

use super::error::CrlError;
use super::member::Member;
use crate::escape;
use crate::index_txt::FileDigest;

/// The first line of a mark.
const MARK: &str = "certvouch-crl-mark 1";

/// The highest number and time that were accepted in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) number: Option<Vec<u8>>,
    pub(super) this_update: Timestamp,
}

impl Mark {
    pub(super) fn of(member: &Member) -> Self {
        Self {
            number: member.number.clone(),
            this_update: member.this_update,
        }
    }

    /// Whether a CRL may follow. The same one may come again; a number that is gone went backwards.
    pub(super) fn allows(&self, member: &Member, file: Option<&Path>) -> Result<(), CrlError> {
        let older = |what, found: String, known: String| CrlError::Older {
            what,
            found,
            known,
            mark: file.map(escape::path),
        };
        if let Some(known) = self.number.as_deref().map(CrlNumber::from_unsigned) {
            let found = member.number.as_deref().map(CrlNumber::from_unsigned);
            if found.is_none_or(|found| found < known) {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                return Err(older("cRLNumber", found, known.to_string()));
            }
        }
        if member.this_update < self.this_update {
            let found = member.this_update.to_string();
            return Err(older("thisUpdate", found, self.this_update.to_string()));
        }
        Ok(())
    }

    fn to_text(&self) -> String {
        let number = self.number.as_deref().map_or_else(
            || "none".to_owned(),
            |octets| CrlNumber::from_unsigned(octets).to_string(),
        );
        format!("{MARK}\nnumber {number}\nthisUpdate {}\n", self.this_update)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != MARK {
            return None;
        }
        let number = lines.next()?.strip_prefix("number ")?;
        let this_update = lines.next()?.strip_prefix("thisUpdate ")?;
        Some(Self {
            number: match number {
                "none" => None,
                hex => Some(octets(hex.strip_prefix("0x")?)?),
            },
            this_update: Timestamp::from_rfc3339(this_update)?,
        })
    }
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let octet = |pair: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    let octets: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    // Zero is the number without octets.
    octets.map(|octets| if octets == [0] { Vec::new() } else { octets })
}

/// The folder of one issuer.
#[derive(Debug)]
pub(super) struct State {
    dir: PathBuf,
}

impl State {
    /// Opens or makes the folder for the issuer with this public key.
    pub(super) fn open(dir: &Path, public_key: &[u8]) -> Result<Self, CrlError> {
        let key = FileDigest::of(public_key).to_string();
        let dir = dir.join("crl").join(&key[..32]);
        fs::create_dir_all(&dir).map_err(|error| fault(&dir, &error))?;
        Ok(Self { dir })
    }

    pub(super) fn mark_path(&self, scope: &FileDigest) -> PathBuf {
        self.dir.join(format!("{}.mark", &scope.to_string()[..32]))
    }

    /// The mark of a scope. One that cannot be read is an error: nobody knows then what is older.
    pub(super) fn mark(&self, scope: &FileDigest) -> Result<Option<Mark>, CrlError> {
        let path = self.mark_path(scope);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mark = Mark::from_text(&text);
                let broken = || fault(&path, &io::ErrorKind::InvalidData.into());
                mark.map(Some).ok_or_else(broken)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&path, &error)),
        }
    }

    pub(super) fn set_mark(&self, scope: &FileDigest, mark: &Mark) -> Result<(), CrlError> {
        self.put(&self.mark_path(scope), mark.to_text().as_bytes())
    }

    fn copy_path(&self, place: &str, extension: &str) -> PathBuf {
        let name = FileDigest::of(place.as_bytes()).to_string();
        self.dir.join(format!("{}.{extension}", &name[..32]))
    }

    /// The last good CRL of a place.
    pub(super) fn copy(&self, place: &str) -> Option<(Bytes, Validators)> {
        let der = fs::read(self.copy_path(place, "crl")).ok()?;
        let text = fs::read_to_string(self.copy_path(place, "http")).unwrap_or_default();
        let mut lines = text.lines();
        // Validators count only for the octets that they came with: the copy may be newer after a crash.
        let fits = lines.next() == Some(&FileDigest::of(&der).to_string());
        let line = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found.filter(|_| fits).map(str::to_owned)
        };
        let validators = Validators::new(line("ETag: "), line("Last-Modified: "));
        Some((Bytes::from(der), validators))
    }

    fn set_path(&self, dir: &str) -> PathBuf {
        let name = FileDigest::of(dir.as_bytes()).to_string();
        self.dir.join(format!("{}.set", &name[..32]))
    }

    /// The files that a folder held when it was last looked at: what is declared there, also after a restart.
    pub(super) fn set(&self, dir: &str) -> Vec<PathBuf> {
        let octets = fs::read(self.set_path(dir)).unwrap_or_default();
        let names = octets.split(|octet| *octet == 0);
        let names = names.filter(|name| !name.is_empty());
        names
            .map(|name| PathBuf::from(OsStr::from_bytes(name)))
            .collect()
    }

    /// Keeps the files of a folder. NUL is the one octet that no name has.
    pub(super) fn keep_set(&self, dir: &str, files: &[PathBuf]) -> Result<(), CrlError> {
        let names: Vec<&[u8]> = files
            .iter()
            .map(|file| file.as_os_str().as_bytes())
            .collect();
        self.put(&self.set_path(dir), &names.join(&0))
    }

    pub(super) fn set_copy(
        &self,
        place: &str,
        der: &[u8],
        validators: &Validators,
    ) -> Result<(), CrlError> {
        self.put(&self.copy_path(place, "crl"), der)?;
        self.set_validators(place, der, validators)
    }

    pub(super) fn set_validators(
        &self,
        place: &str,
        der: &[u8],
        validators: &Validators,
    ) -> Result<(), CrlError> {
        let mut text = format!("{}\n", FileDigest::of(der));
        // A header field has no line end in it.
        for (name, value) in [
            ("ETag", &validators.etag),
            ("Last-Modified", &validators.last_modified),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        self.put(&self.copy_path(place, "http"), text.as_bytes())
    }

    /// Writes aside, syncs, renames and syncs the folder: after that the file is whole and there, power or not.
    fn put(&self, path: &Path, octets: &[u8]) -> Result<(), CrlError> {
        let aside = path.with_added_extension("new");
        let write = || {
            let mut file = File::create(&aside)?;
            file.write_all(octets)?;
            file.sync_all()?;
            fs::rename(&aside, path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| fault(path, &error))
    }
}

fn fault(path: &Path, error: &io::Error) -> CrlError {
    CrlError::State {
        path: escape::path(path),
        kind: error.kind(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_and_copy_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path(), b"key").unwrap();
        let scope = FileDigest::of(b"scope");
        assert_eq!(state.mark(&scope), Ok(None));
        for number in [None, Some(vec![]), Some(vec![0x0A, 0xFF])] {
            let mark = Mark {
                number,
                this_update: Timestamp::from_unix(1_768_003_200),
            };
            state.set_mark(&scope, &mark).unwrap();
            assert_eq!(
                State::open(dir.path(), b"key").unwrap().mark(&scope),
                Ok(Some(mark))
            );
        }
        assert_eq!(
            State::open(dir.path(), b"other").unwrap().mark(&scope),
            Ok(None)
        );
        fs::write(state.mark_path(&scope), "rubbish").unwrap();
        assert!(matches!(state.mark(&scope), Err(CrlError::State { .. })));

        assert!(state.copy("place").is_none());
        let validators = Validators::new(Some("\"v1\"".into()), Some("today".into()));
        state.set_copy("place", b"crl", &validators).unwrap();
        assert_eq!(
            state.copy("place").unwrap(),
            (Bytes::from_static(b"crl"), validators)
        );
        // Another copy without its own validators gets none.
        fs::write(state.copy_path("place", "crl"), b"newer").unwrap();
        assert_eq!(state.copy("place").unwrap().1, Validators::default());
    }
}
