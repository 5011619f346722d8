//! CA-A with a signer, a web server that says what a test tells it, CRLs written field by field, and the program on top.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask;
use certvouch_testkit::clock::real_now;
use certvouch_testkit::der;
use certvouch_testkit::http;
use certvouch_testkit::peer::{self, Outcome};
use certvouch_testkit::pki::{Cert, KeyAlg, World};
use certvouch_testkit::process::{PATIENCE, Server, TempDir, temp_dir};

pub(crate) const DAY: i64 = 86_400;

/// A CRL of CA-A: number 5, from an hour ago for a day, EE-rev for keyCompromise and EE-hold on hold.
#[derive(Clone)]
pub(crate) struct CrlBuilder {
    issuer: Cert,
    pub(crate) number: u8,
    pub(crate) this_update: i64,
    pub(crate) next_update: i64,
    entries: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl CrlBuilder {
    pub(crate) fn empty(issuer: &Cert) -> Self {
        Self {
            issuer: issuer.clone(),
            number: 5,
            this_update: real_now() - 3600,
            next_update: real_now() + DAY,
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }

    pub(crate) fn new(world: &World) -> Self {
        Self::empty(&world.ca_a)
            .revoke(&world.ee_rev, Some(1))
            .revoke(&world.ee_hold, Some(6))
    }

    pub(crate) fn number(mut self, number: u8) -> Self {
        self.number = number;
        self
    }

    /// Ends in so many seconds from now.
    pub(crate) fn ends_in(mut self, seconds: i64) -> Self {
        self.next_update = real_now() + seconds;
        self
    }

    pub(crate) fn revoke(mut self, cert: &Cert, reason: Option<u8>) -> Self {
        let reason = reason.map(|code| der::extension("2.5.29.21", false, &der::enumerated(code)));
        let extensions = reason.map_or_else(Vec::new, |reason| der::seq(&[&reason]));
        self.entries.push(der::seq(&[
            &der::int_bytes(&cert.serial),
            &der::utc_time(real_now() - DAY),
            &extensions,
        ]));
        self
    }

    pub(crate) fn extension(mut self, dotted: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// deltaCRLIndicator.
    pub(crate) fn delta(self, base: u8) -> Self {
        self.extension("2.5.29.27", true, &der::uint(&[base]))
    }

    /// issuingDistributionPoint with this URI.
    pub(crate) fn partition(self, uri: &str) -> Self {
        let point = der::explicit(0, &der::explicit(0, &der::tlv(0x86, uri.as_bytes())));
        self.extension("2.5.29.28", true, &der::seq(&[&point]))
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let algorithm = self.issuer.key.sig_alg();
        let entries = if self.entries.is_empty() {
            Vec::new()
        } else {
            der::seq_of(&self.entries)
        };
        let number = der::extension("2.5.29.20", false, &der::uint(&[self.number]));
        let extensions: Vec<Vec<u8>> = self.extensions.iter().cloned().chain([number]).collect();
        let tbs = der::seq(&[
            &der::uint(&[1]),
            &algorithm.identifier(),
            &self.issuer.subject,
            &der::x509_time(self.this_update),
            &der::x509_time(self.next_update),
            &entries,
            &der::explicit(0, &der::seq_of(&extensions)),
        ]);
        let signature = self.issuer.key.sign(algorithm, &tbs);
        der::seq(&[&tbs, &algorithm.identifier(), &der::bits(&signature)])
    }
}

/// What a path of the web server answers.
#[derive(Clone)]
pub(crate) enum Page {
    /// A body.
    Body(Vec<u8>),
    /// A body that ends before its Content-Length does.
    Cut(Vec<u8>),
    /// One octet a second.
    Drip(Vec<u8>),
    /// The connection is closed without a word.
    Gone,
    /// A redirect.
    To(String),
}

/// A web server on a loopback port.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    pages: Arc<Mutex<Vec<(String, Page)>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pages: Arc<Mutex<Vec<(String, Page)>>> = Arc::default();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, store) = (Arc::clone(&pages), Arc::clone(&heard));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (known, store) = (Arc::clone(&known), Arc::clone(&store));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let path = path_asked(&mut stream);
                    let pages = known.lock().unwrap();
                    let page = pages.iter().find(|(name, _)| *name == path);
                    let page = page.map(|(_, page)| page.clone());
                    drop(pages);
                    store.lock().unwrap().push(path);
                    // The program may hang up in the middle; that is often the point.
                    drop(answer(&mut stream, page));
                });
            }
        });
        Self {
            address,
            pages,
            heard,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        let mut pages = self.pages.lock().unwrap();
        pages.retain(|(name, _)| name != path);
        pages.push((path.to_owned(), page));
    }

    pub(crate) fn remove(&self, path: &str) {
        self.pages.lock().unwrap().retain(|(name, _)| name != path);
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Waits until so many further requests have come.
    pub(crate) fn wait_for_requests(&self, further: usize) {
        let wanted = self.count() + further;
        until("the program asks again", || self.count() >= wanted);
    }
}

