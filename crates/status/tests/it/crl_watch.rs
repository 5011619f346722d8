//! The driver over HTTP and files: what a misbehaving server does to the answers, and how often it is told.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use certvouch_fetch::{FetchError, Fetcher, Roots};
use certvouch_status::crl::{CrlError, CrlEvent, CrlSettings, CrlWatchSettings, Location};
use certvouch_status::{CrlSource, CrlWatch, GoodList};
use certvouch_testkit::der;
use certvouch_testkit::pki::T0;

use crate::crls::{Bench, CrlBuilder, DAY, word};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server says next, or nothing: then it says nothing at all and closes.
type Answer = Arc<Mutex<Vec<u8>>>;

struct Server {
    address: SocketAddr,
    answer: Answer,
    /// What is said about one path alone.
    at: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, heard) = (Answer::default(), Arc::new(Mutex::new(Vec::new())));
        let at = Arc::<Mutex<HashMap<_, _>>>::default();
        let (said, store) = (Arc::clone(&answer), Arc::clone(&heard));
        let special = Arc::clone(&at);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut octet = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).unwrap_or(0) == 1 {
                    head.push(octet[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let special = special.lock().unwrap().get(path).cloned();
                let octets = special.unwrap_or_else(|| said.lock().unwrap().clone());
                store.lock().unwrap().push(head);
                // The fetcher may have hung up already.
                drop(stream.write_all(&octets));
                if octets.ends_with(SLOWLY) {
                    thread::spawn(move || {
                        while stream.write_all(b"x").is_ok() {
                            thread::sleep(Duration::from_secs(1));
                        }
                    });
                }
            }
        });
        Self {
            address,
            answer,
            at,
            heard,
        }
    }

    fn says(&self, octets: impl AsRef<[u8]>) {
        *self.answer.lock().unwrap() = octets.as_ref().to_vec();
    }

    fn serves(&self, headers: &str, body: &[u8]) {
        self.says(ok(headers, body));
    }

    fn serves_at(&self, path: &str, body: &[u8]) {
        self.at
            .lock()
            .unwrap()
            .insert(path.to_owned(), ok("", body));
    }

    fn location(&self) -> Location {
        Location::from_text(&format!("http://{}/ca.crl", self.address)).unwrap()
    }
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// The end of a head after which the server sends an octet a second.
const SLOWLY: &[u8] = b"X-Slowly: yes\r\n\r\n";

struct Watched {
    bench: Bench,
    source: Arc<CrlSource>,
    watch: CrlWatch,
    events: Receiver<CrlEvent>,
}

fn watch(bench: Bench, settings: CrlSettings, good_list: Option<GoodList>) -> Watched {
    let source = bench.open_with(settings, good_list);
    let mut policy = certvouch_status::crl::fetch_policy();
    policy.roots = Roots::Named(Vec::new());
    policy.max_body = 1 << 20;
    policy.rate_grace = Duration::from_millis(100);
    policy.connect_timeout = Duration::from_secs(20);
    let fetcher = Arc::new(Fetcher::new(policy).unwrap());
    let (sender, events) = channel();
    let mut watch_settings = CrlWatchSettings::default();
    watch_settings.poll = Duration::from_millis(20);
    let tell = move |event| drop(sender.send(event));
    let watch = CrlWatch::start(Arc::clone(&source), fetcher, watch_settings, tell).unwrap();
    Watched {
        bench,
        source,
        watch,
        events,
    }
}

