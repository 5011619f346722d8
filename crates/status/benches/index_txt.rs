//! Rows per second of `index_txt::parse`, beside an anchor from the same run: counting the line
//! ends of the same octets with memchr, which is bound by memory. Wall time differs between
//! machines; the ratio does so less.
//!
//! `cargo bench -p certvouch-status`; without `--bench` (as `cargo test --benches` runs it) a small
//! file only.

#![expect(clippy::print_stdout, reason = "a bench exists to print")]

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use certvouch_status::index_txt::{self, Diff};
use certvouch_status::{IndexTxt, UnrevokePolicy, Watch, WatchSettings};
use certvouch_types::Timestamp;

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let rows = if full { 1_000_000 } else { 10_000 };
    let rounds = if full { 7 } else { 1 };
    let file = index(rows);
    let table = index_txt::parse(&file).expect("the bench writes well-formed rows");
    assert_eq!(table.len(), rows);

    let anchor = best(rounds, || memchr::memchr_iter(b'\n', &file).count());
    let parse = best(rounds, || index_txt::parse(&file).map(|table| table.len()));
    let diff = best(rounds, || Diff::between(&table, &table).is_empty());
    let lookup = best(rounds, || {
        let numbers = (0..rows).map(|row| serial(row).to_be_bytes());
        numbers.filter(|number| table.get(number).is_some()).count()
    });

    let per_second = |time: Duration| millions(rows) / time.as_secs_f64();
    println!("rows {rows}, octets of file per row {}", file.len() / rows);
    println!("parse      {:6.2} M rows/s", per_second(parse));
    println!(
        "  / anchor {:6.2} times the time of counting the lines",
        parse.as_secs_f64() / anchor.as_secs_f64()
    );
    println!("  memory   {} octets per row", table.octets() / rows);
    println!("diff       {:6.2} M rows/s", per_second(diff));
    println!("renamed to told {:?}", delay(if full { 101 } else { 1 }));
    println!("lookup     {:6.2} M/s", per_second(lookup));
}

/// The middle time from renaming a small file into place until the watcher has told of it.
fn delay(rounds: usize) -> Duration {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let (path, new) = (dir.path().join("index.txt"), dir.path().join("new"));
    let put = |rows: usize| {
        fs::write(&new, index(rows)).expect("write a file");
        let start = Instant::now();
        fs::rename(&new, &path).expect("rename a file");
        start
    };
    put(1);
    let now = || Timestamp::EPOCH;
    let source = IndexTxt::open(&path, UnrevokePolicy::Refuse, now()).expect("open an index");
    let (sender, told) = channel();
    let tell = move |news: Result<_, _>| {
        sender
            .send(news.is_ok())
            .expect("the bench listens to its end");
    };
    let watch = Watch::start(Arc::new(source), WatchSettings::default(), now, tell);
    let watch = watch.expect("start a thread");
    while !watch.is_notified() {
        thread::yield_now();
    }
    let one = |rows| {
        let start = put(rows);
        told.recv().expect("the watcher lives");
        start.elapsed()
    };
    let mut delays: Vec<Duration> = (2..rounds + 2).map(one).collect();
    delays.sort_unstable();
    delays[delays.len() / 2]
}

fn millions(rows: usize) -> f64 {
    f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / 1e6
}

/// The best time of several rounds: the others were disturbed.
fn best<T>(rounds: u32, mut work: impl FnMut() -> T) -> Duration {
    let timed = (0..rounds).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    });
    timed.min().unwrap_or_default()
}

/// A serial number of 16 octets with a high first digit, spread by a multiplier of full period.
fn serial(row: usize) -> u128 {
    let row = u128::try_from(row).unwrap_or(u128::MAX);
    (1 << 127) | (row + 1).wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645) >> 1
}

/// Rows as `openssl ca` writes them, every tenth revoked.
fn index(rows: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for row in 0..rows {
        let serial = serial(row);
        let head = if row % 10 == 0 {
            "R\t271231235959Z\t260110120000Z,keyCompromise"
        } else {
            "V\t271231235959Z\t"
        };
        let line =
            format!("{head}\t{serial:032X}\tunknown\t/CN=device-{row:08}.example.org/O=Example\n");
        file.extend_from_slice(line.as_bytes());
    }
    file
}
