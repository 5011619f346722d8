//! The thread of the admin port: connections of the operator and of his tools, few of them, each with little time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::CameInOn;

/// Connections at once. Arbitrary: a scraper, a balancer and a CA need three.
const CONNECTIONS: usize = 256;

/// From the connect, and from the end of an answer, to the end of the next header; the TLS handshake counts in.
const HEADER: Duration = Duration::from_secs(30);

/// For one connection in all, so that those who read slowly or wait do not keep a place for ever.
const LONGEST: Duration = Duration::from_secs(300);

/// Octets of a header, more than any token and any target take.
const HEADER_OCTETS: usize = 16 * 1024;

/// After a failure to accept that will not mend itself at once.
const PAUSE: Duration = Duration::from_millis(100);

/// An admin port that answers. Dropped, it ends at once.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    scheme: &'static str,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Its address, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic was told by the hook; the end goes on.
            drop(thread.join());
        }
    }
}

pub(super) fn start(
    socket: std::net::TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    beside: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let socket = {
        let _context = runtime.enter();
        tokio::net::TcpListener::from_std(socket)?
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let acceptor = tls.map(TlsAcceptor::from);
    let thread = std::thread::Builder::new()
        .name("admin".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Sent or dropped: both are the end.
                    _ = stopped => {}
                    () = accept(socket, acceptor, router) => {}
                    // It ends with the site, which the router holds.
                    () = beside => {}
                }
            });
        })?;
    Ok(Running {
        address,
        scheme,
        stop: Some(stop),
        thread: Some(thread),
    })
}

async fn accept(socket: tokio::net::TcpListener, acceptor: Option<TlsAcceptor>, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // More wait in the queue of the kernel.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match socket.accept().await {
            Ok((stream, _)) => {
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    drop(tokio::time::timeout(LONGEST, take(stream, acceptor, router)).await);
                    drop(place);
                });
            }
            Err(why) => {
                tracing::debug!(%why, "a connection to the admin port could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn take(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router) {
    let Ok(came_in_on) = stream.local_addr().map(CameInOn) else {
        return;
    };
    match acceptor {
        None => answer(stream, came_in_on, router).await,
        Some(acceptor) => match tokio::time::timeout(HEADER, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, came_in_on, router).await,
            Ok(Err(why)) => tracing::debug!(%why, "no TLS on the admin port"),
            Err(_) => tracing::debug!("no TLS on the admin port in time"),
        },
    }
}

async fn answer<S>(stream: S, came_in_on: CameInOn, router: Router)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(came_in_on);
        router.clone().call(request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(HEADER_OCTETS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(why) = served {
        tracing::debug!(%why, "a connection to the admin port ended");
    }
}
