//! What a restart knows: the last good CRL and the marks of the state folder, with or without a network.

use certvouch_testkit::process::Server;

use crate::support::{CrlBuilder, Page, Site, TRUTH, Told, until};

// covers: T-4, CRLSRC-1
#[test]
fn restart_without_a_server_answers_from_the_state_folder() {
    let site = Site::with_crl();
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    assert!(server.terminate().success());
    site.web.put("/ca.crl", Page::Gone);
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    let _ = server.wait_for_stderr("the HTTP exchange failed");
    assert_eq!(site.ask_all(address), TRUTH);
    assert!(server.terminate().success());
    // Without the good-list nothing is good, and what was never issued is not either.
    let url = site.web.url("/ca.crl");
    let (mut server, address) = site.serve(&["--crl", &url]);
    let [good, revoked, held, unissued] = site.ask_all(address);
    assert_eq!([good, unissued], [Told::Unknown; 2]);
    assert_eq!([revoked, held], [Told::Revoked; 2]);
    assert!(server.terminate().success());
}

// covers: T-4, R5280-5.2.3-1
#[test]
fn older_crl_is_refused_after_a_restart_too() {
    let site = Site::with_crl();
    let newer = CrlBuilder::new(&site.world)
        .number(7)
        .revoke(&site.world.ee_good, Some(4));
    site.web.put("/ca.crl", Page::Body(newer.der()));
    let (mut server, address) = site.serve_crl();
    let truth = [Told::Revoked, Told::Revoked, Told::Revoked, Told::Unknown];
    assert_eq!(site.ask_all(address), truth);
    assert!(server.terminate().success());
    let older = CrlBuilder::new(&site.world).der();
    site.web.put("/ca.crl", Page::Body(older));
    let (mut server, address) = site.serve_crl();
    let _ = server.wait_for_stderr("cRLNumber 0x05 is older than 0x07");
    assert_eq!(site.ask_all(address), truth);
    assert!(server.terminate().success());
}

#[test]
fn start_with_nothing_is_refused_with_the_cause() {
    let site = Site::new();
    let url = site.web.url("/ca.crl");
    let outcome = site.run(&site.flags(&["--crl", &url]));
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert_eq!(outcome.out(), "");
    for part in ["no CRL to answer from", &url, "HTTP status 404"] {
        assert!(outcome.err().contains(part), "{part}: {}", outcome.err());
    }
    let outcome = site.run(&site.flags(&["--crl", "absent.crl"]));
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.err().contains("absent.crl"), "{}", outcome.err());
    let other = CrlBuilder::new(&site.world).der();
    std::fs::write(site.path().join("x.crl"), &other[..other.len() - 1]).unwrap();
    let outcome = site.run(&site.flags(&["--crl", "x.crl"]));
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.err().contains("not a CRL"), "{}", outcome.err());
}

#[test]
fn state_goes_to_the_users_folder_when_none_is_named() {
    let site = Site::with_crl();
    let url = site.web.url("/ca.crl");
    let flags: Vec<&str> = site
        .flags(&["--crl", &url])
        .into_iter()
        .filter(|flag| !["--crl-state", "state"].contains(flag))
        .collect();
    // Where the system has a folder of its own, that comes first, and this test does not write there.
    if std::path::Path::new("/var/lib/certvouch").exists() {
        return;
    }
    let mut server = Server::start(&mut site.command(&flags));
    let _ = server.listening_address();
    assert!(site.path().join("xdg/certvouch/crl").is_dir());
    assert!(server.terminate().success());
    // Nowhere to write is no reason to refuse, but to say so.
    let mut command = site.command(&flags);
    command.env("XDG_STATE_HOME", "/proc/nowhere");
    let mut server = Server::start(&mut command);
    let _ = server.listening_address();
    let _ = server.wait_for_stderr("no state is kept");
    assert!(server.terminate().success());
    let mut named = site.flags(&["--crl", &url]);
    let at = named.iter().position(|flag| *flag == "state").unwrap();
    named[at] = "/proc/nowhere";
    assert_eq!(site.run(&named).code, Some(2));
}

// covers: R5280-5-1
#[test]
fn new_crl_in_a_file_is_in_the_next_answers() {
    let site = Site::new();
    let put = |crl: CrlBuilder| {
        let aside = site.path().join("aside");
        std::fs::write(&aside, crl.der()).unwrap();
        std::fs::rename(&aside, site.path().join("ca.crl")).unwrap();
    };
    put(CrlBuilder::new(&site.world));
    let (mut server, address) = site.serve(&["--crl", "ca.crl", "--good-list", "issued.txt"]);
    assert_eq!(site.ask_all(address), TRUTH);
    put(CrlBuilder::new(&site.world)
        .number(6)
        .revoke(&site.world.ee_good, Some(1)));
    until("the new CRL is in force", || {
        site.ask(address, &site.world.ee_good.serial) == Told::Revoked
    });
    assert_eq!(site.ask(address, &site.world.s_x), Told::Unknown);
    // A signed word of the CA may set it free again.
    put(CrlBuilder::new(&site.world).number(7));
    until("the newest CRL is in force", || {
        site.ask_all(address) == TRUTH
    });
    let log = server.wait_for_stderr("permanent revocations are no longer listed");
    assert!(log.contains(&site.world.ee_good.serial_hex()), "{log}");
    assert!(server.terminate().success());
}
