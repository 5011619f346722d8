//! What can go wrong with the store, sorted by where: opening the file, asking or writing it, or one change.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::change::Refusal;
use super::log::Head;
use crate::escape;

/// Why a store cannot be opened. Nothing in it was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no file, and none was to be made.
    Missing(PathBuf),
    /// The system refuses.
    Io(PathBuf, String),
    /// Another process of ours serves from it.
    InUse(PathBuf),
    /// The file or the file system is read-only.
    ReadOnly(PathBuf),
    /// It is a file of something else.
    NotAStore(PathBuf),
    /// A later version of this program wrote it.
    Newer {
        /// The store.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// It is older than what was in it already: a restored backup, or another store in its place (threats T-1).
    RolledBack {
        /// The store.
        path: PathBuf,
        /// Where the mark is that tells of it.
        mark: PathBuf,
        /// What was the end of its log.
        seen: Box<Head>,
        /// What is the end now.
        found: Box<Head>,
    },
    /// The mark cannot be read.
    Mark(PathBuf, String),
    /// It cannot be asked.
    Store(PathBuf, StoreError),
}

/// Why a store cannot be read or written for the moment. What is acknowledged stays acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// Another program holds its lock.
    Locked,
    /// The disk, or the limit of the store, is full.
    Full,
    /// It became read-only.
    ReadOnly,
    /// A page or a row of it is damaged.
    Damaged(String),
    /// The system could not read or write.
    Io(String),
    /// Another program wrote to it: its log does not end where it was left.
    OutOfStep {
        /// What was the end of its log.
        left: Box<Head>,
        /// What is the end now.
        found: Box<Head>,
    },
    /// It has an issuer of this name already, and that one is another CA.
    OtherIssuer(String),
    /// It has this CA already, under another name.
    OtherName {
        /// The name that was said.
        said: String,
        /// The one that it has.
        known: String,
    },
    /// It has no issuer of this name.
    NoIssuer(String),
    /// It was closed, or its writer has ended.
    Stopped,
    /// It was opened to look only.
    NotForWriting,
}

/// Why one change was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The rules forbid it. The same again would be refused again.
    Refused(Refusal),
    /// The store failed. Nothing is known to be stored: the same may be tried again.
    Store(StoreError),
}

impl From<Refusal> for WriteError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    /// The one place that knows SQLite's codes.
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(_) => Self::Io(text),
            // A column of another type or an absent one: no version of ours wrote it.
            None => Self::Damaged(text),
        }
    }
}

impl OpenError {
    pub(super) fn io(path: &Path, why: &io::Error) -> Self {
        if why.kind() == io::ErrorKind::ReadOnlyFilesystem {
            return Self::ReadOnly(path.to_owned());
        }
        Self::Io(path.to_owned(), why.to_string())
    }

    pub(super) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
            return Self::NotAStore(path.to_owned());
        }
        Self::Store(path.to_owned(), error.into())
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => {
                write!(
                    f,
                    "{}: there is no store; `certvouch serve` makes it",
                    escape::path(path)
                )
            }
            Self::Io(path, why) => write!(f, "{}: {why}", escape::path(path)),
            Self::InUse(path) => write!(
                f,
                "{}: another process serves from this store",
                escape::path(path)
            ),
            Self::ReadOnly(path) => write!(
                f,
                "{}: the store cannot be written: the file, its folder or the file system is read-only",
                escape::path(path)
            ),
            Self::NotAStore(path) => {
                write!(f, "{}: this is no store of certvouch", escape::path(path))
            }
            Self::Newer { path, found, known } => write!(
                f,
                "{}: the store has version {found}, and this program knows {known} and older: a later version of \
                 certvouch wrote it",
                escape::path(path)
            ),
            Self::RolledBack {
                path,
                mark,
                seen,
                found,
            } => write!(
                f,
                "{}: the store is not the one that was served last: its log reached {seen} and now ends with {found}, \
                 as after a restored backup; what was revoked in between would be good again. Restore a newer copy, \
                 or, if this one is meant, remove {}",
                escape::path(path),
                escape::path(mark)
            ),
            Self::Mark(path, why) => write!(f, "{}: {why}", escape::path(path)),
            Self::Store(path, why) => write!(f, "{}: {why}", escape::path(path)),
        }
    }
}

impl core::error::Error for OpenError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("the store is locked by another program"),
            Self::Full => f.write_str("the disk is full, or the store has reached its limit"),
            Self::ReadOnly => f.write_str("the store is read-only"),
            Self::Damaged(what) => write!(f, "the store is damaged: {}", what.escape_debug()),
            Self::Io(what) => write!(
                f,
                "the store cannot be read or written: {}",
                what.escape_debug()
            ),
            Self::OutOfStep { left, found } => write!(
                f,
                "another program wrote to the store: its log was left at {left} and now ends with {found}"
            ),
            Self::OtherIssuer(name) => write!(
                f,
                "what the store has under the name \"{}\" belongs to another CA: its subject or its key differs",
                name.escape_debug()
            ),
            Self::OtherName { said, known } => write!(
                f,
                "the store has the CA of issuer \"{}\" under the name \"{}\", with everything that is known of it: it has \
                 to be called so",
                said.escape_debug(),
                known.escape_debug()
            ),
            Self::NoIssuer(name) => {
                write!(f, "there is no issuer named \"{}\"", name.escape_debug())
            }
            Self::Stopped => f.write_str("the store is closed"),
            Self::NotForWriting => f.write_str("the store was opened to look only"),
        }
    }
}

impl core::error::Error for StoreError {}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => why.fmt(f),
            Self::Store(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for WriteError {}
