//! What a reload may change, what it may not, and what it says then.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::{ask, gone, key, knows, open, revoked, t0, valid};
use certvouch_responder::Knowledge;
use certvouch_status::index_txt::{FileDigest, Refusal};
use certvouch_status::{IndexTxt, OpenError, ReloadError, Reloaded, UnrevokePolicy};
use certvouch_types::CrlReason;
use tempfile::TempDir;

const THEN: &str = "260101000000Z";

struct Place {
    dir: TempDir,
    index: PathBuf,
}

fn place(text: &str) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("index.txt");
    fs::write(&index, text).unwrap();
    Place { dir, index }
}

impl Place {
    /// Replaces the index as `openssl ca` does.
    fn replace(&self, text: &str) {
        let new = self.dir.path().join("index.txt.new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.index).unwrap();
    }

    fn confirm(&self, text: &str) {
        fs::write(self.dir.path().join("index.txt.accept"), text).unwrap();
    }
}

fn refused(outcome: Result<Reloaded, ReloadError>) -> Refusal {
    match outcome {
        Err(ReloadError::Refused(refusal)) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn rows() -> String {
    let held = gone(
        "03",
        &format!("{THEN},holdInstruction,holdInstructionReject"),
    );
    valid("01") + &gone("02", &format!("{THEN},keyCompromise")) + &held + &valid("04")
}

/// The answers of [`rows`].
fn assert_old_truth(source: &IndexTxt) {
    let answers = ask(source, &["01", "02", "03", "04", "05"]);
    let knows: Vec<Knowledge> = answers.iter().map(|record| record.knowledge).collect();
    let time = "2026-01-01T00:00:00Z";
    assert_eq!(
        knows,
        [
            Knowledge::Issued,
            revoked(time, Some(CrlReason::KeyCompromise)),
            revoked(time, Some(CrlReason::CertificateHold)),
            Knowledge::Issued,
            Knowledge::NeverIssued,
        ]
    );
}

#[test]
fn reload_of_good_changes_counts_them_and_names_their_serials() {
    let place = place(&rows());
    let source = open(&place.index);
    let new = gone("01", &format!("{THEN},superseded"))
        + &gone("02", &format!("{THEN},cACompromise"))
        + &valid("03")
        + &valid("04")
        + &valid("F0000000000000000000000000000005");
    place.replace(&new);
    let reloaded = source.reload(t0() + 60).unwrap();
    let mut changed = reloaded.changed.clone();
    changed.sort();
    assert_eq!(
        changed,
        [
            key("01"),
            key("02"),
            key("03"),
            key("F0000000000000000000000000000005")
        ]
    );
    assert_eq!(
        (reloaded.added, reloaded.removed, reloaded.revoked),
        (1, 0, 1)
    );
    assert_eq!(
        (reloaded.released, reloaded.altered, reloaded.unrevoked),
        (1, 1, 0)
    );
    assert_eq!(
        (reloaded.rows, reloaded.unchanged, reloaded.confirmed),
        (5, false, false)
    );
    assert_eq!(knows(&source, "03"), Knowledge::Issued);
    assert_eq!(
        knows(&source, "f0000000000000000000000000000005"),
        Knowledge::Issued
    );
    let health = source.health();
    assert_eq!(
        (health.counts.rows, health.loaded_at, health.error),
        (5, t0() + 60, None)
    );
    assert_eq!(health.digest, FileDigest::of(new.as_bytes()));
    assert!(!source.is_behind());

    let again = source.reload(t0() + 120).unwrap();
    assert!(again.unchanged && again.changed.is_empty());
    assert_eq!(source.health().loaded_at, t0() + 120);
}

// covers: T-1
#[test]
fn index_that_was_damaged_leaves_the_old_truth_and_names_file_and_line() {
    let text = rows();
    let third = text.match_indices('\n').nth(1).unwrap().0 + 1;
    let cases: [(&str, &str, &str); 5] = [
        (
            "cut in the middle of a row",
            &text[..third + 20],
            "line 3: the file ends within this line",
        ),
        (
            "cut at a row boundary",
            &text[..third],
            "line 2: 2 of 4 rows lost, 0 no longer revoked",
        ),
        (
            "empty",
            "",
            "line 1: the file has no rows; 4 of 4 rows lost",
        ),
        (
            "an empty line",
            &(text.clone() + "\n"),
            "line 5: the line is empty",
        ),
        (
            "a hole",
            &text.replace("/CN=x", "/CN=\0"),
            "line 1: the line contains a NUL octet",
        ),
    ];
    for (what, damaged, says) in cases {
        for policy in [UnrevokePolicy::Refuse, UnrevokePolicy::Allow] {
            if policy == UnrevokePolicy::Allow && what == "cut at a row boundary" {
                continue;
            }
            let place = place(&text);
            let source = IndexTxt::open(&place.index, policy, t0()).unwrap();
            place.replace(damaged);
            assert!(source.is_behind());
            let error = source.reload(t0() + 1).unwrap_err();
            let shown = error.to_string();
            assert!(
                shown.starts_with(&*place.index.to_string_lossy()),
                "{what}: {shown}"
            );
            assert!(shown.contains(says), "{what}: {shown}");
            assert!(
                shown.ends_with("the rows read before stay in force"),
                "{shown}"
            );
            assert_old_truth(&source);
            assert_eq!(source.health().error, Some(error));
            assert_eq!(
                (source.health().loaded_at, source.health().tried_at),
                (t0(), t0() + 1)
            );

            place.replace(&text);
            assert!(source.reload(t0() + 2).unwrap().unchanged);
            assert_eq!(source.health().error, None, "a mended file ends the alarm");
        }
    }
}

// covers: T-1
#[test]
fn index_that_cannot_be_read_leaves_the_old_truth_and_names_the_file() {
    fn assert_unreadable(make: impl Fn(&Path), says: &str) {
        let place = place(&rows());
        let source = open(&place.index);
        fs::remove_file(&place.index).unwrap();
        make(&place.index);
        let shown = source.reload(t0() + 1).unwrap_err().to_string();
        assert!(
            shown.starts_with(&*place.index.to_string_lossy()),
            "{shown}"
        );
        assert!(shown.contains(says), "{shown}");
        assert_old_truth(&source);
        let opened = IndexTxt::open(&place.index, UnrevokePolicy::Refuse, t0());
        assert!(matches!(
            opened,
            Err(OpenError::Unreadable { .. } | OpenError::NotAFile { .. })
        ));
    }
    assert_unreadable(|_| {}, "cannot be read: No such file");
    assert_unreadable(|index| fs::create_dir(index).unwrap(), "not a regular file");
    let dangling = |index: &Path| std::os::unix::fs::symlink("nowhere", index).unwrap();
    assert_unreadable(dangling, "cannot be read: No such file");
    let looping = |index: &Path| std::os::unix::fs::symlink("index.txt", index).unwrap();
    assert_unreadable(looping, "cannot be read: ");
    assert_unreadable(
        |index| drop(std::os::unix::net::UnixListener::bind(index).unwrap()),
        "not a regular file",
    );
}

#[test]
fn open_without_a_good_file_is_an_error_and_with_an_empty_one_a_new_ca() {
    let empty = place("");
    assert_eq!(open(&empty.index).health().counts.rows, 0);
    empty.replace(&rows());
    let broken = place("V\t271231235959Z\n");
    let error = IndexTxt::open(&broken.index, UnrevokePolicy::Refuse, t0()).unwrap_err();
    let shown = error.to_string();
    assert!(
        shown.ends_with("index.txt: line 1: the row has 2 of 6 columns"),
        "{shown}"
    );
}

// covers: T-30
#[test]
fn path_with_control_characters_is_escaped_in_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in\x1b[2J\ndex.txt");
    fs::write(&path, "x\n").unwrap();
    let shown = IndexTxt::open(&path, UnrevokePolicy::Refuse, t0())
        .unwrap_err()
        .to_string();
    assert!(shown.contains("in\\u{1b}[2J\\ndex.txt: line 1"), "{shown}");
    assert!(!shown.contains(['\x1b', '\n']));
}

// covers: T-1, R6960-2.2-4
#[test]
fn revoked_becomes_good_from_hold_alone() {
    let hold = gone("01", &format!("{THEN},certificateHold"));
    let suspended = format!("S\t271231235959Z\t{THEN}\t01\tunknown\t/CN=x\n");
    let permanent = gone("01", &format!("{THEN},keyCompromise"));
    let bare = gone("01", THEN);
    let later = gone("01", "260105000000Z,superseded");
    let issued = valid("01");
    let expired = issued.replacen('V', "E", 1);
    let comment = "# nothing\n".to_owned();
    let cases = [
        (&hold, &issued, true),
        (&hold, &expired, true),
        (&suspended, &issued, true),
        (&hold, &permanent, true),
        (&hold, &suspended, true),
        (&issued, &hold, true),
        (&issued, &permanent, true),
        (&issued, &expired, true),
        (&permanent, &bare, true),
        (&bare, &later, true),
        (&permanent, &issued, false),
        (&permanent, &expired, false),
        (&bare, &issued, false),
        // The first of two steps: what went on hold could be released by the next reload.
        (&permanent, &hold, false),
        (&bare, &suspended, false),
        (&hold, &comment, false),
        (&permanent, &comment, false),
        (&issued, &comment, false),
        (&expired, &comment, false),
    ];
    for (before, after, passes) in cases {
        for (policy, allows) in [
            (UnrevokePolicy::Refuse, passes),
            (UnrevokePolicy::Allow, true),
        ] {
            let place = place(&(before.clone() + &valid("99")));
            let source = IndexTxt::open(&place.index, policy, t0()).unwrap();
            let old = ask(&source, &["01"]);
            place.replace(&(after.clone() + &valid("99")));
            let outcome = source.reload(t0());
            assert_eq!(
                outcome.is_ok(),
                allows,
                "{before}{after}{policy:?}: {outcome:?}"
            );
            if allows {
                let fresh = IndexTxt::open(&place.index, policy, t0()).unwrap();
                assert_eq!(ask(&source, &["01"]), ask(&fresh, &["01"]));
            } else {
                let refusal = refused(outcome);
                assert_eq!(refusal.lost + refusal.unrevoked + refusal.weakened, 1);
                assert_eq!(
                    (refusal.first, ask(&source, &["01"])),
                    (vec![key("01")], old)
                );
            }
        }
    }
}

// covers: T-1
#[test]
fn refusal_names_digest_line_counts_and_the_way_to_confirm() {
    let mut text: String = (1..=9)
        .map(|serial| gone(&format!("0{serial}"), THEN))
        .collect();
    let place = place(&text);
    let source = open(&place.index);
    text = text.replacen(&gone("02", THEN), &valid("02"), 1);
    for serial in 4..=9 {
        text = text.replacen(&gone(&format!("0{serial}"), THEN), "", 1);
    }
    place.replace(&text);
    let refusal = refused(source.reload(t0()));
    assert_eq!(refusal.digest, FileDigest::of(text.as_bytes()));
    assert_eq!((refusal.line, refusal.rows_before, refusal.rows), (2, 9, 3));
    assert_eq!(
        (refusal.lost, refusal.unrevoked, refusal.weakened),
        (6, 1, 0)
    );
    assert_eq!(
        refusal.first,
        [key("02"), key("04"), key("05"), key("06"), key("07")]
    );
    let shown = refusal.to_string();
    assert!(
        shown.contains("6 of 9 rows lost, 1 no longer revoked"),
        "{shown}"
    );
    assert!(shown.contains("(02, 04, 05, 06, 07, ...)"), "{shown}");
    let how = format!(
        "SHA-256 {} into {}.accept",
        refusal.digest,
        place.index.display()
    );
    assert!(shown.ends_with(&how), "{shown}");
}

// covers: T-1
#[test]
fn confirmation_is_good_for_one_file_and_once() {
    let place = place(&rows());
    let source = open(&place.index);
    let smaller = valid("01");
    place.replace(&smaller);
    let digest = refused(source.reload(t0())).digest;

    place.confirm("yes");
    assert_eq!(refused(source.reload(t0())).digest, digest);
    place.confirm(&FileDigest::of(b"another file").to_string());
    assert_eq!(refused(source.reload(t0())).digest, digest);
    place.confirm(&digest.to_string()[..63]);
    assert_eq!(refused(source.reload(t0())).digest, digest);
    assert_old_truth(&source);

    // As `sha256sum index.txt > index.txt.accept` writes it.
    place.confirm(&format!("{digest}  index.txt\n"));
    assert!(source.is_behind());
    let reloaded = source.reload(t0()).unwrap();
    assert_eq!(
        (reloaded.removed, reloaded.rows, reloaded.confirmed),
        (3, 1, true)
    );
    assert_eq!(knows(&source, "02"), Knowledge::NeverIssued);

    // More is revoked, and then the confirmed file comes back as a backup: the old word does not
    // count.
    place.replace(&(gone("01", THEN) + &valid("02")));
    assert!(!source.reload(t0()).unwrap().confirmed);
    place.replace(&smaller);
    assert_eq!(refused(source.reload(t0())).digest, digest);
    assert!(matches!(knows(&source, "01"), Knowledge::Revoked { .. }));
    fs::remove_file(source.confirmation()).unwrap();
    place.confirm(&digest.to_string().to_uppercase());
    assert!(source.reload(t0()).unwrap().confirmed);
    assert_eq!(knows(&source, "01"), Knowledge::Issued);
}

// covers: T-1
#[test]
fn confirmation_that_stood_there_at_the_start_counts_for_nothing() {
    let place = place(&rows());
    let smaller = valid("01");
    let digest = FileDigest::of(smaller.as_bytes()).to_string();
    place.confirm(&digest);
    let source = open(&place.index);
    place.replace(&smaller);
    refused(source.reload(t0()));
    assert_old_truth(&source);
}

#[test]
fn confirmation_is_looked_for_in_the_folder_that_was_set() {
    let place = place(&rows());
    let words = tempfile::tempdir().unwrap();
    let source = open(&place.index).confirmed_in(words.path());
    assert_eq!(source.confirmation(), words.path().join("index.txt.accept"));
    place.replace("");
    let digest = refused(source.reload(t0())).digest.to_string();
    place.confirm(&digest);
    refused(source.reload(t0()));
    fs::create_dir(source.confirmation()).unwrap();
    refused(source.reload(t0()));
    fs::remove_dir(source.confirmation()).unwrap();
    fs::write(source.confirmation(), &digest).unwrap();
    assert_eq!(source.reload(t0()).unwrap().rows, 0);
    // Nothing was written into the folder of the CA: what is there was put there by this test.
    let mut names: Vec<_> = fs::read_dir(place.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["index.txt", "index.txt.accept"]);
}

// covers: T-10
#[test]
fn lookups_during_reloads_see_one_state() {
    // Both certificates change together, from hold and back, so that a mixture would show.
    let state = |column: Option<&str>| -> String {
        let row = |serial| column.map_or_else(|| valid(serial), |column| gone(serial, column));
        (0..200)
            .map(|filler| valid(&format!("A{filler:04}")))
            .collect::<String>()
            + &row("01")
            + &row("02")
    };
    let on_hold = format!("{THEN},certificateHold");
    let place = place(&state(None));
    let source = open(&place.index);
    let done = AtomicBool::new(false);
    let (source, done) = (&source, &done);
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let (mut held, mut issued) = (0_u32, 0_u32);
            while !done.load(Ordering::Relaxed) || held == 0 || issued == 0 {
                let answers = ask(source, &["01", "A0007", "02"]);
                assert_eq!(answers[0], answers[2]);
                match answers[0].knowledge {
                    Knowledge::Issued => issued += 1,
                    _ => held += 1,
                }
                assert_eq!(answers[1].knowledge, Knowledge::Issued);
            }
            (held, issued)
        });
        let second = scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                source.reload(t0()).unwrap();
            }
        });
        for round in 0..100 {
            place.replace(&state((round % 2 == 0).then_some(on_hold.as_str())));
            // The other thread may have been first; then this one finds the file unchanged.
            source.reload(t0()).unwrap();
            let now = knows(source, "01");
            assert_eq!(now == Knowledge::Issued, round % 2 == 1);
        }
        // The reader has to see both states before it ends, so it is shown both until it has.
        done.store(true, Ordering::Relaxed);
        second.join().unwrap();
        while !reader.is_finished() {
            for column in [Some(on_hold.as_str()), None] {
                place.replace(&state(column));
                source.reload(t0()).unwrap();
            }
        }
        reader.join().unwrap()
    });
    assert!(seen.0 > 0 && seen.1 > 0);
}
