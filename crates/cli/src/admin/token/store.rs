//! The tokens in force: read again whenever the file changed, so that a revoked one opens nothing from then on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use certvouch_types::Timestamp;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::file::{Changed, TokenFile};
use super::{Token, find};
use crate::admin::problem::Problem;
use crate::escape::escape_display;

/// Tokens, and the state of the file that they come from; no state if it was not there.
type Read = (Option<Changed>, Arc<[Token]>);

/// The tokens of the admin port.
#[derive(Debug)]
pub struct Tokens {
    file: Option<TokenFile>,
    /// What was read last, and of which state of the file; nothing if that state cannot be used.
    read: Mutex<Option<Read>>,
}

impl Tokens {
    /// The tokens of this file, or none ever.
    #[must_use]
    pub const fn new(file: Option<TokenFile>) -> Self {
        Self {
            file,
            read: Mutex::new(None),
        }
    }

    /// The token that a request carries.
    ///
    /// # Errors
    /// 401 without a token in force; 503 if the file cannot be used, since then nobody knows which tokens are.
    pub fn authenticate(&self, headers: &HeaderMap, now: Timestamp) -> Result<Token, Problem> {
        let Some(text) = bearer(headers) else {
            return Err(unauthorized(
                "a token is needed: `Authorization: Bearer cvt_…`; `certvouch token new` makes one",
            ));
        };
        let tokens = self.in_force()?;
        match find(&tokens, text, now) {
            Some(token) => Ok(token.clone()),
            None => Err(unauthorized("this token is not known, or it has expired")),
        }
    }

    /// What tokens there are, in words that give nothing away, if their file was read and can be used.
    pub(in crate::admin) fn described(&self) -> Option<BTreeSet<String>> {
        let tokens = self.in_force().ok()?;
        Some(tokens.iter().map(Token::describe).collect())
    }

    fn in_force(&self) -> Result<Arc<[Token]>, Problem> {
        let Some(file) = &self.file else {
            return Err(unauthorized(
                "no token file is configured: tokens = \"admin-tokens.toml\" under [admin]",
            ));
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let unusable = |why: &dyn std::fmt::Display| {
            let why = escape_display(&why);
            tracing::error!("the token file cannot be used, and no token is taken: {why}");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no tokens",
                "the token file cannot be used; the log of the server says why",
            )
        };
        // Before the content: should the file change in between, it is read once more the next time.
        let stamp = file.stamp().map_err(|why| unusable(&why))?;
        if let Some((of, tokens)) = &*read
            && *of == stamp
        {
            return Ok(Arc::clone(tokens));
        }
        *read = None;
        let tokens: Arc<[Token]> = file.read().map_err(|why| unusable(&why))?.into();
        *read = Some((stamp, Arc::clone(&tokens)));
        Ok(tokens)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (only, None) = (all.next()?, all.next()) else {
        return None;
    };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

fn unauthorized(why: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "no token", why).about("Authorization")
}

#[cfg(test)]
mod tests {
    use super::super::{Scope, hash, new_text};
    use super::*;

    // covers: T-33
    #[test]
    fn changed_file_counts_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::new(dir.path().join("tokens.toml"));
        let tokens = Tokens::new(Some(file.clone()));
        let text = new_text().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {text}").parse().unwrap());
        let ask = || tokens.authenticate(&headers, Timestamp::from_unix(1));
        assert_eq!(ask().unwrap_err().status(), StatusCode::UNAUTHORIZED);
        let token = Token {
            name: "ca".to_owned(),
            hash: hash(&text),
            scopes: vec![Scope::Read],
            issuers: Vec::new(),
            created: Timestamp::from_unix(0),
            expires: Timestamp::from_unix(10),
        };
        file.add(token).unwrap();
        assert_eq!(ask().unwrap().name, "ca");
        std::fs::write(file.path(), "token = 1").unwrap();
        assert_eq!(ask().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        std::fs::write(file.path(), "").unwrap();
        assert_eq!(ask().unwrap_err().status(), StatusCode::UNAUTHORIZED);
    }
}
