//! DER written by hand, well-formed or not, and a reader of single TLVs for the tests.
//!
//! The functions return complete TLVs as `Vec<u8>` and nest: `seq(&[&oid("1.2.3"), &null()])`. Nothing is
//! checked on purpose: what a test asks for is written, be it valid or not. Malformed encodings have
//! functions of their own ([`tlv_long_form`], [`tlv_indefinite`], [`tlv_wrong_length`]) and every content
//! can be given raw through [`tlv`].

use crate::clock::Civil;

/// One TLV with a minimal definite length.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend_from_slice(&minimal_length(content.len()));
    out.extend_from_slice(content);
    out
}

/// One TLV whose length is written in the long form with exactly `octets` octets, minimal or not.
///
/// `tlv_long_form(0x04, b"x", 1)` is `04 81 01 78`, which BER allows and DER forbids.
#[must_use]
pub fn tlv_long_form(tag: u8, content: &[u8], octets: usize) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let mut out = vec![
        tag,
        0x80 | u8::try_from(octets).expect("at most 126 length octets"),
    ];
    for position in (0..octets).rev() {
        let from_end = length.len().checked_sub(position + 1);
        out.push(from_end.map_or(0, |i| length[i]));
    }
    out.extend_from_slice(content);
    out
}

/// One TLV of indefinite length (BER only): `tag 80 content 00 00`.
#[must_use]
pub fn tlv_indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}

/// One TLV that claims `claimed` octets of content, whatever it really carries.
#[must_use]
pub fn tlv_wrong_length(tag: u8, content: &[u8], claimed: usize) -> Vec<u8> {
    [&[tag][..], &minimal_length(claimed), content].concat()
}

/// SEQUENCE of the given TLVs.
#[must_use]
pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// SEQUENCE of TLVs held in a vector.
#[must_use]
pub fn seq_of(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// SET of the given TLVs, in the order given (DER wants them sorted; that is left to the test).
#[must_use]
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

/// OBJECT IDENTIFIER from dotted text.
///
/// # Panics
/// When the text is not a dotted list of at least two numbers.
#[must_use]
pub fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted
        .split('.')
        .map(|arc| arc.parse().expect("an OID is numbers and dots"))
        .collect();
    let mut content = base128(arcs[0] * 40 + arcs[1]);
    for &arc in &arcs[2..] {
        content.extend(base128(arc));
    }
    tlv(0x06, &content)
}

/// INTEGER with exactly these content octets: empty, padded or negative as given.
#[must_use]
pub fn int_bytes(content: &[u8]) -> Vec<u8> {
    tlv(0x02, content)
}

/// INTEGER of the unsigned big-endian number: leading zeros go, one comes back where the top bit is set.
#[must_use]
pub fn uint(magnitude: &[u8]) -> Vec<u8> {
    tlv(0x02, &uint_content(magnitude))
}

/// The canonical content octets of an unsigned big-endian number (see [`uint`]).
#[must_use]
pub fn uint_content(magnitude: &[u8]) -> Vec<u8> {
    let start = magnitude.iter().position(|&b| b != 0);
    let digits = start.map_or(&[0_u8][..], |i| &magnitude[i..]);
    if digits[0] & 0x80 == 0 {
        digits.to_vec()
    } else {
        [&[0], digits].concat()
    }
}

/// ENUMERATED of one octet.
#[must_use]
pub fn enumerated(value: u8) -> Vec<u8> {
    tlv(0x0A, &[value])
}

/// OCTET STRING.
#[must_use]
pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

/// BIT STRING without unused bits.
#[must_use]
pub fn bits(content: &[u8]) -> Vec<u8> {
    bits_unused(0, content)
}

/// BIT STRING with the given unused-bits octet, sensible or not.
#[must_use]
pub fn bits_unused(unused: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[unused], content].concat())
}

/// BIT STRING of named bits (X.680: bit 0 is the highest bit of the first octet; trailing zeros removed).
#[must_use]
pub fn named_bits(set_bits: &[u8]) -> Vec<u8> {
    let Some(&highest) = set_bits.iter().max() else {
        return bits(&[]);
    };
    let mut content = vec![0_u8; usize::from(highest / 8) + 1];
    for &bit in set_bits {
        content[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    bits_unused(7 - highest % 8, &content)
}

/// NULL.
#[must_use]
pub fn null() -> Vec<u8> {
    vec![0x05, 0x00]
}

/// BOOLEAN, `FF` or `00`. Other content octets: `tlv(0x01, …)`.
#[must_use]
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, &[if value { 0xFF } else { 0x00 }])
}

/// GeneralizedTime `YYYYMMDDHHMMSSZ` of Unix seconds.
#[must_use]
pub fn generalized_time(unix: i64) -> Vec<u8> {
    tlv(0x18, Civil::from_unix(unix).generalized().as_bytes())
}

