//! Class 7: what is out of date is not good. The bounds themselves are in `seconds.rs`.

use super::{Case, Class, DAY, Table, delegated, single};
use crate::pki::{T0, World};
use crate::reply::{Reply, Single, Status};

const RULE: &str = "RFC 6960 3.2 (5), (6), 4.2.2.1; RFC 9919 5";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Freshness, world);
    let ours = single(world);
    let window = |from: i64, to: i64| ours.clone().this_update(T0 + from).next_update(T0 + to);
    let old = window(-40 * DAY, -30 * DAY);
    let ahead = window(3 * DAY, 4 * DAY);
    let revoked = |reason| Status::Revoked(T0 - 50 * DAY, reason);
    let hour = ours.clone().no_next_update();
    let minutes = hour.clone().this_update(T0 - 600);
    let backwards = ours.clone().this_update(T0).next_update(T0 - 1);
    let final_one = "a revocation that nothing can undo outlives its nextUpdate";
    let no_end = "no nextUpdate: RFC 9919 rejects; OpenSSL, Firefox (a day) and Chromium (by age) do not; OpenJDK takes thisUpdate in its place";
    let long = "too long for those who bound age or lifetime to seven or ten days";
    let rows = [
        ("control", "G", ours.clone(), "an hour old, for four days"),
        (
            "old-good",
            "N",
            old.clone(),
            "nextUpdate a month ago (openssl#32367)",
        ),
        (
            "old-unknown",
            "N",
            old.clone().status(Status::Unknown),
            "nextUpdate a month ago",
        ),
        (
            "old-hold",
            "N",
            old.clone().status(revoked(Some(6))),
            "a hold may have been lifted since",
        ),
        (
            "old-revoked",
            "R",
            old.clone().status(revoked(None)),
            final_one,
        ),
        (
            "old-compromised",
            "R",
            old.status(revoked(Some(1))),
            final_one,
        ),
        ("ahead-good", "N", ahead.clone(), "thisUpdate in three days"),
        (
            "ahead-revoked",
            "N",
            ahead.status(revoked(Some(1))),
            "thisUpdate in three days: nobody can know that yet",
        ),
        (
            "year-old",
            "N",
            window(-400 * DAY, -2 * DAY),
            "nextUpdate two days ago, after more than a year",
        ),
        ("long-window", "NGGGNN", window(-30 * DAY, 30 * DAY), long),
        (
            "year-long-window",
            "NGGGNN",
            window(-300 * DAY, 60 * DAY),
            long,
        ),
        (
            "last-second-of-9999",
            "G",
            ours.clone().next_update(253_402_300_799),
            "nextUpdate is the last second that GeneralizedTime knows",
        ),
        (
            "one-second-window",
            "G",
            ours.clone().this_update(T0).next_update(T0 + 1),
            "a window of a second, and the clock stands at its start",
        ),
        (
            "backwards",
            "M",
            backwards.clone(),
            "nextUpdate before thisUpdate",
        ),
        (
            "backwards-revoked",
            "M",
            backwards.status(revoked(Some(1))),
            "nextUpdate before thisUpdate",
        ),
        ("no-end-minutes", "NNGGGG", minutes, no_end),
        ("no-end-hour", "NNGNGG", hour.clone(), no_end),
        (
            "no-end-month",
            "NNGNNN",
            hour.clone().this_update(T0 - 30 * DAY),
            no_end,
        ),
        (
            "no-end-revoked",
            "R",
            hour.status(revoked(Some(1))),
            final_one,
        ),
    ];
    for (name, expected, entry, why) in rows {
        let case = table.add(
            name,
            expected,
            &delegated(world, &[&entry]).build(),
            why,
            RULE,
        );
        if name == "one-second-window" {
            // Produced in time, too.
            let reply = Reply::delegated(&world.d_a, T0).single(&entry);
            *case = case.clone().answer(&reply.build());
        }
    }
    produced(&mut table, &ours);
    table.cases
}

/// producedAt, which few look at.
fn produced(table: &mut Table<'_>, ours: &Single) {
    let world = table.world;
    let rows = [
        (
            "produced-before-this-update",
            "G",
            T0 - 2 * DAY,
            "producedAt before thisUpdate, as in RFC 9919 B.5",
        ),
        (
            "produced-next-week",
            "NNGGGG",
            T0 + 7 * DAY,
            "producedAt in a week: the time of signing cannot lie ahead; few look at it",
        ),
        (
            "produced-last-year",
            "NGGGGN",
            T0 - 365 * DAY,
            "producedAt before the certificate was valid: BoringSSL refuses",
        ),
    ];
    for (name, expected, at, why) in rows {
        let reply = Reply::delegated(&world.d_a, at).single(ours);
        table.add(
            name,
            expected,
            &reply.build(),
            why,
            "RFC 6960 2.4; BoringSSL pki/ocsp.cc CheckOCSP",
        );
    }
}
