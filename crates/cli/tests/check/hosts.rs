//! Hosts: chain, name and dates first, then the staple, then the responders; behind STARTTLS too.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use certvouch_testkit::misbehave::Misbehaving;
use certvouch_testkit::peer::{self, Peer};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, T0};
use certvouch_testkit::process::{PATIENCE, Server, free_port};
use certvouch_testkit::reply::{Reply, Single, Status};

use crate::desk::{DAY, Desk};

pub(crate) const NAME: &str = "host.test";

/// subjectAltName with this name.
fn alternative_name(name: &str) -> Vec<u8> {
    let length = |more: usize| u8::try_from(name.len() + more).unwrap();
    [&[0x30, length(2), 0x82, length(0)], name.as_bytes()].concat()
}

/// A host's certificate: its serial is 77.
pub(crate) fn leaf(desk: &Desk, ocsp: &[&str], must_staple: bool) -> Cert {
    let mut builder = CertBuilder::new(&[("CN", NAME)], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x77])
        .validity(desk.world.now - DAY, desk.world.now + DAY)
        .extension("2.5.29.17", false, &alternative_name(NAME));
    if !ocsp.is_empty() {
        builder = builder.aia(ocsp, &[]);
    }
    if must_staple {
        builder = builder.extension("1.3.6.1.5.5.7.1.24", false, &[0x30, 3, 2, 1, 5]);
    }
    let made = builder.issued_by(&desk.world.ca_a);
    made.write_pem(&desk.dir.path().join("leaf.pem"));
    made.write_key_pem(&desk.dir.path().join("leaf.key"));
    made
}

/// A response about it, from this time on.
pub(crate) fn staple(desk: &Desk, status: Status, from: i64) -> Vec<u8> {
    let single = Single::about(&desk.world.ca_a, &[0x77], from).status(status);
    Reply::delegated(&desk.world.d_a, from)
        .single(&single)
        .build()
}

/// `openssl s_server` with the certificate of [`leaf`].
pub(crate) fn s_server(openssl: &Peer, desk: &Desk, more: &[&str]) -> (Server, SocketAddr) {
    let port = free_port();
    let mut command = Command::new(&openssl.program);
    command.current_dir(desk.dir.path()).arg("s_server");
    command.args(["-accept", &format!("127.0.0.1:{port}"), "-cert", "leaf.pem"]);
    command.args(["-key", "leaf.key", "-quiet"]).args(more);
    let server = Server::start(&mut command);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    wait(address);
    (server, address)
}

pub(crate) fn wait(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens at {address}");
        thread::sleep(Duration::from_millis(10));
    }
}

// covers: T-21
#[test]
fn chain_name_and_dates_come_before_everything() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let desk = Desk::new();
    let responder = desk.responder(&[0x77], Status::Good);
    leaf(&desk, &[&responder.url()], false);
    let (_server, address) = s_server(&openssl, &desk, &[]);
    let target = address.to_string();
    let all = [&target, "--name", NAME, "--allow-address", "127.0.0.1"];
    let with = |more: &[&str]| desk.judged(&[&all[..], more].concat());
    // Its CA says GOOD of it; that is worth nothing.
    let strange = with(&[]);
    assert_eq!(
        (strange.code, strange.json["reason"].as_str()),
        (5, Some("unknown-issuer"))
    );
    assert!(
        strange.next().ends_with("--trust ca.pem"),
        "{}",
        strange.next()
    );
    let trusted = ["--trust", "ca.pem"];
    let late = with(&["--trust", "ca.pem", "--at", "2026-01-20T00:00:00Z"]);
    assert_eq!(
        (late.code, late.json["reason"].as_str()),
        (4, Some("chain-expired"))
    );
    let other = ["--allow-address", "127.0.0.1", "--name", "other.test"];
    let other = desk.judged(&[&[target.as_str()], &trusted[..], &other].concat());
    assert_eq!(
        (other.code, other.json["reason"].as_str()),
        (5, Some("name-mismatch"))
    );
    assert!(responder.requests().is_empty(), "nobody was asked so far");
    let good = with(&trusted);
    assert_eq!(good.code, 0, "{}", good.out);
    assert!(good.out.contains("no staple"), "{}", good.out);
    assert!(!responder.requests().is_empty());
    let unchecked = with(&["--no-chain", "--issuer", "ca.pem"]);
    assert_eq!(unchecked.code, 0, "{}", unchecked.out);
    assert!(
        unchecked.line.contains("the chain was not validated"),
        "{}",
        unchecked.line
    );
}

