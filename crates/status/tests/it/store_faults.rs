//! The embedded store in trouble: a clear error, the last truth stands, nothing is lost, and nothing that was revoked is
//! good.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use certvouch_responder::{Knowledge, SourceError, StatusSource as _};
use certvouch_status::embedded::{
    Access, Action, OpenError, OpenOptions, Store, StoreError, WriteError,
};
use certvouch_types::SerialNumber;

use crate::common::{content, key, knows, t0};
use crate::store::{CA, compromised, issue, make, open, revoke, write};

/// What a source says about one serial number, be it an error.
fn ask(
    source: &certvouch_status::embedded::Source,
    serial: &str,
) -> Result<Knowledge, SourceError> {
    let octets = content(serial);
    let serials = [SerialNumber::from_content(&octets)];
    let mut future = source.lookup(&serials);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(records) => records.map(|records| records[0].knowledge),
        std::task::Poll::Pending => panic!("the store has nothing to wait for"),
    }
}

fn sql(path: &Path, text: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(text).unwrap();
}

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("status.db");
    (dir, path)
}

fn refused(path: &Path) -> OpenError {
    Store::open(path, OpenOptions::new(Access::Serve)).unwrap_err()
}

#[test]
fn second_process_is_refused_and_may_look() {
    let (_dir, path) = fresh();
    let (store, _source) = open(&path);
    make(&store, revoke("01"));
    let why = refused(&path);
    assert_eq!(why, OpenError::InUse(path.clone()));
    let look = Store::open(&path, OpenOptions::new(Access::Look)).unwrap();
    assert_eq!(look.head(), store.head());
    assert!(look.get(CA, &key("01")).unwrap().is_some());
    let answers = look.write("x", t0(), vec![issue("02")]);
    assert_eq!(answers, [Err(WriteError::Store(StoreError::NotForWriting))]);
    drop(store);
}

#[test]
fn absent_store_is_made_to_serve_and_missed_to_look() {
    let (_dir, path) = fresh();
    let why = Store::open(&path, OpenOptions::new(Access::Look)).unwrap_err();
    assert_eq!(why, OpenError::Missing(path.clone()));
    assert!(!path.exists());
    drop(open(&path));
    assert!(path.exists());
}

