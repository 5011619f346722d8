//! Who may sign: the issuer, its delegates, and responders trusted locally.

use certvouch_crypto::AWS_LC;
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0};
use certvouch_testkit::reply::Reply;
use certvouch_types::SerialNumber;
use certvouch_verify::{
    CheckCode, DelegateRevocation, DelegateRevocationPolicy, Outcome, Profile, QueryBuilder,
    Signer, TrustedResponder,
};

use crate::fixture::*;

// covers: R6960-4.2.2.2-C2, R6960-4.2.2.3-C1, R9919-3.2.2-C2, D-4
#[test]
fn issuer_and_delegate_are_found_by_key_and_by_name() {
    let world = world();
    let by_ca = Reply::new(&world.ca_a, T0).single(&single(&world));
    for reply in [
        by_ca.clone(),
        by_ca.clone().by_name(),
        good(&world),
        good(&world).by_name(),
    ] {
        assert_eq!(say(&world, &reply), "GOOD");
    }
    let response = by_ca.build();
    let verified = ask(&world, &response, &Profile::RFC9919).unwrap();
    assert_eq!(verified.signer(), Signer::Issuer);
    let response = good(&world).build();
    let verified = ask(&world, &response, &Profile::RFC9919).unwrap();
    assert!(matches!(
        verified.signer(),
        Signer::Delegate { certificate, nocheck: true, .. } if certificate == world.d_a.der
    ));
    for other in [
        good(&world).keyed(&[7; 20]),
        good(&world).named(&world.ca_b.subject),
        good(&world).no_certs(),
        by_ca.named(&world.ca_b.subject),
    ] {
        assert_eq!(say(&world, &other), "signer-not-found");
    }
}

// covers: R6960-4.2.2.2-C6
#[test]
fn signer_is_found_anywhere_among_the_certificates() {
    let world = world();
    let reply = |certs: &[&[u8]]| {
        certs
            .iter()
            .fold(good(&world).no_certs(), |reply, cert| reply.cert(cert))
    };
    let (d, ca, b) = (&world.d_a.der, &world.ca_a.der, &world.d_b.der);
    let odd = der::seq(&[&der::null()]);
    for certs in [
        &[&d[..], ca][..],
        &[ca, d],
        &[b, ca, d],
        &[&odd, d],
        &[d, d, d],
        &[ca, b, &world.ee_good.der, d],
    ] {
        assert_eq!(say(&world, &reply(certs)), "GOOD");
    }
    // The CA embeds itself and signs itself.
    let by_ca = Reply::delegated(&world.ca_a, T0).single(&single(&world));
    assert_eq!(say(&world, &by_ca), "GOOD");
    assert_eq!(say(&world, &by_ca.by_name()), "GOOD");
    assert_eq!(say(&world, &reply(&[&odd])), "signer-unreadable");
}

// covers: R6960-4.2.2.2-C3, D-20, R6960-4.1.1-3
#[test]
fn same_name_with_another_key_is_another_ca() {
    let world = world();
    let namesake = Reply::delegated(&world.ca_a2, T0).single(&single(&world));
    assert_eq!(say(&world, &namesake.clone().by_name()), "bad-signature");
    // Embedded, by its key: self-signed under the same name, but a CA and no delegate.
    assert_eq!(say(&world, &namesake), "signer-is-ca");
    let delegate = signed_by(&world, &world.d_a2);
    assert_eq!(say(&world, &delegate), "signer-not-signed-by-ca");
    // Two delegates of one name, the wrong one first.
    let twin = delegate_twin(&world.ca_a2);
    let reply = good(&world)
        .by_name()
        .no_certs()
        .cert(&twin.der)
        .cert(&world.d_a.der);
    assert_eq!(say(&world, &reply), "GOOD");
}

/// D-A's name under another CA.
fn delegate_twin(issuer: &Cert) -> Cert {
    let key = Key::cached(KeyAlg::P256, "twin");
    CertBuilder::new(&[("CN", "D-A"), ("O", "certvouch tests")], &key)
        .validity(T0 - DAY, T0 + DAY)
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(issuer)
}

// covers: R6960-3.2-4
#[test]
fn delegate_counts_inside_its_dates_to_the_second() {
    let world = world();
    let signer = |from, to| {
        delegate("dated")
            .validity(T0 + from, T0 + to)
            .issued_by(&world.ca_a)
    };
    for (from, to, expected) in [
        (0, DAY, "GOOD"),
        (1, DAY, "signer-not-yet-valid"),
        (-DAY, 0, "GOOD"),
        (-DAY, -1, "signer-expired"),
    ] {
        let reply = signed_by(&world, &signer(from, to));
        assert_eq!(say(&world, &reply), expected);
    }
}

#[test]
fn response_counts_no_longer_than_its_delegate() {
    let world = world();
    let signer = delegate("short-lived")
        .validity(T0 - DAY, T0 + DAY)
        .issued_by(&world.ca_a);
    let response = signed_by(&world, &signer).build();
    let verified = ask(&world, &response, &Profile::RFC9919).unwrap();
    assert_eq!(verified.valid_until(), Some(at(T0 + DAY)));
}

