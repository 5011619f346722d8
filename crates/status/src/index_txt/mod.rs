//! The database of an OpenSSL CA, `index.txt`, as a status source.
//!
//! One line per certificate, six columns with a TAB between them:
//!
//! ```text
//! row    = type TAB expires TAB [revoked] TAB serial TAB file TAB name [CR] LF
//! type   = "V" / "R" / "E" / "S"          ; valid, revoked, expired, suspended
//! revoked = time [ "," reason [ "," extra ] ]
//! serial = [ "-" ] 1*HEXDIG
//! ```
//!
//! [`parse()`] reads octets into a [`Table`], [`Diff`] says what changed between two of them, and
//! [`IndexTxt`] holds the table of a file and reloads it. What OpenSSL refuses is refused here: an
//! empty line, or a row with another number of columns, means that the whole file says nothing. A
//! last line without its LF is refused as well, which OpenSSL silently leaves out: the file was
//! cut. The file column and the name are never used: nobody can tell in them a backslash from an
//! escape.
//!
//! The index has no column for the issuer. Who opens it binds it to one.

mod diff;
mod error;
mod file;
mod parse;
mod report;
mod revocation;
mod source;
mod table;

pub use diff::Diff;
pub use error::{OpenError, ParseError, Refusal, ReloadError, Why};
pub use file::FileDigest;
pub(crate) use file::{Stamp, read};
pub use parse::parse;
pub use report::{Report, ReportKind, Reports};
pub use source::{Health, IndexTxt, Reloaded, UnrevokePolicy};
pub use table::{Counts, Revocation, Row, State, Table};
