//! [`Store`]: the file, open: one thread that writes, and connections that read beside it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use certvouch_types::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::change::Write;
use super::error::{OpenError, StoreError, WriteError};
use super::log::{self, Head, LogEntry};
use super::mark::{Mark, beside};
use super::record::Stored;
use super::schema;
use super::table;
use super::writer::{
    Acknowledged, Commit, Event, Job, Listener, Outcome, Request, Writer, checkpoint, issuer_id,
    known_issuer,
};
use super::{change, source::Source};
use crate::SerialKey;
use crate::limits::{IDLE_READERS, WAITING_REQUESTS};

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// To serve from it and to write to it, as the only process. Where there is no file, one is made.
    Serve,
    /// To look, also while another process serves from it. Nothing on the disk is changed.
    Look,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// What for.
    pub access: Access,
    /// The most pages of 4096 octets that the file may have; nothing is as many as the disk holds.
    pub max_pages: Option<u32>,
}

impl OpenOptions {
    /// Without a limit of size.
    #[must_use]
    pub const fn new(access: Access) -> Self {
        Self {
            access,
            max_pages: None,
        }
    }
}

/// The embedded store. A clone is the same store; the file is closed when the last one goes.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    store_id: String,
    readers: Mutex<Vec<Connection>>,
    head: watch::Receiver<Head>,
    listeners: Arc<RwLock<Vec<Listener>>>,
    /// Nothing in a store that is only looked at.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Held as long as the store is open.
    _lock: Option<File>,
}

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("head", &*self.head.borrow())
            .field("writes", &self.jobs.is_some())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a store.
    ///
    /// # Errors
    /// It cannot be read or written, is none of ours or of a later version, another process serves from it, or it is older
    /// than it was.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        match options.access {
            Access::Serve => Self::open_to_serve(path, options),
            Access::Look => Self::open_to_look(path),
        }
    }

    fn open_to_serve(path: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let connection = schema::writer(path)?;
        let fault = |error| OpenError::sqlite(path, error);
        if let Some(pages) = options.max_pages {
            connection
                .pragma_update(None, "max_page_count", pages)
                .map_err(fault)?;
        }
        // What a process that was killed had written and not synced counts from now on, so that it is synced now.
        checkpoint(&connection, "TRUNCATE").map_err(fault)?;
        let store = |why| OpenError::Store(path.to_owned(), why);
        let store_id = identity(&connection).map_err(store)?;
        let head = log::head(&connection, &store_id).map_err(store)?;
        let mark = Mark::open(path, &connection, &store_id, head)?;
        let (head, watched) = watch::channel(head);
        let listeners = Arc::default();
        let writer = Writer {
            connection,
            store_id: store_id.clone(),
            mark,
            head,
            listeners: Arc::clone(&listeners),
        };
        let (jobs, received) = mpsc::channel(WAITING_REQUESTS);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(received))
            .map_err(|why| OpenError::io(path, &why))?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            store_id,
            readers: Mutex::default(),
            head: watched,
            listeners,
            jobs: Some(jobs),
            thread: Some(thread),
            _lock: Some(lock),
        })))
    }

    fn open_to_look(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let fault = |error| OpenError::sqlite(path, error);
        let connection = schema::reader(path).map_err(fault)?;
        if schema::recognise(&connection, path)? < schema::version() {
            return Err(OpenError::NotAStore(path.to_owned()));
        }
        let store = |why| OpenError::Store(path.to_owned(), why);
        let store_id = identity(&connection).map_err(store)?;
        let head = log::head(&connection, &store_id).map_err(store)?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            store_id,
            readers: Mutex::new(vec![connection]),
            head: watch::channel(head).1,
            listeners: Arc::default(),
            jobs: None,
            thread: None,
            _lock: None,
        })))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What makes it another store than every other one: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.store_id
    }

    /// Whether both are the same open store, not only the same file.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The end of the log, as of the last commit; in a store that is only looked at, as of its opening.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.0.head.borrow()
    }

    /// Whether nobody writes any more although somebody should: the thread that does has ended.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.0.jobs.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    /// Tells of every new end of the log.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.0.head.clone()
    }

    /// Adds somebody who hears of each commit, before anything in it is acknowledged. He runs in the thread that writes:
    /// he must be quick, and must neither write to this store nor keep it open.
    pub fn on_commit(&self, listener: impl Fn(&Commit) + Send + Sync + 'static) {
        self.0
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(listener));
    }

    /// Makes an issuer known, or finds it. `identity` says which CA it is: SHA-256 over its subject and its key, so that
    /// rows of one CA never answer for another one of the same name. In a store that is only looked at, an issuer that
    /// nobody made known has no certificates.
    ///
    /// # Errors
    /// The store failed, or has another CA under this name.
    pub fn issuer(
        &self,
        name: &str,
        identity: [u8; 32],
        who: &str,
        at: Timestamp,
    ) -> Result<Source, WriteError> {
        let id = if self.0.jobs.is_some() {
            self.ask(|done| Job::Issuer {
                who: who.to_owned(),
                at,
                name: name.to_owned(),
                identity,
                done,
            })??
        } else {
            self.reading(|connection| known_issuer(connection, name, &identity))?
                .unwrap_or(NOBODY)
        };
        Ok(Source::new(self.clone(), name, id))
    }

    /// The names of the issuers, in alphabetical order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn issuers(&self) -> Result<Vec<String>, StoreError> {
        self.reading(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name FROM issuer ORDER BY name")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// Makes changes, and waits until they are on the disk and every listener has heard of them. The answers are in the
    /// order of the changes; one that is refused takes nothing of the others with it. All of them, and whatever others
    /// want in the meantime, share one fdatasync.
    ///
    /// Not to be called in an asynchronous task: that is what [`Self::write_async`] is for.
    pub fn write(
        &self,
        who: &str,
        at: Timestamp,
        writes: Vec<Write>,
    ) -> Vec<Result<Acknowledged, WriteError>> {
        let expected = writes.len();
        let who = who.to_owned();
        let answers = self.ask(|done| {
            Job::Write(Request {
                who,
                at,
                writes,
                done,
            })
        });
        answers.unwrap_or_else(|why| vec![Err(why); expected])
    }

    /// The same for asynchronous tasks. When many requests wait already, it waits for its turn.
    pub async fn write_async(
        &self,
        who: &str,
        at: Timestamp,
        writes: Vec<Write>,
    ) -> Vec<Result<Acknowledged, WriteError>> {
        let expected = writes.len();
        let who = who.to_owned();
        let answers = self
            .ask_async(|done| {
                Job::Write(Request {
                    who,
                    at,
                    writes,
                    done,
                })
            })
            .await;
        answers.unwrap_or_else(|why| vec![Err(why); expected])
    }

    /// What [`Self::write`] would answer, each change taken by itself; `change_id` is that of the present record, 0 where
    /// there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn preview(
        &self,
        at: Timestamp,
        writes: &[Write],
    ) -> Result<Vec<Result<Acknowledged, change::Refusal>>, StoreError> {
        let one = |write: &Write| {
            let known = self.reading(|connection| issuer_id(connection, &write.issuer))?;
            if known.is_none() {
                return Ok(Err(change::Refusal::UnknownIssuer(write.issuer.clone())));
            }
            let old = self.get(&write.issuer, &write.serial)?;
            let record = change::decide(old.as_ref().map(|old| &old.record), write, at);
            Ok(record.map(|record| Acknowledged {
                outcome: match &old {
                    None => Outcome::Created,
                    Some(old) if old.record == record => Outcome::Unchanged,
                    Some(_) => Outcome::Changed,
                },
                record,
                change_id: old.map_or(0, |old| old.change_id),
            }))
        };
        writes.iter().map(one).collect()
    }

    /// Writes down what happened beside the certificates, and gives its `change_id` when it is on the disk.
    ///
    /// Not to be called in an asynchronous task: that is what [`Self::record_async`] is for.
    ///
    /// # Errors
    /// The store failed.
    pub fn record(&self, who: &str, at: Timestamp, event: Event) -> Result<u64, WriteError> {
        let who = who.to_owned();
        self.ask(|done| Job::Event {
            who,
            at,
            event,
            done,
        })?
    }

    /// The same for asynchronous tasks.
    ///
    /// # Errors
    /// The store failed.
    pub async fn record_async(
        &self,
        who: &str,
        at: Timestamp,
        event: Event,
    ) -> Result<u64, WriteError> {
        let who = who.to_owned();
        self.ask_async(|done| Job::Event {
            who,
            at,
            event,
            done,
        })
        .await?
    }

    /// What is known about a certificate; nothing if it is not known, or its issuer is not.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn get(&self, issuer: &str, serial: &SerialKey) -> Result<Option<Stored>, StoreError> {
        self.reading(|connection| match issuer_id(connection, issuer)? {
            Some(id) => table::get(connection, id, serial.octets()),
            None => Ok(None),
        })
    }

    /// Entries of the log after this one, at most so many, in their order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn changes_since(&self, change_id: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.reading(|connection| {
            let sql = format!(
                "SELECT {} FROM change WHERE id > ?1 ORDER BY id LIMIT ?2",
                log::COLUMNS
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query([log::from_id(change_id)?, limit])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(log::read(row)?);
            }
            Ok(entries)
        })
    }

    /// Gives back to the disk what is not used any more. Everybody who wants to write waits meanwhile: about a second for
    /// each million of rows.
    ///
    /// # Errors
    /// The store failed: as much space as the store takes has to be free.
    pub fn compact(&self, who: &str, at: Timestamp) -> Result<(), WriteError> {
        let who = who.to_owned();
        self.ask(|done| Job::Compact { who, at, done })?
    }

    /// Asks the thread that writes, and waits for it.
    pub(super) fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, WriteError> {
        let (done, answer) = oneshot::channel();
        let jobs = self.0.jobs.as_ref().ok_or(StoreError::NotForWriting)?;
        let stopped = WriteError::Store(StoreError::Stopped);
        if jobs.blocking_send(job(done)).is_err() {
            return Err(stopped);
        }
        answer.blocking_recv().map_err(|_| stopped)
    }

    async fn ask_async<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, WriteError> {
        let (done, answer) = oneshot::channel();
        let jobs = self.0.jobs.as_ref().ok_or(StoreError::NotForWriting)?;
        let stopped = WriteError::Store(StoreError::Stopped);
        if jobs.send(job(done)).await.is_err() {
            return Err(stopped);
        }
        answer.await.map_err(|_| stopped)
    }

    /// Reads with a connection of the pool.
    pub(super) fn reading<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = || {
            self.0
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => schema::reader(&self.0.path)?,
        };
        let result = read(&connection);
        // After a failure a new connection looks at the file afresh; one in a transaction must not serve the next.
        if result.is_ok() && connection.is_autocommit() {
            let mut idle = idle();
            if idle.len() < IDLE_READERS {
                idle.push(connection);
            }
        }
        result
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Readers first: the last connection that closes removes the write-ahead log.
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            drop(thread.join());
        }
    }
}

/// The number of no issuer: SQLite counts from 1.
const NOBODY: i64 = 0;

/// Keeps other processes of ours away. SQLite's own locks come and go with transactions, and closing any descriptor of its
/// file would drop them: a file of its own stands for the store.
fn lock(path: &Path) -> Result<File, OpenError> {
    let at = beside(path, "-lock");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&at)
        .map_err(|why| match why.kind() {
            std::io::ErrorKind::PermissionDenied => OpenError::ReadOnly(path.to_owned()),
            _ => OpenError::io(&at, &why),
        })?;
    // A process that has just ended may still be held by the children that it was making.
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(LOCK_PATIENCE / 50);
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(OpenError::InUse(path.to_owned()));
            }
            Err(std::fs::TryLockError::Error(why)) => return Err(OpenError::io(&at, &why)),
        }
    }
}

/// How long an earlier process may take to let go.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

fn identity(connection: &Connection) -> Result<String, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = 'store_id'";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}
