//! One agent with many certificates, against a `certvouch serve` on the same machine.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{Cost, agent, cost, report};
use crate::clock::Civil;
use crate::der;
use crate::pki::{CertBuilder, Key, KeyAlg, World};
use crate::process::Server;

/// How long the first fetch of all may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(1_200);
/// For how long the agent is watched while nothing is due.
const IDLE: Duration = Duration::from_secs(30);

/// How many certificates, how long answers last, and for how long the agent is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Certificates.
    pub certificates: usize,
    /// Seconds from thisUpdate to nextUpdate.
    pub validity: u64,
    /// Minutes.
    pub minutes: u64,
}

/// A minute of the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Attempts that brought an answer.
    pub answers: u64,
    /// Attempts that did not.
    pub failures: u64,
    /// Processor time.
    pub cpu: Duration,
    /// Resident memory at its end, in KiB.
    pub resident: u64,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Certificates.
    pub certificates: usize,
    /// From the start to the last of the delivered files.
    pub first: Duration,
    /// What that took.
    pub cost: Cost,
    /// What the responder used for it.
    pub responder: Duration,
    /// While nothing was due: for so long, and so much processor time.
    pub idle: (Duration, Duration),
    /// The minutes after that.
    pub minutes: Vec<Rate>,
    /// At the end of them.
    pub end: Cost,
    /// From a start on what is kept, with nobody to ask, to the last of the delivered files, and what that took.
    pub again: (Duration, Cost),
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| kib / 1024;
        writeln!(
            f,
            "{} certificates: all delivered after {:.1} s; CPU {:.1} s, the responder's {:.1} s; {} MiB, {} at the peak, {} threads",
            self.certificates,
            self.first.as_secs_f64(),
            self.cost.cpu.as_secs_f64(),
            self.responder.as_secs_f64(),
            mib(self.cost.resident),
            mib(self.cost.peak),
            self.cost.threads
        )?;
        writeln!(
            f,
            "nothing due: CPU {} ms of {} s",
            self.idle.1.as_millis(),
            self.idle.0.as_secs()
        )?;
        for (number, minute) in (1..).zip(&self.minutes) {
            writeln!(
                f,
                "minute {number}: {} answers, {} failures, CPU {:.2} s, {} MiB",
                minute.answers,
                minute.failures,
                minute.cpu.as_secs_f64(),
                mib(minute.resident)
            )?;
        }
        let minutes = u64::try_from(self.minutes.len()).unwrap_or(1).max(1);
        let answers: u64 = self.minutes.iter().map(|minute| minute.answers).sum();
        writeln!(
            f,
            "on average {} requests a minute; {} MiB at the peak, {} threads",
            answers / minutes,
            mib(self.end.peak),
            self.end.threads
        )?;
        write!(
            f,
            "started again, with nobody to ask: all delivered after {:.1} s; CPU {:.1} s, {} MiB at the peak",
            self.again.0.as_secs_f64(),
            self.again.1.cpu.as_secs_f64(),
            mib(self.again.1.peak)
        )
    }
}

