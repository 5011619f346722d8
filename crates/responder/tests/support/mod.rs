//! What the tests of the responder share: a source, a signer and an issuer made from the fixture world of the
//! requirements, and short ways to ask.
//!
//! Everything stands at the frozen moment [`t0`]. Nothing here is read with our own decoder: requests come from
//! `certvouch_testkit::ask`, answers are read by `certvouch_testkit::answer`.

#![expect(dead_code, reason = "each test binary uses a part of it")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use certvouch_crypto::SignatureAlgorithm;
use certvouch_responder::http::{Admission, Endpoint, HttpLimits, Reply};
use certvouch_responder::{
    Answer, BoxFuture, EmbedCertificate, Issuer, Knowledge, Policy, Responder, ResponderIdForm,
    ResponseSigner, Settings, SignError, Signer, SourceError, StatusRecord, StatusSource,
};
use certvouch_testkit::answer::{Answer as Parsed, Basic};
use certvouch_testkit::pki::{Cert, Key, KeyAlg, SigAlg, T0, World};
use certvouch_types::{Certificate, CrlReason, SerialNumber, Timestamp};
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::sync::watch;

/// The frozen moment of the requirements, 2026-01-10T00:00:00Z.
pub(crate) fn t0() -> Timestamp {
    Timestamp::from_unix(T0)
}

/// Runs a future on a runtime of its own, on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A source or signer that was told to panic poisons what it held; the value is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A door that a test can shut, to hold a look-up or a signature where it wants it.
#[derive(Debug)]
pub(crate) struct Gate {
    open: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

impl Gate {
    fn new() -> Self {
        Self {
            open: watch::Sender::new(true),
            arrived: watch::Sender::new(0),
        }
    }

    /// From now on nobody passes.
    pub(crate) fn shut(&self) {
        self.open.send_replace(false);
    }

    /// Lets everybody pass, also those who wait.
    pub(crate) fn release(&self) {
        self.open.send_replace(true);
    }

    /// Waits until this many have come to the door since it was made, whether they passed or not.
    pub(crate) async fn reached(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived
            .wait_for(|seen| *seen >= count)
            .await
            .expect("the gate is alive");
    }

    async fn pass(&self) {
        self.arrived.send_modify(|count| *count += 1);
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open)
            .await
            .expect("the gate is alive");
    }
}

/// How a [`MapSource`] behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceMode {
    /// It looks up.
    Works,
    /// It gives this error.
    Fails(SourceError),
    /// It panics.
    Panics,
    /// It gives one record less than it was asked for, which the trait forbids.
    OneTooFew,
    /// It gives one record more.
    OneTooMany,
}

/// A status source in memory: serial number (content octets) → record.
#[derive(Debug)]
pub(crate) struct MapSource {
    records: Mutex<HashMap<Vec<u8>, StatusRecord>>,
    otherwise: Mutex<StatusRecord>,
    mode: Mutex<SourceMode>,
    lookups: AtomicUsize,
    asked: Mutex<Vec<Vec<Vec<u8>>>>,
    /// Held by every look-up *after* it has read its records.
    pub(crate) gate: Gate,
}

impl MapSource {
    /// A source without records, which knows that nothing else was issued.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            records: Mutex::default(),
            otherwise: Mutex::new(StatusRecord::new(Knowledge::NeverIssued)),
            mode: Mutex::new(SourceMode::Works),
            lookups: AtomicUsize::new(0),
            asked: Mutex::default(),
            gate: Gate::new(),
        })
    }

    /// What is said about every serial number without a record.
    pub(crate) fn otherwise(&self, record: StatusRecord) {
        *lock(&self.otherwise) = record;
    }

    /// Sets the record of a serial number (content octets of the INTEGER).
    pub(crate) fn set(&self, serial: &[u8], record: StatusRecord) {
        lock(&self.records).insert(serial.to_vec(), record);
    }

    /// Sets a record that says this and nothing else.
    pub(crate) fn say(&self, serial: &[u8], knowledge: Knowledge) {
        self.set(serial, StatusRecord::new(knowledge));
    }

    /// Sets how it behaves.
    pub(crate) fn mode(&self, mode: SourceMode) {
        *lock(&self.mode) = mode;
    }

    /// How often it was asked.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    /// The serial numbers of each look-up, in order.
    pub(crate) fn asked(&self) -> Vec<Vec<Vec<u8>>> {
        lock(&self.asked).clone()
    }
}

impl StatusSource for MapSource {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        Box::pin(async move {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            let contents: Vec<Vec<u8>> = serials.iter().map(|s| s.content().to_vec()).collect();
            lock(&self.asked).push(contents.clone());
            let otherwise = *lock(&self.otherwise);
            let mut found: Vec<StatusRecord> = {
                let records = lock(&self.records);
                contents
                    .iter()
                    .map(|content| records.get(content).copied().unwrap_or(otherwise))
                    .collect()
            };
            let mode = lock(&self.mode).clone();
            self.gate.pass().await;
            match mode {
                SourceMode::Works => {}
                SourceMode::Fails(error) => return Err(error),
                SourceMode::Panics => panic!("the source was told to panic"),
                SourceMode::OneTooFew => drop(found.pop()),
                SourceMode::OneTooMany => found.push(otherwise),
            }
            Ok(found)
        })
    }
}

