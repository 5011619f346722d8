//! Clients that hold on, give up, drag or crowd: none of them costs the others anything.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::http::{Connection, post_request};

use crate::support::{Site, status_in};

#[test]
fn idle_connections_and_those_that_come_and_go_hold_nobody_up() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--threads", "1"]);
    let idle: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for _ in 0..200 {
        drop(TcpStream::connect(address).unwrap());
    }
    let mut half: Vec<Connection> = (0..20).map(|_| Connection::open(address)).collect();
    for connection in &mut half {
        connection
            .send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le")
            .unwrap();
    }
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    drop((idle, half));
}

// covers: T-40
#[test]
fn idle_connection_is_closed_after_its_time_and_an_active_one_is_not() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--idle-timeout", "1s", "--header-timeout", "20s"]);
    let mut silent = Connection::open(address);
    let mut used = Connection::open(address);
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    used.send(&request).unwrap();
    assert_eq!(
        status_in(&used.read_response(false).unwrap()),
        CertStatus::Good
    );
    // A header that has begun has its own, longer time.
    let mut begun = Connection::open(address);
    begun.send(&request[..20]).unwrap();
    assert_eq!(silent.read_to_end().unwrap(), b"");
    assert_eq!(used.read_to_end().unwrap(), b"");
    begun.send(&request[20..]).unwrap();
    assert_eq!(
        status_in(&begun.read_response(false).unwrap()),
        CertStatus::Good
    );
}

// covers: T-40
#[test]
fn header_that_drips_is_cut_off_while_idle_time_is_long() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--idle-timeout", "10m", "--header-timeout", "1s"]);
    let mut slow = Connection::open(address);
    slow.send(b"GET / HTTP/1.1\r\n").unwrap();
    // Octets that keep coming do not prolong it: sooner or later the other side is gone.
    let patience = Instant::now() + Duration::from_secs(20);
    while slow.send(b"X").is_ok() {
        assert!(Instant::now() < patience, "the header may drip for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    // On a connection that was used, too.
    let mut used = Connection::open(address);
    used.send(&post_request(
        address,
        "/",
        &site.question(&site.world.ee_good),
    ))
    .unwrap();
    assert_eq!(
        status_in(&used.read_response(false).unwrap()),
        CertStatus::Good
    );
    used.send(b"GET / HT").unwrap();
    assert_eq!(used.read_to_end().unwrap(), b"");
}

// covers: T-40
#[test]
fn client_that_does_not_read_its_answers_is_cut_off() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--write-timeout", "1s", "--idle-timeout", "10m"]);
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let many = request.repeat(200);
    let mut stalled = Connection::open(address);
    // Full buffers on both sides first, then the cut: writing fails in the end.
    let patience = Instant::now() + Duration::from_secs(60);
    while stalled.send(&many).is_ok() {
        assert!(Instant::now() < patience, "it is served for ever");
    }
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
}

// covers: E-11
#[test]
fn connection_over_the_limit_is_told_to_come_back() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--max-connections", "2", "--threads", "1"]);
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let mut first = Connection::open(address);
    let mut second = Connection::open(address);
    for connection in [&mut first, &mut second] {
        connection.send(&request).unwrap();
        assert_eq!(
            status_in(&connection.read_response(false).unwrap()),
            CertStatus::Good
        );
    }
    let mut third = Connection::open(address);
    third.send(&request).unwrap();
    let refused = third.read_response(false).unwrap();
    assert_eq!((refused.status, refused.body.len()), (503, 0));
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    assert_eq!(third.read_to_end().unwrap(), b"");
    drop(first);
    // Its place is free as soon as the server has seen the end.
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let mut next = Connection::open(address);
        next.send(&request).unwrap();
        if next
            .read_response(false)
            .is_ok_and(|response| response.status == 200)
        {
            break;
        }
        assert!(Instant::now() < patience, "the place stays taken");
    }
}
