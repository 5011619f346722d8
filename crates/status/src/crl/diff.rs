//! What changed from one CRL to the next, so that caches forget just that.

use certvouch_types::pkix::Name;

use super::table::{Entry, Table};
use crate::limits::MAX_CHANGES;
use crate::serial_key::SerialKey;

/// Serial numbers, as many as a list may have, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Capped {
    pub(super) listed: Vec<SerialKey>,
    pub(super) count: usize,
}

impl Capped {
    fn push(&mut self, serial: &[u8]) {
        self.count += 1;
        if self.listed.len() < MAX_CHANGES {
            self.listed.push(SerialKey::new(serial));
        }
    }

    fn is_whole(&self) -> bool {
        self.count == self.listed.len()
    }
}

/// The serial numbers whose entries differ.
#[derive(Debug, Default)]
pub(super) struct Diff {
    /// In the new CRL alone, or with another content.
    pub(super) added: Capped,
    /// Permanent revocations that are gone: of expired certificates, by the CA's word.
    pub(super) dropped: Capped,
    /// Holds that are gone.
    pub(super) released: Capped,
}

impl Diff {
    /// Compares two tables. Both are walked side by side, since a CRL mostly is its predecessor with some entries more
    /// and some less; only where they part is one looked up in the other.
    pub(super) fn between(old: Option<&Table>, new: &Table, issuer: Name<'_>) -> Self {
        let mut diff = Self::default();
        let Some(old) = old else {
            let listed = new.walk(issuer).take(MAX_CHANGES);
            listed.for_each(|(serial, _)| diff.added.push(serial));
            diff.added.count = new.len();
            return diff;
        };
        let mut before = old.walk(issuer).peekable();
        let mut accounted = 0;
        for (serial, entry) in new.walk(issuer) {
            // What the old one alone has is passed over.
            while let Some((gone, was)) =
                before.next_if(|(was, _)| *was != serial && !new.contains(was))
            {
                diff.lose(gone, &was);
                accounted += 1;
            }
            let was = match before.next_if(|(was, _)| *was == serial) {
                Some((_, was)) => Some(was),
                None => old.get(serial).map(|(was, _)| was),
            };
            accounted += usize::from(was.is_some());
            if was != Some(entry) {
                diff.added.push(serial);
            }
        }
        for (serial, was) in before {
            if !new.contains(serial) {
                diff.lose(serial, &was);
                accounted += 1;
            }
        }
        if accounted < old.len() {
            // The order differs.
            (diff.dropped, diff.released) = (Capped::default(), Capped::default());
            for (serial, was) in old.walk(issuer) {
                if !new.contains(serial) {
                    diff.lose(serial, &was);
                }
            }
        }
        diff
    }

    fn lose(&mut self, serial: &[u8], was: &Entry) {
        let list = if was.is_hold() || was.removes() {
            &mut self.released
        } else {
            &mut self.dropped
        };
        list.push(serial);
    }

    /// All of them, unless there are too many to list.
    pub(super) fn changed(&self) -> Option<impl Iterator<Item = &SerialKey>> {
        let lists = [&self.added, &self.dropped, &self.released];
        let whole = lists.iter().all(|list| list.is_whole());
        whole.then(|| lists.into_iter().flat_map(|list| &list.listed))
    }
}
