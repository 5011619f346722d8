//! The chain of the log: what it finds by itself, and what it finds by a head from outside.

use std::path::Path;

use certvouch_status::embedded::{
    Access, Action, Finding, Import, OpenOptions, Record, Status, Store, UnrevokePolicy, Verified,
};

use crate::common::{key, t0};
use crate::store::{CA, issue, make, open, revoke, write};

/// A store with some of everything, and its folder.
fn filled() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("status.db");
    let (store, _source) = open(&path);
    make(&store, issue("01"));
    make(&store, revoke("01"));
    make(&store, write("02", Action::Hold { since: None }));
    let import = Import {
        issuer: CA.to_owned(),
        who: "import".to_owned(),
        at: t0(),
        unrevoke: UnrevokePolicy::Refuse,
    };
    let rows = (0x10..0x20_u8).map(|number| {
        let serial = certvouch_status::SerialKey::new(&[number]);
        (serial, Record::new(Status::Issued))
    });
    store.import(&import, rows, |_| ()).unwrap();
    for serial in ["10", "15", "1F"] {
        make(&store, revoke(serial));
    }
    (dir, path)
}

fn examine(path: &Path, heads: &[certvouch_status::embedded::Head]) -> Verified {
    let store = Store::open(path, OpenOptions::new(Access::Look)).unwrap();
    store.verify(heads).unwrap()
}

fn sql(path: &Path, text: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(text).unwrap();
}

#[test]
fn untouched_store_is_clean() {
    let (_dir, path) = filled();
    let store = Store::open(&path, OpenOptions::new(Access::Look)).unwrap();
    let verified = store.verify(&[store.head()]).unwrap();
    assert_eq!(verified.findings, []);
    assert_eq!((verified.certificates, verified.entries), (18, 8));
    assert_eq!(verified.head, store.head());
    assert!(store.check().unwrap().is_clean());
    // Also while it is served and written to.
    drop(store);
    let (store, _source) = open(&path);
    make(&store, revoke("99"));
    assert!(store.check().unwrap().is_clean());
}

// covers: T-8
#[test]
fn every_changed_column_of_the_log_is_found() {
    for change in [
        "at = at + 1",
        "who = 'x'",
        "kind = 'clock'",
        "issuer = 'x'",
        "serial = x'07'",
        "old = 'issued not_after=2027-01-01T00:00:00Z'",
        "new = 'issued'",
        "previous = 1",
        "detail = 'x'",
        "hash = zeroblob(32)",
    ] {
        let (_dir, path) = filled();
        sql(&path, &format!("UPDATE change SET {change} WHERE id = 3"));
        let verified = examine(&path, &[]);
        assert!(
            verified.findings.contains(&Finding::Entry(3)),
            "{change}: {:?}",
            verified.findings
        );
    }
}

// covers: T-8
#[test]
fn lost_entries_are_found_without_help_in_the_middle_and_with_a_head_at_the_end() {
    let (_dir, path) = filled();
    let head = examine(&path, &[]).head;
    sql(&path, "DELETE FROM change WHERE id = 4");
    let found = examine(&path, &[]).findings;
    assert!(
        found.contains(&Finding::Gap { after: 3, found: 5 }),
        "{found:?}"
    );

    // The tail, and whatever it told of, so that nothing else is wrong.
    let (_dir, path) = filled();
    assert_ne!(examine(&path, &[]).head.hash, head.hash, "another store");
    let head = examine(&path, &[]).head;
    sql(
        &path,
        "DELETE FROM change WHERE id > 5;
         DELETE FROM certificate WHERE change_id > 5",
    );
    // Rows of the import were replaced by what is cut away: even without a head that shows.
    let found = examine(&path, &[]).findings;
    assert!(found.contains(&Finding::Import(5)), "{found:?}");
    let found = examine(&path, &[head]).findings;
    assert!(
        found
            .iter()
            .any(|it| matches!(it, Finding::Cut { end: 5, .. })),
        "{found:?}"
    );
}

// covers: T-8
#[test]
fn restored_backup_is_found_by_a_head_even_after_it_was_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("status.db");
    let copy = dir.path().join("copy.db");
    let (store, source) = open(&path);
    make(&store, issue("01"));
    store.backup(&copy).unwrap();
    make(&store, revoke("01"));
    let head = store.head();
    drop((store, source));
    let verified = examine(&copy, &[head]);
    assert!(matches!(
        verified.findings[..],
        [Finding::Cut { end: 2, .. }]
    ));
    let (store, source) = open(&copy);
    make(&store, revoke("05"));
    make(&store, revoke("06"));
    drop((store, source));
    assert!(examine(&copy, &[]).is_clean());
    let verified = examine(&copy, &[head]);
    assert_eq!(verified.findings, [Finding::Rewritten(Box::new(head))]);
}

