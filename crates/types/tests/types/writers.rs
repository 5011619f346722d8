//! What our writers put out, octet by octet, and what OpenSSL makes of it.

use std::fs;

use certvouch_testkit::answer::Basic;
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id};
use certvouch_testkit::der;
use certvouch_testkit::peer::require_or_skip;
use certvouch_testkit::pki::{KeyAlg, SigAlg, T0, World};
use certvouch_types::extension::values::{push_extension, push_nonce, push_time_extension};
use certvouch_types::{
    CertIdTemplate, CertStatus, Certificate, CrlReason, HashAlgorithm, OcspResponseStatus,
    RequestWriter, ResponderId, ResponseDataWriter, RevokedInfo, SerialNumber,
    SingleResponseFields, Timestamp, basic_ocsp_response, error_response, oid,
};
use x509_cert::der::{Decode, Encode};

use crate::{invariants, samples};

const NONCE: [u8; 32] = [0xA5; 32];

fn time(offset: i64) -> Timestamp {
    Timestamp::from_unix(T0 + offset)
}

fn revoked(reason: Option<CrlReason>) -> CertStatus {
    CertStatus::Revoked(RevokedInfo::new(time(-1_000_000), reason))
}

/// ResponseData with an answer of every kind, and the same by hand.
fn response_data(world: &World, responder: ResponderId<'_>) -> (Vec<u8>, Vec<u8>) {
    let ids = [
        cert_id(
            HashAlg::Sha1,
            &Params::Null,
            &world.ca_a,
            &world.ee_good.serial,
        ),
        cert_id(
            HashAlg::Sha256,
            &Params::Absent,
            &world.ca_a,
            &world.ee_rev.serial,
        ),
        cert_id(
            HashAlg::Sha512,
            &Params::Null,
            &world.ca_a,
            &world.ee_hold.serial,
        ),
        cert_id(HashAlg::Sha384, &Params::Null, &world.ca_a, &world.s_x),
    ];
    let mut own = Vec::new();
    push_time_extension(&mut own, oid::OCSP_ARCHIVE_CUTOFF, time(-31_536_000));
    let statuses = [
        CertStatus::Good,
        revoked(Some(CrlReason::KeyCompromise)),
        revoked(Some(CrlReason::Unspecified)),
        CertStatus::Unknown,
    ];
    let singles: Vec<SingleResponseFields<'_>> = ids
        .iter()
        .zip(statuses)
        .map(|(id, cert_status)| SingleResponseFields {
            cert_id: id,
            cert_status,
            this_update: time(0),
            next_update: time(86_400),
            extensions: if cert_status == CertStatus::Good {
                &own
            } else {
                &[]
            },
        })
        .collect();
    let mut extensions = Vec::new();
    push_nonce(&mut extensions, &NONCE);
    push_extension(&mut extensions, oid::OCSP_EXTENDED_REVOKE, &[5, 0]);
    let ours = ResponseDataWriter::new(responder).write(time(5), &singles, &extensions);

    let by_hand = |status: &[u8], id: &[u8], own: &[u8]| {
        let next = der::explicit(0, &der::generalized_time(T0 + 86_400));
        der::seq(&[id, status, &der::generalized_time(T0), &next, own])
    };
    let revoked_at = der::generalized_time(T0 - 1_000_000);
    let cutoff = der::generalized_time(T0 - 31_536_000);
    let cutoff = der::seq(&[&der::extension("1.3.6.1.5.5.7.48.1.6", false, &cutoff)]);
    let reason = der::explicit(0, &der::enumerated(1));
    let list = der::seq_of(&[
        by_hand(&[0x80, 0], &ids[0], &der::explicit(1, &cutoff)),
        by_hand(
            &der::tlv(0xA1, &[revoked_at.clone(), reason].concat()),
            &ids[1],
            &[],
        ),
        by_hand(&der::tlv(0xA1, &revoked_at), &ids[2], &[]),
        by_hand(&[0x82, 0], &ids[3], &[]),
    ]);
    let responder = match responder {
        ResponderId::ByName(name) => der::explicit(1, name),
        ResponderId::ByKey(key) => der::explicit(2, &der::octets(key)),
    };
    let extensions = der::seq(&[
        &der::extension("1.3.6.1.5.5.7.48.1.2", false, &der::octets(&NONCE)),
        &der::extension("1.3.6.1.5.5.7.48.1.9", false, &der::null()),
    ]);
    let produced = der::generalized_time(T0 + 5);
    let hand = der::seq(&[&responder, &produced, &list, &der::explicit(1, &extensions)]);
    (ours, hand)
}

