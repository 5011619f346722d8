//! Several CRLs of one issuer: deltas and partitions.

use std::net::SocketAddr;

use certvouch_testkit::process::Server;

use crate::support::{CrlBuilder, Page, Site, TRUTH, Told, count, until};

fn serve_with_delta(site: &Site) -> (Server, SocketAddr) {
    let (crl, delta) = (site.web.url("/ca.crl"), site.web.url("/delta.crl"));
    site.serve(&[
        "--crl",
        &crl,
        "--delta-crl",
        &delta,
        "--good-list",
        "issued.txt",
    ])
}

// covers: R5280-5.2.4-1, R5280-6.3.3-i
#[test]
fn delta_is_laid_over_and_one_for_another_base_leaves_the_old_truth() {
    let site = Site::with_crl();
    let delta = |base: u8, number: u8| {
        let delta = CrlBuilder::empty(&site.world.ca_a).number(number);
        delta.delta(base)
    };
    let revoking = delta(5, 6).revoke(&site.world.ee_good, Some(4));
    site.web.put("/delta.crl", Page::Body(revoking.der()));
    let (mut server, address) = serve_with_delta(&site);
    let truth = [Told::Revoked, Told::Revoked, Told::Revoked, Told::Unknown];
    assert_eq!(site.ask_all(address), truth);
    // For base 9, which is newer than the complete CRL in force; it would set EE-good free.
    site.web.put("/delta.crl", Page::Body(delta(9, 10).der()));
    let cause = "the complete CRL is older than the delta's base";
    let _ = server.wait_for_stderr(cause);
    site.web.wait_for_requests(4);
    assert_eq!(site.ask_all(address), truth);
    assert_eq!(count(&server.stderr(), cause), 1, "{}", server.stderr());
    // With its base it is taken.
    let base = CrlBuilder::new(&site.world).number(9);
    site.web.put("/ca.crl", Page::Body(base.der()));
    until("both are in force", || site.ask_all(address) == TRUTH);
    assert!(server.terminate().success());
}

const PARTS: [&str; 4] = ["/p1.crl", "/p2.crl", "/p3.crl", "/p4.crl"];

/// Four partitions; EE-rev stands in the first.
fn part(site: &Site, path: &str) -> CrlBuilder {
    let crl = CrlBuilder::empty(&site.world.ca_a);
    let crl = if path == PARTS[0] {
        crl.revoke(&site.world.ee_rev, Some(1))
    } else {
        crl
    };
    crl.partition(&site.web.url(path))
}

fn serve_parts(site: &Site) -> (Server, SocketAddr) {
    let urls = PARTS.map(|path| site.web.url(path));
    let mut flags: Vec<&str> = urls.iter().flat_map(|url| ["--crl", url]).collect();
    flags.extend(["--good-list", "issued.txt"]);
    site.serve(&flags)
}

const WHOLE: [Told; 4] = [Told::Good, Told::Revoked, Told::Good, Told::Unknown];
const IN_PART: [Told; 4] = [
    Told::TryLater,
    Told::Revoked,
    Told::TryLater,
    Told::TryLater,
];

// covers: T-4, R5280-6.3.3-z
#[test]
fn missing_partition_at_the_start_keeps_good_back_until_it_comes() {
    let site = Site::new();
    for path in &PARTS[..3] {
        site.web.put(path, Page::Body(part(&site, path).der()));
    }
    let (mut server, address) = serve_parts(&site);
    let _ = server.wait_for_stderr("HTTP status 404");
    assert_eq!(site.ask_all(address), IN_PART);
    let last = part(&site, PARTS[3]).der();
    site.web.put(PARTS[3], Page::Body(last));
    until("the set is whole", || site.ask_all(address) == WHOLE);
    assert_eq!(count(&server.stderr(), "HTTP status 404"), 1);
    assert!(server.terminate().success());
}

// covers: T-4
#[test]
fn partition_that_goes_missing_counts_until_its_next_update() {
    let site = Site::new();
    for path in PARTS {
        let crl = part(&site, path);
        let crl = if path == PARTS[3] {
            crl.ends_in(7)
        } else {
            crl
        };
        site.web.put(path, Page::Body(crl.der()));
    }
    let (mut server, address) = serve_parts(&site);
    assert_eq!(site.ask_all(address), WHOLE);
    site.web.remove(PARTS[3]);
    let _ = server.wait_for_stderr("HTTP status 404");
    until("the last partition ends", || {
        assert_eq!(site.ask_all(address)[1], Told::Revoked);
        site.ask_all(address) == IN_PART
    });
    assert!(server.terminate().success());
}
