//! Every limit of the client, each with its reason.

use core::time::Duration;

/// Octets of a URL up to which a request goes by GET (RFC 9919 6): longer ones may be cut on the way.
pub const MAX_GET_URL: usize = 255;

/// How long the first responder may think before the next one is asked beside it: a healthy responder answers in a few
/// hundred milliseconds from the other side of the earth.
pub const HEDGE_AFTER: Duration = Duration::from_millis(1500);

/// Time for one question, everything included: what a person waits, and what a handshake hook is given.
pub const TOTAL_TIME: Duration = Duration::from_secs(15);

/// Time for one exchange with one responder, so that one that hangs leaves time for the others.
pub const EXCHANGE_TIME: Duration = Duration::from_secs(6);

/// Time to connect to one address.
pub const CONNECT_TIME: Duration = Duration::from_secs(4);

/// Octets of an OCSP response over HTTP: 64 KiB, as Bouncy Castle has it; the largest in use have a tenth.
pub const MAX_RESPONSE: u64 = 64 * 1024;

/// Octets of a CRL that is fetched as a fallback: half a million entries have about 20 MB, the largest that are known 80.
pub const MAX_CRL: u64 = 128 << 20;

/// URLs of one certificate that are asked: one or two are seen, CA/B BR 7.1.2.7.7 knows no bound.
pub const MAX_RESPONDERS: usize = 8;

/// Distribution points of one certificate that are fetched, and URLs of each: one of each is seen; CRLs that are cut by
/// reason have a few. Every one may cost [`MAX_CRL`] octets.
pub const MAX_POINTS: usize = 8;

/// Answers that are kept in memory: each has one or two kilobytes.
pub const MAX_CACHED: usize = 4096;

/// CRLs that are kept in memory.
pub const MAX_CACHED_CRLS: usize = 32;

/// Responders whose failures are remembered.
pub const MAX_REMEMBERED: usize = 1024;

/// For how long a responder that failed once is asked last; each further failure doubles it.
pub const FIRST_PENALTY: i64 = 30;

/// The longest such time: an outage of an hour is an outage, and somebody repairs it.
pub const LONGEST_PENALTY: i64 = 3600;

/// Seconds by which the HTTP Date of a server may differ from this clock before that is called skew: the Date has whole
/// seconds, and networks and caches take a few.
pub const SKEW: i64 = 30;

/// Octets of the nonce that is tried first, and of the second, for responders of before RFC 8954 that know no longer one.
pub const NONCES: [usize; 2] = [32, 16];

/// Forms in which one responder is asked the same: each of hash, nonce and method once or twice.
pub const MAX_FORMS: usize = 5;

/// Embedded certificates of a response whose CRLs are fetched: there is one delegate.
pub const MAX_DELEGATES: usize = 2;
