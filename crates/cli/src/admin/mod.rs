//! The operator's port: `/health`, `/ready` and `/metrics` for whoever reaches it, `/v1` for whoever has a token.
//!
//! It has a thread, a runtime and limits of its own, so that nothing that happens here slows an answer. Every request
//! passes `guard` first. [`router`] is one axum router; a part that adds routes adds them to `v1`, where each
//! handler gets the [`Caller`] whose token was checked and asks it for a scope.

mod guard;
mod health;
mod problem;
mod refusals;
mod serve;
mod tls;
pub mod token;
mod v1;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use certvouch_status::embedded::Store;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, StatusCode};
use rustls::ServerConfig;

pub use guard::{CameInOn, Names};
pub use problem::Problem;
pub use refusals::Refusals;
pub use serve::Running;
pub use v1::Caller;

use crate::config::Admin;
use crate::metrics::Page;
use crate::serve::Core;
use token::{TokenFile, Tokens};

/// What the handlers share.
#[derive(Debug)]
#[non_exhaustive]
pub struct Site {
    /// The running server.
    pub core: Arc<Core>,
    /// Who may use `/v1`.
    pub tokens: Tokens,
    /// Whom nobody let in.
    pub refusals: Refusals,
}

impl Site {
    /// The store, if there is one.
    fn store(&self) -> Option<&Store> {
        self.core.journal.store()
    }
}

/// An admin port that is bound and not answered yet.
#[derive(Debug)]
pub struct Bound {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    hosts: Vec<String>,
    tokens: Tokens,
}

/// Binds the admin port, or takes the socket that the service manager opened for it.
///
/// # Errors
/// The address cannot be had, its TLS cannot be used, or the token file cannot.
pub fn bind(admin: &Admin, inherited: Option<TcpListener>) -> anyhow::Result<Bound> {
    let tls = tls::configured(admin)?;
    let file = admin.tokens.as_ref().map(TokenFile::new);
    if let Some(file) = &file {
        // A broken file is better heard of now than by the CA that has to revoke.
        file.read().context("the token file")?;
    }
    let socket = match inherited {
        Some(socket) => socket,
        None => TcpListener::bind(admin.listen).map_err(|why| crate::listen::BindError {
            address: admin.listen,
            why,
        })?,
    };
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    // Checked where it is configured; a socket of the service manager's has to keep to it, too.
    anyhow::ensure!(
        address.ip().is_loopback() || tls.is_some(),
        "{address}: beyond loopback the admin port needs TLS: tls_certificate and tls_key under [admin]"
    );
    Ok(Bound {
        socket,
        address,
        tls,
        hosts: admin.hosts.clone(),
        tokens: Tokens::new(file),
    })
}

impl Bound {
    /// Starts answering.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(self, core: Arc<Core>) -> io::Result<Running> {
        let names = Names::new(self.address, &self.hosts, self.tls.is_some());
        let site = Arc::new(Site {
            core,
            tokens: self.tokens,
            refusals: Refusals::default(),
        });
        let refusals = refusals::enter(Arc::downgrade(&site));
        let router = router(site, names);
        serve::start(self.socket, self.address, self.tls, router, refusals)
    }
}

/// Starts a port with other routes on a loopback address, guarded as this one is.
///
/// # Errors
/// The address is not loopback, or cannot be had.
pub(crate) fn start_plain(address: SocketAddr, routes: Router) -> io::Result<Running> {
    if !address.ip().is_loopback() {
        let why = "only a loopback address can be had here: nothing guards the port";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let names = Arc::new(Names::new(address, &[], false));
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(names, guard::guard));
    serve::start(socket, address, None, routes, std::future::pending())
}

/// Everything that the admin port answers.
pub fn router(site: Arc<Site>, names: Names) -> Router {
    Router::new()
        .route("/health", get(health::all))
        .route("/health/{issuer}", get(health::one))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics))
        .nest("/v1", v1::router(&site))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::new(names), guard::guard))
        .layer(from_fn_with_state(Arc::clone(&site), refusals::watch))
        .with_state(site)
}

async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let mut page = Page::default();
    site.core.metrics.write(&mut page);
    health::write_metrics(&site.core, &mut page);
    typed("text/plain; version=0.0.4; charset=utf-8", page.into_text())
}

async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not found",
        "there is nothing here: /health, /ready, /metrics, and with a token /v1 of a responder",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong method",
        "this place does not take this method; Allow names those it takes",
    )
}

/// A body of this type, which nobody keeps and nobody shows as a page.
pub(crate) fn typed(kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = body.into().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(NOSNIFF, HeaderValue::from_static("nosniff"));
    response
}

const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// JSON, for people too.
pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    // proof: the values are structs, lists and maps with text keys, which are always JSON.
    let mut body = serde_json::to_vec_pretty(value).expect("a value as JSON");
    body.push(b'\n');
    let mut response = typed("application/json", body);
    *response.status_mut() = status;
    response
}
