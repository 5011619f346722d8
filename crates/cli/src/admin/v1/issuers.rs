//! The issuers, and which of them has its statuses in the store.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use certvouch_crypto::digest;
use certvouch_status::embedded::Store;
use certvouch_types::{Certificate, HashAlgorithm};
use http::StatusCode;
use serde_json::{Value, json as object};

use super::{Caller, fault, json};
use crate::admin::Site;
use crate::admin::problem::Problem;
use crate::escape::escape;
use crate::octets::hex;
use crate::serve::Loaded;

/// An issuer whose statuses are in the store.
pub(super) struct Kept {
    pub(super) store: Store,
    pub(super) issuer: Arc<Loaded>,
}

/// The issuer with this name, if its statuses are in the store. What the caller may do is checked before.
pub(super) fn kept(site: &Site, name: &str) -> Result<Kept, Problem> {
    let issuer = find(site, name)?;
    match site.store() {
        Some(store) if issuer.source().kind() == "store" => Ok(Kept {
            store: store.clone(),
            issuer,
        }),
        _ => Err(Problem::new(
            StatusCode::CONFLICT,
            "not in the store",
            format!(
                "what is known about {} comes from elsewhere ({}), and is changed there; source = {{ store = true }} keeps it here",
                escape(name),
                issuer.source().kind()
            ),
        )
        .about("issuer")),
    }
}

fn find(site: &Site, name: &str) -> Result<Arc<Loaded>, Problem> {
    let live = site.core.live.load();
    let found = live.issuers.iter().find(|it| it.name() == name);
    found.cloned().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "not found",
            format!("there is no issuer named {}", escape(name)),
        )
        .about("issuer")
    })
}

/// Those that the caller may look at.
pub(super) async fn all(State(site): State<Arc<Site>>, caller: Caller) -> Response {
    let live = site.core.live.load();
    let seen = live.issuers.iter().filter(|it| caller.reads(it.name()));
    let issuers: Vec<Value> = seen.map(|it| describe(it)).collect();
    let head = site.store().map(Store::head);
    let mut answer = object!({ "issuers": issuers });
    if let Some(head) = head {
        answer["head"] = object!({"change_id": head.change_id, "hash": hex(&head.hash)});
    }
    json(StatusCode::OK, &answer)
}

pub(super) async fn one(
    State(site): State<Arc<Site>>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(name) = name.map_err(fault::of_path)?;
    caller.must(super::Scope::Read, Some(&name))?;
    let issuer = find(&site, &name)?;
    Ok(json(StatusCode::OK, &describe(&issuer)))
}

fn describe(issuer: &Loaded) -> Value {
    let mut members = object!({
        "name": issuer.name(),
        "subject": issuer.subject(),
        "source": issuer.source().kind(),
        "writable": issuer.source().kind() == "store",
    });
    // Whoever knows issuers by their certificates finds the name that the change log has for them. It was parsed before.
    if let Ok(certificate) = Certificate::parse(issuer.certificate()) {
        let key = certificate.subject_public_key_info.raw;
        members["key_sha256"] = hex(digest(HashAlgorithm::Sha256, key).as_ref()).into();
    }
    members
}
