//! The corpus as other projects get it, from files: our verdict is the expected one, for every case and profile.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails; helpers stand outside the test functions"
)]

use certvouch_crypto::AWS_LC;
use certvouch_testkit::corpus::{self, Case, PROFILES};
use certvouch_types::Timestamp;
use certvouch_verify::{Profile, QueryBuilder};

/// What we say, and why if we do not believe it.
fn verdict(case: &Case, profile: &str) -> (&'static str, String) {
    let builder = QueryBuilder::new(AWS_LC);
    let builder = match &case.request {
        Some(request) => builder.request(request),
        None => builder,
    };
    let query = builder
        .certificate(&case.certificate, &case.issuer)
        .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let profile = Profile::by_name(profile).unwrap();
    match query.verify(&case.response, Timestamp::from_unix(case.time), &profile) {
        Ok(verified) => (verified.verdict().word(), String::new()),
        Err(error) => (error.verdict().word(), error.to_string()),
    }
}

// covers: R6960-3.2-1, R6960-3.2-2, R6960-3.2-3, R6960-3.2-4, R6960-3.2-5, R6960-3.2-6
// covers: R6960-4.2.2.2-C1, R6960-4.2.2.2-C3, R6960-4.2.2.2-C5, R6960-4.2.2.2-C6, R6960-4.2.2.2.1-C1
// covers: R6960-4.2.2.3-C1, R6960-4.2.2.3-C2, R6960-5-C1, R9919-5-C1, R9919-5-C2, R9919-5-C3, R9919-5-C4
// covers: R9654-2.1-C4, ALG-1, D-2, D-4, D-22, D-24, D-25, D-39, W-TIME-2, W-TIME-4
#[test]
fn every_case_of_the_corpus_ends_in_the_expected_verdict() {
    let folder = tempfile::tempdir().unwrap();
    corpus::write(folder.path(), &corpus::all()).unwrap();
    let cases = corpus::read(folder.path()).unwrap();
    assert!(cases.len() > 250, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for profile in PROFILES {
            let expected = case.expected_under(profile).text();
            let (found, why) = verdict(case, profile);
            if found != expected {
                let name = &case.name;
                wrong.push(format!(
                    "{name} {profile}: {found} instead of {expected}: {why}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
