//! A server under mixed load while it is reloaded: does every answer come, and does each belong to one configuration?
//!
//! Two configurations alternate. Each has a signer and a validity of its own, so that an answer that mixes them shows:
//! its signature, the certificate in it and the length of its validity must be of the same one. The load is what a
//! responder meets: repeated questions on kept connections, nonces, made-up serial numbers, nonsense, and clients that
//! go away in the middle.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::ask::{self, Ask, GetForm, HashAlg, get_segment};
use crate::http::{Connection, get_request, post_request};
use crate::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, World};
use crate::process::{Server, TempDir, free_port, temp_dir};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program `certvouch`.
    pub program: PathBuf,
    /// From the start to the end.
    pub time: Duration,
    /// No more reloads than these; the run ends when they are done, if it was not over before.
    pub reloads: u64,
    /// From one reload to the next.
    pub every: Duration,
    /// Requests per second and thread of load; there are three. 0 is as fast as they go.
    pub rate: u32,
}

/// What the system says about the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Seconds since the start.
    pub at: u64,
    /// Resident memory in KiB.
    pub memory: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            memory,
            descriptors,
            threads,
        } = self;
        write!(
            f,
            "{at:5} s  {memory:7} KiB  {descriptors:4} descriptors  {threads:3} threads"
        )
    }
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Answers that were checked.
    pub answers: u64,
    /// Among them, answers of the first configuration and of the second.
    pub by_variant: [u64; 2],
    /// Good reloads.
    pub reloads: u64,
    /// Broken configurations that were refused in between.
    pub refused: u64,
    /// What went wrong, the first ones.
    pub failures: Vec<String>,
    /// Once before the load, and then about every ten seconds.
    pub samples: Vec<Sample>,
}

/// Failures that are kept; more say nothing new.
const SHOWN: usize = 20;

const VALIDITY: [(&str, i64); 2] = [("1h", 3599), ("2h", 7199)];

/// What all threads share.
struct Shared {
    public: SocketAddr,
    world: World,
    signers: [Cert; 2],
    stop: AtomicBool,
    answers: AtomicU64,
    by_variant: [AtomicU64; 2],
    failures: Mutex<Vec<String>>,
    pause: Duration,
}

impl Shared {
    fn fail(&self, what: String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < SHOWN {
            failures.push(what);
        }
    }

    fn has_failed(&self) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.len() >= SHOWN
    }

    /// The configuration that made this answer.
    fn variant(&self, octets: &[u8]) -> Result<usize, String> {
        let answer = Answer::parse(octets)?;
        let basic = answer
            .basic
            .ok_or_else(|| format!("no answer but responseStatus {}", answer.status))?;
        let embedded = basic
            .certs
            .as_ref()
            .and_then(|all| all.first())
            .ok_or("no certificate")?;
        let of = |signer: &Cert| signer.der == *embedded;
        let variant = self
            .signers
            .iter()
            .position(of)
            .ok_or("a foreign certificate")?;
        basic.verify_with(embedded)?;
        for single in &basic.singles {
            let lasts = single.next_update.unwrap_or_default() - single.this_update;
            if lasts != VALIDITY[variant].1 {
                return Err(format!("mixed: signer {variant}, but valid for {lasts} s"));
            }
        }
        Ok(variant)
    }

    fn check(&self, octets: &[u8]) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        match self.variant(octets) {
            Ok(variant) => {
                self.by_variant[variant].fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => self.fail(why),
        }
    }

    fn goes_on(&self) -> bool {
        thread::sleep(self.pause);
        !self.stop.load(Ordering::Relaxed)
    }
}

struct Scene {
    dir: TempDir,
    server: Server,
    admin: SocketAddr,
    token: String,
    shared: Arc<Shared>,
}

