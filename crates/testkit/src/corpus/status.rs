//! Class 6: good is what says so, and nothing else.

use super::{Case, Class, DAY, Table, about, delegated, good, single};
use crate::der;
use crate::pki::{T0, World};
use crate::reply::{self, Reply, Status};

const ERROR: &str = "RFC 6960 2.3, 4.2.1";
const SYNTAX: &str = "RFC 6960 4.2.1";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Status, world);
    table.add(
        "control",
        "G",
        &good(world).build(),
        "a good answer",
        SYNTAX,
    );
    errors(&mut table);
    no_response(&mut table);
    statuses(&mut table);
    extensions(&mut table);
    table.cases
}

fn errors(table: &mut Table<'_>) {
    let unsigned = "an unsigned error says nothing about the certificate (CVE-2024-8096)";
    for (name, status) in [
        ("malformed-request", 1),
        ("internal-error", 2),
        ("try-later", 3),
        ("sig-required", 5),
        ("unauthorized", 6),
    ] {
        table.add(name, "E", &reply::error(status), unsigned, ERROR);
    }
    let number = "no such responseStatus";
    for (name, status) in [("status-4", 4), ("status-7", 7), ("status-255", 255)] {
        table.add(name, "M", &reply::error(status), number, ERROR);
    }
    let world = table.world;
    let both = good(world).response_status(6).build();
    table.add(
        "unauthorized-with-good",
        "M",
        &both,
        "an error with the bytes of a good answer behind it",
        ERROR,
    );
    let both = good(world).response_status(3).build();
    table.add(
        "try-later-with-good",
        "M",
        &both,
        "an error with the bytes of a good answer behind it",
        ERROR,
    );
    table.add(
        "successful-without-bytes",
        "M",
        &reply::error(0),
        "successful, and nothing behind it",
        ERROR,
    );
}

fn no_response(table: &mut Table<'_>) {
    let right = good(table.world).build();
    let half = &right[..right.len() / 2];
    let trailing = good(table.world).trailing(&[0]).build();
    let none = Reply::delegated(&table.world.d_a, T0 - 3600);
    let other_type = good(table.world).response_type("1.2.3");
    table.add("empty-body", "M", &[], "no octet at all", SYNTAX);
    table.add(
        "html-body",
        "M",
        b"<html><body>OK</body></html>",
        "what a captive portal sends",
        SYNTAX,
    );
    table.add(
        "cut-body",
        "M",
        half,
        "the first half of a good answer",
        SYNTAX,
    );
    table.add(
        "trailing-octet",
        "M",
        &trailing,
        "an octet behind the end of a good answer",
        SYNTAX,
    );
    table.add(
        "no-entry",
        "M",
        &none.build(),
        "signed and empty: it speaks about nobody",
        SYNTAX,
    );
    let why = "another responseType is no status";
    table.add("other-response-type", "E", &other_type.build(), why, SYNTAX);
}

fn statuses(table: &mut Table<'_>) {
    let world = table.world;
    let at = T0 - DAY;
    let raw = |tag: u8, content: &[u8]| Status::Raw(der::tlv(tag, content));
    let reason_7 = Status::Revoked(at, Some(7));
    let no_time = raw(0xA1, &[]);
    let rows = [
        ("unknown", "U", Status::Unknown, "unknown is not good"),
        (
            "revoked",
            "R",
            Status::Revoked(at, None),
            "revoked without a reason",
        ),
        (
            "revoked-compromise",
            "R",
            Status::Revoked(at, Some(1)),
            "revoked, keyCompromise",
        ),
        (
            "revoked-hold",
            "R",
            Status::Revoked(at, Some(6)),
            "on hold is revoked as long as it lasts",
        ),
        (
            "revoked-remove",
            "R",
            Status::Revoked(at, Some(8)),
            "removeFromCRL belongs to delta CRLs; the status is revoked",
        ),
        (
            "revoked-from-tomorrow",
            "R",
            Status::Revoked(T0 + DAY, Some(1)),
            "a revocationTime ahead does not make it good",
        ),
        (
            "revoked-in-1970",
            "R",
            Status::Revoked(0, None),
            "what responders say of certificates never issued (RFC 6960 2.2)",
        ),
        ("revoked-reason-7", "M", reason_7, "CRLReason has no 7"),
        (
            "revoked-without-time",
            "M",
            no_time,
            "RevokedInfo without its time",
        ),
        ("status-tag-3", "M", raw(0x83, &[]), "CertStatus has no [3]"),
        (
            "good-with-content",
            "M",
            raw(0x80, &[0]),
            "good is NULL and has no content",
        ),
        ("good-constructed", "M", raw(0xA0, &[]), "good is primitive"),
    ];
    for (name, expected, status, why) in rows {
        let reply = delegated(world, &[&single(world).status(status)]);
        table.add(name, expected, &reply.build(), why, "RFC 6960 2.2, 4.2.1");
    }
}

fn extensions(table: &mut Table<'_>) {
    let world = table.world;
    let odd = |critical: bool| single(world).extension("1.2.3.4", critical, &der::null());
    let neighbour =
        about(&world.ca_a, &world.ee_rev.serial).extension("1.2.3.4", true, &der::null());
    let response = |critical: bool| good(world).extension("1.2.3.4", critical, &der::null());
    let extended = good(world).extension("1.3.6.1.5.5.7.48.1.9", false, &der::null());
    let rows = [
        (
            "critical-response",
            "T",
            response(true),
            "an unknown critical responseExtension",
        ),
        (
            "critical-single",
            "T",
            delegated(world, &[&odd(true)]),
            "an unknown critical singleExtension",
        ),
        (
            "ignored-response",
            "G",
            response(false),
            "an unknown responseExtension that is not critical",
        ),
        (
            "ignored-single",
            "G",
            delegated(world, &[&odd(false)]),
            "an unknown singleExtension that is not critical",
        ),
        (
            "critical-neighbour",
            "G",
            delegated(world, &[&single(world), &neighbour]),
            "the critical one is in the entry of another certificate",
        ),
        (
            "extended-revoke",
            "G",
            extended,
            "extended-revoke changes no status that is there",
        ),
    ];
    for (name, expected, reply, why) in rows {
        table.add(
            name,
            expected,
            &reply.build(),
            why,
            "RFC 6960 4.4, RFC 5280 4.2",
        );
    }
}
