//! Nonces of every length, echoed, changed, missing and unasked for.

use super::{Case, Class, Table, good};
use crate::ask::{Ask, HashAlg, NONCE};
use crate::pki::World;
use crate::reply::Reply;

const LENGTHS: [usize; 6] = [0, 1, 16, 32, 128, 129];
const RULE: &str = "RFC 9654 2.1, RFC 9919 5";

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut table = Table::new(Class::Nonces, world);
    for length in LENGTHS {
        let nonce = vec![0x5A; length];
        let response = good(world).nonce(&nonce).build();
        let why = format!("a nonce of {length} octets that nobody asked for is ignored");
        table.add(
            &format!("unasked-{length}"),
            "G",
            &response,
            &why,
            "RFC 9919 5",
        );
        let why = match length {
            0 => "equal to what was sent; an empty nonce proves nothing, and the times still hold"
                .to_owned(),
            129 => "equal to what was sent; the limit of 128 binds those who send and answer"
                .to_owned(),
            _ => format!("{length} octets came back as they were sent"),
        };
        asked(
            &mut table,
            &format!("echoed-{length}"),
            "G",
            &nonce,
            &good(world).nonce(&nonce),
            &why,
        );
        let why = "no nonce came back: a prepared answer; refused only by those who know that the responder does nonces";
        asked(
            &mut table,
            &format!("missing-{length}"),
            "TGGGGG",
            &nonce,
            &good(world),
            why,
        );
        if length > 0 {
            let mut other = nonce.clone();
            other[length - 1] ^= 1;
            let why =
                "another nonce of the same length; Firefox and Chromium send none and compare none";
            asked(
                &mut table,
                &format!("changed-{length}"),
                "TTTTGG",
                &nonce,
                &good(world).nonce(&other),
                why,
            );
        }
    }
    let sent = [0x5A; 32];
    let odd = [
        (
            "cut",
            good(world).nonce(&sent[..31]),
            "TTTTGG",
            "the last octet is missing",
        ),
        (
            "longer",
            good(world).nonce(&[0x5A; 33]),
            "TTTTGG",
            "an octet more came back",
        ),
        (
            "emptied",
            good(world).nonce(&[]),
            "TTTTGG",
            "an empty nonce came back",
        ),
        (
            "critical",
            good(world).extension(NONCE, true, &[&[4, 32], &sent[..]].concat()),
            "G",
            "the nonce is marked critical, and known",
        ),
    ];
    for (name, reply, expected, why) in odd {
        asked(&mut table, name, expected, &sent, &reply, why);
    }
    table.cases
}

fn asked(
    table: &mut Table<'_>,
    name: &str,
    expected: &str,
    nonce: &[u8],
    reply: &Reply,
    why: &str,
) {
    let world = table.world;
    let request = Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial)
        .nonce(nonce)
        .build();
    let case = table.add(name, expected, &reply.build(), why, RULE);
    *case = case.clone().asked(&request);
}
