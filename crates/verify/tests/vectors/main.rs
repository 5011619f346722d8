//! The verifier's kinds of the collection of vectors of other projects.
//!
//! `CERTVOUCH_VECTORS` says where the collection lies. Differences stand with their reasons in
//! `tests/vectors/exceptions.tsv`. The cases were collected from verifiers with rules of time of their own, so they
//! are run with the profile `openssl` without tolerance, and with SHA-1, which most of them use.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails; helpers stand outside the test functions"
)]

mod path_crl;

use certvouch_crypto::AWS_LC;
use certvouch_testkit::vectors::{Case, Collection, Params, Run, Verdict};
use certvouch_types::der::Reader;
use certvouch_types::pkix::TlsFeatures;
use certvouch_types::{BasicOcspResponse, Certificate, OcspResponse, Timestamp, oid};
use certvouch_verify::{
    CrlSet, MissingNextUpdate, Moment, Profile, Query, QueryBuilder, Reason, VerifyError, danger,
    verify_request_signature,
};

const EXCEPTIONS: &str = include_str!("exceptions.tsv");

/// Kinds that the parser, the responder, the CRL rules, the linter and the client run.
const ELSEWHERE: [&str; 16] = [
    "crl-lint",
    "crl-parse",
    "crl-parse-pem",
    "crl-signature",
    "crl-time",
    "crl-verify",
    "crldp-parse",
    "fuzz-http",
    "http-resp",
    "req-build",
    "req-parse",
    "resp-lookup",
    "resp-lookup-serial",
    "resp-parse",
    "responder-cert-lint",
    "responder-http",
];

// covers: R6960-3.2-1, R6960-3.2-2, R6960-3.2-3, R6960-3.2-4, R6960-3.2-6, R6960-4.2.2.2-C2
// covers: R6960-4.2.2.2-C3, R6960-4.3-C2, R7633-4.3.3-C1
#[test]
fn vectors_of_the_verifying_kinds_end_as_expected() {
    let Some(collection) = Collection::open() else {
        return;
    };
    let mut run = Run::new(&collection, EXCEPTIONS);
    run.kind("ocsp-verify", ocsp_verify);
    run.kind("resp-signature", resp_signature);
    run.kind("resp-responder", resp_responder);
    run.kind("resp-semantics", resp_semantics);
    run.kind("req-verify", req_verify);
    run.kind("path-ocsp", path_ocsp);
    run.kind_where("path-crl", path_crl::is_ours, path_crl::path_crl);
    run.kind("must-staple", must_staple);
    run.kind("fuzz", fuzz);
    run.finish(&ELSEWHERE);
}

fn profile() -> Profile {
    danger::allow_sha1_signatures(Profile::OPENSSL).with_skew(0, 0)
}

fn builder<'a>() -> QueryBuilder<'a> {
    danger::allow_sha1_on_certificate(QueryBuilder::new(AWS_LC))
}

fn time(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap_or_else(|| panic!("time {text:?}"))
}

/// The word for an outcome, and the reason for a person.
fn word(outcome: Result<certvouch_verify::VerifiedResponse<'_>, VerifyError>) -> Verdict {
    match outcome {
        Ok(verified) => Verdict::new(&verified.verdict().word().to_lowercase()),
        Err(error) => Verdict::with("reject", error),
    }
}

fn ocsp_verify(case: &Case, params: &mut Params) -> Verdict {
    let (response, cert, issuer) = (
        case.input("response"),
        case.input("cert"),
        case.input("issuer"),
    );
    let now = time(&case.time);
    let max_age = params.take("max_age_s").and_then(|age| age.as_i64());
    if params.take("trust") == Some("anchor".into()) {
        // The issuer is a hint: it counts if the anchor signed it.
        let anchor = case.input("anchor");
        if let Err(error) = builder().certificate(&issuer, &anchor) {
            return Verdict::with("reject", error);
        }
    }
    match builder().certificate(&cert, &issuer) {
        Ok(query) => word(query.verify(&response, now, &profile().with_max_age(max_age))),
        Err(error) => Verdict::with("reject", error),
    }
}

