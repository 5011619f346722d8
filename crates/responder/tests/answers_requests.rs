//! What a request may carry and still be answered: everything that RFC 6960 and RFC 9919 want ignored.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{self, Ask, HashAlg, Params};
use certvouch_testkit::der;
use support::{Fixture, t0};

/// Asks plainly, then with this request; both must get the same octets, the second from the cache.
fn same_as_plain(what: &str, change: impl FnOnce(&Fixture, Ask) -> Ask) {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let ask = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial);
    let plain = support::octets(&responder, &ask.build(), t0());
    fixture.verified(&plain);
    let changed = change(&fixture, ask.clone());
    assert_ne!(changed.build(), ask.build(), "{what}");
    let octets = support::octets(&responder, &changed.build(), t0());
    assert_eq!(octets, plain, "{what}");
    assert_eq!(fixture.signer.signatures(), 1, "{what}");
}

// covers: R6960-4.1.2-1, R9919-3.2.1-5, E-46
#[test]
fn unknown_extension_that_is_not_critical_is_ignored() {
    same_as_plain("request", |_, ask| {
        ask.extension("1.2.3.4", false, &der::null())
    });
    same_as_plain("two", |_, ask| {
        ask.extension("1.2.3.4", false, b"no DER")
            .extension("1.2.3.5", false, &[])
    });
    same_as_plain("entry", |fixture, _| {
        let world = &fixture.world;
        let id = ask::cert_id(
            HashAlg::Sha1,
            &Params::Null,
            &world.ca_a,
            &world.ee_good.serial,
        );
        let unknown = der::extension("1.2.3.4", false, &der::null());
        Ask::new().entry_with_extensions(&id, &[unknown])
    });
}

// covers: R6960-4.4.6-1, E-23, E-46
#[test]
fn service_locator_is_ignored_whether_it_parses_or_not() {
    for value in [
        der::seq(&[&der::name(&[("CN", "CA-A")])]),
        b"no DER".to_vec(),
    ] {
        same_as_plain("locator", |fixture, _| {
            let world = &fixture.world;
            let id = ask::cert_id(
                HashAlg::Sha1,
                &Params::Null,
                &world.ca_a,
                &world.ee_good.serial,
            );
            let locator = der::extension(extra::SERVICE_LOCATOR, false, &value);
            Ask::new().entry_with_extensions(&id, &[locator])
        });
    }
}

// covers: R6960-4.2.1-2, R6960-4.4.3-1, E-49, E-23
#[test]
fn acceptable_responses_get_basic_whatever_they_list() {
    let list = |oids: &[&str]| {
        let oids: Vec<Vec<u8>> = oids.iter().map(|oid| der::oid(oid)).collect();
        der::seq_of(&oids)
    };
    for (value, critical) in [
        (list(&["1.3.6.1.5.5.7.48.1.1"]), false),
        (list(&["1.3.6.1.5.5.7.48.1.1"]), true),
        (list(&["1.2.3"]), false),
        (list(&["1.2.3"]), true),
        (b"no DER".to_vec(), false),
    ] {
        same_as_plain("AcceptableResponses", |_, ask| {
            ask.extension(ask::ACCEPTABLE_RESPONSES, critical, &value)
        });
    }
}

// covers: R9919-3.1.2-2, E-47
#[test]
fn requestor_name_of_an_unsigned_request_counts_as_absent() {
    same_as_plain("URI", |_, ask| {
        ask.requestor_name(&der::tlv(0x86, b"http://client.test/"))
    });
    same_as_plain("DirName", |fixture, ask| {
        ask.requestor_directory_name(&fixture.world.ee_good.subject)
    });
}

// covers: R9919-3.1.2-1, E-48, E-25
#[test]
fn signature_on_a_request_is_ignored_right_or_wrong() {
    same_as_plain("right", |fixture, ask| {
        let client = &fixture.world.ee_good;
        ask.requestor_directory_name(&client.subject)
            .sign(client, client.key.sig_alg(), &[client])
    });
    same_as_plain("without requestorName", |fixture, ask| {
        let client = &fixture.world.ee_good;
        ask.sign(client, client.key.sig_alg(), &[])
    });
    same_as_plain("wrong", |fixture, ask| {
        let algorithm = fixture.world.ee_good.key.sig_alg().identifier();
        ask.raw_signature(&algorithm, &[0; 64], &[])
    });
}

// covers: E-50
#[test]
fn version_v1_spelled_out_is_answered() {
    same_as_plain("v1", |_, ask| ask.version(0));
}

// covers: R6960-4.1.1-1
#[test]
fn every_shape_of_serial_number_is_asked_for_as_it_is() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    // 16 octets, 17 with a sign octet, two with a zero digit in front, 20.
    let lengths = [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp]
        .map(|cert| cert.serial.len());
    assert_eq!(lengths, [16, 17, 2, 20]);
    for cert in [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp] {
        let single = extra::single(&responder, &ask::q1(&world.ca_a, &cert.serial), t0());
        assert_eq!(single.serial, cert.serial);
        assert_ne!(single.status, CertStatus::Unknown);
    }
    // A serial number that only ends like one, or lacks its sign octet, is another.
    for serial in [
        &world.ee_rev.serial[1..],
        &world.ee_good.serial[1..],
        &[&[0x01], &world.ee_hold.serial[..]].concat(),
    ] {
        let request = ask::q1(&world.ca_a, serial);
        assert_eq!(
            extra::status(&responder, &request, t0()),
            CertStatus::Unknown
        );
    }
}
