//! The text of a configuration file: its keys before anything is made of them, and the lines they stand on.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Fault};
use super::schema::{Config, KEYS, PLANNED, PLANNED_PROFILES};

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    words: Words,
}

/// The keys that a file may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// Those that are known.
    pub(crate) keys: &'static [&'static str],
    /// Those of later versions.
    pub(crate) planned: &'static [&'static str],
}

impl Words {
    /// Those of the responder's configuration.
    const SERVE: Self = Self {
        keys: &KEYS,
        planned: &PLANNED,
    };
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::read_as(path, Words::SERVE)
    }

    /// Reads a file that has these keys.
    pub(crate) fn read_as(path: &Path, words: Words) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Unreadable {
            file: path.to_owned(),
            why,
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
            words,
        })
    }

    #[cfg(test)]
    pub(super) fn from_text(path: &str, text: &str) -> Self {
        Self {
            path: PathBuf::from(path),
            text: text.to_owned(),
            words: Words::SERVE,
        }
    }

    /// The folder that paths in the file count from.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }

    /// The decisions, as they are written; paths still count from the folder.
    ///
    /// All unknown keys are reported together, since they are what typing mistakes and old files have. A value of
    /// the wrong kind is reported alone: behind it nothing can be trusted.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        self.parse()
    }

    /// The same for any shape.
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let table = DeTable::parse(&self.text).map_err(|error| self.toml_error(&error))?;
        let mut faults = Vec::new();
        self.check_keys(table.get_ref(), "", &mut faults);
        if !faults.is_empty() {
            return Err(ConfigError::Faults(faults));
        }
        let deserializer = toml::de::Deserializer::from(table);
        T::deserialize(deserializer).map_err(|error| self.toml_error(&error))
    }

    /// A fault at the place of this key: of the `index`th table, if the path begins with an array of tables (`issuer`, `target`).
    pub(crate) fn fault(&self, path: &[&str], index: usize, what: String) -> Fault {
        let line = DeTable::parse(&self.text)
            .ok()
            .and_then(|table| offset_of(table.get_ref(), path, index))
            .map_or(1, |offset| self.line(offset));
        Fault {
            place: Some((self.path.clone(), line)),
            what,
        }
    }

    fn check_keys(&self, table: &DeTable<'_>, prefix: &str, faults: &mut Vec<Fault>) {
        for (key, value) in table.iter() {
            let path = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            let mut refuse = |what: String| {
                faults.push(Fault {
                    place: Some((self.path.clone(), self.line(key.span().start))),
                    what,
                });
            };
            if self.words.planned.contains(&path.as_str()) {
                refuse(format!("{path:?} is not in this version"));
            } else if !self.words.keys.contains(&path.as_str()) {
                refuse(unknown_key(self.words.keys, prefix, key.get_ref()));
            } else if path == "issuer.profile"
                && let DeValue::String(profile) = value.get_ref()
                && PLANNED_PROFILES.contains(&profile.as_ref())
            {
                refuse(format!(
                    "profile {profile:?} is not in this version; \"private\", \"br\", \"lightweight\" and \"etsi\" are"
                ));
            } else {
                self.check_value(value, &path, faults);
            }
        }
    }

    fn check_value(&self, value: &Spanned<DeValue<'_>>, path: &str, faults: &mut Vec<Fault>) {
        match value.get_ref() {
            DeValue::Table(table) => self.check_keys(table, path, faults),
            DeValue::Array(array) => {
                for element in array.iter() {
                    self.check_value(element, path, faults);
                }
            }
            _ => {}
        }
    }

    fn toml_error(&self, error: &toml::de::Error) -> ConfigError {
        let line = error.span().map_or(1, |span| self.line(span.start));
        ConfigError::Faults(vec![Fault {
            place: Some((self.path.clone(), line)),
            what: error.message().trim_end().replace('\n', ": "),
        }])
    }

    /// The line of this octet, counted from 1.
    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|octet| **octet == b'\n').count()
    }
}

/// What to say about a key that is not among the known ones.
fn unknown_key(keys: &[&'static str], prefix: &str, key: &str) -> String {
    let place = match prefix {
        "" => "unknown key".to_owned(),
        prefix => format!("unknown key in [{prefix}]:"),
    };
    let hint = match nearest_key(keys, prefix, key) {
        Some(known) => format!("; did you mean {known:?}?"),
        None => String::new(),
    };
    format!("{place} {key:?}{hint}")
}

/// The known key that was most likely meant: a similar one in the same table, or the same one in another table.
fn nearest_key(keys: &[&'static str], prefix: &str, key: &str) -> Option<&'static str> {
    let siblings = keys.iter().copied().filter_map(|known| {
        let (parent, name) = known.rsplit_once('.').unwrap_or(("", known));
        (parent == prefix).then_some(name)
    });
    nearest(key, siblings).or_else(|| {
        let name = |known: &'static str| known.rsplit_once('.').map_or(known, |(_, name)| name);
        let is_below = |known: &str| {
            known
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        keys.iter()
            .copied()
            .map(|known| (similarity(name(known), key), is_below(known), known))
            .filter(|(similarity, ..)| *similarity >= LIKELY)
            .max_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)))
            .map(|(.., known)| known)
    })
}

/// The most similar of some names, if one is similar enough to be meant.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (similarity(name, word), name))
        .filter(|(similarity, _)| *similarity >= LIKELY)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// 1 for the same text, 0 for nothing in common. The joints of words count for nothing, since `max-age` and `maxAge`
/// mean `max_age`; one slip of the fingers in three letters or more counts little.
fn similarity(one: &str, other: &str) -> f64 {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| !matches!(c, '_' | '-'));
        letters.flat_map(char::to_lowercase).collect()
    };
    let (one, other) = (plain(one), plain(other));
    let alike = strsim::jaro_winkler(&one, &other);
    let is_slip = one.len() >= 3 && strsim::osa_distance(&one, &other) == 1;
    if is_slip { alike.max(SLIP) } else { alike }
}

