//! The words of `/v1` about certificates, as both of its ends have them: the admin port reads and writes them, and the
//! commands that talk to it do the opposite.
//!
//! [`Update`] is what somebody wants to become of a certificate, in the members of a JSON object; [`Entry`] is what is
//! known about one. Members are taken by hand and not by a derived reader, so that every refusal names its member.

mod entry;
mod moment;
mod update;

pub use entry::Entry;
pub(crate) use moment::moment;
pub use update::{FieldError, StatusWord, Update};
pub(crate) use update::{parse_serial, reason};
