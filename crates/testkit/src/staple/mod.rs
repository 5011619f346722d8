//! A stapling agent between kills, in front of responders that misbehave, and with many certificates: `cargo xtask soak
//! staple-kill`, `staple-misbehave` and `bench/staple.sh` call it.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::Server;

mod figures;
mod fleet;
mod kill;
mod misbehave;

pub use figures::{Cost, cost};
pub use fleet::{Figures, Fleet, Rate, fleet};
pub use kill::{Killed, kill};
pub use misbehave::{Endured, Row, Times, endure};

/// Starts `certvouch staple run` in a folder.
fn agent(program: &Path, folder: &Path) -> Server {
    let mut command = Command::new(program);
    command
        .args(["staple", "run"])
        .current_dir(folder)
        .env_remove("CERTVOUCH_LOG");
    Server::start(&mut command)
}

/// The report of the agent of a folder; nothing before it wrote one.
fn report(folder: &Path) -> Option<serde_json::Value> {
    let text = std::fs::read(folder.join("state/staple.status.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
