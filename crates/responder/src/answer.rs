//! What comes out of the responder: signed octets or an error, and what happened on the way.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use certvouch_crypto::digest;
use certvouch_types::limits::MAX_SERIAL_OCTETS;
use certvouch_types::{CertStatus, HashAlgorithm, SerialNumber, Timestamp, error_response};
use http::HeaderValue;

use crate::error::AnswerError;

/// A signed OCSPResponse, with everything that HTTP says about it.
///
/// The octets are kept as they were signed and are never encoded again.
#[derive(Debug)]
pub struct SignedResponse {
    der: Bytes,
    statuses: Box<[CertStatus]>,
    produced_at: Timestamp,
    this_update: Timestamp,
    next_update: Timestamp,
    refresh_deadline: Timestamp,
    max_age_limit: Option<i64>,
    etag: HeaderValue,
    last_modified: HeaderValue,
    expires: HeaderValue,
    refresh_claimed: AtomicBool,
    retry_after: AtomicI64,
}

impl SignedResponse {
    /// `this_update` is the latest and `next_update` the earliest of its SingleResponses.
    pub(crate) fn new(
        der: Vec<u8>,
        statuses: Box<[CertStatus]>,
        produced_at: Timestamp,
        (this_update, next_update): (Timestamp, Timestamp),
        refresh_deadline: Timestamp,
        max_age_limit: Option<i64>,
    ) -> Self {
        // Where a certificate or the source ends it earlier, its last second: a newer one has to be there when HTTP
        // caches come back (RFC 9919 7.1). One from that very second is good for the rest of it.
        let refresh_deadline = refresh_deadline.min((next_update - 1).max(produced_at + 1));
        // requirements R9110-8.8.2-1: Last-Modified is never later than Date, and Date is never before producedAt.
        let last_modified = http_date(this_update.min(produced_at));
        Self {
            etag: etag(&der),
            der: Bytes::from(der),
            statuses,
            produced_at,
            this_update,
            next_update,
            refresh_deadline,
            max_age_limit,
            last_modified,
            expires: http_date(next_update),
            refresh_claimed: AtomicBool::new(false),
            retry_after: AtomicI64::new(i64::MIN),
        }
    }

    /// The DER of the OCSPResponse.
    #[must_use]
    pub const fn der(&self) -> &Bytes {
        &self.der
    }

    /// The statuses in it, in the order of the request.
    #[must_use]
    pub fn statuses(&self) -> &[CertStatus] {
        &self.statuses
    }

    /// When it was signed.
    #[must_use]
    pub const fn produced_at(&self) -> Timestamp {
        self.produced_at
    }

    /// The latest thisUpdate in it.
    #[must_use]
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// The earliest nextUpdate in it. Past this moment it is expired and is given to nobody.
    #[must_use]
    pub const fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// From this moment on it is stale: a newer one is due (FRESH-2).
    #[must_use]
    pub const fn refresh_deadline(&self) -> Timestamp {
        self.refresh_deadline
    }

    /// Whether a client would take it at this moment.
    #[must_use]
    pub fn is_current_at(&self, now: Timestamp) -> bool {
        now < self.next_update && self.produced_at <= now
    }

    /// Whether it is before its refresh deadline.
    #[must_use]
    pub fn is_fresh_at(&self, now: Timestamp) -> bool {
        now < self.refresh_deadline && self.is_current_at(now)
    }

    /// Seconds that an HTTP cache may keep it: FRESH-4, `max(0, min(refresh_deadline, nextUpdate − 1 s) − now)`,
    /// and no more than policy allows.
    #[must_use]
    pub fn max_age(&self, now: Timestamp) -> i64 {
        let end = self.refresh_deadline.min(self.next_update - 1);
        let age = end.seconds_since(now).max(0);
        self.max_age_limit.map_or(age, |limit| age.min(limit))
    }

    /// The strong ETag: hex SHA-256 over the DER, quoted (requirements R9919-7.2-4).
    #[must_use]
    pub const fn etag(&self) -> &HeaderValue {
        &self.etag
    }

    /// thisUpdate as an HTTP date (requirements D-10).
    #[must_use]
    pub const fn last_modified(&self) -> &HeaderValue {
        &self.last_modified
    }

    /// nextUpdate as an HTTP date.
    #[must_use]
    pub const fn expires(&self) -> &HeaderValue {
        &self.expires
    }

