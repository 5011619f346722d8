//! The one escaper for foreign text (threats T-30).
//!
//! Names in certificates, rows of somebody's index, paths, and messages that quote any of them may hold whatever their
//! author liked: terminal sequences, forged log lines, text that runs backwards. Everything of that kind passes
//! [`escape`] or [`escape_bytes`] before it reaches a terminal, a log line or a page. What comes out:
//!
//! * is one line and holds no control character, no escape sequence, nothing invisible and nothing that turns the
//!   direction of writing;
//! * is unambiguous: a backslash in the input is doubled, everything else that is replaced becomes `\xHH` (one octet
//!   that is no UTF-8, or a character below U+0100) or `\u{H…}`;
//! * is at most [`MAX_CHARS`] characters of input long; a cut shows as `…`.

use std::fmt;

/// Characters of foreign text that are shown; the longest thing worth reading, a path, has 4096 octets at most and 200
/// in practice.
pub const MAX_CHARS: usize = 1024;

/// Foreign text, safe to display.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a [u8]);

/// Makes foreign text safe to display.
#[must_use]
pub const fn escape(text: &str) -> Escaped<'_> {
    Escaped(text.as_bytes())
}

/// Makes foreign octets, which may or may not be UTF-8, safe to display.
#[must_use]
pub const fn escape_bytes(octets: &[u8]) -> Escaped<'_> {
    Escaped(octets)
}

/// Makes a path safe to display.
#[must_use]
pub fn escape_path(path: &std::path::Path) -> Escaped<'_> {
    Escaped(path.as_os_str().as_encoded_bytes())
}

/// Makes whatever can be displayed safe to display: an error that quotes foreign text, say.
#[must_use]
pub fn escape_display(value: &dyn fmt::Display) -> String {
    escape(&value.to_string()).to_string()
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = MAX_CHARS;
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if left == 0 {
                    return f.write_str("…");
                }
                left -= 1;
                write_char(f, character)?;
            }
            for octet in chunk.invalid() {
                if left == 0 {
                    return f.write_str("…");
                }
                left -= 1;
                write!(f, "\\x{octet:02X}")?;
            }
        }
        Ok(())
    }
}

fn write_char(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    use fmt::Write as _;
    match character {
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        c if u32::from(c) < 0x100 && c.is_control() => write!(f, "\\x{:02X}", u32::from(c)),
        c if is_treacherous(c) => write!(f, "\\u{{{:X}}}", u32::from(c)),
        c => f.write_char(c),
    }
}

/// Characters above Latin-1 that are not seen, break lines, or move what stands around them.
const fn is_treacherous(character: char) -> bool {
    matches!(
        character,
        // The soft hyphen is a Latin-1 character, but seen only at the end of a line.
        '\u{AD}'
        // Bidi marks, embeddings, overrides and isolates.
        | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}'
        // Zero width, joiners, invisible operators, the byte order mark.
        | '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // Interlinear annotation, private use, tags, noncharacters at the end of the plane.
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: T-30
    #[test]
    fn text_without_tricks_stays_as_it_is() {
        for text in ["", "CN=Geräte-CA 1, O=Häuser & Söhne", "證書 ✓", "a/b c=d"] {
            assert_eq!(escape(text).to_string(), text);
        }
    }

    // covers: T-30
    #[test]
    fn every_control_character_is_shown_and_not_sent() {
        let all: String = (0..0x300).filter_map(char::from_u32).collect();
        let shown = escape(&all).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown}");
        assert_eq!(
            escape("\x1b[31mred\x07\x7f\u{9b}K").to_string(),
            r"\x1B[31mred\x07\x7F\x9BK"
        );
    }

    // covers: T-30
    #[test]
    fn line_ends_cannot_forge_a_log_line() {
        assert_eq!(
            escape("x\r\n2026-01-10 ERROR y\u{2028}z\u{85}").to_string(),
            r"x\r\n2026-01-10 ERROR y\u{2028}z\x85"
        );
    }

    // covers: T-30
    #[test]
    fn text_that_turns_the_writing_direction_is_shown_as_numbers() {
        for (input, expected) in [
            ("a\u{202E}b", r"a\u{202E}b"),
            ("a\u{2066}b\u{2069}", r"a\u{2066}b\u{2069}"),
            (
                "a\u{200F}\u{200B}\u{FEFF}\u{61C}",
                r"a\u{200F}\u{200B}\u{FEFF}\u{61C}",
            ),
            ("\u{E0041}\u{AD}", r"\u{E0041}\u{AD}"),
        ] {
            assert_eq!(escape(input).to_string(), expected);
        }
    }

    // covers: T-30
    #[test]
    fn octets_that_are_no_utf8_are_shown_in_hex_and_backslashes_are_doubled() {
        assert_eq!(escape_bytes(b"Zo\xEB \\x41").to_string(), r"Zo\xEB \\x41");
        assert_eq!(escape_bytes(&[0xFF, 0xC3, 0xAB]).to_string(), "\\xFFë");
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        let long = "x".repeat(MAX_CHARS + 1);
        let shown = escape(&long).to_string();
        assert_eq!(shown.chars().count(), MAX_CHARS + 1);
        assert!(shown.ends_with('…'));
        let fitting = "x".repeat(MAX_CHARS);
        assert_eq!(escape(&fitting).to_string(), fitting);
        assert!(escape_bytes(&[0xFF; 2000]).to_string().ends_with('…'));
    }
}
