//! What is refused, warned about and accepted as a signing identity (requirements §7, §8, E-37).

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in its helpers"
)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{EmbedCertificate, ResponderIdForm};
use certvouch_signer::{
    CertificateFault as Fault, LoadError, NocheckRule, SignWithCaKey, SignerConfig,
    SigningIdentity, Warning, read_certificates,
};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, SigAlg, T0, World, pem};
use certvouch_types::{Certificate, Timestamp};
use common::{DAY, closed, load, load_as, load_at, now};

const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
const ANY_EKU: &str = "2.5.29.37.0";

fn world() -> World {
    World::new(KeyAlg::P256)
}

/// A delegate without any extension, for 90 days around the frozen moment.
fn bare(world: &World) -> CertBuilder {
    CertBuilder::new(&[("CN", "D")], &world.d_a.key).validity(T0 - 30 * DAY, T0 + 60 * DAY)
}

fn fault(result: Result<SigningIdentity, LoadError>) -> Fault {
    match result {
        Err(LoadError::Certificate(error)) => {
            // Every error says how it is mended.
            assert!(!error.remedy().is_empty());
            error.fault
        }
        other => panic!("no certificate error: {other:?}"),
    }
}

// covers: R6960-4.2.2.2-K1, R6960-2.2-2, R6960-2.6-1, R9919-3.2.2-K1
#[test]
fn delegate_of_the_issuer_is_accepted_with_every_kind_of_key() {
    for alg in KeyAlg::ALL {
        let world = World::new(alg);
        let identity = load(&world.d_a, &world.ca_a).unwrap();
        assert!(identity.is_delegated(), "{alg:?}");
        assert_eq!(identity.warnings(), []);
        assert_eq!(identity.certificate(), world.d_a.der);
        assert_eq!(identity.not_after().unix(), world.d_a.not_after);
        let form = ResponderIdForm::ByKey;
        let signer = identity.response_signer(form, EmbedCertificate::Delegate);
        assert!(signer.is_delegated() && signer.is_valid_at(now()));
        assert_eq!(signer.not_after(), identity.not_after());
    }
}

// covers: R6960-2.2-2, R6960-2.6-1, E-37
#[test]
fn delegate_of_another_ca_is_refused() {
    let world = world();
    let found = fault(load(&world.d_b, &world.ca_a));
    assert!(
        matches!(&found, Fault::IssuerName { named, expected } if named.contains("CA-B") && expected.contains("CA-A"))
    );
}

// covers: R6960-4.2.2.2-K2, D-20, E-37
#[test]
fn delegate_of_another_key_of_the_same_ca_is_refused_as_such() {
    let world = world();
    assert_eq!(fault(load(&world.d_a2, &world.ca_a)), Fault::IssuerKey);
    assert_eq!(fault(load(&world.d_a, &world.ca_a2)), Fault::IssuerKey);
    assert!(load(&world.d_a2, &world.ca_a2).is_ok());
    let forged = bare(&world).ocsp_signing().ocsp_nocheck().bad_signature();
    assert_eq!(
        fault(load(&forged.issued_by(&world.ca_a), &world.ca_a)),
        Fault::IssuerKey
    );
}

// covers: R6960-2.6-1
#[test]
fn issuer_name_in_other_octets_is_another_name() {
    let world = world();
    let (cn, o) = ("2.5.4.3", "2.5.4.10");
    let rdn = |oid: &str, value: Vec<u8>| der::set(&[&der::seq(&[&der::oid(oid), &value])]);
    let printable = der::seq(&[
        &rdn(cn, der::printable("CA-A")),
        &rdn(o, der::printable("certvouch tests")),
    ]);
    assert_ne!(printable, world.ca_a.subject);
    let cert = bare(&world)
        .ocsp_signing()
        .ocsp_nocheck()
        .issuer_der(&printable);
    let found = fault(load(&cert.issued_by(&world.ca_a), &world.ca_a));
    assert!(matches!(found, Fault::IssuerName { .. }), "{found:?}");
}

