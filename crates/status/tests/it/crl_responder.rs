//! From a CRL to the octets that a client gets: a responder in this process, read with the test kit's own reader.

use std::sync::Arc;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{
    BoxFuture, EmbedCertificate, Issuer, NotRevoked, Policy, Responder, ResponderIdForm,
    ResponseSigner, Settings, SignError, Signer, StatusSource,
};
use certvouch_status::crl::Changes;
use certvouch_status::{CrlSource, GoodList};
use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask::{Ask, HashAlg};
use certvouch_testkit::pki::{Key, T0};
use certvouch_types::{Certificate, Timestamp};

use crate::common::content;
use crate::crls::{Bench, DAY, load, put};

#[derive(Debug)]
struct KeySigner(Key);

impl Signer for KeySigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha256
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        let signature = self.0.sign(self.0.sig_alg(), message);
        Box::pin(std::future::ready(Ok(signature)))
    }
}

fn responder(bench: &Bench, source: &Arc<CrlSource>, not_revoked: NotRevoked) -> Responder {
    let (ca, d_a) = (&bench.world.ca_a, &bench.world.d_a);
    let certificate = Certificate::parse(&ca.der).unwrap();
    let signer = ResponseSigner::new(
        Arc::new(KeySigner(d_a.key.clone())),
        &Certificate::parse(&d_a.der).unwrap(),
        &certificate,
        ResponderIdForm::default(),
        EmbedCertificate::default(),
    );
    let mut policy = Policy::default();
    policy.validity = 7 * DAY;
    policy.not_revoked = not_revoked;
    let source: Arc<dyn StatusSource> = Arc::<CrlSource>::clone(source);
    let issuer = Issuer::new("ca-a", &certificate, source, vec![signer], policy).unwrap();
    Responder::new(vec![issuer], Settings::default()).unwrap()
}

fn ask(bench: &Bench, responder: &Responder, serial: &str) -> Answer {
    let request = Ask::for_serial(HashAlg::Sha1, &bench.world.ca_a, &content(serial)).build();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let now = Timestamp::from_unix(bench.clock.now());
    let answer = runtime.block_on(responder.answer(&request, now));
    Answer::parse(&answer.body()).unwrap()
}

/// The status of a serial number as a client sees it.
fn status(bench: &Bench, responder: &Responder, serial: &str) -> String {
    let answer = ask(bench, responder, serial);
    let Some(basic) = answer.basic else {
        return format!("error {}", answer.status);
    };
    match basic.single().status {
        CertStatus::Good => "good".to_owned(),
        CertStatus::Unknown => "unknown".to_owned(),
        CertStatus::Revoked { at, reason } => {
            assert_eq!(at, T0 - DAY);
            format!("revoked {reason:?}")
        }
    }
}

// covers: FRESH-3, CRLSRC-2, CRLSRC-3, E-34
#[test]
fn answer_begins_and_ends_with_its_crl_and_past_that_is_try_later() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put(
        "ca.crl",
        bench
            .crl()
            .during(-3600, Some(2 * DAY))
            .revoke("AA", Some(1))
            .der(),
    );
    let source = bench.open();
    let responder = responder(&bench, &source, NotRevoked::Good);
    // Nothing was read yet.
    assert_eq!(ask(&bench, &responder, "AA").status, 3);
    load(&source);
    for serial in ["AA", "BB"] {
        let single = ask(&bench, &responder, serial)
            .basic
            .unwrap()
            .single()
            .clone();
        assert_eq!(single.this_update, T0 - 3600, "{serial}");
        assert_eq!(single.next_update, Some(T0 + 2 * DAY), "{serial}");
    }
    assert_eq!(status(&bench, &responder, "AA"), "revoked Some(1)");
    bench.clock.set(T0 + 2 * DAY);
    for serial in ["AA", "BB"] {
        let answer = ask(&bench, &responder, serial);
        assert_eq!((answer.status, answer.basic), (3, None), "{serial}");
    }
}

// covers: CRLSRC-1, BR-4.9.9-10
#[test]
fn good_needs_a_good_list_or_the_word_of_the_operator() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put("ca.crl", bench.crl().revoke("AA", None).der());
    put(&bench.path("issued.txt"), b"AA\nBB\n");
    let statuses = |source: &Arc<CrlSource>, policy| {
        let responder = responder(&bench, source, policy);
        ["AA", "BB", "FF"].map(|serial| status(&bench, &responder, serial))
    };
    let alone = bench.open();
    load(&alone);
    assert_eq!(
        statuses(&alone, NotRevoked::Unknown),
        ["revoked None", "unknown", "unknown"]
    );
    assert_eq!(
        statuses(&alone, NotRevoked::Good),
        ["revoked None", "good", "good"]
    );
    let (list, _) = GoodList::open(&bench.path("issued.txt"), &bench.world.ca_a.der).unwrap();
    let listed = bench.open_with(bench.settings(), Some(list));
    load(&listed);
    // With a good-list the never-issued one is unknown whatever the policy is.
    for policy in [NotRevoked::Unknown, NotRevoked::Good] {
        assert_eq!(
            statuses(&listed, policy),
            ["revoked None", "good", "unknown"]
        );
    }
}

// covers: ETSI1-CSS-6.3.10-08/-09, ETSI1-REV-6.2.4-03C, FRESH-5
#[test]
fn new_crl_changes_just_the_answers_that_it_is_about_and_both_methods_agree() {
    let bench = Bench::new(&["ca.crl"], &[]);
    bench.put(
        "ca.crl",
        bench
            .crl()
            .revoke("AA", Some(6))
            .revoke("BB", Some(1))
            .der(),
    );
    let source = bench.open();
    load(&source);
    let responder = responder(&bench, &source, NotRevoked::Good);
    let ask_all = || ["AA", "BB", "CC", "DD"].map(|serial| status(&bench, &responder, serial));
    assert_eq!(
        ask_all(),
        ["revoked Some(6)", "revoked Some(1)", "good", "good"]
    );
    assert_eq!(responder.cache_size().0, 4);
    bench.put(
        "ca.crl",
        bench
            .crl()
            .number(2)
            .revoke("BB", Some(1))
            .revoke("CC", Some(4))
            .der(),
    );
    let Changes::Serials(changed) = load(&source).remove(0).changes else {
        panic!("two changes fit a list");
    };
    let serials: Vec<&[u8]> = changed.iter().map(AsRef::as_ref).collect();
    responder.invalidate("ca-a", &serials);
    assert_eq!(responder.cache_size().0, 2);
    assert_eq!(
        ask_all(),
        ["good", "revoked Some(1)", "revoked Some(4)", "good"]
    );
}
