//! The embedded store under a running server: the next answer after an acknowledgement, the log, one process at a time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use certvouch::clock::Clock;
use certvouch::config::Config;
use certvouch::serve::{self, Running};
use certvouch_status::SerialKey;
use certvouch_status::embedded::{Access, Action, Kind, OpenOptions, Store, Write};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask;
use certvouch_testkit::http;
use certvouch_testkit::process::PATIENCE;
use certvouch_types::CrlReason;

use crate::support::{Site, is_revoked, run, status_in};

const FILE: &str = "store = \"status.db\"\n\n[server]\nlisten = [\"127.0.0.1:0\"]\n\n[[issuer]]\nname = \"a\"\n\
    certificate = \"ca.pem\"\nsource = { store = true }\n\
    signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }\n";

const FLAGS: [&str; 11] = [
    "serve",
    "--issuer",
    "ca.pem",
    "--signer-cert",
    "ocsp.pem",
    "--signer-key",
    "ocsp.key",
    "--store",
    "status.db",
    "--listen",
    "127.0.0.1:0",
];

fn site() -> Site {
    let site = Site::new();
    std::fs::write(site.path().join("certvouch.toml"), FILE).unwrap();
    site
}

/// A server in this process, so that the test can write into its store.
fn serve(site: &Site) -> (Running, SocketAddr, Store) {
    let config = Config::from_file(&site.path().join("certvouch.toml")).unwrap();
    let running = serve::start(&config, Clock::system()).unwrap();
    let address = running.addresses()[0];
    let store = running.core().journal.store().unwrap().clone();
    (running, address, store)
}

fn write(serial: &[u8], action: Action) -> Write {
    Write::new("a", SerialKey::new(serial), action)
}

const REVOKE: Action = Action::Revoke {
    at: None,
    reason: Some(CrlReason::KeyCompromise),
    invalidity_at: None,
};

fn make(store: &Store, write: Write) {
    let now = Clock::system().now();
    for answer in store.write("ca", now, vec![write]) {
        answer.unwrap();
    }
}

/// Revokes one by a server that has ended when this returns.
fn revoke_and_end(site: &Site, serial: u8) {
    let (running, _address, store) = serve(site);
    make(&store, write(&[serial], REVOKE));
    let path = store.path().to_owned();
    drop((running, store));
    // Its threads let go of the store one after the other.
    let started = Instant::now();
    while let Err(why) = Store::open(&path, OpenOptions::new(Access::Serve)) {
        assert!(started.elapsed() < PATIENCE, "{why}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ask_about(site: &Site, address: SocketAddr, serial: &[u8]) -> CertStatus {
    let question = ask::q1(&site.world.ca_a, serial);
    status_in(&http::post(address, "/", &question))
}

#[test]
fn next_answer_after_an_acknowledgement_is_the_new_truth() {
    let site = site();
    let (_running, address, store) = serve(&site);
    let good = &site.world.ee_good.serial;
    assert_eq!(ask_about(&site, address, good), CertStatus::Unknown);
    make(&store, write(good, Action::Issue));
    assert_eq!(ask_about(&site, address, good), CertStatus::Good);
    make(&store, write(good, Action::Hold { since: None }));
    assert!(is_revoked(ask_about(&site, address, good)));
    make(&store, write(good, Action::Release));
    assert_eq!(ask_about(&site, address, good), CertStatus::Good);
    make(&store, write(good, REVOKE));
    assert!(is_revoked(ask_about(&site, address, good)));
}

// covers: T-2
#[test]
fn no_stale_answer_follows_an_acknowledgement_while_others_read_the_same_serials() {
    let site = site();
    let (_running, address, store) = serve(&site);
    let (stop, current) = (AtomicBool::new(false), AtomicU64::new(1));
    // A first octet of 1: the content of a positive INTEGER.
    let serial = |number: u64| [&[1], &number.to_be_bytes()[..]].concat();
    std::thread::scope(|scope| {
        // Also when an assertion fails: the readers would never end otherwise.
        let _stop = StopAtEnd(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = ask_about(&site, address, &serial(current.load(Ordering::Relaxed)));
                }
            });
        }
        for number in 1..=100_u64 {
            let octets = serial(number);
            make(&store, write(&octets, Action::Issue));
            current.store(number, Ordering::Relaxed);
            assert_eq!(ask_about(&site, address, &octets), CertStatus::Good);
            make(&store, write(&octets, REVOKE));
            for _ in 0..3 {
                let status = ask_about(&site, address, &octets);
                assert!(is_revoked(status), "{number}: {status:?}");
            }
        }
    });
}

