//! One certificate to be stapled: what is known about it, and what may be given out for it.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use certvouch_client::{CertIdHash, Question, Sha1Signatures};
use certvouch_crypto::{Digest, digest};
use certvouch_types::pkix::tls_feature::STATUS_REQUEST;
use certvouch_types::{CertStatus, Certificate, HashAlgorithm, Timestamp};
use certvouch_verify::{Profile, QueryError};
use http::Uri;

use crate::expect::Expected;
use crate::key::StapleKey;
use crate::limits::MAX_MESSAGE;
use crate::staple::{NotStaplable, Staple, is_final};

/// A certificate to be stapled, with its issuer. Both are DER.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subject {
    /// The certificate.
    pub certificate: Bytes,
    /// The certificate of its issuer, which the caller trusts.
    pub issuer: Bytes,
    /// The responders to ask instead of those that the certificate names.
    pub responders: Option<Vec<Uri>>,
    /// The hash of the CertID. SHA-1 by default: curl and s2n-tls know no other in a staple, HAProxy takes no other.
    pub hash: CertIdHash,
}

impl Subject {
    /// A certificate that names its responders.
    #[must_use]
    pub fn new(certificate: impl Into<Bytes>, issuer: impl Into<Bytes>) -> Self {
        Self {
            certificate: certificate.into(),
            issuer: issuer.into(),
            responders: None,
            hash: CertIdHash::Sha1,
        }
    }
}

/// Where the staple that is there came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A responder, asked by this process.
    Responder,
    /// The store: a former process left it, or another one fetched it.
    Store,
}

impl Origin {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Responder => "responder",
            Self::Store => "store",
        }
    }
}

/// Why an attempt brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// The stable code, for machines: those of `certvouch_client::NoAnswer::code` and a few of this crate.
    pub code: &'static str,
    /// What happened. Foreign text may be in it.
    pub text: String,
}

impl Problem {
    pub(crate) fn new(at: Timestamp, code: &'static str, text: &dyn core::fmt::Display) -> Self {
        let mut text = text.to_string();
        if text.len() > MAX_MESSAGE {
            let cut = (0..=MAX_MESSAGE)
                .rev()
                .find(|at| text.is_char_boundary(*at));
            text.truncate(cut.unwrap_or(0));
        }
        Self { at, code, text }
    }
}

/// What is known about one staple.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    /// When a responder was last asked.
    pub last_attempt: Option<Timestamp>,
    /// When an answer was last believed.
    pub last_success: Option<Timestamp>,
    /// When a responder is asked next.
    pub next_attempt: Option<Timestamp>,
    /// Attempts that brought an answer, since the start.
    pub successes: u64,
    /// Attempts that did not, since the start.
    pub failures: u64,
    /// Attempts that did not, since the last that did.
    pub failures_in_a_row: u32,
    /// The last failure, until an attempt succeeds.
    pub last_error: Option<Problem>,
    /// Where the staple came from.
    pub origin: Option<Origin>,
    /// A revocation that nothing takes back was seen, although its response may be over.
    pub finally_revoked: bool,
    /// The responder said, signed and current, that it does not know the certificate.
    pub unknown_until: Option<Timestamp>,
    /// What its status is said to be, until the staple says so or enough attempts were made.
    pub awaited: Option<Expected>,
}

/// A certificate in the care of a [`crate::Stapler`].
#[derive(Debug)]
pub struct Slot {
    pub(crate) question: Question,
    key: StapleKey,
    serial: Box<[u8]>,
    issuer_key: Digest,
    hash: CertIdHash,
    not_after: Timestamp,
    must_staple: bool,
    names_responder: bool,
    staple: ArcSwapOption<Staple>,
    state: Mutex<State>,
}

/// The content octets of an INTEGER as a number without a sign.
fn unsigned(content: &[u8]) -> &[u8] {
    let start = content.iter().position(|octet| *octet != 0);
    start
        .and_then(|start| content.get(start..))
        .unwrap_or_default()
}

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is the staple now.
    New,
    /// It says what the staple says that is there.
    Same,
    /// It is older than the staple that is there.
    Older,
    /// It says unknown, and what is there says more.
    Unknown,
    /// The certificate was revoked for good.
    Contradicted,
}

impl Slot {
    pub(crate) fn new(subject: Subject) -> Result<Self, QueryError> {
        let mut question = Question::about(subject.certificate, subject.issuer);
        question.responders = subject.responders;
        // Made for its checks: the issuer's key signed the certificate (threats T-20).
        question.query(None, Sha1Signatures::Refused)?;
        let certificate = question.certificate();
        let certificate = certificate.ok_or(QueryError::NotIssuedByIssuer)?;
        let issuer = Certificate::parse(&question.issuer).map_err(QueryError::Issuer)?;
        let features = certificate.tls_features().ok().flatten();
        let named = certvouch_client::Locations::of(&certificate).responders;
        Ok(Self {
            key: StapleKey::new(&certificate, &issuer, subject.hash),
            serial: unsigned(certificate.serial_number.content()).into(),
            issuer_key: digest(HashAlgorithm::Sha256, issuer.subject_public_key_info.raw),
            hash: subject.hash,
            not_after: certificate.validity.not_after,
            must_staple: features.is_some_and(|features| features.requires(STATUS_REQUEST)),
            names_responder: question.responders.is_some() || !named.is_empty(),
            staple: ArcSwapOption::empty(),
            state: Mutex::default(),
            question,
        })
    }

