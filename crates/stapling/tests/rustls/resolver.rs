//! What a server with [`StapledKey`] staples, handshake by handshake.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use certvouch_stapling::rustls_0_23::{NotReplaced, StapledKey, StapledKeys};
use certvouch_stapling::{Mode, Reaction, Reactions, Stapler, Store};
use certvouch_testkit::pki::T0;
use certvouch_testkit::process::temp_dir;
use certvouch_testkit::reply::Status;
use rustls::ClientConfig;
use rustls::ServerConfig;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ResolvesServerCert;

use crate::support::*;

/// Takes everything, and keeps what came.
#[derive(Debug, Default)]
struct Eyes(Mutex<(Vec<u8>, Vec<u8>)>);

impl ServerCertVerifier for Eyes {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = (end_entity.to_vec(), ocsp_response.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The certificate and the staple that a client sees, the same under TLS 1.2 and 1.3.
fn look(site: &Site, resolver: Arc<impl ResolvesServerCert + 'static>) -> (Vec<u8>, Vec<u8>) {
    let server = ServerConfig::builder_with_details(provider(), site.time())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    let server = Arc::new(server);
    let mut seen = Vec::new();
    for version in VERSIONS {
        let eyes = Arc::new(Eyes::default());
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Eyes>::clone(&eyes);
        let mut client = ClientConfig::builder_with_details(provider(), site.time())
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();
        let ended = handshake(&server, &Arc::new(client));
        assert!(ended.client.is_ok(), "{ended:?}");
        seen.push(eyes.0.lock().unwrap().clone());
    }
    assert_eq!(seen[0], seen[1]);
    seen.remove(0)
}

fn staple(site: &Site, key: &Arc<StapledKey>) -> Vec<u8> {
    look(site, Arc::clone(key)).1
}

// covers: R6066-8-1, R7633-3-1, STAPLE-1, STAPLE-3, STAPLE-4
#[test]
fn staple_is_there_at_the_first_handshake_follows_the_engine_and_ends_in_time() {
    let site = Site::new();
    let folder = temp_dir();
    let status = Arc::new(Mutex::new(Status::Good));
    let said = Arc::clone(&status);
    let (_, responder) = site.stapler(move |_| Some(said.lock().unwrap().clone()));
    let stapler = || {
        let mut options = site.options();
        options.store = Some(Store::open(folder.path()).unwrap());
        Stapler::new(options).unwrap()
    };
    let key = |stapler: &Stapler| {
        let subject = site.subject(&site.leaf, &responder);
        Arc::new(StapledKey::new(stapler, site.key(&[&site.inter], None), subject).unwrap())
    };
    let first = stapler();
    let served = key(&first);
    assert!(staple(&site, &served).is_empty(), "nobody was asked yet");
    refresh(&first);
    let good = staple(&site, &served);
    assert_eq!(good, served.slot().staple(site.now()).unwrap().der());
    // Two handshakes share one key.
    assert!(Arc::ptr_eq(&served.current(), &served.current()));
    // A server that starts anew has it at once, and asks nobody.
    let asked = responder.requests().len();
    assert_eq!(staple(&site, &key(&stapler())), good);
    assert_eq!(responder.requests().len(), asked);
    // A revocation is stapled.
    *status.lock().unwrap() = Status::Revoked(T0, Some(1));
    let _ = site.clock.advance(600);
    first.hurry();
    refresh(&first);
    let revoked = staple(&site, &served);
    assert!(revoked != good && !revoked.is_empty());
    // At the second of nextUpdate there is none.
    site.clock.set(T0 + 600 + LIFE - 1);
    assert_eq!(staple(&site, &served), revoked);
    site.clock.set(T0 + 600 + LIFE);
    assert!(staple(&site, &served).is_empty());
}

#[test]
fn operator_decides_whether_a_revocation_is_stapled_and_which_certificates_are() {
    let site = Site::new();
    let (stapler, responder) = site.stapler(|_| Some(Status::Revoked(T0 - DAY, Some(1))));
    let key = |reactions, mode| {
        let subject = site.subject(&site.leaf, &responder);
        let key = StapledKey::new(&stapler, site.key(&[&site.inter], None), subject).unwrap();
        Arc::new(key.with_policy(reactions, mode))
    };
    let mut omit = Reactions::default();
    omit.revoked = Reaction::Omit;
    let shown = key(Reactions::default(), Mode::Always);
    let hidden = key(omit, Mode::Always);
    let automatic = key(Reactions::default(), Mode::Auto);
    refresh(&stapler);
    assert!(!staple(&site, &shown).is_empty());
    assert!(staple(&site, &hidden).is_empty());
    assert!(
        staple(&site, &automatic).is_empty(),
        "it is not must-staple"
    );
}

// covers: R7633-4.3.2-2
#[test]
fn new_certificate_is_used_when_its_staple_is_there_and_not_before() {
    let site = Site::new();
    let answers = Arc::new(Mutex::new(true));
    let open = Arc::clone(&answers);
    let (stapler, responder) = site.stapler(move |_| open.lock().unwrap().then_some(Status::Good));
    let old = StapledKey::new(
        &stapler,
        site.key(&[&site.inter], None),
        site.subject(&site.leaf, &responder),
    );
    let served = Arc::new(old.unwrap());
    refresh(&stapler);
    let new = leaf(&[0x61]).issued_by(&site.inter);
    let (key, subject) = (
        || certified(&new, &[&site.inter], None),
        || site.subject(&new, &responder),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = stapler.clone();
    drop(runtime.spawn(async move { engine.run().await }));
    let replace = |within| runtime.block_on(served.replace(key(), subject(), within));
    *answers.lock().unwrap() = false;
    let short = Duration::from_millis(300);
    assert_eq!(replace(short), Err(NotReplaced::NoStaple(short)));
    assert_eq!(look(&site, Arc::clone(&served)).0, site.leaf.der);
    assert_eq!(stapler.slots().len(), 1, "the new one was let go");
    *answers.lock().unwrap() = true;
    assert_eq!(replace(Duration::from_secs(30)), Ok(()));
    let (certificate, staple) = look(&site, Arc::clone(&served));
    assert_eq!(certificate, new.der);
    assert!(!staple.is_empty());
    assert_eq!(stapler.slots().len(), 1, "the old one was let go");
    let wrong =
        runtime.block_on(served.replace(key(), site.subject(&site.leaf, &responder), short));
    assert_eq!(wrong, Err(NotReplaced::AnotherCertificate));
}

#[test]
fn certificate_is_picked_by_the_name_that_a_client_asks_for() {
    let site = Site::new();
    let (stapler, responder) = site.stapler(|_| Some(Status::Good));
    let other = leaf(&[0x62]).issued_by(&site.inter);
    let stapled = |cert| {
        let subject = site.subject(cert, &responder);
        Arc::new(StapledKey::new(&stapler, certified(cert, &[&site.inter], None), subject).unwrap())
    };
    let (first, second) = (stapled(&site.leaf), stapled(&other));
    let seen = |keys: StapledKeys| look(&site, Arc::new(keys)).0;
    let exact = StapledKeys::new(Some(Arc::clone(&first))).with("WWW.example", Arc::clone(&second));
    assert_eq!(seen(exact), other.der);
    let wild = StapledKeys::new(Some(Arc::clone(&first))).with("*.example", Arc::clone(&second));
    assert_eq!(seen(wild), other.der);
    let none = StapledKeys::new(Some(first)).with("example", second);
    assert_eq!(seen(none), site.leaf.der);
}
