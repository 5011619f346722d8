//! The serial numbers of a good-list, compactly: one arena of records and a hash table of places in it.

use core::fmt;
use core::hash::BuildHasher as _;

use certvouch_types::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::error::LineFault;
use crate::limits::MAX_SERIAL_KEPT;
use crate::serial_key::minimal;

/// What is known about a certificate that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// The last second of its validity, if the list says so.
    pub not_after: Option<Timestamp>,
}

/// The serial numbers of one good-list.
#[derive(Clone, Default)]
pub struct GoodTable {
    /// Length of the number, the number, notAfter in eight octets (all ones: unknown).
    records: Vec<u8>,
    places: HashTable<u32>,
    hasher: RandomState,
}

const TIME: usize = 8;

impl GoodTable {
    /// Adds a number. Of two notAfter for one number the later one counts.
    pub(super) fn insert(
        &mut self,
        unsigned: &[u8],
        not_after: Option<Timestamp>,
    ) -> Result<(), LineFault> {
        let serial = minimal(unsigned);
        let length = u8::try_from(serial.len()).map_err(|_| LineFault::SerialTooLong)?;
        if serial.len() > MAX_SERIAL_KEPT {
            return Err(LineFault::SerialTooLong);
        }
        let place = u32::try_from(self.records.len()).map_err(|_| LineFault::TooLarge)?;
        let time = not_after.map_or(i64::MAX, Timestamp::unix);
        if let Some(known) = self.find(serial) {
            let at = known + 1 + serial.len();
            let before = self.time_at(at);
            let later = if before == i64::MAX {
                time
            } else {
                before.max(time)
            };
            self.records[at..at + TIME].copy_from_slice(&later.to_be_bytes());
            return Ok(());
        }
        self.records.push(length);
        self.records.extend_from_slice(serial);
        self.records.extend(time.to_be_bytes());
        let (records, hasher) = (&self.records, &self.hasher);
        self.places
            .insert_unique(hasher.hash_one(serial), place, |other| {
                hasher.hash_one(serial_at(records, *other))
            });
        Ok(())
    }

    pub(super) fn finish(mut self) -> Self {
        self.records.shrink_to_fit();
        self
    }

    fn find(&self, serial: &[u8]) -> Option<usize> {
        let place = self.places.find(self.hasher.hash_one(serial), |place| {
            serial_at(&self.records, *place) == serial
        })?;
        usize::try_from(*place).ok()
    }

    fn time_at(&self, at: usize) -> i64 {
        let octets = self.records.get(at..at + TIME);
        octets
            .and_then(|octets| octets.try_into().ok())
            .map_or(i64::MAX, i64::from_be_bytes)
    }

    /// What is known about the serial number with these unsigned big-endian octets; nothing if it was never issued.
    #[must_use]
    pub fn get(&self, unsigned: &[u8]) -> Option<Issued> {
        let serial = minimal(unsigned);
        let time = self.time_at(self.find(serial)? + 1 + serial.len());
        let not_after = (time != i64::MAX).then(|| Timestamp::from_unix(time));
        Some(Issued { not_after })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Octets of memory that it takes.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.records.capacity() + self.places.allocation_size()
    }

    /// The numbers in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.records.as_slice();
        core::iter::from_fn(move || {
            let (length, tail) = rest.split_first()?;
            let (serial, tail) = tail.split_at_checked(usize::from(*length))?;
            rest = tail.get(TIME..)?;
            Some(serial)
        })
    }
}

fn serial_at(records: &[u8], place: u32) -> &[u8] {
    let at = usize::try_from(place).unwrap_or(usize::MAX);
    let record = records.get(at..).unwrap_or_default();
    let length = record.first().map_or(0, |length| usize::from(*length));
    record.get(1..1 + length).unwrap_or_default()
}

impl fmt::Debug for GoodTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoodTable")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
