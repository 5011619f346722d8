//! Why a signing identity cannot be had: what is wrong, and what mends it.
//!
//! Sorted by what is at fault: a file, a key, a certificate. `Display` gives the cause and, on a line of its
//! own, the remedy; [`LoadError::cause`] and [`LoadError::remedy`] give them apart.

mod certificate;
mod foreign;
mod key;

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use certificate::{CertificateError, CertificateFault};
pub use foreign::ForeignFormat;
pub use key::{KeyError, KeyFault};

/// Why there is no signing identity.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The certificate, or what it has to do with the key and the issuer.
    Certificate(Box<CertificateError>),
    /// A file that cannot or must not be read.
    File(FileError),
    /// The private key.
    Key(KeyError),
}

impl LoadError {
    /// What is wrong.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Certificate(error) => error.cause(),
            Self::File(error) => error.cause(),
            Self::Key(error) => error.cause(),
        }
    }

    /// The command or the lines that mend it, where there are any; possibly several lines.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Certificate(error) => Some(error.remedy()),
            Self::File(error) => error.remedy(),
            Self::Key(error) => error.remedy(),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause())?;
        match self.remedy() {
            Some(remedy) => write!(f, "\nto mend it: {remedy}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for LoadError {}

impl From<FileError> for LoadError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<KeyError> for LoadError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<CertificateError> for LoadError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(Box::new(error))
    }
}

/// A file that cannot or must not be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: FileFault,
}

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileFault {
    /// It has no content.
    Empty,
    /// It holds a secret, and others than its owner may read or write it.
    OpenToOthers {
        /// Its permission bits.
        mode: u32,
    },
    /// The system says no.
    Read(io::Error),
    /// It is larger than anything that belongs here.
    TooLarge {
        /// Octets allowed.
        limit: u64,
    },
}

impl FileError {
    pub(crate) fn new(path: &Path, fault: FileFault) -> Self {
        Self {
            path: path.to_owned(),
            fault,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn cause(&self) -> String {
        let path = shown(&self.path);
        match &self.fault {
            FileFault::Empty => format!("{path} is empty"),
            FileFault::OpenToOthers { mode } => format!(
                "{path} holds a secret, but others than its owner may read or write it (mode {mode:04o})"
            ),
            FileFault::Read(why) => format!("cannot read {path}: {why}"),
            FileFault::TooLarge { limit } => {
                format!("{path} has more than {limit} octets, which no file of this kind needs")
            }
        }
    }

    /// The command that mends it, where there is one.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self.fault {
            FileFault::OpenToOthers { .. } => Some(format!("chmod 600 {}", shell(&self.path))),
            _ => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause())?;
        match self.remedy() {
            Some(remedy) => write!(f, "\nto mend it: {remedy}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for FileError {}

/// A path for people: control characters escaped (threats T-30).
pub(crate) fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// Foreign text for people: control characters escaped (threats T-30).
pub(crate) fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// A path as one word of a shell command.
pub(crate) fn shell(path: &Path) -> String {
    let text = shown(path);
    let plain = |c: char| c.is_alphanumeric() || "/._-+:,@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return text;
    }
    let prefix = if text.starts_with('-') { "./" } else { "" };
    format!("'{prefix}{}'", text.replace('\'', r"'\''"))
}

/// A number of seconds in the largest unit that leaves a number above one.
pub(crate) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds.abs() {
        s if s >= 2 * 86_400 => (s / 86_400, "days"),
        s if s >= 2 * 3_600 => (s / 3_600, "hours"),
        s if s >= 2 * 60 => (s / 60, "minutes"),
        1 => (1, "second"),
        s => (s, "seconds"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_becomes_one_word_of_a_command() {
        assert_eq!(
            shell(Path::new("/etc/pki/ocsp-1.key")),
            "/etc/pki/ocsp-1.key"
        );
        assert_eq!(shell(Path::new("my key")), "'my key'");
        assert_eq!(shell(Path::new("a'b;c")), r"'a'\''b;c'");
        assert_eq!(shell(Path::new("-rf")), "'./-rf'");
    }

    // covers: T-30
    #[test]
    fn control_characters_of_foreign_text_are_escaped() {
        assert_eq!(escaped("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
    }

    #[test]
    fn span_is_said_in_the_unit_that_fits() {
        let spans = [1, 90, 120, 7_200, 172_799, 172_800, -300].map(span);
        assert_eq!(
            spans,
            [
                "1 second",
                "90 seconds",
                "2 minutes",
                "2 hours",
                "47 hours",
                "2 days",
                "5 minutes"
            ]
        );
    }
}