#[test]
fn delegate_signed_with_an_unknown_algorithm_is_refused_with_its_name() {
    let world = world();
    let good = bare(&world)
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a);
    // ecdsa-with-SHA256 inside and outside becomes ecdsa-with-SHA224 (…4.3.1).
    let known = der::oid("1.2.840.10045.4.3.2");
    let mut der = good.der.clone();
    let places: Vec<usize> = (0..der.len())
        .filter(|at| der[*at..].starts_with(&known))
        .collect();
    assert_eq!(places.len(), 2);
    for at in places {
        der[at + known.len() - 1] = 1;
    }
    let cert = Cert { der, ..good };
    let found = fault(load(&cert, &world.ca_a));
    assert_eq!(found, Fault::IssuerSignature("1.2.840.10045.4.3.1".into()));
}

// covers: R6960-2.6-1, R6960-4.2.2.2-K1, R5280-4.2.1.12-1
#[test]
fn delegate_without_ocsp_signing_is_refused_also_with_any() {
    let world = world();
    let with = |purposes: &[&str]| {
        let cert = bare(&world)
            .ocsp_nocheck()
            .eku(purposes)
            .issued_by(&world.ca_a);
        load(&cert, &world.ca_a)
    };
    let none = bare(&world).ocsp_nocheck().issued_by(&world.ca_a);
    let lacking = Fault::ExtendedKeyUsage { any: false };
    assert_eq!(fault(load(&none, &world.ca_a)), lacking);
    assert_eq!(fault(with(&["1.3.6.1.5.5.7.3.1"])), lacking);
    assert_eq!(
        fault(with(&[ANY_EKU])),
        Fault::ExtendedKeyUsage { any: true }
    );
    assert!(with(&[ANY_EKU, OCSP_SIGNING]).is_ok());
    let error = with(&[ANY_EKU]).unwrap_err();
    assert!(
        error
            .remedy()
            .unwrap()
            .contains("extendedKeyUsage = OCSPSigning"),
        "{error}"
    );
}

// covers: R5280-4.2.1.12-1
#[test]
fn delegate_whose_key_usage_cannot_sign_is_refused() {
    let world = world();
    let with = |usages: &[KeyUsage]| {
        let cert = bare(&world).ocsp_signing().ocsp_nocheck().key_usage(usages);
        load(&cert.issued_by(&world.ca_a), &world.ca_a)
    };
    assert_eq!(fault(with(&[KeyUsage::KeyEncipherment])), Fault::KeyUsage);
    assert_eq!(
        fault(with(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])),
        Fault::KeyUsage
    );
    assert!(with(&[KeyUsage::DigitalSignature]).is_ok());
    assert!(with(&[KeyUsage::NonRepudiation]).is_ok());
    // Without the extension nothing is restricted.
    let absent = bare(&world)
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a);
    assert!(load(&absent, &world.ca_a).is_ok());
}

// covers: R9881-5-1
#[test]
fn ml_dsa_delegate_with_encipherment_or_agreement_is_refused() {
    let (ml_dsa, ecdsa) = (World::new(KeyAlg::MlDsa44), world());
    let with = |world: &World, bits: &[u8]| {
        let cert = bare(world).ocsp_signing().ocsp_nocheck();
        let cert = cert.extension("2.5.29.15", true, &der::named_bits(bits));
        load(&cert.issued_by(&world.ca_a), &world.ca_a)
    };
    for forbidden in [2, 3, 4, 7, 8] {
        let found = fault(with(&ml_dsa, &[0, forbidden]));
        assert_eq!(found, Fault::KeyUsageEncipherment, "bit {forbidden}");
        assert!(with(&ecdsa, &[0, forbidden]).is_ok());
    }
    assert!(with(&ml_dsa, &[0, 1, 5, 6]).is_ok());
}