/// Runs it. `progress` hears of every sample.
///
/// # Panics
/// When the program cannot be started.
#[must_use]
pub fn run(plan: &Plan, mut progress: impl FnMut(&Sample)) -> Report {
    let scene = Scene::new(plan);
    let begun = Instant::now();
    let mut report = Report::default();
    let mut sample = |report: &mut Report| {
        let sample = scene.sample(begun.elapsed().as_secs());
        progress(&sample);
        report.samples.push(sample);
    };
    sample(&mut report);
    let threads = scene.load();
    let (mut next_reload, mut next_sample) = (plan.every, SAMPLED);
    while begun.elapsed() < plan.time && report.reloads < plan.reloads && !scene.shared.has_failed()
    {
        if begun.elapsed() >= next_reload {
            next_reload = begun.elapsed() + plan.every;
            scene.reload(&mut report);
        }
        if begun.elapsed() >= next_sample {
            next_sample += SAMPLED;
            sample(&mut report);
        }
        let next = next_reload.min(next_sample).min(plan.time);
        thread::sleep(next.saturating_sub(begun.elapsed()).min(TICK));
    }
    scene.shared.stop.store(true, Ordering::Relaxed);
    for thread in threads {
        if let Err(why) = thread.join() {
            let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
            scene.shared.fail(format!("a client gave up: {why}"));
        }
    }
    sample(&mut report);
    report.answers = scene.shared.answers.load(Ordering::Relaxed);
    for (to, from) in report.by_variant.iter_mut().zip(&scene.shared.by_variant) {
        *to = from.load(Ordering::Relaxed);
    }
    report.failures.clone_from(
        &scene
            .shared
            .failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    );
    report
}

const SAMPLED: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(200);

impl Scene {
    fn new(plan: &Plan) -> Self {
        let dir = temp_dir();
        let world = World::current(KeyAlg::P256);
        let _files = world.write(dir.path());
        let second = second_delegate(&world);
        second.write_pem(&dir.path().join("ocsp2.pem"));
        second.write_key_pem(&dir.path().join("ocsp2.key"));
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        write_config(dir.path(), admin, 0);
        let made = Command::new(&plan.program)
            .args(["token", "new", "--config", "certvouch.toml"])
            .args(["--name", "soak", "--scope", "admin"])
            .current_dir(dir.path())
            .output()
            .expect("make a token");
        assert!(made.status.success(), "{made:?}");
        let token = String::from_utf8_lossy(&made.stdout).trim_end().to_owned();
        let mut command = Command::new(&plan.program);
        command
            .args(["serve", "--config", "certvouch.toml"])
            .current_dir(dir.path());
        let server = Server::start(&mut command);
        let shared = Arc::new(Shared {
            public: server.listening_address(),
            signers: [world.d_a.clone(), second],
            world,
            stop: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            by_variant: Default::default(),
            failures: Mutex::default(),
            pause: match plan.rate {
                0 => Duration::ZERO,
                rate => Duration::from_secs(1) / rate,
            },
        });
        Self {
            dir,
            server,
            admin,
            token,
            shared,
        }
    }

    fn load(&self) -> Vec<JoinHandle<()>> {
        let start = |work: fn(&Shared)| {
            let shared = Arc::clone(&self.shared);
            thread::spawn(move || work(&shared))
        };
        vec![start(repeat), start(ask_once), start(make_up)]
    }

    /// Puts the other configuration in force, after a broken one every tenth time, and asks at once.
    fn reload(&self, report: &mut Report) {
        if report.reloads % 10 == 9 {
            std::fs::write(
                self.dir.path().join("certvouch.toml"),
                "[server]\nlsten = 1\n",
            )
            .expect("write the configuration");
            match self.post_reload() {
                422 => report.refused += 1,
                status => self
                    .shared
                    .fail(format!("a broken configuration: {status}")),
            }
        }
        let variant = usize::from(report.reloads % 2 == 0);
        write_config(self.dir.path(), self.admin, variant);
        match self.post_reload() {
            200 => report.reloads += 1,
            status => self.shared.fail(format!("a reload: {status}")),
        }
        let world = &self.shared.world;
        let octets = post(
            self.shared.public,
            &ask::q1(&world.ca_a, &world.ee_good.serial),
        );
        match octets.and_then(|octets| self.shared.variant(&octets)) {
            Ok(found) if found == variant => {}
            Ok(found) => self
                .shared
                .fail(format!("after the reload an answer was still of {found}")),
            Err(why) => self.shared.fail(why),
        }
    }

    fn post_reload(&self) -> u16 {
        let request = format!(
            "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.token
        );
        let mut connection = Connection::open(self.admin);
        let response = connection
            .send(request.as_bytes())
            .and_then(|()| connection.read_response(false));
        response.map_or(0, |response| response.status)
    }

