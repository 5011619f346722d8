//! The order of load: what is kept is given at once, what has to be signed waits for its turn.
//!
//! A [`SigningPool`] is the room in which the responder's signatures are made. Three ways lead through it:
//!
//! 1. *At once*, on the thread that answers, while the key is known to be quick and the thread's budget for this tick is
//!    not spent (`tick.rs`). Handing over 20 µs of work would cost as much as doing it.
//! 2. *In the pool*: threads of lower priority, in front of them a bounded queue in which askers take turns
//!    (`queue.rs`). RSA goes this way always.
//! 3. *Not at all*: the queue is full and the asker has had his share. That is said at once.
//!
//! Answers about serial numbers that nobody issued have a queue and a share of their own (`allowance.rs`).

mod allowance;
pub mod limits;
mod queue;
mod tick;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use certvouch_responder::{BoxFuture, Claim, RoomFault, SignError, Signer, SigningRoom};
use tokio::sync::oneshot;

use crate::metrics::{Collector, Kind, Page};

use allowance::Allowance;
use limits::{INLINE_MOST, LONGEST_WAIT, UNASSIGNED_QUEUE};
use queue::{FairQueue, Pushed};

/// How much lower than that of answering threads the priority of the pool is: where they share a core, the scheduler
/// gives it to whoever answers.
const NICE: i32 = 10;

/// What was done, since the start.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SigningCounts {
    /// Signatures made at once.
    pub at_once: AtomicU64,
    /// Signatures made in the pool.
    pub pooled: AtomicU64,
    /// Refused or displaced, since the queue was full.
    pub refused: AtomicU64,
    /// Refused, since answers about serial numbers that nobody issued had had their share.
    pub unassigned_refused: AtomicU64,
    /// Given up, since they waited too long.
    pub given_up: AtomicU64,
}

/// Threads that sign, with a queue in front of them.
pub struct SigningPool {
    shared: Arc<Shared>,
}

struct Shared {
    threads: usize,
    state: Mutex<State>,
    work: Condvar,
    costs: Mutex<Vec<(Weak<dyn Signer>, Duration)>>,
    counts: SigningCounts,
}

struct State {
    ordinary: FairQueue<Job>,
    unassigned: FairQueue<Job>,
    allowance: Allowance,
    started: bool,
    closed: bool,
}

struct Job {
    key: Arc<dyn Signer>,
    message: Box<[u8]>,
    unassigned: bool,
    done: oneshot::Sender<Result<Vec<u8>, RoomFault>>,
}

impl fmt::Debug for SigningPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningPool")
            .field("threads", &self.shared.threads)
            .field("counts", &self.shared.counts)
            .finish_non_exhaustive()
    }
}

impl SigningPool {
    /// A pool with this many threads (0 is one for each core) and places in the queue. The threads start with the first
    /// signature that needs them.
    #[must_use]
    pub fn new(threads: usize, queue: usize) -> Self {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        Self {
            shared: Arc::new(Shared {
                threads,
                state: Mutex::new(State {
                    ordinary: FairQueue::new(queue),
                    unassigned: FairQueue::new((queue / UNASSIGNED_QUEUE).max(1)),
                    allowance: Allowance::new(threads, Instant::now()),
                    started: false,
                    closed: false,
                }),
                work: Condvar::new(),
                costs: Mutex::default(),
                counts: SigningCounts::default(),
            }),
        }
    }

    /// What was done.
    #[must_use]
    pub fn counts(&self) -> &SigningCounts {
        &self.shared.counts
    }

    /// Signatures that wait: ordinary ones, and those about serial numbers that nobody issued.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let state = self.shared.state();
        (state.ordinary.len(), state.unassigned.len())
    }

    /// Makes a signature on this thread, if the key is quick and the budget is there.
    async fn sign_at_once(
        &self,
        key: &Arc<dyn Signer>,
        message: &[u8],
    ) -> Option<Result<Vec<u8>, SignError>> {
        let cost = self.shared.cost(key)?;
        if cost > INLINE_MOST || !tick::affords(cost) {
            return None;
        }
        let begun = Instant::now();
        let made = key.sign(message).await;
        let took = begun.elapsed();
        tick::spend(took);
        self.shared.learn(key, took);
        self.shared.counts.at_once.fetch_add(1, Ordering::Relaxed);
        Some(made)
    }

    /// Makes a signature in the pool, or refuses it.
    async fn sign_in_turn(
        &self,
        key: &Arc<dyn Signer>,
        message: &[u8],
        claim: Claim,
    ) -> Result<Vec<u8>, RoomFault> {
        let (done, outcome) = oneshot::channel();
        let job = Job {
            key: Arc::clone(key),
            message: message.into(),
            unassigned: claim.unassigned,
            done,
        };
        self.shared.enqueue(claim, job)?;
        match tokio::time::timeout(LONGEST_WAIT, outcome).await {
            Ok(Ok(outcome)) => outcome,
            // Whoever drops a job without a word has panicked over it.
            Ok(Err(_)) => Err(SignError::Permanent("the signer panicked".to_owned()).into()),
            Err(_) => {
                self.shared.counts.given_up.fetch_add(1, Ordering::Relaxed);
                Err(RoomFault::Full)
            }
        }
    }
}