/// How a [`KeySigner`] behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignerMode {
    /// It signs.
    Works,
    /// It gives this error.
    Fails(SignError),
    /// It panics.
    Panics,
    /// It signs something else, as a broken device does.
    Wrong,
}

/// A signer over a key of the test kit.
#[derive(Debug)]
pub(crate) struct KeySigner {
    key: Key,
    sig_alg: SigAlg,
    mode: Mutex<SignerMode>,
    signatures: AtomicUsize,
    /// Held by every call before it signs.
    pub(crate) gate: Gate,
}

impl KeySigner {
    /// A signer with the default algorithm of a key.
    pub(crate) fn new(key: &Key) -> Arc<Self> {
        Self::with(key, key.sig_alg())
    }

    /// A signer with this algorithm.
    pub(crate) fn with(key: &Key, sig_alg: SigAlg) -> Arc<Self> {
        Arc::new(Self {
            key: key.clone(),
            sig_alg,
            mode: Mutex::new(SignerMode::Works),
            signatures: AtomicUsize::new(0),
            gate: Gate::new(),
        })
    }

    /// Sets how it behaves.
    pub(crate) fn mode(&self, mode: SignerMode) {
        *lock(&self.mode) = mode;
    }

    /// How often it has signed.
    pub(crate) fn signatures(&self) -> usize {
        self.signatures.load(Ordering::SeqCst)
    }
}

impl Signer for KeySigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        let wanted = self.sig_alg.identifier();
        SignatureAlgorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.identifier() == wanted)
            .expect("both tables know the algorithm")
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(async move {
            self.gate.pass().await;
            let mode = lock(&self.mode).clone();
            match mode {
                SignerMode::Works => {}
                SignerMode::Fails(error) => return Err(error),
                SignerMode::Panics => panic!("the signer was told to panic"),
                SignerMode::Wrong => {
                    self.signatures.fetch_add(1, Ordering::SeqCst);
                    return Ok(self.key.sign(self.sig_alg, b"something else"));
                }
            }
            self.signatures.fetch_add(1, Ordering::SeqCst);
            Ok(self.key.sign(self.sig_alg, message))
        })
    }
}

/// Binds a signer to a certificate of a CA: byKey, certificate embedded if it is a delegate's.
pub(crate) fn response_signer(signer: &Arc<KeySigner>, cert: &Cert, ca: &Cert) -> ResponseSigner {
    response_signer_as(
        signer,
        cert,
        ca,
        ResponderIdForm::default(),
        EmbedCertificate::default(),
    )
}

/// Binds a signer to a certificate of a CA.
pub(crate) fn response_signer_as(
    signer: &Arc<KeySigner>,
    cert: &Cert,
    ca: &Cert,
    form: ResponderIdForm,
    embed: EmbedCertificate,
) -> ResponseSigner {
    let certificate = Certificate::parse(&cert.der).expect("the signer's certificate");
    let issuer = Certificate::parse(&ca.der).expect("the CA's certificate");
    let key: Arc<dyn Signer> = Arc::<KeySigner>::clone(signer);
    ResponseSigner::new(key, &certificate, &issuer, form, embed)
}

/// A policy that differs from the default by what the closure does.
pub(crate) fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

/// An issuer from its parts.
pub(crate) fn issuer(
    name: &str,
    ca: &Cert,
    source: &Arc<MapSource>,
    signers: Vec<ResponseSigner>,
    policy: Policy,
) -> Issuer {
    let certificate = Certificate::parse(&ca.der).expect("the CA's certificate");
    let source: Arc<dyn StatusSource> = Arc::<MapSource>::clone(source);
    Issuer::new(name, &certificate, source, signers, policy).expect("a policy within its bounds")
}

/// A responder for these issuers with the default settings.
pub(crate) fn responder(issuers: Vec<Issuer>) -> Responder {
    Responder::new(issuers, Settings::default()).expect("different CAs")
}

/// CA-A with its records and its delegate.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) world: World,
    /// Knows EE-good, EE-rev, EE-hold and EE-exp with their notAfter; nothing else was issued.
    pub(crate) source: Arc<MapSource>,
    /// Holds the key of D-A.
    pub(crate) signer: Arc<KeySigner>,
}

impl Fixture {
    /// With keys on P-256.
    pub(crate) fn new() -> Self {
        Self::with(KeyAlg::P256)
    }

    /// With keys of this kind.
    pub(crate) fn with(alg: KeyAlg) -> Self {
        let world = World::new(alg);
        let source = MapSource::new();
        let revoked = |at, reason| Knowledge::Revoked {
            at: Timestamp::from_unix(at),
            reason: Some(reason),
        };
        for (cert, knowledge) in [
            (&world.ee_good, Knowledge::Issued),
            (
                &world.ee_rev,
                revoked(world.revoked_at, CrlReason::KeyCompromise),
            ),
            (
                &world.ee_hold,
                revoked(world.held_at, CrlReason::CertificateHold),
            ),
            (&world.ee_exp, Knowledge::Issued),
        ] {
            let mut record = StatusRecord::new(knowledge);
            record.not_after = Some(Timestamp::from_unix(cert.not_after));
            source.set(&cert.serial, record);
        }
        Self {
            signer: KeySigner::new(&world.d_a.key),
            world,
            source,
        }
    }

