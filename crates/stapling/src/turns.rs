//! Who comes next: numbers of slots by the time of their turn, each at most once.

use std::collections::{BTreeMap, BTreeSet};

/// Turns by time.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    order: BTreeSet<(T, usize)>,
    when: BTreeMap<usize, T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            order: BTreeSet::new(),
            when: BTreeMap::new(),
        }
    }
}

impl<T: Copy + Ord> Turns<T> {
    /// Gives a turn, in the place of the one that it had.
    pub(crate) fn put(&mut self, index: usize, at: T) {
        if let Some(old) = self.when.insert(index, at) {
            self.order.remove(&(old, index));
        }
        self.order.insert((at, index));
    }

    /// Takes its turn away; says whether it had one.
    pub(crate) fn remove(&mut self, index: usize) -> bool {
        let old = self.when.remove(&index);
        old.is_some_and(|old| self.order.remove(&(old, index)))
    }

    /// Whether it has a turn.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.when.contains_key(&index)
    }

    /// The first turn that has come.
    pub(crate) fn take_due(&mut self, now: T) -> Option<usize> {
        let (at, index) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.remove(index);
        Some(index)
    }

    /// The time of the first turn.
    pub(crate) fn first(&self) -> Option<T> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Everybody's turn comes now.
    pub(crate) fn all_at(&mut self, now: T) {
        for at in self.when.values_mut() {
            *at = now;
        }
        self.order = self.when.keys().map(|index| (now, *index)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_turn_and_they_come_in_order() {
        let mut turns = Turns::default();
        for (index, at) in [(1, 30), (2, 20), (3, 40), (2, 50)] {
            turns.put(index, at);
        }
        assert_eq!((turns.first(), turns.take_due(29)), (Some(30), None));
        assert_eq!(turns.take_due(30), Some(1));
        assert!(turns.remove(3) && !turns.remove(3) && !turns.remove(1));
        turns.put(4, 60);
        turns.all_at(5);
        assert_eq!(turns.take_due(5), Some(2));
        assert_eq!(turns.take_due(5), Some(4));
        assert_eq!(turns.take_due(99), None);
    }
}
