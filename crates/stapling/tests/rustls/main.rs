//! rustls with our resolver and verifiers, in memory: what is stapled, what is believed, what is resumed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod clients;
mod resolver;
mod servers;
mod support;
