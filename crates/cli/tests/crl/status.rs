//! `certvouch status`: it explains, and it says what `serve` says.

use crate::support::{CrlBuilder, Page, Site, TRUTH, Told};

fn json(site: &Site, arguments: &[&str]) -> serde_json::Value {
    let all = [&["status", "--json"][..], arguments].concat();
    let outcome = site.run(&all);
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.all());
    serde_json::from_str(&outcome.out()).unwrap()
}

#[test]
fn status_names_row_entry_and_crl_number_in_every_notation() {
    let site = Site::new();
    let crl = CrlBuilder::new(&site.world).der();
    std::fs::write(site.path().join("ca.crl"), &crl).unwrap();
    let held = "0A0B";
    let from_crl = ["--issuer", "ca.pem", "--crl", "ca.crl"];
    for serial in [held, "0x0a0b", "0a:0b", "A0B", "000a0b", "a:b"] {
        let found = json(&site, &[&from_crl[..], &[serial]].concat());
        assert_eq!(found["serial"], held, "{serial}");
        assert_eq!(found["serial_decimal"], "2571", "{serial}");
        assert_eq!(found["answer"], "revoked");
        assert_eq!(found["reason"], "certificateHold");
        let entry = &found["entries"][0];
        assert_eq!(entry["crl_number"], "0x05");
        let octet = usize::try_from(entry["octet"].as_u64().unwrap()).unwrap();
        // The serial number stands in the CRL where it is said to stand.
        assert!(
            crl[octet..octet + 12]
                .windows(4)
                .any(|part| part == [2, 2, 0x0A, 0x0B])
        );
    }
    let decimal = json(&site, &[&from_crl[..], &["--decimal", "2571"]].concat());
    assert_eq!(decimal["serial"], held);

    let index = json(&site, &["--issuer", "ca.pem", "--index", "index.txt", held]);
    assert_eq!(index["answer"], "revoked");
    assert_eq!(index["row"]["line"], 4);
    assert!(
        index["row"]["text"]
            .as_str()
            .unwrap()
            .contains("/CN=EE-hold")
    );

    let text = site.run(&["status", "--issuer", "ca.pem", "--index", "index.txt", held]);
    assert_eq!(text.code, Some(0));
    for part in [
        "serial    0A0B (decimal 2571)",
        "answer    revoked since ",
        "index.txt, line 4: R",
    ] {
        assert!(text.out().contains(part), "{part}: {}", text.out());
    }
}

#[test]
fn status_says_what_serve_says() {
    let site = Site::with_crl();
    let (mut server, address) = site.serve_crl();
    assert_eq!(site.ask_all(address), TRUTH);
    let url = site.web.url("/ca.crl");
    let serials = [
        site.world.ee_good.serial_hex(),
        site.world.ee_rev.serial_hex(),
        site.world.ee_hold.serial_hex(),
        "0DEFACED".to_owned(),
    ];
    // From the state folder, although the server is gone.
    site.web.put("/ca.crl", Page::Gone);
    let base = ["--issuer", "ca.pem", "--crl", &url, "--crl-state", "state"];
    for (further, expected) in [
        (&["--good-list", "issued.txt"][..], TRUTH),
        (
            &[],
            [Told::Unknown, Told::Revoked, Told::Revoked, Told::Unknown],
        ),
        (
            &["--not-revoked", "good"],
            [Told::Good, Told::Revoked, Told::Revoked, Told::Good],
        ),
    ] {
        for (serial, told) in serials.iter().zip(expected) {
            let found = json(&site, &[&base[..], further, &[serial]].concat());
            let answer = match told {
                Told::Good => "good",
                Told::Revoked => "revoked",
                Told::TryLater => "tryLater",
                Told::Unknown => "unknown",
            };
            assert_eq!(found["answer"], answer, "{further:?} {serial}: {found}");
        }
    }
    let none = site.run(&["status", "--issuer", "ca.pem", "--crl", &url, "0A0B"]);
    assert_eq!(none.code, Some(2));
    assert!(none.err().contains("--fetch"), "{}", none.err());
    assert!(server.terminate().success());
}

#[test]
fn status_takes_the_issuer_of_a_file_by_name() {
    let site = Site::new();
    let crl = CrlBuilder::new(&site.world).der();
    std::fs::write(site.path().join("ca.crl"), crl).unwrap();
    let issuer = |name: &str, source: &str| {
        format!(
            "[[issuer]]\nname = \"{name}\"\ncertificate = \"ca.pem\"\n\
             signer = {{ certificate = \"ocsp.pem\", key = \"ocsp.key\" }}\nsource = {{ {source} }}\n"
        )
    };
    let text = [
        issuer("one", "index = \"index.txt\""),
        issuer("two", "crl = [\"ca.crl\"], state = \"s\""),
    ];
    std::fs::write(site.path().join("c.toml"), text.concat()).unwrap();
    let good = site.world.ee_good.serial_hex();
    let one = json(&site, &["--config", "c.toml", "--name", "one", &good]);
    assert_eq!(one["answer"], "good");
    let two = json(&site, &["--config", "c.toml", "--name", "two", &good]);
    assert_eq!(two["answer"], "unknown");
    assert!(!site.path().join("s").exists(), "looking writes nothing");
    let which = site.run(&["status", "--config", "c.toml", &good]);
    assert_eq!(which.code, Some(2));
    assert!(which.err().contains("one, two"), "{}", which.err());
    let absent = site.run(&["status", "--config", "c.toml", "--name", "x", &good]);
    assert_eq!(absent.code, Some(2));
    let odd = site.run(&["status", "--config", "c.toml", "--name", "one", "12zz"]);
    assert_eq!(odd.code, Some(2));
    assert!(odd.err().contains("--decimal"), "{}", odd.err());
}
