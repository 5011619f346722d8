//! Every kind of response that the responder makes, under each profile, read back by two parsers, verified, and judged
//! by pkilint's OCSP linter: nothing is found in any of them.

#[path = "support/kinds.rs"]
mod kinds;
mod support;

use std::collections::BTreeSet;

use certvouch_testkit::{peer, process};
use certvouch_types::{BasicOcspResponse, OcspResponse};

// covers: MOZ-5.2-1, R6960-4.2.1-1, R6960-4.2.1-3
#[test]
fn every_kind_is_read_back_verified_and_told_from_the_others() {
    let all = kinds::all();
    let mut names = BTreeSet::new();
    for one in &all {
        let place = format!("{} {}", one.profile, one.kind);
        assert!(names.insert(place.clone()), "{place} twice");
        match (OcspResponse::parse(&one.der).expect(&place), &one.signer) {
            (OcspResponse::Successful(bytes), Some(signer)) => {
                let basic = BasicOcspResponse::from_response_bytes(&bytes).expect(&place);
                assert!(!basic.data.explicit_version, "{place}");
                for single in basic.data.responses.iter() {
                    assert!(single.this_update <= basic.data.produced_at, "{place}");
                    assert!(single.next_update > Some(basic.data.produced_at), "{place}");
                }
                // The test kit's own reader, and the key in the certificate.
                support::verified(&one.der, signer);
            }
            (OcspResponse::Error(_), None) => assert_eq!(one.der.len(), 5, "{place}"),
            (response, signer) => panic!("{place}: {response:?}, signed: {}", signer.is_some()),
        }
    }
    for profile in ["private", "br", "lightweight", "etsi"] {
        let of = |part: &str| {
            all.iter()
                .filter(|one| one.profile == profile && one.kind.contains(part))
                .count()
        };
        assert!(of("") >= 100, "{profile} has {} kinds", of(""));
        assert_eq!(of("ed25519") > 0, profile != "br");
        assert_eq!(
            of("extended-revoke") > 0,
            ["private", "etsi"].contains(&profile)
        );
        assert_eq!(of("default-hold") > 0, profile != "br");
        assert_eq!(of("sig-required") > 0, profile == "private");
    }
}

#[test]
fn pkilint_finds_nothing_in_any_kind() {
    let Some(pkilint) = peer::require_or_skip("pkilint") else {
        return;
    };
    let all = kinds::all();
    let folder = process::temp_dir();
    kinds::write(&all, folder.path()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../judges/lint_kinds.py");
    let outcome = pkilint.run(&[script, folder.path().to_str().unwrap()]);
    let said = outcome.expect_success("pkilint finds nothing").out();
    assert!(
        said.contains(&format!("pkilint: {} files, 0 findings", all.len())),
        "{said}"
    );

    // It would find something: a response whose DER is no DER.
    let mut spoiled = all.into_iter().find(|one| one.signer.is_some()).unwrap();
    spoiled.kind = "spoiled".to_owned();
    // producedAt says the thirteenth month.
    let at = spoiled
        .der
        .windows(4)
        .position(|four| four == b"2026")
        .unwrap();
    spoiled.der[at + 4..at + 6].copy_from_slice(b"13");
    kinds::write(&[spoiled], folder.path()).unwrap();
    let outcome = pkilint.run(&[script, folder.path().to_str().unwrap()]);
    assert!(!outcome.success(), "{}", outcome.all());
}
