//! Reads a file whole and unchanged, and tells one state of it from another.

use core::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use certvouch_crypto::digest;
use certvouch_types::{HashAlgorithm, Timestamp};

use super::error::OpenError;
use crate::limits::{MAX_CONFIRMATION, READ_ATTEMPTS};

/// The SHA-256 of a file. Shown in lower-case hex, as `sha256sum` does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileDigest([u8; 32]);

impl FileDigest {
    /// Hashes the content of a file.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        for (place, octet) in sha256
            .iter_mut()
            .zip(digest(HashAlgorithm::Sha256, octets).as_ref())
        {
            *place = *octet;
        }
        Self(sha256)
    }

    /// The 32 octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileDigest({self})")
    }
}

/// What the system says about a state of a file. Another content has another stamp, unless somebody
/// writes twice within one tick of the file system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The stamp of what lies there now, links followed; nothing if nothing does.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }

    /// The modification time of the file.
    pub(super) fn modified(&self) -> Timestamp {
        Timestamp::from_unix(self.modified.0)
    }

    /// Which file or folder it is, whatever its content.
    pub(crate) const fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

/// The octets of a regular file in one state of it, and that state.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Stamp), OpenError> {
    for _ in 0..READ_ATTEMPTS {
        match read_once(path) {
            Ok(Once::Stable(octets, stamp)) => return Ok((octets, stamp)),
            Ok(Once::Changed) => {}
            Ok(Once::NotAFile) => {
                return Err(OpenError::NotAFile {
                    path: path.to_owned(),
                });
            }
            Err(error) => {
                return Err(OpenError::Unreadable {
                    path: path.to_owned(),
                    kind: error.kind(),
                    message: error.to_string(),
                });
            }
        }
    }
    Err(OpenError::Changing {
        path: path.to_owned(),
    })
}

enum Once {
    Stable(Vec<u8>, Stamp),
    Changed,
    NotAFile,
}

fn read_once(path: &Path) -> io::Result<Once> {
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Ok(Once::NotAFile);
    }
    let mut file = File::open(path)?;
    let before = Stamp::of(&file.metadata()?);
    let mut octets = Vec::new();
    // A hint only; read_to_end grows as it must.
    octets.reserve_exact(
        usize::try_from(before.length)
            .unwrap_or(0)
            .saturating_add(1),
    );
    file.read_to_end(&mut octets)?;
    let same = Stamp::of(&file.metadata()?) == before
        && Stamp::at(path) == Some(before)
        && u64::try_from(octets.len()) == Ok(before.length);
    Ok(if same {
        Once::Stable(octets, before)
    } else {
        Once::Changed
    })
}

/// Whether this file says yes to that digest: its first word is the digest in hex, as in the output
/// of `sha256sum`.
pub(super) fn confirms(path: &Path, digest: &FileDigest) -> bool {
    let said = fs::metadata(path).and_then(|metadata| {
        let mut text = String::new();
        if metadata.is_file() {
            File::open(path)?
                .take(MAX_CONFIRMATION)
                .read_to_string(&mut text)?;
        }
        Ok(text)
    });
    let word = said.unwrap_or_default();
    let word = word.split_ascii_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case(&digest.to_string())
}