// covers: R6960-4.2.2.2.1-K1, R9919-3.2.2-K1, R9608-1-1
#[test]
fn delegate_without_nocheck_is_refused_or_warned_about() {
    let world = world();
    // noRevAvail does not replace it.
    let cert = bare(&world)
        .ocsp_signing()
        .extension("2.5.29.56", false, &der::null());
    let cert = cert.issued_by(&world.ca_a);
    let error = load(&cert, &world.ca_a).unwrap_err();
    assert!(
        error.remedy().unwrap().contains("noCheck = ignored"),
        "{error}"
    );
    assert_eq!(fault(Err(error)), Fault::Nocheck);
    let relaxed = load_as(&cert, &world.ca_a, |c| c.nocheck = NocheckRule::Warn).unwrap();
    assert_eq!(relaxed.warnings(), [Warning::NocheckMissing]);
    let both = bare(&world).ocsp_signing().ocsp_nocheck();
    let both = both
        .extension("2.5.29.56", false, &der::null())
        .issued_by(&world.ca_a);
    assert_eq!(load(&both, &world.ca_a).unwrap().warnings(), []);
}

// covers: R6960-4.2.2.2.1-K1
#[test]
fn nocheck_must_hold_null_and_should_not_be_critical() {
    let world = world();
    let with = |critical, value: &[u8]| {
        let cert = bare(&world).ocsp_signing();
        let cert = cert.extension("1.3.6.1.5.5.7.48.1.5", critical, value);
        cert.issued_by(&world.ca_a)
    };
    for wrong in [&[4, 0][..], &[], &[5, 0, 5, 0], &[0x30, 0]] {
        let cert = with(false, wrong);
        assert_eq!(fault(load(&cert, &world.ca_a)), Fault::NocheckValue);
        let relaxed = load_as(&cert, &world.ca_a, |c| c.nocheck = NocheckRule::Warn).unwrap();
        assert_eq!(relaxed.warnings(), [Warning::NocheckValue]);
    }
    let critical = load(&with(true, &[5, 0]), &world.ca_a).unwrap();
    assert_eq!(critical.warnings(), [Warning::NocheckCritical]);
}

// covers: D-23
#[test]
fn delegate_that_is_a_ca_is_refused() {
    let world = world();
    let cert = |ca| {
        let cert = bare(&world)
            .ocsp_signing()
            .ocsp_nocheck()
            .basic_constraints(ca, None);
        load(&cert.issued_by(&world.ca_a), &world.ca_a)
    };
    assert_eq!(fault(cert(true)), Fault::DelegateIsCa);
    assert!(cert(false).is_ok());
}

// covers: E-37
#[test]
fn certificate_outside_its_dates_is_refused_with_the_distance() {
    let world = world();
    let at = |seconds| {
        load_at(
            &world.d_a,
            &world.ca_a,
            Timestamp::from_unix(seconds),
            |_| {},
        )
    };
    let (from, to) = (world.d_a.not_before, world.d_a.not_after);
    let early = at(from - 3 * DAY).unwrap_err();
    assert!(early.cause().contains("begins in 3 days"), "{early}");
    assert!(matches!(fault(Err(early)), Fault::NotYetValid { .. }));
    let late = at(to + 1).unwrap_err();
    assert!(late.cause().contains("expired 1 second ago"), "{late}");
    assert!(matches!(fault(Err(late)), Fault::Expired { .. }));
    assert!(at(from).is_ok() && at(to).is_ok());
}

// covers: R6960-4.2.2.2-K1, E-37
#[test]
fn issuer_that_is_no_ca_or_outside_its_dates_is_refused() {
    let world = world();
    assert_eq!(fault(load(&world.d_a, &world.ee_good)), Fault::IssuerNotCa);
    let ca = |from, to| {
        CertBuilder::new(&[("CN", "CA-A"), ("O", "certvouch tests")], &world.ca_a.key)
            .basic_constraints(true, None)
            .validity(T0 + from, T0 + to)
            .self_signed()
    };
    let found = fault(load(&world.d_a, &ca(-2 * DAY, -DAY)));
    assert!(matches!(found, Fault::IssuerExpired { .. }));
    let found = fault(load(&world.d_a, &ca(DAY, 2 * DAY)));
    assert!(matches!(found, Fault::IssuerNotYetValid { .. }));
    assert!(load(&world.d_a, &ca(-DAY, DAY)).is_ok());
}

