//! The OCSPRequest in the target of a GET: raw target, percent-decoding once, then base64.
//!
//! Nothing is normalised: no `//` is merged and no segment is split, since `/` is a letter of base64. What the
//! field sends and is accepted (requirements D-9, integrations §5): leading slashes, raw `/ + =`, escapes of any case,
//! a space where `+` was, the URL-safe alphabet, missing padding, whole path segments in front where no prefix is
//! configured. Everything else is refused.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::TargetFault;
use crate::limits::MAX_SKIPPED_SEGMENTS;

/// RFC 4648 §4, padding as it comes, and pad bits that are not zero let through: the DER inside is strict anyway.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes what stands behind the prefix of a request target.
///
/// # Errors
/// [`TargetFault`].
pub(crate) fn decode(raw: &str) -> Result<Vec<u8>, TargetFault> {
    if raw.contains('?') {
        return Err(TargetFault::Query);
    }
    let text = percent_decode(raw.as_bytes())?;
    let start = text.iter().take_while(|octet| **octet == b'/').count();
    if start == text.len() {
        return Err(TargetFault::Empty);
    }
    let first = decode_base64(&text[start..]);
    if first.as_deref().is_ok_and(looks_like_a_message) {
        return first;
    }
    // A proxy may have left segments of its own in front. `/` is ambiguous, so the longest reading came first, and a
    // later one counts only if it is a complete SEQUENCE.
    let slashes = text[start..]
        .iter()
        .enumerate()
        .filter(|(_, octet)| **octet == b'/');
    for (index, _) in slashes.take(MAX_SKIPPED_SEGMENTS) {
        let rest = &text[start + index + 1..];
        if let Ok(message) = decode_base64(rest)
            && looks_like_a_message(&message)
        {
            return Ok(message);
        }
    }
    first
}

/// Whether the octets are one SEQUENCE from the first to the last.
fn looks_like_a_message(octets: &[u8]) -> bool {
    let mut reader = certvouch_types::der::Reader::new(octets);
    reader.sequence("OCSPRequest").is_ok() && reader.is_empty()
}

fn percent_decode(raw: &[u8]) -> Result<Vec<u8>, TargetFault> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&octet, tail)) = rest.split_first() {
        rest = tail;
        if octet != b'%' {
            out.push(octet);
            continue;
        }
        let [high, low, tail @ ..] = rest else {
            return Err(TargetFault::Escape);
        };
        match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => out.push(high << 4 | low),
            _ => return Err(TargetFault::Escape),
        }
        rest = tail;
    }
    Ok(out)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn decode_base64(text: &[u8]) -> Result<Vec<u8>, TargetFault> {
    let standard: Vec<u8> = text
        .iter()
        .map(|octet| match octet {
            b'-' | b' ' => b'+', // base64url; a form decoder's space (requirements D-9)
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(&standard).map_err(|error| match error {
        base64::DecodeError::InvalidByte(_, b'=') => TargetFault::Length,
        base64::DecodeError::InvalidByte(..) => TargetFault::Alphabet,
        _ => TargetFault::Length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9919 B.4 (requirements V2); its base64 holds three `/`.
    const V2: &str = "MGEwXzBdMFswWTANBglghkgBZQMEAgEFAAQgOplGd1aAc6cHv95QGGNF5M1hNNsIXrqh0QQl8DtvCOoE\
                      IEdKbKMB8j3J9/cHhwThx/X8lucWdfbtiC56tlw/WEVDAgQBqvAN";

    fn v2() -> Vec<u8> {
        LENIENT.decode(V2).unwrap()
    }

    // covers: R3986-2.2-1, R3986-2.4-1, R6960-A.1-2
    #[test]
    fn every_spelling_of_the_same_request_decodes_to_it() {
        let escaped = V2.replace('/', "%2F").replace('+', "%2B");
        let spellings = [
            V2.to_owned(),
            escaped.clone(),
            escaped.to_lowercase_escapes(),
            format!("/{escaped}"),
            format!("//{escaped}"),
            format!("///{V2}"),
            V2.replace('/', "_").replace('+', "-"),
            format!("ocsp/{escaped}"),
            format!("pki/v1/ocsp/{V2}"),
            V2.bytes().map(|octet| format!("%{octet:02x}")).collect(),
        ];
        for spelling in spellings {
            assert_eq!(decode(&spelling), Ok(v2()), "{spelling}");
        }
    }

    trait LowercaseEscapes {
        fn to_lowercase_escapes(&self) -> String;
    }

    impl LowercaseEscapes for String {
        fn to_lowercase_escapes(&self) -> String {
            self.replace("%2F", "%2f").replace("%2B", "%2b")
        }
    }

    // covers: R3986-2.4-1
    #[test]
    fn plus_space_and_absent_padding_are_understood() {
        // An OCTET STRING chosen so that the base64 has `+` and padding.
        let plus = [0x30, 0x08, 0x04, 0x06, 0x00, 0x00, 0xFB, 0xEF, 0xBE, 0x00];
        let text = base64::engine::general_purpose::STANDARD.encode(plus);
        assert!(text.contains('+') && text.ends_with('='), "{text}");
        for spelling in [
            text.clone(),
            text.replace('+', " "),
            text.replace('+', "%20"),
            text.replace('+', "%2B"),
            text.replace('=', "%3D"),
            text.replace('=', "%3d"),
            text.trim_end_matches('=').to_owned(),
        ] {
            assert_eq!(decode(&spelling).as_deref(), Ok(&plus[..]), "{spelling}");
        }
    }

    // covers: E-14, R4648-3.3-1
    #[test]
    fn target_that_is_no_base64_is_refused_with_the_reason() {
        assert_eq!(decode(""), Err(TargetFault::Empty));
        assert_eq!(decode("//"), Err(TargetFault::Empty));
        assert_eq!(decode("MGEw%G1"), Err(TargetFault::Escape));
        assert_eq!(decode("MGEw%"), Err(TargetFault::Escape));
        assert_eq!(decode("MGEw%2"), Err(TargetFault::Escape));
        assert_eq!(decode("MGE%0AwXzBd"), Err(TargetFault::Alphabet));
        assert_eq!(decode("MGE!"), Err(TargetFault::Alphabet));
        assert_eq!(decode("MGEwX"), Err(TargetFault::Length));
        assert_eq!(decode("=MGE"), Err(TargetFault::Length));
        assert_eq!(decode("MG==EwXz"), Err(TargetFault::Length));
    }

    // covers: T-40
    #[test]
    fn query_string_is_refused() {
        assert_eq!(decode(&format!("{V2}?x=1")), Err(TargetFault::Query));
        assert_eq!(decode("?"), Err(TargetFault::Query));
    }

    // covers: R4648-3.5-1
    #[test]
    fn pad_bits_that_are_not_zero_are_let_through() {
        // "MA==" is 30; "MB==" differs in the pad bits alone.
        assert_eq!(decode("MB=="), decode("MA=="));
    }
}
