//! What a request may say, and with which word the rest is refused.

use super::{an_id, why, world};
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id, cert_id_from};
use certvouch_testkit::der::{self, hex};
use certvouch_types::der::Reader;
use certvouch_types::extension::values::{
    AcceptableResponses, CrlId, PreferredSignatureAlgorithms, ServiceLocator, time_value,
};
use certvouch_types::{CertIdFault, NonceFault, OcspRequest, Why};

// covers: E-16, E-50, D-25
#[test]
fn version_is_v1_spelled_out_or_not() {
    let world = world();
    let ask = Ask::new().entry(&an_id(&world)).nonce(&[1; 32]);
    assert!(!OcspRequest::parse(&ask.build()).unwrap().explicit_version);
    let v1 = ask.clone().version(0).build();
    let request = OcspRequest::parse(&v1).unwrap();
    assert!(request.explicit_version);
    assert_eq!(
        request.request_list.iter().next().unwrap().cert_id.raw,
        an_id(&world)
    );
    for version in [1, 2, 3, 127, 128, 255] {
        assert_eq!(
            why(&ask.clone().version(version).build()),
            Why::UnsupportedVersion
        );
    }
    let error = OcspRequest::parse(&ask.version(1).build()).unwrap_err();
    assert_eq!((error.what, error.at), ("TBSRequest.version", 8));
}

// covers: E-17
#[test]
fn request_list_that_is_empty_is_refused() {
    assert_eq!(why(&Ask::new().build()), Why::Empty);
    assert_eq!(why(&Ask::new().nonce(&[1; 32]).build()), Why::Empty);
    assert_eq!(why(&hex("30023000")), Why::Truncated);
    let error = OcspRequest::parse(&Ask::new().build()).unwrap_err();
    assert_eq!(error.what, "TBSRequest.requestList");
}

#[test]
fn request_list_tells_its_length_for_the_limit_of_the_responder() {
    let world = world();
    for count in [1, 2, 10, 11, 1000] {
        let ask = (0..count).fold(Ask::new(), |ask, _| ask.entry(&an_id(&world)));
        let input = ask.build();
        assert_eq!(
            OcspRequest::parse(&input).unwrap().request_list.len(),
            count
        );
    }
}

// covers: E-19
#[test]
fn cert_id_that_nobody_can_have_meant_is_named() {
    let check = |algorithm: &[u8], name: usize, key: usize, serial: &[u8]| {
        let id = cert_id_from(algorithm, &vec![1; name], &vec![2; key], serial);
        let input = Ask::new().entry(&id).build();
        let request = OcspRequest::parse(&input).unwrap();
        let id = request.request_list.iter().next().unwrap().cert_id;
        id.check()
    };
    for (hash, length) in HashAlg::ALL.into_iter().zip([20, 32, 48, 64]) {
        let null = hash.identifier(&Params::Null);
        let absent = hash.identifier(&Params::Absent);
        for algorithm in [&null, &absent] {
            assert_eq!(check(algorithm, length, length, &[1; 20]), Ok(()));
            for (name, key) in [
                (length - 1, length),
                (length, length + 1),
                (length, 0),
                (0, 0),
            ] {
                let expected = length;
                let fault = CertIdFault::HashLength {
                    expected,
                    name,
                    key,
                };
                assert_eq!(check(algorithm, name, key, &[1]), Err(fault));
            }
            let long = check(algorithm, length, length, &[1; 21]);
            assert_eq!(long, Err(CertIdFault::SerialTooLong));
            // Negative and zero are numbers that nobody was given: unassigned, not malformed.
            assert_eq!(check(algorithm, length, length, &[0]), Ok(()));
            assert_eq!(check(algorithm, length, length, &[0xFF]), Ok(()));
        }
        let other = hash.identifier(&Params::Other(der::octets(&[1])));
        assert_eq!(
            check(&other, length, length, &[1]),
            Err(CertIdFault::HashParameters)
        );
    }
    // An algorithm that is not known: the hashes must be of one length.
    let unknown = der::seq(&[&der::oid("1.2.3.4")]);
    assert_eq!(check(&unknown, 28, 28, &[1]), Ok(()));
    assert!(check(&unknown, 28, 27, &[1]).is_err());
}

// covers: D-2, R6960-4.2.2.3-5
#[test]
fn cert_ids_match_by_meaning_and_are_kept_by_octets() {
    let world = world();
    let input = [Params::Null, Params::Absent]
        .iter()
        .fold(Ask::new(), |ask, parameters| {
            ask.entry(&cert_id(
                HashAlg::Sha256,
                parameters,
                &world.ca_a,
                &world.ee_rev.serial,
            ))
        })
        .entry(&cert_id(
            HashAlg::Sha1,
            &Params::Null,
            &world.ca_a,
            &world.ee_rev.serial,
        ))
        .entry(&cert_id(
            HashAlg::Sha256,
            &Params::Null,
            &world.ca_a2,
            &world.ee_rev.serial,
        ))
        .entry(&cert_id(
            HashAlg::Sha256,
            &Params::Null,
            &world.ca_a,
            &world.ee_good.serial,
        ))
        .build();
    let request = OcspRequest::parse(&input).unwrap();
    let ids: Vec<_> = request
        .request_list
        .iter()
        .map(|entry| entry.cert_id)
        .collect();
    assert!(ids[0].matches(&ids[1]) && ids[1].matches(&ids[0]));
    assert_ne!(ids[0].raw, ids[1].raw);
    for other in &ids[2..] {
        assert!(!ids[0].matches(other) && !other.matches(&ids[1]));
    }
}

