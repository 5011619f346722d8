//! A server with an embedded store that a CA pushes to: how soon a revocation is in the signed answers, and whether what was
//! acknowledged survives `kill -9`.

use std::fmt;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::answer::{Answer, CertStatus};
use crate::ask;
use crate::http::{Connection, Response, post_request};
use crate::peer;
use crate::pki::{KeyAlg, World};
use crate::process::{PATIENCE, Server};

const CONFIG: &str = "store = \"status.db\"\n\
    [server]\nlisten = [\"127.0.0.1:0\"]\n\
    [admin]\nlisten = \"127.0.0.1:0\"\ntokens = \"tokens.toml\"\n\
    [[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\nsource = { store = true }\n\
    signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }\n";

/// The server, its folder and a token that may do everything.
struct Site {
    program: PathBuf,
    folder: PathBuf,
    world: World,
    server: Mutex<Server>,
    public: SocketAddr,
    admin: SocketAddr,
    token: String,
}

impl Site {
    fn new(program: &Path, folder: &Path) -> Self {
        let world = World::current(KeyAlg::P256);
        let _files = world.write(folder);
        std::fs::write(folder.join("certvouch.toml"), CONFIG).expect("write the configuration");
        let mut new = Command::new(program);
        new.current_dir(folder).args([
            "token",
            "new",
            "--config",
            "certvouch.toml",
            "--name",
            "ca",
            "--scope",
            "admin",
        ]);
        let made = peer::run(&mut new, b"", PATIENCE).expect_success("token new");
        let (server, public, admin) = start(program, folder);
        Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            world,
            server: Mutex::new(server),
            public,
            admin,
            token: made.out().trim_end().to_owned(),
        }
    }

    /// `kill -9`.
    fn kill(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = server.kill();
    }

    fn start(&mut self) {
        let (server, public, admin) = start(&self.program, &self.folder);
        (self.server, self.public, self.admin) = (Mutex::new(server), public, admin);
    }

    /// The octets of a PUT about a serial number.
    fn put(&self, number: u64, body: &str) -> Vec<u8> {
        let digits: String = serial(number)
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        format!(
            "PUT /v1/issuers/a/certificates/{digits} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.admin,
            self.token,
            body.len()
        )
        .into_bytes()
    }

    fn question(&self, number: u64) -> Vec<u8> {
        let question = ask::q1(&self.world.ca_a, &serial(number));
        post_request(self.public, "/", &question)
    }
}

fn start(program: &Path, folder: &Path) -> (Server, SocketAddr, SocketAddr) {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_remove("CERTVOUCH_LOG")
        .args(["serve", "--config", "certvouch.toml"]);
    let server = Server::start(&mut command);
    let public = server.listening_address();
    let told = server.wait_for_stderr("the admin port is open");
    let at = told
        .split("the admin port is open")
        .nth(1)
        .and_then(|rest| rest.split("http://").nth(1))
        .expect("the address of the admin port");
    let end = at.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
    let admin = at[..end.unwrap_or(at.len())].parse().expect("an address");
    (server, public, admin)
}

/// The content of the INTEGER: a first octet of 1 keeps it positive.
fn serial(number: u64) -> Vec<u8> {
    [&[1], &number.to_be_bytes()[..]].concat()
}

const ISSUED: &str = r#"{"status":"issued"}"#;
const REVOKED: &str = r#"{"status":"revoked","reason":"keyCompromise"}"#;

/// Requests of one connection: half of what the server takes before it closes.
const EACH: u64 = 5000;

/// Sends and reads on a kept connection.
fn exchange(connection: &mut Connection, request: &[u8]) -> Result<Response, String> {
    connection
        .send(request)
        .and_then(|()| connection.read_response(false))
        .map_err(|why| why.to_string())
}

