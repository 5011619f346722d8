//! [`IndexTxt`]: the table of a file, and the rules by which another one takes its place.

use core::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use certvouch_responder::{BoxFuture, SourceError, StatusRecord, StatusSource};
use certvouch_types::{SerialNumber, Timestamp};

use super::diff::Diff;
use super::error::{OpenError, Refusal, ReloadError};
use super::file::{FileDigest, Stamp, confirms, read};
use super::parse::{line_of, parse};
use super::report::Reports;
use super::table::{Counts, Table};
use crate::limits::SHOWN_SERIALS;
use crate::serial_key::SerialKey;

/// Whether a reload may lose rows and make revoked certificates good (threats T-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the operator allows it or does not"
)]
pub enum UnrevokePolicy {
    /// Only with a confirmation that names the digest of the file.
    #[default]
    Refuse,
    /// Always, except that an empty file needs a confirmation all the same: a program that writes
    /// in place makes one.
    Allow,
}

/// The status source of one `index.txt`.
///
/// The table stands in memory whole. While a new file is read, its octets, its table and the old
/// table are there at the same time: about 170 octets per row.
#[derive(Debug)]
pub struct IndexTxt {
    path: PathBuf,
    confirmation: PathBuf,
    policy: UnrevokePolicy,
    truth: ArcSwap<Truth>,
    /// Whoever holds it reloads, and nobody else writes `truth` and `attempt`.
    turn: Mutex<()>,
    attempt: Mutex<Attempt>,
}

/// What the answers come from.
#[derive(Debug)]
struct Truth {
    table: Arc<Table>,
    digest: FileDigest,
    stamp: Stamp,
    loaded_at: Timestamp,
}

/// What the last attempt to load saw, and how it ended. Locked for a moment only, so that a look at
/// the health never waits for a reload.
#[derive(Clone, Debug)]
struct Attempt {
    index: Option<Stamp>,
    confirmation: Option<Stamp>,
    /// The confirmation that was there at the start or has been used; it counts for nothing any
    /// more.
    spent: Option<Stamp>,
    at: Timestamp,
    error: Option<ReloadError>,
}

/// What a reload changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The serial numbers whose answer changed: what caches have to forget.
    pub changed: Vec<SerialKey>,
    /// How many are new.
    pub added: usize,
    /// How many are gone, with a word of the operator.
    pub removed: usize,
    /// How many became revoked or went on hold.
    pub revoked: usize,
    /// How many came back from hold.
    pub released: usize,
    /// How many were revoked for good and are issued again, with a word of the operator.
    pub unrevoked: usize,
    /// How many were revoked for good and are on hold, with a word of the operator.
    pub weakened: usize,
    /// How many changed otherwise: time, reason, notAfter.
    pub altered: usize,
    /// Serial numbers now.
    pub rows: usize,
    /// The file is the same octet for octet.
    pub unchanged: bool,
    /// The operator's confirmation was needed, and was there.
    pub confirmed: bool,
    /// What is odd about the file.
    pub reports: Reports,
}

/// How a source feels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How many rows of which kind are in force.
    pub counts: Counts,
    /// Octets of memory that they take.
    pub octets: usize,
    /// When the file in force was loaded, or found to be unchanged.
    pub loaded_at: Timestamp,
    /// When somebody last tried.
    pub tried_at: Timestamp,
    /// Why the last attempt failed, if it did.
    pub error: Option<ReloadError>,
    /// The modification time of the file in force.
    pub modified: Timestamp,
    /// The SHA-256 of the file in force.
    pub digest: FileDigest,
}

impl IndexTxt {
    /// Loads the file. Its confirmations are expected beside it, see [`IndexTxt::confirmed_in`].
    ///
    /// # Errors
    /// The file cannot be read or does not parse. An empty file is a new CA and no error.
    pub fn open(path: &Path, policy: UnrevokePolicy, now: Timestamp) -> Result<Self, OpenError> {
        let (octets, stamp) = read(path)?;
        let table = Arc::new(load(path, &octets)?);
        let dir = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let source = Self {
            path: path.to_owned(),
            confirmation: PathBuf::new(),
            policy,
            truth: ArcSwap::from_pointee(Truth {
                table,
                digest: FileDigest::of(&octets),
                stamp,
                loaded_at: now,
            }),
            turn: Mutex::new(()),
            attempt: Mutex::new(Attempt {
                index: Some(stamp),
                confirmation: None,
                spent: None,
                at: now,
                error: None,
            }),
        };
        Ok(source.confirmed_in(&dir))
    }

