//! Writing messages: requests, error responses, ResponseData and the signed response around it.
//!
//! Encoding is exact: defaults are left out, lengths are minimal, and every CertID is the caller's octets.
//! [`ResponseDataWriter`] keeps what is the same in all answers of one signer as prepared octets.

use alloc::vec::Vec;

use crate::algorithm::HashAlgorithm;
use crate::cert_status::{CertStatus, CrlReason};
use crate::der::{push, push_header, tag, tlv_length};
use crate::oid;
use crate::responder_id::ResponderId;
use crate::response::OcspResponseStatus;
use crate::serial::SerialNumber;
use crate::time::Timestamp;

/// The five octets of an unsigned error (requirements V4). `Successful` needs an answer and gives internalError.
#[must_use]
pub const fn error_response(status: OcspResponseStatus) -> [u8; 5] {
    let code = match status {
        OcspResponseStatus::Successful => OcspResponseStatus::InternalError.code(),
        other => other.code(),
    };
    [0x30, 0x03, 0x0A, 0x01, code]
}

/// What stands in one SingleResponse.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "these are the fields of RFC 6960 4.2.1, nextUpdate required"
)]
pub struct SingleResponseFields<'a> {
    /// The whole CertID as it was received.
    pub cert_id: &'a [u8],
    /// The status.
    pub cert_status: CertStatus,
    /// When the status was last known to be right.
    pub this_update: Timestamp,
    /// Always there: RFC 9919 clients reject an answer without it (requirements R9919-3.2.4-1).
    pub next_update: Timestamp,
    /// Extensions one after the other, without the SEQUENCE around them; may be empty.
    pub extensions: &'a [u8],
}

/// Writes ResponseData for one signer.
#[derive(Clone, Debug)]
pub struct ResponseDataWriter {
    responder_id: Vec<u8>,
}

impl ResponseDataWriter {
    /// Prepares the octets that name the signer.
    #[must_use]
    pub fn new(responder_id: ResponderId<'_>) -> Self {
        let mut out = Vec::new();
        match responder_id {
            ResponderId::ByName(name) => push(&mut out, tag::constructed(1), name),
            ResponderId::ByKey(key) => {
                push_header(&mut out, tag::constructed(2), tlv_length(key.len()));
                push(&mut out, tag::OCTET_STRING, key);
            }
        }
        Self { responder_id: out }
    }

    /// The DER of ResponseData, which is what gets signed. `extensions` are responseExtensions one after the
    /// other, without the SEQUENCE around them; may be empty.
    #[must_use]
    pub fn write(
        &self,
        produced_at: Timestamp,
        singles: &[SingleResponseFields<'_>],
        extensions: &[u8],
    ) -> Vec<u8> {
        let singles_length: usize = singles.iter().map(|s| tlv_length(s.content_length())).sum();
        let content = self.responder_id.len()
            + TIME_LENGTH
            + tlv_length(singles_length)
            + extensions_length(extensions);
        let mut out = Vec::with_capacity(tlv_length(content));
        push_header(&mut out, tag::SEQUENCE, content);
        out.extend_from_slice(&self.responder_id);
        push(
            &mut out,
            tag::GENERALIZED_TIME,
            &produced_at.to_generalized_time(),
        );
        push_header(&mut out, tag::SEQUENCE, singles_length);
        for single in singles {
            single.write(&mut out);
        }
        push_extensions(&mut out, extensions);
        out
    }
}

/// Octets of a GeneralizedTime with its header.
const TIME_LENGTH: usize = 17;

impl SingleResponseFields<'_> {
    fn content_length(&self) -> usize {
        self.cert_id.len()
            + tlv_length(status_content_length(self.cert_status))
            + TIME_LENGTH
            + tlv_length(TIME_LENGTH)
            + extensions_length(self.extensions)
    }

    fn write(&self, out: &mut Vec<u8>) {
        push_header(out, tag::SEQUENCE, self.content_length());
        out.extend_from_slice(self.cert_id);
        push_status(out, self.cert_status);
        push(
            out,
            tag::GENERALIZED_TIME,
            &self.this_update.to_generalized_time(),
        );
        push_header(out, tag::constructed(0), TIME_LENGTH);
        push(
            out,
            tag::GENERALIZED_TIME,
            &self.next_update.to_generalized_time(),
        );
        push_extensions(out, self.extensions);
    }
}

/// Unspecified is said by leaving the reason out (requirements §1.4), and removeFromCRL never leaves a delta CRL.
fn reason_on_the_wire(reason: Option<CrlReason>) -> Option<CrlReason> {
    reason.filter(|reason| !matches!(reason, CrlReason::Unspecified | CrlReason::RemoveFromCrl))
}

fn status_content_length(status: CertStatus) -> usize {
    match status {
        CertStatus::Good | CertStatus::Unknown => 0,
        CertStatus::Revoked(info) => {
            let reason = reason_on_the_wire(info.revocation_reason).map_or(0, |_| 5);
            TIME_LENGTH + reason
        }
    }
}

fn push_status(out: &mut Vec<u8>, status: CertStatus) {
    match status {
        CertStatus::Good => out.extend_from_slice(&[0x80, 0x00]),
        CertStatus::Unknown => out.extend_from_slice(&[0x82, 0x00]),
        CertStatus::Revoked(info) => {
            push_header(out, 0xA1, status_content_length(status));
            push(
                out,
                tag::GENERALIZED_TIME,
                &info.revocation_time.to_generalized_time(),
            );
            if let Some(reason) = reason_on_the_wire(info.revocation_reason) {
                out.extend_from_slice(&[0xA0, 0x03, tag::ENUMERATED, 0x01, reason.code()]);
            }
        }
    }
}

