//! Every limit of this crate on what comes from outside, with its reason.

use core::time::Duration;

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

/// Octets of a serial number that stand in a file's name; a longer one (RFC 5280 4.1.2.2 allows 20) is hashed.
pub const MAX_NAMED_SERIAL: usize = 40;

/// Fetches at the same time: enough for ten thousand certificates within minutes, and no flood at one responder.
pub const PARALLEL: usize = 16;

/// Time for one fetch, all responders and forms together: the asking client gives up after 15 s by itself, and this
/// holds whatever it does.
pub const FETCH_TIME: Duration = Duration::from_secs(20);

/// Seconds until a staple that another process fetches is looked for in the store.
pub const LEASE_PAUSE: i64 = 2;

/// Fetches beside those: of certificates whose status has changed, which do not wait behind responders that hang.
pub const URGENT: usize = 16;

/// Until an answer that still says what was before is asked for again; it doubles from time to time.
pub const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest such pause.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Attempts to see a change that was told: within about two minutes. Then the schedule has its way.
pub const MAX_TRIES: u32 = 12;

/// Octets of one message about an error that are kept.
pub const MAX_MESSAGE: usize = 512;

/// The longest sleep of the engine: a clock that was set, or a machine that slept, is noticed after that.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// Seconds after which a temporary file is somebody's who was killed.
pub const ABANDONED: u64 = 3_600;

/// Certificates above a peer's own: webpki takes six, and nobody has more than four.
pub const MAX_PATH: usize = 8;

/// Signatures that are checked to find a peer's path: one for each step, and a few for issuers that share a name.
pub const MAX_PATH_SIGNATURES: usize = 16;

/// Certificates in a set of statuses, unless its maker says otherwise. One takes about six kilobytes.
pub const MAX_STATUSES: usize = 16_384;

/// Certificates that handshakes have shown and the engine has not taken in yet, beyond a full set: some that are in it may
/// have ended.
pub const NOTICED_AT_ONCE: usize = 64;

/// Names of servers whose sessions a client remembers an end for. More names push others out, which costs full handshakes.
pub const MAX_SESSION_NAMES: usize = 4_096;
