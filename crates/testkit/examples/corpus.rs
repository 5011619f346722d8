//! Writes the corpus of OCSP responses into a folder: `cargo xtask corpus OUT` calls it.

#![expect(clippy::print_stdout, reason = "it tells how many cases it wrote")]

use std::path::Path;
use std::process::ExitCode;

use certvouch_testkit::corpus::{self, Class};

fn main() -> std::io::Result<ExitCode> {
    let Some(folder) = std::env::args().nth(1) else {
        println!("usage: corpus OUT");
        return Ok(ExitCode::from(2));
    };
    let cases = corpus::all();
    corpus::write(Path::new(&folder), &cases)?;
    for class in Class::ALL {
        let count = cases.iter().filter(|case| case.class == class).count();
        println!("{:12} {count:3}  {}", class.name(), class.title());
    }
    println!("{:12} {:3}  in {folder}", "all", cases.len());
    Ok(ExitCode::SUCCESS)
}
