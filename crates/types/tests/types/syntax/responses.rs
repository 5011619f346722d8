//! What a response may say, and with which word the rest is refused.

use super::{an_id, world};
use crate::{invariants, samples};
use certvouch_testkit::der::{self, hex};
use certvouch_testkit::pki::SigAlg;
use certvouch_types::der::tag;
use certvouch_types::{
    BasicOcspResponse, CertStatus, CrlReason, OcspResponse, OcspResponseStatus, ResponderId, Why,
};

/// A response with this in the place of a SingleResponse.
fn response_of(single: &[u8]) -> Vec<u8> {
    let world = world();
    let responder = der::explicit(2, &der::octets(&world.d_a.key_hash_sha1()));
    let tbs = der::seq(&[&responder, &der::generalized_time(0), &der::seq(&[single])]);
    let algorithm = SigAlg::EcdsaSha256.identifier();
    samples::successful(&der::seq(&[&tbs, &algorithm, &der::bits(&[1; 70])]))
}

fn single_of(status: &[u8]) -> Vec<u8> {
    der::seq(&[&an_id(&world()), status, &der::generalized_time(0)])
}

/// The status in a response, or why it is refused.
fn status_of(input: &[u8]) -> Result<CertStatus, Why> {
    invariants::everything(input);
    let OcspResponse::Successful(bytes) = OcspResponse::parse(input).unwrap() else {
        panic!("an error response");
    };
    let basic = BasicOcspResponse::from_response_bytes(&bytes).map_err(|error| error.why)?;
    Ok(basic.data.responses.iter().next().unwrap().cert_status)
}

#[test]
fn cert_status_has_three_forms_and_no_other() {
    let time = der::generalized_time(86_400);
    let revoked = |content: &[u8]| status_of(&response_of(&single_of(&der::tlv(0xA1, content))));
    let status = |octets: &str| status_of(&response_of(&single_of(&hex(octets))));
    assert_eq!(status("8000"), Ok(CertStatus::Good));
    assert_eq!(status("8200"), Ok(CertStatus::Unknown));
    assert_eq!(status("800100"), Err(Why::TrailingData));
    assert_eq!(status("820100"), Err(Why::TrailingData));
    for octets in ["0500", "a000", "8100", "8300", "a2020500"] {
        assert!(
            matches!(status(octets), Err(Why::UnexpectedTag { .. })),
            "{octets}"
        );
    }
    for code in 0..=12 {
        let reason = der::explicit(0, &der::enumerated(code));
        let read = revoked(&[time.clone(), reason].concat());
        match CrlReason::from_code(code) {
            Some(reason) => {
                let Ok(CertStatus::Revoked(info)) = read else {
                    panic!("{code} is refused");
                };
                assert_eq!(info.revocation_reason, Some(reason));
                assert_eq!(info.revocation_time.unix(), 86_400);
            }
            None => assert_eq!(read, Err(Why::OutOfRange), "{code}"),
        }
    }
    assert_eq!(revoked(&[]), Err(Why::Truncated));
    let twice = [&time[..], &time].concat();
    assert_eq!(revoked(&twice), Err(Why::TrailingData));
    assert!(revoked(&der::utc_time(0)).is_err());
}

// covers: R6960-4.2.1-1
#[test]
fn envelope_holds_an_answer_exactly_if_the_status_is_successful() {
    for code in 0..=255 {
        let bare = der::seq(&[&der::tlv(tag::ENUMERATED, &[code])]);
        let bytes = der::seq(&[&der::oid("1.2.3"), &der::octets(&[1])]);
        let filled = der::seq(&[
            &der::tlv(tag::ENUMERATED, &[code]),
            &der::explicit(0, &bytes),
        ]);
        let (bare, filled) = (OcspResponse::parse(&bare), OcspResponse::parse(&filled));
        match OcspResponseStatus::from_code(code) {
            Some(OcspResponseStatus::Successful) => {
                assert_eq!(bare.unwrap_err().why, Why::Truncated);
                let OcspResponse::Successful(bytes) = filled.unwrap() else {
                    panic!("status 0 is successful");
                };
                assert!(!bytes.is_basic());
                assert_eq!(
                    (bytes.response_type.to_string().as_str(), bytes.response),
                    ("1.2.3", &[1][..])
                );
            }
            Some(status) => {
                assert_eq!(bare.unwrap(), OcspResponse::Error(status));
                assert_eq!(filled.unwrap_err().why, Why::TrailingData);
            }
            None => assert!(bare.is_err() && filled.is_err(), "{code}"),
        }
    }
    let codes = OcspResponseStatus::ALL.map(OcspResponseStatus::code);
    assert_eq!(codes, [0, 1, 2, 3, 5, 6]);
}

// covers: D-25
#[test]
fn responder_id_and_version_of_a_response_are_read() {
    let world = world();
    let read = |version: &[u8], responder: &[u8]| {
        let times = der::generalized_time(0);
        let list = der::seq(&[&single_of(&[0x80, 0])]);
        let tbs = der::seq(&[version, responder, &times, &list]);
        let algorithm = SigAlg::EcdsaSha256.identifier();
        let basic = der::seq(&[&tbs, &algorithm, &der::bits(&[1])]);
        invariants::everything(&samples::successful(&basic));
        BasicOcspResponse::parse(&basic)
            .map(|basic| {
                assert_eq!(basic.tbs, tbs, "what was signed is handed out as received");
                let name = matches!(basic.data.responder_id, ResponderId::ByName(_));
                (basic.data.explicit_version, name)
            })
            .map_err(|error| error.why)
    };
    let by_name = der::explicit(1, &world.d_a.subject);
    let by_key = |length| der::explicit(2, &der::octets(&vec![1; length]));
    let version = |value| der::explicit(0, &der::uint(&[value]));
    assert_eq!(read(&[], &by_name), Ok((false, true)));
    assert_eq!(read(&version(0), &by_key(20)), Ok((true, false)));
    assert_eq!(read(&version(1), &by_key(20)), Err(Why::UnsupportedVersion));
    // KeyHash is SHA-1 for ever.
    for length in [0, 19, 21, 32] {
        assert_eq!(read(&[], &by_key(length)), Err(Why::OutOfRange));
    }
    assert!(read(&[], &der::explicit(3, &der::octets(&[1; 20]))).is_err());
    assert!(read(&[], &[]).is_err());
}
