//! Single flight: of all who miss the same answer at the same time, one makes it and the others wait.
//!
//! The waiting works across runtimes, since every core has its own. What is promised (threats T-2):
//!
//! * A result is kept only if its serial number was not invalidated since its look-up began. [`Flights::invalidate`]
//!   forgets the flights of a key and removes what is kept in one step under the lock of that key, and
//!   [`Lead::land`] keeps its result under the same lock only if its flight is still the known one.
//! * Who asks after an invalidation never joins a flight from before it.
//! * A leader that is cancelled (its client left) leaves nobody hanging: the others see the channel close and try
//!   again, one of them as leader.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// A power of two; enough that the locks of 64 cores do not meet often.
const SHARDS: usize = 64;

type Outcome<V> = Option<V>;

struct Flight<V> {
    /// Tells this flight from a later one of the same key.
    number: u64,
    outcome: watch::Receiver<Outcome<V>>,
}

struct Shard<K, V> {
    flights: HashMap<K, Flight<V>>,
    next_number: u64,
}

/// The flights under way.
pub(crate) struct Flights<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
}

impl<K, V> std::fmt::Debug for Flights<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

/// What a caller found.
pub(crate) enum Boarding<'a, K: Hash + Eq + Clone, V: Clone> {
    /// The value was there after all.
    Found(V),
    /// Somebody else makes it.
    Wait(Waiting<V>),
    /// The caller makes it.
    Lead(Lead<'a, K, V>),
}

/// A place on somebody else's flight.
pub(crate) struct Waiting<V>(watch::Receiver<Outcome<V>>);

impl<V: Clone> Waiting<V> {
    /// The leader's value, or nothing if the leader is gone without one.
    pub(crate) async fn outcome(mut self) -> Option<V> {
        match self.0.wait_for(Option::is_some).await {
            Ok(value) => value.clone(),
            Err(_) => None,
        }
    }
}

/// The duty to make a value.
pub(crate) struct Lead<'a, K: Hash + Eq + Clone, V: Clone> {
    flights: &'a Flights<K, V>,
    key: K,
    number: u64,
    outcome: watch::Sender<Outcome<V>>,
    landed: bool,
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    pub(crate) fn new() -> Self {
        let shard = || {
            Mutex::new(Shard {
                flights: HashMap::new(),
                next_number: 0,
            })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
        }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % 64).unwrap_or(0);
        // A panic under this lock could only come from a failed allocation; the maps stay whole.
        self.shards[hash % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds the value (`find` runs under the lock), joins a flight, or begins one.
    pub(crate) fn board(&self, key: &K, find: impl FnOnce() -> Option<V>) -> Boarding<'_, K, V> {
        let mut shard = self.shard(key);
        if let Some(value) = find() {
            return Boarding::Found(value);
        }
        if let Some(flight) = shard.flights.get(key)
            // A leader that was cancelled has dropped its end.
            && (flight.outcome.has_changed().is_ok() || flight.outcome.borrow().is_some())
        {
            return Boarding::Wait(Waiting(flight.outcome.clone()));
        }
        let number = shard.next_number;
        shard.next_number += 1;
        let (outcome, receiver) = watch::channel(None);
        shard.flights.insert(
            key.clone(),
            Flight {
                number,
                outcome: receiver,
            },
        );
        Boarding::Lead(Lead {
            flights: self,
            key: key.clone(),
            number,
            outcome,
            landed: false,
        })
    }

    /// Forgets the flight of a key, so that its result is not kept and nobody joins it, and runs `remove` under the
    /// same lock.
    pub(crate) fn invalidate(&self, key: &K, remove: impl FnOnce()) {
        let mut shard = self.shard(key);
        shard.flights.remove(key);
        remove();
    }

    /// Forgets all flights, each shard together with its share of `remove`, which must be safe to run repeatedly.
    pub(crate) fn invalidate_all(&self, remove: impl Fn()) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.flights.clear();
            remove();
        }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Lead<'_, K, V> {
    /// Ends the flight: `keep` runs under the lock if nothing was invalidated meanwhile; those who wait get the value
    /// in any case, since they asked before the invalidation.
    pub(crate) fn land(mut self, value: &V, keep: impl FnOnce()) {
        let mut shard = self.flights.shard(&self.key);
        let current = shard
            .flights
            .get(&self.key)
            .is_some_and(|f| f.number == self.number);
        if current {
            keep();
            shard.flights.remove(&self.key);
        }
        drop(shard);
        self.landed = true;
        self.outcome.send_replace(Some(value.clone()));
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Drop for Lead<'_, K, V> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        let mut shard = self.flights.shard(&self.key);
        if shard
            .flights
            .get(&self.key)
            .is_some_and(|flight| flight.number == self.number)
        {
            shard.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn lead<'a>(flights: &'a Flights<u8, u8>, key: u8) -> Lead<'a, u8, u8> {
        match flights.board(&key, || None) {
            Boarding::Lead(lead) => lead,
            _ => panic!("expected to lead"),
        }
    }

    fn wait(flights: &Flights<u8, u8>, key: u8) -> Waiting<u8> {
        match flights.board(&key, || None) {
            Boarding::Wait(waiting) => waiting,
            _ => panic!("expected to wait"),
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn those_who_ask_meanwhile_get_the_leaders_value() {
        let flights = Flights::new();
        let lead = lead(&flights, 1);
        let (one, two) = (wait(&flights, 1), wait(&flights, 1));
        let kept = Cell::new(false);
        lead.land(&7, || kept.set(true));
        assert!(kept.get());
        assert_eq!(block_on(one.outcome()), Some(7));
        assert_eq!(block_on(two.outcome()), Some(7));
    }

    // covers: T-2
    #[test]
    fn result_of_a_lookup_from_before_an_invalidation_is_not_kept() {
        let flights = Flights::new();
        let old = lead(&flights, 1);
        let early = wait(&flights, 1);
        let removed = Cell::new(false);
        flights.invalidate(&1, || removed.set(true));
        assert!(removed.get());
        // Who asks now must not get what the old look-up saw.
        let new = lead(&flights, 1);
        old.land(&1, || panic!("the outdated result was kept"));
        assert_eq!(block_on(early.outcome()), Some(1));
        let late = wait(&flights, 1);
        let kept = Cell::new(false);
        new.land(&2, || kept.set(true));
        assert!(kept.get());
        assert_eq!(block_on(late.outcome()), Some(2));
    }

    #[test]
    fn cancelled_leader_leaves_nobody_hanging() {
        let flights = Flights::new();
        let leader = lead(&flights, 1);
        let waiting = wait(&flights, 1);
        drop(leader);
        assert_eq!(block_on(waiting.outcome()), None);
        lead(&flights, 1).land(&3, || ());
    }

    #[test]
    fn value_that_arrived_in_between_is_found_under_the_lock() {
        let flights: Flights<u8, u8> = Flights::new();
        assert!(matches!(flights.board(&1, || Some(9)), Boarding::Found(9)));
    }
}
