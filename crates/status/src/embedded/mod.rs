//! The embedded store: SQLite in one file, without a server. A CA tells it what it issued and revoked, and the very next
//! answer is the new truth.
//!
//! [`Store`] promises:
//!
//! 1. What was acknowledged survives `kill -9` and a power failure: a commit is synced before anybody hears of it.
//! 2. Whoever keeps answers hears of a change before it is acknowledged ([`Store::on_commit`]), so that no answer from
//!    before it follows the acknowledgement.
//! 3. Revoked never becomes good, except that a hold may be released, unless the operator says so ([`decide`]; threats
//!    T-1). A copy of the file from earlier is refused by the mark beside it.
//! 4. Every change is in the log, in the order of the commits and without gaps, each entry hashed together with the one
//!    before it ([`LogEntry`]; threats T-8).
//! 5. A store that cannot be read, or whose octets are not as they were written, gives an error and never an answer.
//!
//! One thread writes ([`Store::write`]); what waits for it shares one sync. Readers never wait for it. The time is an
//! argument everywhere.

mod change;
mod error;
mod import;
mod log;
mod mark;
mod record;
mod schema;
mod search;
mod source;
mod store;
mod table;
mod upkeep;
mod verify;
mod writer;

pub use change::{Action, Refusal, UnrevokePolicy, Write, decide};
pub use error::{OpenError, StoreError, WriteError};
pub use import::{Import, Imported};
pub use log::{Content, Head, Kind, LogEntry};
pub use record::{NoRecord, Record, Status, Stored};
pub use search::{Page, Query, StatusFilter};
pub use source::{Counts, Source};
pub use store::{Access, OpenOptions, Store};
pub use verify::{Finding, Verified};
pub use writer::{Acknowledged, Commit, Event, Listener, Outcome};
