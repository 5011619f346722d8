//! Redirects: followed so far, and each judged like the first URL.

use std::io::Write as _;

use certvouch_fetch::{AddressClass, FetchError, Fetcher};

use crate::server::{Names, Server, ask, get, named, policy};

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn redirect_absolute_or_relative_is_followed() {
    let server = Server::start(|head, stream| {
        let target = head.split(' ').nth(1).unwrap();
        let answer = match target {
            "/a/first" => to("/b/second"),
            "/b/second" => to("third.crl?x=1"),
            "/b/third.crl?x=1" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntruth".to_owned(),
            other => panic!("asked for {other}"),
        };
        stream.write_all(answer.as_bytes())
    });
    let payload = get(policy(), &server.url("/a/first")).await.unwrap();
    assert_eq!(payload.bytes, "truth");
    assert_eq!(payload.url.path(), "/b/third.crl");
    let other = Server::saying(to(&server.url("/b/second")));
    assert_eq!(get(policy(), &other.url("/")).await.unwrap().bytes, "truth");
}

// covers: T-25
#[tokio::test]
async fn redirects_end_at_the_limit_and_in_a_circle() {
    let server = Server::saying(to("/again"));
    let error = get(policy(), &server.url("/")).await.unwrap_err();
    assert_eq!(error, FetchError::TooManyRedirects { limit: 3 });
    assert_eq!(server.heard().len(), 4);
    let mut none = policy();
    none.max_redirects = 0;
    let error = get(none, &server.url("/")).await.unwrap_err();
    assert_eq!(error, FetchError::TooManyRedirects { limit: 0 });
}

// covers: T-24, T-25
#[tokio::test]
async fn redirect_to_a_forbidden_address_is_refused() {
    let inner = Server::with_body("", b"secret");
    for (location, class) in [
        (
            "http://169.254.169.254/latest/".to_owned(),
            AddressClass::LinkLocal,
        ),
        ("http://10.0.0.1/".to_owned(), AddressClass::Private),
        // 127.0.0.2 is the local machine too, but the operator named 127.0.0.1.
        (
            format!("http://127.0.0.2:{}/", inner.port()),
            AddressClass::Loopback,
        ),
        (
            format!("http://meta.example:{}/", inner.port()),
            AddressClass::LinkLocal,
        ),
        // A name that leads to the named address was not named itself.
        (
            format!("http://loop.example:{}/", inner.port()),
            AddressClass::Loopback,
        ),
    ] {
        let server = Server::saying(to(&location));
        let names = Names::new(&[
            ("meta.example", &["169.254.169.254"]),
            ("loop.example", &["127.0.0.1"]),
        ]);
        let fetcher = Fetcher::with_resolver(policy(), names).unwrap();
        let error = ask(&fetcher, &named(&server.url("/"))).await.unwrap_err();
        match error {
            FetchError::AddressRefused { class: found, .. } => {
                assert_eq!(found, class, "{location}");
            }
            other => panic!("{location}: {other}"),
        }
    }
    assert_eq!(inner.heard(), Vec::<String>::new());
}

// covers: T-24
#[tokio::test]
async fn redirect_to_what_is_no_http_url_is_refused() {
    for location in [
        "ftp://127.0.0.1/ca.crl",
        "file:///etc/passwd",
        "http://user:secret@127.0.0.1/",
        "//127.0.0.1/ca.crl",
        "http://",
    ] {
        let server = Server::saying(to(location));
        let error = get(policy(), &server.url("/")).await.unwrap_err();
        assert!(matches!(error, FetchError::Url(_)), "{location}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let nowhere = Server::saying("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    let error = get(policy(), &nowhere.url("/")).await.unwrap_err();
    assert_eq!(error, FetchError::Status(302));
}

#[tokio::test]
async fn status_other_than_ok_is_an_error_without_its_body() {
    for (line, code) in [
        ("404 Not Found", 404),
        ("500 Oh", 500),
        ("204 No Content", 204),
        ("206 Partial Content", 206),
        ("300 Multiple Choices", 300),
        // Nobody asked conditionally.
        ("304 Not Modified", 304),
    ] {
        let server = Server::saying(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
        let error = get(policy(), &server.url("/")).await.unwrap_err();
        assert_eq!(error, FetchError::Status(code));
    }
}
