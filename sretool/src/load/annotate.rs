//! `--annotate`: marks the run in Grafana, beside the run: nothing here can slow it down or spoil its verdict.

use super::settings::Settings;
use crate::runtime;
use load::{Report, annotation_end, annotation_start};
use reqwest::{Method, Url};
use serde_json::Value;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A Grafana that is slower than this gets no annotation.
const LIMIT: Duration = Duration::from_secs(2);

/// The name of the environment variable with the token of a service account.
const TOKEN: &str = "GRAFANA_TOKEN";

/// An annotation that was asked for.
#[derive(Debug)]
pub(super) struct Annotator {
    end: Sender<Value>,
    outcome: Receiver<Result<(), String>>,
}

impl Annotator {
    /// Marks the start, where the user asked for it.
    pub(super) fn start(settings: &Settings) -> Option<Self> {
        let grafana = Grafana::new(settings.annotate.as_deref()?, std::env::var(TOKEN).ok());
        let body = annotation_start(&settings.meta, &settings.plan, crate::server::now_ms());
        let ((end, ended), (done, outcome)) = (channel(), channel());
        let work = move || {
            let result = grafana.and_then(|grafana| grafana.annotate(body, &ended));
            let _ = done.send(result);
        };
        std::thread::Builder::new().name("load-annotate".into()).spawn(work).ok()?;
        Some(Self { end, outcome })
    }

    /// Marks the end; what went wrong, if anything did.
    pub(super) fn finish(self, report: &Report) -> Option<String> {
        // The thread ends early only when it failed, which it tells below.
        let _ = self.end.send(annotation_end(report, crate::server::now_ms()));
        // Two requests at most, each with its limit.
        let outcome = self.outcome.recv_timeout(2 * LIMIT + Duration::from_millis(500));
        outcome.unwrap_or_else(|_| Err("no answer".to_owned())).err()
    }
}

/// Where annotations go.
#[derive(Debug)]
struct Grafana {
    url: Url,
    token: Option<String>,
}

impl Grafana {
    fn new(url: &str, token: Option<String>) -> Result<Self, String> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or("--annotate takes http://[USER:PASSWORD@]HOST:PORT")?;
        Ok(Self { url, token: token.filter(|token| !token.is_empty()) })
    }

    /// Marks the start, waits for the end, and marks that. Without a word about the end there is none.
    fn annotate(&self, start: Value, end: &Receiver<Value>) -> Result<(), String> {
        let client = reqwest::Client::builder().timeout(LIMIT).build().map_err(|error| error.to_string())?;
        let started = runtime::block_on(self.send(&client, Method::POST, "api/annotations", &start));
        let Ok(end) = end.recv() else { return Ok(()) };
        // A Grafana that came up during the run gets the whole region at once.
        let id = started.ok().and_then(|answer| answer.get("id")?.as_i64());
        let (method, path) = match id {
            Some(id) => (Method::PATCH, format!("api/annotations/{id}")),
            None => (Method::POST, "api/annotations".to_owned()),
        };
        runtime::block_on(self.send(&client, method, &path, &end)).map(drop)
    }

    async fn send(&self, client: &reqwest::Client, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        // A password must not stand in a message.
        let _ = (url.set_username(""), url.set_password(None));
        let mut request = client.request(method, url.clone()).json(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        } else if !self.url.username().is_empty() {
            request = request.basic_auth(self.url.username(), self.url.password());
        }
        let answer = request.send().await.map_err(|error| format!("{url}: {error}"))?;
        match answer.status().as_u16() {
            200..=299 => Ok(answer.json().await.unwrap_or_default()),
            401 | 403 => Err(format!(
                "{url}: status {}; set {TOKEN} to a token of a service account that may write annotations",
                answer.status().as_u16()
            )),
            status => Err(format!("{url}: status {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Against a stub that answers as Grafana's HTTP API documents it; no Grafana is at hand.

    use super::*;
    use crate::load::sample;
    use axum::extract::{Request, State};
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use axum::{Json, Router};
    use serde_json::json;
    use std::sync::{Arc, Mutex};

    /// Method and path, authorization, body.
    type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;

    /// The stub: refuses the first `refused` requests with this status.
    fn grafana(refused: usize, status: u16) -> (String, Seen) {
        let seen = Seen::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = move |State(seen): State<Seen>, request: Request| async move {
            let what = format!("{} {}", request.method(), request.uri().path());
            let header = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let mut seen = seen.lock().unwrap();
            seen.push((what, header.unwrap_or_default(), serde_json::from_slice(&body).unwrap()));
            if seen.len() <= refused {
                return (StatusCode::from_u16(status).unwrap(), Json(json!({"message": "no"}))).into_response();
            }
            Json(json!({"message": "Annotation added", "id": 42})).into_response()
        };
        let app = Router::new().fallback(answer).with_state(seen.clone());
        std::thread::spawn(move || {
            crate::runtime::block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
            });
        });
        (url, seen)
    }

    /// Annotates a start and an end.
    fn annotate(url: &str, token: Option<&str>) -> Result<(), String> {
        let grafana = Grafana::new(url, token.map(str::to_owned))?;
        let (sender, end) = channel();
        let report = sample::report(1, 20.0);
        sender.send(annotation_end(&report, 1_700_000_030_000)).unwrap();
        grafana.annotate(annotation_start(&report.meta, &report.plan, 1_700_000_000_000), &end)
    }

    #[test]
    fn the_start_is_posted_and_the_end_makes_it_a_region() {
        let (url, seen) = grafana(0, 0);
        annotate(&format!("{url}/grafana/"), Some("secret")).unwrap();
        let seen = seen.lock().unwrap();
        let [(post, token, start), (patch, _, end)] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!((post.as_str(), token.as_str()), ("POST /grafana/api/annotations", "Bearer secret"));
        assert_eq!((&start["time"], &start["tags"][1]), (&1_700_000_000_000i64.into(), &"running".into()));
        assert_eq!(patch, "PATCH /grafana/api/annotations/42");
        assert_eq!((&end["timeEnd"], &end["tags"][1]), (&1_700_000_030_000i64.into(), &"pass".into()));
    }

    #[test]
    fn a_start_that_was_not_taken_is_made_up_for_at_the_end() {
        let (url, seen) = grafana(1, 500);
        annotate(&url.replace("http://", "http://ada:pass@"), None).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.iter().map(|(what, ..)| what.as_str()).collect::<Vec<_>>(), ["POST /api/annotations"; 2]);
        assert_eq!((seen[1].1.as_str(), &seen[1].2["time"]), ("Basic YWRhOnBhc3M=", &1_700_000_000_000i64.into()));
    }

    #[test]
    fn a_refusal_names_the_remedy_and_no_password() {
        let (url, _) = grafana(9, 401);
        let error = annotate(&url.replace("http://", "http://ada:hidden@"), None).unwrap_err();
        assert!(error.contains("status 401; set GRAFANA_TOKEN") && !error.contains("hidden"), "{error}");
        assert!(annotate("ftp://x", None).unwrap_err().contains("--annotate takes"));
    }
}
