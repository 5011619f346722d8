//! What changed from one CRL to the next, so that caches forget just that.

use certvouch_types::pkix::Name;

use super::table::{Entry, Table};
use crate::serial_key::SerialKey;

/// The serial numbers whose entries differ.
#[derive(Debug, Default)]
pub(super) struct Diff {
    /// In the new CRL alone, or with another content.
    pub(super) added: Vec<SerialKey>,
    /// Permanent revocations that are gone: of expired certificates, by the CA's word.
    pub(super) dropped: Vec<SerialKey>,
    /// Holds that are gone.
    pub(super) released: Vec<SerialKey>,
}

impl Diff {
    /// Compares two tables. Both are walked side by side, since a CRL mostly is its predecessor with some entries more
    /// and some less; only where they part is one looked up in the other.
    pub(super) fn between(old: Option<&Table>, new: &Table, issuer: Name<'_>) -> Self {
        let mut diff = Self::default();
        let Some(old) = old else {
            diff.added = new
                .walk(issuer)
                .map(|(serial, _)| SerialKey::new(serial))
                .collect();
            return diff;
        };
        let mut before = old.walk(issuer).peekable();
        let mut accounted = 0;
        for (serial, entry) in new.walk(issuer) {
            // What the old one alone has is passed over.
            while let Some((gone, was)) =
                before.next_if(|(was, _)| *was != serial && new.get(was).is_none())
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
                diff.added.push(SerialKey::new(serial));
            }
        }
        if accounted < old.len() {
            // The order differs, or the end of the old one is gone.
            diff.dropped.clear();
            diff.released.clear();
            for (serial, was) in old.walk(issuer) {
                if new.get(serial).is_none() {
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
        list.push(SerialKey::new(serial));
    }

    /// All of them.
    pub(super) fn changed(&self) -> impl Iterator<Item = &SerialKey> {
        self.added.iter().chain(&self.dropped).chain(&self.released)
    }
}