/// Below this, a proposal is more puzzling than none.
const LIKELY: f64 = 0.8;

/// How alike words are that differ in one letter, or in the order of two.
const SLIP: f64 = 0.9;

/// Where the value of this path begins; that of the last part that exists.
fn offset_of(table: &DeTable<'_>, path: &[&str], index: usize) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let (_, mut value) = table
        .iter()
        .find(|(key, _)| key.get_ref().as_ref() == *first)?;
    if matches!(*first, "issuer" | "target")
        && let DeValue::Array(array) = value.get_ref()
    {
        value = array.get(index)?;
    }
    let deeper = match value.get_ref() {
        DeValue::Table(table) => offset_of(table, rest, index),
        _ => None,
    };
    Some(deeper.unwrap_or_else(|| value.span().start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        Document::from_text("x.toml", text)
            .config()
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn unknown_key_is_refused_with_line_and_nearest_key() {
        assert_eq!(
            faults("[server]\n\nlisten_on = []\n"),
            "x.toml:3: unknown key in [server]: \"listen_on\"; did you mean \"listen\"?"
        );
        assert_eq!(
            faults("[[issuer]]\nname = \"a\"\nmax-age = \"1m\"\n"),
            "x.toml:3: unknown key in [issuer]: \"max-age\"; did you mean \"max_age\"?"
        );
        assert_eq!(
            faults("\n[[issuers]]\n"),
            "x.toml:2: unknown key \"issuers\"; did you mean \"issuer\"?"
        );
    }

    #[test]
    fn key_in_the_wrong_table_is_shown_its_own() {
        assert_eq!(
            faults("listen = []\n"),
            "x.toml:1: unknown key \"listen\"; did you mean \"server.listen\"?"
        );
        assert!(faults("[[issuer]]\nindex = \"i\"\n").contains("\"issuer.source.index\""));
    }

    #[test]
    fn key_like_no_other_gets_no_proposal() {
        assert_eq!(faults("qqq = 1\n"), "x.toml:1: unknown key \"qqq\"");
    }

    #[test]
    fn all_unknown_keys_are_reported_together_and_in_their_tables() {
        let text = "[[issuer]]\nsigner = [{ key = \"k\" }, { kye = \"k\" }]\n[[issuer]]\nsource = { idnex = \"i\" }\n";
        let all = faults(text);
        assert!(
            all.contains(
                "x.toml:2: unknown key in [issuer.signer]: \"kye\"; did you mean \"key\"?"
            ),
            "{all}"
        );
        assert!(
            all.contains(
                "x.toml:4: unknown key in [issuer.source]: \"idnex\"; did you mean \"index\"?"
            ),
            "{all}"
        );
    }

    #[test]
    fn keys_of_later_versions_say_so() {
        for text in [
            "[[issuer]]\npresign = true\n",
            "[[issuer]]\nsource = { sql = \"x\" }\n",
            "[[issuer]]\nprofile = \"gematik\"\n",
        ] {
            assert!(faults(text).contains("is not in this version"), "{text}");
        }
    }

    // covers: T-30
    #[test]
    fn foreign_text_in_a_key_is_escaped() {
        let shown = faults("\"a\\u001b[31m\\u202e\" = 1\n");
        assert!(
            !shown.contains('\x1b') && !shown.contains('\u{202E}'),
            "{shown}"
        );
    }

    #[test]
    fn value_of_the_wrong_kind_is_reported_with_its_line() {
        for (text, line, part) in [
            ("[[issuer]]\nvalidity = 3600\n", 2, "string"),
            ("[[issuer]]\n\nvalidity = \"60\"\n", 3, "\"90s\""),
            (
                "[[issuer]]\nunlisted = \"good\"\n",
                2,
                "`unknown`, `unauthorized`, `revoked`",
            ),
            (
                "[[issuer]]\nsigner = \"ocsp.pem\"\n",
                2,
                "{ certificate = \"ocsp.pem\"",
            ),
            ("[[issuer]]\nsigner = [{ key = 1 }]\n", 2, "string"),
            ("[server]\nlisten = [\"localhost\"]\n", 2, "socket address"),
            ("a = \n", 1, ""),
        ] {
            let shown = faults(text);
            assert!(
                shown.starts_with(&format!("x.toml:{line}: ")),
                "{text}: {shown}"
            );
            assert!(shown.contains(part), "{text}: {shown}");
        }
    }

    #[test]
    fn faults_find_the_line_of_their_key() {
        let text = "[server]\nthreads = 0\n[[issuer]]\nname = \"a\"\n[[issuer]]\nname = \"b\"\nsource = { index = \"x\" }\n";
        let document = Document::from_text("x.toml", text);
        let line =
            |path: &[&str], index| document.fault(path, index, String::new()).place.unwrap().1;
        assert_eq!(line(&["server", "threads"], 0), 2);
        assert_eq!(line(&["issuer", "name"], 0), 4);
        assert_eq!(line(&["issuer", "name"], 1), 6);
        assert_eq!(line(&["issuer", "source", "index"], 1), 7);
        assert_eq!(line(&["issuer", "validity"], 1), 5);
        assert_eq!(line(&["log"], 0), 1);
    }
}
