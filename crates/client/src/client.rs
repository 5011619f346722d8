//! The way of a question through the sources.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use certvouch_fetch::{FetchError, Fetcher, Resolve, SystemResolver};
use certvouch_types::{Certificate, SerialNumber, Timestamp};
use certvouch_verify::{DelegateRevocation, Profile, QueryError, VerifyError};
use http::Uri;
use tokio::time::Instant;

use crate::answer::{Answer, Checked};
use crate::cache::{Cache, Key};
use crate::crls;
use crate::failure::{Failure, NoAnswer};
use crate::locations::Locations;
use crate::memory::Memory;
use crate::outcome::{Attempt, Outcome};
use crate::policy::{ExpiredCertificates, NonceMode, Policy, Source};
use crate::question::{Question, Subject};
use crate::responders;

/// Asks. Cheap to clone; all clones share what was learned.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Any clock; tests put their own in.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The clock of the system.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| {
            let now = std::time::SystemTime::now();
            // A clock before 1970 or past i64 is an end of the calendar, where nothing is current.
            now.duration_since(std::time::UNIX_EPOCH)
                .map_or(Timestamp::MIN, |since| {
                    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
                })
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", (self.0)())
    }
}

/// What the clones of a client share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) policy: Policy,
    pub(crate) profile: Profile,
    pub(crate) fetcher: Fetcher,
    pub(crate) crl_fetcher: Fetcher,
    pub(crate) memory: Memory,
    pub(crate) crls: crls::Store,
    cache: Cache,
    clock: Clock,
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock.0)()
    }
}

/// Where attempts are noted as they end, so that those of a responder that is overtaken are not lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Attempt>>>);

impl Log {
    pub(crate) fn note(&self, attempt: Attempt) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(attempt);
    }

    fn take(&self) -> Vec<Attempt> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.is_empty()
    }
}

impl Client {
    /// A client with the clock and the resolver of the system.
    ///
    /// # Errors
    /// The TLS roots of [`Policy::fetch`] cannot be loaded.
    pub fn new(policy: Policy) -> Result<Self, FetchError> {
        Self::with(policy, Clock::system(), Arc::new(SystemResolver))
    }

    /// A client with another clock and another resolver.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with(
        policy: Policy,
        clock: Clock,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, FetchError> {
        let mut fetch = policy.fetch.clone();
        // One that hangs leaves time for another.
        fetch.total_timeout = fetch.total_timeout.min(policy.total_time);
        let mut fetch_crls = fetch.clone();
        fetch_crls.max_body = policy.max_crl;
        fetch_crls.total_timeout = policy.total_time;
        let profile = policy.profile_for_request();
        let inner = Inner {
            fetcher: Fetcher::with_resolver(fetch, Arc::clone(&resolver))?,
            crl_fetcher: Fetcher::with_resolver(fetch_crls, resolver)?,
            memory: Memory::default(),
            crls: crls::Store::default(),
            cache: Cache::new(policy.cache_folder.clone()),
            clock,
            profile,
            policy,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The policy that it was made with.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Asks, within [`Policy::total_time`] and [`Question::time`]. Needs a tokio runtime with I/O and time.
    pub async fn ask(&self, question: Question) -> Outcome {
        let began = Instant::now();
        let log = Log::default();
        let question = Arc::new(question);
        let certificate = question.certificate();
        let locations = certificate.as_ref().map(Locations::of).unwrap_or_default();
        let run = Run {
            inner: &self.inner,
            question: &question,
            locations: &locations,
            log: &log,
            began,
        };
        let result = run.answer().await;
        let attempts = log.take();
        Outcome {
            result,
            attempts,
            locations,
            elapsed: began.elapsed(),
        }
    }
}

struct Run<'a> {
    inner: &'a Arc<Inner>,
    question: &'a Arc<Question>,
    locations: &'a Locations,
    log: &'a Log,
    began: Instant,
}

impl Run<'_> {
    async fn answer(&self) -> Result<Answer, NoAnswer> {
        let policy = &self.inner.policy;
        // Made once for its checks: the issuer's key has to have signed the certificate before anybody is asked.
        self.question
            .query(None, policy.sha1_signatures)
            .map_err(NoAnswer::Question)?;
        if policy.expired == ExpiredCertificates::NotAsked {
            self.dates()?;
        }
        // A signed "unknown" that came along does not keep anybody from asking.
        let mut unknown = None;
        for source in &policy.sources {
            let found = match source {
                Source::Staple => self.staple(),
                Source::Cache => self.cached(),
                Source::Ocsp => self.responders().await,
                Source::Crl => self.crls().await,
            };
            match found {
                Some(answer)
                    if answer.verdict() == certvouch_verify::Verdict::Unknown
                        && *source == Source::Staple =>
                {
                    unknown = Some(answer);
                }
                Some(answer) => return Ok(answer),
                None => {}
            }
        }
        if let Some(answer) = unknown {
            return Ok(answer);
        }
        self.failure()
    }

    /// The failure that tells most; the first of equals.
    fn failure(&self) -> Result<Answer, NoAnswer> {
        if self.log.is_empty() {
            return Err(NoAnswer::NoSource);
        }
        let all = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all
            .iter()
            .rev()
            .filter_map(|attempt| attempt.result.as_ref().err());
        let worst = failures.max_by_key(|failure| failure.weight());
        Err(worst.map_or(NoAnswer::NoSource, |worst| NoAnswer::Failed(worst.clone())))
    }

    fn dates(&self) -> Result<(), NoAnswer> {
        let Some(certificate) = self.question.certificate() else {
            return Ok(());
        };
        let at = self.question.moment(self.inner.now()).at();
        let validity = certificate.validity;
        if at > validity.not_after {
            let not_after = validity.not_after;
            return Err(NoAnswer::Expired { not_after });
        }
        if at < validity.not_before {
            let not_before = validity.not_before;
            return Err(NoAnswer::NotYetValid { not_before });
        }
        Ok(())
    }