fn resp_signature(case: &Case, _: &mut Params) -> Verdict {
    let (response, issuer) = (case.input("response"), case.input("issuer"));
    let basic = basic(&response);
    let issuer = Certificate::parse(&issuer).unwrap();
    match AWS_LC.verify_signature(
        &issuer.subject_public_key_info,
        &basic.signature_algorithm,
        basic.tbs,
        basic.signature,
    ) {
        Ok(()) => Verdict::new("sig-ok"),
        Err(error) => Verdict::with("sig-bad", error),
    }
}

fn basic(response: &[u8]) -> BasicOcspResponse<'_> {
    let OcspResponse::Successful(bytes) = OcspResponse::parse(response).unwrap() else {
        panic!("an error response");
    };
    BasicOcspResponse::from_response_bytes(&bytes).unwrap()
}

/// Who signed decides; the question is the one that the response itself answers.
fn resp_responder(case: &Case, _: &mut Params) -> Verdict {
    let (response, issuer) = (case.input("response"), case.input("issuer"));
    let first = basic(&response).data.responses.iter().next().unwrap();
    let query = builder().cert_id(first.cert_id.raw, &issuer).unwrap();
    match query.verify(&response, time(&case.time), &profile()) {
        Ok(verified) => match verified.signer() {
            certvouch_verify::Signer::Delegate { .. } => Verdict::new("delegate-ok"),
            other => Verdict::with("other-signer", format!("{other:?}")),
        },
        Err(error) => Verdict::with("reject", error),
    }
}

/// The case has no issuer: an entry with the same extensions is about a certificate of ours, and we sign it.
fn resp_semantics(case: &Case, _: &mut Params) -> Verdict {
    use certvouch_testkit::pki::{KeyAlg, T0, World};
    use certvouch_testkit::reply::{Reply, Single};
    let response = case.input("response");
    let theirs = basic(&response).data.responses.iter().next().unwrap();
    let world = World::new(KeyAlg::P256);
    let mut single = Single::about(&world.ca_a, &world.ee_good.serial, T0);
    for extension in theirs.extensions.iter() {
        let oid = extension.oid.to_string();
        single = single.extension(&oid, extension.critical, extension.value);
    }
    let ours = Reply::delegated(&world.d_a, T0).single(&single).build();
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap();
    match query.verify(&ours, Timestamp::from_unix(T0), &profile()) {
        Err(error) if matches!(error.reason(), Reason::CriticalExtension(_)) => {
            Verdict::with("reject", error)
        }
        other => Verdict::with("other", format!("{other:?}")),
    }
}

fn req_verify(case: &Case, _: &mut Params) -> Verdict {
    let (request, ca) = (case.input("request"), case.input("issuer"));
    match verify_request_signature(&AWS_LC, &request, &ca, time(&case.time), &profile()) {
        Ok(()) => Verdict::new("good"),
        Err(error) => Verdict::with("reject", error),
    }
}

/// A walk down the chain: each certificate is signed by the one above, in date, and good by the newest of the responses
/// given, or, when none is about it, by the CRLs. A certificate that names no source of status needs none.
fn path_ocsp(case: &Case, params: &mut Params) -> Verdict {
    let now = time(&case.time);
    for known in ["mode", "path_len", "note"] {
        params.take(known);
    }
    let mut rules = profile();
    let policy = params.take("policy");
    let freshness = params.take("freshness");
    let signed = params.take("signature_time");
    let mut not_before = None;
    if policy == Some("time-after-signature".into()) {
        // Long enough after a signature that a revocation had time to be published.
        let (wait, signed) = (freshness.as_ref().unwrap(), signed.as_ref().unwrap());
        let signed = time(signed.as_str().unwrap());
        not_before = Some(signed + seconds(wait.as_str().unwrap()));
    }
    if policy == Some("max-age".into()) {
        let text = freshness.as_ref().and_then(|value| value.as_str()).unwrap();
        rules = rules.with_max_age(Some(seconds(text)));
        rules = rules.with_missing_next_update(MissingNextUpdate::Accept);
    }
    let (responses, crls) = (case.inputs("ocsps"), case.inputs("crls"));
    let crls = crls.iter().fold(CrlSet::new(), |set, crl| set.crl(crl));
    let mut issuer = case.input("anchor");
    for der in case.inputs("certs") {
        let sources = Sources {
            responses: &responses,
            crls: &crls,
            not_before,
        };
        if let Err(why) = link(&der, &issuer, &sources, now, &rules) {
            return Verdict::with("invalid", why);
        }
        issuer = der;
    }
    Verdict::new("valid")
}

