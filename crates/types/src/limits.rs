//! Every limit that this crate puts on outside input, each with its reason.
//!
//! Limits that a policy may move (entries per request, body size) are applied by the responder and only
//! have their defaults there; these here are fixed because the standards or the arithmetic fix them.

/// Content octets of a serial number: RFC 5280 4.1.2.2 lets a CA use at most 20.
pub const MAX_SERIAL_OCTETS: usize = 20;

/// Octets of a nonce: RFC 9654 2.1, `OCTET STRING (SIZE(1..128))`.
pub const MAX_NONCE_OCTETS: usize = 128;

/// Length octets of a DER length that the reader follows: four reach 4 GiB, more than any message or CRL.
pub const MAX_LENGTH_OCTETS: usize = 4;

/// Extensions in one list. No message in the field has ten; the bound keeps the search for duplicates
/// (which compares each with each) from being a lever. 32² comparisons cost about a microsecond.
pub const MAX_EXTENSIONS: usize = 32;
