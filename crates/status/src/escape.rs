//! Foreign text on its way into an error: escaped and short (threats T-30).

use std::path::Path;

use crate::limits::SHOWN_CHARACTERS;

/// The octets as text in which nothing can move a cursor or end a line, cut after
/// [`SHOWN_CHARACTERS`].
pub(crate) fn octets(foreign: &[u8]) -> String {
    // Every octet makes at least one character, so that no more of them than this are looked at.
    let head = &foreign[..foreign.len().min(SHOWN_CHARACTERS)];
    let mut shown = head.escape_ascii().to_string();
    if head.len() < foreign.len() {
        shown.push_str("...");
    }
    shown
}

/// A path, escaped but whole: a path that is cut names another file.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: T-30
    #[test]
    fn octets_with_controls_are_escaped_and_cut() {
        assert_eq!(octets(b"a\x1b[2J\n\xff"), "a\\x1b[2J\\n\\xff");
        let shown = octets(&[b'x'; 1000]);
        assert_eq!(shown.len(), SHOWN_CHARACTERS + 3);
        assert!(path(Path::new("a\x1b\n")).is_ascii());
        assert_eq!(path(Path::new("a\x1b\n")), "a\\u{1b}\\n");
    }
}