struct Sources<'a> {
    responses: &'a [Vec<u8>],
    crls: &'a CrlSet<'a>,
    /// No thisUpdate may be older.
    not_before: Option<Timestamp>,
}

fn link(
    der: &[u8],
    issuer: &[u8],
    sources: &Sources<'_>,
    now: Timestamp,
    rules: &Profile,
) -> Result<(), String> {
    let query = builder()
        .certificate(der, issuer)
        .map_err(|error| error.to_string())?;
    let certificate = Certificate::parse(der).unwrap();
    if !certificate.validity.contains(now) {
        return Err("outside its dates".to_owned());
    }
    let crl = certificate.extensions.find(oid::CRL_DISTRIBUTION_POINTS);
    let ocsp = certificate.access_locations(oid::AD_OCSP).unwrap().next();
    if crl.is_none() && ocsp.is_none() {
        return Ok(());
    }
    let early = |this_update| sources.not_before.is_some_and(|floor| this_update < floor);
    let mut newest = None;
    let mut why = "nothing is known about its revocation".to_owned();
    for response in sources.responses {
        match query.verify(response, now, rules) {
            Ok(verified) if early(verified.this_update()) => {
                why = "its status is from too soon after the signature".to_owned();
            }
            Ok(verified) if verified.this_update() <= now => {
                let known = (verified.this_update(), verified.verdict());
                if newest.is_none_or(|(time, _)| time < known.0) {
                    newest = Some(known);
                }
            }
            Ok(_) => {}
            Err(error) => why = error.to_string(),
        }
    }
    match newest {
        Some((_, certvouch_verify::Verdict::Good)) => Ok(()),
        Some((_, verdict)) => Err(verdict.to_string()),
        None => match query.verify_crls(sources.crls, Moment::now(now), rules) {
            Ok(listed) if early(listed.this_update()) => Err(why),
            Ok(listed) if listed.verdict() == certvouch_verify::Verdict::Good => Ok(()),
            Ok(listed) => Err(listed.verdict().to_string()),
            Err(error) if matches!(error.reason(), Reason::NoCrl) => Err(why),
            Err(error) => Err(format!("{why}; {error}")),
        },
    }
}

fn seconds(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "d" => 86_400,
        "h" => 3_600,
        other => panic!("unit {other:?}"),
    };
    number.parse::<i64>().unwrap() * unit
}

fn must_staple(case: &Case, _: &mut Params) -> Verdict {
    let value = case.input("tls_feature");
    let delivered: &[u16] = if case.id.ends_with("/with-staple") {
        &[5]
    } else {
        &[]
    };
    match TlsFeatures::parse(Reader::new(&value)) {
        Ok(features) if features.met_by(delivered) => Verdict::new("ok"),
        Ok(_) => Verdict::new("missing-staple"),
        Err(error) => Verdict::with("err", error),
    }
}

/// Whatever comes in, an answer comes out, and it is never good.
fn fuzz(case: &Case, params: &mut Params) -> Verdict {
    use certvouch_testkit::pki::{KeyAlg, T0, World};
    params.take("type");
    let world = World::new(KeyAlg::P256);
    let query = Query::new(&world.ee_good.der, &world.ca_a.der, None).unwrap();
    for input in case.every_input() {
        let outcome = query.verify(&input, Timestamp::from_unix(T0), &profile());
        assert!(outcome.is_err(), "{outcome:?}");
    }
    Verdict::new("no-crash")
}
