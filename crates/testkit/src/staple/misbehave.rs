//! Agents in front of responders that do everything wrong, one for each behaviour, all at the same time.
//!
//! Each agent gets one right answer first. From then on its responder misbehaves: what was delivered has to stay until
//! its end and to go then, and the agent may neither hang nor spin. At last the responder is right again, and the agent
//! has to notice.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{agent, cost, lock, report};
use crate::clock::real_now;
use crate::misbehave::{Act, Behaviour, Handler, Misbehaving, table};
use crate::pki::{KeyAlg, World};
use crate::process::{PATIENCE, Server};
use crate::reply::{Reply, Single, Status};

/// Seconds before its end at which a file is taken back; also how late an agent on a busy machine may be.
const MARGIN: i64 = 5;
/// Between two looks at what is delivered.
const LOOK: Duration = Duration::from_millis(50);

/// How long each agent is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// While what it delivered is in date.
    pub with: Duration,
    /// When it is over.
    pub without: Duration,
}

/// What is to become of the old staple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It stays until its end.
    Stays,
    /// Another one takes its place.
    Replaced,
    /// It goes at once.
    Goes,
}

/// How an agent endured one behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The behaviour.
    pub name: String,
    /// From the first misbehaviour to the last.
    pub time: Duration,
    /// Attempts of the agent meanwhile.
    pub attempts: u64,
    /// Requests that the responder got.
    pub requests: usize,
    /// The time for which it was watched with a staple, and what it used of it.
    pub with: (Duration, Duration),
    /// The same without one.
    pub without: (Duration, Duration),
    /// Memory at its peak, in KiB.
    pub peak: u64,
    /// The code of the error that it told of.
    pub error: String,
    /// What should not have been.
    pub faults: Vec<String>,
}

/// How all were endured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endured {
    /// One for each behaviour.
    pub rows: Vec<Row>,
}

impl Endured {
    /// What should not have been.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let faults = |row: &Row| {
            let name = row.name.clone();
            let said = row.faults.clone();
            said.into_iter()
                .map(move |fault| format!("{name}: {fault}"))
        };
        self.rows.iter().flat_map(faults).collect()
    }
}

impl fmt::Display for Endured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| the responder | error | attempts | requests | CPU with a staple | CPU without | peak |\n|---|---|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            let used = |(of, used): (Duration, Duration)| {
                format!("{} ms of {} s", used.as_millis(), of.as_secs())
            };
            writeln!(
                f,
                "| {} | `{}` | {} | {} | {} | {} | {} MiB |",
                row.name,
                row.error,
                row.attempts,
                row.requests,
                used(row.with),
                used(row.without),
                row.peak / 1024
            )?;
        }
        Ok(())
    }
}

/// Has an agent endure each behaviour, all at the same time.
///
/// # Panics
/// When an agent cannot be started.
#[must_use]
pub fn endure(program: &Path, folder: &Path, times: Times) -> Endured {
    let world = World::current(KeyAlg::P256);
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (number, (behaviour, fate)) in behaviours(&world).into_iter().enumerate() {
            let (world, rows) = (&world, &rows);
            let folder = folder.join(number.to_string());
            scope.spawn(move || {
                let site = Site::new(program, folder, world, &behaviour, fate, times);
                let row = site.endure(times);
                lock(rows).push((number, row));
            });
        }
    });
    let mut rows = std::mem::take(&mut *lock(&rows));
    rows.sort_by_key(|(number, _)| *number);
    Endured {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

/// The table of misbehaviours without those that are none where no nonce is sent, and what a CA may say.
fn behaviours(world: &World) -> Vec<(Behaviour, Fate)> {
    let right = ["good", "wrong nonce", "no nonce"];
    let mut all: Vec<_> = table(world)
        .into_iter()
        .filter(|behaviour| !right.contains(&behaviour.name))
        .map(|behaviour| (behaviour, Fate::Stays))
        .collect();
    let says = |name: &'static str, status: Status, fate| {
        let single = Single::about(&world.ca_a, &world.ee_good.serial, real_now() + 3_600);
        let reply = Reply::delegated(&world.d_a, real_now()).single(&single.status(status));
        let act = Act::Ocsp(reply.build());
        let handler: Handler = Arc::new(move |_| act.clone());
        (Behaviour { name, handler }, fate)
    };
    let noise = Act::typed(200, "application/ocsp-response", &[0xA5; 1000]);
    let handler: Handler = Arc::new(move |_| noise.clone());
    let name = "noise";
    all.push((Behaviour { name, handler }, Fate::Stays));
    let revoked = || Status::Revoked(world.now - 60, Some(1));
    all.push(says("unknown", Status::Unknown, Fate::Stays));
    all.push(says("revoked", revoked(), Fate::Replaced));
    all.push(says(OMITTED, revoked(), Fate::Goes));
    all
}

