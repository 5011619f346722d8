//! Every element of a request in turn made something else than DER, another tag, left out or doubled.

use super::{an_id, why, world};
use crate::invariants;
use certvouch_testkit::ask::{ACCEPTABLE_RESPONSES, Ask, HashAlg, Params, cert_id_from};
use certvouch_testkit::der::{self, hex};
use certvouch_testkit::pki::{SigAlg, World};
use certvouch_types::der::{Reader, tag};
use certvouch_types::{CertIdFault, OcspRequest, Why, oid};

/// Every member that a request can have, for the walks below.
fn full_request(world: &World) -> Vec<u8> {
    let id = an_id(world);
    let own = der::extension(
        "1.3.6.1.5.5.7.48.1.7",
        true,
        &der::seq(&[&world.ca_a.subject]),
    );
    Ask::new()
        .requestor_name(&der::tlv(0x86, b"https://client.example/"))
        .entry_with_extensions(&id, &[own])
        .nonce(&[7; 32])
        .extension(
            ACCEPTABLE_RESPONSES,
            true,
            &der::seq(&[&der::oid("1.3.6.1.5.5.7.48.1.1")]),
        )
        .raw_signature(&SigAlg::EcdsaSha256.identifier(), &[9; 70], &[])
        .build()
}

#[test]
fn every_member_of_a_request_is_where_the_module_puts_it() {
    let world = world();
    let input = full_request(&world);
    let request = OcspRequest::parse(&input).unwrap();
    let name = der::tlv(0x86, b"https://client.example/");
    assert_eq!(request.requestor_name, Some(&name[..]));
    assert_eq!(request.extensions.len(), 2);
    assert_eq!(request.nonce().unwrap().unwrap().as_bytes(), [7; 32]);
    assert!(
        request
            .extensions
            .find(oid::OCSP_RESPONSE)
            .unwrap()
            .critical
    );
    let entry = request.request_list.iter().next().unwrap();
    assert!(
        entry
            .extensions
            .find(oid::OCSP_SERVICE_LOCATOR)
            .unwrap()
            .critical
    );
    assert_eq!(entry.cert_id.raw, an_id(&world));
    let signature = request.signature.unwrap();
    assert_eq!(signature.algorithm.oid, oid::ECDSA_WITH_SHA256);
    assert_eq!(
        (signature.signature, signature.certs),
        (&[9; 70][..], &[][..])
    );
    assert_eq!(request.tbs, &input[4..4 + request.tbs.len()]);

    let directory = Ask::new()
        .requestor_directory_name(&world.ee_good.subject)
        .entry(&an_id(&world))
        .sign(
            &world.ee_good,
            SigAlg::EcdsaSha256,
            &[&world.ee_good, &world.ca_a],
        )
        .build();
    let request = OcspRequest::parse(&directory).unwrap();
    assert_eq!(
        request.requestor_name,
        Some(&der::explicit(4, &world.ee_good.subject)[..])
    );
    let certs = [&world.ee_good.der[..], &world.ca_a.der].concat();
    assert_eq!(request.signature.unwrap().certs, certs);
}

/// The message with its element number `index` (in order of appearance, constructed ones entered) replaced by
/// what `change` makes of its tag and content; nothing if it has fewer elements. All lengths are mended.
fn with_element(
    input: &[u8],
    index: &mut usize,
    change: &dyn Fn(u8, &[u8]) -> Vec<u8>,
) -> Option<Vec<u8>> {
    let mut reader = Reader::new(input);
    let mut out = Vec::new();
    let mut done = false;
    while !reader.is_empty() {
        let element = reader.next("x").unwrap();
        if done {
            out.extend_from_slice(element.raw);
        } else if *index == 0 {
            out.extend(change(element.tag, element.value));
            done = true;
        } else {
            *index -= 1;
            let inner = (element.tag & 0x20 != 0)
                .then(|| with_element(element.value, index, change))
                .flatten();
            done = inner.is_some();
            out.extend(inner.map_or_else(
                || element.raw.to_vec(),
                |inner| der::tlv(element.tag, &inner),
            ));
        }
    }
    done.then_some(out)
}

/// Each element in turn changed like that.
fn each_element(input: &[u8], change: &dyn Fn(u8, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..)
        .map_while(|index| with_element(input, &mut { index }, change))
        .collect()
}

