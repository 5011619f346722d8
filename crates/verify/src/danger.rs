//! What weakens verification. It has to be spelled out: `certvouch_verify::danger::…`.

use certvouch_types::{BasicOcspResponse, CertStatus, OcspResponse};

use crate::algorithms::AlgorithmPolicy;
use crate::entries;
use crate::error::Reason;
use crate::profile::Profile;
use crate::query::{Query, QueryBuilder};

/// Lets signatures with SHA-1 count, of responses and of delegates' certificates. Collisions have been forged since
/// 2017; RFC 6960 4.3 asks for it, and CA/B BR and Mozilla forbid it (requirements D-17).
#[must_use]
pub fn allow_sha1_signatures(mut profile: Profile) -> Profile {
    profile.algorithms = AlgorithmPolicy::WITH_SHA1;
    profile
}

/// Lets a signature with SHA-1 count on the certificate asked about.
#[must_use]
pub fn allow_sha1_on_certificate(mut builder: QueryBuilder<'_>) -> QueryBuilder<'_> {
    builder.algorithms = AlgorithmPolicy::WITH_SHA1;
    builder
}

/// What the first entry about the certificate claims, believed by nobody: no signature, signer, time, extension or
/// second entry was looked at. For tools that show what a response says.
///
/// # Errors
/// The response does not parse, is an error, or is about other certificates.
pub fn claimed_status(query: &Query<'_>, response_der: &[u8]) -> Result<CertStatus, Reason> {
    let bytes = match OcspResponse::parse(response_der).map_err(Reason::Malformed)? {
        OcspResponse::Error(status) => return Err(Reason::ResponderError(status)),
        OcspResponse::Successful(bytes) if bytes.is_basic() => bytes,
        OcspResponse::Successful(_) => return Err(Reason::UnknownResponseType),
    };
    let basic = BasicOcspResponse::from_response_bytes(&bytes).map_err(Reason::Malformed)?;
    let entries = entries::matching(query, &basic.data)?;
    let first = entries.first().ok_or(Reason::EmptyResponses)?;
    Ok(first.cert_status)
}
