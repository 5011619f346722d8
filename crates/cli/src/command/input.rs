//! What the asking commands read: files of bounded size, standard input, and the forms in which OCSP messages and
//! certificates travel (DER, PEM, base64 text, the URL of a GET).
//!
//! Nothing here judges the octets. An error is about the file, and its text is safe to display.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use certvouch_types::der::{Reader, tag};

use crate::escape::escape_path;

/// Octets of one input. The largest response that verifies (16 certificates with ML-DSA-87 keys and signatures) has
/// about 130 kB, in base64 200 kB; a chain file with a hundred certificates has as much.
pub(super) const MAX_INPUT: u64 = 4 * 1024 * 1024;

/// Octets of one CRL: as much as the responder reads of one by default; the largest that are known have a tenth.
pub(super) const MAX_CRL: u64 = 1 << 30;

/// Octets of what is shown: a CRL with half a million entries fits, and its text takes less than a gigabyte.
pub(super) const MAX_SHOWN: u64 = 16 * 1024 * 1024;

/// Padding as it comes, and pad bits that are not zero: the DER inside is strict anyway.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One PEM block.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands between `BEGIN` and the dashes. Foreign text.
    pub(super) label: String,
    /// The content.
    pub(super) der: Vec<u8>,
}

/// Octets of a file of rows that is read whole: an index of ten million rows has one and a half gigabytes.
const MAX_ROWS: u64 = 8 << 30;

/// Whether the path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a file whole.
///
/// # Errors
/// It cannot be read, or is larger than [`MAX_INPUT`].
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = || escape_path(path).to_string();
    let file = File::open(path).with_context(shown)?;
    bounded_by(file, MAX_INPUT).with_context(shown)
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_or_stdin(path: &Path) -> Result<Vec<u8>> {
    read_within(path, MAX_INPUT)
}

/// Reads a file, or standard input for `-`, that is to be shown.
///
/// # Errors
/// It cannot be read, or is larger than [`MAX_SHOWN`].
pub(super) fn read_to_show(path: &Path) -> Result<Vec<u8>> {
    read_within(path, MAX_SHOWN)
}

/// Reads a file of rows, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is larger than 8 GiB.
pub(super) fn read_bulk(path: &Path) -> Result<Vec<u8>> {
    read_within(path, MAX_ROWS)
}

/// Opens a file, or standard input for `-`, that is read bit by bit.
///
/// # Errors
/// It cannot be opened.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| escape_path(path).to_string())?;
    Ok(Box::new(file))
}

fn read_within(path: &Path, limit: u64) -> Result<Vec<u8>> {
    if is_stdin(path) {
        return bounded_by(io::stdin().lock(), limit).context("standard input");
    }
    let shown = || escape_path(path).to_string();
    let file = File::open(path).with_context(shown)?;
    bounded_by(file, limit).with_context(shown)
}

fn bounded_by(from: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    let length = from.take(limit + 1).read_to_end(&mut octets)?;
    // A count of octets in memory fits u64 everywhere.
    if u64::try_from(length).unwrap_or(u64::MAX) > limit {
        bail!("larger than {} MiB", limit >> 20);
    }
    Ok(octets)
}

/// The CRLs of a file as DER: every PEM block of one, or what is there as [`message`] reads it.
///
/// # Errors
/// The file cannot be read, or is larger than [`MAX_CRL`]. Whether it holds CRLs is not looked at.
pub(super) fn read_crls(path: &Path) -> Result<Vec<Vec<u8>>> {
    let octets = read_within(path, MAX_CRL)?;
    if !is_sequence(&octets) {
        let blocks = pem(&octets).unwrap_or_default();
        let of_crl = |block: &Block| matches!(block.label.as_str(), "X509 CRL" | "CRL");
        let crls: Vec<_> = blocks
            .into_iter()
            .filter(of_crl)
            .map(|block| block.der)
            .collect();
        if !crls.is_empty() {
            return Ok(crls);
        }
    }
    Ok(vec![message(octets)])
}