// covers: R6960-4.2.2.2-C5, D-23, R6960-4.2.2.2-C1
#[test]
fn ca_with_the_purpose_is_no_delegate() {
    let world = world();
    let intermediate = delegate("intermediate")
        .basic_constraints(true, None)
        .issued_by(&world.ca_a);
    assert_eq!(
        say(&world, &signed_by(&world, &intermediate)),
        "signer-is-ca"
    );
    let end_entity = delegate("end-entity")
        .basic_constraints(false, None)
        .issued_by(&world.ca_a);
    assert_eq!(say(&world, &signed_by(&world, &end_entity)), "GOOD");
    // A delegate of an intermediate of the issuer is two steps away.
    let far = delegate("far").issued_by(&intermediate);
    let reply = signed_by(&world, &far).cert(&intermediate.der);
    assert_eq!(say(&world, &reply), "signer-not-issued-by-ca");
}

// covers: R5280-4.2.1.12-1
#[test]
fn key_usage_must_allow_signing() {
    let world = world();
    let signer = |usage: &[KeyUsage]| {
        delegate_builder("usage")
            .key_usage(usage)
            .ocsp_signing()
            .ocsp_nocheck()
            .issued_by(&world.ca_a)
    };
    for (usage, expected) in [
        (&[KeyUsage::KeyEncipherment][..], "signer-key-usage"),
        (&[KeyUsage::CrlSign], "signer-key-usage"),
        (&[KeyUsage::DigitalSignature], "GOOD"),
        (&[KeyUsage::NonRepudiation], "GOOD"),
    ] {
        assert_eq!(say(&world, &signed_by(&world, &signer(usage))), expected);
    }
    let none = delegate_builder("usage")
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&world.ca_a);
    assert_eq!(say(&world, &signed_by(&world, &none)), "GOOD");
}

#[test]
fn unknown_critical_extension_in_the_delegate_rejects() {
    let world = world();
    let signer = |critical| {
        delegate("critical")
            .extension("1.2.3.4", critical, &der::null())
            .issued_by(&world.ca_a)
    };
    let critical = signed_by(&world, &signer(true));
    assert_eq!(say(&world, &critical), "signer-critical-extension");
    assert_eq!(say(&world, &signed_by(&world, &signer(false))), "GOOD");
}

#[test]
fn broken_signature_on_the_delegate_rejects() {
    let world = world();
    let signer = delegate("broken").bad_signature().issued_by(&world.ca_a);
    let reply = signed_by(&world, &signer);
    assert_eq!(say(&world, &reply), "signer-not-signed-by-ca");
}

// covers: R6960-4.2.2.2.1-C1, D-22
#[test]
fn nocheck_else_crl_else_policy() {
    use DelegateRevocation as Known;
    use DelegateRevocationPolicy as Policy;
    let world = world();
    let nocheck = delegate("nocheck")
        .crl_dp(&["http://crl.example/"])
        .issued_by(&world.ca_a);
    let plain = || {
        delegate_builder("plain")
            .key_usage(&[KeyUsage::DigitalSignature])
            .ocsp_signing()
    };
    let silent = plain().issued_by(&world.ca_a);
    let with_crl = plain()
        .crl_dp(&["http://crl.example/"])
        .issued_by(&world.ca_a);
    let with_ocsp = plain()
        .aia(&["http://ocsp.example/"], &[])
        .issued_by(&world.ca_a);
    let not_null = plain()
        .extension("1.3.6.1.5.5.7.48.1.5", false, &[0x04, 0x00])
        .issued_by(&world.ca_a);
    let serial = [SerialNumber::from_content(&[0x11])];
    let other = [SerialNumber::from_content(&[0x12])];
    let crl = |revoked, next_update| Known::Listed {
        revoked,
        next_update: at(next_update),
    };
    let (clean, listed) = (crl(&other, T0), crl(&serial, T0));
    let (old, old_listed) = (crl(&other, T0 - 1), crl(&serial, T0 - 1));
    let unknown = "signer-revocation-unknown";
    for (signer, policy, known, expected) in [
        (&nocheck, Policy::Require, Known::Unknown, "GOOD"),
        (&silent, Policy::Require, Known::Unknown, unknown),
        (&silent, Policy::IfNamed, Known::Unknown, "GOOD"),
        (&with_crl, Policy::IfNamed, Known::Unknown, unknown),
        (&with_ocsp, Policy::IfNamed, Known::Unknown, unknown),
        (&with_crl, Policy::Tolerate, Known::Unknown, "GOOD"),
        (&not_null, Policy::Require, Known::Unknown, unknown),
        (&with_crl, Policy::Require, clean, "GOOD"),
        (&with_crl, Policy::Require, listed, "signer-revoked"),
        (&with_crl, Policy::Tolerate, listed, "signer-revoked"),
        (&with_crl, Policy::Require, old, unknown),
        (&with_crl, Policy::Tolerate, old_listed, "signer-revoked"),
    ] {
        let profile = Profile::RFC9919.with_delegate_revocation(policy);
        let reply = signed_by(&world, signer);
        assert_eq!(say_with(&world, &reply, &profile, known), expected);
    }
}

