//! Every bound of time, from one second before it turns to one second behind.

use super::{Case, Class, DAY, Table, about, delegate, single};
use crate::pki::{CertBuilder, T0, World};
use crate::reply::Reply;

const RULE: &str =
    "RFC 6960 4.2.2.1; RFC 9919 5; the sources of the programs named by the profiles";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Seconds, world);
    start_and_end(&mut table);
    without_next_update(&mut table);
    long_window(&mut table);
    produced_at(&mut table);
    delegate_dates(&mut table);
    table.cases
}

/// `plus-300` or `minus-300`.
fn offset(seconds: i64) -> String {
    let sign = if seconds < 0 { "minus" } else { "plus" };
    format!("{sign}-{}", seconds.unsigned_abs())
}

/// Adds a case for each clock reading, relative to `origin`.
fn clocks(
    table: &mut Table<'_>,
    what: &str,
    reply: &Reply,
    origin: i64,
    rows: &[(i64, &str, &str)],
) {
    let response = reply.build();
    for (seconds, expected, why) in rows {
        let name = format!("{what}-{}", offset(*seconds));
        let case = table.add(&name, expected, &response, why, RULE);
        *case = case.clone().at(origin + seconds);
    }
}

fn start_and_end(table: &mut Table<'_>) {
    let world = table.world;
    let (start, end) = (T0, T0 + 6 * DAY);
    let entry = single(world).this_update(start).next_update(end);
    // Signed two days before, so that producedAt turns nothing.
    let reply = Reply::delegated(&world.d_a, start - 2 * DAY).single(&entry);
    let early = [
        (
            -86_401,
            "NNNNNN",
            "a second more than a day before thisUpdate",
        ),
        (
            -86_400,
            "NNNNGN",
            "a day before thisUpdate: Firefox's tolerance",
        ),
        (-901, "NNNNGN", "15 minutes and a second before thisUpdate"),
        (
            -900,
            "NNNGGN",
            "15 minutes before thisUpdate: OpenJDK's tolerance",
        ),
        (-301, "NNNGGN", "5 minutes and a second before thisUpdate"),
        (
            -300,
            "NGGGGN",
            "5 minutes before thisUpdate: OpenSSL's tolerance, and the usual one",
        ),
        (-1, "NGGGGN", "a second before thisUpdate"),
        (0, "G", "the second of thisUpdate"),
    ];
    clocks(table, "this-update", &reply, start, &early);
    let late = [
        (-1, "G", "a second before nextUpdate"),
        (
            0,
            "GGGGGN",
            "the second of nextUpdate: it counts, except for BoringSSL",
        ),
        (1, "NGGGGN", "a second after nextUpdate"),
        (
            299,
            "NGGGGN",
            "a second less than 5 minutes after nextUpdate",
        ),
        (
            300,
            "NGNGGN",
            "5 minutes after nextUpdate: OpenSSL's comparison counts equal as earlier",
        ),
        (301, "NNNGGN", "5 minutes and a second after nextUpdate"),
        (900, "NNNGGN", "15 minutes after nextUpdate"),
        (901, "NNNNGN", "15 minutes and a second after nextUpdate"),
        (86_400, "NNNNGN", "a day after nextUpdate"),
        (86_401, "N", "a second more than a day after nextUpdate"),
    ];
    clocks(table, "next-update", &reply, end, &late);
}

fn without_next_update(table: &mut Table<'_>) {
    let world = table.world;
    let entry = single(world).this_update(T0).no_next_update();
    let reply = Reply::delegated(&world.d_a, T0 - 2 * DAY).single(&entry);
    let rows = [
        (0, "NNGGGG", "no nextUpdate, the second of thisUpdate"),
        (
            900,
            "NNGGGG",
            "OpenJDK takes thisUpdate for nextUpdate and adds 15 minutes",
        ),
        (901, "NNGNGG", "a second later"),
        (
            172_800,
            "NNGNGG",
            "Firefox gives it a day, and its tolerance of a day",
        ),
        (172_801, "NNGNNG", "a second later"),
        (7 * DAY, "NNGNNG", "Chromium's largest age is seven days"),
        (7 * DAY + 1, "NNGNNN", "a second later; OpenSSL sets no end"),
    ];
    clocks(table, "no-next-update", &reply, T0, &rows);
}

