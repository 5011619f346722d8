//! One exchange: request, redirects, validators, and a body within its limits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    DATE, ETAG, EXPIRES, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::address::Network;
use crate::connect::{Connector, Origin};
use crate::error::FetchError;
use crate::meter::Meter;
use crate::policy::FetchPolicy;
use crate::resolve::{Resolve, SystemResolver};

/// What to fetch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetch {
    /// Where.
    pub url: Uri,
    /// Whether the operator wrote the URL himself, which names a literal address in it (threats T-25); URLs from
    /// certificates and CRLs are not named.
    pub named: bool,
    /// The body and media type of a POST; none means GET.
    pub post: Option<(Bytes, &'static str)>,
    /// The media type that is expected.
    pub accept: &'static str,
    /// What is known of an earlier body.
    pub validators: Validators,
    /// Whether caches on the way may answer.
    pub caches: Caches,
    /// Counts the octets of the exchange, redirects included.
    pub meter: Option<Arc<Meter>>,
}

/// Whether caches on the way may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caches {
    /// They may.
    #[default]
    Welcome,
    /// They have to ask the origin (`Cache-Control: no-cache`): for a second attempt after one that brought something
    /// out of date, or when the origin has said that what they hold is no longer so, and for nothing else (RFC 9919
    /// 7.2).
    Passed,
}

impl Fetch {
    /// A GET of a URL that the operator wrote.
    #[must_use]
    pub fn named(url: Uri, accept: &'static str) -> Self {
        let validators = Validators::default();
        Self {
            url,
            named: true,
            post: None,
            accept,
            validators,
            caches: Caches::default(),
            meter: None,
        }
    }

    /// A GET of a URL that somebody else wrote.
    #[must_use]
    pub fn foreign(url: Uri, accept: &'static str) -> Self {
        Self {
            named: false,
            ..Self::named(url, accept)
        }
    }
}

/// What makes a request conditional (RFC 9110 13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validators {
    /// The ETag as it came.
    pub etag: Option<String>,
    /// The Last-Modified as it came.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Puts both together, as they were kept on disk.
    #[must_use]
    pub const fn new(etag: Option<String>, last_modified: Option<String>) -> Self {
        Self {
            etag,
            last_modified,
        }
    }

    fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// How long HTTP says that a body is fresh (RFC 9111 4.2.1). It guides when to ask again and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freshness {
    /// Seconds from now.
    pub seconds: Option<u64>,
    /// The Date of the response, in seconds since 1970: the server's clock.
    pub server_time: Option<i64>,
}

/// What came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fetched {
    /// A body.
    Body(Payload),
    /// The server says that the earlier body stands.
    NotModified(Freshness),
}

/// A body, and what was said about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Payload {
    /// The octets.
    pub bytes: Bytes,
    /// The Content-Type as it came.
    pub content_type: Option<String>,
    /// What makes the next request conditional.
    pub validators: Validators,
    /// When to ask again, as HTTP has it.
    pub freshness: Freshness,
    /// Where it came from in the end.
    pub url: Uri,
}

/// Fetches by one policy. Cheap to share; every exchange has its own connection, since those of a responder are hours
/// apart.
#[derive(Debug)]
pub struct Fetcher {
    policy: FetchPolicy,
    connector: Connector,
}

impl Fetcher {
    /// A fetcher with the system's resolver.
    ///
    /// # Errors
    /// The TLS roots cannot be loaded.
    pub fn new(policy: FetchPolicy) -> Result<Self, FetchError> {
        Self::with_resolver(policy, Arc::new(SystemResolver))
    }

    /// A fetcher with another resolver.
    ///
    /// # Errors
    /// As [`Fetcher::new`].
    pub fn with_resolver(
        policy: FetchPolicy,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, FetchError> {
        let connector = Connector::new(&policy.roots, resolver)?;
        Ok(Self { policy, connector })
    }

    pub(crate) const fn policy(&self) -> &FetchPolicy {
        &self.policy
    }

    pub(crate) fn resolver(&self) -> &dyn Resolve {
        self.connector.resolver()
    }

    /// Fetches, within the total time.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, fetch: &Fetch) -> Result<Fetched, FetchError> {
        tokio::time::timeout(self.policy.total_timeout, self.follow(fetch))
            .await
            .unwrap_or(Err(FetchError::Timeout(self.policy.total_timeout)))
    }

