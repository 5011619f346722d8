//! Requests whose syntax is right and that break a rule beyond it: CertIDs, nonces, known and critical extensions
//! (E-19, E-21 to E-24).

use certvouch_responder::{NonceForm, NoncePolicy};
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{
    ACCEPTABLE_RESPONSES, Ask, HashAlg, NONCE, Params, cert_id, cert_id_from, q1,
};
use certvouch_testkit::der;

use crate::Case;
use crate::support::{Fixture, ask, err, octets, responder, t0};

/// id-pkix-ocsp-service-locator.
const SERVICE_LOCATOR: &str = "1.3.6.1.5.5.7.48.1.7";
/// id-pkix-ocsp-pref-sig-algs.
const PREF_SIG_ALGS: &str = "1.3.6.1.5.5.7.48.1.8";

// covers: E-19
#[test]
fn hashes_that_do_not_fit_their_algorithm_are_malformed() {
    let case = Case::new();
    let ca = &case.fixture.world.ca_a;
    let serial = &case.fixture.world.ee_good.serial;
    for hash in HashAlg::ALL {
        let algorithm = hash.identifier(&Params::Null);
        let name = hash.digest(&ca.subject);
        let key = hash.digest(&ca.key.public_bits());
        let ask = |name: &[u8], key: &[u8]| {
            let id = cert_id_from(&algorithm, name, key, serial);
            Ask::new().entry(&id).build()
        };
        case.fixture
            .verified(&octets(&case.responder, &ask(&name, &key), t0()));
        let longer = |hash: &[u8]| [hash, &[0]].concat();
        for (what, name, key) in [
            ("empty key hash, as certutil sends it", name.clone(), vec![]),
            ("empty name hash", vec![], key.clone()),
            ("both empty", vec![], vec![]),
            ("short key hash", name.clone(), key[1..].to_vec()),
            ("long key hash", name.clone(), longer(&key)),
            ("short name hash", name[1..].to_vec(), key.clone()),
            ("long name hash", longer(&name), key.clone()),
            ("both long", longer(&name), longer(&key)),
        ] {
            case.refused(&format!("{hash:?}: {what}"), &ask(&name, &key));
        }
        // Hashes of one algorithm under the name of another.
        for other in HashAlg::ALL.into_iter().filter(|other| *other != hash) {
            let (name, key) = (
                other.digest(&ca.subject),
                other.digest(&ca.key.public_bits()),
            );
            case.refused(&format!("{other:?} as {hash:?}"), &ask(&name, &key));
        }
    }
    // An algorithm that nobody knows here: the two must at least agree.
    let unknown = der::seq(&[&der::oid("1.2.3.4"), &der::null()]);
    let id = cert_id_from(&unknown, &[1; 28], &[2; 27], serial);
    case.refused("unequal, unknown algorithm", &Ask::new().entry(&id).build());
}

// covers: E-19
#[test]
fn empty_issuer_key_hash_is_explained_in_the_log() {
    let case = Case::new();
    let algorithm = HashAlg::Sha1.identifier(&Params::Null);
    let id = cert_id_from(&algorithm, &[7; 20], &[], &[1]);
    let answer = ask(&case.responder, &Ask::new().entry(&id).build(), t0());
    let error = answer.result.expect_err("malformed");
    assert_eq!(error.code(), "cert-id");
    assert!(error.to_string().contains("certutil"), "{error}");
    assert_eq!(answer.exchange.error, Some(error));
}

// covers: E-19, T-3, R5754-2-1
#[test]
fn hash_parameters_other_than_null_or_none_are_malformed() {
    let case = Case::new();
    let world = &case.fixture.world;
    for hash in HashAlg::ALL {
        let ask = |params: &Params| {
            let id = cert_id(hash, params, &world.ca_a, &world.ee_good.serial);
            Ask::new().entry(&id).build()
        };
        for params in [Params::Null, Params::Absent] {
            let answer = octets(&case.responder, &ask(&params), t0());
            case.fixture.verified(&answer);
        }
        let kept = case.responder.cache_size();
        for other in [
            der::seq(&[]),
            der::uint(&[1]),
            der::octets(&[1, 2, 3]),
            der::oid("1.2.3.4"),
            der::boolean(true),
        ] {
            case.refused("parameters", &ask(&Params::Other(other)));
        }
        // A stranger must not be able to mint cache keys.
        assert_eq!(case.responder.cache_size(), kept);
    }
}