// covers: T-8
#[test]
fn log_that_was_made_anew_is_found_by_a_head() {
    // The same changes again by whoever knows how: another history under the same store.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("status.db");
    let copy = dir.path().join("copy.db");
    let (store, source) = open(&path);
    store.backup(&copy).unwrap();
    make(&store, revoke("01"));
    make(&store, revoke("02"));
    let head = store.head();
    drop((store, source));
    let (store, source) = open(&copy);
    make(&store, issue("01"));
    make(&store, revoke("02"));
    make(&store, revoke("03"));
    drop((store, source));
    assert!(examine(&copy, &[]).is_clean());
    assert_eq!(
        examine(&copy, &[head]).findings,
        [Finding::Rewritten(Box::new(head))]
    );
    assert!(examine(&path, &[head]).is_clean());
}

// covers: T-8
#[test]
fn changed_lost_and_revived_rows_are_found() {
    for (change, count) in [
        ("DELETE FROM certificate WHERE serial = x'02'", true),
        ("DELETE FROM certificate WHERE serial = x'11'", true),
        (
            "UPDATE certificate SET status = 0, revoked_at = NULL, reason = NULL WHERE serial = x'01'",
            false,
        ),
        ("UPDATE issuer SET identity = zeroblob(32)", false),
        ("UPDATE issuer SET name = 'other-ca'", false),
        (
            "UPDATE certificate SET not_after = 1 WHERE serial = x'12'",
            false,
        ),
        (
            "UPDATE certificate SET change_id = 2 WHERE serial = x'01'",
            false,
        ),
        (
            "UPDATE certificate SET serial = x'77' WHERE serial = x'11'",
            false,
        ),
    ] {
        let (_dir, path) = filled();
        sql(&path, change);
        let verified = examine(&path, &[]);
        assert!(!verified.is_clean(), "{change}");
        let counted = verified
            .findings
            .iter()
            .any(|it| matches!(it, Finding::Count { .. }));
        assert_eq!(counted, count, "{change}: {:?}", verified.findings);
    }
}

#[test]
fn row_of_an_earlier_state_with_a_right_seal_is_found() {
    let (dir, path) = filled();
    let early = dir.path().join("early.db");
    {
        let (store, _source) = open(&path);
        store.backup(&early).unwrap();
        make(&store, revoke("12"));
        make(&store, write("02", Action::Release));
    }
    sql(
        &path,
        &format!(
            "ATTACH '{}' AS early;
             INSERT OR REPLACE INTO certificate SELECT * FROM early.certificate WHERE serial IN (x'02', x'12')",
            early.display()
        ),
    );
    let found = examine(&path, &[]).findings;
    for serial in ["02", "12"] {
        let row = Finding::Row {
            issuer: CA.to_owned(),
            serial: key(serial),
        };
        assert!(found.contains(&row), "{serial}: {found:?}");
    }
}

/// Everything that the tables say.
fn contents(path: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = rusqlite::Connection::open(path)?;
    let mut all = Vec::new();
    for table in ["meta", "issuer", "certificate", "change"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column)));
            all.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    Ok(all)
}

// covers: T-8
#[test]
fn octet_that_is_changed_anywhere_in_the_file_is_found_if_it_changes_anything() {
    let (dir, path) = filled();
    let whole = std::fs::read(&path).unwrap();
    let right = contents(&path).unwrap();
    let copy = dir.path().join("copy.db");
    let (mut clean, mut found) = (0, 0);
    for round in 0..600_usize {
        // Over all pages, and most of it where something stands: pages are filled from their ends.
        let page = round % (whole.len() / 4096);
        let within = if round % 4 == 0 {
            round * 7 % 4096
        } else {
            4095 - round * 13 % 1500
        };
        let mut octets = whole.clone();
        octets[page * 4096 + within] ^= 1 << (round % 8);
        std::fs::write(&copy, octets).unwrap();
        let verified = Store::open(&copy, OpenOptions::new(Access::Look))
            .map_err(|why| why.to_string())
            .and_then(|store| store.verify(&[]).map_err(|why| why.to_string()));
        match verified {
            Ok(verified) if verified.is_clean() => {
                // Nobody can tell, and nothing is told otherwise.
                assert_eq!(
                    contents(&copy).as_ref(),
                    Ok(&right),
                    "page {page}, {within}"
                );
                clean += 1;
            }
            Ok(_) | Err(_) => found += 1,
        }
        for suffix in ["-wal", "-shm"] {
            drop(std::fs::remove_file(
                dir.path().join(format!("copy.db{suffix}")),
            ));
        }
    }
    assert!(found > 100 && clean > 0, "{found} {clean}");
}
