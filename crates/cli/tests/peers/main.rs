//! Foreign programs ask our responder, and judge its answers: the table `peer × cell`.
//!
//! A cell is (method, signer algorithm, CertID hash, nonce, status). Where a peer cannot send a cell (OpenSSL knows no
//! GET, Go no nonce) the request is sent for it, and the peer judges the answer. A cell passes, or `cells.tsv` says why
//! it is not applicable; there is no third way. The outcome is compared with `docs/peers.md`; `CERTVOUCH_BLESS=1` writes
//! it anew.

mod cells;
mod go;
mod openssl;
mod python;
mod tree;
mod world;

use std::collections::BTreeMap;

use cells::{Cell, Rules};
use world::Responders;

/// What a peer said of each cell: nothing, or the problem.
type Verdicts = BTreeMap<Cell, Option<String>>;

/// Judges all cells of one peer and gives the lines of its column; panics with every wrong cell.
fn judged(peer: &str, rules: &Rules, verdicts: &Verdicts) -> BTreeMap<&'static str, String> {
    let mut wrong = Vec::new();
    let mut column: BTreeMap<&'static str, (usize, Option<String>)> = BTreeMap::new();
    for cell in Cell::all() {
        let reason = rules.reason(peer, &cell);
        let entry = column.entry(cell.algorithm).or_default();
        match (verdicts.get(&cell), reason) {
            (Some(None), None) => entry.0 += 1,
            (Some(Some(_)) | None, Some(reason)) => entry.1 = Some(reason.to_owned()),
            (Some(None), Some(reason)) => {
                wrong.push(format!("{cell}: passes, but is listed as n/a: {reason}"))
            }
            (Some(Some(problem)), None) => wrong.push(format!("{cell}: {problem}")),
            (None, None) => wrong.push(format!("{cell}: was not judged")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{peer}: {} cells are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let cells = Cell::all().count() / cells::ALGORITHMS.len();
    column
        .into_iter()
        .map(|(algorithm, (passed, reason))| match reason {
            None => (algorithm, format!("{passed} of {cells} pass")),
            Some(reason) => (algorithm, format!("n/a: {reason}")),
        })
        .collect()
}

// covers: R6960-4.2.1-3, R6960-4.1.1-1, R6960-2.2-1, R6960-2.2-10, R9919-3.2.2-1, R9919-3.2.2-2, R9919-6-1
#[test]
fn every_cell_of_every_peer_passes_or_says_why_not() {
    let rules = Rules::load();
    let peers = ["openssl", "go", "python-cryptography"];
    let found: Vec<_> = peers
        .iter()
        .filter_map(|name| certvouch_testkit::peer::require_or_skip(name))
        .collect();
    if found.is_empty() {
        return;
    }
    let responders = Responders::start();
    let mut columns = BTreeMap::new();
    for peer in &found {
        let (name, verdicts) = match &*peer.name {
            "openssl" => ("openssl", openssl::judge(peer, &responders)),
            "go" => ("go", go::judge(peer, &responders)),
            _ => ("python", python::judge(peer, &responders)),
        };
        columns.insert(name, judged(name, &rules, &verdicts));
    }
    if found.len() == peers.len() {
        rules.assert_all_used();
        world::compare_with_page(&columns);
    }
}
