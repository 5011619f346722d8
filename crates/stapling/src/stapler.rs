//! The engine: asks for every certificate in its care, in time, and keeps what was verified.
//!
//! What it promises:
//!
//! * What the store holds is given out at once, after it was verified again; the network is not needed for that.
//! * A certificate is asked for when it comes, and again when its [`Schedule`] says so. At most
//!   [`Options::parallel`] fetches run at a time, and each ends after [`Options::fetch_time`], whatever servers do.
//! * No failure takes away a staple before its end, and no staple is given out after it: [`Slot::staple`] looks at the
//!   clock each time.
//! * An answer is on the disk before anybody is told of it. If it cannot be kept there, that is a problem of the state,
//!   and the answer counts nevertheless.
//! * Of several processes with one store, one fetches (see [`crate::store`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certvouch_client::{CertIdHash, Client, Clock, NonceMode, Policy, Source};
use certvouch_fetch::{FetchError, Resolve, SystemResolver};
use certvouch_types::Timestamp;
use certvouch_verify::QueryError;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::due::Due;
use crate::expect::{About, Awaited, Expected};
use crate::fetch;
use crate::limits::{FETCH_TIME, LONGEST_SLEEP, PARALLEL, URGENT};
use crate::schedule::{Random, Schedule};
use crate::slot::{Found, Origin, Slot, Subject};
use crate::store::Store;
use crate::turns::Turns;

/// Tells the time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Gives random numbers for the spreading of attempts.
pub type Dice = Arc<dyn Fn() -> Random + Send + Sync>;
type Job = Box<dyn FnOnce() + Send>;
type Observer = Arc<dyn Fn(&Arc<Slot>) + Send + Sync>;

/// How a [`Stapler`] works.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// When certificates are asked for.
    pub schedule: Schedule,
    /// How responders are asked. Sources, nonce and hash are the stapler's to set.
    pub policy: Policy,
    /// Where answers are kept.
    pub store: Option<Store>,
    /// Fetches at the same time.
    pub parallel: usize,
    /// Time for one fetch.
    pub fetch_time: Duration,
    /// The clock.
    pub now: Now,
    /// The dice.
    pub dice: Dice,
    /// Who resolves names.
    pub resolver: Arc<dyn Resolve>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("schedule", &self.schedule)
            .field("store", &self.store)
            .field("parallel", &self.parallel)
            .field("fetch_time", &self.fetch_time)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults with this clock.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self {
            schedule: Schedule::default(),
            policy: Policy::default(),
            store: None,
            parallel: PARALLEL,
            fetch_time: FETCH_TIME,
            now,
            // Without random numbers all that is lost is that a fleet spreads.
            dice: Arc::new(|| getrandom::u32().unwrap_or(Random::MAX / 2)),
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// Keeps staples fresh. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Stapler {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    clients: BTreeMap<u8, Client>,
    table: Mutex<Table>,
    wake: Notify,
    observers: Mutex<Vec<Observer>>,
    jobs: Mutex<Vec<Job>>,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

/// All slots, and those that wait for their time. One that does neither is being asked for.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) slots: Vec<Option<Arc<Slot>>>,
    /// By serial number, since that is what those know who tell of changes.
    by_serial: BTreeMap<Box<[u8]>, Vec<usize>>,
    pub(crate) waiting: Turns<Timestamp>,
    /// Those that do not wait for the schedule, whose clock has whole seconds.
    pub(crate) urgent: Turns<Instant>,
    /// Those whose status is said to have changed.
    pub(crate) awaited: BTreeMap<usize, Awaited>,
    /// What was said so far.
    turns: u64,
}

impl Table {
    fn is_waiting(&self, index: usize) -> bool {
        self.waiting.has(index) || self.urgent.has(index)
    }

    /// Those that something is about.
    fn find(&self, about: About<'_>) -> Vec<(usize, Arc<Slot>)> {
        let slot = |index: usize| self.slots.get(index).cloned().flatten();
        let pair = |index: usize| Some((index, slot(index)?));
        let is = |(_, slot): &(usize, Arc<Slot>)| about.is(slot);
        match about.serial {
            Some(serial) => {
                let indices = self.by_serial.get(serial).into_iter().flatten();
                indices.copied().filter_map(pair).filter(is).collect()
            }
            None => (0..self.slots.len()).filter_map(pair).filter(is).collect(),
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Stapler {
    /// A stapler without certificates.
    ///
    /// # Errors
    /// The TLS roots of [`Policy::fetch`] cannot be loaded.
    pub fn new(options: Options) -> Result<Self, FetchError> {
        let mut clients = BTreeMap::new();
        for hash in [
            CertIdHash::Sha1,
            CertIdHash::Sha256,
            CertIdHash::Sha256ThenSha1,
        ] {
            let mut policy = options.policy.clone();
            policy.sources = vec![Source::Ocsp];
            // A nonce would keep caches from answering, and nobody compares it in a staple (RFC 9919 3.1.1).
            policy.nonce = NonceMode::Off;
            policy.cert_id_hash = hash;
            policy.cache_folder = None;
            policy.total_time = policy.total_time.min(options.fetch_time);
            let now = Arc::clone(&options.now);
            let clock = Clock::from_fn(move || now());
            let client = Client::with(policy, clock, Arc::clone(&options.resolver))?;
            clients.insert(index(hash), client);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                clients,
                table: Mutex::default(),
                wake: Notify::new(),
                observers: Mutex::default(),
                jobs: Mutex::default(),
                errors: Mutex::default(),
            }),
        })
    }

