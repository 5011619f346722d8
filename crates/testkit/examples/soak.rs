//! Serves under mixed load with reloads in between, and says what became of it: `cargo xtask soak serve` and `soak
//! reload` call it.

#![expect(clippy::print_stdout, reason = "it tells what it sees")]

use std::process::ExitCode;
use std::time::Duration;

use certvouch_testkit::soak::{Plan, Report, Sample, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, seconds, reloads, every, rate] = &arguments[..] else {
        println!("usage: soak PROGRAM SECONDS RELOADS MILLISECONDS RATE");
        return ExitCode::from(2);
    };
    let numbers = [seconds, reloads, every, rate].map(|it| it.parse::<u32>());
    let [Ok(seconds), Ok(reloads), Ok(every), Ok(rate)] = numbers else {
        println!("SECONDS, RELOADS, MILLISECONDS and RATE are numbers");
        return ExitCode::from(2);
    };
    let plan = Plan {
        program: program.into(),
        time: Duration::from_secs(seconds.into()),
        reloads: reloads.into(),
        every: Duration::from_millis(every.into()),
        rate,
    };
    let report = run(&plan, |sample| println!("{sample}"));
    tell(&report)
}

/// How much more memory may be in use at the end than in the middle: the allocator keeps what it once needed.
const MORE_MEMORY: f64 = 1.15;

fn tell(report: &Report) -> ExitCode {
    println!(
        "{} answers ({} of the first configuration, {} of the second), {} reloads, {} broken ones refused, {} failures",
        report.answers,
        report.by_variant[0],
        report.by_variant[1],
        report.reloads,
        report.refused,
        report.failures.len()
    );
    for failure in &report.failures {
        println!("failure: {failure}");
    }
    let (Some(start), Some(middle), Some(end)) = (
        report.samples.first(),
        report.samples.get(report.samples.len() / 2),
        report.samples.last(),
    ) else {
        return ExitCode::FAILURE;
    };
    for (word, sample) in [("start", start), ("middle", middle), ("end", end)] {
        println!("{word:6} {sample}");
    }
    let is_flat = is_flat(middle, end);
    if !is_flat {
        println!("memory, descriptors or threads grow");
    }
    if report.failures.is_empty() && is_flat {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn is_flat(middle: &Sample, end: &Sample) -> bool {
    let memory = |sample: &Sample| f64::from(u32::try_from(sample.memory).unwrap_or(u32::MAX));
    // Connections come and go; a handful may be open at the moment of a sample.
    memory(end) <= memory(middle) * MORE_MEMORY
        && end.descriptors <= middle.descriptors + 8
        && end.threads <= middle.threads + 2
}
