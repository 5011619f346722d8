//! Where a CRL URL may lead: nowhere inside unless the operator named it.

use crate::support::{Page, Site, TRUTH, Told};

/// A name that every system resolves to loopback without asking anybody.
const LOCAL_NAME: &str = "localhost";

// covers: T-24, T-25
#[test]
fn redirects_and_names_that_lead_inside_are_refused_unless_named() {
    let site = Site::with_crl();
    let port = site.web.address.port();
    // The address in the URL is the operator's own word; where a redirect leads is not.
    for (target, class) in [
        (format!("http://{LOCAL_NAME}:{port}/ca.crl"), "loopback"),
        (format!("http://127.0.0.2:{port}/ca.crl"), "loopback"),
        (format!("http://[::1]:{port}/ca.crl"), "loopback"),
        ("http://169.254.169.254/ca.crl".to_owned(), "link-local"),
        ("http://10.1.2.3/ca.crl".to_owned(), "private"),
        ("http://[::ffff:10.1.2.3]/ca.crl".to_owned(), "private"),
    ] {
        site.web.put("/moved.crl", Page::To(target.clone()));
        let url = site.web.url("/moved.crl");
        let outcome = site.run(&site.flags(&["--crl", &url]));
        assert_eq!(outcome.code, Some(2), "{target}: {}", outcome.all());
        for part in [
            class,
            "not connected to unless it is named",
            "--allow-address",
        ] {
            assert!(outcome.err().contains(part), "{target}: {}", outcome.err());
        }
    }
    // Names that the system's resolver takes for 127.0.0.1, and that are no address as a URL has it.
    for name in ["127.1", "2130706433", "0x7f000001"] {
        let url = format!("http://{name}:{port}/ca.crl");
        let outcome = site.run(&site.flags(&["--crl", &url]));
        assert_eq!(outcome.code, Some(2), "{url}: {}", outcome.all());
        assert!(
            outcome
                .err()
                .contains("leads to 127.0.0.1, a loopback address"),
            "{url}: {}",
            outcome.err()
        );
    }
}

// covers: T-24
#[test]
fn named_networks_are_connected_to() {
    let site = Site::with_crl();
    let port = site.web.address.port();
    let named = format!("http://{LOCAL_NAME}:{port}/ca.crl");
    site.web.put("/moved.crl", Page::To(named.clone()));
    for url in [named, site.web.url("/moved.crl")] {
        let (mut server, address) = site.serve(&[
            "--crl",
            &url,
            "--good-list",
            "issued.txt",
            "--allow-address",
            "127.0.0.0/8",
            "--allow-address",
            "::1",
        ]);
        assert_eq!(site.ask_all(address), TRUTH);
        assert!(server.terminate().success());
    }
}

// covers: T-24
#[test]
fn redirect_inside_while_serving_leaves_the_old_truth() {
    let site = Site::with_crl();
    let (mut server, address) = site.serve_crl();
    site.web
        .put("/ca.crl", Page::To("http://169.254.169.254/x".to_owned()));
    let _ = server.wait_for_stderr("a link-local address, which is not connected to");
    assert_eq!(site.ask_all(address), TRUTH);
    assert_eq!(site.ask(address, &site.world.ee_rev.serial), Told::Revoked);
    assert!(server.terminate().success());
}
