//! What is on the wire: the first handshake, after a refresh, after a revocation, at the second of nextUpdate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use certvouch_testkit::clock::real_now;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::peer;
use certvouch_testkit::process::PATIENCE;
use certvouch_testkit::reply::{Reply, Single};

use crate::servers::{haproxy, haproxy_delivery, nginx, nginx_delivery};
use crate::support::{Site, Wire, eventually, sleep_until};

/// Whether the report says that a handshake showed the right thing.
pub(crate) fn is_confirmed(site: &Site) -> bool {
    let report = site.report();
    report.is_some_and(|report| report["targets"][0]["confirmed"]["right"] == true)
}

// covers: STAPLE-1, STAPLE-4
#[test]
fn nginx_has_the_staple_on_its_first_handshake_and_shows_a_revocation() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let confirm = format!("confirm = \"127.0.0.1:{}\"", site.port);
    site.configure(address, &confirm, &nginx_delivery(&site, ""));
    // It starts although the agent never ran.
    let mut server = nginx(&site, &program);
    assert_eq!(site.look(), Wire::None);
    let mut agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    eventually("confirmed", || is_confirmed(&site));
    // The first handshake of an nginx that starts now.
    let _ = server.terminate();
    let server = nginx(&site, &program);
    assert!(site.look().is("good"), "{}", server.stderr());
    // Refreshed, while clients come: none is refused.
    let Wire::Staple(_, old) = site.look() else {
        panic!("no staple");
    };
    sleep_until(real_now() + 2);
    let stop = Arc::new(AtomicBool::new(false));
    let clients = std::thread::spawn({
        let (stop, port) = (Arc::clone(&stop), site.port);
        let openssl = peer::require_or_skip("openssl").unwrap();
        move || {
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                let seen = openssl.run(&[
                    "s_client",
                    "-connect",
                    &format!("127.0.0.1:{port}"),
                    "-status",
                ]);
                assert!(seen.out().contains("Cert Status: good"), "{}", seen.all());
                count += 1;
            }
            count
        }
    });
    // A new answer: the responder is asked anew, and has a younger one after its restart.
    drop(_responder);
    let (_responder, address) = site.responder(&[]);
    site.configure(address, &confirm, &nginx_delivery(&site, ""));
    let _ = agent.terminate();
    std::fs::remove_dir_all(site.path().join("state")).unwrap();
    let mut agent = site.agent();
    let _ = site.wait_for("a younger staple", |wire| {
        matches!(wire, Wire::Staple(status, this_update) if status == "good" && *this_update != old)
    });
    stop.store(true, Ordering::SeqCst);
    assert!(clients.join().unwrap() > 0);
    site.revoke();
    let took = revoked_on_the_wire(&site, &mut agent);
    println!("nginx: revoked on the wire after {took:?}");
    let status = site.report().unwrap()["targets"][0]["standing"].clone();
    eventually("told", || {
        site.report()
            .is_some_and(|report| report["targets"][0]["standing"] == "revoked")
    });
    drop(status);
    assert_eq!(agent.terminate().code(), Some(0));
}

/// Has the agent ask until the revocation is on the wire.
pub(crate) fn revoked_on_the_wire(
    site: &Site,
    agent: &mut certvouch_testkit::process::Server,
) -> Duration {
    let began = std::time::Instant::now();
    // The responder notices its new index within a second or two; the agent is told to hurry as a CA would do.
    while !site.look().is("revoked") {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            site.report()
        );
        agent.hang_up();
        std::thread::sleep(Duration::from_millis(300));
    }
    began.elapsed()
}

