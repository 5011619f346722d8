//! `/health`, `/ready` and `/metrics` of an agent, on a loopback address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;

use super::report::Report;
use crate::admin;
use crate::clock::Clock;

#[derive(Clone)]
struct Site {
    report: Arc<ArcSwap<Report>>,
    clock: Clock,
}

/// Starts the port.
///
/// # Errors
/// The address is not loopback, or cannot be had.
pub(super) fn start(
    address: SocketAddr,
    report: Arc<ArcSwap<Report>>,
    clock: Clock,
) -> io::Result<admin::Running> {
    let site = Site { report, clock };
    let routes = Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(site);
    admin::start_plain(address, routes)
}

/// 200 if every target is as it has to be, else 503; the report in both cases.
async fn health(State(site): State<Site>) -> Response {
    let report = site.report.load();
    admin::json(status(report.is_healthy()), &**report)
}

/// 200 once every target was looked after for the first time.
async fn ready(State(site): State<Site>) -> Response {
    let ready = site.report.load().is_ready();
    let text = if ready { "ready\n" } else { "not ready\n" };
    let mut response = admin::typed("text/plain; charset=utf-8", text);
    *response.status_mut() = status(ready);
    response
}

async fn metrics(State(site): State<Site>) -> Response {
    let text = site.report.load().metrics(site.clock.now());
    admin::typed("text/plain; version=0.0.4; charset=utf-8", text)
}

const fn status(right: bool) -> StatusCode {
    if right {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
