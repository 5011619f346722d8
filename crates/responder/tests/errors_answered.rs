//! What looks like an error and is answered all the same, signed (requirements §17.4).

mod support;

use certvouch_responder::{Expired, Knowledge, NotRevoked, Policy, StatusRecord, Unlisted};
use certvouch_testkit::answer::{Basic, CertStatus};
use certvouch_testkit::ask::{
    ACCEPTABLE_RESPONSES, Ask, GetForm, HashAlg, NONCE, Params, cert_id, get_segment, q1, q256,
};
use certvouch_testkit::der;
use certvouch_testkit::pki::{KeyAlg, SigAlg, World};
use certvouch_types::{CrlReason, Timestamp};
use support::{
    Fixture, KeySigner, Service, err, issuer, octets, policy, responder, response_signer, t0,
};

const DAY: i64 = 86_400;
const ARCHIVE_CUTOFF: &str = "1.3.6.1.5.5.7.48.1.6";
const SERVICE_LOCATOR: &str = "1.3.6.1.5.5.7.48.1.7";
const PREF_SIG_ALGS: &str = "1.3.6.1.5.5.7.48.1.8";
const EXTENDED_REVOKE: &str = "1.3.6.1.5.5.7.48.1.9";

/// The answer about one serial number, verified, at HTTP 200 with header fields for caches.
fn answer(fixture: &Fixture, service: &Service, serial: &[u8]) -> Basic {
    let reaction = service.post(&q256(&fixture.world.ca_a, serial));
    assert_eq!(reaction.status, 200);
    let control = reaction.header("cache-control").expect("Cache-Control");
    assert!(control.contains("public"), "{control}");
    for name in ["etag", "last-modified", "expires", "date"] {
        assert!(reaction.header(name).is_some(), "{name}");
    }
    let basic = fixture.verified(&reaction.body);
    assert_eq!(basic.single().serial, serial);
    basic
}

/// The answer about a serial number under a policy.
fn answer_under(fixture: &Fixture, serial: &[u8], change: impl FnOnce(&mut Policy)) -> Basic {
    answer(fixture, &fixture.service_with(change), serial)
}

/// A question about EE-good.
fn question(fixture: &Fixture) -> Ask {
    Ask::for_serial(
        HashAlg::Sha1,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    )
}

// covers: E-40, R6960-2.2-10, BR-4.9.9-10
#[test]
fn unassigned_serial_number_is_unknown() {
    let fixture = Fixture::new();
    let basic = answer_under(&fixture, &fixture.world.s_x, |_| {});
    assert_eq!(basic.single().status_der, [0x82, 0x00]);
    assert_eq!(basic.single().extensions, None);
    assert_eq!(basic.extensions, None);
}

// covers: E-40, R6960-2.2-5, R6960-2.2-6, R6960-2.2-7, R6960-2.2-8, R6960-2.2-9, R6960-4.4.8-1
#[test]
fn unassigned_serial_number_is_revoked_where_policy_says_so() {
    let fixture = Fixture::new();
    let mut record = StatusRecord::new(Knowledge::NeverIssued);
    record.invalidity_date = Some(t0());
    fixture.source.otherwise(record);
    let basic = answer_under(&fixture, &fixture.world.s_x, |policy| {
        policy.unlisted = Unlisted::Revoked;
        policy.expired = Expired::Retain { seconds: DAY };
    });
    let single = basic.single();
    let expected = der::hex("A116 180F 31393730303130313030303030305A A003 0A0106");
    assert_eq!(single.status_der, expected);
    assert_eq!(single.extensions, None);
    let extension = basic.extension(EXTENDED_REVOKE).expect("extended-revoke");
    assert_eq!(
        (extension.critical, &extension.value[..]),
        (false, &[5, 0][..])
    );
    assert_eq!(basic.extensions.as_ref().map(Vec::len), Some(1));
    // On an answer about a certificate that exists it does not stand.
    let good = answer_under(&fixture, &fixture.world.ee_good.serial, |policy| {
        policy.unlisted = Unlisted::Revoked;
    });
    assert_eq!(good.extensions, None);
}

