//! Errors of the API, in Prometheus' form.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use promql::EvalError;
use std::fmt::Display;

/// The kinds of error that the API tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    BadData,
    Execution,
    Timeout,
    NotFound,
    Internal,
    /// A body that is none of those understood.
    Unsupported,
}

/// An error with its message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub kind: ErrorType,
    pub message: String,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorType, message: impl Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    pub(crate) fn bad_data(message: impl Display) -> Self {
        Self::new(ErrorType::BadData, message)
    }

    pub(crate) fn parameter(name: &str, cause: impl Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {cause}"))
    }

    /// The evaluation failed.
    pub(crate) fn evaluation(error: &EvalError) -> Self {
        match error {
            EvalError::Type(message) | EvalError::Range(message) => Self::bad_data(message),
            other => Self::new(ErrorType::Execution, other),
        }
    }
}

impl ErrorType {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadData => (StatusCode::BAD_REQUEST, "bad_data"),
            Self::Execution => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            Self::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Unsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_data"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind) = self.kind.parts();
        let body = serde_json::json!({ "status": "error", "errorType": kind, "error": self.message });
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

/// A good answer; `data` is JSON already.
#[derive(Debug)]
pub(crate) struct Success {
    data: String,
    warnings: Vec<String>,
    infos: Vec<String>,
}

impl Success {
    pub(crate) fn raw(data: String) -> Self {
        Self { data, warnings: Vec::new(), infos: Vec::new() }
    }

    pub(crate) fn json(data: &serde_json::Value) -> Self {
        Self::raw(data.to_string())
    }

    pub(crate) fn with_annotations(mut self, warnings: Vec<String>, infos: Vec<String>) -> Self {
        (self.warnings, self.infos) = (warnings, infos);
        self
    }
}

impl IntoResponse for Success {
    fn into_response(self) -> Response {
        let mut body = String::with_capacity(self.data.len() + 64);
        body.push_str(r#"{"status":"success","data":"#);
        body.push_str(&self.data);
        for (key, list) in [("warnings", &self.warnings), ("infos", &self.infos)] {
            if !list.is_empty() {
                body.push_str(&format!(r#","{key}":{}"#, serde_json::json!(list)));
            }
        }
        body.push('}');
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_status_of_prometheus() {
        for (kind, status) in [
            (ErrorType::BadData, 400),
            (ErrorType::Execution, 422),
            (ErrorType::Timeout, 503),
            (ErrorType::NotFound, 404),
            (ErrorType::Internal, 500),
            (ErrorType::Unsupported, 415),
        ] {
            assert_eq!(ApiError::new(kind, "x").into_response().status().as_u16(), status);
        }
    }

    #[test]
    fn faults_of_the_question_are_not_faults_of_the_evaluation() {
        assert_eq!(ApiError::evaluation(&EvalError::Type("t".into())).kind, ErrorType::BadData);
        assert_eq!(ApiError::evaluation(&EvalError::DuplicateLabels).kind, ErrorType::Execution);
    }
}