/// The behaviour that is met with `on_revoked = "omit"`.
const OMITTED: &str = "revoked, to be omitted";

/// One agent and its responder.
struct Site {
    folder: PathBuf,
    fate: Fate,
    row: Row,
    handler: Handler,
    mood: Arc<Mutex<Mood>>,
    responder: Misbehaving,
    agent: Server,
}

/// What the responder does.
enum Mood {
    /// A right answer that lasts so long, from the first request on.
    Once(Duration, Option<Vec<u8>>, i64),
    Wrong(Handler),
    Right,
}

impl Site {
    fn new(
        program: &Path,
        folder: PathBuf,
        world: &World,
        behaviour: &Behaviour,
        fate: Fate,
        times: Times,
    ) -> Self {
        std::fs::create_dir_all(&folder).expect("make a folder");
        let mood = Arc::new(Mutex::new(Mood::Once(times.with, None, 0)));
        let (said, asked) = (world.clone(), Arc::clone(&mood));
        let responder = Misbehaving::start(move |request| {
            let handler = match &mut *lock(&asked) {
                Mood::Once(life, der, end) => {
                    if der.is_none() {
                        let life = i64::try_from(life.as_secs()).unwrap_or(0);
                        *end = real_now() + life + MARGIN + 1;
                    }
                    let der = der.get_or_insert_with(|| good(&said, said.now - 60, *end));
                    return Act::Ocsp(der.clone());
                }
                Mood::Wrong(handler) => Arc::clone(handler),
                Mood::Right => {
                    let now = real_now();
                    return Act::Ocsp(good(&said, now, now + 86_400));
                }
            };
            handler(request)
        });
        let chain = world.ee_good.pem() + &world.ca_a.pem();
        std::fs::write(folder.join("www.pem"), chain).expect("write the certificate");
        let further = if behaviour.name == OMITTED {
            "on_revoked = \"omit\""
        } else {
            ""
        };
        let text = format!(
            "state = \"state\"\nfetch_timeout = \"3s\"\n[schedule]\nmin_delay = \"1s\"\nmax_backoff = \"2s\"\n\
             deadline = \"1s\"\n[[target]]\nname = \"www\"\ncertificate = \"www.pem\"\nresponder = \"{}\"\n{further}\n\
             deliver = {{ kind = \"file\", file = \"a.der\", margin = \"{MARGIN}s\" }}\n",
            responder.url()
        );
        std::fs::write(folder.join("staple.toml"), text).expect("write the configuration");
        let agent = agent(program, &folder);
        let _ = agent.line();
        let row = Row {
            name: behaviour.name.to_owned(),
            ..Row::default()
        };
        let handler = Arc::clone(&behaviour.handler);
        Self {
            folder,
            fate,
            row,
            handler,
            mood,
            responder,
            agent,
        }
    }