#[test]
fn staple_is_verified_and_a_must_staple_enforced() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let desk = Desk::new();
    let revoked = Status::Revoked(T0 - 60, Some(1));
    desk.put("good.der", &staple(&desk, Status::Good, T0));
    desk.put("revoked.der", &staple(&desk, revoked, T0));
    desk.put("old.der", &staple(&desk, Status::Good, T0 - 20 * DAY));
    let responder = desk.responder(&[0x77], Status::Good);
    let dead = format!("http://127.0.0.1:{}/", free_port());
    for (must, file, url, code, reason) in [
        (false, "good.der", &dead, 0, None),
        (false, "revoked.der", &responder.url(), 1, Some("revoked")),
        (false, "old.der", &responder.url(), 0, None),
        (false, "old.der", &dead, 8, Some("connect")),
        (true, "good.der", &dead, 0, None),
        (true, "", &responder.url(), 5, Some("must-staple")),
        (true, "old.der", &responder.url(), 5, Some("must-staple")),
    ] {
        leaf(&desk, &[url], must);
        let flags = ["-status_file", file];
        let flags = if file.is_empty() { &[][..] } else { &flags };
        for version in ["-tls1_2", "-tls1_3"] {
            let (_server, address) = s_server(&openssl, &desk, &[flags, &[version]].concat());
            let target = address.to_string();
            let words = [
                &target,
                "--name",
                NAME,
                "--trust",
                "ca.pem",
                "--allow-address",
                "127.0.0.1",
            ];
            let outcome = desk.judged(&words);
            assert_eq!(
                outcome.code, code,
                "{must} {file} {url} {version}: {}",
                outcome.out
            );
            assert_eq!(outcome.json["reason"].as_str(), reason, "{}", outcome.out);
            let octets = outcome.json["handshake"]["staple_octets"].as_u64();
            assert_eq!(octets.is_some(), !file.is_empty());
        }
    }
}

/// A server that begins in the clear, and hands over to TLS.
fn begins_with(protocol: &'static str, backend: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || drop(hand_over(protocol, stream, backend)));
        }
    });
    address
}

fn hand_over(protocol: &str, stream: TcpStream, backend: SocketAddr) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    // The client waits for each answer, so that nothing of TLS is in the buffer.
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    match protocol {
        "smtp" => {
            out.write_all(b"220-mail.test\r\n220 ESMTP\r\n")?;
            lines.read_line(&mut line)?;
            out.write_all(b"250-mail.test\r\n250-SIZE 1\r\n250 StartTLS\r\n")?;
            lines.read_line(&mut line)?;
            out.write_all(b"220 go\r\n")?;
        }
        "imap" => {
            out.write_all(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")?;
            lines.read_line(&mut line)?;
            out.write_all(b"* CAPABILITY IMAP4rev1\r\na1 OK begin\r\n")?;
        }
        "ldap" => {
            lines.read_exact(&mut [0; 31])?;
            // As OpenLDAP does: a length of four octets.
            out.write_all(&[
                0x30, 0x84, 0, 0, 0, 12, 2, 1, 1, 0x78, 7, 10, 1, 0, 4, 0, 4, 0,
            ])?;
        }
        "postgres" => {
            lines.read_exact(&mut [0; 8])?;
            out.write_all(b"S")?;
        }
        _ => {
            out.write_all(b"554 no\r\n")?;
            return Ok(());
        }
    }
    let mut server = TcpStream::connect(backend)?;
    let (mut up, mut from) = (server.try_clone()?, stream.try_clone()?);
    thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut up));
        drop(up.shutdown(Shutdown::Write));
    });
    std::io::copy(&mut server, &mut out)?;
    out.shutdown(Shutdown::Both)
}