    /// Takes a certificate into care: what the store holds is verified and given out at once, and unless that is fresh
    /// the certificate is asked for as soon as the engine runs.
    ///
    /// # Errors
    /// Certificate and issuer do not belong together, or cannot be read.
    pub fn add(&self, subject: Subject) -> Result<Arc<Slot>, QueryError> {
        let slot = Arc::new(Slot::new(subject)?);
        let now = self.inner.now();
        let loaded = self.inner.load(&slot, now);
        let due = match slot.staple(now) {
            Some(staple) if loaded => self.inner.after_loading(&staple, now),
            _ => now,
        };
        slot.update(|state| state.next_attempt = Some(due));
        let mut table = self.inner.table();
        let index = table.slots.len();
        table.slots.push(Some(Arc::clone(&slot)));
        let twins = table.by_serial.entry(slot.serial().into()).or_default();
        twins.push(index);
        table.waiting.put(index, due);
        drop(table);
        self.inner.wake.notify_one();
        Ok(slot)
    }

    /// Lets a certificate go. A fetch that is under way ends by itself.
    pub fn remove(&self, slot: &Arc<Slot>) {
        let mut table = self.inner.table();
        let known = |other: &Option<Arc<Slot>>| {
            let other = other.as_ref();
            other.is_some_and(|other| Arc::ptr_eq(other, slot))
        };
        if let Some(index) = table.slots.iter().position(known) {
            if let Some(place) = table.slots.get_mut(index) {
                *place = None;
            }
            let _ = table.waiting.remove(index);
            let _ = table.urgent.remove(index);
            if table.awaited.remove(&index).is_some() {
                slot.update(|state| state.awaited = None);
            }
            if let Some(twins) = table.by_serial.get_mut(slot.serial()) {
                twins.retain(|twin| *twin != index);
                if twins.is_empty() {
                    table.by_serial.remove(slot.serial());
                }
            }
        }
    }