/// A signed response of D-A from our writers.
fn signed(world: &World, certs: &[&[u8]]) -> Vec<u8> {
    let key_hash = world.d_a.key_hash_sha1();
    let (tbs, _) = response_data(world, ResponderId::ByKey(&key_hash));
    let signature = world.d_a.key.sign(SigAlg::EcdsaSha256, &tbs);
    basic_ocsp_response(&tbs, &SigAlg::EcdsaSha256.identifier(), &signature, certs)
}

// covers: R6960-4.2.2.3-5, R6960-4.2.1-3, R9654-2.1-4, W-TIME-1
#[test]
fn response_data_is_the_one_written_by_hand() {
    let world = World::new(KeyAlg::P256);
    let key_hash = world.d_a.key_hash_sha1();
    for responder in [
        ResponderId::ByKey(&key_hash),
        ResponderId::ByName(&world.d_a.subject),
    ] {
        let (ours, hand) = response_data(&world, responder);
        assert_eq!(ours, hand);
    }
}

// covers: R6960-4.2.1-3, R6960-4.2.1-4
#[test]
fn response_is_the_one_written_by_hand_with_and_without_certs() {
    let world = World::new(KeyAlg::P256);
    let key_hash = world.d_a.key_hash_sha1();
    let (tbs, _) = response_data(&world, ResponderId::ByKey(&key_hash));
    let algorithm = SigAlg::EcdsaSha256.identifier();
    let two: [&[u8]; 2] = [&world.d_a.der, &world.ca_a.der];
    let field = der::explicit(0, &der::seq(&two));
    // Signatures of every length at which a length field grows.
    for length in [0, 1, 70, 126, 127, 128, 254, 255, 256, 2420, 65_600] {
        let signature = vec![0x5A; length];
        for (certs, field) in [(&two[..], &field[..]), (&[], &[])] {
            let hand = der::seq(&[&tbs, &algorithm, &der::bits(&signature), field]);
            let ours = basic_ocsp_response(&tbs, &algorithm, &signature, certs);
            assert_eq!(ours, samples::successful(&hand), "{length}");
            invariants::response(&ours);
        }
    }
}

// covers: R6960-4.2.1-3
#[test]
fn signed_response_is_read_and_verified_by_others() {
    let world = World::new(KeyAlg::P256);
    let ours = signed(&world, &[&world.d_a.der]);
    invariants::everything(&ours);
    let answer = certvouch_testkit::answer::Answer::successful(&ours);
    answer.verify_with(&world.d_a.der).unwrap();
    assert_eq!(answer.nonce(), Some(NONCE.to_vec()));
    let flipped = {
        let mut flipped = ours.clone();
        let place = ours
            .windows(4)
            .position(|four| four == [0x80, 0x00, 0x18, 0x0F])
            .unwrap();
        flipped[place] = 0x82;
        Basic::parse(&flipped).err().map_or_else(
            || certvouch_testkit::answer::Answer::successful(&flipped).verify_with(&world.d_a.der),
            Err,
        )
    };
    assert!(flipped.is_err(), "a status turned after signing verifies");

    let theirs = x509_ocsp::OcspResponse::from_der(&ours).unwrap();
    let bytes = theirs.response_bytes.as_ref().unwrap();
    let basic = x509_ocsp::BasicOcspResponse::from_der(bytes.response.as_bytes()).unwrap();
    assert_eq!(basic.tbs_response_data.responses.len(), 4);
    assert_eq!(
        theirs.to_der().unwrap(),
        ours,
        "another encoder gives the same octets"
    );
}

