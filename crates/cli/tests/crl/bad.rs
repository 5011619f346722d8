//! Each thing that may be wrong with a CRL or its server while the program serves: the old truth stands until its
//! nextUpdate, then nothing is said; it is logged once; what was revoked is never good.

use certvouch_testkit::process::Server;

use crate::support::{CrlBuilder, Page, Site, TRUTH, Told, count, until};

/// The program's words for a CRL that is not taken.
const REFUSED: &str = "the CRL does not count";

/// Serves the good CRL, then this page, and expects this cause in one line of the log and the old truth in the answers.
fn old_truth_stands(page: impl FnOnce(&Site) -> Page, cause: &str) {
    let site = Site::with_crl();
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    site.web.put("/ca.crl", page(&site));
    let log = server.wait_for_stderr(cause);
    assert!(log.contains(REFUSED), "{log}");
    assert_eq!(site.ask_all(address), TRUTH);
    site.web.wait_for_requests(2);
    assert_eq!(site.ask_all(address), TRUTH);
    assert_eq!(count(&server.stderr(), REFUSED), 1, "{}", server.stderr());
    // And when it is mended, that is taken.
    let newer = CrlBuilder::new(&site.world)
        .number(6)
        .revoke(&site.world.ee_good, Some(4));
    site.web.put("/ca.crl", Page::Body(newer.der()));
    until("the newer CRL is in force", || {
        site.ask_all(address) == [Told::Revoked, Told::Revoked, Told::Revoked, Told::Unknown]
    });
    let log = server.wait_for_stderr("the CRL is in order again");
    assert_eq!(count(&log, REFUSED), 1, "{log}");
    assert!(server.terminate().success());
}

// covers: R5280-6.3.3-a
#[test]
fn server_that_hangs_up_leaves_the_old_truth() {
    old_truth_stands(|_| Page::Gone, "the HTTP exchange failed");
}

#[test]
fn page_that_is_absent_leaves_the_old_truth() {
    old_truth_stands(|_| Page::To("/nothing-there".to_owned()), "HTTP status 404");
}

#[test]
fn body_that_is_cut_leaves_the_old_truth() {
    let newer = |site: &Site| CrlBuilder::empty(&site.world.ca_a).number(6).der();
    old_truth_stands(|site| Page::Cut(newer(site)), "the HTTP exchange failed");
}

#[test]
fn crl_that_is_truncated_leaves_the_old_truth() {
    let half = |site: &Site| {
        let whole = CrlBuilder::empty(&site.world.ca_a).number(6).der();
        whole[..whole.len() / 2].to_vec()
    };
    old_truth_stands(|site| Page::Body(half(site)), "not a CRL");
}

#[test]
fn crl_of_another_key_leaves_the_old_truth() {
    // CA-A2 has the name of CA-A.
    let other = |site: &Site| CrlBuilder::empty(&site.world.ca_a2).number(6).der();
    old_truth_stands(|site| Page::Body(other(site)), "signature");
}

// covers: R5280-5.2.3-1, T-4
#[test]
fn crl_with_an_older_number_leaves_the_old_truth() {
    let older = |site: &Site| CrlBuilder::empty(&site.world.ca_a).number(4).der();
    old_truth_stands(
        |site| Page::Body(older(site)),
        "cRLNumber 0x04 is older than 0x05, which was seen before",
    );
}

// covers: R5280-5.2-1
#[test]
fn crl_with_an_unknown_critical_extension_leaves_the_old_truth() {
    let strange = |site: &Site| {
        let crl = CrlBuilder::empty(&site.world.ca_a).number(6);
        crl.extension("1.2.3", true, b"\x05\x00").der()
    };
    old_truth_stands(
        |site| Page::Body(strange(site)),
        "critical extension 1.2.3 is not understood",
    );
}

#[test]
fn ten_megabytes_of_zeros_leave_the_old_truth() {
    old_truth_stands(|_| Page::Body(vec![0; 10_000_000]), "not a CRL");
}

// covers: T-25
#[test]
fn octet_a_second_leaves_the_old_truth() {
    let newer = |site: &Site| CrlBuilder::empty(&site.world.ca_a).number(6).der();
    old_truth_stands(
        |site| Page::Drip(newer(site)),
        "less than 1024 octets per second",
    );
}

/// Waits until the answers about EE-good and EE-rev are `tryLater`, and no answer on the way was good for EE-rev.
fn wait_for_the_end(site: &Site, server: &Server, address: std::net::SocketAddr) {
    until("the CRL ends", || {
        let [good, revoked, ..] = site.ask_all(address);
        assert!(matches!(good, Told::Good | Told::TryLater), "{good:?}");
        assert!(
            matches!(revoked, Told::Revoked | Told::TryLater),
            "{revoked:?}"
        );
        [good, revoked] == [Told::TryLater; 2]
    });
    assert_eq!(site.ask_all(address), [Told::TryLater; 4]);
    let log = server.wait_for_stderr("has passed and no newer CRL has come");
    assert_eq!(count(&log, REFUSED), 1, "{log}");
}

// covers: R5280-6.3.3-a, CRLSRC-2
#[test]
fn next_update_that_passed_is_try_later_until_a_newer_crl_comes() {
    let site = Site::new();
    let short = CrlBuilder::new(&site.world).ends_in(6);
    site.web.put("/ca.crl", Page::Body(short.der()));
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    wait_for_the_end(&site, &server, address);
    let newer = CrlBuilder::new(&site.world).number(6);
    site.web.put("/ca.crl", Page::Body(newer.der()));
    until("the newer CRL is in force", || {
        site.ask_all(address) == TRUTH
    });
    assert!(server.terminate().success());
}

#[test]
fn server_that_is_gone_past_next_update_is_try_later_and_never_good() {
    let site = Site::new();
    let short = CrlBuilder::new(&site.world).ends_in(6);
    site.web.put("/ca.crl", Page::Body(short.der()));
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    site.web.put("/ca.crl", Page::Gone);
    let _ = server.wait_for_stderr("the HTTP exchange failed");
    until("the CRL ends", || {
        let [_, revoked, ..] = site.ask_all(address);
        assert!(
            matches!(revoked, Told::Revoked | Told::TryLater),
            "{revoked:?}"
        );
        site.ask_all(address) == [Told::TryLater; 4]
    });
    assert!(server.terminate().success());
}
