//! Requests that break the syntax, or are larger than any question needs (E-14 to E-18, E-20, E-50, T-40).

use certvouch_responder::{AnswerError, Responder, Settings};
use certvouch_testkit::ask::{ACCEPTABLE_RESPONSES, Ask, HashAlg, NONCE, Params, cert_id_from};
use certvouch_testkit::der;

use crate::Case;
use crate::support::{ask, err, octets, t0};

// covers: E-14, R6960-2.1-1, R6960-2.3-1, R6960-2.3-2
#[test]
fn octets_that_are_no_request_are_malformed() {
    let case = Case::new();
    case.refused("nothing", &[]);
    case.refused("words", b"GET / HTTP/1.1\r\n\r\n");
    case.refused("base64", b"MGEwXzBdMFswWTANBglghkgBZQMEAgEFAAQg");
    case.refused("zeros", &[0; 128]);
    case.refused("ones", &[0xFF; 128]);
    case.refused("empty SEQUENCE", &der::seq(&[]));
    case.refused("an OCSP error", &err(1));
    case.refused("a certificate", &case.fixture.world.ee_good.der);
    let answer = octets(&case.responder, &case.question().build(), t0());
    case.fixture.verified(&answer);
    case.refused("an OCSP response", &answer);
}

// covers: E-15, R6960-2.3-2
#[test]
fn request_cut_short_or_prolonged_anywhere_is_malformed() {
    let case = Case::new();
    let request = case.question().nonce(&[1; 16]).build();
    case.fixture
        .verified(&octets(&case.responder, &request, t0()));
    for length in 0..request.len() {
        case.refused(&format!("cut to {length}"), &request[..length]);
    }
    case.refused("a zero behind", &[&request[..], &[0]].concat());
    case.refused("twice", &[&request[..], &request].concat());
}

// covers: E-15
#[test]
fn request_that_is_ber_but_not_der_is_malformed() {
    let case = Case::new();
    let id = case.cert_id();
    let algorithm = HashAlg::Sha1.identifier(&Params::Null);
    let ca = &case.fixture.world.ca_a;
    let (name, key) = (
        HashAlg::Sha1.digest(&ca.subject),
        HashAlg::Sha1.digest(&ca.key.public_bits()),
    );
    let list = der::seq(&[&der::seq(&[&id])]);
    let tbs = der::seq(&[&list]);
    let with_id = |id: &[u8]| Ask::new().entry(id).build();
    let with_serial = |serial: &[u8]| with_id(&cert_id_from(&algorithm, &name, &key, serial));
    let with_extension = |boolean: &[u8]| {
        let parts: [&[u8]; 3] = [&der::oid("1.2.3.4"), boolean, &der::octets(&[5, 0])];
        case.question().raw_extension(&der::seq(&parts)).build()
    };
    let cases = [
        ("indefinite outermost", der::tlv_indefinite(0x30, &tbs)),
        (
            "indefinite inside",
            der::seq(&[&der::tlv_indefinite(0x30, &list)]),
        ),
        ("long length outermost", der::tlv_long_form(0x30, &tbs, 2)),
        (
            "long length inside",
            der::seq(&[&der::tlv_long_form(0x30, &list, 4)]),
        ),
        ("length of five octets", der::tlv_long_form(0x30, &tbs, 5)),
        (
            "length beyond the end",
            der::tlv_wrong_length(0x30, &tbs, tbs.len() + 1),
        ),
        (
            "length before the end",
            der::tlv_wrong_length(0x30, &tbs, tbs.len() - 1),
        ),
        (
            "length of 4 GiB",
            [&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &tbs[..]].concat(),
        ),
        ("serial with a zero too many", with_serial(&[0, 0x41])),
        ("serial with an FF too many", with_serial(&[0xFF, 0x81])),
        ("serial without octets", with_serial(&[])),
        ("TRUE as 01", with_extension(&[1, 1, 0x01])),
        ("FALSE spelled out", with_extension(&[1, 1, 0x00])),
        ("BOOLEAN of two octets", with_extension(&[1, 2, 0xFF, 0xFF])),
        ("SET for SEQUENCE", der::set(&[&tbs])),
        ("tbsRequest as SET", der::seq(&[&der::set(&[&list])])),
    ];
    for (defect, request) in cases {
        case.refused(defect, &request);
    }
    case.as_without("the same parts in DER", &der::seq(&[&tbs]));
}

