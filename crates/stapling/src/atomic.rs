//! Files that are there whole or not at all.
//!
//! A new content is written to a temporary file in the same folder (made with `O_EXCL` under a name that nobody can
//! guess, beginning with a dot so that no glob of a server's configuration finds it), synced, renamed over the old
//! one, and the folder is synced. Only then does [`write()`] return: whoever is told of the file finds it after a crash.
//! A process that is killed in between leaves a temporary file and nothing else.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::limits::ABANDONED;

/// How temporary files begin.
pub const TEMPORARY: &str = ".certvouch-";

/// Writes a file for everybody to read (a response is public), over whatever was there.
///
/// # Errors
/// The folder is missing or cannot be written, or the disk is full. Then the old file is as it was.
pub fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(&folder)?;
    file.write_all(octets)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync(&folder)
}

/// Removes a file, so that it is gone after a crash too. One that is not there is no error.
///
/// # Errors
/// The folder cannot be written.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) => Err(why),
        Ok(()) => sync(&folder_of(path)),
    }
}

/// Removes the temporary files that killed processes left in a folder. What is younger than an hour may belong to
/// somebody who is at work.
///
/// # Errors
/// The folder cannot be read.
pub fn sweep(folder: &Path) -> io::Result<()> {
    let limit = Duration::from_secs(ABANDONED);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            continue;
        }
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.map(|then| SystemTime::now().duration_since(then));
        if matches!(age, Ok(Ok(age)) if age > limit) {
            // Another process may have removed it a moment ago.
            drop(std::fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

/// Refuses a folder that others may write: they could put a link where a file is expected (threats T-31).
///
/// # Errors
/// It is no folder, belongs to somebody else than root and us, or its group or everybody may write to it.
pub fn guard(folder: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(folder)?;
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !metadata.is_dir() {
        return refuse("it is no folder");
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if metadata.mode() & 0o022 != 0 {
        return refuse("its group or everybody may write to it: chmod go-w");
    }
    Ok(())
}

/// The folder in which a file is or will be.
#[must_use]
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
