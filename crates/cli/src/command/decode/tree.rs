//! A decoded message as a tree of named values, and its two shapes: text for people, JSON for machines.
//!
//! Names are ours and text may be foreign: the text shape sends every text through the escaper (threats T-30), the
//! JSON shape is printed in ASCII by `json`.

use std::fmt::Write as _;

use certvouch_types::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::escape::escape;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Fields(Vec<(&'static str, Self)>),
    Flag(bool),
    List(Vec<Self>),
    Nothing,
    Number(usize),
    /// Shown in hex.
    Octets(Vec<u8>),
    /// Perhaps foreign.
    Text(String),
}

/// Octets that the text shape shows; a nonce has at most 128, a key or signature more than anybody reads.
const SHOWN_OCTETS: usize = 128;

impl Value {
    /// Named values.
    pub(super) fn fields<const N: usize>(fields: [(&'static str, Self); N]) -> Self {
        Self::Fields(fields.into())
    }

    /// Octets.
    pub(super) fn octets(octets: &[u8]) -> Self {
        Self::Octets(octets.to_vec())
    }

    /// For people; ends with a line end.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 1);
        out
    }

    /// Lines of a value with members, each below `depth` steps.
    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Fields(fields) => {
                for (name, value) in fields {
                    match value.scalar() {
                        // Writing to a String cannot fail.
                        Some(text) => drop(writeln!(out, "{indent}{name}: {text}")),
                        None => {
                            let _ = writeln!(out, "{indent}{name}:");
                            value.write(out, depth + 1);
                        }
                    }
                }
            }
            Self::List(values) => {
                for value in values {
                    match value.scalar() {
                        Some(text) => drop(writeln!(out, "{indent}- {text}")),
                        None => {
                            let mut inner = String::new();
                            value.write(&mut inner, depth + 1);
                            // The dash takes the place of the last step of indentation.
                            let rest = inner.get(indent.len() + 2..).unwrap_or_default();
                            let _ = write!(out, "{indent}- {rest}");
                        }
                    }
                }
            }
            other => {
                let text = other.scalar().unwrap_or_default();
                let _ = writeln!(out, "{indent}{text}");
            }
        }
    }

    /// What fits behind the name, on its line.
    fn scalar(&self) -> Option<String> {
        match self {
            Self::Fields(fields) if fields.is_empty() => Some("none".to_owned()),
            Self::List(values) if values.is_empty() => Some("none".to_owned()),
            Self::Fields(_) | Self::List(_) => None,
            Self::Flag(flag) => Some(if *flag { "yes" } else { "no" }.to_owned()),
            Self::Nothing => Some("absent".to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Octets(octets) if octets.is_empty() => Some("(empty)".to_owned()),
            Self::Octets(octets) if octets.len() > SHOWN_OCTETS => {
                Some(format!("{}… ({} octets)", hex(&octets[..32]), octets.len()))
            }
            Self::Octets(octets) => Some(hex(octets)),
            Self::Text(text) => Some(escape(text).to_string()),
        }
    }
}

/// Upper-case hex, as serial numbers are written.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Text(time.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fields(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(values) => serializer.collect_seq(values),
            Self::Nothing => serializer.serialize_none(),
            Self::Number(number) => number.serialize(serializer),
            Self::Octets(octets) => serializer.serialize_str(&hex(octets)),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_the_tree_by_indentation() {
        let inner = Value::fields([("x", 1.into()), ("y", Value::List(vec![]))]);
        let tree = Value::fields([
            ("a", true.into()),
            ("list", Value::List(vec![inner, "plain".into()])),
            ("none", Value::Nothing),
            ("hash", Value::octets(&[0xAB, 1])),
        ]);
        let expected = "  a: yes\n  list:\n    - x: 1\n      y: none\n    - plain\n  none: absent\n  hash: AB01\n";
        assert_eq!(tree.text(), expected);
    }

    // covers: T-30
    #[test]
    fn foreign_text_cannot_leave_its_line() {
        let tree = Value::fields([("subject", "a\u{1b}[2J\n  critical: no\u{202e}".into())]);
        assert_eq!(
            tree.text(),
            "  subject: a\\x1B[2J\\n  critical: no\\u{202E}\n"
        );
    }

    #[test]
    fn long_octets_are_cut_for_people_only() {
        let tree = Value::octets(&[0xAA; 129]);
        assert!(tree.text().ends_with("… (129 octets)\n"));
        assert_eq!(serde_json::to_string(&tree).unwrap().len(), 2 * 129 + 2);
    }
}
