//! strongSwan's `pki --verify --online`: it asks by itself, by POST with a nonce; for the other cells at the bridge.

use certvouch_testkit::peer::Peer;
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::bridge::{Bridge, Habits};
use crate::cells::Cell;
use crate::world::Responders;

pub(crate) fn judge(peer: &Peer, responders: &Responders) -> Verdicts {
    let bridge = Bridge::start(responders);
    let dir = temp_dir();
    let leaf = dir.path().join("leaf.pem");
    let verdicts = Cell::all()
        .enumerate()
        .map(|(index, cell)| {
            let site = responders.site(&cell);
            let url = if (cell.method, cell.hash, cell.nonce) == ("POST", "sha1", "nonce") {
                format!("http://{}/", site.address)
            } else {
                bridge.url(index)
            };
            site.leaf(&cell, &url).write_pem(&leaf);
            let (leaf, ca) = (leaf.to_string_lossy(), site.files.ca.to_string_lossy());
            let words = [
                "--verify", "--in", &leaf, "--cacert", &ca, "--online", "--debug", "1",
            ];
            let text = peer.run(&words).all();
            // "unknown" is a failed check to it; that the answer was understood stands before.
            let word = match cell.status {
                "good" => "certificate status is good",
                "revoked" => "certificate was revoked on ",
                _ => "ocsp response contains no status on our certificate",
            };
            // It says the same of an answer that it cannot match: that is no pass.
            let right = cell.hash == "sha1"
                && text.contains("ocsp response correctly signed by ")
                && text.contains(word);
            let lines: Vec<_> = text
                .lines()
                .filter(|line| !line.contains("plugin") && !line.contains("TPM"))
                .collect();
            (cell, (!right).then(|| lines.join(" | ")))
        })
        .collect();
    let expected = Habits::from([("POST".to_owned(), true)]);
    assert_eq!(bridge.habits(), expected, "strongSwan asks in another way");
    verdicts
}