// covers: R6960-4.2.1-3, R6960-4.2.2.3-5
#[test]
fn openssl_reads_and_verifies_the_signed_response() {
    let Some(openssl) = require_or_skip("openssl") else {
        return;
    };
    let world = World::current(KeyAlg::P256);
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("response.der"),
        signed(&world, &[&world.d_a.der]),
    )
    .unwrap();
    world.ca_a.write_pem(&dir.path().join("ca.pem"));
    let read = ["ocsp", "-respin", "response.der", "-noverify", "-resp_text"];
    let text = openssl
        .run_in(dir.path(), &read)
        .expect_success("openssl ocsp")
        .all();
    for expected in [
        "OCSP Response Status: successful (0x0)",
        "Response Type: Basic OCSP Response",
        "Produced At: Jan 10 00:00:05 2026 GMT",
        "Cert Status: good",
        "Cert Status: revoked",
        "Revocation Reason: keyCompromise (0x1)",
        "Cert Status: unknown",
        "Next Update: Jan 11 00:00:00 2026 GMT",
        "OCSP Archive Cutoff",
        "OCSP Nonce",
        "Signature Algorithm: ecdsa-with-SHA256",
        &format!("Serial Number: {}", world.ee_rev.serial_hex()),
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(
        text.matches("Revocation Reason").count(),
        1,
        "unspecified is said by absence"
    );
    // The chain from D-A to CA-A and the signature; the times are of no concern here.
    let verify = [
        "ocsp",
        "-respin",
        "response.der",
        "-CAfile",
        "ca.pem",
        "-issuer",
        "ca.pem",
    ];
    let said = openssl.run_in(dir.path(), &verify).all();
    assert!(said.contains("Response verify OK"), "{said}");
    let parse = [
        "asn1parse",
        "-inform",
        "DER",
        "-in",
        "response.der",
        "-strparse",
        "30",
    ];
    let said = openssl.run_in(dir.path(), &parse).all();
    assert!(
        said.contains("GENERALIZEDTIME   :20260110000005Z"),
        "{said}"
    );
}

// covers: R6960-4.1.1-C1, R6960-4.1.2-C1
#[test]
fn request_is_the_one_that_openssl_makes() {
    let Some(openssl) = require_or_skip("openssl") else {
        return;
    };
    let world = World::current(KeyAlg::P256);
    let dir = tempfile::tempdir().unwrap();
    world.ca_a.write_pem(&dir.path().join("ca.pem"));
    let hashes = [
        ("-sha1", HashAlg::Sha1, HashAlgorithm::Sha1),
        ("-sha256", HashAlg::Sha256, HashAlgorithm::Sha256),
        ("-sha384", HashAlg::Sha384, HashAlgorithm::Sha384),
        ("-sha512", HashAlg::Sha512, HashAlgorithm::Sha512),
    ];
    for (flag, hash, ours) in hashes {
        let mut writer = RequestWriter::new();
        let mut arguments = vec![
            "ocsp",
            "-no_nonce",
            "-reqout",
            "request.der",
            "-issuer",
            "ca.pem",
        ];
        let certs = [&world.ee_good, &world.ee_rev, &world.ee_hold, &world.ee_exp];
        let serials = certs.map(|cert| format!("0x{}", cert.serial_hex()));
        let issuer = Certificate::parse(&world.ca_a.der).unwrap();
        let key = issuer.subject_public_key_info.subject_public_key;
        for (cert, serial) in certs.iter().zip(&serials) {
            arguments.extend([flag, "-serial", serial]);
            let cert = Certificate::parse(&cert.der).unwrap();
            let template = CertIdTemplate {
                hash_algorithm: ours,
                issuer_name_hash: &hash.digest(cert.issuer.as_bytes()),
                issuer_key_hash: &hash.digest(key),
            };
            writer = writer.cert_id(&template.write(cert.serial_number));
        }
        let _ = openssl
            .run_in(dir.path(), &arguments)
            .expect_success("openssl ocsp");
        let theirs = fs::read(dir.path().join("request.der")).unwrap();
        assert_eq!(writer.write(), theirs, "{flag}");
        fs::write(dir.path().join("ours.der"), writer.nonce(&NONCE).write()).unwrap();
        let read = ["ocsp", "-reqin", "ours.der", "-req_text"];
        let text = openssl.run_in(dir.path(), &read).all();
        assert!(
            text.contains("OCSP Nonce: \n") && !text.contains("critical"),
            "{text}"
        );
        assert!(text.contains(&world.ee_rev.serial_hex()), "{text}");
    }
}

