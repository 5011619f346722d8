//! Writing DER: lengths are computed first, so that everything is appended to one buffer once.

use alloc::vec::Vec;

/// The number of octets that a length field for `content` octets takes, plus one for the tag.
#[must_use]
pub const fn header_length(content: usize) -> usize {
    match content {
        0..0x80 => 2,
        0x80..0x100 => 3,
        0x100..0x1_0000 => 4,
        0x1_0000..0x100_0000 => 5,
        0x100_0000..0x1_0000_0000 => 6,
        // Beyond 4 GiB: no message comes near, and an over-estimate only reserves too much.
        _ => 2 + size_of::<usize>(),
    }
}

/// The number of octets of a whole triple with `content` content octets.
#[must_use]
pub const fn tlv_length(content: usize) -> usize {
    header_length(content) + content
}

/// Appends the tag and the length of a value whose content follows.
pub fn push_header(out: &mut Vec<u8>, tag: u8, content: usize) {
    out.push(tag);
    let octets = content.to_be_bytes();
    let skip = octets.iter().take_while(|octet| **octet == 0).count();
    match &octets[skip..] {
        [] => out.push(0),
        [only] if *only < 0x80 => out.push(*only),
        significant => {
            // A usize has at most 8 octets, which fits the low seven bits.
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(0));
            out.extend_from_slice(significant);
        }
    }
}

/// Appends a whole triple.
pub fn push(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    push_header(out, tag, content.len());
    out.extend_from_slice(content);
}

/// The tag and length octets alone.
#[must_use]
pub fn header(tag: u8, content: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(header_length(content));
    push_header(&mut out, tag, content);
    out
}

/// The content octets of the INTEGER with this unsigned big-endian value: leading zeros are dropped, and one
/// is added where the first bit is set.
#[must_use]
pub fn integer_from_unsigned(value: &[u8]) -> Vec<u8> {
    let skip = value.iter().take_while(|octet| **octet == 0).count();
    let significant = &value[skip..];
    let mut out = Vec::with_capacity(significant.len() + 1);
    if significant.first().is_none_or(|octet| octet & 0x80 != 0) {
        out.push(0);
    }
    out.extend_from_slice(significant);
    out
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn header_takes_the_fewest_octets() {
        assert_eq!(header(0x30, 0), [0x30, 0x00]);
        assert_eq!(header(0x30, 0x7F), [0x30, 0x7F]);
        assert_eq!(header(0x30, 0x80), [0x30, 0x81, 0x80]);
        assert_eq!(header(0x30, 0x100), [0x30, 0x82, 0x01, 0x00]);
        assert_eq!(header(0x30, 0x0001_0000), [0x30, 0x83, 0x01, 0x00, 0x00]);
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_216] {
            assert_eq!(header(4, length).len(), header_length(length), "{length}");
        }
    }

    #[test]
    fn unsigned_value_becomes_a_minimal_integer() {
        assert_eq!(integer_from_unsigned(&[]), vec![0]);
        assert_eq!(integer_from_unsigned(&[0, 0]), vec![0]);
        assert_eq!(integer_from_unsigned(&[0, 0x7F]), vec![0x7F]);
        assert_eq!(integer_from_unsigned(&[0x80]), vec![0, 0x80]);
    }
}
