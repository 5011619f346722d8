//! The path from a peer's certificate to an anchor, by signatures.
//!
//! The issuer whose word counts about a certificate is the one whose key signed it, wherever its certificate stands in what
//! the peer sent (threats T-26): servers send chains in any order, leave out what clients have, and add what nobody asked
//! for. An issuer that the peer sent counts only if an anchor vouches for it in turn: for some signatures a stranger can make
//! a second key that fits them.

use bytes::Bytes;
use certvouch_types::Certificate;
use certvouch_types::der::Reader;
use certvouch_types::pkix::Name;
use certvouch_verify::{Query, QueryBuilder};

use crate::limits::{MAX_PATH, MAX_PATH_SIGNATURES};

/// A certificate that is trusted. Its name is kept beside it: of the hundred and fifty of a system one is parsed.
#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    der: Bytes,
    subject: Bytes,
}

impl Anchor {
    /// Nothing for what is no certificate: no path ends there.
    pub(crate) fn new(der: Bytes) -> Option<Self> {
        let subject = Certificate::parse(&der).ok()?.subject;
        let subject = Bytes::copy_from_slice(subject.as_bytes());
        Some(Self { der, subject })
    }

    pub(crate) fn is(&self, certificate: &[u8]) -> bool {
        *self.der == *certificate
    }

    fn is_named(&self, name: &Name<'_>) -> bool {
        let own = Name::read(&mut Reader::new(&self.subject), "subject");
        own.is_ok_and(|own| name.matches(&own))
    }
}

/// The way up from a peer's certificate.
pub(crate) struct Path<'a> {
    /// The question to the issuer, which exists because that issuer's key signed the certificate.
    pub(crate) query: Query<'a>,
    /// The certificates from the issuer's up to the anchor.
    above: Vec<Certificate<'a>>,
}

impl<'a> Path<'a> {
    /// Finds it. Nothing if no anchor signed the certificate, itself or through the intermediates.
    pub(crate) fn find(
        certificate: &Certificate<'a>,
        intermediates: &[&'a [u8]],
        anchors: &'a [Anchor],
    ) -> Option<Self> {
        let parsed = intermediates
            .iter()
            .filter_map(|der| Certificate::parse(der).ok());
        let mut search = Search {
            anchors,
            intermediates: parsed.collect(),
            signatures: MAX_PATH_SIGNATURES,
            query: None,
        };
        let mut above = Vec::new();
        let found = search.climb(certificate, &mut above);
        let query = search.query.filter(|_| found)?;
        Some(Self { query, above })
    }

    /// Every certificate that somebody above signed, from the peer's up, each with that issuer's.
    pub(crate) fn pairs<'b>(
        &'b self,
        certificate: &'b Certificate<'a>,
    ) -> impl Iterator<Item = (&'b Certificate<'a>, &'b Certificate<'a>)> {
        std::iter::once(certificate)
            .chain(&self.above)
            .zip(&self.above)
    }
}

struct Search<'a> {
    anchors: &'a [Anchor],
    intermediates: Vec<Certificate<'a>>,
    /// Signatures that may still be checked.
    signatures: usize,
    query: Option<Query<'a>>,
}

impl<'a> Search<'a> {
    /// Looks for the issuer of a certificate, first among the anchors; says whether an anchor was reached.
    fn climb(&mut self, from: &Certificate<'a>, above: &mut Vec<Certificate<'a>>) -> bool {
        if above.len() >= MAX_PATH {
            return false;
        }
        for anchor in self.anchors_of(from) {
            let Ok(anchor) = Certificate::parse(&anchor.der) else {
                continue;
            };
            if self.signed(from, &anchor, above.is_empty()) {
                above.push(anchor);
                return true;
            }
        }
        for index in 0..self.intermediates.len() {
            let issuer = self.intermediates[index];
            let used = issuer.raw == from.raw || above.iter().any(|it| it.raw == issuer.raw);
            if used || !self.signed(from, &issuer, above.is_empty()) {
                continue;
            }
            above.push(issuer);
            if self.climb(&issuer, above) {
                return true;
            }
            above.pop();
        }
        false
    }

    /// The anchors that a certificate names as its issuer: written as it writes them, else those that it may mean.
    fn anchors_of(&self, certificate: &Certificate<'_>) -> Vec<&'a Anchor> {
        let name = &certificate.issuer;
        let same = |anchor: &&Anchor| *anchor.subject == *name.as_bytes();
        let found: Vec<_> = self.anchors.iter().filter(same).collect();
        if !found.is_empty() {
            return found;
        }
        self.anchors
            .iter()
            .filter(|anchor| anchor.is_named(name))
            .collect()
    }

    /// Whether the key of a CA signed a certificate that names it. For the peer's own, `first`, the question is kept.
    fn signed(&mut self, from: &Certificate<'a>, issuer: &Certificate<'a>, first: bool) -> bool {
        if !from.issuer.matches(&issuer.subject) || self.signatures == 0 {
            return false;
        }
        self.signatures -= 1;
        if !first {
            return QueryBuilder::default().check_issuer(from, issuer).is_ok();
        }
        self.query = Query::new(from.raw, issuer.raw, None).ok();
        self.query.is_some()
    }
}
