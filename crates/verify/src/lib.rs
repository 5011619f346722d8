//! The rules by which an OCSP response is believed (RFC 6960, RFC 9919, RFC 9654).
//!
//! Is this certificate good?
//!
//! ```
//! use certvouch_types::Timestamp;
//! use certvouch_verify::{Profile, Query, QueryError, Verdict};
//!
//! # use certvouch_testkit::{pki::{KeyAlg, T0, World}, reply::{Reply, Single}};
//! # let world = World::new(KeyAlg::P256);
//! # let (certificate, issuer, now) = (&world.ee_good.der, &world.ca_a.der, Timestamp::from_unix(T0));
//! # let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
//! # let send = |_: &[u8]| Reply::delegated(&world.d_a, T0).single(&single).build();
//! let query = Query::new(certificate, issuer, None)?;
//! let response = send(query.request_der()); // by HTTP POST, as application/ocsp-request
//! match query.verify(&response, now, &Profile::default()) {
//!     Ok(verified) if verified.verdict() == Verdict::Good => {
//!         println!("good, thisUpdate {}", verified.this_update());
//!     }
//!     Ok(verified) => println!("{}", verified.verdict()), // REVOKED or UNKNOWN
//!     Err(error) => {
//!         println!("{}: {error}", error.verdict()); // such as "NOT-CURRENT: expired 3600 s ago, …"
//!         error.evidence().checks().iter().for_each(|check| println!("  {check}"));
//!     }
//! }
//! # assert_eq!(query.verify(&response, now, &Profile::default()).unwrap().verdict(), Verdict::Good);
//! # Ok::<(), QueryError>(())
//! ```
//!
//! What it promises:
//!
//! * **One verdict.** A status is read from a [`VerifiedResponse`] or not at all, and only this crate makes one.
//!   Whatever weakens that is spelled out in [`danger`].
//! * **Bound to the question.** A [`Query`] holds certificate, issuer and nonce; it exists only if the issuer's key
//!   signed the certificate. An answer about anything else is an error.
//! * **Explained.** Success and failure alike carry [`Evidence`]: every check once, in order, passed, failed or
//!   skipped, with the reason and the rule behind it.
//! * **Pure.** Bytes and a time go in, a value comes out: no clock, no I/O, `no_std` with `alloc`, and any
//!   cryptography that fits a [`certvouch_crypto::Provider`] (aws-lc-rs by the default feature `aws-lc`).
//! * **Bounded.** [`budget`] limits what a response may cost before it is believed.
//!
//! CRLs are verified with the same care: [`Query::verify_crls`] over a [`CrlSet`].
//!
//! What is not here: whether the issuer is trusted (whoever builds the chain knows), and asking by HTTP.
//! [`Profile`] holds the rules that differ between verifiers; [`Moment::as_of`] asks about the past.

#![no_std]
#![warn(missing_docs)]

extern crate alloc;

mod algorithms;
mod authorize;
pub mod budget;
mod crl;
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
pub use crl::{CrlSet, CrlSigner, VerifiedCrl, VerifiedCrls};
pub use error::{
    CrlRule, CrlSignerFault, CurrencyFault, Level, Mismatch, Reason, ResponderFault, VerifyError,
};
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
