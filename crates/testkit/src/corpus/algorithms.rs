//! Kinds of keys and signatures: what must verify, and what must not even be tried.

use super::{Case, Class, Table, good};
use crate::der;
use crate::pki::{Key, KeyAlg, SigAlg, World};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Algorithms, world);
    for alg in KeyAlg::ALL {
        let own = World::new(alg);
        for sig_alg in alg.sig_algs() {
            let name = format!("{}-{}", key_name(alg), sig_name(*sig_alg));
            let right = good(&own).sig_alg(*sig_alg);
            let citation = "RFC 6960 4.3; RFC 8017, RFC 5758, RFC 8410, RFC 9881";
            let why = "a signature that counts";
            let case = table.add(&name, "G", &right.build(), why, citation);
            *case = case.clone().about(&own.ee_good, &own.ca_a);
            let why = "the same with a bit flipped";
            let name = format!("{name}-flipped");
            let case = table.add(&name, "T", &right.bad_signature().build(), why, citation);
            *case = case.clone().about(&own.ee_good, &own.ca_a);
        }
    }
    identifiers(&mut table);
    rsa(&mut table);
    sizes(&mut table);
    table.cases
}

fn key_name(alg: KeyAlg) -> &'static str {
    match alg {
        KeyAlg::Rsa2048 => "rsa2048",
        KeyAlg::Rsa3072 => "rsa3072",
        KeyAlg::P256 => "p256",
        KeyAlg::P384 => "p384",
        KeyAlg::P521 => "p521",
        KeyAlg::Ed25519 | KeyAlg::MlDsa44 | KeyAlg::MlDsa65 | KeyAlg::MlDsa87 => "key",
    }
}

fn sig_name(sig_alg: SigAlg) -> &'static str {
    match sig_alg {
        SigAlg::RsaSha256 => "pkcs1-sha256",
        SigAlg::RsaSha384 => "pkcs1-sha384",
        SigAlg::RsaSha512 => "pkcs1-sha512",
        SigAlg::RsaPssSha256 => "pss-sha256",
        SigAlg::RsaPssSha384 => "pss-sha384",
        SigAlg::RsaPssSha512 => "pss-sha512",
        SigAlg::EcdsaSha256 => "sha256",
        SigAlg::EcdsaSha384 => "sha384",
        SigAlg::EcdsaSha512 => "sha512",
        SigAlg::Ed25519 => "ed25519",
        SigAlg::MlDsa44 => "ml-dsa-44",
        SigAlg::MlDsa65 => "ml-dsa-65",
        SigAlg::MlDsa87 => "ml-dsa-87",
    }
}

/// Algorithm identifiers that do not belong to the signature or the key.
fn identifiers(table: &mut Table<'_>) {
    let with_null = |oid: &str| der::seq(&[&der::oid(oid), &der::null()]);
    let bare = |oid: &str| der::seq(&[&der::oid(oid)]);
    let rows = [
        (
            "md5",
            with_null("1.2.840.113549.1.1.4"),
            "claims a signature with MD5",
            "CA/B BR 7.1.3.2",
        ),
        (
            "dsa-sha1",
            bare("1.2.840.10040.4.3"),
            "DSA with SHA-1",
            "CA/B BR 7.1.3.2",
        ),
        (
            "ecdsa-sha1",
            bare("1.2.840.10045.4.1"),
            "the signature is one with SHA-256 and claims SHA-1",
            "RFC 6960 5.1.2",
        ),
        (
            "ecdsa-null",
            with_null("1.2.840.10045.4.3.2"),
            "ECDSA with parameters, which must be absent",
            "RFC 5758 3.2",
        ),
        (
            "hash-ml-dsa",
            bare("2.16.840.1.101.3.4.3.32"),
            "HashML-DSA is not used in OCSP",
            "RFC 9881 8.3",
        ),
        (
            "rsa-on-ec",
            SigAlg::RsaSha256.identifier(),
            "an RSA identifier with an EC key",
            "RFC 6960 3.2 (2)",
        ),
        (
            "ed25519-on-ec",
            SigAlg::Ed25519.identifier(),
            "an Ed25519 identifier with an EC key",
            "RFC 6960 3.2 (2)",
        ),
        (
            "pss-defaults",
            der::seq(&[&der::oid("1.2.840.113549.1.1.10"), &der::seq(&[])]),
            "PSS with default parameters is PSS with SHA-1",
            "RFC 8017 A.2.3",
        ),
    ];
    for (name, identifier, why, citation) in rows {
        let reply = good(table.world).algorithm_der(&identifier);
        table.add(name, "T", &reply.build(), why, citation);
    }
}

