//! Writes every kind of response that the responder makes, under each profile, into the folder that is named.

#[path = "../tests/support/kinds.rs"]
mod kinds;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    let Some(folder) = std::env::args_os().nth(1) else {
        writeln!(io::stderr(), "usage: kinds OUT")?;
        return Ok(ExitCode::from(2));
    };
    let all = kinds::all();
    for one in &all {
        if let Some(signer) = &one.signer {
            support::verified(&one.der, signer);
        }
    }
    let list = kinds::write(&all, Path::new(&folder))?;
    let count = all.len();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{list}{count} kinds of responses, each read back and verified"
    )?;
    Ok(ExitCode::SUCCESS)
}
