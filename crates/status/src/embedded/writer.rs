//! The one thread that writes: whatever waits becomes one transaction, one fdatasync, and then the answers.
//!
//! The order within a group is the promise of the store: commit (on the disk when it returns), then the listeners (caches
//! forget what changed), then the acknowledgements. A change that fails takes nothing of its neighbours with it: it stands
//! in a savepoint of its own. What is acknowledged as unchanged is on the disk too, since a store is synced when it is
//! opened.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use certvouch_types::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::change::{Refusal, Write, decide};
use super::error::{StoreError, WriteError};
use super::import::{self, Chunk, ChunkOutcome};
use super::log::{self, Content, Head, Kind};
use super::mark::Mark;
use super::record::{Record, Stored};
use super::table;
use crate::SerialKey;
use crate::limits::{CHECKPOINT_PAGES, MAX_GROUP, MAX_SERIAL_KEPT};

/// A change that is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledged {
    /// What became of it.
    pub outcome: Outcome,
    /// What is known now.
    pub record: Record,
    /// The change that said so: this one, or an earlier one if nothing changed.
    pub change_id: u64,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The certificate was not known before.
    Created,
    /// Something else was known before.
    Changed,
    /// It was so already.
    Unchanged,
}

/// Something that happened beside the certificates, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What it was about.
    pub kind: Kind,
    /// The issuer it was about, if it was about one.
    pub issuer: Option<String>,
    /// What happened.
    pub detail: String,
}

impl Event {
    /// An event about everything.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            issuer: None,
            detail: detail.into(),
        }
    }
}

/// What a commit brought, for whoever keeps answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// The end of the log now.
    pub head: Head,
    /// The serial numbers whose records changed, by the names of their issuers.
    pub changed: BTreeMap<String, Vec<SerialKey>>,
}

/// Hears of each commit before anything in it is acknowledged. It runs in the thread that writes: it must be quick, and
/// must not write to the store.
pub type Listener = Arc<dyn Fn(&Commit) + Send + Sync>;

/// The results of one request, in its order.
pub(super) type Answers = Vec<Result<Acknowledged, WriteError>>;

/// What the thread is asked to do.
pub(super) enum Job {
    Write(Request),
    Event {
        who: String,
        at: Timestamp,
        event: Event,
        done: oneshot::Sender<Result<u64, WriteError>>,
    },
    Issuer {
        who: String,
        at: Timestamp,
        name: String,
        identity: [u8; 32],
        done: oneshot::Sender<Result<i64, WriteError>>,
    },
    Import {
        chunk: Chunk,
        done: oneshot::Sender<Result<ChunkOutcome, WriteError>>,
    },
    Compact {
        who: String,
        at: Timestamp,
        done: oneshot::Sender<Result<(), WriteError>>,
    },
}

/// Changes that one caller wants at one moment.
pub(super) struct Request {
    pub(super) who: String,
    pub(super) at: Timestamp,
    pub(super) writes: Vec<Write>,
    pub(super) done: oneshot::Sender<Answers>,
}

/// What the thread owns.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) store_id: String,
    pub(super) mark: Mark,
    pub(super) head: watch::Sender<Head>,
    pub(super) listeners: Arc<RwLock<Vec<Listener>>>,
}

/// A transaction under way.
pub(super) struct Work<'a> {
    pub(super) connection: &'a Connection,
    pub(super) head: Head,
    pub(super) changed: BTreeMap<String, Vec<SerialKey>>,
}

