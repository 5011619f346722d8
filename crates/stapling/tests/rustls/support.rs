//! A root, an intermediate and a leaf below it, a clock, and handshakes without a network.

use std::sync::Arc;

use certvouch_stapling::{Options, Random, Stapler, StatusSet, Subject};
use certvouch_testkit::clock::TestClock;
use certvouch_testkit::der;
use certvouch_testkit::misbehave::{Act, Misbehaving};
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, T0};
use certvouch_testkit::reply::{Reply, Single, Status};
use certvouch_types::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, Error, HandshakeKind, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
};

pub(crate) const DAY: i64 = 86_400;
pub(crate) const LIFE: i64 = 4 * 3_600;
/// feature 5 (status_request), and with feature 17 (status_request_v2).
pub(crate) const MUST_STAPLE: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x05];
pub(crate) const BOTH_FEATURES: &[u8] = &[0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x11];

pub(crate) struct Site {
    pub(crate) clock: TestClock,
    pub(crate) root: Cert,
    pub(crate) inter: Cert,
    pub(crate) inter_delegate: Cert,
    pub(crate) leaf: Cert,
}

pub(crate) fn ca(name: &str, label: &str) -> CertBuilder {
    CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, label))
        .serial(&[0x21])
        .validity(T0 - 300 * DAY, T0 + 3_000 * DAY)
        .basic_constraints(true, None)
        .key_usage(&[
            KeyUsage::KeyCertSign,
            KeyUsage::CrlSign,
            KeyUsage::DigitalSignature,
        ])
        .ski_sha1()
}

pub(crate) fn delegate(name: &str, issuer: &Cert) -> Cert {
    CertBuilder::new(&[("CN", name)], &Key::cached(KeyAlg::P256, name))
        .serial(&[0x22])
        .validity(T0 - 30 * DAY, T0 + 90 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .issued_by(issuer)
}

/// A leaf for `www.example`, for servers and clients.
pub(crate) fn leaf(serial: &[u8]) -> CertBuilder {
    let name = der::seq(&[&der::tlv(0x82, b"www.example")]);
    CertBuilder::new(&[("CN", "leaf")], &Key::cached(KeyAlg::P256, "leaf"))
        .serial(serial)
        .validity(T0 - 30 * DAY, T0 + 30 * DAY)
        .key_usage(&[KeyUsage::DigitalSignature])
        .eku(&["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"])
        .extension("2.5.29.17", false, &name)
}

impl Site {
    pub(crate) fn new() -> Self {
        let root = ca("Root", "root").self_signed();
        let inter = ca("Inter", "inter").issued_by(&root);
        Self {
            clock: TestClock::at(T0),
            inter_delegate: delegate("Inter OCSP", &inter),
            leaf: leaf(&[0x31]).issued_by(&inter),
            inter,
            root,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock.now())
    }

    pub(crate) fn clock(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let now = self.clock.reader();
        Arc::new(move || Timestamp::from_unix(now()))
    }

    /// A response about the leaf, or another certificate of the intermediate, as of the clock.
    pub(crate) fn response(&self, serial: &[u8], status: Status) -> Vec<u8> {
        answer(
            &self.inter,
            &self.inter_delegate,
            serial,
            status,
            self.clock.now(),
        )
    }

    /// The leaf and its key with this chain behind it and this staple.
    pub(crate) fn key(&self, chain: &[&Cert], staple: Option<&[u8]>) -> CertifiedKey {
        certified(&self.leaf, chain, staple)
    }

    pub(crate) fn anchors(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from(self.root.der.clone())]
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(self.root.der.clone()))
            .unwrap();
        Arc::new(roots)
    }

    pub(crate) fn server_verifier(&self) -> Arc<WebPkiServerVerifier> {
        WebPkiServerVerifier::builder_with_provider(self.roots(), provider())
            .build()
            .unwrap()
    }

    pub(crate) fn client_verifier(&self) -> Arc<dyn ClientCertVerifier> {
        WebPkiClientVerifier::builder_with_provider(self.roots(), provider())
            .build()
            .unwrap()
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new(self.clock());
        options.dice = Arc::new(|| Random::MAX / 2);
        // Certificates that handshakes show name a responder of their own.
        options.policy.fetch.named_networks = vec!["127.0.0.0/8".parse().unwrap()];
        options
    }

    /// An engine, and a responder for it that says what `status` gives for a serial number.
    pub(crate) fn stapler(
        &self,
        status: impl Fn(&[u8]) -> Option<Status> + Send + Sync + 'static,
    ) -> (Stapler, Misbehaving) {
        let (inter, signer, clock) = (
            self.inter.clone(),
            self.inter_delegate.clone(),
            self.clock.clone(),
        );
        let responder = Misbehaving::start(move |request| {
            let serial = request.ocsp().and_then(|der| serial_of(&der));
            let status = serial.as_ref().and_then(|serial| status(serial));
            match (serial, status) {
                (Some(serial), Some(status)) => {
                    Act::Ocsp(answer(&inter, &signer, &serial, status, clock.now()))
                }
                _ => Act::Http(500, Vec::new(), Vec::new()),
            }
        });
        (Stapler::new(self.options()).unwrap(), responder)
    }

    pub(crate) fn subject(&self, certificate: &Cert, responder: &Misbehaving) -> Subject {
        let mut subject = Subject::new(certificate.der.clone(), self.inter.der.clone());
        subject.responders = Some(vec![responder.url().parse().unwrap()]);
        subject
    }

    pub(crate) fn time(&self) -> Arc<dyn TimeProvider> {
        Arc::new(Time(self.clock.clone()))
    }
}

