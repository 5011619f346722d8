//! Comparison of distinguished names by RFC 5280 7.1: case and runs of spaces do not matter, string types neither.
//!
//! The StringPrep of RFC 4518 is followed as far as names in certificates need it: characters are compared in lower
//! case (Unicode's simple mapping), leading and trailing spaces are dropped, inner runs of spaces are one. Unicode
//! normalisation (NFKC) is left out: a CA that spells its own name in two normal forms does not match, which refuses
//! a CRL and never accepts a wrong one.

use crate::der::tag;
use crate::pkix::name::Name;

impl Name<'_> {
    /// Whether both are the same name by RFC 5280 7.1. Equal octets always match. The order of attributes in one
    /// multi-valued RDN is taken as it stands.
    #[must_use]
    pub fn matches(&self, other: &Name<'_>) -> bool {
        if self.as_bytes() == other.as_bytes() {
            return true;
        }
        if self.shape().ne(other.shape()) {
            return false;
        }
        let mut theirs = other.attributes();
        self.attributes().all(|(oid, kind, value)| {
            theirs
                .next()
                .is_some_and(|(other_oid, other_kind, other_value)| {
                    oid == other_oid && values_match((kind, value), (other_kind, other_value))
                })
        })
    }

    /// How many attributes each RDN has.
    fn shape(&self) -> impl Iterator<Item = usize> {
        let rdns = crate::der::Reader::new(self.as_bytes()).sequence("Name");
        let mut rdns = rdns.unwrap_or(crate::der::Reader::new(&[]));
        core::iter::from_fn(move || {
            let mut rdn = rdns.next("Name").ok()?.contents();
            let mut count = 0;
            while rdn.next("Name").is_ok() {
                count += 1;
            }
            Some(count)
        })
    }
}

fn values_match((kind, value): (u8, &[u8]), (other_kind, other): (u8, &[u8])) -> bool {
    if kind == other_kind && value == other {
        return true;
    }
    match (text(kind, value), text(other_kind, other)) {
        (Some(one), Some(two)) => folded(one).eq(folded(two)),
        _ => false,
    }
}

/// The characters of a value of one of the string types that compare by caseIgnoreMatch.
fn text(kind: u8, value: &[u8]) -> Option<Characters<'_>> {
    if !crate::pkix::name::is_proper_string(kind, value) {
        return None;
    }
    match kind {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => {
            core::str::from_utf8(value).ok().map(Characters::Utf8)
        }
        tag::BMP_STRING if value.len().is_multiple_of(2) => Some(Characters::Bmp(value)),
        // T.61 is taken for Latin-1, as everybody does.
        tag::TELETEX_STRING => Some(Characters::Latin1(value)),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Characters<'a> {
    Utf8(&'a str),
    Bmp(&'a [u8]),
    Latin1(&'a [u8]),
}

impl<'a> Characters<'a> {
    fn at(&self, index: usize) -> Option<(char, usize)> {
        match self {
            Self::Utf8(text) => text
                .get(index..)?
                .chars()
                .next()
                .map(|c| (c, index + c.len_utf8())),
            Self::Bmp(octets) => {
                let pair = octets.get(index..index + 2)?;
                let unit = u32::from(u16::from_be_bytes([pair[0], pair[1]]));
                Some((
                    char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
                    index + 2,
                ))
            }
            Self::Latin1(octets) => octets
                .get(index)
                .map(|octet| (char::from(*octet), index + 1)),
        }
    }

    fn iter(self) -> impl Iterator<Item = char> + use<'a> {
        let mut index = 0;
        core::iter::from_fn(move || {
            let (character, next) = self.at(index)?;
            index = next;
            Some(character)
        })
    }
}

/// Lower case, one space for each run, none at the ends.
fn folded<'a>(text: Characters<'a>) -> impl Iterator<Item = char> + use<'a> {
    let mut rest = text
        .iter()
        .flat_map(char::to_lowercase)
        .skip_while(|c| c.is_whitespace())
        .peekable();
    core::iter::from_fn(move || {
        let character = rest.next()?;
        if !character.is_whitespace() {
            return Some(character);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        rest.peek().map(|_| ' ')
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::der::{Reader, push};

    fn name(kind: u8, text: &[u8]) -> Vec<u8> {
        let mut value = Vec::new();
        push(&mut value, tag::OID, crate::oid::COMMON_NAME.as_bytes());
        push(&mut value, kind, text);
        let (mut attribute, mut rdn, mut out) = (Vec::new(), Vec::new(), Vec::new());
        push(&mut attribute, tag::SEQUENCE, &value);
        push(&mut rdn, tag::SET, &attribute);
        push(&mut out, tag::SEQUENCE, &rdn);
        out
    }

    fn matches(one: &[u8], two: &[u8]) -> bool {
        let read = |der| Name::read(&mut Reader::new(der), "Name");
        read(one).unwrap().matches(&read(two).unwrap())
    }

    // covers: R5280-7.1-1
    #[test]
    fn names_match_across_string_types_case_and_spaces() {
        let utf8 = name(tag::UTF8_STRING, "Zoë  Test CA".as_bytes());
        assert!(matches(
            &utf8,
            &name(tag::UTF8_STRING, " ZOË test ca ".as_bytes())
        ));
        assert!(matches(
            &utf8,
            &name(tag::TELETEX_STRING, b"Zo\xEB Test CA")
        ));
        let bmp: Vec<u8> = "Zoë Test CA"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        assert!(matches(&utf8, &name(tag::BMP_STRING, &bmp)));
        let printable = name(tag::PRINTABLE_STRING, b"Test CA");
        assert!(matches(&printable, &name(tag::UTF8_STRING, b"test ca")));
    }

    #[test]
    fn different_names_do_not_match() {
        let one = name(tag::UTF8_STRING, b"Test CA");
        assert!(!matches(&one, &name(tag::UTF8_STRING, b"TestCA")));
        assert!(!matches(&one, &name(tag::UTF8_STRING, b"Test CA 2")));
        // An OCTET STRING is no text: it matches by its octets only.
        assert!(!matches(&one, &name(tag::OCTET_STRING, b"Test CA")));
        assert!(!matches(&one, &[0x30, 0x00]));
        // A string outside its type matches itself, and nothing that only looks like it.
        let broken = name(tag::PRINTABLE_STRING, b"Test_CA");
        assert!(matches(&broken, &broken));
        assert!(!matches(&broken, &name(tag::UTF8_STRING, b"Test_CA")));
    }
}
