//! Requests that are malformed, and therefore answered with `30 03 0A 01 01` (requirements §17.2), and their
//! neighbours that are not.

#[path = "../support/mod.rs"]
mod support;

mod rules;
mod syntax;

use certvouch_responder::Responder;
use certvouch_testkit::answer::CertStatus;
use certvouch_testkit::ask::{Ask, HashAlg, Params, cert_id};
use support::{Fixture, err, octets, t0};

/// A fixture with its responder, whose source and signer must stay unasked.
pub(crate) struct Case {
    pub(crate) fixture: Fixture,
    pub(crate) responder: Responder,
}

impl Case {
    pub(crate) fn new() -> Self {
        let fixture = Fixture::new();
        let responder = fixture.responder(|_| {});
        Self { fixture, responder }
    }

    /// A question about EE-good, to be added to.
    pub(crate) fn question(&self) -> Ask {
        let world = &self.fixture.world;
        Ask::for_serial(HashAlg::Sha1, &world.ca_a, &world.ee_good.serial)
    }

    /// The CertID of EE-good.
    pub(crate) fn cert_id(&self) -> Vec<u8> {
        let world = &self.fixture.world;
        cert_id(
            HashAlg::Sha1,
            &Params::Null,
            &world.ca_a,
            &world.ee_good.serial,
        )
    }

    /// The request is malformed, and nobody was asked to do anything about it.
    pub(crate) fn refused(&self, what: &str, request: &[u8]) {
        let before = self.work();
        assert_eq!(octets(&self.responder, request, t0()), err(1), "{what}");
        assert_eq!(self.work(), before, "{what}");
    }

    /// The request is answered with the octets that the plain question gets.
    pub(crate) fn as_without(&self, what: &str, request: &[u8]) {
        let plain = octets(&self.responder, &self.question().build(), t0());
        let basic = self.fixture.verified(&plain);
        assert_eq!(basic.single().status, CertStatus::Good);
        assert_eq!(octets(&self.responder, request, t0()), plain, "{what}");
    }

    fn work(&self) -> (usize, usize) {
        (
            self.fixture.source.lookups(),
            self.fixture.signer.signatures(),
        )
    }
}
