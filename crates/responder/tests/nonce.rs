//! Nonces (RFC 9654): which are echoed, in which form, under which policy; and that they are for one use.

#[path = "support/extra.rs"]
mod extra;
mod support;

use certvouch_responder::{CacheUse, NonceForm, NoncePolicy};
use certvouch_testkit::ask::{self, Ask, HashAlg};
use certvouch_testkit::der;
use extra::Asking;
use support::{Fixture, err, t0};

fn plain(fixture: &Fixture) -> Ask {
    Ask::for_serial(
        HashAlg::Sha256,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    )
}

// covers: R9654-2.1-2, R9654-2.1-3, R9654-2.1-4, E-43, E-44, BR-4.9.9-3
#[test]
fn nonce_of_every_legal_length_comes_back() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    for length in [1, 8, 15, 16, 17, 31, 32, 33, 64, 127, 128] {
        let nonce: Vec<u8> = (0..length).map(|i| 0xC5 ^ i).collect();
        let answer = support::ask(&responder, &plain(&fixture).nonce(&nonce).build(), t0());
        assert!(answer.single_use && answer.exchange.nonce, "{length}");
        let basic = fixture.verified(&answer.body());
        assert_eq!(basic.nonce(), Some(nonce), "{length}");
        assert_eq!(basic.extensions.unwrap().len(), 1);
        assert_eq!(basic.singles[0].extensions, None);
    }
}

// covers: R9654-2.1-1, E-21
#[test]
fn nonce_of_no_or_too_many_octets_is_malformed_under_every_policy() {
    let fixture = Fixture::new();
    for policy in [NoncePolicy::Echo, NoncePolicy::Ignore, NoncePolicy::Require] {
        for form in [NonceForm::Strict, NonceForm::Raw] {
            let responder = fixture.responder(|p| {
                p.nonce = policy;
                p.nonce_form = form;
            });
            for length in [0, 129, 200] {
                let request = plain(&fixture).nonce(&vec![1; length]).build();
                let octets = support::octets(&responder, &request, t0());
                assert_eq!(octets, err(1), "{policy:?} {form:?} {length}");
            }
        }
    }
    assert_eq!(fixture.signer.signatures(), 0);
}

// covers: R9654-2.1-4
#[test]
fn nonce_extension_of_the_rfc_goes_out_as_it_came_in() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let v1 = der::hex(
        "302f06092b060105050730010204220420dd49d4072c449da1c317bd1c1bdffedbe150312ec4cd0add18e5bd6f84bf14c8",
    );
    let request = plain(&fixture).raw_extension(&v1).build();
    let basic = fixture.verified(&support::octets(&responder, &request, t0()));
    assert_eq!(basic.extension(ask::NONCE).unwrap().der, v1);
}

// covers: R9654-2.1-4
#[test]
fn critical_nonce_is_echoed_without_criticality() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let value = der::octets(&[7; 16]);
    let request = plain(&fixture).extension(ask::NONCE, true, &value).build();
    let basic = fixture.verified(&support::octets(&responder, &request, t0()));
    let wanted = der::extension(ask::NONCE, false, &value);
    assert_eq!(basic.extension(ask::NONCE).unwrap().der, wanted);
}

// covers: R9654-x-2, T-3
#[test]
fn answer_with_a_nonce_is_signed_for_one_request_and_never_kept() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    let nonce = plain(&fixture).nonce(&[3; 32]).build();
    for signatures in 1..=2 {
        let answer = support::ask(&responder, &nonce, t0());
        assert_eq!(answer.exchange.cache, CacheUse::Signed);
        assert!(!answer.refresh_due);
        assert_eq!(fixture.signer.signatures(), signatures);
        assert_eq!(responder.cache_size().0, 0);
    }
    // Nor does it get what is kept, nor does who asks without one get the nonce.
    let kept = fixture.verified(&support::octets(&responder, &plain(&fixture).build(), t0()));
    assert_eq!(kept.nonce(), None);
    let own = fixture.verified(&support::octets(&responder, &nonce, t0()));
    assert_eq!(own.nonce(), Some(vec![3; 32]));
    assert_eq!(
        (fixture.signer.signatures(), responder.cache_size().0),
        (4, 1)
    );
}

// covers: R9654-x-2
#[test]
fn nonces_asked_at_the_same_time_are_never_mixed_up() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|_| {});
    fixture.source.gate.shut();
    let requests: Vec<_> = (1..=8_u8)
        .map(|i| plain(&fixture).nonce(&[i; 16]).build())
        .collect();
    let asking: Vec<_> = requests
        .iter()
        .map(|request| Asking::begun(&responder, request, t0()))
        .collect();
    assert_eq!(fixture.source.lookups(), 8, "nobody waits for another");
    fixture.source.gate.release();
    for (i, asking) in (1..).zip(asking) {
        let basic = fixture.verified(&asking.answer().body());
        assert_eq!(basic.nonce(), Some(vec![i; 16]));
    }
    assert_eq!(fixture.signer.signatures(), 8);
}

// covers: BR-4.9.9-3
#[test]
fn ignored_nonce_gets_the_kept_answer() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|policy| policy.nonce = NoncePolicy::Ignore);
    let without = support::octets(&responder, &plain(&fixture).build(), t0());
    for nonce in [&[1; 16][..], &[2; 32]] {
        let answer = support::ask(&responder, &plain(&fixture).nonce(nonce).build(), t0());
        assert!(!answer.single_use);
        assert_eq!(answer.body(), without);
        assert_eq!(fixture.verified(&without).nonce(), None);
    }
    assert_eq!(fixture.signer.signatures(), 1);
}

// covers: BR-4.9.9-3
#[test]
fn required_nonce_that_is_absent_is_unauthorized() {
    let fixture = Fixture::new();
    let responder = fixture.responder(|policy| policy.nonce = NoncePolicy::Require);
    assert_eq!(
        support::octets(&responder, &plain(&fixture).build(), t0()),
        err(6)
    );
    let request = plain(&fixture).nonce(&[4; 16]).build();
    let basic = fixture.verified(&support::octets(&responder, &request, t0()));
    assert_eq!(basic.nonce(), Some(vec![4; 16]));
}

// covers: E-22
#[test]
fn unwrapped_nonce_is_malformed_or_echoed_as_it_came() {
    let fixture = Fixture::new();
    let strict = fixture.responder(|_| {});
    let raw = fixture.responder(|policy| policy.nonce_form = NonceForm::Raw);
    let request = |octets: &[u8]| plain(&fixture).unwrapped_nonce(octets).build();
    for length in [1, 16, 20, 128] {
        let octets = vec![0xA5; length];
        assert_eq!(support::octets(&strict, &request(&octets), t0()), err(1));
        let basic = fixture.verified(&support::octets(&raw, &request(&octets), t0()));
        assert_eq!(basic.extension(ask::NONCE).unwrap().value, octets);
    }
    for length in [0, 129] {
        let octets = vec![0xA5; length];
        assert_eq!(support::octets(&raw, &request(&octets), t0()), err(1));
    }
    // The right form is echoed in the right form there too.
    let wrapped = plain(&fixture).nonce(&[6; 32]).build();
    let basic = fixture.verified(&support::octets(&raw, &wrapped, t0()));
    assert_eq!(basic.nonce(), Some(vec![6; 32]));
}
