//! A large CRL: entries per second, memory as a multiple of the CRL, the time from a new CRL to the first changed answer,
//! and what those who ask saw meanwhile.
//!
//! `cargo bench -p certvouch-status --bench crl`; without `--bench` a small one only. Memory is measured in processes of
//! their own, by the high-water mark of the resident set that Linux keeps.

#![expect(clippy::print_stdout, reason = "a bench exists to print")]

use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use certvouch_fetch::{FetchPolicy, Fetcher, Roots};
use certvouch_responder::{Knowledge, StatusSource};
use certvouch_status::CrlSource;
use certvouch_status::crl::{CrlSettings, CrlSigners, CrlWatch, CrlWatchSettings, Location, Sha1};
use certvouch_testkit::der;
use certvouch_testkit::pki::{KeyAlg, T0, World};
use certvouch_types::{Crl, SerialNumber, Timestamp};

const CRL: &str = "ca.crl";
const NEXT: &str = "next";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, job, dir] = arguments.as_slice()
        && let Some(job) = job.strip_prefix("job-")
    {
        return measure(job, Path::new(dir));
    }
    let full = arguments.iter().any(|argument| argument == "--bench");
    let entries = if full { 5_000_000 } else { 10_000 };
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let octets = write(dir.path(), entries);
    println!(
        "entries {entries}, octets {octets}, octets per entry {}",
        octets / entries
    );
    for job in ["walk", "load", "replace", "watch"] {
        let program = env::current_exe().expect("the name of this program");
        let mut command = Command::new(program);
        let status = command.arg(format!("job-{job}")).arg(dir.path()).status();
        assert!(status.expect("start a job").success(), "{job}");
    }
}

/// Two CRLs, the second with one entry more in front and one less at the end.
fn write(dir: &Path, entries: usize) -> usize {
    let world = World::new(KeyAlg::P256);
    fs::write(dir.join("ca.der"), &world.ca_a.der).expect("write a certificate");
    let crl = |number: u8, first: usize| {
        let mut list = Vec::with_capacity(entries * 50);
        for index in first..first + entries {
            list.extend(entry(index));
        }
        let list = der::tlv(0x30, &list);
        let number = der::extension("2.5.29.20", false, &der::uint(&[number]));
        let alg = world.ca_a.key.sig_alg();
        let tbs = der::seq(&[
            &der::uint(&[1]),
            &alg.identifier(),
            &world.ca_a.subject,
            &der::utc_time(T0 + i64::from(first != 1)),
            &der::utc_time(T0 + 86_400),
            &list,
            &der::explicit(0, &der::seq(&[&number])),
        ]);
        let signature = der::bits(&world.ca_a.key.sign(alg, &tbs));
        der::seq(&[&tbs, &alg.identifier(), &signature])
    };
    let first = crl(1, 1);
    fs::write(dir.join(CRL), &first).expect("write a CRL");
    fs::write(dir.join(NEXT), crl(2, 0)).expect("write a CRL");
    first.len()
}

/// Sixteen octets, as public CAs use them, and a reason in every other entry.
fn serial(index: usize) -> [u8; 16] {
    let mixed = u128::try_from(index)
        .expect("128 bits")
        .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    ((mixed >> 2) | 1 << 125).to_be_bytes()
}

fn entry(index: usize) -> Vec<u8> {
    let serial = der::uint(&serial(index));
    let time = der::utc_time(T0 - 86_400 - i64::try_from(index % 1_000_000).expect("small"));
    let reason = der::extension("2.5.29.21", false, &der::enumerated(1));
    let reason = if index.is_multiple_of(2) {
        der::seq(&[&reason])
    } else {
        Vec::new()
    };
    der::seq(&[&serial, &time, &reason])
}

fn source(dir: &Path) -> CrlSource {
    let issuer = fs::read(dir.join("ca.der")).expect("read a certificate");
    let signers = CrlSigners::new(&issuer, &[], Sha1::Refuse).expect("a certificate");
    let settings = CrlSettings::new(signers, vec![Location::File(dir.join(CRL))]);
    CrlSource::open(settings, None, || Timestamp::from_unix(T0 + 60)).expect("open a source")
}