// covers: E-20
#[test]
fn extensions_that_are_empty_or_twice_are_refused_at_both_levels() {
    let world = world();
    let id = an_id(&world);
    assert_eq!(
        why(&Ask::new().entry(&id).empty_extensions().build()),
        Why::Empty
    );
    assert_eq!(
        why(&Ask::new().entry_with_extensions(&id, &[]).build()),
        Why::Empty
    );
    let one = der::extension("1.2.3", false, &[1]);
    let two = [
        one.clone(),
        der::extension("1.2.4", true, &[]),
        der::extension("1.2.3", true, &[2]),
    ];
    assert_eq!(
        why(&Ask::new().entry_with_extensions(&id, &two).build()),
        Why::DuplicateExtension
    );
    let ask = two
        .iter()
        .fold(Ask::new().entry(&id), |ask, one| ask.raw_extension(one));
    assert_eq!(why(&ask.build()), Why::DuplicateExtension);
    // The same at two levels is no repetition.
    let both = Ask::new()
        .entry_with_extensions(&id, std::slice::from_ref(&one))
        .raw_extension(&one);
    assert!(OcspRequest::parse(&both.build()).is_ok());
    let many = (0..33).fold(Ask::new().entry(&id), |ask, arc| {
        ask.extension(&format!("1.2.{arc}"), false, &[])
    });
    assert_eq!(why(&many.build()), Why::OutOfRange);
}

// covers: E-21, E-22, R9654-2.1-1
#[test]
fn nonce_of_a_request_is_measured_inside() {
    let world = world();
    let nonce = |ask: Ask| {
        let input = ask.build();
        let request = OcspRequest::parse(&input).unwrap();
        let nonce = request.nonce();
        nonce
            .map(|nonce| nonce.map(|nonce| nonce.as_bytes().len()))
            .map_err(|(fault, _)| fault)
    };
    let ask = Ask::new().entry(&an_id(&world));
    assert_eq!(nonce(ask.clone()), Ok(None));
    for length in [1, 32, 128] {
        assert_eq!(nonce(ask.clone().nonce(&vec![1; length])), Ok(Some(length)));
    }
    for length in [0, 129] {
        let fault = NonceFault::Length(length);
        assert_eq!(nonce(ask.clone().nonce(&vec![1; length])), Err(fault));
    }
    assert_eq!(
        nonce(ask.clone().unwrapped_nonce(&[1; 16])),
        Err(NonceFault::NotWrapped)
    );
    let two = der::octets(&[1; 8]).repeat(2);
    assert_eq!(
        nonce(ask.unwrapped_nonce(&two)),
        Err(NonceFault::NotWrapped)
    );
}

// covers: E-23
#[test]
fn extension_whose_value_does_not_parse_leaves_the_request_well_formed() {
    let world = world();
    for dotted in [
        "1.3.6.1.5.5.7.48.1.4",
        "1.3.6.1.5.5.7.48.1.7",
        "1.3.6.1.5.5.7.48.1.8",
    ] {
        for critical in [false, true] {
            let ask = Ask::new()
                .entry(&an_id(&world))
                .extension(dotted, critical, &[0x31, 0]);
            let input = ask.build();
            let request = OcspRequest::parse(&input).unwrap();
            let extension = request.extensions.iter().next().unwrap();
            assert_eq!(
                (extension.oid.to_string(), extension.critical),
                (dotted.to_owned(), critical)
            );
            let value = extension.contents();
            assert!(AcceptableResponses::parse(value.clone()).is_err());
            assert!(PreferredSignatureAlgorithms::parse(value.clone()).is_err());
            let error = ServiceLocator::parse(value).unwrap_err();
            assert_eq!(
                error.at, extension.value_at,
                "offsets are those of the request"
            );
        }
    }
}

// covers: D-26
#[test]
fn extension_values_are_read_strictly() {
    let value = |octets: &[u8]| AcceptableResponses::parse(Reader::new(octets)).is_ok();
    assert!(value(&hex("300b06092b0601050507300101")));
    assert!(!value(&hex("300b06092b060105050730010100")));
    assert!(!value(&hex("3003020101")));
    let locator = |octets: &[u8]| ServiceLocator::parse(Reader::new(octets)).is_ok();
    // With and without the locator (D-26).
    assert!(locator(&hex("30023000")) && locator(&hex("300430003000")));
    assert!(!locator(&hex("3000")) && !locator(&hex("3006300030003000")));
    let crl_id = |octets: &[u8]| CrlId::parse(Reader::new(octets)).is_ok();
    assert!(crl_id(&hex("3000")) && crl_id(&hex("3005a103020105")));
    assert!(!crl_id(&hex("3006a10402020005")) && !crl_id(&hex("3005a203020105")));
    assert!(!crl_id(&hex("3005a0031601ff")), "IA5String holds ASCII");
    let time = |octets: &[u8]| time_value(Reader::new(octets), "ArchiveCutoff").is_ok();
    assert!(time(&hex("180f32303236303131303030303030305a")));
    assert!(!time(&hex("170d3236303131303030303030305a")));
}