    async fn follow(&self, fetch: &Fetch) -> Result<Fetched, FetchError> {
        let mut url = fetch.url.clone();
        let first = Origin::of(&url)?;
        let named = if fetch.named {
            first.named_network()
        } else {
            Vec::new()
        };
        for _ in 0..=self.policy.max_redirects {
            let origin = Origin::of(&url)?;
            if first.https && !origin.https {
                return Err(FetchError::Downgrade);
            }
            // What the operator named by the URL that he wrote holds for that host only, not for where it redirects to.
            let named: &[Network] = if origin.host == first.host {
                &named
            } else {
                &[]
            };
            let response = self.exchange(&origin, &url, fetch, named).await?;
            match response.status() {
                StatusCode::OK => return self.read(response, url).await,
                StatusCode::NOT_MODIFIED if !fetch.validators.is_empty() => {
                    return Ok(Fetched::NotModified(freshness(response.headers())));
                }
                code if code.is_redirection() => url = redirect(&url, response.headers(), code)?,
                code => return Err(FetchError::Status(code.as_u16())),
            }
        }
        Err(FetchError::TooManyRedirects {
            limit: self.policy.max_redirects,
        })
    }

    async fn exchange(
        &self,
        origin: &Origin,
        url: &Uri,
        fetch: &Fetch,
        named: &[Network],
    ) -> Result<Response<Incoming>, FetchError> {
        let through_proxy = self.policy.proxy.is_some() && !origin.https;
        let request = request(origin, url, fetch, through_proxy)?;
        self.send_metered(origin, request, named, fetch.meter.as_ref())
            .await
    }

    /// Sends a request to an origin, on a connection of its own, and waits for the header of the response.
    pub(crate) async fn send(
        &self,
        origin: &Origin,
        request: Request<Full<Bytes>>,
        named: &[Network],
    ) -> Result<Response<Incoming>, FetchError> {
        self.send_metered(origin, request, named, None).await
    }

