//! Who was refused, counted, and entered in the change log from time to time (threats T-33).
//!
//! An entry for each of ten thousand wrong tokens would make the log a weapon: there is one for all of a few seconds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use certvouch_status::embedded::{Event, Kind};
use http::StatusCode;

use super::Site;
use crate::escape::escape_display;

/// How long refusals are gathered before they are entered.
const GATHERED: Duration = Duration::from_secs(5);

/// Refusals of so many kinds are told apart; all further ones count as one kind. Tokens are the operator's, so that a
/// stranger makes two kinds at most.
const KINDS: usize = 64;

/// Which kind of refusal a response is, and whose; left in the extensions of responses by those who refuse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refused {
    pub(super) title: &'static str,
    /// The field of the request.
    pub(super) field: String,
}

/// The name of the token that a request came with, for the same purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CameWith(pub(super) String);

/// What was refused since the last entry.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<String, u64>>);

impl Refusals {
    fn count(&self, what: String) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let what = if counts.len() < KINDS || counts.contains_key(&what) {
            what
        } else {
            "others".to_owned()
        };
        *counts.entry(what).or_default() += 1;
    }

    /// What was counted, as one line, and nothing is any more.
    fn take(&self) -> Option<String> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let each: Vec<String> = counts
            .iter()
            .map(|(what, times)| format!("{times} × {what}"))
            .collect();
        (!each.is_empty()).then(|| format!("refused: {}", each.join("; ")))
    }
}

/// The middleware around everything: it sees what the others refused.
pub(super) async fn watch(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if matches!(
        response.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) && let Some(refused) = response.extensions().get::<Refused>()
    {
        let token = response.extensions().get::<CameWith>();
        let mut what = format!("{} ({})", refused.title, refused.field);
        if let Some(CameWith(name)) = token {
            what.push_str(&format!(" for the token {name}"));
        }
        site.refusals.count(what);
    }
    response
}

/// Enters what was gathered, and which tokens there are, as long as the admin port is there.
pub(super) async fn enter(site: Weak<Site>) {
    loop {
        let Some(site) = site.upgrade() else {
            return;
        };
        enter_tokens(&site).await;
        tokio::time::sleep(GATHERED).await;
        let Some(line) = site.refusals.take() else {
            continue;
        };
        tracing::warn!("the admin port {line}");
        if let Some(store) = site.store() {
            let now = site.core.clock.now();
            let event = Event::new(Kind::Access, line);
            if let Err(why) = store.record_async("admin port", now, event).await {
                let why = escape_display(&format_args!("{why:?}"));
                tracing::error!("refusals could not be entered in the change log: {why}");
            }
        }
    }
}

/// Enters which tokens came and went: their file is changed by another process.
async fn enter_tokens(site: &Arc<Site>) {
    if site.store().is_none() {
        return;
    }
    let site = Arc::clone(site);
    let entered = tokio::task::spawn_blocking(move || {
        if let Some(tokens) = site.tokens.described() {
            site.core.journal.tokens(site.core.clock.now(), tokens);
        }
    });
    if entered.await.is_err() {
        tracing::error!("what became of tokens could not be entered in the change log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: T-33
    #[test]
    fn ten_thousand_refusals_are_one_line() {
        let refusals = Refusals::default();
        for _ in 0..10_000 {
            refusals.count("no token".to_owned());
        }
        for number in 0..1_000 {
            refusals.count(format!("not allowed for the token {number}"));
        }
        let line = refusals.take().unwrap();
        assert!(line.contains("10000 × no token"), "{line}");
        assert!(
            line.contains(&format!("{} × others", 1_000 - KINDS + 1)),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
        assert!(refusals.take().is_none());
    }
}
