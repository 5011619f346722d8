//! `docs/coverage-open.toml`: the requirement rows that no test covers yet, by plan.
//!
//! An entry excuses its row until a test names the row; from then on the entry is stale and fails. An entry
//! with `part` names the piece of a row that is still to come: it excuses nothing, the rest of the row needs
//! its test, and the entry may stay.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    #[serde(default, rename = "row")]
    pub(crate) rows: Vec<OpenRow>,
}

/// One row left open.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenRow {
    pub(crate) id: String,
    pub(crate) owner: Owner,
    pub(crate) why: String,
    /// The piece that is open, when the rest of the row is to be covered now.
    pub(crate) part: Option<String>,
}

/// Which later piece of work closes the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Owner {
    Client,
    CrlSource,
    Lint,
    Production,
    Publishing,
    Stapling,
    Store,
    Verifier,
}

impl Owner {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::CrlSource => "crl-source",
            Self::Lint => "lint",
            Self::Production => "production",
            Self::Publishing => "publishing",
            Self::Stapling => "stapling",
            Self::Store => "store",
            Self::Verifier => "verifier",
        }
    }
}

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<Open> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_with_an_unknown_owner_or_key_is_an_error() {
        let parse = toml::from_str::<Open>;
        assert!(parse("[[row]]\nid = \"E-1\"\nowner = \"production\"\nwhy = \"x\"\n").is_ok());
        assert!(parse("[[row]]\nid = \"E-1\"\nowner = \"nobody\"\nwhy = \"x\"\n").is_err());
        assert!(parse("[[row]]\nid = \"E-1\"\nowner = \"store\"\nwhy = \"x\"\nhow = 1\n").is_err());
        assert!(parse("[[row]]\nid = \"E-1\"\nowner = \"store\"\n").is_err());
    }

    #[test]
    fn file_of_this_project_parses() {
        let path = crate::project::root()
            .unwrap()
            .join("docs/coverage-open.toml");
        assert!(!read(&path).unwrap().rows.is_empty());
    }
}
