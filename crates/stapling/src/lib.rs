//! Stapling: which verified responses may be stapled, which servers take them, and when to ask again.
//!
//! * A [`Staple`] is made from a [`certvouch_verify::VerifiedResponse`] and from nothing else.
//! * [`Target`] says, as data, what each server demands of a response beyond that it is true.
//! * [`Schedule`] says when to ask again after a success and after failures.
//!
//! Everything here is pure: the time is an argument, nothing is fetched, kept or delivered yet. Fetching, the store, the
//! rustls adapter and the agent are not written.

#![warn(missing_docs)]

pub mod limits;
mod schedule;
mod staple;
mod target;

pub use schedule::{Random, Schedule};
pub use staple::{NotStaplable, Staple};
pub use target::{Demands, Target, TargetFault};
