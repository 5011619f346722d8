//! The certificates of a target's files: the one that is stapled, its issuer, and the intermediates above it.
//!
//! Issuers are found by signature, wherever they stand (threats T-26). An intermediate counts if its server sends it, which
//! is to say that `certificate` holds it: servers refuse a staple that belongs to none of their certificates. A root has no
//! status.

use anyhow::{Context as _, Result, bail};
use certvouch_client::{CertIdHash, Locations};
use certvouch_stapling::Subject;
use certvouch_types::Certificate;
use certvouch_verify::Query;

use super::config::{CertId, Staples, TargetConfig};
use crate::command::input;
use crate::escape::escape_path;

/// What is to be stapled for a target.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) leaf: Subject,
    /// The intermediates, the leaf's issuer first; none if only the leaf is to be stapled.
    pub(super) above: Vec<Subject>,
    /// Why there are not more.
    pub(super) gap: Option<&'static str>,
}

/// What is said where the chain ends below its root.
const GAP: &str = "the issuer of an intermediate is missing: name the root's file in `issuer`, or turn `staples = \"chain\"` off";

/// Reads a target's certificate and finds its issuer: the certificate of the chain, or of the `issuer` file, whose key
/// signed it.
pub(super) fn read(config: &TargetConfig) -> Result<Chain> {
    let sent = input::read_certificates(&config.certificate)?;
    let shown = || escape_path(&config.certificate).to_string();
    let Some(leaf) = sent.first() else {
        bail!("{}: no certificate", shown());
    };
    Certificate::parse(leaf).with_context(shown)?;
    let mut known = sent.clone();
    if let Some(issuer) = &config.issuer {
        known.extend(input::read_certificates(issuer)?);
    }
    // The leaf is no issuer of anything.
    let known = known.get(1..).unwrap_or_default();
    let Some(issuer) = signer(leaf, known) else {
        bail!(
            "{}: the issuer's certificate is missing: append it, or name it in `issuer`",
            shown()
        );
    };
    let mut chain = Chain {
        leaf: subject(config, leaf, issuer),
        above: Vec::new(),
        gap: None,
    };
    chain.leaf.responders = config.responders();
    if config.staples == Staples::Chain {
        climb(config, &sent, known, issuer, &mut chain);
    }
    Ok(chain)
}

/// Adds the intermediates from `first` up to below the root.
fn climb(
    config: &TargetConfig,
    sent: &[Vec<u8>],
    known: &[Vec<u8>],
    first: &Vec<u8>,
    chain: &mut Chain,
) {
    let mut below = first;
    while sent.contains(below) && !signed(below, below) {
        if chain.above.iter().any(|it| it.certificate == *below) {
            // Two that signed each other.
            return;
        }
        let Some(issuer) = signer(below, known) else {
            chain.gap = Some(GAP);
            return;
        };
        let mut subject = subject(config, below, issuer);
        let names_none = Certificate::parse(below)
            .is_ok_and(|certificate| Locations::of(&certificate).responders.is_empty());
        // `responder` is the leaf's: the root's may be another one.
        subject.responders = config.responders().filter(|_| names_none);
        chain.above.push(subject);
        below = issuer;
    }
}

fn signer<'a>(certificate: &[u8], known: &'a [Vec<u8>]) -> Option<&'a Vec<u8>> {
    known.iter().find(|issuer| signed(certificate, issuer))
}

fn signed(certificate: &[u8], issuer: &[u8]) -> bool {
    Query::new(certificate, issuer, None).is_ok()
}

fn subject(config: &TargetConfig, certificate: &[u8], issuer: &[u8]) -> Subject {
    let mut subject = Subject::new(certificate.to_vec(), issuer.to_vec());
    subject.hash = match config.cert_id {
        CertId::Sha1 => CertIdHash::Sha1,
        CertId::Sha256 => CertIdHash::Sha256,
    };
    subject
}