/// The certificates of a file as DER, in their order: PEM with anything around the blocks, or one in DER or base64.
///
/// # Errors
/// The file cannot be read, or holds no certificate in one of these forms. Whether it parses is not looked at.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>> {
    let octets = read(path)?;
    certificates(octets).with_context(|| escape_path(path).to_string())
}

/// The certificates in octets, as [`read_certificates`] finds them.
///
/// # Errors
/// There is none.
pub(super) fn certificates(octets: Vec<u8>) -> Result<Vec<Vec<u8>>> {
    if octets.is_empty() {
        bail!("the file is empty");
    }
    let blocks = pem(&octets)?;
    if blocks.is_empty() {
        let der = if is_sequence(&octets) {
            octets
        } else {
            base64_text(&octets).context("no certificate: neither PEM nor DER")?
        };
        return Ok(vec![der]);
    }
    let of_certificate = |block: &Block| {
        let label = block.label.as_str();
        label == "CERTIFICATE" || label == "X509 CERTIFICATE"
    };
    let found: Vec<_> = blocks
        .into_iter()
        .filter(of_certificate)
        .map(|block| block.der)
        .collect();
    if found.is_empty() {
        bail!("there is PEM in it, and no block `CERTIFICATE`");
    }
    Ok(found)
}

/// One message as DER: the first PEM block, base64 text, or what is there as it is.
pub(crate) fn message(octets: Vec<u8>) -> Vec<u8> {
    if is_sequence(&octets) {
        return octets;
    }
    match pem(&octets) {
        Ok(blocks) if !blocks.is_empty() => blocks.into_iter().next().map(|block| block.der),
        _ => base64_text(&octets),
    }
    .unwrap_or(octets)
}

/// All messages as DER: of PEM every block, else the one that [`message`] finds.
pub(crate) fn messages(octets: Vec<u8>) -> Vec<Vec<u8>> {
    match pem(&octets) {
        Ok(blocks) if !is_sequence(&octets) && !blocks.is_empty() => {
            blocks.into_iter().map(|block| block.der).collect()
        }
        _ => vec![message(octets)],
    }
}

/// Whether the octets begin as every message and certificate does in DER.
pub(super) fn is_sequence(octets: &[u8]) -> bool {
    octets.first() == Some(&tag::SEQUENCE)
}

/// All PEM blocks (RFC 7468); none if there is no `BEGIN` line.
///
/// # Errors
/// A block does not end, or its content is not base64.
pub(super) fn pem(octets: &[u8]) -> Result<Vec<Block>> {
    let mut lines = octets
        .split(|octet| *octet == b'\n')
        .map(<[u8]>::trim_ascii);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let label = line
            .strip_prefix(b"-----BEGIN ")
            .and_then(|rest| rest.strip_suffix(b"-----"));
        let Some(label) = label.and_then(|label| std::str::from_utf8(label).ok()) else {
            continue;
        };
        let mut text = Vec::new();
        loop {
            let Some(line) = lines.next() else {
                bail!("a PEM block does not end: the file is cut");
            };
            if line.starts_with(b"-----") {
                break;
            }
            // RFC 1421 headers, `Proc-Type: 4,ENCRYPTED`: what has them is no certificate and no message.
            if !line.contains(&b':') {
                text.extend_from_slice(line);
            }
        }
        let der = LENIENT
            .decode(&text)
            .map_err(|_| anyhow!("the text between BEGIN and END is not base64"))?;
        found.push(Block {
            label: label.to_owned(),
            der,
        });
    }
    Ok(found)
}

