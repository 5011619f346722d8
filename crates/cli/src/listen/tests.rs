//! The listener in one process, with a source that misbehaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use certvouch_responder::{
    BoxFuture, EmbedCertificate, Issuer, Knowledge, Policy, ResponderIdForm, Settings, SourceError,
    StatusRecord, StatusSource,
};
use certvouch_signer::{SignerConfig, SigningIdentity};
use certvouch_testkit::answer::{Answer, CertStatus};
use certvouch_testkit::ask;
use certvouch_testkit::http::{Connection, post, post_request};
use certvouch_testkit::pki::{KeyAlg, World};
use certvouch_types::{Certificate, SerialNumber, Timestamp};

use super::*;

/// Panics or never answers, as long as it is told to.
#[derive(Debug, Default)]
struct Moody {
    panics: AtomicBool,
    hangs: AtomicBool,
}

impl StatusSource for Moody {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        assert!(!self.panics.load(Ordering::Relaxed), "a source that panics");
        Box::pin(async {
            while self.hangs.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(vec![StatusRecord::new(Knowledge::Issued); serials.len()])
        })
    }
}

/// A listener on loopback, answering for CA-A from a moody source.
struct Scene {
    world: World,
    source: Arc<Moody>,
    listener: Listener,
    address: SocketAddr,
}

fn scene() -> Scene {
    let world = World::new(KeyAlg::P256);
    let now = Timestamp::from_unix(world.now);
    let folder = tempfile::tempdir().unwrap();
    let files = world.write(folder.path());
    let issuer = Certificate::parse(&world.ca_a.der).unwrap();
    let wanted = SignerConfig::new(&files.signer_key, Some(files.signer_cert.clone()));
    let identity = SigningIdentity::load(&wanted, &issuer, now).unwrap();
    let signer = identity.response_signer(ResponderIdForm::default(), EmbedCertificate::default());
    let source = Arc::new(Moody::default());
    let issuer = Issuer::new(
        "a",
        &issuer,
        source.clone(),
        vec![signer],
        Policy::default(),
    )
    .unwrap();
    let responder = Responder::new(vec![issuer], Settings::default()).unwrap();
    let server = Server {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        threads: 2,
        ..Server::default()
    };
    let bound = bind(&server).unwrap();
    let address = bound.addresses().next().unwrap();
    let clock = Clock::from_fn(move || now);
    let listener = bound
        .start(Arc::new(responder), &server, clock, Arc::default())
        .unwrap();
    Scene {
        world,
        source,
        listener,
        address,
    }
}

// covers: E-37
#[test]
fn panic_while_answering_is_internal_error_and_the_process_lives() {
    let scene = scene();
    let question = ask::q1(&scene.world.ca_a, &scene.world.ee_good.serial);
    scene.source.panics.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        let response = post(scene.address, "/", &question);
        assert_eq!(
            (response.status, &response.body[..]),
            (200, &[0x30, 3, 0x0A, 1, 2][..])
        );
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
    // Nothing of it is left: no place in a queue, no kept error.
    scene.source.panics.store(false, Ordering::Relaxed);
    let response = post(scene.address, "/", &question);
    assert_eq!(
        Answer::successful(&response.body).single().status,
        CertStatus::Good
    );
}

#[test]
fn cut_ends_connections_that_would_never_end() {
    let scene = scene();
    scene.source.hangs.store(true, Ordering::Relaxed);
    let question = ask::q1(&scene.world.ca_a, &scene.world.ee_good.serial);
    let mut stuck = Connection::open(scene.address);
    stuck
        .send(&post_request(scene.address, "/", &question))
        .unwrap();
    scene.listener.drain();
    scene.listener.cut();
    scene.listener.join().unwrap();
    assert_eq!(stuck.read_to_end().unwrap_or_default(), b"");
}

#[test]
fn client_that_has_closed_its_side_gets_an_answer_that_takes_time() {
    let scene = scene();
    scene.source.hangs.store(true, Ordering::Relaxed);
    let question = ask::q1(&scene.world.ca_a, &scene.world.ee_good.serial);
    let mut half_closed = Connection::open(scene.address);
    half_closed
        .send(&post_request(scene.address, "/", &question))
        .unwrap();
    half_closed.finish_sending().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    scene.source.hangs.store(false, Ordering::Relaxed);
    let answer = half_closed.read_response(false).unwrap();
    let status = Answer::successful(&answer.body).single().status;
    assert_eq!(status, CertStatus::Good);
}

#[test]
fn drained_threads_end_by_themselves() {
    let mut scene = scene();
    // Some of them are still in the queue when draining begins.
    let _idle: Vec<_> = (0..20).map(|_| Connection::open(scene.address)).collect();
    let started = std::time::Instant::now();
    scene.listener.drain();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(scene.listener.ended());
    scene.listener.join().unwrap();
    // Not by the idle timeout, which is a minute.
    assert!(started.elapsed() < Server::default().timeouts.idle.to_std());
}
