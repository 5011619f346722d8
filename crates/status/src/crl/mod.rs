//! Certificate revocation lists as a status source.
//!
//! [`CrlSource`] answers from one or many CRLs of one issuer: complete, partitioned by issuingDistributionPoint, delta
//! and indirect. [`CrlWatch`] keeps it up to date from files, folders and URLs. What they promise:
//!
//! 1. A CRL counts only after its signature was verified with the issuer's key, or with that of a CRL issuer that the
//!    operator named, and after each of its entries was read. A critical extension that is not understood, in the CRL or
//!    in one entry, refuses it whole (RFC 5280 5.2, 5.3).
//! 2. A CRL that is older than one seen before is refused, also after a restart (threats T-4): CRLNumber and thisUpdate
//!    have marks in the state folder. The last good CRLs lie there too, so that a restart needs no network.
//! 3. Whatever fails leaves the old truth standing until its nextUpdate. Past that there is no answer.
//! 4. A revocation that a current CRL lists stands at once. That something is *not* revoked is said only if the whole
//!    declared set is there and current, and covers every reason and every sort of certificate that the issuer issues.
//! 5. A CRL cannot say that something was issued: [`Knowledge::NotRevoked`] without a good-list.
//!
//! A newer CRL with a good signature is the CA's word: if a permanent revocation is gone from it, that is told
//! ([`Refreshed::dropped`]) and not refused, since CAs drop entries of expired certificates (threats T-1 refuses the
//! *older* CRL).
//!
//! Memory: the octets of a CRL are kept as they came and are the table; an index of about eight octets per entry points
//! into them.
//!
//! [`Knowledge::NotRevoked`]: certvouch_responder::Knowledge::NotRevoked

use std::time::Duration;

use certvouch_fetch::FetchPolicy;

use crate::limits::DEFAULT_MAX_CRL;

mod diff;
mod error;
mod explain;
mod location;
mod member;
mod place;
mod report;
mod schedule;
mod signer;
mod snapshot;
mod source;
mod state;
mod table;
mod watch;

pub use error::CrlError;
pub use explain::{Explanation, Listing};
pub use location::{Declared, Location};
pub use report::{Changes, CrlHealth, CrlSettings, PlaceHealth, Refreshed};
pub use schedule::{Attempt, Schedule};
pub use signer::{CrlSigners, Sha1};
pub use snapshot::SubjectClass;
pub use source::CrlSource;
pub use watch::{CrlEvent, CrlWatch, CrlWatchSettings};

/// The limits of fetching that suit CRLs: bodies up to [`DEFAULT_MAX_CRL`], five minutes, and at least 16 KiB per second
/// after ten seconds (threats T-25).
#[must_use]
pub fn fetch_policy() -> FetchPolicy {
    let mut policy = FetchPolicy::default();
    policy.max_body = DEFAULT_MAX_CRL;
    policy.total_timeout = Duration::from_secs(300);
    policy.min_rate = 16 * 1024;
    policy.rate_grace = Duration::from_secs(10);
    policy
}
