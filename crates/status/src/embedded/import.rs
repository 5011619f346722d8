//! Many records at once: sorted, in chunks of one transaction each, with one entry of the log for all that is new in a
//! chunk.
//!
//! A chunk that is acknowledged is on the disk. An import that ends early is taken up again by starting it anew: what is
//! there already is counted as unchanged. Between two chunks others write; a revocation waits for one chunk at most.

use std::collections::BTreeMap;

use certvouch_types::Timestamp;

use super::change::{Refusal, UnrevokePolicy, merge};
use super::error::{StoreError, WriteError};
use super::log::{Content, Kind};
use super::record::{Record, Stored, encode, hex, sha256};
use super::store::Store;
use super::table;
use super::writer::{Job, Work, issuer_id};
use crate::SerialKey;
use crate::limits::{IMPORT_BATCH, IMPORT_CHUNK, MAX_SERIAL_KEPT, SHOWN_REFUSALS};

/// Whose records are imported, by whom and when, and whether revoked ones may become good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers say all of it, and a new field has to be thought of by each of them"
)]
pub struct Import {
    /// The issuer's name.
    pub issuer: String,
    /// Who wants it.
    pub who: String,
    /// The present moment.
    pub at: Timestamp,
    /// Whether it may turn revoked certificates good (threats T-1).
    pub unrevoke: UnrevokePolicy,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Records that were not there.
    pub created: u64,
    /// Records that were there and said something else.
    pub changed: u64,
    /// Records that were there already.
    pub unchanged: u64,
    /// Records that the rules forbid; what was there stands.
    pub refused: u64,
    /// The first of the refused ones.
    pub refusals: Vec<(SerialKey, Refusal)>,
    /// The last change of it, if there was any.
    pub change_id: Option<u64>,
}

impl Imported {
    fn refuse(&mut self, serial: &SerialKey, why: Refusal) {
        self.refused += 1;
        if self.refusals.len() < SHOWN_REFUSALS {
            self.refusals.push((serial.clone(), why));
        }
    }

    fn add(&mut self, other: Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.refused += other.refused;
        let room = SHOWN_REFUSALS.saturating_sub(self.refusals.len());
        self.refusals.extend(other.refusals.into_iter().take(room));
        self.change_id = other.change_id.or(self.change_id);
    }
}

/// One transaction's worth.
pub(super) struct Chunk {
    import: Import,
    records: Vec<(SerialKey, Record)>,
}

pub(super) type ChunkOutcome = Imported;

impl Store {
    /// Imports records in whatever order they come, and calls `progress` with the sum after each chunk that is on the
    /// disk. They are sorted in batches, so that neighbours meet in the same pages of the file; a source in the order of
    /// serial numbers is the quickest. Of two records of one serial number in a batch the later one
    /// counts as far as the rules let it.
    ///
    /// # Errors
    /// The store failed; the chunks before stand, and the import can be started anew.
    pub fn import(
        &self,
        import: &Import,
        records: impl IntoIterator<Item = (SerialKey, Record)>,
        mut progress: impl FnMut(&Imported),
    ) -> Result<Imported, WriteError> {
        let mut sum = Imported::default();
        let mut records = records.into_iter();
        loop {
            let batch = sorted(records.by_ref().take(IMPORT_BATCH), import);
            if batch.is_empty() {
                return Ok(sum);
            }
            let mut rest = batch.into_iter();
            loop {
                let chunk: Vec<_> = rest.by_ref().take(IMPORT_CHUNK).collect();
                if chunk.is_empty() {
                    break;
                }
                let chunk = Chunk {
                    import: import.clone(),
                    records: chunk,
                };
                sum.add(self.ask(|done| Job::Import { chunk, done })??);
                progress(&sum);
            }
        }
    }