/// Has the agent ask until it knows of the revocation.
pub(crate) fn revoked_at_the_agent(site: &Site, agent: &mut certvouch_testkit::process::Server) {
    let began = std::time::Instant::now();
    let knows = |site: &Site| {
        let report = site.report();
        report.is_some_and(|report| report["targets"][0]["standing"] == "revoked")
    };
    while !knows(site) {
        assert!(began.elapsed() < PATIENCE, "{:?}", site.report());
        agent.hang_up();
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn nginx_staples_nothing_where_a_revocation_is_omitted_and_the_hook_is_called() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let _server = nginx(&site, &program);
    site.configure(address, "on_revoked = \"omit\"", &nginx_delivery(&site, ""));
    let mut agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    site.revoke();
    let began = std::time::Instant::now();
    // A worker of nginx that is being replaced may staple nothing for a moment: both have to be so.
    let directive = site.path().join("www.stapling.conf");
    while site.look() != Wire::None || directive.exists() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            site.report()
        );
        agent.hang_up();
        std::thread::sleep(Duration::from_millis(300));
    }
    let _ = agent.terminate();
    let hook =
        "on_revoked = \"hook\"\nhook = [\"sh\", \"-c\", \"echo $CERTVOUCH_STATUS > called\"]";
    site.configure(address, hook, &nginx_delivery(&site, ""));
    let outcome = site.once();
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    let called = std::fs::read_to_string(site.path().join("called")).unwrap();
    assert_eq!(called, "revoked\n");
    let _ = site.wait_for("the revocation", |wire| wire.is("revoked"));
}

// covers: STAPLE-3
#[test]
fn nginx_staples_until_next_update_and_not_at_its_second() {
    let Some((site, program)) = Site::with("nginx") else {
        return;
    };
    let end = real_now() + 11;
    let single = Single::about(&site.world.ca_a, &site.world.ee_good.serial, site.world.now)
        .next_update(end);
    let answer = Reply::delegated(&site.world.d_a, site.world.now)
        .single(&single)
        .build();
    let responder = Misbehaving::start(move |_| Act::Ocsp(answer.clone()));
    let _server = nginx(&site, &program);
    let delivery = nginx_delivery(&site, ", margin = \"2s\"");
    site.configure(responder.address(), "", &delivery);
    let _agent = site.agent();
    let _ = site.wait_for("a staple", |wire| wire.is("good"));
    // nginx's workers of before the reload take a connection or two more while they go.
    sleep_until(real_now() + 2);
    while real_now() < end - 2 {
        let wire = site.look();
        assert!(wire.is("good") || real_now() >= end - 2, "{wire:?}");
    }
    sleep_until(end);
    assert_eq!(site.look(), Wire::None);
    // And it stays so, although the responder still gives it.
    sleep_until(end + 2);
    assert_eq!(site.look(), Wire::None);
    assert!(!site.path().join("www.der").exists());
}

#[test]
fn haproxy_has_the_staple_on_its_first_handshake_takes_new_ones_and_shows_a_revocation() {
    let Some((site, program)) = Site::with("haproxy") else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let confirm = format!("confirm = \"127.0.0.1:{}\"", site.port);
    site.configure(address, &confirm, haproxy_delivery());
    // HAProxy does not run yet: the file is written, and the handshake cannot be made.
    let outcome = site.once();
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    let server = haproxy(&site, &program);
    assert!(site.look().is("good"), "{}", server.stderr());
    let mut agent = site.agent();
    eventually("confirmed", || is_confirmed(&site));
    site.revoke();
    let took = revoked_on_the_wire(&site, &mut agent);
    println!("HAProxy: revoked on the wire after {took:?}");
    assert_eq!(agent.terminate().code(), Some(0));
}

#[test]
fn haproxy_that_was_started_without_a_staple_gets_one() {
    let Some((site, program)) = Site::with("haproxy") else {
        return;
    };
    let (_responder, address) = site.responder(&[]);
    let server = haproxy(&site, &program);
    assert_eq!(site.look(), Wire::None);
    site.configure(address, "", haproxy_delivery());
    let outcome = site.once();
    assert_eq!(
        outcome.code,
        Some(0),
        "{} {}",
        outcome.all(),
        server.stderr()
    );
    assert!(site.look().is("good"));
}

#[test]
fn haproxy_is_not_given_what_it_would_drop() {
    let Some(site) = Site::new() else {
        return;
    };
    // Less than the 300 s that it wants to be left.
    let (_responder, address) = site.responder(&["--validity", "4m"]);
    site.configure(
        address,
        "",
        "{ kind = \"haproxy\", file = \"site.pem.ocsp\", margin = \"0s\" }",
    );
    let outcome = site.once();
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    assert!(
        outcome.all().contains("300 s must be left"),
        "{}",
        outcome.all()
    );
    assert!(!site.path().join("site.pem.ocsp").exists());
}
