//! The end: what was begun is finished, nothing waits for ever, and the exit code says how it was.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::http::{Connection, post_request};

use crate::support::{Site, status_in};

// covers: E-11
#[test]
fn sigterm_finishes_what_was_begun_and_takes_no_more() {
    let site = Site::new();
    let (mut server, address) = site.serve(&[]);
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let (head, tail) = request.split_at(request.len() - 10);
    let mut begun = Connection::open(address);
    begun.send(head).unwrap();
    let mut kept = Connection::open(address);
    kept.send(&request).unwrap();
    assert_eq!(
        status_in(&kept.read_response(false).unwrap()),
        CertStatus::Good
    );
    server.ask_to_stop();
    let _ = server.wait_for_stderr("stopping");
    // An idle connection is closed, no new one is taken, and the half request may be completed.
    assert_eq!(kept.read_to_end().unwrap(), b"");
    while TcpStream::connect(address).is_ok() {}
    assert!(server.is_running());
    begun.send(tail).unwrap();
    let answer = begun.read_response(false).unwrap();
    assert_eq!(status_in(&answer), CertStatus::Good);
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(begun.read_to_end().unwrap(), b"");
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.stderr().contains("stopped"), "{}", server.stderr());
}

#[test]
fn drain_has_an_end() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--drain-timeout", "1s", "--header-timeout", "10m"]);
    let mut stuck = Connection::open(address);
    stuck.send(b"POST / HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    assert_eq!(server.terminate().code(), Some(0));
    assert!(
        server.stderr().contains("did not end in time"),
        "{}",
        server.stderr()
    );
}

#[test]
fn second_signal_ends_it_at_once() {
    let site = Site::new();
    let (mut server, address) = site.serve(&["--drain-timeout", "1h", "--header-timeout", "1h"]);
    let mut stuck = Connection::open(address);
    stuck.send(b"POST / HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    server.ask_to_stop();
    let _ = server.wait_for_stderr("finished first");
    assert_eq!(server.terminate().code(), Some(0));
    assert!(
        server.stderr().contains("second signal"),
        "{}",
        server.stderr()
    );
}

#[test]
fn sigterm_right_after_the_first_line_is_heard() {
    let site = Site::new();
    let (mut server, _) = site.serve(&[]);
    let status = server.terminate();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}