// covers: E-19
#[test]
fn serial_number_of_more_than_twenty_octets_is_malformed() {
    let case = Case::new();
    let ca = &case.fixture.world.ca_a;
    for serial in [
        vec![0x11; 21],
        vec![0x11; 200],
        [&[0, 0x80][..], &[0; 19]].concat(),
    ] {
        case.refused("serial", &q1(ca, &serial));
    }
    let longest = vec![0x11; 20];
    let basic = case
        .fixture
        .verified(&octets(&case.responder, &q1(ca, &longest), t0()));
    assert_eq!(basic.single().serial, longest);
    // One CertID of many spoils the request.
    let spoiled = case
        .question()
        .entry(&cert_id(HashAlg::Sha1, &Params::Null, ca, &[0x11; 21]));
    case.refused("second entry", &spoiled.build());
}

// covers: E-19, BR-4.9.9-10
#[test]
fn serial_number_that_no_ca_may_use_counts_as_unassigned() {
    let case = Case::new();
    let ca = &case.fixture.world.ca_a;
    for serial in [
        vec![0x00],
        vec![0xFF],
        vec![0x80],
        [&[0xFF, 0x7F][..], &[0; 18]].concat(),
    ] {
        let basic = case
            .fixture
            .verified(&octets(&case.responder, &q1(ca, &serial), t0()));
        assert_eq!(basic.single().status, CertStatus::Unknown, "{serial:02X?}");
        assert_eq!(basic.single().serial, serial);
    }
}

// covers: E-21, R9654-2.1-1
#[test]
fn nonce_of_no_octets_or_more_than_128_is_malformed() {
    for policy in [NoncePolicy::Echo, NoncePolicy::Ignore, NoncePolicy::Require] {
        for form in [NonceForm::Strict, NonceForm::Raw] {
            let fixture = Fixture::new();
            let responder = fixture.responder(|p| (p.nonce, p.nonce_form) = (policy, form));
            let case = Case { fixture, responder };
            for length in [0, 129, 130, 200, 1000] {
                let request = case.question().nonce(&vec![0x5A; length]).build();
                case.refused(&format!("{policy:?} {form:?} {length}"), &request);
            }
            let request = case
                .question()
                .extension(NONCE, true, &der::octets(&[]))
                .build();
            case.refused("critical and empty", &request);
            for length in [1, 128] {
                let request = case.question().nonce(&vec![0x5A; length]).build();
                case.fixture
                    .verified(&octets(&case.responder, &request, t0()));
            }
        }
    }
}

// covers: E-21
#[test]
fn illegal_nonce_is_malformed_even_where_the_issuer_is_unknown() {
    let case = Case::new();
    let foreign = Ask::for_serial(HashAlg::Sha1, &case.fixture.world.ca_b, &[1]);
    case.refused("129 octets", &foreign.clone().nonce(&[1; 129]).build());
    assert_eq!(
        octets(&case.responder, &foreign.nonce(&[1; 128]).build(), t0()),
        err(6)
    );
}

// covers: E-22
#[test]
fn nonce_that_is_not_one_octet_string_is_malformed() {
    let case = Case::new();
    let wrapped = der::octets(&[7; 16]);
    for (what, value) in [
        ("raw octets", vec![0xA5; 16]),
        ("nothing", vec![]),
        ("an INTEGER", der::uint(&[7; 16])),
        ("two OCTET STRINGs", [&wrapped[..], &wrapped].concat()),
        ("an octet behind", [&wrapped[..], &[0]].concat()),
        ("cut short", wrapped[..10].to_vec()),
        ("constructed", der::tlv(0x24, &wrapped)),
        ("long length", der::tlv_long_form(4, &[7; 16], 1)),
    ] {
        for critical in [false, true] {
            let request = case.question().extension(NONCE, critical, &value).build();
            case.refused(what, &request);
        }
    }
}

// covers: E-22
#[test]
fn nonce_in_raw_octets_comes_back_as_it_came_where_policy_allows_it() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|policy| policy.nonce_form = NonceForm::Raw);
    let case = Case { fixture, responder };
    for length in [1, 16, 32, 128] {
        let raw = vec![0xA5; length];
        let request = case.question().unwrapped_nonce(&raw).build();
        let basic = case
            .fixture
            .verified(&octets(&case.responder, &request, t0()));
        let nonce = basic.extension(NONCE).expect("a nonce");
        assert_eq!((nonce.critical, &nonce.value), (false, &raw));
    }
    for length in [0, 129] {
        let request = case.question().unwrapped_nonce(&vec![0xA5; length]).build();
        case.refused("raw", &request);
    }
    let request = case.question().nonce(&[0xA5; 16]).build();
    let basic = case
        .fixture
        .verified(&octets(&case.responder, &request, t0()));
    assert_eq!(basic.nonce(), Some(vec![0xA5; 16]));
    assert_eq!(basic.extension(NONCE).map(|ext| ext.value.len()), Some(18));
}

