//! The program `certvouch`, as a library with a `main.rs` of a few lines on top.
//!
//! The roof of the house: configuration, sockets, logs, commands and exit codes. What is right to answer is decided
//! below, in `certvouch-responder`; what is known about a certificate comes from `certvouch-status`, and signatures
//! from `certvouch-signer`. Nothing depends on this crate.
//!
//! Where to read on: [`command`] has the command line, [`config`] what an operator decides, [`serve`] brings the parts
//! together and runs them, [`listen`] is the public port, [`admin`] the operator's,
//! [`metrics`] what is counted, and [`staple`] is the stapling agent.

pub mod admin;
pub mod api;
pub mod clock;
pub mod command;
pub mod config;
pub mod escape;
pub mod exit;
pub mod listen;
pub mod log;
pub mod metrics;
mod octets;
mod remote;
mod serial;
pub mod serve;
pub mod signing;
pub mod staple;
