//! One attempt for one slot: lease, look into the store, ask, verify, keep, tell.

use std::sync::Arc;

use bytes::Bytes;
use certvouch_fetch::Caches;
use certvouch_types::Timestamp;

use crate::due::{Due, Ended};
use crate::limits::LEASE_PAUSE;
use crate::slot::{Accepted, Found, Origin, Problem, Slot};
use crate::stapler::Inner;
use crate::store::Lease;

/// Makes an attempt; the slot goes back among the waiting ones when this ends.
pub(crate) async fn refresh(mut due: Due) {
    let (inner, slot) = (Arc::clone(&due.inner), Arc::clone(&due.slot));
    let lease = match lease(&inner, &slot) {
        Leased::Ours(lease) => lease,
        Leased::Others => {
            // Another process asks. What it gets is in the store soon.
            let now = inner.now();
            if inner.load(&slot, now) {
                adopted(&inner, &mut due);
            } else {
                due.again_at(now + LEASE_PAUSE);
            }
            return;
        }
    };
    // What another process has fetched meanwhile.
    if lease.is_some() && inner.load(&slot, inner.now()) {
        adopted(&inner, &mut due);
        return;
    }
    slot.update(|state| state.last_attempt = Some(inner.now()));
    let result = ask(&inner, &slot, due.caches()).await;
    let now = inner.now();
    let result = match result {
        Ok(der) => take(&inner, &slot, der, now).await,
        Err(problem) => Err(problem),
    };
    drop(lease);
    due.ended(match &result {
        Err(problem) if !ANSWERS.contains(&problem.code) => Ended::Unanswered,
        _ => Ended::Answered,
    });
    let next = match &result {
        Ok(_) => succeeded(&inner, &slot, now),
        Err(problem) => failed(&inner, &slot, problem.clone(), now),
    };
    due.again_at(next);
    // The slot waits for its next turn before anybody is told, so that whoever looks sees both.
    drop(due);
    inner.tell(&slot);
}

/// The codes of answers that are right and are not taken.
const ANSWERS: [&str; 3] = ["older", "unknown", "contradicted"];

enum Leased {
    Ours(Option<Lease>),
    Others,
}

/// The right to fetch. A store in which none can be had keeps nobody from fetching.
fn lease(inner: &Inner, slot: &Slot) -> Leased {
    let Some(store) = &inner.options.store else {
        return Leased::Ours(None);
    };
    match store.lease(slot.key()) {
        Ok(Some(lease)) => Leased::Ours(Some(lease)),
        Ok(None) => Leased::Others,
        Err(_) => {
            inner.count("store");
            Leased::Ours(None)
        }
    }
}

/// Another process fetched what is there now.
fn adopted(inner: &Inner, due: &mut Due) {
    let slot = Arc::clone(&due.slot);
    let now = inner.now();
    let next = match slot.staple(now) {
        Some(staple) => inner
            .options
            .schedule
            .after_success(&staple, now, (inner.options.dice)()),
        None => now,
    };
    due.ended(Ended::Answered);
    slot.update(|state| {
        state.failures_in_a_row = 0;
        state.last_error = None;
        state.last_success = Some(now);
    });
    due.again_at(next);
    inner.tell(&slot);
}

async fn ask(inner: &Inner, slot: &Slot, caches: Caches) -> Result<Bytes, Problem> {
    let Some(client) = inner.client(slot.hash()) else {
        // proof: a stapler has a client for each hash
        unreachable!("no client for {:?}", slot.hash());
    };
    let mut question = slot.question.clone();
    question.caches = caches;
    let asking = client.ask(question);
    let limit = inner.options.fetch_time;
    let Ok(outcome) = tokio::time::timeout(limit, asking).await else {
        let text = format_args!("no answer within {} s", limit.as_secs());
        return Err(Problem::new(inner.now(), "timeout", &text));
    };
    let now = inner.now();
    match outcome.answer() {
        Ok(answer) => match answer.response() {
            Some(der) => Ok(der.clone()),
            None => Err(Problem::new(now, "not-ocsp", &"the answer is no response")),
        },
        Err(why) => Err(Problem::new(now, why.code(), &why)),
    }
}

/// Verifies an answer for the staple, takes it, and keeps it.
async fn take(
    inner: &Arc<Inner>,
    slot: &Arc<Slot>,
    der: Bytes,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    let staple = match slot.verify(&der, now, &inner.options.policy.profile)? {
        Found::Staple(staple) => staple,
        Found::Over(status) => {
            slot.remember(status);
            return Err(Problem::new(now, "expired", &"it is over already"));
        }
    };
    let status = staple.status();
    // First on the disk, then for everybody to see. Nobody else takes staples for this slot meanwhile.
    let unkept = match slot.weigh(&staple, now) {
        Accepted::New => keep(inner, slot, der).await.err(),
        _ => None,
    };
    let accepted = slot.accept(staple, Origin::Responder, now);
    if unkept.is_some() {
        slot.update(|state| state.last_error = unkept);
    }
    match accepted {
        Accepted::New => Ok(Accepted::New),
        Accepted::Same => Ok(Accepted::Same),
        Accepted::Older => Err(Problem::new(
            now,
            "older",
            &"the answer is older than the staple that is there",
        )),
        Accepted::Unknown => Err(Problem::new(
            now,
            "unknown",
            &"the responder does not know the certificate; the staple that is there stays until its end",
        )),
        Accepted::Contradicted => Err(Problem::new(
            now,
            "contradicted",
            &format_args!(
                "the certificate was revoked for good, and now the responder says {status:?}"
            ),
        )),
    }
}

async fn keep(inner: &Arc<Inner>, slot: &Arc<Slot>, der: Bytes) -> Result<(), Problem> {
    let Some(store) = inner.options.store.clone() else {
        return Ok(());
    };
    let key = slot.key().clone();
    let saved = tokio::task::spawn_blocking(move || store.save(&key, &der)).await;
    let why = match saved {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(why)) => Problem::new(inner.now(), "store", &why),
        Err(why) => Problem::new(inner.now(), "store", &why),
    };
    inner.count("store");
    Err(why)
}

fn succeeded(inner: &Inner, slot: &Slot, now: Timestamp) -> Timestamp {
    slot.update(|state| {
        state.successes += 1;
        state.failures_in_a_row = 0;
        state.last_success = Some(now);
        if state
            .last_error
            .as_ref()
            .is_some_and(|problem| problem.code != "store")
        {
            state.last_error = None;
        }
    });
    let (schedule, random) = (&inner.options.schedule, (inner.options.dice)());
    match slot.staple(now) {
        // A responder that does not know a certificate may know it in a minute.
        Some(staple) if !staple.is_unknown() => schedule.after_success(&staple, now, random),
        _ => schedule.after_failure(1, None, now, random),
    }
}

fn failed(inner: &Inner, slot: &Slot, problem: Problem, now: Timestamp) -> Timestamp {
    inner.count(problem.code);
    let mut failures = 1;
    slot.update(|state| {
        state.failures += 1;
        state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
        failures = state.failures_in_a_row;
        state.last_error = Some(problem);
    });
    let staple = slot.staple(now);
    let schedule = &inner.options.schedule;
    schedule.after_failure(failures, staple.as_deref(), now, (inner.options.dice)())
}
