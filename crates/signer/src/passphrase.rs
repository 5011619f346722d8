//! Where the passphrase of an encrypted key comes from: a file or a prompt, never an argument or the
//! environment, which other processes can read (threats T-32).

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{KeyError, KeyFault, LoadError};
use crate::file::read_secret;
use crate::limits::MAX_PASSPHRASE_FILE;

/// Asks a person for the passphrase of the file at this path.
pub type Prompt = Arc<dyn Fn(&Path) -> io::Result<Zeroizing<String>> + Send + Sync>;

/// Where the passphrase of an encrypted key comes from.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum PassphraseSource {
    /// From the first line of a file that only its owner may touch.
    File(PathBuf),
    /// Nowhere; an encrypted key is refused.
    #[default]
    Nowhere,
    /// From a person. Asked only if the key is encrypted.
    Prompt(Prompt),
}

impl fmt::Debug for PassphraseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Nowhere => f.write_str("Nowhere"),
            Self::Prompt(_) => f.write_str("Prompt"),
        }
    }
}

impl PassphraseSource {
    /// The passphrase for the key file `key`.
    pub(crate) fn obtain(&self, key: &Path) -> Result<Zeroizing<Vec<u8>>, LoadError> {
        match self {
            Self::File(path) => {
                let octets = read_secret(path, MAX_PASSPHRASE_FILE)?;
                Ok(first_line(&octets))
            }
            Self::Nowhere => Err(KeyError::new(key, KeyFault::PassphraseMissing).into()),
            Self::Prompt(ask) => {
                let typed = ask(key).map_err(|why| KeyError::new(key, KeyFault::Prompt(why)))?;
                Ok(Zeroizing::new(typed.as_bytes().to_vec()))
            }
        }
    }
}

/// The first line without its end; what follows is ignored, as OpenSSL does.
fn first_line(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    let line = octets
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or(octets);
    Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_loses_only_its_line_end() {
        assert_eq!(first_line(b"pass word \n").as_slice(), b"pass word ");
        assert_eq!(first_line(b"one\r\ntwo\n").as_slice(), b"one");
        assert_eq!(first_line(b"no end").as_slice(), b"no end");
        assert_eq!(first_line(b"\nsecond").as_slice(), b"");
    }

    // covers: T-32
    #[test]
    fn debug_of_a_source_shows_no_more_than_a_path() {
        let prompt = PassphraseSource::Prompt(Arc::new(|_| Ok(String::from("geheim").into())));
        assert_eq!(format!("{prompt:?}"), "Prompt");
        let file = PassphraseSource::File("/etc/pass".into());
        assert_eq!(format!("{file:?}"), "File(\"/etc/pass\")");
    }
}
