//! The messages from outside: known answers, other projects' vectors, another decoder, damaged octets.
//!
//! One test binary, so that it links once. `invariants` is what must hold for any input whatever; the fuzz
//! targets use the same file.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers as well"
)]

mod invariants;
mod mutations;
mod oracle;
mod samples;
mod syntax;
mod vectors;
mod writers;
