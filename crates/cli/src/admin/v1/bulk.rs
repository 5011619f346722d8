//! Many certificates at once: a JSON object on each line, and what became of each on a line of the answer.
//!
//! A line that is refused takes nothing of the others with it. Lines are taken in batches, each of which is on the disk
//! before its results are sent; while nobody reads the results, nothing further is read.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use certvouch_status::embedded::{
    Acknowledged, Import, Outcome, Refusal, Store, StoreError, UnrevokePolicy, Write, WriteError,
};
use certvouch_types::Timestamp;
use serde_json::{Map, Value, json as object};
use tokio::sync::mpsc;

use super::issuers::{Kept, kept};
use super::lines::{Line, Lines, MAX_LINE, Parts};
use super::plan::{self, Manner};
use super::search::Parameters;
use super::{Caller, fault, search, typed, view};
use crate::admin::Site;
use crate::admin::problem::Problem;
use crate::api::{FieldError, Update};
use crate::clock::Clock;
use crate::escape::escape_display;
use crate::serial::Serial;

/// Lines of one batch. One sync of the disk costs as much as some hundred rows.
const BATCH: usize = 1_000;

/// Batches whose results wait for the reader.
const WAITING: usize = 4;

/// What is wanted of a bulk request beside its lines.
#[derive(Clone, Copy, Debug, Default)]
struct Manners {
    /// Nothing is written; what would be is said.
    dry_run: bool,
    /// Only refused lines are told of, and the sum.
    refused_only: bool,
    /// What was not known is entered in the log in one entry for each batch, as its digest.
    import: bool,
}

pub(super) async fn bulk(
    State(site): State<Arc<Site>>,
    caller: Caller,
    issuer: Result<Path<String>, PathRejection>,
    parameters: Parameters,
    body: Body,
) -> Result<Response, Problem> {
    let Path(issuer) = issuer.map_err(fault::of_path)?;
    caller.must_write(&issuer)?;
    let kept = kept(&site, &issuer)?;
    let manners = manners(parameters)?;
    let (results, receiver) = mpsc::channel(WAITING);
    let bulk = Bulk {
        kept,
        name: issuer,
        caller,
        clock: site.core.clock.clone(),
        manners,
        sum: Sum::default(),
    };
    tokio::spawn(bulk.run(Lines::of(body), results));
    Ok(typed("application/x-ndjson", Body::new(Parts(receiver))))
}

fn manners(parameters: Parameters) -> Result<Manners, Problem> {
    let Query(parameters) = parameters.map_err(fault::of_query)?;
    let mut manners = Manners::default();
    for (name, value) in &parameters {
        let flag = || {
            value
                .parse::<bool>()
                .map_err(|_| fault::of_parameter(name, "true or false"))
        };
        match (name.as_str(), value.as_str()) {
            ("dry_run", _) => manners.dry_run = flag()?,
            ("import", _) => manners.import = flag()?,
            ("results", "all") => manners.refused_only = false,
            ("results", "refused") => manners.refused_only = true,
            ("results", _) => return Err(fault::of_parameter(name, "all or refused")),
            (other, _) => return Err(search::no_such(other, "dry_run, import and results")),
        }
    }
    Ok(manners)
}

/// What became of all lines.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// Lines that were read, empty ones too: the number of a line is where it stands.
    read: u64,
    /// Lines that said something.
    lines: u64,
    created: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
    /// The store failed: the lines of the last batch and all after it are not in it.
    stopped: bool,
}

/// A bulk request under way.
struct Bulk {
    kept: Kept,
    name: String,
    caller: Caller,
    clock: Clock,
    manners: Manners,
    sum: Sum,
}

/// What is to be done about one line.
type Planned = Result<(Serial, Write), (Option<Serial>, Problem)>;

/// What became of one.
type Done = Result<Acknowledged, Problem>;

impl Bulk {
    async fn run(mut self, mut lines: Lines, results: mpsc::Sender<Bytes>) {
        loop {
            let batch = match lines.next(BATCH).await {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => batch,
                Err(why) => {
                    // Whoever sent them is gone, in all likelihood; what was acknowledged stays.
                    tracing::debug!("a bulk request broke: {}", escape_display(&why));
                    return;
                }
            };
            let text = self.batch(batch).await;
            if !text.is_empty() && results.send(text.into()).await.is_err() {
                return;
            }
            if self.sum.stopped {
                break;
            }
        }
        let Sum {
            lines,
            created,
            changed,
            unchanged,
            refused,
            stopped,
            ..
        } = self.sum;
        let mut sum = object!({"lines": lines, "created": created, "changed": changed,
            "unchanged": unchanged, "refused": refused});
        if stopped {
            sum["stopped"] = true.into();
        }
        // Whoever is gone does not miss it.
        drop(results.send(format!("{sum}\n").into()).await);
    }

