//! The cells of the table, and the rules that take some of them out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use certvouch_testkit::ask::HashAlg;

/// The signer algorithms, by their names in the configuration.
pub(crate) const ALGORITHMS: [&str; 9] = [
    "ecdsa-sha256",
    "ecdsa-sha384",
    "ecdsa-sha512",
    "ed25519",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
    "rsa-pss-sha256",
    "rsa-sha256",
];

const METHODS: [&str; 2] = ["GET", "POST"];
const HASHES: [&str; 4] = ["sha1", "sha256", "sha384", "sha512"];
const NONCES: [&str; 2] = ["no-nonce", "nonce"];
const STATUSES: [&str; 3] = ["good", "revoked", "unknown"];

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) method: &'static str,
    pub(crate) algorithm: &'static str,
    pub(crate) hash: &'static str,
    pub(crate) nonce: &'static str,
    pub(crate) status: &'static str,
}

impl Cell {
    /// Every cell.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        METHODS.into_iter().flat_map(|method| {
            ALGORITHMS.into_iter().flat_map(move |algorithm| {
                HASHES.into_iter().flat_map(move |hash| {
                    NONCES.into_iter().flat_map(move |nonce| {
                        STATUSES.into_iter().map(move |status| Self {
                            method,
                            algorithm,
                            hash,
                            nonce,
                            status,
                        })
                    })
                })
            })
        })
    }

    /// The hash algorithm of its CertID.
    pub(crate) fn hash_alg(&self) -> HashAlg {
        match self.hash {
            "sha1" => HashAlg::Sha1,
            "sha256" => HashAlg::Sha256,
            "sha384" => HashAlg::Sha384,
            _ => HashAlg::Sha512,
        }
    }

    /// Whether the request has a nonce.
    pub(crate) fn has_nonce(&self) -> bool {
        self.nonce == "nonce"
    }

    fn columns(&self) -> [&str; 5] {
        [
            self.method,
            self.algorithm,
            self.hash,
            self.nonce,
            self.status,
        ]
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.columns().join(" "))
    }
}

/// `cells.tsv`.
pub(crate) struct Rules {
    lines: Vec<Vec<String>>,
    used: RefCell<BTreeSet<usize>>,
}

impl Rules {
    pub(crate) fn load() -> Self {
        let lines = include_str!("cells.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
                assert_eq!(
                    columns.len(),
                    7,
                    "cells.tsv: {line:?} has not seven columns"
                );
                columns
            })
            .collect();
        Self {
            lines,
            used: RefCell::default(),
        }
    }

    /// Why the cell is not applicable to the peer, if it is not.
    pub(crate) fn reason(&self, peer: &str, cell: &Cell) -> Option<&str> {
        let fits = |line: &Vec<String>| {
            let columns = cell.columns();
            (line[0] == peer || line[0] == "*")
                && line[1..6]
                    .iter()
                    .zip(columns)
                    .all(|(rule, column)| rule == "*" || rule == column)
        };
        let index = self.lines.iter().position(fits)?;
        self.used.borrow_mut().insert(index);
        Some(&self.lines[index][6])
    }

    /// A rule that fits no cell is a mistake or outdated.
    pub(crate) fn assert_all_used(&self) {
        let used = self.used.borrow();
        let idle: Vec<_> = (0..self.lines.len())
            .filter(|index| !used.contains(index))
            .collect();
        assert!(idle.is_empty(), "cells.tsv: rules without a cell: {idle:?}");
    }
}
