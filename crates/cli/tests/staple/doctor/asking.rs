//! `--ask`: what the responder says beside the staple; and that nobody is asked without it.

use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg};
use certvouch_testkit::process::free_port;
use certvouch_testkit::reply::Status;

use super::house::{DAY, Trait, doctor, leaf, reply, single};
use super::sent::serve;
use crate::support::{Site, eventually};

#[test]
fn revocation_that_the_staple_does_not_know_is_found_at_the_responder() {
    let Some(site) = Site::new() else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let serial = &site.world.ee_good.serial;
    let made = leaf(&site, "ask.test", serial, &[Trait::Responder]);
    let good = reply(&site, &single(&site, &made)).build();
    let revoked = Status::Revoked(site.world.now - 60, Some(1));
    let revoked = reply(&site, &single(&site, &made).status(revoked)).build();
    let ca = &site.world.ca_a;
    let target = serve(&made, &[ca], move |_| Some(good.clone()));
    let bare = serve(&made, &[ca], |_| None);
    let strict = serve(&made, &[ca], move |_| Some(revoked.clone()));
    let url = format!("http://{address}/");
    let ask = ["--handshakes", "1", "--ask", "--url", &url];
    let said = doctor(&site, &target, &ask);
    assert_eq!(said.found(), [""; 0], "{}", said.outcome.all());
    let seen = said.of("responder-agrees", "seen").to_owned();
    assert!(seen.starts_with("the responder says good too"), "{seen}");
    let said = doctor(&site, &bare, &ask);
    assert_eq!(said.found(), ["warning staple-sent"]);
    let seen = said.of("responder-agrees", "seen");
    assert_eq!(
        seen,
        "the responder says good: there is something to staple"
    );
    let said = doctor(&site, &strict, &ask);
    assert_eq!(
        said.found(),
        [
            "error status",
            "info server-takes-it",
            "warning responder-agrees"
        ]
    );
    // The CA revokes it; the staple lives on for days.
    site.revoke();
    eventually("the responder has read its index", || {
        doctor(&site, &target, &ask).found() == ["error responder-agrees"]
    });
    let said = doctor(&site, &target, &ask);
    let seen = said.of("responder-agrees", "seen");
    assert!(
        seen.starts_with("the responder says revoked, the staple says good until "),
        "{seen}"
    );
    assert_eq!(said.of("status", "seen"), "good");
}

// covers: T-27
#[test]
fn nobody_but_the_server_hears_of_it_unless_that_is_asked_for() {
    let Some(site) = Site::new() else {
        return;
    };
    let responder = Misbehaving::start(|_| Act::Raw(Vec::new()));
    let now = site.world.now;
    let made = CertBuilder::new(&[("CN", "quiet")], &Key::cached(KeyAlg::P256, "ee"))
        .serial(&[0x71])
        .validity(now - DAY, now + DAY)
        .aia(&[&responder.url()], &[&responder.url()])
        .issued_by(&site.world.ca_a);
    let target = serve(&made, &[], |_| None);
    let said = doctor(&site, &target, &["--handshakes", "1"]);
    assert_eq!(said.of("responder-agrees", "severity"), "skipped");
    // A certificate leads nobody to this machine.
    let said = doctor(&site, &target, &["--handshakes", "1", "--ask"]);
    assert_eq!(
        said.of("responder-agrees", "severity"),
        "warning",
        "{}",
        said.outcome.all()
    );
    assert!(responder.requests().is_empty());
    let said = doctor(
        &site,
        &target,
        &["--handshakes", "1", "--ask", "--allow-address", "127.0.0.1"],
    );
    assert_eq!(
        said.of("responder-agrees", "severity"),
        "warning",
        "{}",
        said.outcome.all()
    );
    assert!(!responder.requests().is_empty());
    let nobody = format!("http://127.0.0.1:{}/", free_port());
    let said = doctor(
        &site,
        &target,
        &["--handshakes", "1", "--ask", "--url", &nobody],
    );
    assert!(
        said.of("responder-agrees", "seen")
            .starts_with("no answer: "),
        "{}",
        said.outcome.all()
    );
    let plain = leaf(&site, "plain.test", &[0x71], &[]);
    let target = serve(&plain, &[], |_| None);
    let said = doctor(&site, &target, &["--handshakes", "1", "--ask"]);
    assert_eq!(said.of("responder-agrees", "severity"), "skipped");
}
