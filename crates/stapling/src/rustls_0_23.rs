//! For rustls 0.23: servers that staple, clients that check what servers staple, servers that check their clients.
//!
//! * [`StapledKey`] is a server's certificate whose staple is the current one at each handshake; nothing is locked there.
//!   [`StapledKeys`] picks one of several by name.
//! * [`OcspServerVerifier`] stands before any other verifier of servers and adds the status.
//! * [`StatusClientVerifier`] does so for clients, out of a [`StatusSet`]; [`StatusClientVerifier::sessions`] and
//!   [`StatusClientVerifier::tickets`] keep a session from outliving the status that it began with.
//!
//! None of them asks anybody during a handshake. What decides is in `judge`, `path` and `statuses`, which know no TLS
//! library; a later rustls is one more file like this one.
//!
//! Known limit: rustls 0.23 staples for the server's own certificate only, in both directions, and asks no client for a
//! staple.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use certvouch_types::{Certificate, Timestamp};
use certvouch_verify::{Profile, QueryError};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert, StoresServerSessions};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, NamedGroup, SignatureScheme,
};

use crate::judge::{Fail, Ground, Judge, Refused, timestamp};
use crate::limits::MAX_SESSION_NAMES;
use crate::path::Anchor;
use crate::policy::{Mode, Reactions};
use crate::slot::{Slot, Subject};
use crate::staple::Staple;
use crate::stapler::{Now, Stapler, lock};
use crate::statuses::StatusSet;

/// A server's certificate and key, with the staple that is right at the moment of each handshake.
pub struct StapledKey {
    stapler: Stapler,
    reactions: Reactions,
    mode: Mode,
    now: Now,
    shown: ArcSwap<Shown>,
}

/// A certificate in use.
struct Shown {
    slot: Arc<Slot>,
    bare: Arc<CertifiedKey>,
    stapled: ArcSwapOption<Stapled>,
}

/// A staple, and the key that carries it: made once for each staple.
struct Stapled {
    staple: Arc<Staple>,
    key: Arc<CertifiedKey>,
}

/// Why a server keeps the certificate that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReplaced {
    /// Certificate and issuer do not belong together.
    Question(QueryError),
    /// The key carries another certificate than the one to be stapled.
    AnotherCertificate,
    /// There was no staple for the new certificate in time (RFC 7633 4.3.2).
    NoStaple(Duration),
}

impl fmt::Display for NotReplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Question(why) => why.fmt(f),
            Self::AnotherCertificate => {
                f.write_str("the key carries another certificate than the one to be stapled")
            }
            Self::NoStaple(time) => {
                write!(
                    f,
                    "no staple for the new certificate within {} s",
                    time.as_secs()
                )
            }
        }
    }
}

impl std::error::Error for NotReplaced {}

impl fmt::Debug for StapledKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StapledKey")
            .field("slot", &self.slot().key())
            .finish_non_exhaustive()
    }
}

impl Shown {
    fn new(stapler: &Stapler, key: CertifiedKey, subject: Subject) -> Result<Self, NotReplaced> {
        if key.cert.first().map(AsRef::as_ref) != Some(&subject.certificate[..]) {
            return Err(NotReplaced::AnotherCertificate);
        }
        Ok(Self {
            slot: stapler.add(subject).map_err(NotReplaced::Question)?,
            bare: Arc::new(CertifiedKey { ocsp: None, ..key }),
            stapled: ArcSwapOption::empty(),
        })
    }

    fn with(&self, staple: Arc<Staple>) -> Arc<CertifiedKey> {
        let there = self.stapled.load();
        if let Some(there) = there.as_ref().filter(|it| Arc::ptr_eq(&it.staple, &staple)) {
            return Arc::clone(&there.key);
        }
        let key = Arc::new(CertifiedKey {
            ocsp: Some(staple.der().to_vec()),
            ..CertifiedKey::clone(&self.bare)
        });
        let made = Stapled {
            staple,
            key: Arc::clone(&key),
        };
        self.stapled.store(Some(Arc::new(made)));
        key
    }
}

impl StapledKey {
    /// Takes a certificate into the care of a stapler. `key` has the chain that is sent; of `subject`, the issuer is the
    /// one whose key signed the certificate. What the stapler has in its store is stapled from the first handshake on;
    /// else [`Stapler::refresh_due`] before the first handshake brings it.
    ///
    /// # Errors
    /// [`NotReplaced::Question`] and [`NotReplaced::AnotherCertificate`].
    pub fn new(
        stapler: &Stapler,
        key: CertifiedKey,
        subject: Subject,
    ) -> Result<Self, NotReplaced> {
        Ok(Self {
            shown: ArcSwap::from_pointee(Shown::new(stapler, key, subject)?),
            now: Arc::clone(&stapler.inner.options.now),
            stapler: stapler.clone(),
            reactions: Reactions::default(),
            mode: Mode::default(),
        })
    }

