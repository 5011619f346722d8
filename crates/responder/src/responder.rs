//! The responder: from the octets of a request and a time to an [`Answer`].

use core::fmt;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use certvouch_types::der::integer_from_unsigned;
use certvouch_types::{
    CertId, Certificate, Extension, HashAlgorithm, NonceFault, OcspRequest, Timestamp,
    basic_ocsp_response, extension::values, oid,
};

use crate::answer::{Answer, Asked, CacheUse, Exchange, SerialText, SignedResponse};
use crate::cache::{Kept, Key, Landed, ResponseCache};
use crate::error::AnswerError;
use crate::flight::Boarding;
use crate::issuer::Issuer;
use crate::limits::{DEFAULT_CACHE_BYTES, DEFAULT_MAX_ENTRIES};
use crate::policy::{NonceForm, NoncePolicy};
use crate::produce::{self, NonceEcho, Single};
use crate::requestor::{RequestorFault, is_signed_by};
use crate::selection;
use crate::self_check::{self, Alarm, NoAlarm, SelfCheck, SelfCheckFault};
use crate::source::Knowledge;

/// Seconds without another try after an answer could not be renewed: a dead signer is then asked once a second for
/// each answer and not once for each client. Arbitrary, but short beside any validity.
const RETRY_SECONDS: i64 = 1;

/// What holds for all issuers together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The most entries of one request.
    pub max_entries: usize,
    /// Octets that the response cache may hold.
    pub cache_bytes: u64,
    /// Who hears when an issuer stops.
    pub alarm: Arc<dyn Alarm>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_entries: DEFAULT_MAX_ENTRIES,
            cache_bytes: DEFAULT_CACHE_BYTES,
            alarm: Arc::new(NoAlarm),
        }
    }
}

/// Answers OCSP requests for a set of issuers.
#[derive(Debug)]
pub struct Responder {
    snapshot: ArcSwap<Snapshot>,
    cache: ResponseCache,
    settings: Settings,
    generations: AtomicU64,
}

/// The issuers that one request sees from beginning to end (threats T-10).
#[derive(Debug)]
struct Snapshot {
    entries: Vec<Entry>,
    /// For each hash algorithm, from issuerKeyHash to the entries with that key (several Names may share one).
    by_key_hash: HashMap<HashAlgorithm, HashMap<Box<[u8]>, Vec<usize>>>,
}

#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    issuer: Issuer,
    generation: u64,
    /// New with each generation, so that a change of signers or policy is checked again.
    self_check: SelfCheck,
}

/// Why a set of issuers is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuersError {
    /// Two have the same name.
    DuplicateName(String),
    /// Two answer for the same CA (same Name and key), so that nobody could say which of them is asked.
    SameCa(String, String),
}

impl fmt::Display for IssuersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateName(name) => write!(f, "two issuers are named {name:?}"),
            Self::SameCa(one, two) => {
                write!(
                    f,
                    "issuers {one:?} and {two:?} are the same CA: same name and same key"
                )
            }
        }
    }
}

impl core::error::Error for IssuersError {}

