//! The shape of a signed answer: DER, responderID, certs, extensions, and one SingleResponse for each entry.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_responder::{EmbedCertificate, Responder, ResponderIdForm};
use certvouch_testkit::answer::{Basic, CertStatus, ResponderId};
use certvouch_testkit::ask::{self, Ask, HashAlg, Params};
use certvouch_testkit::pki::{Cert, Key, KeyAlg};
use certvouch_testkit::{der, peer};
use support::{Fixture, KeySigner, err, t0};

/// CA-A, with its answers signed by this certificate's key.
fn signed_by(
    fixture: &Fixture,
    cert: &Cert,
    form: ResponderIdForm,
    embed: EmbedCertificate,
) -> Responder {
    let ca = &fixture.world.ca_a;
    let signer = KeySigner::new(&cert.key);
    let signer = support::response_signer_as(&signer, cert, ca, form, embed);
    let policy = support::policy(|_| {});
    support::responder(vec![support::issuer(
        "ca-a",
        ca,
        &fixture.source,
        vec![signer],
        policy,
    )])
}

fn good(fixture: &Fixture) -> Vec<u8> {
    ask::q1(&fixture.world.ca_a, &fixture.world.ee_good.serial)
}

fn answered(responder: &Responder, request: &[u8], signer: &Cert) -> Basic {
    support::verified(&support::octets(responder, request, t0()), signer)
}

// covers: R6960-4.2.2.3-2, R9919-3.2.2-1, R9919-3.2.2-2, R6960-2.2-2, BR-4.9.9-8
#[test]
fn delegate_signs_by_key_and_comes_along() {
    let fixture = Fixture::new();
    let d_a = &fixture.world.d_a;
    let basic = answered(&fixture.responder(|_| {}), &good(&fixture), d_a);
    assert_eq!(basic.responder_id, ResponderId::ByKey(d_a.key_hash_sha1()));
    assert_eq!(basic.certs, Some(vec![d_a.der.clone()]));
    assert!(basic.verify_with(&fixture.world.ca_a.der).is_err());
}

// covers: R6960-4.2.1-4, R6960-2.2-2, R6960-4.2.2.3-2
#[test]
fn ca_that_signs_itself_sends_no_certificate() {
    let fixture = Fixture::new();
    let ca = &fixture.world.ca_a;
    for embed in [EmbedCertificate::Delegate, EmbedCertificate::Never] {
        let responder = signed_by(&fixture, ca, ResponderIdForm::ByKey, embed);
        let basic = answered(&responder, &good(&fixture), ca);
        assert_eq!(basic.certs, None);
        assert_eq!(basic.responder_id, ResponderId::ByKey(ca.key_hash_sha1()));
    }
}

// covers: R9919-3.2.2-2, R6960-4.2.2.3-2, R6960-4.2.1-4
#[test]
fn by_name_and_never_embedded_are_switches() {
    let fixture = Fixture::new();
    let d_a = &fixture.world.d_a;
    let responder = signed_by(
        &fixture,
        d_a,
        ResponderIdForm::ByName,
        EmbedCertificate::Never,
    );
    let basic = answered(&responder, &good(&fixture), d_a);
    assert_eq!(basic.responder_id, ResponderId::ByName(d_a.subject.clone()));
    assert_eq!(basic.certs, None);
}

// covers: R6960-4.2.2.3-2
#[test]
fn responder_id_changes_with_the_signer() {
    let fixture = Fixture::new();
    let ca = &fixture.world.ca_a;
    let next = extra::delegate(
        "D-next",
        &extra::p256("d-next"),
        ca,
        (t0().unix(), ca.not_after),
    );
    let responder = fixture.responder(|_| {});
    let old = answered(&responder, &good(&fixture), &fixture.world.d_a);
    let signer = support::response_signer(&KeySigner::new(&next.key), &next, ca);
    let policy = support::policy(|_| {});
    let issuer = support::issuer("ca-a", ca, &fixture.source, vec![signer], policy);
    responder.replace(vec![issuer]).unwrap();
    let new = answered(&responder, &good(&fixture), &next);
    assert_ne!(old.responder_id, new.responder_id);
    assert_eq!(new.responder_id, ResponderId::ByKey(next.key_hash_sha1()));
    assert_eq!(new.certs, Some(vec![next.der]));
}