    /// Decides what is stapled when the answer is not good, and for which certificates.
    #[must_use]
    pub const fn with_policy(mut self, reactions: Reactions, mode: Mode) -> Self {
        self.reactions = reactions;
        self.mode = mode;
        self
    }

    /// What is known about the certificate in use.
    #[must_use]
    pub fn slot(&self) -> Arc<Slot> {
        Arc::clone(&self.shown.load().slot)
    }

    /// The certificate, its key, and the staple of this moment. Takes no lock.
    #[must_use]
    pub fn current(&self) -> Arc<CertifiedKey> {
        let shown = self.shown.load();
        let choice = match self.mode.wants(&shown.slot) {
            true => self.reactions.choose(&shown.slot, (self.now)()).staple,
            false => None,
        };
        choice.map_or_else(|| Arc::clone(&shown.bare), |staple| shown.with(staple))
    }

    /// Changes to another certificate when its staple is there, and not before (RFC 7633 4.3.2). The stapler has to be
    /// running.
    ///
    /// # Errors
    /// [`NotReplaced`]: the old certificate stays in use.
    pub async fn replace(
        &self,
        key: CertifiedKey,
        subject: Subject,
        within: Duration,
    ) -> Result<(), NotReplaced> {
        let shown = Shown::new(&self.stapler, key, subject)?;
        let slot = Arc::clone(&shown.slot);
        let waiting = async {
            // The engine tells observers for good; a new certificate is too rare to leave one each time.
            while slot.staple((self.now)()).is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let wants = self.mode.wants(&shown.slot);
        if wants && tokio::time::timeout(within, waiting).await.is_err() {
            self.stapler.remove(&shown.slot);
            return Err(NotReplaced::NoStaple(within));
        }
        let old = self.shown.swap(Arc::new(shown));
        self.stapler.remove(&old.slot);
        Ok(())
    }
}

impl ResolvesServerCert for StapledKey {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Several certificates, by the name that a client asks for. A name may begin with `*.`, which stands for one label.
#[derive(Debug, Default)]
pub struct StapledKeys {
    by_name: BTreeMap<String, Arc<StapledKey>>,
    otherwise: Option<Arc<StapledKey>>,
}

impl StapledKeys {
    /// None yet. `otherwise` is for clients that ask for no name, or for one that is not there.
    #[must_use]
    pub const fn new(otherwise: Option<Arc<StapledKey>>) -> Self {
        Self {
            by_name: BTreeMap::new(),
            otherwise,
        }
    }

    /// Takes one in for a name.
    #[must_use]
    pub fn with(mut self, name: &str, key: Arc<StapledKey>) -> Self {
        self.by_name.insert(name.to_ascii_lowercase(), key);
        self
    }

    fn find(&self, name: Option<&str>) -> Option<&Arc<StapledKey>> {
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            self.by_name.get(&name).or_else(|| {
                let (_, above) = name.split_once('.')?;
                self.by_name.get(&format!("*.{above}"))
            })
        });
        found.or(self.otherwise.as_ref())
    }
}

impl ResolvesServerCert for StapledKeys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name()).map(|key| key.current())
    }
}

/// A verifier of servers before another one, which it asks first about the chain, its dates and the name.
///
/// A staple is verified by the rules of `certvouch_verify`; the issuer is found by signature (threats T-26). A staple
/// that is not believed, or does not say good, ends the handshake with alert 113 (RFC 6066 8), soft or hard.
pub struct OcspServerVerifier {
    inner: Arc<dyn ServerCertVerifier>,
    judge: Judge,
    ends: Arc<Ends>,
    hook: Option<Hook>,
}

type Hook = Arc<dyn Fn(&CertificateDer<'_>, &Result<Ground, Refused>) + Send + Sync>;

impl fmt::Debug for OcspServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OcspServerVerifier")
            .field("inner", &self.inner)
            .field("fail", &self.judge.fail)
            .finish_non_exhaustive()
    }
}

impl OcspServerVerifier {
    /// Adds the status to what `inner` verifies. `anchors` are the certificates behind its trust anchors.
    #[must_use]
    pub fn new(
        inner: Arc<dyn ServerCertVerifier>,
        anchors: impl IntoIterator<Item = CertificateDer<'static>>,
        fail: Fail,
    ) -> Self {
        Self {
            inner,
            judge: judge(anchors, fail, None),
            ends: Arc::default(),
            hook: None,
        }
    }

