//! GnuTLS' `ocsptool`: it asks by POST and SHA-1 itself, and judges the answers to the other requests, sent for it.

use certvouch_testkit::peer::{Outcome, Peer};
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::cells::Cell;
use crate::world::{Responders, Site};

pub(crate) fn judge(peer: &Peer, responders: &Responders) -> Verdicts {
    let dir = temp_dir();
    Cell::all()
        .map(|cell| {
            let site = responders.site(&cell);
            let outcome = if cell.method == "POST" && cell.hash == "sha1" {
                ask(peer, site, &cell, dir.path())
            } else {
                read(peer, site, &cell, dir.path())
            };
            (cell, verdict(site, &cell, &outcome))
        })
        .collect()
}

fn ask(peer: &Peer, site: &Site, cell: &Cell, dir: &std::path::Path) -> Outcome {
    let url = format!("http://{}/", site.address);
    let leaf = dir.join("leaf.pem");
    site.leaf(cell, &url).write_pem(&leaf);
    let ca = site.files.ca.to_string_lossy();
    let leaf = leaf.to_string_lossy();
    let ask = format!("--ask={url}");
    let mut words = vec![&*ask, "--load-issuer", &ca, "--load-cert", &leaf];
    words.extend(cell.has_nonce().then_some("--nonce"));
    peer.run(&words)
}

fn read(peer: &Peer, site: &Site, cell: &Cell, dir: &std::path::Path) -> Outcome {
    let response = dir.join("response.der");
    std::fs::write(&response, site.send(cell, &site.request(cell)))
        .expect("the response is written");
    let ca = site.files.ca.to_string_lossy();
    peer.run(&[
        "--verify-response",
        "--load-response",
        &response.to_string_lossy(),
        "--load-trust",
        &ca,
    ])
}

/// Its exit code says nothing about the status, so the words are read.
fn verdict(site: &Site, cell: &Cell, outcome: &Outcome) -> Option<String> {
    let text = outcome.all();
    let serial = site.serial_hex(cell).to_lowercase();
    let right = outcome.success()
        && text.contains("Verifying OCSP Response: Success.")
        && text.contains(&format!("Certificate Status: {}\n", cell.status))
        && text.contains(&format!("Hash Algorithm: {}\n", cell.hash.to_uppercase()))
        && text.contains(&format!("Serial Number: {serial}\n"))
        && text.contains("Next Update: ")
        && text.contains("Nonce: ") == cell.has_nonce();
    (!right).then(|| text.replace('\n', " | "))
}
