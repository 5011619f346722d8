//! The embedded store on real files: what was acknowledged, what is refused, what the log says, and what a reopened store
//! knows.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use certvouch_responder::Knowledge;
use certvouch_status::embedded::{
    Access, Acknowledged, Action, Event, Import, Kind, OpenOptions, Outcome, Query, Record,
    Refusal, Source, Status, StatusFilter, Store, UnrevokePolicy, Write, WriteError,
};
use certvouch_types::CrlReason;

use crate::common::{at, key, knows, revoked, t0};

pub(crate) const CA: &str = "device-ca";

pub(crate) fn open(path: &Path) -> (Store, Source) {
    let store = Store::open(path, OpenOptions::new(Access::Serve)).unwrap();
    let source = store.issuer(CA, [7; 32], "test", t0()).unwrap();
    (store, source)
}

pub(crate) fn write(serial: &str, action: Action) -> Write {
    Write::new(CA, key(serial), action)
}

pub(crate) fn revoke(serial: &str) -> Write {
    write(
        serial,
        Action::Revoke {
            at: None,
            reason: Some(CrlReason::KeyCompromise),
            invalidity_at: None,
        },
    )
}

pub(crate) fn issue(serial: &str) -> Write {
    write(serial, Action::Issue)
}

/// Makes one change and wants it acknowledged.
pub(crate) fn make(store: &Store, write: Write) -> Acknowledged {
    one(store, write).unwrap()
}

fn one(store: &Store, write: Write) -> Result<Acknowledged, WriteError> {
    let mut answers = store.write("ca", t0(), vec![write]);
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub(crate) fn compromised() -> Knowledge {
    revoked("2026-01-10T00:00:00Z", Some(CrlReason::KeyCompromise))
}

#[test]
fn what_was_acknowledged_is_there_when_the_store_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("status.db");
    let (store, source) = open(&path);
    let id = store.id().to_owned();
    assert_eq!(knows(&source, "01"), Knowledge::NeverIssued);
    make(&store, issue("01"));
    make(&store, issue("02"));
    make(&store, revoke("02"));
    make(&store, write("03", Action::Hold { since: None }));
    let head = store.head();
    drop((store, source));

    let (store, source) = open(&path);
    assert_eq!((store.id(), store.head()), (&*id, head));
    assert_eq!(knows(&source, "01"), Knowledge::Issued);
    assert_eq!(knows(&source, "02"), compromised());
    let hold = revoked("2026-01-10T00:00:00Z", Some(CrlReason::CertificateHold));
    assert_eq!(knows(&source, "03"), hold);
    let counts = source.counts().unwrap();
    assert_eq!((counts.revoked, counts.on_hold), (1, 1));
}

#[test]
fn every_part_of_a_record_is_kept_and_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    let wanted = Write {
        not_after: Some(at("2027-01-01T00:00:00Z")),
        certificate_sha256: Some([9; 32]),
        ..write(
            "0A",
            Action::Revoke {
                at: Some(at("2026-01-02T00:00:00Z")),
                reason: Some(CrlReason::Superseded),
                invalidity_at: Some(at("2026-01-01T00:00:00Z")),
            },
        )
    };
    make(&store, wanted);
    let record = crate::common::ask(&source, &["0A"])[0];
    let superseded = revoked("2026-01-02T00:00:00Z", Some(CrlReason::Superseded));
    assert_eq!(record.knowledge, superseded);
    assert_eq!(record.not_after, Some(at("2027-01-01T00:00:00Z")));
    assert_eq!(record.invalidity_date, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(record.cert_hash, Some([9; 32]));
    // One serial number, however it is written.
    assert_eq!(crate::common::ask(&source, &["000a"])[0], record);
    assert_eq!(store.get(CA, &key("a")).unwrap().unwrap().change_id, 2);
}

