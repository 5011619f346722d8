//! ML-DSA, which the OpenSSL of many systems does not know, is checked with the crypto library itself.

use certvouch_testkit::answer::{CertView, verify_signature};
use certvouch_testkit::pki::{CertBuilder, KeyAlg, World};

#[test]
fn certificates_of_every_kind_verify_under_their_own_ca_key_only() {
    for alg in KeyAlg::ALL {
        let world = World::new(alg);
        let check = |ca: &CertView, leaf: &CertView| {
            verify_signature(&leaf.algorithm, &ca.spki, &leaf.tbs, &leaf.signature)
        };
        let view = |der: &[u8]| CertView::parse(der).unwrap();
        let (ca, other) = (view(&world.ca_a.der), view(&world.ca_a2.der));
        for cert in [&world.ca_a, &world.d_a, &world.ee_good, &world.ee_exp] {
            check(&ca, &view(&cert.der)).unwrap();
            assert!(check(&other, &view(&cert.der)).is_err());
        }
        assert_eq!(ca.subject, other.subject);
        let spoilt = CertBuilder::new(&[("CN", "x")], &world.d_a.key).bad_signature();
        assert!(check(&ca, &view(&spoilt.issued_by(&world.ca_a).der)).is_err());
        let (leaf, exp) = (view(&world.ee_rev.der), &world.ee_exp);
        assert_eq!((leaf.serial.len(), leaf.serial[0]), (17, 0));
        assert!(exp.not_after < world.now && world.ee_good.not_after > world.now);
        assert_eq!(leaf.key_bits, world.ee_rev.key.public_bits());
        assert_eq!(
            (leaf.not_before, leaf.not_after),
            (world.ee_rev.not_before, world.ee_rev.not_after)
        );
    }
}

#[test]
fn ml_dsa_sizes_are_those_of_fips_204() {
    for (alg, signature, public) in [
        (KeyAlg::MlDsa44, 2420, 1312),
        (KeyAlg::MlDsa65, 3309, 1952),
        (KeyAlg::MlDsa87, 4627, 2592),
    ] {
        let cert = World::new(alg).d_a;
        assert_eq!(
            CertView::parse(&cert.der).unwrap().signature.len(),
            signature
        );
        assert_eq!(cert.key.public_bits().len(), public);
    }
}

#[test]
fn odd_ski_is_not_the_hash_of_the_key() {
    let world = World::new(KeyAlg::P256);
    let view = CertView::parse(&world.ca_ski.der).unwrap();
    let ski = view
        .extensions
        .iter()
        .find(|ext| ext.oid == "2.5.29.14")
        .unwrap();
    assert!(!ski.value.ends_with(&world.ca_ski.key_hash_sha1()));
    let usual = CertView::parse(&world.ca_a.der).unwrap();
    let ski = usual
        .extensions
        .iter()
        .find(|ext| ext.oid == "2.5.29.14")
        .unwrap();
    assert!(ski.value.ends_with(&world.ca_a.key_hash_sha1()));
}
