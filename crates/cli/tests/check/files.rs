//! Certificates in files and serial numbers: where the issuer comes from, who is asked, and how it ends.

use std::fs;
use std::process::Command;

use certvouch_testkit::crl::CrlBuilder;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, KeyUsage, T0};
use certvouch_testkit::process::{Server, temp_dir};
use certvouch_testkit::reply::{Reply, Single, Status, error};

use crate::desk::{DAY, Desk, PROGRAM};

/// The transcript that a newcomer sees first: the demo's certificates, in the words of the manual.
#[test]
fn certificates_of_the_demo_end_in_their_words() {
    let home = temp_dir();
    let mut demo = Command::new(PROGRAM);
    demo.current_dir(home.path());
    let demo = Server::start(demo.args(["demo", "--listen", "127.0.0.1:0"]));
    let url = format!("http://{}/", demo.listening_address());
    let check = |name: &str, more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.current_dir(home.path()).arg("check");
        command.arg(format!("certvouch-demo/{name}.pem"));
        command
            .args(["--issuer", "certvouch-demo/issuing-ca.pem"])
            .args(more);
        peer::run(&mut command, &[], peer::PATIENCE)
    };
    for (name, code, start) in [
        ("good", 0, "GOOD (until "),
        ("revoked", 1, "REVOKED (keyCompromise, "),
        ("on-hold", 1, "REVOKED (certificateHold, "),
        (
            "never-issued",
            3,
            "UNKNOWN (responder answers for this issuer",
        ),
        ("expired", 4, "NOT-CURRENT (the certificate expired at "),
    ] {
        let outcome = check(name, &["--url", &url]);
        assert_eq!(outcome.code, Some(code), "{name}: {}", outcome.all());
        assert!(outcome.out().starts_with(start), "{}", outcome.out());
        assert_eq!(outcome.out().contains("\n  cause: "), code != 0);
    }
    // The URL in the certificate leads to this machine: it is asked when the caller names it, and the next command does.
    let outcome = check("good", &[]);
    assert_eq!(outcome.code, Some(8), "{}", outcome.all());
    let out = outcome.out();
    let (_, next) = out.split_once("\n  next:  certvouch ").unwrap();
    let script = format!("{PROGRAM} {}", next.lines().next().unwrap());
    let mut again = Command::new("sh");
    again.current_dir(home.path()).args(["-c", &script]);
    let again = peer::run(&mut again, &[], peer::PATIENCE);
    assert_eq!(again.code, Some(0), "{script}: {}", again.all());
    assert_eq!(
        check("good", &["--allow-address", "127.0.0.0/8"]).code,
        Some(0)
    );
    assert_eq!(
        check("expired", &["--url", &url, "--ask-expired"]).code,
        Some(0)
    );
}

#[test]
fn issuer_is_named_or_stands_in_the_file_or_is_fetched() {
    let desk = Desk::new();
    let world = &desk.world;
    let responder = desk.responder(&world.ee_good.serial, Status::Good);
    let url = responder.url();
    let named = desk.judged(&["ee.pem", "--issuer", "ca.pem", "--url", &url]);
    assert_eq!(
        (named.code, &named.json["text"]),
        (0, &named.json["certificates"][0]["text"])
    );
    let chain = [world.ee_good.pem(), world.ca_b.pem(), world.ca_a.pem()].concat();
    desk.put("chain.pem", chain.as_bytes());
    let in_file = desk.judged(&["chain.pem", "--url", &url]);
    assert_eq!(in_file.code, 0, "{}", in_file.out);
    assert!(in_file.line.contains("the issuer is taken from the file"));

    // It comes over an open line, so that it has to end in a root.
    let der = world.ca_a.der.clone();
    let store = Misbehaving::start(move |_| Act::typed(200, "application/pkix-cert", &der));
    let serial = [0x77];
    let responder = desk.responder(&serial, Status::Good);
    desk.certificate("aia", &[&responder.url()], &[&store.url()], &[]);
    let open = ["aia.pem", "--allow-address", "127.0.0.1"];
    let strange = desk.judged(&open);
    assert_eq!(
        (strange.code, strange.json["reason"].as_str()),
        (5, Some("unknown-issuer"))
    );
    assert!(
        responder.requests().is_empty(),
        "nobody is asked below an unknown root"
    );
    let trusted = desk.judged(&[&open[..], &["--trust", "ca.pem"]].concat());
    assert_eq!(trusted.code, 0, "{}", trusted.out);
    let unchecked = desk.judged(&[&open[..], &["--no-chain"]].concat());
    assert!(
        unchecked.line.contains("the chain was not validated"),
        "{}",
        unchecked.line
    );
    assert_eq!(unchecked.code, 0);
    let refused = desk.judged(&["aia.pem"]);
    assert_eq!(
        (refused.code, refused.json["reason"].as_str()),
        (8, Some("issuer-unreachable"))
    );
    let unknown = desk.check(&["ee.pem", "--url", &url]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err().contains("--issuer"), "{}", unknown.err());
    let root = desk.judged(&["ca.pem"]);
    assert_eq!(
        (root.code, root.json["reason"].as_str()),
        (9, Some("self-issued"))
    );
}

