//! `certvouch check` as a script meets it: exit code, first line and JSON agree, every verdict but GOOD has a cause and a
//! next command, and nobody waits longer than `--timeout`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

mod bundle;
mod desk;
mod files;
mod hosts;
mod list;
mod misbehaving;
mod octets;
mod peers;
