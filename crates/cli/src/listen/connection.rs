//! One connection: HTTP/1.0 and 1.1, one request after the other, each answered by the [`Site`].

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use certvouch_responder::Responder;
use certvouch_responder::http::{Admission, Endpoint};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Phase;
use super::panic;
use super::stream::{Patience, Progress, TimedStream};
use crate::clock::Clock;
use crate::log::ExchangeLog;
use crate::metrics::Metrics;

/// What all connections share.
#[derive(Debug)]
pub struct Site {
    pub(super) responder: Arc<Responder>,
    pub(super) endpoint: Endpoint,
    pub(super) clock: Clock,
    pub(super) exchanges: ExchangeLog,
    pub(super) metrics: Arc<Metrics>,
    pub(super) patience: Patience,
    pub(super) body_timeout: Duration,
    /// Octets of a request's head: the longest target, and room for header fields.
    pub(super) head_octets: usize,
}

/// Room for header fields beside the target. What proxies add stays below 4 KiB; the rest lets a target far over its
/// limit come in whole, so that it is answered 414 and not 431. Memory is taken as octets come, not ahead.
pub(super) const FIELD_OCTETS: usize = 64 * 1024;

/// Header fields of one request; hyper answers 431 to more (threats T-40).
const MAX_FIELDS: usize = 64;

/// How long a connection that was accepted while draining may take to begin its request: it has usually been sent.
const LAST_CHANCE: Duration = Duration::from_millis(500);

/// Serves a connection until it ends.
///
/// While the process drains, what was begun is finished and the connection closed after it. `keep_alive` is false for
/// connections that were still waiting to be accepted when draining began: they get one answer.
pub(super) async fn serve(
    stream: TcpStream,
    site: Arc<Site>,
    mut phase: watch::Receiver<Phase>,
    keep_alive: bool,
) {
    // Answers are written in one go, so that waiting for more to send only delays them. It fails on a connection that
    // is gone already, which reading will find out.
    drop(stream.set_nodelay(true));
    let progress = Arc::new(Progress::default());
    let mut patience = site.patience;
    if !keep_alive {
        // It may have nothing to ask, and the process wants to end.
        patience.idle = patience.idle.min(LAST_CHANCE);
    }
    let io = TokioIo::new(TimedStream::new(stream, Arc::clone(&progress), patience));
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        .header_read_timeout(None)
        .keep_alive(keep_alive)
        .max_headers(MAX_FIELDS)
        .max_buf_size(site.head_octets);
    let service = service_fn(|request| answer(&site, &progress, request));
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let outcome = loop {
        tokio::select! {
            outcome = connection.as_mut() => break outcome,
            changed = phase.changed() => {
                let now = *phase.borrow_and_update();
                if changed.is_err() || now == Phase::Cut {
                    return;
                }
                if keep_alive {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    };
    if let Err(why) = outcome {
        // What the other side did wrong, or a deadline; nobody needs to act on it.
        let why = crate::escape::escape_display(&Causes(&why));
        tracing::trace!(%why, "a connection ended early");
    }
}

/// An error with what lies behind it.
struct Causes<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

async fn answer(
    site: &Arc<Site>,
    progress: &Progress,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    progress.answering();
    let response = panic::catch(site.answer(progress, request))
        .await
        .unwrap_or_else(|panic::Panicked| {
            progress.leave_unread();
            site.endpoint.panicked(site.clock.now())
        });
    progress.answered();
    Ok(response.map(Full::new))
}

impl Site {
    async fn answer(
        self: &Arc<Self>,
        progress: &Progress,
        request: Request<Incoming>,
    ) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let body = match self.endpoint.admit(&head, self.clock.now()) {
            Admission::Answer(response) => {
                if announces_body(&head) {
                    progress.leave_unread();
                }
                self.exchanges.record_http(&head.method, response.status());
                return response;
            }
            Admission::ReadBody { limit } => match self.read(body, limit).await {
                Ok(body) => body,
                Err(response) => {
                    progress.leave_unread();
                    self.exchanges.record_http(&head.method, response.status());
                    return response;
                }
            },
            // NoBody, and whatever comes to it: GET with a body is answered by its target alone.
            _ => Bytes::new(),
        };
        let now = self.clock.now();
        let reply = self
            .endpoint
            .respond(&self.responder, &head, &body, now)
            .await;
        let status = reply.response.status();
        match &reply.exchange {
            Some(exchange) => self.exchanges.record(exchange, &head.method, status),
            None => self.exchanges.record_http(&head.method, status),
        }
        if let Some(request) = reply.refresh {
            let site = Arc::clone(self);
            tokio::spawn(async move { site.responder.refresh(&request, now).await });
        }
        reply.response
    }

    /// The whole body, or what to answer instead.
    async fn read(&self, body: Incoming, limit: usize) -> Result<Bytes, Response<Bytes>> {
        let collected = Limited::new(body, limit).collect();
        match tokio::time::timeout(self.body_timeout, collected).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(why)) if why.is::<LengthLimitError>() => {
                Err(self.endpoint.body_too_large(self.clock.now()))
            }
            // The connection is broken or the chunks are; if anybody still reads, the body did not come in time.
            Ok(Err(_)) | Err(_) => Err(self.endpoint.body_timeout(self.clock.now())),
        }
    }
}

fn announces_body(head: &Parts) -> bool {
    head.headers.contains_key(TRANSFER_ENCODING)
        || head
            .headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length.as_bytes() != b"0")
}

/// Tells one client too many to come back, as HTTP; a client that does not read it costs nothing.
pub(super) async fn turn_away(mut stream: TcpStream, site: &Site) {
    let response = site.endpoint.unavailable(RETRY_AFTER, site.clock.now());
    let attempt = async {
        stream.write_all(&octets_of(&response)).await?;
        stream.shutdown().await?;
        // Until the other side closes: closing first could overtake the answer with a reset.
        let mut scratch = [0; 4096];
        while stream.read(&mut scratch).await? > 0 {}
        io::Result::Ok(())
    };
    // It was told, or it will find out by itself.
    drop(tokio::time::timeout(Duration::from_secs(1), attempt).await);
}

/// Seconds after which it is worth coming back; a full server empties within its idle timeout.
pub(super) const RETRY_AFTER: u16 = 5;

/// A response without body as it goes over the wire.
fn octets_of(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut octets = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in response.headers() {
        octets.extend_from_slice(name.as_str().as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value.as_bytes());
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b"\r\n");
    octets
}
