//! Who may ask, where only signed requests are answered (RFC 6960 4.1.2, threats T-42).
//!
//! Signatures of strangers are work that strangers choose, so: nothing is verified unless the issuer demands it; the
//! certificates that come along are compared with the operator's list before any of them is believed; there are at most
//! [`MAX_REQUEST_CERTS`] of them, and no RSA key beyond [`MAX_REQUEST_RSA_BITS`]; and the work is done where
//! [`CheckRoom`] says, so that it never delays who needs none.

use core::fmt;
use std::sync::Arc;

use certvouch_crypto::{SignatureAlgorithm, rsa_modulus_bits, verify_signature};
use certvouch_types::der::Reader;
use certvouch_types::{AlgorithmIdentifier, Certificate, OcspRequest, Timestamp};

use crate::limits::{MAX_REQUEST_CERTS, MAX_REQUEST_RSA_BITS};

/// A piece of work.
pub type Work = Box<dyn FnOnce() + Send>;

/// Where signatures of requests are verified.
pub trait CheckRoom: fmt::Debug + Send + Sync {
    /// Does the work, now or soon.
    ///
    /// # Errors
    /// There is too much of it already; the client is told `tryLater`.
    fn run(&self, work: Work) -> Result<(), CheckRoomFull>;
}

/// There is too much to verify already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct CheckRoomFull;

/// Verifies at once, on the thread that asks.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no state")]
pub struct CheckAtOnce;

impl CheckRoom for CheckAtOnce {
    fn run(&self, work: Work) -> Result<(), CheckRoomFull> {
        work();
        Ok(())
    }
}

/// The certificates whose holders may ask: their own, or those of CAs that vouch for them.
#[derive(Clone, Debug)]
pub struct Requestors {
    allowed: Vec<Vec<u8>>,
    room: Arc<dyn CheckRoom>,
}

impl PartialEq for Requestors {
    fn eq(&self, other: &Self) -> bool {
        self.allowed == other.allowed
    }
}

impl Eq for Requestors {}

/// Why a list of requestors is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestorsError {
    /// One of them is no certificate.
    NotACertificate,
    /// Nobody is on it, so that nobody could ask.
    Nobody,
}

impl fmt::Display for RequestorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotACertificate => "something on the list of requestors is no certificate",
            Self::Nobody => {
                "request signatures are required of nobody: name certificates in requestors"
            }
        })
    }
}

impl core::error::Error for RequestorsError {}

/// Why the signature of a request does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestorFault {
    /// An algorithm or a key that is not verified: SHA-1, or RSA beyond the limit.
    Algorithm,
    /// requestorName is another than the subject of the certificate that signed.
    Name,
    /// No certificate on the list, and none that a CA on the list issued and that is valid now, made the signature.
    NotAllowed,
    /// The certificate that signed is revoked, or was never issued.
    Revoked,
    /// The signature does not verify.
    Signature,
    /// More certificates come along than are looked at.
    TooManyCertificates,
}

impl fmt::Display for RequestorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => {
                "the request is signed with an algorithm or a key that is not accepted"
            }
            Self::Name => {
                "requestorName is not the subject of the certificate that signed the request"
            }
            Self::NotAllowed => "nobody on the list of requestors signed the request",
            Self::Revoked => {
                "the certificate that signed the request is revoked or was never issued"
            }
            Self::Signature => "the signature of the request does not verify",
            Self::TooManyCertificates => "the request carries too many certificates",
        })
    }
}

/// Who signed: the certificate, DER.
pub(crate) type Signed = Vec<u8>;

impl Requestors {
    /// Those who may ask, as DER certificates: of requestors themselves, or of CAs whose certificates may.
    ///
    /// # Errors
    /// [`RequestorsError`].
    pub fn new(allowed: Vec<Vec<u8>>, room: Arc<dyn CheckRoom>) -> Result<Self, RequestorsError> {
        if allowed.is_empty() {
            return Err(RequestorsError::Nobody);
        }
        if allowed.iter().any(|der| Certificate::parse(der).is_err()) {
            return Err(RequestorsError::NotACertificate);
        }
        Ok(Self { allowed, room })
    }

    pub(crate) fn room(&self) -> &dyn CheckRoom {
        &*self.room
    }

