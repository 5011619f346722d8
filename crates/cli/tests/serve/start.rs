//! How a start ends: with lines on standard output, or with a reason and exit code 2.

use std::os::unix::fs::PermissionsExt as _;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg};
use certvouch_testkit::process::{Server, free_port};

use crate::support::{Site, certvouch, run};

#[test]
fn serve_prints_one_line_for_each_address_and_nothing_else() {
    let site = Site::new();
    let mut server = site.start(&["--listen", "[::1]:0", "--threads", "3"]);
    let (one, two) = (server.listening_address(), server.listening_address());
    assert_eq!(one.ip().to_string(), "127.0.0.1");
    assert_eq!(two.ip().to_string(), "::1");
    for address in [one, two] {
        assert_ne!(address.port(), 0);
        assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    }
    assert!(server.terminate().success());
    let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.line()));
    let said = *end.unwrap_err().downcast::<String>().unwrap();
    assert!(said.starts_with("stdout ended"), "{said}");
}

#[test]
fn address_without_a_port_is_refused_with_an_example() {
    let site = Site::new();
    for listen in ["8080", "localhost:0", "127.0.0.1"] {
        let outcome = site.refused(&["--listen", listen]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.all());
        assert!(
            outcome.err().contains("127.0.0.1:8080"),
            "{}",
            outcome.err()
        );
    }
}

// covers: T-1
#[test]
fn index_without_rows_is_served_with_a_warning() {
    let site = Site::new();
    site.replace_index("");
    let (mut server, address) = site.serve(&[]);
    assert_eq!(
        site.status(address, &site.world.ee_good),
        CertStatus::Unknown
    );
    assert!(server.terminate().success());
    assert!(
        server
            .wait_for_stderr("stopped")
            .contains("the index has no rows")
    );
}

#[test]
fn address_in_use_refuses_the_second_serve() {
    let site = Site::new();
    let (mut first, address) = site.serve(&[]);
    for listen in [address.to_string(), format!("0.0.0.0:{}", address.port())] {
        let outcome = site.refused(&["--listen", &listen]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.all());
        assert!(
            outcome.err().contains("address in use"),
            "{}",
            outcome.err()
        );
        assert_eq!(outcome.out(), "");
    }
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    assert!(first.terminate().success());
    // Connections in TIME_WAIT do not hold it.
    let again = Server::start(&mut certvouch(
        site.path(),
        &[
            "serve",
            "--issuer",
            "ca.pem",
            "--signer-cert",
            "ocsp.pem",
            "--signer-key",
            "ocsp.key",
            "--index",
            "index.txt",
            "--listen",
            &address.to_string(),
        ],
    ));
    assert_eq!(again.listening_address(), address);
}

#[test]
fn wildcard_addresses_of_both_families_share_a_port() {
    let site = Site::new();
    let port = free_port();
    let server = Server::start(&mut certvouch(
        site.path(),
        &[
            "serve",
            "--issuer",
            "ca.pem",
            "--signer-cert",
            "ocsp.pem",
            "--signer-key",
            "ocsp.key",
            "--index",
            "index.txt",
            "--listen",
            &format!("0.0.0.0:{port}"),
            "--listen",
            &format!("[::]:{port}"),
        ],
    ));
    assert_eq!(server.line(), format!("listening on http://0.0.0.0:{port}"));
    assert_eq!(server.line(), format!("listening on http://[::]:{port}"));
    let loopback = format!("127.0.0.1:{port}").parse().unwrap();
    assert_eq!(site.status(loopback, &site.world.ee_good), CertStatus::Good);
}

/// The start is refused with exit code 2 and every one of these words on standard error.
fn assert_refused(site: &Site, flags: &[&str], words: &[&str]) {
    let outcome = run(site.path(), flags);
    assert_eq!(outcome.code, Some(2), "{flags:?}: {}", outcome.all());
    assert_eq!(outcome.out(), "", "{flags:?}");
    for word in words {
        assert!(
            outcome.err().contains(word),
            "{flags:?}: {word:?} in {}",
            outcome.err()
        );
    }
}

