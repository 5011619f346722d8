//! Python's cryptography: it asks every cell itself and verifies each answer by its own means.

use certvouch_testkit::peer::Peer;
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::cells::Cell;
use crate::world::Responders;

pub(crate) fn judge(peer: &Peer, responders: &Responders) -> Verdicts {
    let cells: Vec<Cell> = Cell::all().collect();
    let jobs: String = cells
        .iter()
        .enumerate()
        .map(|(id, cell)| {
            let site = responders.site(cell);
            let (address, ca, serial) =
                (site.address, site.files.ca.display(), site.serial_hex(cell));
            let (method, hash, nonce, status) = (cell.method, cell.hash, cell.nonce, cell.status);
            format!("{id}\t{method}\t{address}\t{ca}\t{serial}\t{hash}\t{nonce}\t{status}\n")
        })
        .collect();
    crate::go::read(&cells, &run_jobs(peer, &jobs))
}

/// Gives `ask.py` the jobs, and returns what it says.
pub(crate) fn run_jobs(peer: &Peer, jobs: &str) -> String {
    let dir = temp_dir();
    let script = dir.path().join("ask.py");
    std::fs::write(&script, include_str!("ask.py")).expect("the script is written");
    let outcome = peer.run_with_input(&[&script.to_string_lossy()], jobs.as_bytes());
    outcome.expect_success("the Python script").out()
}