/// Octets of `[1] EXPLICIT SEQUENCE OF Extension`, nothing if there is none (SIZE (1..MAX)).
fn extensions_length(extensions: &[u8]) -> usize {
    if extensions.is_empty() {
        0
    } else {
        tlv_length(tlv_length(extensions.len()))
    }
}

fn push_extensions(out: &mut Vec<u8>, extensions: &[u8]) {
    if !extensions.is_empty() {
        push_header(out, tag::constructed(1), tlv_length(extensions.len()));
        push(out, tag::SEQUENCE, extensions);
    }
}

/// The whole OCSPResponse around signed ResponseData.
///
/// `algorithm` is a whole AlgorithmIdentifier. `certs` are whole certificates, the signer's first, since Go
/// looks at the first alone; with none the field is left out (requirements R6960-4.2.1-4).
#[must_use]
pub fn basic_ocsp_response(
    tbs: &[u8],
    algorithm: &[u8],
    signature: &[u8],
    certs: &[&[u8]],
) -> Vec<u8> {
    let certs_length: usize = certs.iter().map(|cert| cert.len()).sum();
    let certs_field = if certs.is_empty() {
        0
    } else {
        tlv_length(tlv_length(certs_length))
    };
    let basic = tbs.len() + algorithm.len() + tlv_length(signature.len() + 1) + certs_field;
    let basic_type = oid::OCSP_BASIC.as_bytes();
    let bytes = tlv_length(basic_type.len()) + tlv_length(tlv_length(basic));
    let message = 3 + tlv_length(tlv_length(bytes));

    let mut out = Vec::with_capacity(tlv_length(message));
    push_header(&mut out, tag::SEQUENCE, message);
    out.extend_from_slice(&[tag::ENUMERATED, 0x01, 0x00]);
    push_header(&mut out, tag::constructed(0), tlv_length(bytes));
    push_header(&mut out, tag::SEQUENCE, bytes);
    push(&mut out, tag::OID, basic_type);
    push_header(&mut out, tag::OCTET_STRING, tlv_length(basic));
    push_header(&mut out, tag::SEQUENCE, basic);
    out.extend_from_slice(tbs);
    out.extend_from_slice(algorithm);
    push_header(&mut out, tag::BIT_STRING, signature.len() + 1);
    out.push(0);
    out.extend_from_slice(signature);
    if !certs.is_empty() {
        push_header(&mut out, tag::constructed(0), tlv_length(certs_length));
        push_header(&mut out, tag::SEQUENCE, certs_length);
        for cert in certs {
            out.extend_from_slice(cert);
        }
    }
    out
}

/// What makes a CertID besides the serial number.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "these are the fields of RFC 6960 4.1.1"
)]
pub struct CertIdTemplate<'a> {
    /// The algorithm of both hashes, written with NULL parameters (requirements D-2).
    pub hash_algorithm: HashAlgorithm,
    /// The hash over the issuer's DER Name.
    pub issuer_name_hash: &'a [u8],
    /// The hash over the issuer's subjectPublicKey bits.
    pub issuer_key_hash: &'a [u8],
}

impl CertIdTemplate<'_> {
    /// The DER of the CertID with this serial number.
    #[must_use]
    pub fn write(&self, serial: SerialNumber<'_>) -> Vec<u8> {
        let hash = self.hash_algorithm.oid().as_bytes();
        let algorithm = tlv_length(hash.len()) + 2;
        let content = tlv_length(algorithm)
            + tlv_length(self.issuer_name_hash.len())
            + tlv_length(self.issuer_key_hash.len())
            + tlv_length(serial.content().len());
        let mut out = Vec::with_capacity(tlv_length(content));
        push_header(&mut out, tag::SEQUENCE, content);
        push_header(&mut out, tag::SEQUENCE, algorithm);
        push(&mut out, tag::OID, hash);
        push(&mut out, tag::NULL, &[]);
        push(&mut out, tag::OCTET_STRING, self.issuer_name_hash);
        push(&mut out, tag::OCTET_STRING, self.issuer_key_hash);
        push(&mut out, tag::INTEGER, serial.content());
        out
    }
}

/// Writes unsigned requests.
#[derive(Clone, Debug, Default)]
pub struct RequestWriter {
    list: Vec<u8>,
    extensions: Vec<u8>,
}

impl RequestWriter {
    /// A request without entries; it needs at least one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry: a whole CertID.
    #[must_use]
    pub fn cert_id(mut self, cert_id: &[u8]) -> Self {
        push(&mut self.list, tag::SEQUENCE, cert_id);
        self
    }

    /// Adds a nonce of 1 to 128 octets; RFC 9654 2.1 asks a client for at least 32.
    #[must_use]
    pub fn nonce(mut self, nonce: &[u8]) -> Self {
        crate::extension::values::push_nonce(&mut self.extensions, nonce);
        self
    }

    /// The DER of the request.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let extensions = if self.extensions.is_empty() {
            0
        } else {
            tlv_length(tlv_length(self.extensions.len()))
        };
        let tbs = tlv_length(self.list.len()) + extensions;
        let mut out = Vec::with_capacity(tlv_length(tlv_length(tbs)));
        push_header(&mut out, tag::SEQUENCE, tlv_length(tbs));
        push_header(&mut out, tag::SEQUENCE, tbs);
        push(&mut out, tag::SEQUENCE, &self.list);
        if !self.extensions.is_empty() {
            push_header(
                &mut out,
                tag::constructed(2),
                tlv_length(self.extensions.len()),
            );
            push(&mut out, tag::SEQUENCE, &self.extensions);
        }
        out
    }
}
