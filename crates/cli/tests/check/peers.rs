//! Other people's servers and responders: nginx and HAProxy with and without staples, `openssl ocsp`, cfssl, and ours.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use certvouch_testkit::ask::HashAlg;
use certvouch_testkit::peer;
use certvouch_testkit::process::{Server, free_port};
use certvouch_testkit::reply::{Reply, Single};
use serde_json::Value;

use crate::desk::{Desk, PROGRAM};
use crate::hosts::{NAME, leaf, wait};

/// A good response about the host's certificate by SHA-1, which HAProxy asks for.
fn staple(desk: &Desk) -> Vec<u8> {
    let now = desk.world.now;
    let single = Single::by(HashAlg::Sha1, &desk.world.ca_a, &[0x77], now);
    Reply::delegated(&desk.world.d_a, now)
        .single(&single)
        .build()
}

/// Certificate, issuer and key in one file, as HAProxy wants them.
fn bundle(desk: &Desk, name: &str) {
    let read = |name: &str| fs::read_to_string(desk.dir.path().join(name)).unwrap();
    let all = [read("leaf.pem"), read("ca.pem"), read("leaf.key")].concat();
    desk.put(name, all.as_bytes());
}

/// Checks a host with a good staple and one without, where nobody else can be asked.
fn assert_seen(desk: &Desk, stapled: SocketAddr, bare: SocketAddr) {
    let check = |address: SocketAddr| {
        let target = address.to_string();
        desk.judged(&[&target, "--name", NAME, "--trust", "ca.pem"])
    };
    let with = check(stapled);
    assert_eq!(with.code, 0, "{}", with.out);
    assert_eq!(with.json["certificates"][0]["source"], "staple");
    let without = check(bare);
    assert_eq!(without.code, 9, "{}", without.out);
    assert!(without.json["handshake"]["staple_octets"].is_null());
}

#[test]
fn nginx_with_and_without_a_staple_is_seen_through() {
    let Some(nginx) = peer::require_or_skip("nginx") else {
        return;
    };
    let desk = Desk::today();
    leaf(&desk, &[], false);
    desk.put("staple.der", &staple(&desk));
    let (stapled, bare) = (free_port(), free_port());
    let root = desk.dir.path().display();
    let server = |port: u16, more: &str| {
        format!(
            "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {root}/leaf.pem; \
             ssl_certificate_key {root}/leaf.key; {more} return 204; }}\n"
        )
    };
    let staples = format!("ssl_stapling on; ssl_stapling_file {root}/staple.der;");
    let text = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr;\nevents {{ }}\nhttp {{ access_log off;\n\
         client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;\n\
         uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;\n{}{} }}\n",
        server(stapled, &staples),
        server(bare, "")
    );
    desk.put("nginx.conf", text.as_bytes());
    let mut command = Command::new(&nginx.program);
    command.arg("-c").arg(desk.dir.path().join("nginx.conf"));
    let _server = Server::start(
        command
            .arg("-p")
            .arg(desk.dir.path())
            .args(["-e", "stderr"]),
    );
    let [stapled, bare] = [stapled, bare].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    wait(stapled);
    wait(bare);
    assert_seen(&desk, stapled, bare);
}

#[test]
fn haproxy_with_and_without_a_staple_is_seen_through() {
    let Some(haproxy) = peer::require_or_skip("haproxy") else {
        return;
    };
    let desk = Desk::today();
    leaf(&desk, &[], false);
    bundle(&desk, "stapled.pem");
    bundle(&desk, "bare.pem");
    desk.put("stapled.pem.ocsp", &staple(&desk));
    let (stapled, bare) = (free_port(), free_port());
    let root = desk.dir.path().display();
    let text = format!(
        "global\n  maxconn 64\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
         frontend stapled\n  bind 127.0.0.1:{stapled} ssl crt {root}/stapled.pem\n\
         frontend bare\n  bind 127.0.0.1:{bare} ssl crt {root}/bare.pem\n"
    );
    desk.put("haproxy.cfg", text.as_bytes());
    let mut command = Command::new(&haproxy.program);
    let config = desk.dir.path().join("haproxy.cfg");
    let _server = Server::start(command.args(["-db", "-f"]).arg(config));
    let [stapled, bare] = [stapled, bare].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    wait(stapled);
    wait(bare);
    assert_seen(&desk, stapled, bare);
}

