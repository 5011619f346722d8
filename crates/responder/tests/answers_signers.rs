//! Which signer answers: the client's preference among what the operator configured, and nothing else.

#[path = "support/extra.rs"]
mod extra;
mod support;

use std::sync::Arc;

use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::{
    BoxFuture, EmbedCertificate, Issuer, IssuerError, Responder, ResponderIdForm, ResponseSigner,
    SignError, Signer, StatusSource,
};
use certvouch_testkit::ask::{Ask, HashAlg};
use certvouch_testkit::pki::{Cert, Key, KeyAlg, SigAlg, T0};
use certvouch_types::{Certificate, Timestamp};
use extra::{DAY, identifiers, prefer};
use support::{Fixture, KeySigner, err, t0};

/// CA-A with three delegates: RSA first, then P-256, then Ed25519.
struct Three {
    fixture: Fixture,
    certs: [Cert; 3],
    responder: Responder,
}

const ALGS: [SigAlg; 3] = [SigAlg::RsaSha256, SigAlg::EcdsaSha256, SigAlg::Ed25519];

impl Three {
    /// With these validities, in seconds around T0.
    fn new(validity: [(i64, i64); 3]) -> Self {
        let fixture = Fixture::new();
        let ca = &fixture.world.ca_a;
        let kinds = [KeyAlg::Rsa2048, KeyAlg::P256, KeyAlg::Ed25519];
        let certs = [0, 1, 2].map(|index| {
            let key = Key::cached(kinds[index], "three");
            let (from, to) = validity[index];
            extra::delegate("D-three", &key, ca, (T0 + from, T0 + to))
        });
        let signers = certs
            .iter()
            .map(|cert| support::response_signer(&KeySigner::new(&cert.key), cert, ca));
        let signers: Vec<ResponseSigner> = signers.collect();
        let policy = support::policy(|_| {});
        let issuer = support::issuer("ca-a", ca, &fixture.source, signers, policy);
        let responder = support::responder(vec![issuer]);
        Self {
            fixture,
            certs,
            responder,
        }
    }

    /// The index of the signer that answers these preferences, its signature checked.
    fn chosen(&self, preferences: &[Vec<u8>], now: Timestamp) -> usize {
        let world = &self.fixture.world;
        let ask = Ask::for_serial(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial);
        let ask = if preferences.is_empty() {
            ask
        } else {
            prefer(ask, preferences)
        };
        let basic = extra::parsed(&support::octets(&self.responder, &ask.build(), now));
        let index = ALGS
            .iter()
            .position(|algorithm| algorithm.identifier() == basic.algorithm)
            .expect("one of the three");
        basic
            .verify_with(&self.certs[index].der)
            .expect("a right signature");
        assert_eq!(basic.certs, Some(vec![self.certs[index].der.clone()]));
        index
    }
}

const ALWAYS: (i64, i64) = (-DAY, 30 * DAY);

// covers: R6960-4.4.7.2.1-1, E-49
#[test]
fn first_preference_that_somebody_meets_decides_else_the_default_signs() {
    let three = Three::new([ALWAYS; 3]);
    let (rsa, ecdsa, ed) = (SigAlg::RsaSha256, SigAlg::EcdsaSha256, SigAlg::Ed25519);
    for (preferences, wanted) in [
        (&[][..], 0),
        (&[ed, ecdsa], 2),
        (&[ecdsa, ed], 1),
        (&[SigAlg::EcdsaSha384, SigAlg::MlDsa65, ed], 2),
        (&[rsa, ed], 0),
        (&[SigAlg::RsaPssSha256], 0),
        (&[SigAlg::RsaSha512], 0),
    ] {
        let chosen = three.chosen(&identifiers(preferences), t0());
        assert_eq!(chosen, wanted, "{preferences:?}");
    }
}

// covers: R6960-5.1-1, R6960-4.4.7.2.1-1, MOZ-5.1.3-1, BR-7.1.3.2.1-1
#[test]
fn preference_for_sha1_is_never_met() {
    let three = Three::new([ALWAYS; 3]);
    let (rsa, ecdsa) = (extra::sha1_with_rsa(), extra::sha1_with_ecdsa());
    assert_eq!(three.chosen(std::slice::from_ref(&rsa), t0()), 0);
    assert_eq!(
        three.chosen(&[rsa, ecdsa, SigAlg::Ed25519.identifier()], t0()),
        2
    );
}

#[derive(Debug)]
struct Sha1Signer;

impl Signer for Sha1Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha1
    }

    fn sign<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(async { panic!("nothing is signed with SHA-1") })
    }
}

// covers: R6960-5.1-1, MOZ-5.1.3-1, BR-7.1.3.2.1-1
#[test]
fn signer_with_sha1_is_refused_beside_others_too() {
    let fixture = Fixture::new();
    let ca = Certificate::parse(&fixture.world.ca_a.der).unwrap();
    let d_a = Certificate::parse(&fixture.world.d_a.der).unwrap();
    let good = support::response_signer(&fixture.signer, &fixture.world.d_a, &fixture.world.ca_a);
    let weak = ResponseSigner::new(
        Arc::new(Sha1Signer),
        &d_a,
        &ca,
        ResponderIdForm::default(),
        EmbedCertificate::default(),
    );
    let source: Arc<dyn StatusSource> = Arc::<support::MapSource>::clone(&fixture.source);
    let refused = Issuer::new(
        "ca-a",
        &ca,
        source,
        vec![good, weak],
        support::policy(|_| {}),
    );
    assert_eq!(refused.unwrap_err(), IssuerError::Sha1Signature);
}

// covers: E-23, R6960-4.4.7.2.1-1
#[test]
fn preferences_that_do_not_parse_are_ignored_unless_critical() {
    let three = Three::new([ALWAYS; 3]);
    let world = &three.fixture.world;
    let ask = Ask::for_serial(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial);
    let request = ask
        .clone()
        .extension(extra::PREF_SIG_ALGS, false, b"no DER")
        .build();
    let basic = extra::parsed(&support::octets(&three.responder, &request, t0()));
    assert_eq!(basic.algorithm, ALGS[0].identifier());
    let request = ask.extension(extra::PREF_SIG_ALGS, true, b"no DER").build();
    assert_eq!(support::octets(&three.responder, &request, t0()), err(1));
}

// covers: R6960-4.4.7.2.1-1, R6960-2.2-2, E-37
#[test]
fn signers_whose_certificates_are_not_valid_now_are_passed_over() {
    let three = Three::new([(-DAY, 10), (20, DAY), (-DAY, 30)]);
    let prefer = |algorithm: SigAlg| identifiers(&[algorithm]);
    // Only RSA and Ed25519 so far; both ends of a validity belong to it.
    assert_eq!(three.chosen(&prefer(ALGS[1]), t0()), 0);
    assert_eq!(three.chosen(&prefer(ALGS[2]), t0()), 2);
    // RSA is over: the next one that is valid is the default now.
    assert_eq!(three.chosen(&[], t0() + 11), 2);
    assert_eq!(three.chosen(&prefer(ALGS[0]), t0() + 11), 2);
    assert_eq!(three.chosen(&[], t0() + 20), 1);
    assert_eq!(three.chosen(&[], t0() + 31), 1);
    let world = &three.fixture.world;
    let request = Ask::for_serial(HashAlg::Sha256, &world.ca_a, &world.ee_good.serial).build();
    let after = t0() + DAY + 1;
    assert_eq!(support::octets(&three.responder, &request, after), err(2));
}
