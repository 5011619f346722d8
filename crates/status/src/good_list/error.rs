//! Why a good-list is not taken.

use core::fmt;
use std::path::PathBuf;

use crate::escape;
use crate::index_txt::{OpenError, ParseError};

/// Why a good-list is not taken; the one before stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoodListError {
    /// A certificate cannot be read.
    Certificate {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The list is empty and was not before.
    Emptied {
        /// The list.
        path: PathBuf,
        /// How many serial numbers it had.
        before: usize,
    },
    /// A row of an `index.txt`.
    Index {
        /// The list.
        path: PathBuf,
        /// The line and what is wrong with it.
        error: ParseError,
    },
    /// A line of a text, CSV or JSON file.
    Line {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: LineFault,
    },
    /// It cannot be read.
    Open(OpenError),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineFault {
    /// The first line of a CSV names no column with serial numbers.
    Columns,
    /// It is no JSON object.
    Json,
    /// No serial number where one should be.
    NoSerial,
    /// Something that is no serial number.
    Serial(String),
    /// More octets than [`MAX_SERIAL_KEPT`](crate::limits::MAX_SERIAL_KEPT).
    SerialTooLong,
    /// A notAfter that is not RFC 3339 in UTC.
    Time(String),
    /// More than a table can hold.
    TooLarge,
    /// It is not UTF-8.
    Utf8,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns => {
                f.write_str("no column is called serial, serial_number or serial_decimal")
            }
            Self::Json => f.write_str("this is no JSON object"),
            Self::NoSerial => f.write_str("there is no serial number"),
            Self::Serial(shown) => write!(f, "this is no serial number: \"{shown}\""),
            Self::SerialTooLong => f.write_str("the serial number is too long"),
            Self::Time(shown) => write!(
                f,
                "this is no time of the form 2026-01-10T00:00:00Z: \"{shown}\""
            ),
            Self::TooLarge => f.write_str("the list is too long"),
            Self::Utf8 => f.write_str("the line is not UTF-8"),
        }
    }
}

impl fmt::Display for GoodListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { path, why } => {
                write!(f, "good-list {}: {why}", escape::path(path))
            }
            Self::Emptied { path, before } => write!(
                f,
                "good-list {}: it is empty and had {before} serial numbers; those stay in force",
                escape::path(path)
            ),
            Self::Index { path, error } => write!(f, "good-list {}: {error}", escape::path(path)),
            Self::Line { path, line, why } => {
                write!(f, "good-list {}: line {line}: {why}", escape::path(path))
            }
            Self::Open(error) => write!(f, "good-list {error}"),
        }
    }
}

impl core::error::Error for GoodListError {}

impl From<OpenError> for GoodListError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}
