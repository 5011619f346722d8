//! Exim with GnuTLS: a file that it reads for each connection.

use certvouch_testkit::clock::real_now;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer;
use certvouch_testkit::process::free_port;
use certvouch_testkit::reply::{Reply, Single};

use crate::clients::{NAME, site};
use crate::servers::{EXIM_DELIVERY, exim};
use crate::support::{Site, Wire, eventually, sleep_until};
use crate::wire::{is_confirmed, revoked_at_the_agent};

/// A handshake of `gnutls-cli` behind STARTTLS: whether a staple came, and whether it went well.
fn gnutls(site: &Site, port: u16) -> (bool, bool) {
    let client = peer::require_or_skip("gnutls-cli").unwrap();
    let (ca, port) = (site.files.ca.to_string_lossy(), port.to_string());
    let outcome = client.run(&[
        "--starttls-proto=smtp",
        "--x509cafile",
        &ca,
        "--verify-hostname",
        NAME,
        "-p",
        &port,
        "127.0.0.1",
    ]);
    let said = outcome.all();
    (
        said.contains("OCSP status request"),
        said.contains("The certificate is trusted") && said.contains("Handshake was completed"),
    )
}

// covers: STAPLE-1
#[test]
fn exim_has_the_staple_on_its_first_handshake_and_none_where_the_certificate_is_revoked() {
    let all = peer::require_or_skip("exim4").zip(peer::require_or_skip("gnutls-cli"));
    let (Some((program, _)), Some(site)) = (all, site()) else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let confirm = format!("confirm = \"127.0.0.1:{}\"", site.port);
    site.configure(address, &confirm, EXIM_DELIVERY);
    let outcome = site.once();
    // Exim does not run yet: the file is written, and the handshake cannot be made.
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    let starttls = free_port();
    let _server = exim(&site, &program, starttls);
    assert!(site.look().is("good"));
    assert_eq!(gnutls(&site, starttls), (true, true));
    // Without the file it serves without a staple; the next connection after it is back has one. Nobody reloads.
    let file = site.path().join("www.exim.pem");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(site.look(), Wire::None);
    assert_eq!(gnutls(&site, starttls), (false, true));
    let mut agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    eventually("confirmed", || is_confirmed(&site));
    // GnuTLS refuses to load a revocation, and Exim refuses every handshake then. It gets none.
    site.revoke();
    revoked_at_the_agent(&site, &mut agent);
    eventually("withdrawn", || !file.exists());
    assert_eq!(site.look(), Wire::None);
    assert_eq!(gnutls(&site, starttls), (false, true));
    let note = |report: serde_json::Value| report["targets"][0]["deliveries"][0]["note"].clone();
    eventually("told", || {
        let note = site.report().map(note);
        note.is_some_and(|note| note == "Exim staples no revocation: clients see no staple")
    });
    assert_eq!(agent.terminate().code(), Some(0));
}

// covers: STAPLE-3
#[test]
fn exim_serves_on_when_its_staple_has_ended() {
    let Some((site, program)) = Site::with("exim4") else {
        return;
    };
    let end = real_now() + 8;
    let single = Single::about(&site.world.ca_a, &site.world.ee_good.serial, site.world.now)
        .next_update(end);
    let answer = Reply::delegated(&site.world.d_a, site.world.now)
        .single(&single)
        .build();
    let responder = Misbehaving::start(move |_| Act::Ocsp(answer.clone()));
    let delivery = "{ kind = \"exim\", file = \"www.exim.pem\", margin = \"2s\" }";
    site.configure(responder.address(), "", delivery);
    let _agent = site.agent();
    let _server = exim(&site, &program, free_port());
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    while real_now() < end - 2 {
        let wire = site.look();
        assert!(wire.is("good") || real_now() >= end - 2, "{wire:?}");
    }
    sleep_until(end);
    assert_eq!(site.look(), Wire::None);
    assert!(!site.path().join("www.exim.pem").exists());
}
