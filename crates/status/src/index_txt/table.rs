//! What an index says, packed: one record of 12 octets and the serial number for a valid row, and a
//! hash table of 32-bit places over them.
//!
//! A record is `flags, length, serial, notAfter (5), place of the row in the file (5)`; a revoked
//! one adds `time (5), reason`, and one with a detail `hold instruction, invalidity date (5)`.
//! Times are five octets from the year 0 on, which reach beyond 9999. Records are written once; a
//! row that loses against a stricter one with the same serial number is flagged as dead.

use core::fmt;
use core::hash::BuildHasher as _;

use certvouch_responder::{HoldInstruction, Knowledge, StatusRecord};
use certvouch_types::{CrlReason, SerialNumber, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::report::{ReportKind, Reports};
use crate::serial_key::minimal;

const DEAD: u8 = 0x80;
const REVOKED: u8 = 0x01;
const DETAIL: u8 = 0x02;
const EXPIRED: u8 = 0x04;
const SUSPENDED: u8 = 0x08;

const HEADER: usize = 2;
const WIDE: usize = 5;
const NO_REASON: u8 = 0xFF;

/// The first column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "OpenSSL closes the list")]
pub enum State {
    /// `V`: issued; also when notAfter has passed since.
    Valid,
    /// `E`: issued, and past notAfter when `openssl ca -updatedb` ran.
    Expired,
    /// `R`: revoked or on hold.
    Revoked,
    /// `S`: suspended, taken as on hold.
    Suspended,
}

/// The third column of a revoked row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why, if the row says so. Never removeFromCRL.
    pub reason: Option<CrlReason>,
    /// When the key is believed to have been compromised.
    pub invalidity_date: Option<Timestamp>,
    /// What to do about a certificate on hold.
    pub hold_instruction: Option<HoldInstruction>,
}

impl Revocation {
    /// Revoked at this time, and nothing else is known.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self {
            at,
            reason: None,
            invalidity_date: None,
            hold_instruction: None,
        }
    }

    /// Whether this is a hold, the only revocation that may end.
    #[must_use]
    pub fn is_hold(&self) -> bool {
        self.reason == Some(CrlReason::CertificateHold)
    }
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row<'a> {
    /// The serial number as minimal unsigned big-endian octets.
    pub serial: &'a [u8],
    /// The first column.
    pub state: State,
    /// The last second of the validity.
    pub not_after: Timestamp,
    /// How it was revoked; present exactly for [`State::Revoked`] and [`State::Suspended`].
    pub revocation: Option<Revocation>,
    /// The octet of the file at which the row begins, to show the row to somebody.
    pub offset: u64,
}

impl Row<'_> {
    /// What the responder is told about it.
    #[must_use]
    pub fn status(&self) -> StatusRecord {
        let Some(revocation) = self.revocation else {
            let mut record = StatusRecord::new(Knowledge::Issued);
            record.not_after = Some(self.not_after);
            return record;
        };
        let mut record = StatusRecord::new(Knowledge::Revoked {
            at: revocation.at,
            reason: revocation.reason,
        });
        record.not_after = Some(self.not_after);
        record.invalidity_date = revocation.invalidity_date;
        record.hold_instruction = revocation.hold_instruction;
        record
    }

    /// How strict the row is: issued, on hold, revoked; of two revocations the earlier one.
    fn strictness(&self) -> (u8, i64) {
        match self.revocation {
            None => (0, 0),
            Some(hold) if hold.is_hold() => (1, -hold.at.unix()),
            Some(revocation) => (2, -revocation.at.unix()),
        }
    }

    /// The row without its place, by which tables are compared.
    fn content(&self) -> (State, Timestamp, Option<Revocation>) {
        (self.state, self.not_after, self.revocation)
    }
}

/// How many rows of which kind a table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Serial numbers in all.
    pub rows: usize,
    /// Neither revoked nor marked as expired.
    pub valid: usize,
    /// Marked as expired.
    pub expired: usize,
    /// Revoked for good.
    pub revoked: usize,
    /// On hold or suspended.
    pub on_hold: usize,
}

/// The whole truth of one index file.
#[derive(Clone)]
pub struct Table {
    records: Vec<u8>,
    places: HashTable<u32>,
    hasher: RandomState,
    /// Rows that are in `records` and not yet in `places`; none in a finished table.
    pending: Vec<Pending>,
    counts: Counts,
    pub(super) reports: Reports,
}

/// A row on its way into the hash table.
#[derive(Clone, Copy)]
struct Pending {
    hash: u64,
    line: u64,
    place: u32,
}

