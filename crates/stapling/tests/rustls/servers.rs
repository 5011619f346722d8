//! What a client with [`OcspServerVerifier`] believes of servers.

use std::sync::{Arc, Mutex};

use certvouch_stapling::rustls_0_23::OcspServerVerifier;
use certvouch_stapling::{Fail, Ground, Refused, StatusSet};
use certvouch_testkit::pki::{Cert, KeyAlg, T0};
use certvouch_testkit::reply::{Reply, Single, Status};
use rustls::client::Resumption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, HandshakeKind, ServerConfig,
    SupportedProtocolVersion,
};

use crate::support::*;

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn server(site: &Site, key: CertifiedKey) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_details(provider(), site.time())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Fixed(Arc::new(key))));
    config.send_tls13_tickets = 2;
    Arc::new(config)
}

fn client(
    site: &Site,
    verifier: OcspServerVerifier,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut config = ClientConfig::builder_with_details(provider(), site.time())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

type Judged = Arc<Mutex<Vec<Result<Ground, Refused>>>>;

fn verifier(site: &Site, fail: Fail) -> (OcspServerVerifier, Judged) {
    let judged = Judged::default();
    let note = Arc::clone(&judged);
    let verifier = OcspServerVerifier::new(site.server_verifier(), site.anchors(), fail)
        .on_judgement(move |_, judgement| note.lock().unwrap().push(judgement.clone()));
    (verifier, judged)
}

/// A handshake with a server that sends this, under every version of TLS; the judgement of the last.
fn judge(site: &Site, key: &CertifiedKey, fail: Fail) -> Result<Ground, Refused> {
    let mut last = None;
    for version in VERSIONS {
        let (verifier, judged) = verifier(site, fail);
        let ended = handshake(
            &server(site, key.clone()),
            &Arc::new(client(site, verifier, version)),
        );
        let judgement = judged.lock().unwrap().pop().unwrap();
        match &judgement {
            Ok(_) => assert!(ended.client.is_ok() && ended.server.is_ok(), "{ended:?}"),
            Err(why) => refused_with(&ended, why),
        }
        last = Some(judgement);
    }
    last.unwrap()
}

fn refused_with(ended: &Ended, why: &Refused) {
    let alert = match ended.server.as_ref().unwrap_err() {
        Error::AlertReceived(alert) => *alert,
        other => panic!("{why:?}: the server saw {other:?}"),
    };
    let expected = match why {
        Refused::Revoked => AlertDescription::CertificateRevoked,
        Refused::Missing | Refused::NoIssuer => AlertDescription::UnknownCA,
        Refused::Features => AlertDescription::UnsupportedCertificate,
        _ => AlertDescription::BadCertificateStatusResponse,
    };
    assert_eq!(alert, expected, "{why:?}");
    assert!(
        matches!(ended.client, Err(Error::InvalidCertificate(_))),
        "{ended:?}"
    );
}

// covers: R6066-8-C1, R8446-6-C1
#[test]
fn staple_that_is_not_good_or_not_believed_ends_the_handshake_with_alert_113() {
    let site = Site::new();
    let serial = &site.leaf.serial;
    let by_stranger = answer(
        &site.inter,
        &delegate("Stranger", &site.root),
        serial,
        Status::Good,
        T0,
    );
    let old = answer(
        &site.inter,
        &site.inter_delegate,
        serial,
        Status::Good,
        T0 - 2 * LIFE,
    );
    let single = Single::about(&site.inter, serial, T0).next_update(T0 + LIFE);
    let forged = Reply::delegated(&site.inter_delegate, T0)
        .single(&single)
        .bad_signature()
        .build();
    let cases = [
        (
            site.response(serial, Status::Revoked(T0 - DAY, Some(1))),
            "stapled-revoked",
        ),
        (site.response(serial, Status::Unknown), "stapled-unknown"),
        (site.response(&[0x77], Status::Good), "wrong-certificate"),
        (by_stranger, ""),
        (old, "expired"),
        (forged, "bad-signature"),
        (certvouch_testkit::reply::error(3), ""),
        (b"<html>".to_vec(), ""),
    ];
    for fail in [Fail::Soft, Fail::Hard] {
        for (staple, code) in &cases {
            let key = site.key(&[&site.inter], Some(staple));
            let why = judge(&site, &key, fail).unwrap_err();
            println!("{fail:?}: {}: {why}", why.code());
            assert!(code.is_empty() || why.code() == *code, "{code}: {why:?}");
        }
        let good = site.response(serial, Status::Good);
        let ground = judge(&site, &site.key(&[&site.inter], Some(&good)), fail);
        assert!(
            matches!(ground, Ok(Ground::Staple(until)) if until.unix() == T0 + LIFE),
            "{ground:?}"
        );
    }
}

// covers: R6961-4.1-C1
#[test]
fn missing_staple_is_let_pass_by_the_soft_and_refused_by_the_hard() {
    let site = Site::new();
    let key = site.key(&[&site.inter], None);
    assert_eq!(judge(&site, &key, Fail::Soft), Ok(Ground::Unchecked));
    assert_eq!(judge(&site, &key, Fail::Hard), Err(Refused::Missing));
    // noRevAvail (RFC 9608): there is none to be had.
    let mut without = Site::new();
    without.leaf = leaf(&[0x32])
        .extension("2.5.29.56", false, &[0x05, 0x00])
        .issued_by(&without.inter);
    let key = without.key(&[&without.inter], None);
    assert_eq!(judge(&without, &key, Fail::Hard), Ok(Ground::NotRequired));
}

// covers: T-26
#[test]
fn issuer_is_found_by_signature_and_never_by_position() {
    let site = Site::new();
    let good = site.response(&site.leaf.serial, Status::Good);
    // An issuer of the same name that a stranger made, and a staple that its delegate signed.
    let decoy = ca("Inter", "decoy").self_signed();
    let decoy_delegate = delegate("Decoy OCSP", &decoy);
    let lie = answer(&decoy, &decoy_delegate, &site.leaf.serial, Status::Good, T0);
    let unrelated = ca("Unrelated", "unrelated").self_signed();
    for chain in [
        vec![&site.inter],
        vec![&unrelated, &site.inter],
        vec![&decoy, &site.inter],
        vec![&site.root, &decoy, &unrelated, &site.inter],
        vec![&site.inter, &decoy],
    ] {
        let ground = judge(&site, &site.key(&chain, Some(&good)), Fail::Hard);
        assert!(matches!(ground, Ok(Ground::Staple(_))), "{ground:?}");
        let why = judge(&site, &site.key(&chain, Some(&lie)), Fail::Soft).unwrap_err();
        assert!(matches!(why, Refused::Staple(..)), "{why:?}");
    }
}

#[test]
fn issuer_that_is_an_anchor_itself_need_not_be_sent() {
    let mut site = Site::new();
    site.leaf = leaf(&[0x41]).issued_by(&site.root);
    let signer = delegate("Root OCSP", &site.root);
    let good = answer(&site.root, &signer, &site.leaf.serial, Status::Good, T0);
    let ground = judge(&site, &site.key(&[], Some(&good)), Fail::Hard);
    assert!(matches!(ground, Ok(Ground::Staple(_))), "{ground:?}");
}

/// An anchor by whose key the issuer is not signed: what the chain of the other verifier ends in is not what we know.
#[test]
fn issuer_that_no_anchor_of_ours_vouches_for_is_none() {
    let site = Site::new();
    let good = site.response(&site.leaf.serial, Status::Good);
    let other = ca("Other", "other").self_signed();
    let verifier = OcspServerVerifier::new(site.server_verifier(), [other.der.into()], Fail::Soft);
    let key = site.key(&[&site.inter], Some(&good));
    let ended = handshake(
        &server(&site, key),
        &Arc::new(client(&site, verifier, VERSIONS[1])),
    );
    let expected = Error::InvalidCertificate(CertificateError::UnknownIssuer);
    assert_eq!(ended.client.unwrap_err(), expected);
}

fn with_features(value: &[u8]) -> Site {
    let mut site = Site::new();
    site.leaf = leaf(&[0x51])
        .extension("1.3.6.1.5.5.7.1.24", false, value)
        .issued_by(&site.inter);
    site
}

// covers: R7633-4.3.3-C1, R7633-x-C1, R7633-4.2.3.1-C1
#[test]
fn must_staple_without_a_staple_is_refused_even_by_the_soft() {
    for features in [MUST_STAPLE, BOTH_FEATURES] {
        let site = with_features(features);
        let bare = site.key(&[&site.inter], None);
        assert_eq!(judge(&site, &bare, Fail::Soft), Err(Refused::MustStaple));
        let good = site.response(&site.leaf.serial, Status::Good);
        let ground = judge(&site, &site.key(&[&site.inter], Some(&good)), Fail::Soft);
        assert!(matches!(ground, Ok(Ground::Staple(_))), "{ground:?}");
    }
}

// covers: R7633-4.2.2-C1
#[test]
fn features_of_a_ca_bind_those_below_it() {
    let mut site = Site::new();
    let id = "1.3.6.1.5.5.7.1.24";
    site.inter = ca("Inter", "inter")
        .extension(id, false, MUST_STAPLE)
        .issued_by(&site.root);
    site.inter_delegate = delegate("Inter OCSP", &site.inter);
    site.leaf = leaf(&[0x52]).issued_by(&site.inter);
    let good = site.response(&site.leaf.serial, Status::Good);
    let judged = judge(&site, &site.key(&[&site.inter], Some(&good)), Fail::Soft);
    assert_eq!(judged, Err(Refused::Features));
    site.leaf = leaf(&[0x53])
        .extension(id, false, BOTH_FEATURES)
        .issued_by(&site.inter);
    let good = site.response(&site.leaf.serial, Status::Good);
    let judged = judge(&site, &site.key(&[&site.inter], Some(&good)), Fail::Soft);
    assert!(matches!(judged, Ok(Ground::Staple(_))), "{judged:?}");
}

#[test]
fn prefetched_status_stands_in_for_a_staple_and_a_known_revocation_wins() {
    let site = Site::new();
    let status = Arc::new(Mutex::new(Status::Good));
    let said = Arc::clone(&status);
    let (stapler, responder) = site.stapler(move |_| Some(said.lock().unwrap().clone()));
    let set = filled(&stapler, vec![site.subject(&site.leaf, &responder)]);
    let run = |staple: Option<&[u8]>, set: &StatusSet| {
        let (verifier, judged) = verifier(&site, Fail::Hard);
        let verifier = verifier.with_statuses(set.clone());
        let key = site.key(&[&site.inter], staple);
        let ended = handshake(
            &server(&site, key),
            &Arc::new(client(&site, verifier, VERSIONS[1])),
        );
        let judgement = judged.lock().unwrap().pop().unwrap();
        assert_eq!(judgement.is_ok(), ended.server.is_ok());
        judgement
    };
    assert!(matches!(run(None, &set), Ok(Ground::Known(_))));
    let good = site.response(&site.leaf.serial, Status::Good);
    *status.lock().unwrap() = Status::Revoked(T0 - 60, Some(1));
    let _ = site.clock.advance(600);
    stapler.hurry();
    refresh(&stapler);
    assert_eq!(run(None, &set), Err(Refused::Revoked));
    // The staple is in date, and says what was right ten minutes ago.
    assert_eq!(run(Some(&good), &set), Err(Refused::Revoked));
    // What a set does not know is noted, and refused by the hard until it is known.
    let empty = StatusSet::new(stapler.clone());
    assert_eq!(run(None, &empty), Err(Refused::Missing));
    refresh(&stapler);
    assert_eq!(empty.len(), 2, "the server and its issuer");
}

// covers: TLSC-1
#[test]
fn session_is_not_resumed_beyond_the_end_of_its_status() {
    let site = Site::new();
    for version in VERSIONS {
        site.clock.set(T0);
        let good = site.response(&site.leaf.serial, Status::Good);
        let server = server(&site, site.key(&[&site.inter], Some(&good)));
        let (verifier, judged) = verifier(&site, Fail::Hard);
        let memory = Arc::new(rustls::client::ClientSessionMemoryCache::new(8));
        let sessions = verifier.sessions(memory, site.clock());
        let mut config = client(&site, verifier, version);
        config.resumption = Resumption::store(sessions);
        let config = Arc::new(config);
        assert_eq!(handshake(&server, &config).client, Ok(HandshakeKind::Full));
        assert_eq!(
            handshake(&server, &config).client,
            Ok(HandshakeKind::Resumed)
        );
        site.clock.set(T0 + LIFE);
        // The verifier tolerates clocks that are a little off; a session does not live on that.
        let ended = handshake(&server, &config);
        assert_eq!(ended.client, Ok(HandshakeKind::Full));
        site.clock.set(T0 + 2 * LIFE);
        let ended = handshake(&server, &config);
        let expected = Error::InvalidCertificate(CertificateError::InvalidOcspResponse);
        assert_eq!(
            ended.client,
            Err(expected),
            "the staple has ended with the session"
        );
        assert_eq!(judged.lock().unwrap().len(), 3);
    }
}

// covers: ALG-2
#[test]
fn staple_of_a_post_quantum_delegate_passes_through_a_handshake() {
    let site = Site::new();
    for algorithm in [KeyAlg::MlDsa44, KeyAlg::MlDsa65, KeyAlg::MlDsa87] {
        let signer = certvouch_testkit::pki::CertBuilder::new(
            &[("CN", "PQ OCSP")],
            &certvouch_testkit::pki::Key::cached(algorithm, "pq"),
        )
        .validity(T0 - DAY, T0 + DAY)
        .key_usage(&[certvouch_testkit::pki::KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(&site.inter);
        let good = large(&site, &signer);
        println!("{algorithm:?}: {} octets", good.len());
        let ground = judge(&site, &site.key(&[&site.inter], Some(&good)), Fail::Hard);
        assert!(
            matches!(ground, Ok(Ground::Staple(_))),
            "{algorithm:?}: {ground:?}"
        );
    }
}

fn large(site: &Site, signer: &Cert) -> Vec<u8> {
    answer(&site.inter, signer, &site.leaf.serial, Status::Good, T0)
}
