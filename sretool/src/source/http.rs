//! A client of the Prometheus HTTP API.

use super::wire::{ActiveAlert, BuildInfo, Envelope, QueryData, RuleGroup};
use super::{Answer, SourceError};
use reqwest::{RequestBuilder, Url};
use serde::de::DeserializeOwned;
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A server that answers the Prometheus HTTP API.
#[derive(Debug, Clone)]
pub struct PrometheusHttp {
    url: String,
    limit: Duration,
    client: reqwest::Client,
}

#[derive(Debug, serde::Deserialize)]
struct Groups {
    groups: Vec<RuleGroup>,
}

#[derive(Debug, serde::Deserialize)]
struct Alerts {
    alerts: Vec<ActiveAlert>,
}

impl PrometheusHttp {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when `url` is no http(s) URL.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        let invalid = |cause: &str| {
            SourceError::Invalid(format!("`{url}` is no Prometheus URL: {cause}; write it as http://HOST:PORT"))
        };
        let parsed = Url::parse(url).map_err(|e| invalid(&e.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(invalid("its scheme is neither http nor https"));
        }
        let client = reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).build();
        let client = client.map_err(|e| SourceError::Invalid(format!("no HTTP client: {e}")))?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), limit: ANSWER_LIMIT, client })
    }

    /// The same with another limit on the time until an answer.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Base URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn instant(&self, expr: &str, at_ms: i64) -> Result<Answer, SourceError> {
        self.query("query", &[("query", expr.to_owned()), ("time", seconds(at_ms))]).await
    }

    pub(super) async fn range(&self, expr: &str, start: i64, end: i64, step: i64) -> Result<Answer, SourceError> {
        let times = [("start", seconds(start)), ("end", seconds(end)), ("step", seconds(step))];
        let form: Vec<_> = std::iter::once(("query", expr.to_owned())).chain(times).collect();
        self.query("query_range", &form).await
    }

    pub(super) async fn rules(&self) -> Result<Vec<RuleGroup>, SourceError> {
        Ok(self.get::<Groups>("rules").await?.groups)
    }

    pub(super) async fn alerts(&self) -> Result<Vec<ActiveAlert>, SourceError> {
        Ok(self.get::<Alerts>("alerts").await?.alerts)
    }

    pub(super) async fn build_info(&self) -> Result<BuildInfo, SourceError> {
        self.get("status/buildinfo").await
    }

    async fn query(&self, endpoint: &str, form: &[(&str, String)]) -> Result<Answer, SourceError> {
        let request = self.client.post(format!("{}/api/v1/{endpoint}", self.url)).form(form);
        let (data, warnings) = self.send::<QueryData>(request).await?;
        let value = data.into_value().map_err(|cause| self.not_prometheus(cause))?;
        Ok(Answer { value, warnings })
    }

    async fn get<T: DeserializeOwned>(&self, endpoint: &str) -> Result<T, SourceError> {
        self.get_with(endpoint, &[]).await
    }

    pub(super) async fn get_with<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        parameters: &[(&str, String)],
    ) -> Result<T, SourceError> {
        let request = self.client.get(format!("{}/api/v1/{endpoint}", self.url)).query(parameters);
        Ok(self.send(request).await?.0)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<(T, Vec<String>), SourceError> {
        let response = request.timeout(self.limit).send().await.map_err(|e| self.transport(&e))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|e| self.transport(&e))?;
        let envelope: Envelope<T> = serde_json::from_slice(&body)
            .map_err(|e| self.not_prometheus(format!("HTTP {status}, and its body is not the expected JSON ({e})")))?;
        match envelope.data {
            Some(data) if envelope.status == "success" => Ok((data, envelope.warnings)),
            _ => Err(SourceError::Refused { kind: envelope.error_type, message: envelope.error }),
        }
    }

    fn transport(&self, error: &reqwest::Error) -> SourceError {
        if error.is_timeout() && !error.is_connect() {
            return SourceError::Timeout { url: self.url.clone(), limit: self.limit };
        }
        // reqwest's own words repeat the URL; the innermost source is the operating system's reason.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        SourceError::Unreachable { url: self.url.clone(), cause: cause.to_string() }
    }

    fn not_prometheus(&self, cause: String) -> SourceError {
        SourceError::NotPrometheus { url: self.url.clone(), cause }
    }
}

/// Milliseconds as the API's decimal seconds, exactly.
pub(super) fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, routing};

    async fn serve(router: Router) -> PrometheusHttp {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        PrometheusHttp::new(&url).unwrap()
    }

    #[test]
    fn times_are_exact() {
        assert_eq!(seconds(1_700_000_000_123), "1700000000.123");
        assert_eq!(seconds(-5), "-0.005");
    }

    #[test]
    fn wrong_urls_name_the_remedy() {
        for url in ["", "localhost:9090", "ftp://x"] {
            let error = PrometheusHttp::new(url).unwrap_err().to_string();
            assert!(error.contains("http://HOST:PORT"), "{error}");
        }
    }

    #[tokio::test]
    async fn nothing_listening_is_unreachable() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = PrometheusHttp::new(&url).unwrap().instant("up", 0).await.unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    }

    #[tokio::test]
    async fn refusals_timeouts_and_strangers_are_told_apart() {
        let refuse = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let router = Router::new()
            .route("/api/v1/query", routing::post(move || async move { (axum::http::StatusCode::BAD_REQUEST, refuse) }))
            .route("/api/v1/alerts", routing::get(|| async { "<html>" }))
            .route("/api/v1/rules", routing::get(std::future::pending::<&str>));
        let client = serve(router).await.with_limit(Duration::from_millis(50));
        assert!(client.instant("(", 0).await.unwrap_err().is_query_error());
        assert!(matches!(client.alerts().await.unwrap_err(), SourceError::NotPrometheus { .. }));
        assert!(matches!(client.rules().await.unwrap_err(), SourceError::Timeout { .. }));
    }
}
