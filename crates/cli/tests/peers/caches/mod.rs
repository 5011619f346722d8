//! HTTP caches of other people in front of our responder: nginx, Varnish, HAProxy, configured as docs/caches.md says.
//!
//! Each check is a line of the second table of docs/peers.md. A check passes, or [`EXCEPTIONS`] says why it is not
//! applicable; an exception that is not needed any more fails, as with the cells.

mod checks;
mod front;
mod origin;

use std::fmt::Write as _;
use std::thread;

use certvouch_testkit::peer::{Peer, require_or_skip};

use crate::page;
use checks::CHECKS;
use front::Kind;

/// The cache, the check, and why it is not applicable.
const EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "haproxy",
    "asks with If-None-Match what it may no longer serve",
    "HAProxy fetches anew",
)];

/// What became of each check of one cache.
struct Column {
    kind: Kind,
    cells: Vec<String>,
    wrong: Vec<String>,
}

fn judge(kind: Kind, peer: &Peer) -> Column {
    let (mut cells, mut wrong) = (Vec::new(), Vec::new());
    for (name, check) in CHECKS {
        let exception = EXCEPTIONS
            .iter()
            .find(|(cache, of, _)| *cache == kind.name() && of == &name);
        match (check(kind, peer), exception) {
            (Ok(()), None) => cells.push("pass".to_owned()),
            (Err(_), Some((.., why))) => cells.push(format!("n/a: {why}")),
            (Ok(()), Some(_)) => wrong.push(format!("{}: {name}: passes", kind.name())),
            (Err(why), None) => wrong.push(format!("{}: {name}: {why}", kind.name())),
        }
    }
    Column { kind, cells, wrong }
}

// covers: R9111-5.2.2.2-1, R9111-5.2.2.6-1
#[test]
fn every_cache_in_front_of_us_passes_every_check_or_says_why_not() {
    let columns: Vec<Column> = thread::scope(|scope| {
        let running = Kind::ALL
            .map(|kind| scope.spawn(move || Some(judge(kind, &require_or_skip(kind.program())?))));
        running
            .into_iter()
            .filter_map(|judge| judge.join().expect("a check does not panic"))
            .collect()
    });
    let wrong: Vec<_> = columns.iter().flat_map(|column| &column.wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if columns.len() == Kind::ALL.len() {
        page::compare("caches", &table(&columns));
    }
}

fn table(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.kind.name()).collect();
    let mut out = format!("| the cache | {} |\n", names.join(" | "));
    writeln!(out, "|---|{}", "---|".repeat(names.len())).expect("a String takes everything");
    for (index, (name, _)) in CHECKS.into_iter().enumerate() {
        let cells: Vec<_> = columns
            .iter()
            .map(|column| column.cells[index].as_str())
            .collect();
        writeln!(out, "| {name} | {} |", cells.join(" | ")).expect("a String takes everything");
    }
    out
}
