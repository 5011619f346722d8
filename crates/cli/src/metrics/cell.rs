//! The cells: counters by label, a gauge, a histogram of times.

use std::collections::hash_map::RandomState;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use hashbrown::{Equivalent, HashMap};

use super::page::{Kind, Page};

/// Series of one family. Labels come from our own lists and the configuration; should one ever come from a client, the
/// family stops growing here. Arbitrary, but far over any configuration.
const MOST_SERIES: usize = 10_000;

/// Counters that differ in `N` labels.
#[derive(Debug)]
pub struct Family<const N: usize>(RwLock<HashMap<[Box<str>; N], AtomicU64, RandomState>>);

/// Labels that are looked for. An array hashes as the array of its texts does, owned or not.
#[derive(Hash)]
struct Wanted<'a, const N: usize>([&'a str; N]);

impl<const N: usize> Equivalent<[Box<str>; N]> for Wanted<'_, N> {
    fn equivalent(&self, key: &[Box<str>; N]) -> bool {
        self.0
            .iter()
            .zip(key)
            .all(|(ours, theirs)| **ours == **theirs)
    }
}

impl<const N: usize> Default for Family<N> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::default()))
    }
}

impl<const N: usize> Family<N> {
    /// Counts one.
    pub fn add(&self, labels: [&str; N]) {
        {
            // The way of every request: nothing is allocated, and readers do not wait for each other.
            let series = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(cell) = series.get(&Wanted(labels)) {
                cell.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        let key = labels.map(Box::from);
        let mut series = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if series.len() < MOST_SERIES || series.contains_key(&key) {
            series
                .entry(key)
                .or_default()
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn write(&self, page: &mut Page, name: &str, help: &str, labels: [&str; N]) {
        page.family(name, Kind::Counter, help);
        let series = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = series.iter().collect();
        sorted.sort_by_key(|(values, _)| *values);
        for (values, cell) in sorted {
            let pairs: Vec<(&str, &str)> = labels
                .iter()
                .zip(values)
                .map(|(label, value)| (*label, &**value))
                .collect();
            page.sample(name, &pairs, cell.load(Ordering::Relaxed));
        }
    }
}

/// A figure that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds, or takes away.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// The figure now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds one until the guard is dropped, however that comes about.
    pub fn hold(&self) -> Held<'_> {
        self.add(1);
        Held(self)
    }
}

/// One that is counted as long as it lives.
#[derive(Debug)]
pub struct Held<'a>(&'a Gauge);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// Upper bounds in microseconds, with the text of the label: an ECDSA signature takes some ten microseconds, an
/// RSA-4096 one some milliseconds, an HSM up to a second.
const BOUNDS: [(u64, &str); 12] = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (50_000, "0.05"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
];

/// Times, counted by length.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    /// Counts one time.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(at) = BOUNDS.iter().position(|(bound, _)| micros <= *bound) {
            self.buckets[at].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Writes the family.
    pub fn write(&self, page: &mut Page, name: &str, help: &str) {
        page.family(name, Kind::Histogram, help);
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (cell, (_, text)) in self.buckets.iter().zip(BOUNDS) {
            below += cell.load(Ordering::Relaxed);
            page.sample(&bucket, &[("le", text)], below);
        }
        // A time may be counted between the two reads; the last bucket is never below the one before it.
        let count = self.count.load(Ordering::Relaxed).max(below);
        page.sample(&bucket, &[("le", "+Inf")], count);
        let micros = self.micros.load(Ordering::Relaxed);
        let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        page.sample(&format!("{name}_sum"), &[], seconds);
        page.sample(&format!("{name}_count"), &[], count);
    }
}
