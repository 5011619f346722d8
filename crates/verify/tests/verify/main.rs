//! The verifier against responses written by hand, with the fixtures of the requirements.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails; helpers stand outside the test functions"
)]

mod algorithms;
mod as_of;
mod budget;
mod classes;
mod crl;
mod errors;
mod fixture;
mod freshness;
mod nonce;
mod query;
mod signer;
