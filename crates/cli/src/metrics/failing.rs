//! Which issuers' signatures fail now, and since when: the alarm before answers run out (requirements FRESH-6).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use certvouch_types::Timestamp;

/// By issuer, when the first of the failures was that no signature has followed.
#[derive(Debug, Default)]
pub struct Failing {
    /// So that a signature which is made costs no lock while all is well.
    count: AtomicUsize,
    since: RwLock<BTreeMap<Arc<str>, Timestamp>>,
}

impl Failing {
    /// A signature could not be made; true if it is the first after one that could.
    pub fn failed(&self, issuer: &Arc<str>, at: Timestamp) -> bool {
        let mut since = self.since.write().unwrap_or_else(PoisonError::into_inner);
        let is_first = !since.contains_key(issuer);
        since.entry(Arc::clone(issuer)).or_insert(at);
        self.count.store(since.len(), Ordering::Relaxed);
        is_first
    }

    /// A signature was made; true if it ends a time of failures.
    pub fn worked(&self, issuer: &str) -> bool {
        if self.count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut since = self.since.write().unwrap_or_else(PoisonError::into_inner);
        let ended = since.remove(issuer).is_some();
        self.count.store(since.len(), Ordering::Relaxed);
        ended
    }

    /// Since when signatures of this issuer fail, if they do.
    #[must_use]
    pub fn since(&self, issuer: &str) -> Option<Timestamp> {
        let since = self.since.read().unwrap_or_else(PoisonError::into_inner);
        since.get(issuer).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: FRESH-6
    #[test]
    fn failures_count_from_the_first_until_a_signature_is_made() {
        let failing = Failing::default();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let at = Timestamp::from_unix;
        assert!(!failing.worked("a"));
        assert!(failing.failed(&a, at(10)));
        assert!(!failing.failed(&a, at(20)));
        assert_eq!(failing.since("a"), Some(at(10)));
        assert_eq!(failing.since("b"), None);
        assert!(failing.failed(&b, at(30)));
        assert!(failing.worked("a") && !failing.worked("a"));
        assert_eq!(
            (failing.since("a"), failing.since("b")),
            (None, Some(at(30)))
        );
    }
}
