//! Faults of the admin port, stopping with work at hand, and traces.

use crate::rig::{Rig, SERVICE_TOKEN, Scripted, config, context};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use notification_service::delivery::{Message, SendError, Sender};
use serde_json::{Value, json};
use service_common::config::DatabaseUrl;
use service_common::{Settings, telemetry};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn send(router: &axum::Router, method: &str, path: &str, body: &Value) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {SERVICE_TOKEN}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Waits until the production sender has delivered or failed a notification, and returns its status.
async fn settled(api: &axum::Router, id: &str) -> String {
    for _ in 0..1_000 {
        let (_, text) = send(api, "GET", &format!("/v1/notifications/{id}"), &Value::Null).await;
        let status = serde_json::from_str::<Value>(&text).unwrap()["status"].as_str().unwrap().to_owned();
        if status != "accepted" {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("notification {id} stays in the queue");
}

#[tokio::test]
async fn a_fault_of_the_admin_port_makes_dead_letters_until_it_ends() {
    let (cx, _) = context(Some(&DatabaseUrl::Memory)).await;
    let service = notification_service::build(cx, config()).await.unwrap();
    let welcome = json!({ "channel": "push", "to": "token-1", "template": "welcome", "data": { "name": "Ada" } });
    let fault = json!({ "faults": [{ "kind": "delivery_error", "route": "*", "ratio": 1.0, "ttl_s": 60 }] });
    assert_eq!(send(&service.admin, "PUT", "/faults", &fault).await.0, StatusCode::OK);
    let (status, text) = send(&service.api, "POST", "/v1/notifications", &welcome).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{text}");
    let id = serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(settled(&service.api, &id).await, "failed");

    assert!(send(&service.admin, "DELETE", "/faults", &Value::Null).await.0.is_success());
    let (_, text) = send(&service.api, "POST", "/v1/notifications", &welcome).await;
    let id = serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(settled(&service.api, &id).await, "delivered");
}

/// A sender that takes its time.
#[derive(Debug)]
struct Slow;

#[async_trait]
impl Sender for Slow {
    async fn send(&self, _: &Message<'_>) -> Result<(), SendError> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(())
    }
}

#[tokio::test]
async fn a_stop_lets_the_delivery_at_hand_finish() {
    let rig = Rig::with(config(), Arc::new(Slow), Arc::default(), None).await;
    let id = rig.notify("o-1").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(rig.service.tasks.drain(Duration::from_secs(10)).await, 0, "no task had to be aborted");
    assert_eq!(rig.until(&id, "delivered").await["attempts"], 1);
}

/// A sender that remembers the trace it was called in.
#[derive(Debug, Default)]
struct Traced(Mutex<Vec<String>>);

#[async_trait]
impl Sender for Traced {
    async fn send(&self, _: &Message<'_>) -> Result<(), SendError> {
        let mut headers = axum::http::HeaderMap::new();
        telemetry::propagation::inject(&tracing::Span::current().context(), &mut headers);
        self.0.lock().unwrap().push(headers["traceparent"].to_str().unwrap().to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn the_trace_of_the_request_goes_on_in_the_delivery() {
    let settings = Settings::for_test();
    let (dispatch, _guard) = telemetry::build(&notification_service::SPEC, &settings, std::io::sink).unwrap();
    let _default = tracing::dispatcher::set_default(&dispatch);
    let sender = Arc::new(Traced::default());
    let rig = Rig::with(config(), sender.clone(), Arc::<Scripted>::default(), None).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let (body, headers) = (Some(rig.confirmation("o-1")), [("traceparent", parent.as_str())]);
    let answer = rig.call_as(SERVICE_TOKEN, "POST", "/v1/notifications", body, &headers).await;
    rig.until(answer.json()["id"].as_str().unwrap(), "delivered").await;
    let seen = sender.0.lock().unwrap().clone();
    assert!(seen.len() == 1 && seen[0].starts_with(&format!("00-{TRACE}-")), "{seen:?}");
    assert!(!seen[0].contains("b7ad6b7169203331"), "the parent is a span of this service");
}
