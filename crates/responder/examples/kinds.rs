//! Writes every kind of response that the responder makes, under each profile, into the folder that is named.

#![expect(
    clippy::print_stdout,
    reason = "an example speaks to the person who started it"
)]

#[path = "../tests/support/kinds.rs"]
mod kinds;
#[path = "../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        println!("the folder to write to is missing");
        return ExitCode::from(2);
    };
    let folder = std::path::PathBuf::from(folder);
    let all = kinds::all();
    for one in &all {
        if let Some(signer) = &one.signer {
            support::verified(&one.der, signer);
        }
    }
    match kinds::write(&all, &folder) {
        Ok(list) => {
            print!("{list}");
            println!(
                "{} kinds of responses, each read back and verified",
                all.len()
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("{}: {why}", folder.display());
            ExitCode::FAILURE
        }
    }
}