    /// What [`Self::import`] would do. Nothing is written.
    ///
    /// # Errors
    /// The store cannot be read, or has no such issuer.
    pub fn preview_import(
        &self,
        import: &Import,
        records: impl IntoIterator<Item = (SerialKey, Record)>,
    ) -> Result<Imported, WriteError> {
        let mut sum = Imported::default();
        // Serial numbers that come twice count as what the later record makes of the earlier one.
        let mut seen: BTreeMap<SerialKey, Record> = BTreeMap::new();
        for (serial, new) in records {
            let old = match seen.get(&serial) {
                Some(record) => Some(*record),
                None => self.get(&import.issuer, &serial)?.map(|old| old.record),
            };
            match judge(&serial, old.as_ref(), &new, import) {
                Ok(record) => {
                    match &old {
                        None => sum.created += 1,
                        Some(old) if *old == record => sum.unchanged += 1,
                        Some(_) => sum.changed += 1,
                    }
                    if old != Some(record) {
                        seen.insert(serial, record);
                    }
                }
                Err(why) => sum.refuse(&serial, why),
            }
        }
        Ok(sum)
    }
}

/// In the order in which the file keeps them, each serial number once. What several records say of one is what they make of
/// each other by the rules: a later one takes back no revocation (threats T-1).
fn sorted(
    records: impl Iterator<Item = (SerialKey, Record)>,
    import: &Import,
) -> Vec<(SerialKey, Record)> {
    let mut batch: Vec<_> = records.collect();
    // Stable: the later of two stays behind the earlier one.
    batch.sort_by(|(one, _), (other, _)| one.octets().cmp(other.octets()));
    batch.dedup_by(|(later, new), (earlier, kept)| {
        let is_same = later == earlier;
        if is_same && let Ok(merged) = merge(Some(kept), new, import.at, import.unrevoke) {
            *kept = merged;
        }
        is_same
    });
    batch
}

fn judge(
    serial: &SerialKey,
    old: Option<&Record>,
    new: &Record,
    import: &Import,
) -> Result<Record, Refusal> {
    let octets = serial.octets().len();
    if octets > MAX_SERIAL_KEPT {
        return Err(Refusal::SerialTooLong(octets));
    }
    merge(old, new, import.at, import.unrevoke)
}

/// Where the digest of an import begins.
pub(super) fn digest_start() -> [u8; 32] {
    sha256(b"certvouch import 1")
}

/// The digest of an import with one more row. Rows are taken in the order of their serial numbers.
pub(super) fn digest_next(so_far: &[u8; 32], issuer: i64, serial: &[u8], row: &Stored) -> [u8; 32] {
    let mut octets = so_far.to_vec();
    octets.extend(encode(issuer, serial, row));
    sha256(&octets)
}

/// The detail of the entry: `rows=3 digest=…`.
pub(super) fn detail(rows: u64, digest: &[u8; 32]) -> String {
    format!("rows={rows} digest={}", hex(digest))
}

/// Writes a chunk, in the thread that writes.
pub(super) fn write(work: &mut Work<'_>, chunk: &Chunk) -> Result<ChunkOutcome, StoreError> {
    let import = &chunk.import;
    let mut sum = Imported::default();
    let Some(issuer) = issuer_id(work.connection, &import.issuer)? else {
        return Err(StoreError::NoIssuer(import.issuer.clone()));
    };
    let (mut new_ones, mut changes) = (Vec::new(), Vec::new());
    for (serial, new) in &chunk.records {
        let old = table::get(work.connection, issuer, serial.octets())?;
        match judge(serial, old.as_ref().map(|old| &old.record), new, import) {
            Ok(record) => match old {
                None => new_ones.push((serial, record)),
                Some(old) if old.record == record => sum.unchanged += 1,
                Some(old) => changes.push((serial, old, record)),
            },
            Err(why) => sum.refuse(serial, why),
        }
    }
    if !new_ones.is_empty() {
        let change_id = work.head.change_id + 1;
        let mut digest = digest_start();
        for (serial, record) in &new_ones {
            let stored = Stored {
                record: *record,
                change_id,
            };
            table::put(work.connection, issuer, serial.octets(), &stored)?;
            digest = digest_next(&digest, issuer, serial.octets(), &stored);
            work.changed(&import.issuer, serial);
            sum.created += 1;
        }
        let mut content = Content::new(import.at, &import.who, Kind::Import);
        content.issuer = Some(import.issuer.clone());
        content.detail = Some(detail(sum.created, &digest));
        work.append(&content)?;
        sum.change_id = Some(change_id);
    }
    for (serial, old, record) in changes {
        let of = (&*import.issuer, issuer);
        let id = work.change(&import.who, import.at, of, serial, Some(old), record)?;
        sum.changed += 1;
        sum.change_id = Some(id);
    }
    Ok(sum)
}
