//! The command line that the program was called with, as words that mean the same to a shell.

use std::ffi::OsString;

use crate::command::quote::shell_word;
use crate::escape::escape_display;

/// This call.
pub(super) fn words() -> String {
    join(std::env::args_os().skip(1).collect())
}

/// The call that checks one target of a list.
pub(super) fn words_of(target: &str) -> String {
    join(of_list(std::env::args_os().skip(1), target))
}

/// The words of a call on a list as those of a call on one of its targets.
fn of_list(words: impl Iterator<Item = OsString>, target: &str) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut value_follows = false;
    for word in words {
        let text = word.to_string_lossy();
        let dropped = ["--list", "--save", "--jobs"];
        if std::mem::take(&mut value_follows) {
            continue;
        }
        if dropped.contains(&text.as_ref()) {
            value_follows = true;
            continue;
        }
        let joined = |name: &str| text.starts_with(&format!("{name}="));
        if !dropped.iter().any(|name| joined(name)) {
            kept.push(word);
        }
    }
    let place = kept.len().min(1);
    kept.insert(place, target.into());
    kept
}

fn join(words: Vec<OsString>) -> String {
    let mut all = vec!["certvouch".to_owned()];
    all.extend(words.iter().map(|word| match word.to_str() {
        Some(word) => shell_word(word),
        None => shell_word(&escape_display(&word.display())),
    }));
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_on_a_list_becomes_one_on_a_target() {
        let words = [
            "check", "--list", "all.txt", "--issuer", "ca.pem", "--jobs=4",
        ];
        let one = join(of_list(words.into_iter().map(OsString::from), "a b.pem"));
        assert_eq!(one, "certvouch check 'a b.pem' --issuer ca.pem");
    }
}