#[test]
fn bad_change_inside_a_group_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    make(&store, revoke("01"));
    let before = store.head().change_id;
    let stranger = Write::new("nobody", key("05"), Action::Issue);
    let answers = store.write(
        "ca",
        t0(),
        vec![
            issue("02"),
            issue("01"),
            write("07", Action::Release),
            stranger,
            revoke("03"),
        ],
    );
    assert!(answers[0].is_ok() && answers[4].is_ok(), "{answers:?}");
    assert!(matches!(
        answers[1],
        Err(WriteError::Refused(Refusal::Revoked { .. }))
    ));
    assert_eq!(answers[2], Err(WriteError::Refused(Refusal::Unknown)));
    assert!(matches!(
        answers[3],
        Err(WriteError::Refused(Refusal::UnknownIssuer(_)))
    ));
    assert_eq!(store.head().change_id, before + 2);
    assert_eq!(knows(&source, "01"), compromised());
    assert_eq!(knows(&source, "02"), Knowledge::Issued);
    assert_eq!(knows(&source, "03"), compromised());
}

// covers: T-1
#[test]
fn revoked_is_left_by_the_operators_word_only_and_hold_by_release() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    make(&store, revoke("01"));
    for action in [Action::Issue, Action::Release, Action::Hold { since: None }] {
        let why = one(&store, write("01", action)).unwrap_err();
        assert!(
            matches!(why, WriteError::Refused(Refusal::Revoked { .. })),
            "{why}"
        );
        assert_eq!(knows(&source, "01"), compromised());
    }
    make(&store, write("01", Action::Unrevoke));
    assert_eq!(knows(&source, "01"), Knowledge::Issued);

    make(&store, write("02", Action::Hold { since: None }));
    let why = one(&store, issue("02")).unwrap_err();
    assert!(matches!(why, WriteError::Refused(Refusal::OnHold { .. })));
    make(&store, write("02", Action::Release));
    assert_eq!(knows(&source, "02"), Knowledge::Issued);
}

#[test]
fn change_that_is_said_twice_is_one_change() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _source) = open(&dir.path().join("status.db"));
    let first = make(&store, revoke("01"));
    assert_eq!(first.outcome, Outcome::Created);
    let head = store.head();
    let answers = store.write("ca", at("2026-01-11T00:00:00Z"), vec![revoke("01")]);
    let again = answers[0].clone().unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(
        (again.record, again.change_id),
        (first.record, first.change_id)
    );
    assert_eq!(store.head(), head);
}

#[test]
fn listener_hears_of_a_change_before_its_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::new(AtomicUsize::new(0));
    {
        let (heard, said) = (Arc::clone(&heard), Arc::clone(&said));
        let path = store.path().to_owned();
        store.on_commit(move |commit| {
            for serial in &commit.changed[CA] {
                // The new truth is there already for whoever looks now.
                let store = Store::open(&path, OpenOptions::new(Access::Look)).unwrap();
                let stored = store.get(CA, serial).unwrap().unwrap();
                heard.lock().unwrap().push((serial.clone(), stored));
            }
            // What was not counted yet was not acknowledged yet.
            assert_eq!(said.load(Ordering::SeqCst) + 1, heard.lock().unwrap().len());
        });
    }
    for serial in ["01", "02", "03"] {
        let acknowledged = make(&store, revoke(serial));
        said.fetch_add(1, Ordering::SeqCst);
        let (key, stored) = heard.lock().unwrap().last().unwrap().clone();
        assert_eq!(key, crate::common::key(serial));
        assert_eq!(stored.record, acknowledged.record);
    }
    // What changes nothing is no news.
    make(&store, revoke("01"));
    assert_eq!(heard.lock().unwrap().len(), 3);
    assert_eq!(knows(&source, "01"), compromised());
}

#[test]
fn many_writers_get_their_own_answers_and_a_log_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    let writers: u8 = 8;
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let store = store.clone();
            scope.spawn(move || {
                for number in 0..50_u8 {
                    let serial = format!("{writer:02X}{number:02X}");
                    let acknowledged = make(&store, revoke(&serial));
                    let stored = store.get(CA, &key(&serial)).unwrap().unwrap();
                    assert_eq!(stored.change_id, acknowledged.change_id);
                }
            });
        }
    });
    let log = store.changes_since(0, usize::MAX).unwrap();
    assert_eq!(log.len(), 401);
    for (place, entry) in (1..).zip(&log) {
        assert_eq!(entry.change_id, place);
    }
    assert_eq!(store.head().hash, log.last().unwrap().hash);
    assert_eq!(source.counts().unwrap().revoked, 400);
}