/// UTCTime `YYMMDDHHMMSSZ` of Unix seconds; the century is dropped.
#[must_use]
pub fn utc_time(unix: i64) -> Vec<u8> {
    tlv(0x17, &Civil::from_unix(unix).generalized().as_bytes()[2..])
}

/// Time as RFC 5280 4.1.2.5 wants it: UTCTime through 2049, GeneralizedTime from 2050.
#[must_use]
pub fn x509_time(unix: i64) -> Vec<u8> {
    if Civil::from_unix(unix).year < 2050 {
        utc_time(unix)
    } else {
        generalized_time(unix)
    }
}

/// `[n] EXPLICIT` around one TLV (or around anything).
#[must_use]
pub fn explicit(number: u8, inner: &[u8]) -> Vec<u8> {
    tlv(0xA0 | number, inner)
}

/// `[n] IMPLICIT`: replaces the tag of the TLV, keeping the constructed bit.
#[must_use]
pub fn implicit(number: u8, inner: &[u8]) -> Vec<u8> {
    let mut out = inner.to_vec();
    out[0] = 0x80 | (inner[0] & 0x20) | number;
    out
}

/// UTF8String.
#[must_use]
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0C, text.as_bytes())
}

/// PrintableString (the alphabet is not checked).
#[must_use]
pub fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

/// IA5String.
#[must_use]
pub fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

/// Name: one RDN per pair, values as UTF8String (countryName as PrintableString).
///
/// Types are `CN`, `O`, `OU`, `C`, `L`, `ST`, `serialNumber`, or a dotted OID.
#[must_use]
pub fn name(rdns: &[(&str, &str)]) -> Vec<u8> {
    let rdns: Vec<Vec<u8>> = rdns
        .iter()
        .map(|(kind, value)| {
            let value = if *kind == "C" {
                printable(value)
            } else {
                utf8(value)
            };
            set(&[&seq(&[&oid(attribute_oid(kind)), &value])])
        })
        .collect();
    seq_of(&rdns)
}

/// Extension: `critical` is written only when true (DER DEFAULT FALSE).
#[must_use]
pub fn extension(dotted: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    if critical {
        seq(&[&oid(dotted), &boolean(true), &octets(value)])
    } else {
        seq(&[&oid(dotted), &octets(value)])
    }
}

/// Bytes from hexadecimal text; white space is skipped.
///
/// # Panics
/// When the text is not an even number of hexadecimal digits.
#[must_use]
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).expect("a hexadecimal digit")).expect("below 16"))
        .collect();
    assert!(
        digits.len().is_multiple_of(2),
        "hexadecimal digits come in pairs"
    );
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// Upper-case hexadecimal text of bytes, as `index.txt` writes serials.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// One TLV as read: borrowed, definite lengths and one-octet tags only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Identifier octet.
    pub tag: u8,
    /// Content octets.
    pub content: &'a [u8],
    /// The whole TLV.
    pub raw: &'a [u8],
}

/// Reads the first TLV and returns it with what follows, or what is wrong.
///
/// # Errors
/// A sentence: truncated, indefinite or non-minimal length, or a multi-octet tag.
pub fn read(input: &[u8]) -> Result<(Tlv<'_>, &[u8]), String> {
    let [tag, first, ..] = *input else {
        return Err(format!("truncated TLV: {} octets", input.len()));
    };
    if tag & 0x1F == 0x1F {
        return Err("multi-octet tag".to_owned());
    }
    let (header, length) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let count = usize::from(first & 0x7F);
        let digits = input.get(2..2 + count).ok_or("truncated length")?;
        if count == 0 || count > 4 || digits[0] == 0 || (count == 1 && digits[0] < 0x80) {
            return Err(format!("length is not DER: {first:02X} {digits:02X?}"));
        }
        (
            2 + count,
            digits
                .iter()
                .fold(0, |sum, &digit| sum << 8 | usize::from(digit)),
        )
    };
    let content = input
        .get(header..header + length)
        .ok_or("content is shorter than its length")?;
    let (raw, rest) = input.split_at(header + length);
    Ok((Tlv { tag, content, raw }, rest))
}

/// Reads exactly one TLV, with nothing behind it.
///
/// # Errors
/// As [`read`], and when octets follow.
pub fn read_only(input: &[u8]) -> Result<Tlv<'_>, String> {
    match read(input)? {
        (one, []) => Ok(one),
        (_, rest) => Err(format!("{} octets follow the TLV", rest.len())),
    }
}

/// Reads all TLVs that stand side by side.
///
/// # Errors
/// As [`read`].
pub fn read_all(mut input: &[u8]) -> Result<Vec<Tlv<'_>>, String> {
    let mut all = Vec::new();
    while !input.is_empty() {
        let (one, rest) = read(input)?;
        all.push(one);
        input = rest;
    }
    Ok(all)
}