// covers: E-40, BR-4.9.9-10
#[test]
fn unassigned_serial_number_is_never_good() {
    let fixture = Fixture::new();
    let request = q1(&fixture.world.ca_a, &fixture.world.s_x);
    for unlisted in [Unlisted::Unknown, Unlisted::Revoked, Unlisted::Unauthorized] {
        for not_revoked in [NotRevoked::Good, NotRevoked::Unknown] {
            for compromised in [None, Some(t0())] {
                let served = fixture.responder(|policy| {
                    policy.unlisted = unlisted;
                    policy.not_revoked = not_revoked;
                    policy.ca_compromised = compromised;
                });
                let body = octets(&served, &request, t0());
                if unlisted == Unlisted::Unauthorized {
                    assert_eq!(body, err(6));
                } else {
                    let status = fixture.verified(&body).single().status;
                    assert_ne!(status, CertStatus::Good, "{unlisted:?} {not_revoked:?}");
                }
            }
        }
    }
}

// covers: E-41, BR-4.9.9-11
#[test]
fn serial_number_of_a_precertificate_is_good() {
    let fixture = Fixture::new();
    // A source knows it as issued, without the notAfter of a certificate.
    fixture.source.say(&[0x77], Knowledge::Issued);
    let basic = answer_under(&fixture, &[0x77], |_| {});
    assert_eq!(basic.single().status_der, [0x80, 0x00]);
}

// covers: E-42, R6960-2.2-4
#[test]
fn certificate_on_hold_is_revoked_with_its_reason() {
    let fixture = Fixture::new();
    let basic = answer_under(&fixture, &fixture.world.ee_hold.serial, |_| {});
    let single = basic.single();
    let expected = CertStatus::Revoked {
        at: fixture.world.held_at,
        reason: Some(6),
    };
    assert_eq!(single.status, expected);
    assert_eq!(single.status_der[..2], [0xA1, 0x16]);
    assert!(single.status_der.ends_with(&[0xA0, 0x03, 0x0A, 0x01, 0x06]));
    assert_eq!(basic.extension(EXTENDED_REVOKE), None);
}

// covers: E-43, E-44, R9654-2.1-2, R9654-2.1-3, R9654-2.1-4, R9654-x-2
#[test]
fn nonce_of_any_legal_length_comes_back() {
    let fixture = Fixture::new();
    let served = fixture.responder(|_| {});
    for length in [1, 8, 15, 16, 17, 31, 32, 33, 64, 127, 128] {
        let nonce: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37)).collect();
        let request = question(&fixture).nonce(&nonce).build();
        let before = fixture.signer.signatures();
        for _ in 0..2 {
            let basic = fixture.verified(&octets(&served, &request, t0()));
            assert_eq!(basic.single().status, CertStatus::Good);
            assert_eq!(basic.nonce(), Some(nonce.clone()), "{length}");
            assert_eq!(basic.extension(NONCE).map(|ext| ext.critical), Some(false));
        }
        assert_eq!(fixture.signer.signatures(), before + 2, "never kept");
    }
    assert_eq!(served.cache_size().0, 0);
}

// covers: E-43, R9654-2.1-4
#[test]
fn nonce_of_rfc_9654_comes_back_byte_for_byte() {
    let fixture = Fixture::new();
    let vector = der::hex(
        "302f06092b060105050730010204220420dd49d4072c449da1c317bd1c1bdffedbe150312ec4cd0add18e5bd\
         6f84bf14c8",
    );
    let request = question(&fixture).raw_extension(&vector).build();
    let served = fixture.responder(|_| {});
    let basic = fixture.verified(&octets(&served, &request, t0()));
    let extensions = basic.extensions.expect("responseExtensions");
    let list: Vec<_> = extensions.iter().map(|ext| &ext.der).collect();
    assert_eq!(list, [&vector]);
}