/// The DER in base64 text of either alphabet, with white space anywhere; nothing if it is something else.
pub(super) fn base64_text(octets: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = octets
        .iter()
        .filter(|octet| !octet.is_ascii_whitespace())
        .map(|octet| match octet {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(text).ok().filter(|der| is_sequence(der))
}

/// The request in the URL or the path of a GET (RFC 9919 6): percent-decoded once, then base64. Where its first
/// segment begins cannot be told from the text, so every `/` is tried, the longest reading first, and the first that is
/// one whole SEQUENCE counts.
pub(super) fn get_target(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let path = match text.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => text,
    };
    let decoded = percent_decode(path)?;
    let starts = decoded
        .iter()
        .enumerate()
        .filter(|(_, octet)| **octet == b'/')
        .map(|(index, _)| index + 1);
    // A path has few segments of its own; the rest are letters of base64.
    std::iter::once(0).chain(starts).take(16).find_map(|start| {
        let spaced: Vec<u8> = decoded
            .get(start..)?
            .iter()
            .map(|octet| if *octet == b' ' { b'+' } else { *octet })
            .collect();
        base64_text(&spaced).filter(|der| is_whole(der))
    })
}

/// Whether the octets are one SEQUENCE from the first to the last.
fn is_whole(der: &[u8]) -> bool {
    let mut reader = Reader::new(der);
    reader.sequence("message").is_ok() && reader.is_empty()
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((octet, tail)) = rest.split_first() {
        rest = tail;
        if *octet == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            out.push(*octet);
        }
    }
    Some(out)
}

/// Octets in hex, of either case, with `:` or white space between them.
///
/// # Errors
/// Something else.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text
        .chars()
        .filter(|c| *c != ':' && !c.is_whitespace())
        .collect();
    if !digits.len().is_multiple_of(2) || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err("not octets in hex".to_owned());
    }
    let octet = |index: usize| u8::from_str_radix(&digits[index..index + 2], 16);
    (0..digits.len())
        .step_by(2)
        .map(octet)
        .collect::<Result<_, _>>()
        .map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 4] = [0x30, 0x02, 0x30, 0x00];

    #[test]
    fn every_form_of_a_message_is_read() {
        let pem = b"text\n-----BEGIN OCSP REQUEST-----\nMAIwAA==\n-----END OCSP REQUEST-----\n";
        for input in [&REQUEST[..], pem, b"MAIw\r\nAA==\n", b"MAIwAA"] {
            assert_eq!(message(input.to_vec()), REQUEST, "{input:?}");
        }
        assert_eq!(message(b"<html>".to_vec()), b"<html>");
    }

    #[test]
    fn get_target_is_found_behind_any_path() {
        for text in [
            "http://ocsp.example/MAIwAA==",
            "http://ocsp.example/ocsp/ca/MAIwAA%3D%3D\n",
            "//MAIwAA%3d%3d",
            "/MAIwAA",
            "MAIwAA==",
        ] {
            assert_eq!(get_target(text).as_deref(), Some(&REQUEST[..]), "{text}");
        }
        for text in ["http://ocsp.example", "/%zz", "/%3", "/index.html", ""] {
            assert_eq!(get_target(text), None, "{text}");
        }
    }

    #[test]
    fn hex_is_read_as_people_write_it() {
        assert_eq!(hex("0a:FF 10"), Ok(vec![0x0A, 0xFF, 0x10]));
        assert!(hex("0").is_err());
        assert!(hex("zz").is_err());
        assert!(hex("é0").is_err());
    }

    #[test]
    fn pem_that_is_cut_or_no_base64_is_an_error() {
        assert!(pem(b"-----BEGIN X-----\nMAIw\n").is_err());
        assert!(pem(b"-----BEGIN X-----\n!!\n-----END X-----\n").is_err());
        assert!(pem(b"no block").unwrap().is_empty());
    }

    #[test]
    fn larger_input_than_the_limit_is_refused() {
        let endless = io::repeat(b'x');
        assert_eq!(
            bounded_by(endless, MAX_INPUT).unwrap_err().to_string(),
            "larger than 4 MiB"
        );
    }
}