    fn sample(&self, at: u64) -> Sample {
        let folder = PathBuf::from(format!("/proc/{}", self.server.id()));
        let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
                .unwrap_or_default()
        };
        let descriptors = std::fs::read_dir(folder.join("fd")).map_or(0, Iterator::count);
        Sample {
            at,
            memory: of("VmRSS:"),
            descriptors: u64::try_from(descriptors).unwrap_or(u64::MAX),
            threads: of("Threads:"),
        }
    }
}

fn second_delegate(world: &World) -> Cert {
    let key = Key::cached(KeyAlg::P256, "d-a-second");
    CertBuilder::new(&[("CN", "D-A second"), ("O", "certvouch tests")], &key)
        .serial(&[0x11])
        .validity(world.now - 30 * 86_400, world.now + 90 * 86_400)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .ski_sha1()
        .issued_by(&world.ca_a)
}

fn write_config(dir: &Path, admin: SocketAddr, variant: usize) {
    let signer = ["ocsp", "ocsp2"][variant];
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\nthreads = 2\n\
         [admin]\nlisten = \"{admin}\"\ntokens = \"tokens.toml\"\n\
         [[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\nvalidity = \"{}\"\nsource = {{ index = \"index.txt\" }}\n\
         signer = {{ certificate = \"{signer}.pem\", key = \"{signer}.key\" }}\n",
        VALIDITY[variant].0
    );
    let aside = dir.join("certvouch.toml.new");
    std::fs::write(&aside, text).expect("write the configuration");
    std::fs::rename(aside, dir.join("certvouch.toml")).expect("rename the configuration");
}

fn post(address: SocketAddr, question: &[u8]) -> Result<Vec<u8>, String> {
    let mut connection = Connection::open(address);
    let sent = connection.send(&post_request(address, "/", question));
    let response = sent
        .and_then(|()| connection.read_response(false))
        .map_err(|why| why.to_string())?;
    match response.status {
        200 => Ok(response.body),
        status => Err(format!("HTTP {status}")),
    }
}

/// The same few questions on one connection, which is opened anew now and then.
fn repeat(shared: &Shared) {
    let world = &shared.world;
    let certs = [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp];
    let requests = certs.map(|cert| {
        let segment = get_segment(&ask::q1(&world.ca_a, &cert.serial), GetForm::Strict);
        get_request(shared.public, &format!("/{segment}"))
    });
    let mut connection = Connection::open(shared.public);
    let mut number = 0_usize;
    while shared.goes_on() {
        if number % 500 == 499 {
            connection = Connection::open(shared.public);
        }
        let sent = connection.send(&requests[number % requests.len()]);
        match sent.and_then(|()| connection.read_response(false)) {
            Ok(response) if response.status == 200 => shared.check(&response.body),
            Ok(response) => shared.fail(format!("HTTP {}", response.status)),
            Err(why) => {
                shared.fail(why.to_string());
                connection = Connection::open(shared.public);
            }
        }
        number += 1;
    }
}

/// Nonces, each on a connection of its own.
fn ask_once(shared: &Shared) {
    let world = &shared.world;
    let mut number = 0_u64;
    while shared.goes_on() {
        number += 1;
        let nonce = HashAlg::Sha256.digest(&number.to_be_bytes());
        let ask = Ask::for_serial(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial);
        match post(shared.public, &ask.nonce(&nonce).build()) {
            Ok(octets) => shared.check(&octets),
            Err(why) => shared.fail(why),
        }
    }
}

/// Serial numbers that nobody issued, nonsense, and clients that leave.
fn make_up(shared: &Shared) {
    let mut number = 0_u64;
    while shared.goes_on() {
        number += 1;
        match number % 10 {
            0 => match post(shared.public, b"nonsense") {
                Ok(octets) if Answer::parse(&octets).is_ok_and(|answer| answer.status == 1) => {}
                Ok(_) => shared.fail("nonsense was understood".to_owned()),
                Err(why) => shared.fail(why),
            },
            5 => {
                let mut connection = Connection::open(shared.public);
                // It may be closed under our hands; nobody waits for an answer.
                drop(connection.send(b"POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\nab"));
            }
            _ => {
                let serial = &HashAlg::Sha1.digest(&number.to_be_bytes())[..8];
                let serial = crate::der::uint_content(serial);
                match post(shared.public, &ask::q1(&shared.world.ca_a, &serial)) {
                    Ok(octets) => shared.check(&octets),
                    Err(why) => shared.fail(why),
                }
            }
        }
    }
}
