//! Whether every client gets the staple: nginx that fetches late, servers that are not in step, and what no nginx would send.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, World};
use certvouch_testkit::reply::{Reply, Single, Status};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::house::{DAY, Said, Trait, doctor, leaf, reply, single, start};
use crate::support::{Site, run};

/// A TLS server whose handshakes are made of what a function says: its number from 0 goes in, the staple comes out.
struct Sends<F> {
    chain: Vec<CertificateDer<'static>>,
    leaf: Cert,
    count: AtomicUsize,
    staple: F,
}

impl<F> std::fmt::Debug for Sends<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sends").finish_non_exhaustive()
    }
}

impl<F> ResolvesServerCert for Sends<F>
where
    F: Fn(usize) -> Option<Vec<u8>> + Send + Sync,
{
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = PrivateKeyDer::Pkcs8(self.leaf.key.pkcs8_der().into());
        let key = any_supported_type(&key).unwrap();
        let mut certified = CertifiedKey::new(self.chain.clone(), key);
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        certified.ocsp = (self.staple)(number);
        Some(Arc::new(certified))
    }
}

/// Starts it; `above` is what the chain has behind the certificate.
pub(super) fn serve<F>(leaf: &Cert, above: &[&Cert], staple: F) -> String
where
    F: Fn(usize) -> Option<Vec<u8>> + Send + Sync + 'static,
{
    serve_in(rustls::DEFAULT_VERSIONS, leaf, above, staple).to_string()
}

fn serve_in<F>(
    versions: &[&'static rustls::SupportedProtocolVersion],
    leaf: &Cert,
    above: &[&Cert],
    staple: F,
) -> SocketAddr
where
    F: Fn(usize) -> Option<Vec<u8>> + Send + Sync + 'static,
{
    let chain = std::iter::once(leaf).chain(above.iter().copied());
    let sends = Sends {
        chain: chain.map(|cert| cert.der.clone().into()).collect(),
        leaf: leaf.clone(),
        count: AtomicUsize::new(0),
        staple,
    };
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(sends));
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, config) = (stream.unwrap(), Arc::clone(&config));
            thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                // Whoever only looks hangs up when the handshake is over.
                let _ = stream.read(&mut [0; 1]);
                let _ = stream.flush();
            });
        }
    });
    address
}

// covers: R7633-3-1
#[test]
fn nginx_that_fetches_when_somebody_asks_is_told_from_one_that_staples_at_once() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    // The responder knows its serial number.
    let traits = [Trait::Responder, Trait::MustStaple];
    let made = leaf(&site, "lazy.test", &site.world.ee_good.serial, &traits);
    let chain = made.pem() + &site.world.ca_a.pem();
    std::fs::write(site.path().join("lazy.pem"), chain).unwrap();
    made.write_key_pem(&site.path().join("lazy.key"));
    let (root, port) = (site.path().display(), site.port);
    let lazy = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {root}/lazy.pem; ssl_certificate_key {root}/lazy.key;\n\
         ssl_stapling on; ssl_stapling_responder http://{address}/; return 200 hello; }}"
    );
    let server = start(&site, &program, &lazy);
    let target = format!("127.0.0.1:{port}");
    // Behind a handshake without a staple the doctor waits; ten times are patience enough for nginx.
    let words = [
        "staple",
        "doctor",
        &target,
        "--ca",
        "ca.pem",
        "--handshakes",
        "10",
        "--json",
    ];
    let first = run(site.path(), &words);
    let json: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    let said = Said {
        outcome: first,
        json,
    };
    let text = said.outcome.all() + &server.stderr();
    assert_eq!(
        said.found(),
        ["warning staple-steady", "error must-staple"],
        "{text}"
    );
    let seen = said.of("staple-steady", "seen");
    assert!(
        seen.starts_with("the first handshake had no staple, and handshake "),
        "{text}"
    );
    // From now on it has one.
    let said = doctor(&site, &target, &[]);
    assert_eq!(said.found(), [""; 0], "{}", said.outcome.all());
}

