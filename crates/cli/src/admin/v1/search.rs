//! Looking through the certificates of an issuer, page by page.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use certvouch_status::SerialKey;
use certvouch_status::embedded::{Query as Wanted, StatusFilter};
use certvouch_types::Timestamp;
use http::StatusCode;
use serde_json::{Value, json as object};

use super::issuers::kept;
use super::{Caller, fault, json, view};
use crate::admin::Site;
use crate::admin::problem::Problem;
use crate::admin::token::Scope;
use crate::api::{StatusWord, moment, parse_serial};
use crate::escape::escape;
use crate::serial::Serial;

/// The parameters of a query, in their order.
pub(super) type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Certificates of one page, if nobody says how many.
const PAGE: usize = 100;

/// More than so many on one page nobody gets.
const LARGEST_PAGE: usize = 1_000;

pub(super) async fn search(
    State(site): State<Arc<Site>>,
    caller: Caller,
    issuer: Result<Path<String>, PathRejection>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Path(issuer) = issuer.map_err(fault::of_path)?;
    caller.must(Scope::Read, Some(&issuer))?;
    let store = kept(&site, &issuer)?.store;
    let wanted = wanted(parameters)?;
    // A page out of ten million takes longer than the thread of the admin port may be kept.
    let page = tokio::task::spawn_blocking(move || store.search(&issuer, &wanted))
        .await
        .map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not searched",
                "the search did not come to its end",
            )
        })?
        .map_err(|why| fault::of_store(&why))?;
    let found: Vec<Value> = page
        .found
        .iter()
        .map(|(serial, it)| Value::Object(view::entry(serial, &it.record, it.change_id).to_json()))
        .collect();
    let mut answer = object!({ "certificates": found });
    if let Some(next) = &page.next {
        answer["next"] = Serial::from_unsigned(next.octets()).to_string().into();
    }
    Ok(json(StatusCode::OK, &answer))
}

fn wanted(parameters: Parameters) -> Result<Wanted, Problem> {
    let Query(parameters) = parameters.map_err(fault::of_query)?;
    let mut wanted = Wanted {
        limit: PAGE,
        ..Wanted::default()
    };
    for (name, value) in &parameters {
        match name.as_str() {
            "serial" => {
                if value.is_empty() || !value.bytes().all(|it| it.is_ascii_hexdigit()) {
                    return Err(fault::of_parameter(
                        name,
                        "the first hexadecimal digits of a serial number, such as 3D80",
                    ));
                }
                wanted.prefix.clone_from(value);
            }
            "status" => wanted.status = Some(status(value)?),
            "revoked_from" => wanted.revoked_from = Some(time(name, value)?),
            "revoked_until" => wanted.revoked_until = Some(time(name, value)?),
            "after" => {
                let serial =
                    parse_serial(value).map_err(|why| fault::of_parameter(name, why.why))?;
                wanted.after = Some(SerialKey::new(serial.unsigned()));
            }
            "limit" => wanted.limit = number(name, value, LARGEST_PAGE)?,
            other => {
                return Err(no_such(
                    other,
                    "serial, status, revoked_from, revoked_until, after and limit",
                ));
            }
        }
    }
    Ok(wanted)
}

/// A parameter that nobody knows.
pub(super) fn no_such(name: &str, known: &str) -> Problem {
    fault::of_parameter(
        &escape(name).to_string(),
        format!("nobody knows this parameter: there are {known}"),
    )
}

/// A number from 1 to this one.
pub(super) fn number(name: &str, value: &str, most: usize) -> Result<usize, Problem> {
    let number = value.parse().ok().filter(|it| (1..=most).contains(it));
    number.ok_or_else(|| fault::of_parameter(name, format!("a number from 1 to {most}")))
}

fn status(value: &str) -> Result<StatusFilter, Problem> {
    match StatusWord::from_name(value) {
        Some(StatusWord::Issued) => Ok(StatusFilter::Issued),
        Some(StatusWord::Revoked) => Ok(StatusFilter::Revoked),
        Some(StatusWord::Hold) => Ok(StatusFilter::Hold),
        None => Err(fault::of_parameter("status", "issued, revoked or hold")),
    }
}

fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    moment(value).ok_or_else(|| fault::of_parameter(name, "a time such as 2026-11-23T09:00:00Z"))
}
