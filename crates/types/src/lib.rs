//! OCSP messages (RFC 6960, RFC 9654, RFC 9919), and the slice of X.509 that they need.
//!
//! This crate reads and writes bytes and does nothing else: it has no clock, no I/O, no signature and no
//! allocation on the way from a request's bytes to its parts. What it promises:
//!
//! * **Borrowed.** Every view ([`OcspRequest`], [`BasicOcspResponse`], [`Certificate`]) borrows from the
//!   input. What was signed is handed out as the original span (`tbs()`), never encoded a second time.
//! * **Strict.** Input is DER: minimal lengths, minimal INTEGERs, no indefinite form, nothing behind the end.
//!   The documented leniencies are those of requirements D-25 (an explicit version v1) and no others.
//!   Rules that a message may break and still be well-formed (hash lengths, nonce sizes) are separate
//!   checks with their own errors.
//! * **Located.** A [`DecodeError`] says what was being read, at which octet of the input, and why it failed.
//! * **Bounded.** No recursion depends on the input; the limits stand in [`limits`].
//!
//! Where to read on: [`OcspRequest::parse`] for questions, [`OcspResponse::parse`] for answers,
//! [`ResponseDataWriter`] for producing them, [`Certificate::parse`] for the certificates around them.

#![no_std]
#![warn(missing_docs)]

extern crate alloc;

mod algorithm;
mod basic;
mod cert_id;
mod cert_status;
pub mod crl;
pub mod der;
mod error;
pub mod extension;
pub mod limits;
mod nonce;
pub mod oid;
pub mod pkix;
mod request;
mod responder_id;
mod response;
mod serial;
mod time;
mod write;

pub use algorithm::{AlgorithmIdentifier, HashAlgorithm, Parameters};
pub use basic::{BasicOcspResponse, ResponseData, SingleResponse, SingleResponses};
pub use cert_id::{CertId, CertIdFault};
pub use cert_status::{CertStatus, CrlReason, RevokedInfo};
pub use crl::Crl;
pub use error::{DecodeError, Why};
pub use extension::{Extension, Extensions};
pub use nonce::{Nonce, NonceFault};
pub use oid::Oid;
pub use pkix::certificate::Certificate;
pub use request::{OcspRequest, Request, RequestList, RequestSignature};
pub use responder_id::ResponderId;
pub use response::{OcspResponse, OcspResponseStatus, ResponseBytes};
pub use serial::SerialNumber;
pub use time::Timestamp;
pub use write::{
    CertIdTemplate, RequestWriter, ResponseDataWriter, SingleResponseFields, basic_ocsp_response,
    error_response,
};
