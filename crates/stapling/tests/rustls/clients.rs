//! Servers that check their clients with [`StatusClientVerifier`], above all when sessions are resumed.

use std::sync::{Arc, Mutex};

use certvouch_stapling::rustls_0_23::StatusClientVerifier;
use certvouch_stapling::{Fail, Standing, Stapler, StatusSet};
use certvouch_testkit::misbehave::Misbehaving;
use certvouch_testkit::pki::T0;
use certvouch_testkit::reply::Status;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{
    AlertDescription, ClientConfig, Error, HandshakeKind, ServerConfig, SupportedProtocolVersion,
};

use crate::support::*;

#[derive(Clone, Copy, Debug)]
enum Kept {
    /// Sessions in the server's memory.
    Sessions,
    /// Sessions in tickets that clients keep.
    Tickets,
}

#[derive(Clone, Copy, Debug)]
enum Guard {
    Wrapped,
    Bare,
}

fn server(
    site: &Site,
    set: &StatusSet,
    fail: Fail,
    (kept, guard): (Kept, Guard),
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let verifier =
        StatusClientVerifier::new(site.client_verifier(), site.anchors(), set.clone(), fail);
    let key = site.key(&[&site.inter], None);
    let mut config = ServerConfig::builder_with_details(provider(), site.time())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(Arc::new(verifier.clone()))
        .with_single_cert(
            key.cert,
            rustls::pki_types::PrivatePkcs8KeyDer::from(site.leaf.key.pkcs8_der()).into(),
        )
        .unwrap();
    match (kept, guard) {
        (Kept::Sessions, Guard::Bare) => config.session_storage = ServerSessionMemoryCache::new(16),
        (Kept::Sessions, Guard::Wrapped) => {
            config.session_storage =
                verifier.sessions(ServerSessionMemoryCache::new(16), site.clock());
        }
        (Kept::Tickets, Guard::Bare) => config.ticketer = Ticketer::new().unwrap(),
        (Kept::Tickets, Guard::Wrapped) => {
            config.ticketer = verifier.tickets(Ticketer::new().unwrap(), site.clock());
        }
    }
    if matches!(kept, Kept::Tickets) {
        config.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Arc::new(config)
}

/// A client with a certificate of its own, which remembers sessions.
fn client(site: &Site) -> Arc<ClientConfig> {
    let key = site.key(&[&site.inter], None);
    let config = ClientConfig::builder_with_details(provider(), site.time())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(site.server_verifier())
        .with_client_auth_cert(
            key.cert,
            rustls::pki_types::PrivatePkcs8KeyDer::from(site.leaf.key.pkcs8_der()).into(),
        )
        .unwrap();
    Arc::new(config)
}

struct Desk {
    site: Site,
    status: Arc<Mutex<Option<Status>>>,
    stapler: Stapler,
    responder: Misbehaving,
}

impl Desk {
    fn new() -> Self {
        let site = Site::new();
        let status = Arc::new(Mutex::new(Some(Status::Good)));
        let said = Arc::clone(&status);
        let (stapler, responder) = site.stapler(move |_| said.lock().unwrap().clone());
        Self {
            site,
            status,
            stapler,
            responder,
        }
    }

    fn set(&self) -> StatusSet {
        filled(
            &self.stapler,
            vec![self.site.subject(&self.site.leaf, &self.responder)],
        )
    }

    fn revoke(&self) {
        *self.status.lock().unwrap() = Some(Status::Revoked(T0, Some(1)));
        let _ = self.site.clock.advance(60);
        self.stapler.hurry();
        refresh(&self.stapler);
    }
}

const WAYS: [Kept; 2] = [Kept::Sessions, Kept::Tickets];

#[test]
fn client_that_is_revoked_while_its_session_is_resumable_is_refused_at_the_next_handshake() {
    for version in VERSIONS {
        for kept in WAYS {
            for guard in [Guard::Wrapped, Guard::Bare] {
                let desk = Desk::new();
                let server = server(&desk.site, &desk.set(), Fail::Hard, (kept, guard), version);
                let client = client(&desk.site);
                assert_eq!(handshake(&server, &client).server, Ok(HandshakeKind::Full));
                let again = handshake(&server, &client).server;
                assert_eq!(
                    again,
                    Ok(HandshakeKind::Resumed),
                    "{version:?} {kept:?} {guard:?}"
                );
                desk.revoke();
                let ended = handshake(&server, &client);
                if matches!(guard, Guard::Bare) {
                    // What rustls does by itself: nobody looks at the certificate again.
                    assert_eq!(ended.server, Ok(HandshakeKind::Resumed));
                    continue;
                }
                let revoked = Error::InvalidCertificate(rustls::CertificateError::Revoked);
                assert_eq!(ended.server, Err(revoked), "{version:?} {kept:?}");
                let alert = Error::AlertReceived(AlertDescription::CertificateRevoked);
                assert_eq!(ended.client.unwrap_err(), alert);
            }
        }
    }
}

#[test]
fn session_is_not_resumed_when_its_status_has_ended() {
    for kept in WAYS {
        let desk = Desk::new();
        let way = (kept, Guard::Wrapped);
        let server = server(&desk.site, &desk.set(), Fail::Soft, way, VERSIONS[1]);
        let client = client(&desk.site);
        assert_eq!(handshake(&server, &client).server, Ok(HandshakeKind::Full));
        assert_eq!(
            handshake(&server, &client).server,
            Ok(HandshakeKind::Resumed)
        );
        desk.site.clock.set(T0 + LIFE);
        // Soft: let in, but with a full handshake, and nothing to resume behind it.
        assert_eq!(handshake(&server, &client).server, Ok(HandshakeKind::Full));
        assert_eq!(handshake(&server, &client).server, Ok(HandshakeKind::Full));
        *desk.status.lock().unwrap() = Some(Status::Good);
        desk.stapler.hurry();
        refresh(&desk.stapler);
        // The status is known again.
        assert!(handshake(&server, &client).server.is_ok());
        let again = handshake(&server, &client).server;
        assert_eq!(again, Ok(HandshakeKind::Resumed), "{kept:?}");
    }
}

#[test]
fn client_that_nobody_knows_is_noted_and_known_at_the_next_handshake() {
    let mut desk = Desk::new();
    let url = desk.responder.url();
    desk.site.leaf = leaf(&[0x71]).aia(&[&url], &[]).issued_by(&desk.site.inter);
    let set = StatusSet::new(desk.stapler.clone());
    let way = (Kept::Sessions, Guard::Wrapped);
    let server = server(&desk.site, &set, Fail::Hard, way, VERSIONS[1]);
    let client = client(&desk.site);
    let missing = Error::InvalidCertificate(rustls::CertificateError::UnknownRevocationStatus);
    assert_eq!(handshake(&server, &client).server, Err(missing));
    refresh(&desk.stapler);
    assert_eq!(handshake(&server, &client).server, Ok(HandshakeKind::Full));
}

#[test]
fn hook_is_called_when_a_status_changes_and_only_then() {
    let desk = Desk::new();
    let set = StatusSet::new(desk.stapler.clone());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    set.on_change(move |change| {
        note.lock()
            .unwrap()
            .push((change.certificate.clone(), change.was, change.is))
    });
    let _ = set
        .watch(desk.site.subject(&desk.site.leaf, &desk.responder))
        .unwrap();
    refresh(&desk.stapler);
    desk.stapler.hurry();
    refresh(&desk.stapler);
    desk.revoke();
    let _ = desk.site.clock.advance(60);
    desk.stapler.hurry();
    refresh(&desk.stapler);
    let leaf = bytes::Bytes::from(desk.site.leaf.der);
    let expected = [
        (leaf.clone(), Standing::Missing, Standing::Good),
        (leaf, Standing::Good, Standing::Revoked),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn revocation_outlives_its_response_and_a_full_set_passes_strangers_over() {
    let desk = Desk::new();
    let set = desk.set();
    desk.revoke();
    desk.site.clock.set(T0 + 20 * DAY);
    let known = set.status(&desk.site.leaf.der, desk.site.now()).unwrap();
    assert_eq!(known.standing, Standing::Revoked);
    assert!(known.valid_until < desk.site.now());

    let full = StatusSet::with_limit(desk.stapler.clone(), 0);
    let way = (Kept::Sessions, Guard::Wrapped);
    let server = server(&desk.site, &full, Fail::Soft, way, VERSIONS[1]);
    assert!(handshake(&server, &client(&desk.site)).server.is_ok());
    assert!(full.is_empty());
    set.forget(&desk.site.leaf.der);
    assert_eq!(set.status(&desk.site.leaf.der, desk.site.now()), None);
}