// covers: E-15
#[test]
fn request_with_members_that_do_not_belong_is_malformed() {
    let case = Case::new();
    let ca = &case.fixture.world.ca_a;
    let algorithm = HashAlg::Sha1.identifier(&Params::Null);
    let (name, key) = (
        HashAlg::Sha1.digest(&ca.subject),
        HashAlg::Sha1.digest(&ca.key.public_bits()),
    );
    let tbs = der::seq(&[&der::seq(&[&der::seq(&[&case.cert_id()])])]);
    let with_id = |id: &[u8]| Ask::new().entry(id).build();
    let cases = [
        (
            "NULL with content",
            with_id(&cert_id_from(
                &der::seq(&[&der::oid(HashAlg::Sha1.oid()), &[5, 1, 0]]),
                &name,
                &key,
                &[1],
            )),
        ),
        (
            "constructed OCTET STRING",
            with_id(&der::seq(&[
                &algorithm,
                &der::tlv(0x24, &der::octets(&name)),
                &der::octets(&key),
                &der::uint(&[1]),
            ])),
        ),
        (
            "a member too many in the CertID",
            with_id(&der::seq(&[
                &algorithm,
                &der::octets(&name),
                &der::octets(&key),
                &der::uint(&[1]),
                &der::null(),
            ])),
        ),
        (
            "a member too few in the CertID",
            with_id(&der::seq(&[
                &algorithm,
                &der::octets(&name),
                &der::octets(&key),
            ])),
        ),
        (
            "optionalSignature of no Signature",
            der::seq(&[&tbs, &der::explicit(0, &der::null())]),
        ),
        ("a member behind", der::seq(&[&tbs, &der::null()])),
        (
            "requestList as INTEGER",
            der::seq(&[&der::seq(&[&der::uint(&[1])])]),
        ),
        (
            "requestorName of no name",
            case.question().requestor_name(&der::null()).build(),
        ),
    ];
    for (defect, request) in cases {
        case.refused(defect, &request);
    }
    case.as_without("the right members", &der::seq(&[&tbs]));
}

// covers: E-16
#[test]
fn version_other_than_v1_is_malformed() {
    let case = Case::new();
    for version in [1, 2, 0x7F] {
        case.refused("version", &case.question().version(version).build());
    }
    let tbs = |version: &[u8]| {
        let list = der::seq(&[&der::seq(&[&case.cert_id()])]);
        der::seq(&[&der::seq(&[&der::explicit(0, version), &list])])
    };
    case.refused("-1", &tbs(&der::int_bytes(&[0xFF])));
    case.refused("256", &tbs(&der::int_bytes(&[1, 0])));
    case.refused("00 00", &tbs(&der::int_bytes(&[0, 0])));
    case.refused("no INTEGER", &tbs(&der::null()));
    case.refused("two", &tbs(&[der::uint(&[0]), der::uint(&[0])].concat()));
    case.refused("none", &tbs(&[]));
}

// covers: E-50
#[test]
fn version_v1_spelled_out_is_answered() {
    let case = Case::new();
    case.as_without("explicit v1", &case.question().version(0).build());
}

// covers: E-17
#[test]
fn empty_request_list_is_malformed() {
    let case = Case::new();
    case.refused("no entry", &Ask::new().build());
    case.refused("no entry, nonce", &Ask::new().nonce(&[1; 16]).build());
    case.refused(
        "an empty entry",
        &Ask::new().raw_entry(&der::seq(&[])).build(),
    );
    case.refused("no requestList", &der::seq(&[&der::seq(&[])]));
}

