//! One responder for each signer algorithm, and what is asked of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

use certvouch_testkit::ask::{Ask, GetForm, get_segment};
use certvouch_testkit::der;
use certvouch_testkit::http;
use certvouch_testkit::pki::{Cert, CertBuilder, KeyAlg, KeyUsage, World, WorldFiles};
use certvouch_testkit::process::{Server, TempDir, temp_dir};

use crate::cells::{ALGORITHMS, Cell};

/// Nonces of ours have the length that RFC 9654 asks of clients.
const NONCE: [u8; 32] = *b"thirty-two octets chosen by test";

/// A running responder and what it answers about.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) files: WorldFiles,
    pub(crate) address: SocketAddr,
}

/// What keeps the responders alive; apart from them, since a child cannot be shared between threads.
pub(crate) struct Running(
    #[expect(dead_code, reason = "held to be dropped at the end")] Vec<(Server, TempDir)>,
);

/// The responders by signer algorithm.
pub(crate) struct Responders(BTreeMap<&'static str, Site>);

impl Responders {
    pub(crate) fn start() -> (Self, Running) {
        let mut sites = BTreeMap::new();
        let mut running = Vec::new();
        for algorithm in ALGORITHMS {
            let (site, server, dir) = Site::start(algorithm);
            sites.insert(algorithm, site);
            running.push((server, dir));
        }
        (Self(sites), Running(running))
    }

    pub(crate) fn site(&self, cell: &Cell) -> &Site {
        self.algorithm(cell.algorithm)
    }

    /// The responder whose signer has this algorithm.
    pub(crate) fn algorithm(&self, name: &str) -> &Site {
        &self.0[name]
    }
}

impl Site {
    fn start(algorithm: &str) -> (Self, Server, TempDir) {
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
        let site = Self {
            world,
            files,
            address,
        };
        (site, server, dir)
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
        der::to_hex(self.serial(cell)).replace(' ', "")
    }

    /// A server certificate with the serial number of the cell's status, which names the place to ask.
    pub(crate) fn leaf(&self, cell: &Cell, url: &str) -> Cert {
        let world = &self.world;
        let name = der::tlv(0x82, b"*.cells.test");
        CertBuilder::new(
            &[("CN", "cells.test"), ("O", "certvouch tests")],
            &world.ee_good.key,
        )
        .serial(self.serial(cell))
        .validity(world.ee_good.not_before, world.ee_good.not_after)
        .key_usage(&[KeyUsage::DigitalSignature])
        .eku(&["1.3.6.1.5.5.7.3.1"])
        .extension("2.5.29.17", false, &der::seq(&[&name]))
        .aia(&[url], &[])
        .issued_by(&world.ca_a)
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