    /// Does what a batch wants, and gives the lines of the answer.
    async fn batch(&mut self, batch: Vec<Line>) -> Vec<u8> {
        let now = self.clock.now();
        let first = self.sum.read + 1;
        self.sum.read += u64::try_from(batch.len()).unwrap_or(0);
        let mut planned: Vec<(u64, Planned)> = Vec::with_capacity(batch.len());
        for (line, number) in batch.into_iter().zip(first..) {
            match line {
                Line::Whole(octets) if octets.trim_ascii().is_empty() => {}
                Line::Whole(octets) => planned.push((number, self.plan(&octets))),
                Line::TooLong => {
                    let why = format!("a line of more than {} KiB", MAX_LINE >> 10);
                    let problem = fault::of_field(&FieldError::new("", why));
                    planned.push((number, Err((None, problem))));
                }
            }
        }
        self.sum.lines += u64::try_from(planned.len()).unwrap_or(0);
        let writes: Vec<Write> = planned
            .iter()
            .filter_map(|(_, it)| it.as_ref().ok().map(|(_, write)| write.clone()))
            .collect();
        let mut done = self.perform(now, writes).await.into_iter();
        let mut text = Vec::new();
        for (number, planned) in planned {
            let (serial, done) = match planned {
                Ok((serial, _)) => (Some(serial), done.next().unwrap_or_else(stopped)),
                Err((serial, problem)) => (serial, Err(problem)),
            };
            self.tell(number, serial, done, &mut text);
        }
        text
    }

    fn plan(&self, octets: &[u8]) -> Planned {
        let bad = |why: FieldError| fault::of_field(&why);
        let value: Value = serde_json::from_slice(octets).map_err(|why| {
            let why = format!("no JSON: {}", escape_display(&why));
            (None, bad(FieldError::new("", why)))
        })?;
        let (serial, mut update) = Update::line_from_json(value).map_err(|why| (None, bad(why)))?;
        let planned = update
            .settle(&serial, self.kept.issuer.certificate())
            .and_then(|()| plan::plan(Manner::Put, &update, None))
            .map_err(bad)
            .and_then(|(action, scope)| {
                self.caller.must(scope, Some(&self.name))?;
                Ok(plan::write(&self.name, &serial, action, &update))
            });
        match planned {
            Ok(write) => Ok((serial, write)),
            Err(problem) => Err((Some(serial), problem)),
        }
    }

    async fn perform(&mut self, now: Timestamp, writes: Vec<Write>) -> Vec<Done> {
        if writes.is_empty() {
            return Vec::new();
        }
        let store = self.kept.store.clone();
        // Two lines about one certificate are judged one after the other, which only writing them does.
        let import = self.manners.import && !self.manners.dry_run && are_distinct(&writes);
        if !self.manners.dry_run && !import {
            let answers = store.write_async(self.caller.name(), now, writes).await;
            let mut told = false;
            return answers
                .into_iter()
                .map(|it| {
                    it.map_err(|why| {
                        let is_store = matches!(why, WriteError::Store(_));
                        self.sum.stopped |= is_store;
                        // The same failure for each line of the batch is logged once.
                        if is_store && std::mem::replace(&mut told, true) {
                            return stopped_problem();
                        }
                        fault::of_write(&why)
                    })
                })
                .collect();
        }
        let (name, who) = (self.name.clone(), self.caller.name().to_owned());
        let count = writes.len();
        let done = tokio::task::spawn_blocking(move || {
            let previews = store.preview(now, &writes)?;
            if import {
                let order = Import {
                    issuer: name,
                    who,
                    at: now,
                    unrevoke: UnrevokePolicy::Refuse,
                };
                take_in(&store, &order, &writes, &previews)?;
            }
            Ok::<_, WriteError>(previews)
        })
        .await
        .unwrap_or(Err(WriteError::Store(StoreError::Stopped)));
        match done {
            Ok(previews) => previews
                .into_iter()
                .map(|it| it.map_err(|why| fault::of_refusal(&why)))
                .collect(),
            Err(why) => {
                self.sum.stopped = true;
                drop(fault::of_write(&why));
                (0..count).map(|_| stopped()).collect()
            }
        }
    }

    fn tell(&mut self, number: u64, serial: Option<Serial>, done: Done, text: &mut Vec<u8>) {
        let mut members = Map::new();
        members.insert("line".to_owned(), number.into());
        if let Some(serial) = &serial {
            members.insert("serial".to_owned(), serial.to_string().into());
        }
        match done {
            Ok(done) => {
                match done.outcome {
                    Outcome::Created => self.sum.created += 1,
                    Outcome::Changed => self.sum.changed += 1,
                    _ => self.sum.unchanged += 1,
                }
                if self.manners.refused_only {
                    return;
                }
                members.insert("result".to_owned(), view::outcome(done.outcome).into());
                members.insert("status".to_owned(), done.record.status.name().into());
                if !self.manners.dry_run && !self.manners.import {
                    members.insert("change_id".to_owned(), done.change_id.into());
                }
            }
            Err(problem) => {
                self.sum.refused += 1;
                members.insert("error".to_owned(), problem.to_value());
            }
        }
        text.extend_from_slice(Value::Object(members).to_string().as_bytes());
        text.push(b'\n');
    }
}

fn are_distinct(writes: &[Write]) -> bool {
    let mut seen = HashSet::with_capacity(writes.len());
    writes
        .iter()
        .all(|write| seen.insert(write.serial.octets()))
}

/// Imports what the preview did not refuse.
fn take_in(
    store: &Store,
    order: &Import,
    writes: &[Write],
    previews: &[Result<Acknowledged, Refusal>],
) -> Result<(), WriteError> {
    let good = writes.iter().zip(previews);
    let records = good.filter_map(|(write, preview)| {
        let record = preview.as_ref().ok()?.record;
        Some((write.serial.clone(), record))
    });
    store.import(order, records, |_| {}).map(drop)
}

fn stopped() -> Done {
    Err(stopped_problem())
}

fn stopped_problem() -> Problem {
    Problem::new(
        http::StatusCode::SERVICE_UNAVAILABLE,
        "the store cannot be used",
        "nothing of this batch is known to be stored; the log of the server says why",
    )
}
