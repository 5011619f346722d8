//! Every algorithm that counts, and those that do not.

use certvouch_crypto::{AWS_LC, Digest, Digester, Provider, SignatureAlgorithm};
use certvouch_testkit::der;
use certvouch_testkit::pki::{KeyAlg, SigAlg, T0, World};
use certvouch_testkit::reply::{Reply, Single};
use certvouch_types::HashAlgorithm;
use certvouch_verify::{Profile, Query, QueryBuilder, danger};

use crate::fixture::*;

fn verdict(world: &World, reply: &Reply) -> &'static str {
    let response = reply.build();
    word(&query(world).verify(&response, now(), &Profile::STRICT))
}

// covers: ALG-1, R6960-4.3-C1, R8410-3-1, R9881-2-1, R5758-3.2-1, D-36, R6960-5.1.1-C1
#[test]
fn every_key_and_algorithm_that_counts_verifies() {
    for alg in [
        KeyAlg::Rsa2048,
        KeyAlg::P256,
        KeyAlg::P384,
        KeyAlg::P521,
        KeyAlg::Ed25519,
        KeyAlg::MlDsa44,
        KeyAlg::MlDsa65,
        KeyAlg::MlDsa87,
    ] {
        let world = World::new(alg);
        for sig_alg in alg.sig_algs() {
            let reply = good(&world).sig_alg(*sig_alg);
            assert_eq!(verdict(&world, &reply), "GOOD", "{alg:?} {sig_alg:?}");
            let broken = reply.bad_signature();
            assert_eq!(verdict(&world, &broken), "bad-signature", "{sig_alg:?}");
        }
    }
}

// covers: R9881-2-1, R8410-3-1
#[test]
fn signature_of_the_wrong_size_is_bad() {
    for alg in [KeyAlg::Ed25519, KeyAlg::MlDsa44] {
        let world = World::new(alg);
        for length in [0, 1, 63, 65, 2419, 2421] {
            let reply = good(&world).signature(&vec![0x42; length]);
            assert_eq!(verdict(&world, &reply), "bad-signature", "{alg:?} {length}");
        }
    }
}

// covers: R4055-5-1
#[test]
fn rsa_identifier_without_null_verifies() {
    let world = World::new(KeyAlg::Rsa2048);
    let absent = der::seq(&[&der::oid("1.2.840.113549.1.1.11")]);
    let reply = good(&world)
        .sig_alg(SigAlg::RsaSha256)
        .algorithm_der(&absent);
    assert_eq!(verdict(&world, &reply), "GOOD");
}

// covers: D-17, R6960-4.3-C2, R3279-2.2-1
#[test]
fn sha1_signature_counts_by_danger_alone() {
    let world = World::new(KeyAlg::Rsa2048);
    let sha1 = SignatureAlgorithm::RsaPkcs1Sha1.identifier();
    let reply = good(&world).algorithm_der(sha1);
    let response = reply.build();
    for profile in Profile::ALL {
        let outcome = ask(&world, &response, &profile);
        assert_eq!(word(&outcome), "algorithm-not-allowed");
    }
    // Let in it is tried; this signature is one with SHA-256. The vectors have real ones.
    let lax = danger::allow_sha1_signatures(Profile::RFC9919);
    assert_eq!(word(&ask(&world, &response, &lax)), "bad-signature");
}

// covers: R5758-3.2-1, R9881-8.3-1, R8017-A.2.3-1
#[test]
fn algorithm_outside_the_table_is_refused() {
    let world = world();
    let md5 = der::seq(&[&der::oid("1.2.840.113549.1.1.4"), &der::null()]);
    let dsa = der::seq(&[&der::oid("1.2.840.10040.4.3")]);
    let hash_ml_dsa = der::seq(&[&der::oid("2.16.840.1.101.3.4.3.32")]);
    let ecdsa_null = der::seq(&[&der::oid("1.2.840.10045.4.3.2"), &der::null()]);
    let pss_empty = der::seq(&[&der::oid("1.2.840.113549.1.1.10"), &der::seq(&[])]);
    let other_kind = SigAlg::RsaSha256.identifier();
    for identifier in [md5, dsa, hash_ml_dsa, ecdsa_null, pss_empty, other_kind] {
        let reply = good(&world).algorithm_der(&identifier);
        assert_eq!(say(&world, &reply), "algorithm-not-allowed");
    }
}

#[derive(Debug)]
struct Aws;

impl Digester for Aws {
    fn digest(&self, algorithm: HashAlgorithm, data: &[u8]) -> Digest {
        AWS_LC.digest(algorithm, data)
    }
}

#[test]
fn provider_of_the_caller_is_the_one_that_is_asked() {
    let world = world();
    // A table without a row verifies nothing, not even the certificate.
    static EMPTY: Provider = Provider::new(&Aws, &[]);
    let refused = QueryBuilder::new(EMPTY).certificate(&world.ee_good.der, &world.ca_a.der);
    assert!(refused.is_err());
    let serial = certvouch_types::SerialNumber::from_content(&world.ee_good.serial);
    let query = QueryBuilder::new(EMPTY)
        .serial_number(serial, &world.ca_a.der)
        .unwrap();
    let response = good(&world).build();
    let outcome = query.verify(&response, now(), &Profile::RFC9919);
    assert_eq!(word(&outcome), "signer-algorithm-not-allowed");
}

#[test]
fn large_ml_dsa_answers_of_delegates_are_read() {
    let world = World::new(KeyAlg::MlDsa87);
    let single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
    let response = Reply::delegated(&world.d_a, T0).single(&single).build();
    assert!(response.len() > 10_000);
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap();
    let outcome = query.verify(&response, now(), &Profile::RFC9919);
    assert_eq!(word(&outcome), "GOOD");
}