#[test]
fn request_is_the_one_written_by_hand() {
    let world = World::new(KeyAlg::P256);
    for (hash, ours) in HashAlg::ALL.into_iter().zip(HashAlgorithm::ALL) {
        let template = CertIdTemplate {
            hash_algorithm: ours,
            issuer_name_hash: &hash.digest(&world.ca_a.subject),
            issuer_key_hash: &hash.digest(&world.ca_a.key.public_bits()),
        };
        for serial in [
            &world.ee_good.serial,
            &world.ee_rev.serial,
            &vec![0x00],
            &vec![0xFF],
        ] {
            let id = template.write(SerialNumber::from_content(serial));
            assert_eq!(id, cert_id(hash, &Params::Null, &world.ca_a, serial));
            let hand = Ask::new().entry(&id).entry(&id);
            let writer = RequestWriter::new().cert_id(&id).cert_id(&id);
            assert_eq!(writer.write(), hand.build());
            for length in [1, 32, 127, 128] {
                let nonce = vec![7; length];
                let writer = writer.clone().nonce(&nonce);
                assert_eq!(writer.write(), hand.clone().nonce(&nonce).build());
            }
        }
    }
}

/// The table of requirements §1.7: hash, octets of the serial number, octets of the request without and with a
/// nonce of 32 octets.
#[test]
fn request_has_the_size_that_the_get_form_is_planned_with() {
    let table = [
        (HashAlgorithm::Sha1, 16, 83, 138),
        (HashAlgorithm::Sha1, 20, 87, 142),
        (HashAlgorithm::Sha256, 16, 111, 166),
        (HashAlgorithm::Sha256, 20, 115, 170),
        (HashAlgorithm::Sha384, 20, 152, 205),
        (HashAlgorithm::Sha512, 20, 184, 237),
    ];
    for (hash_algorithm, serial, plain, with_nonce) in table {
        let hash = vec![1; hash_algorithm.output_length()];
        let template = CertIdTemplate {
            hash_algorithm,
            issuer_name_hash: &hash,
            issuer_key_hash: &hash,
        };
        let id = template.write(SerialNumber::from_content(&vec![0x11; serial]));
        let writer = RequestWriter::new().cert_id(&id);
        assert_eq!(writer.write().len(), plain);
        assert_eq!(writer.nonce(&NONCE).write().len(), with_nonce);
    }
}

// covers: V4, R6960-4.2.1-1
#[test]
fn error_response_has_the_five_octets_of_the_vector() {
    let vector = [
        (OcspResponseStatus::MalformedRequest, "30030a0101"),
        (OcspResponseStatus::InternalError, "30030a0102"),
        (OcspResponseStatus::TryLater, "30030a0103"),
        (OcspResponseStatus::SigRequired, "30030a0105"),
        (OcspResponseStatus::Unauthorized, "30030a0106"),
        // A success needs an answer; without one it is our fault.
        (OcspResponseStatus::Successful, "30030a0102"),
    ];
    for (status, expected) in vector {
        assert_eq!(error_response(status).to_vec(), der::hex(expected));
    }
}

#[test]
fn reason_that_has_no_place_in_a_response_is_left_out() {
    let write = |reason| {
        let single = SingleResponseFields {
            cert_id: &[0x30, 0],
            cert_status: revoked(reason),
            this_update: time(0),
            next_update: time(1),
            extensions: &[],
        };
        ResponseDataWriter::new(ResponderId::ByKey(&[0; 20])).write(time(0), &[single], &[])
    };
    let absent = write(None);
    for reason in CrlReason::ALL {
        let left_out = matches!(reason, CrlReason::Unspecified | CrlReason::RemoveFromCrl);
        let written = write(Some(reason));
        assert_eq!(written == absent, left_out, "{reason}");
        let field = [0xA0, 3, 0x0A, 1, reason.code()];
        assert_eq!(
            written.windows(5).any(|five| five == field),
            !left_out,
            "{reason}"
        );
    }
}
