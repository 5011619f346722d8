//! What the tests of certvouch stand on: a hand-made PKI, requests and answers written and read without
//! our own encoder, foreign programs to be judged by, and small tools around processes and HTTP.
//!
//! The crate depends on no other crate of the workspace, so that no mistake of ours can confirm itself.
//! Any crate may dev-depend on it. It is test code in library form: what cannot be done here is a broken
//! test environment, and therefore a panic with a message, never an error value to be handled.
//!
//! Where to read on: [`pki::World`] is the fixture set that the requirements speak of (`CA-A`, `EE-good`,
//! `S-X`, …); [`ask`] makes requests, [`answer`] reads responses, [`reply`] makes them, [`crl`] makes CRLs; [`peer`] finds OpenSSL, Go
//! and Python; [`openssl_ca`] drives a real `openssl ca`; [`process`] and [`http`] hold a server and talk to it;
//! [`vectors`] reads the test data of other projects, [`corpus`] makes such data for them; [`soak`] loads a server while it is
//! reloaded.

#![warn(missing_docs)]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "unpublished; tests match on these types and fill them in freely"
)]

pub mod answer;
pub mod ask;
pub mod clock;
pub mod corpus;
pub mod crl;
pub mod der;
pub mod http;
pub mod misbehave;
pub mod openssl_ca;
pub mod peer;
pub mod pki;
pub mod process;
pub mod push;
pub mod reply;
pub mod soak;
pub mod staple;
pub mod vectors;
