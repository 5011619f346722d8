//! The parse kinds of the collection of vectors, and what we read differently.
//!
//! `CERTVOUCH_VECTORS` says where the collection lies. Differences stand with their reasons in
//! `tests/vectors-exceptions.tsv`; the rules for them are those of [`certvouch_testkit::vectors`].

mod crls;
mod requests;
mod responses;

use certvouch_testkit::vectors::{Case, Collection, Params, Run, Verdict};

use crate::invariants;

const EXCEPTIONS: &str = include_str!("../../vectors-exceptions.tsv");

/// Kinds that need a signature, a clock, a CRL or HTTP: they are run where those are.
const LATER: [&str; 14] = [
    "crl-lint",
    "crl-signature",
    "crl-time",
    "crl-verify",
    "http-resp",
    "must-staple",
    "ocsp-verify",
    "path-crl",
    "path-ocsp",
    "req-verify",
    "resp-responder",
    "resp-semantics",
    "resp-signature",
    "responder-cert-lint",
];

/// Not run: its one case wants PEM with spaces behind the end line refused, which RFC 7468 3 allows there.
const PEM: [&str; 1] = ["crl-parse-pem"];

/// Kinds that the responder runs.
const RESPONDER: [&str; 2] = ["responder-http", "responder-policy"];

#[test]
fn vectors_of_the_parse_kinds_are_read_as_expected() {
    let Some(collection) = Collection::open() else {
        return;
    };
    let mut run = Run::new(&collection, EXCEPTIONS);
    run.kind("req-parse", requests::parse);
    run.kind("req-build", requests::build);
    run.kind("resp-parse", responses::parse);
    run.kind("resp-lookup", responses::lookup);
    run.kind("resp-lookup-serial", responses::lookup_serial);
    run.kind("crl-parse", crls::parse);
    run.kind("crldp-parse", crls::distribution);
    run.kind("fuzz", feed);
    run.kind("fuzz-http", feed);
    run.finish(&[&LATER[..], &RESPONDER[..], &PEM[..]].concat());
}

/// Every input goes to every parser; whatever the type of the item is said to be.
fn feed(case: &Case, params: &mut Params) -> Verdict {
    params.take("type");
    let inputs = case.every_input();
    assert!(!inputs.is_empty(), "a case without an input");
    inputs
        .iter()
        .for_each(|input| invariants::everything(input));
    Verdict::new("no-crash")
}
