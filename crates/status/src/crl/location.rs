//! Where CRLs come from, and how their octets become DER.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use certvouch_types::Crl;
use http::Uri;

use super::error::CrlError;
use crate::escape;

/// Where a CRL comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A folder: every file in it that is called `*.crl`, DER or PEM.
    Directory(PathBuf),
    /// A file.
    File(PathBuf),
    /// An http or https URL that the operator wrote.
    Url(Uri),
}

impl Location {
    /// What a flag or a line of the configuration means: something with `://` is a URL, the rest is a path.
    ///
    /// # Errors
    /// A URL that is none, or whose scheme is neither http nor https.
    pub fn from_text(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            let path = PathBuf::from(text);
            return Ok(if path.is_dir() {
                Self::Directory(path)
            } else {
                Self::File(path)
            });
        }
        let bad = || {
            format!(
                "{:?} is no http or https URL",
                escape::octets(text.as_bytes())
            )
        };
        let uri: Uri = text.parse().map_err(|_| bad())?;
        match uri.scheme_str() {
            Some("http" | "https") => Ok(Self::Url(uri)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) | Self::File(path) => f.write_str(&escape::path(path)),
            Self::Url(uri) => f.write_str(&uri.to_string().escape_debug().to_string()),
        }
    }
}

/// What the operator said that a location holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Declared {
    /// Complete CRLs; in a folder deltas too.
    Crl,
    /// A delta CRL.
    Delta,
}

/// The files of a folder that are CRLs by their names, in order.
pub(super) fn files_of(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension() == Some("crl".as_ref()) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

const BEGIN: &str = "-----BEGIN X509 CRL-----";
const END: &str = "-----END X509 CRL-----";

/// DER as it came, or the CRL in PEM text (RFC 7468 6). Text around it is tolerated. Of several, as bundles for web
/// servers hold them, the one that `wanted` says yes to; they must not be two.
pub(super) fn to_der(octets: Bytes, wanted: impl Fn(&Crl<'_>) -> bool) -> Result<Bytes, CrlError> {
    // No DER of ours begins with anything but a SEQUENCE, and no text with its identifier, which is "0", and a length
    // of that size.
    if octets.first() == Some(&0x30) && !octets.starts_with(b"0\n") {
        return Ok(octets);
    }
    let Ok(text) = core::str::from_utf8(&octets) else {
        return Ok(octets);
    };
    if !text.contains(BEGIN) {
        let pem = text.contains("-----BEGIN ");
        return if pem {
            Err(CrlError::Pem("it holds no X509 CRL"))
        } else {
            Ok(octets)
        };
    }
    let mut all = text
        .split(BEGIN)
        .skip(1)
        .map(one_of_pem)
        .collect::<Result<Vec<_>, _>>()?;
    if all.len() > 1 {
        all.retain(|der| Crl::parse(der).is_ok_and(|crl| wanted(&crl)));
        if all.len() > 1 {
            return Err(CrlError::Pem(
                "it holds more than one CRL of this issuer; each needs a file of its own",
            ));
        }
    }
    all.pop().ok_or(CrlError::Pem(
        "it holds several CRLs, and none of this issuer",
    ))
}

/// What stands behind a BEGIN line: base64 and the END line, alone on its line.
fn one_of_pem(rest: &str) -> Result<Bytes, CrlError> {
    let (body, after) = rest
        .split_once(END)
        .ok_or(CrlError::Pem("the end line is missing"))?;
    if !after.is_empty() && !after.starts_with(['\r', '\n']) {
        return Err(CrlError::Pem("something stands behind the end line"));
    }
    let body: Vec<u8> = body
        .bytes()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    let der = STANDARD
        .decode(body)
        .map_err(|_| CrlError::Pem("it is not base64"))?;
    Ok(Bytes::from(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(text: &str) -> Result<Bytes, CrlError> {
        to_der(Bytes::copy_from_slice(text.as_bytes()), |_| true)
    }

    #[test]
    fn pem_is_decoded_and_der_is_left_alone() {
        assert_eq!(
            to_der(Bytes::from_static(&[0x30, 3, 2, 1, 0]), |_| true).unwrap(),
            [0x30, 3, 2, 1, 0][..]
        );
        let pem = format!("comment\n{BEGIN}\r\nMAMC\r\nAQA=\r\n{END}\n\n");
        assert_eq!(der(&pem).unwrap(), [0x30, 3, 2, 1, 0][..]);
        let two = format!("{pem}{pem}");
        for (text, why) in [
            // Neither of the two is a CRL.
            (
                two.as_str(),
                "it holds several CRLs, and none of this issuer",
            ),
            (
                "-----BEGIN X509 CRL-----\nMAMCAQA=\n-----END X509 CRL-----  \n",
                "something stands behind the end line",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nMAMC\n",
                "it holds no X509 CRL",
            ),
            (
                "-----BEGIN X509 CRL-----\nMAMC\n",
                "the end line is missing",
            ),
            (
                "-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----",
                "it is not base64",
            ),
        ] {
            assert_eq!(der(text), Err(CrlError::Pem(why)));
        }
        // What is neither goes on, and the reader says what is wrong with it.
        assert_eq!(der("<html>").unwrap(), "<html>");
    }

    #[test]
    fn text_of_a_location_is_a_url_or_a_path() {
        assert!(matches!(
            Location::from_text("https://ca.example/ca.crl"),
            Ok(Location::Url(_))
        ));
        assert!(matches!(
            Location::from_text("ca.crl"),
            Ok(Location::File(_))
        ));
        assert!(matches!(
            Location::from_text("/"),
            Ok(Location::Directory(_))
        ));
        assert!(Location::from_text("ftp://ca.example/ca.crl").is_err());
        assert!(Location::from_text("http:// /").is_err());
    }
}