fn path_asked(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).unwrap_or(0) == 1 {
        head.push(octet[0]);
    }
    let head = String::from_utf8(head).unwrap();
    head.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn answer(stream: &mut TcpStream, page: Option<Page>) -> std::io::Result<()> {
    let head = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    match page {
        Some(Page::Body(body)) => {
            stream.write_all(head(body.len()).as_bytes())?;
            stream.write_all(&body)
        }
        Some(Page::Cut(body)) => {
            stream.write_all(head(body.len()).as_bytes())?;
            stream.write_all(&body[..body.len() / 2])
        }
        Some(Page::Drip(body)) => {
            stream.write_all(head(body.len()).as_bytes())?;
            for octet in body {
                stream.write_all(&[octet])?;
                thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        }
        Some(Page::Gone) => Ok(()),
        Some(Page::To(url)) => {
            let head =
                format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    }
}

/// Waits until something holds; fails when it does not come to hold.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Good,
    Revoked,
    TryLater,
    Unknown,
}

/// CA-A's world in a folder with a good-list of EE-good, EE-rev and EE-hold, and a web server.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) world: World,
    pub(crate) web: Web,
}

impl Site {
    pub(crate) fn new() -> Self {
        let dir = temp_dir();
        let world = World::current(KeyAlg::P256);
        let _ = world.write(dir.path());
        let issued = [&world.ee_good, &world.ee_rev, &world.ee_hold];
        let list = issued.map(Cert::serial_hex).join("\n");
        std::fs::write(dir.path().join("issued.txt"), format!("{list}\n")).unwrap();
        Self {
            dir,
            world,
            web: Web::new(),
        }
    }

    /// The same, with the CRL of [`CrlBuilder::new`] at `/ca.crl`.
    pub(crate) fn with_crl() -> Self {
        let site = Self::new();
        let crl = CrlBuilder::new(&site.world).der();
        site.web.put("/ca.crl", Page::Body(crl));
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certvouch"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("CERTVOUCH_LOG")
            .env_remove("STATE_DIRECTORY")
            .env("XDG_STATE_HOME", self.path().join("xdg"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        peer::run(&mut self.command(arguments), b"", PATIENCE)
    }

    /// The flags of `serve` with the state in a folder of the site.
    pub(crate) fn flags<'a>(&self, further: &[&'a str]) -> Vec<&'a str> {
        let all = [
            "serve",
            "--issuer",
            "ca.pem",
            "--signer-cert",
            "ocsp.pem",
            "--signer-key",
            "ocsp.key",
            "--listen",
            "127.0.0.1:0",
            "--crl-state",
            "state",
            "--crl-refresh",
            "1s",
        ];
        [&all[..], further].concat()
    }

    pub(crate) fn serve(&self, further: &[&str]) -> (Server, SocketAddr) {
        let server = Server::start(&mut self.command(&self.flags(further)));
        let address = server.listening_address();
        (server, address)
    }

    /// `serve` with `/ca.crl` and the good-list.
    pub(crate) fn serve_crl(&self) -> (Server, SocketAddr) {
        let url = self.web.url("/ca.crl");
        self.serve(&["--crl", &url, "--good-list", "issued.txt"])
    }

    /// The answer about this serial number, asked by POST on a connection of its own.
    pub(crate) fn ask(&self, address: SocketAddr, serial: &[u8]) -> Told {
        let response = http::post(address, "/", &ask::q1(&self.world.ca_a, serial));
        assert_eq!(response.status, 200, "{response:?}");
        let answer = Answer::parse(&response.body).unwrap();
        match (answer.status, answer.basic) {
            (0, Some(basic)) => match basic.single().status {
                CertStatus::Good => Told::Good,
                CertStatus::Revoked { .. } => Told::Revoked,
                CertStatus::Unknown => Told::Unknown,
            },
            (3, None) => Told::TryLater,
            (status, _) => panic!("responseStatus {status}"),
        }
    }

    /// The answers about EE-good, EE-rev, EE-hold and the number that was never issued.
    pub(crate) fn ask_all(&self, address: SocketAddr) -> [Told; 4] {
        let world = &self.world;
        [
            &world.ee_good.serial,
            &world.ee_rev.serial,
            &world.ee_hold.serial,
            &world.s_x,
        ]
        .map(|serial| self.ask(address, serial))
    }
}

/// What [`Site::ask_all`] gives with the CRL and the good-list.
pub(crate) const TRUTH: [Told; 4] = [Told::Good, Told::Revoked, Told::Revoked, Told::Unknown];

/// How often a text stands in another.
pub(crate) fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}