    fn staple(&self) -> Option<Answer> {
        let der = self.question.staple.clone()?;
        let mut attempt = Attempt::new(Source::Staple, Err(Failure::Random));
        attempt.body = Some(der.clone());
        let judged = judge(
            self.inner,
            self.question,
            Source::Staple,
            None,
            der,
            None,
            None,
        );
        self.noted(attempt, judged.map_err(Failure::Refused))
    }

    /// Notes what came of an attempt.
    fn noted(&self, mut attempt: Attempt, judged: Result<Answer, Failure>) -> Option<Answer> {
        attempt.result = match &judged {
            Ok(answer) => Ok(answer.verdict()),
            Err(why) => Err(why.clone()),
        };
        self.log.note(attempt);
        judged.ok()
    }

    fn key(&self) -> Option<Key> {
        let issuer = Certificate::parse(&self.question.issuer).ok()?;
        let serial = match &self.question.subject {
            Subject::Certificate(der) => Certificate::parse(der).ok()?.serial_number,
            Subject::SerialNumber(content) => SerialNumber::from_content(content),
        };
        Some(Key::new(&issuer, serial))
    }

    /// CRLs that the caller holds, then what was verified before.
    fn cached(&self) -> Option<Answer> {
        if !self.question.crls.is_empty() {
            let mut attempt = Attempt::new(Source::Cache, Err(Failure::Random));
            let crls = self.question.crls.clone();
            attempt.crls.clone_from(&crls);
            let judged = crls::judge(self.inner, self.question, Source::Cache, None, crls);
            if let Some(answer) = self.noted(attempt, judged.map_err(Failure::Refused)) {
                return Some(answer);
            }
        }
        // What was kept cannot have the nonce that is required.
        if self.inner.policy.nonce == NonceMode::Require {
            return None;
        }
        let key = self.key()?;
        let der = self.inner.cache.get(key)?;
        let judged = judge(
            self.inner,
            self.question,
            Source::Cache,
            None,
            der.clone(),
            None,
            None,
        );
        match judged {
            Ok(answer) => {
                let mut attempt = Attempt::new(Source::Cache, Ok(answer.verdict()));
                attempt.body = Some(der);
                self.log.note(attempt);
                Some(answer)
            }
            Err(_) => {
                // Too old, or changed on the disk: as if it had never been there.
                if self.question.at.is_none() {
                    self.inner.cache.forget(key);
                }
                None
            }
        }
    }

    /// Time for the question as a whole.
    fn total_time(&self) -> std::time::Duration {
        let total = self.inner.policy.total_time;
        self.question.time.map_or(total, |time| time.min(total))
    }

    /// The responders; with a CRL behind them they get two thirds of the time.
    async fn responders(&self) -> Option<Answer> {
        let (urls, named) = match &self.question.responders {
            Some(urls) => (urls.clone(), true),
            None => (self.locations.responders.clone(), false),
        };
        let total = self.total_time();
        let falls_back = self.inner.policy.allows(Source::Crl) && !self.locations.points.is_empty();
        let share = if falls_back { total * 2 / 3 } else { total };
        let asked = responders::Asked {
            inner: self.inner,
            question: self.question,
            log: self.log,
            named,
            deadline: self.began + share,
        };
        let answer = asked.first_answer(urls).await?;
        self.keep(&answer);
        Some(answer)
    }

    /// Keeps an answer about now that says when it ends.
    fn keep(&self, answer: &Answer) {
        let known = answer.verdict() != certvouch_verify::Verdict::Unknown;
        if let (Some(der), Some(until), Some(key), None, None, true) = (
            answer.response(),
            answer.valid_until(),
            self.key(),
            self.question.at,
            answer.stale(),
            known,
        ) {
            self.inner.cache.put(key, der, until, self.inner.now());
        }
    }

    async fn crls(&self) -> Option<Answer> {
        let total = self.total_time();
        let deadline = self.began + total;
        let work = crls::ask(self.inner, self.question, self.locations, self.log);
        match tokio::time::timeout_at(deadline, work).await {
            Ok(answer) => answer,
            Err(_) => {
                let late = Failure::OutOfTime(total);
                self.log.note(Attempt::new(Source::Crl, Err(late)));
                None
            }
        }
    }
}

/// Verifies a response, with CRLs for delegates without nocheck if there are any.
pub(crate) fn judge(
    inner: &Inner,
    question: &Question,
    source: Source,
    url: Option<Uri>,
    der: bytes::Bytes,
    request: Option<bytes::Bytes>,
    delegates: Option<&[bytes::Bytes]>,
) -> Result<Answer, VerifyError> {
    let query = question
        .query(request.as_deref(), inner.policy.sha1_signatures)
        .or_else(|_: QueryError| question.query(None, inner.policy.sha1_signatures));
    let query = match query {
        Ok(query) => query,
        // proof: the question was made once before anybody was asked, and has not changed since
        Err(why) => unreachable!("{why}"),
    };
    let crls = delegates.unwrap_or(&question.crls);
    let set = question.crl_set(crls);
    let revocation = if set.is_empty() {
        DelegateRevocation::Unknown
    } else {
        DelegateRevocation::Crls(&set)
    };
    let moment = question.moment(inner.now());
    let verified = query.verify_at(&der, moment, &inner.profile, revocation)?;
    let checked = Checked::Response {
        der: der.clone(),
        request: request.clone(),
        delegate_crls: delegates.unwrap_or_default().to_vec(),
    };
    Ok(Answer::from_response(source, url, checked, &verified))
}
