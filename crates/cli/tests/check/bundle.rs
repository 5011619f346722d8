//! Evidence that is kept: proved again on another day, and worth nothing when an octet changed.

use std::fs;

use certvouch_testkit::crl::CrlBuilder;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::pki::T0;
use certvouch_testkit::reply::{Reply, Single, Status, error};

use crate::desk::{DAY, Desk};

const LATER: &str = "2031-05-01T12:00:00Z";

fn verified(desk: &Desk, at: &str) -> (i32, String) {
    let outcome = desk.run(&["verify", "--bundle", "evidence", "--at", at]);
    let json = desk.run(&["verify", "--bundle", "evidence", "--at", at, "--json"]);
    assert_eq!(outcome.code, json.code);
    let object: serde_json::Value = serde_json::from_str(&json.out()).unwrap();
    assert_eq!(object["code"], outcome.code.unwrap());
    assert!(
        outcome
            .out()
            .starts_with(object["verdict"].as_str().unwrap())
    );
    (outcome.code.unwrap(), outcome.out())
}

#[test]
fn bundle_gives_the_same_verdict_on_another_day() {
    let desk = Desk::new();
    let world = &desk.world;
    let serial = &world.ee_good.serial;
    let single = Single::about(&world.ca_a, serial, T0);
    let old = single
        .clone()
        .this_update(T0 - 8 * DAY)
        .next_update(T0 - 3 * DAY);
    let old = Reply::delegated(&world.d_a, T0).single(&old).build();
    let forged = Reply::delegated(&world.d_b, T0).single(&single).build();
    let crl = CrlBuilder::new(&world.ca_a).revoke(&world.ee_good.serial_hex(), Some(1));
    desk.put("ca.crl", &crl.der());
    let servers = [
        (0, desk.responder(serial, Status::Good)),
        (1, desk.responder(serial, Status::Revoked(T0 - 60, Some(1)))),
        (3, desk.responder(serial, Status::Unknown)),
        (4, Misbehaving::start(move |_| Act::Ocsp(old.clone()))),
        (5, Misbehaving::start(move |_| Act::Ocsp(forged.clone()))),
        (6, Misbehaving::start(|_| Act::Ocsp(vec![0x30, 0x00]))),
        (7, Misbehaving::start(|_| Act::Ocsp(error(3)))),
        (
            8,
            Misbehaving::start(|_| Act::typed(404, "text/plain", b"no")),
        ),
    ];
    let urls = servers.iter().map(|(code, server)| (*code, server.url()));
    let cases = urls.map(|(code, url)| (code, vec!["--url".to_owned(), url]));
    let by_crl = (1, vec!["--crl".to_owned(), "ca.crl".to_owned()]);
    for (code, flags) in cases.chain([by_crl, (9, Vec::new())]) {
        let mut words = vec!["ee.pem", "--issuer", "ca.pem", "--save", "evidence"];
        words.extend(flags.iter().map(String::as_str));
        let outcome = desk.check(&words);
        assert_eq!(outcome.code, Some(code), "{}", outcome.all());
        let (proved, said) = verified(&desk, LATER);
        assert_eq!(proved, code, "{said}");
        assert!(said.contains("as of 2026-01-10T00:00:00Z"), "{said}");
        // Before the check nothing of it can be known.
        assert_eq!(verified(&desk, "2025-12-01T00:00:00Z").0, 5);
        let again = desk.check(&words);
        assert_eq!(again.code, Some(2), "evidence is not written over");
        fs::remove_dir_all(desk.dir.path().join("evidence")).unwrap();
    }
}

#[test]
fn changed_octet_of_any_file_is_found() {
    let desk = Desk::new();
    let responder = desk.responder(&desk.world.ee_good.serial, Status::Good);
    let url = responder.url();
    let words = [
        "ee.pem", "--issuer", "ca.pem", "--url", &url, "--save", "evidence",
    ];
    assert_eq!(desk.check(&words).code, Some(0));
    let folder = desk.dir.path().join("evidence");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 7, "{names:?}");
    for path in &names {
        let octets = fs::read(path).unwrap();
        for place in [0, octets.len() / 2, octets.len() - 1] {
            let mut changed = octets.clone();
            changed[place] ^= 0x01;
            fs::write(path, changed).unwrap();
            let (code, said) = verified(&desk, LATER);
            assert_eq!(code, 5, "{}, octet {place}: {said}", path.display());
            assert!(said.contains("the bundle was changed"), "{said}");
        }
        fs::write(path, &octets).unwrap();
    }
    assert_eq!(verified(&desk, LATER).0, 0);
    // Whoever makes new sums still has no signature.
    let response = folder.join("1-response.der");
    let mut octets = fs::read(&response).unwrap();
    let last = octets.len() / 3;
    octets[last] ^= 1;
    fs::write(&response, octets).unwrap();
    let mut sums = std::process::Command::new("sh");
    sums.current_dir(&folder)
        .args(["-c", "sha256sum $(ls | grep -v SHA256SUMS) > SHA256SUMS"]);
    assert!(sums.status().unwrap().success());
    assert_eq!(verified(&desk, LATER).0, 5);
    let none = desk.run(&["verify", "--bundle", "."]);
    assert_eq!(none.code, Some(2), "{}", none.all());
}
