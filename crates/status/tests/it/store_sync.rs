//! Power failures: what the store asked of the file system, by strace, and what a disk that forgets whatever was not synced
//! would hold at each acknowledgement.
//!
//! A child (this very test program) writes to a store and says `ack N` after each acknowledgement. Its system calls are read
//! back into a model of a file system in which a write is safe once its file was synced, and a name once its folder was.
//! At each acknowledgement the files are laid down as the model has them (nothing that was not synced; all of it; a torn
//! part of it), and a store that is opened there must know everything that was acknowledged.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use certvouch_testkit::peer;

use crate::common::knows;
use crate::store::{compromised, make, open, revoke};

/// Says to the child where to write.
const CHILD: &str = "CERTVOUCH_STORE_CHILD";
const SESSIONS: u32 = 3;
const EACH: u32 = 5;

fn serial(number: u32) -> String {
    format!("0A{number:06X}")
}

/// Opens the store several times, as restarts do, and revokes in each session.
fn write_and_tell(path: &Path, mut tell: impl FnMut(u32)) {
    let mut number = 0;
    for _ in 0..SESSIONS {
        let (store, _source) = open(path);
        for _ in 0..EACH {
            number += 1;
            make(&store, revoke(&serial(number)));
            tell(number);
        }
    }
}

/// The child; by itself a test of what the parent relies on: one word for each acknowledgement, in order.
#[test]
fn writer_tells_of_each_acknowledgement_in_turn() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let mut out = std::io::stdout();
        return write_and_tell(&Path::new(&folder).join("status.db"), |number| {
            out.write_all(format!("ack {number}\n").as_bytes()).unwrap();
            out.flush().unwrap();
        });
    }
    let dir = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    write_and_tell(&dir.path().join("status.db"), |number| told.push(number));
    assert_eq!(told, (1..=SESSIONS * EACH).collect::<Vec<_>>());
}

/// What the child did, one completed system call a line.
fn trace(folder: &Path) -> Option<Vec<String>> {
    let _ = peer::require_or_skip("strace")?;
    let out = tempfile::NamedTempFile::new().unwrap();
    let status = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", "1000000", "-o"])
        .arg(out.path())
        .args([
            "-e",
            "trace=openat,pwrite64,write,ftruncate,fdatasync,fsync,unlink,rename",
        ])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store_sync::writer_tells_of_each_acknowledgement_in_turn",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let text = std::fs::read_to_string(out.path()).unwrap();
    if text.is_empty() {
        // Containers may forbid ptrace.
        assert!(std::env::var("CERTVOUCH_REQUIRE_PEERS").as_deref() != Ok("1"));
        return None;
    }
    assert!(status.success(), "{status}");
    Some(completed(&text))
}

/// Joins what strace tore apart because another thread came in between, at the place where the call ended.
fn completed(text: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, start);
        } else if call.starts_with("<... ") {
            let rest = call.split_once(" resumed>").map_or("", |(_, rest)| rest);
            let start = begun.remove(thread).unwrap_or_default();
            calls.push(format!("{start}{rest}"));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}

/// A change of a file that was asked for.
#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// A file: what is safe, and what was asked for since.
#[derive(Clone, Debug, Default)]
struct File {
    safe: Vec<u8>,
    pending: Vec<Change>,
    /// Whether its name survives.
    named: bool,
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, octets) => {
            if content.len() < at + octets.len() {
                content.resize(at + octets.len(), 0);
            }
            content[*at..at + octets.len()].copy_from_slice(octets);
        }
        Change::Length(length) => content.resize(*length, 0),
    }
}

/// What the disk does with whatever was not synced.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is gone.
    Lost,
    /// It is there, as after `kill -9`.
    Kept,
    /// Some sectors are there, some are not.
    Torn(u64),
}

#[derive(Clone, Debug, Default)]
struct Disk(BTreeMap<PathBuf, File>);

impl Disk {
    fn call(&mut self, call: &str) {
        let Some((name, rest)) = call.split_once('(') else {
            return;
        };
        let failed = rest.contains(") = -1");
        let path = path_of(rest);
        match (name, path) {
            _ if failed => {}
            ("openat", _) if rest.contains("O_CREAT") => {
                if let Some(made) = rest.rsplit_once(" = ").and_then(|(_, fd)| path_of(fd)) {
                    self.0.entry(made).or_default();
                }
            }
            ("pwrite64", Some(path)) => {
                let octets = text_of(rest);
                let at = rest
                    .rsplit_once(") = ")
                    .and_then(|(arguments, _)| arguments.rsplit_once(", "))
                    .and_then(|(_, at)| at.parse().ok())
                    .unwrap();
                let file = self.0.entry(path).or_default();
                file.pending.push(Change::Write(at, octets));
            }
            ("ftruncate", Some(path)) => {
                let length = rest
                    .split_once(")")
                    .and_then(|(arguments, _)| arguments.rsplit_once(", "))
                    .and_then(|(_, length)| length.parse().ok())
                    .unwrap();
                let file = self.0.entry(path).or_default();
                file.pending.push(Change::Length(length));
            }
            ("fsync" | "fdatasync", Some(path)) => self.sync(&path),
            ("unlink", _) => {
                let gone = PathBuf::from(String::from_utf8(text_of(rest)).unwrap());
                self.0.remove(&gone);
            }
            _ => {}
        }
    }

