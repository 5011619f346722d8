//! `certvouch store` and `certvouch audit` on the store of a server that has ended, or still runs.

use std::path::Path;

use certvouch_status::SerialKey;
use certvouch_status::embedded::{Access, Action, OpenOptions, Store, Write};
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer::Outcome;
use certvouch_testkit::process::{TempDir, temp_dir};
use certvouch_types::Timestamp;

use crate::support::run;

const CA: &str = "a";

fn open(path: &Path) -> Store {
    let store = Store::open(path, OpenOptions::new(Access::Serve)).unwrap();
    store.issuer(CA, [7; 32], "test", now()).unwrap();
    store
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000)
}

fn revoke(store: &Store, serial: u8) {
    let action = Action::Revoke {
        at: None,
        reason: None,
        invalidity_at: None,
    };
    let write = Write::new(CA, SerialKey::new(&[serial]), action);
    store.write("ca", now(), vec![write])[0].clone().unwrap();
}

/// A folder with a store that knows three certificates, and a key for checkpoints.
fn site() -> TempDir {
    let dir = temp_dir();
    let store = open(&dir.path().join("status.db"));
    for serial in 1..=3 {
        revoke(&store, serial);
    }
    for name in ["audit", "other"] {
        let key = certvouch_testkit::pki::Key::generate(certvouch_testkit::pki::KeyAlg::Ed25519);
        let file = dir.path().join(format!("{name}.key"));
        std::fs::write(&file, key.pkcs8_pem()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        std::fs::write(dir.path().join(format!("{name}.pub")), key.spki()).unwrap();
    }
    dir
}

fn audit(dir: &TempDir, further: &[&str]) -> Outcome {
    let verify = &["audit", "verify", "--store", "status.db"][..];
    run(dir.path(), &[verify, further].concat())
}

fn checkpoint(dir: &TempDir, further: &[&str]) -> Outcome {
    let make = &[
        "audit",
        "checkpoint",
        "--store",
        "status.db",
        "--key",
        "audit.key",
    ][..];
    run(dir.path(), &[make, further].concat())
}

#[track_caller]
fn expect(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{}", outcome.all());
    for word in words {
        assert!(outcome.all().contains(word), "{word}: {}", outcome.all());
    }
}

const CHECKPOINT: [&str; 4] = ["--checkpoint", "points", "--key", "audit.pub"];

fn sql(dir: &TempDir, text: &str) {
    let connection = rusqlite::Connection::open(dir.path().join("status.db")).unwrap();
    connection.execute_batch(text).unwrap();
}

// covers: T-8
#[test]
fn checkpoint_finds_a_cut_tail_a_log_made_anew_and_a_restored_backup() {
    let dir = site();
    let at = |name: &str| dir.path().join(name);
    let copy = run(
        dir.path(),
        &["store", "backup", "--store", "status.db", "copy.db"],
    );
    expect(&copy, 0, &["copy.db: 4:"]);
    let store = open(&at("status.db"));
    revoke(&store, 4);
    let head = store.head().to_string();
    drop(store);
    expect(&checkpoint(&dir, &["--out", "points"]), 0, &[]);
    expect(
        &audit(&dir, &CHECKPOINT),
        0,
        &["nothing is wrong", "signed by the key"],
    );
    expect(&audit(&dir, &["--head", &head]), 0, &["nothing is wrong"]);
    expect(&audit(&dir, &[]), 0, &["is not found"]);

    // The copy is whole in itself: only what is known elsewhere tells that something is gone.
    std::fs::copy(at("copy.db"), at("status.db")).unwrap();
    // The mark beside the store is such a thing, unless somebody takes it away.
    expect(&audit(&dir, &[]), 1, &["had come to 5"]);
    std::fs::remove_file(at("status.db-head")).unwrap();
    expect(&audit(&dir, &[]), 0, &["nothing is wrong"]);
    expect(
        &audit(&dir, &CHECKPOINT),
        1,
        &["the log ends with change 4 and had come to 5"],
    );
    expect(&audit(&dir, &["--head", &head]), 1, &["its tail was cut"]);
    // And so it is when others wrote on.
    let store = open(&at("status.db"));
    revoke(&store, 9);
    revoke(&store, 10);
    drop(store);
    expect(&audit(&dir, &[]), 0, &["nothing is wrong"]);
    expect(&audit(&dir, &CHECKPOINT), 1, &["change 5 has another hash"]);
    expect(
        &audit(&dir, &["--head", &head, "--json"]),
        1,
        &["\"findings_total\":1"],
    );
}

// covers: T-8
#[test]
fn changed_octet_is_found_by_itself() {
    let dir = site();
    sql(&dir, "UPDATE change SET who = 'ka' WHERE id = 3");
    expect(&audit(&dir, &[]), 1, &["change 3 does not follow"]);
    let check = run(dir.path(), &["store", "check", "--store", "status.db"]);
    expect(
        &check,
        1,
        &["change 3 does not follow", "1 things are wrong"],
    );
}

// covers: T-8
#[test]
fn checkpoint_counts_only_as_it_was_signed_and_by_the_key_that_is_named() {
    let dir = site();
    expect(&checkpoint(&dir, &["--out", "points"]), 0, &[]);
    let points = std::fs::read_to_string(dir.path().join("points")).unwrap();
    let write = |text: &str| std::fs::write(dir.path().join("points"), text).unwrap();
    for (from, to) in [("\"head\":\"4:", "\"head\":\"3:"), ("T", "U")] {
        write(&points.replacen(from, to, 1));
        expect(&audit(&dir, &CHECKPOINT), 2, &["points", "line 1"]);
    }
    write(&points);
    let other = ["--checkpoint", "points", "--key", "other.pub"];
    expect(&audit(&dir, &other), 1, &["signed by another key"]);
    write("");
    expect(&audit(&dir, &CHECKPOINT), 0, &["is not found"]);
    // That of another store says nothing about this one.
    let second = site();
    expect(&checkpoint(&second, &["--out", "points"]), 0, &[]);
    std::fs::copy(second.path().join("points"), dir.path().join("points")).unwrap();
    expect(
        &audit(&dir, &["--checkpoint", "points"]),
        1,
        &["of another store"],
    );
}

#[test]
fn checkpoint_is_sent_by_post() {
    let dir = site();
    for (status, code) in [(200, 0), (202, 0), (500, 2)] {
        let server = Misbehaving::start(move |_| Act::Http(status, Vec::new(), Vec::new()));
        let url = format!("{}/checkpoints", server.url());
        expect(&checkpoint(&dir, &["--url", &url]), code, &[]);
        let request = server.requests().remove(0);
        assert_eq!(request.method, "POST");
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.contains("\"head\":\"4:"), "{body}");
    }
}

#[test]
fn store_is_checked_and_copied_while_it_is_served_and_compacted_when_it_is_not() {
    let dir = site();
    let store = open(&dir.path().join("status.db"));
    let with = |action: &str, further: &[&str]| {
        let first = &["store", action, "--store", "status.db"][..];
        run(dir.path(), &[first, further].concat())
    };
    expect(
        &with("check", &[]),
        0,
        &["4 changes", "3 compared with the log", "nothing is wrong"],
    );
    expect(&with("backup", &["copy.db"]), 0, &["copy.db: 4:"]);
    expect(&with("backup", &["copy.db"]), 2, &["is there already"]);
    expect(&with("compact", &[]), 2, &["another process serves"]);
    drop(store);
    expect(&with("compact", &[]), 0, &["octets"]);
    expect(
        &with("check", &["--json"]),
        0,
        &["\"changes\":5", "\"findings_total\":0"],
    );
    let none = run(dir.path(), &["store", "compact", "--store", "none.db"]);
    expect(&none, 2, &["there is no store"]);
    assert!(!dir.path().join("none.db").exists());
}