// covers: R6960-4.2.2.3-1, R9919-3.2.1-4, R6960-4.2.2.3-4
#[test]
fn default_answer_has_no_version_no_extensions_and_one_entry() {
    let fixture = Fixture::new();
    let basic = answered(
        &fixture.responder(|_| {}),
        &good(&fixture),
        &fixture.world.d_a,
    );
    assert!(!basic.version_encoded);
    let data = der::read_only(&basic.tbs).unwrap().content;
    assert_eq!(data[0], 0xA2);
    assert_eq!(basic.extensions, None);
    assert_eq!(basic.single().extensions, None);
    assert_eq!(basic.singles.len(), 1);
}

/// Whether every length is minimal, every primitive as DER has it, no optional SEQUENCE empty, and the whole
/// built again from its parts equal to itself. Goes into OCTET STRINGs that hold a message.
fn assert_canonical(octets: &[u8]) {
    let tlv = der::read_only(octets).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(der::tlv(tlv.tag, tlv.content), tlv.raw);
    match tlv.tag {
        tag if tag & 0x20 != 0 => {
            let members = der::read_all(tlv.content).unwrap_or_else(|why| panic!("{why}"));
            assert!(!members.is_empty(), "an empty SEQUENCE: {octets:02X?}");
            members
                .iter()
                .for_each(|member| assert_canonical(member.raw));
        }
        0x01 => assert_eq!(tlv.content, [0xFF], "FALSE is a DEFAULT everywhere"),
        0x02 | 0x0A => {
            let padded = matches!(*tlv.content, [0x00, next, ..] if next & 0x80 == 0)
                || matches!(*tlv.content, [0xFF, next, ..] if next & 0x80 != 0);
            assert!(!padded && !tlv.content.is_empty(), "{octets:02X?}");
        }
        0x03 => assert_eq!(tlv.content[0], 0, "signatures and keys are whole octets"),
        0x18 => {
            let (digits, zone) = tlv.content.split_at(14);
            assert!(digits.iter().all(u8::is_ascii_digit) && zone == b"Z");
        }
        _ => {}
    }
}

// covers: MOZ-5.2-1, R6960-4.2.1-3, R9919-3.2.4-2, R6960-4.2.1-2, MOZ-5.1.3-1, BR-7.1.3.2.1-1
#[test]
fn answer_of_every_kind_of_key_is_canonical_der_and_its_signature_covers_the_data() {
    for alg in [
        KeyAlg::P256,
        KeyAlg::P384,
        KeyAlg::P521,
        KeyAlg::Ed25519,
        KeyAlg::Rsa2048,
        KeyAlg::MlDsa44,
    ] {
        let fixture = Fixture::with(alg);
        let world = &fixture.world;
        let responder = fixture.responder(|_| {});
        for serial in [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp] {
            let octets = support::octets(&responder, &ask::q256(&world.ca_a, &serial.serial), t0());
            let basic = fixture.verified(&octets);
            assert_eq!(basic.algorithm, world.d_a.key.sig_alg().identifier());
            let outer = der::read_all(der::read_only(&octets).unwrap().content).unwrap();
            assert_eq!(outer[0].raw, [0x0A, 0x01, 0x00]);
            assert_canonical(outer[1].raw);
            // All but `certs`, which are as they were loaded.
            for part in der::read_all(der::read_only(&basic.der).unwrap().content).unwrap() {
                if part.tag != 0xA0 {
                    assert_canonical(part.raw);
                }
            }
            let mut spoilt = basic.clone();
            let last = spoilt.tbs.len() - 1;
            spoilt.tbs[last] ^= 1;
            assert!(spoilt.verify_with(&world.d_a.der).is_err(), "{alg:?}");
        }
    }
}

