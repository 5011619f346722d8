//! `certvouch serve --crl` and `certvouch status` as processes: CRLs from a web server that behaves, misbehaves or is
//! gone, and what clients are answered meanwhile.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod addresses;
mod answers;
mod bad;
mod lists;
mod restart;
mod sets;
mod status;
mod support;
