//! Keeps a [`CrlSource`] up to date: files by events and by looking, URLs by the schedule.
//!
//! One thread per source with a small tokio runtime of its own, so that neither the reading of a large CRL nor a slow
//! server holds up those who answer. A problem is told once when it appears, once when it changes, and once when it is
//! over.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use certvouch_fetch::Fetcher;
use certvouch_types::Timestamp;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::error::CrlError;
use super::report::Refreshed;
use super::schedule::{Attempt, Schedule};
use super::source::CrlSource;
use crate::good_list::{GoodListChange, GoodListError};
use crate::limits::{DEFAULT_POLL, RETRY_PAUSES, SETTLE};

/// How a source is kept up to date.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CrlWatchSettings {
    /// When URLs are asked.
    pub schedule: Schedule,
    /// How often files, and whether something is due, are looked at without an event.
    pub poll: Duration,
    /// Whether the system is asked for events of files at all.
    pub events: bool,
    /// How long a problem of a file lasts before it is told: somebody may be copying.
    pub patience: Duration,
}

impl Default for CrlWatchSettings {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            poll: DEFAULT_POLL,
            events: true,
            patience: RETRY_PAUSES.iter().sum(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlEvent {
    /// A place has a problem that it did not have, or another one. The old truth stands.
    Failed {
        /// The place.
        place: String,
        /// The problem.
        error: CrlError,
    },
    /// The good-list has changed.
    GoodList(GoodListChange),
    /// The good-list has a problem; the old one stands.
    GoodListFailed(GoodListError),
    /// The problem of a place is over.
    Recovered {
        /// The place.
        place: String,
    },
    /// A CRL came into force.
    Refreshed(Refreshed),
}

/// A thread that keeps one source up to date. It ends when this is dropped.
pub struct CrlWatch {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Inbox {
    wake: Notify,
    stop: AtomicBool,
    /// Everything is to be asked now, whatever the schedule says.
    refresh: AtomicBool,
}

impl CrlWatch {
    /// Starts. The first thing it does is to ask every place; `tell` hears of everything, on the watching thread. The
    /// policy of `fetcher` must allow bodies as large as the CRLs are.
    ///
    /// # Errors
    /// The system gives no thread or no runtime.
    pub fn start(
        source: Arc<CrlSource>,
        fetcher: Arc<Fetcher>,
        settings: CrlWatchSettings,
        tell: impl FnMut(CrlEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let worker = Worker {
            source,
            fetcher,
            settings,
            tell,
            inbox: Arc::clone(&inbox),
            urls: BTreeMap::new(),
            told: BTreeMap::new(),
            pending: BTreeMap::new(),
            good_list_told: None,
            events: None,
            dice: RandomState::new(),
        };
        let thread = thread::Builder::new().name("certvouch-crl".to_owned());
        let thread = thread.spawn(move || runtime.block_on(worker.run()))?;
        Ok(Self {
            inbox,
            thread: Some(thread),
        })
    }

    /// Asks every place now.
    pub fn refresh(&self) {
        self.inbox.refresh.store(true, Ordering::Release);
        self.inbox.wake.notify_one();
    }
}

impl Drop for CrlWatch {
    fn drop(&mut self) {
        self.inbox.stop.store(true, Ordering::Release);
        self.inbox.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // If `tell` panicked, the thread has said so.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for CrlWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrlWatch").finish_non_exhaustive()
    }
}

/// The state of one URL.
#[derive(Clone, Copy, Default)]
struct Due {
    /// When it is asked next; nothing means now.
    at: Option<Timestamp>,
    failures: u32,
    asking: bool,
    /// Somebody wanted it to be asked while it was being asked.
    again: bool,
}

type Asked = (usize, Option<Result<Refreshed, (String, CrlError)>>);

struct Worker<T> {
    source: Arc<CrlSource>,
    fetcher: Arc<Fetcher>,
    settings: CrlWatchSettings,
    tell: T,
    inbox: Arc<Inbox>,
    urls: BTreeMap<usize, Due>,
    told: BTreeMap<usize, CrlError>,
    /// Problems of files that may pass by themselves, and since when they stand.
    pending: BTreeMap<usize, (CrlError, Instant)>,
    good_list_told: Option<GoodListError>,
    events: Option<RecommendedWatcher>,
    dice: RandomState,
}

impl<T: FnMut(CrlEvent)> Worker<T> {
    async fn run(mut self) {
        let mut asking: JoinSet<Asked> = JoinSet::new();
        while !self.inbox.stop.load(Ordering::Acquire) {
            if self.events.is_none() && self.settings.events {
                self.events = self.new_events();
            }
            self.look_at_files();
            self.ask_what_is_due(&mut asking);
            self.tell_problems();
            let inbox = Arc::clone(&self.inbox);
            tokio::select! {
                () = tokio::time::sleep(self.settings.poll) => {}
                Some(asked) = asking.join_next() => {
                    if let Ok(asked) = asked {
                        self.conclude(asked);
                    }
                }
                () = inbox.wake.notified() => tokio::time::sleep(SETTLE).await,
            }
        }
    }

    fn look_at_files(&mut self) {
        for outcome in self.source.refresh_files() {
            self.tell_outcome(outcome);
        }
        match self.source.refresh_good_list() {
            Ok(None) => {}
            Ok(Some(change)) => {
                self.good_list_told = None;
                (self.tell)(CrlEvent::GoodList(change));
            }
            Err(error) => {
                if self.good_list_told.as_ref() != Some(&error) {
                    self.good_list_told = Some(error.clone());
                    (self.tell)(CrlEvent::GoodListFailed(error));
                }
            }
        }
    }

    /// Failures are told by what stands at the end of the round: a delta may have waited for its base.
    fn tell_outcome(&mut self, outcome: Result<Refreshed, (String, CrlError)>) {
        if let Ok(refreshed) = outcome {
            (self.tell)(CrlEvent::Refreshed(refreshed));
        }
    }

    fn ask_what_is_due(&mut self, asking: &mut JoinSet<Asked>) {
        let now = self.source.now();
        let all = self.inbox.refresh.swap(false, Ordering::AcqRel);
        for index in (0..self.source.count()).filter(|index| self.source.is_url(*index)) {
            let due = self.urls.entry(index).or_default();
            due.again |= all && due.asking;
            if due.asking || !(all || due.at.is_none_or(|at| at <= now)) {
                continue;
            }
            due.asking = true;
            let (source, fetcher) = (Arc::clone(&self.source), Arc::clone(&self.fetcher));
            asking.spawn(async move { (index, source.refresh_url(index, &fetcher).await) });
        }
    }

    fn conclude(&mut self, (index, outcome): Asked) {
        let now = self.source.now();
        let failed = matches!(outcome, Some(Err(_)));
        let fresh = matches!(outcome, Some(Ok(_)));
        let due = self.urls.entry(index).or_default();
        due.asking = false;
        due.failures = if failed {
            due.failures.saturating_add(1)
        } else {
            0
        };
        let attempt = match self.source.timing(index) {
            Some((next_update, freshness)) if !failed => Attempt::Good {
                next_update,
                freshness,
            },
            _ => Attempt::Failed(due.failures.max(1)),
        };
        let [.., a, b, c, d] = self.dice.hash_one((index, now.unix())).to_be_bytes();
        let pause = self
            .settings
            .schedule
            .pause(attempt, now, u32::from_be_bytes([a, b, c, d]));
        due.at = Some(now + pause).filter(|_| !due.again);
        due.again = false;
        if fresh {
            // A delta may have waited for this.
            for (other, due) in &mut self.urls {
                let waits = matches!(self.told.get(other), Some(CrlError::Delta(_)));
                if waits {
                    due.at = None;
                }
            }
        }
        if let Some(outcome) = outcome {
            self.tell_outcome(outcome);
        }
    }

    fn tell_problems(&mut self) {
        for (index, place, problem) in self.source.problems() {
            // What is under way is told when it is over, after what came of it.
            if self.urls.get(&index).is_some_and(|due| due.asking) {
                continue;
            }
            if problem.is_none() {
                self.pending.remove(&index);
            }
            match problem {
                Some(error) if self.told.get(&index) != Some(&error) => {
                    if !self.source.is_url(index) && self.may_pass(index, &error) {
                        continue;
                    }
                    self.told.insert(index, error.clone());
                    (self.tell)(CrlEvent::Failed { place, error });
                }
                None if self.told.remove(&index).is_some() => {
                    (self.tell)(CrlEvent::Recovered { place });
                }
                _ => {}
            }
        }
    }

    /// Whether a problem of a file is younger than the patience.
    fn may_pass(&mut self, index: usize, error: &CrlError) -> bool {
        let now = Instant::now();
        let (known, since) = self
            .pending
            .entry(index)
            .or_insert_with(|| (error.clone(), now));
        if known != error {
            (*known, *since) = (error.clone(), now);
        }
        since.elapsed() < self.settings.patience
    }

    /// Nothing if the system has no events, or a folder is not there: then looking has to do.
    fn new_events(&self) -> Option<RecommendedWatcher> {
        let inbox = Arc::clone(&self.inbox);
        let wake = move |event: notify::Result<notify::Event>| {
            // Our own reading opens and closes files, and that is no news.
            let reading =
                event.is_ok_and(|event| event.kind.is_access() && !is_written(&event.kind));
            if !reading {
                inbox.wake.notify_one();
            }
        };
        let mut events = notify::recommended_watcher(wake).ok()?;
        for folder in self.source.folders() {
            events.watch(&folder, RecursiveMode::NonRecursive).ok()?;
        }
        Some(events)
    }
}

fn is_written(kind: &notify::EventKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    *kind == notify::EventKind::Access(AccessKind::Close(AccessMode::Write))
}