#[test]
fn servers_that_are_not_in_step_are_noticed() {
    let Some(site) = Site::new() else {
        return;
    };
    let made = leaf(&site, "step.test", &[0x71], &[Trait::Responder]);
    let ca = &site.world.ca_a;
    let good = reply(&site, &single(&site, &made)).build();
    let revoked = Status::Revoked(site.world.now - 60, None);
    let revoked = reply(&site, &single(&site, &made).status(revoked)).build();
    // Four handshakes each time: three, and one in TLS 1.2.
    let staple = good.clone();
    let target = serve(&made, &[ca], move |number| {
        (number % 2 == 0).then(|| staple.clone())
    });
    let said = doctor(&site, &target, &[]);
    assert_eq!(
        said.of("staple-steady", "seen"),
        "2 of 3 handshakes had a staple"
    );
    assert_eq!(
        said.found(),
        ["warning staple-steady", "warning staple-in-tls-1.2"]
    );
    // The worst counts.
    let staple = good.clone();
    let target = serve(&made, &[ca], move |number| {
        Some(if number % 4 == 2 {
            revoked.clone()
        } else {
            staple.clone()
        })
    });
    let said = doctor(&site, &target, &[]);
    assert_eq!(
        said.found(),
        [
            "info staple-steady",
            "error status",
            // Exim takes no revocation.
            "info server-takes-it"
        ],
        "{}",
        said.outcome.all()
    );
    // One handshake in 1.3, then one in 1.2.
    for (parity, seen) in [
        (0, "a staple in TLS 1.3, none in 1.2"),
        (1, "a staple in TLS 1.2, none in 1.3"),
    ] {
        let staple = good.clone();
        let target = serve(&made, &[ca], move |number| {
            (number % 2 == parity).then(|| staple.clone())
        });
        let said = doctor(&site, &target, &["--handshakes", "1"]);
        assert_eq!(said.of("staple-in-tls-1.2", "seen"), seen);
    }
    for (version, seen) in [
        (&rustls::version::TLS13, "the server speaks TLS 1.3 alone"),
        (
            &rustls::version::TLS12,
            "the server speaks no TLS 1.3, so that all handshakes were in 1.2",
        ),
    ] {
        let staple = good.clone();
        let target = serve_in(&[version], &made, &[ca], move |_| Some(staple.clone()));
        let said = doctor(&site, &target.to_string(), &["--handshakes", "1"]);
        assert_eq!(said.of("staple-in-tls-1.2", "seen"), seen);
        assert_eq!(said.found(), [""; 0], "{}", said.outcome.all());
    }
}

