//! The good-list while serving: what is added becomes good, what goes away is never issued, what is broken changes
//! nothing.

use crate::support::{Site, TRUTH, Told, count, until};

// covers: CRLSRC-1
#[test]
fn good_list_is_watched_and_a_broken_one_leaves_the_old() {
    let site = Site::with_crl();
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    let put = |text: &str| {
        let aside = site.path().join("aside");
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(&aside, site.path().join("issued.txt")).unwrap();
    };
    let good = site.world.ee_good.serial_hex();
    put(&format!("{good}\n0DEFACED\n"));
    until("the list is in force", || {
        site.ask_all(address) == [Told::Good, Told::Revoked, Told::Revoked, Told::Good]
    });
    put("this is no serial number\n");
    let _ = server.wait_for_stderr("the good-list was not reloaded");
    site.web.wait_for_requests(2);
    assert_eq!(site.ask(address, &site.world.s_x), Told::Good);
    assert_eq!(count(&server.stderr(), "was not reloaded"), 1);
    put(&format!("{good}\n"));
    until("the number is unknown again", || {
        site.ask(address, &site.world.s_x) == Told::Unknown
    });
    assert_eq!(site.ask(address, &site.world.ee_good.serial), Told::Good);
    assert!(server.terminate().success());
}

#[test]
fn check_names_the_line_that_makes_good_known() {
    let site = Site::with_crl();
    let url = site.web.url("/ca.crl");
    let file = |source: &str, rest: &str| {
        let text = format!(
            "[[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\n\
             signer = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\n\
             source = {{ crl = [\"{url}\"]{source} }}\n{rest}"
        );
        std::fs::write(site.path().join("c.toml"), text).unwrap();
        let outcome = site.run(&["config", "check", "c.toml"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.all());
        outcome.out()
    };
    let shown = file("", "");
    for part in [
        "CRL number 0x05",
        "2 entries",
        "answered unknown",
        "good_list = \"…\"",
        "not_revoked = \"good\"",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Who looks leaves no state behind.
    assert!(!site.path().join("xdg").exists());
    for (source, rest) in [
        (", good_list = \"issued.txt\"", ""),
        ("", "not_revoked = \"good\"\n"),
    ] {
        let shown = file(source, rest);
        assert!(!shown.contains("answered unknown"), "{shown}");
    }
}

#[test]
fn keys_that_do_not_belong_together_are_refused() {
    let site = Site::with_crl();
    for (source, part) in [
        (
            "{ crl = [\"ca.crl\"], index = \"index.txt\" }",
            "one of them",
        ),
        (
            "{ index = \"index.txt\", good_list = \"l\" }",
            "goes with CRLs only",
        ),
        (
            "{ crl = [\"ftp://pki.example/ca.crl\"] }",
            "no http or https URL",
        ),
        ("{ crl = [\"ca.crl\"], refresh = \"0s\" }", "refresh is 0"),
        (
            "{ crl = [\"ca.crl\"], allow_addresses = [\"10/8\"] }",
            "10.0.0.0/8",
        ),
        (
            "{ crl = [\"ca.crl\"], proxy = \"proxy:3128\" }",
            "http://proxy:3128",
        ),
    ] {
        let text = format!(
            "[[issuer]]\nname = \"a\"\ncertificate = \"ca.pem\"\n\
             signer = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\nsource = {source}\n"
        );
        std::fs::write(site.path().join("c.toml"), text).unwrap();
        let outcome = site.run(&["config", "check", "c.toml"]);
        assert_eq!(outcome.code, Some(2), "{source}: {}", outcome.all());
        let shown = outcome.err();
        assert!(
            shown.contains("c.toml:5: ") && shown.contains(part),
            "{source}: {shown}"
        );
    }
    let outcome = site.run(&site.flags(&["--crl", "ca.crl", "--index", "index.txt"]));
    assert_eq!(outcome.code, Some(2));
    let outcome = site.run(&site.flags(&["--index", "index.txt", "--good-list", "l"]));
    assert_eq!(outcome.code, Some(2));
}