impl SigningRoom for SigningPool {
    fn sign<'a>(
        &'a self,
        key: &'a Arc<dyn Signer>,
        message: &'a [u8],
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<u8>, RoomFault>> {
        Box::pin(async move {
            if !claim.unassigned
                && let Some(made) = self.sign_at_once(key, message).await
            {
                return Ok(made?);
            }
            self.sign_in_turn(key, message, claim).await
        })
    }
}

impl Collector for SigningPool {
    fn collect(&self, page: &mut Page) {
        let counts = &self.shared.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        page.family(
            "certvouch_signatures_total",
            Kind::Counter,
            "Signatures by where they were made.",
        );
        for (place, count) in [("at_once", &counts.at_once), ("pool", &counts.pooled)] {
            page.sample(
                "certvouch_signatures_total",
                &[("place", place)],
                read(count),
            );
        }
        page.family(
            "certvouch_signatures_refused_total",
            Kind::Counter,
            "Signatures that were not made: the queue was full, made-up serial numbers had had their share, or it took too long.",
        );
        for (why, count) in [
            ("full", &counts.refused),
            ("unassigned", &counts.unassigned_refused),
            ("late", &counts.given_up),
        ] {
            page.sample(
                "certvouch_signatures_refused_total",
                &[("why", why)],
                read(count),
            );
        }
        let (ordinary, unassigned) = self.waiting();
        page.family(
            "certvouch_signing_waiting",
            Kind::Gauge,
            "Signatures that wait for a thread.",
        );
        for (of, count) in [("issued", ordinary), ("unassigned", unassigned)] {
            page.sample("certvouch_signing_waiting", &[("of", of)], count);
        }
    }
}

impl Drop for SigningPool {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics short of a failed allocation, and the queues stay whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a signature of this key takes, once one was made.
    fn cost(&self, key: &Arc<dyn Signer>) -> Option<Duration> {
        let costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = costs.iter().find(|(of, _)| is_same(of, key));
        known.map(|(_, cost)| *cost)
    }

    /// A moving mean. One long wait for the processor does not make a quick key slow.
    fn learn(&self, key: &Arc<dyn Signer>, took: Duration) {
        let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cost)) = costs.iter_mut().find(|(of, _)| is_same(of, key)) {
            *cost = (*cost * 7 + took.min(*cost * 2)) / 8;
        } else {
            // Keys that a reload has replaced.
            costs.retain(|(of, _)| of.strong_count() > 0);
            costs.push((Arc::downgrade(key), took));
        }
    }

    fn enqueue(self: &Arc<Self>, claim: Claim, job: Job) -> Result<(), RoomFault> {
        let (state, fault) = (&mut *self.state(), refusal(claim.unassigned));
        if !state.started {
            self.start().map_err(|why| {
                SignError::Temporary(format!("no thread could be started: {why}"))
            })?;
            state.started = true;
        }
        let queue = if claim.unassigned {
            &mut state.unassigned
        } else {
            &mut state.ordinary
        };
        match queue.push(claim.asker, job) {
            Pushed::Waits => {}
            Pushed::Displaced(other) => {
                self.count_refusal(claim.unassigned);
                // Nobody hears it if that client has left.
                drop(other.done.send(Err(refusal(other.unassigned))));
            }
            Pushed::Refused(_) => {
                self.count_refusal(claim.unassigned);
                return Err(fault);
            }
        }
        self.work.notify_one();
        Ok(())
    }

    fn count_refusal(&self, unassigned: bool) {
        let counts = &self.counts;
        let count = if unassigned {
            &counts.unassigned_refused
        } else {
            &counts.refused
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn start(self: &Arc<Self>) -> io::Result<()> {
        for number in 0..self.threads {
            let shared = Arc::clone(self);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            std::thread::Builder::new()
                .name(format!("sign-{number}"))
                .spawn(move || {
                    if let Err(why) = rustix::process::setpriority_process(None, NICE) {
                        tracing::debug!(%why, "a signing thread keeps its priority");
                    }
                    shared.work(&runtime);
                })?;
        }
        Ok(())
    }

    /// Signs until the pool is dropped.
    fn work(&self, runtime: &tokio::runtime::Runtime) {
        while let Some(job) = self.next() {
            if job.done.is_closed() {
                // The client has left.
                continue;
            }
            let begun = Instant::now();
            // Unwind safety: the key is behind the trait, and its own locks poison.
            let made = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(job.key.sign(&job.message))
            }));
            let took = begun.elapsed();
            self.learn(&job.key, took);
            self.counts.pooled.fetch_add(1, Ordering::Relaxed);
            if job.unassigned {
                self.state().allowance.spend(took);
            }
            if let Ok(made) = made {
                drop(job.done.send(made.map_err(RoomFault::Signer)));
            }
        }
    }

    /// The next job, or nothing when the pool is gone.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            let mut wait = None;
            if state.unassigned.len() > 0 {
                let missing = state.allowance.wait(Instant::now());
                if missing.is_zero() {
                    return state.unassigned.pop();
                }
                wait = Some(missing);
            }
            if let Some(job) = state.ordinary.pop() {
                return Some(job);
            }
            state = match wait {
                None => self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    let waited = self.work.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

const fn refusal(unassigned: bool) -> RoomFault {
    if unassigned {
        RoomFault::UnassignedShareSpent
    } else {
        RoomFault::Full
    }
}

fn is_same(known: &Weak<dyn Signer>, key: &Arc<dyn Signer>) -> bool {
    std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(key))
}

#[cfg(test)]
mod tests;
