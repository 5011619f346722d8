//! A folder with a CA, a signer and an index, and the program on top of it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask;
use certvouch_testkit::http;
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{Cert, KeyAlg, World, WorldFiles};
use certvouch_testkit::process::{PATIENCE, Server, TempDir, temp_dir};

/// CA-A's world in a folder.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) world: World,
    pub(crate) files: WorldFiles,
}

/// The program with these arguments, in this folder.
pub(crate) fn certvouch(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    command
        .args(arguments)
        .current_dir(dir)
        .env_remove("CERTVOUCH_LOG");
    command
}

/// Runs the program to its end.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Outcome {
    peer::run(&mut certvouch(dir, arguments), b"", PATIENCE)
}

/// The flags that name the files of a [`Site`], relative to its folder.
pub(crate) const FLAGS: [&str; 11] = [
    "serve",
    "--issuer",
    "ca.pem",
    "--signer-cert",
    "ocsp.pem",
    "--signer-key",
    "ocsp.key",
    "--index",
    "index.txt",
    "--listen",
    "127.0.0.1:0",
];

impl Site {
    pub(crate) fn new() -> Self {
        let dir = temp_dir();
        let world = World::current(KeyAlg::P256);
        let files = world.write(dir.path());
        Self { dir, world, files }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `serve` on a port of the system's choice, with further flags.
    pub(crate) fn serve(&self, further: &[&str]) -> (Server, SocketAddr) {
        let server = self.start(further);
        let address = server.listening_address();
        (server, address)
    }

    pub(crate) fn start(&self, further: &[&str]) -> Server {
        Server::start(&mut certvouch(self.path(), &[&FLAGS[..], further].concat()))
    }

    /// `serve` that must refuse to start.
    pub(crate) fn refused(&self, further: &[&str]) -> Outcome {
        run(self.path(), &[&FLAGS[..], further].concat())
    }

    /// The DER of a question about this certificate.
    pub(crate) fn question(&self, cert: &Cert) -> Vec<u8> {
        ask::q1(&self.world.ca_a, &cert.serial)
    }

    /// The answer about this certificate, asked by POST on a connection of its own.
    pub(crate) fn status(&self, address: SocketAddr, cert: &Cert) -> CertStatus {
        status_in(&http::post(address, "/", &self.question(cert)))
    }

    /// Replaces the index as `openssl ca` does: written aside, then renamed.
    pub(crate) fn replace_index(&self, text: &str) {
        let aside = self.path().join("index.txt.new");
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(&aside, &self.files.index).unwrap();
    }

    /// The index with EE-good revoked.
    pub(crate) fn index_with_good_revoked(&self) -> String {
        let index = self.world.index_txt();
        let (before, row, after) = split_row(&index, "EE-good");
        let mut columns: Vec<&str> = row.split('\t').collect();
        columns[0] = "R";
        columns[2] = "260101000000Z,keyCompromise";
        format!("{before}{}{after}", columns.join("\t"))
    }
}

/// What stands before the row of this name, the row, and what stands behind it.
pub(crate) fn split_row<'a>(index: &'a str, name: &str) -> (&'a str, &'a str, &'a str) {
    let at = index
        .find(&format!("/CN={name}/"))
        .expect("a row of that name");
    let start = index[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = at + index[at..].find('\n').expect("the row ends") + 1;
    (&index[..start], &index[start..end], &index[end..])
}

/// The one status in a successful response.
pub(crate) fn status_in(response: &http::Response) -> CertStatus {
    assert_eq!(response.status, 200, "{response:?}");
    Answer::successful(&response.body).single().status
}

pub(crate) fn is_revoked(status: CertStatus) -> bool {
    matches!(status, CertStatus::Revoked { .. })
}
