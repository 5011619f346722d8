//! Go's x/crypto/ocsp: it asks by GET and POST itself; requests with a nonce are made for it.

use certvouch_testkit::der::to_hex;
use certvouch_testkit::peer::{PATIENCE, Peer, run};
use certvouch_testkit::process::temp_dir;

use crate::Verdicts;
use crate::cells::Cell;
use crate::world::Responders;

pub fn judge(peer: &Peer, responders: &Responders) -> Verdicts {
    let dir = temp_dir();
    let program = peer.build_go(dir.path(), include_str!("ask.go"));
    let cells: Vec<Cell> = Cell::all().collect();
    let jobs: String = cells
        .iter()
        .enumerate()
        .map(|(id, cell)| {
            let site = responders.site(cell);
            let request = if cell.has_nonce() { to_hex(&site.request(cell)).replace(' ', "") } else { String::new() };
            let (address, ca) = (site.address, site.files.ca.display());
            let (method, hash, status) = (cell.method, cell.hash, cell.status);
            let serial = site.serial_hex(cell);
            format!("{id}\t{method}\t{address}\t{ca}\t{serial}\t{hash}\t{status}\t{request}\n")
        })
        .collect();
    let outcome = run(&mut std::process::Command::new(program), jobs.as_bytes(), PATIENCE * 4);
    read(&cells, &outcome.expect_success("the Go program").out())
}

/// Reads lines of `id`, tab, `ok` or the problem.
pub fn read(cells: &[Cell], text: &str) -> Verdicts {
    text.lines()
        .map(|line| {
            let (id, verdict) = line.split_once('\t').expect("a line of id and verdict");
            let id: usize = id.parse().expect("the id of a job");
            (cells[id], (verdict != "ok").then(|| verdict.to_owned()))
        })
        .collect()
}
