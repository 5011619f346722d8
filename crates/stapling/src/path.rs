//! The path from a peer's certificate to an anchor, by signatures.
//!
//! The issuer whose word counts about a certificate is the one whose key signed it, wherever its certificate stands in what
//! the peer sent (threats T-26): servers send chains in any order, leave out what clients have, and add what nobody asked
//! for. An issuer that the peer sent counts only if an anchor vouches for it in turn: for some signatures a stranger can make
//! a second key that fits them.

use bytes::Bytes;
use certvouch_types::Certificate;
use certvouch_verify::Query;

use crate::limits::{MAX_PATH, MAX_PATH_SIGNATURES};

/// Certificates from the one above a peer's to an anchor; DER.
pub(crate) struct Path<'a>(Vec<&'a [u8]>);

impl<'a> Path<'a> {
    /// Finds it. Nothing if no anchor signed the certificate, itself or through the intermediates.
    pub(crate) fn find(
        certificate: &'a [u8],
        intermediates: &[&'a [u8]],
        anchors: &'a [Bytes],
    ) -> Option<Self> {
        let mut search = Search {
            anchors: anchors
                .iter()
                .filter_map(|der| Candidate::read(der))
                .collect(),
            intermediates: intermediates
                .iter()
                .filter_map(|der| Candidate::read(der))
                .collect(),
            signatures: MAX_PATH_SIGNATURES,
        };
        let mut above = Vec::new();
        search
            .climb(&Candidate::read(certificate)?, &mut above)
            .then_some(Self(above))
    }

    /// The certificate of the issuer.
    pub(crate) fn issuer(&self) -> &'a [u8] {
        // proof: a path has at least the anchor
        self.0.first().copied().unwrap_or_default()
    }

    /// Every certificate that somebody above signed, from the peer's up, each with that issuer's.
    pub(crate) fn pairs<'b>(
        &'b self,
        certificate: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + 'b {
        let below = std::iter::once(certificate).chain(self.0.iter().copied());
        below.zip(self.0.iter().copied())
    }
}

struct Candidate<'a> {
    der: &'a [u8],
    parsed: Certificate<'a>,
}

impl<'a> Candidate<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let parsed = Certificate::parse(der).ok()?;
        Some(Self { der, parsed })
    }
}

struct Search<'a> {
    anchors: Vec<Candidate<'a>>,
    intermediates: Vec<Candidate<'a>>,
    /// Signatures that may still be checked.
    signatures: usize,
}

impl<'a> Search<'a> {
    /// Looks for the issuer of the last one, first among the anchors; says whether an anchor was reached.
    fn climb(&mut self, from: &Candidate<'a>, above: &mut Vec<&'a [u8]>) -> bool {
        if above.len() >= MAX_PATH {
            return false;
        }
        for index in 0..self.anchors.len() {
            let anchor = &self.anchors[index];
            if signed(from, anchor, &mut self.signatures) {
                above.push(anchor.der);
                return true;
            }
        }
        for index in 0..self.intermediates.len() {
            let above_it = &self.intermediates[index];
            let der = above_it.der;
            let used = der == from.der || above.contains(&der);
            if used || !signed(from, above_it, &mut self.signatures) {
                continue;
            }
            above.push(der);
            let Some(next) = Candidate::read(der) else {
                return false;
            };
            if self.climb(&next, above) {
                return true;
            }
            above.pop();
        }
        false
    }
}

/// Whether the key of a CA signed a certificate that names it.
fn signed(certificate: &Candidate<'_>, issuer: &Candidate<'_>, signatures: &mut usize) -> bool {
    if !certificate.parsed.issuer.matches(&issuer.parsed.subject) || *signatures == 0 {
        return false;
    }
    *signatures -= 1;
    Query::new(certificate.der, issuer.der, None).is_ok()
}
