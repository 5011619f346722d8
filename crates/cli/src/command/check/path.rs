//! From a certificate to its issuer, and on towards the root: which certificate is asked about with which issuer.
//!
//! The issuer is found by its signature, never by its place in a file (threats T-26). Where it comes from says what it is
//! worth: one that the caller names is trusted, one that was fetched has to end in a root first.

use bytes::Bytes;
use certvouch_client::{Question, Sha1Signatures};
use certvouch_types::{Certificate, Oid, oid};
use certvouch_verify::QueryError;

use super::finding::Place;

/// Certificates above the leaf: the longest chains that are seen have four.
const MOST: usize = 8;

/// A certificate and who issued it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) place: Place,
    pub(super) certificate: Bytes,
    pub(super) issuer: Bytes,
}

impl Link {
    pub(super) fn question(&self) -> Question {
        Question::about(self.certificate.clone(), self.issuer.clone())
    }
}

/// The issuer of a certificate among these, in their order; else the reason that tells most why it is none of them.
pub(in crate::command) fn issuer_of(
    certificate: &Bytes,
    candidates: &[Bytes],
    sha1: Sha1Signatures,
) -> Result<Bytes, QueryError> {
    let mut worst = QueryError::NotIssuedByIssuer;
    for issuer in candidates {
        let question = Question::about(certificate.clone(), issuer.clone());
        match question.query(None, sha1) {
            Ok(_) => return Ok(issuer.clone()),
            Err(why) if worst == QueryError::NotIssuedByIssuer => worst = why,
            Err(_) => {}
        }
    }
    Err(worst)
}

/// Whether a certificate is issued by whom it is about: nobody stands above it.
pub(super) fn is_self_issued(certificate: &[u8]) -> bool {
    let parsed = Certificate::parse(certificate);
    parsed.is_ok_and(|it| it.subject.matches(&it.issuer))
}

/// The links from the leaf up, as far as the candidates reach and until a certificate that nobody stands above.
pub(super) fn links(
    leaf: &Bytes,
    issuer: &Bytes,
    candidates: &[Bytes],
    sha1: Sha1Signatures,
) -> Vec<Link> {
    let mut links = vec![Link {
        place: Place::Leaf,
        certificate: leaf.clone(),
        issuer: issuer.clone(),
    }];
    let mut certificate = issuer.clone();
    while !is_self_issued(&certificate) && links.len() < MOST {
        let Ok(issuer) = issuer_of(&certificate, candidates, sha1) else {
            break;
        };
        // A ring of cross-certificates has no end.
        if links.iter().any(|link| link.certificate == issuer) {
            break;
        }
        links.push(Link {
            place: Place::Intermediate,
            certificate: std::mem::replace(&mut certificate, issuer.clone()),
            issuer,
        });
    }
    links
}

/// Who signed whom, from the bottom up, where the order is known already.
pub(super) fn links_of(chain: &[Bytes]) -> Vec<Link> {
    let pairs = chain.iter().zip(chain.iter().skip(1)).enumerate();
    let link = |(index, (certificate, issuer)): (usize, (&Bytes, &Bytes))| Link {
        place: match index {
            0 => Place::Leaf,
            _ => Place::Intermediate,
        },
        certificate: certificate.clone(),
        issuer: issuer.clone(),
    };
    pairs.map(link).collect()
}

/// The purpose by which a chain to a root is looked for: the first that the certificate has of those that are known; for
/// servers if it names none.
pub(super) fn purpose(certificate: &Certificate<'_>) -> &'static [u8] {
    const SERVER: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 3, 1];
    const KNOWN: [&[u8]; 6] = [
        SERVER,
        // clientAuth, codeSigning, emailProtection, timeStamping, OCSPSigning (RFC 5280 4.2.1.12).
        &[0x2B, 6, 1, 5, 5, 7, 3, 2],
        &[0x2B, 6, 1, 5, 5, 7, 3, 3],
        &[0x2B, 6, 1, 5, 5, 7, 3, 4],
        &[0x2B, 6, 1, 5, 5, 7, 3, 8],
        oid::KP_OCSP_SIGNING.as_bytes(),
    ];
    let has = |purpose: &&&[u8]| {
        let purpose = Oid::from_content(purpose);
        purpose.is_some_and(|it| certificate.has_extended_key_usage(it).unwrap_or(false))
    };
    KNOWN.iter().find(has).copied().unwrap_or(SERVER)
}
