//! `certvouch staple` with our responder on one side and real servers on the other. Loopback only.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod chain;
mod clients;
mod config;
mod doctor;
mod exim;
mod kill;
mod misbehave;
#[path = "../peers/page.rs"]
mod page;
mod push;
mod renewal;
mod responders;
mod servers;
mod support;
mod wire;