// covers: T-20
#[test]
fn forged_certificate_is_not_asked_about_and_a_serial_number_says_that_it_is_one() {
    let desk = Desk::new();
    let world = &desk.world;
    let responder = desk.responder(&world.ee_good.serial, Status::Good);
    let url = responder.url();
    let forged = CertBuilder::new(&[("CN", "EE-good")], &world.ee_good.key)
        .serial(&world.ee_good.serial)
        .validity(T0 - DAY, T0 + DAY)
        .issued(&world.ca_a.subject, &world.ca_b.key);
    desk.put("forged.pem", forged.pem().as_bytes());
    let outcome = desk.judged(&["forged.pem", "--issuer", "ca.pem", "--url", &url]);
    assert_eq!(outcome.code, 5, "{}", outcome.out);
    assert_eq!(outcome.json["reason"], "certificate-not-signed-by-issuer");
    assert!(responder.requests().is_empty());
    let serial = world.ee_good.serial_hex();
    let outcome = desk.judged(&["--serial", &serial, "--issuer", "ca.pem", "--url", &url]);
    assert_eq!(outcome.code, 0, "{}", outcome.out);
    assert!(
        outcome.line.contains("by serial number alone"),
        "{}",
        outcome.line
    );
    let nobody = desk.judged(&["--serial", &serial, "--issuer", "ca.pem"]);
    assert_eq!(nobody.code, 9, "{}", nobody.out);
}

#[test]
fn responder_whose_signer_expired_is_not_trusted_and_ours_says_an_error() {
    let desk = Desk::new();
    let world = &desk.world;
    let signer = |from: i64, to: i64| {
        CertBuilder::new(&[("CN", "OCSP")], &Key::cached(KeyAlg::P256, "signer"))
            .serial(&[0x10])
            .validity(from, to)
            .key_usage(&[KeyUsage::DigitalSignature])
            .ocsp_signing()
            .ocsp_nocheck()
            .issued_by(&world.ca_a)
    };
    let expired = signer(T0 - 2 * DAY, T0 - DAY);
    let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
    let der = Reply::delegated(&expired, T0).single(&single).build();
    let foreign = Misbehaving::start(move |_| Act::Ocsp(der.clone()));
    let outcome = desk.judged(&["ee.pem", "--issuer", "ca.pem", "--url", &foreign.url()]);
    assert_eq!(outcome.code, 5, "{}", outcome.out);
    assert!(
        outcome
            .out
            .contains("cause: the responder's certificate was not renewed in time")
    );

    // Ours stops signing: what it says then is an error that names nobody.
    let busy = Misbehaving::start(|_| Act::Ocsp(error(2)));
    let outcome = desk.judged(&["ee.pem", "--issuer", "ca.pem", "--url", &busy.url()]);
    assert_eq!(
        (outcome.code, outcome.json["verdict"].as_str()),
        (7, Some("RESPONDER-ERROR"))
    );
}

#[test]
fn dead_port_is_unreachable_and_a_certificate_that_names_nobody_is_no_ocsp() {
    let desk = Desk::new();
    let dead = format!(
        "http://127.0.0.1:{}/",
        certvouch_testkit::process::free_port()
    );
    let outcome = desk.judged(&["ee.pem", "--issuer", "ca.pem", "--url", &dead]);
    assert_eq!(outcome.code, 8, "{}", outcome.out);
    assert!(
        outcome.line.starts_with("UNREACHABLE (cannot connect: "),
        "{}",
        outcome.line
    );
    assert!(outcome.next().contains(&dead), "{}", outcome.next());
    let outcome = desk.judged(&["ee.pem", "--issuer", "ca.pem"]);
    assert_eq!(outcome.code, 9, "{}", outcome.out);
    assert!(
        outcome
            .line
            .starts_with("NO-OCSP (no responder and no CRL named)")
    );
    let alone = desk.judged(&["ee.pem"]);
    assert_eq!(alone.code, 9, "{}", alone.out);
}

