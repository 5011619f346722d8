//! Class 2: several records, of which the one that matches must be the one that is read.

use super::{Case, Class, DAY, Table, about, delegated, single};
use crate::pki::{T0, World};
use crate::reply::{Single, Status};

const RULE: &str = "RFC 6960 3.2 (1), 4.2.2.3";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Record, world);
    let revoked = Status::Revoked(T0 - DAY, Some(1));
    let ours = single(world);
    let our_revoked = ours.clone().status(revoked.clone());
    let our_unknown = ours.clone().status(Status::Unknown);
    let other = about(&world.ca_a, &world.ee_rev.serial);
    let third = about(&world.ca_a, &world.ee_hold.serial);
    let other_revoked = other.clone().status(revoked);
    let other_unknown = other.clone().status(Status::Unknown);
    let old = |single: &Single| {
        single
            .clone()
            .this_update(T0 - 20 * DAY)
            .next_update(T0 - 10 * DAY)
    };
    let (our_old, other_old) = (old(&ours), old(&other));
    let times = "OpenJDK minds the times of every entry, and so does the strict profile";
    let rows: [(&str, &str, Vec<&Single>, &str); 13] = [
        (
            "ours-second-revoked",
            "R",
            vec![&other, &our_revoked],
            "the first entry is good and another's",
        ),
        (
            "ours-first-revoked",
            "R",
            vec![&our_revoked, &other],
            "the last entry is good and another's",
        ),
        (
            "ours-third-revoked",
            "R",
            vec![&other, &third, &our_revoked],
            "two good entries of others stand before ours",
        ),
        (
            "ours-middle-revoked",
            "R",
            vec![&other, &our_revoked, &third],
            "ours stands between two good ones",
        ),
        (
            "ours-second-good",
            "G",
            vec![&other_revoked, &ours],
            "the revoked one is another's",
        ),
        (
            "ours-first-good",
            "G",
            vec![&ours, &other_revoked],
            "the revoked one is another's",
        ),
        (
            "ours-second-unknown",
            "U",
            vec![&other, &our_unknown],
            "good is another's, ours is unknown",
        ),
        (
            "ours-good-other-unknown",
            "G",
            vec![&other_unknown, &ours],
            "the unknown one is another's",
        ),
        (
            "none-ours",
            "T",
            vec![&other, &third],
            "two entries, none of them ours",
        ),
        (
            "none-ours-one-revoked",
            "T",
            vec![&other_revoked, &third],
            "none is ours: neither good nor revoked",
        ),
        (
            "ours-old-other-fresh",
            "N",
            vec![&other, &our_old],
            "the entry in date is another's",
        ),
        (
            "ours-fresh-other-old",
            "NGGNGG",
            vec![&other_old, &ours],
            times,
        ),
        (
            "ours-revoked-other-old",
            "R",
            vec![&other_old, &our_revoked],
            "a revocation does not depend on the neighbour's times",
        ),
    ];
    for (name, expected, singles, why) in rows {
        table.add(
            name,
            expected,
            &delegated(world, &singles).build(),
            why,
            RULE,
        );
    }
    table.cases
}