// covers: R6960-4.2.2.2-K1
#[test]
fn key_of_the_ca_signs_only_by_explicit_word() {
    let world = world();
    let yes = |c: &mut SignerConfig| c.sign_with_ca_key = SignWithCaKey::Yes;
    assert_eq!(fault(load(&world.ca_a, &world.ca_a)), Fault::CaKey);
    // Also without a certificate file, and also if that file holds somebody else's.
    let without = load_as(&world.ca_a, &world.ca_a, |c| c.certificate = None);
    assert_eq!(fault(without), Fault::CaKey);
    for change in [true, false] {
        let identity = load_as(&world.ca_a, &world.ca_a, |c| {
            yes(c);
            if change {
                c.certificate = None;
            }
        });
        let identity = identity.unwrap();
        assert!(!identity.is_delegated());
        assert_eq!(identity.certificate(), world.ca_a.der);
        let signer = identity.response_signer(ResponderIdForm::ByKey, EmbedCertificate::Delegate);
        assert!(!signer.is_delegated());
    }
    // The word permits the CA, it does not demand it; and a foreign CA stays foreign.
    assert!(
        load_as(&world.d_a, &world.ca_a, yes)
            .unwrap()
            .is_delegated()
    );
    assert!(matches!(
        fault(load_as(&world.ca_b, &world.ca_a, yes)),
        Fault::IssuerName { .. }
    ));
    let renamed = CertBuilder::new(&[("CN", "x")], &world.ca_a.key)
        .ocsp_signing()
        .ocsp_nocheck();
    let renamed = renamed.issued_by(&world.ca_a);
    assert_eq!(
        fault(load_as(&renamed, &world.ca_a, yes)),
        Fault::CaKeyOtherName
    );
}

// covers: BR-7.1.2.10.7-1, D-39
#[test]
fn ca_without_digital_signature_does_not_sign_responses() {
    let world = world();
    let ca = |usages: &[KeyUsage]| {
        CertBuilder::new(&[("CN", "CA")], &world.ca_a.key)
            .basic_constraints(true, None)
            .key_usage(usages)
            .self_signed()
    };
    let load = |ca: &Cert| load_as(ca, ca, |c| c.sign_with_ca_key = SignWithCaKey::Yes);
    let without = ca(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign]);
    assert_eq!(fault(load(&without)), Fault::CaKeyUsage);
    assert!(load(&ca(&[KeyUsage::KeyCertSign, KeyUsage::DigitalSignature])).is_ok());
    let absent = CertBuilder::new(&[("CN", "CA")], &world.ca_a.key).basic_constraints(true, None);
    assert!(load(&absent.self_signed()).is_ok());
}

// covers: E-37
#[test]
fn key_of_another_certificate_is_refused() {
    let world = world();
    let mixed = Cert {
        key: world.ee_good.key.clone(),
        ..world.d_a.clone()
    };
    let found = fault(load(&mixed, &world.ca_a));
    assert!(matches!(found, Fault::KeyMismatch { subject } if subject.contains("D-A")));
    let none = load_as(&world.d_a, &world.ca_a, |c| c.certificate = None);
    assert_eq!(fault(none), Fault::Missing);
}

