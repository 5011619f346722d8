//! Every limit of this crate on what comes from outside, with its reason.

/// Octets of one staple: what `fetch` takes of a response. TLS would take 16 MiB (RFC 6066 8), servers far less.
pub const MAX_STAPLE_OCTETS: usize = 64 * 1024;

/// Octets of a response that Apache's mod_ssl staples (MAX_STAPLING_DER there).
pub const APACHE_OCTETS: usize = 10 * 1024;

/// Octets of a CertID that HAProxy compares (OCSP_MAX_CERTID_ASN1_LENGTH there).
pub const HAPROXY_CERT_ID_OCTETS: usize = 128;

/// Octets of the buffer into which HAProxy decodes a response (its tune.bufsize by default); the base64 of it must fit
/// into one command.
pub const HAPROXY_BUFFER_OCTETS: usize = 16 * 1024;

/// Seconds that a response must still have for HAProxy to take it (OCSP_MAX_RESPONSE_TIME_SKEW there).
pub const HAPROXY_MARGIN: i64 = 300;