    /// `ca-a`, answered by D-A.
    pub(crate) fn issuer(&self, change: impl FnOnce(&mut Policy)) -> Issuer {
        let signer = response_signer(&self.signer, &self.world.d_a, &self.world.ca_a);
        issuer(
            "ca-a",
            &self.world.ca_a,
            &self.source,
            vec![signer],
            policy(change),
        )
    }

    /// A responder for [`Self::issuer`] alone.
    pub(crate) fn responder(&self, change: impl FnOnce(&mut Policy)) -> Responder {
        responder(vec![self.issuer(change)])
    }

    /// HTTP in front of [`Self::responder`] with the default policy, at `/` and [`t0`].
    pub(crate) fn service(&self) -> Service {
        self.service_with(|_| {})
    }

    /// HTTP in front of [`Self::responder`], at `/` and [`t0`].
    pub(crate) fn service_with(&self, change: impl FnOnce(&mut Policy)) -> Service {
        Service::new(self.responder(change))
    }

    /// Reads an answer that must be successful, and checks D-A's signature on it.
    pub(crate) fn verified(&self, octets: &[u8]) -> Basic {
        verified(octets, &self.world.d_a)
    }
}

/// Asks at a moment.
pub(crate) fn ask(responder: &Responder, request: &[u8], now: Timestamp) -> Answer {
    block_on(responder.answer(request, now))
}

/// The octets that are answered at a moment.
pub(crate) fn octets(responder: &Responder, request: &[u8], now: Timestamp) -> Vec<u8> {
    ask(responder, request, now).body().to_vec()
}

/// The five octets of an OCSP error (requirements V4, §17).
pub(crate) fn err(status: u8) -> [u8; 5] {
    [0x30, 0x03, 0x0A, 0x01, status]
}

/// Reads an answer that must be successful, and checks the signature with the key of a certificate.
pub(crate) fn verified(octets: &[u8], signer: &Cert) -> Basic {
    let basic = Parsed::successful(octets);
    basic.verify_with(&signer.der).expect("a right signature");
    basic
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub(crate) struct Reaction {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The request to renew in the background, as the endpoint asks for it.
    pub(crate) refresh: Option<Bytes>,
}

impl Reaction {
    /// The only field with this name; nothing if there is none.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(all.len() <= 1, "{name} stands there {} times", all.len());
        all.first().map(|value| value.to_str().expect("ASCII"))
    }
}

/// An endpoint, the responder behind it, and the moment.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    pub(crate) responder: Responder,
    pub(crate) now: Timestamp,
}

impl Service {
    /// At `/` with the default limits, at [`t0`].
    pub(crate) fn new(responder: Responder) -> Self {
        Self {
            endpoint: Endpoint::new(&[], HttpLimits::default()),
            responder,
            now: t0(),
        }
    }

    /// Below these prefixes.
    pub(crate) fn below(mut self, prefixes: &[&str]) -> Self {
        let prefixes: Vec<String> = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        self.endpoint = Endpoint::new(&prefixes, HttpLimits::default());
        self
    }

    /// At another moment.
    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Any request.
    pub(crate) fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reaction {
        http(
            &self.endpoint,
            &self.responder,
            method,
            target,
            headers,
            body,
            self.now,
        )
    }

    /// GET without header fields.
    pub(crate) fn get(&self, target: &str) -> Reaction {
        self.call("GET", target, &[], &[])
    }

    /// POST to `/` as RFC 6960 A.1 has it.
    pub(crate) fn post(&self, body: &[u8]) -> Reaction {
        self.call(
            "POST",
            "/",
            &[("content-type", "application/ocsp-request")],
            body,
        )
    }
}

/// Takes a request through both decisions of an endpoint, as a server does that has read its head.
pub(crate) fn http(
    endpoint: &Endpoint,
    responder: &Responder,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    now: Timestamp,
) -> Reaction {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a token"))
        .uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).expect("a request").into_parts();
    let body = match endpoint.admit(&head, now) {
        Admission::Answer(response) => return reaction(response, None),
        Admission::NoBody => &[],
        Admission::ReadBody { limit } if body.len() > limit => {
            return reaction(endpoint.body_too_large(now), None);
        }
        Admission::ReadBody { .. } => body,
        other => panic!("an admission that servers do not know: {other:?}"),
    };
    let Reply {
        response, refresh, ..
    } = block_on(endpoint.respond(responder, &head, body, now));
    reaction(response, refresh)
}

/// The parts of a response.
pub(crate) fn reaction(response: http::Response<Bytes>, refresh: Option<Bytes>) -> Reaction {
    let (parts, body) = response.into_parts();
    Reaction {
        status: parts.status,
        headers: parts.headers,
        body,
        refresh,
    }
}