impl Writer {
    /// Works until nobody is left who could ask.
    pub(super) fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut kept = None;
        while let Some(job) = kept.take().or_else(|| jobs.blocking_recv()) {
            match job {
                Job::Write(first) => {
                    let mut group = vec![first];
                    let mut size = group[0].writes.len();
                    while size < MAX_GROUP {
                        match jobs.try_recv() {
                            Ok(Job::Write(next)) => {
                                size += next.writes.len();
                                group.push(next);
                            }
                            Ok(other) => {
                                kept = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.group(group);
                }
                Job::Event {
                    who,
                    at,
                    event,
                    done,
                } => {
                    let mut content = Content::new(at, &who, event.kind);
                    content.issuer = event.issuer;
                    content.detail = Some(event.detail);
                    let result = self.transact(|work| {
                        work.append(&content)?;
                        Ok(work.head.change_id)
                    });
                    drop(done.send(result.map_err(WriteError::from)));
                }
                Job::Issuer {
                    who,
                    at,
                    name,
                    identity,
                    done,
                } => {
                    let result = self.transact(|work| issuer(work, &who, at, &name, &identity));
                    drop(done.send(result.map_err(WriteError::from)));
                }
                Job::Import { chunk, done } => {
                    let result = self.transact(|work| import::write(work, &chunk));
                    drop(done.send(result.map_err(WriteError::from)));
                }
                Job::Compact { who, at, done } => {
                    drop(done.send(self.compact(&who, at).map_err(WriteError::from)));
                }
            }
            self.checkpoint_if_due();
        }
        self.close();
    }

    /// Commits what several callers wait for, and tells each of them.
    fn group(&self, group: Vec<Request>) {
        let answered = self.transact(|work| {
            let mut all = Vec::with_capacity(group.len());
            for request in &group {
                let mut answers = Vec::with_capacity(request.writes.len());
                for write in &request.writes {
                    answers.push(work.one(&request.who, request.at, write)?);
                }
                all.push(answers);
            }
            Ok(all)
        });
        match answered {
            Ok(all) => {
                for (request, answers) in group.into_iter().zip(all) {
                    // Whoever does not wait any more does not want to know.
                    drop(request.done.send(answers));
                }
            }
            Err(why) => {
                for request in group {
                    let failed = || Err(WriteError::Store(why.clone()));
                    let answers = request.writes.iter().map(|_| failed()).collect();
                    drop(request.done.send(answers));
                }
            }
        }
    }

    /// Does this in one transaction, tells the listeners, and gives the result when all of it is on the disk.
    fn transact<T>(
        &self,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])?;
        let done = self.within(work);
        let (result, commit) = match done {
            Ok((result, Some(commit))) => {
                if let Err(why) = self.connection.prepare_cached("COMMIT")?.execute([]) {
                    self.roll_back();
                    return Err(why.into());
                }
                (result, commit)
            }
            Ok((result, None)) => {
                self.roll_back();
                return Ok(result);
            }
            Err(why) => {
                self.roll_back();
                return Err(why);
            }
        };
        self.head.send_replace(commit.head);
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for listener in &listeners {
            listener(&commit);
        }
        // A mark that cannot be written tells of less than there is, which is never wrong.
        drop(self.mark.write(&commit.head));
        Ok(result)
    }

    /// The part between BEGIN and COMMIT; no commit if nothing was written.
    fn within<T>(
        &self,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, StoreError>,
    ) -> Result<(T, Option<Commit>), StoreError> {
        let found = log::head(&self.connection, &self.store_id)?;
        let left = *self.head.borrow();
        if found != left {
            return Err(StoreError::OutOfStep {
                left: Box::new(left),
                found: Box::new(found),
            });
        }
        let mut under_way = Work {
            connection: &self.connection,
            head: found,
            changed: BTreeMap::new(),
        };
        let result = work(&mut under_way)?;
        let commit = (under_way.head != left).then_some(Commit {
            head: under_way.head,
            changed: under_way.changed,
        });
        Ok((result, commit))
    }

    fn roll_back(&self) {
        // After some failures SQLite has done it already.
        if !self.connection.is_autocommit() {
            drop(self.connection.execute_batch("ROLLBACK"));
        }
    }

    /// Moves what is in the write-ahead log into the file when enough of it is there, after the acknowledgements.
    fn checkpoint_if_due(&self) {
        // Pages in the write-ahead log, and those of them that are in the file already.
        let pages = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)")
            .and_then(|mut statement| {
                statement.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
            });
        if pages.is_ok_and(|pages| pages > CHECKPOINT_PAGES) {
            // What fails now is tried again after the next group; the log only grows meanwhile.
            drop(checkpoint(&self.connection, "PASSIVE"));
        }
    }

    fn compact(&self, who: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connection.execute_batch("VACUUM")?;
        checkpoint(&self.connection, "TRUNCATE")?;
        let mut content = Content::new(at, who, Kind::Store);
        content.detail = Some("compacted".to_owned());
        self.transact(|work| work.append(&content))
    }

    fn close(self) {
        drop(checkpoint(&self.connection, "TRUNCATE"));
        drop(self.mark.sync());
    }
}

/// Syncs the write-ahead log and moves it into the file.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

