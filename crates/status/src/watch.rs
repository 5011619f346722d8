//! Reloads an index when its file changes.
//!
//! Files are replaced by renaming, so it is the folder that is watched, and with links the folder
//! of what they lead to as well; a slow look at the file's state catches what sends no event
//! (network file systems, a folder that was itself replaced). A failure is told only after about a
//! second of further attempts, because `index.txt` is absent for a moment while `openssl ca`
//! renames, and half there while somebody copies; the same failure is told once.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use certvouch_types::Timestamp;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::index_txt::{IndexTxt, ReloadError, Reloaded, Stamp};
use crate::limits::{DEFAULT_POLL, MAX_SETTLE_ROUNDS, RETRY_PAUSES, SETTLE};

/// How a file is watched.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WatchSettings {
    /// How often the state of the file is looked at without an event.
    pub poll: Duration,
    /// Whether the system is asked for events at all.
    pub events: bool,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            poll: DEFAULT_POLL,
            events: true,
        }
    }
}

/// A thread that keeps one index up to date. It ends when this is dropped.
pub struct Watch {
    inbox: Sender<Message>,
    notified: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    /// Something happened in a watched folder; true if it names the index or its confirmation.
    Touched(bool),
    Stop,
}

impl Watch {
    /// Starts watching. `tell` hears of every reload that changed the file in force, of every
    /// failure once, and of the end of a failure; it runs on the watching thread. `clock` gives the
    /// time of a reload.
    ///
    /// # Errors
    /// The system gives no thread. That it gives no events is no error: see [`Watch::is_notified`].
    pub fn start(
        index: Arc<IndexTxt>,
        settings: WatchSettings,
        clock: impl Fn() -> Timestamp + Send + 'static,
        tell: impl FnMut(Result<Reloaded, ReloadError>) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let notified = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            index,
            settings,
            clock,
            tell,
            inbox: receiver,
            sender: sender.clone(),
            events: None,
            watched: BTreeSet::new(),
            notified: Arc::clone(&notified),
            told: None,
        };
        let thread = thread::Builder::new().name("certvouch-watch".to_owned());
        Ok(Self {
            inbox: sender,
            notified,
            thread: Some(thread.spawn(|| worker.run())?),
        })
    }

    /// Whether the system sends events. If not, changes are found by looking, at the settings'
    /// pace.
    #[must_use]
    pub fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A thread that is gone already hears nothing and needs to hear nothing.
        let _ = self.inbox.send(Message::Stop);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // If `tell` panicked, the thread has said so.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("notified", &self.is_notified())
            .finish_non_exhaustive()
    }
}

/// The thread is asked to end.
struct Stopped;

/// A watched folder and which one it was.
type Folder = (PathBuf, Option<(u64, u64)>);

struct Worker<C, T> {
    index: Arc<IndexTxt>,
    settings: WatchSettings,
    clock: C,
    tell: T,
    inbox: Receiver<Message>,
    sender: Sender<Message>,
    events: Option<RecommendedWatcher>,
    watched: BTreeSet<Folder>,
    notified: Arc<AtomicBool>,
    told: Option<ReloadError>,
}

impl<C: Fn() -> Timestamp, T: FnMut(Result<Reloaded, ReloadError>)> Worker<C, T> {
    fn run(mut self) {
        while self.round().is_ok() {
            let Ok(forced) = self.wait_for_change() else {
                return;
            };
            if forced && self.reload().is_err() {
                return;
            }
        }
    }

    /// Sees to the watched folders, and then to the file: what happened between is found by its
    /// state.
    fn round(&mut self) -> Result<(), Stopped> {
        self.watch_folders();
        if self.index.is_behind() {
            self.reload()?;
        }
        Ok(())
    }

    /// Waits for an event and for the silence after it, or for the time of the next look. True
    /// after an event that names one of our files.
    fn wait_for_change(&self) -> Result<bool, Stopped> {
        let Some(mut forced) = self.receive(self.settings.poll)? else {
            return Ok(false);
        };
        for _ in 0..MAX_SETTLE_ROUNDS {
            let Some(more) = self.receive(SETTLE)? else {
                break;
            };
            forced |= more;
        }
        Ok(forced)
    }

    fn receive(&self, limit: Duration) -> Result<Option<bool>, Stopped> {
        match self.inbox.recv_timeout(limit) {
            Ok(Message::Touched(forced)) => Ok(Some(forced)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => Err(Stopped),
        }
    }

    /// Reloads, several times if need be, and tells how it ended.
    fn reload(&mut self) -> Result<(), Stopped> {
        let mut outcome = self.index.reload((self.clock)());
        for pause in RETRY_PAUSES {
            if outcome.is_ok() {
                break;
            }
            if self.pause(pause)? || self.index.is_behind() {
                outcome = self.index.reload((self.clock)());
            }
        }
        match outcome {
            Ok(reloaded) => {
                let news = !reloaded.unchanged || self.told.is_some();
                self.told = None;
                if news {
                    (self.tell)(Ok(reloaded));
                }
            }
            Err(error) => {
                if self.told.as_ref() != Some(&error) {
                    self.told = Some(error.clone());
                    (self.tell)(Err(error));
                }
            }
        }
        Ok(())
    }

    /// Waits this long, or until an event names one of our files.
    fn pause(&self, limit: Duration) -> Result<bool, Stopped> {
        let end = Instant::now() + limit;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            match self.receive(rest)? {
                Some(true) => return Ok(true),
                Some(false) => {}
                None => return Ok(false),
            }
        }
    }

    /// Watches the folders that matter now, if they are others than before or have been replaced.
    fn watch_folders(&mut self) {
        let wanted = self.folders();
        if !self.settings.events || (wanted == self.watched && self.events.is_some()) {
            return;
        }
        self.events = self.new_events(&wanted);
        self.watched = wanted;
        self.notified
            .store(self.events.is_some(), Ordering::Relaxed);
    }

    /// The folders of the index and of its confirmation, as they are named and as links lead.
    fn folders(&self) -> BTreeSet<Folder> {
        let mut folders = BTreeSet::new();
        let resolved = self.index.path().canonicalize().ok();
        let files = [
            Some(self.index.path()),
            Some(self.index.confirmation()),
            resolved.as_deref(),
        ];
        for file in files.into_iter().flatten() {
            let folder = match file.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            let identity = Stamp::at(folder).map(|stamp| stamp.identity());
            folders.insert((folder.to_owned(), identity));
        }
        folders
    }

    /// Nothing if the system has no events, or one of the folders is not there.
    fn new_events(&self, folders: &BTreeSet<Folder>) -> Option<RecommendedWatcher> {
        let names = [self.index.path(), self.index.confirmation()];
        let names = names.map(|file| file.file_name().map(ToOwned::to_owned));
        let sender = self.sender.clone();
        let mut events =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let forced = match &event {
                    // Our own reading opens and closes files, and that is no news.
                    Ok(event) if is_reading(&event.kind) => return,
                    // Events were lost: look at everything.
                    Ok(event) if event.need_rescan() => true,
                    Ok(event) => {
                        let named = |path: &PathBuf| {
                            names.iter().any(|name| name.as_deref() == path.file_name())
                        };
                        event.paths.iter().any(named)
                    }
                    Err(_) => false,
                };
                // Nobody listens any more: the watch is ending.
                let _ = sender.send(Message::Touched(forced));
            })
            .ok()?;
        for (folder, _) in folders {
            events.watch(folder, RecursiveMode::NonRecursive).ok()?;
        }
        Some(events)
    }
}

fn is_reading(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(access) => *access != AccessKind::Close(AccessMode::Write),
        _ => false,
    }
}