impl Watched {
    fn next(&self) -> CrlEvent {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    fn refreshed(&self) -> certvouch_status::crl::Refreshed {
        match self.next() {
            CrlEvent::Refreshed(refreshed) => refreshed,
            other => panic!("{other:?}"),
        }
    }

    fn failed(&self) -> CrlError {
        match self.next() {
            CrlEvent::Failed { error, .. } => error,
            other => panic!("{other:?}"),
        }
    }

    fn words(&self) -> [&'static str; 2] {
        [word(&self.source, "AA"), word(&self.source, "BB")]
    }

    /// Asks now, several times, and hears nothing new.
    fn asks_without_news(&self, server: &Server) {
        let wanted = server.heard.lock().unwrap().len() + 3;
        while server.heard.lock().unwrap().len() < wanted {
            self.watch.refresh();
            thread::sleep(Duration::from_millis(5));
        }
        assert!(self.events.try_recv().is_err());
    }
}

fn over_http() -> (Server, Watched) {
    let server = Server::start();
    let bench = Bench::new(&[], &[]);
    let mut settings = bench.settings();
    settings.crls = vec![server.location()];
    server.serves("ETag: \"1\"\r\n", &first(&bench).der());
    let watched = watch(bench, settings, None);
    assert_eq!(watched.refreshed().entries, 1);
    (server, watched)
}

fn first(bench: &Bench) -> CrlBuilder {
    bench.crl().number(5).revoke("AA", Some(1))
}

// covers: T-4, T-25, E-34, R5280-6.3.3-a
#[test]
fn server_that_misbehaves_changes_no_answer_and_is_told_once() {
    type Expected = fn(&CrlError) -> bool;
    let bench = Bench::new(&[], &[]);
    let next = || bench.crl().number(6).during(60, Some(9 * DAY));
    let good = next().der();
    let cases: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("gone", Vec::new(), |it| matches!(it, CrlError::Fetch(FetchError::Http(_)))),
        ("404", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), |it| {
            *it == CrlError::Fetch(FetchError::Status(404))
        }),
        ("cut", ok("", &good)[..200].to_vec(), |it| matches!(it, CrlError::Fetch(FetchError::Http(_)))),
        ("shortened", ok("", &good[..120]), |it| matches!(it, CrlError::Decode(_))),
        ("too long", ok("", &vec![0; 10_000_000])[..60_000].to_vec(), |it| {
            *it == CrlError::Fetch(FetchError::BodyTooLarge { limit: 1 << 20 })
        }),
        ("packed", ok("Content-Encoding: gzip\r\n", &good), |it| {
            *it == CrlError::Fetch(FetchError::ContentCoding)
        }),
        ("an octet a second", [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n", SLOWLY].concat(), |it| {
            matches!(it, CrlError::Fetch(FetchError::TooSlow { .. }))
        }),
        (
            "to the metadata service",
            b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/ca.crl\r\nContent-Length: 0\r\n\r\n".to_vec(),
            |it| matches!(it, CrlError::Fetch(FetchError::AddressRefused { .. })),
        ),
        ("of another key", ok("", &CrlBuilder::new(&bench.world.ca_a2).number(6).der()), |it| {
            matches!(it, CrlError::Signature(_))
        }),
        ("older", ok("", &bench.crl().number(4).der()), |it| matches!(it, CrlError::Older { .. })),
    ];
    for (what, answer, expected) in cases {
        let (server, watched) = over_http();
        watched.bench.clock.set(T0 + 120);
        server.says(answer);
        watched.watch.refresh();
        let error = watched.failed();
        assert!(expected(&error), "{what}: {error:?}");
        if what != "an octet a second" {
            watched.asks_without_news(&server);
        }
        assert_eq!(watched.words(), ["revoked", "not revoked"], "{what}");
        watched.bench.clock.set(T0 + DAY);
        assert_eq!(watched.words(), ["outdated"; 2], "{what}");
        server.serves("", &good);
        watched.watch.refresh();
        assert_eq!(
            watched.refreshed().number.as_deref(),
            Some("0x06"),
            "{what}"
        );
        assert!(
            matches!(watched.next(), CrlEvent::Recovered { .. }),
            "{what}"
        );
        assert_eq!(watched.words(), ["not revoked"; 2], "{what}");
    }
}

