//! `certvouch serve` and `certvouch config` as processes: what goes in through sockets, files and signals, and what
//! comes out.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod admin;
mod admin_tls;
mod audit;
mod clock;
mod config;
mod connections;
mod http;
mod load;
mod log;
mod monitoring;
mod ntp;
mod packaged;
mod profile;
mod reload;
mod response_time;
mod start;
mod stop;
mod store;
mod succession;
mod support;
mod systemd;
mod tokens;
