//! The tests of the status sources, in one program: linking is what costs.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, by a panic"
)]

mod common;
mod crl_peers;
mod crl_responder;
mod crl_rules;
mod crl_sets;
mod crl_vectors;
mod crl_watch;
mod crls;
mod good_lists;
mod index_forms;
mod index_peers;
mod index_random;
mod reload;
mod store;
mod store_audit;
mod store_faults;
mod store_sync;
mod watching;
