//! The PKIX revocation checker of Java: it asks by itself (GET up to 255 characters, POST beyond, SHA-1, nonce if given)
//! and judges prefetched responses for the other hashes.

use certvouch_testkit::der::to_hex;
use certvouch_testkit::peer::{PATIENCE, Peer, run};
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::cells::Cell;
use crate::world::Responders;

pub(crate) fn judge(peer: &Peer, responders: &Responders) -> Verdicts {
    let dir = temp_dir();
    let source = dir.path().join("Ask.java");
    std::fs::write(&source, include_str!("Ask.java")).expect("the source is written");
    let cells: Vec<Cell> = Cell::all().collect();
    let mut jobs = String::new();
    for (id, cell) in cells.iter().enumerate() {
        let site = responders.site(cell);
        let leaf = dir.path().join(format!("{id}.pem"));
        // A path of this length makes Java choose POST.
        let path = if cell.method == "POST" {
            "x".repeat(250)
        } else {
            String::new()
        };
        let url = format!("http://{}/{path}", site.address);
        site.leaf(cell, &url).write_pem(&leaf);
        let request = site.request(cell);
        let response = if cell.hash == "sha1" {
            String::new()
        } else {
            to_hex(&site.send(cell, &request)).replace(' ', "")
        };
        let (ca, leaf) = (site.files.ca.display(), leaf.display());
        let (nonce, status) = (cell.nonce, cell.status);
        jobs += &format!("{id}\t{url}\t{ca}\t{leaf}\t{nonce}\t{status}\t{response}\n");
    }
    let mut command = peer.command();
    command
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
        .arg(&source);
    let outcome = run(&mut command, jobs.as_bytes(), PATIENCE * 4);
    crate::go::read(&cells, &outcome.expect_success("the Java program").out())
}