impl Snapshot {
    fn new(issuers: Vec<Issuer>, generations: &AtomicU64) -> Result<Self, IssuersError> {
        let mut by_key_hash: HashMap<_, HashMap<Box<[u8]>, Vec<usize>>> = HashMap::new();
        let mut entries: Vec<Entry> = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            for earlier in &entries {
                if earlier.issuer.name() == issuer.name() {
                    return Err(IssuersError::DuplicateName(issuer.name().to_owned()));
                }
                if earlier.issuer.is_same_ca(&issuer) {
                    let (one, two) = (earlier.issuer.name(), issuer.name());
                    return Err(IssuersError::SameCa(one.to_owned(), two.to_owned()));
                }
            }
            for hashes in issuer.hashes() {
                let keys = by_key_hash.entry(hashes.algorithm).or_default();
                keys.entry(hashes.key.as_ref().into())
                    .or_default()
                    .push(entries.len());
            }
            let generation = generations.fetch_add(1, Ordering::Relaxed);
            entries.push(Entry {
                name: issuer.name().into(),
                issuer,
                generation,
                self_check: SelfCheck::default(),
            });
        }
        Ok(Self {
            entries,
            by_key_hash,
        })
    }

    /// The CA served here that issued this certificate (DER), and the content octets of its serial number.
    fn issuer_of(&self, certificate: &[u8]) -> Option<(usize, Vec<u8>)> {
        let certificate = Certificate::parse(certificate).ok()?;
        let index = self.entries.iter().position(|entry| {
            Certificate::parse(entry.issuer.certificate())
                .is_ok_and(|ca| ca.subject == certificate.issuer && is_signed_by(&ca, &certificate))
        })?;
        Some((index, certificate.serial_number.content().to_vec()))
    }

    /// The issuer whose name hash *and* key hash a CertID has (requirements R6960-4.1.1-1, -3), with the algorithm.
    fn find(&self, cert_id: &CertId<'_>) -> Result<(&Entry, HashAlgorithm), AnswerError> {
        let algorithm = cert_id
            .hash()
            .ok_or_else(|| AnswerError::HashNotServed(cert_id.hash_algorithm.oid.to_string()))?;
        let entry = self
            .by_key_hash
            .get(&algorithm)
            .and_then(|keys| keys.get(cert_id.issuer_key_hash))
            .into_iter()
            .flatten()
            .map(|index| &self.entries[*index])
            .find(|entry| {
                entry
                    .issuer
                    .hashes()
                    .iter()
                    .any(|h| h.algorithm == algorithm && h.matches(cert_id))
            })
            .ok_or(AnswerError::UnknownIssuer)?;
        if entry.issuer.policy().hashes.contains(&algorithm) {
            Ok((entry, algorithm))
        } else {
            Err(AnswerError::HashNotServed(
                cert_id.hash_algorithm.oid.to_string(),
            ))
        }
    }
}

/// A request of which everything was decided except the status.
struct Question<'s, 'r> {
    entry: &'s Entry,
    signer: usize,
    hash: HashAlgorithm,
    cert_ids: Vec<CertId<'r>>,
    nonce: Option<NonceEcho<'r>>,
}