fn is_revoked(response: &Response) -> Result<bool, String> {
    let answer = Answer::parse(&response.body)?;
    let basic = answer.basic.ok_or("no signed answer")?;
    let single = basic.singles.first().ok_or("no status")?;
    Ok(matches!(single.status, CertStatus::Revoked { .. }))
}

/// What a run under load found.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
    /// Revocations that were acknowledged.
    pub revoked: usize,
    /// From the request to its acknowledgement.
    pub acknowledged: Vec<Duration>,
    /// From the request to the first signed answer that says so; the acknowledgement lies in between.
    pub visible: Vec<Duration>,
    /// One page written and its fdatasync, on the same disk in between.
    pub sync: Vec<Duration>,
    /// Answers to the readers.
    pub read: u64,
    /// How long it took.
    pub took: Duration,
    /// Answers that were good after the acknowledgement, and whatever else went wrong: the first ones.
    pub failures: Vec<String>,
}

impl fmt::Display for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate =
            f64::from(u32::try_from(self.read).unwrap_or(u32::MAX)) / self.took.as_secs_f64();
        writeln!(
            f,
            "{} revocations under {rate:.0} requests/s, {} answers read, {} failures",
            self.revoked,
            self.read,
            self.failures.len()
        )?;
        for (what, times) in [
            ("acknowledged", &self.acknowledged),
            ("visible", &self.visible),
            ("fdatasync", &self.sync),
        ] {
            let mut times = times.clone();
            times.sort_unstable();
            let at = |part: usize| {
                times
                    .get(times.len() * part / 100)
                    .copied()
                    .unwrap_or_default()
            };
            writeln!(
                f,
                "{what:12}  p50 {:6} us  p99 {:6} us",
                at(50).as_micros(),
                at(99).as_micros()
            )?;
        }
        for failure in self.failures.iter().take(10) {
            writeln!(f, "failure: {failure}")?;
        }
        Ok(())
    }
}

/// Threads that read.
const READERS: u32 = 4;