#[test]
fn store_of_a_later_version_is_refused_untouched() {
    let (_dir, path) = fresh();
    drop(open(&path));
    sql(&path, "PRAGMA user_version = 99");
    let before = fs::read(&path).unwrap();
    let why = refused(&path);
    assert!(matches!(why, OpenError::Newer { found: 99, .. }), "{why}");
    assert!(why.to_string().contains("later version"), "{why}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn file_of_something_else_is_refused_untouched() {
    let (_dir, path) = fresh();
    let text = |path: &Path| {
        fs::write(path, "V\t271231235959Z\t\t01\tunknown\t/CN=x\n".repeat(40)).unwrap();
    };
    let database = |path: &Path| {
        fs::remove_file(path).unwrap();
        sql(path, "CREATE TABLE certificate (serial TEXT)");
    };
    let makers: [&dyn Fn(&Path); 2] = [&text, &database];
    for make in makers {
        make(&path);
        let before = fs::read(&path).unwrap();
        assert_eq!(refused(&path), OpenError::NotAStore(path.clone()));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn lock_of_another_program_delays_and_then_refuses_writes_and_never_reads() {
    let (_dir, path) = fresh();
    let (store, source) = open(&path);
    make(&store, revoke("01"));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answers = store.write("ca", t0(), vec![revoke("02")]);
    assert_eq!(answers, [Err(WriteError::Store(StoreError::Locked))]);
    assert_eq!(knows(&source, "01"), compromised());
    assert_eq!(knows(&source, "02"), Knowledge::NeverIssued);
    other.execute_batch("ROLLBACK").unwrap();
    make(&store, revoke("02"));
    assert_eq!(knows(&source, "02"), compromised());
}

#[test]
fn log_that_another_program_wrote_to_stops_the_writing() {
    let (_dir, path) = fresh();
    let (store, source) = open(&path);
    make(&store, revoke("01"));
    sql(
        &path,
        "INSERT INTO change (id, at, who, kind, hash) VALUES (3, 0, 'x', 'clock', zeroblob(32))",
    );
    let answers = store.write("ca", t0(), vec![revoke("02")]);
    assert!(
        matches!(
            answers[0],
            Err(WriteError::Store(StoreError::OutOfStep { .. }))
        ),
        "{answers:?}"
    );
    assert_eq!(knows(&source, "01"), compromised());
}

// covers: T-1
#[test]
fn restored_backup_is_refused_until_its_mark_is_taken_away() {
    let (dir, path) = fresh();
    let (store, _source) = open(&path);
    make(&store, issue("01"));
    let copy = dir.path().join("copy.db");
    store.backup(&copy).unwrap();
    make(&store, revoke("01"));
    let seen = store.head();
    drop((store, _source));

    fs::copy(&copy, &path).unwrap();
    let why = refused(&path);
    let OpenError::RolledBack { seen: told, .. } = &why else {
        panic!("{why}")
    };
    assert_eq!(**told, seen);
    assert!(why.to_string().contains("status.db-head"), "{why}");
    fs::remove_file(dir.path().join("status.db-head")).unwrap();
    let (store, source) = open(&path);
    assert_eq!(knows(&source, "01"), Knowledge::Issued);
    drop((store, source));

    // Another store in the place of this one is no better.
    let other = dir.path().join("other.db");
    drop(open(&other));
    fs::copy(&other, &path).unwrap();
    assert!(matches!(refused(&path), OpenError::RolledBack { .. }));
    // A mark that says nothing readable is no word.
    fs::write(dir.path().join("status.db-head"), "x").unwrap();
    assert!(matches!(refused(&path), OpenError::Mark(..)));
}

/// Damages each page of the file in turn, in several ways, and asks about everything that was revoked.
#[test]
fn damaged_pages_never_turn_a_revoked_certificate_good() {
    let (dir, path) = fresh();
    let (store, source) = open(&path);
    let serials: Vec<String> = (0..200_u32)
        .map(|number| format!("5A{number:06X}"))
        .collect();
    store.write("ca", t0(), serials.iter().map(|it| revoke(it)).collect());
    make(&store, issue("01"));
    drop((store, source));
    let whole = fs::read(&path).unwrap();
    let (mut trouble, mut refusals) = (0, 0);
    let copy = dir.path().join("damaged.db");
    for page in 0..whole.len() / 4096 {
        for (seed, step) in [(1_usize, 7), (2, 61), (3, 997)] {
            let mut octets = whole.clone();
            for place in (seed..4096).step_by(step) {
                // One more instead of one: the code of a status is the octet that matters most.
                octets[page * 4096 + place] = octets[page * 4096 + place].wrapping_sub(1);
            }
            fs::write(&copy, octets).unwrap();
            for suffix in ["-wal", "-shm", "-head"] {
                drop(fs::remove_file(
                    dir.path().join(format!("damaged.db{suffix}")),
                ));
            }
            let Ok(store) = Store::open(&copy, OpenOptions::new(Access::Serve)) else {
                refusals += 1;
                continue;
            };
            let Ok(source) = store.issuer(CA, [7; 32], "test", t0()) else {
                refusals += 1;
                continue;
            };
            for serial in &serials {
                match ask(&source, serial) {
                    Ok(Knowledge::NeverIssued | Knowledge::Revoked { .. }) => {}
                    Ok(other) => panic!("page {page}, step {step}: {serial} is {other:?}"),
                    Err(_) => trouble += 1,
                }
            }
        }
    }
    assert!(trouble > 0 && refusals > 0, "{trouble} {refusals}");
}

#[test]
fn changed_status_in_the_file_is_an_error_and_no_answer() {
    let (_dir, path) = fresh();
    let (store, source) = open(&path);
    make(&store, revoke("01"));
    make(&store, write("02", Action::Hold { since: None }));
    drop((store, source));
    sql(
        &path,
        "UPDATE certificate SET status = 0, revoked_at = NULL, reason = NULL",
    );
    let (store, source) = open(&path);
    for serial in ["01", "02"] {
        let why = ask(&source, serial).unwrap_err().to_string();
        assert!(why.contains("not as it was written"), "{why}");
        let answers = store.write("ca", t0(), vec![issue(serial)]);
        assert!(
            matches!(answers[0], Err(WriteError::Store(StoreError::Damaged(_)))),
            "{answers:?}"
        );
    }
    // A damaged row is no reason to refuse others.
    make(&store, revoke("03"));
    assert_eq!(knows(&source, "03"), compromised());
}

/// Names a folder on a disk that is too small, to a child that runs the next test there.
const SMALL_DISK: &str = "CERTVOUCH_SMALL_DISK";

#[test]
fn full_store_refuses_what_has_no_place_and_keeps_the_rest() {
    let mut options = OpenOptions::new(Access::Serve);
    let disk = std::env::var_os(SMALL_DISK).map(PathBuf::from);
    let (_dir, path) = match &disk {
        Some(disk) => (None, disk.join("status.db")),
        None => {
            options.max_pages = Some(30);
            let (dir, path) = fresh();
            (Some(dir), path)
        }
    };
    let store = Store::open(&path, options).unwrap();
    let source = store.issuer(CA, [7; 32], "test", t0()).unwrap();
    let mut kept = Vec::new();
    let full = loop {
        let serial = format!("{:08X}", kept.len() + 1);
        match store.write("ca", t0(), vec![revoke(&serial)]).remove(0) {
            Ok(_) => kept.push(serial),
            Err(why) => break why,
        }
    };
    assert_eq!(full, WriteError::Store(StoreError::Full));
    assert!(kept.len() > 50, "{}", kept.len());
    // Whatever still finds a place is kept, and the rest fails as clearly.
    let more: Vec<String> = (0..500).map(|number| format!("77{number:06X}")).collect();
    let answers = store.write("ca", t0(), more.iter().map(|it| revoke(it)).collect());
    let mut failed = 0;
    for (serial, answer) in more.into_iter().zip(answers) {
        match answer {
            Ok(_) => kept.push(serial),
            Err(why) => {
                assert_eq!(why, WriteError::Store(StoreError::Full));
                failed += 1;
            }
        }
    }
    assert!(failed > 0);
    // The last truth is answered while nothing can be written.
    for serial in &kept {
        assert_eq!(knows(&source, serial), compromised());
    }
    if let Some(disk) = &disk {
        // With more room it goes on, without a restart.
        let grown = std::process::Command::new("mount")
            .args(["-o", "remount,size=32m"])
            .arg(disk)
            .status();
        assert!(grown.unwrap().success());
        make(&store, revoke("88888888"));
        kept.push("88888888".to_owned());
    }
    let head = store.head();
    drop((store, source));
    let (store, source) = open(&path);
    assert_eq!(store.head(), head);
    for serial in &kept {
        assert_eq!(knows(&source, serial), compromised());
    }
    make(&store, revoke("99999999"));
    assert!(store.check().unwrap().is_clean());
}

/// The same on a disk that is really full.
#[test]
fn full_disk_refuses_what_has_no_place_and_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=2m tmpfs \"$1\" && exec \"$2\" --exact \
                  store_faults::full_store_refuses_what_has_no_place_and_keeps_the_rest";
    let run = |flags: &str, script: &str| {
        std::process::Command::new("unshare")
            .args([flags, "sh", "-c", script, "sh"])
            .arg(dir.path())
            .arg(std::env::current_exe().unwrap())
            .env(SMALL_DISK, dir.path())
            .output()
    };
    // Root needs no name space of users, and may not be allowed one.
    for flags in ["-m", "-Urm"] {
        let may = run(flags, "mount -t tmpfs -o size=2m tmpfs \"$1\"");
        if may.is_ok_and(|may| may.status.success()) {
            let outcome = run(flags, script).unwrap();
            let said = String::from_utf8_lossy(&outcome.stdout);
            assert!(
                outcome.status.success() && said.contains("1 passed"),
                "{said}"
            );
            return;
        }
    }
    // A container may forbid to mount. The limit of pages stands for the disk then.
}

#[test]
fn store_that_cannot_be_written_is_refused_with_a_clear_word() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    if let Some(folder) = std::env::var_os(READ_ONLY) {
        let path = Path::new(&folder).join("status.db");
        let why = refused(&path);
        assert_eq!(why, OpenError::ReadOnly(path.clone()));
        assert!(why.to_string().contains("read-only"), "{why}");
        // To look at it is no matter.
        let look = Store::open(&path, OpenOptions::new(Access::Look)).unwrap();
        assert!(look.check().unwrap().is_clean());
        return;
    }
    let (dir, path) = fresh();
    let (store, source) = open(&path);
    make(&store, revoke("01"));
    drop((store, source));
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for entry in fs::read_dir(dir.path()).unwrap() {
        mode(&entry.unwrap().path(), 0o444);
    }
    // The folder may be written or not: with its lock at hand, or without.
    for folder in [0o555, 0o777] {
        mode(dir.path(), folder);
        let mut child = std::process::Command::new("/proc/self/exe");
        child
            .args([
                "--exact",
                "store_faults::store_that_cannot_be_written_is_refused_with_a_clear_word",
            ])
            .env(READ_ONLY, dir.path());
        // Modes bind everybody but root.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            child.uid(65_534).gid(65_534);
        }
        let outcome = child.output().unwrap();
        assert!(
            outcome.status.success(),
            "{}",
            String::from_utf8_lossy(&outcome.stdout)
        );
    }
    mode(dir.path(), 0o755);
    for entry in fs::read_dir(dir.path()).unwrap() {
        mode(&entry.unwrap().path(), 0o644);
    }
    let (_store, source) = open(&path);
    assert_eq!(knows(&source, "01"), compromised());
}

/// Names the folder of a store that may not be written, to a child that tries.
const READ_ONLY: &str = "CERTVOUCH_READ_ONLY_STORE";
