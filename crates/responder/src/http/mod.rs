//! OCSP over HTTP (RFC 6960 appendix A, RFC 9919 6 and 7), on the `http` crate's types.
//!
//! An [`Endpoint`] decides twice: [`Endpoint::admit`] on the head alone, before any body is read, and
//! [`Endpoint::respond`] with the body. Whatever is an OCSP answer, errors included, is HTTP 200 (requirements D-13);
//! other codes say that no OCSP message was received.

mod headers;
mod page;

use bytes::Bytes;
use certvouch_types::Timestamp;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST,
    RETRY_AFTER, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::answer::Exchange;
use crate::error::AnswerError;
use crate::limits::{DEFAULT_MAX_BODY, DEFAULT_MAX_TARGET};
use crate::responder::Responder;
use crate::room::Asker;
use crate::target;

/// Where on a listener the OCSP service lives, and how much it reads.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Without a slash at the end, the longest first: a raw `/` is a letter of base64, so the order decides.
    prefixes: Vec<String>,
    limits: HttpLimits,
}

/// Limits on one HTTP request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpLimits {
    /// Octets of a POST body.
    pub max_body: usize,
    /// Octets of a request target.
    pub max_target: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            max_body: DEFAULT_MAX_BODY,
            max_target: DEFAULT_MAX_TARGET,
        }
    }
}

/// What to do with a request after its head was read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Admission {
    /// Send this; the body is of no interest.
    Answer(Response<Bytes>),
    /// There is nothing to read; go on with [`Endpoint::respond`].
    NoBody,
    /// Read the body up to this many octets, then go on with [`Endpoint::respond`].
    ReadBody {
        /// More octets than this get [`Endpoint::body_too_large`].
        limit: usize,
    },
}

/// The outcome of a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// What to send.
    pub response: Response<Bytes>,
    /// What happened, if an OCSP answer was given.
    pub exchange: Option<Exchange>,
    /// A request whose kept answer [`Responder::refresh`] should renew now, in the background.
    pub refresh: Option<Bytes>,
}

impl Endpoint {
    /// An endpoint below these path prefixes, such as `/` or `/ocsp`; none means `/`.
    #[must_use]
    pub fn new(prefixes: &[String], limits: HttpLimits) -> Self {
        let mut prefixes: Vec<String> = prefixes
            .iter()
            .map(|prefix| match prefix.trim_matches('/') {
                "" => String::new(),
                inner => format!("/{inner}"),
            })
            .collect();
        if prefixes.is_empty() {
            prefixes.push(String::new());
        }
        prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
        Self { prefixes, limits }
    }

    /// Decides on the head of a request (requirements §17.1).
    #[must_use]
    pub fn admit(&self, head: &Parts, now: Timestamp) -> Admission {
        let refuse = |code| Admission::Answer(headers::plain(code, now));
        if is_ambiguous(&head.headers) {
            return Admission::Answer(closing(StatusCode::BAD_REQUEST, now));
        }
        if !is_known(&head.method) {
            return refuse(StatusCode::NOT_IMPLEMENTED);
        }
        let raw = raw_target(head);
        if raw.len() > self.limits.max_target {
            return refuse(StatusCode::URI_TOO_LONG);
        }
        // RFC 9112 3.2.4: `*` is the whole server, and a target for OPTIONS alone.
        let whole_server = raw == "*" && head.method == Method::OPTIONS;
        if self.behind_prefix(raw).is_none() && !whole_server {
            return refuse(StatusCode::NOT_FOUND);
        }
        match head.method {
            Method::GET | Method::HEAD => Admission::NoBody,
            Method::POST => self.admit_body(&head.headers, now),
            _ => {
                let mut response = headers::plain(StatusCode::METHOD_NOT_ALLOWED, now);
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
                Admission::Answer(response)
            }
        }
    }

