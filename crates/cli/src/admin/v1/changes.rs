//! The change log: a page of it, or, for whoever asks for `text/event-stream`, all of it from some place on and then
//! whatever comes (server-sent events, whose ids are change ids: a reader that lost its connection goes on where it was).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::Response;
use certvouch_status::embedded::{LogEntry, Store};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json as object};
use tokio::sync::mpsc;

use super::lines::Parts;
use super::search::{Parameters, no_such, number};
use super::{Caller, fault, json, typed, view};
use crate::admin::Site;
use crate::admin::problem::Problem;
use crate::admin::token::Scope;
use crate::octets::hex;

/// Changes of one page, if nobody says how many.
const PAGE: usize = 100;

/// More than so many on one page nobody gets; also how many a stream reads at once.
const LARGEST_PAGE: usize = 1_000;

/// A comment that keeps proxies from closing a stream in which nothing happens, and shows us who is gone.
const BEAT: Duration = Duration::from_secs(15);

pub(super) async fn changes(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    // Of all issuers; a token for some sees what is about those.
    let sees_all = caller.must(Scope::Read, None);
    let live = site.core.live.load();
    if let Err(why) = sees_all.clone()
        && !live.issuers.iter().any(|it| caller.reads(it.name()))
    {
        return Err(why);
    }
    let Some(store) = site.store().cloned() else {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "no store",
            "this server has no store, and so no change log: store = \"certvouch.db\" in its configuration",
        ));
    };
    let (after, limit) = wanted(&headers, parameters)?;
    let reader = Reader {
        store,
        caller: sees_all.is_err().then_some(caller),
    };
    let is_stream = headers
        .get(ACCEPT)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|it| it.contains("text/event-stream"));
    if is_stream {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(reader.stream(after, sender));
        return Ok(typed("text/event-stream", Body::new(Parts(receiver))));
    }
    let page = reader.page(after, limit)?;
    let changes: Vec<Value> = page.seen.iter().map(|it| view::change(it).into()).collect();
    let head = reader.store.head();
    let mut answer = object!({
        "changes": changes,
        "head": {"change_id": head.change_id, "hash": hex(&head.hash)},
    });
    if page.is_full {
        answer["next"] = page.last.into();
    }
    Ok(json(StatusCode::OK, &answer))
}

fn wanted(headers: &HeaderMap, parameters: Parameters) -> Result<(u64, usize), Problem> {
    let Query(parameters) = parameters.map_err(fault::of_query)?;
    let (mut after, mut limit) = (0, PAGE);
    let id = |name: &str, value: &str| {
        value
            .parse()
            .ok()
            .filter(|it| *it <= u64::try_from(i64::MAX).unwrap_or(0))
            .ok_or_else(|| {
                fault::of_parameter(name, "the change_id of the last change that is known")
            })
    };
    for (name, value) in &parameters {
        match name.as_str() {
            "after" => after = id(name, value)?,
            "limit" => limit = number(name, value, LARGEST_PAGE)?,
            other => return Err(no_such(other, "after and limit")),
        }
    }
    // A reader that comes back says where it was, and its URL still says where it began.
    if let Some(last) = headers.get("last-event-id") {
        after = id("Last-Event-ID", last.to_str().unwrap_or_default())?;
    }
    Ok((after, limit))
}

/// Reads the log for one caller.
struct Reader {
    store: Store,
    /// Whose token is for some issuers only.
    caller: Option<Caller>,
}

/// Changes, as far as the caller may see them.
struct Page {
    seen: Vec<LogEntry>,
    /// The last one that was looked at, seen or not: what was passed over is not looked at again.
    last: u64,
    /// There may be more.
    is_full: bool,
}

impl Reader {
    /// The changes after this one.
    fn page(&self, after: u64, limit: usize) -> Result<Page, Problem> {
        let mut seen = self
            .store
            .changes_since(after, limit)
            .map_err(|why| fault::of_store(&why))?;
        let last = seen.last().map_or(after, |it| it.change_id);
        let is_full = seen.len() == limit;
        if let Some(caller) = &self.caller {
            seen.retain(|it| {
                let issuer = it.content.issuer.as_deref();
                issuer.is_some_and(|issuer| caller.reads(issuer))
            });
        }
        Ok(Page {
            seen,
            last,
            is_full,
        })
    }

    async fn stream(self, mut after: u64, sender: mpsc::Sender<Bytes>) {
        let mut watch = self.store.watch();
        loop {
            // Before the page: what comes while it is read is seen in the next round.
            drop(watch.borrow_and_update());
            loop {
                let Ok(page) = self.page(after, LARGEST_PAGE) else {
                    return;
                };
                let text: String = page.seen.iter().map(event).collect();
                after = page.last;
                if !text.is_empty() && sender.send(text.into()).await.is_err() {
                    return;
                }
                if !page.is_full {
                    break;
                }
            }
            match tokio::time::timeout(BEAT, watch.changed()).await {
                Ok(Ok(())) => {}
                // The store was closed.
                Ok(Err(_)) => return,
                Err(_) => {
                    if sender.send(Bytes::from_static(b":\n\n")).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// A server-sent event: JSON has no line ends of its own, so that it is one line of data.
fn event(change: &LogEntry) -> String {
    format!(
        "id: {}\nevent: {}\ndata: {}\n\n",
        change.change_id,
        change.content.kind.name(),
        Value::Object(view::change(change))
    )
}
