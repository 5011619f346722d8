//! Statuses that are known before anybody asks for them.
//!
//! A [`StatusSet`] holds certificates whose statuses a [`Stapler`] keeps fresh: those that were named beforehand, and those
//! that a handshake has shown with a valid path. Looking into it is a lookup and nothing else. Whoever wants to know of
//! changes, to close sessions for instance, leaves a hook.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bytes::Bytes;
use certvouch_crypto::{AWS_LC, Digest};
use certvouch_types::{CertStatus, HashAlgorithm, Timestamp};
use certvouch_verify::QueryError;

use crate::limits::{MAX_STATUSES, NOTICED_AT_ONCE};
use crate::policy::Standing;
use crate::slot::{Slot, Subject};
use crate::staple::Staple;
use crate::stapler::{Stapler, lock};

/// A status, and until when it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Good, unknown or revoked.
    pub standing: Standing,
    /// Its end. A revocation that nothing takes back counts beyond it.
    pub valid_until: Timestamp,
}

/// A certificate stands otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The certificate in DER.
    pub certificate: Bytes,
    /// How it stood. [`Standing::Missing`] at first.
    pub was: Standing,
    /// How it stands.
    pub is: Standing,
}

type Hook = Arc<dyn Fn(&Change) + Send + Sync>;
type Fingerprint = Vec<u8>;
type Noticed = (Vec<u8>, Vec<u8>);

/// The statuses of many certificates. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct StatusSet {
    inner: Arc<Inner>,
}

struct Inner {
    stapler: Stapler,
    entries: RwLock<BTreeMap<Fingerprint, Arc<Entry>>>,
    hooks: Mutex<Vec<Hook>>,
    /// Certificates with their issuers, until the engine takes them in.
    noticed: Mutex<BTreeMap<Fingerprint, Noticed>>,
    limit: usize,
}

struct Entry {
    slot: Arc<Slot>,
    told: Mutex<Standing>,
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusSet")
            .field("certificates", &self.len())
            .finish_non_exhaustive()
    }
}

impl StatusSet {
    /// An empty set that this stapler keeps fresh; somebody has to run that.
    #[must_use]
    pub fn new(stapler: Stapler) -> Self {
        Self::with_limit(stapler, MAX_STATUSES)
    }

    /// The same, for at most so many certificates: those that handshakes show come from outside.
    #[must_use]
    pub fn with_limit(stapler: Stapler, limit: usize) -> Self {
        let inner = Arc::new(Inner {
            stapler,
            entries: RwLock::default(),
            hooks: Mutex::default(),
            noticed: Mutex::default(),
            limit,
        });
        let weak: Weak<Inner> = Arc::downgrade(&inner);
        inner.stapler.observe(move |slot| {
            if let Some(inner) = weak.upgrade() {
                inner.attempted(slot);
            }
        });
        Self { inner }
    }

    /// Takes a certificate in, whatever the limit. It is asked for as soon as the stapler runs.
    ///
    /// # Errors
    /// As [`Stapler::add`].
    pub fn watch(&self, subject: Subject) -> Result<Arc<Slot>, QueryError> {
        let fingerprint = fingerprint(&subject.certificate);
        if let Some(entry) = self.inner.entry(&fingerprint) {
            return Ok(Arc::clone(&entry.slot));
        }
        let slot = self.inner.stapler.add(subject)?;
        let entry = Arc::new(Entry {
            slot: Arc::clone(&slot),
            told: Mutex::new(Standing::Missing),
        });
        let mut entries = self
            .inner
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        let kept = Arc::clone(&entries.entry(fingerprint).or_insert(entry).slot);
        drop(entries);
        if !Arc::ptr_eq(&kept, &slot) {
            self.inner.stapler.remove(&slot);
        }
        Ok(kept)
    }

    /// Lets a certificate go.
    pub fn forget(&self, certificate: &[u8]) {
        let mut entries = self
            .inner
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let gone = entries.remove(&fingerprint(certificate));
        drop(entries);
        if let Some(entry) = gone {
            self.inner.stapler.remove(&entry.slot);
        }
    }

