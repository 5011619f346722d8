//! The rules by which an OCSP response is believed (RFC 6960, RFC 9919, RFC 9654).

#![no_std]
#![warn(missing_docs)]

extern crate alloc;

mod algorithms;
mod authorize;
pub mod budget;
pub mod danger;
mod entries;
mod error;
mod evidence;
mod freshness;
mod profile;
mod query;
mod signed_request;
mod trusted;
mod verdict;
mod verified;
mod verifier;

pub use algorithms::{AlgorithmFault, AlgorithmPolicy};
pub use authorize::Signer;
pub use error::{CurrencyFault, Level, Mismatch, Reason, ResponderFault, VerifyError};
pub use evidence::{Check, CheckCode, Evidence, Outcome};
pub use freshness::{EndBound, FreshnessPolicy, MissingNextUpdate, Moment, ProducedAt};
pub use profile::{
    Cited, DelegateRevocationPolicy, EntryScope, IssuerKeyUsage, NoncePolicy, Profile, Rule,
};
pub use query::{Binding, Query, QueryBuilder, QueryError};
pub use signed_request::{RequestFault, verify_request_signature};
pub use trusted::{DelegateRevocation, TrustedResponder};
pub use verdict::Verdict;
pub use verified::{NonceOutcome, VerifiedResponse};
