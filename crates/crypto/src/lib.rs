//! Digests, and one table from AlgorithmIdentifier to signature verification.
//!
//! This is the only place where the library half of certvouch names its cryptographic library, aws-lc-rs. It
//! holds no private key, does no I/O and has no policy: an algorithm that a profile forbids is found here all the
//! same, and the caller refuses it. What is absent from [`SignatureAlgorithm`] can never verify: MD2, MD5, DSA.

#![warn(missing_docs)]

mod algorithm;
mod digest;
mod verify;

pub use algorithm::SignatureAlgorithm;
pub use digest::{Digest, digest};
pub use verify::{SignatureError, verify_signature};
