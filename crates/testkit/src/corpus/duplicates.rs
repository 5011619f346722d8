//! Class 3: several entries about the certificate that say different things.

use super::{Case, Class, DAY, Table, delegated, single};
use crate::ask::HashAlg;
use crate::pki::{T0, World};
use crate::reply::{Single, Status};

const RULE: &str = "RFC 6960 4.2.2.3 is silent; mozilla::pkix and BoringSSL take the strictest";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Duplicates, world);
    let good = single(world);
    let revoked = good.clone().status(Status::Revoked(T0 - DAY, Some(1)));
    let hold = good.clone().status(Status::Revoked(T0 - DAY, Some(6)));
    let unknown = good.clone().status(Status::Unknown);
    let sha256 = Single::by(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial, T0);
    let sha256_revoked = sha256.clone().status(Status::Revoked(T0 - DAY, None));
    let strictest = "the strictest of contradictory entries counts, wherever it stands";
    let by_hash = "the contradiction stands under another hash algorithm";
    let same = "no contradiction";
    let rows: [(&str, &str, Vec<&Single>, &str); 12] = [
        ("good-revoked", "R", vec![&good, &revoked], strictest),
        ("revoked-good", "R", vec![&revoked, &good], strictest),
        ("good-unknown", "U", vec![&good, &unknown], strictest),
        ("unknown-good", "U", vec![&unknown, &good], strictest),
        ("unknown-revoked", "R", vec![&unknown, &revoked], strictest),
        ("revoked-unknown", "R", vec![&revoked, &unknown], strictest),
        ("good-hold", "R", vec![&good, &hold], strictest),
        (
            "good-good-revoked",
            "R",
            vec![&good, &good, &revoked],
            strictest,
        ),
        (
            "sha1-good-sha256-revoked",
            "R",
            vec![&good, &sha256_revoked],
            by_hash,
        ),
        (
            "sha256-revoked-sha1-good",
            "R",
            vec![&sha256_revoked, &good],
            by_hash,
        ),
        ("sha256-and-sha1-good", "G", vec![&good, &sha256], same),
        ("good-twice", "G", vec![&good, &good], same),
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
    out_of_date(&mut table, &good);
    table.cases
}

/// One of the entries is out of date.
fn out_of_date(table: &mut Table<'_>, good: &Single) {
    let old = |status: Status| {
        let entry = good.clone().status(status);
        entry.this_update(T0 - 20 * DAY).next_update(T0 - 10 * DAY)
    };
    let final_revocation = old(Status::Revoked(T0 - 30 * DAY, Some(1)));
    let old_unknown = old(Status::Unknown);
    let old_good = old(Status::Good);
    let unknown = good.clone().status(Status::Unknown);
    let forgotten =
        "an entry in date beats one out of date; profiles that mind every entry's times refuse";
    let for_ever = "a revocation is for ever, and outlives its own nextUpdate";
    let rows: [(&str, &str, [&Single; 2], &str); 6] = [
        ("old-revoked-good", "R", [&final_revocation, good], for_ever),
        ("good-old-revoked", "R", [good, &final_revocation], for_ever),
        (
            "old-unknown-good",
            "NGGNGG",
            [&old_unknown, good],
            forgotten,
        ),
        (
            "good-old-unknown",
            "NGGNGG",
            [good, &old_unknown],
            forgotten,
        ),
        (
            "old-good-unknown",
            "NUUNUU",
            [&old_good, &unknown],
            forgotten,
        ),
        (
            "old-good-twice",
            "N",
            [&old_good, &old_good],
            "both are out of date",
        ),
    ];
    for (name, expected, singles, why) in rows {
        let reply = delegated(table.world, &singles);
        table.add(name, expected, &reply.build(), why, RULE);
    }
}
