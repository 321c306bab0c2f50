//! Events on their way to a fake notification-service.

use crate::rig::{Rig, SERVICE_TOKEN, config, simulated};
use serde_json::{Value, json};
use service_common::{Settings, telemetry};
use std::collections::BTreeSet;
use std::time::Duration;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn answering(server: &MockServer, status: u16, times: Option<u64>) {
    let mock = Mock::given(method("POST"))
        .and(path("/v1/notifications"))
        .and(header("authorization", format!("Bearer {SERVICE_TOKEN}").as_str()))
        .respond_with(ResponseTemplate::new(status).set_body_json(json!({ "id": "n", "status": "accepted" })));
    match times {
        Some(times) => mock.up_to_n_times(times).mount(server).await,
        None => mock.mount(server).await,
    }
}

async fn rig_with(server: &MockServer) -> Rig {
    let mut config = config();
    config.notification_service_url = Some(server.uri());
    Rig::with(config, simulated(), None).await
}

async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

fn key(request: &Request) -> String {
    request.headers["idempotency-key"].to_str().unwrap().to_owned()
}

fn template(request: &Request) -> String {
    serde_json::from_slice::<Value>(&request.body).unwrap()["template"].as_str().unwrap().to_owned()
}

/// Waits until the relay has delivered `count` events.
async fn until_sent(rig: &Rig, count: f64) {
    for _ in 0..1_000 {
        if rig.metric("outbox_deliveries_total{outcome=\"sent\"}").await >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{count} events were not sent");
}

#[tokio::test]
async fn a_confirmed_order_is_told_with_all_data() {
    let server = MockServer::start().await;
    answering(&server, 202, None).await;
    let rig = rig_with(&server).await;
    let order = rig.order("grinder-hand", 1).await;
    rig.pay(&order, "card").await;
    until_sent(&rig, 1.0).await;
    let requests = received(&server).await;
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(
        body,
        json!({
            "channel": "email",
            "to": "ada@example.com",
            "template": "order_confirmed",
            "data": { "order_id": order, "user_id": rig.user, "total": 8_900, "currency": "EUR" },
        })
    );
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn failures_are_repeated_with_one_key_until_success() {
    let server = MockServer::start().await;
    answering(&server, 500, Some(3)).await;
    answering(&server, 202, None).await;
    let rig = rig_with(&server).await;
    let order = rig.order("grinder-hand", 1).await;
    rig.pay(&order, "card").await;
    until_sent(&rig, 1.0).await;
    let requests = received(&server).await;
    assert_eq!(requests.len(), 4);
    let keys: BTreeSet<_> = requests.iter().map(key).collect();
    assert_eq!(keys.len(), 1, "a receiver that drops repeats sees one notification");
    assert_eq!(rig.metric("outbox_deliveries_total{outcome=\"retried\"}").await, 3.0);
}

#[tokio::test]
async fn events_of_one_order_arrive_in_order() {
    let server = MockServer::start().await;
    answering(&server, 503, Some(6)).await;
    answering(&server, 202, None).await;
    let rig = rig_with(&server).await;
    let order = rig.order("grinder-hand", 1).await;
    rig.pay(&order, "card").await;
    rig.until(&order, |order| order["status"] == "confirmed").await;
    rig.call("POST", &format!("/v1/orders/{order}/refund"), None).await;
    until_sent(&rig, 2.0).await;
    let mut templates: Vec<_> = received(&server).await.iter().map(template).collect();
    templates.dedup();
    assert_eq!(templates, ["order_confirmed", "order_refunded"]);
}

#[tokio::test]
async fn an_event_that_is_refused_for_good_does_not_block_the_rest() {
    let server = MockServer::start().await;
    answering(&server, 422, Some(1)).await;
    answering(&server, 202, None).await;
    let rig = rig_with(&server).await;
    for _ in 0..2 {
        let order = rig.order("grinder-hand", 1).await;
        rig.call("POST", &format!("/v1/orders/{order}/cancel"), None).await;
    }
    until_sent(&rig, 1.0).await;
    assert_eq!(rig.metric("outbox_deliveries_total{outcome=\"dead\"}").await, 1.0);
    assert_eq!(received(&server).await.len(), 2);
}

#[tokio::test]
async fn without_a_receiver_events_wait() {
    let rig = Rig::new().await;
    let order = rig.order("grinder-hand", 1).await;
    rig.call("POST", &format!("/v1/orders/{order}/cancel"), None).await;
    for _ in 0..500 {
        if rig.metric("outbox_pending").await == 1.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the event does not wait in the outbox");
}

#[tokio::test]
async fn the_trace_of_the_request_goes_on_in_the_receiver() {
    let settings = Settings::for_test();
    let (dispatch, _guard) = telemetry::build(&order_service::SPEC, &settings, std::io::sink).unwrap();
    let _default = tracing::dispatcher::set_default(&dispatch);
    let server = MockServer::start().await;
    answering(&server, 202, None).await;
    let rig = rig_with(&server).await;
    let order = rig.order("grinder-hand", 1).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let (path, body) = (format!("/v1/orders/{order}/payment"), json!({ "method": "card" }));
    rig.call_as(&rig.token(), "POST", &path, Some(body), &[("traceparent", &parent)]).await;
    until_sent(&rig, 1.0).await;
    let requests = received(&server).await;
    let traceparent = requests[0].headers["traceparent"].to_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent.ends_with("-01"), "{traceparent}");
    assert!(!traceparent.contains("b7ad6b7169203331"), "the parent is a span of this service");
}