// covers: E-46, R6960-4.1.2-1, R9919-3.2.1-5, R6960-4.4.6-1
#[test]
fn extension_that_is_not_recognised_changes_nothing() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let service = fixture.service();
    let plain = question(&fixture).build();
    let expected = service.post(&plain).body;
    fixture.verified(&expected);
    let id = cert_id(
        HashAlg::Sha1,
        &Params::Null,
        &world.ca_a,
        &world.ee_good.serial,
    );
    let aia = der::seq(&[&der::seq(&[
        &der::oid("1.3.6.1.5.5.7.48.1"),
        &der::tlv(0x86, b"http://ocsp.example/"),
    ])]);
    let values = [
        ("1.2.3.4", vec![]),
        ("1.2.3.4", b"no DER at all".to_vec()),
        ("2.999.1", der::null()),
        (SERVICE_LOCATOR, der::seq(&[&world.ca_b.subject, &aia])),
        (SERVICE_LOCATOR, der::seq(&[&world.ca_a.subject])),
        (ARCHIVE_CUTOFF, der::generalized_time(0)),
        (EXTENDED_REVOKE, der::null()),
    ];
    for (dotted, value) in &values {
        let outer = question(&fixture).extension(dotted, false, value);
        let extension = [der::extension(dotted, false, value)];
        let inner = Ask::new().entry_with_extensions(&id, &extension);
        let both = Ask::new()
            .entry_with_extensions(&id, &extension)
            .extension(dotted, false, value);
        for request in [outer, inner, both] {
            let request = request.build();
            assert_ne!(request, plain);
            let reaction = service.post(&request);
            assert_eq!(reaction.body, expected, "{dotted}");
            let target = format!("/{}", get_segment(&request, GetForm::Strict));
            assert_eq!(service.get(&target).body, expected, "{dotted}");
        }
    }
    // In singleRequestExtensions a nonce is none.
    let nonce = [der::extension(NONCE, false, &der::octets(&[1; 16]))];
    let request = Ask::new().entry_with_extensions(&id, &nonce).build();
    assert_eq!(service.post(&request).body, expected);
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: E-47, R9919-3.1.2-2
#[test]
fn requestor_name_without_signature_changes_nothing() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let expected = service.post(&question(&fixture).build()).body;
    fixture.verified(&expected);
    let name = &fixture.world.ee_good.subject;
    for ask in [
        question(&fixture).requestor_directory_name(name),
        question(&fixture).requestor_name(&der::tlv(0x86, b"http://client.example/")),
        question(&fixture).requestor_name(&der::tlv(0x82, b"client.example")),
        question(&fixture).requestor_name(&der::tlv(0x87, &[127, 0, 0, 1])),
    ] {
        assert_eq!(service.post(&ask.build()).body, expected);
    }
}

// covers: E-48, E-25, R9919-3.1.2-1
#[test]
fn signature_of_a_request_changes_nothing() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let service = fixture.service();
    let expected = service.post(&question(&fixture).build()).body;
    fixture.verified(&expected);
    let client = &world.ee_good;
    let named = || question(&fixture).requestor_directory_name(&client.subject);
    let algorithm = SigAlg::EcdsaSha256.identifier();
    let strange = der::seq(&[&der::oid("1.2.3.4"), &der::null()]);
    for (what, ask) in [
        (
            "right, with name and certificate",
            named().sign(client, SigAlg::EcdsaSha256, &[client]),
        ),
        (
            "right, without certificate",
            named().sign(client, SigAlg::EcdsaSha256, &[]),
        ),
        (
            "right, without requestorName (E-25)",
            question(&fixture).sign(client, SigAlg::EcdsaSha256, &[client]),
        ),
        (
            "wrong",
            named().raw_signature(&algorithm, &[0; 70], &[client]),
        ),
        ("empty", named().raw_signature(&algorithm, &[], &[])),
        (
            "unknown algorithm",
            named().raw_signature(&strange, &[1; 64], &[client]),
        ),
        (
            "certificate of somebody else",
            named().sign(client, SigAlg::EcdsaSha256, &[&world.ca_b, &world.ee_rev]),
        ),
    ] {
        assert_eq!(service.post(&ask.build()).body, expected, "{what}");
    }
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: E-49, R6960-4.4.3-1, R6960-4.2.1-2, R6960-2.2-1, R9919-3.2.1-1
#[test]
fn acceptable_responses_without_basic_get_basic() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let expected = service.post(&question(&fixture).build()).body;
    let list = |oids: &[&str]| {
        der::seq_of(
            &oids
                .iter()
                .map(|dotted| der::oid(dotted))
                .collect::<Vec<_>>(),
        )
    };
    for oids in [
        &["1.3.6.1.5.5.7.48.1.1"][..],
        &["1.2.3"],
        &["1.2.3", "1.3.6.1.5.5.7.48.1.1"],
        &[],
    ] {
        let ask = question(&fixture).extension(ACCEPTABLE_RESPONSES, false, &list(oids));
        let body = service.post(&ask.build()).body;
        assert_eq!(body, expected, "{oids:?}");
        // The parser accepts id-pkix-ocsp-basic alone.
        fixture.verified(&body);
    }
}

