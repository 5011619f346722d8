//! Staples on disk: a file for each, which several processes share.
//!
//! * `KEY.ocsp` is the response in DER, byte for byte as it came, written as [`crate::atomic`] says. The [`StapleKey`]
//!   is made of hashes and the serial number; no name is text of others.
//! * `KEY.lease` is empty; whoever fetches holds its lock (`flock`), so that of several processes one fetches and the
//!   others read what it wrote. The kernel releases the lock of a process that ends, however it ends.
//!
//! Nothing is believed because it was read here: whoever loads it verifies it again.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::atomic;
use crate::key::StapleKey;
use crate::limits::MAX_STAPLE_OCTETS;

/// A folder of staples.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// The right to fetch one staple, until it is dropped.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

impl Store {
    /// Opens a folder, which is made if it is missing.
    ///
    /// # Errors
    /// It cannot be made or read, or others may write to it (see [`atomic::guard`]).
    pub fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)?;
        atomic::guard(folder)?;
        atomic::sweep(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is kept, to be verified; nothing if nothing is.
    ///
    /// # Errors
    /// There is something that cannot be read: a link, a folder, or no permission.
    pub fn load(&self, key: &StapleKey) -> io::Result<Option<Vec<u8>>> {
        let file = match open(&self.path(key, "ocsp"), OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why),
        };
        let mut octets = Vec::new();
        let most = u64::try_from(MAX_STAPLE_OCTETS).unwrap_or(u64::MAX);
        file.take(most).read_to_end(&mut octets)?;
        Ok(Some(octets))
    }

    /// Keeps a response. On return it is on the disk.
    ///
    /// # Errors
    /// It cannot be written; what was kept before is there still.
    pub fn save(&self, key: &StapleKey, der: &[u8]) -> io::Result<()> {
        atomic::write(&self.path(key, "ocsp"), der)
    }

    /// Takes the right to fetch a staple, unless another process, or another part of this one, has it.
    ///
    /// # Errors
    /// The lease cannot be opened.
    pub fn lease(&self, key: &StapleKey) -> io::Result<Option<Lease>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o644);
        let file = open(&self.path(key, "lease"), &mut options)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lease { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(why)) => Err(why),
        }
    }

    fn path(&self, key: &StapleKey, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", key.as_str()))
    }
}

/// Opens a file, and no link to one.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // proof: the flags of open(2) fit an int; if not, the file is opened without them.
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options.open(path)
}