// covers: E-23
#[test]
fn known_extension_that_does_not_parse_is_ignored_or_malformed_if_critical() {
    let case = Case::new();
    let id = case.cert_id();
    let broken = [
        vec![],
        vec![0x30],
        der::null(),
        der::uint(&[1]),
        der::seq(&[&der::seq(&[&der::null()])]),
        [der::seq(&[]), vec![0]].concat(),
        der::tlv_indefinite(0x30, &[]),
    ];
    for dotted in [ACCEPTABLE_RESPONSES, PREF_SIG_ALGS, SERVICE_LOCATOR] {
        for value in &broken {
            let what = format!("{dotted} {value:02X?}");
            let request = case.question().extension(dotted, false, value).build();
            case.as_without(&what, &request);
            let request = case.question().extension(dotted, true, value).build();
            case.refused(&what, &request);

            let single = |critical| {
                let extension = der::extension(dotted, critical, value);
                Ask::new().entry_with_extensions(&id, &[extension]).build()
            };
            case.as_without(&what, &single(false));
            case.refused(&what, &single(true));
        }
    }
}

// covers: E-23, E-24
#[test]
fn known_critical_extension_that_parses_is_understood() {
    let case = Case::new();
    let basic = der::seq(&[&der::oid("1.3.6.1.5.5.7.48.1.1")]);
    let ecdsa = der::seq(&[&der::seq(&[&der::seq(&[&der::oid("1.2.840.10045.4.3.2")])])]);
    for (dotted, value) in [(ACCEPTABLE_RESPONSES, &basic), (PREF_SIG_ALGS, &ecdsa)] {
        for critical in [false, true] {
            let request = case.question().extension(dotted, critical, value).build();
            case.as_without(dotted, &request);
        }
    }
    let request = case
        .question()
        .extension(NONCE, true, &der::octets(&[3; 32]))
        .build();
    let basic = case
        .fixture
        .verified(&octets(&case.responder, &request, t0()));
    let nonce = basic.extension(NONCE).expect("a nonce");
    // What comes back must not be critical: a client that did not ask so need not understand it.
    assert!(!nonce.critical);
}

// covers: E-24, R6960-4.1.2-2
#[test]
fn critical_extension_that_is_not_understood_is_malformed_at_either_level() {
    let case = Case::new();
    let id = case.cert_id();
    let name = &case.fixture.world.ca_a.subject;
    let locator = der::seq(&[name]);
    for (dotted, value) in [
        ("1.2.3.4", der::null()),
        ("1.2.3.4", vec![]),
        (SERVICE_LOCATOR, locator),
        ("1.3.6.1.5.5.7.48.1.6", der::generalized_time(t0().unix())),
    ] {
        let request = case.question().extension(dotted, true, &value).build();
        case.refused(dotted, &request);
        // Between others that are harmless.
        let request = case.question().extension("1.2.3.5", false, &[]);
        let request = request.nonce(&[1; 16]).extension(dotted, true, &value);
        case.refused(dotted, &request.build());

        let single = |critical| der::extension(dotted, critical, &value);
        let request = Ask::new().entry_with_extensions(&id, &[single(true)]);
        case.refused(dotted, &request.build());
        // In the second entry only.
        let request = case.question().entry_with_extensions(&id, &[single(true)]);
        case.refused(dotted, &request.build());
    }
    // A nonce in the wrong place is not a nonce.
    let nonce = der::extension(NONCE, true, &der::octets(&[1; 16]));
    let request = Ask::new().entry_with_extensions(&id, &[nonce]);
    case.refused("nonce of an entry", &request.build());
}

// covers: E-24
#[test]
fn critical_extension_is_refused_before_the_issuer_is_looked_for() {
    let case = Case::new();
    let foreign = Ask::for_serial(HashAlg::Sha1, &case.fixture.world.ca_b, &[1]);
    case.refused("foreign", &foreign.extension("1.2.3.4", true, &[]).build());
    let nobody = responder(Vec::new());
    let request = case.question().extension("1.2.3.4", true, &[]).build();
    assert_eq!(octets(&nobody, &request, t0()), err(1));
}
