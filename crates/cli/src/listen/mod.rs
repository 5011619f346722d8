//! The public port: plain HTTP/1 (RFC 9919 5, threats T-40) on every address and core.
//!
//! Each core has a thread with a runtime of its own and, through SO_REUSEPORT, an accept queue of its own; they share
//! the responder with its cache, and nothing else that is locked on the way of a request. What strangers can use up is
//! bounded: connections in all, octets of a header and of a body, and the time for each (see `stream.rs`).
//!
//! A connection that connects and closes, or idles, holds a socket and a few KiB until its deadline and nothing more.

mod bind;
mod connection;
mod panic;
mod stream;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use certvouch_responder::Responder;
use certvouch_responder::http::{Endpoint, HttpLimits};
use tokio::sync::{Semaphore, mpsc, watch};

pub use bind::BindError;
pub use connection::Site;

use crate::clock::Clock;
use crate::config::Server;
use crate::log::ExchangeLog;
use crate::metrics::Metrics;
use worker::Worker;

/// Where the process is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Accepting and answering.
    Serving,
    /// Accepting no more; what was begun is finished.
    Draining,
    /// Over.
    Cut,
}

/// Sockets that are bound and take connections in, which nobody answers yet.
#[derive(Debug)]
pub struct Bound {
    sockets: Vec<(SocketAddr, Vec<TcpListener>)>,
    threads: usize,
}

/// Binds every address of the configuration.
///
/// # Errors
/// The first address that cannot be had.
pub fn bind(server: &Server) -> Result<Bound, BindError> {
    let threads = threads(server);
    let sockets = bind::bind(&server.listen, threads)?;
    Ok(Bound { sockets, threads })
}

/// Takes sockets that the service manager opened, in place of the configured addresses.
///
/// # Errors
/// One of them is no socket that listens.
pub fn adopt(sockets: Vec<TcpListener>, server: &Server) -> io::Result<Bound> {
    let threads = threads(server);
    let sockets = bind::adopt(sockets, threads)?;
    Ok(Bound { sockets, threads })
}

fn threads(server: &Server) -> usize {
    match server.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// Threads that answer.
#[derive(Debug)]
pub struct Listener {
    phases: Vec<watch::Sender<Phase>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    ended: mpsc::Receiver<()>,
}

impl Bound {
    /// The addresses, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|(address, _)| *address)
    }

    /// Starts answering.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(
        self,
        responder: Arc<Responder>,
        server: &Server,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> io::Result<Listener> {
        let mut limits = HttpLimits::default();
        limits.max_body = server.limits.body.to_usize();
        limits.max_target = server.limits.target.to_usize();
        let site = Arc::new(Site {
            responder,
            endpoint: Endpoint::new(&server.paths, limits.clone()),
            clock,
            exchanges: ExchangeLog::new(Arc::clone(&metrics)),
            metrics,
            patience: stream::Patience {
                idle: server.timeouts.idle.to_std(),
                header: server.timeouts.header.to_std(),
                write: server.timeouts.write.to_std(),
            },
            body_timeout: server.timeouts.body.to_std(),
            head_octets: limits.max_target + connection::FIELD_OCTETS,
        });
        let places = Arc::new(Semaphore::new(server.limits.connections));
        let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
        let (alive, ended) = mpsc::channel(1);
        let mut listener = Listener {
            phases: Vec::new(),
            threads: Vec::new(),
            ended,
        };
        let mut for_threads: Vec<Vec<TcpListener>> =
            (0..self.threads).map(|_| Vec::new()).collect();
        for (_, sockets) in self.sockets {
            for (mine, socket) in for_threads.iter_mut().zip(sockets) {
                mine.push(socket);
            }
        }
        for (number, sockets) in for_threads.into_iter().enumerate() {
            // One channel for each thread: waiting on it takes a lock, which should not be shared between cores.
            let (sender, phase) = watch::channel(Phase::Serving);
            let worker = Worker {
                site: Arc::clone(&site),
                places: Arc::clone(&places),
                turned_away: Arc::clone(&turned_away),
                phase,
            };
            let alive = alive.clone();
            let thread = std::thread::Builder::new()
                .name(format!("answer-{number}"))
                .spawn(move || {
                    // Dropped when the thread ends, however it ends.
                    let _alive = alive;
                    worker.run(sockets)
                })?;
            listener.phases.push(sender);
            listener.threads.push(thread);
        }
        Ok(listener)
    }
}

/// Clients that are told at the same time that there is no place; more are hung up on.
const TURNED_AWAY_AT_ONCE: usize = 64;

impl Listener {
    /// Accepts no more, and lets end what was begun.
    pub fn drain(&self) {
        self.enter(Phase::Draining);
    }

    /// Ends at once, whatever is in flight.
    pub fn cut(&self) {
        self.enter(Phase::Cut);
    }

    /// Waits until every thread has ended. Safe to be dropped and called again.
    pub async fn ended(&mut self) {
        // Nothing is ever sent: this waits for the last sender to go.
        let _nothing = self.ended.recv().await;
    }

    /// Collects the threads once they have ended.
    ///
    /// # Errors
    /// A thread could not run, or panicked.
    pub fn join(self) -> io::Result<()> {
        for thread in self.threads {
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))?;
        }
        Ok(())
    }

    fn enter(&self, phase: Phase) {
        for sender in &self.phases {
            // A thread that has ended hears nothing any more.
            sender.send_replace(phase);
        }
    }
}

#[cfg(test)]
mod tests;