    /// Claims the renewal of an answer in the last tenth of its fresh time; true for one caller only, and for nobody
    /// while a failed renewal waits for its next try.
    pub(crate) fn claim_refresh(&self, now: Timestamp) -> bool {
        let fresh_for = self.refresh_deadline.seconds_since(self.produced_at);
        let due = self.refresh_deadline - fresh_for / 10;
        now >= due
            && !self.is_backing_off(now)
            && !self.refresh_claimed.swap(true, Ordering::Relaxed)
    }

    /// Whether the last renewal failed so recently that the next try must wait.
    pub(crate) fn is_backing_off(&self, now: Timestamp) -> bool {
        now.unix() < self.retry_after.load(Ordering::Relaxed)
    }

    /// Notes a failed renewal: no other try for this many seconds, so that a dead signer is not asked by every client.
    pub(crate) fn back_off(&self, now: Timestamp, seconds: i64) {
        self.retry_after
            .store(now.unix().saturating_add(seconds), Ordering::Relaxed);
        self.refresh_claimed.store(false, Ordering::Relaxed);
    }
}

/// An answer to one OCSPRequest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The signed response, or why there is none.
    pub result: Result<Arc<SignedResponse>, AnswerError>,
    /// Whether the response was made for this request alone (it carries a nonce), so that no cache may keep it.
    pub single_use: bool,
    /// Whether the caller should have [`crate::Responder::refresh`] renew it now.
    pub refresh_due: bool,
    /// What happened, for the log.
    pub exchange: Exchange,
}

impl Answer {
    /// The octets of the OCSPResponse.
    #[must_use]
    pub fn body(&self) -> Bytes {
        match &self.result {
            Ok(response) => response.der().clone(),
            Err(error) => Bytes::copy_from_slice(&error_response(error.status())),
        }
    }
}

/// One exchange, as it is logged and counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// The issuer's name in the configuration, once it was found.
    pub issuer: Option<Arc<str>>,
    /// The certificates asked about, as far as the request was read.
    pub asked: Vec<Asked>,
    /// Whether a nonce was sent back.
    pub nonce: bool,
    /// Where the answer came from.
    pub cache: CacheUse,
    /// Why there is no signed answer.
    pub error: Option<AnswerError>,
}

/// One certificate of an [`Exchange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// The serial number, shown in hex.
    pub serial: SerialText,
    /// The hash algorithm of the CertID, if known.
    pub hash: Option<HashAlgorithm>,
    /// What was answered about it, if a signed answer was given.
    pub status: Option<CertStatus>,
}

/// The octets of a serial number without a heap allocation, since every request makes one.
///
/// One octet more than a CA may use (20) has room, for those who forget the sign; what is longer still is cut and ends
/// in `…`, since such a request is refused anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialText {
    octets: [u8; SHOWN_OCTETS],
    length: usize,
    cut: bool,
}

const SHOWN_OCTETS: usize = MAX_SERIAL_OCTETS + 1;

impl SerialText {
    pub(crate) fn new(serial: SerialNumber<'_>) -> Self {
        let content = serial.content();
        let length = content.len().min(SHOWN_OCTETS);
        let mut octets = [0; SHOWN_OCTETS];
        octets[..length].copy_from_slice(&content[..length]);
        let cut = content.len() > SHOWN_OCTETS;
        Self {
            octets,
            length,
            cut,
        }
    }
}

impl fmt::Display for SerialText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SerialNumber::from_content(&self.octets[..self.length]).fmt(f)?;
        f.write_str(if self.cut { "…" } else { "" })
    }
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheUse {
    /// From the cache.
    Hit,
    /// Signed by another request that asked the same at the same time.
    Joined,
    /// No signed answer.
    #[default]
    None,
    /// Signed for this request.
    Signed,
    /// From the cache past its refresh deadline, since no newer one could be signed.
    Stale,
}

impl CacheUse {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Joined => "joined",
            Self::None => "none",
            Self::Signed => "signed",
            Self::Stale => "stale",
        }
    }
}

impl fmt::Display for CacheUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An IMF-fixdate (RFC 9110 5.6.7). Dates before 1970 and after 9999 are clamped, HTTP cannot say them.
pub(crate) fn http_date(time: Timestamp) -> HeaderValue {
    let seconds = u64::try_from(time.unix()).unwrap_or(0);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    HeaderValue::try_from(httpdate::fmt_http_date(time))
        .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

fn etag(der: &[u8]) -> HeaderValue {
    let hash = digest(HashAlgorithm::Sha256, der);
    let mut text = String::with_capacity(66);
    text.push('"');
    for octet in hash.as_ref() {
        for nibble in [octet >> 4, octet & 0x0F] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text.push('"');
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}
