//! What went wrong, as `application/problem+json` (RFC 9457): a title, the cause in words, and the field it is about.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

use super::refusals::Refused;

/// A refusal of the admin port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of thing went wrong; the same words for the same kind.
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// What went wrong this time, and the next step.
    detail: String,
    /// The part of the request that it is about: a header field, a member, a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            title,
            status,
            detail: detail.into(),
            field: None,
        }
    }

    /// Names the part of the request that it is about.
    #[must_use]
    pub fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The JSON object of it.
    pub(super) fn to_value(&self) -> serde_json::Value {
        // proof: a struct of strings and a number is always JSON.
        serde_json::to_value(self).expect("a problem as JSON")
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // proof: a struct of strings and a number is always JSON.
        let body = serde_json::to_vec(&self).expect("a problem as JSON");
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Refused {
            title: self.title,
            field: self.field.unwrap_or_default(),
        });
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"certvouch\""),
            );
        }
        response
    }
}