    /// Verifies a request that has a signature and a requestorName.
    pub(crate) fn verify(
        &self,
        request: &OcspRequest<'_>,
        now: Timestamp,
    ) -> Result<Signed, RequestorFault> {
        let signature = request.signature.ok_or(RequestorFault::NotAllowed)?;
        accept_algorithm(&signature.algorithm)?;
        let embedded = embedded(signature.certs)?;
        let allowed: Vec<Certificate<'_>> = self
            .allowed
            .iter()
            .filter_map(|der| Certificate::parse(der).ok())
            .collect();
        let signers: &[Certificate<'_>] = if embedded.is_empty() {
            &allowed
        } else {
            &embedded
        };
        let mut fault = RequestorFault::NotAllowed;
        let mut tries = 0;
        for signer in signers {
            // Without certificates in the request, requestorName says which one is meant.
            if !is_named(request, signer) {
                if !embedded.is_empty() && fault == RequestorFault::NotAllowed {
                    fault = RequestorFault::Name;
                }
                continue;
            }
            if tries == MAX_REQUEST_CERTS {
                break;
            }
            tries += 1;
            match check(request, &signature, signer, &allowed, now) {
                Ok(()) => return Ok(signer.raw.to_vec()),
                Err(why) => fault = why,
            }
        }
        Err(fault)
    }
}

/// The certificates that came along, if there are not too many.
fn embedded(certs: &[u8]) -> Result<Vec<Certificate<'_>>, RequestorFault> {
    let mut reader = Reader::new(certs);
    let mut found = Vec::new();
    while !reader.is_empty() {
        if found.len() == MAX_REQUEST_CERTS {
            return Err(RequestorFault::TooManyCertificates);
        }
        let element = reader
            .next("Certificate")
            .map_err(|_| RequestorFault::NotAllowed)?;
        found.push(Certificate::parse(element.raw).map_err(|_| RequestorFault::NotAllowed)?);
    }
    Ok(found)
}

/// Whether a directoryName in requestorName is the subject; names of other kinds say nothing about a certificate.
fn is_named(request: &OcspRequest<'_>, signer: &Certificate<'_>) -> bool {
    let Some(name) = request.requestor_name else {
        return false;
    };
    let mut reader = Reader::new(name);
    let Ok(element) = reader.next("requestorName") else {
        return false;
    };
    // directoryName is [4] EXPLICIT, Name being a CHOICE (RFC 5280 4.2.1.6).
    element.tag != 0xA4 || element.value == signer.subject.as_bytes()
}

fn check(
    request: &OcspRequest<'_>,
    signature: &certvouch_types::RequestSignature<'_>,
    signer: &Certificate<'_>,
    allowed: &[Certificate<'_>],
    now: Timestamp,
) -> Result<(), RequestorFault> {
    if !signer.validity.contains(now) {
        return Err(RequestorFault::NotAllowed);
    }
    accept_key(signer)?;
    if !allowed.iter().any(|one| one.raw == signer.raw) {
        let vouched = allowed.iter().any(|ca| {
            ca.is_ca().unwrap_or(false)
                && ca.subject == signer.issuer
                && ca.validity.contains(now)
                && accept_key(ca).is_ok()
                && is_signed_by(ca, signer)
        });
        if !vouched {
            return Err(RequestorFault::NotAllowed);
        }
    }
    verify_signature(
        &signer.subject_public_key_info,
        &signature.algorithm,
        request.tbs,
        signature.signature,
    )
    .map_err(|_| RequestorFault::Signature)
}

/// Whether this CA's key made the signature on a certificate.
pub(crate) fn is_signed_by(ca: &Certificate<'_>, certificate: &Certificate<'_>) -> bool {
    accept_algorithm(&certificate.signature_algorithm).is_ok()
        && verify_signature(
            &ca.subject_public_key_info,
            &certificate.signature_algorithm,
            certificate.tbs,
            certificate.signature,
        )
        .is_ok()
}

fn accept_algorithm(identifier: &AlgorithmIdentifier<'_>) -> Result<(), RequestorFault> {
    match SignatureAlgorithm::from_identifier(identifier) {
        Some(algorithm) if !algorithm.uses_sha1() => Ok(()),
        _ => Err(RequestorFault::Algorithm),
    }
}

fn accept_key(certificate: &Certificate<'_>) -> Result<(), RequestorFault> {
    match rsa_modulus_bits(&certificate.subject_public_key_info) {
        Some(bits) if bits > MAX_REQUEST_RSA_BITS => Err(RequestorFault::Algorithm),
        _ => Ok(()),
    }
}