// covers: T-24
#[test]
fn urls_of_certificates_lead_nowhere_inside_unless_named() {
    let desk = Desk::new();
    let responder = desk.responder(&[0x77], Status::Good);
    desk.certificate("inside", &[&responder.url()], &[], &[]);
    let refused = desk.judged(&["inside.pem", "--issuer", "ca.pem"]);
    assert_eq!(
        (refused.code, refused.json["reason"].as_str()),
        (8, Some("address-refused"))
    );
    assert!(responder.requests().is_empty());
    let metadata = Misbehaving::start(|_| Act::redirect("http://169.254.169.254/latest/"));
    let redirected = desk.judged(&["inside.pem", "--issuer", "ca.pem", "--url", &metadata.url()]);
    assert_eq!(
        (redirected.code, redirected.json["reason"].as_str()),
        (8, Some("address-refused"))
    );
    let named = [
        "inside.pem",
        "--issuer",
        "ca.pem",
        "--allow-address",
        "127.0.0.1",
    ];
    assert_eq!(desk.judged(&named).code, 0);
    // The body of a web server is nobody's to repeat.
    let secret =
        Misbehaving::start(|_| Act::typed(200, "text/plain", b"secret of the metadata service"));
    let outcome = desk.judged(&["inside.pem", "--issuer", "ca.pem", "--url", &secret.url()]);
    assert_eq!(outcome.code, 8);
    assert!(!outcome.out.contains("secret of"), "{}", outcome.out);
}

#[test]
fn ca_that_publishes_crls_only_is_judged_by_them() {
    let desk = Desk::new();
    let crl = CrlBuilder::new(&desk.world.ca_a).der();
    let listed = CrlBuilder::new(&desk.world.ca_a)
        .revoke("77", Some(1))
        .der();
    let (good, bad) = (desk.put("ca.crl", &crl), desk.put("listed.crl", &listed));
    let lists = Misbehaving::start(move |_| Act::typed(200, "application/pkix-crl", &crl));
    desk.certificate("listed", &[], &[], &[&lists.url()]);
    let issued = ["listed.pem", "--issuer", "ca.pem"];
    let fetched = desk.judged(&[&issued[..], &["--allow-address", "127.0.0.1"]].concat());
    assert_eq!(
        (
            fetched.code,
            fetched.json["certificates"][0]["source"].as_str()
        ),
        (0, Some("crl"))
    );
    let refused = desk.judged(&issued);
    assert_eq!(refused.code, 8, "{}", refused.out);
    assert!(refused.next().contains("--allow-address 127.0.0.1"));
    for (place, code) in [
        (good.display().to_string(), 0),
        (bad.display().to_string(), 1),
        (lists.url(), 0),
    ] {
        let outcome = desk.judged(&[&issued[..], &["--crl", &place]].concat());
        assert_eq!(outcome.code, code, "{place}: {}", outcome.out);
    }
}

// covers: T-27
#[test]
fn private_check_asks_no_responder() {
    let desk = Desk::new();
    let responder = desk.responder(&[0x77], Status::Good);
    let crl = CrlBuilder::new(&desk.world.ca_a)
        .revoke("77", Some(4))
        .der();
    let lists = Misbehaving::start(move |_| Act::typed(200, "application/pkix-crl", &crl));
    desk.certificate("ee-private", &[&responder.url()], &[], &[&lists.url()]);
    let words = [
        "ee-private.pem",
        "--issuer",
        "ca.pem",
        "--allow-address",
        "127.0.0.1",
    ];
    let outcome = desk.judged(&[&words[..], &["--private"]].concat());
    assert_eq!(
        (
            outcome.code,
            outcome.json["certificates"][0]["source"].as_str()
        ),
        (1, Some("crl"))
    );
    assert!(responder.requests().is_empty());
    assert!(!lists.requests().is_empty());
    let outcome = desk.check(&[
        "ee.pem",
        "--issuer",
        "ca.pem",
        "--private",
        "--url",
        &responder.url(),
    ]);
    assert_eq!(
        outcome.code,
        Some(2),
        "two flags that contradict each other"
    );
}

