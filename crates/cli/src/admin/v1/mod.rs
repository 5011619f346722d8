//! `/v1`: what changes something, or tells what only the operator should know. Nothing below it is reached without a
//! token in force; which scope is needed is up to each handler.

mod bulk;
mod certificate;
mod changes;
mod fault;
mod issuers;
mod lines;
mod openapi;
mod plan;
mod search;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;

use super::problem::Problem;
use super::refusals::CameWith;
use super::token::{Scope, Token};
use super::{Site, json, not_found, typed, wrong_method};
use crate::escape::escape;

/// Whose token it is: an argument of every handler below `/v1`.
#[derive(Clone, Debug)]
pub struct Caller(Token);

impl Caller {
    /// The name of the token, for logs and journals.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it may do this for this issuer; without an issuer, for all of them.
    ///
    /// # Errors
    /// 403, with what it lacks.
    pub fn must(&self, scope: Scope, issuer: Option<&str>) -> Result<(), Problem> {
        self.0.must(scope, issuer)
    }

    /// Whether it may look at this issuer.
    fn reads(&self, issuer: &str) -> bool {
        self.must(Scope::Read, Some(issuer)).is_ok()
    }

    /// Whether it may change something about this issuer; what, is seen later.
    fn must_write(&self, issuer: &str) -> Result<(), Problem> {
        self.must(Scope::Revoke, Some(issuer))
            .or_else(|_| self.must(Scope::Issue, Some(issuer)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Put there by `authenticate`. A route that somebody hangs elsewhere is closed and not open.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "no token",
                "a token is needed: `Authorization: Bearer cvt_…`",
            )
        })
    }
}

/// Octets of the body of one request; a bulk one is read bit by bit and has no limit but that of its lines.
const MAX_BODY: usize = 256 * 1024;

/// The routes, below `/v1`.
pub(super) fn router(site: &Arc<Site>) -> Router<Arc<Site>> {
    Router::new()
        .route("/reload", post(reload))
        .route("/openapi.json", get(openapi::document))
        .route("/issuers", get(issuers::all))
        .route("/issuers/{issuer}", get(issuers::one))
        .route(
            "/issuers/{issuer}/certificates",
            get(search::search).post(bulk::bulk),
        )
        .route(
            "/issuers/{issuer}/certificates/{serial}",
            get(certificate::get)
                .put(certificate::put)
                .patch(certificate::patch),
        )
        .route("/changes", get(changes::changes))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(site), authenticate))
}

async fn authenticate(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    match site
        .tokens
        .authenticate(request.headers(), site.core.clock.now())
    {
        Ok(token) => {
            let came_with = CameWith(escape(&token.name).to_string());
            request.extensions_mut().insert(Caller(token));
            let mut response = next.run(request).await;
            response.extensions_mut().insert(came_with);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Reads the configuration and all that it names again, and puts it in force as a whole or not at all.
async fn reload(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Problem> {
    caller.must(Scope::Admin, None)?;
    tracing::info!(token = %escape(caller.name()), "a reload was asked for");
    match site.core.reloads.reload().await {
        Ok(taken) => Ok(json(StatusCode::OK, &taken)),
        Err(why) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "not reloaded",
            format!("what was in force stays: {why}"),
        )),
    }
}
