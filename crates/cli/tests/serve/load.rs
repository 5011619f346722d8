//! What strangers may use up, and who they are: limits of connections, proxies, and the end of the queue.

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::http::{Connection, post_request};
use certvouch_testkit::process::Server;

use crate::support::{Site, certvouch, status_in};

/// `serve` with a `[server]` table of these lines.
fn serve(site: &Site, lines: &str) -> (Server, std::net::SocketAddr) {
    let (server, tables) = lines
        .split_once("\n[")
        .map_or((lines, String::new()), |(server, rest)| {
            (server, format!("[{rest}"))
        });
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\nthreads = 1\n{server}\n{tables}\n[[issuer]]\nname = \"a\"\ncertificate = \
         \"ca.pem\"\nsource = {{ index = \"index.txt\" }}\nsigner = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\n"
    );
    std::fs::write(site.path().join("c.toml"), text).unwrap();
    let server = Server::start(&mut certvouch(
        site.path(),
        &["serve", "--config", "c.toml"],
    ));
    let address = server.listening_address();
    (server, address)
}

// covers: E-10, T-43
#[test]
fn source_with_too_many_connections_is_told_so() {
    let site = Site::new();
    let (_server, address) = serve(&site, "\n[server.limits]\nconnections_per_source = 2");
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let mut held: Vec<_> = (0..2).map(|_| Connection::open(address)).collect();
    for connection in &mut held {
        connection.send(&request).unwrap();
        assert_eq!(
            status_in(&connection.read_response(false).unwrap()),
            CertStatus::Good
        );
    }
    let mut third = Connection::open(address);
    third.send(&request).unwrap();
    let refused = third.read_response(false).unwrap();
    assert_eq!((refused.status, refused.body.len()), (429, 0));
    assert!(refused.header("retry-after").is_some());
}

// covers: T-40
#[test]
fn connection_ends_with_its_last_request() {
    let site = Site::new();
    let (_server, address) = serve(&site, "\n[server.limits]\nrequests = 2");
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let mut connection = Connection::open(address);
    connection.send(&request).unwrap();
    assert_eq!(
        connection
            .read_response(false)
            .unwrap()
            .header("connection"),
        None
    );
    connection.send(&request).unwrap();
    let last = connection.read_response(false).unwrap();
    assert_eq!(last.header("connection"), Some("close"));
    assert_eq!(connection.read_to_end().unwrap(), b"");
}

// covers: T-40
#[test]
fn connection_ends_after_its_life_with_what_it_asked_answered() {
    let site = Site::new();
    let (_server, address) = serve(&site, "\n[server.timeouts]\nconnection = \"1s\"");
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let mut connection = Connection::open(address);
    connection.send(&request).unwrap();
    assert_eq!(
        status_in(&connection.read_response(false).unwrap()),
        CertStatus::Good
    );
    assert_eq!(connection.read_to_end().unwrap(), b"");
}

// covers: T-40
#[test]
fn http2_and_requests_beyond_the_limits_are_refused() {
    let site = Site::new();
    let (_server, address) = serve(&site, "");
    let mut second = Connection::open(address);
    second.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    // Not a frame of HTTP/2: an error of HTTP/1, or the end.
    let said = second.read_to_end().unwrap();
    assert!(
        said.is_empty() || said.starts_with(b"HTTP/1.1 4"),
        "{said:?}"
    );
    let mut many = Connection::open(address);
    let fields: String = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect();
    many.send(format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n").as_bytes())
        .unwrap();
    assert_eq!(many.read_response(false).unwrap().status, 431);
}

// covers: T-43
#[test]
fn trusted_proxy_introduces_its_clients_and_others_cannot() {
    let site = Site::new();
    let trusted = "trusted_proxies = [\"127.0.0.1\"]\nclient_address = \"proxy-protocol\"";
    let (_server, address) = serve(&site, trusted);
    let request = post_request(address, "/", &site.question(&site.world.ee_good));
    let v1 = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n".to_vec();
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\x7F\0\0\x01\x12\x67\0\x50".to_vec();
    for header in [v1.clone(), v2] {
        let mut connection = Connection::open(address);
        connection.send(&[&header[..], &request].concat()).unwrap();
        assert_eq!(
            status_in(&connection.read_response(false).unwrap()),
            CertStatus::Good
        );
    }
    // A trusted proxy has to say it.
    let mut silent = Connection::open(address);
    silent.send(&request).unwrap();
    assert!(silent.read_response(false).is_err());
    // Where nobody is trusted, the header is no HTTP.
    let (_server, address) = serve(&site, "");
    let mut liar = Connection::open(address);
    liar.send(&[&v1[..], &request].concat()).unwrap();
    assert_ne!(
        liar.read_response(false)
            .map(|response| response.status)
            .unwrap_or(0),
        200
    );
}
