//! One response for each verdict and reason, and what has to be said about it.

use certvouch_testkit::der;
use certvouch_testkit::pki::{CertBuilder, KeyUsage, T0};
use certvouch_testkit::reply::{self, Reply, Single, Status};

use crate::desk::{DAY, Desk};

/// A response, its exit code, the first line (its start, if it ends in `…`), the stable code of the reason.
pub(crate) type Row = (Vec<u8>, i32, &'static str, &'static str);

/// All of them.
pub(crate) fn table(desk: &Desk) -> Vec<Row> {
    [believed(desk), doubted(desk), broken(desk)].concat()
}

/// GOOD, REVOKED and UNKNOWN.
fn believed(desk: &Desk) -> Vec<Row> {
    let world = &desk.world;
    let single = desk.single();
    let with = |single: &Single| desk.reply().single(single).build();
    let revoked = |reason| {
        single
            .clone()
            .status(Status::Revoked(world.revoked_at, reason))
    };
    let old = |single: Single| single.this_update(T0 - 5 * DAY).next_update(T0 - 3 * 3600);
    vec![
        (
            desk.good(),
            0,
            "GOOD (until 2026-01-13T23:00:00Z, delegated signer \"D-A\", nocheck)",
            "",
        ),
        (
            Reply::new(&world.ca_a, T0).single(&single).build(),
            0,
            "GOOD (until 2026-01-13T23:00:00Z, signed by the issuer)",
            "",
        ),
        (
            with(&revoked(Some(1))),
            1,
            "REVOKED (keyCompromise, 2026-01-02T03:04:05Z)",
            "revoked",
        ),
        (
            with(&revoked(None)),
            1,
            "REVOKED (unspecified, 2026-01-02T03:04:05Z)",
            "revoked",
        ),
        (
            with(&revoked(Some(6))),
            1,
            "REVOKED (certificateHold, 2026-01-02T03:04:05Z)",
            "on-hold",
        ),
        (
            with(&old(revoked(Some(1)))),
            1,
            "REVOKED (keyCompromise, 2026-01-02T03:04:05Z, stale: expired 3 h ago)",
            "revoked",
        ),
        (
            desk.reply()
                .single(&single)
                .single(&revoked(Some(4)))
                .build(),
            1,
            "REVOKED (superseded, 2026-01-02T03:04:05Z, another entry contradicts it)",
            "revoked",
        ),
        (
            with(&single.clone().status(Status::Unknown)),
            3,
            "UNKNOWN (responder answers for this issuer, not for serial 4A1B2C3D4E5F60718293A4B5C6D7E8F9)",
            "unknown",
        ),
    ]
}

/// NOT-CURRENT and NOT-TRUSTED.
fn doubted(desk: &Desk) -> Vec<Row> {
    let world = &desk.world;
    let single = desk.single();
    let with = |single: &Single| desk.reply().single(single).build();
    let revoked = |reason| {
        single
            .clone()
            .status(Status::Revoked(world.revoked_at, reason))
    };
    let old = |single: Single| single.this_update(T0 - 5 * DAY).next_update(T0 - 3 * 3600);
    let plain = CertBuilder::new(&[("CN", "good responder")], &world.d_a.key)
        .validity(T0 - DAY, T0 + DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .issued_by(&world.ca_a);
    vec![
        (
            with(&old(single.clone())),
            4,
            "NOT-CURRENT (expired 3 h ago)",
            "expired",
        ),
        (
            with(&old(revoked(Some(6)))),
            4,
            "NOT-CURRENT (expired 3 h ago)",
            "expired",
        ),
        (
            with(&single.clone().this_update(T0 + 400)),
            4,
            "NOT-CURRENT (not yet valid: thisUpdate is 6 min ahead of this clock)",
            "not-yet-valid",
        ),
        (
            with(&single.clone().no_next_update()),
            4,
            "NOT-CURRENT (no nextUpdate)",
            "no-next-update",
        ),
        (
            desk.reply().single(&single).bad_signature().build(),
            5,
            "NOT-TRUSTED (bad signature)",
            "bad-signature",
        ),
        (
            Reply::new(&plain, T0)
                .cert(&plain.der)
                .single(&single)
                .build(),
            5,
            "NOT-TRUSTED (unauthorised responder: id-kp-OCSPSigning missing in the signer certificate)",
            "signer-purpose-missing",
        ),
        (
            Reply::delegated(&world.d_b, T0).single(&single).build(),
            5,
            "NOT-TRUSTED (unauthorised responder: …",
            "signer-not-issued-by-ca",
        ),
        (
            with(&Single::about(&world.ca_a, &world.ee_hold.serial, T0)),
            5,
            "NOT-TRUSTED (wrong certificate: response is for serial 0A0B, asked for 4A1B2C3D4E5F60718293A4B5C6D7E8F9)",
            "wrong-certificate",
        ),
        (
            with(&single.clone().extension("1.2.3.4", true, &[5, 0])),
            5,
            "NOT-TRUSTED (unknown critical extension in the entry for the certificate)",
            "critical-extension",
        ),
        (
            desk.reply()
                .single(&single)
                .algorithm_der(&ecdsa_sha1())
                .build(),
            5,
            "NOT-TRUSTED (signature with SHA-1)",
            "algorithm-not-allowed",
        ),
    ]
}

/// MALFORMED and RESPONDER-ERROR.
fn broken(desk: &Desk) -> Vec<Row> {
    let single = desk.single();
    let with = |single: &Single| desk.reply().single(single).build();
    vec![
        (
            desk.reply().build(),
            6,
            "MALFORMED (the response answers nothing: its list is empty)",
            "empty-responses",
        ),
        (
            b"<html>good</html>".to_vec(),
            6,
            "MALFORMED (no OCSP response: OCSPResponse at offset 0: …",
            "malformed",
        ),
        (vec![], 6, "MALFORMED (no OCSP response: …", "malformed"),
        (
            desk.good()[..400].to_vec(),
            6,
            "MALFORMED (no OCSP response: …",
            "malformed",
        ),
        (
            with(&single.clone().next_update(T0 - 2 * DAY)),
            6,
            "MALFORMED (nextUpdate 2026-01-08T00:00:00Z lies before thisUpdate 2026-01-09T23:00:00Z)",
            "negative-validity",
        ),
        (
            reply::error(1),
            7,
            "RESPONDER-ERROR (malformedRequest)",
            "malformed-request",
        ),
        (
            reply::error(2),
            7,
            "RESPONDER-ERROR (internalError)",
            "internal-error",
        ),
        (
            reply::error(3),
            7,
            "RESPONDER-ERROR (tryLater)",
            "try-later",
        ),
        (
            reply::error(5),
            7,
            "RESPONDER-ERROR (sigRequired)",
            "sig-required",
        ),
        (
            reply::error(6),
            7,
            "RESPONDER-ERROR (unauthorized)",
            "unauthorized",
        ),
        (
            desk.reply().single(&single).response_type("1.2.3").build(),
            7,
            "RESPONDER-ERROR (response of an unknown type)",
            "unknown-response-type",
        ),
    ]
}

/// ecdsa-with-SHA1.
pub(crate) fn ecdsa_sha1() -> Vec<u8> {
    der::seq(&[&der::oid("1.2.840.10045.4.1")])
}
