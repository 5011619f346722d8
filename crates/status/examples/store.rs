//! Drives the embedded store from outside a test: `cargo xtask soak store-kill` and `bench/store.sh` run it.
//!
//! `store write FILE FROM` revokes one serial number after the other, in four threads, and says `ack N` after each
//! acknowledgement, until it is killed. `store kill FOLDER ROUNDS SEED` starts that, kills it at a random moment, opens the
//! store again and asks about everything that was acknowledged. `store import FILE ROWS` and `store figures FILE ROWS`
//! measure.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::pin::pin;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use certvouch_responder::{Knowledge, StatusSource as _};
use certvouch_status::SerialKey;
use certvouch_status::embedded::{
    Access, Action, Import, OpenOptions, Record, Source, Status, Store, UnrevokePolicy, Write,
};
use certvouch_types::{CrlReason, SerialNumber, Timestamp};

/// A line on standard output; whoever closed it wants no more.
macro_rules! say {
    ($($words:tt)*) => { drop(writeln!(std::io::stdout(), $($words)*)) };
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const CA: &str = "ca";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["write", file, from] => write(Path::new(file), from),
        ["kill", folder, rounds, seed] => kill(Path::new(folder), rounds, seed),
        ["import", file, rows] => import(Path::new(file), rows),
        ["figures", file, rows] => figures(Path::new(file), rows),
        _ => Err("store write FILE FROM | kill FOLDER ROUNDS SEED | import FILE ROWS | figures FILE ROWS".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            say!("store: {why}");
            ExitCode::from(2)
        }
    }
}

fn open(file: &Path) -> Outcome<(Store, Source)> {
    let store = Store::open(file, OpenOptions::new(Access::Serve))?;
    let source = store.issuer(CA, [1; 32], "driver", now())?;
    Ok((store, source))
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000)
}

fn revocation() -> Action {
    Action::Revoke {
        at: None,
        reason: Some(CrlReason::KeyCompromise),
        invalidity_at: None,
    }
}

/// The content of the INTEGER of this number: a first octet of 1 keeps it positive.
fn serial(number: u64) -> Vec<u8> {
    let mut octets = vec![1];
    octets.extend(number.to_be_bytes());
    octets
}

fn knowledge(source: &Source, content: &[u8]) -> Outcome<Knowledge> {
    let serials = [SerialNumber::from_content(content)];
    let mut future = pin!(source.lookup(&serials));
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(records) => Ok(records?[0].knowledge),
        Poll::Pending => Err("the store waits for something".into()),
    }
}

fn write(file: &Path, from: &str) -> Outcome<bool> {
    let next = AtomicU64::new(from.parse()?);
    let (store, _source) = open(file)?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let key = SerialKey::new(&serial(number));
                    let write = Write::new(CA, key, revocation());
                    if store.write("driver", now(), vec![write])[0].is_err() {
                        return;
                    }
                    // Whoever killed the reader wants no more.
                    if writeln!(std::io::stdout(), "ack {number}").is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(true)
}

/// Numbers that look random and can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn kill(folder: &Path, rounds: &str, seed: &str) -> Outcome<bool> {
    let (rounds, seed): (u64, u64) = (rounds.parse()?, seed.parse()?);
    let mut random = Random(seed.wrapping_mul(2).wrapping_add(1));
    let file = folder.join("status.db");
    drop(open(&file)?);
    let (mut next, mut all, mut lost, mut opened_dirty) = (1, Vec::<u64>::new(), 0_usize, 0);
    let started = Instant::now();
    for round in 1..=rounds {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("write")
            .arg(&file)
            .arg(next.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        // From before it has opened the store to hundreds of acknowledgements later.
        std::thread::sleep(Duration::from_micros(random.below(60_000)));
        let said = end(&mut child)?;
        if file
            .with_file_name("status.db-wal")
            .metadata()
            .is_ok_and(|it| it.len() > 0)
        {
            opened_dirty += 1;
        }
        let (_store, source) = open(&file)?;
        // Those of this round, and some of those before.
        let earlier = (0..50).filter_map(|_| {
            let bound = u64::try_from(all.len()).ok().filter(|bound| *bound > 0)?;
            all.get(usize::try_from(random.below(bound)).ok()?).copied()
        });
        for number in said.iter().copied().chain(earlier.collect::<Vec<_>>()) {
            if !matches!(
                knowledge(&source, &serial(number))?,
                Knowledge::Revoked { .. }
            ) {
                say!("round {round}: {number} was acknowledged and is not revoked");
                lost += 1;
            }
        }
        // What was written and not acknowledged is no loss; its number is not taken again.
        next = said.iter().max().map_or(next, |last| last + 1) + 8;
        all.extend(said);
    }
    let (store, source) = open(&file)?;
    for number in &all {
        if !matches!(
            knowledge(&source, &serial(*number))?,
            Knowledge::Revoked { .. }
        ) {
            lost += 1;
        }
    }
    let verified = store.check()?;
    say!(
        "store-kill: {rounds} rounds in {} s, {} revocations acknowledged, {lost} lost; a write-ahead log was left {opened_dirty} \
         times; the log has {} entries and {} findings",
        started.elapsed().as_secs(),
        all.len(),
        verified.entries,
        verified.total
    );
    Ok(lost == 0 && verified.is_clean() && !all.is_empty())
}