/// Measures an agent.
///
/// # Panics
/// When a program cannot be started, or the first fetch of all does not end.
#[must_use]
pub fn fleet(program: &Path, folder: &Path, fleet: Fleet) -> Figures {
    let world = World::current(KeyAlg::P256);
    let _files = world.write(folder);
    certificates(&world, folder, fleet.certificates);
    let responder = responder(program, folder, fleet.validity);
    configure(folder, &responder.1, fleet.certificates);
    let mut figures = Figures {
        certificates: fleet.certificates,
        ..Figures::default()
    };
    let before = cost(responder.0.id()).cpu;
    let mut agent = start(program, folder, fleet.certificates, &mut figures.first);
    figures.cost = cost(agent.id());
    figures.responder = cost(responder.0.id()).cpu - before;
    let (began, used) = (Instant::now(), cost(agent.id()).cpu);
    thread::sleep(IDLE);
    figures.idle = (began.elapsed(), cost(agent.id()).cpu - used);
    let (mut counts, mut used) = (attempts(folder), cost(agent.id()).cpu);
    for number in 1..=fleet.minutes {
        let next = began + IDLE + Duration::from_secs(60) * u32::try_from(number).unwrap_or(1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let (fresh, at) = (attempts(folder), cost(agent.id()));
        figures.minutes.push(Rate {
            answers: fresh.0 - counts.0,
            failures: fresh.1 - counts.1,
            cpu: at.cpu - used,
            resident: at.resident,
        });
        (counts, used) = (fresh, at.cpu);
    }
    figures.end = cost(agent.id());
    let _ = agent.terminate();
    drop(responder);
    let out = folder.join("out");
    std::fs::remove_dir_all(&out).expect("remove what was delivered");
    std::fs::create_dir(&out).expect("make a folder");
    let mut took = Duration::ZERO;
    let mut agent = start(program, folder, fleet.certificates, &mut took);
    figures.again = (took, cost(agent.id()));
    let _ = agent.terminate();
    figures
}

/// Starts the agent and waits until every file is delivered.
fn start(program: &Path, folder: &Path, count: usize, took: &mut Duration) -> Server {
    let began = Instant::now();
    let mut agent = agent(program, folder);
    loop {
        let there = std::fs::read_dir(folder.join("out")).map_or(0, |entries| {
            entries
                .flatten()
                .filter(|entry| entry.path().extension().is_some_and(|it| it == "der"))
                .count()
        });
        if there == count {
            *took = began.elapsed();
            return agent;
        }
        assert!(
            agent.is_running() && began.elapsed() < PATIENCE,
            "{there} of {count}: {}",
            agent.stderr().lines().last().unwrap_or_default()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Certificates with one key, and their rows in the index.
fn certificates(world: &World, folder: &Path, count: usize) {
    let key = Key::cached(KeyAlg::P256, "ee");
    let (from, to) = (world.now - 86_400, world.now + 90 * 86_400);
    let expires = Civil::from_unix(to).generalized();
    let mut index = world.index_txt();
    std::fs::create_dir_all(folder.join("certificates")).expect("make a folder");
    let issuer = world.ca_a.pem();
    for number in 0..count {
        let serial = 0x1000_0000 + number;
        let name = format!("host-{number}");
        let certificate = CertBuilder::new(&[("CN", &name)], &key)
            .serial(&der::uint_content(&serial.to_be_bytes()))
            .validity(from, to)
            .issued_by(&world.ca_a);
        let path = folder.join(format!("certificates/{number}.pem"));
        std::fs::write(path, certificate.pem() + &issuer).expect("write a certificate");
        // Writing to a String cannot fail.
        let _ = writeln!(
            index,
            "V\t{}\t\t{serial:08X}\tunknown\t/CN={name}",
            &expires[2..]
        );
    }
    std::fs::write(folder.join("index.txt"), index).expect("write the index");
}

fn responder(program: &Path, folder: &Path, validity: u64) -> (Server, String) {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .args(["serve", "--issuer", "ca.pem"])
        .args(["--signer-cert", "ocsp.pem", "--signer-key", "ocsp.key"])
        .args(["--index", "index.txt", "--listen", "127.0.0.1:0"])
        .args(["--validity", &format!("{validity}s")]);
    let server = Server::start(&mut command);
    let url = format!("http://{}/", server.listening_address());
    (server, url)
}

fn configure(folder: &Path, url: &str, count: usize) {
    std::fs::create_dir_all(folder.join("out")).expect("make a folder");
    // Half of the life is what counts, not an hour before its end.
    let mut text =
        "state = \"state\"\n[log]\nlevel = \"warn\"\n[schedule]\ndeadline = \"1s\"\n".to_owned();
    for number in 0..count {
        let _ = write!(
            text,
            "[[target]]\nname = \"host-{number}\"\ncertificate = \"certificates/{number}.pem\"\nresponder = \"{url}\"\n\
             deliver = {{ kind = \"file\", file = \"out/{number}.der\" }}\n"
        );
    }
    std::fs::write(folder.join("staple.toml"), text).expect("write the configuration");
}

/// Attempts so far that brought an answer, and those that did not.
fn attempts(folder: &Path) -> (u64, u64) {
    let report = report(folder).unwrap_or_default();
    let targets = report["targets"].as_array().cloned().unwrap_or_default();
    let sum = |name: &str| {
        targets
            .iter()
            .filter_map(|target| target[name].as_u64())
            .sum()
    };
    (sum("successes"), sum("failures"))
}
