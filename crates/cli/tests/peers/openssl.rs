//! `openssl ocsp` as client: it asks by POST itself, and judges the answers to requests sent for it by GET.

use certvouch_testkit::peer::{Outcome, Peer};
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::cells::Cell;
use crate::world::{Responders, Site};

pub(crate) fn judge(peer: &Peer, responders: &Responders) -> Verdicts {
    Cell::all()
        .map(|cell| {
            let site = responders.site(&cell);
            let problem = if cell.method == "POST" {
                ask(peer, site, &cell)
            } else {
                read(peer, site, &cell)
            };
            (cell, problem)
        })
        .collect()
}

fn ask(peer: &Peer, site: &Site, cell: &Cell) -> Option<String> {
    let ca = site.files.ca.to_string_lossy();
    let url = format!("http://{}/", site.address);
    let serial = format!("0x{}", site.serial_hex(cell));
    let hash = format!("-{}", cell.hash);
    let nonce = if cell.has_nonce() {
        "-nonce"
    } else {
        "-no_nonce"
    };
    let outcome = peer.run(&[
        "ocsp",
        "-issuer",
        &ca,
        &hash,
        "-serial",
        &serial,
        nonce,
        "-url",
        &url,
        "-CAfile",
        &ca,
        "-resp_text",
    ]);
    verdict(cell, &outcome)
}

fn read(peer: &Peer, site: &Site, cell: &Cell) -> Option<String> {
    let dir = temp_dir();
    let (request, response) = (
        dir.path().join("request.der"),
        dir.path().join("response.der"),
    );
    let asked = site.request(cell);
    std::fs::write(&request, &asked).expect("the request is written");
    std::fs::write(&response, site.send(cell, &asked)).expect("the response is written");
    let ca = site.files.ca.to_string_lossy();
    let outcome = peer.run(&[
        "ocsp",
        "-issuer",
        &ca,
        "-reqin",
        &request.to_string_lossy(),
        "-respin",
        &response.to_string_lossy(),
        "-CAfile",
        &ca,
        "-resp_text",
    ]);
    verdict(cell, &outcome)
}

/// The exit code says nothing about the status, so the words are read.
fn verdict(cell: &Cell, outcome: &Outcome) -> Option<String> {
    let text = outcome.all();
    let status = format!("Cert Status: {}", cell.status);
    let nonce_line = text.contains("OCSP Nonce");
    let right = outcome.success()
        && text.contains("Response verify OK")
        && text.contains(&status)
        && text.contains(&format!("Hash Algorithm: {}", cell.hash))
        && text.contains("Next Update")
        && nonce_line == cell.has_nonce()
        && !text.contains("WARNING");
    (!right).then(|| text.replace('\n', " | "))
}
