//! Through a proxy: plain requests in absolute form, TLS through a tunnel.

use std::io::Write as _;
use std::net::TcpStream;

use certvouch_fetch::{FetchError, FetchPolicy};

use crate::server::{Server, get, policy};
use crate::tls::TlsServer;

fn through(proxy: &Server) -> FetchPolicy {
    let mut policy = policy();
    policy.proxy = Some(proxy.url("").parse().unwrap());
    policy
}

#[tokio::test]
async fn plain_request_goes_to_the_proxy_in_absolute_form() {
    let proxy = Server::with_body("", b"truth");
    // The proxy resolves the name; we do not even try.
    let url = "http://ca.example:8080/ca.crl?x=1";
    assert_eq!(get(through(&proxy), url).await.unwrap().bytes, "truth");
    let head = &proxy.heard()[0];
    assert!(
        head.starts_with("GET http://ca.example:8080/ca.crl?x=1 HTTP/1.1\r\nhost: ca.example:8080"),
        "{head}"
    );
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_is_verified_end_to_end() {
    let origin = TlsServer::start("ca.example", b"truth");
    let inner = origin.address;
    let proxy = Server::start(move |head, stream| {
        assert!(
            head.starts_with("CONNECT ca.example:443 HTTP/1.1\r\nHost: ca.example:443\r\n"),
            "{head}"
        );
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")?;
        let mut upstream = TcpStream::connect(inner)?;
        let (mut down, mut up) = (stream.try_clone()?, upstream.try_clone()?);
        std::thread::spawn(move || std::io::copy(&mut down, &mut up));
        std::io::copy(&mut upstream, stream).map(drop)
    });
    let mut policy = through(&proxy);
    policy.roots = origin.roots();
    let payload = get(policy.clone(), "https://ca.example/ca.crl").await;
    assert_eq!(payload.unwrap().bytes, "truth");
    policy.roots = certvouch_fetch::Roots::Named(Vec::new());
    let error = get(policy, "https://ca.example/ca.crl").await;
    assert!(matches!(error, Err(FetchError::Tls { .. })), "{error:?}");
}

#[tokio::test]
async fn tunnel_that_the_proxy_refuses_is_an_error() {
    for (answer, expected) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            Some(407),
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", Some(502)),
        ("nonsense\r\n\r\n", None),
    ] {
        let proxy = Server::saying(answer);
        let error = get(through(&proxy), "https://[2001:db8::1]/").await;
        match expected {
            Some(code) => assert_eq!(error.unwrap_err(), FetchError::Status(code)),
            None => assert!(matches!(error, Err(FetchError::Http(_))), "{error:?}"),
        }
        assert!(
            proxy.heard()[0].starts_with("CONNECT [2001:db8::1]:443 "),
            "{:?}",
            proxy.heard()
        );
    }
    let long = [b"HTTP/1.1 200 ".as_slice(), &[b'x'; 9000], b"\r\n\r\n"].concat();
    let proxy = Server::saying(long);
    let error = get(through(&proxy), "https://ca.example/").await;
    assert!(matches!(error, Err(FetchError::Http(_))), "{error:?}");
}
