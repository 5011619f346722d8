//! The token file: TOML, of mode 0600, written whole or not at all, by one writer at a time.

use std::fmt;
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use certvouch_types::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{Scope, Token};
use crate::escape::{escape, escape_path};
use crate::octets::hex;

/// A token file.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// Why a token file cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TokenFileError {
    /// It cannot be read or written.
    Io(PathBuf, io::Error),
    /// Others may read it.
    Mode(PathBuf, u32),
    /// It is no token file.
    Content(PathBuf, String),
    /// There is a token of this name already.
    Duplicate(String),
    /// There is no token of this name.
    Unknown(String),
}

impl fmt::Display for TokenFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, why) => write!(f, "{}: {why}", escape_path(path)),
            Self::Mode(path, mode) => write!(
                f,
                "{} has mode {mode:04o}, so that others may read or write it: chmod 600 {0}",
                escape_path(path)
            ),
            Self::Content(path, why) => write!(f, "{}: {}", escape_path(path), escape(why)),
            Self::Duplicate(name) => write!(
                f,
                "there is a token named {} already: `certvouch token revoke` takes it away",
                escape(name)
            ),
            Self::Unknown(name) => write!(
                f,
                "there is no token named {}: `certvouch token list` shows all",
                escape(name)
            ),
        }
    }
}

impl std::error::Error for TokenFileError {}

/// What shows that a file is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed(u64, u64, i64, i64, u32);

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    #[serde(rename = "token", skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Entry>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: String,
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    issuers: Vec<String>,
    created: String,
    expires: String,
}

impl TokenFile {
    /// The file at this path, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What shows that it is another one than before; nothing if it is not there.
    ///
    /// # Errors
    /// The system says nothing about it.
    pub fn stamp(&self) -> Result<Option<Changed>, TokenFileError> {
        match std::fs::metadata(&self.path) {
            Ok(about) => Ok(Some(changed(&about))),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(self.io(why)),
        }
    }

    /// The tokens in it; none if it is not there.
    ///
    /// # Errors
    /// It cannot be read, others may read it too, or it is no token file.
    pub fn read(&self) -> Result<Vec<Token>, TokenFileError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(why) => return Err(self.io(why)),
        };
        let about = std::fs::metadata(&self.path).map_err(|why| self.io(why))?;
        let mode = about.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(TokenFileError::Mode(self.path.clone(), mode));
        }
        let document: Document = toml::from_str(&text)
            .map_err(|why| self.content(why.message().trim_end().to_owned()))?;
        let each = document.tokens.into_iter().map(Token::try_from);
        each.collect::<Result<_, _>>()
            .map_err(|why| self.content(why))
    }

    /// Adds a token.
    ///
    /// # Errors
    /// Those of [`Self::read`]; there is one of its name; it cannot be written.
    pub fn add(&self, token: Token) -> Result<(), TokenFileError> {
        self.change(|tokens| {
            if tokens.iter().any(|it| it.name == token.name) {
                return Err(TokenFileError::Duplicate(token.name));
            }
            tokens.push(token);
            Ok(())
        })
    }

    /// Takes a token away.
    ///
    /// # Errors
    /// Those of [`Self::read`]; there is none of this name; it cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), TokenFileError> {
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|it| it.name != name);
            if tokens.len() == before {
                return Err(TokenFileError::Unknown(name.to_owned()));
            }
            Ok(())
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> Result<(), TokenFileError>,
    ) -> Result<(), TokenFileError> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // The folder is what stays when the file is replaced, so that two writers wait for each other at it.
        let lock = File::open(folder).map_err(|why| self.io(why))?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|why| self.io(why.into()))?;
        let mut tokens = self.read()?;
        change(&mut tokens)?;
        let document = Document {
            tokens: tokens.iter().map(Entry::from).collect(),
        };
        let text = toml::to_string(&document).map_err(|why| self.content(why.to_string()))?;
        self.write(folder, &format!("{HEAD}{text}"))
            .map_err(|why| self.io(why))
    }

    fn write(&self, folder: &Path, text: &str) -> io::Result<()> {
        // tempfile makes files of mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file()
            .set_permissions(Permissions::from_mode(0o600))?;
        if let Ok(about) = std::fs::metadata(&self.path) {
            // Whoever serves may be another user than who makes tokens; only root can give files away.
            drop(std::os::unix::fs::chown(
                file.path(),
                Some(about.uid()),
                Some(about.gid()),
            ));
        }
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|why| why.error)?;
        File::open(folder)?.sync_all()
    }

    fn io(&self, why: io::Error) -> TokenFileError {
        TokenFileError::Io(self.path.clone(), why)
    }

    fn content(&self, why: String) -> TokenFileError {
        TokenFileError::Content(self.path.clone(), why)
    }
}