// covers: E-37
#[test]
fn certificate_that_ties_the_key_to_another_algorithm_fails_the_test_signature() {
    let world = World::new(KeyAlg::Rsa2048);
    let key = &world.d_a.key;
    // The same modulus, but id-RSASSA-PSS.
    let pss = der::seq(&[&der::oid("1.2.840.113549.1.1.10")]);
    let spki = der::seq(&[&pss, &der::bits(&key.public_bits())]);
    let cert = bare(&world).ocsp_signing().ocsp_nocheck().spki_der(&spki);
    let found = fault(load(&cert.issued_by(&world.ca_a), &world.ca_a));
    assert!(matches!(found, Fault::TestSignature(_)), "{found:?}");
}

#[test]
fn certificate_with_a_compressed_point_belongs_to_its_key() {
    let world = world();
    let bits = world.d_a.key.public_bits();
    let mut compressed = vec![2 | (bits[64] & 1)];
    compressed.extend(&bits[1..33]);
    let algorithm = KeyAlg::P256.spki_algorithm();
    let spki = der::seq(&[&algorithm, &der::bits(&compressed)]);
    let cert = bare(&world).ocsp_signing().ocsp_nocheck().spki_der(&spki);
    let found = load(&cert.issued_by(&world.ca_a), &world.ca_a);
    assert!(found.is_ok(), "{found:?}");
}

// covers: R9919-3.2.2-K1
#[test]
fn delegate_that_points_to_its_own_status_is_warned_about() {
    let world = world();
    let good = || bare(&world).ocsp_signing().ocsp_nocheck();
    let warned = |cert: CertBuilder| {
        let identity = load(&cert.issued_by(&world.ca_a), &world.ca_a).unwrap();
        identity.warnings().to_vec()
    };
    let ocsp = good().aia(&["http://ocsp.example/"], &[]);
    assert_eq!(warned(ocsp), [Warning::OcspAddress]);
    assert_eq!(warned(good().aia(&[], &["http://ca.example/ca.der"])), []);
    let crl = good().crl_dp(&["http://crl.example/"]);
    assert_eq!(warned(crl), [Warning::CrlDistributionPoints]);
    let odd = good().extension("1.2.3.4", true, &[5, 0]);
    assert_eq!(
        warned(odd),
        [Warning::UnknownCriticalExtension("1.2.3.4".into())]
    );
}

// covers: R6960-4.2.2.2.1-K2
#[test]
fn long_life_and_near_end_are_warned_about() {
    let world = world();
    let living = |from: i64, to: i64| {
        let cert = bare(&world).ocsp_signing().ocsp_nocheck();
        let cert = cert
            .validity(T0 + from * DAY, T0 + to * DAY)
            .issued_by(&world.ca_a);
        load(&cert, &world.ca_a).unwrap()
    };
    let end = |days| Timestamp::from_unix(T0 + days * DAY);
    let soon = |days| Warning::ExpiresSoon {
        days_left: days,
        not_after: end(days),
    };
    assert_eq!(
        living(-1, 366).warnings(),
        [Warning::LongLived { days: 367 }]
    );
    assert_eq!(living(-1, 365).warnings(), []);
    assert_eq!(living(-300, 30).warnings(), [soon(30)]);
    assert_eq!(living(-300, 31).warnings(), []);
    // A certificate of thirty days is renewed at half its life, not complained about from its first day.
    assert_eq!(living(-1, 29).warnings(), []);
    assert_eq!(living(-15, 15).warnings(), [soon(15)]);

    let identity = living(-300, 40);
    assert_eq!(identity.expires_soon(now()), None);
    assert_eq!(identity.days_left(now()), 40);
    let later = Timestamp::from_unix(T0 + 37 * DAY + 1);
    assert_eq!(identity.days_left(later), 2);
    let warning = identity.expires_soon(later).unwrap();
    assert!(warning.to_string().contains("in 2 days"), "{warning}");
    assert_eq!(
        identity.days_left(Timestamp::from_unix(T0 + 40 * DAY + 1)),
        -1
    );
}

