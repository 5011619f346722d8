//! Signed requests: whether a certificate of a CA really signed one (RFC 6960 4.1.2).

use core::fmt;

use certvouch_crypto::Provider;
use certvouch_types::der::Reader;
use certvouch_types::{Certificate, DecodeError, OcspRequest, Timestamp};

use crate::algorithms::{AlgorithmFault, SignatureFault};
use crate::budget::{Budget, Limit, MAX_EMBEDDED_CERTIFICATES};
use crate::profile::Profile;

/// Why the signature of a request does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestFault {
    /// An algorithm or a key that does not count.
    Algorithm(AlgorithmFault),
    /// More work than is spent on one request.
    BudgetExceeded(Limit),
    /// The CA's certificate does not parse.
    Ca(DecodeError),
    /// The request does not parse.
    Malformed(DecodeError),
    /// A signature without requestorName, which RFC 6960 4.1.2 forbids.
    NoRequestorName,
    /// No signature.
    Unsigned,
    /// No embedded certificate of the CA, inside its dates, made the signature.
    UntrustedSigner,
}

impl fmt::Display for RequestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(fault) => fault.fmt(f),
            Self::BudgetExceeded(limit) => write!(f, "too much work: {limit}"),
            Self::Ca(error) => write!(f, "the CA certificate does not parse: {error}"),
            Self::Malformed(error) => write!(f, "no OCSP request: {error}"),
            Self::NoRequestorName => f.write_str("signed, but without requestorName"),
            Self::Unsigned => f.write_str("the request is not signed"),
            Self::UntrustedSigner => {
                f.write_str("no valid certificate of this CA made the signature")
            }
        }
    }
}

impl core::error::Error for RequestFault {}

/// Verifies that a certificate, embedded in the request and directly issued by `ca` (DER), signed it.
///
/// # Errors
/// [`RequestFault`].
pub fn verify_request_signature(
    provider: &Provider,
    request_der: &[u8],
    ca: &[u8],
    now: Timestamp,
    profile: &Profile,
) -> Result<(), RequestFault> {
    let request = OcspRequest::parse(request_der).map_err(RequestFault::Malformed)?;
    let signature = request.signature.ok_or(RequestFault::Unsigned)?;
    if request.requestor_name.is_none() {
        return Err(RequestFault::NoRequestorName);
    }
    let ca = Certificate::parse(ca).map_err(RequestFault::Ca)?;
    let mut budget = Budget::new();
    let mut pay = || {
        budget
            .signature_check()
            .map_err(RequestFault::BudgetExceeded)
    };
    let mut fault = RequestFault::UntrustedSigner;
    let mut embedded = Reader::new(signature.certs);
    for count in 0.. {
        if embedded.is_empty() {
            break;
        }
        if count == MAX_EMBEDDED_CERTIFICATES {
            return Err(RequestFault::BudgetExceeded(Limit::EmbeddedCertificates));
        }
        let raw = embedded
            .next("Certificate")
            .map_err(RequestFault::Malformed)?
            .raw;
        let Ok(signer) = Certificate::parse(raw) else {
            continue;
        };
        if signer.issuer != ca.subject || !signer.validity.contains(now) {
            continue;
        }
        pay()?;
        let issued = profile.algorithms.verify(
            provider,
            &ca.subject_public_key_info,
            &signer.signature_algorithm,
            signer.tbs,
            signer.signature,
        );
        if let Err(why) = issued {
            note(&mut fault, &why);
            continue;
        }
        pay()?;
        let signed = profile.algorithms.verify(
            provider,
            &signer.subject_public_key_info,
            &signature.algorithm,
            request.tbs,
            signature.signature,
        );
        match signed {
            Ok(_) => return Ok(()),
            Err(why) => note(&mut fault, &why),
        }
    }
    Err(fault)
}

fn note(fault: &mut RequestFault, why: &SignatureFault) {
    if let SignatureFault::Algorithm(algorithm) = why {
        *fault = RequestFault::Algorithm(*algorithm);
    }
}
