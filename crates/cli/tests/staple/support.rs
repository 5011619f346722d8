//! A site: a CA with a responder, a certificate with its key, an agent; and what a TLS client sees.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use certvouch_testkit::clock::real_now;
use certvouch_testkit::peer::{self, Outcome, Peer};
use certvouch_testkit::pki::{KeyAlg, World, WorldFiles};
use certvouch_testkit::process::{PATIENCE, Server, TempDir, free_port, temp_dir};

pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) world: World,
    pub(crate) files: WorldFiles,
    pub(crate) port: u16,
    pub(crate) openssl: Peer,
}

pub(crate) fn certvouch(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
    command
        .args(arguments)
        .current_dir(dir)
        .env_remove("CERTVOUCH_LOG");
    command
}

pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Outcome {
    peer::run(&mut certvouch(dir, arguments), b"", PATIENCE)
}

impl Site {
    /// Nothing if OpenSSL, or the named server, is absent.
    pub(crate) fn with(server: &str) -> Option<(Self, Peer)> {
        let server = peer::require_or_skip(server)?;
        Some((Self::new()?, server))
    }

    pub(crate) fn new() -> Option<Self> {
        let openssl = peer::require_or_skip("openssl")?;
        let dir = temp_dir();
        let world = World::current(KeyAlg::P256);
        let files = world.write(dir.path());
        let chain = world.ee_good.pem() + &world.ca_a.pem();
        std::fs::write(dir.path().join("www.pem"), chain).unwrap();
        world.ee_good.write_key_pem(&dir.path().join("www.key"));
        Some(Self {
            dir,
            world,
            files,
            port: free_port(),
            openssl,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn responder(&self, further: &[&str]) -> (Server, SocketAddr) {
        let flags = [
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
        let server = Server::start(&mut certvouch(self.path(), &[&flags[..], further].concat()));
        let address = server.listening_address();
        (server, address)
    }

    /// Writes `staple.toml` with one target; `deliver` is its table.
    pub(crate) fn configure(&self, responder: SocketAddr, further: &str, deliver: &str) {
        let text = format!(
            "state = \"state\"\n[schedule]\nmin_delay = \"1s\"\nmax_backoff = \"2s\"\ndeadline = \"1s\"\n\
             [[target]]\nname = \"www\"\ncertificate = \"www.pem\"\nresponder = \"http://{responder}/\"\n\
             {further}\ndeliver = {deliver}\n"
        );
        std::fs::write(self.path().join("staple.toml"), text).unwrap();
    }

    pub(crate) fn agent(&self) -> Server {
        let agent = Server::start(&mut certvouch(self.path(), &["staple", "run"]));
        assert_eq!(agent.line(), "running");
        // Its first report comes when it hears signals.
        eventually("the agent's report", || {
            let report = self.report();
            report.is_some_and(|report| report["process"] == agent.id())
        });
        agent
    }

    pub(crate) fn once(&self) -> Outcome {
        run(self.path(), &["staple", "once"])
    }

    /// The report of the agent.
    pub(crate) fn report(&self) -> Option<serde_json::Value> {
        let text = std::fs::read(self.path().join("state/staple.status.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Replaces the index, with EE-good revoked.
    pub(crate) fn revoke(&self) {
        let index = self.world.index_txt();
        let rows: Vec<String> = index
            .lines()
            .map(|row| {
                if !row.contains("/CN=EE-good/") {
                    return row.to_owned();
                }
                let mut columns: Vec<&str> = row.split('\t').collect();
                columns[0] = "R";
                columns[2] = "260101000000Z,keyCompromise";
                columns.join("\t")
            })
            .collect();
        let aside = self.path().join("index.txt.new");
        std::fs::write(&aside, rows.join("\n") + "\n").unwrap();
        std::fs::rename(&aside, &self.files.index).unwrap();
    }

    /// What a client that asks for a staple sees at this site's port.
    pub(crate) fn look(&self) -> Wire {
        let outcome = self.openssl.run(&[
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", self.port),
            "-CAfile",
            &self.files.ca.to_string_lossy(),
            "-status",
        ]);
        let text = outcome.out();
        if text.contains("OCSP response: no response sent") {
            return Wire::None;
        }
        let line = |name: &str| {
            let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
            found.map(|value| value.trim().to_owned())
        };
        match (line("Cert Status:"), line("This Update:")) {
            (Some(status), Some(this_update)) => Wire::Staple(status, this_update),
            _ => Wire::NoHandshake(outcome.all()),
        }
    }

    /// Looks until this is seen; says how long that took.
    pub(crate) fn wait_for(&self, what: &str, seen: impl Fn(&Wire) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let wire = self.look();
            if seen(&wire) {
                return began.elapsed();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: {wire:?}; {:?}",
                self.report()
            );
        }
    }

    /// Looks until this status was seen many times in a row: a worker of nginx that is being replaced may take a connection
    /// or two more.
    pub(crate) fn settle(&self, status: &str) {
        let _ = self.wait_for(status, |wire| wire.is(status));
        let (began, mut row) = (Instant::now(), 0);
        while row < 10 {
            row = if self.look().is(status) { row + 1 } else { 0 };
            assert!(began.elapsed() < PATIENCE, "{status}: {:?}", self.report());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait_for_port(&self, server: &Server) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "{}", server.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What came with a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A staple, with its status and its thisUpdate as OpenSSL prints them.
    Staple(String, String),
    None,
    NoHandshake(String),
}

impl Wire {
    pub(crate) fn is(&self, status: &str) -> bool {
        matches!(self, Self::Staple(said, _) if said == status)
    }
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sleeps until the system's clock shows this second.
pub(crate) fn sleep_until(second: i64) {
    while real_now() < second {
        std::thread::sleep(Duration::from_millis(5));
    }
}