impl Responder {
    /// A responder for these issuers.
    ///
    /// # Errors
    /// Two of them cannot be told apart.
    pub fn new(issuers: Vec<Issuer>, settings: Settings) -> Result<Self, IssuersError> {
        let generations = AtomicU64::new(0);
        let snapshot = Snapshot::new(issuers, &generations)?;
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            cache: ResponseCache::new(settings.cache_bytes),
            settings,
            generations,
        })
    }

    /// Replaces all issuers, signers and policies at once. A request that is under way ends with those it began
    /// with; nothing that they signed is given to a later one.
    ///
    /// # Errors
    /// Two of them cannot be told apart; nothing was changed.
    pub fn replace(&self, issuers: Vec<Issuer>) -> Result<(), IssuersError> {
        let snapshot = Snapshot::new(issuers, &self.generations)?;
        self.snapshot.store(Arc::new(snapshot));
        // Every entry has a new generation, so nothing old can be found; this only gives the memory back.
        self.cache.clear();
        Ok(())
    }

    /// Removes the answers about these serial numbers (minimal unsigned big-endian octets) of an issuer. To be called
    /// after the source shows its new state.
    pub fn invalidate(&self, issuer: &str, serials: &[&[u8]]) {
        let snapshot = self.snapshot.load();
        for entry in snapshot
            .entries
            .iter()
            .filter(|entry| &*entry.name == issuer)
        {
            for serial in serials {
                let content = integer_from_unsigned(serial);
                self.cache
                    .invalidate(entry.generation, entry.issuer.signers().len(), &content);
            }
        }
    }

    /// Removes every answer.
    pub fn invalidate_all(&self) {
        self.cache.clear();
    }

    /// The issuers that have stopped, since an answer of theirs failed its own check, and why. They answer again once
    /// [`Self::replace`] brings other signers or another policy.
    #[must_use]
    pub fn stopped(&self) -> Vec<(Arc<str>, SelfCheckFault)> {
        let snapshot = self.snapshot.load();
        let entries = snapshot.entries.iter();
        entries
            .filter_map(|entry| {
                let why = entry.self_check.failure()?;
                Some((Arc::clone(&entry.name), why.clone()))
            })
            .collect()
    }

    /// Answers kept, and the octets they take.
    #[must_use]
    pub fn cache_size(&self) -> (usize, u64) {
        (self.cache.len(), self.cache.octets())
    }

    /// Answers one OCSPRequest.
    pub async fn answer(&self, request: &[u8], now: Timestamp) -> Answer {
        let snapshot = self.snapshot.load_full();
        let mut exchange = Exchange::default();
        let result = match self.read(&snapshot, request, now, &mut exchange) {
            Ok(question) => match authorize(&snapshot, &question, request, now).await {
                Ok(()) => self.give(&question, now).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match result {
            Ok((response, cache)) => {
                exchange.cache = cache;
                for (asked, status) in exchange.asked.iter_mut().zip(response.statuses()) {
                    asked.status = Some(*status);
                }
                let single_use = exchange.nonce;
                let refresh_due = cache == CacheUse::Hit && response.claim_refresh(now);
                Answer {
                    result: Ok(response),
                    single_use,
                    refresh_due,
                    exchange,
                }
            }
            Err(error) => {
                exchange.error = Some(error.clone());
                Answer {
                    result: Err(error),
                    single_use: false,
                    refresh_due: false,
                    exchange,
                }
            }
        }
    }

    /// Renews the kept answer to a request before its refresh deadline. Where that fails, the old one stays until
    /// its nextUpdate, and the next request tries again.
    pub async fn refresh(&self, request: &[u8], now: Timestamp) {
        let snapshot = self.snapshot.load_full();
        let mut exchange = Exchange::default();
        let Ok(question) = self.read(&snapshot, request, now, &mut exchange) else {
            return;
        };
        if let Some(key) = question.key()
            && let Boarding::Lead(lead) = self
                .cache
                .board(&key, |response| response.produced_at() == now)
        {
            let made = self.make(&question, now).await;
            if made.is_err()
                && let Some(old) = self.cache.get(&key)
            {
                old.back_off(now, RETRY_SECONDS);
            }
            lead.land(&made, || self.keep(key.clone(), &made));
        }
    }

    /// Reads a request, and applies every rule that does not depend on the status.
    fn read<'s, 'r>(
        &self,
        snapshot: &'s Snapshot,
        request: &'r [u8],
        now: Timestamp,
        exchange: &mut Exchange,
    ) -> Result<Question<'s, 'r>, AnswerError> {
        let request = OcspRequest::parse(request)?;
        let entries = request.request_list.len();
        let limit = self.settings.max_entries;
        if entries > limit {
            return Err(AnswerError::TooManyEntries { entries, limit });
        }
        let cert_ids: Vec<CertId<'r>> = request.request_list.iter().map(|r| r.cert_id).collect();
        exchange.asked = cert_ids.iter().map(asked).collect();
        check_critical(&request)?;
        for cert_id in &cert_ids {
            cert_id.check().map_err(AnswerError::CertId)?;
        }
        let nonce = request.nonce();
        if let Err((fault @ NonceFault::Length(_), _)) = nonce {
            return Err(AnswerError::Nonce(fault));
        }

        let (entry, hash) = one_issuer(snapshot, &cert_ids)?;
        exchange.issuer = Some(Arc::clone(&entry.name));
        if let Some(fault) = entry.self_check.failure() {
            return Err(AnswerError::SelfCheck(fault.clone()));
        }
        check_signed(entry, &request)?;
        let nonce = echo(entry, nonce)?;
        exchange.nonce = nonce.is_some();
        let signer =
            selection::choose(&entry.issuer, &request, now).ok_or(AnswerError::SignerNotValid)?;
        Ok(Question {
            entry,
            signer,
            hash,
            cert_ids,
            nonce,
        })
    }

    /// Gives the answer from the cache, or makes it.
    async fn give(
        &self,
        question: &Question<'_, '_>,
        now: Timestamp,
    ) -> Result<(Arc<SignedResponse>, CacheUse), AnswerError> {
        let Some(key) = question.key() else {
            return Ok((self.make(question, now).await?.response, CacheUse::Signed));
        };
        let usable = |response: &SignedResponse| {
            response.is_fresh_at(now) || response.is_current_at(now) && response.is_backing_off(now)
        };
        if let Some(response) = self.cache.get(&key).filter(|response| usable(response)) {
            let cache = found(&response, now);
            return Ok((response, cache));
        }
        loop {
            let (result, cache) = match self.cache.board(&key, usable) {
                Boarding::Found(kept) => {
                    let cache = kept
                        .as_ref()
                        .map_or(CacheUse::None, |kept| found(&kept.response, now));
                    (kept, cache)
                }
                Boarding::Wait(waiting) => match waiting.outcome().await {
                    Some(landed) => (landed, CacheUse::Joined),
                    // The leader's client left; somebody has to begin again.
                    None => continue,
                },
                Boarding::Lead(lead) => {
                    let made = self.make(question, now).await;
                    lead.land(&made, || self.keep(key.clone(), &made));
                    (made, CacheUse::Signed)
                }
            };
            return match result {
                Ok(kept) => Ok((kept.response, cache)),
                Err(error) => self.fall_back(&key, now, error),
            };
        }
    }

    /// Where no newer answer can be made, the old one serves until its nextUpdate (FRESH-6).
    fn fall_back(
        &self,
        key: &Key,
        now: Timestamp,
        error: AnswerError,
    ) -> Result<(Arc<SignedResponse>, CacheUse), AnswerError> {
        let passing = matches!(error, AnswerError::Source(_) | AnswerError::Sign(_));
        match self
            .cache
            .get(key)
            .filter(|old| passing && old.is_current_at(now))
        {
            Some(old) => {
                old.back_off(now, RETRY_SECONDS);
                Ok((old, CacheUse::Stale))
            }
            None => Err(error),
        }
    }

    fn keep(&self, key: Key, made: &Landed) {
        if let Ok(kept) = made {
            self.cache.insert(key, kept);
        }
    }

    /// Asks the source, writes ResponseData, has it signed.
    async fn make(&self, question: &Question<'_, '_>, now: Timestamp) -> Landed {
        let issuer = &question.entry.issuer;
        let serials: Vec<_> = question
            .cert_ids
            .iter()
            .map(|id| id.serial_number)
            .collect();
        let records = issuer
            .source()
            .lookup(&serials)
            .await
            .map_err(AnswerError::Source)?;
        if records.len() != serials.len() {
            return Err(AnswerError::SourceContract);
        }
        let signer = &issuer.signers()[question.signer];
        let singles = produce::singles(issuer, signer, &question.cert_ids, &records, now)?;
        let tbs = produce::response_data(signer, &singles, question.nonce, now);
        let signature = signer.key().sign(&tbs).await.map_err(AnswerError::Sign)?;
        let algorithm = signer.algorithm().identifier();
        let der = basic_ocsp_response(&tbs, algorithm, &signature, &signer.certs());

        self.check_self(question, &singles, &der, now)?;

        let policy = issuer.policy();
        let times = span(&singles, now);
        let deadline = policy.refresh_deadline(times, now);
        let statuses = singles.iter().map(|single| single.cert_status).collect();
        let response = SignedResponse::new(der, statuses, now, times, deadline, policy.max_age);
        let unassigned = singles.iter().any(|single| single.unassigned);
        Ok(Kept {
            response: Arc::new(response),
            unassigned,
        })
    }
}

impl Responder {
    /// Checks the first answer of its kind before anybody gets it; one that fails stops the issuer.
    fn check_self(
        &self,
        question: &Question<'_, '_>,
        singles: &[Single],
        der: &[u8],
        now: Timestamp,
    ) -> Result<(), AnswerError> {
        let Question { entry, signer, .. } = question;
        let parts = singles
            .iter()
            .map(|single| (single.cert_status, single.extensions()));
        let kind = self_check::kind_of(parts, question.nonce.is_some());
        if entry.self_check.has_passed(*signer, kind) {
            return Ok(());
        }
        let policy = entry.issuer.policy();
        let by = &entry.issuer.signers()[*signer];
        match self_check::check(der, by, policy, &question.cert_ids, now) {
            Ok(()) => {
                entry.self_check.pass(*signer, kind);
                Ok(())
            }
            Err(fault) => {
                if entry.self_check.fail(fault.clone()) {
                    self.settings.alarm.issuer_stopped(&entry.name, &fault);
                }
                Err(AnswerError::SelfCheck(fault))
            }
        }
    }
}

impl Question<'_, '_> {
    /// The cache key: only answers to one CertID without nonce are kept (threats T-3).
    fn key(&self) -> Option<Key> {
        match &self.cert_ids[..] {
            [cert_id] if self.nonce.is_none() => Some(Key::new(
                self.entry.generation,
                self.signer,
                self.hash,
                cert_id,
            )),
            _ => None,
        }
    }
}

/// What to call the use of an answer that was in the cache.
fn found(response: &SignedResponse, now: Timestamp) -> CacheUse {
    if response.is_fresh_at(now) {
        CacheUse::Hit
    } else {
        CacheUse::Stale
    }
}

fn asked(cert_id: &CertId<'_>) -> Asked {
    Asked {
        serial: SerialText::new(cert_id.serial_number),
        hash: cert_id.hash(),
        status: None,
    }
}

/// The latest thisUpdate and the earliest nextUpdate.
fn span(singles: &[Single], now: Timestamp) -> (Timestamp, Timestamp) {
    let this_update = singles.iter().map(|single| single.this_update).max();
    let next_update = singles.iter().map(|single| single.next_update).min();
    (this_update.unwrap_or(now), next_update.unwrap_or(now))
}

/// All entries must belong to one CA, since one signature speaks for one CA only (requirements E-33). The hash
/// algorithm is that of the first.
fn one_issuer<'s>(
    snapshot: &'s Snapshot,
    cert_ids: &[CertId<'_>],
) -> Result<(&'s Entry, HashAlgorithm), AnswerError> {
    let mut found: Option<(&Entry, HashAlgorithm)> = None;
    for cert_id in cert_ids {
        let (entry, hash) = snapshot.find(cert_id)?;
        match found {
            Some((first, _)) if !std::ptr::eq(first, entry) => {
                return Err(AnswerError::MixedIssuers);
            }
            Some(_) => {}
            None => found = Some((entry, hash)),
        }
    }
    // The parser lets no empty requestList through.
    found.ok_or(AnswerError::UnknownIssuer)
}

/// Whether a request is signed as it must be, before its signature is looked at (requirements E-25, E-26).
fn check_signed(entry: &Entry, request: &OcspRequest<'_>) -> Result<(), AnswerError> {
    if entry.issuer.policy().requestors.is_none() {
        return Ok(());
    }
    match (
        request.signature.is_some(),
        request.requestor_name.is_some(),
    ) {
        (false, _) => Err(AnswerError::SignatureRequired),
        (true, false) => Err(AnswerError::NoRequestorName),
        (true, true) => Ok(()),
    }
}

/// Whether the request comes from somebody who may ask (requirements E-27, threats T-42). The signature is verified in
/// the room that the list of requestors has for it; whether its signer is revoked is asked of the source, if the
/// signer's CA is served here.
async fn authorize(
    snapshot: &Arc<Snapshot>,
    question: &Question<'_, '_>,
    request: &[u8],
    now: Timestamp,
) -> Result<(), AnswerError> {
    let Some(requestors) = &question.entry.issuer.policy().requestors else {
        return Ok(());
    };
    let (tell, told) = tokio::sync::oneshot::channel();
    let (list, snapshot) = (Arc::clone(requestors), Arc::clone(snapshot));
    let (octets, shared) = (request.to_vec(), Arc::clone(&snapshot));
    let work = Box::new(move || {
        let verified = OcspRequest::parse(&octets)
            .map_err(AnswerError::Malformed)
            .and_then(|request| list.verify(&request, now).map_err(AnswerError::Requestor))
            .map(|signer| shared.issuer_of(&signer));
        // Whoever asked may have left.
        drop(tell.send(verified));
    });
    let full = |_| AnswerError::ChecksFull;
    requestors.room().run(work).map_err(full)?;
    // Work that is thrown away unfinished is work that there was no room for.
    let served = told.await.map_err(|_| AnswerError::ChecksFull)??;
    let Some((index, serial)) = served else {
        return Ok(());
    };
    let serial = certvouch_types::SerialNumber::from_content(&serial);
    let source = snapshot.entries[index].issuer.source();
    let records = source
        .lookup(&[serial])
        .await
        .map_err(AnswerError::Source)?;
    match records.first().map(|record| record.knowledge) {
        Some(Knowledge::Issued | Knowledge::NotRevoked) => Ok(()),
        _ => Err(AnswerError::Requestor(RequestorFault::Revoked)),
    }
}

/// What goes back of a nonce, by the issuer's policy.
fn echo<'r>(
    entry: &Entry,
    nonce: Result<Option<certvouch_types::Nonce<'r>>, (NonceFault, Extension<'r>)>,
) -> Result<Option<NonceEcho<'r>>, AnswerError> {
    let policy = entry.issuer.policy();
    let nonce = match nonce {
        Ok(nonce) => nonce.map(|nonce| NonceEcho::Octets(nonce.as_bytes())),
        Err((NonceFault::NotWrapped, extension)) if policy.nonce_form == NonceForm::Raw => {
            let length = extension.value.len();
            if !(1..=certvouch_types::limits::MAX_NONCE_OCTETS).contains(&length) {
                return Err(AnswerError::Nonce(NonceFault::Length(length)));
            }
            Some(NonceEcho::Verbatim(extension.value))
        }
        Err((fault, _)) => return Err(AnswerError::Nonce(fault)),
    };
    match policy.nonce {
        NoncePolicy::Echo => Ok(nonce),
        NoncePolicy::Ignore => Ok(None),
        NoncePolicy::Require if nonce.is_none() => Err(AnswerError::NonceRequired),
        NoncePolicy::Require => Ok(nonce),
    }
}

/// A critical extension must not be ignored (RFC 6960 4.1.2): known ones must parse, unknown ones are refused. None
/// of singleRequestExtensions is acted upon, so a critical one there is always refused (requirements E-23, E-24).
fn check_critical(request: &OcspRequest<'_>) -> Result<(), AnswerError> {
    for extension in request
        .extensions
        .iter()
        .filter(|extension| extension.critical)
    {
        let contents = extension.contents();
        match extension.oid {
            // Its own rules are stricter, critical or not.
            o if o == oid::OCSP_NONCE => {}
            o if o == oid::OCSP_RESPONSE => {
                values::AcceptableResponses::parse(contents)?;
            }
            o if o == oid::OCSP_PREF_SIG_ALGS => {
                values::PreferredSignatureAlgorithms::parse(contents)?;
            }
            unknown => return Err(AnswerError::CriticalExtension(unknown.to_string())),
        }
    }
    let critical = request
        .request_list
        .iter()
        .find_map(|entry| entry.extensions.iter().find(|extension| extension.critical));
    match critical {
        Some(extension) => Err(AnswerError::CriticalExtension(extension.oid.to_string())),
        None => Ok(()),
    }
}
