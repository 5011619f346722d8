//! Counts the octets of an exchange, as they cross the socket: TCP payload, TLS included, without the headers of IP and
//! TCP and without a proxy's CONNECT.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What crossed the sockets of the exchanges that it was handed to.
#[derive(Debug, Default)]
pub struct Meter {
    connections: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Meter {
    /// Connections that were made.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Octets sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Octets received.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub(crate) struct Metered {
    stream: TcpStream,
    meter: Option<Arc<Meter>>,
}

impl Metered {
    pub(crate) fn new(stream: TcpStream, meter: Option<Arc<Meter>>) -> Self {
        if let Some(meter) = &meter {
            meter.connections.fetch_add(1, Ordering::Relaxed);
        }
        Self { stream, meter }
    }
}

fn add(counter: &AtomicU64, octets: usize) {
    // A count of octets in memory fits u64 everywhere.
    counter.fetch_add(u64::try_from(octets).unwrap_or(0), Ordering::Relaxed);
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if let Some(meter) = &this.meter {
            add(&meter.received, buf.filled().len() - before);
        }
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        if let (Some(meter), Poll::Ready(Ok(octets))) = (&this.meter, &polled) {
            add(&meter.sent, *octets);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
