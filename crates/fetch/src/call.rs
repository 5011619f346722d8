//! A call of an API that the caller named and has a token for: any method, an answer of any status, and no redirect,
//! since a token belongs to the server that it was made for.

use std::fmt;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER,
    USER_AGENT,
};
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::connect::Origin;
use crate::error::FetchError;
use crate::fetcher::{Fetched, Fetcher};

/// A bearer token (RFC 6750 2.1), which shows nothing of itself.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// Takes the text of a token; nothing, if it can stand in no header.
    #[must_use]
    pub fn new(token: &str) -> Option<Self> {
        let is_plain = |octet: u8| octet.is_ascii_graphic();
        if token.is_empty() || !token.bytes().all(is_plain) {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

/// What is asked of an API.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// Where. Its literal address, or `localhost`, may be connected to whatever the address rule says: the operator
    /// wrote it.
    pub url: Uri,
    /// How.
    pub method: Method,
    /// The body and its media type.
    pub body: Option<(Bytes, &'static str)>,
    /// The media types that are understood.
    pub accept: &'static str,
    /// Who asks. It is sent over https, and over http to this machine alone.
    pub bearer: Option<Bearer>,
}

impl Call {
    /// A GET without a token.
    #[must_use]
    pub const fn get(url: Uri, accept: &'static str) -> Self {
        Self {
            url,
            method: Method::GET,
            body: None,
            accept,
            bearer: None,
        }
    }
}

/// What an API answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type as it came.
    pub content_type: Option<String>,
    /// Seconds until the server wants to be asked again (RFC 9110 10.2.3), if it said so in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub bytes: Bytes,
}

impl Fetcher {
    /// Calls an API within the total time of the policy; every status is an answer.
    ///
    /// # Errors
    /// [`FetchError`]: nothing was answered, or a token would have gone over a wire in the clear.
    pub async fn call(&self, call: &Call) -> Result<Answer, FetchError> {
        let limit = self.policy().total_timeout;
        tokio::time::timeout(limit, self.call_once(call))
            .await
            .unwrap_or(Err(FetchError::Timeout(limit)))
    }

    async fn call_once(&self, call: &Call) -> Result<Answer, FetchError> {
        let response = self.open(call).await?;
        self.answer(response, call).await
    }

    /// Asks, and waits for the header.
    pub(crate) async fn open(&self, call: &Call) -> Result<Response<Incoming>, FetchError> {
        let origin = Origin::of(&call.url)?;
        if call.bearer.is_some() && !origin.https && !origin.is_this_machine() {
            return Err(FetchError::Url(
                "a token goes over https, and over http only to 127.0.0.1, [::1] or localhost"
                    .to_owned(),
            ));
        }
        let request = request(&origin, call)?;
        self.send(&origin, request, &origin.named_network()).await
    }

    /// Reads the rest.
    pub(crate) async fn answer(
        &self,
        response: Response<Incoming>,
        call: &Call,
    ) -> Result<Answer, FetchError> {
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        match self.read(response, call.url.clone()).await? {
            Fetched::Body(payload) => Ok(Answer {
                status,
                content_type: payload.content_type,
                retry_after,
                bytes: payload.bytes,
            }),
            Fetched::NotModified(_) => Err(FetchError::Status(status)),
        }
    }
}

fn request(origin: &Origin, call: &Call) -> Result<Request<Full<Bytes>>, FetchError> {
    let target = call
        .url
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let mut builder = Request::builder()
        .method(call.method.clone())
        .uri(target)
        .header(HOST, origin.authority())
        .header(USER_AGENT, concat!("certvouch/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, call.accept)
        .header(ACCEPT_ENCODING, "identity");
    if let Some(bearer) = &call.bearer {
        builder = builder.header(AUTHORIZATION, bearer.0.clone());
    }
    let body = match &call.body {
        Some((body, kind)) => {
            builder = builder.header(CONTENT_TYPE, *kind);
            body.clone()
        }
        None => Bytes::new(),
    };
    builder
        .body(Full::new(body))
        .map_err(|error| FetchError::Url(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_shows_nothing_and_carries_no_second_line() {
        let bearer = Bearer::new("cvt_abc").unwrap();
        assert!(!format!("{bearer:?} {:?}", bearer.0).contains("abc"));
        for bad in ["", "a b", "a\r\nX: y", "ä"] {
            assert!(Bearer::new(bad).is_none(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn token_does_not_leave_the_machine_in_the_clear() {
        let fetcher = Fetcher::new(crate::FetchPolicy::default()).unwrap();
        let mut call = Call::get("http://192.0.2.1/v1".parse().unwrap(), "*/*");
        call.bearer = Bearer::new("cvt_abc");
        let why = fetcher.call(&call).await.unwrap_err();
        assert!(matches!(why, FetchError::Url(_)), "{why}");
    }
}