    /// Everything in care.
    #[must_use]
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        self.inner.table().slots.iter().flatten().cloned().collect()
    }

    /// Has every certificate asked for now, whatever the schedule says.
    pub fn hurry(&self) {
        let now = self.inner.now();
        self.inner.table().waiting.all_at(now);
        self.inner.wake.notify_one();
    }

    /// Takes the word of somebody who knows that a status is now this one: certificates in care whose staple does not say
    /// so are asked for at once, past caches, and again within bounds until their staple does. One that is being asked for
    /// is asked for once more. Gives those for which that is done.
    pub fn hear(&self, about: About<'_>, expected: Expected) -> Vec<Arc<Slot>> {
        let now = self.inner.now();
        let mut table = self.inner.table();
        let found = table.find(about);
        table.turns += 1;
        let turn = table.turns;
        let mut concerned = Vec::new();
        for (index, slot) in found {
            let waits = table.is_waiting(index);
            if waits && expected.is_met(&slot, now) {
                if table.awaited.remove(&index).is_some() {
                    slot.update(|state| state.awaited = None);
                }
                continue;
            }
            // Of what was revoked for good no other word is believed; that the responder says one is worth an attempt.
            let final_word = expected == Expected::Good && slot.state().finally_revoked;
            let awaited = Awaited {
                expected: if final_word { Expected::Any } else { expected },
                turn,
                tries: 0,
            };
            table.awaited.insert(index, awaited);
            slot.update(|state| state.awaited = Some(awaited.expected));
            if waits && about.serial.is_some() {
                table.urgent.put(index, Instant::now());
            } else if waits {
                table.waiting.put(index, now);
            }
            concerned.push(slot);
        }
        drop(table);
        self.inner.wake.notify_one();
        concerned
    }

    /// Calls this whenever an attempt about a slot has ended, well or not: whoever tells of staples has to hear of failures
    /// too. It must not block.
    pub fn observe(&self, observer: impl Fn(&Arc<Slot>) + Send + Sync + 'static) {
        let mut observers = lock(&self.inner.observers);
        observers.push(Arc::new(observer));
    }

    /// Has the engine do this before it looks for what is due.
    pub(crate) fn later(&self, job: impl FnOnce() + Send + 'static) {
        lock(&self.inner.jobs).push(Box::new(job));
        self.inner.wake.notify_one();
    }

    /// Failures since the start, by their codes.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.inner.errors).clone()
    }

    /// Asks for all that is due, and returns when nothing is under way and nothing is due any more; says when the next
    /// one is. Needs a tokio runtime with I/O and time.
    pub async fn refresh_due(&self) -> Option<Timestamp> {
        let mut running = JoinSet::new();
        loop {
            self.start_due(&mut running);
            if running.join_next().await.is_none() {
                return self.inner.table().waiting.first();
            }
        }
    }

    /// Keeps everything fresh until it is dropped.
    pub async fn run(&self) {
        let mut running = JoinSet::new();
        loop {
            self.start_due(&mut running);
            let pause = self.pause(running.len());
            tokio::select! {
                Some(_) = running.join_next(), if !running.is_empty() => {}
                () = self.inner.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn start_due(&self, running: &mut JoinSet<()>) {
        for job in std::mem::take(&mut *lock(&self.inner.jobs)) {
            job();
        }
        while let Some(due) = self.inner.take_due(running.len()) {
            running.spawn(fetch::refresh(due));
        }
    }

    /// Until the next attempt that may be made beside those that run; the clock has whole seconds.
    fn pause(&self, running: usize) -> Duration {
        let table = self.inner.table();
        let (parallel, now) = (self.inner.parallel(), Instant::now());
        let next = table.waiting.first().filter(|_| running < parallel);
        let next = next.map(|next| next.seconds_since(self.inner.now()).max(0));
        let scheduled = match next.and_then(|seconds| u64::try_from(seconds).ok()) {
            Some(0) => Duration::from_millis(10),
            Some(seconds) => Duration::from_secs(seconds).min(LONGEST_SLEEP),
            None => LONGEST_SLEEP,
        };
        let urgent = table.urgent.first().filter(|_| running < parallel + URGENT);
        urgent.map_or(scheduled, |at| {
            scheduled.min(at.saturating_duration_since(now))
        })
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        (self.options.now)()
    }

    fn parallel(&self) -> usize {
        self.options.parallel.max(1)
    }

    pub(crate) fn client(&self, hash: CertIdHash) -> Option<&Client> {
        self.clients.get(&index(hash))
    }

    pub(crate) fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        lock(&self.table)
    }

    /// The next one to be asked for beside so many.
    fn take_due(self: &Arc<Self>, running: usize) -> Option<Due> {
        let mut table = self.table();
        let (parallel, now) = (self.parallel(), self.now());
        let urgent = if running < parallel + URGENT {
            table.urgent.take_due(Instant::now())
        } else {
            None
        };
        let index = match urgent {
            Some(index) => index,
            None if running < parallel => table.waiting.take_due(now)?,
            None => return None,
        };
        // It is in both places if it was told of a change while it waited.
        let _ = table.waiting.remove(index);
        let _ = table.urgent.remove(index);
        let slot = table.slots.get(index).cloned().flatten()?;
        let turn = table.awaited.get(&index).map(|awaited| awaited.turn);
        Some(Due::new(Arc::clone(self), slot, index, turn))
    }

    pub(crate) fn tell(&self, slot: &Arc<Slot>) {
        let observers = lock(&self.observers).clone();
        for observer in observers {
            observer(slot);
        }
    }

    pub(crate) fn count(&self, code: &'static str) {
        *lock(&self.errors).entry(code).or_default() += 1;
    }

    /// Takes what the store holds; says whether that is a new staple. A file that does not verify is as if it were not
    /// there, and told.
    pub(crate) fn load(&self, slot: &Arc<Slot>, now: Timestamp) -> bool {
        let Some(store) = &self.options.store else {
            return false;
        };
        let read = store.load(slot.key());
        let problem = match read {
            Ok(None) => return false,
            Ok(Some(der)) => match slot.verify(&der, now, &self.options.policy.profile) {
                Ok(Found::Staple(staple)) => {
                    let accepted = slot.accept(staple, Origin::Store, now);
                    return accepted == crate::slot::Accepted::New;
                }
                Ok(Found::Over(status)) => {
                    slot.remember(status);
                    return false;
                }
                // What is over is no fault of the disk.
                Err(problem) if OVER.contains(&problem.code) => return false,
                Err(problem) => problem,
            },
            Err(why) => crate::slot::Problem::new(now, "store", &why),
        };
        self.count("store");
        slot.update(|state| state.last_error = Some(problem));
        false
    }

    /// When to ask again for what was loaded: as if it had been fetched when it was made.
    fn after_loading(&self, staple: &crate::Staple, now: Timestamp) -> Timestamp {
        let made = staple.this_update();
        let schedule = &self.options.schedule;
        let due = schedule.after_success(staple, made.min(now), (self.options.dice)());
        due.max(now)
    }
}

/// The codes of what was right once and is over.
const OVER: [&str; 3] = ["expired", "too-old", "signer-expired"];

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn index(hash: CertIdHash) -> u8 {
    match hash {
        CertIdHash::Sha1 => 0,
        CertIdHash::Sha256 => 1,
        _ => 2,
    }
}
