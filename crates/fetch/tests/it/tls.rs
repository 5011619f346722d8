//! HTTPS: whom it trusts. The server is rustls with certificates of the test kit; `openssl s_server` is another one.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use certvouch_fetch::{FetchError, FetchPolicy, Fetcher, Roots};
use certvouch_testkit::der;
use certvouch_testkit::peer;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage};
use certvouch_testkit::process::{Server as Process, free_port, temp_dir};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::server::{Names, ask, get, named, policy, read_head};

/// A CA and a server certificate for one DNS name and 127.0.0.1, valid now.
pub(crate) struct Pair {
    pub(crate) ca: Cert,
    pub(crate) leaf: Cert,
}

impl Pair {
    pub(crate) fn new(name: &str) -> Self {
        let now = certvouch_testkit::clock::real_now();
        let ca = CertBuilder::new(
            &[("CN", "TLS root")],
            &Key::cached(KeyAlg::P256, "tls-root"),
        )
        .validity(now - 86_400, now + 86_400)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign])
        .self_signed();
        let names = der::seq(&[
            &der::tlv(0x82, name.as_bytes()),
            &der::tlv(0x87, &[127, 0, 0, 1]),
        ]);
        let leaf = CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, "tls-leaf"))
            .serial(&[2])
            .validity(now - 86_400, now + 86_400)
            .extension("2.5.29.17", false, &names)
            .eku(&["1.3.6.1.5.5.7.3.1"])
            .issued_by(&ca);
        Self { ca, leaf }
    }
}

/// A rustls server that answers every request with the same octets.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    pair: Pair,
}

impl TlsServer {
    pub(crate) fn start(name: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        Self::saying(name, [head.as_bytes(), body].concat())
    }

    fn saying(name: &str, answer: Vec<u8>) -> Self {
        let pair = Pair::new(name);
        let key = PrivatePkcs8KeyDer::from(pair.leaf.key.pkcs8_der());
        let chain = vec![CertificateDer::from(pair.leaf.der.clone())];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
                let head = read_head(&mut tls);
                if !head.is_empty() {
                    // The client may have gone away; what it made of it is asserted there.
                    drop(tls.write_all(&answer));
                    drop(tls.flush());
                }
            }
        });
        Self { address, pair }
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::Named(vec![self.pair.ca.der.clone()])
    }
}

fn trusting(roots: Roots) -> FetchPolicy {
    let mut policy = policy();
    policy.roots = roots;
    policy
}

// covers: T-25
#[tokio::test]
async fn server_under_a_named_root_is_trusted_and_no_other_is() {
    let server = TlsServer::start("ca.example", b"truth");
    let url = format!("https://{}/", server.address);
    let payload = get(trusting(server.roots()), &url).await.unwrap();
    assert_eq!(payload.bytes, "truth");
    for roots in [Roots::Named(Vec::new()), Roots::System] {
        let error = get(trusting(roots), &url).await.unwrap_err();
        assert!(matches!(error, FetchError::Tls { .. }), "{error:?}");
    }
}

// covers: T-25
#[tokio::test]
async fn certificate_for_another_name_is_refused() {
    let server = TlsServer::start("ca.example", b"truth");
    let names = Names::new(&[
        ("ca.example", &["127.0.0.1"]),
        ("evil.example", &["127.0.0.1"]),
    ]);
    let mut policy = trusting(server.roots());
    policy.named_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let fetcher = Fetcher::with_resolver(policy, names).unwrap();
    let port = server.address.port();
    let good = ask(&fetcher, &named(&format!("https://ca.example:{port}/"))).await;
    assert_eq!(good.unwrap().bytes, "truth");
    let wrong = ask(&fetcher, &named(&format!("https://evil.example:{port}/"))).await;
    assert!(matches!(wrong, Err(FetchError::Tls { .. })), "{wrong:?}");
}

// covers: T-25
#[tokio::test]
async fn redirect_from_https_to_http_is_refused() {
    let plain = crate::server::Server::with_body("", b"truth");
    let answer = format!(
        "HTTP/1.1 301 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        plain.url("/")
    );
    let server = TlsServer::saying("ca.example", answer.into_bytes());
    let url = format!("https://{}/", server.address);
    let error = get(trusting(server.roots()), &url).await;
    assert_eq!(error.unwrap_err(), FetchError::Downgrade);
    assert_eq!(plain.heard(), Vec::<String>::new());
}

#[test]
fn root_that_is_no_certificate_is_refused() {
    let error = Fetcher::new(trusting(Roots::Named(vec![vec![1, 2, 3]]))).unwrap_err();
    assert!(matches!(error, FetchError::Roots(_)), "{error:?}");
}

// covers: T-25
#[tokio::test]
async fn openssl_as_server_is_understood() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let dir = temp_dir();
    let pair = Pair::new("ca.example");
    pair.leaf.write_pem(&dir.path().join("leaf.pem"));
    pair.leaf.write_key_pem(&dir.path().join("leaf.key"));
    std::fs::write(dir.path().join("ca.crl"), b"HTTP/1.0 200 OK\r\n\r\ntruth").unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let port = free_port();
        let mut command: Command = openssl.command();
        command
            .current_dir(dir.path())
            .args(["s_server", "-HTTP", version]);
        command.args(["-cert", "leaf.pem", "-key", "leaf.key"]);
        command.args(["-accept", &format!("127.0.0.1:{port}")]);
        let server = Process::start(&mut command);
        while !server.line().contains("ACCEPT") {}
        let policy = trusting(Roots::Named(vec![pair.ca.der.clone()]));
        let url = format!("https://127.0.0.1:{port}/ca.crl");
        assert_eq!(get(policy, &url).await.unwrap().bytes, "truth");
    }
}