/// The dotted text of an OBJECT IDENTIFIER's content octets.
#[must_use]
pub fn oid_text(content: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0_u64;
    for &octet in content {
        arc = arc << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let first = arcs.first().copied().unwrap_or(0);
    let head = (first / 40).min(2);
    let mut text = format!("{head}.{}", first - head * 40);
    for arc in arcs.iter().skip(1) {
        text.push_str(&format!(".{arc}"));
    }
    text
}

fn attribute_oid(kind: &str) -> &str {
    match kind {
        "CN" => "2.5.4.3",
        "serialNumber" => "2.5.4.5",
        "C" => "2.5.4.6",
        "L" => "2.5.4.7",
        "ST" => "2.5.4.8",
        "O" => "2.5.4.10",
        "OU" => "2.5.4.11",
        dotted => dotted,
    }
}

fn minimal_length(length: usize) -> Vec<u8> {
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        return vec![short];
    }
    let octets = length.to_be_bytes();
    let digits: Vec<u8> = octets.iter().copied().skip_while(|&b| b == 0).collect();
    let count = u8::try_from(digits.len()).expect("a usize has at most 8 octets");
    [&[0x80 | count], &digits[..]].concat()
}

fn base128(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7F).expect("seven bits");
        out.insert(0, if out.is_empty() { low } else { low | 0x80 });
        value >>= 7;
        if value == 0 {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_forms_are_written_as_asked() {
        assert_eq!(tlv(0x04, b"x"), hex("04 01 78"));
        assert_eq!(tlv(0x04, &[0; 128])[..3], hex("04 81 80"));
        assert_eq!(tlv(0x04, &[0; 256])[..4], hex("04 82 0100"));
        assert_eq!(tlv_long_form(0x04, b"x", 1), hex("04 81 01 78"));
        assert_eq!(
            tlv_long_form(0x04, b"x", 10),
            hex("04 8A 00000000000000000001 78")
        );
        assert_eq!(tlv_indefinite(0x30, &null()), hex("30 80 0500 0000"));
        assert_eq!(tlv_wrong_length(0x04, b"x", 5), hex("04 05 78"));
    }

    #[test]
    fn primitive_values_have_their_known_bytes() {
        assert_eq!(oid("1.3.6.1.5.5.7.48.1.1"), hex("06 09 2B0601050507300101"));
        assert_eq!(
            oid("2.16.840.1.101.3.4.2.1"),
            hex("06 09 608648016503040201")
        );
        assert_eq!(oid("2.999.3"), hex("06 03 883703"));
        assert_eq!(uint(&[]), hex("02 01 00"));
        assert_eq!(uint(&hex("0000FF")), hex("02 02 00FF"));
        assert_eq!(uint(&hex("7F")), hex("02 01 7F"));
        assert_eq!(int_bytes(&hex("00007F")), hex("02 03 00007F"));
        assert_eq!(
            generalized_time(1_768_003_200),
            tlv(0x18, b"20260110000000Z")
        );
        assert_eq!(utc_time(1_768_003_200), tlv(0x17, b"260110000000Z"));
        assert_eq!(x509_time(2_524_607_999), tlv(0x17, b"491231235959Z"));
        assert_eq!(x509_time(2_524_608_000), tlv(0x18, b"20500101000000Z"));
        assert_eq!(named_bits(&[0]), hex("03 02 07 80"));
        assert_eq!(named_bits(&[5, 6]), hex("03 02 01 06"));
        assert_eq!(named_bits(&[8]), hex("03 03 07 0080"));
        assert_eq!(explicit(0, &enumerated(6)), hex("A0 03 0A 01 06"));
        assert_eq!(implicit(1, &seq(&[])), hex("A1 00"));
        assert_eq!(implicit(2, &null()), hex("82 00"));
        assert_eq!(
            extension("1.2.3", false, &[5, 0]),
            hex("30 08 06022A03 0402 0500")
        );
        assert_eq!(
            extension("1.2.3", true, &[5, 0]),
            hex("30 0B 06022A03 0101FF 0402 0500")
        );
        assert_eq!(
            name(&[("C", "DE")]),
            hex("300D 310B 3009 0603550406 13024445")
        );
    }

    #[test]
    fn reader_refuses_what_is_not_der() {
        assert!(read(&tlv_long_form(0x04, b"x", 1)).is_err());
        assert!(read(&tlv_long_form(0x04, &[0; 200], 2)).is_err());
        assert!(read(&tlv_indefinite(0x30, &[])).is_err());
        assert!(read(&tlv_wrong_length(0x04, b"x", 2)).is_err());
        assert!(read_only(&hex("0500 00")).is_err());
        let long = tlv(0x04, &[7; 300]);
        assert_eq!(read_only(&long).unwrap().content, [7; 300]);
        for dotted in ["1.2.840.113549.1.1.11", "2.999.3", "2.5.29.14", "0.9.1"] {
            assert_eq!(oid_text(read_only(&oid(dotted)).unwrap().content), dotted);
        }
    }
}
