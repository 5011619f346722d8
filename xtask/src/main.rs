//! Chores of the workspace, run as `cargo xtask <chore>`.
//!
//! A chore prints what it found and ends with 0 when all is well, 1 when the tree breaks a rule and 2 when
//! the command line is wrong or the chore itself could not run. Nothing here is published, and nothing
//! depends on it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore speaks to the person who started it"
)]

mod args;
mod child;
mod corpus;
mod coverage;
mod differential;
mod dist;
mod kinds;
mod man;
mod mutate;
mod project;
mod serve_soak;
mod soak;
mod source;
mod staple_soak;
mod store_soak;
mod tidy;

use std::process::ExitCode;

/// What `cargo xtask` prints when it is not told what to do.
const USAGE: &str = "\
cargo xtask tidy                                   check the rules of the house
cargo xtask coverage [--requirements FILE] [--executed FILE]... [--json]
                                                   bind requirement rows to the tests that name them
cargo xtask corpus OUT [--judge]                   write the corpus for verifiers; --judge: ask programs, and
                                                   write docs/verdicts.md
cargo xtask kinds OUT                              write every kind of response, and have pkilint judge them
cargo xtask soak fuzz [--seconds N] [--target T]... [--smoke]
                                                   run the fuzz targets (600 s each; --smoke: 10 s)
cargo xtask soak differential [--executions N | --seconds S | --smoke] [--seed X]
                                                   mutated responses, judged by us and by OpenSSL
cargo xtask soak serve [--seconds N] [--every-ms N] [--rate N]
                                                   mixed load with a reload each minute, for an hour
cargo xtask soak reload [--reloads N] [--rate N]   1000 reloads under load: no failed answer, none that mixes
cargo xtask soak store-kill [--served] [--rounds N] [--seed X]
                                                   revoke, kill -9, open again, ask: 1000 times, nothing lost;
                                                   --served: the program, through its API
cargo xtask soak store-push [--revocations N] [--rate N] [--release]
                                                   10,000 revocations through the API while others ask: no stale answer
cargo xtask soak staple-kill [--rounds N] [--seed X] [--release]
                                                   kill -9 of the stapling agent at any moment, 1000 times: whole
                                                   staples or none, and the next agent serves from disk
cargo xtask soak staple-misbehave [--seconds N] [--release]
                                                   an agent in front of each misbehaviour: what it uses of a processor
cargo xtask man [OUT]                              man pages and shell completions (into target/man)
cargo xtask dist [--out DIR] [--binary FILE] [--smoke]
                                                   a Debian package (into target/dist); --smoke: look at it and run it
cargo xtask mutate [--rows N] [--seed S] [--list]  remove behaviour and expect the tests to notice
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy", rest @ ..] => tidy::run(rest),
        ["coverage", rest @ ..] => coverage::run(rest),
        ["corpus", rest @ ..] => corpus::run(rest),
        ["kinds", rest @ ..] => kinds::run(rest),
        ["soak", kind @ ("serve" | "reload"), rest @ ..] => serve_soak::run(kind, rest),
        ["soak", "store-kill", rest @ ..] => store_soak::kill(rest),
        ["soak", "store-push", rest @ ..] => store_soak::push(rest),
        ["soak", "staple-kill", rest @ ..] => staple_soak::kill(rest),
        ["soak", "staple-misbehave", rest @ ..] => staple_soak::misbehave(rest),
        ["soak", "fuzz", rest @ ..] => soak::run(rest),
        ["soak", "differential", rest @ ..] => differential::run(rest),
        ["man", rest @ ..] => man::run(rest),
        ["dist", rest @ ..] => dist::run(rest),
        ["mutate", rest @ ..] => mutate::run(rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