/// PreferredSignatureAlgorithms of these AlgorithmIdentifiers.
fn preferences(algorithms: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<Vec<u8>> = algorithms.iter().map(|one| der::seq(&[one])).collect();
    der::seq_of(&list)
}

// covers: E-49, R6960-5.1-1, BR-7.1.3.2.1-1
#[test]
fn preferred_algorithms_that_we_have_not_or_allow_not_get_the_default() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let expected = service.post(&question(&fixture).build()).body;
    let sha1_with_rsa = der::hex("300d06092a864886f70d0101050500");
    let ecdsa_with_sha1 = der::seq(&[&der::oid("1.2.840.10045.4.1")]);
    let unknown = der::seq(&[&der::oid("1.2.3.4")]);
    for wanted in [
        vec![sha1_with_rsa.clone()],
        vec![ecdsa_with_sha1.clone()],
        vec![unknown.clone()],
        vec![SigAlg::Ed25519.identifier(), SigAlg::RsaSha512.identifier()],
        vec![unknown, sha1_with_rsa, ecdsa_with_sha1],
        vec![],
    ] {
        for critical in [false, true] {
            let value = preferences(&wanted);
            let ask = question(&fixture).extension(PREF_SIG_ALGS, critical, &value);
            let body = service.post(&ask.build()).body;
            assert_eq!(body, expected, "{wanted:02X?}");
        }
    }
    let basic = fixture.verified(&expected);
    assert_eq!(basic.algorithm, SigAlg::EcdsaSha256.identifier());
}

// covers: E-49, R6960-4.4.7.2.1-1
#[test]
fn first_preferred_algorithm_that_a_signer_has_is_used() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let ed = World::new(KeyAlg::Ed25519);
    // A delegate of CA-A with a key of another kind.
    let delegate = certvouch_testkit::pki::CertBuilder::new(&[("CN", "D-A-ed")], &ed.d_a.key)
        .validity(t0().unix() - DAY, t0().unix() + DAY)
        .ocsp_signing()
        .issued_by(&world.ca_a);
    let signers = vec![
        response_signer(&fixture.signer, &world.d_a, &world.ca_a),
        response_signer(&KeySigner::new(&delegate.key), &delegate, &world.ca_a),
    ];
    let two = issuer("two", &world.ca_a, &fixture.source, signers, policy(|_| {}));
    let served = responder(vec![two]);
    let (ecdsa, ed25519) = (
        SigAlg::EcdsaSha256.identifier(),
        SigAlg::Ed25519.identifier(),
    );
    let rsa = SigAlg::RsaSha256.identifier();
    for (wanted, signer) in [
        (vec![], &world.d_a),
        (vec![rsa.clone()], &world.d_a),
        (vec![ed25519.clone()], &delegate),
        (vec![ed25519.clone(), ecdsa.clone()], &delegate),
        (vec![ecdsa, ed25519.clone()], &world.d_a),
        (vec![rsa, ed25519], &delegate),
    ] {
        let ask = question(&fixture).extension(PREF_SIG_ALGS, false, &preferences(&wanted));
        let body = octets(&served, &ask.build(), t0());
        let basic = support::verified(&body, signer);
        assert_eq!(basic.algorithm, signer.key.sig_alg().identifier());
    }
}

// covers: E-50
#[test]
fn version_v1_spelled_out_is_answered_with_the_same_octets() {
    let fixture = Fixture::new();
    let service = fixture.service();
    let expected = service.post(&question(&fixture).build()).body;
    let explicit = question(&fixture).version(0).build();
    assert_eq!(service.post(&explicit).body, expected);
    let target = format!("/{}", get_segment(&explicit, GetForm::Strict));
    assert_eq!(service.get(&target).body, expected);
    // Our own version is never spelled out.
    assert!(!fixture.verified(&expected).version_encoded);
}

