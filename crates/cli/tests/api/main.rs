//! `/v1` of the admin port over the embedded store, and the commands that ask it: a CA tells, and the next answer says so.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod bulk;
mod certificate;
mod changes;
mod commands;
mod schema;
mod support;
mod tokens;
