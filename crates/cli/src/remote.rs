//! What every client of an admin port needs: its URL, the token, and the words of a refusal. `certvouch admin`'s commands
//! and the stapling agent's push have it in common.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use certvouch_fetch::{Answer, Bearer};
use http::Uri;
use serde_json::Value;

use crate::command::input;
use crate::escape::{escape, escape_path};

/// An admin port's URL without its last slash, if it is one; else what it should be.
///
/// # Errors
/// It is no URL, or has a path.
pub(crate) fn base(url: &str) -> Result<String> {
    let base = url.trim_end_matches('/').to_owned();
    let uri: Uri = base.parse().map_err(|_| anyhow!("no URL"))?;
    if uri.scheme().is_none() || uri.path() != "/" || uri.query().is_some() {
        bail!("a URL such as http://127.0.0.1:8081, without a path");
    }
    Ok(base)
}

/// The token in a file, or on standard input for `-`.
///
/// # Errors
/// It cannot be read, or holds something else.
pub(crate) fn bearer(path: &Path) -> Result<Bearer> {
    let shown = || escape_path(path).to_string();
    let text = input::read_or_stdin(path)?;
    let text = std::str::from_utf8(&text).ok().map(str::trim);
    // Not a character of it is repeated: it may be the wrong file, or the right one.
    text.and_then(Bearer::new)
        .ok_or_else(|| anyhow!("it holds no token, which is one word on one line"))
        .with_context(shown)
}

/// Why an admin port refused (RFC 9457), harmless to show; nothing if what answered is none.
pub(crate) fn refusal(answer: &Answer) -> Option<String> {
    let Ok(Value::Object(problem)) = serde_json::from_slice(&answer.bytes) else {
        return None;
    };
    let member = |name: &str| problem.get(name).and_then(Value::as_str);
    let detail = member("detail").unwrap_or_default();
    // The server has made foreign text harmless already, if it is one of ours.
    let why = escape(detail).to_string().replace("\\\\", "\\");
    Some(match member("field") {
        Some(field) => format!("{}: {why}", escape(field)),
        None => why,
    })
}

/// What is said of a server that answers something else.
pub(crate) fn not_ours(base: &str) -> String {
    format!(
        "{} answers, but not as an admin port of certvouch does",
        escape(base)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_token_file_is_named_and_not_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "my secret diary\n").unwrap();
        let why = format!("{:#}", bearer(&path).unwrap_err());
        assert!(
            why.contains("holds no token") && !why.contains("diary"),
            "{why}"
        );
        std::fs::write(&path, "cvt_x\n").unwrap();
        assert!(bearer(&path).is_ok());
    }

    #[test]
    fn url_has_a_scheme_and_no_path() {
        let right = base("https://127.0.0.1:8081/").unwrap();
        assert_eq!(right, "https://127.0.0.1:8081");
        for wrong in ["127.0.0.1:8081", "http://a/v1", "http://a/?x", "a b", ""] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }
}
