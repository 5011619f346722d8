//! The index changes under a running responder.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{GetForm, get_segment};
use certvouch_testkit::http::{Connection, get_request};

use crate::support::{Site, is_revoked, split_row, status_in};

// covers: FRESH-5
#[test]
fn revocation_in_the_index_is_in_the_next_answer() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let segment = get_segment(&site.question(&site.world.ee_good), GetForm::Strict);
    let request = get_request(address, &format!("/{segment}"));
    let mut connection = Connection::open(address);
    let mut ask = || {
        connection.send(&request).unwrap();
        connection.read_response(false).unwrap()
    };
    // It is in the cache now.
    assert_eq!(status_in(&ask()), CertStatus::Good);
    assert_eq!(ask().body, ask().body);
    let revoked_at = Instant::now();
    site.replace_index(&site.index_with_good_revoked());
    let mut asked = 0_u32;
    while !is_revoked(status_in(&ask())) {
        asked += 1;
        assert!(
            revoked_at.elapsed() < Duration::from_secs(60),
            "FRESH-5 gives a minute"
        );
    }
    let delay = revoked_at.elapsed();
    println!("from the rename to the first revoked answer: {delay:?}, {asked} answers before it");
    // It stays so.
    for _ in 0..100 {
        assert!(is_revoked(status_in(&ask())));
    }
}

#[test]
fn only_what_changed_is_signed_again() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let ask = |cert| certvouch_testkit::http::post(address, "/", &site.question(cert)).body;
    let hold = ask(&site.world.ee_hold);
    let good = ask(&site.world.ee_good);
    site.replace_index(&site.index_with_good_revoked());
    let _ = server.wait_for_stderr("the index was reloaded");
    assert_ne!(ask(&site.world.ee_good), good);
    assert_eq!(ask(&site.world.ee_hold), hold);
}

/// After this change of the file the old truth stands, and standard error names the file, the line and this.
fn assert_old_truth(change: impl FnOnce(&Site), line: &str, said: &[&str]) {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    assert!(is_revoked(site.status(address, &site.world.ee_rev)));
    change(&site);
    let told = server.wait_for_stderr("the index was not reloaded");
    assert!(told.contains(&format!("index.txt: {line}")), "{told}");
    for word in said {
        assert!(told.contains(word), "{word:?} in {told}");
    }
    assert!(
        told.contains("the rows read before stay in force"),
        "{told}"
    );
    assert!(is_revoked(site.status(address, &site.world.ee_rev)));
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    // A good file, which also revokes, ends it.
    site.replace_index(&site.index_with_good_revoked());
    let _ = server.wait_for_stderr("the index was reloaded");
    assert!(is_revoked(site.status(address, &site.world.ee_good)));
}

#[test]
fn index_cut_within_a_row_leaves_the_old_truth() {
    let cut = |site: &Site| {
        let index = site.world.index_txt();
        site.replace_index(&index[..index.len() - 7]);
    };
    assert_old_truth(cut, "line 5: ", &["it was cut"]);
}

// covers: T-1
#[test]
fn index_cut_at_a_row_boundary_leaves_the_old_truth() {
    let cut = |site: &Site| {
        let index = site.world.index_txt();
        site.replace_index(split_row(&index, "EE-rev").0);
    };
    assert_old_truth(cut, "line 2: ", &["3 of 5 rows lost", "index.txt.accept"]);
}

// covers: T-1
#[test]
fn empty_index_leaves_the_old_truth() {
    let empty = |site: &Site| site.replace_index("");
    assert_old_truth(
        empty,
        "line 1: ",
        &["the file has no rows", "index.txt.accept"],
    );
}

#[test]
fn index_that_is_no_file_leaves_the_old_truth() {
    let remove = |site: &Site| {
        std::fs::remove_file(&site.files.index).unwrap();
    };
    assert_old_truth(remove, "", &["cannot be read"]);
}

#[test]
fn unreadable_index_leaves_the_old_truth() {
    // The superuser may read anything, so that only a link that leads to itself is unreadable for everybody.
    let close = |site: &Site| {
        std::fs::remove_file(&site.files.index).unwrap();
        std::os::unix::fs::symlink("index.txt", &site.files.index).unwrap();
    };
    assert_old_truth(close, "", &["cannot be read"]);
    let forbid = |site: &Site| {
        let aside = site.path().join("aside");
        std::fs::write(&aside, "broken\n").unwrap();
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o000)).unwrap();
        std::fs::rename(&aside, &site.files.index).unwrap();
    };
    assert_old_truth(forbid, "", &[]);
}

// covers: T-1
#[test]
fn unrevoking_needs_a_word_in_a_flag_or_a_confirmation() {
    let site = Site::new();
    let index = site.world.index_txt();
    let (before, row, after) = split_row(&index, "EE-rev");
    let mut columns: Vec<&str> = row.split('\t').collect();
    (columns[0], columns[2]) = ("V", "");
    let unrevoked = format!("{before}{}{after}", columns.join("\t"));

    let (server, address) = site.serve(&[]);
    site.replace_index(&unrevoked);
    let told = server.wait_for_stderr("the index was not reloaded");
    assert!(told.contains("index.txt: line 3: "), "{told}");
    assert!(is_revoked(site.status(address, &site.world.ee_rev)));
    // The message says how to confirm; whoever follows it is heard.
    let digest = told
        .split(|c: char| !c.is_ascii_hexdigit())
        .find(|word| word.len() == 64);
    let digest = digest.unwrap_or_else(|| panic!("no digest in {told}"));
    std::fs::write(site.path().join("index.txt.accept"), format!("{digest}\n")).unwrap();
    let told = server.wait_for_stderr("the index was reloaded");
    assert!(told.contains("confirmed=true"), "{told}");
    assert_eq!(site.status(address, &site.world.ee_rev), CertStatus::Good);

    let site = Site::new();
    let (server, address) = site.serve(&["--allow-unrevoke"]);
    site.replace_index(&unrevoked);
    let _ = server.wait_for_stderr("the index was reloaded");
    assert_eq!(site.status(address, &site.world.ee_rev), CertStatus::Good);
}
