//! One responder for each signer algorithm, and the page with the outcome.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use certvouch_testkit::ask::{Ask, GetForm, get_segment};
use certvouch_testkit::http;
use certvouch_testkit::pki::{KeyAlg, World, WorldFiles};
use certvouch_testkit::process::{Server, TempDir, temp_dir};

use crate::cells::{ALGORITHMS, Cell};

/// Nonces of ours have the length that RFC 9654 asks of clients.
const NONCE: [u8; 32] = *b"thirty-two octets chosen by test";

/// A running responder and what it answers about.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) files: WorldFiles,
    pub(crate) address: SocketAddr,
    _server: Server,
    _dir: TempDir,
}

/// The responders by signer algorithm.
pub(crate) struct Responders(BTreeMap<&'static str, Site>);

impl Responders {
    pub(crate) fn start() -> Self {
        Self(
            ALGORITHMS
                .into_iter()
                .map(|algorithm| (algorithm, Site::start(algorithm)))
                .collect(),
        )
    }

    pub(crate) fn site(&self, cell: &Cell) -> &Site {
        &self.0[cell.algorithm]
    }
}

impl Site {
    fn start(algorithm: &str) -> Self {
        let key = match algorithm {
            "ecdsa-sha256" => KeyAlg::P256,
            "ecdsa-sha384" => KeyAlg::P384,
            "ecdsa-sha512" => KeyAlg::P521,
            "ed25519" => KeyAlg::Ed25519,
            "ml-dsa-44" => KeyAlg::MlDsa44,
            "ml-dsa-65" => KeyAlg::MlDsa65,
            "ml-dsa-87" => KeyAlg::MlDsa87,
            _ => KeyAlg::Rsa2048,
        };
        let world = World::current(key);
        let dir = temp_dir();
        let files = world.write(dir.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
        command
            .arg("serve")
            .args(["--listen", "127.0.0.1:0", "--threads", "1"]);
        command
            .arg("--issuer")
            .arg(&files.ca)
            .arg("--signer-cert")
            .arg(&files.signer_cert);
        command
            .arg("--signer-key")
            .arg(&files.signer_key)
            .arg("--index")
            .arg(&files.index);
        command.args(["--signer-algorithm", algorithm]);
        let server = Server::start(&mut command);
        let address = server.listening_address();
        Self {
            world,
            files,
            address,
            _server: server,
            _dir: dir,
        }
    }

    /// The serial number of a cell's status, by its content octets.
    pub(crate) fn serial(&self, cell: &Cell) -> &[u8] {
        match cell.status {
            "good" => &self.world.ee_good.serial,
            "revoked" => &self.world.ee_rev.serial,
            _ => &self.world.s_x,
        }
    }

    /// The same in hex, as a positive number.
    pub(crate) fn serial_hex(&self, cell: &Cell) -> String {
        certvouch_testkit::der::to_hex(self.serial(cell)).replace(' ', "")
    }

    /// A request of ours for a cell.
    pub(crate) fn request(&self, cell: &Cell) -> Vec<u8> {
        let ask = Ask::for_serial(cell.hash_alg(), &self.world.ca_a, self.serial(cell));
        if cell.has_nonce() {
            ask.nonce(&NONCE).build()
        } else {
            ask.build()
        }
    }

    /// Sends a request of ours and gives the body of the answer.
    pub(crate) fn send(&self, cell: &Cell, request: &[u8]) -> Vec<u8> {
        let response = if cell.method == "GET" {
            http::get(
                self.address,
                &format!("/{}", get_segment(request, GetForm::Strict)),
            )
        } else {
            http::post(self.address, "/", request)
        };
        assert_eq!(response.status, 200, "{cell}");
        response.body
    }
}

/// Compares the outcome with `docs/peers.md`, or writes it.
pub(crate) fn compare_with_page(columns: &BTreeMap<&str, BTreeMap<&'static str, String>>) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/peers.md");
    let page = page(columns);
    if std::env::var_os("CERTVOUCH_BLESS").is_some() {
        std::fs::write(&path, &page).expect("docs/peers.md is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/peers.md is out of date: run this test with CERTVOUCH_BLESS=1\n{page}"
    );
}

fn page(columns: &BTreeMap<&str, BTreeMap<&'static str, String>>) -> String {
    let mut out = String::from(
        "# What other programs make of our answers\n\n\
         Each line is a signer algorithm. Behind it stand 48 cells for each program: GET and POST, four CertID hashes, with \
         and without nonce, status good, revoked and unknown. A program that cannot send a cell (OpenSSL: GET; Go: nonce) \
         judges the answer to a request that was sent for it. Written by `crates/cli/tests/peers`; what is not applicable \
         is listed with its reason in `cells.tsv` beside the test.\n\n",
    );
    let names: Vec<_> = columns.keys().copied().collect();
    writeln!(out, "| signer | {} |", names.join(" | ")).expect("a String takes everything");
    writeln!(out, "|---|{}", "---|".repeat(names.len())).expect("a String takes everything");
    for algorithm in ALGORITHMS {
        let cells: Vec<_> = names
            .iter()
            .map(|name| columns[name][algorithm].as_str())
            .collect();
        writeln!(out, "| {algorithm} | {} |", cells.join(" | "))
            .expect("a String takes everything");
    }
    out
}
