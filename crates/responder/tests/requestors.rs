//! Request signatures: ignored unless required; where required, only listed requestors get an answer, and strangers
//! cannot choose how much is verified.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking too")]

#[path = "support/extra.rs"]
mod extra;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certvouch_responder::{
    AnswerError, CheckAtOnce, CheckRoom, CheckRoomFull, Knowledge, RequestorFault, Requestors,
    RequestorsError, Responder, Work,
};
use certvouch_testkit::ask::{Ask, HashAlg};
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, KeyUsage, SigAlg, T0};
use support::{Fixture, err, octets, t0};

use extra::DAY;

fn client(name: &str, ca: &Cert, serial: u8, validity: (i64, i64)) -> Cert {
    CertBuilder::new(&[("CN", name)], &extra::p256(name))
        .serial(&[serial])
        .validity(validity.0, validity.1)
        .key_usage(&[KeyUsage::DigitalSignature])
        .issued_by(ca)
}

fn current(name: &str, ca: &Cert, serial: u8) -> Cert {
    client(name, ca, serial, (T0 - DAY, T0 + DAY))
}

fn requiring(fixture: &Fixture, allowed: &[&Cert]) -> Responder {
    let allowed = allowed.iter().map(|cert| cert.der.clone()).collect();
    let list = Requestors::new(allowed, Arc::new(CheckAtOnce)).unwrap();
    fixture.responder(|policy| policy.requestors = Some(Arc::new(list)))
}

fn question(fixture: &Fixture) -> Ask {
    Ask::for_serial(
        HashAlg::Sha1,
        &fixture.world.ca_a,
        &fixture.world.ee_good.serial,
    )
}

fn signed(fixture: &Fixture, by: &Cert, certs: &[&Cert]) -> Vec<u8> {
    let request = question(fixture).requestor_directory_name(&by.subject);
    request.sign(by, by.key.sig_alg(), certs).build()
}

