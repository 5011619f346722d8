//! Profiles, request signatures and certificate hashes in the running program.

use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask::{Ask, HashAlg};
use certvouch_testkit::http::post;
use certvouch_testkit::pki::CertBuilder;

use crate::support::{Site, certvouch, run, split_row};

/// The index without EE-hold.
fn index_without_hold(site: &Site) -> String {
    let index = site.world.index_txt();
    let (before, _, after) = split_row(&index, "EE-hold");
    format!("{before}{after}")
}

// covers: BR-4.9.13-1
#[test]
fn certificate_on_hold_in_the_index_stops_the_start_under_br() {
    let site = Site::new();
    let outcome = site.refused(&["--profile", "br"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.err().contains("on hold"), "{}", outcome.err());
    assert!(outcome.err().contains("BR-4.9.13-1"), "{}", outcome.err());
}

// covers: BR-7.3-1
#[test]
fn root_whose_revocations_lack_a_reason_stops_the_start_under_br() {
    let site = Site::new();
    let index = index_without_hold(&site).replace(",keyCompromise", "");
    site.replace_index(&index);
    let outcome = site.refused(&["--profile", "br"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.err().contains("BR-7.3-1"), "{}", outcome.err());
    // Another profile does not mind.
    let (_server, address) = site.serve(&["--profile", "etsi"]);
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
}

#[test]
fn signer_that_br_forbids_stops_the_start_and_one_of_its_shape_serves() {
    let site = Site::new();
    site.replace_index(&index_without_hold(&site));
    let (ca, key) = (&site.world.ca_a, &site.world.d_a.key);
    let plain = CertBuilder::new(&[("CN", "OCSP")], key)
        .serial(&[0x71, 2, 3, 4, 5, 6, 7, 8, 9])
        .validity(site.world.now - 60, site.world.now + 20 * 86_400)
        .key_usage(&[certvouch_testkit::pki::KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck();
    plain
        .clone()
        .issued_by(ca)
        .write_pem(&site.path().join("ocsp.pem"));
    let outcome = site.refused(&["--profile", "br"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    let reason = "without authorityKeyIdentifier (BR-7.1.2.8.2-1: TLS BR 7.1.2.8.2)";
    assert!(outcome.err().contains(reason), "{}", outcome.err());

    let right = plain.aki(&ca.key_hash_sha1()).issued_by(ca);
    right.write_pem(&site.path().join("ocsp.pem"));
    let (server, address) = site.serve(&["--profile", "br"]);
    assert_eq!(site.status(address, &site.world.ee_good), CertStatus::Good);
    let log = server.stderr();
    assert!(log.contains("profile=\"br\""), "{log}");
    assert!(log.contains("exposure=3d 23h"), "{log}");
}

// covers: T-42, E-26, E-27
#[test]
fn only_listed_requestors_are_answered() {
    let site = Site::new();
    let world = &site.world;
    world.d_b.write_pem(&site.path().join("client.pem"));
    let further = [
        "--request-signatures",
        "require",
        "--requestor",
        "client.pem",
    ];
    let (_server, address) = site.serve(&further);
    let question = || Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial);
    assert_eq!(
        post(address, "/", &question().build()).body,
        [0x30, 3, 0x0A, 1, 5]
    );
    let signed = |by: &certvouch_testkit::pki::Cert| {
        let request = question().requestor_directory_name(&by.subject);
        post(
            address,
            "/",
            &request.sign(by, by.key.sig_alg(), &[by]).build(),
        )
    };
    assert_eq!(signed(&world.ee_rev).body, [0x30, 3, 0x0A, 1, 6]);
    let answer = signed(&world.d_b);
    assert_eq!(
        Answer::successful(&answer.body).single().status,
        CertStatus::Good
    );
}

#[test]
fn certificate_in_the_folder_of_the_ca_is_vouched_for_by_its_hash() {
    let site = Site::new();
    let world = &site.world;
    let folder = site.path().join("newcerts");
    std::fs::create_dir(&folder).unwrap();
    let name =
        |cert: &certvouch_testkit::pki::Cert| folder.join(format!("{}.pem", cert.serial_hex()));
    world.ee_good.write_pem(&name(&world.ee_good));
    // A file that holds another certificate than its name says vouches for nothing.
    world.ee_good.write_pem(&name(&world.ee_rev));
    let (_server, address) = site.serve(&["--cert-hash", "newcerts"]);
    let hash = |cert| {
        let response = post(address, "/", &site.question(cert));
        let basic = Answer::successful(&response.body);
        let found = basic.single().extension("1.3.36.8.3.13");
        found.map(|extension| extension.value.clone())
    };
    let value = hash(&world.ee_good).expect("a hash");
    let sha256 = HashAlg::Sha256.digest(&world.ee_good.der);
    assert!(value.ends_with(&sha256));
    assert_eq!(hash(&world.ee_rev), None);

    let outcome = site.refused(&["--cert-hash", "nowhere"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.err().contains("cert_hash"), "{}", outcome.err());
    assert!(
        run(site.path(), &["serve", "--help"])
            .out()
            .contains("--cert-hash")
    );
    drop(certvouch(site.path(), &["--version"]));
}
