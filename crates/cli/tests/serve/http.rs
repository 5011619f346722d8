//! HTTP as a process speaks it: the rows of requirements §17.1, and what browsers, old and hasty clients send.

use std::time::Duration;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{GetForm, get_segment};
use certvouch_testkit::http::{Connection, get, get_request, once, post, post_request};

use crate::support::{Site, is_revoked, status_in};

/// `30 03 0A 01 n`.
fn error_body(code: u8) -> Vec<u8> {
    vec![0x30, 3, 0x0A, 1, code]
}

// Over plain HTTP, and without a word about who asks.
// covers: R9919-6-1, ETSI1-CSS-6.3.10-10, TGPP-7.1-3
#[test]
fn get_and_post_give_the_same_signed_octets() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let question = site.question(&site.world.ee_good);
    let posted = post(address, "/", &question);
    let got = get(
        address,
        &format!("/{}", get_segment(&question, GetForm::Strict)),
    );
    assert_eq!(status_in(&posted), CertStatus::Good);
    assert_eq!(posted.body, got.body);
    assert_eq!(
        got.header("content-type"),
        Some("application/ocsp-response")
    );
    assert_eq!(got.count("date"), 1);
}

#[test]
fn browser_hit_gets_a_page_and_the_responder_lives() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let browser = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Mozilla/5.0\r\n\
         Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Encoding: gzip\r\n\r\n\
         GET /favicon.ico HTTP/1.1\r\nHost: {address}\r\nAccept: image/avif,*/*\r\n\r\n"
    );
    let mut connection = Connection::open(address);
    connection.send(browser.as_bytes()).unwrap();
    let page = connection.read_response(false).unwrap();
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(String::from_utf8_lossy(&page.body).contains("OCSP responder"));
    let icon = connection.read_response(false).unwrap();
    assert_eq!((icon.status, icon.body), (200, error_body(1)));
    // The same connection still answers.
    let question = site.question(&site.world.ee_rev);
    connection
        .send(&post_request(address, "/", &question))
        .unwrap();
    assert!(is_revoked(status_in(
        &connection.read_response(false).unwrap()
    )));
}

#[test]
fn doubled_slash_of_windows_clients_is_understood() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let question = site.question(&site.world.ee_good);
    for form in GetForm::ALL {
        let target = format!("//{}", get_segment(&question, form));
        assert_eq!(
            status_in(&get(address, &target)),
            CertStatus::Good,
            "{target}"
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let (good, revoked) = (
        site.question(&site.world.ee_good),
        site.question(&site.world.ee_rev),
    );
    let one = post_request(address, "/", &good);
    let two = get_request(
        address,
        &format!("/{}", get_segment(&revoked, GetForm::Strict)),
    );
    let mut connection = Connection::open(address);
    connection
        .send(&[&one[..], &two, &one, &two].concat())
        .unwrap();
    for expect_revoked in [false, true, false, true] {
        let response = connection.read_response(false).unwrap();
        assert_eq!(is_revoked(status_in(&response)), expect_revoked);
    }
}

#[test]
fn http_1_0_is_answered_and_closed_unless_it_asks_to_keep() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let segment = get_segment(&site.question(&site.world.ee_good), GetForm::Strict);
    let mut connection = Connection::open(address);
    connection
        .send(format!("GET /{segment} HTTP/1.0\r\n\r\n").as_bytes())
        .unwrap();
    assert_eq!(
        status_in(&connection.read_response(false).unwrap()),
        CertStatus::Good
    );
    assert_eq!(connection.read_to_end().unwrap(), b"");
    let kept = format!("GET /{segment} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let mut connection = Connection::open(address);
    for _ in 0..2 {
        connection.send(kept.as_bytes()).unwrap();
        let response = connection.read_response(false).unwrap();
        assert_eq!(response.header("connection"), Some("keep-alive"));
    }
}

// covers: E-8
#[test]
fn missing_host_is_accepted_and_broken_framing_is_not() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let segment = get_segment(&site.question(&site.world.ee_good), GetForm::Strict);
    let hostless = once(
        address,
        format!("GET /{segment} HTTP/1.1\r\n\r\n").as_bytes(),
    );
    assert_eq!(status_in(&hostless), CertStatus::Good);
    for broken in [
        "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "\r\n\r\nGARBAGE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        let mut connection = Connection::open(address);
        connection.send(broken.as_bytes()).unwrap();
        let response = connection.read_response(false).unwrap();
        assert_eq!(
            (response.status, response.body.len()),
            (400, 0),
            "{broken:?}"
        );
        assert_eq!(connection.read_to_end().unwrap(), b"", "{broken:?}");
    }
}

// covers: E-12
#[test]
fn head_has_the_header_of_get_and_no_body() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let segment = get_segment(&site.question(&site.world.ee_good), GetForm::Strict);
    let got = get(address, &format!("/{segment}"));
    let mut connection = Connection::open(address);
    connection
        .send(format!("HEAD /{segment} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .unwrap();
    let head = connection.read_response(true).unwrap();
    assert_eq!(head.status, 200);
    for field in [
        "content-type",
        "content-length",
        "etag",
        "last-modified",
        "expires",
    ] {
        assert_eq!(head.header(field), got.header(field), "{field}");
    }
    // Nothing of a body is in the way of the next answer.
    connection
        .send(&get_request(address, &format!("/{segment}")))
        .unwrap();
    assert_eq!(connection.read_response(false).unwrap().body, got.body);
}

// covers: E-13
#[test]
fn matching_etag_gets_304_without_body() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let segment = get_segment(&site.question(&site.world.ee_good), GetForm::Strict);
    let first = get(address, &format!("/{segment}"));
    let etag = first.header("etag").unwrap();
    let request =
        format!("GET /{segment} HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"x\", {etag}\r\n\r\n");
    let mut connection = Connection::open(address);
    connection
        .send(&[request.as_bytes(), request.as_bytes()].concat())
        .unwrap();
    for _ in 0..2 {
        let response = connection.read_response(false).unwrap();
        assert_eq!(response.status, 304);
        for field in ["date", "etag", "cache-control", "expires"] {
            assert_eq!(response.count(field), 1, "{field}");
        }
    }
}

// covers: E-1, E-2, E-3, E-5, E-6
#[test]
fn requests_that_are_no_ocsp_get_their_http_codes() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--path", "/ocsp"]);
    let long = format!("GET /ocsp/{} HTTP/1.1\r\nHost: x\r\n\r\n", "A".repeat(8200));
    for (request, status, field) in [
        (
            "DELETE /ocsp HTTP/1.1\r\nHost: x\r\n\r\n",
            405,
            Some(("allow", "GET, HEAD, POST")),
        ),
        ("BREW /ocsp HTTP/1.1\r\nHost: x\r\n\r\n", 501, None),
        (
            "GET /other HTTP/1.1\r\nHost: x\r\n\r\n",
            404,
            Some(("cache-control", "no-store")),
        ),
        (&long, 414, Some(("cache-control", "no-store"))),
        (
            "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            415,
            Some(("accept-encoding", "identity")),
        ),
    ] {
        let response = once(address, request.as_bytes());
        assert_eq!(
            (response.status, response.body.len()),
            (status, 0),
            "{request:.40}"
        );
        if let Some((name, value)) = field {
            assert_eq!(response.header(name), Some(value), "{request:.40}");
        }
    }
    assert_eq!(
        status_in(&post(address, "/ocsp", &site.question(&site.world.ee_good))),
        CertStatus::Good
    );
}

// covers: E-4, E-7
#[test]
fn body_over_the_limit_gets_413_and_the_connection_closes() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--max-body", "1KiB"]);
    let announced = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n".to_vec();
    let chunked =
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3000\r\n".to_vec();
    for head in [announced, chunked] {
        let mut connection = Connection::open(address);
        connection
            .send(&[&head[..], &[b'x'; 0x3000]].concat())
            .unwrap();
        let response = connection.read_response(false).unwrap();
        assert_eq!((response.status, response.body.len()), (413, 0));
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(connection.read_to_end().unwrap(), b"");
    }
    let fitting = once(
        address,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd",
    );
    assert_eq!((fitting.status, fitting.body), (200, error_body(1)));
}

/// A client that is still sending must not meet a reset, which could overtake the answer on its way.
#[test]
fn answer_before_the_end_of_the_body_lets_the_client_finish() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--max-body", "1KiB"]);
    let mut connection = Connection::open(address);
    let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n";
    connection
        .send(&[&head[..], &[b'x'; 200_000]].concat())
        .unwrap();
    assert_eq!(connection.read_response(false).unwrap().status, 413);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(50));
        connection
            .send(&[b'x'; 50_000])
            .expect("the other side still takes it");
    }
    connection.finish_sending().unwrap();
    assert_eq!(connection.read_to_end().unwrap(), b"");
}

// covers: E-9
#[test]
fn body_that_does_not_come_gets_408_and_the_connection_closes() {
    let site = Site::new();
    let (_server, address) = site.serve(&["--body-timeout", "1s"]);
    let mut connection = Connection::open(address);
    connection
        .send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        .unwrap();
    let response = connection.read_response(false).unwrap();
    assert_eq!((response.status, response.body.len()), (408, 0));
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(connection.read_to_end().unwrap(), b"");
}

#[test]
fn header_over_the_limit_gets_431() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(300_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    for request in [large, many] {
        let mut connection = Connection::open(address);
        connection.send(request.as_bytes()).unwrap();
        let response = connection.read_response(false).unwrap();
        assert_eq!((response.status, response.body.len()), (431, 0));
    }
}

#[test]
fn client_that_waits_for_100_continue_is_asked_to_go_on() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let question = site.question(&site.world.ee_good);
    let mut connection = Connection::open(address);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        question.len()
    );
    connection.send(head.as_bytes()).unwrap();
    assert_eq!(connection.read_response(false).unwrap().status, 100);
    connection.send(&question).unwrap();
    assert_eq!(
        status_in(&connection.read_response(false).unwrap()),
        CertStatus::Good
    );
}

#[test]
fn client_that_says_it_sends_no_more_still_gets_its_answer() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let mut connection = Connection::open(address);
    connection
        .send(&post_request(
            address,
            "/",
            &site.question(&site.world.ee_good),
        ))
        .unwrap();
    connection.finish_sending().unwrap();
    assert_eq!(
        status_in(&connection.read_response(false).unwrap()),
        CertStatus::Good
    );
    assert_eq!(connection.read_to_end().unwrap(), b"");
}

#[test]
fn request_in_single_octets_is_answered() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    let mut connection = Connection::open(address);
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    connection
        .send_slowly(&request, 1, Duration::from_micros(200))
        .unwrap();
    assert_eq!(
        status_in(&connection.read_response(false).unwrap()),
        CertStatus::Good
    );
}

// covers: E-14
#[test]
fn malformed_targets_are_ocsp_errors_with_status_200() {
    let site = Site::new();
    let (_server, address) = site.serve(&[]);
    for target in ["/", "/%G1", "/MA%", "/!!", "/MAAAA"] {
        let response = get(address, target);
        assert_eq!(
            (response.status, response.body),
            (200, error_body(1)),
            "{target}"
        );
        assert_eq!(
            response
                .headers
                .iter()
                .filter(|(n, v)| n == "cache-control" && v == "no-store")
                .count(),
            1
        );
    }
    let empty = post(address, "/", b"");
    assert_eq!((empty.status, empty.body), (200, error_body(1)));
}