    fn endure(mut self, times: Times) -> Row {
        // Told of too: the attempts are counted by what is told.
        if !self.eventually(|site| site.delivered().is_some() && site.attempts() > 0) {
            self.fault("the right answer is not delivered");
            return self.row;
        }
        let old = self.delivered();
        let Mood::Once(_, _, end) = std::mem::replace(
            &mut *lock(&self.mood),
            Mood::Wrong(Arc::clone(&self.handler)),
        ) else {
            return self.row;
        };
        let (attempts, requests) = (self.attempts(), self.responder.requests().len());
        let began = Instant::now();
        self.agent.hang_up();
        self.row.with = self.watch(times.with, |site| match site.fate {
            Fate::Stays if site.delivered() != old && real_now() < end - MARGIN => {
                Some("the old staple did not stay")
            }
            _ => None,
        });
        match self.fate {
            Fate::Stays => while_until(end),
            Fate::Replaced => {
                let is_other = |site: &Self| site.delivered().is_some_and(|it| Some(it) != old);
                if !self.eventually(is_other) {
                    self.fault("the revocation is not delivered");
                }
            }
            Fate::Goes => {
                if !self.eventually(|site| site.delivered().is_none()) {
                    self.fault("the old staple did not go");
                }
            }
        }
        self.row.without = self.watch(times.without, |site| {
            let there = site.delivered().is_some();
            let wanted = site.fate == Fate::Replaced;
            (there != wanted).then_some("given out after its end, or not given out")
        });
        self.row.time = began.elapsed();
        self.row.error = self.error();
        self.row.attempts = self.attempts() - attempts;
        self.row.requests = self.responder.requests().len() - requests;
        if self.row.attempts == 0 {
            self.fault("nobody was asked");
        }
        self.recover();
        self.row
    }

    /// The responder is right again. What was revoked for good stays so.
    fn recover(&mut self) {
        *lock(&self.mood) = Mood::Right;
        if self.fate == Fate::Stays && !self.eventually(|site| site.delivered().is_some()) {
            self.fault("it did not notice that the responder is right again");
        }
        self.row.peak = cost(self.agent.id()).peak;
        let status = self.agent.terminate();
        if status.code() != Some(0) {
            self.fault("it did not end in good order");
        }
    }

    /// Looks at what is delivered for so long; says how long that was, and what the agent used of it.
    fn watch(
        &mut self,
        time: Duration,
        wrong: impl Fn(&Self) -> Option<&'static str>,
    ) -> (Duration, Duration) {
        let (began, before) = (Instant::now(), cost(self.agent.id()).cpu);
        let mut fault = None;
        while began.elapsed() < time {
            fault = fault.or_else(|| wrong(self));
            thread::sleep(LOOK);
        }
        if let Some(fault) = fault {
            self.fault(fault);
        }
        (began.elapsed(), cost(self.agent.id()).cpu - before)
    }

    fn delivered(&self) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join("a.der")).ok()
    }

    fn target(&self) -> serde_json::Value {
        let report = report(&self.folder).unwrap_or_default();
        report["targets"][0].clone()
    }

    fn attempts(&self) -> u64 {
        let target = self.target();
        let count = |name: &str| target[name].as_u64().unwrap_or(0);
        count("successes") + count("failures")
    }

    fn error(&self) -> String {
        let target = self.target();
        let code = target["last_error"]["code"].as_str();
        code.unwrap_or("none").to_owned()
    }

    fn eventually(&self, holds: impl Fn(&Self) -> bool) -> bool {
        let began = Instant::now();
        while !holds(self) {
            if began.elapsed() > PATIENCE {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }

    fn fault(&mut self, what: &str) {
        let (target, stderr) = (self.target(), self.agent.stderr());
        let said = stderr.lines().last().unwrap_or_default().to_owned();
        self.row.faults.push(format!("{what}: {target}; {said}"));
    }
}

/// Waits until the clock shows this second.
fn while_until(second: i64) {
    while real_now() < second {
        thread::sleep(Duration::from_millis(10));
    }
}

fn good(world: &World, this_update: i64, next_update: i64) -> Vec<u8> {
    let single = Single::about(&world.ca_a, &world.ee_good.serial, world.now)
        .this_update(this_update)
        .next_update(next_update);
    Reply::delegated(&world.d_a, this_update)
        .single(&single)
        .build()
}