    async fn send_metered(
        &self,
        origin: &Origin,
        request: Request<Full<Bytes>>,
        named: &[Network],
        meter: Option<&Arc<Meter>>,
    ) -> Result<Response<Incoming>, FetchError> {
        let connect = self.connector.connect(origin, &self.policy, named, meter);
        let (stream, _) = connect.await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| FetchError::Http(error.to_string()))?;
        // It ends with the exchange: the sender is dropped, and the body with the response.
        tokio::spawn(connection);
        let limit = self.policy.header_timeout;
        tokio::time::timeout(limit, sender.send_request(request))
            .await
            .map_err(|_| FetchError::HeaderTimeout(limit))?
            .map_err(|error| FetchError::Http(error.to_string()))
    }

    /// Reads the body: at most so much, at least so fast.
    pub(crate) async fn read(
        &self,
        response: Response<Incoming>,
        url: Uri,
    ) -> Result<Fetched, FetchError> {
        let limit = self.policy.max_body;
        let (head, mut body) = response.into_parts();
        let coded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        if head.headers.get_all(CONTENT_ENCODING).iter().any(coded) {
            return Err(FetchError::ContentCoding);
        }
        let announced = text(&head.headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
        if announced.is_some_and(|length: u64| length > limit) {
            return Err(FetchError::BodyTooLarge { limit });
        }
        let began = Instant::now();
        // Reserved at once, so that a large body is not copied while it grows; untouched memory costs nothing.
        let room = announced.and_then(|length| usize::try_from(length).ok());
        let mut bytes = BytesMut::with_capacity(room.unwrap_or(0));
        loop {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let deadline = began + self.patience(length);
            let frame = tokio::time::timeout_at(deadline, body.frame())
                .await
                .map_err(|_| FetchError::TooSlow {
                    min_rate: self.policy.min_rate,
                })?;
            let Some(frame) = frame else {
                break;
            };
            let frame = frame.map_err(|error| FetchError::Http(error.to_string()))?;
            if let Some(data) = frame.data_ref() {
                let data_length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                if length.saturating_add(data_length) > limit {
                    return Err(FetchError::BodyTooLarge { limit });
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(Fetched::Body(Payload {
            bytes: bytes.freeze(),
            content_type: text(&head.headers, &CONTENT_TYPE),
            validators: Validators {
                etag: text(&head.headers, &ETAG),
                last_modified: text(&head.headers, &LAST_MODIFIED),
            },
            freshness: freshness(&head.headers),
            url,
        }))
    }

    /// How long after the beginning of the body the next octets must be here, when so many are.
    fn patience(&self, length: u64) -> Duration {
        let earned = length
            .checked_div(self.policy.min_rate)
            .unwrap_or(u64::MAX / 4);
        self.policy
            .rate_grace
            .saturating_add(Duration::from_secs(earned.min(86_400)))
    }
}

fn request(
    origin: &Origin,
    url: &Uri,
    fetch: &Fetch,
    through_proxy: bool,
) -> Result<Request<Full<Bytes>>, FetchError> {
    let path = url
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let target = if through_proxy {
        url.to_string()
    } else {
        path.to_owned()
    };
    let (method, body) = match &fetch.post {
        Some((body, _)) => (Method::POST, body.clone()),
        None => (Method::GET, Bytes::new()),
    };
    let mut builder = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, origin.authority())
        .header(USER_AGENT, concat!("certvouch/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, fetch.accept)
        .header(ACCEPT_ENCODING, "identity");
    if let Some((_, content_type)) = &fetch.post {
        builder = builder.header(CONTENT_TYPE, *content_type);
    }
    if fetch.caches == Caches::Passed {
        builder = builder.header(CACHE_CONTROL, "no-cache");
    }
    if let Some(etag) = &fetch.validators.etag {
        builder = builder.header(IF_NONE_MATCH, etag);
    }
    if let Some(time) = &fetch.validators.last_modified {
        builder = builder.header(IF_MODIFIED_SINCE, time);
    }
    builder
        .body(Full::new(body))
        .map_err(|error| FetchError::Url(error.to_string()))
}

/// Where a redirect leads: an absolute URL, or a path of the same origin (RFC 3986 4.2; dot segments stay as they are,
/// and a reference that names a host without a scheme is none that anybody sends for a CRL).
fn redirect(from: &Uri, headers: &HeaderMap, code: StatusCode) -> Result<Uri, FetchError> {
    let followed = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let location = text(headers, &LOCATION).filter(|_| followed.contains(&code));
    let location = location.ok_or(FetchError::Status(code.as_u16()))?;
    let bad = || FetchError::Url("a redirect leads to something that is no URL".to_owned());
    if location.contains("://") || location.starts_with("//") {
        return location.parse().map_err(|_| bad());
    }
    let path = if location.starts_with('/') {
        location
    } else {
        let folder = from
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{folder}/{location}")
    };
    let mut parts = from.clone().into_parts();
    parts.path_and_query = Some(path.parse().map_err(|_| bad())?);
    Uri::from_parts(parts).map_err(|_| bad())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// s-maxage is for shared caches, max-age for us; Expires counts from Date; Age is taken off (RFC 9111 4.2).
fn freshness(headers: &HeaderMap) -> Freshness {
    let http_date = |name| httpdate::parse_http_date(&text(headers, name)?).ok();
    let date = http_date(&DATE);
    let directives = text(headers, &CACHE_CONTROL)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let directive = |wanted: &str| {
        directives.split(',').map(str::trim).find_map(|one| {
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            (name == wanted).then(|| value.trim_matches('"').to_owned())
        })
    };
    let uncacheable = directive("no-store")
        .or_else(|| directive("no-cache"))
        .is_some();
    let max_age = directive("max-age").and_then(|value| value.parse::<u64>().ok());
    let from_expires = || {
        let expires = http_date(&EXPIRES)?;
        Some(
            expires
                .duration_since(date?)
                .map_or(0, |left| left.as_secs()),
        )
    };
    let age = text(headers, &AGE)
        .and_then(|age| age.parse::<u64>().ok())
        .unwrap_or(0);
    let seconds = if uncacheable {
        Some(0)
    } else {
        max_age.or_else(from_expires)
    };
    let unix = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(|t| i64::try_from(t.as_secs()).ok())
    };
    Freshness {
        seconds: seconds.map(|seconds| seconds.saturating_sub(age)),
        server_time: date.and_then(unix),
    }
}