    /// Verifies staples by these rules.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.judge.profile = profile;
        self
    }

    /// Looks here for the status of a server that staples nothing, and for revocations of it and of those above it. What
    /// the set does not know it is told, so that the next handshake finds it.
    #[must_use]
    pub fn with_statuses(mut self, statuses: StatusSet) -> Self {
        self.judge.statuses = Some(statuses);
        self
    }

    /// Calls this with every judgement: rustls carries no reason to whoever made the connection. It must not block.
    #[must_use]
    pub fn on_judgement(
        mut self,
        hook: impl Fn(&CertificateDer<'_>, &Result<Ground, Refused>) + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Sessions that are not resumed beyond the end of the status that they began with: a resumed handshake shows neither
    /// certificate nor staple. Goes into [`rustls::client::Resumption::store`].
    #[must_use]
    pub fn sessions(
        &self,
        inner: Arc<dyn ClientSessionStore>,
        now: Now,
    ) -> Arc<dyn ClientSessionStore> {
        Arc::new(EndingSessions {
            inner,
            ends: Arc::clone(&self.ends),
            now,
        })
    }
}

impl ServerCertVerifier for OcspServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let now = timestamp(Duration::from_secs(now.as_secs()));
        let chain: Vec<&[u8]> = intermediates.iter().map(AsRef::as_ref).collect();
        let judged = self.judge.server(end_entity, &chain, ocsp_response, now);
        if let Some(hook) = &self.hook {
            hook(end_entity, &judged);
        }
        match judged {
            Ok(ground) => {
                self.ends.note(server_name, ground);
                Ok(verified)
            }
            Err(why) => {
                self.ends.forget(server_name);
                Err(error(&why))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.inner.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}

/// Until when a session with a server may be resumed. Nothing for a server whose status nobody wanted.
#[derive(Debug, Default)]
struct Ends(Mutex<HashMap<String, Option<Timestamp>>>);

impl Ends {
    fn note(&self, name: &ServerName<'_>, ground: Ground) {
        let until = match ground {
            Ground::Staple(until) | Ground::Known(until) => Some(until),
            Ground::NotRequired | Ground::Unchecked => None,
        };
        let mut ends = lock(&self.0);
        if ends.len() >= MAX_SESSION_NAMES {
            ends.clear();
        }
        let name = name.to_str();
        let there = ends.get(&*name).copied().flatten();
        // Whoever keeps the staple away, and has not proved yet that the certificate is his, takes no end away.
        ends.insert(name.into_owned(), until.or(there));
    }

    fn forget(&self, name: &ServerName<'_>) {
        lock(&self.0).remove(&*name.to_str());
    }

    fn resumes(&self, name: &ServerName<'_>, now: Timestamp) -> bool {
        match lock(&self.0).get(&*name.to_str()) {
            Some(Some(until)) => now < *until,
            Some(None) => true,
            None => false,
        }
    }
}

struct EndingSessions {
    inner: Arc<dyn ClientSessionStore>,
    ends: Arc<Ends>,
    now: Now,
}

impl fmt::Debug for EndingSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndingSessions")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl ClientSessionStore for EndingSessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.inner.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.inner.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.inner.set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let session = self.inner.tls12_session(server_name);
        session.filter(|_| self.ends.resumes(server_name, (self.now)()))
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.inner.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        self.inner.insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        // Taken in any case: a ticket that has ended is of no use later either.
        let ticket = self.inner.take_tls13_ticket(server_name);
        ticket.filter(|_| self.ends.resumes(server_name, (self.now)()))
    }
}

/// A verifier of clients before another one, which it asks first about the chain and its dates. The status comes out of a
/// [`StatusSet`], which is told of every certificate that it does not know, so that the next handshake finds it.
///
/// A resumed handshake calls no verifier. Wrap what keeps sessions with [`StatusClientVerifier::sessions`], and the
/// ticketer with [`StatusClientVerifier::tickets`]; else a revoked client comes back as long as its session lives.
#[derive(Clone)]
pub struct StatusClientVerifier {
    inner: Arc<dyn ClientCertVerifier>,
    judge: Arc<Judge>,
    hook: Option<Hook>,
}

impl fmt::Debug for StatusClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusClientVerifier")
            .field("inner", &self.inner)
            .field("fail", &self.judge.fail)
            .finish_non_exhaustive()
    }
}

impl StatusClientVerifier {
    /// Adds the status to what `inner` verifies. `anchors` are the certificates behind its trust anchors.
    #[must_use]
    pub fn new(
        inner: Arc<dyn ClientCertVerifier>,
        anchors: impl IntoIterator<Item = CertificateDer<'static>>,
        statuses: StatusSet,
        fail: Fail,
    ) -> Self {
        Self {
            inner,
            judge: Arc::new(judge(anchors, fail, Some(statuses))),
            hook: None,
        }
    }