// covers: MOZ-5.1-1, MOZ-5.1.3-1, BR-7.1.3.2.1-1
#[test]
fn every_signature_algorithm_is_named_by_its_one_identifier() {
    let fixture = Fixture::new();
    let ca = &fixture.world.ca_a;
    for alg in KeyAlg::ALL {
        // The longer RSA key differs in nothing but the time it takes to make.
        if alg == KeyAlg::Rsa3072 {
            continue;
        }
        let key = Key::cached(alg, "identifiers");
        let cert = extra::delegate("D-any", &key, ca, (t0().unix(), ca.not_after));
        for sig_alg in alg.sig_algs() {
            let signer = support::response_signer(&KeySigner::with(&key, *sig_alg), &cert, ca);
            let policy = support::policy(|_| {});
            let issuer = support::issuer("ca-a", ca, &fixture.source, vec![signer], policy);
            let basic = answered(&support::responder(vec![issuer]), &good(&fixture), &cert);
            assert_eq!(basic.algorithm, sig_alg.identifier(), "{sig_alg:?}");
        }
    }
}

// covers: R6960-4.2.1-3, BR-4.9.9-8, R6960-2.2-2
#[test]
fn answers_are_accepted_by_openssl_and_spoilt_ones_refused() {
    let Some(openssl) = peer::require_or_skip("openssl") else {
        return;
    };
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let dir = tempfile::tempdir().unwrap();
    world.ca_a.write_pem(&dir.path().join("ca.pem"));
    let serial = world.ee_rev.serial_hex();
    let judge = |octets: &[u8]| {
        std::fs::write(dir.path().join("answer.der"), octets).unwrap();
        let serial = format!("0x{serial}");
        let at = t0().unix().to_string();
        let arguments = [
            "ocsp",
            "-respin",
            "answer.der",
            "-issuer",
            "ca.pem",
            "-serial",
            &serial,
            "-CAfile",
            "ca.pem",
            "-attime",
            &at,
            "-no_nonce",
        ];
        openssl.run_in(dir.path(), &arguments)
    };
    let octets = support::octets(
        &responder,
        &ask::q1(&world.ca_a, &world.ee_rev.serial),
        t0(),
    );
    let said = judge(&octets).expect_success("openssl ocsp").all();
    assert!(said.contains("Response verify OK"), "{said}");
    assert!(
        said.contains("revoked") && said.contains("keyCompromise"),
        "{said}"
    );

    let basic = fixture.verified(&octets);
    let place = octets
        .windows(basic.tbs.len())
        .position(|part| part == basic.tbs);
    let mut spoilt = octets;
    // An octet of the key hash in responderID's neighbour, producedAt: the seconds.
    let time = basic
        .tbs
        .windows(2)
        .position(|part| part == [0x18, 0x0F])
        .unwrap();
    spoilt[place.unwrap() + time + 15] ^= 1;
    let said = judge(&spoilt).all();
    assert!(!said.contains("Response verify OK"), "{said}");
}

// covers: R6960-4.2.2.3-5, R6960-4.2.2.3-3, R6960-4.1.1-1, R5754-2-1
#[test]
fn cert_id_comes_back_octet_for_octet() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    for hash in HashAlg::ALL {
        for parameters in [Params::Null, Params::Absent] {
            for cert in [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp] {
                let id = ask::cert_id(hash, &parameters, &world.ca_a, &cert.serial);
                // Twice, for the second answer comes from the cache.
                for _ in 0..2 {
                    let basic = answered(&responder, &Ask::new().entry(&id).build(), &world.d_a);
                    assert_eq!(basic.single().cert_id, id, "{hash:?} {parameters:?}");
                }
            }
        }
    }
}

