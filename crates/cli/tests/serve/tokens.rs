//! Ten thousand wrong tokens at the admin port, while the public port is asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::http::{Connection, post_request};

use crate::admin::Started;
use crate::support::status_in;

/// The median time of answers of the public port, while `goes_on`, but of fifty at least. Every one must be good.
fn median(started: &Started, goes_on: impl Fn() -> bool) -> Duration {
    let question = started.site.question(&started.site.world.ee_good);
    let request = post_request(started.public, "/", &question);
    let mut connection = Connection::open(started.public);
    let mut times = Vec::new();
    while goes_on() || times.len() < 50 {
        let begun = Instant::now();
        connection.send(&request).unwrap();
        let response = connection.read_response(false).unwrap();
        times.push(begun.elapsed());
        assert_eq!(status_in(&response), CertStatus::Good);
        // A connection bears a limited number of requests.
        if times.len() % 5000 == 0 {
            connection = Connection::open(started.public);
        }
    }
    times.sort_unstable();
    times[times.len() / 2]
}

// covers: T-33
#[test]
fn ten_thousand_wrong_tokens_slow_nothing_down_and_fill_no_log() {
    let started = Started::new();
    let token = started.token("deploy", "admin", &[]);
    let quiet = median(&started, || false);
    let lines = || started.server.stderr().lines().count();
    let lines_before = lines();
    let over = AtomicBool::new(false);
    let loud = std::thread::scope(|scope| {
        let guessing: [_; 4] = std::array::from_fn(|guesser| {
            let admin = started.admin;
            scope.spawn(move || {
                let mut connection = Connection::open(admin);
                for guess in 0..2500 {
                    let request = format!(
                        "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer cvt_{guesser}{guess:042}\r\n\
                         Content-Length: 0\r\n\r\n"
                    );
                    connection.send(request.as_bytes()).unwrap();
                    assert_eq!(connection.read_response(false).unwrap().status, 401);
                }
            })
        });
        let over = &over;
        scope.spawn(move || {
            for guesser in guessing {
                guesser.join().unwrap();
            }
            over.store(true, Ordering::Relaxed);
        });
        median(&started, || !over.load(Ordering::Relaxed))
    });
    let ratio = loud.as_secs_f64() / quiet.as_secs_f64();
    println!("median of the public port beside the flood: {ratio:.2} of the quiet one ({quiet:?})");
    // Nobody fills a disk with guesses.
    let written = lines() - lines_before;
    assert!(written < 100, "{written} lines");
    // Nor is a right token locked out, and nothing was reloaded.
    assert_eq!(started.post("/v1/reload", &token).status, 200);
    let told = started
        .server
        .wait_for_stderr("the configuration was reloaded");
    assert_eq!(told.matches("the configuration was reloaded").count(), 1);
}