/// What every responder of CA-A has to say: certificate, exit code.
const STATUSES: [(&str, i32); 3] = [("ee-good.pem", 0), ("ee-rev.pem", 1), ("ee-hold.pem", 1)];

fn assert_statuses(desk: &Desk, address: SocketAddr) {
    let url = format!("http://{address}/");
    for (cert, code) in STATUSES {
        for nonce in ["off", "try"] {
            let outcome =
                desk.judged(&[cert, "--issuer", "ca.pem", "--url", &url, "--nonce", nonce]);
            assert_eq!(outcome.code, code, "{cert} {nonce}: {}", outcome.out);
        }
    }
}

#[test]
fn responder_of_openssl_and_ours_are_understood() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let desk = Desk::today();
    let _ = desk.world.write(desk.dir.path());
    let port = free_port();
    let mut command = Command::new(&openssl.program);
    command.current_dir(desk.dir.path()).arg("ocsp");
    command.args([
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-rsigner",
        "ocsp.pem",
    ]);
    command.args([
        "-rkey",
        "ocsp.key",
        "-nmin",
        "60",
        "-port",
        &port.to_string(),
    ]);
    let theirs = Server::start(&mut command);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let _ = theirs.wait_for_stderr("waiting for OCSP client connections");
    assert_statuses(&desk, address);
    let ours = serve(&desk);
    assert_statuses(&desk, ours.1);
}

fn serve(desk: &Desk) -> (Server, SocketAddr) {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(desk.dir.path())
        .args(["serve", "--listen", "127.0.0.1:0"]);
    command.args([
        "--issuer",
        "ca.pem",
        "--signer-cert",
        "ocsp.pem",
        "--signer-key",
        "ocsp.key",
    ]);
    let server = Server::start(command.args(["--index", "index.txt"]));
    let address = server.listening_address();
    (server, address)
}

#[test]
fn responder_of_cfssl_is_understood() {
    let Some(cfssl) = peer::require_or_skip("cfssl") else {
        return;
    };
    let desk = Desk::today();
    let _ = desk.world.write(desk.dir.path());
    // It wants keys in the form of RFC 5915, and signs beforehand.
    let key = desk.world.d_a.key.traditional_pem().unwrap();
    desk.put("ocsp-ec.key", key.as_bytes());
    let mut responses = String::new();
    for (cert, status) in [
        ("ee-good.pem", "good"),
        ("ee-rev.pem", "revoked"),
        ("ee-hold.pem", "revoked"),
    ] {
        let files = [
            "-ca",
            "ca.pem",
            "-responder",
            "ocsp.pem",
            "-responder-key",
            "ocsp-ec.key",
        ];
        let about = [
            "-cert",
            cert,
            "-status",
            status,
            "-reason",
            "1",
            "-loglevel",
            "5",
        ];
        let signed = cfssl.run_in(
            desk.dir.path(),
            &[&["ocspsign"], &files[..], &about].concat(),
        );
        let json: Value =
            serde_json::from_str(&signed.out()).unwrap_or_else(|_| panic!("{}", signed.all()));
        responses += json["ocspResponse"].as_str().unwrap();
        responses.push('\n');
    }
    desk.put("responses", responses.as_bytes());
    let port = free_port();
    let mut command = Command::new(&cfssl.program);
    command.current_dir(desk.dir.path());
    let port_text = port.to_string();
    let _server =
        Server::start(command.args(["ocspserve", "-responses", "responses", "-port", &port_text]));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    wait(address);
    assert_statuses(&desk, address);
}
