//! The watcher finds every way in which a file is replaced, and says a failure once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::common::{gone, knows, open, t0, valid};
use certvouch_responder::Knowledge;
use certvouch_status::{IndexTxt, ReloadError, Reloaded, Watch, WatchSettings};

/// Long enough for any machine; a test that works never waits for its end.
const PATIENCE: Duration = Duration::from_secs(60);

struct Watched {
    source: Arc<IndexTxt>,
    told: Receiver<Result<Reloaded, ReloadError>>,
    watch: Watch,
}

/// With a slow look the events have to do it all; without events the quick look has.
fn settings(events: bool) -> WatchSettings {
    let mut settings = WatchSettings::default();
    settings.events = events;
    settings.poll = if events {
        PATIENCE * 10
    } else {
        Duration::from_millis(5)
    };
    settings
}

fn watch(index: &Path, settings: WatchSettings) -> Watched {
    let source = Arc::new(open(index));
    let (sender, told) = channel();
    let tell = move |news| drop(sender.send(news));
    let watch = Watch::start(Arc::clone(&source), settings, t0, tell).unwrap();
    let watched = Watched {
        source,
        told,
        watch,
    };
    // Until the folder is watched a change would be found by the first look, which is another way.
    while settings.events && !watched.watch.is_notified() {
        std::thread::yield_now();
    }
    watched
}

impl Watched {
    fn next(&self) -> Result<Reloaded, ReloadError> {
        self.told.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for news until this serial number is known; failures are none.
    fn until_issued(&self, serial: &str) {
        while knows(&*self.source, serial) != Knowledge::Issued {
            self.next().unwrap();
        }
    }
}

fn rename_into(index: &Path, text: &str) {
    let new = index.with_extension("txt.new");
    fs::write(&new, text).unwrap();
    fs::rename(new, index).unwrap();
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("index.txt");
    fs::write(&index, valid("01")).unwrap();
    (dir, index)
}

#[test]
fn watch_finds_a_renamed_file_and_one_written_in_place() {
    for events in [true, false] {
        let (_dir, index) = folder();
        let watched = watch(&index, settings(events));
        assert_eq!(watched.watch.is_notified(), events);
        rename_into(&index, &(valid("01") + &valid("02")));
        watched.until_issued("02");
        fs::write(&index, valid("01") + &valid("02") + &valid("03")).unwrap();
        watched.until_issued("03");
        // As `openssl ca` does it: for a moment there is no index.
        let new = index.with_extension("txt.new");
        fs::write(
            &new,
            valid("01") + &valid("02") + &valid("03") + &valid("04"),
        )
        .unwrap();
        fs::rename(&index, index.with_extension("txt.old")).unwrap();
        fs::rename(&new, &index).unwrap();
        watched.until_issued("04");
    }
}

#[test]
fn watch_follows_links_and_folders_that_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second, third] = ["first", "second", "third"].map(|name| dir.path().join(name));
    for (folder, serials) in [(&first, 1), (&second, 2), (&third, 4)] {
        fs::create_dir(folder).unwrap();
        let text: String = (1..=serials)
            .map(|serial| valid(&format!("{serial:02}")))
            .collect();
        fs::write(folder.join("index.txt"), text).unwrap();
    }
    // link/index.txt, where `link` is a link to a folder.
    let link = dir.path().join("link");
    symlink(&first, &link).unwrap();
    let mut quick = settings(true);
    quick.poll = Duration::from_millis(5);
    let watched = watch(&link.join("index.txt"), quick);
    let next = dir.path().join("next");
    symlink(&second, &next).unwrap();
    fs::rename(&next, &link).unwrap();
    watched.until_issued("02");
    rename_into(
        &second.join("index.txt"),
        &(valid("01") + &valid("02") + &valid("03")),
    );
    watched.until_issued("03");
    drop(watched);

    // alone/index.txt is itself a link into another folder, and only events tell.
    let alone = dir.path().join("alone");
    fs::create_dir(&alone).unwrap();
    symlink(first.join("index.txt"), alone.join("index.txt")).unwrap();
    let watched = watch(&alone.join("index.txt"), settings(true));
    rename_into(&first.join("index.txt"), &(valid("01") + &valid("02")));
    watched.until_issued("02");
    symlink(third.join("index.txt"), alone.join("new")).unwrap();
    fs::rename(alone.join("new"), alone.join("index.txt")).unwrap();
    watched.until_issued("04");
}

