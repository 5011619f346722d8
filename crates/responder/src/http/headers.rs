//! The header fields of every kind of answer.

use bytes::Bytes;
use certvouch_types::{Timestamp, error_response};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, EXPIRES, IF_NONE_MATCH, LAST_MODIFIED,
    RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::answer::{SignedResponse, http_date};
use crate::error::AnswerError;
use crate::limits::MAX_LISTED_ETAGS;

const OCSP_RESPONSE: HeaderValue = HeaderValue::from_static("application/ocsp-response");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Seconds.
const OVERLOAD_RETRY_AFTER: u16 = 1;

/// A cache may hold an answer to a nonce, since its URL is unique, but nobody will ask for it again (requirements
/// R9110-x-1); no-store is forbidden on it (R9919-7.2-6).
const SINGLE_USE: HeaderValue =
    HeaderValue::from_static("max-age=0, must-revalidate, no-transform");

/// A code that says that no OCSP message was received: empty, dated, never stored (404, 405, 414 and 501 are
/// cacheable by heuristics, RFC 9110 15.1).
pub(super) fn plain(code: StatusCode, now: Timestamp) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(DATE, http_date(now));
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// An OCSP error (requirements §17): five octets, HTTP 200, no-store, no validators.
pub(super) fn error(error: &AnswerError, method: &Method, now: Timestamp) -> Response<Bytes> {
    let body = Bytes::copy_from_slice(&error_response(error.status()));
    let mut response = with_body(body, method);
    response.headers_mut().insert(DATE, http_date(now));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    if matches!(error, AnswerError::Overloaded) {
        // A queue that is full now has moved on by then (requirements E-36).
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(OVERLOAD_RETRY_AFTER));
    }
    response
}

/// An answer that carries the nonce of its request.
pub(super) fn single_use(
    signed: &SignedResponse,
    method: &Method,
    now: Timestamp,
) -> Response<Bytes> {
    let mut response = with_body(signed.der().clone(), method);
    response.headers_mut().insert(DATE, http_date(now));
    response.headers_mut().insert(CACHE_CONTROL, SINGLE_USE);
    response
}

/// A definitive answer with everything that lets HTTP caches work (RFC 9919 7.2); 304 where the client has it.
pub(super) fn definitive(signed: &SignedResponse, head: &Parts, now: Timestamp) -> Response<Bytes> {
    let conditional = matches!(head.method, Method::GET | Method::HEAD)
        && none_match_fails(&head.headers, signed.etag());
    let mut response = if conditional {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = with_body(signed.der().clone(), &head.method);
        response
            .headers_mut()
            .insert(LAST_MODIFIED, signed.last_modified().clone());
        response
    };
    let headers = response.headers_mut();
    headers.insert(DATE, http_date(now));
    headers.insert(ETAG, signed.etag().clone());
    headers.insert(EXPIRES, signed.expires().clone());
    headers.insert(CACHE_CONTROL, cacheable(signed.max_age(now)));
    response
}

fn cacheable(max_age: i64) -> HeaderValue {
    let text = format!("max-age={max_age}, public, no-transform, must-revalidate");
    HeaderValue::try_from(text).unwrap_or(SINGLE_USE)
}

/// HTTP 200 with an OCSP body; a HEAD gets the same header fields and no body (RFC 9110 9.3.2).
fn with_body(body: Bytes, method: &Method) -> Response<Bytes> {
    let length = HeaderValue::from(body.len());
    let body = if *method == Method::HEAD {
        Bytes::new()
    } else {
        body
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, OCSP_RESPONSE);
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// If-None-Match: `*`, or a list that holds the ETag, by weak comparison (RFC 9110 13.1.2).
fn none_match_fails(sent: &HeaderMap, etag: &HeaderValue) -> bool {
    sent.get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        // Our tags are hex, so a comma inside somebody's tag cannot make one of ours.
        .flat_map(|list| list.split(','))
        .take(MAX_LISTED_ETAGS)
        .map(str::trim)
        .any(|tag| {
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes()
        })
}
