//! The description of `/v1` for machines (OpenAPI 3.1), kept by hand beside this file and held to by tests.

use axum::response::Response;

use super::{Caller, typed};

const DOCUMENT: &str = include_str!("openapi.json");

/// The document. Whoever has a token may read it; its scopes do not matter.
pub(super) async fn document(_: Caller) -> Response {
    typed(
        "application/json",
        DOCUMENT.replace("0.0.0", env!("CARGO_PKG_VERSION")),
    )
}