    /// Expects confirmations in this folder, for a responder whose operators may not write into the
    /// folder of the CA.
    ///
    /// A confirmation is a file with the name of the index and `.accept` behind it, and the digest
    /// of the file to accept as its first word. One that is already there counts for nothing: it
    /// was about another change.
    #[must_use]
    pub fn confirmed_in(mut self, dir: &Path) -> Self {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".accept");
        self.confirmation = dir.join(name);
        let standing = Stamp::at(&self.confirmation);
        let mut attempt = self.attempt();
        attempt.confirmation = standing;
        attempt.spent = standing;
        drop(attempt);
        self
    }

    /// The index file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that says yes to a refused change, see [`IndexTxt::confirmed_in`].
    #[must_use]
    pub fn confirmation(&self) -> &Path {
        &self.confirmation
    }

    /// Reads the file again and, if it is whole and may replace the old one, puts it in force.
    ///
    /// Reloads that overlap run one after the other; the later ones find the file unchanged.
    ///
    /// # Errors
    /// The file is missing, broken, changes while it is read, or makes a change that needs a word
    /// of the operator. The old truth stands.
    pub fn reload(&self, now: Timestamp) -> Result<Reloaded, ReloadError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut attempt = self.attempt().clone();
        attempt.at = now;
        // Looked at before they are read: a change after this moment is one that the next look
        // finds.
        attempt.index = Stamp::at(&self.path);
        attempt.confirmation = Stamp::at(&self.confirmation);
        let outcome = self.load_aside(&mut attempt, now);
        attempt.error = outcome.as_ref().err().cloned();
        *self.attempt() = attempt;
        outcome
    }

    /// Whether the index or its confirmation is another file than at the last attempt. Costs two
    /// `stat` calls.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        let (index, confirmation) = (Stamp::at(&self.path), Stamp::at(&self.confirmation));
        let attempt = self.attempt();
        attempt.index != index || attempt.confirmation != confirmation
    }

    /// How the source feels.
    #[must_use]
    pub fn health(&self) -> Health {
        let attempt = self.attempt();
        let truth = self.truth.load();
        Health {
            counts: truth.table.counts(),
            octets: truth.table.octets(),
            loaded_at: truth.loaded_at,
            tried_at: attempt.at,
            error: attempt.error.clone(),
            modified: truth.stamp.modified(),
            digest: truth.digest,
        }
    }

    /// Shows the table in force to `look`.
    pub fn with_table<T>(&self, look: impl FnOnce(&Table) -> T) -> T {
        look(&self.truth.load().table)
    }

    fn load_aside(&self, attempt: &mut Attempt, now: Timestamp) -> Result<Reloaded, ReloadError> {
        let (octets, stamp) = read(&self.path)?;
        attempt.index = Some(stamp);
        let digest = FileDigest::of(&octets);
        let old = self.truth.load_full();
        if digest == old.digest {
            let table = Arc::clone(&old.table);
            let same = Reloaded::new(Diff::default(), &table, true);
            self.put_in_force(table, digest, stamp, now);
            return Ok(same);
        }
        let table = load(&self.path, &octets)?;
        let diff = Diff::between(&old.table, &table);
        let allowed = self.policy == UnrevokePolicy::Allow && !table.is_empty();
        let needs_word = diff.needs_word() && !allowed;
        if needs_word && !self.is_confirmed(attempt, &digest) {
            let refusal = self.refusal(&diff, (&old.table, &table), &octets, digest);
            return Err(ReloadError::Refused(Box::new(refusal)));
        }
        let mut reloaded = Reloaded::new(diff, &table, false);
        reloaded.confirmed = needs_word;
        self.put_in_force(Arc::new(table), digest, stamp, now);
        Ok(reloaded)
    }

    /// A confirmation is good for one change: if it stayed good, a backup restored later could use
    /// it again.
    fn is_confirmed(&self, attempt: &mut Attempt, digest: &FileDigest) -> bool {
        let standing = Stamp::at(&self.confirmation);
        let good = standing != attempt.spent && confirms(&self.confirmation, digest);
        if good {
            attempt.spent = standing;
        }
        good
    }

    fn put_in_force(&self, table: Arc<Table>, digest: FileDigest, stamp: Stamp, now: Timestamp) {
        self.truth.store(Arc::new(Truth {
            table,
            digest,
            stamp,
            loaded_at: now,
        }));
    }

    fn refusal(
        &self,
        diff: &Diff,
        (old, new): (&Table, &Table),
        octets: &[u8],
        digest: FileDigest,
    ) -> Refusal {
        let good = diff.unrevoked.iter().chain(&diff.weakened);
        let offset = good.clone().filter_map(|serial| new.get(serial.octets()));
        let offset = offset.map(|row| row.offset).min();
        let line = match offset.map(usize::try_from) {
            Some(Ok(offset)) => line_of(octets, offset),
            // The last line: its own LF does not count.
            _ => line_of(octets, octets.len().saturating_sub(1)),
        };
        let first = good.chain(&diff.lost).take(SHOWN_SERIALS);
        Refusal {
            path: self.path.clone(),
            line,
            digest,
            confirmation: self.confirmation.clone(),
            rows_before: old.len(),
            rows: new.len(),
            lost: diff.lost.len(),
            unrevoked: diff.unrevoked.len(),
            weakened: diff.weakened.len(),
            first: first.cloned().collect(),
        }
    }

    /// The lock; what a panicking thread left behind is whole, since every field is written by
    /// itself.
    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusSource for IndexTxt {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        // One state for all of them, whatever a reload does meanwhile.
        let truth = self.truth.load();
        let records = serials.iter().map(|serial| truth.table.status(serial));
        Box::pin(ready(Ok(records.collect())))
    }
}

impl Reloaded {
    fn new(diff: Diff, table: &Table, unchanged: bool) -> Self {
        Self {
            added: diff.added.len(),
            removed: diff.lost.len(),
            revoked: diff.revoked.len(),
            released: diff.released.len(),
            unrevoked: diff.unrevoked.len(),
            weakened: diff.weakened.len(),
            altered: diff.altered.len(),
            changed: diff.into_changed(),
            rows: table.len(),
            unchanged,
            confirmed: false,
            reports: table.reports().clone(),
        }
    }
}

fn load(path: &Path, octets: &[u8]) -> Result<Table, OpenError> {
    parse(octets).map_err(|error| OpenError::Parse {
        path: path.to_owned(),
        error,
    })
}
