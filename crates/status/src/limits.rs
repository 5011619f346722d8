//! Every limit of the sources, each with its reason.

use core::time::Duration;

/// Octets of a serial number that a table keeps, leading zeros not counted.
///
/// RFC 5280 4.1.2.2 allows 20, and more can never be asked for; up to this many are kept all the
/// same, so that a row of somebody's strange CA does not refuse its whole file. The number is what
/// one length octet can say.
pub const MAX_SERIAL_KEPT: usize = 255;

/// Oddities of one file that are listed one by one; the rest is only counted. Enough to see the
/// pattern, and a file full of them cannot fill the log.
pub const MAX_REPORTS: usize = 100;

/// Serial numbers that a refusal names: somebody has to look at one or two of them.
pub const SHOWN_SERIALS: usize = 5;

/// Characters of foreign text that an error shows: a column that is meant to be short fits.
pub const SHOWN_CHARACTERS: usize = 48;

/// How often a file that changes under the reader's hands is read again before that is an error.
pub const READ_ATTEMPTS: usize = 5;

/// Octets of a confirmation file: a digest, a file name as `sha256sum` adds it, and room.
pub const MAX_CONFIRMATION: u64 = 4096;

/// How often the state of the files is looked at without an event: file systems of other machines
/// send none.
pub const DEFAULT_POLL: Duration = Duration::from_secs(5);

/// Silence after an event before the file is read, so that a pair of renames is one change.
pub const SETTLE: Duration = Duration::from_millis(2);

/// Events that may prolong the silence: a directory that never rests must not put off the reading
/// for ever.
pub const MAX_SETTLE_ROUNDS: usize = 25;

/// Pauses between further attempts before a failure is reported: about a second in all, in which a
/// tool that replaces a file in two steps, or writes it in place, is done.
pub const RETRY_PAUSES: [Duration; 7] = [
    Duration::from_millis(5),
    Duration::from_millis(15),
    Duration::from_millis(30),
    Duration::from_millis(60),
    Duration::from_millis(120),
    Duration::from_millis(240),
    Duration::from_millis(500),
];

/// Serial numbers that a change of a CRL names one by one. Beyond that a cache is emptied: to forget a hundred thousand
/// answers one by one takes as long as to make them again.
pub const MAX_CHANGES: usize = 100_000;

/// Octets of a CRL that are fetched, unless the operator says another number: five million entries have about 250 MB.
pub const DEFAULT_MAX_CRL: u64 = 1 << 30;

/// URLs of one freshestCRL that are looked at: one point with an http and an ldap URL is what is seen.
pub const MAX_FRESHEST: usize = 8;

/// Octets of the file of one certificate: ML-DSA-87 certificates in PEM have about 12 KiB, and `openssl ca` writes a
/// page of text above them.
pub const MAX_ISSUED_CERTIFICATE: u64 = 128 * 1024;

/// Changes that share one transaction of the store: enough that a crowd costs few syncs, and few enough that the first of
/// them is acknowledged after some milliseconds.
pub const MAX_GROUP: usize = 512;

/// Requests that may wait for the store to be written; whoever comes then waits for a place.
pub const WAITING_REQUESTS: usize = 1024;

/// Pages of the write-ahead log that are not in the file yet before they are moved there: 8 MiB, which a start reads in
/// some milliseconds.
pub const CHECKPOINT_PAGES: i64 = 2048;

/// Connections of a store that are kept open for the next who reads: one for each core of a large machine.
pub const IDLE_READERS: usize = 32;

/// Records of an import that are sorted together: about 100 MB.
pub const IMPORT_BATCH: usize = 1_000_000;

/// Records of an import that are one transaction: a revocation in the meantime waits for about a tenth of a second.
pub const IMPORT_CHUNK: usize = 20_000;

/// Refused records that an import names; the rest is only counted.
pub const SHOWN_REFUSALS: usize = 100;

/// Certificates on one page of a search.
pub const MAX_PAGE: usize = 1000;

/// Findings of an examination of a store that are told one by one; the rest is only counted.
pub const SHOWN_FINDINGS: usize = 100;
