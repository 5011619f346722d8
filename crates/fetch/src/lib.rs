//! Every outgoing HTTP(S) connection of certvouch.
//!
//! Nothing else in the workspace connects out, so that the rules stand in one place:
//!
//! * [`FetchPolicy`] bounds size, time, rate and redirects of every exchange.
//! * [`AddressRule`] is applied to the address that a connection really goes to, after name resolution and again at
//!   each redirect (threats T-24, T-25). A name that resolves to both a public and a forbidden address gets the public
//!   one.
//! * No content coding is asked for, and a response with one is refused: what is signed is what is sent.
//!
//! [`Fetcher::presented`] looks at what a TLS server presents, behind STARTTLS too.
//!
//! [`Fetcher::events`] stays with a server that has events to tell.
//!
//! It knows neither OCSP nor CRLs. Bodies of error responses are never repeated in errors.

#![warn(missing_docs)]

mod address;
mod call;
mod connect;
mod error;
mod events;
mod fetcher;
mod meter;
mod policy;
mod presented;
mod resolve;
mod starttls;

pub use address::{AddressClass, AddressRule, Network};
pub use call::{Answer, Bearer, Call};
pub use error::FetchError;
pub use events::{Event, EventStream, Followed, MAX_EVENT};
pub use fetcher::{Caches, Fetch, Fetched, Fetcher, Freshness, Payload, Validators};
pub use meter::Meter;
pub use policy::{FetchPolicy, Roots};
pub use presented::{Presented, TlsServer, TlsVersion};
pub use resolve::{Resolve, SystemResolver};
pub use starttls::StartTls;

/// A future on the heap, as [`Resolve`] returns it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