#[test]
fn log_says_who_when_old_and_new() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _source) = open(&dir.path().join("status.db"));
    make(&store, issue("0B"));
    store.write("operator", at("2026-01-11T00:00:00Z"), vec![revoke("0B")]);
    let event = Event::new(Kind::Token, "made: ca");
    let id = store.record("certvouch", t0(), event).unwrap();
    let log = store.changes_since(1, 10).unwrap();
    let said = |place: usize| &log[place].content;
    assert_eq!(said(0).kind, Kind::Certificate);
    assert_eq!((said(0).old, said(0).previous), (None, None));
    assert_eq!(said(1).who, "operator");
    assert_eq!(said(1).at, at("2026-01-11T00:00:00Z"));
    assert_eq!(said(1).issuer.as_deref(), Some(CA));
    assert_eq!(said(1).serial, Some(key("0B")));
    assert_eq!((said(1).old, said(1).previous), (said(0).new, Some(2)));
    assert_eq!(
        said(1).new.unwrap().to_string(),
        "revoked 2026-01-11T00:00:00Z keyCompromise"
    );
    assert_eq!((log[2].change_id, said(2).kind), (id, Kind::Token));
    assert_eq!(said(2).detail.as_deref(), Some("made: ca"));
    assert_eq!(store.changes_since(1, 2).unwrap(), log[..2]);
}

#[test]
fn issuer_of_the_same_name_and_another_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _source) = open(&dir.path().join("status.db"));
    let why = store.issuer(CA, [8; 32], "test", t0()).unwrap_err();
    assert!(why.to_string().contains("another CA"), "{why}");
    store.issuer("b", [8; 32], "test", t0()).unwrap();
    let why = store.issuer("c", [8; 32], "test", t0()).unwrap_err();
    assert!(why.to_string().contains("under the name \"b\""), "{why}");
    make(&store, revoke("01"));
    let other = store.issuer("b", [8; 32], "test", t0()).unwrap();
    assert_eq!(knows(&other, "01"), Knowledge::NeverIssued);
    assert_eq!(store.issuers().unwrap(), ["b", CA]);
}

#[test]
fn search_pages_by_prefix_status_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _source) = open(&dir.path().join("status.db"));
    for number in 0..30_u8 {
        make(&store, issue(&format!("AB{number:02X}")));
    }
    make(&store, issue("FF01"));
    for serial in ["AB03", "AB10", "FF01"] {
        make(&store, revoke(serial));
    }
    let find = |query: &Query| store.search(CA, query).unwrap();
    let query = Query {
        prefix: "ab".to_owned(),
        limit: 12,
        ..Query::default()
    };
    let mut sizes = Vec::new();
    let mut page = find(&query);
    let mut all: Vec<String> = Vec::new();
    loop {
        sizes.push(page.found.len());
        all.extend(page.found.iter().map(|(serial, _)| serial.to_string()));
        let Some(after) = page.next.take() else { break };
        page = find(&Query {
            after: Some(after),
            ..query.clone()
        });
    }
    assert_eq!(sizes, [12, 12, 6]);
    assert!(all.is_sorted() && all[0] == "AB00" && all[29] == "AB1D");
    let with = |status| Query {
        status: Some(status),
        limit: 100,
        ..query.clone()
    };
    assert_eq!(find(&with(StatusFilter::Revoked)).found.len(), 2);
    assert_eq!(find(&with(StatusFilter::Issued)).found.len(), 28);
    assert_eq!(find(&with(StatusFilter::Hold)).found.len(), 0);
    let from = |moment| Query {
        revoked_from: Some(moment),
        limit: 100,
        ..Query::default()
    };
    assert_eq!(find(&from(t0())).found.len(), 3);
    assert_eq!(find(&from(at("2026-01-11T00:00:00Z"))).found.len(), 0);
    assert_eq!(store.search("nobody", &query).unwrap().found.len(), 0);
}

fn import(unrevoke: UnrevokePolicy) -> Import {
    Import {
        issuer: CA.to_owned(),
        who: "import".to_owned(),
        at: t0(),
        unrevoke,
    }
}