#[test]
fn host_that_begins_in_the_clear_is_reached() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let desk = Desk::new();
    leaf(&desk, &[], false);
    desk.put("good.der", &staple(&desk, Status::Good, T0));
    let (_server, backend) = s_server(&openssl, &desk, &["-status_file", "good.der"]);
    for protocol in ["smtp", "imap", "ldap", "postgres"] {
        let target = begins_with(protocol, backend).to_string();
        let words = [
            &target,
            "--name",
            NAME,
            "--trust",
            "ca.pem",
            "--starttls",
            protocol,
        ];
        let outcome = desk.judged(&words);
        assert_eq!(outcome.code, 0, "{protocol}: {}", outcome.out);
        let refused = begins_with("nothing", backend).to_string();
        let words = [
            &refused,
            "--name",
            NAME,
            "--trust",
            "ca.pem",
            "--starttls",
            protocol,
        ];
        let outcome = desk.judged(&words);
        assert_eq!(
            (outcome.code, outcome.json["reason"].as_str()),
            (8, Some("handshake"))
        );
    }
    let silent = Misbehaving::start(|_| certvouch_testkit::misbehave::Act::Raw(Vec::new()));
    let target = silent.address().to_string();
    let began = Instant::now();
    let outcome = desk.judged(&[&target, "--trust", "ca.pem", "--timeout", "500ms"]);
    assert_eq!(outcome.code, 8, "{}", outcome.out);
    assert!(began.elapsed() < Duration::from_secs(20));
    let nobody = format!("127.0.0.1:{}", free_port());
    let outcome = desk.judged(&[&nobody]);
    assert_eq!(outcome.code, 8, "{}", outcome.out);
    assert!(
        outcome
            .next()
            .starts_with("openssl s_client -connect 127.0.0.1:")
    );
}

// covers: T-30
#[test]
fn names_that_steer_a_terminal_are_shown_harmless() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let desk = Desk::new();
    let evil = "a\u{1b}[2J\u{1b}]0;GOOD\u{7}\r\nGOOD (until tomorrow)\u{202e}dlog\u{200b}\u{85}";
    let made = CertBuilder::new(&[("CN", evil)], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x77])
        .validity(T0 - DAY, T0 + DAY)
        .aia(&["http://a.test/\u{1b}[2J", "ldap://x\u{202e}/"], &[])
        .extension("2.5.29.17", false, &alternative_name(NAME))
        .issued_by(&desk.world.ca_a);
    made.write_pem(&desk.dir.path().join("leaf.pem"));
    made.write_key_pem(&desk.dir.path().join("leaf.key"));
    desk.put(
        "revoked.der",
        &staple(&desk, Status::Revoked(T0 - 60, Some(1)), T0),
    );
    let (_server, address) = s_server(&openssl, &desk, &["-status_file", "revoked.der"]);
    let target = address.to_string();
    for words in [
        vec![target.as_str(), "--name", NAME, "--trust", "ca.pem"],
        vec![target.as_str(), "--name", NAME],
        vec!["leaf.pem", "--issuer", "ca.pem"],
    ] {
        for more in [&[][..], &["--explain", "--replay"], &["--json"]] {
            let outcome = desk.check(&[&words[..], more].concat());
            assert_ne!(outcome.code, Some(0), "{}", outcome.out());
            let text = outcome.all();
            let odd = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{200b}".contains(c);
            assert!(!text.contains(odd), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("GOOD")), "{text}");
        }
    }
}
