//! One thread: a runtime, its accept queues, and the connections that came through them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, watch};

use super::Phase;
use super::connection::{Site, serve, turn_away};

/// What a thread works with.
pub(super) struct Worker {
    pub(super) site: Arc<Site>,
    pub(super) places: Arc<Semaphore>,
    pub(super) turned_away: Arc<Semaphore>,
    pub(super) phase: watch::Receiver<Phase>,
}

/// After a failure to accept that will not mend itself at once: no file descriptor is left, say.
const PAUSE: Duration = Duration::from_millis(100);

impl Worker {
    /// Accepts and answers until it is told to drain and the last connection has ended, or it is cut.
    pub(super) fn run(self, sockets: Vec<TcpListener>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut phase = self.phase.clone();
        runtime.block_on(async {
            let (busy, mut idle) = mpsc::channel::<()>(1);
            let worker = Arc::new(self);
            let mut accepting = Vec::new();
            for socket in sockets {
                let socket = tokio::net::TcpListener::from_std(socket)?;
                let task = Arc::clone(&worker).accept(socket, busy.clone());
                accepting.push(tokio::spawn(task));
            }
            drop(busy);
            tokio::select! {
                // Nothing is ever sent: this waits for the last holder of `busy` to go.
                _ = idle.recv() => {}
                () = reached(&mut phase, |phase| phase == Phase::Cut) => {}
            }
            Ok(())
        })
    }

    async fn accept(self: Arc<Self>, socket: tokio::net::TcpListener, busy: mpsc::Sender<()>) {
        let mut phase = self.phase.clone();
        loop {
            tokio::select! {
                biased;
                () = reached(&mut phase, |phase| phase != Phase::Serving) => break,
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => self.take(stream, &busy, true),
                    Err(why) => refused(&why).await,
                },
            }
        }
        // The kernel has completed the handshakes of those that still wait in the queue: they get their answer too.
        while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::ZERO, socket.accept()).await
        {
            self.take(stream, &busy, false);
        }
    }

    fn take(self: &Arc<Self>, stream: TcpStream, busy: &mpsc::Sender<()>, keep_alive: bool) {
        let (worker, busy) = (Arc::clone(self), busy.clone());
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            tokio::spawn(async move {
                worker.site.metrics.connected();
                let _open = worker.site.metrics.connections.hold();
                serve(
                    stream,
                    Arc::clone(&worker.site),
                    worker.phase.clone(),
                    keep_alive,
                )
                .await;
                drop((place, busy));
            });
            return;
        }
        self.site.metrics.connection_refused();
        if let Ok(turn) = Arc::clone(&self.turned_away).try_acquire_owned() {
            tokio::spawn(async move {
                turn_away(stream, &worker.site).await;
                drop((turn, busy));
            });
        }
    }
}

/// Waits for such a phase; one whose sender is gone counts as every phase.
async fn reached(phase: &mut watch::Receiver<Phase>, is_it: impl Fn(Phase) -> bool) {
    drop(phase.wait_for(|phase| is_it(*phase)).await);
}

/// A connection that went away before it was accepted is nothing; anything else is told and waited out.
async fn refused(why: &io::Error) {
    if matches!(
        why.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    ) {
        return;
    }
    tracing::error!(%why, "a connection could not be accepted");
    tokio::time::sleep(PAUSE).await;
}
