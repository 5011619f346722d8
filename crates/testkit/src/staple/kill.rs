//! `kill -9` of the agent at any moment, with readers at every place to which it delivers.
//!
//! The responder has a younger answer for every request, and puts the certificate on hold every now and then, which the
//! agent omits: so that files come, change and go all the time. It remembers every answer, so that a reader knows a
//! whole one from a torn one octet by octet, and an old one from a young one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{agent, lock, report};
use crate::ask::HashAlg;
use crate::misbehave::{Act, Misbehaving};
use crate::pki::{KeyAlg, World, from_pem};
use crate::process::PATIENCE;
use crate::reply::{Reply, Single, Status};

/// Seconds between the youngest answer that can be and now: as many answers can be told from each other.
const AGES: i64 = 300_000;
const DAY: i64 = 86_400;
/// The answers of which one puts the certificate on hold.
const HOLD: u64 = 5;
/// Between two looks of a reader.
const LOOK: Duration = Duration::from_millis(1);
/// Faults that are kept.
const KEPT: usize = 20;

/// What became of an agent through kills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Killed {
    /// Kills.
    pub rounds: u32,
    /// Those before the agent said that it runs.
    pub starting: u32,
    /// Those in the middle of a write: a temporary file was left.
    pub writing: u32,
    /// Answers that the responder gave.
    pub answers: u64,
    /// Restarts without a responder, after which every place had to be as the store says.
    pub restarts: u32,
    /// What the readers read whole, by place.
    pub reads: BTreeMap<&'static str, u64>,
    /// What should not have been.
    pub faults: Vec<String>,
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills ({} before it ran, {} in the middle of a write), {} answers, {} restarts without a responder; whole \
             files read:",
            self.rounds, self.starting, self.writing, self.answers, self.restarts
        )?;
        for (place, count) in &self.reads {
            write!(f, " {place} {count}")?;
        }
        write!(f, "; {} faults", self.faults.len())
    }
}

/// An answer that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Given {
    /// The younger, the higher.
    number: u64,
    hold: bool,
}

/// What responder, readers and kills share.
struct Site {
    folder: PathBuf,
    world: World,
    /// thisUpdate of the answer with the number 0.
    base: i64,
    given: Mutex<HashMap<Vec<u8>, Given>>,
    down: AtomicBool,
    stop: AtomicBool,
    faults: Mutex<Vec<String>>,
    reads: Mutex<BTreeMap<&'static str, u64>>,
}

/// Kills an agent so many times, and says what was seen; `progress` hears of each kill.
///
/// # Panics
/// When the agent cannot be started.
#[must_use]
pub fn kill(
    program: &Path,
    folder: &Path,
    rounds: u32,
    seed: u64,
    mut progress: impl FnMut(&Killed),
) -> Killed {
    let world = World::current(KeyAlg::P256);
    let site = Arc::new(Site {
        folder: folder.to_owned(),
        base: world.now - AGES,
        world,
        given: Mutex::default(),
        down: AtomicBool::new(false),
        stop: AtomicBool::new(false),
        faults: Mutex::default(),
        reads: Mutex::default(),
    });
    let responder = restless(&site);
    let chain = site.world.ee_good.pem() + &site.world.ca_a.pem();
    std::fs::write(folder.join("www.pem"), chain).expect("write the certificate");
    configure(folder, &responder.url());
    let readers: Vec<_> = PLACES
        .map(|(place, read)| {
            let site = Arc::clone(&site);
            thread::spawn(move || watch(&site, place, read))
        })
        .into();
    let mut dice = Dice(seed);
    let mut killed = Killed::default();
    let cycle = first_cycle(&site, program);
    while killed.rounds < rounds {
        let told = one(&site, program, cycle, &mut dice, &mut killed);
        if killed.rounds.is_multiple_of(5) || killed.rounds == rounds {
            restart(&site, program, told, &mut killed);
        }
        killed.answers = u64::try_from(lock(&site.given).len()).unwrap_or(u64::MAX);
        killed.reads.clone_from(&lock(&site.reads));
        killed.faults.clone_from(&lock(&site.faults));
        progress(&killed);
    }
    site.stop.store(true, Ordering::SeqCst);
    for reader in readers {
        if reader.join().is_err() {
            killed.faults.push("a reader panicked".to_owned());
        }
    }
    killed
}