// covers: STAPLE-2
#[test]
fn what_is_no_response_is_named() {
    let Some(site) = Site::new() else {
        return;
    };
    let made = leaf(&site, "odd.test", &[0x71], &[Trait::Responder]);
    let ca = &site.world.ca_a;
    let good = reply(&site, &single(&site, &made)).build();
    let mut pem = certvouch_testkit::pki::pem("OCSP RESPONSE", &good).into_bytes();
    pem.truncate(4_000);
    let cut = good[..good.len() - 1].to_vec();
    for (octets, advice) in [
        (
            b"<html><title>502</title></html>".to_vec(),
            "a page of HTML",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n0".to_vec(), "a whole HTTP message"),
        (pem, "PEM"),
        (made.der.clone(), "a certificate and no response"),
        (cut, "was cut or changed"),
        (certvouch_testkit::reply::error(3), "the responder was busy"),
        (
            certvouch_testkit::reply::error(6),
            "does not answer for this certificate",
        ),
        (
            certvouch_testkit::reply::error(2),
            "an error is never to be stapled",
        ),
    ] {
        let target = serve(&made, &[ca], move |_| Some(octets.clone()));
        let said = doctor(&site, &target, &["--handshakes", "1"]);
        assert_eq!(
            said.found(),
            ["error staple-is-response"],
            "{}",
            said.outcome.all()
        );
        let found = said.of("staple-is-response", "advice");
        assert!(found.contains(advice), "{advice}: {found}");
        assert!(said.json["staple"]["verified"].is_null());
    }
}

// covers: T-26
#[test]
fn issuer_is_found_by_its_signature_wherever_it_stands() {
    let Some(site) = Site::new() else {
        return;
    };
    let world = &site.world;
    let made = leaf(&site, "issuer.test", &[0x71], &[Trait::Responder]);
    let good = reply(&site, &single(&site, &made)).build();
    let look = |above: &[&Cert], more: &[&str]| {
        let staple = good.clone();
        let target = serve(&made, above, move |_| Some(staple.clone()));
        let words = [
            &["staple", "doctor", &target, "--handshakes", "1", "--json"],
            more,
        ]
        .concat();
        let outcome = run(site.path(), &words);
        let json = serde_json::from_slice(&outcome.stdout).unwrap();
        Said { outcome, json }
    };
    world.ca_a2.write_pem(&site.path().join("namesake.pem"));
    // Behind a stranger and a namesake with another key.
    let said = look(&[&world.ca_b, &world.ca_a2, &world.ca_a], &[]);
    assert_eq!(said.found(), [""; 0], "{}", said.outcome.all());
    assert!(
        said.of("issuer-found", "seen")
            .starts_with("in the server's chain")
    );
    let said = look(&[&world.ca_b], &["--ca", "namesake.pem", "--ca", "ca.pem"]);
    assert_eq!(said.of("issuer-found", "seen"), "among those of --ca");
    let said = look(&[], &[]);
    assert_eq!(
        said.found(),
        ["warning issuer-found"],
        "{}",
        said.outcome.all()
    );
    assert_eq!(said.of("status", "severity"), "skipped");
    assert_eq!(said.json["clients"].as_array().unwrap().len(), 0);
    let said = look(&[&world.ca_a2], &[]);
    assert_eq!(
        said.found(),
        ["error issuer-found"],
        "{}",
        said.outcome.all()
    );
}

// covers: ALG-2
#[test]
fn staple_with_a_delegate_of_ml_dsa_87_is_too_large_for_some() {
    let Some(site) = Site::new() else {
        return;
    };
    let large = World::current(KeyAlg::MlDsa87);
    let made = CertBuilder::new(&[("CN", "large.test")], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x71])
        .validity(large.now - DAY, large.now + DAY)
        .issued_by(&large.ca_a);
    large.ca_a.write_pem(&site.path().join("large.pem"));
    let single = Single::by(HashAlg::Sha1, &large.ca_a, &made.serial, large.now);
    let single = single.next_update(large.now + DAY / 2);
    let staple = Reply::delegated(&large.d_a, large.now)
        .single(&single)
        .build();
    let octets = staple.len();
    assert!(octets > 10 * 1024, "{octets}");
    let target = serve(&made, &[], move |_| Some(staple.clone()));
    let said = doctor(&site, &target, &["--ca", "large.pem"]);
    let seen = said.of("staple-size", "seen");
    assert!(
        seen.starts_with(&format!("{octets} octets, more than")),
        "{seen}"
    );
    assert_eq!(said.of("staple-size", "severity"), "warning");
    assert!(
        said.of("server-takes-it", "seen").contains("apache"),
        "{}",
        said.outcome.all()
    );
    assert_eq!(said.of("status", "seen"), "good");
}

// covers: T-30
#[test]
fn what_steers_a_terminal_is_shown_harmless() {
    let Some(site) = Site::new() else {
        return;
    };
    let now = site.world.now;
    let made = CertBuilder::new(&[("CN", "evil")], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x71])
        .validity(now - DAY, now + DAY)
        .aia(
            &["ldap://x\u{1b}[2J\u{202e}/\r\nCLEAN (nothing found)"],
            &[],
        )
        .issued_by(&site.world.ca_a);
    let target = serve(&made, &[], |_| None);
    for more in [&[][..], &["--json"]] {
        let outcome = run(
            site.path(),
            &[&["staple", "doctor", &target], more].concat(),
        );
        let text = outcome.all();
        assert_eq!(outcome.code, Some(1), "{text}");
        let odd = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(odd), "{text:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("CLEAN")),
            "{text}"
        );
    }
}