/// Tells the readers to end, however the scope is left.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn store_is_made_by_serve_and_not_by_check() {
    let site = site();
    let file = site.path().join("status.db");
    let checked = run(site.path(), &["config", "check", "certvouch.toml"]);
    assert_eq!(checked.code, Some(0), "{}", checked.all());
    assert!(
        checked.out().contains("knows no certificate"),
        "{}",
        checked.out()
    );
    assert!(!file.exists());
    let server = certvouch_testkit::process::Server::start(&mut crate::support::certvouch(
        site.path(),
        &FLAGS,
    ));
    let _ = server.listening_address();
    assert!(file.exists());
    // Whoever looks is no second server.
    let checked = run(site.path(), &["config", "check", "certvouch.toml"]);
    assert_eq!(checked.code, Some(2), "another name: {}", checked.all());
    assert!(
        checked.err().contains("under the name \"ca\""),
        "{}",
        checked.err()
    );
    let second = run(site.path(), &FLAGS);
    assert_eq!(second.code, Some(2), "{}", second.all());
    assert!(
        second
            .err()
            .contains("another process serves from this store"),
        "{}",
        second.err()
    );
}

// covers: T-8
#[test]
fn log_of_the_store_has_configuration_keys_and_clock() {
    let site = site();
    revoke_and_end(&site, 1);
    let path = site.path().join("status.db");
    let store = Store::open(&path, OpenOptions::new(Access::Look)).unwrap();
    let log = store.changes_since(0, 100).unwrap();
    let of = |kind| {
        let mut all = log.iter().map(|entry| &entry.content);
        all.find(|content| content.kind == kind).cloned()
    };
    let detail = |kind| of(kind).unwrap().detail.unwrap();
    assert!(detail(Kind::Configuration).contains("issuers=a"));
    assert!(detail(Kind::Key).starts_with("in force: a: certificate sha256="));
    assert!(of(Kind::Clock).is_some());
    assert_eq!(of(Kind::Issuer).unwrap().issuer.as_deref(), Some("a"));
    assert_eq!(of(Kind::Certificate).unwrap().who, "ca");
}

#[test]
fn head_of_the_log_is_in_the_metrics_and_in_the_log_of_the_process() {
    let site = site();
    let config = format!("{FILE}[admin]\nlisten = \"127.0.0.1:0\"\n");
    std::fs::write(site.path().join("certvouch.toml"), config).unwrap();
    let (running, _address, store) = serve(&site);
    make(&store, write(&[1], REVOKE));
    let admin = running.admin().unwrap().address();
    let page = http::get(admin, "/metrics");
    let page = String::from_utf8(page.body).unwrap();
    let head = store.head();
    let hash: String = head.hash.iter().map(|it| format!("{it:02x}")).collect();
    for line in [
        format!("certvouch_store_change_id {}", head.change_id),
        format!("certvouch_store_head_info{{hash=\"{hash}\"}} 1"),
    ] {
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

// covers: T-1
#[test]
fn reload_that_takes_the_store_away_is_refused_if_it_forgets_what_was_revoked() {
    let site = site();
    revoke_and_end(&site, 0x77);
    let index = FILE.replace("store = true", "index = \"index.txt\"");
    let mut server = certvouch_testkit::process::Server::start(&mut crate::support::certvouch(
        site.path(),
        &["serve", "--config", "certvouch.toml"],
    ));
    let _ = server.listening_address();
    std::fs::write(site.path().join("certvouch.toml"), &index).unwrap();
    server.hang_up();
    let said = server.wait_for_stderr("was not reloaded");
    assert!(said.contains("forgets or un-revokes"), "{said}");
}

#[test]
fn damaged_row_and_lost_pages_are_try_later_and_never_good() {
    let site = site();
    let (_running, address, store) = serve(&site);
    make(&store, write(&[0x77], REVOKE));
    make(&store, write(&[0x78], Action::Issue));
    let path = store.path().to_owned();
    // Somebody turns a revoked certificate good, behind the back of the store.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "UPDATE certificate SET status = 0, revoked_at = NULL, reason = NULL WHERE serial = x'77';
             PRAGMA wal_checkpoint(TRUNCATE)",
        )
        .unwrap();
    drop(connection);
    let ask = |serial: u8| {
        let question = ask::q1(&site.world.ca_a, &[serial]);
        let response = http::post(address, "/", &question);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        response.body
    };
    // OCSPResponse { tryLater }
    let try_later = [0x30, 3, 0x0A, 1, 3];
    assert_eq!(ask(0x77), try_later);
    assert_eq!(ask_about(&site, address, &[0x78]), CertStatus::Good);
    // Every page from the third on.
    let mut octets = std::fs::read(&path).unwrap();
    octets[8192..].fill(0x5A);
    std::fs::write(&path, octets).unwrap();
    // Readers keep pages that they have read; a commit makes them look again.
    let _ = store.write("ca", Clock::system().now(), vec![write(&[0x7A], REVOKE)]);
    for serial in [0x77, 0x79] {
        assert_eq!(ask(serial), try_later, "{serial:x}");
    }
}

#[test]
fn status_tells_which_change_makes_the_answer() {
    let site = site();
    revoke_and_end(&site, 0x77);
    let outcome = run(site.path(), &["status", "--config", "certvouch.toml", "77"]);
    let said = outcome.all();
    assert!(
        said.contains("keyCompromise") && said.contains("made by ca at"),
        "{said}"
    );
    let outcome = run(site.path(), &["status", "--config", "certvouch.toml", "78"]);
    assert!(
        outcome.all().contains("has no row of it"),
        "{}",
        outcome.all()
    );
}
