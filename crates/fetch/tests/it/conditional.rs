//! What is asked, and what is learnt from the header of the answer.

use std::io::Write as _;

use bytes::Bytes;
use certvouch_fetch::{Fetched, Fetcher, Validators};

use crate::server::{Server, ask, named, policy};

#[tokio::test]
async fn second_request_is_conditional_and_not_modified_is_understood() {
    let server = Server::start(|head, stream| {
        let known = head.contains("if-none-match: \"v1\"\r\n")
            && head.contains("if-modified-since: Sat, 10 Jan 2026 00:00:00 GMT\r\n");
        let answer: &[u8] = if known {
            b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\n\r\n"
        } else {
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\n\
              Last-Modified: Sat, 10 Jan 2026 00:00:00 GMT\r\n\
              Content-Type: application/pkix-crl\r\n\r\ntruth"
        };
        stream.write_all(answer)
    });
    let fetcher = Fetcher::new(policy()).unwrap();
    let mut fetch = named(&server.url("/ca.crl"));
    let payload = ask(&fetcher, &fetch).await.unwrap();
    assert_eq!(payload.bytes, "truth");
    assert_eq!(
        payload.content_type.as_deref(),
        Some("application/pkix-crl")
    );
    let kept = Validators::new(
        payload.validators.etag.clone(),
        payload.validators.last_modified.clone(),
    );
    assert_eq!(kept, payload.validators);
    fetch.validators = kept;
    match fetcher.fetch(&fetch).await.unwrap() {
        Fetched::NotModified(freshness) => assert_eq!(freshness.seconds, Some(60)),
        other => panic!("{other:?}"),
    }
    let head = &server.heard()[0];
    let expected = format!("GET /ca.crl HTTP/1.1\r\nhost: {}\r\n", server.address);
    assert!(head.starts_with(&expected), "{head}");
    assert!(head.contains("accept: application/pkix-crl\r\n"), "{head}");
    assert!(head.contains("user-agent: certvouch/"), "{head}");
}

#[tokio::test]
async fn freshness_is_what_http_says() {
    let date = "Date: Sat, 10 Jan 2026 00:00:00 GMT\r\n";
    for (headers, seconds) in [
        ("", None),
        ("Cache-Control: max-age=600\r\n", Some(600)),
        (
            "Cache-Control: public, max-age=600\r\nAge: 60\r\n",
            Some(540),
        ),
        ("Cache-Control: max-age=60\r\nAge: 600\r\n", Some(0)),
        ("Cache-Control: no-cache, max-age=600\r\n", Some(0)),
        ("Cache-Control: no-store\r\n", Some(0)),
        ("Expires: Sat, 10 Jan 2026 01:00:00 GMT\r\n", Some(3600)),
        ("Expires: Fri, 09 Jan 2026 01:00:00 GMT\r\n", Some(0)),
        ("Expires: 0\r\n", None),
        (
            "Cache-Control: max-age=5\r\nExpires: Sat, 10 Jan 2026 01:00:00 GMT\r\n",
            Some(5),
        ),
    ] {
        let server = Server::with_body(&format!("{date}{headers}"), b"truth");
        let fetcher = Fetcher::new(policy()).unwrap();
        let payload = ask(&fetcher, &named(&server.url("/"))).await.unwrap();
        assert_eq!(payload.freshness.seconds, seconds, "{headers}");
        assert_eq!(payload.freshness.server_time, Some(1_768_003_200));
    }
}

#[tokio::test]
async fn post_sends_its_body_and_type() {
    let server = Server::start(|head, stream| {
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/ocsp-request\r\n"));
        assert!(head.contains("content-length: 3\r\n"), "{head}");
        let mut body = [0; 3];
        std::io::Read::read_exact(stream, &mut body)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")?;
        stream.write_all(&body)
    });
    let mut fetch = named(&server.url("/"));
    fetch.post = Some((Bytes::from_static(b"ask"), "application/ocsp-request"));
    let fetcher = Fetcher::new(policy()).unwrap();
    assert_eq!(ask(&fetcher, &fetch).await.unwrap().bytes, "ask");
}
