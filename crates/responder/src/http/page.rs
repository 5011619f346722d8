//! What a person sees who opens the responder's URL in a browser.

use bytes::Bytes;
use certvouch_types::Timestamp;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE};
use http::{HeaderValue, Method, Response};

use crate::answer::http_date;

/// Constant octets: it costs nothing and says nothing about the configuration.
const PAGE: &str = "<!DOCTYPE html>\n\
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>OCSP responder</title></head>\n\
<body><h1>This is an OCSP responder</h1>\n\
<p>It is up. It answers programs, which ask it for the status of certificates (RFC 6960); there is nothing to \
browse.</p>\n\
<p>To ask it yourself, with the certificate, its issuer and this address:</p>\n\
<pre>openssl ocsp -issuer ca.pem -cert certificate.pem -CAfile root.pem -url ADDRESS</pre>\n\
</body></html>\n";

pub(super) fn page(method: &Method, now: Timestamp) -> Response<Bytes> {
    let body = if *method == Method::HEAD {
        Bytes::new()
    } else {
        Bytes::from_static(PAGE.as_bytes())
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(PAGE.len()));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(DATE, http_date(now));
    response
}