#[test]
fn unchanged_crl_is_not_read_twice_and_a_restart_asks_with_the_validators() {
    let (server, watched) = over_http();
    server.says("HTTP/1.1 304 Not Modified\r\n\r\n");
    watched.asks_without_news(&server);
    let conditional = |server: &Server| {
        let heard = server.heard.lock().unwrap();
        heard.last().unwrap().contains("if-none-match: \"1\"\r\n")
    };
    assert!(conditional(&server));
    let Watched {
        bench,
        watch: first,
        ..
    } = watched;
    drop(first);
    let mut settings = bench.settings();
    settings.crls = vec![server.location()];
    let before = server.heard.lock().unwrap().len();
    let again = watch(bench, settings, None);
    assert_eq!(again.words(), ["revoked", "not revoked"]);
    while server.heard.lock().unwrap().len() == before {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(conditional(&server));
}

#[test]
fn passing_of_next_update_is_told_once_and_a_newer_crl_is_asked_for() {
    let (server, watched) = over_http();
    server.says("HTTP/1.1 304 Not Modified\r\n\r\n");
    let before = server.heard.lock().unwrap().len();
    watched.bench.clock.set(T0 + DAY);
    assert!(matches!(watched.failed(), CrlError::Outdated { .. }));
    while server.heard.lock().unwrap().len() == before {
        thread::sleep(Duration::from_millis(5));
    }
    watched.asks_without_news(&server);
    server.serves(
        "",
        &watched
            .bench
            .crl()
            .number(6)
            .during(DAY, Some(2 * DAY))
            .der(),
    );
    watched.watch.refresh();
    assert_eq!(watched.refreshed().dropped, 1);
    assert!(matches!(watched.next(), CrlEvent::Recovered { .. }));
    assert_eq!(watched.words(), ["not revoked"; 2]);
}

#[test]
fn base_and_delta_by_http_come_into_force_whatever_comes_first() {
    let (base, delta) = (Server::start(), Server::start());
    let bench = Bench::new(&[], &[]);
    let mut settings = bench.settings();
    settings.crls = vec![base.location()];
    settings.deltas = vec![delta.location()];
    delta.serves("", &bench.crl().number(6).delta(5).revoke("BB", None).der());
    let watched = watch(bench, settings, None);
    // Both fail first, in any order: one has no answer, the other no base.
    for _ in 0..2 {
        let error = watched.failed();
        assert!(
            matches!(error, CrlError::Fetch(_) | CrlError::Delta(_)),
            "{error:?}"
        );
    }
    base.serves("", &first(&watched.bench).der());
    watched.watch.refresh();
    let mut left = vec!["0x05", "0x06"];
    while !left.is_empty() {
        if let CrlEvent::Refreshed(refreshed) = watched.next() {
            left.retain(|number| Some(*number) != refreshed.number.as_deref());
        }
    }
    assert_eq!(watched.words(), ["revoked"; 2]);
}

// covers: T-25
#[test]
fn announced_delta_is_fetched_from_the_same_origin_only_and_survives_a_restart() {
    let uri = |url: &str| {
        let name = der::explicit(0, &der::explicit(0, &der::tlv(0x86, url.as_bytes())));
        der::seq(&[&name])
    };
    let server = Server::start();
    let bench = Bench::new(&[], &[]);
    let ours = format!("http://{}/delta.crl", server.address);
    let theirs = format!("http://localhost:{}/other.crl", server.address.port());
    let points = der::seq(&[&uri(&ours), &uri(&theirs)]);
    let base = first(&bench).extension("2.5.29.46", false, &points);
    server.serves_at("/ca.crl", &base.der());
    let mut settings = bench.settings();
    settings.crls = vec![server.location()];
    let watched = watch(bench, settings.clone(), None);
    assert_eq!(watched.refreshed().announced, [theirs]);
    // The delta is not there: the complete CRL counts without it.
    assert!(matches!(watched.failed(), CrlError::Fetch(_)));
    assert_eq!(watched.words(), ["revoked", "not revoked"]);
    let delta = watched.bench.crl().number(6).delta(5).revoke("BB", None);
    server.serves_at("/delta.crl", &delta.der());
    watched.watch.refresh();
    assert!(watched.refreshed().is_delta);
    assert_eq!(watched.words(), ["revoked"; 2]);
    let heard = server.heard.lock().unwrap().clone();
    assert!(
        heard.iter().all(|head| !head.contains("other.crl")),
        "{heard:?}"
    );
    let Watched { bench, watch, .. } = watched;
    drop(watch);
    // Without a network the delta is there again, or its revocation would be taken back.
    let source = bench.open_with(settings, None);
    assert_eq!(
        ["AA", "BB"].map(|serial| word(&source, serial)),
        ["revoked"; 2]
    );
}

#[test]
fn files_and_good_list_are_taken_when_they_change() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("ca.crl", first(&bench).der());
    bench.put("issued.txt", "AA\n");
    let (list, _) = GoodList::open(&bench.path("issued.txt"), &bench.world.ca_a.der).unwrap();
    let settings = bench.settings();
    let watched = watch(bench, settings, Some(list));
    watched.refreshed();
    assert_eq!(watched.words(), ["revoked", "never issued"]);
    watched.bench.put("issued.txt", "AA\nBB\n");
    match watched.next() {
        CrlEvent::GoodList(change) => {
            assert_eq!((change.added.len(), change.removed.len()), (1, 0))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(watched.words(), ["revoked", "issued"]);
    watched.bench.put("issued.txt", "nonsense\n");
    assert!(matches!(watched.next(), CrlEvent::GoodListFailed(_)));
    watched.bench.put(
        "ca.crl",
        watched.bench.crl().number(6).revoke("BB", None).der(),
    );
    assert_eq!(watched.refreshed().added, 1);
    assert_eq!(watched.words(), ["issued", "revoked"]);
    watched.bench.put("ca.crl", b"half");
    assert!(matches!(watched.failed(), CrlError::Decode(_)));
    assert_eq!(watched.words(), ["issued", "revoked"]);
}