/// Rows that enter the hash table together: enough to overlap, few enough to stay in the nearest
/// cache.
const BATCH: usize = 256;

/// More records than 32-bit places can reach.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Table {
    /// An empty table with room for this many rows.
    pub(super) fn with_room(rows: usize) -> Self {
        Self {
            // A valid row with a serial number of 16 octets has 28; what is too much is given back
            // in the end.
            records: Vec::with_capacity(rows.saturating_mul(28)),
            places: HashTable::with_capacity(rows),
            hasher: RandomState::default(),
            pending: Vec::with_capacity(BATCH),
            counts: Counts::default(),
            reports: Reports::default(),
        }
    }

    /// Adds a row. It is found only after [`Table::settle`], which [`Table::finish`] does for the
    /// last ones.
    ///
    /// The hash table of a large file is larger than the processor's caches. Rows enter it in
    /// batches, because the processor waits for many places at once when nothing else stands
    /// between them: twice as fast.
    pub(super) fn push(&mut self, row: &Row<'_>, line: u64) -> Result<(), Full> {
        let place = u32::try_from(self.records.len()).map_err(|_| Full)?;
        self.pending.push(Pending {
            hash: self.hasher.hash_one(row.serial),
            line,
            place,
        });
        self.counts.add(row);
        write(&mut self.records, row);
        if self.pending.len() == BATCH {
            self.settle();
        }
        Ok(())
    }

    /// Makes the pushed rows findable. Of two rows with one serial number the stricter one stays.
    fn settle(&mut self) {
        let mut pending = core::mem::take(&mut self.pending);
        for Pending { hash, line, place } in pending.drain(..) {
            let (records, hasher) = (&self.records, &self.hasher);
            let entry = self.places.entry(
                hash,
                |other| serial_at(records, *other) == serial_at(records, place),
                |other| hasher.hash_one(serial_at(records, *other)),
            );
            let mut occupied = match entry {
                Entry::Vacant(vacant) => {
                    vacant.insert(place);
                    continue;
                }
                Entry::Occupied(occupied) => occupied,
            };
            let (row, earlier) = (
                read(records, index(place)).0,
                read(records, index(*occupied.get())).0,
            );
            self.reports.push(line, row.serial, ReportKind::Duplicate);
            let stays = earlier.strictness() >= row.strictness();
            self.counts.remove(if stays { &row } else { &earlier });
            let dead = if stays {
                place
            } else {
                core::mem::replace(occupied.get_mut(), place)
            };
            self.records[index(dead)] |= DEAD;
        }
        self.pending = pending;
    }

    /// Takes in the last rows and gives back what was reserved for nothing.
    pub(super) fn finish(mut self) -> Self {
        self.settle();
        self.pending = Vec::new();
        self.reports.sort();
        self.records.shrink_to_fit();
        self
    }

    /// The row of the serial number with these unsigned big-endian octets.
    #[must_use]
    pub fn get(&self, unsigned: &[u8]) -> Option<Row<'_>> {
        let serial = minimal(unsigned);
        let place = self.places.find(self.hasher.hash_one(serial), |place| {
            serial_at(&self.records, *place) == serial
        })?;
        Some(read(&self.records, index(*place)).0)
    }

    /// What the responder is told about this serial number. A number without a row was never
    /// issued, and neither was a negative one.
    #[must_use]
    pub fn status(&self, serial: &SerialNumber<'_>) -> StatusRecord {
        let row = serial.unsigned().and_then(|octets| self.get(octets));
        row.map_or_else(
            || StatusRecord::new(Knowledge::NeverIssued),
            |row| row.status(),
        )
    }

    /// The rows in the order of the file; of two with one serial number the stricter one alone.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let mut at = 0;
        core::iter::from_fn(move || {
            while at < self.records.len() {
                let dead = self.records[at] & DEAD != 0;
                let (row, next) = read(&self.records, at);
                at = next;
                if !dead {
                    return Some(row);
                }
            }
            None
        })
    }

    /// How many serial numbers it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many rows of which kind.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// What was odd about the file.
    #[must_use]
    pub const fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Octets of memory that it takes.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.records.capacity() + self.places.allocation_size() + size_of::<Self>()
    }
}

impl PartialEq for Table {
    /// The same rows, wherever they stand in their files.
    fn eq(&self, other: &Self) -> bool {
        let has = |row: Row<'_>| {
            let theirs = other.get(row.serial);
            theirs.is_some_and(|theirs| theirs.content() == row.content())
        };
        self.len() == other.len() && self.iter().all(has)
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("counts", &self.counts)
            .field("reports", &self.reports.total())
            .finish_non_exhaustive()
    }
}

