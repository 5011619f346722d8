//! Foreign programs ask our responder, and judge its answers: the table `peer × cell`.
//!
//! A cell is (method, signer algorithm, CertID hash, nonce, status). Where a peer cannot send a cell (OpenSSL knows no
//! GET, Go no nonce) the request is sent for it, and the peer judges the answer. A cell passes, or `cells.tsv` says why
//! it is not applicable; there is no third way. The outcome is compared with `docs/peers.md`; `CERTVOUCH_BLESS=1` writes
//! it anew.

mod bridge;
mod caches;
mod cells;
mod gnutls;
mod go;
mod java;
mod nss;
mod openssl;
mod page;
mod python;
mod stapled;
mod strongswan;
mod tree;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::thread;

use certvouch_testkit::peer::{Peer, require_or_skip};

use cells::{ALGORITHMS, Cell, Rules};
use world::Responders;

/// What a peer said of each cell: nothing, or the problem.
type Verdicts = BTreeMap<Cell, Option<String>>;

/// Of one peer and one signer algorithm: how many cells pass, and why how many others are not applicable.
#[derive(Default)]
struct Count {
    passed: usize,
    reasons: BTreeMap<String, usize>,
}

/// The counts of one peer.
type Column = BTreeMap<&'static str, Count>;

/// Judges all cells of one peer; gives its column, or every wrong cell.
fn judged(peer: &str, rules: &Rules, verdicts: &Verdicts) -> Result<Column, String> {
    let mut wrong = Vec::new();
    let mut column = Column::new();
    for cell in Cell::all() {
        let reason = rules.reason(peer, &cell);
        let count = column.entry(cell.algorithm).or_default();
        match (verdicts.get(&cell), reason) {
            (Some(None), None) => count.passed += 1,
            (Some(Some(_)) | None, Some(reason)) => {
                *count.reasons.entry(reason.to_owned()).or_default() += 1;
            }
            (Some(None), Some(reason)) => {
                wrong.push(format!("{cell}: passes, but is listed as n/a: {reason}"));
            }
            (Some(Some(problem)), None) => wrong.push(format!("{cell}: {problem}")),
            (None, None) => wrong.push(format!("{cell}: was not judged")),
        }
    }
    if wrong.is_empty() {
        return Ok(column);
    }
    Err(format!(
        "{peer}: {} cells are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    ))
}

/// The peers that are here; their judges run side by side.
fn ask(responders: &Responders) -> (Vec<(&'static str, Verdicts)>, bool) {
    let peers = [
        "openssl",
        "go",
        "python-cryptography",
        "ocsptool",
        "ocspclnt",
        "certutil",
        "java",
        "strongswan",
        "nginx",
        "curl",
    ]
    .map(require_or_skip);
    let complete = peers.iter().all(Option::is_some);
    let [
        openssl,
        go,
        python,
        gnutls,
        ocspclnt,
        certutil,
        java,
        strongswan,
        nginx,
        curl,
    ] = &peers;
    type Answers = Vec<(&'static str, Verdicts)>;
    let one = |name, peer: &Option<Peer>, judge: fn(&Peer, &Responders) -> Verdicts| {
        let peer = peer.as_ref();
        peer.map_or_else(Answers::new, |peer| vec![(name, judge(peer, responders))])
    };
    let found = thread::scope(|scope| {
        let running = [
            scope.spawn(|| one("openssl", openssl, openssl::judge)),
            scope.spawn(|| one("go", go, go::judge)),
            scope.spawn(|| one("python", python, python::judge)),
            scope.spawn(|| one("gnutls", gnutls, gnutls::judge)),
            scope.spawn(|| one("java", java, java::judge)),
            scope.spawn(|| one("strongswan", strongswan, strongswan::judge)),
            scope.spawn(|| {
                let both = ocspclnt.as_ref().zip(certutil.as_ref());
                both.map_or_else(Answers::new, |(client, certutil)| {
                    vec![("nss", nss::judge(client, certutil, responders))]
                })
            }),
            scope.spawn(|| match (nginx, curl, openssl) {
                (Some(nginx), Some(curl), Some(openssl)) => {
                    let verdicts = stapled::judge([nginx, curl, openssl], responders);
                    ["nginx", "curl", "s_client"]
                        .into_iter()
                        .zip(verdicts)
                        .collect()
                }
                _ => Answers::new(),
            }),
        ];
        running
            .into_iter()
            .flat_map(|judge| judge.join().expect("a judge does not panic"))
            .collect()
    });
    (found, complete)
}

// covers: R6960-4.2.1-3, R6960-4.1.1-1, R6960-2.2-1, R6960-2.2-10, R9919-3.2.2-1, R9919-3.2.2-2, R9919-6-1
#[test]
fn every_cell_of_every_peer_passes_or_says_why_not() {
    let rules = Rules::load();
    let (responders, _running) = Responders::start();
    let (found, complete) = ask(&responders);
    let mut columns = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, verdicts) in found {
        match judged(name, &rules, &verdicts) {
            Ok(column) => drop(columns.insert(name, column)),
            Err(cells) => wrong.push(cells),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    if complete {
        rules.assert_all_used();
        page::compare("cells", &table(&columns));
    }
}

/// The table, and below it the reasons by their letters.
fn table(columns: &BTreeMap<&str, Column>) -> String {
    let reasons: BTreeSet<&String> = columns
        .values()
        .flat_map(BTreeMap::values)
        .flat_map(|count| count.reasons.keys())
        .collect();
    let letters: BTreeMap<&String, char> = reasons.into_iter().zip('a'..='z').collect();
    let names: Vec<_> = columns.keys().copied().collect();
    let mut out = format!("| signer | {} |\n", names.join(" | "));
    writeln!(out, "|---|{}", "---|".repeat(names.len())).expect("a String takes everything");
    for algorithm in ALGORITHMS {
        let cells: Vec<_> = names
            .iter()
            .map(|name| shown(&columns[name][algorithm], &letters))
            .collect();
        writeln!(out, "| {algorithm} | {} |", cells.join(" | "))
            .expect("a String takes everything");
    }
    out.push('\n');
    for (reason, letter) in letters {
        writeln!(out, "* **{letter}**: {reason}").expect("a String takes everything");
    }
    out
}

fn shown(count: &Count, letters: &BTreeMap<&String, char>) -> String {
    let mut parts = Vec::new();
    if count.passed > 0 {
        parts.push(format!("{} pass", count.passed));
    }
    for (reason, cells) in &count.reasons {
        parts.push(format!("{cells} n/a ({})", letters[reason]));
    }
    parts.join(", ")
}
