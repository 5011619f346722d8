//! What the package brings fits the program: its configuration is read, and its unit allows what the program does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::peer;
use certvouch_testkit::process::{PATIENCE, Server};

use crate::admin::CONFIG;
use crate::support::{Site, run};

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packaging")
        .join(file)
}

/// The values of a key in the service's unit.
fn unit(key: &str) -> Vec<String> {
    let text = fs::read_to_string(packaging("systemd/certvouch.service")).unwrap();
    let prefix = format!("{key}=");
    text.lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .map(str::to_owned)
        .collect()
}

#[test]
fn configuration_of_the_package_lacks_an_issuer_and_nothing_else() {
    let site = Site::new();
    let text = fs::read_to_string(packaging("certvouch.toml")).unwrap();
    site.configure(&text);
    let check = ["config", "check", "certvouch.toml"];
    let refused = run(site.path(), &check);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(
        refused.err().contains("no issuer is configured"),
        "{}",
        refused.err()
    );
    // The issuer that it shows, with files of a site.
    let shown = text
        .split("\n#[[issuer]]")
        .nth(1)
        .unwrap()
        .replace("\n#", "\n");
    let shown = shown
        .replace("/etc/pki/ca/", "")
        .replace("device-ca-1.pem", "ca.pem");
    site.configure(&format!("{text}\n[[issuer]]{shown}"));
    let _ = run(site.path(), &check).expect_success("with an issuer");
}

#[test]
fn unit_is_as_closed_as_the_page_says() {
    let Some(analyze) = peer::require_or_skip("systemd-analyze") else {
        return;
    };
    let service = packaging("systemd/certvouch.service");
    let service = service.to_str().unwrap();
    let said = analyze
        .run(&["security", "--offline=true", "--no-pager", service])
        .expect_success("systemd-analyze security")
        .out();
    let figure = said.split("exposure level for certvouch.service: ").nth(1);
    let figure = figure.and_then(|rest| rest.split(' ').next()).unwrap();
    let page = fs::read_to_string(packaging("../docs/packaging.md")).unwrap();
    let claim = format!("`systemd-analyze security certvouch.service` says {figure} ");
    assert!(
        page.contains(&claim),
        "docs/packaging.md does not say {figure}"
    );
}

/// Every set of system calls by its name, sets inside of it included.
fn call_sets(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        match line.trim() {
            word if word.starts_with('@') && !line.starts_with(' ') => {
                word.clone_into(&mut current)
            }
            "" => {}
            word if word.starts_with('#') => {}
            word => drop(
                sets.entry(current.clone())
                    .or_default()
                    .insert(word.to_owned()),
            ),
        }
    }
    let names: Vec<String> = sets.keys().cloned().collect();
    // Sets name sets, a few deep.
    for _ in 0..8 {
        for name in &names {
            let inner: BTreeSet<String> = sets[name]
                .iter()
                .filter_map(|it| sets.get(it))
                .flatten()
                .cloned()
                .collect();
            sets.get_mut(name).unwrap().extend(inner);
        }
    }
    sets
}

/// What the filter of the unit leaves.
fn allowed(sets: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut allowed = sets["@default"].clone();
    for line in unit("SystemCallFilter") {
        let (takes, line) = match line.strip_prefix('~') {
            Some(rest) => (false, rest.to_owned()),
            None => (true, line),
        };
        for word in line.split(' ') {
            // A set, or a call by itself.
            let alone = BTreeSet::from([word.to_owned()]);
            for call in sets.get(word).unwrap_or(&alone) {
                if takes {
                    allowed.insert(call.clone());
                } else {
                    allowed.remove(call);
                }
            }
        }
    }
    allowed
}

/// The names of system calls in what `strace -f` wrote: `PID NAME(…`.
fn calls(trace: &str) -> BTreeSet<String> {
    trace
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(_, rest)| rest.trim_start().split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect()
}

/// From the start over answers and a reload to the end, nothing is done that the unit's filter would refuse.
#[test]
fn program_makes_no_system_call_that_its_unit_forbids() {
    let (Some(analyze), Some(strace)) = (
        peer::require_or_skip("systemd-analyze"),
        peer::require_or_skip("strace"),
    ) else {
        return;
    };
    let site = Site::new();
    site.configure(CONFIG);
    let state = site.path().join("state");
    let trace = site.path().join("trace");
    let mut command = Command::new(&strace.program);
    // -D: the program stays our child, and the tracer is its.
    command.args(["-D", "-f", "-qq", "-o"]).arg(&trace);
    command
        .arg(env!("CARGO_BIN_EXE_certvouch"))
        .args(["serve", "--config", "certvouch.toml"])
        .current_dir(site.path())
        .env("STATE_DIRECTORY", &state);
    let mut server = Server::start(&mut command);
    let address = server.listening_address();
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    server.hang_up();
    let _ = server.wait_for_stderr("the configuration was reloaded");
    site.replace_index(&site.index_with_good_revoked());
    while site.status(address, &site.world.ee_good) == CertStatus::Good {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let status = server.terminate();
    assert!(status.success(), "{status}");
    // The tracer writes the last words a moment after the program's end.
    let begun = std::time::Instant::now();
    let made = loop {
        let text = fs::read_to_string(&trace).unwrap();
        if text.contains("exit_group(") || begun.elapsed() > PATIENCE {
            break calls(&text);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let listed = analyze
        .run(&["syscall-filter", "--no-pager"])
        .expect_success("systemd-analyze syscall-filter")
        .out();
    let allowed = allowed(&call_sets(&listed));
    assert!(made.len() > 30 && made.contains("accept4"), "{made:?}");
    let forbidden: Vec<_> = made.difference(&allowed).collect();
    assert!(forbidden.is_empty(), "the unit forbids {forbidden:?}");
    // The filter does forbid.
    for call in ["chown", "mount", "ptrace", "setuid", "clock_settime"] {
        assert!(!allowed.contains(call), "{call}");
    }
}
