//! What this crate makes of a corpus folder: a line for each case and profile, `NAME PROFILE VERDICT REASON` with
//! tabs between. `cargo xtask corpus OUT --judge` sets it beside the verdicts of other programs.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use certvouch_crypto::AWS_LC;
use certvouch_testkit::corpus::{self, Case};
use certvouch_types::Timestamp;
use certvouch_verify::{Profile, QueryBuilder};

fn main() -> std::io::Result<ExitCode> {
    let Some(folder) = std::env::args().nth(1) else {
        writeln!(std::io::stderr(), "usage: judge CORPUS")?;
        return Ok(ExitCode::from(2));
    };
    let mut out = std::io::stdout().lock();
    for case in corpus::read(Path::new(&folder))? {
        for profile in &Profile::ALL {
            let (verdict, why) = judge(&case, profile);
            writeln!(out, "{}\t{}\t{verdict}\t{why}", case.name, profile.name())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn judge(case: &Case, profile: &Profile) -> (&'static str, String) {
    let mut builder = QueryBuilder::new(AWS_LC);
    if let Some(request) = &case.request {
        builder = builder.request(request);
    }
    let query = match builder.certificate(&case.certificate, &case.issuer) {
        Ok(query) => query,
        Err(error) => return ("NO-QUESTION", error.to_string()),
    };
    match query.verify(&case.response, Timestamp::from_unix(case.time), profile) {
        Ok(verified) => (verified.verdict().word(), String::new()),
        Err(error) => (error.verdict().word(), error.to_string()),
    }
}
