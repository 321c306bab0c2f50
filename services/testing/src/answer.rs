//! Asking a router without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// The answer to a request, completely read.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// A text of the JSON body, such as `id`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text)).to_owned()
    }

    /// A header as text; empty when it is missing.
    ///
    /// # Panics
    /// When it is no text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts status and type of a problem, and returns it.
    ///
    /// # Panics
    /// When it is another answer.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], kind, "{problem}");
        assert_eq!(problem["status"], status);
        problem
    }
}

/// Sends a request with a token (unless it is empty), further headers, and a JSON body if any.
///
/// # Panics
/// When the request is malformed.
pub async fn ask(
    router: &Router,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    send(router, request.body(body).unwrap()).await
}

/// Sends any request.
///
/// # Panics
/// When the answer cannot be read.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// The value of a series on an admin port, written without its `service` label.
///
/// # Panics
/// When there is no such series.
pub async fn metric(admin: &Router, series: &str) -> f64 {
    let text = ask(admin, "", "GET", "/metrics", None, &[]).await.text;
    value(&text, series).unwrap_or_else(|| panic!("{series} is missing in\n{text}"))
}

/// The value of a series of an exposition, written without its `service` label.
#[must_use]
pub fn value(exposition: &str, series: &str) -> Option<f64> {
    exposition.lines().find_map(|line| {
        let (found, value) = line.split_once("} ")?;
        let (name, labels) = found.split_once('{')?;
        let labels: Vec<&str> = labels.split(',').filter(|label| !label.starts_with("service=")).collect();
        let found = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) };
        (found == series).then(|| value.split_whitespace().next()?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_found_without_its_service() {
        let text = "# TYPE a counter\na_total{service=\"s\"} 3\nb{service=\"s\",x=\"1\",y=\"2\"} 4.5 # {} 1\n";
        assert_eq!(value(text, "a_total"), Some(3.0));
        assert_eq!(value(text, "b{x=\"1\",y=\"2\"}"), Some(4.5));
        assert_eq!(value(text, "b{x=\"1\"}"), None);
    }
}