// covers: T-1
#[test]
fn watch_tells_a_failure_once_and_its_end() {
    let (dir, index) = folder();
    let watched = watch(&index, settings(true));
    rename_into(&index, "broken\n");
    let error = watched.next().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 1: the row has 1 of 6 columns"),
        "{error}"
    );
    // The same failure again, by another file of the same content, and then another failure: one
    // word for each.
    rename_into(&index, "broken\n");
    rename_into(&index, "broken\tmore\n");
    let error = watched.next().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 1: the row has 2 of 6 columns"),
        "{error}"
    );
    fs::remove_file(&index).unwrap();
    let error = watched.next().unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    assert_eq!(knows(&*watched.source, "01"), Knowledge::Issued);

    rename_into(&index, &valid("01"));
    assert!(
        watched.next().unwrap().unchanged,
        "the end of a failure is news"
    );
    rename_into(&index, &gone("01", "260101000000Z"));
    assert_eq!(watched.next().unwrap().revoked, 1);

    // A refused change passes as soon as its confirmation is there.
    rename_into(&index, &valid("01"));
    let Err(ReloadError::Refused(refusal)) = watched.next() else {
        panic!("not refused");
    };
    fs::write(
        dir.path().join("index.txt.accept"),
        refusal.digest.to_string(),
    )
    .unwrap();
    let reloaded = watched.next().unwrap();
    assert_eq!((reloaded.unrevoked, reloaded.confirmed), (1, true));
}

#[test]
fn watch_is_silent_without_a_change() {
    let (dir, index) = folder();
    let watched = watch(&index, settings(true));
    for round in 0..20 {
        // Neighbours, the same content again, and a reader.
        fs::write(dir.path().join("serial"), format!("{round}")).unwrap();
        rename_into(&index, &valid("01"));
        assert_eq!(fs::read_to_string(&index).unwrap(), valid("01"));
    }
    rename_into(&index, &(valid("01") + &valid("02")));
    let news = watched.next().unwrap();
    assert_eq!(
        (news.added, news.rows),
        (1, 2),
        "the first news is the change"
    );
    drop(watched.watch);
    assert_eq!(
        watched.told.recv_timeout(PATIENCE).unwrap_err(),
        RecvTimeoutError::Disconnected
    );
}

#[test]
fn watch_that_is_dropped_ends_its_thread_at_once() {
    for events in [true, false] {
        let (_dir, index) = folder();
        let mut slow = settings(events);
        slow.poll = PATIENCE * 10;
        let watched = watch(&index, slow);
        drop(watched.watch);
        // The thread owned the sender; it is gone when `drop` returns.
        assert!(
            watched
                .told
                .try_recv()
                .is_err_and(|error| error == std::sync::mpsc::TryRecvError::Disconnected)
        );
    }
}

#[test]
fn watch_dropped_by_its_own_listener_does_not_wait_for_itself() {
    let (_dir, index) = folder();
    let source = Arc::new(open(&index));
    let (hand_over, take) = channel::<Watch>();
    let (sender, told) = channel();
    let tell = move |_: Result<Reloaded, ReloadError>| {
        drop(take.recv().unwrap());
        sender.send(()).unwrap();
    };
    let watch = Watch::start(source, settings(false), t0, tell).unwrap();
    hand_over.send(watch).unwrap();
    rename_into(&index, &(valid("01") + &valid("02")));
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        told.recv_timeout(PATIENCE).unwrap_err(),
        RecvTimeoutError::Disconnected
    );
}