/// A responder that gives a younger answer to every request, or none while it is down.
fn restless(site: &Arc<Site>) -> Misbehaving {
    let (site, count) = (Arc::clone(site), AtomicU64::new(0));
    Misbehaving::start(move |_| {
        if site.down.load(Ordering::SeqCst) {
            return Act::Raw(Vec::new());
        }
        let number = count.fetch_add(1, Ordering::SeqCst);
        let (der, hold) = site.make(number);
        lock(&site.given).insert(der.clone(), Given { number, hold });
        Act::Ocsp(der)
    })
}

fn configure(folder: &Path, url: &str) {
    for name in ["nginx", "haproxy", "secret"] {
        std::fs::create_dir_all(folder.join(name)).expect("make a folder");
    }
    let text = format!(
        "state = \"state\"\n[schedule]\nmin_delay = \"1s\"\nmax_backoff = \"2s\"\ndeadline = \"1s\"\n\
         [[target]]\nname = \"www\"\ncertificate = \"www.pem\"\nresponder = \"{url}\"\non_revoked = \"omit\"\n\
         deliver = [\n\
         {{ kind = \"file\", file = \"a.der\" }},\n\
         {{ kind = \"file\", file = \"b.pem\", format = \"pem\" }},\n\
         {{ kind = \"nginx\", file = \"nginx/www.der\", include = \"nginx/www.conf\", reload = [\"true\"] }},\n\
         {{ kind = \"haproxy\", file = \"haproxy/site.pem.ocsp\" }},\n\
         {{ kind = \"file\", file = \"secret/tls.ocsp-staple\", layout = \"secret\" }},\n]\n"
    );
    std::fs::write(folder.join("staple.toml"), text).expect("write the configuration");
}

/// The places, and how each is read: nothing, or the response in DER, or what is wrong.
type Read = fn(&Path) -> Result<Option<Vec<u8>>, String>;

const PLACES: [(&str, Read); 7] = [
    ("DER", |folder| Ok(file(&folder.join("a.der")))),
    ("PEM", |folder| pem(&folder.join("b.pem"))),
    ("nginx", nginx),
    ("HAProxy", |folder| {
        Ok(file(&folder.join("haproxy/site.pem.ocsp")))
    }),
    ("secret", |folder| {
        Ok(file(&folder.join("secret/tls.ocsp-staple")))
    }),
    ("store", |folder| Ok(file(&stored(folder)?))),
    ("report", told),
];

fn file(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}

fn pem(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let Some(octets) = file(path) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&octets).into_owned();
    match from_pem("OCSP RESPONSE", &text) {
        Some(der) if crate::pki::pem("OCSP RESPONSE", &der) == text => Ok(Some(der)),
        _ => Err(format!("torn: {text:?}")),
    }
}

/// As nginx starts: where the directive is, the staple must be. A directive that is another one than at first was put
/// there meanwhile, and what it leads to may be the next one's.
fn nginx(folder: &Path) -> Result<Option<Vec<u8>>, String> {
    let include = folder.join("nginx/www.conf");
    let stamp = || {
        let seen = std::fs::metadata(&include).ok()?;
        Some((seen.ino(), seen.ctime(), seen.ctime_nsec()))
    };
    let before = stamp();
    let Some(text) = file(&include) else {
        return Ok(None);
    };
    if !text.ends_with(b"www.der\";\n") {
        return Err(format!("torn: {:?}", String::from_utf8_lossy(&text)));
    }
    match file(&folder.join("nginx/www.der")) {
        None if before.is_some() && stamp() == before => {
            Err("the directive is there, and the staple is not".to_owned())
        }
        der => Ok(der),
    }
}