    fn sync(&mut self, path: &Path) {
        for (name, file) in &mut self.0 {
            if name == path {
                let pending: Vec<_> = file.pending.drain(..).collect();
                pending.iter().for_each(|it| apply(&mut file.safe, it));
            } else if name.parent() == Some(path) {
                file.named = true;
            }
        }
    }

    /// Lays the files down in another folder.
    fn lay_down(&self, from: &Path, to: &Path, fate: Fate) {
        for (path, file) in &self.0 {
            // Shared memory does not outlive the machine.
            let name = path.strip_prefix(from).unwrap();
            if name.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let mut content = file.safe.clone();
            match fate {
                Fate::Lost if !file.named => continue,
                Fate::Lost => {}
                Fate::Kept => file.pending.iter().for_each(|it| apply(&mut content, it)),
                Fate::Torn(seed) => tear(&mut content, &file.pending, seed),
            }
            std::fs::write(to.join(name), content).unwrap();
        }
    }
}

/// Half of the sectors of what was written, and all changes of length.
fn tear(content: &mut Vec<u8>, pending: &[Change], mut seed: u64) {
    for change in pending {
        let Change::Write(at, octets) = change else {
            apply(content, change);
            continue;
        };
        for (number, sector) in octets.chunks(512).enumerate() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if seed >> 63 == 0 {
                apply(content, &Change::Write(at + number * 512, sector.to_vec()));
            }
        }
    }
}

/// The path that strace shows behind a descriptor: `3</tmp/x>`, in hexadecimal or plain.
fn path_of(text: &str) -> Option<PathBuf> {
    let inside = text.split_once('<')?.1.split_once('>')?.0;
    let octets = if inside.contains("\\x") {
        unescape(inside)
    } else {
        inside.as_bytes().to_vec()
    };
    Some(PathBuf::from(String::from_utf8(octets).ok()?))
}

/// The first text of a call: `"\x61\x63"`.
fn text_of(call: &str) -> Vec<u8> {
    let inside = call
        .split_once('"')
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(inside, _)| inside);
    unescape(inside)
}

fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x")
        .skip(1)
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

/// The number that an acknowledgement told of.
fn acknowledged(call: &str) -> Option<u32> {
    let said = call.starts_with("write(1<").then(|| text_of(call))?;
    String::from_utf8(said)
        .ok()?
        .strip_prefix("ack ")?
        .trim_end()
        .parse()
        .ok()
}

fn is_sync(call: &str) -> bool {
    call.starts_with("fdatasync(") || call.starts_with("fsync(")
}

/// Runs through the calls and hands over the disk at each acknowledgement.
fn replay(calls: &[String], folder: &Path, mut at: impl FnMut(u32, &Disk)) {
    let mut disk = Disk::default();
    for call in calls {
        if let Some(number) = acknowledged(call) {
            let mut ours = disk.clone();
            ours.0.retain(|path, _| path.starts_with(folder));
            at(number, &ours);
        } else {
            disk.call(call);
        }
    }
}

/// How many acknowledged revocations a store on this disk does not know; all of them if it cannot be opened.
fn lost(disk: &Disk, folder: &Path, fate: Fate, acknowledged: u32) -> u32 {
    let copy = tempfile::tempdir().unwrap();
    disk.lay_down(folder, copy.path(), fate);
    let path = copy.path().join("status.db");
    if !path.exists() {
        return acknowledged;
    }
    let (store, source) = open(&path);
    let missing =
        (1..=acknowledged).filter(|number| knows(&source, &serial(*number)) != compromised());
    let missing = u32::try_from(missing.count()).unwrap();
    assert!(missing > 0 || store.check().unwrap().is_clean(), "{fate:?}");
    missing
}

#[test]
fn disk_that_forgets_what_was_not_synced_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().canonicalize().unwrap();
    let Some(calls) = trace(&folder) else { return };
    let mut looked = 0;
    replay(&calls, &folder, |number, disk| {
        looked += 1;
        for fate in [
            Fate::Lost,
            Fate::Kept,
            Fate::Torn(u64::from(number)),
            Fate::Torn(u64::from(number) << 32),
        ] {
            assert_eq!(lost(disk, &folder, fate, number), 0, "{fate:?} at {number}");
        }
    });
    assert_eq!(looked, SESSIONS * EACH);
}

#[test]
fn each_acknowledgement_follows_a_sync_of_what_it_acknowledges() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().canonicalize().unwrap();
    let Some(calls) = trace(&folder) else { return };
    let unsynced = |calls: &[String]| {
        let mut found = Vec::new();
        replay(calls, &folder, |number, disk| {
            let log = &disk.0[&folder.join("status.db-wal")];
            if !log.pending.is_empty() {
                found.push(number);
            }
        });
        found
    };
    assert_eq!(unsynced(&calls), Vec::<u32>::new());
    // Without its syncs the same run is found out, by this rule and by the disk.
    let mut careless = calls;
    let log = folder.join("status.db-wal");
    careless.retain(|call| !is_sync(call) || path_of(call).as_ref() != Some(&log));
    assert!(!unsynced(&careless).is_empty());
    let mut gone = 0;
    replay(&careless, &folder, |number, disk| {
        gone += lost(disk, &folder, Fate::Lost, number);
    });
    assert!(gone > 0);
}
