//! What the tests of answers, freshness and the cache share beside [`crate::support`]: object identifiers,
//! records in one word, delegates and CAs of any validity, preferences, and threads that ask together.

#![expect(dead_code, reason = "each test binary uses a part of it")]

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use certvouch_responder::{
    Answer, BoxFuture, CacheUse, Knowledge, Responder, SourceError, StatusRecord, StatusSource,
};
use certvouch_testkit::answer::{Answer as Parsed, Basic, CertStatus, Single};
use certvouch_testkit::ask::Ask;
use certvouch_testkit::der;
use certvouch_testkit::pki::{Cert, CertBuilder, Key, KeyAlg, KeyUsage, SigAlg};
use certvouch_types::{CrlReason, SerialNumber, Timestamp};

use crate::support;

/// A day in seconds.
pub(crate) const DAY: i64 = 86_400;

/// id-pkix-ocsp-archive-cutoff.
pub(crate) const ARCHIVE_CUTOFF: &str = "1.3.6.1.5.5.7.48.1.6";
/// id-pkix-ocsp-service-locator.
pub(crate) const SERVICE_LOCATOR: &str = "1.3.6.1.5.5.7.48.1.7";
/// id-pkix-ocsp-pref-sig-algs.
pub(crate) const PREF_SIG_ALGS: &str = "1.3.6.1.5.5.7.48.1.8";
/// id-pkix-ocsp-extended-revoke.
pub(crate) const EXTENDED_REVOKE: &str = "1.3.6.1.5.5.7.48.1.9";
/// id-pkix-ocsp-crl.
pub(crate) const CRL_REFERENCES: &str = "1.3.6.1.5.5.7.48.1.3";
/// id-ce-reasonCode.
pub(crate) const REASON_CODE: &str = "2.5.29.21";
/// id-ce-instructionCode (RFC 3280 5.3.2).
pub(crate) const HOLD_INSTRUCTION: &str = "2.5.29.23";
/// id-ce-invalidityDate.
pub(crate) const INVALIDITY_DATE: &str = "2.5.29.24";
/// id-ce-certificateIssuer.
pub(crate) const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// Revoked at a moment.
pub(crate) fn revoked(at: i64, reason: Option<CrlReason>) -> Knowledge {
    Knowledge::Revoked {
        at: Timestamp::from_unix(at),
        reason,
    }
}

/// A record with more in it than its knowledge.
pub(crate) fn record(knowledge: Knowledge, change: impl FnOnce(&mut StatusRecord)) -> StatusRecord {
    let mut record = StatusRecord::new(knowledge);
    change(&mut record);
    record
}

/// Reads an answer that must be successful; the signature is not looked at.
pub(crate) fn parsed(octets: &[u8]) -> Basic {
    Parsed::successful(octets)
}

/// Asks, and gives the only SingleResponse of the answer.
pub(crate) fn single(responder: &Responder, request: &[u8], now: Timestamp) -> Single {
    parsed(&support::octets(responder, request, now))
        .single()
        .clone()
}

/// Asks, and gives the only status of the answer.
pub(crate) fn status(responder: &Responder, request: &[u8], now: Timestamp) -> CertStatus {
    single(responder, request, now).status
}

/// The extension with its preferred signature algorithms (whole AlgorithmIdentifiers), best first.
pub(crate) fn prefer(request: Ask, algorithms: &[Vec<u8>]) -> Ask {
    let list: Vec<Vec<u8>> = algorithms
        .iter()
        .map(|identifier| der::seq(&[identifier]))
        .collect();
    request.extension(PREF_SIG_ALGS, false, &der::seq_of(&list))
}

/// The AlgorithmIdentifiers of these algorithms.
pub(crate) fn identifiers(algorithms: &[SigAlg]) -> Vec<Vec<u8>> {
    algorithms.iter().map(|one| one.identifier()).collect()
}

/// sha1WithRSAEncryption.
pub(crate) fn sha1_with_rsa() -> Vec<u8> {
    der::seq(&[&der::oid("1.2.840.113549.1.1.5"), &der::null()])
}

/// ecdsa-with-SHA1.
pub(crate) fn sha1_with_ecdsa() -> Vec<u8> {
    der::seq(&[&der::oid("1.2.840.10045.4.1")])
}