impl Counts {
    fn place(&mut self, row: &Row<'_>) -> &mut usize {
        match (row.revocation, row.state) {
            (Some(hold), _) if hold.is_hold() => &mut self.on_hold,
            (Some(_), _) => &mut self.revoked,
            (None, State::Expired) => &mut self.expired,
            (None, _) => &mut self.valid,
        }
    }

    fn add(&mut self, row: &Row<'_>) {
        self.rows += 1;
        *self.place(row) += 1;
    }

    fn remove(&mut self, row: &Row<'_>) {
        self.rows -= 1;
        *self.place(row) -= 1;
    }
}

fn index(place: u32) -> usize {
    // usize has at least 32 bits wherever this compiles to anything useful.
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn serial_at(records: &[u8], place: u32) -> &[u8] {
    let record = &records[index(place)..];
    &record[HEADER..HEADER + usize::from(record[1])]
}

fn write(records: &mut Vec<u8>, row: &Row<'_>) {
    let mut flags = match row.state {
        State::Valid => 0,
        State::Expired => EXPIRED,
        State::Revoked => REVOKED,
        State::Suspended => REVOKED | SUSPENDED,
    };
    let revocation = row.revocation.as_ref();
    let detail =
        revocation.filter(|it| it.invalidity_date.is_some() || it.hold_instruction.is_some());
    if detail.is_some() {
        flags |= DETAIL;
    }
    // The parser keeps no serial number of more than MAX_SERIAL_KEPT octets, which one octet can
    // say.
    records.extend([flags, u8::try_from(row.serial.len()).unwrap_or(u8::MAX)]);
    records.extend_from_slice(row.serial);
    records.extend(wide(since_year_zero(row.not_after)));
    records.extend(wide(row.offset));
    if let Some(revocation) = revocation {
        records.extend(wide(since_year_zero(revocation.at)));
        records.push(revocation.reason.map_or(NO_REASON, CrlReason::code));
    }
    if let Some(detail) = detail {
        records.push(match detail.hold_instruction {
            None => 0,
            Some(HoldInstruction::None) => 1,
            Some(HoldInstruction::CallIssuer) => 2,
            Some(HoldInstruction::Reject) => 3,
        });
        // All ones is beyond the year 9999 and says: none.
        records.extend(
            detail
                .invalidity_date
                .map_or([0xFF; WIDE], |date| wide(since_year_zero(date))),
        );
    }
}

/// The record at this octet, and where the next one begins.
fn read(records: &[u8], at: usize) -> (Row<'_>, usize) {
    let flags = records[at];
    let start = at + HEADER;
    let mut next = start + usize::from(records[at + 1]);
    let serial = &records[start..next];
    let mut take = |octets: usize| {
        next += octets;
        &records[next - octets..next]
    };
    let not_after = timestamp(narrow(take(WIDE)));
    let offset = narrow(take(WIDE));
    let state = match flags & (REVOKED | EXPIRED | SUSPENDED) {
        0 => State::Valid,
        EXPIRED => State::Expired,
        REVOKED => State::Revoked,
        _ => State::Suspended,
    };
    let mut revocation = None;
    if flags & REVOKED != 0 {
        let mut read = Revocation::at(timestamp(narrow(take(WIDE))));
        read.reason = CrlReason::from_code(take(1)[0]);
        if flags & DETAIL != 0 {
            read.hold_instruction = match take(1)[0] {
                1 => Some(HoldInstruction::None),
                2 => Some(HoldInstruction::CallIssuer),
                3 => Some(HoldInstruction::Reject),
                _ => None,
            };
            let date = take(WIDE);
            read.invalidity_date = (date != [0xFF; WIDE]).then(|| timestamp(narrow(date)));
        }
        revocation = Some(read);
    }
    let row = Row {
        serial,
        state,
        not_after,
        revocation,
        offset,
    };
    (row, next)
}

fn wide(number: u64) -> [u8; WIDE] {
    let [_, _, _, a, b, c, d, e] = number.to_be_bytes();
    [a, b, c, d, e]
}

fn narrow(octets: &[u8]) -> u64 {
    octets
        .iter()
        .fold(0, |number, octet| number << 8 | u64::from(*octet))
}

fn since_year_zero(time: Timestamp) -> u64 {
    // No Timestamp is earlier than MIN.
    u64::try_from(time.seconds_since(Timestamp::MIN)).unwrap_or(0)
}

fn timestamp(since_year_zero: u64) -> Timestamp {
    // Five octets always fit.
    Timestamp::MIN + i64::try_from(since_year_zero).unwrap_or(i64::MAX)
}
