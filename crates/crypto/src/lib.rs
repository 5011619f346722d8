//! Digests, and one table from AlgorithmIdentifier to signature verification.
//!
//! The table is a [`Provider`]: rows of [`SignatureVerification`] and one [`Digester`]. With the feature `aws-lc`
//! (the default) there is `AWS_LC`, the only place where the library half of certvouch names its cryptographic
//! library, and the functions `digest` and `verify_signature` that use it. Without the feature the crate is
//! `no_std`, and the caller plugs in rows of its own.
//!
//! It holds no private key, does no I/O and has no policy: an algorithm that a profile forbids is found here all
//! the same, and the caller refuses it. What is absent from [`SignatureAlgorithm`] can never verify: MD2, MD5, DSA.

#![no_std]
#![warn(missing_docs)]

#[cfg(test)]
extern crate alloc;

mod algorithm;
#[cfg(feature = "aws-lc")]
mod aws_lc;
mod digest;
mod key;
mod provider;

pub use algorithm::SignatureAlgorithm;
#[cfg(feature = "aws-lc")]
pub use aws_lc::{AWS_LC, digest, verify_signature};
pub use digest::Digest;
pub use key::{KeyKind, rsa_modulus_bits};
pub use provider::{Digester, Provider, SignatureError, SignatureVerification};
