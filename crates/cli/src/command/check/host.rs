//! A host as the target: what its server presents, whether that is trusted, and what the response is worth that came with it.
//!
//! In this order (threats T-21): the chain, its dates and the name are validated first, then the staple, then everybody
//! is asked. An attacker's CA has a responder of its own that says GOOD.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use certvouch_client::{Client, NonceMode, Policy, Question, Source, Word};
use certvouch_fetch::{FetchError, Meter, Presented, StartTls, TlsServer};
use certvouch_types::Certificate;
use certvouch_verify::Verdict;
use rustls_pki_types::ServerName;
use serde::Serialize;
use tokio::time::Instant;

use super::advice::Advice;
use super::ask::{Chained, Desk, Found};
use super::finding::{Finding, Place, fetch_failed, millis, passed};
use super::path;
use super::report::Report;
use crate::command::quote::shell_word;

/// The TLS feature that makes a certificate must-staple: status_request (RFC 7633 4.2.2, RFC 6066 8).
const STATUS_REQUEST: u16 = 5;

/// Host and port of a target, if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::command) struct Host {
    pub(in crate::command) host: String,
    pub(in crate::command) port: u16,
}

impl Host {
    /// `host:port`, `[address]:port`, `https://host/…`, or a bare name where a protocol is named.
    pub(in crate::command) fn parse(text: &str, starttls: Option<StartTls>) -> Option<Self> {
        let usual = match starttls {
            None => 443,
            Some(StartTls::Smtp) => 25,
            Some(StartTls::Imap) => 143,
            Some(StartTls::Ldap) => 389,
            Some(_) => 5432,
        };
        let bare = text.strip_prefix("https://");
        let bare = bare.map_or(text, |rest| rest.split('/').next().unwrap_or(rest));
        let (host, port) = match bare.rsplit_once(':') {
            Some((host, port)) if bare.ends_with(']') || host.ends_with(':') => {
                let _ = port;
                (bare, usual)
            }
            Some((host, port)) => (host, port.parse().ok()?),
            None => (bare, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let known = matches!(name, ServerName::IpAddress(_) | ServerName::DnsName(_));
        // A bare name is a file that is not there.
        let written_as_one = text != bare || bare.contains(':') || starttls.is_some();
        (known && written_as_one).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }

    pub(in crate::command) fn shown(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// What the handshake was like.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Handshake {
    pub(super) address: String,
    pub(super) certificates: usize,
    /// Octets of the response that came along.
    pub(super) staple_octets: Option<usize>,
    pub(super) must_staple: bool,
    /// What the response is worth: the word, or nothing if there was none.
    pub(super) staple: Option<&'static str>,
    pub(super) staple_text: Option<String>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) ms: u64,
}

impl Handshake {
    pub(super) fn line(&self) -> String {
        let staple = match (self.staple_octets, self.staple, &self.staple_text) {
            (Some(octets), Some(word), Some(text)) => {
                format!("STAPLED: {word} ({text}), {octets} octets")
            }
            _ => "no staple".to_owned(),
        };
        let must = if self.must_staple {
            ", must-staple"
        } else {
            ""
        };
        format!(
            "TLS to {}: {} certificates{must}, {staple}; {} octets sent, {} received, {} ms",
            self.address, self.certificates, self.sent, self.received, self.ms
        )
    }
}

impl Desk {
    /// The chain of a server, validated; or the report that says why there is none.
    pub(super) async fn chain_of_host(&self, host: &Host, began: Instant) -> Result<Found> {
        let mut server = TlsServer::new(host.host.clone(), host.port);
        server.name.clone_from(&self.args.name);
        server.starttls = self.args.starttls.map(Into::into);
        let meter = Arc::new(Meter::default());
        let started = Instant::now();
        let left = self.args.timeout.saturating_sub(began.elapsed());
        let presented = tokio::time::timeout(left, self.fetcher.presented(&server, &meter)).await;
        let presented = presented.unwrap_or(Err(FetchError::Timeout(self.args.timeout)));
        let presented = match presented {
            Ok(presented) => presented,
            Err(why) => {
                return Ok(Found::Report(Box::new(
                    self.no_handshake(host, &why, began),
                )));
            }
        };
        let leaf = presented
            .certificates
            .first()
            .map(|der| Bytes::copy_from_slice(der));
        let leaf = leaf.unwrap_or_default();
        let handshake = Handshake {
            address: presented.address.to_string(),
            certificates: presented.certificates.len(),
            staple_octets: presented.staple.as_ref().map(Vec::len),
            must_staple: is_must_staple(&leaf),
            staple: None,
            staple_text: None,
            sent: meter.sent(),
            received: meter.received(),
            ms: millis(started.elapsed()),
        };
        let staple = presented.staple.clone().map(Bytes::from);
        let name = self.args.name.as_ref().unwrap_or(&host.host).clone();
        Ok(match self.validate_host(&leaf, &presented, name, began)? {
            Found::Chain(chain) => Found::Chain(Chained {
                handshake: Some((handshake, staple)),
                ..chain
            }),
            Found::Report(mut report) => {
                report.handshake = Some(handshake);
                Found::Report(report)
            }
        })
    }

    fn validate_host(
        &self,
        leaf: &Bytes,
        presented: &Presented,
        name: String,
        began: Instant,
    ) -> Result<Found> {
        let others = presented.certificates.iter().skip(1);
        let mut others: Vec<Bytes> = others.map(|der| Bytes::copy_from_slice(der)).collect();
        others.extend(self.issuers.iter().cloned());
        if self.args.no_chain {
            let issuer = path::issuer_of(leaf, &others, self.sha1());
            let Ok(issuer) = issuer else {
                let Ok(parsed) = Certificate::parse(leaf) else {
                    anyhow::bail!("the server's certificate does not parse");
                };
                return self.without_issuer(&parsed, None, began);
            };
            let links = path::links(leaf, &issuer, &others, self.sha1());
            return Ok(Found::Chain(Chained {
                links,
                notes: vec!["the chain was not validated"],
                handshake: None,
            }));
        }
        let name = ServerName::try_from(name)?;
        self.validated(leaf, &others, Some(&name))
    }

    fn no_handshake(&self, host: &Host, why: &FetchError, began: Instant) -> Report {
        let text = format!("no handshake with the host: {}", fetch_failed(why));
        let mut look = format!(
            "openssl s_client -connect {} -status",
            shell_word(&host.shown())
        );
        if let Some(starttls) = self.args.starttls {
            look += &format!(" -starttls {}", starttls.openssl());
        }
        let cause = why_no_handshake(why);
        let next = match why {
            FetchError::Resolve { .. } => format!("getent hosts {}", shell_word(&host.host)),
            _ => look,
        };
        let advice = Advice::new(cause, next);
        let (about, ms) = (self.about(Vec::new()), millis(began.elapsed()));
        Report::nothing(about, Word::Unreachable, "handshake", text, advice, ms)
    }

    /// What the response that came along is worth, as a finding of its own.
    pub(super) async fn judge_staple(&self, question: &Question, staple: Bytes) -> Result<Finding> {
        let mut policy = Policy::clone(&self.policy);
        policy.sources = vec![Source::Staple];
        // The server asked for it, and nobody's nonce is in it.
        policy.nonce = NonceMode::Off;
        let clock = self.clock.clone();
        let clock = certvouch_client::Clock::from_fn(move || clock.now());
        let resolver = Arc::new(certvouch_fetch::SystemResolver);
        let client = Client::with(policy.clone(), clock, resolver)
            .map_err(|why| anyhow::anyhow!("{why}"))?;
        let mut question = question.clone();
        question.staple = Some(staple);
        let outcome = client.ask(question.clone()).await;
        let certificate = question.certificate();
        let advisor = self.advisor(1, certificate.as_ref());
        Ok(Finding::asked(
            Place::Leaf,
            &question,
            &outcome,
            &policy,
            &advisor,
        ))
    }

    /// The staple and the answer about the leaf, as one finding: a revocation in either counts, a staple stands in for
    /// an answer that did not come, and a certificate that must be stapled has to be.
    pub(super) fn with_staple(
        &self,
        asked: Finding,
        staple: Option<Finding>,
        handshake: &mut Handshake,
    ) -> Finding {
        let revoked = Word::Verdict(Verdict::Revoked);
        let good = Word::Verdict(Verdict::Good);
        let fault = match &staple {
            None => Some("the certificate is must-staple, and there is no staple".to_owned()),
            Some(staple) if staple.word == good || staple.word == revoked => None,
            Some(staple) => Some(format!(
                "must-staple, and the staple does not count: {}",
                staple.text
            )),
        };
        if let Some(staple) = &staple {
            handshake.staple_text = Some(staple.text.clone());
            handshake.staple = Some(match staple.word {
                Word::Verdict(verdict) => passed(verdict),
                word => word.as_str(),
            });
        }
        let stands_in = staple.as_ref().is_some_and(|staple| {
            staple.word == revoked && asked.word != revoked
                || staple.word == good && asked.response.is_none() && asked.crls.is_empty()
        });
        let mut finding = match staple {
            Some(mut staple) if stands_in => {
                staple.exchanges.extend(asked.exchanges);
                staple.sent += asked.sent;
                staple.received += asked.received;
                staple.connections += asked.connections;
                staple.ms += asked.ms;
                staple.replay = asked.replay;
                staple
            }
            _ => asked,
        };
        let not_trusted = Word::Verdict(Verdict::NotTrusted);
        if let Some(text) = fault.filter(|_| handshake.must_staple)
            && finding.word.rank() < not_trusted.rank()
        {
            let cause = "the CA demands a fresh response in every handshake of this certificate; the server is not set \
                         up for stapling, or cannot reach the responder";
            finding.overrule(
                not_trusted,
                "must-staple",
                text,
                cause,
                self.again("--explain"),
            );
        }
        finding
    }
}

/// What is probably behind a handshake that did not come about.
pub(in crate::command) const fn why_no_handshake(why: &FetchError) -> &'static str {
    match why {
        FetchError::Connect { .. } => "nobody listens there, or a firewall is in between",
        FetchError::Resolve { .. } => "DNS does not know the name",
        FetchError::StartTls { .. } => "the server speaks another protocol, or has no TLS",
        FetchError::Tls { .. } => {
            "the server speaks no TLS at this port (--starttls says what it begins with), or none that is safe"
        }
        _ => "the server is silent: it is overloaded, or a firewall swallows the answer",
    }
}

/// Whether a certificate demands a staple (RFC 7633).
pub(in crate::command) fn is_must_staple(der: &[u8]) -> bool {
    let features = Certificate::parse(der)
        .ok()
        .and_then(|it| it.tls_features().ok().flatten());
    features.is_some_and(|features| features.requires(STATUS_REQUEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_told_from_a_file() {
        let parse = |text| Host::parse(text, None).map(|it| (it.host, it.port));
        let found = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(parse("localhost:8443"), found("localhost", 8443));
        assert_eq!(parse("www.example.org:443"), found("www.example.org", 443));
        assert_eq!(parse("[::1]:8443"), found("::1", 8443));
        assert_eq!(parse("[::1]"), found("::1", 443));
        assert_eq!(parse("127.0.0.1:1"), found("127.0.0.1", 1));
        assert_eq!(
            parse("https://www.example.org/a/b"),
            found("www.example.org", 443)
        );
        assert_eq!(parse("https://localhost:1/"), found("localhost", 1));
        for text in [
            "server",
            "server.pem",
            "www.example.org",
            "a/b.pem",
            "host:port",
            "a b:1",
            "",
            ":1",
            "host:99999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let mail = Host::parse("mail.example.org", Some(StartTls::Smtp));
        assert_eq!(mail.map(|it| it.port), Some(25));
    }
}