    /// Calls this with every judgement: rustls carries no reason to whoever took the connection. It must not block.
    #[must_use]
    pub fn on_judgement(
        mut self,
        hook: impl Fn(&CertificateDer<'_>, &Result<Ground, Refused>) + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Sessions that are resumed only while the status of their client is known to be good. Goes into
    /// [`rustls::ServerConfig::session_storage`]. A session without a client's certificate is not resumed.
    #[must_use]
    pub fn sessions(
        &self,
        inner: Arc<dyn StoresServerSessions>,
        now: Now,
    ) -> Arc<dyn StoresServerSessions> {
        Arc::new(StatusSessions {
            inner,
            gate: Gate::new(&self.judge, now),
        })
    }

    /// Tickets with the same rule. Goes into [`rustls::ServerConfig::ticketer`].
    #[must_use]
    pub fn tickets(&self, inner: Arc<dyn ProducesTickets>, now: Now) -> Arc<dyn ProducesTickets> {
        Arc::new(StatusTickets {
            inner,
            gate: Gate::new(&self.judge, now),
        })
    }
}

impl ClientCertVerifier for StatusClientVerifier {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .inner
            .verify_client_cert(end_entity, intermediates, now)?;
        let now = timestamp(Duration::from_secs(now.as_secs()));
        let chain: Vec<&[u8]> = intermediates.iter().map(AsRef::as_ref).collect();
        let judged = self.judge.client(end_entity, &chain, now);
        if let Some(hook) = &self.hook {
            hook(end_entity, &judged);
        }
        judged.map(|_| verified).map_err(|why| error(&why))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.inner.requires_raw_public_keys()
    }
}

/// Lets sessions of clients in good standing pass.
struct Gate {
    judge: Arc<Judge>,
    now: Now,
}

impl Gate {
    fn new(judge: &Arc<Judge>, now: Now) -> Self {
        Self {
            judge: Arc::clone(judge),
            now,
        }
    }

    fn passes(&self, session: &[u8]) -> bool {
        let now = (self.now)();
        let until = client_of(session).and_then(|der| self.judge.session_until(der, now));
        until.is_some_and(|until| now < until)
    }
}

/// The client's own certificate in an encoded session. rustls keeps the chain in it as it came, and says nothing about the
/// form; so the first thing that is a certificate is taken, and without one there is no resuming: should rustls change the
/// form, handshakes get longer and nobody gets in.
fn client_of(session: &[u8]) -> Option<&[u8]> {
    (0..session.len()).find_map(|at| {
        let rest = session.get(at..)?;
        let length = match rest {
            [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
            [0x30, 0x81, length, ..] => 3 + usize::from(*length),
            _ => return None,
        };
        let der = rest.get(..length)?;
        Certificate::parse(der).ok().map(|_| der)
    })
}

struct StatusSessions {
    inner: Arc<dyn StoresServerSessions>,
    gate: Gate,
}

impl fmt::Debug for StatusSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusSessions")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl StoresServerSessions for StatusSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        // What would not be resumed need not be kept.
        self.gate.passes(&value) && self.inner.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.get(key).filter(|value| self.gate.passes(value))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner.take(key).filter(|value| self.gate.passes(value))
    }

    fn can_cache(&self) -> bool {
        self.inner.can_cache()
    }
}

struct StatusTickets {
    inner: Arc<dyn ProducesTickets>,
    gate: Gate,
}

impl fmt::Debug for StatusTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusTickets")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl ProducesTickets for StatusTickets {
    fn enabled(&self) -> bool {
        self.inner.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.inner.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.gate.passes(plain).then(|| self.inner.encrypt(plain))?
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.inner
            .decrypt(cipher)
            .filter(|plain| self.gate.passes(plain))
    }
}

fn judge(
    anchors: impl IntoIterator<Item = CertificateDer<'static>>,
    fail: Fail,
    statuses: Option<StatusSet>,
) -> Judge {
    let anchors = anchors
        .into_iter()
        .filter_map(|der| Anchor::new(Bytes::copy_from_slice(&der)));
    Judge {
        anchors: anchors.collect(),
        profile: Profile::default(),
        fail,
        statuses,
    }
}

/// The one mapping from a refusal to what rustls says, and so to the alert.
fn error(why: &Refused) -> Error {
    Error::InvalidCertificate(match why {
        Refused::Unreadable => CertificateError::BadEncoding,
        Refused::NoIssuer => CertificateError::UnknownIssuer,
        // Alert 113, whatever is wrong with what was stapled, and if it had to be and was not (RFC 6066 8, RFC 7633 4.3.3).
        Refused::Staple(..)
        | Refused::StapledRevoked
        | Refused::StapledUnknown
        | Refused::MustStaple => CertificateError::InvalidOcspResponse,
        Refused::Revoked => CertificateError::Revoked,
        Refused::Features => CertificateError::InvalidPurpose,
        Refused::Unknown | Refused::Missing => CertificateError::UnknownRevocationStatus,
    })
}
