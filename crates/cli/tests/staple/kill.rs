//! An agent that is killed at any moment: readers see whole staples or none, and the next one serves from disk. strace
//! shows that a delivery is told after fsync and rename.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer;
use certvouch_testkit::process::temp_dir;
use certvouch_testkit::reply::{Reply, Single};
use certvouch_testkit::staple::kill;

use crate::support::{Site, eventually};

/// A responder that gives a younger answer to every request.
fn restless(site: &Site) -> Misbehaving {
    let world = site.world.clone();
    let count = std::sync::atomic::AtomicI64::new(0);
    Misbehaving::start(move |_| {
        let age = 100_000 - count.fetch_add(1, Ordering::SeqCst);
        let single = Single::about(&world.ca_a, &world.ee_good.serial, world.now)
            .this_update(world.now - age)
            .next_update(world.now + 86_400);
        Act::Ocsp(
            Reply::delegated(&world.d_a, world.now)
                .single(&single)
                .build(),
        )
    })
}

/// How often the agent is killed.
fn kills() -> u32 {
    let told = std::env::var("CERTVOUCH_STAPLE_KILLS").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(20)
}

// covers: T-31
#[test]
fn reader_of_a_killed_agent_sees_whole_staples_and_the_next_agent_serves_from_disk() {
    let folder = temp_dir();
    let program = Path::new(env!("CARGO_BIN_EXE_certvouch"));
    let killed = kill(program, folder.path(), kills(), 1, |_| ());
    println!("{killed}");
    assert_eq!(killed.faults, [""; 0]);
    assert_eq!(killed.reads.len(), 7, "every place was read: {killed}");
    assert!(killed.restarts > 0, "{killed}");
    // One kill in four hits a write; of twenty it may be none.
    assert!(killed.writing > 0 || kills() < 200, "{killed}");
}

/// What a trace says about each written file: the order of its calls, and that no file of others is opened.
// covers: T-31
#[test]
fn delivery_is_told_after_fsync_and_rename() {
    let Some(site) = Site::new() else {
        return;
    };
    let Some(strace) = peer::require_or_skip("strace") else {
        return;
    };
    let responder = restless(&site);
    site.configure(
        responder.address(),
        "",
        "{ kind = \"file\", file = \"a.der\" }",
    );
    let trace = site.path().join("trace");
    let mut command = Command::new(&strace.program);
    command
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,openat,rename,renameat,renameat2,write",
            "-s",
            "200",
            "-o",
        ])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_certvouch"))
        .args(["staple", "once"])
        .current_dir(site.path())
        .env_remove("CERTVOUCH_LOG");
    let outcome = peer::run(&mut command, b"", peer::PATIENCE);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let text = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let aside = |line: &&&str| line.contains("openat(") && line.contains("/.certvouch-");
    assert!(lines.iter().filter(aside).count() >= 2, "{text}");
    for line in lines.iter().filter(aside) {
        assert!(line.contains("O_CREAT|O_EXCL"), "{line}");
    }
    let root = site.path().canonicalize().unwrap();
    for target in [root.join("state"), root.clone()] {
        let ending = if target == root { "a.der\"" } else { ".ocsp\"" };
        let renamed = lines
            .iter()
            .position(|line| line.contains("rename") && line.contains(ending));
        let renamed = renamed.unwrap_or_else(|| panic!("no rename to {ending}: {text}"));
        let folder = target.display();
        let synced = lines[..renamed]
            .iter()
            .any(|line| line.contains("fsync(") && line.contains(&format!("{folder}/.certvouch-")));
        assert!(synced, "no fsync of the file before {}", lines[renamed]);
        let folder_synced = lines[renamed..]
            .iter()
            .position(|line| line.contains("fsync(") && line.contains(&format!("<{folder}>")));
        let folder_synced = folder_synced.unwrap_or_else(|| panic!("no fsync of {folder}"));
        let told = lines
            .iter()
            .position(|line| line.contains("write(") && line.contains(" delivered"));
        let told = told.unwrap_or_else(|| panic!("nothing is told: {text}"));
        assert!(
            renamed + folder_synced < told,
            "told before it was on the disk"
        );
    }
    eventually("the report", || site.report().is_some());
}
