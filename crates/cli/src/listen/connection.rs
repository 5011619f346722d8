//! One connection: HTTP/1.0 and 1.1, one request after the other, each answered by the [`Site`].

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use certvouch_responder::http::{Admission, Endpoint};
use certvouch_responder::{Asker, Responder};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Phase;
use super::client::Clients;
use super::limits::{LAST_CHANCE, MAX_FIELDS};
use super::panic;
use super::places::{NoPlace, Seat};
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
    /// Who is who.
    pub(super) clients: Clients,
    /// Requests that one connection may make.
    pub(super) requests: usize,
    /// How long it may last.
    pub(super) lifetime: Duration,
}

/// Serves a connection until it ends.
///
/// While the process drains, what was begun is finished and the connection closed after it; one that came a moment ago
/// and has asked nothing yet gets its [`LAST_CHANCE`], since its request is most likely on the way. `keep_alive` is false
/// for connections that were still waiting to be accepted when draining began: they get one answer.
pub(super) async fn serve(
    mut stream: TcpStream,
    peer: IpAddr,
    seat: Arc<Seat>,
    site: Arc<Site>,
    mut phase: watch::Receiver<Phase>,
    keep_alive: bool,
) {
    // Answers are written in one go, so that waiting for more to send only delays them. It fails on a connection that
    // is gone already, which reading will find out.
    drop(stream.set_nodelay(true));
    let mut patience = site.patience;
    if !keep_alive {
        // It may have nothing to ask, and the process wants to end.
        patience.idle = patience.idle.min(LAST_CHANCE);
    }
    let peer = match introduced(&mut stream, peer, &site).await {
        Ok(peer) => peer,
        Err(why) => {
            tracing::debug!(%peer, %why, "a trusted proxy sent no PROXY header");
            return;
        }
    };
    let visit = Visit {
        peer,
        requests: AtomicUsize::new(0),
        last: AtomicBool::new(false),
    };
    let io = TokioIo::new(TimedStream::new(stream, Arc::clone(&seat), patience));
    let mut builder = http1::Builder::new();
    builder
        .half_close(true)
        .header_read_timeout(None)
        .keep_alive(keep_alive)
        .max_headers(MAX_FIELDS)
        .max_buf_size(site.head_octets);
    let service = service_fn(|request| answer(&site, &seat, &visit, request));
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let mut end = std::pin::pin!(tokio::time::sleep(site.lifetime));
    let mut ending = false;
    let mut last_chance = std::pin::pin!(None::<tokio::time::Sleep>);
    let outcome = loop {
        tokio::select! {
            outcome = connection.as_mut() => break outcome,
            // Its place was given to somebody else.
            () = seat.leave.notified() => return,
            () = end.as_mut(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            changed = phase.changed() => {
                let now = *phase.borrow_and_update();
                if changed.is_err() || now == Phase::Cut {
                    return;
                }
                visit.last.store(true, Ordering::Relaxed);
                if keep_alive && visit.requests.load(Ordering::Relaxed) == 0 {
                    last_chance.set(Some(tokio::time::sleep(LAST_CHANCE)));
                } else if keep_alive {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = passed(last_chance.as_mut()) => {
                last_chance.set(None);
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(why) = outcome {
        // What the other side did wrong, or a deadline; nobody needs to act on it.
        let why = crate::escape::escape_display(&Causes(&why));
        tracing::trace!(%why, "a connection ended early");
    }
}

/// The end of a time that runs; where none does, never.
async fn passed(time: std::pin::Pin<&mut Option<tokio::time::Sleep>>) {
    match time.as_pin_mut() {
        Some(time) => time.await,
        None => std::future::pending().await,
    }
}

/// What is known of a connection's client, and how much it has asked.
struct Visit {
    peer: IpAddr,
    requests: AtomicUsize,
    /// The process drains: the next answer is the last.
    last: AtomicBool,
}

/// Whom this connection is for: a trusted proxy may say so before the first request.
async fn introduced(stream: &mut TcpStream, peer: IpAddr, site: &Site) -> io::Result<IpAddr> {
    if !site.clients.trusts(peer) {
        return Ok(peer);
    }
    let introduction = site.clients.of_connection(stream, peer);
    tokio::time::timeout(site.patience.header, introduction)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
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
    seat: &Seat,
    visit: &Visit,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let progress = &seat.progress;
    progress.answering();
    // Whom a proxy names was told by the header of the connection, or is told by that of the request.
    let client = if site.clients.trusts(visit.peer) {
        site.clients.of_request(request.headers(), visit.peer)
    } else {
        visit.peer
    };
    let asker = Asker::from_address(client);
    let mut response = panic::catch(site.answer(asker, progress, request))
        .await
        .unwrap_or_else(|panic::Panicked| {
            progress.leave_unread();
            site.endpoint.panicked(site.clock.now())
        });
    let asked = visit.requests.fetch_add(1, Ordering::Relaxed) + 1;
    if asked >= site.requests || visit.last.load(Ordering::Relaxed) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    progress.answered();
    Ok(response.map(Full::new))
}

impl Site {
    async fn answer(
        self: &Arc<Self>,
        asker: Asker,
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
            .respond_to(asker, &self.responder, &head, &body, now)
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
pub(super) async fn turn_away(mut stream: TcpStream, why: NoPlace, site: &Site) {
    let now = site.clock.now();
    let response = match why {
        NoPlace::Full => site.endpoint.unavailable(RETRY_AFTER, now),
        NoPlace::Share => site.endpoint.too_many(RETRY_AFTER, now),
    };
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
