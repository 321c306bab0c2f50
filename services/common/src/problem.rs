//! Errors as RFC 9457 problem details.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// One field of a request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Name of the field, as in the request.
    pub field: String,
    /// Why it was refused.
    pub message: String,
}

/// The body of an error response (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// Kind of problem: `about:blank` or `/problems/NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short, stable text of the kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong with this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request, as `urn:request:ID`; the same identifier stands in the `x-request-id` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Refused fields, when the request's content was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// An error response: what the client may know, and apart from it the cause that only the log sees.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    body: ProblemBody,
    retry_after_s: Option<u64>,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A problem of a status, with the status's own text as title.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        let body = ProblemBody {
            kind: "about:blank".to_owned(),
            title,
            status: status.as_u16(),
            detail: None,
            instance: None,
            errors: Vec::new(),
        };
        Self(Box::new(Inner { status, body, retry_after_s: None, cause: None }))
    }

    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 401: who the caller is, is not known.
    #[must_use]
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED).detail(detail)
    }

    /// 403: the caller is known and may not do this.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN).detail(detail)
    }

    /// 404: there is no such thing, or the caller may not know of it.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND).detail(detail)
    }

    /// 409: the request contradicts the present state.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 422: understood, but fields hold values that are not allowed.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY).kind("invalid-fields", "Invalid fields");
        problem.0.body.errors = errors;
        problem
    }

    /// 422 for one field.
    #[must_use]
    pub fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }

    /// 500: our fault. The client learns nothing; the cause goes into the log.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR).cause(cause)
    }

    /// 503: too busy or a dependency is away; try again after `retry_after_s` seconds.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail).retry_after(retry_after_s)
    }

    /// Sets what went wrong with this request.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.body.detail = Some(detail.into());
        self
    }

    /// Sets the kind (`/problems/NAME`) and its title.
    #[must_use]
    pub fn kind(mut self, name: &str, title: &str) -> Self {
        self.0.body.kind = format!("/problems/{name}");
        title.clone_into(&mut self.0.body.title);
        self
    }

    /// Sets the `Retry-After` header in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Sets the cause, which is logged and never sent.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Sets the request that this problem belongs to.
    #[must_use]
    pub(crate) fn instance(mut self, request_id: &str) -> Self {
        self.0.body.instance = Some(format!("urn:request:{request_id}"));
        self
    }

    /// Changes the status and keeps the rest.
    pub(crate) fn set_status(&mut self, status: StatusCode) {
        self.0.status = status;
        self.0.body.status = status.as_u16();
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The body of the response.
    #[must_use]
    pub fn body(&self) -> &ProblemBody {
        &self.0.body
    }

    /// The cause with all its sources, for the log.
    #[must_use]
    pub fn cause_text(&self) -> Option<String> {
        let mut error: Option<&(dyn std::error::Error + 'static)> = Some(self.0.cause.as_deref()?);
        let mut text = String::new();
        while let Some(current) = error {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&current.to_string());
            error = current.source();
        }
        Some(text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.body.title)?;
        self.0.body.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, Json(&self.0.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The request layer writes the request's identifier into the body and logs the cause.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::new(StatusCode::NOT_FOUND),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::unavailable("the database is busy", 1).cause(error)
            }
            sqlx::Error::Io(_) => Self::unavailable("the database cannot be reached", 1).cause(error),
            sqlx::Error::Database(inner) if is_busy(inner.code().as_deref()) => {
                Self::unavailable("the database is busy", 1).cause(error)
            }
            _ => Self::internal(error),
        }
    }
}

/// Whether trying again later may succeed. SQLite says busy (5) or locked (6), in the primary or an extended form;
/// PostgreSQL has five characters: failed serialisation, deadlock, locks and statements that took too long, too many
/// connections, and a server that stops or starts.
fn is_busy(code: Option<&str>) -> bool {
    const POSTGRES: [&str; 8] = ["40001", "40P01", "55P03", "57014", "53300", "57P01", "57P02", "57P03"];
    match code {
        Some(code) if code.len() == 5 => POSTGRES.contains(&code),
        Some(code) => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
        None => false,
    }
}
