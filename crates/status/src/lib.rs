//! Adapters that know who is revoked. This crate never sees a key.
//!
//! [`IndexTxt`] answers from the `index.txt` of an OpenSSL CA; [`easy_rsa`] finds one in an
//! easy-rsa folder; [`Watch`] keeps it up to date. [`CrlSource`] answers from CRLs, with
//! [`GoodList`] to know what was issued, and [`CrlWatch`] keeps both up to date. [`embedded`] is the store that a CA
//! tells what it issued and revoked. Three promises
//! hold for every source here:
//!
//! 1. A new state is read, checked and compared aside, and then swapped in whole. Whatever is
//!    broken, half-written or missing leaves the old truth standing and becomes an error that names
//!    the file and the line.
//! 2. Revoked does not become good by a reload, except from hold, unless the operator says so
//!    (threats T-1).
//! 3. All records of one lookup come from one state (threats T-10).
//!
//! Nothing here writes into a directory of the CA, and nothing reads the wall clock: the time is an
//! argument.

#![warn(missing_docs)]

mod cert_hash;
pub mod crl;
pub mod easy_rsa;
pub mod embedded;
mod escape;
pub mod good_list;
pub mod index_txt;
pub mod limits;
mod serial_key;
pub mod watch;

pub use cert_hash::CertHashes;
pub use crl::{CrlSource, CrlWatch};
pub use good_list::GoodList;
pub use index_txt::{Health, IndexTxt, OpenError, ReloadError, Reloaded, UnrevokePolicy};
pub use serial_key::SerialKey;
pub use watch::{Watch, WatchSettings};
