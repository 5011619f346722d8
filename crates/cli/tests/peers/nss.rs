//! NSS' `ocspclnt`: it asks by itself, at the bridge, and says its verdict in words (its exit code is 0 either way).

use std::path::Path;

use certvouch_testkit::peer::Peer;
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::bridge::{Bridge, Habits};
use crate::cells::{ALGORITHMS, Cell};
use crate::world::Responders;

/// What it says of each status.
const WORDS: [(&str, &str); 3] = [
    ("good", "succeeded."),
    ("revoked", "Peer's Certificate has been revoked."),
    (
        "unknown",
        "The OCSP server has no status for the certificate.",
    ),
];

pub(crate) fn judge(client: &Peer, certutil: &Peer, responders: &Responders) -> Verdicts {
    let bridge = Bridge::start(responders);
    let dir = temp_dir();
    for algorithm in ALGORITHMS {
        let ca = &responders.algorithm(algorithm).files.ca;
        database(certutil, &dir.path().join(algorithm), ca);
    }
    let leaf = dir.path().join("leaf.der");
    let verdicts = Cell::all()
        .enumerate()
        .map(|(index, cell)| {
            let site = responders.site(&cell);
            // What NSS asks of its own will goes to the responder without a bridge.
            let url = if (cell.method, cell.hash, cell.nonce) == ("GET", "sha1", "no-nonce") {
                format!("http://{}/", site.address)
            } else {
                bridge.url(index)
            };
            let der = site.leaf(&cell, &url).der;
            std::fs::write(&leaf, der).expect("the certificate is written");
            let database = format!("sql:{}", dir.path().join(cell.algorithm).display());
            let leaf = leaf.to_string_lossy();
            let outcome = client.run(&["-S", &leaf, "-d", &database]);
            let text = outcome.all();
            let (_, word) = WORDS
                .into_iter()
                .find(|(status, _)| *status == cell.status)
                .expect("a word for every status");
            // Of an answer that it cannot match NSS says the same as of an unknown certificate: that is no pass.
            let right = cell.hash == "sha1" && text.trim_end().ends_with(word);
            (cell, (!right).then(|| text.replace('\n', " | ")))
        })
        .collect();
    // It asks by GET, and once more by POST where the answer to that was not to its taste.
    let expected = Habits::from([("GET".to_owned(), false), ("POST".to_owned(), false)]);
    assert_eq!(bridge.habits(), expected, "NSS asks in another way");
    verdicts
}

/// A database that trusts one CA.
fn database(certutil: &Peer, dir: &Path, ca: &Path) {
    std::fs::create_dir(dir).expect("a folder for the database");
    let database = format!("sql:{}", dir.display());
    let ca = ca.to_string_lossy();
    for words in [
        &["-N", "-d", &database, "--empty-password"][..],
        &[
            "-A", "-d", &database, "-n", "ca", "-t", "CT,C,C", "-a", "-i", &ca,
        ],
    ] {
        // A CA that NSS cannot read is n/a for its own reason; the verdicts say so.
        let _ = certutil.run(words);
    }
}
