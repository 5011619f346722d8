//! `certvouch token`: who may use `/v1` of the admin port.
//!
//! Only the token file is changed; a running server reads it again by itself. A new token is printed once and alone on
//! standard output, so that a script can put it where it belongs.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{fail, refuse, say};
use crate::admin::token::{Scope, Token, TokenFile, hash, new_text};
use crate::clock::Clock;
use crate::config::{Config, Log, Period};
use crate::escape::escape;
use crate::exit::ExitCode;

/// Flags of `certvouch token`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "\
Examples:
  A CA that may tell what it issued and revoke it, for one issuer:
    certvouch token new --config certvouch.toml --name ca --scope issue,revoke --issuer device-ca-1 > ca.token

  Reload from a script:
    certvouch token new --config certvouch.toml --name deploy --scope admin --expires 30d > deploy.token
    curl -X POST -H \"Authorization: Bearer $(cat deploy.token)\" http://127.0.0.1:8081/v1/reload

The file of the tokens is the one that tokens = \"…\" under [admin] names. A running server reads it again by itself.
Exit codes: 0 done, 1 the file cannot be written, 2 refused.";

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token, and print it once, alone on standard output
    New(NewArgs),
    /// Show all tokens: names, scopes, issuers and ends, no secrets
    List(FileArgs),
    /// Take a token away: from now on it opens nothing
    Revoke(NameArgs),
}

#[derive(Debug, Args)]
struct FileArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which token
    #[arg(long)]
    name: String,
}

#[derive(Debug, Args)]
struct NewArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Your word for it, for lists, logs and journals
    #[arg(long)]
    name: String,
    /// What it may be used for: read, issue, revoke, admin
    #[arg(long, required = true, value_delimiter = ',', value_name = "SCOPES", value_parser = scope)]
    scope: Vec<Scope>,
    /// For which issuer of the file; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    issuer: Vec<String>,
    /// How long it opens anything
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    expires: Period,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse()
}

pub(super) fn run(args: &TokenArgs) -> ExitCode {
    let (Action::New(NewArgs { config, .. })
    | Action::List(FileArgs { config, .. })
    | Action::Revoke(NameArgs { config, .. })) = &args.action;
    let config = match Config::from_file(config) {
        Ok(config) => config,
        Err(why) => return refuse(&Log::default(), &why),
    };
    let Some(path) = config.admin.as_ref().and_then(|it| it.tokens.as_ref()) else {
        return refuse(
            &Log::default(),
            &"the configuration names no token file: tokens = \"admin-tokens.toml\" under [admin]",
        );
    };
    let file = TokenFile::new(path);
    match &args.action {
        Action::New(new) => new.run(&config, &file),
        Action::List(list) => match file.read() {
            Ok(tokens) => show(&tokens, list.json),
            Err(why) => refuse(&Log::default(), &why),
        },
        Action::Revoke(revoke) => match file.remove(&revoke.name) {
            Ok(()) => say(&format!(
                "{} opens nothing any more\n",
                escape(&revoke.name)
            )),
            Err(why) => refuse(&Log::default(), &why),
        },
    }
}

/// Longer names would fill lists and journals. Arbitrary.
const LONGEST_NAME: usize = 64;

impl NewArgs {
    fn run(&self, config: &Config, file: &TokenFile) -> ExitCode {
        let made = self.token(config).and_then(|(text, token)| {
            file.add(token)?;
            Ok(text)
        });
        match made {
            Ok(text) => say(&format!("{text}\n")),
            Err(why) => refuse(&Log::default(), &format_args!("{why:#}")),
        }
    }

    fn token(&self, config: &Config) -> anyhow::Result<(String, Token)> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
        if self.name.is_empty()
            || self.name.len() > LONGEST_NAME
            || !self.name.chars().all(is_plain)
        {
            bail!("--name: 1 to {LONGEST_NAME} letters, digits and .-_@");
        }
        for name in &self.issuer {
            if !config.issuers.iter().any(|it| it.name == *name) {
                let known: Vec<String> = config
                    .issuers
                    .iter()
                    .map(|it| escape(&it.name).to_string())
                    .collect();
                bail!(
                    "--issuer {}: the configuration names {}",
                    escape(name),
                    known.join(", ")
                );
            }
        }
        if self.expires == Period::default() {
            bail!("--expires: a token that is over at once opens nothing");
        }
        let now = Clock::system().now();
        let text = new_text().context("the random source")?;
        let mut scopes = self.scope.clone();
        scopes.sort_unstable();
        scopes.dedup();
        let token = Token {
            name: self.name.clone(),
            hash: hash(&text),
            scopes,
            issuers: self.issuer.clone(),
            created: now,
            expires: now + self.expires.secs(),
        };
        Ok((text, token))
    }
}

fn show(tokens: &[Token], json: bool) -> ExitCode {
    let now = Clock::system().now();
    let scopes = |token: &Token| {
        let names: Vec<&str> = token.scopes.iter().map(|it| it.name()).collect();
        names.join(",")
    };
    if json {
        let each = tokens.iter().map(|token| {
            serde_json::json!({
                "name": token.name,
                "scopes": token.scopes.iter().map(|it| it.name()).collect::<Vec<_>>(),
                "issuers": token.issuers,
                "created": token.created.to_string(),
                "expires": token.expires.to_string(),
                "expired": token.expires <= now,
            })
        });
        return match serde_json::to_string_pretty(&each.collect::<Vec<_>>()) {
            Ok(text) => say(&format!("{text}\n")),
            Err(why) => fail(&why),
        };
    }
    let mut text = String::new();
    for token in tokens {
        let issuers = match &token.issuers[..] {
            [] => "all issuers".to_owned(),
            some => some
                .iter()
                .map(|it| escape(it).to_string())
                .collect::<Vec<_>>()
                .join(", "),
        };
        let end = if token.expires <= now {
            "expired"
        } else {
            "until"
        };
        text.push_str(&format!(
            "{}\t{}\t{issuers}\t{end} {}\n",
            escape(&token.name),
            scopes(token),
            token.expires
        ));
    }
    say(&text)
}
