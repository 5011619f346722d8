//! Who may hold a connection: a number in all, a number for each source, and what gives when all places are taken.
//!
//! A connection that waits for its client costs a place and does no work. When there is none left, a newcomer gets that
//! of such a connection, if its source holds more of them than his own does. Which one is found by looking at a few, in
//! turn: nothing is counted or sorted while requests are answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certvouch_responder::Asker;
use tokio::sync::Notify;

use super::limits::SEATS_LOOKED_AT;
use super::stream::Progress;

/// All places of the public port.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_of_one: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    seats: Vec<Arc<Seat>>,
    by_asker: HashMap<Asker, usize>,
    next_look: usize,
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    /// Nobody, if it is a trusted proxy: it comes for many.
    asker: Asker,
    pub(super) progress: Progress,
    /// Told when the place is needed for somebody else.
    pub(super) leave: Notify,
    index: AtomicUsize,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    places: Arc<Places>,
    pub(super) seat: Arc<Seat>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// For anybody.
    Full,
    /// For this source.
    Share,
}

const GONE: usize = usize::MAX;

impl Places {
    pub(super) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most,
            most_of_one,
            held: Mutex::default(),
        }
    }

    /// A place on behalf of somebody; nobody stands for trusted proxies, which have no share.
    pub(super) fn take(self: &Arc<Self>, asker: Asker) -> Result<Taken, NoPlace> {
        let mut held = self.held();
        let own = held.by_asker.get(&asker).copied().unwrap_or(0);
        if asker != Asker::NOBODY && own >= self.most_of_one {
            return Err(NoPlace::Share);
        }
        if held.seats.len() >= self.most {
            let victim = held.victim(own).ok_or(NoPlace::Full)?;
            held.remove(&victim);
            victim.leave.notify_one();
        }
        let seat = Arc::new(Seat {
            asker,
            progress: Progress::default(),
            leave: Notify::new(),
            index: AtomicUsize::new(held.seats.len()),
        });
        held.seats.push(Arc::clone(&seat));
        *held.by_asker.entry(asker).or_default() += 1;
        Ok(Taken {
            places: Arc::clone(self),
            seat,
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Only a failed allocation can panic under this lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Of the next few that wait for their clients, one whose source has the most, and more than `own`.
    fn victim(&mut self, own: usize) -> Option<Arc<Seat>> {
        let count = self.seats.len();
        let looks = (0..SEATS_LOOKED_AT.min(count)).map(|n| (self.next_look + n) % count);
        let weight = |seat: &Seat| match seat.asker {
            // The share of a proxy is that of its clients, whom we do not see here.
            Asker::NOBODY => 0,
            asker => self.by_asker.get(&asker).copied().unwrap_or(0),
        };
        let found = looks
            .map(|index| &self.seats[index])
            .filter(|seat| seat.progress.waits_for_the_client())
            .max_by_key(|seat| weight(seat))
            .filter(|seat| weight(seat) > own)
            .cloned();
        self.next_look = (self.next_look + SEATS_LOOKED_AT) % count.max(1);
        found
    }

    fn remove(&mut self, seat: &Seat) {
        let index = seat.index.swap(GONE, Ordering::Relaxed);
        if index == GONE {
            return;
        }
        self.seats.swap_remove(index);
        if let Some(moved) = self.seats.get(index) {
            moved.index.store(index, Ordering::Relaxed);
        }
        if let Some(count) = self.by_asker.get_mut(&seat.asker) {
            *count -= 1;
            if *count == 0 {
                self.by_asker.remove(&seat.asker);
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.places.held().remove(&self.seat);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn asker(number: u8) -> Asker {
        Asker::from_address(Ipv4Addr::new(192, 0, 2, number).into())
    }

    // covers: T-43, E-10
    #[test]
    fn source_has_its_share_of_places_and_no_more() {
        let places = Arc::new(Places::new(10, 2));
        let one = places.take(asker(1)).unwrap();
        let _two = places.take(asker(1)).unwrap();
        assert_eq!(places.take(asker(1)).unwrap_err(), NoPlace::Share);
        let _other = places.take(asker(2)).unwrap();
        drop(one);
        let _again = places.take(asker(1)).unwrap();
        let _proxies: Vec<_> = (0..5)
            .map(|_| places.take(Asker::NOBODY).unwrap())
            .collect();
    }

    // covers: T-43, T-40
    #[test]
    fn idle_connection_of_the_greediest_gives_its_place() {
        let places = Arc::new(Places::new(4, 4));
        let greedy: Vec<_> = (0..3).map(|_| places.take(asker(1)).unwrap()).collect();
        let other = places.take(asker(2)).unwrap();
        // Those that are answered keep theirs.
        greedy[0].seat.progress.answering();
        other.seat.progress.answering();
        let _newcomer = places.take(asker(3)).unwrap();
        let gone = greedy
            .iter()
            .filter(|taken| taken.seat.index.load(Ordering::Relaxed) == GONE)
            .count();
        assert_eq!(gone, 1);
        assert_ne!(greedy[0].seat.index.load(Ordering::Relaxed), GONE);
        // The greedy one himself gets nobody's.
        assert_eq!(places.take(asker(1)).unwrap_err(), NoPlace::Full);
        drop((greedy, other));
        assert_eq!(places.held().seats.len(), 1);
        assert_eq!(places.held().by_asker.len(), 1);
    }
}
