//! JSON for machines: one object on one line, in ASCII.
//!
//! Foreign text stands in it as it is, so that a program gets the true octets; whatever is not printable ASCII is
//! written as `\uXXXX`, so that the same line does nothing to a terminal that shows it (threats T-30).

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The value on one line, with its line end.
///
/// # Errors
/// The value has keys that are no strings; none of ours has.
pub(super) fn line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Ascii))?;
    out.push(b'\n');
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            match u8::try_from(character) {
                Ok(octet @ 0x20..=0x7E) => writer.write_all(&[octet])?,
                _ => {
                    for unit in character.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: T-30
    #[test]
    fn line_is_printable_ascii_and_gives_the_text_back() {
        for text in ["\u{1b}[2J\n\"\\", "a\u{202e}b\u{85}\u{7f}", "Geräte 𝄞 證"] {
            let line = line(&text).unwrap();
            let (end, rest) = line.as_bytes().split_last().unwrap();
            assert_eq!(*end, b'\n');
            assert!(rest.iter().all(|c| (0x20..0x7F).contains(c)), "{line}");
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
