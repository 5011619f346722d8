//! One certificate: what is known about it, and what is to become of it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use certvouch_status::SerialKey;
use certvouch_status::embedded::{Outcome, StoreError, WriteError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::issuers::{Kept, kept};
use super::plan::{self, Manner};
use super::{Caller, fault, json, view};
use crate::admin::Site;
use crate::admin::problem::Problem;
use crate::admin::token::Scope;
use crate::api::{Update, parse_serial};
use crate::escape::escape_display;
use crate::serial::Serial;

/// Issuer and serial number.
type Place = Result<Path<(String, String)>, PathRejection>;

fn take(place: Place) -> Result<(String, Serial), Problem> {
    let Path((issuer, serial)) = place.map_err(fault::of_path)?;
    let serial = parse_serial(&serial).map_err(|why| fault::of_field(&why))?;
    Ok((issuer, serial))
}

pub(super) async fn get(
    State(site): State<Arc<Site>>,
    caller: Caller,
    place: Place,
) -> Result<Response, Problem> {
    let (issuer, serial) = take(place)?;
    caller.must(Scope::Read, Some(&issuer))?;
    let kept = kept(&site, &issuer)?;
    let key = SerialKey::new(serial.unsigned());
    let known = kept
        .store
        .get(&issuer, &key)
        .map_err(|why| fault::of_store(&why))?;
    let known = known.ok_or_else(|| plan::not_known(&serial))?;
    let entry = view::entry(&key, &known.record, known.change_id);
    Ok(json(StatusCode::OK, &entry.to_json()))
}

pub(super) async fn put(
    State(site): State<Arc<Site>>,
    caller: Caller,
    place: Place,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    change(&site, &caller, Manner::Put, place, &headers, body).await
}

pub(super) async fn patch(
    State(site): State<Arc<Site>>,
    caller: Caller,
    place: Place,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    change(&site, &caller, Manner::Patch, place, &headers, body).await
}

async fn change(
    site: &Site,
    caller: &Caller,
    manner: Manner,
    place: Place,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (issuer, serial) = take(place)?;
    caller.must_write(&issuer)?;
    let Kept {
        store,
        issuer: loaded,
    } = kept(site, &issuer)?;
    let mut update = read(headers, body)?;
    let bad = |why| fault::of_field(&why);
    update.settle(&serial, loaded.certificate()).map_err(bad)?;
    let known = match manner {
        Manner::Put => None,
        Manner::Patch => {
            let key = SerialKey::new(serial.unsigned());
            // Nothing is ever taken out of the store: what is known now is known when it is written.
            let known = store
                .get(&issuer, &key)
                .map_err(|why| fault::of_store(&why))?;
            Some(known.ok_or_else(|| plan::not_known(&serial))?.record.status)
        }
    };
    let (action, scope) = plan::plan(manner, &update, known).map_err(bad)?;
    caller.must(scope, Some(&issuer))?;
    let write = plan::write(&issuer, &serial, action, &update);
    let key = write.serial.clone();
    let now = site.core.clock.now();
    let mut answers = store.write_async(caller.name(), now, vec![write]).await;
    let done = answers
        .pop()
        .unwrap_or(Err(WriteError::Store(StoreError::Stopped)))
        .map_err(|why| fault::of_write(&why))?;
    let mut members = view::entry(&key, &done.record, done.change_id).to_json();
    members.insert(
        "changed".to_owned(),
        (done.outcome != Outcome::Unchanged).into(),
    );
    let status = if done.outcome == Outcome::Created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(json(status, &members))
}

fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Update, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.map(|it| {
        it.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    });
    let is_json = |kind: &str| {
        matches!(kind, "application/json" | "application/merge-patch+json")
            // What curl says when nobody tells it: the three lines of the manual are to stay short.
            || kind == "application/x-www-form-urlencoded"
    };
    if kind.as_deref().is_some_and(|kind| !is_json(kind)) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not JSON",
            "the body is to be application/json",
        )
        .about("Content-Type"));
    }
    let body = body.map_err(|why| fault::of_body(&why))?;
    let value = serde_json::from_slice(&body).map_err(|why| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "not JSON",
            format!("the body is no JSON: {}", escape_display(&why)),
        )
    })?;
    Update::from_json(&value).map_err(|why| fault::of_field(&why))
}
