//! Which of an issuer's signers answers a request (RFC 6960 4.4.7.2).

use certvouch_crypto::SignatureAlgorithm;
use certvouch_types::extension::values::PreferredSignatureAlgorithms;
use certvouch_types::{OcspRequest, Timestamp, oid};

use crate::issuer::Issuer;

/// The index of the signer to use: the first preference of the client that one of them meets, else the first one;
/// signers whose certificates are not valid now are passed over. None if no certificate is valid.
///
/// The client's list can only choose among signers that the operator configured, so it can never bring in a weak
/// algorithm (RFC 6960 5.1).
pub(crate) fn choose(issuer: &Issuer, request: &OcspRequest<'_>, now: Timestamp) -> Option<usize> {
    let signers = issuer.signers();
    let valid = |index: &usize| signers[*index].is_valid_at(now);
    let default = (0..signers.len()).find(valid)?;
    if signers.len() == 1 {
        return Some(default);
    }
    preferences(request)
        .iter()
        .find_map(|wanted| {
            (0..signers.len())
                .filter(valid)
                .find(|index| signers[*index].algorithm() == *wanted)
        })
        .or(Some(default))
}

/// The algorithms that the client prefers and that we know, best first. A list that does not parse is ignored
/// (requirements E-23); that a critical one is refused was decided before.
fn preferences(request: &OcspRequest<'_>) -> Vec<SignatureAlgorithm> {
    request
        .extensions
        .find(oid::OCSP_PREF_SIG_ALGS)
        .and_then(|extension| PreferredSignatureAlgorithms::parse(extension.contents()).ok())
        .map(|list| {
            list.iter()
                .filter_map(|a| SignatureAlgorithm::from_identifier(&a))
                .collect()
        })
        .unwrap_or_default()
}