/// A set of statuses with these certificates, asked for once.
pub(crate) fn filled(stapler: &Stapler, subjects: Vec<Subject>) -> StatusSet {
    let set = StatusSet::new(stapler.clone());
    for subject in subjects {
        let _ = set.watch(subject).unwrap();
    }
    refresh(stapler);
    set
}

pub(crate) fn refresh(stapler: &Stapler) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = runtime.block_on(stapler.refresh_due());
}

pub(crate) fn answer(
    issuer: &Cert,
    signer: &Cert,
    serial: &[u8],
    status: Status,
    now: i64,
) -> Vec<u8> {
    let single = Single::about(issuer, serial, now)
        .status(status)
        .next_update(now + LIFE);
    Reply::delegated(signer, now).single(&single).build()
}

fn serial_of(request: &[u8]) -> Option<Vec<u8>> {
    let request = certvouch_types::OcspRequest::parse(request).ok()?;
    let entry = request.request_list.iter().next()?;
    Some(entry.cert_id.serial_number.content().to_vec())
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(crate) fn certified(leaf: &Cert, chain: &[&Cert], staple: Option<&[u8]>) -> CertifiedKey {
    let chain = std::iter::once(leaf).chain(chain.iter().copied());
    let chain = chain
        .map(|cert| CertificateDer::from(cert.der.clone()))
        .collect();
    let key = PrivatePkcs8KeyDer::from(leaf.key.pkcs8_der());
    let mut key = CertifiedKey::from_der(chain, key.into(), &provider()).unwrap();
    key.ocsp = staple.map(<[u8]>::to_vec);
    key
}

#[derive(Debug)]
struct Time(TestClock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now()).unwrap();
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}

/// How a handshake ended on either side.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) client: Result<HandshakeKind, Error>,
    pub(crate) server: Result<HandshakeKind, Error>,
}

pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

/// Makes a handshake, and lets the tickets behind it arrive.
pub(crate) fn handshake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Ended {
    let name = ServerName::try_from("www.example").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    let (mut client_failed, mut server_failed) = (None, None);
    for _ in 0..20 {
        let mut octets = Vec::new();
        while client.wants_write() {
            let _ = client.write_tls(&mut octets).unwrap();
        }
        feed(&octets, |rest| server.read_tls(rest));
        if server_failed.is_none() {
            server_failed = server.process_new_packets().err();
        }
        let mut octets = Vec::new();
        while server.wants_write() {
            let _ = server.write_tls(&mut octets).unwrap();
        }
        feed(&octets, |rest| client.read_tls(rest));
        if client_failed.is_none() {
            client_failed = client.process_new_packets().err();
        }
    }
    let kind = |kind: Option<HandshakeKind>, failed: Option<Error>| match failed {
        Some(why) => Err(why),
        None => Ok(kind.unwrap()),
    };
    Ended {
        client: kind(client.handshake_kind(), client_failed),
        server: kind(server.handshake_kind(), server_failed),
    }
}

fn feed(mut octets: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !octets.is_empty() {
        if read(&mut octets).unwrap_or(0) == 0 {
            return;
        }
    }
}
