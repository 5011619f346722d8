//! Work is bounded before anything is believed.

use certvouch_testkit::der;
use certvouch_testkit::pki::{CertBuilder, Key, KeyAlg, T0};
use certvouch_testkit::reply::{Reply, Single};
use certvouch_verify::Profile;
use certvouch_verify::budget::{MAX_EMBEDDED_CERTIFICATES, MAX_SINGLE_RESPONSES};

use crate::fixture::*;

// covers: T-23
#[test]
fn embedded_certificates_are_counted() {
    let world = world();
    let filled = |count: usize| {
        (0..count).fold(good(&world).no_certs(), |reply, serial| {
            let serial = u8::try_from(serial).unwrap();
            // Small distinct SEQUENCEs are certificates enough to be counted.
            reply.cert(&der::seq(&[&der::uint(&[serial + 1])]))
        })
    };
    let full = filled(MAX_EMBEDDED_CERTIFICATES - 1).cert(&world.d_a.der);
    assert_eq!(say(&world, &full), "GOOD");
    let over = filled(MAX_EMBEDDED_CERTIFICATES).cert(&world.d_a.der);
    assert_eq!(say(&world, &over), "budget-exceeded");
}

// covers: T-23
#[test]
fn signature_checks_are_counted() {
    let world = world();
    // Certificates with D-A's name and purpose that another key signed: one check each.
    let decoy = |serial: u8| {
        CertBuilder::new(
            &[("CN", "D-A"), ("O", "certvouch tests")],
            &Key::cached(KeyAlg::P256, "decoy"),
        )
        .serial(&[serial])
        .validity(T0 - DAY, T0 + DAY)
        .ocsp_signing()
        .ocsp_nocheck()
        .issued(&world.ca_a.subject, &world.ca_a2.key)
        .der
    };
    let after = |count: u8| {
        (1..=count)
            .fold(good(&world).by_name().no_certs(), |reply, serial| {
                reply.cert(&decoy(serial))
            })
            .cert(&world.d_a.der)
    };
    // Two of the eight are for the right one.
    assert_eq!(say(&world, &after(6)), "GOOD");
    assert_eq!(say(&world, &after(7)), "budget-exceeded");
    assert_eq!(say(&world, &after(8)), "budget-exceeded");
    // The same one again costs nothing.
    let one = decoy(1);
    let repeated = (0..12)
        .fold(good(&world).by_name().no_certs(), |reply, _| {
            reply.cert(&one)
        })
        .cert(&world.d_a.der);
    assert_eq!(say(&world, &repeated), "GOOD");
}

// covers: T-23
#[test]
fn single_responses_are_counted() {
    let world = world();
    let other = Single::about(&world.ca_a, &world.ee_rev.serial, T0).der();
    let reply = |others: usize| {
        (0..others).fold(Reply::delegated(&world.d_a, T0), |reply, _| {
            reply.single_der(&other)
        })
    };
    let full = reply(MAX_SINGLE_RESPONSES - 1).single(&single(&world));
    assert_eq!(say(&world, &full), "GOOD");
    let over = reply(MAX_SINGLE_RESPONSES).single(&single(&world));
    assert_eq!(say(&world, &over), "budget-exceeded");
}

/// An RSAPublicKey with so many bits, of no use but to be counted.
fn rsa_spki(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xFF; bits.div_ceil(8)];
    modulus[0] >>= (8 - bits % 8) % 8;
    let key = der::seq(&[&der::uint(&modulus), &der::uint(&[1, 0, 1])]);
    der::seq(&[&KeyAlg::Rsa2048.spki_algorithm(), &der::bits(&key)])
}

// covers: T-23, ALG-1, R6960-5.1.2-C1
#[test]
fn rsa_keys_outside_the_bounds_are_refused_unseen() {
    let world = world();
    let key = Key::cached(KeyAlg::Rsa2048, "rsa-delegate");
    let signer = |bits| {
        let mut cert = CertBuilder::new(&[("CN", "RSA")], &key)
            .validity(T0 - DAY, T0 + DAY)
            .spki_der(&rsa_spki(bits))
            .ocsp_signing()
            .ocsp_nocheck()
            .issued_by(&world.ca_a);
        cert.key = key.clone();
        cert
    };
    for (bits, expected) in [
        (1024, "algorithm-not-allowed"),
        (2047, "algorithm-not-allowed"),
        (8193, "algorithm-not-allowed"),
        (16_384, "algorithm-not-allowed"),
        // Allowed, and not the key that signed.
        (2048, "bad-signature"),
        (8192, "bad-signature"),
    ] {
        let reply = signed_by(&world, &signer(bits)).by_name();
        let response = reply.build();
        let outcome = ask(&world, &response, &Profile::RFC9919);
        assert_eq!(word(&outcome), expected, "{bits} bits");
    }
}
