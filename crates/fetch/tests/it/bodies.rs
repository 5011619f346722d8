//! How large, how slow and how broken a body may be.

use std::io::Write as _;
use std::thread::sleep;
use std::time::Duration;

use certvouch_fetch::FetchError;

use crate::server::{Server, get, hold, policy};

// covers: T-25
#[tokio::test]
async fn body_of_the_limit_is_taken_and_one_octet_more_is_not() {
    let mut small = policy();
    small.max_body = 1000;
    let fits = Server::with_body("", &[7; 1000]);
    let payload = get(small.clone(), &fits.url("/")).await.unwrap();
    assert_eq!(payload.bytes, vec![7; 1000]);
    let limit = FetchError::BodyTooLarge { limit: 1000 };
    let announced = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")?;
        hold(stream)
    });
    // It is refused by its length: the body never comes.
    assert_eq!(
        get(small.clone(), &announced.url("/")).await.unwrap_err(),
        limit
    );
    let unannounced = Server::saying(
        [
            &b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..],
            &[0; 1001],
        ]
        .concat(),
    );
    assert_eq!(
        get(small.clone(), &unannounced.url("/")).await.unwrap_err(),
        limit
    );
    // Ten megabytes of zeros in chunks, without an end.
    let endless = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for _ in 0..160 {
            stream.write_all(b"10000\r\n")?;
            stream.write_all(&[0; 0x1_0000])?;
            stream.write_all(b"\r\n")?;
        }
        hold(stream)
    });
    assert_eq!(get(small, &endless.url("/")).await.unwrap_err(), limit);
}

// covers: T-25
#[tokio::test]
async fn body_that_comes_too_slowly_is_given_up() {
    let server = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")?;
        for _ in 0..100 {
            stream.write_all(b"x")?;
            stream.flush()?;
            sleep(Duration::from_secs(1));
        }
        Ok(())
    });
    let mut impatient = policy();
    impatient.rate_grace = Duration::from_millis(50);
    let error = get(impatient, &server.url("/")).await.unwrap_err();
    assert_eq!(error, FetchError::TooSlow { min_rate: 1024 });
}

// covers: T-25
#[tokio::test]
async fn exchange_ends_with_the_total_time() {
    let mut short = policy();
    short.total_timeout = Duration::from_millis(100);
    let timeout = FetchError::Timeout(Duration::from_millis(100));
    let silent = Server::start(|_, stream| hold(stream));
    assert_eq!(
        get(short.clone(), &silent.url("/")).await.unwrap_err(),
        timeout
    );
    // Each redirect is quick, and there is one for ever: the time is for all of them together.
    let mut long = short.clone();
    long.max_redirects = usize::MAX;
    let circle = Server::start(|_, stream| {
        sleep(Duration::from_millis(5));
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
    });
    assert_eq!(get(long, &circle.url("/")).await.unwrap_err(), timeout);
    // The head alone comes in time, and the body never.
    let half = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")?;
        hold(stream)
    });
    assert_eq!(get(short, &half.url("/")).await.unwrap_err(), timeout);
}

// covers: T-25
#[tokio::test]
async fn header_that_does_not_end_is_given_up() {
    let mut short = policy();
    short.header_timeout = Duration::from_millis(100);
    let timeout = FetchError::HeaderTimeout(Duration::from_millis(100));
    let silent = Server::start(|_, stream| hold(stream));
    let error = get(short.clone(), &silent.url("/")).await.unwrap_err();
    assert_eq!(error, timeout);
    // An octet now and then keeps nobody waiting for longer.
    let dripping = Server::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
        loop {
            sleep(Duration::from_millis(5));
            stream.write_all(b"x")?;
        }
    });
    let error = get(short, &dripping.url("/")).await.unwrap_err();
    assert_eq!(error, timeout);
}

// covers: T-25
#[tokio::test]
async fn body_that_was_cut_is_an_error() {
    let short = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    let chunks =
        Server::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntruth\r\n");
    let rubbish = Server::saying("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    let nothing = Server::saying("");
    for server in [short, chunks, rubbish, nothing] {
        let error = get(policy(), &server.url("/")).await.unwrap_err();
        assert!(matches!(error, FetchError::Http(_)), "{error:?}");
    }
}

// covers: T-25
#[tokio::test]
async fn content_coding_is_neither_asked_for_nor_taken() {
    for coding in ["gzip", "br", "identity, gzip"] {
        let server = Server::with_body(&format!("Content-Encoding: {coding}\r\n"), b"\x1F\x8B");
        let error = get(policy(), &server.url("/")).await.unwrap_err();
        assert_eq!(error, FetchError::ContentCoding, "{coding}");
        let head = server.heard()[0].to_ascii_lowercase();
        assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    }
    let plain = Server::with_body("Content-Encoding: identity\r\n", b"truth");
    assert_eq!(get(policy(), &plain.url("/")).await.unwrap().bytes, "truth");
}

#[tokio::test]
async fn nobody_there_is_an_error_that_names_him() {
    let port = certvouch_testkit::process::free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let error = get(policy(), &url).await.unwrap_err();
    assert!(
        matches!(&error, FetchError::Connect { to, .. } if *to == format!("127.0.0.1:{port}")),
        "{error:?}"
    );
}
