//! HTTP codes other than 200, which say that no OCSP message was received (requirements §17.1), what a POST may be
//! labelled as, and the page for browsers.

mod support;

use certvouch_responder::http::{Endpoint, HttpLimits};
use certvouch_testkit::ask::{GetForm, get_segment, q1};
use support::{Fixture, Reaction, Service, err, reaction, t0};

const NOW: &str = "Sat, 10 Jan 2026 00:00:00 GMT";

/// Empty, dated, stored by nobody.
fn assert_plain(reaction: &Reaction, status: u16) {
    assert_eq!(reaction.status, status);
    assert!(reaction.body.is_empty(), "{status}");
    assert_eq!(reaction.header("content-length"), Some("0"), "{status}");
    assert_eq!(
        reaction.header("cache-control"),
        Some("no-store"),
        "{status}"
    );
    assert_eq!(reaction.header("date"), Some(NOW), "{status}");
    for name in ["content-type", "etag", "last-modified", "expires", "pragma"] {
        assert_eq!(reaction.header(name), None, "{status} {name}");
    }
}

/// A question about EE-good.
fn question(fixture: &Fixture) -> Vec<u8> {
    q1(&fixture.world.ca_a, &fixture.world.ee_good.serial)
}

// covers: E-8
#[test]
fn framing_that_two_readers_may_read_in_two_ways_is_refused_and_closes() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = question(&fixture);
    let ambiguous: [&[(&str, &str)]; 4] = [
        &[("host", "a"), ("host", "b")],
        &[("content-length", "5"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "gzip, chunked")],
        &[
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ],
    ];
    for headers in ambiguous {
        let reaction = service.call("POST", "/", headers, &request);
        assert_plain(&reaction, 400);
        assert_eq!(reaction.header("connection"), Some("close"));
    }
    let chunked = service.call("POST", "/", &[("transfer-encoding", "Chunked")], &request);
    assert_eq!(chunked.status, 200);
}

// covers: E-1, E-2, R9110-9.1-2, R9110-15.5.6-1, R9110-15.1-1, R9110-6.6.1-1
#[test]
fn method_that_is_not_get_head_or_post_is_refused() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = question(&fixture);
    let target = format!("/{}", get_segment(&request, GetForm::Strict));
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"] {
        for target in ["/", &target] {
            let reaction = service.call(method, target, &[], &request);
            assert_plain(&reaction, 405);
            assert_eq!(
                reaction.header("allow"),
                Some("GET, HEAD, POST"),
                "{method}"
            );
        }
    }
    // The two methods whose targets have a form of their own.
    for (method, target) in [("OPTIONS", "*"), ("CONNECT", "ocsp.example:80")] {
        let reaction = service.call(method, target, &[], &[]);
        assert_plain(&reaction, 405);
        assert_eq!(
            reaction.header("allow"),
            Some("GET, HEAD, POST"),
            "{method}"
        );
    }
    for method in ["BREW", "get", "GETS", "PROPFIND", "M-SEARCH"] {
        for target in ["/", &target, "/elsewhere", "*"] {
            let reaction = service.call(method, target, &[], &request);
            assert_plain(&reaction, 501);
            assert_eq!(reaction.header("allow"), None, "{method}");
        }
    }
    assert_eq!(fixture.source.lookups(), 0);
}

// covers: E-3, R9110-15.1-1, R9110-6.6.1-1
#[test]
fn path_outside_every_prefix_is_not_found() {
    let fixture = Fixture::new();
    let service = fixture.service().below(&["/ocsp", "/pki/ocsp"]);
    let request = question(&fixture);
    for target in [
        "/",
        "/index.html",
        "/ocspd",
        "/pki",
        "/pki/ocs",
        "/metrics?x",
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS"] {
            assert_plain(&service.call(method, target, &[], &request), 404);
        }
    }
    // `*` is a target for OPTIONS alone (RFC 9112 3.2.4).
    for method in ["GET", "HEAD", "POST"] {
        assert_plain(&service.call(method, "*", &[], &request), 404);
    }
    let options = service.call("OPTIONS", "*", &[], &[]);
    assert_plain(&options, 405);
}

// covers: E-4, R9110-15.5.14-1
#[test]
fn body_over_the_limit_is_too_large_and_closes_the_connection() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let limit = 64 * 1024;
    let large = |reaction: Reaction| {
        assert_plain(&reaction, 413);
        assert_eq!(reaction.header("connection"), Some("close"));
    };
    // Announced: refused before a single octet of it is read.
    for length in [limit + 1, usize::MAX] {
        let length = length.to_string();
        large(service.call("POST", "/", &[("content-length", &length)], &[]));
    }
    // Not announced: refused once it is there.
    large(service.post(&vec![0x30; limit + 1]));

    // At the limit it is read, and is no request.
    let octets = vec![0x30; limit];
    let length = limit.to_string();
    let reaction = service.call("POST", "/", &[("content-length", &length)], &octets);
    assert_eq!(reaction.status, 200);
    assert_eq!(reaction.body[..], err(1));
    // A GET has no body that anybody reads.
    let strict = get_segment(&question(&fixture), GetForm::Strict);
    let length = (limit + 1).to_string();
    let reaction = service.call(
        "GET",
        &format!("/{strict}"),
        &[("content-length", &length)],
        &[],
    );
    fixture.verified(&reaction.body);
}

