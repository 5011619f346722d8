//! Class 1: the response speaks about something else than the certificate.

use super::{Case, Class, Table, delegated, good, single};
use crate::ask::{self, HashAlg, Params};
use crate::pki::{CertBuilder, World};

const RULE: &str = "RFC 6960 3.2 (1)";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Binding, world);
    table.add(
        "control",
        "G",
        &good(world).build(),
        "all three fields of the CertID are those of the certificate",
        RULE,
    );
    let serial = &world.ee_good.serial;
    let hash = HashAlg::Sha1;
    let null = Params::Null;
    let identifier = hash.identifier(&null);
    let name = hash.digest(&world.ca_a.subject);
    let key = hash.digest(&world.ca_a.key.public_bits());
    let of = |issuer, serial: &[u8]| ask::cert_id(hash, &null, issuer, serial);
    let from = |name: &[u8], key: &[u8]| ask::cert_id_from(&identifier, name, key, serial);
    let sha256 = HashAlg::Sha256.identifier(&null);
    let sha256_name = HashAlg::Sha256.digest(&world.ca_a.subject);
    let rows = [
        (
            "other-serial",
            of(&world.ca_a, &world.ee_hold.serial),
            "another certificate of the same CA",
        ),
        (
            "serial-off-by-one",
            of(&world.ca_a, &off_by_one(serial)),
            "the next serial number",
        ),
        (
            "serial-prefix",
            of(&world.ca_a, &serial[..15]),
            "a serial number that begins like ours",
        ),
        (
            "serial-sign-octet",
            of(&world.ca_a, &[&[0xFF], &serial[..]].concat()),
            "the same octets behind a sign: a negative number",
        ),
        (
            "other-key-same-name",
            of(&world.ca_a2, serial),
            "a CA of the same name with another key",
        ),
        (
            "other-ca",
            of(&world.ca_b, serial),
            "the same serial number at another CA",
        ),
        (
            "name-hash-wrong",
            from(&[7; 20], &key),
            "issuerNameHash of nobody",
        ),
        (
            "key-hash-wrong",
            from(&name, &[7; 20]),
            "issuerKeyHash of nobody",
        ),
        (
            "name-hash-cut",
            from(&name[..19], &key),
            "issuerNameHash without its last octet",
        ),
        (
            "name-hash-empty",
            from(&[], &key),
            "an empty issuerNameHash equals nothing",
        ),
        (
            "key-hash-empty",
            from(&name, &[]),
            "an empty issuerKeyHash equals nothing",
        ),
        (
            "key-hash-over-spki",
            from(&name, &hash.digest(&world.ca_a.key.spki())),
            "issuerKeyHash over the whole SubjectPublicKeyInfo instead of the key's bits",
        ),
        (
            "hashes-swapped",
            from(&key, &name),
            "the two hashes in each other's place",
        ),
        (
            "other-hash-algorithm",
            ask::cert_id_from(&sha256, &name, &key, serial),
            "SHA-1 hashes that claim to be SHA-256",
        ),
        (
            "mixed-hashes",
            ask::cert_id_from(&sha256, &sha256_name, &key, serial),
            "one hash by SHA-256, the other by SHA-1",
        ),
    ];
    for (name, cert_id, why) in rows {
        let reply = delegated(world, &[&single(world).cert_id(&cert_id)]);
        table.add(name, "T", &reply.build(), why, RULE);
    }
    namesake(&mut table);
    table.cases
}

fn off_by_one(serial: &[u8]) -> Vec<u8> {
    let mut next = serial.to_vec();
    if let Some(last) = next.last_mut() {
        *last ^= 1;
    }
    next
}

/// The certificate itself is of another CA with the same name and the same serial number.
fn namesake(table: &mut Table<'_>) {
    let world = table.world;
    let twin = CertBuilder::new(&[("CN", "EE-twin")], &world.ee_good.key)
        .serial(&world.ee_good.serial)
        .issued_by(&world.ca_a2);
    let why = "the certificate is of CA-A's namesake and has the same serial number; the response is CA-A's";
    let response = good(table.world).build();
    let case = table.add(
        "namesake-certificate",
        "T",
        &response,
        why,
        "RFC 6960 3.2 (1), 4.1.1",
    );
    *case = case.clone().about(&twin, &world.ca_a2);
    let embedded = good(table.world).cert(&world.ee_good.der).build();
    table.add(
        "leaf-embedded",
        "G",
        &embedded,
        "an embedded certificate binds nothing and hinders nothing",
        "RFC 6960 4.2.2.3",
    );
}
