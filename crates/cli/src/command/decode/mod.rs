//! `certvouch decode`: what an OCSP request, a response, a CRL or a certificate says, for people or as JSON.
//!
//! Nothing is verified, and the output says nothing about trust. The message becomes a [`tree::Value`] first; text and
//! JSON are two ways to print it. Exit code 0; 6 where the octets break the syntax, with offset and reason; 2 for files
//! that cannot be read and for kinds of messages that are recognised and not decoded.

mod certificate;
mod crl;
mod extension;
mod kind;
mod name;
mod request;
mod response;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use certvouch_types::DecodeError;
use clap::Args;

use self::kind::Kind;
use self::tree::Value;
use super::{input, json, say, say_error};
use crate::escape::{escape, escape_path};
use crate::exit::ExitCode;

/// `certvouch decode`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct DecodeArgs {
    /// A file, - for standard input, or the URL of a GET
    ///
    /// In a file: DER, PEM (every block is shown), base64 text, or the URL or path of a GET request.
    #[arg(value_name = "FILE|URL|-")]
    input: PathBuf,
    /// Print one JSON object on one line for each message
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Nothing is verified: `certvouch verify` does that.

Exit codes: 0 decoded; 2 could not run (flags, files, another kind of message); 6 the octets break the syntax.

Examples:
  certvouch decode response.der
  certvouch decode http://ocsp.example/MEIwQDA%2BMDwwOjAJ...";

/// Runs the command.
pub(super) fn run(args: &DecodeArgs) -> ExitCode {
    let messages = match args.messages() {
        Ok(messages) => messages,
        Err(why) => return refuse(&why),
    };
    let mut text = String::new();
    let mut exit = ExitCode::Success;
    for der in &messages {
        match show(der, args.json) {
            Ok(Shown { shown, fault }) => {
                if !text.is_empty() && !args.json && !shown.is_empty() {
                    text.push('\n');
                }
                text.push_str(&shown);
                if let Some(fault) = fault {
                    say_error(&fault);
                    exit = ExitCode::Malformed;
                }
            }
            Err(why) => exit = refuse(&why),
        }
    }
    match say(&text) {
        ExitCode::Success => exit,
        // What could not be written was not decoded for anybody.
        _ => ExitCode::Refused,
    }
}

fn refuse(why: &anyhow::Error) -> ExitCode {
    say_error(&format_args!("{why:#}"));
    ExitCode::Refused
}

impl DecodeArgs {
    /// The messages of the input, as DER.
    fn messages(&self) -> Result<Vec<Vec<u8>>> {
        let shown = || escape_path(&self.input).to_string();
        if let Some(url) = url(&self.input) {
            let der = input::get_target(url);
            let der = der.with_context(|| format!("{}: no OCSP request in this URL", shown()))?;
            return Ok(vec![der]);
        }
        let octets = input::read_to_show(&self.input)?;
        if octets.is_empty() {
            bail!("{}: the input is empty", shown());
        }
        if input::is_sequence(&octets) {
            return Ok(vec![octets]);
        }
        let blocks = input::pem(&octets).with_context(shown)?;
        if !blocks.is_empty() {
            return Ok(blocks.into_iter().map(|block| block.der).collect());
        }
        let target = || input::get_target(std::str::from_utf8(&octets).ok()?);
        let der = input::base64_text(&octets).or_else(target);
        // What is neither is shown as DER that is none, with the octet that is wrong.
        Ok(vec![der.unwrap_or(octets)])
    }
}

/// The argument as a URL, if it is one.
fn url(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
        .then_some(text)
}

/// What is printed on standard output, and what on standard error if the message breaks the syntax.
struct Shown {
    shown: String,
    fault: Option<String>,
}