impl Work<'_> {
    /// Adds an entry to the log.
    pub(super) fn append(&mut self, content: &Content) -> Result<(), StoreError> {
        self.head = log::append(self.connection, &self.head, content)?;
        Ok(())
    }

    /// One change of a request. The outer error is one that ends the group.
    fn one(
        &mut self,
        who: &str,
        at: Timestamp,
        write: &Write,
    ) -> Result<Result<Acknowledged, WriteError>, StoreError> {
        let before = self.head;
        self.connection
            .prepare_cached("SAVEPOINT one")?
            .execute([])?;
        match self.apply(who, at, write) {
            Ok(acknowledged) => {
                self.connection.prepare_cached("RELEASE one")?.execute([])?;
                Ok(Ok(acknowledged))
            }
            // SQLite has given up the whole transaction: the disk is full, or cannot be written.
            Err(WriteError::Store(why)) if self.connection.is_autocommit() => Err(why),
            Err(why) => {
                self.connection
                    .execute_batch("ROLLBACK TO one; RELEASE one")?;
                self.head = before;
                Ok(Err(why))
            }
        }
    }

    fn apply(
        &mut self,
        who: &str,
        at: Timestamp,
        write: &Write,
    ) -> Result<Acknowledged, WriteError> {
        let serial = write.serial.octets();
        if serial.len() > MAX_SERIAL_KEPT {
            return Err(Refusal::SerialTooLong(serial.len()).into());
        }
        let issuer = issuer_id(self.connection, &write.issuer)?
            .ok_or_else(|| Refusal::UnknownIssuer(write.issuer.clone()))?;
        let old = table::get(self.connection, issuer, serial)?;
        let record = decide(old.as_ref().map(|old| &old.record), write, at)?;
        let outcome = match &old {
            Some(old) if old.record == record => {
                return Ok(Acknowledged {
                    outcome: Outcome::Unchanged,
                    record,
                    change_id: old.change_id,
                });
            }
            Some(_) => Outcome::Changed,
            None => Outcome::Created,
        };
        let change_id =
            self.change(who, at, (&write.issuer, issuer), &write.serial, old, record)?;
        Ok(Acknowledged {
            outcome,
            record,
            change_id,
        })
    }

    /// Puts a record into the place of another, and both into the log.
    pub(super) fn change(
        &mut self,
        who: &str,
        at: Timestamp,
        (issuer_name, issuer): (&str, i64),
        serial: &SerialKey,
        old: Option<Stored>,
        record: Record,
    ) -> Result<u64, StoreError> {
        let mut content = Content::new(at, who, Kind::Certificate);
        content.issuer = Some(issuer_name.to_owned());
        content.serial = Some(serial.clone());
        content.old = old.map(|old| old.record);
        content.previous = old.map(|old| old.change_id);
        content.new = Some(record);
        self.append(&content)?;
        let change_id = self.head.change_id;
        let stored = Stored { record, change_id };
        table::put(self.connection, issuer, serial.octets(), &stored)?;
        self.changed(issuer_name, serial);
        Ok(change_id)
    }

    /// Notes that listeners have to hear of a serial number.
    pub(super) fn changed(&mut self, issuer: &str, serial: &SerialKey) {
        match self.changed.get_mut(issuer) {
            Some(serials) => serials.push(serial.clone()),
            None => {
                self.changed.insert(issuer.to_owned(), vec![serial.clone()]);
            }
        }
    }
}

/// The number of an issuer in the tables.
pub(super) fn issuer_id(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM issuer WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// The same, if it is this CA.
pub(super) fn known_issuer(
    connection: &Connection,
    name: &str,
    identity: &[u8; 32],
) -> Result<Option<i64>, StoreError> {
    let known: Option<(i64, [u8; 32])> = connection
        .query_row(
            "SELECT id, identity FROM issuer WHERE name = ?1",
            [name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match known {
        Some((id, same)) if same == *identity => Ok(Some(id)),
        Some(_) => Err(StoreError::OtherIssuer(name.to_owned())),
        None => match other_name(connection, identity)? {
            // Under a new name nothing would be known of it, and whatever was revoked would not be.
            Some(known) => Err(StoreError::OtherName {
                said: name.to_owned(),
                known,
            }),
            None => Ok(None),
        },
    }
}

/// What the log says of a new issuer.
pub(super) fn identity_detail(identity: &[u8; 32]) -> String {
    format!("identity {}", super::record::hex(identity))
}

fn other_name(connection: &Connection, identity: &[u8; 32]) -> Result<Option<String>, StoreError> {
    let sql = "SELECT name FROM issuer WHERE identity = ?1";
    Ok(connection
        .query_row(sql, [identity], |row| row.get(0))
        .optional()?)
}

fn issuer(
    work: &mut Work<'_>,
    who: &str,
    at: Timestamp,
    name: &str,
    identity: &[u8; 32],
) -> Result<i64, StoreError> {
    match known_issuer(work.connection, name, identity)? {
        Some(id) => Ok(id),
        None => {
            work.connection.execute(
                "INSERT INTO issuer (name, identity) VALUES (?1, ?2)",
                rusqlite::params![name, identity],
            )?;
            let id = work.connection.last_insert_rowid();
            let mut content = Content::new(at, who, Kind::Issuer);
            content.issuer = Some(name.to_owned());
            content.detail = Some(identity_detail(identity));
            work.append(&content)?;
            Ok(id)
        }
    }
}
