//! What one status costs on the wire, by each way: the table of docs/check.md is measured here.

use std::process::Command;

use certvouch_testkit::crl::CrlBuilder;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer;
use certvouch_testkit::process::Server;

use crate::desk::{Desk, PROGRAM};
use crate::hosts::{NAME, leaf, s_server, staple};

/// The part of the page with the table.
fn rows() -> Vec<(String, u64, u64)> {
    let page = include_str!("../../../../docs/check.md");
    let (_, part) = page.split_once("\n## Octets on the wire\n").unwrap();
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| ")).skip(2);
    let number = |cell: &str| cell.trim().replace(' ', "").parse().unwrap();
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        (
            cells[0].trim().to_owned(),
            number(cells[1]),
            number(cells[2]),
        )
    })
    .collect()
}

/// ECDSA's signatures differ by an octet or two, and so do Date and port.
fn is_near(told: u64, measured: u64) -> bool {
    told.abs_diff(measured) <= 16 + measured / 100
}

fn crl(desk: &Desk, entries: u32) -> Vec<u8> {
    let mut builder = CrlBuilder::new(&desk.world.ca_a);
    for number in 0..entries {
        // Serial numbers of 16 octets, as CAs make them at random.
        builder = builder.revoke(&format!("40{number:030x}"), Some(1));
    }
    builder.der()
}

#[test]
fn octets_of_the_page_are_those_on_the_wire() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let today = Desk::today();
    let _ = today.world.write(today.dir.path());
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(today.dir.path())
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
    let url = format!("http://{}/", server.listening_address());
    // A URL of 255 octets is the longest of a GET: a long path makes a POST.
    let long = format!("{url}{}", "p".repeat(200));
    let cost = |words: &[&str]| {
        let outcome = today.judged(&[&["ee-good.pem", "--issuer", "ca.pem"], words].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.out);
        let part = &outcome.json["certificates"][0];
        (
            part["sent"].as_u64().unwrap(),
            part["received"].as_u64().unwrap(),
        )
    };
    let mut measured = vec![
        ("OCSP by GET", cost(&["--url", &url])),
        (
            "OCSP with a nonce, by POST",
            cost(&["--url", &url, "--nonce", "require"]),
        ),
    ];
    let (sent, received) = cost(&["--url", &long]);
    measured.insert(1, ("OCSP by POST", (sent - 200, received)));

    let desk = Desk::new();
    let good = certvouch_testkit::reply::Status::Good;
    let der = staple(&desk, good, desk.world.now);
    desk.put("good.der", &der);
    leaf(&desk, &[], false);
    let handshake = |more: &[&str]| {
        let (_server, address) = s_server(&openssl, &desk, more);
        let target = address.to_string();
        let outcome = desk.judged(&[&target, "--name", NAME, "--trust", "ca.pem"]);
        outcome.json["handshake"]["received"].as_u64().unwrap()
    };
    let more = handshake(&["-status_file", "good.der"]) - handshake(&[]);
    measured.push(("a staple, in a handshake", (0, more)));
    for (name, entries) in [
        ("a CRL of 1 000 entries", 1_000),
        ("a CRL of 100 000 entries", 100_000),
    ] {
        let der = crl(&desk, entries);
        let lists = Misbehaving::start(move |_| Act::typed(200, "application/pkix-crl", &der));
        desk.certificate("listed", &[], &[], &[&lists.url()]);
        let words = [
            "listed.pem",
            "--issuer",
            "ca.pem",
            "--allow-address",
            "127.0.0.1",
        ];
        let outcome = desk.judged(&words);
        assert_eq!(outcome.code, 0, "{}", outcome.out);
        let part = &outcome.json["certificates"][0];
        measured.push((
            name,
            (
                part["sent"].as_u64().unwrap(),
                part["received"].as_u64().unwrap(),
            ),
        ));
    }
    let told = rows();
    let shown: String = measured
        .iter()
        .map(|(name, (sent, received))| format!("| {name} | {sent} | {received} |\n"))
        .collect();
    assert_eq!(told.len(), measured.len(), "{shown}");
    for ((name, sent, received), (what, cost)) in told.iter().zip(&measured) {
        assert_eq!(name, what, "{shown}");
        assert!(
            is_near(*sent, cost.0) && is_near(*received, cost.1),
            "{shown}"
        );
    }
}