/// One message.
///
/// # Errors
/// It is of a kind that is not decoded.
fn show(der: &[u8], as_json: bool) -> Result<Shown> {
    let kind = match Kind::of(der) {
        Ok(kind) => kind,
        Err(kind::NotOurs::Other(what)) => {
            bail!(
                "this is {what}; OCSP requests, OCSP responses, CRLs and certificates are decoded"
            )
        }
        Err(kind::NotOurs::Unreadable(why)) => return broken(None, &why, as_json),
    };
    let decoded = match kind {
        Kind::Request => request::decode(der),
        Kind::Response => response::decode(der),
        Kind::BasicResponse => response::decode_basic(der),
        Kind::Certificate => certificate::decode(der),
        Kind::Crl => crl::decode(der),
    };
    let value = match decoded {
        Ok(value) => value,
        Err(why) => return broken(Some(kind), &why, as_json),
    };
    let shown = if as_json {
        json::line(&Value::fields([
            ("kind", Value::from(kind.name())),
            ("octets", Value::from(der.len())),
            ("message", value),
        ]))?
    } else {
        format!("{}, {} octets\n{}", kind.title(), der.len(), value.text())
    };
    Ok(Shown { shown, fault: None })
}

/// A message that breaks the syntax.
fn broken(kind: Option<Kind>, why: &DecodeError, as_json: bool) -> Result<Shown> {
    let title = kind.map_or("no OCSP message, CRL or certificate", Kind::title);
    let shown = if as_json {
        json::line(&Value::fields([
            (
                "kind",
                kind.map_or(Value::Nothing, |kind| kind.name().into()),
            ),
            (
                "error",
                Value::fields([
                    ("field", why.what.into()),
                    ("offset", why.at.into()),
                    ("reason", Value::from(why.why.to_string())),
                ]),
            ),
        ]))?
    } else {
        String::new()
    };
    // The texts are ours; the escaper makes sure.
    let fault = escape(&format!("{title}: {why}")).to_string();
    Ok(Shown {
        shown,
        fault: Some(fault),
    })
}

#[cfg(test)]
mod tests {
    use certvouch_testkit::ask::{Ask, HashAlg};
    use certvouch_testkit::crl::{CrlBuilder, flag, point, some_reasons};
    use certvouch_testkit::pki::{KeyAlg, T0, World};
    use certvouch_testkit::reply::{Reply, Single};

    use super::*;

    // covers: T-30
    #[test]
    fn octets_changed_anywhere_are_shown_or_refused_and_never_obeyed() {
        let world = World::new(KeyAlg::P256);
        let single = Single::about(&world.ca_a, &world.ee_good.serial, T0).archive_cutoff(T0);
        let response = Reply::delegated(&world.d_a, T0).by_name().single(&single);
        let request = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial);
        let request = request.sign(&world.d_a, world.d_a.key.sig_alg(), &[&world.d_a]);
        let members = [point("http://x/1"), some_reasons(&[1, 2]), flag(4)];
        let crl = CrlBuilder::new(&world.ca_a)
            .revoke("2A", Some(6))
            .delta(1)
            .idp(&members);
        let crl = crl.der();
        let (mut shown, mut refused) = (0, 0);
        for whole in [
            response.nonce(&[7; 32]).build(),
            request.build(),
            world.d_a.der,
            crl,
        ] {
            for index in 0..whole.len() {
                for bits in [0x01, 0x20, 0x80, 0xFF] {
                    let mut octets = whole.clone();
                    octets[index] ^= bits;
                    for as_json in [false, true] {
                        match show(&octets, as_json) {
                            Ok(Shown { shown: text, fault }) => {
                                let tame = |c: char| c == '\n' || !c.is_control();
                                assert!(text.chars().all(tame), "{text:?}");
                                assert!(!as_json || text.is_ascii(), "{text:?}");
                                shown += usize::from(fault.is_none());
                                refused += usize::from(fault.is_some());
                            }
                            Err(_) => refused += 1,
                        }
                    }
                }
            }
            for length in 0..whole.len() {
                assert!(show(&whole[..length], false).is_ok_and(|shown| shown.fault.is_some()));
            }
        }
        assert!(shown > 1000 && refused > 1000, "{shown} {refused}");
    }
}