// covers: E-4, E-5
#[test]
fn limits_of_the_configuration_hold() {
    let fixture = Fixture::new();
    let request = question(&fixture);
    let strict = get_segment(&request, GetForm::Strict);
    let with = |max_body, max_target| {
        let mut limits = HttpLimits::default();
        limits.max_body = max_body;
        limits.max_target = max_target;
        let mut service: Service = fixture.service();
        service.endpoint = Endpoint::new(&[], limits);
        service
    };
    let target = format!("/{strict}");
    let exact = with(request.len(), target.len());
    fixture.verified(&exact.post(&request).body);
    fixture.verified(&exact.get(&target).body);
    let small = with(request.len() - 1, target.len() - 1);
    assert_plain(&small.post(&request), 413);
    assert_plain(&small.get(&target), 414);
}

// covers: E-5, R9110-15.5.14-1, R9110-15.1-1
#[test]
fn target_over_the_limit_is_too_long() {
    let fixture = Fixture::new();
    let service = fixture.service();
    for method in ["GET", "HEAD", "POST", "PUT"] {
        let target = format!("/{}", "A".repeat(8 * 1024));
        assert_plain(&service.call(method, &target, &[], &[]), 414);
    }
    let target = format!("/{}", "A".repeat(8 * 1024 - 1));
    let reaction = service.get(&target);
    assert_eq!(
        (reaction.status.as_u16(), &reaction.body[..]),
        (200, &err(1)[..])
    );
}

// covers: E-6, R9110-15.5.14-1
#[test]
fn body_in_a_content_coding_is_an_unsupported_media_type() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = question(&fixture);
    let codings: [&[(&str, &str)]; 5] = [
        &[("content-encoding", "gzip")],
        &[("content-encoding", "br")],
        &[("content-encoding", "identity, gzip")],
        &[
            ("content-encoding", "identity"),
            ("content-encoding", "deflate"),
        ],
        &[("content-encoding", "base64")],
    ];
    for headers in codings {
        let reaction = service.call("POST", "/", headers, &request);
        assert_plain(&reaction, 415);
        assert_eq!(reaction.header("accept-encoding"), Some("identity"));
    }
    assert_eq!(fixture.source.lookups(), 0);
    for coding in ["identity", "Identity"] {
        let reaction = service.call("POST", "/", &[("content-encoding", coding)], &request);
        fixture.verified(&reaction.body);
    }
}

// covers: E-7, R6960-A.1-3
#[test]
fn content_type_of_a_post_is_not_looked_at() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = question(&fixture);
    let expected = service.post(&request).body;
    fixture.verified(&expected);
    let types: [&[(&str, &str)]; 7] = [
        &[],
        &[("content-type", "application/ocsp-request")],
        &[("content-type", "Application/OCSP-Request; charset=binary")],
        &[("content-type", "application/octet-stream")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "text/html")],
        &[("content-type", "")],
    ];
    for headers in types {
        let reaction = service.call("POST", "/", headers, &request);
        assert_eq!(reaction.body, expected, "{headers:?}");
        let garbage = service.call("POST", "/", headers, b"ocsp=1");
        assert_eq!(garbage.status, 200, "{headers:?}");
        assert_eq!(garbage.body[..], err(1), "{headers:?}");
    }
}

// covers: E-9, E-11
#[test]
fn late_bodies_and_a_draining_process_get_a_code_and_close() {
    let service = Fixture::new().service();
    let late = reaction(service.endpoint.body_timeout(t0()), None);
    assert_plain(&late, 408);
    assert_eq!(late.header("connection"), Some("close"));
    let draining = reaction(service.endpoint.unavailable(30, t0()), None);
    assert_plain(&draining, 503);
    assert_eq!(draining.header("connection"), Some("close"));
    assert_eq!(draining.header("retry-after"), Some("30"));
}

// covers: E-14
#[test]
fn root_is_a_page_for_browsers_and_an_empty_request_for_all_others() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let browser = [(
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    )];
    let page = service.call("GET", "/", &browser, &[]);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(
        page.header("content-security-policy"),
        Some("default-src 'none'")
    );
    assert_eq!(page.header("date"), Some(NOW));
    let length = page.body.len().to_string();
    assert_eq!(page.header("content-length"), Some(&length[..]));
    let text = std::str::from_utf8(&page.body).expect("UTF-8");
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("OCSP responder"));
    // The configuration is nobody's business.
    assert!(!text.contains("ca-a") && !text.contains("CA-A"));

    let head = service.call("HEAD", "/", &browser, &[]);
    assert_eq!((&head.headers, head.body.len()), (&page.headers, 0));

    let others: [&[(&str, &str)]; 4] = [
        &[],
        &[("accept", "*/*")],
        &[("accept", "application/ocsp-response")],
        &[("accept", "text/plain")],
    ];
    for headers in others {
        let reaction = service.call("GET", "/", headers, &[]);
        assert_eq!(
            reaction.header("content-type"),
            Some("application/ocsp-response")
        );
        assert_eq!(reaction.body[..], err(1), "{headers:?}");
    }
}

// covers: R9919-6-1
#[test]
fn browser_header_changes_nothing_where_a_request_stands() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let request = question(&fixture);
    let strict = get_segment(&request, GetForm::Strict);
    let browser = [("accept", "text/html")];
    let reaction = service.call("GET", &format!("/{strict}"), &browser, &[]);
    fixture.verified(&reaction.body);
    let reaction = service.call("POST", "/", &browser, &request);
    fixture.verified(&reaction.body);
    let reaction = service.call("GET", "/index.html", &browser, &[]);
    assert_eq!(reaction.body[..], err(1));
    // Below a prefix the page is there and nowhere else.
    let below = fixture.service().below(&["/ocsp"]);
    for target in ["/ocsp", "/ocsp/"] {
        let page = below.call("GET", target, &browser, &[]);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    assert_plain(&below.call("GET", "/", &browser, &[]), 404);
}
