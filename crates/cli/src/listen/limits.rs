//! What strangers may use up of the public port beyond what the operator decides, each limit with its reason.

use std::time::Duration;

/// Room for header fields beside the target. What proxies add stays below 4 KiB; the rest lets a target far over its
/// limit come in whole, so that it is answered 414 and not 431. Memory is taken as octets come, not ahead.
pub(super) const FIELD_OCTETS: usize = 64 * 1024;

/// Header fields of one request; hyper answers 431 to more (threats T-40).
pub(super) const MAX_FIELDS: usize = 64;

/// How long a connection that was accepted while draining, or a moment before, may take to begin its request: it has
/// usually been sent.
pub(super) const LAST_CHANCE: Duration = Duration::from_millis(500);

/// Clients that are told at the same time that there is no place; more are hung up on.
pub(super) const TURNED_AWAY_AT_ONCE: usize = 64;

/// Connections that are looked at for one that can give its place: enough to meet a greedy source, and few enough to
/// take about a microsecond.
pub(super) const SEATS_LOOKED_AT: usize = 32;

/// Octets of a PROXY protocol header, version 1, with its line end (section 2.1 of its specification).
pub(super) const PROXY_V1_OCTETS: usize = 107;

/// Octets behind the fixed part of a PROXY protocol header, version 2: addresses take 216 at most, and proxies add a
/// few hundred of their own.
pub(super) const PROXY_V2_OCTETS: usize = 4096;

/// Addresses of a forwarded header that are looked at, from the last one on: no chain of trusted proxies is longer.
pub(super) const FORWARDED_HOPS: usize = 16;