#[test]
fn file_with_several_certificates_gives_the_one_of_the_key() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let key = closed(dir.path(), "k", world.d_a.key.pkcs8_pem());
    let expired = bare(&world).ocsp_signing().ocsp_nocheck();
    let expired = expired
        .validity(T0 - 9 * DAY, T0 - DAY)
        .issued_by(&world.ca_a);
    let issuer = Certificate::parse(&world.ca_a.der).unwrap();
    let load = |parts: &[String]| {
        let path = closed(dir.path(), "c", parts.concat());
        SigningIdentity::load(&SignerConfig::new(&key, Some(path)), &issuer, now())
    };
    let text = String::from("Certificate:\n    Data:\n        Version: 3 (0x2)\n");
    let (ca, d_a, old) = (world.ca_a.pem(), world.d_a.pem(), expired.pem());
    for parts in [
        [text.clone(), d_a.clone(), ca.clone()],
        [ca.clone(), text, d_a.clone()],
        [old.clone(), d_a.clone(), ca.clone()],
    ] {
        assert_eq!(load(&parts).unwrap().certificate(), world.d_a.der);
    }
    assert!(matches!(fault(load(&[ca, old])), Fault::Expired { .. }));
    // Key and certificate in one PEM file.
    let both = closed(dir.path(), "both", d_a + &world.d_a.key.pkcs8_pem());
    let identity = SigningIdentity::load(&SignerConfig::new(both, None), &issuer, now());
    assert_eq!(identity.unwrap().certificate(), world.d_a.der);
}

#[test]
fn certificate_file_of_another_kind_is_named() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let read = |content: &[u8]| read_certificates(&closed(dir.path(), "c", content));
    assert_eq!(
        read(&world.d_a.der).unwrap(),
        std::slice::from_ref(&world.d_a.der)
    );
    let signed_data = der::seq(&[&der::oid("1.2.840.113549.1.7.2")]);
    for (content, what) in [
        (pem("PKCS7", &signed_data).into_bytes(), "PKCS#7"),
        (signed_data, "PKCS#7"),
        (
            pem("TRUSTED CERTIFICATE", b"x").into_bytes(),
            "an OpenSSL trusted certificate",
        ),
        (world.d_a.key.pkcs8_pem().into_bytes(), "a private key"),
        (world.d_a.key.pkcs8_der(), "a private key or PKCS#12"),
        (b"hello".to_vec(), "neither PEM nor DER"),
    ] {
        let error = read(&content).unwrap_err();
        let LoadError::Certificate(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.fault, Fault::NotACertificate(what));
    }
    let cut = &world.d_a.der[..world.d_a.der.len() - 1];
    assert!(
        matches!(read(cut), Err(LoadError::Certificate(e)) if matches!(e.fault, Fault::NotACertificate(_) | Fault::Malformed(_)))
    );
}

#[test]
fn configured_algorithm_is_that_of_the_response_signer() {
    let world = World::new(KeyAlg::Rsa2048);
    let algorithm = SignatureAlgorithm::RsaPssSha384;
    let identity = load_as(&world.d_a, &world.ca_a, |c| c.algorithm = Some(algorithm)).unwrap();
    let signer = identity.response_signer(ResponderIdForm::ByName, EmbedCertificate::Never);
    assert_eq!(signer.algorithm(), algorithm);
}

// covers: R5280-4.2.1.2-1
#[test]
fn delegate_of_a_ca_with_an_odd_key_identifier_is_accepted() {
    let world = world();
    assert!(load(&world.d_ski, &world.ca_ski).is_ok());
}

// covers: D-20
#[test]
fn delegate_key_of_another_kind_than_the_ca_key_is_accepted() {
    let world = World::new(KeyAlg::Rsa2048);
    let key = Key::cached(KeyAlg::P521, "identity");
    let cert = CertBuilder::new(&[("CN", "D")], &key)
        .ocsp_signing()
        .ocsp_nocheck();
    let cert = cert.sig_alg(SigAlg::RsaPssSha256).issued_by(&world.ca_a);
    assert!(load(&cert, &world.ca_a).is_ok());
}