#[test]
fn signer_that_clients_would_reject_stops_the_start_with_cause_and_remedy() {
    let site = Site::new();
    let world = &site.world;
    let (from, to) = (world.now - 86_400, world.now + 86_400 * 30);
    let key = Key::cached(KeyAlg::P256, "d-a");
    let delegate = || CertBuilder::new(&[("CN", "D")], &key).validity(from, to);
    let write = |name: &str, cert: &certvouch_testkit::pki::Cert| {
        cert.write_pem(&site.path().join(format!("{name}.pem")));
        cert.write_key_pem(&site.path().join(format!("{name}.key")));
    };
    write("no-eku", &delegate().ocsp_nocheck().issued_by(&world.ca_a));
    write("other-ca", &world.d_b);
    write("other-key", &world.d_a2);
    write(
        "expired",
        &CertBuilder::new(&[("CN", "D")], &key)
            .validity(from - 1000, from)
            .ocsp_signing()
            .ocsp_nocheck()
            .issued_by(&world.ca_a),
    );
    for (name, cause) in [
        ("no-eku", "OCSPSigning"),
        ("other-ca", "issue"),
        ("other-key", "key"),
        ("expired", "expired"),
    ] {
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        let flags = [
            "serve",
            "--issuer",
            "ca.pem",
            "--signer-cert",
            &cert,
            "--signer-key",
            &key,
            "--index",
            "index.txt",
            "--listen",
            "127.0.0.1:0",
        ];
        assert_refused(&site, &flags, &["issuer \"ca\"", cause, "to mend it: "]);
    }
}

// covers: T-32
#[test]
fn key_that_others_may_read_stops_the_start() {
    let site = Site::new();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&site.files.signer_key, open).unwrap();
    let outcome = site.refused(&[]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err().contains("chmod"), "{}", outcome.err());
}

#[test]
fn ca_key_signs_only_on_explicit_word() {
    let site = Site::new();
    let flags = [
        "serve",
        "--issuer",
        "ca.pem",
        "--signer-cert",
        "ca.pem",
        "--signer-key",
        "ca.key",
        "--index",
        "index.txt",
        "--listen",
        "127.0.0.1:0",
    ];
    assert_refused(&site, &flags, &["issuer \"ca\"", "sign"]);
    let word = [
        "serve",
        "--issuer",
        "ca.pem",
        "--sign-with-ca-key",
        "--signer-key",
        "ca.key",
        "--index",
        "index.txt",
        "--listen",
        "127.0.0.1:0",
    ];
    let server = Server::start(&mut certvouch(site.path(), &word));
    let address = server.listening_address();
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
}

#[test]
fn missing_files_stop_the_start_and_are_named() {
    let site = Site::new();
    for (flag, file) in [
        ("--issuer", "no-ca.pem"),
        ("--signer-cert", "no-cert.pem"),
        ("--signer-key", "no-key.pem"),
        ("--index", "no-index.txt"),
    ] {
        let mut flags = crate::support::FLAGS.to_vec();
        let at = flags.iter().position(|f| *f == flag).unwrap();
        flags[at + 1] = file;
        assert_refused(&site, &flags, &[file]);
    }
}

#[test]
fn broken_index_stops_the_start_with_file_and_line() {
    let site = Site::new();
    let cut = site.world.index_txt();
    std::fs::write(&site.files.index, &cut[..cut.len() - 5]).unwrap();
    let outcome = site.refused(&[]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(
        outcome.err().contains("index.txt: line 5: "),
        "{}",
        outcome.err()
    );
}

#[test]
fn easy_rsa_folder_brings_its_own_certificate() {
    let site = Site::new();
    let pki = site.path().join("easy-rsa/pki");
    std::fs::create_dir_all(&pki).unwrap();
    std::fs::copy(&site.files.ca, pki.join("ca.crt")).unwrap();
    std::fs::copy(&site.files.index, pki.join("index.txt")).unwrap();
    let flags = |folder: &'static str| {
        [
            "serve",
            "--easy-rsa",
            folder,
            "--signer-cert",
            "ocsp.pem",
            "--signer-key",
            "ocsp.key",
            "--listen",
            "127.0.0.1:0",
        ]
    };
    for folder in ["easy-rsa", "easy-rsa/pki"] {
        let server = Server::start(&mut certvouch(site.path(), &flags(folder)));
        let address = server.listening_address();
        assert!(crate::support::is_revoked(
            site.status(address, &site.world.ee_rev)
        ));
    }
    assert_refused(
        &site,
        &flags("."),
        &["is no easy-rsa folder", "ca.crt and index.txt"],
    );
}

#[test]
fn flags_that_contradict_each_other_are_usage_errors() {
    let site = Site::new();
    let file = ["serve", "--config", "c.toml", "--issuer", "ca.pem"];
    assert_refused(&site, &file, &["--config", "cannot be used with"]);
    assert_refused(&site, &["serve"], &["--issuer", "--signer-key", "--index"]);
    assert_refused(&site, &["serve", "--validity", "3600"], &["\"90s\""]);
    let outcome = site.refused(&["--validity", "10d"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err().contains("FRESH-1"), "{}", outcome.err());
}

#[test]
fn help_and_version_go_to_standard_output_and_succeed() {
    let site = Site::new();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["config", "check", "--help"],
        &["--version"],
    ] {
        let outcome = run(site.path(), arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}");
        assert!(
            outcome.out().contains("certvouch"),
            "{arguments:?}: {}",
            outcome.out()
        );
        assert_eq!(outcome.err(), "");
    }
}
