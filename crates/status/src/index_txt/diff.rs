//! What changed between two tables, and whether somebody has to say a word about it (threats T-1).

use super::table::{Row, Table};
use crate::serial_key::SerialKey;

/// The serial numbers whose answer changes, each in one of seven lists.
///
/// Four kinds of change pass by themselves: added, revoked, released, altered. The other three,
/// `lost`, `unrevoked` and `weakened`, make something revoked good or could do so at the second
/// step, and need a word of the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diff {
    /// In the new table alone.
    pub added: Vec<SerialKey>,
    /// In the old table alone.
    pub lost: Vec<SerialKey>,
    /// Issued, and now revoked or on hold.
    pub revoked: Vec<SerialKey>,
    /// On hold, and now issued again: the one way back that there is.
    pub released: Vec<SerialKey>,
    /// Revoked for good, and now issued.
    pub unrevoked: Vec<SerialKey>,
    /// Revoked for good, and now on hold, from where the next reload could release it.
    pub weakened: Vec<SerialKey>,
    /// Anything else: another time or reason, from hold to revoked, another notAfter.
    pub altered: Vec<SerialKey>,
}

impl Diff {
    /// Compares two tables by what they would answer. A row that went from `V` to `E` did not
    /// change.
    #[must_use]
    pub fn between(old: &Table, new: &Table) -> Self {
        let mut diff = Self::default();
        let mut common = 0;
        for row in new.iter() {
            if let Some(before) = old.get(row.serial) {
                common += 1;
                diff.compare(&before, &row);
            } else {
                diff.added.push(SerialKey::new(row.serial));
            }
        }
        if common < old.len() {
            let lost = old.iter().filter(|row| new.get(row.serial).is_none());
            diff.lost = lost.map(|row| SerialKey::new(row.serial)).collect();
        }
        diff
    }

    fn compare(&mut self, before: &Row<'_>, after: &Row<'_>) {
        if before.status() == after.status() {
            return;
        }
        let list = match (before.revocation, after.revocation) {
            (None, Some(_)) => &mut self.revoked,
            (Some(was), None) if was.is_hold() => &mut self.released,
            (Some(_), None) => &mut self.unrevoked,
            (Some(was), Some(is)) if is.is_hold() && !was.is_hold() => &mut self.weakened,
            _ => &mut self.altered,
        };
        list.push(SerialKey::new(after.serial));
    }

    /// Whether the operator has to say a word.
    #[must_use]
    pub const fn needs_word(&self) -> bool {
        !(self.lost.is_empty() && self.unrevoked.is_empty() && self.weakened.is_empty())
    }

    /// Whether no answer changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed().next().is_none()
    }

    /// All serial numbers whose answer changes.
    pub fn changed(&self) -> impl Iterator<Item = &SerialKey> {
        self.lists().into_iter().flatten()
    }

    pub(super) fn into_changed(self) -> Vec<SerialKey> {
        let mut all = self.added;
        for mut list in [
            self.lost,
            self.revoked,
            self.released,
            self.unrevoked,
            self.weakened,
            self.altered,
        ] {
            all.append(&mut list);
        }
        all
    }

    const fn lists(&self) -> [&Vec<SerialKey>; 7] {
        [
            &self.added,
            &self.lost,
            &self.revoked,
            &self.released,
            &self.unrevoked,
            &self.weakened,
            &self.altered,
        ]
    }
}