// covers: E-18, R6960-5-1
#[test]
fn more_entries_than_the_limit_are_malformed_and_cost_nothing() {
    let case = Case::new();
    let id = case.cert_id();
    let many = |count| (0..count).fold(Ask::new(), |ask, _| ask.entry(&id)).build();
    for count in [11, 100, 10_000] {
        case.refused("entries", &many(count));
    }
    let error = ask(&case.responder, &many(11), t0()).result.err();
    let (entries, limit) = (11, 10);
    assert_eq!(error, Some(AnswerError::TooManyEntries { entries, limit }));
    let basic = case
        .fixture
        .verified(&octets(&case.responder, &many(10), t0()));
    assert_eq!(basic.singles.len(), 10);

    let mut settings = Settings::default();
    settings.max_entries = 1;
    let issuers = vec![case.fixture.issuer(|_| {})];
    let strict = Responder::new(issuers, settings).expect("one CA");
    assert_eq!(octets(&strict, &many(2), t0()), err(1));
    case.fixture.verified(&octets(&strict, &many(1), t0()));
}

// covers: E-20
#[test]
fn empty_extension_list_or_one_with_an_oid_twice_is_malformed() {
    let case = Case::new();
    let id = case.cert_id();
    case.refused("empty", &case.question().empty_extensions().build());
    let twice = |dotted: &str, critical| der::extension(dotted, critical, &der::octets(&[1; 16]));
    for dotted in ["1.2.3.4", NONCE, ACCEPTABLE_RESPONSES] {
        let list = [twice(dotted, false), twice(dotted, false)];
        let request = case
            .question()
            .raw_extension(&list[0])
            .raw_extension(&list[1]);
        case.refused(dotted, &request.build());
        case.refused(
            dotted,
            &Ask::new().entry_with_extensions(&id, &list).build(),
        );
    }
    let request = case.question().raw_extension(&twice("1.2.3.4", false));
    let request = request.raw_extension(&twice("1.2.3.5", false));
    let request = request.raw_extension(&twice("1.2.3.4", true));
    case.refused("not next to each other", &request.build());
    let request = Ask::new().entry_with_extensions(&id, &[]);
    case.refused("empty in the entry", &request.build());
}

// covers: T-40
#[test]
fn more_extensions_than_the_limit_are_malformed() {
    let case = Case::new();
    let id = case.cert_id();
    let list = |count: usize| -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| der::extension(&format!("1.2.3.{n}"), false, &[]))
            .collect()
    };
    let outer = |count| {
        let ask = list(count)
            .iter()
            .fold(case.question(), |ask, one| ask.raw_extension(one));
        ask.build()
    };
    let inner = |count| Ask::new().entry_with_extensions(&id, &list(count)).build();
    case.as_without("32", &outer(32));
    case.as_without("32 in the entry", &inner(32));
    for count in [33, 100, 1000] {
        case.refused("requestExtensions", &outer(count));
        case.refused("singleRequestExtensions", &inner(count));
    }
}

// covers: T-40
#[test]
fn nesting_costs_no_stack() {
    let case = Case::new();
    let nest = |tag, depth| (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| der::tlv(tag, &inner));
    let deep = nest(0x30, 5000);
    case.as_without(
        "in an extension",
        &case.question().extension("1.2.3.4", false, &deep).build(),
    );
    case.as_without(
        "in the requestorName",
        &case.question().requestor_directory_name(&deep).build(),
    );
    case.as_without(
        "in a signature's algorithm",
        &case
            .question()
            .raw_signature(&der::seq(&[&der::oid("1.2.3.4"), &deep]), &[1], &[])
            .build(),
    );
    case.refused("in the requestList", &Ask::new().raw_entry(&deep).build());
    case.refused("all the way", &deep);
    case.refused("context tags", &nest(0xA0, 5000));
}
