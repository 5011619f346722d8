//! Asks for the status of a certificate, and returns nothing that was not verified.
//!
//! ```no_run
//! use certvouch_client::{Client, Policy, Question};
//!
//! # async fn example(certificate: Vec<u8>, issuer: Vec<u8>) -> Result<(), certvouch_fetch::FetchError> {
//! let client = Client::new(Policy::default())?;
//! let outcome = client.ask(Question::about(certificate, issuer)).await;
//! match outcome.answer() {
//!     Ok(answer) => println!("{} until {:?}", answer.verdict(), answer.valid_until()),
//!     Err(why) => println!("{}: {why}", outcome.word()),
//! }
//! for attempt in outcome.attempts() {
//!     println!("  {attempt}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What it promises:
//!
//! * **Only verified results.** An [`Answer`] was made from a [`certvouch_verify::VerifiedResponse`] or from
//!   [`certvouch_verify::VerifiedCrls`], and holds the octets that prove it.
//! * **Bounded.** [`Policy::total_time`] holds for a question as a whole, whatever servers do; sizes, redirects and
//!   URLs are limited ([`limits`]).
//! * **In order.** [`Policy::sources`] says what is looked at, in which order; [`Policy::private`] asks no responder
//!   (threats T-27).
//! * **Nothing is asked in vain.** Not before the issuer's key is known to have signed the certificate (RFC 9919 4.2,
//!   threats T-20), and not about a certificate outside its dates.
//! * **Told.** Every exchange is in the [`Outcome`], with its octets, its time, the server's clock, and what became
//!   of it.
//!
//! Whether the issuer itself is trusted is the caller's to know: validate the chain first (threats T-21).
//!
//! [`blocking::Client`] is the same for programs without an async runtime.

#![warn(missing_docs)]

mod answer;
pub mod blocking;
mod cache;
mod client;
mod crls;
mod failure;
mod form;
pub mod limits;
mod locations;
mod memory;
mod outcome;
mod policy;
mod proof;
mod question;
mod responders;

pub use answer::{Answer, Checked};
pub use client::{Client, Clock};
pub use failure::{Failure, NoAnswer};
pub use form::{Form, Method, get_url};
pub use locations::{Locations, ca_issuers};
pub use outcome::{Attempt, Outcome, Word};
pub use policy::{CertIdHash, ExpiredCertificates, NonceMode, Policy, Sha1Signatures, Source};
pub use proof::{Proof, prove};
pub use question::{Question, Subject};
