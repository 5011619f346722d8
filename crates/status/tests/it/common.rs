//! What several test modules share: a clock, rows, and a way to ask a source.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use certvouch_responder::{Knowledge, StatusRecord, StatusSource};
use certvouch_status::{IndexTxt, SerialKey, UnrevokePolicy};
use certvouch_types::{CrlReason, SerialNumber, Timestamp};

/// The frozen clock of the requirements: 2026-01-10T00:00:00Z.
pub(crate) fn t0() -> Timestamp {
    at("2026-01-10T00:00:00Z")
}

pub(crate) fn at(rfc3339: &str) -> Timestamp {
    Timestamp::from_rfc3339(rfc3339).unwrap()
}

pub(crate) fn open(path: &std::path::Path) -> IndexTxt {
    IndexTxt::open(path, UnrevokePolicy::Refuse, t0()).unwrap()
}

/// The content octets of an INTEGER of this value.
pub(crate) fn content(hex: &str) -> Vec<u8> {
    let hex = format!("{}{hex}", if hex.len() % 2 == 1 { "0" } else { "" });
    let octets = certvouch_testkit::der::hex(&hex);
    let key = SerialKey::new(&octets);
    match key.octets() {
        [] => vec![0],
        [first, ..] if *first > 0x7F => [&[0], key.octets()].concat(),
        octets => octets.to_vec(),
    }
}

pub(crate) fn key(hex: &str) -> SerialKey {
    SerialKey::of(&SerialNumber::from_content(&content(hex))).unwrap()
}

/// Asks a source as the responder does.
pub(crate) fn ask(source: &impl StatusSource, serials: &[&str]) -> Vec<StatusRecord> {
    let contents: Vec<Vec<u8>> = serials.iter().map(|hex| content(hex)).collect();
    let serials: Vec<_> = contents
        .iter()
        .map(|octets| SerialNumber::from_content(octets))
        .collect();
    let mut future = pin!(source.lookup(&serials));
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(records) => records.unwrap(),
        Poll::Pending => panic!("a table in memory has nothing to wait for"),
    }
}

pub(crate) fn knows(source: &impl StatusSource, serial: &str) -> Knowledge {
    ask(source, &[serial])[0].knowledge
}

pub(crate) fn revoked(time: &str, reason: Option<CrlReason>) -> Knowledge {
    Knowledge::Revoked {
        at: at(time),
        reason,
    }
}

/// A row of a valid certificate.
pub(crate) fn valid(serial: &str) -> String {
    format!("V\t271231235959Z\t\t{serial}\tunknown\t/CN=x\n")
}

/// A revoked row with this third column.
pub(crate) fn gone(serial: &str, column: &str) -> String {
    format!("R\t271231235959Z\t{column}\t{serial}\tunknown\t/CN=x\n")
}
