//! Why a configuration is refused: every fault with its place, all of them at once where that is possible.

use std::fmt;
use std::path::PathBuf;

use crate::escape::{escape, escape_path};

/// Why a configuration is refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// What stands in it is refused; never empty.
    Faults(Vec<Fault>),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The file and the line, counted from 1; nothing when the decision came from the command line.
    pub place: Option<(PathBuf, usize)>,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line)) = &self.place {
            write!(f, "{}:{line}: ", escape_path(file))?;
        }
        escape(&self.what).fmt(f)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, why } => {
                write!(f, "{} cannot be read: {why}", escape_path(file))
            }
            Self::Faults(faults) => {
                for (index, fault) in faults.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}{fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}
