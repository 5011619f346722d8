//! The mark beside a store: how far its log had come when it was served last.
//!
//! A copy of the file from yesterday is whole and right in itself, and everything that was revoked since then would be good
//! again (threats T-1). The mark is written after each commit, in place and not synced, so that it never tells of more than
//! what is safe on the disk and costs next to nothing; after a power failure it may tell of less. Whoever takes the mark
//! back together with the store is found by a checkpoint only.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};

use super::error::{OpenError, StoreError};
use super::log::{self, Head};

/// Octets of the file, always: the numbers are padded, so that a shorter line leaves nothing of a longer one.
const LENGTH: usize = 160;

/// Where the mark of a store is.
pub(super) fn path(store: &Path) -> PathBuf {
    beside(store, "-head")
}

/// A file beside the store.
pub(super) fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The mark, open for writing.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    store_id: String,
}

impl Mark {
    /// Opens the mark of a store whose log ends here, and sees that the store is not older than it.
    pub(super) fn open(
        store: &Path,
        connection: &Connection,
        store_id: &str,
        found: Head,
    ) -> Result<Self, OpenError> {
        let at = path(store);
        let fault = |why: &io::Error| OpenError::io(&at, why);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&at)
            .map_err(|why| fault(&why))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|why| fault(&why))?;
        if let Some((id, seen)) = read(&text, &at)? {
            let holds = id == store_id
                && reaches(connection, store_id, &seen)
                    .map_err(|why| OpenError::Store(store.to_owned(), why))?;
            if !holds {
                return Err(OpenError::RolledBack {
                    path: store.to_owned(),
                    mark: at,
                    seen: Box::new(seen),
                    found: Box::new(found),
                });
            }
        }
        let mark = Self {
            file,
            store_id: store_id.to_owned(),
        };
        mark.write(&found)
            .and_then(|()| mark.file.sync_all())
            .map_err(|why| fault(&why))?;
        Ok(mark)
    }

    /// Writes down how far the log has come.
    pub(super) fn write(&self, head: &Head) -> io::Result<()> {
        let mut line = format!("{} {head}", self.store_id);
        while line.len() < LENGTH - 1 {
            line.push(' ');
        }
        line.push('\n');
        self.file.write_all_at(line.as_bytes(), 0)
    }

    /// Sees that it is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// What the mark beside a store says; nothing if there is none.
pub(super) fn beside_store(store: &Path) -> Result<Option<(String, Head)>, String> {
    let at = path(store);
    match std::fs::read_to_string(&at) {
        Ok(text) => read(&text, &at).map_err(|why| why.to_string()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(OpenError::io(&at, &why).to_string()),
    }
}

/// What a mark says; nothing if it was made and never written.
fn read(text: &str, at: &Path) -> Result<Option<(String, Head)>, OpenError> {
    let line = text.trim_matches(['\0', '\n', ' ']);
    if line.is_empty() {
        return Ok(None);
    }
    let parsed = line
        .split_once(' ')
        .and_then(|(id, head)| Some((id.to_owned(), Head::from_text(head)?)));
    match parsed {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(OpenError::Mark(
            at.to_owned(),
            "this mark cannot be read; it tells how far the store had come. If the store is right, remove it"
                .to_owned(),
        )),
    }
}

/// Whether the log of the store contains what was once its end.
pub(super) fn reaches(
    connection: &Connection,
    store_id: &str,
    seen: &Head,
) -> Result<bool, StoreError> {
    if seen.change_id == 0 {
        return Ok(*seen == log::root(store_id));
    }
    let hash: Option<[u8; 32]> = connection
        .query_row(
            "SELECT hash FROM change WHERE id = ?1",
            [log::from_id(seen.change_id)?],
            |row| row.get(0),
        )
        .optional()?;
    Ok(hash == Some(seen.hash))
}