#[test]
fn revocation_let_pass_shows_in_the_evidence() {
    let world = world();
    let signer = delegate_builder("let-pass")
        .ocsp_signing()
        .issued_by(&world.ca_a);
    let response = signed_by(&world, &signer).build();
    let verified = ask(&world, &response, &Profile::RFC9919).unwrap();
    let line = verified.evidence().outcome(CheckCode::SignerRevocation);
    assert_eq!(line, Some(Outcome::Skipped));
}

// covers: D-39, BR-7.1.2.10.7-1
#[test]
fn issuer_without_digital_signature_is_noted_or_refused() {
    let world = world();
    let key = Key::cached(KeyAlg::P256, "ca-no-ds");
    let ca = CertBuilder::new(&[("CN", "CA-no-DS")], &key)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])
        .validity(T0 - DAY, T0 + DAY)
        .self_signed();
    let ee = CertBuilder::new(&[("CN", "EE")], &world.ee_good.key)
        .validity(T0 - DAY, T0 + DAY)
        .issued_by(&ca);
    let single = certvouch_testkit::reply::Single::about(&ca, &ee.serial, T0);
    let response = Reply::new(&ca, T0).single(&single).build();
    let query = certvouch_verify::Query::new(&ee.der, &ca.der, None).unwrap();
    let verified = query.verify(&response, now(), &Profile::RFC9919).unwrap();
    let line = verified.evidence().outcome(CheckCode::SignerPurpose);
    assert_eq!(line, Some(Outcome::Skipped));
    let strict = query.verify(&response, now(), &Profile::STRICT);
    assert_eq!(word(&strict), "issuer-key-usage");
}

// covers: R6960-4.2.2.2-C2, R6960-4.2.2.2-C4
#[test]
fn responder_trusted_locally_counts_for_its_issuers_only() {
    let world = world();
    let response = signed_by(&world, &world.d_b).no_certs().build();
    let ask = |issuers: &[&[u8]], unix| {
        let trusted = TrustedResponder::new(&world.d_b.der, issuers).unwrap();
        let query = QueryBuilder::new(AWS_LC)
            .trusted_responder(trusted)
            .certificate(&world.ee_good.der, &world.ca_a.der)
            .unwrap();
        word(&query.verify(&response, at(unix), &Profile::RFC9919))
    };
    assert_eq!(ask(&[&world.ca_a.der], T0), "GOOD");
    assert_eq!(ask(&[&world.ca_b.der, &world.ca_a.der], T0), "GOOD");
    assert_eq!(ask(&[&world.ca_b.der], T0), "signer-not-found");
    assert_eq!(ask(&[&world.ca_a2.der], T0), "signer-not-found");
    assert_eq!(ask(&[], T0), "signer-not-found");
    assert_eq!(ask(&[&world.ca_a.der], T0 + 100 * DAY), "signer-expired");
}

/// The same name with PrintableString where the fixture has UTF8String.
fn printable(name: &[u8]) -> Vec<u8> {
    let mut name = name.to_vec();
    for at in 0..name.len() - 3 {
        // The common name, the organisation: OBJECT IDENTIFIER, then the string.
        if matches!(name[at..], [0x55, 0x04, 0x03 | 0x0A, 0x0C, ..]) {
            name[at + 3] = 0x13;
        }
    }
    name
}

// covers: R6960-4.2.2.3-C1, R6960-4.1.1-C1
#[test]
fn name_in_another_kind_of_string_is_the_same_name() {
    let world = world();
    let (ca, d) = (&world.ca_a.subject, &world.d_a.subject);
    assert_ne!(&printable(ca), ca);
    assert_eq!(say(&world, &good(&world).named(&printable(d))), "GOOD");
    let by_ca = Reply::new(&world.ca_a, T0).single(&single(&world));
    assert_eq!(say(&world, &by_ca.clone().named(&printable(ca))), "GOOD");
    assert_eq!(say(&world, &by_ca.named(&printable(d))), "signer-not-found");
    // A delegate, and a certificate, whose issuer field is spelt so; the CertID hashes what stands there.
    let spelt = delegate("spelt").issued(&printable(ca), &world.ca_a.key);
    assert_eq!(say(&world, &signed_by(&world, &spelt)), "GOOD");
    let forged = delegate("spelt").issued(&printable(ca), &world.ca_a2.key);
    let said = say(&world, &signed_by(&world, &forged));
    assert_eq!(said, "signer-not-signed-by-ca");
    let leaf = delegate_builder("leaf").issued(&printable(ca), &world.ca_a.key);
    let query = certvouch_verify::Query::new(&leaf.der, &world.ca_a.der, None).unwrap();
    let mut renamed = world.ca_a.clone();
    renamed.subject = printable(ca);
    for (issuer, expected) in [(&renamed, "GOOD"), (&world.ca_a, "wrong-certificate")] {
        let single = certvouch_testkit::reply::Single::about(issuer, &leaf.serial, T0);
        let response = Reply::delegated(&world.d_a, T0).single(&single).build();
        assert_eq!(
            word(&query.verify(&response, now(), &Profile::RFC9919)),
            expected
        );
    }
}