fn long_window(table: &mut Table<'_>) {
    let world = table.world;
    let entry = single(world).this_update(T0).next_update(T0 + 30 * DAY);
    let reply = Reply::delegated(&world.d_a, T0 - 2 * DAY).single(&entry);
    let rows = [
        (7 * DAY, "G", "seven days old: Chromium's largest age"),
        (7 * DAY + 1, "GGGGGN", "a second later"),
        (
            10 * DAY,
            "GGGGGN",
            "ten days old: the largest age of the strict profile",
        ),
        (10 * DAY + 1, "NGGGGN", "a second later"),
        (
            11 * DAY,
            "NGGGGN",
            "Firefox ends a response after ten days and adds its tolerance of a day",
        ),
        (11 * DAY + 1, "NGGGNN", "a second later"),
    ];
    clocks(table, "age", &reply, T0, &rows);
}

fn produced_at(table: &mut Table<'_>) {
    let world = table.world;
    let citation = "RFC 6960 2.4; BoringSSL pki/ocsp.cc CheckOCSP";
    let begin = world.ee_good.not_before;
    let rows = [
        ("produced-now", "G", T0, "producedAt is now"),
        (
            "produced-plus-1",
            "NGGGGG",
            T0 + 1,
            "producedAt a second ahead: no tolerance under strict",
        ),
        (
            "produced-plus-300",
            "NGGGGG",
            T0 + 300,
            "producedAt 5 minutes ahead: the tolerance of rfc9919",
        ),
        (
            "produced-plus-301",
            "NNGGGG",
            T0 + 301,
            "producedAt 5 minutes and a second ahead",
        ),
        (
            "produced-at-not-before",
            "G",
            begin,
            "producedAt is the first second of the certificate",
        ),
        (
            "produced-before-not-before",
            "NGGGGN",
            begin - 1,
            "producedAt a second before the certificate's notBefore",
        ),
    ];
    for (name, expected, at, why) in rows {
        let reply = Reply::delegated(&world.d_a, at).single(&single(world));
        table.add(name, expected, &reply.build(), why, citation);
    }
    let leaf = CertBuilder::new(&[("CN", "EE-ended")], &world.ee_good.key)
        .serial(&[0x31])
        .validity(T0 - 30 * DAY, T0 - DAY)
        .issued_by(&world.ca_a);
    let entry = about(&world.ca_a, &leaf.serial);
    for (name, expected, at, why) in [
        (
            "produced-at-not-after",
            "G",
            T0 - DAY,
            "producedAt is the last second of the certificate",
        ),
        (
            "produced-after-not-after",
            "NGGGGN",
            T0 - DAY + 1,
            "producedAt a second after the certificate's notAfter",
        ),
    ] {
        let reply = Reply::delegated(&world.d_a, at).single(&entry);
        let case = table.add(name, expected, &reply.build(), why, citation);
        *case = case.clone().about(&leaf, &world.ca_a);
    }
}

fn delegate_dates(table: &mut Table<'_>) {
    let world = table.world;
    let rows = [
        (
            "delegate-from-now",
            "G",
            0,
            DAY,
            "now is the first second of the delegate's certificate",
        ),
        (
            "delegate-from-next-second",
            "T",
            1,
            DAY,
            "the delegate's certificate begins in a second",
        ),
        (
            "delegate-until-now",
            "G",
            -DAY,
            0,
            "now is the last second of the delegate's certificate",
        ),
        (
            "delegate-until-last-second",
            "T",
            -DAY,
            -1,
            "the delegate's certificate ended a second ago",
        ),
    ];
    for (name, expected, from, to, why) in rows {
        let signer = delegate("dated")
            .validity(T0 + from, T0 + to)
            .issued_by(&world.ca_a);
        let reply = Reply::delegated(&signer, T0 - 3600).single(&single(world));
        table.add(
            name,
            expected,
            &reply.build(),
            why,
            "RFC 6960 3.2 (4); RFC 5280 4.1.2.5",
        );
    }
}
