//! PEM (RFC 7468, and the headers of RFC 1421): every block of a file, whatever its label.
//!
//! The label decides elsewhere what to do; unknown ones are needed to name a foreign format in an error.
//! Text around the blocks is skipped, such as what `openssl ca` writes in front of a certificate.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// One block.
pub(crate) struct Block {
    /// What stands between `BEGIN` and the dashes.
    pub(crate) label: String,
    /// Whether a `Proc-Type` header says that the content is encrypted.
    pub(crate) encrypted: bool,
    /// The decoded content.
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// Why a file with a `BEGIN` line is not PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PemFault {
    /// The content is not base64.
    Base64,
    /// There is no `END` line with the same label.
    NoEnd,
}

impl PemFault {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Base64 => "the text between BEGIN and END is not base64",
            Self::NoEnd => "a BEGIN line without its END line; the file is cut",
        }
    }
}

/// Whether the octets hold a `BEGIN` line.
pub(crate) fn looks_like(input: &[u8]) -> bool {
    input
        .split(|octet| *octet == b'\n')
        .any(|line| begin(line).is_some())
}

/// All blocks in their order.
pub(crate) fn blocks(input: &[u8]) -> Result<Vec<Block>, PemFault> {
    let mut lines = input.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(label) = begin(line) {
            found.push(block(label, &mut lines)?);
        }
    }
    Ok(found)
}

fn block<'a>(label: &[u8], lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Block, PemFault> {
    let mut encrypted = false;
    let mut in_headers = false;
    // An RSA-8192 key in base64 has 6 kB; beyond that the buffer grows, as only certificates make it.
    let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
    for line in lines {
        if let Some(end) = line.strip_prefix(b"-----END ") {
            if end.strip_suffix(b"-----") != Some(label) {
                return Err(PemFault::NoEnd);
            }
            // Room for all at once, so that nothing is left behind in memory given back.
            let mut content = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
            let length = BASE64
                .decode_slice(&*text, &mut content)
                .map_err(|_| PemFault::Base64)?;
            content.truncate(length);
            return Ok(Block {
                label: String::from_utf8_lossy(label).into_owned(),
                encrypted,
                content,
            });
        }
        if line.contains(&b':') {
            // `Proc-Type: 4,ENCRYPTED`; base64 has no colon.
            in_headers = true;
            encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
        } else if line.is_empty() {
            in_headers = false;
        } else if !in_headers {
            text.extend(line.iter().filter(|octet| !octet.is_ascii_whitespace()));
        }
    }
    Err(PemFault::NoEnd)
}

fn begin(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    // Windows editors put a byte order mark in front.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_text_with_any_line_ends() {
        let text = b"Certificate:\n    Data: -----\n-----BEGIN A B-----\r\nAAEC\r\n-----END A B-----\r\n\
            \xEF\xBB\xBF-----BEGIN C-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAw\nQ=\n-----END C-----";
        let found = blocks(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].label.as_str(), found[0].encrypted),
            ("A B", false)
        );
        assert_eq!(found[0].content.as_slice(), [0, 1, 2]);
        assert_eq!((found[1].label.as_str(), found[1].encrypted), ("C", true));
        assert_eq!(found[1].content.as_slice(), [3, 4]);
        assert!(looks_like(text) && !looks_like(b"BEGIN"));
    }

    #[test]
    fn block_that_is_cut_or_damaged_is_an_error() {
        let fault = |text: &[u8]| blocks(text).err();
        assert_eq!(fault(b"-----BEGIN A-----\nAAEC\n"), Some(PemFault::NoEnd));
        assert_eq!(
            fault(b"-----BEGIN A-----\nAA\n-----END B-----"),
            Some(PemFault::NoEnd)
        );
        assert_eq!(
            fault(b"-----BEGIN A-----\nA!\n-----END A-----"),
            Some(PemFault::Base64)
        );
    }
}
