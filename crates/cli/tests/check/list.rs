//! A fleet: many targets at the same time, the worst verdict, and what cannot be looked at.

use std::fmt::Write as _;

use certvouch_testkit::misbehave::{Act, Misbehaving, answer};
use certvouch_testkit::peer;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, T0};
use certvouch_testkit::reply::Status;

use crate::desk::{DAY, Desk, NOW};

/// Writes so many certificates of CA-A, and the list of their files; their serials are 0x4000 and on.
fn fleet(desk: &Desk, count: u16) -> String {
    let key = Key::cached(KeyAlg::P256, "ee");
    let mut list = String::from("# the fleet\n\n");
    for number in 0..count {
        let name = format!("fleet-{number}.pem");
        let made = CertBuilder::new(&[("CN", &name)], &key)
            .serial(&(0x4000 + number).to_be_bytes())
            .validity(T0 - DAY, T0 + DAY)
            .issued_by(&desk.world.ca_a);
        made.write_pem(&desk.dir.path().join(&name));
        writeln!(list, "  {name}").unwrap();
    }
    list
}

/// A responder that calls one serial number revoked and all others good.
fn responder(desk: &Desk, revoked: [u8; 2]) -> Misbehaving {
    let world = desk.world.clone();
    Misbehaving::start(move |request| {
        let der = request.ocsp().unwrap();
        // The serial number is the last of the CertID, an INTEGER of two octets, and the request's last but nothing.
        let found = der.windows(4).find(|part| part.starts_with(&[2, 2, 0x40]));
        let serial = [0x40, found.unwrap()[3]];
        let status = match serial == revoked {
            true => Status::Revoked(T0 - 60, Some(4)),
            false => Status::Good,
        };
        Act::Ocsp(answer(&world, &serial, status, request))
    })
}

#[test]
fn fleet_is_checked_and_the_worst_verdict_counts() {
    let desk = Desk::new();
    let list = fleet(&desk, 60);
    desk.put("fleet.txt", list.as_bytes());
    let server = responder(&desk, [0x40, 41]);
    let url = server.url();
    let words = ["--list", "fleet.txt", "--issuer", "ca.pem", "--url", &url];
    let all = desk.check(&words);
    assert_eq!(all.code, Some(1), "{}", all.all());
    let out = all.out();
    assert!(out.starts_with("REVOKED (1 of 60 targets)\n"), "{out}");
    assert!(!out.contains("GOOD"), "{out}");
    assert!(out.contains("60 connections"), "{out}");
    assert_eq!(server.requests().len(), 60);
    let line = out
        .lines()
        .find(|line| line.contains("REVOKED          fleet-41.pem"));
    assert!(line.is_some(), "{out}");
    // The next command is one on the target alone.
    let (_, next) = out
        .split_once("next:  certvouch check fleet-41.pem ")
        .unwrap();
    assert!(next.starts_with("--issuer ca.pem --url "), "{next}");
    assert!(
        all.err().is_empty(),
        "no bar without a terminal: {}",
        all.err()
    );

    let json = desk.check(&[&words[..], &["--json", "--jobs", "4"]].concat());
    let object: serde_json::Value = serde_json::from_str(&json.out()).unwrap();
    assert_eq!((json.code, object["code"].as_u64()), (Some(1), Some(1)));
    let targets = object["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 60);
    assert_eq!(targets[41]["target"], "fleet-41.pem");
    assert_eq!(targets[41]["verdict"], "REVOKED");
    assert_eq!(targets[40]["verdict"], "GOOD");
}

#[test]
fn target_that_cannot_be_read_is_not_good_and_stops_nobody() {
    let desk = Desk::new();
    let list = fleet(&desk, 3) + "gone.pem\n";
    desk.put("fleet.txt", list.as_bytes());
    let server = responder(&desk, [0x41, 0]);
    let url = server.url();
    let words = ["--list", "fleet.txt", "--issuer", "ca.pem", "--url", &url];
    let saved = desk.check(&[&words[..], &["--save", "evidence"]].concat());
    assert_eq!(saved.code, Some(2), "{}", saved.all());
    let out = saved.out();
    assert!(
        out.starts_with("NOT-CHECKED (3 of 4 targets, 1 could not be checked)\n"),
        "{out}"
    );
    let proved = desk.run(&["verify", "--bundle", "evidence/0002"]);
    assert_eq!(proved.code, Some(0), "{}", proved.all());
    desk.put("empty.txt", b"# nothing\n");
    assert_eq!(desk.check(&["--list", "empty.txt"]).code, Some(2));
    assert_eq!(desk.check(&["--list", "absent.txt"]).code, Some(2));
}

#[test]
fn bar_is_shown_on_a_terminal() {
    let Some(script) = peer::require_or_skip("script") else {
        return;
    };
    let desk = Desk::new();
    desk.put("fleet.txt", fleet(&desk, 3).as_bytes());
    let server = responder(&desk, [0x41, 0]);
    let call = format!(
        "{} check --list fleet.txt --issuer ca.pem --at {NOW} --url {} >out.txt",
        crate::desk::PROGRAM,
        server.url()
    );
    let shown = script.run_in(desk.dir.path(), &["-qec", &call, "/dev/null"]);
    assert_eq!(shown.code, Some(0), "{}", shown.all());
    assert!(shown.out().contains("/3, "), "{:?}", shown.out());
}
