//! A bounded queue in which everybody has the same share.
//!
//! Askers take turns, whatever each of them has waiting. When the queue is full, a newcomer takes the place of the
//! newest item of whoever has most in it, unless that would only turn the tables. So a flood displaces itself: who asks
//! for little is served after at most one item of each of the others.

use std::collections::{HashMap, VecDeque};

use certvouch_responder::Asker;

/// Items by asker. Askers without items are not kept, so that memory is bounded by the length.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    by_asker: HashMap<Asker, VecDeque<T>>,
    turns: VecDeque<Asker>,
    length: usize,
    most: usize,
}

/// What became of an item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed<T> {
    /// It waits.
    Waits,
    /// It waits, and this one no longer does.
    Displaced(T),
    /// There is no place for it.
    Refused(T),
}

impl<T> FairQueue<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            by_asker: HashMap::new(),
            turns: VecDeque::new(),
            length: 0,
            most,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.length
    }

    pub(super) fn push(&mut self, asker: Asker, item: T) -> Pushed<T> {
        if self.length < self.most {
            self.append(asker, item);
            return Pushed::Waits;
        }
        let own = self.by_asker.get(&asker).map_or(0, VecDeque::len);
        let heaviest = self.by_asker.iter().max_by_key(|(_, items)| items.len());
        match heaviest.map(|(asker, items)| (*asker, items.len())) {
            Some((heaviest, length)) if length > own + 1 => {
                let displaced = self.take_newest(heaviest);
                self.append(asker, item);
                displaced.map_or(Pushed::Waits, Pushed::Displaced)
            }
            _ => Pushed::Refused(item),
        }
    }

    /// The oldest item of the asker whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let asker = self.turns.pop_front()?;
        let items = self.by_asker.get_mut(&asker)?;
        let item = items.pop_front();
        self.length -= usize::from(item.is_some());
        if items.is_empty() {
            self.by_asker.remove(&asker);
        } else {
            self.turns.push_back(asker);
        }
        item
    }

    fn append(&mut self, asker: Asker, item: T) {
        let items = self.by_asker.entry(asker).or_default();
        if items.is_empty() {
            self.turns.push_back(asker);
        }
        items.push_back(item);
        self.length += 1;
    }

    /// Never the last one: whoever is displaced has at least two.
    fn take_newest(&mut self, asker: Asker) -> Option<T> {
        let item = self.by_asker.get_mut(&asker)?.pop_back()?;
        self.length -= 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn asker(number: u8) -> Asker {
        Asker::from_address(Ipv4Addr::new(192, 0, 2, number).into())
    }

    #[test]
    fn askers_take_turns() {
        let mut queue = FairQueue::new(10);
        for item in ["a1", "a2", "a3"] {
            assert_eq!(queue.push(asker(1), item), Pushed::Waits);
        }
        assert_eq!(queue.push(asker(2), "b1"), Pushed::Waits);
        assert_eq!(queue.push(asker(3), "c1"), Pushed::Waits);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["a1", "b1", "c1", "a2", "a3"]);
        assert!(queue.by_asker.is_empty() && queue.turns.is_empty());
        assert_eq!(queue.len(), 0);
    }

    // covers: T-43
    #[test]
    fn flood_displaces_itself_and_nobody_else() {
        let mut queue = FairQueue::new(4);
        for item in 0..4 {
            queue.push(asker(1), item);
        }
        assert_eq!(queue.push(asker(1), 4), Pushed::Refused(4));
        assert_eq!(queue.push(asker(2), 10), Pushed::Displaced(3));
        assert_eq!(queue.push(asker(2), 11), Pushed::Displaced(2));
        // Two each: nobody has more than his share.
        assert_eq!(queue.push(asker(2), 12), Pushed::Refused(12));
        assert_eq!(queue.push(asker(1), 5), Pushed::Refused(5));
        // Both have the same, and one of them has to give.
        let third = queue.push(asker(3), 20);
        assert!(matches!(third, Pushed::Displaced(1 | 11)), "{third:?}");
        assert_eq!(queue.len(), 4);
        assert_eq!(queue.pop(), Some(0));
    }

    #[test]
    fn many_askers_with_one_item_each_keep_their_places() {
        let mut queue = FairQueue::new(3);
        for number in 0..3 {
            queue.push(asker(number), number);
        }
        assert_eq!(queue.push(asker(9), 9), Pushed::Refused(9));
        assert_eq!(queue.pop(), Some(0));
        assert_eq!(queue.push(asker(9), 9), Pushed::Waits);
    }
}
