//! Good-lists: what was issued is known, and what was not is never good.

use std::sync::Arc;

use certvouch_responder::{Knowledge, StatusSource as _};
use certvouch_status::good_list::{GoodList, GoodListError};
use certvouch_status::{CrlSource, SerialKey};
use certvouch_testkit::pki::T0;
use certvouch_types::{SerialNumber, Timestamp};

use crate::common::key;
use crate::crls::{Bench, DAY, load, lookup, put, word};

fn open(bench: &Bench, name: &str) -> GoodList {
    GoodList::open(&bench.path(name), &bench.world.ca_a.der)
        .unwrap()
        .0
}

fn with_list(bench: &Bench, name: &str) -> Arc<CrlSource> {
    bench.open_with(bench.settings(), Some(open(bench, name)))
}

// covers: CRLSRC-1
#[test]
fn serial_that_was_never_issued_is_never_good_whatever_happens() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put(
        "ca.crl",
        bench.crl().revoke("AA", None).revoke("EE", None).der(),
    );
    bench.put("issued.txt", "AA\nBB\n");
    let issued = |source: &CrlSource| ["AA", "BB", "EE", "FF"].map(|serial| word(source, serial));
    let known = ["revoked", "issued", "revoked", "never issued"];
    // The CRL alone.
    let alone = bench.open();
    load(&alone);
    assert_eq!(
        issued(&alone),
        ["revoked", "not revoked", "revoked", "not revoked"]
    );
    // With the good-list.
    let source = with_list(&bench, "issued.txt");
    assert_eq!(issued(&source), known);
    assert_eq!(
        lookup(&source, "FF").unwrap().knowledge,
        Knowledge::NeverIssued
    );
    // After a reload of either.
    bench.put(
        "ca.crl",
        bench
            .crl()
            .number(2)
            .revoke("AA", None)
            .revoke("EE", None)
            .der(),
    );
    load(&source);
    bench.put("issued.txt", "AA\nBB\nCC\n");
    assert_eq!(
        source.refresh_good_list().unwrap().unwrap().added,
        [key("CC")]
    );
    assert_eq!(source.refresh_good_list(), Ok(None));
    assert_eq!(issued(&source), known);
    assert_eq!(word(&source, "CC"), "issued");
    // After a restart with nothing but the state folder.
    std::fs::remove_file(bench.path("ca.crl")).unwrap();
    assert_eq!(issued(&with_list(&bench, "issued.txt")), known);
    // A negative number, with or without a list.
    let negative = [SerialNumber::from_content(&[0x80])];
    for source in [alone, source] {
        let mut future = std::pin::pin!(source.lookup(&negative));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let ready = future.as_mut().poll(&mut context);
        let std::task::Poll::Ready(Ok(records)) = ready else {
            panic!("{ready:?}");
        };
        assert_eq!(records[0].knowledge, Knowledge::NeverIssued);
    }
}

#[test]
fn folder_of_certificates_gives_serials_and_ends_of_our_issuer_only() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("ca.crl", bench.crl().der());
    let dir = bench.path("issued");
    std::fs::create_dir(&dir).unwrap();
    let world = &bench.world;
    put(&dir.join("good.pem"), world.ee_good.pem().as_bytes());
    put(
        &dir.join("bundle.crt"),
        (world.ee_rev.pem() + &world.d_b.pem()).as_bytes(),
    );
    put(&dir.join("hold.der"), &world.ee_hold.der);
    put(&dir.join("notes.txt"), b"nothing");
    let (list, change) = GoodList::open(&dir, &world.ca_a.der).unwrap();
    assert_eq!((change.issued, change.foreign), (3, 1));
    let source = bench.open_with(bench.settings(), Some(list));
    load(&source);
    let record = lookup(&source, &world.ee_good.serial_hex()).unwrap();
    assert_eq!(record.knowledge, Knowledge::Issued);
    assert_eq!(
        record.not_after,
        Some(Timestamp::from_unix(world.ee_good.not_after))
    );
    assert_eq!(word(&source, &world.ee_exp.serial_hex()), "never issued");
    // One more comes.
    put(&dir.join("exp.pem"), world.ee_exp.pem().as_bytes());
    let change = source.refresh_good_list().unwrap().unwrap();
    assert_eq!(change.added, [key(&world.ee_exp.serial_hex())]);
    // One that is broken refuses the list, and the one before stands.
    put(
        &dir.join("broken.pem"),
        b"-----BEGIN CERTIFICATE-----\nMAMC\n-----END CERTIFICATE-----\n",
    );
    assert!(matches!(
        source.refresh_good_list(),
        Err(GoodListError::Certificate { .. })
    ));
    assert_eq!(word(&source, &world.ee_good.serial_hex()), "issued");
    // The folder itself, as a file of one certificate.
    let (single, _) = GoodList::open(&dir.join("good.pem"), &world.ca_a.der).unwrap();
    assert_eq!(single.table().len(), 1);
    let (single, _) = GoodList::open(&dir.join("hold.der"), &world.ca_a.der).unwrap();
    assert!(single.table().get(&[0x0A, 0x0B]).is_some());
}

// covers: T-1
#[test]
fn list_that_shrinks_is_told_and_one_that_is_empty_is_refused() {
    let bench = Bench::new(&[], &[]);
    bench.put("issued.txt", "AA\nBB\nCC\n");
    let list = open(&bench, "issued.txt");
    assert!(!list.is_behind());
    bench.put("issued.txt", "AA\n");
    assert!(list.is_behind());
    let mut removed = list.reload().unwrap().removed;
    removed.sort();
    assert_eq!(removed, [key("BB"), key("CC")]);
    bench.put("issued.txt", "");
    let error = list.reload().unwrap_err();
    assert!(
        matches!(error, GoodListError::Emptied { before: 1, .. }),
        "{error}"
    );
    bench.put("issued.txt", "AA\nnonsense\n");
    let error = list.reload().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 2: this is no serial number: \"nonsense\""),
        "{error}"
    );
    std::fs::remove_file(bench.path("issued.txt")).unwrap();
    assert!(matches!(list.reload(), Err(GoodListError::Open(_))));
    assert_eq!(
        list.table().iter().collect::<Vec<_>>(),
        [SerialKey::new(&[0xAA]).octets()]
    );
}

#[test]
fn index_of_another_tool_is_a_good_list() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("index.txt", bench.world.index_txt());
    bench.put("ca.crl", bench.crl().during(0, Some(DAY)).der());
    let source = with_list(&bench, "index.txt");
    load(&source);
    // Its rows say what was issued; what is revoked is the CRL's affair.
    assert_eq!(word(&source, &bench.world.ee_rev.serial_hex()), "issued");
    assert_eq!(word(&source, "0DEFACED"), "never issued");
    let record = lookup(&source, &bench.world.ee_exp.serial_hex()).unwrap();
    assert_eq!(record.not_after, Some(Timestamp::from_unix(T0 - 35 * DAY)));
}