fn fault(responder: &Responder, request: &[u8]) -> RequestorFault {
    match support::ask(responder, request, t0()).result {
        Err(AnswerError::Requestor(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

// covers: E-26, R6960-2.3-5
#[test]
fn unsigned_request_where_signatures_are_required_is_told_so() {
    let fixture = Fixture::new();
    let listed = current("listed", &fixture.world.ca_b, 1);
    let responder = requiring(&fixture, &[&listed]);
    assert_eq!(
        octets(&responder, &question(&fixture).build(), t0()),
        err(5)
    );
    // requestorName alone is no signature.
    let named = question(&fixture)
        .requestor_directory_name(&listed.subject)
        .build();
    assert_eq!(octets(&responder, &named, t0()), err(5));
    assert_eq!(fixture.signer.signatures(), 0);
}

// covers: E-25
#[test]
fn signed_request_without_requestor_name_is_malformed_where_signatures_count_and_fine_elsewhere() {
    let fixture = Fixture::new();
    let listed = current("listed", &fixture.world.ca_b, 1);
    let request = question(&fixture)
        .sign(&listed, listed.key.sig_alg(), &[&listed])
        .build();
    assert_eq!(
        octets(&requiring(&fixture, &[&listed]), &request, t0()),
        err(1)
    );
    fixture.verified(&octets(&fixture.responder(|_| {}), &request, t0()));
}

// covers: E-27, T-42
#[test]
fn listed_requestor_is_answered_and_nobody_else() {
    let fixture = Fixture::new();
    let ca_b = &fixture.world.ca_b;
    let listed = current("listed", ca_b, 1);
    let responder = requiring(&fixture, &[&listed]);
    fixture.verified(&octets(
        &responder,
        &signed(&fixture, &listed, &[&listed]),
        t0(),
    ));
    // Without certificates, requestorName says who it is.
    fixture.verified(&octets(&responder, &signed(&fixture, &listed, &[]), t0()));

    let stranger = current("stranger", ca_b, 2);
    for certs in [&[&stranger][..], &[]] {
        let request = signed(&fixture, &stranger, certs);
        assert_eq!(octets(&responder, &request, t0()), err(6));
        assert_eq!(fault(&responder, &request), RequestorFault::NotAllowed);
    }
    // The listed certificate beside the signature of somebody else.
    let request = question(&fixture).requestor_directory_name(&listed.subject);
    let forged = request
        .sign(&stranger, stranger.key.sig_alg(), &[&listed])
        .build();
    assert_eq!(fault(&responder, &forged), RequestorFault::Signature);
    // Somebody else's name.
    let request = question(&fixture).requestor_directory_name(&stranger.subject);
    let misnamed = request
        .sign(&listed, listed.key.sig_alg(), &[&listed])
        .build();
    assert_eq!(fault(&responder, &misnamed), RequestorFault::Name);
}

// covers: E-27, T-42
#[test]
fn ca_on_the_list_vouches_for_its_certificates_until_they_end_or_are_revoked() {
    let fixture = Fixture::new();
    let ca_a = &fixture.world.ca_a;
    let responder = requiring(&fixture, &[ca_a]);
    let client = current("client", ca_a, 0x51);
    fixture.source.say(&client.serial, Knowledge::Issued);
    let request = signed(&fixture, &client, &[&client]);
    fixture.verified(&octets(&responder, &request, t0()));
    fixture
        .source
        .say(&client.serial, extra::revoked(T0 - 5, None));
    assert_eq!(fault(&responder, &request), RequestorFault::Revoked);

    let ended = self::client("ended", ca_a, 0x52, (T0 - 2 * DAY, T0 - 1));
    assert_eq!(
        fault(&responder, &signed(&fixture, &ended, &[&ended])),
        RequestorFault::NotAllowed
    );
    // The name of the CA alone is not its signature.
    let forged = CertBuilder::new(&[("CN", "forged")], &extra::p256("forged"))
        .validity(T0 - DAY, T0 + DAY)
        .issued(&ca_a.subject, &fixture.world.ca_b.key);
    assert_eq!(
        fault(&responder, &signed(&fixture, &forged, &[&forged])),
        RequestorFault::NotAllowed
    );
    // An end entity on the list vouches for nobody.
    let below = CertBuilder::new(&[("CN", "below")], &extra::p256("below"))
        .validity(T0 - DAY, T0 + DAY)
        .issued_by(&client);
    let responder = requiring(&fixture, &[&client]);
    assert_eq!(
        fault(&responder, &signed(&fixture, &below, &[&below])),
        RequestorFault::NotAllowed
    );
}

// covers: T-42
#[test]
fn more_than_three_certificates_and_weak_algorithms_are_not_looked_at() {
    let fixture = Fixture::new();
    let listed = current("listed", &fixture.world.ca_b, 1);
    let responder = requiring(&fixture, &[&listed]);
    let four = [&listed, &listed, &listed, &listed];
    assert_eq!(
        fault(&responder, &signed(&fixture, &listed, &four)),
        RequestorFault::TooManyCertificates
    );
    fixture.verified(&octets(
        &responder,
        &signed(&fixture, &listed, &four[..3]),
        t0(),
    ));
    let weak = question(&fixture)
        .requestor_directory_name(&listed.subject)
        .raw_signature(&extra::sha1_with_ecdsa(), b"any", &[&listed])
        .build();
    assert_eq!(fault(&responder, &weak), RequestorFault::Algorithm);
    // A modulus of 8192 bits that nobody has to compute with.
    let modulus = [&[0][..], &[0xC1; 1024]].concat();
    let rsa = der::seq(&[&der::int_bytes(&modulus), &der::int_bytes(&[1, 0, 1])]);
    let algorithm = der::seq(&[&der::oid("1.2.840.113549.1.1.1"), &der::null()]);
    let spki = der::seq(&[&algorithm, &der::bits(&rsa)]);
    let huge = CertBuilder::new(&[("CN", "huge")], &extra::p256("huge"))
        .validity(T0 - DAY, T0 + DAY)
        .spki_der(&spki)
        .issued_by(&fixture.world.ca_b);
    let responder = requiring(&fixture, &[&huge]);
    let request = question(&fixture)
        .requestor_directory_name(&huge.subject)
        .raw_signature(&SigAlg::RsaSha256.identifier(), &[0x5A; 1024], &[&huge])
        .build();
    assert_eq!(fault(&responder, &request), RequestorFault::Algorithm);
}

/// A room that counts, and may be full.
#[derive(Debug, Default)]
struct Counting {
    works: AtomicUsize,
    room_for: usize,
}

impl CheckRoom for Counting {
    fn run(&self, work: Work) -> Result<(), CheckRoomFull> {
        if self.works.fetch_add(1, Ordering::SeqCst) >= self.room_for {
            return Err(CheckRoomFull);
        }
        work();
        Ok(())
    }
}

// covers: T-42
#[test]
fn signatures_are_verified_in_a_room_of_their_own_and_only_where_required() {
    let fixture = Fixture::new();
    let listed = current("listed", &fixture.world.ca_b, 1);
    let room = Arc::new(Counting {
        works: AtomicUsize::new(0),
        room_for: 1,
    });
    let list = Requestors::new(vec![listed.der.clone()], Arc::<Counting>::clone(&room)).unwrap();
    let responder = fixture.responder(|policy| policy.requestors = Some(Arc::new(list)));
    // Neither unsigned nor nameless requests come as far as the room.
    assert_eq!(
        octets(&responder, &question(&fixture).build(), t0()),
        err(5)
    );
    assert_eq!(room.works.load(Ordering::SeqCst), 0);
    let request = signed(&fixture, &listed, &[&listed]);
    fixture.verified(&octets(&responder, &request, t0()));
    assert_eq!(
        octets(&responder, &request, t0()),
        err(3),
        "the room is full"
    );
    // Where signatures do not count, a broken one costs nothing and changes nothing.
    let broken = question(&fixture)
        .requestor_directory_name(&listed.subject)
        .raw_signature(&listed.key.sig_alg().identifier(), b"broken", &[&listed])
        .build();
    fixture.verified(&octets(&fixture.responder(|_| {}), &broken, t0()));
    assert_eq!(room.works.load(Ordering::SeqCst), 2);
}

#[test]
fn list_of_nobody_or_of_something_else_is_refused() {
    let room: Arc<dyn CheckRoom> = Arc::new(CheckAtOnce);
    let list = |allowed| Requestors::new(allowed, Arc::clone(&room)).unwrap_err();
    assert_eq!(list(Vec::new()), RequestorsError::Nobody);
    assert_eq!(list(vec![b"x".to_vec()]), RequestorsError::NotACertificate);
}
