//! The tests of the fetcher, in one program: linking is what costs. Every server here is on the loopback interface;
//! what it says is written octet by octet, so that it can say what a proper server would not.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, by a panic"
)]

mod addresses;
mod bodies;
mod conditional;
mod nginx;
mod proxies;
mod redirects;
mod server;
mod tls;
