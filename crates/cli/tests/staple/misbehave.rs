//! Responders that do everything wrong, in front of the agent as a process: the old staple stays until its end, then none.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use certvouch_testkit::clock::real_now;
use certvouch_testkit::misbehave::{Act, Misbehaving, table};
use certvouch_testkit::process::temp_dir;
use certvouch_testkit::reply::{Reply, Single};
use certvouch_testkit::staple::{Times, endure};

use crate::servers::{nginx, nginx_delivery};
use crate::support::{Site, Wire, sleep_until};

/// Requests of one attempt at most: two forms, and the redirects of a loop.
const OF_ONE: u64 = 16;

// covers: STAPLE-2, STAPLE-3
#[test]
fn every_misbehaviour_is_endured_until_the_end_of_the_staple_and_asked_about_no_more_than_allowed()
{
    let folder = temp_dir();
    let program = Path::new(env!("CARGO_BIN_EXE_certvouch"));
    let times = Times {
        with: Duration::from_secs(5),
        without: Duration::from_secs(2),
    };
    let endured = endure(program, folder.path(), times);
    println!("{endured}");
    assert_eq!(endured.faults(), [""; 0]);
    assert!(endured.rows.len() > 20);
    for row in &endured.rows {
        let name = &row.name;
        assert!(row.attempts > 0, "{name}: nobody was asked");
        // At least a second lies between two attempts, whatever happens; this says that it does not spin.
        assert!(row.attempts <= row.time.as_secs() + 3, "{row:?}");
        let requests = u64::try_from(row.requests).unwrap();
        assert!(requests <= (row.attempts + 1) * OF_ONE, "{row:?}");
    }
}

// covers: STAPLE-3
#[test]
fn nginx_staples_the_old_one_until_its_end_while_the_responder_misbehaves() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let end = real_now() + 14;
    let single = Single::about(&site.world.ca_a, &site.world.ee_good.serial, site.world.now)
        .next_update(end);
    let answer = Reply::delegated(&site.world.d_a, site.world.now)
        .single(&single)
        .build();
    // At first the right answer, then everything wrong, one after the other.
    let wrong = table(&site.world);
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let responder = Misbehaving::start(move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let behaviour = &wrong[*count % wrong.len()];
        // What is right in the table lasts longer than the test.
        let right = ["good", "wrong nonce", "no nonce"].contains(&behaviour.name);
        if *count == 1 || right {
            return Act::Ocsp(answer.clone());
        }
        (behaviour.handler)(request)
    });
    let _server = nginx(&site, &program);
    site.configure(
        responder.address(),
        "",
        &nginx_delivery(&site, ", margin = \"2s\""),
    );
    let mut agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    sleep_until(real_now() + 2);
    agent.hang_up();
    while real_now() < end - 2 {
        let wire = site.look();
        assert!(wire.is("good") || real_now() >= end - 2, "{wire:?}");
    }
    sleep_until(end);
    assert_eq!(site.look(), Wire::None);
    assert!(*asked.lock().unwrap() > 1, "nothing wrong was said");
    assert_eq!(agent.terminate().code(), Some(0));
}
