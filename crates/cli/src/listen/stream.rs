//! A connection's stream with its deadlines, and the signs by which they are chosen.
//!
//! hyper knows one deadline for the header of a request, which also runs while a connection idles. Here they are two:
//! an idle connection may wait long, since it costs little; a header that has begun must end soon. The stream sees
//! octets come, the service says when a request is being answered; [`Progress`] is what they share.
//!
//! | state | begins with | deadline |
//! |---|---|---|
//! | idle | the connect, and each answer that was sent | `idle` |
//! | header | the first octet of a request | `header` |
//! | answering | the end of the header | none here: the service has one for the body |
//! | answered | the answer, ready to be sent | `write`, once the client does not take it |
//!
//! A deadline that passes ends the connection without a word.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::places::Seat;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How long a client may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    pub(super) header: Duration,
    pub(super) write: Duration,
}

/// After an answer that was given before the whole request was read, this long is read on and thrown away: closing at
/// once would make the kernel send a reset, which can overtake the answer.
const LINGER: Duration = Duration::from_secs(2);

/// Octets that are thrown away at most while lingering.
const LINGER_OCTETS: usize = 1 << 20;

/// Where a connection is, shared by its stream and its service.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The state in the lowest two bits, above them a count of changes, so that each state has its own deadline.
    state: AtomicU32,
    unread: AtomicBool,
}

const STATE: u32 = 0b11;
const IDLE: u32 = 0;
const HEADER: u32 = 1;
const ANSWERING: u32 = 2;
const ANSWERED: u32 = 3;

impl Progress {
    /// The header of a request has come.
    pub(super) fn answering(&self) {
        self.enter(ANSWERING);
    }

    /// The answer is ready to be sent.
    pub(super) fn answered(&self) {
        self.enter(ANSWERED);
    }

    /// The body of the request was not read to its end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Whether it is the client's turn: to ask, to go on, or to take an answer.
    pub(super) fn waits_for_the_client(&self) -> bool {
        self.state() != ANSWERING
    }

    fn enter(&self, state: u32) {
        let next = (self.state.load(Ordering::Relaxed) | STATE).wrapping_add(1) | state;
        self.state.store(next, Ordering::Relaxed);
    }

    fn stamp(&self) -> u32 {
        self.state.load(Ordering::Relaxed)
    }

    fn state(&self) -> u32 {
        self.stamp() & STATE
    }
}

/// A TCP stream whose other side cannot keep us waiting for ever.
#[derive(Debug)]
pub(super) struct TimedStream {
    stream: TcpStream,
    seat: Arc<Seat>,
    patience: Patience,
    /// The deadline of the state with this stamp.
    reading: Option<(u32, Pin<Box<Sleep>>)>,
    writing: Option<Pin<Box<Sleep>>>,
    lingering: Option<(usize, Pin<Box<Sleep>>)>,
    ended: bool,
}

impl TimedStream {
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>, patience: Patience) -> Self {
        Self {
            stream,
            seat,
            patience,
            reading: None,
            writing: None,
            lingering: None,
            ended: false,
        }
    }

    /// Nothing has come: has the deadline?
    fn poll_read_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stamp = self.seat.progress.stamp();
        let patience = match stamp & STATE {
            IDLE => self.patience.idle,
            HEADER => self.patience.header,
            _ => return Poll::Pending,
        };
        let timer = match &mut self.reading {
            Some((armed_for, timer)) => {
                if *armed_for != stamp {
                    *armed_for = stamp;
                    timer.as_mut().reset(Instant::now() + patience);
                }
                timer
            }
            none => &mut none.insert((stamp, Box::pin(sleep(patience)))).1,
        };
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Nothing can be sent: for how long already?
    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let patience = self.patience.write;
        let timer = self
            .writing
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Throws away what still comes, up to the other side's end or a limit.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (read, timer) = self
            .lingering
            .get_or_insert_with(|| (0, Box::pin(sleep(LINGER))));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scratch = [0; 8192];
        while *read < LINGER_OCTETS {
            let mut buffer = ReadBuf::new(&mut scratch);
            let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if outcome.is_err() || buffer.filled().is_empty() {
                break;
            }
            *read += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => self.poll_read_deadline(cx),
            Poll::Ready(outcome) => {
                if buffer.filled().len() == before {
                    self.ended = true;
                } else if self.seat.progress.state() == IDLE {
                    self.seat.progress.enter(HEADER);
                }
                Poll::Ready(outcome)
            }
        }
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, octets) {
            Poll::Pending => self.poll_write_deadline(cx),
            ready => ready,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, slices) {
            Poll::Pending => self.poll_write_deadline(cx),
            ready => ready,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when everything was handed to the kernel. The deadline for writing counts from the first octet that did
    /// not go to here, so that a client cannot stretch it by taking single octets.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.writing = None;
        if self.seat.progress.state() == ANSWERED {
            self.seat.progress.enter(IDLE);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        let request_unread = self.seat.progress.state() == HEADER
            || self.seat.progress.unread.load(Ordering::Relaxed);
        if request_unread && !self.ended {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_state_has_its_own_stamp() {
        let progress = Progress::default();
        let mut stamps = vec![progress.stamp()];
        for state in [HEADER, ANSWERING, ANSWERED, IDLE, HEADER, ANSWERED, IDLE] {
            progress.enter(state);
            assert_eq!(progress.state(), state);
            assert!(!stamps.contains(&progress.stamp()));
            stamps.push(progress.stamp());
        }
    }
}
