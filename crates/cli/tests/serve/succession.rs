//! A reload that names another source (threats T-1): what was revoked stays revoked, whatever the new place says.

use std::fs;
use std::time::{Duration, Instant};

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::process::PATIENCE;

use crate::admin::{CONFIG, Started};
use crate::support::{is_revoked, split_row};

struct Reloading {
    started: Started,
    token: String,
}

impl Reloading {
    fn new() -> Self {
        let started = Started::new();
        let token = started.token("deploy", "admin", &[]);
        Self { started, token }
    }

    /// Writes another index and reloads with it; gives the code and the words.
    fn with(&self, index: &str, further: &str) -> (u16, String) {
        let site = &self.started.site;
        fs::write(site.path().join("other.txt"), index).unwrap();
        let config = CONFIG.replace("index.txt", "other.txt");
        self.reload(&(config + further))
    }

    fn reload(&self, config: &str) -> (u16, String) {
        self.started.site.configure(config);
        let response = self.started.post("/v1/reload", &self.token);
        (response.status, String::from_utf8(response.body).unwrap())
    }

    fn is_revoked(&self) -> bool {
        let site = &self.started.site;
        is_revoked(site.status(self.started.public, &site.world.ee_rev))
    }
}

// covers: T-1
#[test]
fn other_index_that_unrevokes_or_forgets_is_refused_and_the_old_one_answers() {
    let reloading = Reloading::new();
    let world = &reloading.started.site.world;
    let index = world.index_txt();
    let (before, row, after) = split_row(&index, "EE-rev");
    let mut columns: Vec<&str> = row.split('\t').collect();
    columns[0] = "V";
    columns[2] = "";
    let valid = format!("{before}{}{after}", columns.join("\t"));
    let forgotten = format!("{before}{after}");
    let held = index.replace("keyCompromise", "certificateHold");
    for other in [&valid, &forgotten, &held] {
        let (code, words) = reloading.with(other, "");
        assert_eq!(code, 422, "{words}");
        assert!(
            words.contains("forgets or un-revokes 1 certificates"),
            "{words}"
        );
        assert!(words.contains("allow_unrevoke"), "{words}");
        assert!(reloading.is_revoked());
    }
    // Another name for the same CA is no way around.
    let renamed = CONFIG
        .replace("name = \"a\"", "name = \"b\"")
        .replace("index.txt", "other.txt");
    fs::write(reloading.started.site.path().join("other.txt"), &valid).unwrap();
    assert_eq!(reloading.reload(&renamed).0, 422);
    assert!(reloading.is_revoked());
    // The operator's word is one.
    let (code, words) = reloading.with(&valid, "allow_unrevoke = true\n");
    assert_eq!(code, 200, "{words}");
    assert!(!reloading.is_revoked());
}

// covers: T-1
#[test]
fn other_index_that_knows_all_and_more_takes_over() {
    let reloading = Reloading::new();
    let site = &reloading.started.site;
    let more = site.index_with_good_revoked() + "V\t491231235959Z\t\t77\tunknown\t/CN=new\n";
    let (code, words) = reloading.with(&more, "");
    assert_eq!(code, 200, "{words}");
    let status = |cert| site.status(reloading.started.public, cert);
    assert!(is_revoked(status(&site.world.ee_good)));
    assert!(reloading.is_revoked());
    // A hold may be released.
    let released = more.replace(
        split_row(&more, "EE-hold").1,
        &split_row(&more, "EE-hold")
            .1
            .split('\t')
            .enumerate()
            .map(|(at, column)| match at {
                0 => "V",
                2 => "",
                _ => column,
            })
            .collect::<Vec<_>>()
            .join("\t"),
    );
    let (code, words) = reloading.with(&released, "");
    assert_eq!(code, 200, "{words}");
    // The source is the same, so that its watch takes the file, a moment after it changed.
    let deadline = Instant::now() + PATIENCE;
    while status(&site.world.ee_hold) != CertStatus::Good {
        assert!(Instant::now() < deadline, "the hold stays");
        std::thread::sleep(Duration::from_millis(10));
    }
}
