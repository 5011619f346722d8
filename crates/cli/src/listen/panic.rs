//! A panic in one request is that request's misfortune: it is caught, answered and logged, and the process lives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Something panicked; what it said went through the panic hook into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// The future's outcome, or that it panicked.
///
/// Unwind safety is asserted: what a request shares with others (the cache, the sources) lies behind locks that
/// poison, atomics, and swapped pointers; the future itself is not polled again.
pub(super) async fn catch<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}