#[test]
fn intermediates_are_asked_about_and_the_worst_counts() {
    let desk = Desk::new();
    let world = &desk.world;
    let sub = |ocsp: &[&str]| {
        let builder = CertBuilder::new(&[("CN", "Sub CA")], &Key::cached(KeyAlg::P256, "sub"))
            .serial(&[0x55])
            .validity(T0 - DAY, T0 + DAY)
            .basic_constraints(true, None)
            .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign]);
        let builder = if ocsp.is_empty() {
            builder
        } else {
            builder.aia(ocsp, &[])
        };
        builder.issued_by(&world.ca_a)
    };
    let write = |sub: &certvouch_testkit::pki::Cert| {
        let leaf = CertBuilder::new(&[("CN", "leaf")], &Key::cached(KeyAlg::P256, "ee"))
            .serial(&[0x66])
            .validity(T0 - DAY, T0 + DAY)
            .issued_by(sub);
        desk.put("sub.crl", &CrlBuilder::new(sub).der());
        let chain = [leaf.pem(), sub.pem(), world.ca_a.pem()].concat();
        desk.put("chain.pem", chain.as_bytes());
    };
    // It names nobody: said, and not counted, but where that is asked for.
    write(&sub(&[]));
    let words = ["chain.pem", "--crl", "sub.crl", "--trust", "ca.pem"];
    let outcome = desk.judged(&words);
    assert_eq!(outcome.code, 0, "{}", outcome.out);
    assert_eq!(outcome.json["certificates"].as_array().unwrap().len(), 2);
    assert_eq!(outcome.json["certificates"][1]["counted"], false);
    let strict = desk.judged(&[&words[..], &["--chain", "strict"]].concat());
    assert_ne!(strict.code, 0, "{}", strict.out);
    let leaf = desk.judged(&[&words[..], &["--chain", "leaf"]].concat());
    assert_eq!(leaf.json["certificates"].as_array().unwrap().len(), 1);
    let responder = desk.responder(&[0x55], Status::Revoked(T0 - 60, Some(2)));
    write(&sub(&[&responder.url()]));
    let outcome = desk.judged(&[&words[..], &["--allow-address", "127.0.0.1"]].concat());
    assert_eq!(outcome.code, 1, "{}", outcome.out);
    assert!(
        outcome
            .line
            .starts_with("REVOKED (an intermediate: cACompromise, "),
        "{}",
        outcome.line
    );
}

#[test]
fn replay_prints_commands_that_really_ask_the_same() {
    let Some(_) = peer::require_or_skip("openssl") else {
        return;
    };
    let Some(_) = peer::require_or_skip("curl") else {
        return;
    };
    let home = temp_dir();
    let mut demo = Command::new(PROGRAM);
    demo.current_dir(home.path());
    let demo = Server::start(demo.args(["demo", "--listen", "127.0.0.1:0"]));
    let url = format!("http://{}/", demo.listening_address());
    for nonce in ["off", "require"] {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(home.path())
            .args(["check", "certvouch-demo/revoked.pem"]);
        command.args(["--issuer", "certvouch-demo/issuing-ca.pem", "--url", &url]);
        command.args(["--replay", "--json", "--nonce", nonce]);
        let outcome = peer::run(&mut command, &[], peer::PATIENCE);
        let json: serde_json::Value = serde_json::from_str(&outcome.out()).unwrap();
        let commands = json["certificates"][0]["replay"].as_array().unwrap();
        assert_eq!(commands.len(), 2, "{}", outcome.out());
        for line in commands {
            let mut shell = Command::new("sh");
            shell
                .current_dir(home.path())
                .args(["-c", line.as_str().unwrap()]);
            shell.env("no_proxy", "127.0.0.1");
            let said = peer::run(&mut shell, &[], peer::PATIENCE);
            assert!(
                said.all().contains("Cert Status: revoked"),
                "{line}: {}",
                said.all()
            );
        }
    }
}

#[test]
fn explain_shows_every_check_with_its_rule() {
    let desk = Desk::new();
    let responder = desk.responder(&desk.world.ee_good.serial, Status::Good);
    let words = ["ee.pem", "--issuer", "ca.pem", "--url", &responder.url()];
    assert!(!desk.judged(&words).out.contains("[RFC 6960"));
    let explained = desk.judged(&[&words[..], &["--explain"]].concat());
    for rule in [
        "issuer-is-ca",
        "signer-purpose",
        "[RFC 6960 4.2.2.2]",
        "next-update",
    ] {
        assert!(explained.out.contains(rule), "{}", explained.out);
    }
    let cost = &explained.json["certificates"][0]["exchanges"][0];
    assert!(cost["sent"].as_u64() > Some(100) && cost["received"].as_u64() > Some(500));
    fs::remove_file(desk.dir.path().join("ee.pem")).unwrap();
    assert_eq!(desk.check(&words).code, Some(2));
}