    /// What is known about a certificate now.
    #[must_use]
    pub fn status(&self, certificate: &[u8], now: Timestamp) -> Option<Known> {
        let entry = self.inner.entry(&fingerprint(certificate))?;
        entry.known(now)
    }

    /// The number of certificates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner
            .entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls this when a certificate stands otherwise than before: a session of its holder can be closed then. It must not
    /// block.
    pub fn on_change(&self, hook: impl Fn(&Change) + Send + Sync + 'static) {
        lock(&self.inner.hooks).push(Arc::new(hook));
    }

    /// Notes a certificate that a handshake has shown, with its issuer, both verified: the engine takes it in, so that its
    /// status is known soon. A handshake does not wait for the disk, which that may need.
    pub(crate) fn notice(&self, certificate: &[u8], issuer: &[u8]) {
        let inner = &self.inner;
        let mut noticed = lock(&inner.noticed);
        if self.len() + noticed.len() >= inner.limit.saturating_add(NOTICED_AT_ONCE) {
            inner.stapler.inner.count("set-full");
            return;
        }
        let first = noticed.is_empty();
        noticed
            .entry(fingerprint(certificate))
            .or_insert_with(|| (certificate.to_vec(), issuer.to_vec()));
        drop(noticed);
        if first {
            let set = self.clone();
            inner.stapler.later(move || set.take_in());
        }
    }

    /// Takes in what was noticed. When the set is full, certificates that have ended make room, and if there are none the
    /// rest is passed over.
    fn take_in(&self) {
        let inner = &self.inner;
        for (certificate, issuer) in std::mem::take(&mut *lock(&inner.noticed)).into_values() {
            if self.len() >= inner.limit {
                self.drop_ended();
            }
            if self.len() >= inner.limit {
                inner.stapler.inner.count("set-full");
            } else if self.watch(Subject::new(certificate, issuer)).is_err() {
                inner.stapler.inner.count("question");
            }
        }
    }

    fn drop_ended(&self) {
        let now = self.inner.stapler.inner.now();
        let ended = |entry: &Arc<Entry>| entry.slot.not_after() < now;
        let mut entries = self
            .inner
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<_> = entries
            .values()
            .filter(|entry| ended(entry))
            .cloned()
            .collect();
        entries.retain(|_, entry| !ended(entry));
        drop(entries);
        for entry in gone {
            self.inner.stapler.remove(&entry.slot);
        }
    }
}

impl Inner {
    fn entry(&self, fingerprint: &[u8]) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(fingerprint).cloned()
    }

    /// An attempt has ended: tells whoever wants to know if the certificate stands otherwise now.
    fn attempted(&self, slot: &Arc<Slot>) {
        let Some(entry) = self.entry(&fingerprint(slot.certificate())) else {
            return;
        };
        if !Arc::ptr_eq(&entry.slot, slot) {
            return;
        }
        let is = entry.standing(self.stapler.inner.now());
        let was = std::mem::replace(&mut *lock(&entry.told), is);
        if was == is {
            return;
        }
        let change = Change {
            certificate: slot.certificate().clone(),
            was,
            is,
        };
        let hooks = lock(&self.hooks).clone();
        for hook in hooks {
            hook(&change);
        }
    }
}

impl Entry {
    fn known(&self, now: Timestamp) -> Option<Known> {
        // Nothing takes back a revocation, not even its response's end (threats T-22).
        let current = |staple: &Arc<Staple>| staple.is_final() || staple.is_current(now);
        if let Some(staple) = self.slot.last_staple().filter(current) {
            let standing = match staple.status() {
                CertStatus::Good => Standing::Good,
                CertStatus::Revoked(_) => Standing::Revoked,
                _ => Standing::Unknown,
            };
            let valid_until = staple.valid_until();
            return Some(Known {
                standing,
                valid_until,
            });
        }
        self.slot.is_finally_revoked().then(|| Known {
            standing: Standing::Revoked,
            valid_until: self.slot.not_after(),
        })
    }

    fn standing(&self, now: Timestamp) -> Standing {
        self.known(now)
            .map_or(Standing::Missing, |known| known.standing)
    }
}

fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let digest: Digest = AWS_LC.digest(HashAlgorithm::Sha256, certificate);
    digest.as_ref().to_vec()
}