/// Kills it, and gives what it said before: whole lines only.
fn end(child: &mut Child) -> Outcome<Vec<u64>> {
    child.kill()?;
    child.wait()?;
    let out = child.stdout.take().ok_or("no output")?;
    let mut numbers = Vec::new();
    for line in BufReader::new(out).lines() {
        let line = line?;
        let number = line.strip_prefix("ack ").ok_or("another word")?;
        numbers.push(number.parse()?);
    }
    Ok(numbers)
}

/// A serial number of sixteen octets that looks random; the same for the same number.
fn long_serial(number: u64) -> Vec<u8> {
    let mut octets = Vec::with_capacity(16);
    for half in [number, number ^ 0x9E37_79B9_7F4A_7C15] {
        // The finalizer of SplitMix64 takes each number to another one.
        let mut mixed = half.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        octets.extend((mixed ^ (mixed >> 31)).to_be_bytes());
    }
    octets[0] = octets[0] & 0x3F | 0x40;
    octets
}

/// Every hundredth is revoked.
fn record(number: u64) -> Record {
    let status = if number.is_multiple_of(100) {
        Status::Revoked {
            at: Timestamp::from_unix(1_790_000_000),
            reason: Some(CrlReason::Superseded),
        }
    } else {
        Status::Issued
    };
    let mut record = Record::new(status);
    record.not_after = Some(Timestamp::from_unix(1_850_000_000));
    record
}

fn import(file: &Path, rows: &str) -> Outcome<bool> {
    let rows: u64 = rows.parse()?;
    let (store, _source) = open(file)?;
    let started = Instant::now();
    let import = Import {
        issuer: CA.to_owned(),
        who: "driver".to_owned(),
        at: now(),
        unrevoke: UnrevokePolicy::Refuse,
    };
    let records = (0..rows).map(|number| (SerialKey::new(&long_serial(number)), record(number)));
    let did = store.import(&import, records, |_| ())?;
    let took = started.elapsed();
    drop((store, _source));
    let size = file.metadata()?.len();
    say!(
        "import: {} rows in {:.1} s, {:.0} rows/s; file {} MiB, {:.1} octets a row; peak memory {} MiB",
        did.created,
        took.as_secs_f64(),
        per_second(did.created, took),
        size >> 20,
        ratio(size, rows),
        memory("VmHWM")?
    );
    Ok(did.created == rows)
}

fn figures(file: &Path, rows: &str) -> Outcome<bool> {
    let rows: u64 = rows.parse()?;
    let started = Instant::now();
    let (store, source) = open(file)?;
    let first = knowledge(&source, &long_serial(7))?;
    say!(
        "start: {:.1} ms to the first status; memory {} MiB",
        started.elapsed().as_secs_f64() * 1e3,
        memory("VmRSS")?
    );
    let mut right = first == Knowledge::Issued;
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    let lookups = 200_000;
    for _ in 0..2 {
        let started = Instant::now();
        for _ in 0..lookups {
            let number = random.below(rows);
            let known = knowledge(&source, &long_serial(number))?;
            right &= matches!(known, Knowledge::Revoked { .. }) == number.is_multiple_of(100);
        }
        let took = started.elapsed();
        say!(
            "lookups: {lookups} of random serial numbers, {:.0}/s, {:.2} us each; memory {} MiB",
            per_second(lookups, took),
            took.as_secs_f64() * 1e6 / 2e5,
            memory("VmRSS")?
        );
    }
    let mut times = Vec::new();
    let mut syncs = Vec::new();
    let probe = std::fs::File::create(file.with_extension("probe"))?;
    for round in 0..500 {
        let number = 1 + random.below(rows - 1);
        let write = Write::new(CA, SerialKey::new(&long_serial(number)), revocation());
        let started = Instant::now();
        right &= store.write("driver", now(), vec![write])[0].is_ok();
        times.push(started.elapsed());
        // One appended page and its fdatasync: the least that a durable write can cost here.
        std::os::unix::fs::FileExt::write_all_at(&probe, &[7; 4096], round * 4096)?;
        let started = Instant::now();
        probe.sync_data()?;
        syncs.push(started.elapsed());
    }
    std::fs::remove_file(file.with_extension("probe"))?;
    for (what, times) in [("revoke one", &mut times), ("one fdatasync", &mut syncs)] {
        times.sort_unstable();
        say!(
            "{what}: p50 {} us, p99 {} us",
            times[times.len() / 2].as_micros(),
            times[times.len() * 99 / 100].as_micros()
        );
    }
    let started = Instant::now();
    let verified = store.check()?;
    say!(
        "check: {:.1} s, {} findings; memory {} MiB at most",
        started.elapsed().as_secs_f64(),
        verified.total,
        memory("VmHWM")?
    );
    Ok(right && verified.is_clean())
}

fn per_second(number: u64, took: Duration) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

fn ratio(size: u64, rows: u64) -> f64 {
    let tenths = u32::try_from(size * 10 / rows.max(1)).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

/// A line of `/proc/self/status`, in MiB.
fn memory(what: &str) -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find(|line| line.starts_with(what))
        .ok_or("no such line")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib / 1024)
}