/// RSA identifiers in their variants.
fn rsa(table: &mut Table<'_>) {
    let own = World::new(KeyAlg::Rsa2048);
    let absent = der::seq(&[&der::oid("1.2.840.113549.1.1.11")]);
    let sha1 = der::seq(&[&der::oid("1.2.840.113549.1.1.5"), &der::null()]);
    let pkcs1 = good(&own).sig_alg(SigAlg::RsaSha256);
    let pss = good(&own).sig_alg(SigAlg::RsaPssSha256);
    let rows = [
        (
            "rsa-absent-parameters",
            "G",
            pkcs1.clone().algorithm_der(&absent),
            "absent parameters are taken like NULL",
            "RFC 4055 5",
        ),
        (
            "rsa-sha1",
            "T",
            pkcs1.clone().algorithm_der(&sha1),
            "claims SHA-1, which no profile lets in",
            "RFC 6960 5.1.2",
        ),
        (
            "pss-as-pkcs1",
            "T",
            pss.clone().algorithm_der(&SigAlg::RsaSha256.identifier()),
            "a PSS signature that claims PKCS#1",
            "RFC 8017 8",
        ),
        (
            "pkcs1-as-pss",
            "T",
            pkcs1.algorithm_der(&SigAlg::RsaPssSha256.identifier()),
            "a PKCS#1 signature that claims PSS",
            "RFC 8017 8",
        ),
        (
            "pss-other-hash",
            "T",
            pss.algorithm_der(&SigAlg::RsaPssSha512.identifier()),
            "PSS with SHA-256 that claims SHA-512",
            "RFC 8017 9.1",
        ),
    ];
    for (name, expected, reply, why, citation) in rows {
        let case = table.add(name, expected, &reply.build(), why, citation);
        *case = case.clone().about(&own.ee_good, &own.ca_a);
    }
}

/// Signatures of a size that the algorithm does not have.
fn sizes(table: &mut Table<'_>) {
    for (label, alg, lengths) in [
        ("ed25519", KeyAlg::Ed25519, [0, 63, 65]),
        ("ml-dsa-44", KeyAlg::MlDsa44, [0, 2419, 2421]),
    ] {
        let own = World::new(alg);
        for length in lengths {
            let reply = good(&own).signature(&vec![0x42; length]);
            let why = format!("a signature of {length} octets");
            let name = format!("{label}-{length}-octets");
            let case = table.add(&name, "T", &reply.build(), &why, "RFC 8410 3, RFC 9881 2");
            *case = case.clone().about(&own.ee_good, &own.ca_a);
        }
    }
    // A signature that was good for another key of the same kind.
    let own = World::new(KeyAlg::Ed25519);
    let tbs = good(&own).tbs();
    let stranger = Key::cached(KeyAlg::Ed25519, "stranger").sign(SigAlg::Ed25519, &tbs);
    let reply = good(&own).signature(&stranger);
    let case = table.add(
        "ed25519-stranger",
        "T",
        &reply.build(),
        "the signature of another key",
        "RFC 6960 3.2 (2)",
    );
    *case = case.clone().about(&own.ee_good, &own.ca_a);
}
