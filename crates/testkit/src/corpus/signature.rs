//! Class 5: the signature has to be that of the signer over the octets that were sent.

use super::{Case, Class, Table, delegated, good, single};
use crate::der;
use crate::pki::{SigAlg, T0, World};
use crate::reply::{Reply, Status};

const RULE: &str = "RFC 6960 3.2 (2)";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Signature, world);
    let right = good(world);
    let by_ca = Reply::new(&world.ca_a, T0 - 3600).single(&single(world));
    table.add(
        "control-delegate",
        "G",
        &right.build(),
        "signed by the delegate",
        RULE,
    );
    table.add(
        "control-issuer",
        "G",
        &by_ca.build(),
        "signed by the issuer",
        RULE,
    );
    let revoked = delegated(
        world,
        &[&single(world).status(Status::Revoked(T0 - 3600, None))],
    );
    let unknown = delegated(world, &[&single(world).status(Status::Unknown)]);
    let ours = right.tbs();
    let hash = crate::ask::HashAlg::Sha256.digest(&ours);
    let zeros = der::seq(&[&der::int_bytes(&[0]), &der::int_bytes(&[0])]);
    let ones = der::seq(&[&der::int_bytes(&[1]), &der::int_bytes(&[1])]);
    let other_key = right
        .clone()
        .keyed(&world.d_a.key_hash_sha1())
        .signed_by(&world.d_b);
    let rows = [
        (
            "flipped-delegate",
            right.clone().bad_signature(),
            "a bit of the signature is flipped",
        ),
        (
            "flipped-issuer",
            by_ca.clone().bad_signature(),
            "a bit of the issuer's signature is flipped",
        ),
        ("empty", right.clone().signature(&[]), "no signature at all"),
        (
            "empty-sequence",
            right.clone().signature(&[0x30, 0x00]),
            "an ECDSA signature without its numbers",
        ),
        ("zero-octets", right.clone().signature(&[0; 64]), "64 zeros"),
        (
            "zero-numbers",
            right.clone().signature(&zeros),
            "r = s = 0, which no verification may pass",
        ),
        ("one-numbers", right.clone().signature(&ones), "r = s = 1"),
        (
            "of-revoked",
            right.clone().signed_over(&revoked.tbs()),
            "the signature of a revoked answer under a good one",
        ),
        (
            "of-unknown",
            right.clone().signed_over(&unknown.tbs()),
            "the signature of an unknown answer under a good one",
        ),
        (
            "over-nothing",
            right.clone().signed_over(b""),
            "signed over no octets",
        ),
        (
            "over-less",
            right.clone().signed_over(&ours[..ours.len() - 1]),
            "the last octet is not covered",
        ),
        (
            "over-digest",
            right.clone().signed_over(&hash),
            "hashed twice",
        ),
        (
            "over-content",
            right.clone().signed_over(&ours[4..]),
            "signed without tag and length of the ResponseData",
        ),
        ("other-key", other_key, "names D-A, signed with D-B's key"),
        (
            "namesake-key",
            by_ca.signed_by(&world.ca_a2),
            "names CA-A, signed with the key of its namesake",
        ),
        (
            "other-hash",
            right.algorithm_der(&SigAlg::EcdsaSha384.identifier()),
            "the signature is one with SHA-256 and claims SHA-384",
        ),
    ];
    for (name, reply, why) in rows {
        table.add(name, "T", &reply.build(), why, RULE);
    }
    let revoked = revoked.bad_signature().build();
    table.add(
        "flipped-revoked",
        "T",
        &revoked,
        "nobody is revoked by a wrong signature either",
        RULE,
    );
    table.cases
}
