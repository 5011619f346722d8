//! The tokens that open `/v1`: 256 random bits each, of which the file keeps only the SHA-256 (threats T-33).
//!
//! A token is worth nothing to whoever reads the file, ends by itself, and may do what its scopes say for the issuers
//! that it names. Wrong ones cost a hash and a comparison in constant time; nothing is remembered about them, so that
//! many of them fill nothing and lock nobody out.

mod file;
mod store;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certvouch_types::Timestamp;
use http::StatusCode;
use subtle::ConstantTimeEq as _;

pub use file::{Changed, TokenFile, TokenFileError};
pub use store::Tokens;

use super::problem::Problem;
use crate::escape::escape;
use crate::octets::sha256;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// Look at what is known about issuers and their certificates.
    Read,
    /// Say that a certificate was issued.
    Issue,
    /// Revoke, put on hold and release.
    Revoke,
    /// Everything, reloads included.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Issue, Self::Revoke, Self::Admin];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Issue => "issue",
            Self::Revoke => "revoke",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| format!("{text:?} is no scope: read, issue, revoke or admin"))
    }
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// The operator's word for it, one of a kind.
    pub name: String,
    /// The SHA-256 of its text.
    pub hash: [u8; 32],
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// For which issuers; none named is all of them.
    pub issuers: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// The first moment at which it opens nothing any more.
    pub expires: Timestamp,
}

/// What a new token's text begins with, so that scanners for leaked secrets and people recognise it.
pub const PREFIX: &str = "cvt_";

/// Text over this length is no token of ours and is not even hashed.
const LONGEST: usize = 128;

/// The text of a new token: 256 bits of the system's random source.
///
/// # Errors
/// The system has no random source.
pub fn new_text() -> Result<String, getrandom::Error> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(octets)))
}

/// What is kept of a token's text.
#[must_use]
pub fn hash(text: &str) -> [u8; 32] {
    sha256(text.as_bytes())
}

impl Token {
    /// Its name, scopes, issuers and end, in one line without its secret.
    #[must_use]
    pub fn describe(&self) -> String {
        let scopes: Vec<&str> = self.scopes.iter().map(|it| it.name()).collect();
        let issuers = if self.issuers.is_empty() {
            "all issuers".to_owned()
        } else {
            escape(&self.issuers.join(", ")).to_string()
        };
        format!(
            "{}: {} for {issuers} until {}",
            escape(&self.name),
            scopes.join(","),
            self.expires
        )
    }

    /// Whether it may do this for this issuer; without an issuer, for all of them.
    ///
    /// # Errors
    /// What it lacks.
    pub fn must(&self, scope: Scope, issuer: Option<&str>) -> Result<(), Problem> {
        if !self.scopes.contains(&scope) && !self.scopes.contains(&Scope::Admin) {
            let detail = format!("this token has no scope {scope}");
            return Err(
                Problem::new(StatusCode::FORBIDDEN, "not allowed", detail).about("Authorization")
            );
        }
        let covers = match issuer {
            Some(issuer) => self.issuers.is_empty() || self.issuers.iter().any(|it| it == issuer),
            None => self.issuers.is_empty(),
        };
        if covers {
            return Ok(());
        }
        let detail = match issuer {
            Some(issuer) => format!("this token is not for the issuer {}", escape(issuer)),
            None => "this token is for some issuers only, and this is about all of them".to_owned(),
        };
        Err(Problem::new(StatusCode::FORBIDDEN, "not allowed", detail).about("Authorization"))
    }
}

/// The token of this text among these, if it is in force. Every hash is compared, and each in constant time.
#[must_use]
pub fn find<'t>(tokens: &'t [Token], text: &str, now: Timestamp) -> Option<&'t Token> {
    if text.len() > LONGEST {
        return None;
    }
    let hash = hash(text);
    let mut found = None;
    for token in tokens {
        if bool::from(token.hash.ct_eq(&hash)) {
            found = Some(token);
        }
    }
    found.filter(|token| now < token.expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, scopes: &[Scope], issuers: &[&str]) -> Token {
        Token {
            name: "t".to_owned(),
            hash: hash(text),
            scopes: scopes.to_vec(),
            issuers: issuers.iter().map(ToString::to_string).collect(),
            created: Timestamp::from_unix(0),
            expires: Timestamp::from_unix(100),
        }
    }

    // covers: T-33
    #[test]
    fn ten_thousand_wrong_tokens_do_no_harm() {
        let text = new_text().unwrap();
        let tokens = [token(&text, &[Scope::Read], &[])];
        for number in 0..10_000 {
            let wrong = format!("{PREFIX}{number:043}");
            assert!(find(&tokens, &wrong, Timestamp::from_unix(1)).is_none());
        }
        assert!(find(&tokens, &"x".repeat(1_000_000), Timestamp::from_unix(1)).is_none());
        assert!(find(&tokens, &text, Timestamp::from_unix(1)).is_some());
    }

    #[test]
    fn token_ends_at_its_end() {
        let tokens = [token("a", &[Scope::Read], &[])];
        assert!(find(&tokens, "a", Timestamp::from_unix(99)).is_some());
        assert!(find(&tokens, "a", Timestamp::from_unix(100)).is_none());
    }

    #[test]
    fn new_tokens_differ_and_have_256_bits() {
        let (one, two) = (new_text().unwrap(), new_text().unwrap());
        assert_ne!(one, two);
        let octets = URL_SAFE_NO_PAD
            .decode(one.strip_prefix(PREFIX).unwrap())
            .unwrap();
        assert_eq!(octets.len(), 32);
    }

    #[test]
    fn scope_and_issuer_bound_what_a_token_may_do() {
        let all = token("a", &[Scope::Issue], &[]);
        assert!(all.must(Scope::Issue, Some("x")).is_ok());
        assert!(all.must(Scope::Issue, None).is_ok());
        assert!(all.must(Scope::Revoke, Some("x")).is_err());
        let one = token("a", &[Scope::Admin], &["x"]);
        assert!(one.must(Scope::Revoke, Some("x")).is_ok());
        assert!(one.must(Scope::Revoke, Some("y")).is_err());
        assert!(one.must(Scope::Admin, None).is_err());
    }
}