/// The one kept staple of this site.
fn stored(folder: &Path) -> Result<PathBuf, String> {
    let all = std::fs::read_dir(folder.join("state"));
    let mut kept = all
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ocsp"));
    let first = kept.next().unwrap_or_else(|| folder.join("none"));
    match kept.next() {
        Some(other) => Err(format!("two staples are kept: {}", other.display())),
        None => Ok(first),
    }
}

/// The report is no response; it is whole or not there.
fn told(folder: &Path) -> Result<Option<Vec<u8>>, String> {
    let Some(text) = file(&folder.join("state/staple.status.json")) else {
        return Ok(None);
    };
    match serde_json::from_slice::<serde_json::Value>(&text) {
        Ok(_) => Ok(Some(Vec::new())),
        Err(why) => Err(format!("torn report: {why}")),
    }
}

/// Reads one place until it is told to stop.
fn watch(site: &Site, place: &'static str, read: Read) {
    let mut youngest = 0;
    while !site.stop.load(Ordering::SeqCst) {
        thread::sleep(LOOK);
        let seen = match read(&site.folder) {
            Ok(None) => continue,
            Ok(Some(der)) if place == "report" => Ok(der),
            Ok(Some(der)) => judge(site, place, &der, &mut youngest).map(|()| der),
            Err(why) => Err(why),
        };
        match seen {
            Ok(_) => *lock(&site.reads).entry(place).or_default() += 1,
            Err(why) => site.fault(format!("{place}: {why}")),
        }
    }
}

/// A response that was read must be one that was given, and not one that was replaced before.
fn judge(site: &Site, place: &str, der: &[u8], youngest: &mut u64) -> Result<(), String> {
    let Some(given) = site.known(der) else {
        return Err(format!("{} octets that nobody gave", der.len()));
    };
    if given.hold && place != "store" {
        return Err(format!("number {} was to be omitted", given.number));
    }
    if given.number < *youngest {
        return Err(format!("number {} after {youngest}", given.number));
    }
    *youngest = given.number;
    Ok(())
}

impl Site {
    /// The answer with this number, and whether it is a hold.
    fn make(&self, number: u64) -> (Vec<u8>, bool) {
        let world = &self.world;
        let age = i64::try_from(number).expect("fewer answers than that");
        let serial = &world.ee_good.serial;
        let mut single = Single::by(HashAlg::Sha1, &world.ca_a, serial, world.now)
            .this_update(self.base + age)
            .next_update(world.now + DAY);
        let hold = number % HOLD == HOLD - 1;
        if hold {
            single = single.status(Status::Revoked(world.now - 7 * DAY, Some(6)));
        }
        let reply = Reply::delegated(&world.d_a, world.now).single(&single);
        (reply.build(), hold)
    }

    fn known(&self, der: &[u8]) -> Option<Given> {
        lock(&self.given).get(der).copied()
    }

    fn fault(&self, what: String) {
        let mut faults = lock(&self.faults);
        if faults.len() < KEPT {
            faults.push(what);
        }
    }

    /// What is kept on the disk.
    fn kept(&self) -> Option<(Given, Vec<u8>)> {
        let der = file(&stored(&self.folder).ok()?)?;
        Some((self.known(&der)?, der))
    }

    /// The number of the staple that the report told last.
    fn told(&self) -> Option<u64> {
        let this_update = report(&self.folder)?["targets"][0]["this_update"].as_i64()?;
        u64::try_from(this_update - self.base).ok()
    }