// covers: E-15
#[test]
fn element_with_a_length_that_is_not_der_is_refused_wherever_it_stands() {
    let input = full_request(&world());
    let elements = each_element(&input, &|tag, value| der::tlv(tag, value));
    assert!(elements.len() > 30 && elements.iter().all(|same| *same == input));
    for changed in each_element(&input, &|tag, value| der::tlv_indefinite(tag, value)) {
        assert_eq!(why(&changed), Why::IndefiniteLength);
    }
    for octets in [1, 2, 3, 4] {
        let changed = each_element(&input, &|tag, value| {
            if value.len() < 0x80 || octets > 1 {
                der::tlv_long_form(tag, value, octets)
            } else {
                Vec::new()
            }
        });
        for changed in changed {
            let minimal = OcspRequest::parse(&changed).is_ok() && changed == input;
            assert!(minimal || OcspRequest::parse(&changed).is_err(), "{octets}");
        }
    }
    for changed in each_element(&input, &|tag, value| der::tlv_long_form(tag, value, 5)) {
        assert_eq!(why(&changed), Why::LengthTooLong);
    }
    for changed in each_element(&input, &|tag, value| {
        der::tlv_wrong_length(tag, value, value.len() + 1000)
    }) {
        assert_eq!(why(&changed), Why::Truncated);
    }
}

// covers: E-15
#[test]
fn element_of_another_tag_is_refused_wherever_it_stands() {
    let input = full_request(&world());
    for bit in [0x20, 0x40, 0x80] {
        for changed in each_element(&input, &|tag, value| der::tlv(tag ^ bit, value)) {
            invariants::everything(&changed);
            // What stands in the place of hash parameters is ANY; the CertID is refused for it (E-19).
            // GeneralName has constructed members as well, and nobody reads an unsigned requestorName.
            if let Ok(request) = OcspRequest::parse(&changed) {
                let entry = request.request_list.iter().next().unwrap();
                let parameters = entry.cert_id.check() == Err(CertIdFault::HashParameters);
                let name = request.requestor_name.unwrap()[0] == 0xA6;
                assert!(parameters || name, "{}", der::to_hex(&changed));
            }
        }
    }
}

// covers: E-15
#[test]
fn element_left_out_or_doubled_is_refused_unless_it_is_optional() {
    let input = full_request(&world());
    let shorter = each_element(&input, &|_, _| Vec::new());
    let accepted = shorter.iter().filter(|i| OcspRequest::parse(i).is_ok());
    // requestorName, hash parameters, singleRequestExtensions, its critical flag, requestExtensions,
    // the first and the second of them, the critical flag of the second, optionalSignature.
    assert_eq!(accepted.count(), 9);
    let doubled = each_element(&input, &|tag, value| der::tlv(tag, value).repeat(2));
    let accepted: Vec<_> = doubled
        .iter()
        .filter(|i| OcspRequest::parse(i).is_ok())
        .collect();
    // An entry may be asked for twice, and the second OID of a signature algorithm is its parameters.
    let entries = |input: &[u8]| OcspRequest::parse(input).unwrap().request_list.len();
    assert_eq!(
        accepted.iter().map(|i| entries(i)).collect::<Vec<_>>(),
        [2, 1]
    );
    shorter
        .iter()
        .chain(&doubled)
        .for_each(|i| invariants::everything(i));
}

// covers: E-15
#[test]
fn integer_and_boolean_that_are_not_der_are_refused() {
    let world = world();
    let with_serial = |content: &[u8]| {
        let algorithm = HashAlg::Sha1.identifier(&Params::Null);
        Ask::new()
            .entry(&cert_id_from(&algorithm, &[1; 20], &[2; 20], content))
            .build()
    };
    for content in ["", "0001", "007f", "ff80", "ffff"] {
        assert_eq!(
            why(&with_serial(&hex(content))),
            Why::BadInteger,
            "{content}"
        );
    }
    for content in ["00", "01", "80", "0080", "ff7f", "ff"] {
        assert!(
            OcspRequest::parse(&with_serial(&hex(content))).is_ok(),
            "{content}"
        );
    }
    for content in ["", "00", "01", "fe", "ffff"] {
        let critical = der::tlv(tag::BOOLEAN, &hex(content));
        let extension = der::seq(&[&der::oid("1.2.3"), &critical, &der::octets(&[])]);
        let ask = Ask::new().entry(&an_id(&world)).raw_extension(&extension);
        assert_eq!(why(&ask.build()), Why::BadBoolean, "{content}");
    }
}
