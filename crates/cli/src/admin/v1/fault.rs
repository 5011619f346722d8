//! What the store refuses, in the words of HTTP: the one mapping from its errors to a [`Problem`].

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use certvouch_status::embedded::{Refusal, StoreError, WriteError};
use http::StatusCode;

use crate::admin::problem::Problem;
use crate::api::FieldError;
use crate::escape::escape_display;

pub(super) fn of_write(why: &WriteError) -> Problem {
    match why {
        WriteError::Refused(refusal) => of_refusal(refusal),
        WriteError::Store(why) => of_store(why),
        other => of_text(&format_args!("{other:?}")),
    }
}

pub(super) fn of_refusal(why: &Refusal) -> Problem {
    let (status, title) = match why {
        Refusal::Revoked { .. } | Refusal::OnHold { .. } | Refusal::NotRevoked => {
            (StatusCode::CONFLICT, "not from this status")
        }
        Refusal::Unknown | Refusal::UnknownIssuer(_) => (StatusCode::NOT_FOUND, "not found"),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "not possible"),
    };
    Problem::new(status, title, escape_display(why)).about(why.field())
}

pub(super) fn of_store(why: &StoreError) -> Problem {
    tracing::error!("the store: {}", escape_display(why));
    of_text(why)
}

/// Whatever is wrong with the store, the same may be right a moment later: nothing was stored.
fn of_text(why: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the store cannot be used",
        format!("nothing was stored: {}", escape_display(why)),
    )
}

pub(super) fn of_field(why: &FieldError) -> Problem {
    let problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not possible",
        why.why.clone(),
    );
    if why.field.is_empty() {
        problem
    } else {
        problem.about(why.field)
    }
}

pub(super) fn of_path(_: PathRejection) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "no such path",
        "what the path says is no text in UTF-8",
    )
}

pub(super) fn of_query(_: QueryRejection) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "no such query",
        "the query is no list of name=value",
    )
}

pub(super) fn of_body(why: &BytesRejection) -> Problem {
    let status = why.status();
    let title = if status == StatusCode::PAYLOAD_TOO_LARGE {
        "too large"
    } else {
        "the body broke"
    };
    Problem::new(status, title, escape_display(&why.body_text()))
}

/// A parameter of the query that cannot be.
pub(super) fn of_parameter(name: &str, why: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not possible", why).about(name)
}
