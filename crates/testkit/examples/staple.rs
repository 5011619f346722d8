//! A stapling agent between kills, in front of responders that misbehave, and with many certificates: `cargo xtask soak
//! staple-kill`, `staple-misbehave` and `bench/staple.sh` call it.

#![expect(clippy::print_stdout, reason = "it tells what it sees")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use certvouch_testkit::staple::{Fleet, Times, endure, fleet, kill};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, program, folder, numbers @ ..] = &arguments[..] else {
        println!(
            "usage: staple kill PROGRAM FOLDER ROUNDS SEED, misbehave PROGRAM FOLDER SECONDS, \
             or fleet PROGRAM FOLDER CERTIFICATES VALIDITY MINUTES"
        );
        return ExitCode::from(2);
    };
    let numbers: Result<Vec<u32>, _> = numbers.iter().map(|text| text.parse()).collect();
    let Ok(numbers) = numbers else {
        println!("the last words are numbers");
        return ExitCode::from(2);
    };
    let (program, folder) = (Path::new(program), Path::new(folder));
    let faults = match (&**what, &numbers[..]) {
        ("kill", &[rounds, seed]) => {
            let killed = kill(program, folder, rounds, seed.into(), |killed| {
                if killed.rounds.is_multiple_of(100) {
                    println!("{killed}");
                }
            });
            println!("staple-kill: {killed}");
            killed.faults
        }
        ("misbehave", &[seconds]) => {
            let time = Duration::from_secs(seconds.into());
            let times = Times {
                with: time,
                without: time,
            };
            let endured = endure(program, folder, times);
            print!("{endured}");
            endured.faults()
        }
        ("fleet", &[certificates, validity, minutes]) => {
            let plan = Fleet {
                certificates: usize::try_from(certificates).unwrap_or(0),
                validity: validity.into(),
                minutes: minutes.into(),
            };
            println!("{}", fleet(program, folder, plan));
            Vec::new()
        }
        _ => return ExitCode::from(2),
    };
    for fault in &faults {
        println!("fault: {fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
