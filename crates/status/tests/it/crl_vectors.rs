//! The CRL kinds of the collection of vectors that need a signature or a clock, and what we judge differently.
//!
//! `CERTVOUCH_VECTORS` says where the collection lies. Differences stand with their reasons in
//! `tests/crl-vectors-exceptions.tsv`; the rules for them are those of [`certvouch_testkit::vectors`].

use certvouch_responder::{Knowledge, StatusSource as _};
use certvouch_status::CrlSource;
use certvouch_status::crl::{CrlError, CrlSettings, CrlSigners, Location, Sha1, SubjectClass};
use certvouch_testkit::vectors::{Case, Collection, Params, Run, Verdict};
use certvouch_types::{Certificate, Crl, SerialNumber, Timestamp};

const EXCEPTIONS: &str = include_str!("../crl-vectors-exceptions.tsv");

/// Run elsewhere: by the tests of `types` and of the responder, or by crates that are not there yet.
const ELSEWHERE: [&str; 22] = [
    "crl-lint",
    "crl-parse",
    "crldp-parse",
    "fuzz",
    "fuzz-http",
    "http-resp",
    "must-staple",
    "ocsp-verify",
    "path-crl",
    "path-ocsp",
    "req-build",
    "req-parse",
    "req-verify",
    "resp-lookup",
    "resp-lookup-serial",
    "resp-parse",
    "resp-responder",
    "resp-semantics",
    "resp-signature",
    "responder-cert-lint",
    "responder-http",
    "responder-policy",
];

#[test]
fn vectors_of_the_crl_kinds_are_judged_as_expected() {
    let Some(collection) = Collection::open() else {
        return;
    };
    let mut run = Run::new(&collection, EXCEPTIONS);
    run.kind("crl-parse-pem", pem);
    run.kind("crl-signature", signature);
    run.kind("crl-time", time);
    run.kind("crl-verify", verify);
    run.finish(&ELSEWHERE);
}

/// Whether a place takes the file as text at all; whose CRL it is does not matter here.
fn pem(case: &Case, _params: &mut Params) -> Verdict {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.crl");
    std::fs::write(&path, case.file("crl_pem")).unwrap();
    let issuer = certvouch_testkit::pki::World::new(certvouch_testkit::pki::KeyAlg::P256).ca_a;
    let signers = CrlSigners::new(&issuer.der, &[], Sha1::Accept).unwrap();
    let settings = CrlSettings::new(signers, vec![Location::File(path)]);
    let source = CrlSource::open(settings, None, || Timestamp::from_unix(0)).unwrap();
    match source.refresh_files().remove(0) {
        Err((_, error @ CrlError::Pem(_))) => Verdict::with("err", error),
        other => Verdict::with("ok", format!("{other:?}")),
    }
}

fn signature(case: &Case, _params: &mut Params) -> Verdict {
    let (crl, issuer) = (case.input("crl"), case.input("issuer"));
    let crl = Crl::parse(&crl).unwrap();
    let signers = CrlSigners::new(&issuer, &[], Sha1::Accept).unwrap();
    match signers.verify(&crl, crl.this_update) {
        Ok(()) => Verdict::new("sig-ok"),
        Err(CrlError::Signature(why)) => Verdict::with("sig-bad", why),
        Err(other) => Verdict::with("err", other),
    }
}

fn time(case: &Case, _params: &mut Params) -> Verdict {
    let (crl, now) = (
        case.input("crl"),
        Timestamp::from_rfc3339(&case.time).unwrap(),
    );
    let crl = Crl::parse(&crl).unwrap();
    let current = crl.this_update <= now && crl.next_update.is_some_and(|end| now < end);
    Verdict::new(if current { "ok" } else { "reject" })
}

/// The issuer is the first of the named certificates whose name is that of the certificate's issuer.
fn verify(case: &Case, params: &mut Params) -> Verdict {
    // What the owner's verifier says beside the verdict.
    params.take("flags");
    let silence_is_allowed = params.take("no_crl").is_some_and(|it| it == "allowed");
    // The owner's profile `compat` takes SHA-1.
    let sha1 = match params.take("profile") {
        Some(profile) if profile == "compat" => Sha1::Accept,
        _ => Sha1::Refuse,
    };
    let good = if case.expected == "good-or-no-crl" && silence_is_allowed {
        "good-or-no-crl"
    } else {
        "good"
    };
    let cert = case.input("cert");
    let cert = Certificate::parse(&cert).unwrap();
    let issuers = case.inputs("issuer");
    let ours = issuers.iter().find(|issuer| {
        Certificate::parse(issuer)
            .unwrap()
            .subject
            .matches(&cert.issuer)
    });
    let Some(issuer) = ours else {
        return Verdict::with("reject", "no issuer");
    };
    let dir = tempfile::tempdir().unwrap();
    let mut crls: Vec<Vec<u8>> = case.inputs("crl");
    crls.extend(case.inputs("crls"));
    let mut places = Vec::new();
    for (index, crl) in crls.iter().enumerate() {
        // A CRL of somebody else is none of this issuer's declared set.
        let foreign = Crl::parse(crl).is_ok_and(|crl| !crl.issuer.matches(&cert.issuer));
        if !foreign {
            let path = dir.path().join(format!("{index}.crl"));
            std::fs::write(&path, crl).unwrap();
            places.push(Location::File(path));
        }
    }
    let no_crl = places.is_empty();
    let mut settings = CrlSettings::new(CrlSigners::new(issuer, &[], sha1).unwrap(), places);
    settings.class = Some(if cert.is_ca().unwrap() {
        SubjectClass::Ca
    } else {
        SubjectClass::EndEntity
    });
    let now = Timestamp::from_rfc3339(&case.time).unwrap();
    let source = CrlSource::open(settings, None, move || now).unwrap();
    let errors: Vec<String> = source
        .refresh_files()
        .into_iter()
        .filter_map(|outcome| outcome.err().map(|(_, error)| error.to_string()))
        .collect();
    if no_crl {
        return Verdict::new(if silence_is_allowed { good } else { "reject" });
    }
    let serials: [SerialNumber<'_>; 1] = [cert.serial_number];
    let mut future = std::pin::pin!(source.lookup(&serials));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(records) = future.as_mut().poll(&mut context) else {
        panic!("a table in memory has nothing to wait for");
    };
    match records.map(|records| records[0].knowledge) {
        Ok(Knowledge::Revoked { .. }) => Verdict::new("revoked"),
        Ok(_) => Verdict::new(good),
        Err(error) => Verdict::with("reject", format!("{error}; {}", errors.join("; "))),
    }
}
