//! Stapling: responses are fetched early, verified, kept, and given to servers.
//!
//! * A [`Staple`] is made from a [`certvouch_verify::VerifiedResponse`] and from nothing else.
//! * A [`Stapler`] keeps one for each certificate in its care ([`Slot`]): it asks responders when its [`Schedule`] says
//!   so, and keeps answers in a [`Store`] that several processes may share.
//! * [`Reactions`] and [`Mode`] are what the operator decides about certificates that are not good.
//! * A [`StatusSet`] knows statuses before anybody asks, for those who check certificates in handshakes.
//! * [`rustls_0_23`] brings all that to TLS servers and clients; it is the only module that shows types of rustls.
//! * [`Target`] says, as data, what each server demands of a response beyond that it is true.
//!
//! The time is an argument, or a clock that was handed in. Nothing here asks by itself: [`Stapler::run`] does.

#![warn(missing_docs)]

pub mod atomic;
mod due;
mod expect;
mod fetch;
mod judge;
mod key;
pub mod limits;
mod path;
mod policy;
pub mod rustls_0_23;
mod schedule;
mod slot;
mod staple;
mod stapler;
mod statuses;
pub mod store;
mod target;
mod turns;

pub use expect::{About, Expected};
pub use judge::{Fail, Ground, Refused};
pub use key::StapleKey;
pub use policy::{Choice, Mode, Reaction, Reactions, Standing};
pub use schedule::{Random, Schedule};
pub use slot::{Origin, Problem, Slot, State, Subject};
pub use staple::{NotStaplable, Staple};
pub use stapler::{Dice, Now, Options, Stapler};
pub use statuses::{Change, Known, StatusSet};
pub use store::Store;
pub use target::{Demands, Target, TargetFault};
