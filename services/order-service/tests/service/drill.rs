//! Faults of the admin port, and stopping with work at hand.

use crate::rig::{Recording, Rig, Silent, config, context};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use order_service::payment::simulated::{PAYMENT_ERROR, PAYMENT_LATENCY};
use order_service::payment::{Capture, CaptureRequest, PaymentProvider, ProviderError};
use serde_json::{Value, json};
use service_common::config::DatabaseUrl;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The service as it runs in production, with the simulated provider that obeys faults.
async fn service() -> service_common::Service {
    let (cx, _) = context(Some(&DatabaseUrl::Memory)).await;
    order_service::build(cx, config()).await.unwrap()
}

async fn admin(service: &service_common::Service, method: &str, body: Value) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri("/faults")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = service.admin.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_admin_port_knows_the_faults_of_the_provider() {
    let service = service().await;
    for kind in [PAYMENT_ERROR, PAYMENT_LATENCY] {
        let faults = json!({ "faults": [{ "kind": kind, "route": "*", "ratio": 1.0, "ttl_s": 5 }] });
        assert_eq!(admin(&service, "PUT", faults).await.0, StatusCode::OK, "{kind}");
    }
    let unknown = json!({ "faults": [{ "kind": "meteor", "ratio": 1.0, "ttl_s": 5 }] });
    let (status, text) = admin(&service, "PUT", unknown).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains(PAYMENT_ERROR), "{text}");
}

/// A provider that takes its time.
#[derive(Debug)]
struct Slow(Recording);

#[async_trait]
impl PaymentProvider for Slow {
    async fn capture(&self, request: &CaptureRequest) -> Result<Capture, ProviderError> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.0.capture(request).await
    }

    async fn refund(&self, id: Uuid, amount: i64) -> Result<(), ProviderError> {
        self.0.refund(id, amount).await
    }
}

#[tokio::test]
async fn a_stop_lets_the_payment_at_hand_finish() {
    let rig = Rig::with(config(), Arc::new(Slow(Recording::default())), None).await;
    let order = rig.order("mug-travel", 1).await;
    rig.pay(&order, "card").await;
    rig.until(&order, |order| order["payment"]["status"] == "processing").await;
    assert_eq!(rig.service.tasks.drain(Duration::from_secs(10)).await, 0, "no task had to be aborted");
    let found = rig.call("GET", &format!("/v1/orders/{order}"), None).await.json();
    assert_eq!((&found["status"], &found["payment"]["status"]), (&json!("confirmed"), &json!("captured")));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_provider_beyond_its_deadline() {
    let rig = Rig::with(config(), Arc::new(Silent::default()), None).await;
    let order = rig.order("mug-travel", 1).await;
    rig.pay(&order, "card").await;
    rig.until(&order, |order| order["payment"]["status"] == "processing").await;
    assert_eq!(rig.service.tasks.drain(Duration::from_millis(50)).await, 1, "the worker had to be aborted");
}
