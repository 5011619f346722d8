//! `certvouch config`, and `serve` from a file.

use std::path::Path;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask;
use certvouch_testkit::http::post;
use certvouch_testkit::process::Server;

use crate::support::{Site, certvouch, run, status_in};

const ONE: &str = "\
[server]
listen = [\"127.0.0.1:0\"]

[[issuer]]
name = \"a\"
certificate = \"ca.pem\"
signer = { certificate = \"ocsp.pem\", key = \"ocsp.key\" }
source = { index = \"index.txt\" }
";

fn write(site: &Site, text: &str) {
    std::fs::write(site.path().join("certvouch.toml"), text).unwrap();
}

/// CA-B with its delegate and an index of its own, beside CA-A.
fn add_ca_b(site: &Site) -> String {
    let world = &site.world;
    world.ca_b.write_pem(&site.path().join("ca-b.pem"));
    world.d_b.write_pem(&site.path().join("ocsp-b.pem"));
    world.d_b.write_key_pem(&site.path().join("ocsp-b.key"));
    std::fs::write(
        site.path().join("index-b.txt"),
        "V\t300101000000Z\t\t0B\tunknown\t/CN=b\n",
    )
    .unwrap();
    "[[issuer]]\nname = \"b\"\ncertificate = \"ca-b.pem\"\nunlisted = \"unauthorized\"\n\
     signer = { certificate = \"ocsp-b.pem\", key = \"ocsp-b.key\" }\nsource = { index = \"index-b.txt\" }\n"
        .to_owned()
}

#[test]
fn file_serves_several_issuers_on_one_port() {
    let site = Site::new();
    write(&site, &format!("{ONE}{}", add_ca_b(&site)));
    let server = Server::start(&mut certvouch(
        Path::new("/"),
        &[
            "serve",
            "--config",
            site.path().join("certvouch.toml").to_str().unwrap(),
        ],
    ));
    let address = server.listening_address();
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    let about = |serial: &[u8]| post(address, "/", &ask::q256(&site.world.ca_b, serial));
    assert_eq!(status_in(&about(&[0x0B])), CertStatus::Good);
    assert_eq!(about(&[0x0C]).body, [0x30, 3, 0x0A, 1, 6]);
}

#[test]
fn flags_for_listening_come_before_the_file() {
    let site = Site::new();
    write(&site, &ONE.replace("127.0.0.1:0", "192.0.2.1:1"));
    let server = Server::start(&mut certvouch(
        site.path(),
        &[
            "serve",
            "--config",
            "certvouch.toml",
            "--listen",
            "127.0.0.1:0",
            "--path",
            "/x",
        ],
    ));
    let address = server.listening_address();
    assert_eq!(post(address, "/", b"").status, 404);
    assert_eq!(
        status_in(&post(address, "/x", &site.question(&site.world.ee_good))),
        CertStatus::Good
    );
}

#[test]
fn check_says_what_would_be_served_and_the_worst_case() {
    let site = Site::new();
    write(
        &site,
        &format!("{ONE}validity = \"1d\"\n{}", add_ca_b(&site)),
    );
    let outcome = run(site.path(), &["config", "check", "certvouch.toml"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    for word in [
        "issuer a\n",
        "issuer b\n",
        "CN=CA-A, O=certvouch tests",
        "delegate CN=D-B",
        "5 rows, 1 revoked, 1 on hold",
        "1 rows, 0 revoked",
        "up to 23h 59m after a revocation",
        "2 issuers would be served on http://127.0.0.1:0",
    ] {
        assert!(
            outcome.out().contains(word),
            "{word:?} in {}",
            outcome.out()
        );
    }
    assert_eq!(outcome.err(), "");
}

#[test]
fn check_and_serve_refuse_for_the_same_reasons() {
    let site = Site::new();
    let other = add_ca_b(&site);
    let same_ca = ONE
        .replace("\"a\"", "\"z\"")
        .replace("index.txt", "index-b.txt");
    let same_ca = same_ca.split("\n\n").nth(1).unwrap();
    for (text, words) in [
        (
            ONE.replace("name =", "nmae ="),
            &["certvouch.toml:5: ", "\"nmae\"", "did you mean \"name\"?"][..],
        ),
        (
            ONE.replace("name =", "presign = true\nname ="),
            &["certvouch.toml:5: ", "is not in this version"],
        ),
        (
            format!("{ONE}validity = \"9d\"\n"),
            &["certvouch.toml:9: ", "FRESH-1"],
        ),
        (
            ONE.replace("ocsp.key", "ocsp-b.key"),
            &["issuer \"a\"", "key", "to mend it: "],
        ),
        (
            ONE.replace("index.txt", "none.txt"),
            &["issuer \"a\"", "none.txt"],
        ),
        (
            format!("{ONE}{}", other.replace("index-b.txt", "index.txt")),
            &["share the index", "give each CA its own"],
        ),
        (
            format!("{ONE}{same_ca}"),
            &["\"a\" and \"z\" are the same CA"],
        ),
    ] {
        write(&site, &text);
        for arguments in [
            &["config", "check", "certvouch.toml"][..],
            &["serve", "--config", "certvouch.toml"],
        ] {
            let outcome = run(site.path(), arguments);
            assert_eq!(
                outcome.code,
                Some(2),
                "{arguments:?} {text}: {}",
                outcome.all()
            );
            assert_eq!(outcome.out(), "", "{arguments:?}");
            for word in words {
                assert!(
                    outcome.err().contains(word),
                    "{arguments:?}: {word:?} in {}",
                    outcome.err()
                );
            }
        }
    }
}

#[test]
fn print_gives_a_file_that_check_accepts_and_shows_no_secret() {
    let site = Site::new();
    let passphrase = "correct horse";
    let secret = site.path().join("passphrase");
    std::fs::write(&secret, passphrase).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    write(
        &site,
        &ONE.replace(
            "key = \"ocsp.key\"",
            "key = \"ocsp.key\", passphrase_file = \"passphrase\"",
        ),
    );
    let printed = run(site.path(), &["config", "print", "certvouch.toml"]);
    assert_eq!(printed.code, Some(0), "{}", printed.all());
    assert!(
        printed.out().contains("validity = \"1h\""),
        "{}",
        printed.out()
    );
    assert!(!printed.all().contains(passphrase));
    assert!(!printed.all().contains("PRIVATE KEY"));
    let elsewhere = certvouch_testkit::process::temp_dir();
    std::fs::write(elsewhere.path().join("again.toml"), printed.out()).unwrap();
    let again = run(elsewhere.path(), &["config", "print", "again.toml"]);
    assert_eq!(again.out(), printed.out());
    let checked = run(elsewhere.path(), &["config", "check", "again.toml"]);
    assert_eq!(checked.code, Some(0), "{}", checked.all());
}

/// Everything in `docs/samples`.
fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn every_sample_is_a_good_configuration() {
    for (name, text) in samples() {
        let folder = certvouch_testkit::process::temp_dir();
        let file = folder.path().join(&name);
        std::fs::write(&file, text).unwrap();
        let config = certvouch::config::Config::from_file(&file);
        assert!(config.is_ok(), "{name}: {}", config.unwrap_err());
    }
}

#[test]
fn reference_sample_names_every_key_and_its_defaults_are_true() {
    let (_, reference) = samples()
        .into_iter()
        .find(|(name, _)| name == "certvouch.toml")
        .unwrap();
    // With the comment marks of its keys taken away, it has every key, and every value in it is the default.
    let uncommented: String = reference
        .lines()
        .map(|line| {
            format!(
                "{}\n",
                line.strip_prefix("#")
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
            )
        })
        .collect();
    let table: toml::Table = uncommented
        .parse()
        .unwrap_or_else(|why| panic!("{why}\n{uncommented}"));
    let mut found = std::collections::BTreeSet::new();
    collect(&toml::Value::Table(table), "", &mut found);
    let known = certvouch::config::KEYS
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(found, known);

    let folder = certvouch_testkit::process::temp_dir();
    let load = |text: &str| {
        let file = folder.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        certvouch::config::Config::from_file(&file).unwrap()
    };
    let mut short = load(&reference);
    // These have no default: the sample shows what one would look like.
    let mut without = uncommented;
    for key in [
        "easy_rsa",
        "store",
        "crl",
        "delta_crl",
        "good_list",
        "state",
        "refresh",
        "allow_addresses",
        "crl_issuers",
        "tls_ca",
        "proxy",
        "trusted_proxies",
        "cert_hash",
        "ntp",
    ] {
        without = without.replace(&format!("\n{key} ="), &format!("\n# {key} ="));
    }
    let mut full = load(&without);
    // The table alone makes the port; its own keys beside `listen` have no default either.
    let admin = full.admin.take().unwrap();
    assert_eq!(admin.listen, certvouch::config::Admin::default().listen);
    for config in [&mut short, &mut full] {
        for issuer in &mut config.issuers {
            issuer.ca_compromised = None;
            for signer in &mut issuer.signers {
                (signer.algorithm, signer.passphrase_file) = (None, None);
            }
        }
    }
    assert_eq!(short, full);
}

fn collect(value: &toml::Value, prefix: &str, into: &mut std::collections::BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = format!("{prefix}{key}");
                collect(value, &format!("{path}."), into);
                into.insert(path);
            }
        }
        toml::Value::Array(array) => array.iter().for_each(|value| collect(value, prefix, into)),
        _ => {}
    }
}
