//! PKCS#12 (RFC 7292): one private key and the certificates beside it.

use std::path::Path;

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use zeroize::Zeroizing;

use super::{KeyFile, PlainKey};
use crate::error::{ForeignFormat, KeyError, KeyFault, LoadError};
use crate::passphrase::PassphraseSource;

/// Opens a PKCS#12 file. One without passphrase, which is one with the empty passphrase, opens by itself.
pub(super) fn open(
    input: &[u8],
    path: &Path,
    passphrase: &PassphraseSource,
) -> Result<KeyFile, LoadError> {
    let fail = |fault| LoadError::from(KeyError::new(path, fault));
    let archive = match passphrase {
        PassphraseSource::Nowhere => Pkcs12Archive::from_pkcs12(input, "").map_err(|why| {
            fail(match fault(&why) {
                KeyFault::PassphraseWrong => KeyFault::PassphraseMissing,
                other => other,
            })
        })?,
        _ => {
            let secret = passphrase.obtain(path)?;
            let text =
                core::str::from_utf8(&secret).map_err(|_| fail(KeyFault::PassphraseEncoding))?;
            Pkcs12Archive::from_pkcs12(input, text).map_err(|why| fail(fault(&why)))?
        }
    };
    match archive.keys.as_slice() {
        [] => Err(fail(KeyFault::NotAKey("PKCS#12 with certificates alone"))),
        [only] => Ok(KeyFile {
            key: PlainKey::Pkcs8(Zeroizing::new(only.key.as_der().to_vec())),
            certificates: archive
                .certs
                .iter()
                .map(|bag| bag.cert.as_der().to_vec())
                .collect(),
        }),
        several => Err(fail(KeyFault::SeveralKeys {
            count: several.len(),
        })),
    }
}

/// The library has no error of its own for a wrong passphrase: the MAC fails, or without one the padding.
fn fault(why: &Error) -> KeyFault {
    match why {
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => KeyFault::PassphraseWrong,
        Error::UnsupportedContentType
        | Error::UnsupportedEncryptionScheme
        | Error::UnsupportedMacAlgorithm => KeyFault::Foreign(ForeignFormat::Pkcs12),
        Error::InvalidParameters => KeyFault::KdfCost,
        other => KeyFault::Malformed(other.to_string()),
    }
}
