//! Fetches an exposition over HTTP.

use crate::server::targets::Target;
use futures::StreamExt;
use reqwest::header;
use std::time::Duration;
use tsdb::exposition::Format;

/// OpenMetrics first: only it carries exemplars.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// More than any exposition that a person meant to write, where a target names no limit.
const BODY_LIMIT: usize = 64 << 20;

/// An exposition as it was answered.
#[derive(Debug)]
pub(super) struct Body {
    pub text: String,
    pub format: Format,
}

/// Why a scrape failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// No HTTP client could be made.
    #[error("no HTTP client: {0}")]
    Client(String),
    /// No answer.
    #[error("Get \"{url}\": {cause}")]
    Transport {
        /// The target.
        url: String,
        /// The transport's reason.
        cause: String,
    },
    /// No answer in time.
    #[error("Get \"{url}\": context deadline exceeded: no answer within {limit:?}")]
    Timeout {
        /// The target.
        url: String,
        /// The time allowed.
        limit: Duration,
    },
    /// An answer that is no success.
    #[error("server returned HTTP status {0}")]
    Status(reqwest::StatusCode),
    /// Too many bytes.
    #[error("body size limit exceeded: more than {0} bytes; raise body_size_limit or expose less")]
    TooLarge(usize),
    /// Too many samples.
    #[error("sample limit exceeded: more than {0} samples; raise sample_limit or drop some by relabelling")]
    SampleLimit(usize),
    /// Labels that are invalid or beyond a limit.
    #[error("{0}")]
    Labels(String),
    /// Not text.
    #[error("the body is not UTF-8")]
    NotText,
    /// Not an exposition.
    #[error("{0}")]
    Exposition(#[from] tsdb::exposition::ParseError),
}

/// An HTTP client for scrapes.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    client: reqwest::Client,
}

impl Fetcher {
    pub(super) fn new() -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("sretool/", env!("CARGO_PKG_VERSION")))
            .gzip(true)
            // A proxy for the outside has no business between a scraper and its targets.
            .no_proxy()
            .build()
            .map_err(|e| FetchError::Client(e.to_string()))?;
        Ok(Self { client })
    }

    /// Fetches within a time; the body is limited as the target's settings say.
    pub(super) async fn fetch(&self, target: &Target, limit: Duration) -> Result<Body, FetchError> {
        let timed = tokio::time::timeout(limit, self.get(target, limit)).await;
        timed.unwrap_or_else(|_| Err(FetchError::Timeout { url: target.url.clone(), limit }))
    }

    async fn get(&self, target: &Target, limit: Duration) -> Result<Body, FetchError> {
        let url = &target.url;
        let mut request = self
            .client
            .get(url)
            .header(header::ACCEPT, ACCEPT)
            .header("X-Prometheus-Scrape-Timeout-Seconds", limit.as_secs_f64().to_string());
        if let Some(credentials) = &target.settings.authorization {
            request = request.header(header::AUTHORIZATION, credentials.expose());
        }
        let response = request.send().await.map_err(|e| transport(url, &e))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let format = Format::from_content_type(kind.unwrap_or_default());
        let body_limit = target.settings.body_size_limit.unwrap_or(BODY_LIMIT);
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|e| transport(url, &e))?;
            // What is counted is the decompressed text, so that a small answer cannot fill the memory.
            if bytes.len() + chunk.len() > body_limit {
                return Err(FetchError::TooLarge(body_limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| FetchError::NotText)?;
        Ok(Body { text, format })
    }
}

fn transport(url: &str, error: &reqwest::Error) -> FetchError {
    // The innermost source is the operating system's reason; what surrounds it repeats the URL.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    FetchError::Transport { url: url.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::targets::ScrapeSettings;
    use axum::http::{HeaderMap, StatusCode};
    use axum::{Router, routing::get};

    async fn serve(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn metrics(headers: HeaderMap) -> ([(&'static str, &'static str); 1], &'static str) {
        assert!(headers["accept"].to_str().unwrap().starts_with("application/openmetrics-text"));
        assert_eq!(headers["x-prometheus-scrape-timeout-seconds"], "0.2");
        ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], "# EOF\n")
    }

    fn target(url: &str, path: &str) -> Target {
        Target { url: format!("{url}{path}"), ..Target::new("j", "h:1", "/") }
    }

    const LIMIT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn answers_and_failures_are_told_apart() {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .route("/binary", get(|| async { vec![0xff_u8, 0xfe] }))
            .route("/slow", get(std::future::pending::<&str>));
        let url = serve(router).await;
        let fetcher = Fetcher::new().unwrap();
        let fetch = |path| {
            let (target, fetcher) = (target(&url, path), fetcher.clone());
            async move { fetcher.fetch(&target, LIMIT).await }
        };
        let body = fetch("/metrics").await.unwrap();
        assert_eq!((body.text.as_str(), body.format), ("# EOF\n", Format::OpenMetrics));
        let error = fetch("/broken").await.unwrap_err();
        assert_eq!(error.to_string(), "server returned HTTP status 500 Internal Server Error");
        assert!(matches!(fetch("/binary").await, Err(FetchError::NotText)));
        assert!(matches!(fetch("/slow").await, Err(FetchError::Timeout { .. })));
    }

    #[tokio::test]
    async fn bodies_are_unpacked_and_limited() {
        let router = Router::new()
            .route("/large", get(|| async { "a 1\n".repeat(1000) }))
            .layer(tower_http::compression::CompressionLayer::new());
        let url = serve(router).await;
        let fetcher = Fetcher::new().unwrap();
        let limited = |limit| {
            let settings = ScrapeSettings { body_size_limit: Some(limit), ..Default::default() };
            Target { settings: settings.into(), ..target(&url, "/large") }
        };
        let patience = Duration::from_secs(20);
        assert_eq!(fetcher.fetch(&limited(4000), patience).await.unwrap().text.len(), 4000);
        assert!(matches!(fetcher.fetch(&limited(3999), patience).await, Err(FetchError::TooLarge(3999))));
    }

    #[tokio::test]
    async fn credentials_are_sent() {
        let echo = |headers: HeaderMap| async move { headers["authorization"].to_str().unwrap().to_owned() };
        let url = serve(Router::new().route("/who", get(echo))).await;
        let authorization = Some(crate::server::targets::Credentials::new("Bearer x".into()));
        let settings = ScrapeSettings { authorization, ..Default::default() };
        let target = Target { settings: settings.into(), ..target(&url, "/who") };
        let body = Fetcher::new().unwrap().fetch(&target, Duration::from_secs(20)).await.unwrap();
        assert_eq!((body.text.as_str(), body.format), ("Bearer x", Format::Text));
    }

    #[tokio::test]
    async fn nothing_listening_names_the_reason() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let fetched = Fetcher::new().unwrap().fetch(&target(&url, "/metrics"), Duration::from_secs(20)).await;
        let error = fetched.unwrap_err().to_string();
        assert!(error.contains(&url) && error.to_lowercase().contains("refused"), "{error}");
    }
}
