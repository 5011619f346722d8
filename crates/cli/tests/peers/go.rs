//! Go's x/crypto/ocsp: it asks by GET and POST itself; requests with a nonce are made for it.

use certvouch_testkit::der::to_hex;
use certvouch_testkit::peer::{PATIENCE, Peer, run};
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
            let request = if cell.has_nonce() {
                to_hex(&site.request(cell)).replace(' ', "")
            } else {
                String::new()
            };
            let (address, ca) = (site.address, site.files.ca.display());
            let (method, hash, status) = (cell.method, cell.hash, cell.status);
            let serial = site.serial_hex(cell);
            format!("{id}\t{method}\t{address}\t{ca}\t{serial}\t{hash}\t{status}\t{request}\n")
        })
        .collect();
    read(&cells, &run_jobs(peer, &jobs))
}

/// Builds `ask.go`, gives it the jobs, and returns what it says.
pub(crate) fn run_jobs(peer: &Peer, jobs: &str) -> String {
    let dir = temp_dir();
    let program = peer.build_go(dir.path(), include_str!("ask.go"));
    let outcome = run(
        &mut std::process::Command::new(program),
        jobs.as_bytes(),
        PATIENCE * 4,
    );
    outcome.expect_success("the Go program").out()
}

/// Reads lines of `id`, tab, `ok` or the problem.
pub(crate) fn verdicts(text: &str) -> Vec<(usize, Option<String>)> {
    text.lines()
        .map(|line| {
            let (id, verdict) = line.split_once('\t').expect("a line of id and verdict");
            let id = id.parse().expect("the id of a job");
            (id, (verdict != "ok").then(|| verdict.to_owned()))
        })
        .collect()
}

/// The same by cell.
pub(crate) fn read(cells: &[Cell], text: &str) -> Verdicts {
    verdicts(text)
        .into_iter()
        .map(|(id, problem)| (cells[id], problem))
        .collect()
}
