//! Pushes revocations into a server, under load or between kills: `cargo xtask soak store-push` and `soak store-kill` call
//! it.

#![expect(clippy::print_stdout, reason = "it tells what it sees")]

use std::path::Path;
use std::process::ExitCode;

use certvouch_testkit::push::{kill, push};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, program, folder, one, other] = &arguments[..] else {
        println!(
            "usage: push PROGRAM FOLDER REVOCATIONS RATE, or kill PROGRAM FOLDER ROUNDS SEED, after `push` or `kill`"
        );
        return ExitCode::from(2);
    };
    let (Ok(one), Ok(other)) = (one.parse::<u32>(), other.parse::<u32>()) else {
        println!("the last two words are numbers");
        return ExitCode::from(2);
    };
    let (program, folder) = (Path::new(program), Path::new(folder));
    let is_well = match &**what {
        "push" => {
            let pushed = push(program, folder, one, other);
            print!("{pushed}");
            pushed.failures.is_empty() && pushed.revoked > 0
        }
        "kill" => {
            let killed = kill(program, folder, one, other.into());
            println!(
                "store-kill: {} rounds through the API, {} revocations acknowledged, {} lost",
                killed.rounds,
                killed.acknowledged,
                killed.lost.len()
            );
            for number in killed.lost.iter().take(10) {
                println!("lost: {number}");
            }
            killed.lost.is_empty() && killed.acknowledged > 0
        }
        _ => return ExitCode::from(2),
    };
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