/// Revokes one after the other while others ask about the same serial numbers, `rate` times a second all together.
///
/// # Panics
/// When the server does not start.
#[must_use]
pub fn push(program: &Path, folder: &Path, revocations: u32, rate: u32) -> Pushed {
    let site = Site::new(program, folder);
    let (stop, read) = (AtomicBool::new(false), AtomicU64::new(0));
    // Serial numbers below the one were acknowledged; the other is being revoked.
    let done = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let fail = |what: String| {
        let mut all = failures.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(what);
    };
    let mut pushed = Pushed::default();
    thread::scope(|scope| {
        let reader = |which: u32| {
            let mut connection = Connection::open(site.public);
            let pause = Duration::from_secs(1) * READERS / rate.max(1);
            let mut next = Instant::now();
            let mut round = u64::from(which);
            while !stop.load(Ordering::Relaxed) {
                if round % EACH == EACH - 1 {
                    connection = Connection::open(site.public);
                }
                let known = done.load(Ordering::Acquire);
                // The one that is under way, and those around it.
                let number = (known + round % 4).saturating_sub(2);
                round += 1;
                match exchange(&mut connection, &site.question(number))
                    .and_then(|it| is_revoked(&it))
                {
                    Ok(revoked) if !revoked && number < known => {
                        fail(format!("{number} was acknowledged as revoked and is good"));
                    }
                    Ok(_) => {}
                    Err(why) => {
                        fail(format!("{number}: {why}"));
                        connection = Connection::open(site.public);
                    }
                }
                read.fetch_add(1, Ordering::Relaxed);
                next += pause;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        };
        for which in 0..READERS {
            scope.spawn(move || reader(which));
        }
        let started = Instant::now();
        for number in 0..u64::from(revocations) {
            if let Err(why) = one(&site, number, &done, &mut pushed) {
                fail(format!("{number}: {why}"));
            }
        }
        pushed.took = started.elapsed();
        stop.store(true, Ordering::Relaxed);
    });
    pushed.read = read.into_inner();
    pushed.failures = failures.into_inner().unwrap_or_default();
    pushed
}

/// Issues, asks, revokes and asks again.
fn one(site: &Site, number: u64, done: &AtomicU64, pushed: &mut Pushed) -> Result<(), String> {
    thread_local! {
        static CONNECTIONS: std::cell::RefCell<Option<(Connection, Connection, File)>> =
            const { std::cell::RefCell::new(None) };
    }
    CONNECTIONS.with_borrow_mut(|kept| {
        // Two requests for each number.
        if number.is_multiple_of(EACH / 2) {
            *kept = None;
        }
        let (admin, public, probe) = kept.get_or_insert_with(|| {
            (
                Connection::open(site.admin),
                Connection::open(site.public),
                File::create(site.folder.join("probe")).expect("a file to sync"),
            )
        });
        let issued = exchange(admin, &site.put(number, ISSUED))?;
        let question = site.question(number);
        if !matches!(issued.status, 200 | 201) || is_revoked(&exchange(public, &question)?)? {
            return Err(format!("not issued: {}", issued.status));
        }
        let request = site.put(number, REVOKED);
        let started = Instant::now();
        let revoked = exchange(admin, &request)?;
        let acknowledged = started.elapsed();
        let is_there = exchange(public, &question).and_then(|it| is_revoked(&it))?;
        let visible = started.elapsed();
        if revoked.status != 200 || !is_there {
            return Err(format!("{} and then good", revoked.status));
        }
        done.store(number + 1, Ordering::Release);
        pushed.revoked += 1;
        pushed.acknowledged.push(acknowledged);
        pushed.visible.push(visible);
        let place = number.wrapping_mul(4096);
        probe
            .write_all_at(&[7; 4096], place)
            .map_err(|why| why.to_string())?;
        let started = Instant::now();
        probe.sync_data().map_err(|why| why.to_string())?;
        pushed.sync.push(started.elapsed());
        Ok(())
    })
}

/// What became of revocations through kills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Killed {
    /// Kills.
    pub rounds: u32,
    /// Revocations that were acknowledged.
    pub acknowledged: usize,
    /// Serial numbers that were acknowledged as revoked and were not answered so.
    pub lost: Vec<u64>,
}

/// Revokes in several threads, kills the server at a random moment, starts it again and asks about everything that was
/// acknowledged since the kill before, and about some of the rest; again and again.
///
/// # Panics
/// When the server does not start.
#[must_use]
pub fn kill(program: &Path, folder: &Path, rounds: u32, seed: u64) -> Killed {
    let mut site = Site::new(program, folder);
    let mut random = seed.wrapping_mul(2).wrapping_add(1);
    let mut all: Vec<u64> = Vec::new();
    let mut killed = Killed::default();
    let next = AtomicU64::new(1);
    for _ in 0..rounds {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_micros((random >> 33) % 60_000);
        let said = Mutex::new(Vec::new());
        let writers = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut admin = Connection::open(site.admin);
                    writers.fetch_add(1, Ordering::Release);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        match exchange(&mut admin, &site.put(number, REVOKED)) {
                            Ok(answer) if matches!(answer.status, 200 | 201) => said
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(number),
                            // The server is gone.
                            _ => return,
                        }
                    }
                });
            }
            while writers.load(Ordering::Acquire) < 4 {
                thread::yield_now();
            }
            thread::sleep(wait);
            site.kill();
        });
        site.start();
        let said = said.into_inner().unwrap_or_default();
        let earlier = all.iter().rev().step_by(97).take(20).copied();
        let mut public = Connection::open(site.public);
        for number in said.iter().copied().chain(earlier) {
            let answer = exchange(&mut public, &site.question(number));
            if !answer.and_then(|it| is_revoked(&it)).unwrap_or(false) {
                killed.lost.push(number);
            }
        }
        killed.rounds += 1;
        killed.acknowledged += said.len();
        all.extend(said);
    }
    killed
}