const HEAD: &str = "# Tokens of the admin port. Only their SHA-256 is kept: a lost token cannot be shown again.\n\
                    # `certvouch token new`, `list` and `revoke` change this file; a running server reads it again.\n\n";

fn changed(about: &Metadata) -> Changed {
    Changed(
        about.ino(),
        about.size(),
        about.mtime(),
        about.mtime_nsec(),
        about.mode(),
    )
}

impl From<&Token> for Entry {
    fn from(token: &Token) -> Self {
        Self {
            name: token.name.clone(),
            sha256: hex(&token.hash),
            scopes: token.scopes.iter().map(ToString::to_string).collect(),
            issuers: token.issuers.clone(),
            created: token.created.to_string(),
            expires: token.expires.to_string(),
        }
    }
}

impl TryFrom<Entry> for Token {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let of = |what: String| format!("token {:?}: {what}", entry.name);
        let time = |text: &str| {
            Timestamp::from_rfc3339(text).ok_or_else(|| {
                of(format!(
                    "{text:?} is no time such as \"2026-11-23T09:00:00Z\""
                ))
            })
        };
        let scopes = entry.scopes.iter().map(|it| it.parse::<Scope>());
        Ok(Self {
            hash: from_hex(&entry.sha256)
                .ok_or_else(|| of("sha256 is not 64 hexadecimal digits".to_owned()))?,
            scopes: scopes.collect::<Result<_, _>>().map_err(of)?,
            created: time(&entry.created)?,
            expires: time(&entry.expires)?,
            issuers: entry.issuers,
            name: entry.name,
        })
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut octets = [0; 32];
    for (octet, at) in octets.iter_mut().zip((0..64).step_by(2)) {
        *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::super::{hash, new_text};
    use super::*;

    fn token(name: &str) -> (String, Token) {
        let text = new_text().unwrap();
        let token = Token {
            name: name.to_owned(),
            hash: hash(&text),
            scopes: vec![Scope::Issue, Scope::Revoke],
            issuers: vec!["a".to_owned()],
            created: Timestamp::from_unix(0),
            expires: Timestamp::from_unix(1_000),
        };
        (text, token)
    }

    // covers: T-33
    #[test]
    fn file_keeps_hashes_alone_and_belongs_to_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::new(dir.path().join("tokens.toml"));
        let (text, token) = token("ca");
        file.add(token.clone()).unwrap();
        assert_eq!(file.read().unwrap(), std::slice::from_ref(&token));
        let content = std::fs::read_to_string(file.path()).unwrap();
        assert!(!content.contains(&text) && !content.contains(&text[4..]));
        let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = file.add(token).unwrap_err();
        assert!(matches!(again, TokenFileError::Duplicate(_)), "{again}");
        assert!(matches!(file.remove("x"), Err(TokenFileError::Unknown(_))));
        file.remove("ca").unwrap();
        assert!(file.read().unwrap().is_empty());
    }

    // covers: T-33
    #[test]
    fn file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::new(dir.path().join("tokens.toml"));
        file.add(token("ca").1).unwrap();
        std::fs::set_permissions(file.path(), Permissions::from_mode(0o640)).unwrap();
        let why = file.read().unwrap_err().to_string();
        assert!(why.contains("0640") && why.contains("chmod 600"), "{why}");
    }

    #[test]
    fn broken_file_names_its_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.toml");
        let file = TokenFile::new(&path);
        file.add(token("ca").1).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for (from, to, part) in [
            ("\"issue\"", "\"isue\"", "no scope"),
            ("expires = \"1970", "expires = \"x970", "no time"),
            ("sha256 = \"", "sha256 = \"zz", "64 hexadecimal"),
            ("name", "nmae", "unknown field"),
        ] {
            std::fs::write(&path, good.replace(from, to)).unwrap();
            let why = file.read().unwrap_err().to_string();
            assert!(why.contains(part), "{why}");
        }
    }
}