    /// Content-Type is not looked at: the field sends anything or nothing, and what is inside is read strictly.
    fn admit_body(&self, sent: &HeaderMap, now: Timestamp) -> Admission {
        let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if sent
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|value| !identity(value))
        {
            let mut response = headers::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, now);
            response
                .headers_mut()
                .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            return Admission::Answer(response);
        }
        let length = sent
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| {
            usize::try_from(length).unwrap_or(usize::MAX) > self.limits.max_body
        }) {
            return Admission::Answer(self.body_too_large(now));
        }
        Admission::ReadBody {
            limit: self.limits.max_body,
        }
    }

    /// Answers an admitted request of nobody in particular. `body` is that of a POST.
    pub async fn respond(
        &self,
        responder: &Responder,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Reply {
        let asker = Asker::NOBODY;
        self.respond_to(asker, responder, head, body, now).await
    }

    /// Answers an admitted request. `body` is that of a POST.
    pub async fn respond_to(
        &self,
        asker: Asker,
        responder: &Responder,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Reply {
        if head.method == Method::POST {
            return self.ask(asker, responder, head, body, now).await;
        }
        let rest = self.behind_prefix(raw_target(head)).unwrap_or_default();
        if rest.is_empty() && wants_a_page(&head.headers) {
            let response = page::page(&head.method, now);
            return Reply {
                response,
                exchange: None,
                refresh: None,
            };
        }
        match target::decode(rest) {
            Ok(request) => self.ask(asker, responder, head, &request, now).await,
            Err(fault) => {
                let error = AnswerError::Target(fault);
                let response = headers::error(&error, &head.method, now);
                let exchange = Exchange {
                    error: Some(error),
                    ..Exchange::default()
                };
                Reply {
                    response,
                    exchange: Some(exchange),
                    refresh: None,
                }
            }
        }
    }

    async fn ask(
        &self,
        asker: Asker,
        responder: &Responder,
        head: &Parts,
        request: &[u8],
        now: Timestamp,
    ) -> Reply {
        let answer = responder.answer_to(asker, request, now).await;
        let response = match &answer.result {
            Err(error) => headers::error(error, &head.method, now),
            Ok(signed) if answer.single_use => headers::single_use(signed, &head.method, now),
            Ok(signed) => headers::definitive(signed, head, now),
        };
        let refresh = answer.refresh_due.then(|| Bytes::copy_from_slice(request));
        Reply {
            response,
            exchange: Some(answer.exchange),
            refresh,
        }
    }

    /// The answer to a body over the limit (requirements E-4).
    #[must_use]
    pub fn body_too_large(&self, now: Timestamp) -> Response<Bytes> {
        closing(StatusCode::PAYLOAD_TOO_LARGE, now)
    }

    /// The answer to a body that does not arrive in time (requirements E-9).
    #[must_use]
    pub fn body_timeout(&self, now: Timestamp) -> Response<Bytes> {
        closing(StatusCode::REQUEST_TIMEOUT, now)
    }

    /// The answer while the process drains or sheds load (requirements E-11); `retry_after` in seconds.
    #[must_use]
    pub fn unavailable(&self, retry_after: u16, now: Timestamp) -> Response<Bytes> {
        let mut response = closing(StatusCode::SERVICE_UNAVAILABLE, now);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry_after));
        response
    }

    /// The answer to a source that takes more than its share of connections (requirements E-10); `retry_after` in
    /// seconds.
    #[must_use]
    pub fn too_many(&self, retry_after: u16, now: Timestamp) -> Response<Bytes> {
        let mut response = closing(StatusCode::TOO_MANY_REQUESTS, now);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry_after));
        response
    }

    /// The answer where a panic was caught (requirements E-37).
    #[must_use]
    pub fn panicked(&self, now: Timestamp) -> Response<Bytes> {
        headers::error(&AnswerError::Panicked, &Method::POST, now)
    }

    /// What stands behind the longest prefix that fits, without the slash between them.
    fn behind_prefix<'t>(&self, raw: &'t str) -> Option<&'t str> {
        self.prefixes.iter().find_map(|prefix| {
            let rest = raw.strip_prefix(prefix.as_str())?;
            match rest.as_bytes().first() {
                None => Some(rest),
                Some(b'/') => Some(&rest[1..]),
                Some(b'?') => Some(rest),
                Some(_) => None,
            }
        })
    }
}

/// The target as it came; of the absolute form, what stands behind the authority.
fn raw_target(head: &Parts) -> &str {
    head.uri
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str)
}

/// The methods of RFC 9110 9.3 and RFC 5789.
fn is_known(method: &Method) -> bool {
    [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ]
    .contains(method)
}

/// Framing and routing that two readers of one connection may read in two ways (requirements E-8, RFC 9112 3.2 and 6.3):
/// two Host fields, a length beside a transfer coding, a coding that is not chunked alone. The HTTP library refuses most
/// of what is worse before it comes here.
fn is_ambiguous(sent: &HeaderMap) -> bool {
    let chunked = |value: &HeaderValue| {
        value
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked")
    };
    let coded = sent.contains_key(TRANSFER_ENCODING);
    sent.get_all(HOST).iter().count() > 1
        || coded && sent.contains_key(CONTENT_LENGTH)
        || sent.get_all(TRANSFER_ENCODING).iter().count() > 1
        || sent
            .get_all(TRANSFER_ENCODING)
            .iter()
            .any(|value| !chunked(value))
}

/// A person's browser names HTML; no OCSP client does.
fn wants_a_page(sent: &HeaderMap) -> bool {
    sent.get_all(ACCEPT).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

fn closing(code: StatusCode, now: Timestamp) -> Response<Bytes> {
    let mut response = headers::plain(code, now);
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