/// A delegate of a CA with any key and validity.
pub(crate) fn delegate(name: &str, key: &Key, ca: &Cert, validity: (i64, i64)) -> Cert {
    CertBuilder::new(&[("CN", name)], key)
        .serial(&[0x11])
        .validity(validity.0, validity.1)
        .key_usage(&[KeyUsage::DigitalSignature])
        .ocsp_signing()
        .ocsp_nocheck()
        .ski_sha1()
        .issued_by(ca)
}

/// A self-signed CA with any key and validity.
pub(crate) fn authority(name: &str, key: &Key, validity: (i64, i64)) -> Cert {
    CertBuilder::new(&[("CN", name)], key)
        .validity(validity.0, validity.1)
        .basic_constraints(true, None)
        .key_usage(&[KeyUsage::KeyCertSign, KeyUsage::DigitalSignature])
        .ski_sha1()
        .self_signed()
}

/// A key on P-256 with this label.
pub(crate) fn p256(label: &str) -> Key {
    Key::cached(KeyAlg::P256, label)
}

/// Asks and says where the answer came from.
pub(crate) fn cache_use(responder: &Responder, request: &[u8], now: Timestamp) -> CacheUse {
    support::ask(responder, request, now).exchange.cache
}

/// Begins to ask, on a thread and a runtime of its own.
pub(crate) fn ask_beside(
    responder: &Arc<Responder>,
    request: &[u8],
    now: Timestamp,
) -> std::thread::JoinHandle<Answer> {
    let responder = Arc::clone(responder);
    let request = request.to_vec();
    std::thread::spawn(move || support::ask(&responder, &request, now))
}

/// A request under way, moved on by hand and by nothing else, so that a test decides on every step.
pub(crate) struct Asking<'r, T = Answer> {
    future: Pin<Box<dyn Future<Output = T> + 'r>>,
    woken: Arc<Woken>,
}

#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<'r, T> Asking<'r, T> {
    /// Takes a future as it is; nothing was asked yet.
    pub(crate) fn of(future: impl Future<Output = T> + 'r) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::default(),
        }
    }

    /// Moves it on as far as it gets; its answer, once.
    pub(crate) fn step(&mut self) -> Option<T> {
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    /// Whether something called it since its last step.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }
}

impl<'r> Asking<'r> {
    /// Asks, and goes as far as it gets, which must not be the end.
    pub(crate) fn begun(responder: &'r Responder, request: &'r [u8], now: Timestamp) -> Self {
        let mut asking = Self::of(responder.answer(request, now));
        assert!(asking.step().is_none(), "it was to be held");
        asking
    }

    /// The end, which must come with the next step.
    pub(crate) fn answer(mut self) -> Answer {
        self.step().expect("nothing holds it any more")
    }
}

/// A source that says the same of every serial number, and holds each look-up, after it has read, until that very
/// one is let go. For [`Asking`]: it wakes nobody.
#[derive(Debug)]
pub(crate) struct StepSource {
    knowledge: Mutex<Knowledge>,
    let_go: Mutex<HashSet<usize>>,
    lookups: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StepSource {
    /// It says this.
    pub(crate) fn new(knowledge: Knowledge) -> Arc<Self> {
        Arc::new(Self {
            knowledge: Mutex::new(knowledge),
            let_go: Mutex::default(),
            lookups: AtomicUsize::new(0),
        })
    }

    /// From now on it says this.
    pub(crate) fn say(&self, knowledge: Knowledge) {
        *lock(&self.knowledge) = knowledge;
    }

    /// Lets a look-up go by its number, the first being 0.
    pub(crate) fn let_go(&self, number: usize) {
        lock(&self.let_go).insert(number);
    }

    /// How many look-ups have begun.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl StatusSource for StepSource {
    fn lookup<'a>(
        &'a self,
        serials: &'a [SerialNumber<'a>],
    ) -> BoxFuture<'a, Result<Vec<StatusRecord>, SourceError>> {
        Box::pin(async move {
            let number = self.lookups.fetch_add(1, Ordering::SeqCst);
            let record = StatusRecord::new(*lock(&self.knowledge));
            poll_fn(|_| {
                if lock(&self.let_go).contains(&number) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            Ok(vec![record; serials.len()])
        })
    }
}
