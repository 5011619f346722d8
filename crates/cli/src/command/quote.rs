//! Words of shell commands that we print: what a person copies must mean what we meant.

use std::path::Path;

use crate::escape::escape;

/// A path as one word of a POSIX shell command.
pub(crate) fn shell_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.starts_with('-') {
        return shell_word(&format!("./{text}"));
    }
    shell_word(&text)
}

/// A text as one word of a POSIX shell command: as it is where nothing in it means anything to a shell. What a
/// terminal could take for a command to itself is escaped (threats T-30); such a word is for reading only.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:%@+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let shown = if is_showable(text) {
        text.to_owned()
    } else {
        escape(text).to_string()
    };
    format!("'{}'", shown.replace('\'', r"'\''"))
}

/// Whether a terminal shows the text as it is: no control character, nothing invisible, nothing that turns the
/// direction of writing.
pub(crate) fn is_showable(text: &str) -> bool {
    // The escaper doubles backslashes, which are harmless by themselves.
    let text = text.replace('\\', "");
    escape(&text).to_string() == text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn word_comes_back_from_a_shell_as_it_was() {
        for text in [
            "plain", "a b", "it's", "$HOME", "a;b", "*", "", "`id`", "\\", "ü\"'", "~", "#x", "a=b",
        ] {
            let script = format!("printf %s {}", shell_word(text));
            let out = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), text, "{script}");
        }
    }

    // covers: T-30
    #[test]
    fn word_holds_nothing_that_a_terminal_obeys() {
        for text in ["a\u{1b}[2J\nb", "a\u{202e}b", "a\u{85}b"] {
            assert!(shell_word(text).is_ascii(), "{text:?}");
            assert!(!shell_word(text).chars().any(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn path_that_looks_like_a_flag_is_none() {
        assert_eq!(shell_path(Path::new("-x")), "./-x");
    }
}