fn measure(job: &str, dir: &Path) {
    let size = fs::metadata(dir.join(CRL)).expect("the CRL").len();
    let before = peak();
    match job {
        "walk" => walk(dir),
        "load" | "replace" => {
            let source = source(dir);
            let began = Instant::now();
            let outcome = source.refresh_files();
            println!("{job:8} {:?}: {} in force", began.elapsed(), outcome.len());
            if job == "replace" {
                swap(dir);
                let began = Instant::now();
                let outcome = source.refresh_files();
                let outcome = outcome
                    .into_iter()
                    .next()
                    .expect("a new CRL")
                    .expect("a good CRL");
                println!(
                    "         again {:?}: {}",
                    began.elapsed(),
                    outcome.summary()
                );
                swap(dir);
            }
        }
        "watch" => watch(dir),
        other => panic!("no job {other}"),
    }
    let peak = peak() - before;
    println!(
        "         peak {} MB, {}.{:02} times the CRL",
        peak >> 20,
        peak / size,
        peak * 100 / size % 100
    );
}

fn walk(dir: &Path) {
    let octets = fs::read(dir.join(CRL)).expect("read the CRL");
    let best = (0..5).map(|_| {
        let began = Instant::now();
        let crl = Crl::parse(&octets).expect("a CRL");
        let count = crl.entries().filter(Result::is_ok).count();
        (began.elapsed(), count)
    });
    let (time, count) = best.min().expect("five rounds");
    let count = u32::try_from(count).expect("a count");
    println!(
        "walk     {:.1} M entries/s",
        f64::from(count) / time.as_secs_f64() / 1e6
    );
}

/// Exchanges the two CRLs, so that the folder is as before after an even number of times.
fn swap(dir: &Path) {
    let rename = |from: &str, to: &str| fs::rename(dir.join(from), dir.join(to)).expect("rename");
    rename(CRL, "old");
    rename(NEXT, CRL);
    rename("old", NEXT);
}

fn knows(source: &CrlSource, serial: &[u8]) -> Option<Knowledge> {
    let serials = [SerialNumber::from_content(serial)];
    let mut future = pin!(source.lookup(&serials));
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(records) => records.ok().map(|records| records[0].knowledge),
        Poll::Pending => panic!("a table in memory has nothing to wait for"),
    }
}

/// From the renaming of a new CRL to the first answer by it, while another thread asks without a pause.
fn watch(dir: &Path) {
    let source = Arc::new(source(dir));
    let mut policy = FetchPolicy::default();
    policy.roots = Roots::Named(Vec::new());
    let fetcher = Arc::new(Fetcher::new(policy).expect("a fetcher"));
    let watch = CrlWatch::start(
        Arc::clone(&source),
        fetcher,
        CrlWatchSettings::default(),
        |_| {},
    );
    let watch = watch.expect("a thread");
    let (fresh, old) = (serial(0), serial(1));
    let wait = |revoked: bool, serial: &[u8]| {
        while matches!(knows(&source, serial), Some(Knowledge::Revoked { .. })) != revoked {
            thread::sleep(Duration::from_micros(200));
        }
    };
    wait(true, &old);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let (mut worst, mut asked, mut wrong) = (Duration::ZERO, 0_u64, 0_u64);
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                let answer = knows(&source, &old);
                worst = worst.max(began.elapsed());
                asked += 1;
                wrong += u64::from(!matches!(answer, Some(Knowledge::Revoked { .. })));
            }
            (worst, asked, wrong)
        });
        let began = Instant::now();
        swap(dir);
        wait(true, &fresh);
        println!(
            "watch    from the new file to the first changed answer {:?}",
            began.elapsed()
        );
        done.store(true, Ordering::Relaxed);
        let (worst, asked, wrong) = client.join().expect("the client does not panic");
        println!("         meanwhile {asked} answers, {wrong} wrong, the slowest took {worst:?}");
    });
    drop(watch);
    swap(dir);
}

/// The most memory that was resident so far, in octets.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilo = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilo.unwrap_or(0) * 1024
}