    /// The certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &Bytes {
        match &self.question.subject {
            certvouch_client::Subject::Certificate(der)
            | certvouch_client::Subject::SerialNumber(der) => der,
            // proof: `new` asks about a certificate
            _ => unreachable!("a slot asks about a certificate"),
        }
    }

    /// The issuer's certificate in DER.
    #[must_use]
    pub const fn issuer(&self) -> &Bytes {
        &self.question.issuer
    }

    /// Its name in the store.
    #[must_use]
    pub const fn key(&self) -> &StapleKey {
        &self.key
    }

    /// The serial number: minimal unsigned big-endian octets.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    #[must_use]
    pub(crate) const fn issuer_key(&self) -> &Digest {
        &self.issuer_key
    }

    /// The hash of the CertID that is asked with.
    #[must_use]
    pub const fn hash(&self) -> CertIdHash {
        self.hash
    }

    /// The end of the certificate.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether the certificate demands a staple (RFC 7633).
    #[must_use]
    pub const fn is_must_staple(&self) -> bool {
        self.must_staple
    }

    /// Whether anybody is named who could be asked.
    #[must_use]
    pub const fn names_responder(&self) -> bool {
        self.names_responder
    }

    /// The staple, if it may be given out at this moment. Takes no lock.
    #[must_use]
    pub fn staple(&self, now: Timestamp) -> Option<Arc<Staple>> {
        self.staple
            .load_full()
            .filter(|staple| staple.is_current(now))
    }

    /// The last staple, also one that is over: for those who tell what was, not for handshakes.
    #[must_use]
    pub fn last_staple(&self) -> Option<Arc<Staple>> {
        self.staple.load_full()
    }

    /// What is known.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    /// Whether a revocation that nothing takes back was seen, although its response may be over.
    #[must_use]
    pub fn is_finally_revoked(&self) -> bool {
        self.lock().finally_revoked
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Verifies a response for this certificate.
    pub(crate) fn verify(
        &self,
        der: &[u8],
        now: Timestamp,
        profile: &Profile,
    ) -> Result<Found, Problem> {
        let query = self.question.query(None, Sha1Signatures::Refused);
        let query = query.map_err(|why| Problem::new(now, "question", &why))?;
        let verified = query
            .verify(der, now, profile)
            .map_err(|why| Problem::new(now, why.reason().code(), &why))?;
        match Staple::new(&verified) {
            Ok(staple) => Ok(Found::Staple(staple)),
            Err(NotStaplable::Stale) => Ok(Found::Over(verified.status())),
            Err(why) => Err(Problem::new(now, "not-staplable", &why)),
        }
    }

    /// What would become of a verified staple. It is put on the disk before it is taken, so that nobody is told of what a
    /// crash would lose.
    pub(crate) fn weigh(&self, staple: &Staple, now: Timestamp) -> Accepted {
        self.weighed(&self.lock(), staple, now)
    }

    fn weighed(&self, state: &State, staple: &Staple, now: Timestamp) -> Accepted {
        if state.finally_revoked && !staple.is_revoked() {
            return Accepted::Contradicted;
        }
        let Some(there) = self.staple.load_full() else {
            return Accepted::New;
        };
        let takes = match (there.is_unknown(), staple.is_unknown()) {
            // What is over is no reason to hide that the responder knows nothing.
            (false, true) => !there.is_current(now),
            (true, false) => true,
            _ => staple.replaces(&there) || is_awaited(state.awaited, staple, &there),
        };
        match (staple.is_unknown(), there.is_unknown()) {
            _ if takes => Accepted::New,
            (true, false) => Accepted::Unknown,
            _ if staple.this_update() < there.this_update() => Accepted::Older,
            _ => Accepted::Same,
        }
    }

    /// Takes a verified staple, if it says more than what is there.
    pub(crate) fn accept(&self, staple: Staple, origin: Origin, now: Timestamp) -> Accepted {
        let mut state = self.lock();
        let accepted = self.weighed(&state, &staple, now);
        if accepted == Accepted::Contradicted {
            return accepted;
        }
        if staple.is_unknown() {
            state.unknown_until = Some(staple.valid_until());
        }
        if accepted == Accepted::New {
            state.finally_revoked |= staple.is_final();
            state.unknown_until = staple.is_unknown().then(|| staple.valid_until());
            state.origin = Some(origin);
            self.staple.store(Some(Arc::new(staple)));
        }
        accepted
    }

    /// Notes a status that was read from a response that is over: only a revocation for good is one.
    pub(crate) fn remember(&self, status: CertStatus) {
        self.lock().finally_revoked |= is_final(status);
    }
}

/// Whether somebody who knows said what this staple says and the other does not. thisUpdate has whole seconds: of two
/// changes in one second it cannot tell which came later.
fn is_awaited(awaited: Option<Expected>, staple: &Staple, there: &Staple) -> bool {
    staple.this_update() == there.this_update()
        && awaited.is_some_and(|it| it.is_said_by(staple) && !it.is_said_by(there))
}

/// What a verified response is good for.
#[derive(Debug)]
pub(crate) enum Found {
    /// To be stapled.
    Staple(Staple),
    /// It is over: of what it says, only a revocation for good counts.
    Over(CertStatus),
}
