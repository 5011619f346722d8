//! Every limit on outside input that the responder applies, each with its reason.

/// Octets of a POST body: signed requests with a chain of RSA-4096 certificates stay below a quarter of it.
pub const DEFAULT_MAX_BODY: usize = 64 * 1024;

/// Octets of a request target: the largest request that GET makes sense for has about 400, and no proxy lets more
/// than 8 KiB pass.
pub const DEFAULT_MAX_TARGET: usize = 8 * 1024;

/// Entries of a requestList (requirements D-35): XiPKI allows 10, EJBCA 100; each costs a look-up and, as one
/// answer cannot be cached, a share of a signature.
pub const DEFAULT_MAX_ENTRIES: usize = 10;

/// Octets that the response cache may hold, signed responses and their keys together.
pub const DEFAULT_CACHE_BYTES: u64 = 256 * 1024 * 1024;

/// The share of the cache that answers about serial numbers nobody issued may take: 1 / this. Strangers choose those
/// serial numbers, so they must not displace the others.
pub const UNASSIGNED_SHARE: u64 = 16;

/// Path segments that GET skips in search of the request when no prefix is configured (proxies that leave their
/// own path in front).
pub const MAX_SKIPPED_SEGMENTS: usize = 4;

/// ETags of an If-None-Match list that are compared; a client has one.
pub const MAX_LISTED_ETAGS: usize = 32;

/// Certificates of a signed request that are looked at: the requestor's and two CAs above it (threats T-42).
pub const MAX_REQUEST_CERTS: usize = 3;

/// The largest RSA key that a request is verified with: the cost grows with the square (threats T-42).
pub const MAX_REQUEST_RSA_BITS: usize = 4096;

/// Octets of the longest CRLNumber that is repeated: what RFC 5280 5.2.3 allows.
pub const MAX_CRL_NUMBER: usize = 20;
