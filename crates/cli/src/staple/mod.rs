//! The stapling agent: keeps staples fresh ([`certvouch_stapling`]), brings them to servers, and looks at what those
//! really send.
//!
//! * [`config`] is `staple.toml`, [`report`] what is told of it all.
//! * `agent` is the loop: what was fetched or comes to its end is delivered, reloads are gathered, handshakes confirm.
//! * [`push`] hears of changes before half life.
//! * `deliver` has a module for each kind of server; `program` runs what the operator named; `handshake` looks.

mod agent;
mod chain;
pub mod config;
mod deliver;
mod handshake;
mod port;
mod program;
pub mod push;
pub mod report;
mod target;

pub use agent::Agent;