// covers: T-1
#[test]
fn later_record_of_an_import_takes_back_no_revocation() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _source) = open(&dir.path().join("status.db"));
    let gone = Status::Revoked {
        at: at("2026-01-01T00:00:00Z"),
        reason: None,
    };
    let rows = [gone, Status::Issued].map(|status| (key("05"), Record::new(status)));
    let _sum = store
        .import(&import(UnrevokePolicy::Refuse), rows, |_| ())
        .unwrap();
    let known = store.get(CA, &key("05")).unwrap().unwrap();
    assert_eq!(known.record.status, gone);
}

// covers: T-1
#[test]
fn import_counts_what_it_did_and_leaves_revoked_ones_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    make(&store, revoke("01"));
    make(&store, issue("02"));
    let gone = Status::Revoked {
        at: at("2026-01-01T00:00:00Z"),
        reason: None,
    };
    let future = Status::Revoked {
        at: at("2027-01-01T00:00:00Z"),
        reason: None,
    };
    let rows: Vec<(&str, Status)> = vec![
        ("09", Status::Issued),
        ("01", Status::Issued),
        ("02", gone),
        ("03", Status::Issued),
        ("03", gone),
        ("04", future),
    ];
    let rows = || {
        rows.iter()
            .map(|(serial, status)| (key(serial), Record::new(*status)))
    };
    let plan = store
        .preview_import(&import(UnrevokePolicy::Refuse), rows())
        .unwrap();
    assert_eq!(knows(&source, "09"), Knowledge::NeverIssued);
    let did = store
        .import(&import(UnrevokePolicy::Refuse), rows(), |_| ())
        .unwrap();
    assert_eq!(
        (did.created, did.changed, did.unchanged, did.refused),
        (2, 1, 0, 2)
    );
    assert_eq!(plan.refused, did.refused);
    assert_eq!(did.refusals[0].0, key("01"));
    assert_eq!(knows(&source, "01"), compromised());
    assert_eq!(knows(&source, "03"), revoked("2026-01-01T00:00:00Z", None));
    assert_eq!(knows(&source, "04"), Knowledge::NeverIssued);
    // What is there already changes nothing, so that an import that was cut short is begun again.
    let head = store.head();
    let again = store
        .import(&import(UnrevokePolicy::Refuse), rows(), |_| ())
        .unwrap();
    assert_eq!((again.unchanged, again.refused), (3, 2));
    assert_eq!(store.head(), head);
    let allowed = store
        .import(&import(UnrevokePolicy::Allow), rows(), |_| ())
        .unwrap();
    assert_eq!((allowed.changed, allowed.refused), (1, 1));
    assert_eq!(knows(&source, "01"), Knowledge::Issued);
}

#[test]
fn large_import_is_committed_in_chunks_with_one_entry_each() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    let rows = (0..50_000_u32).rev().map(|number| {
        let serial = certvouch_status::SerialKey::new(&(number + 1).to_be_bytes());
        (serial, Record::new(Status::Issued))
    });
    let mut sums = Vec::new();
    let did = store
        .import(&import(UnrevokePolicy::Refuse), rows, |sum| {
            sums.push(sum.created);
        })
        .unwrap();
    assert_eq!(sums, [20_000, 40_000, 50_000]);
    assert_eq!(did.created, 50_000);
    assert_eq!(store.head().change_id, 4);
    assert_eq!(knows(&source, "C350"), Knowledge::Issued);
    assert_eq!(knows(&source, "C351"), Knowledge::NeverIssued);
}

#[test]
fn preview_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, source) = open(&dir.path().join("status.db"));
    make(&store, revoke("01"));
    let head = store.head();
    let plan = store
        .preview(t0(), &[issue("01"), issue("02"), revoke("01")])
        .unwrap();
    assert!(matches!(plan[0], Err(Refusal::Revoked { .. })));
    assert_eq!(plan[1].clone().unwrap().outcome, Outcome::Created);
    assert_eq!(plan[2].clone().unwrap().outcome, Outcome::Unchanged);
    assert_eq!(store.head(), head);
    assert_eq!(knows(&source, "02"), Knowledge::NeverIssued);
}