// covers: E-51, R6960-4.4.4-1, R6960-4.4.4-2, R6960-4.4.4-3, R9919-3.2.1-7
#[test]
fn expired_certificate_that_is_kept_has_its_status_and_archive_cutoff() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    let cutoff = |basic: &Basic| {
        let extension = basic.single().extension(ARCHIVE_CUTOFF)?;
        assert!(!extension.critical);
        Some(extension.value.clone())
    };
    // Kept for ever: back to the beginning of the CA.
    let basic = answer_under(&fixture, &world.ee_exp.serial, |_| {});
    assert_eq!(basic.single().status, CertStatus::Good);
    let beginning = der::generalized_time(world.ca_a.not_before);
    assert_eq!(cutoff(&basic), Some(beginning));
    // Kept for the last seven years: producedAt − retention.
    let from = Timestamp::from_generalized_time(b"20190110000000Z").expect("a time");
    let seconds = t0().seconds_since(from);
    let basic = answer_under(&fixture, &world.ee_exp.serial, |policy| {
        policy.expired = Expired::Retain { seconds };
    });
    let expected = der::tlv(0x18, b"20190110000000Z");
    assert_eq!(cutoff(&basic), Some(expected));
    assert_eq!(basic.extensions, None);

    let mut record = StatusRecord::new(Knowledge::Revoked {
        at: t0() - 6 * 365 * DAY,
        reason: Some(CrlReason::KeyCompromise),
    });
    record.not_after = Some(t0() - 5 * 365 * DAY);
    fixture.source.set(&world.ee_exp.serial, record);
    let basic = answer_under(&fixture, &world.ee_exp.serial, |policy| {
        policy.expired = Expired::Retain { seconds };
    });
    let expected = CertStatus::Revoked {
        at: t0().unix() - 6 * 365 * DAY,
        reason: Some(1),
    };
    assert_eq!(basic.single().status, expected);
}

// covers: E-52, R6960-2.7-1
#[test]
fn everything_of_a_compromised_ca_is_revoked() {
    let fixture = Fixture::new();
    let world = &fixture.world;
    fixture.source.say(&[0x55], Knowledge::NotRevoked);
    let since = t0() - DAY;
    let service = fixture.service_with(|policy| {
        policy.ca_compromised = Some(since);
        policy.not_revoked = NotRevoked::Good;
    });
    let compromised = CertStatus::Revoked {
        at: since.unix(),
        reason: Some(2),
    };
    for serial in [&world.ee_good.serial[..], &world.ee_exp.serial, &[0x55]] {
        assert_eq!(
            answer(&fixture, &service, serial).single().status,
            compromised
        );
    }
    // What was revoked before keeps its own date and reason; what was never issued stays unknown.
    let own = CertStatus::Revoked {
        at: world.revoked_at,
        reason: Some(1),
    };
    assert_eq!(
        answer(&fixture, &service, &world.ee_rev.serial)
            .single()
            .status,
        own
    );
    let unknown = answer(&fixture, &service, &world.s_x).single().status;
    assert_eq!(unknown, CertStatus::Unknown);
}

// covers: R6960-2.1-1, R9919-3.2.3-1, R6960-4.1.1-1
#[test]
fn question_under_every_hash_is_answered_signed() {
    let fixture = Fixture::new();
    let service = fixture.service();
    for hash in HashAlg::ALL {
        for params in [Params::Null, Params::Absent] {
            let world = &fixture.world;
            let id = cert_id(hash, &params, &world.ca_a, &world.ee_good.serial);
            let reaction = service.post(&Ask::new().entry(&id).build());
            let basic = fixture.verified(&reaction.body);
            assert_eq!(basic.single().status, CertStatus::Good);
            assert_eq!(basic.single().cert_id, id);
        }
    }
    let mut changed = service.post(&question(&fixture).build()).body.to_vec();
    // One bit of the signed part: the signature is over exactly these octets.
    let at = changed
        .windows(2)
        .position(|pair| pair == [0x80, 0x00])
        .expect("good");
    changed[at] = 0x82;
    let basic = certvouch_testkit::answer::Answer::successful(&changed);
    assert_eq!(basic.single().status, CertStatus::Unknown);
    assert!(basic.verify_with(&fixture.world.d_a.der).is_err());
}
