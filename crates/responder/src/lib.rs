//! The OCSP responder role without a process (RFC 6960, RFC 9919, RFC 9654).
//!
//! Bytes and a time go in, bytes come out. Whoever runs a [`Responder`] owns sockets, files, clocks and keys;
//! this crate owns the rules. The way of a request:
//!
//! 1. [`http`] finds the OCSPRequest in an HTTP request, with every leniency that the field needs.
//! 2. [`Responder::answer`] parses it, applies limits and the nonce policy, and finds the [`Issuer`] by name hash
//!    *and* key hash.
//! 3. The cache gives the octets that were signed for exactly this CertID by this signer under this policy.
//! 4. On a miss one caller asks the [`StatusSource`], writes ResponseData and has a [`Signer`] sign it; the
//!    others wait for that one.
//! 5. An [`AnswerError`] becomes its one wire status in one function.
//!
//! What the traits ask of adapters stands in [`StatusSource`] and [`Signer`]; what an operator decides stands in
//! [`Policy`].

#![warn(missing_docs)]

mod answer;
mod cache;
mod error;
mod flight;
pub mod http;
mod issuer;
pub mod limits;
mod policy;
mod produce;
mod profile;
mod requestor;
mod responder;
mod selection;
mod self_check;
mod signer;
mod source;
mod target;

pub use answer::{Answer, Asked, CacheUse, Exchange, SerialText, SignedResponse};
pub use error::{AnswerError, TargetFault};
pub use issuer::{Issuer, IssuerError};
pub use policy::{
    CrlReferencePolicy, Expired, NonceForm, NoncePolicy, NotRevoked, Policy, PolicyFault, Unlisted,
};
pub use profile::{
    Algorithms, ArchiveCutoff, Bound, CertificateShape, Choice, Profile, RefreshRule, Rule,
    Violation,
};
pub use requestor::{
    CheckAtOnce, CheckRoom, CheckRoomFull, RequestorFault, Requestors, RequestorsError, Work,
};
pub use responder::{IssuersError, Responder, Settings};
pub use self_check::{Alarm, NoAlarm, SelfCheckFault};
pub use signer::{EmbedCertificate, ResponderIdForm, ResponseSigner, SignError, Signer};
pub use source::{
    CrlReference, HoldInstruction, Knowledge, SourceError, StatusRecord, StatusSource,
};

/// A future on the heap, as the traits of this crate return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