// covers: R6960-4.2.2.3-3, R6960-4.2.2.3-4, R6960-4.2.2.3-5, E-33
#[test]
fn entries_are_answered_in_their_order_with_their_own_cert_ids() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|_| {});
    let id = |hash, parameters, serial: &[u8]| ask::cert_id(hash, &parameters, &world.ca_a, serial);
    let ids = [
        id(HashAlg::Sha512, Params::Null, &world.ee_rev.serial),
        id(HashAlg::Sha1, Params::Absent, &world.ee_good.serial),
        id(HashAlg::Sha256, Params::Null, &world.s_x),
        id(HashAlg::Sha384, Params::Absent, &world.ee_hold.serial),
        id(HashAlg::Sha1, Params::Null, &world.ee_good.serial),
    ];
    let request = ids.iter().fold(Ask::new(), |ask, id| ask.entry(id)).build();
    let basic = answered(&responder, &request, &world.d_a);
    let got: Vec<_> = basic
        .singles
        .iter()
        .map(|single| single.cert_id.clone())
        .collect();
    assert_eq!(got, ids);
    let kinds: Vec<u8> = basic
        .singles
        .iter()
        .map(|single| single.status_der[0])
        .collect();
    assert_eq!(kinds, [0xA1, 0x80, 0x82, 0xA1, 0x80]);
    assert_eq!(
        basic.singles[0].status,
        CertStatus::Revoked {
            at: world.revoked_at,
            reason: Some(1)
        }
    );
    // One look-up for all, so that they come from one state of the source.
    assert_eq!(fixture.source.asked().len(), 1);
    assert_eq!(fixture.source.asked()[0].len(), 5);
}

// covers: E-33, R6960-4.2.2.3-3
#[test]
fn entry_without_an_answer_of_its_own_is_unknown_beside_others_and_an_error_among_its_like() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let responder = fixture.responder(|policy| {
        policy.unlisted = certvouch_responder::Unlisted::Unauthorized;
        policy.expired = certvouch_responder::Expired::Drop;
    });
    let request = |serials: &[&[u8]]| {
        let ids = serials
            .iter()
            .map(|s| ask::cert_id(HashAlg::Sha1, &Params::Null, &world.ca_a, s));
        ids.fold(Ask::new(), |ask, id| ask.entry(&id)).build()
    };
    let both = request(&[&world.s_x, &world.ee_good.serial, &world.ee_exp.serial]);
    let basic = answered(&responder, &both, &world.d_a);
    let statuses: Vec<_> = basic.singles.iter().map(|single| single.status).collect();
    assert_eq!(
        statuses,
        [CertStatus::Unknown, CertStatus::Good, CertStatus::Unknown]
    );
    assert!(
        basic
            .singles
            .iter()
            .all(|single| single.extensions.is_none())
    );
    let none = request(&[&world.s_x, &world.ee_exp.serial]);
    assert_eq!(support::octets(&responder, &none, t0()), err(6));
}

// covers: E-33
#[test]
fn entries_of_different_cas_are_refused_whole() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let d_b = support::response_signer(&KeySigner::new(&world.d_b.key), &world.d_b, &world.ca_b);
    let policy = support::policy(|_| {});
    let ca_b = support::issuer("ca-b", &world.ca_b, &fixture.source, vec![d_b], policy);
    let responder = support::responder(vec![fixture.issuer(|_| {}), ca_b]);
    let id = |ca| ask::cert_id(HashAlg::Sha1, &Params::Null, ca, &world.ee_good.serial);
    let request = Ask::new()
        .entry(&id(&world.ca_a))
        .entry(&id(&world.ca_b))
        .build();
    assert_eq!(support::octets(&responder, &request, t0()), err(6));
    assert_eq!(fixture.source.lookups(), 0);
}
