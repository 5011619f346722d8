//! The verifier against responses written by hand, with the fixtures of the requirements.

mod algorithms;
mod as_of;
mod budget;
mod classes;
mod errors;
mod fixture;
mod freshness;
mod nonce;
mod query;
mod signer;
