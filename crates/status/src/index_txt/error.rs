//! What can be wrong with an index file, sorted by fault: its rows, its place, or the change that
//! it brings.

use core::fmt;
use std::io;
use std::path::PathBuf;

use super::file::FileDigest;
use crate::escape;
use crate::serial_key::SerialKey;

/// A line that cannot be read, which makes the whole file say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, if one is at fault.
    pub column: Option<u8>,
    /// What is wrong.
    pub why: Why,
    /// The column's text, escaped and cut.
    pub shown: Option<String>,
}

impl ParseError {
    pub(super) fn new(line: u64, column: Option<(u8, String)>, why: Why) -> Self {
        let (column, shown) = column.unzip();
        Self {
            line,
            column,
            why,
            shown,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.why)?;
        match &self.shown {
            Some(shown) => write!(f, ": \"{shown}\""),
            None => Ok(()),
        }
    }
}

impl core::error::Error for ParseError {}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// An empty line; OpenSSL refuses the file too.
    EmptyLine,
    /// A revocation in a row that is not revoked.
    NotRevoked,
    /// A NUL octet: the file system or a program left a hole.
    Nul,
    /// A revoked row whose column does not begin with a time.
    RevocationTime,
    /// No hexadecimal number.
    Serial,
    /// More octets than [`MAX_SERIAL_KEPT`](crate::limits::MAX_SERIAL_KEPT).
    SerialTooLong,
    /// Neither `YYMMDDHHMMSSZ` nor `YYYYMMDDHHMMSSZ`.
    Time,
    /// So many columns, and not six; OpenSSL refuses the file too.
    TooFewColumns(usize),
    /// More rows than a table can hold: about 150 million.
    TooLarge,
    /// More than six columns; OpenSSL refuses the file too.
    TooManyColumns,
    /// None of `V`, `R`, `E` and `S`.
    Type,
    /// The last line has no line end: the file was cut.
    Unterminated,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLine => "the line is empty",
            Self::NotRevoked => "a row that is not revoked has a revocation",
            Self::Nul => "the line contains a NUL octet",
            Self::RevocationTime => "a revoked row does not say when",
            Self::Serial => "the serial number is not hexadecimal",
            Self::SerialTooLong => "the serial number is too long",
            Self::Time => "this is no time of the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ",
            Self::TooFewColumns(columns) => {
                return write!(f, "the row has {columns} of 6 columns");
            }
            Self::TooLarge => "the file has too many rows",
            Self::TooManyColumns => "the row has more than 6 columns",
            Self::Type => "the type of the row is none of V, R, E and S",
            Self::Unterminated => "the file ends within this line; it was cut",
        })
    }
}

/// Why a file gives no table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It kept changing while it was read.
    Changing {
        /// The index.
        path: PathBuf,
    },
    /// It is a folder, a pipe or the like.
    NotAFile {
        /// The index.
        path: PathBuf,
    },
    /// A line of it cannot be read.
    Parse {
        /// The index.
        path: PathBuf,
        /// The line and what is wrong with it.
        error: ParseError,
    },
    /// It is absent, or may not be read.
    Unreadable {
        /// The index.
        path: PathBuf,
        /// The sort of the fault.
        kind: io::ErrorKind,
        /// What the system says.
        message: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changing { path } => {
                write!(
                    f,
                    "{}: the file changes while it is read",
                    escape::path(path)
                )
            }
            Self::NotAFile { path } => write!(f, "{}: not a regular file", escape::path(path)),
            Self::Parse { path, error } => write!(f, "{}: {error}", escape::path(path)),
            Self::Unreadable { path, message, .. } => write!(
                f,
                "{}: the file cannot be read: {}",
                escape::path(path),
                message.escape_debug()
            ),
        }
    }
}

// No source: Display says all of it already, and a chain would say it twice.
impl core::error::Error for OpenError {}

/// Why a reload left the old truth standing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadError {
    /// The file gives no table.
    Open(OpenError),
    /// The file gives one, but the change needs a word of the operator (threats T-1).
    Refused(Box<Refusal>),
}

impl From<OpenError> for ReloadError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f)?,
            Self::Refused(refusal) => refusal.fmt(f)?,
        }
        f.write_str("; the rows read before stay in force")
    }
}

impl core::error::Error for ReloadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Refused(_) => None,
        }
    }
}

/// A change that the operator has not agreed to, and how to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The index.
    pub path: PathBuf,
    /// The line of the first row that is no longer revoked, or the last line if rows are lost only;
    /// 1 in an empty file.
    pub line: u64,
    /// The SHA-256 of the refused file.
    pub digest: FileDigest,
    /// The file whose content, the digest in hex, says yes to this file and to no other.
    pub confirmation: PathBuf,
    /// Serial numbers before.
    pub rows_before: usize,
    /// Serial numbers in the refused file.
    pub rows: usize,
    /// Rows that are gone.
    pub lost: usize,
    /// Rows that were revoked for good and are issued again.
    pub unrevoked: usize,
    /// Rows that were revoked for good and are on hold.
    pub weakened: usize,
    /// The first few of these serial numbers.
    pub first: Vec<SerialKey>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: line {}: ", escape::path(&self.path), self.line)?;
        if self.rows == 0 {
            f.write_str("the file has no rows; ")?;
        }
        write!(
            f,
            "{} of {} rows lost, {} no longer revoked, {} revoked for good and now on hold (",
            self.lost, self.rows_before, self.unrevoked, self.weakened
        )?;
        for (index, serial) in self.first.iter().enumerate() {
            write!(f, "{}{serial}", if index == 0 { "" } else { ", " })?;
        }
        if self.first.len() < self.lost + self.unrevoked + self.weakened {
            f.write_str(", ...")?;
        }
        write!(
            f,
            "); to accept exactly this file write its SHA-256 {} into {}",
            self.digest,
            escape::path(&self.confirmation)
        )
    }
}