    /// The first place that is not as it should be.
    fn wrong(&self, wanted: Option<&Vec<u8>>) -> Option<&'static str> {
        let mut places = PLACES
            .iter()
            .filter(|(place, _)| !matches!(*place, "store" | "report"));
        let wrong = |read: &Read| read(&self.folder).ok().flatten().as_ref() != wanted;
        places.find_map(|(place, read)| wrong(read).then_some(*place))
    }

    /// Temporary files and folders that nobody will rename any more.
    fn left(&self) -> usize {
        let folders = ["", "nginx", "haproxy", "secret", "state"];
        let current = std::fs::read_link(self.folder.join("secret/..data")).ok();
        folders
            .iter()
            .filter_map(|name| std::fs::read_dir(self.folder.join(name)).ok())
            .flatten()
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let text = name.to_string_lossy();
                let ours = text.starts_with(".certvouch-") || text.starts_with("..certvouch-");
                ours && current.as_deref() != Some(Path::new(&name))
            })
            .count()
    }
}

/// How long an agent takes from its start to its first deliveries.
fn first_cycle(site: &Site, program: &Path) -> Duration {
    let began = Instant::now();
    let mut agent = agent(program, &site.folder);
    while site
        .kept()
        .is_none_or(|(_, der)| site.wrong(Some(&der)).is_some())
    {
        assert!(began.elapsed() < PATIENCE, "{}", agent.stderr());
        thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed();
    let _ = agent.kill();
    took
}

/// Starts an agent, has it fetch again and again, and kills it at a random moment of all that. Returns what was told as
/// delivered before.
fn one(
    site: &Site,
    program: &Path,
    cycle: Duration,
    dice: &mut Dice,
    killed: &mut Killed,
) -> Option<u64> {
    let before = site.left();
    // A quarter of them in the first part of a cycle, where it starts.
    let span = if dice.part() < 0.25 { 0.2 } else { 2.0 };
    let end = Instant::now() + cycle.mul_f64(span * dice.part());
    let mut agent = agent(program, &site.folder);
    let mut runs = false;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let pause = Duration::from_millis(15).mul_f64(dice.part());
        thread::sleep(pause.min(left));
        runs |= agent.try_line().is_some();
        // Before it listens for the signal this would end it.
        if runs && agent.is_running() {
            agent.hang_up();
        }
    }
    let told = site.told();
    if agent.is_running() {
        let _ = agent.kill();
    } else {
        site.fault(format!("it ended by itself: {}", agent.stderr()));
    }
    killed.rounds += 1;
    killed.starting += u32::from(!runs);
    killed.writing += u32::from(site.left() > before);
    told
}

/// Starts an agent while nobody answers: every place must come to be as the store says. Half of the times what was
/// delivered is taken away first.
fn restart(site: &Site, program: &Path, told: Option<u64>, killed: &mut Killed) {
    let Some((kept, der)) = site.kept() else {
        return;
    };
    if let Some(told) = told
        && kept.number < told
    {
        site.fault(format!(
            "{told} was told as delivered, {} is kept",
            kept.number
        ));
    }
    if killed.restarts.is_multiple_of(2) {
        for name in ["a.der", "b.pem", "nginx/www.conf", "nginx/www.der"] {
            drop(std::fs::remove_file(site.folder.join(name)));
        }
    }
    site.down.store(true, Ordering::SeqCst);
    let mut agent = agent(program, &site.folder);
    let wanted = (!kept.hold).then_some(&der);
    let began = Instant::now();
    while let Some(place) = site.wrong(wanted) {
        if began.elapsed() > PATIENCE {
            let stderr = agent.stderr();
            site.fault(format!("{place} is not as the store says: {stderr}"));
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    while agent.try_line().is_none() && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(2));
    }
    let status = agent.terminate();
    if status.code() != Some(0) {
        site.fault(format!("SIGTERM: {status}: {}", agent.stderr()));
    }
    site.down.store(false, Ordering::SeqCst);
    killed.restarts += 1;
}

/// Random numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = u32::try_from(self.0 >> 32).expect("half of it");
        f64::from(high) / f64::from(u32::MAX)
    }
}
