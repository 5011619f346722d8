//! Which responders failed lately: they are asked last, not never.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use certvouch_types::Timestamp;
use http::Uri;

use crate::limits::{FIRST_PENALTY, LONGEST_PENALTY, MAX_REMEMBERED};

/// Failures by URL.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<HashMap<Uri, Failing>>);

#[derive(Clone, Copy, Debug)]
struct Failing {
    penalty: i64,
    until: Timestamp,
}

impl Memory {
    /// Notes a failure: doubles the time in which the responder is asked last.
    pub(crate) fn failed(&self, url: &Uri, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_REMEMBERED {
            all.retain(|_, failing| failing.until > now);
        }
        let penalty = all.get(url).map_or(FIRST_PENALTY, |failing| {
            (failing.penalty * 2).min(LONGEST_PENALTY)
        });
        if all.len() < MAX_REMEMBERED || all.contains_key(url) {
            let until = now + penalty;
            all.insert(url.clone(), Failing { penalty, until });
        }
    }

    /// Forgets what was.
    pub(crate) fn worked(&self, url: &Uri) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(url);
    }

    /// The same URLs, with those that failed lately at the end; otherwise their order stays.
    pub(crate) fn order(&self, mut urls: Vec<Uri>, now: Timestamp) -> Vec<Uri> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        urls.sort_by_key(|url| all.get(url).is_some_and(|failing| failing.until > now));
        urls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responder_that_failed_is_asked_last_until_its_time_is_over() {
        let memory = Memory::default();
        let urls: Vec<Uri> = ["http://a.example/", "http://b.example/"]
            .map(|url| url.parse().unwrap())
            .to_vec();
        let turned: Vec<Uri> = urls.iter().rev().cloned().collect();
        let at = Timestamp::from_unix;
        memory.failed(&urls[0], at(1000));
        assert_eq!(memory.order(urls.clone(), at(1029)), turned);
        assert_eq!(memory.order(urls.clone(), at(1030)), urls);
        memory.failed(&urls[0], at(1030));
        assert_eq!(memory.order(urls.clone(), at(1089)), turned);
        memory.worked(&urls[0]);
        assert_eq!(memory.order(urls.clone(), at(1031)), urls);
    }
}
