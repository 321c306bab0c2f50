//! What users want.

use crate::rig::{Rig, SERVICE_TOKEN};
use serde_json::json;
use service_common::Role;
use uuid::Uuid;

#[tokio::test]
async fn everything_is_wanted_until_said_otherwise() {
    let rig = Rig::new().await;
    let token = rig.token();
    let all = json!({ "email": true, "sms": true, "push": true });
    assert_eq!(rig.call_as(&token, "GET", "/v1/preferences", None, &[]).await.json(), all);
    let wanted = json!({ "email": true, "sms": false, "push": false });
    let answer = rig.call_as(&token, "PUT", "/v1/preferences", Some(wanted.clone()), &[]).await;
    assert_eq!(answer.json(), wanted);
    assert_eq!(rig.call_as(&token, "GET", "/v1/preferences", None, &[]).await.json(), wanted);
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    assert_eq!(rig.call_as(&stranger, "GET", "/v1/preferences", None, &[]).await.json(), all);
    let partly = rig.call_as(&token, "PUT", "/v1/preferences", Some(json!({ "push": false })), &[]).await;
    assert_eq!(partly.json(), json!({ "email": true, "sms": true, "push": false }));
}

#[tokio::test]
async fn wrong_preferences_are_refused() {
    let rig = Rig::new().await;
    let token = rig.token();
    for body in [json!({ "fax": true }), json!({ "email": "yes" }), json!([]), json!([false, false, false])] {
        let answer = rig.call_as(&token, "PUT", "/v1/preferences", Some(body), &[]).await;
        answer.problem(422, "/problems/invalid-fields");
    }
    for method in ["GET", "PUT"] {
        let body = (method == "PUT").then(|| json!({}));
        rig.call_as("", method, "/v1/preferences", body.clone(), &[]).await.problem(401, "about:blank");
        rig.call_as(SERVICE_TOKEN, method, "/v1/preferences", body, &[]).await.problem(403, "about:blank");
    }
}

#[tokio::test]
async fn an_unwanted_channel_is_suppressed_and_the_others_are_not() {
    let rig = Rig::new().await;
    let body = Some(json!({ "email": false }));
    rig.call_as(&rig.token(), "PUT", "/v1/preferences", body, &[]).await;
    let suppressed = rig.call("POST", "/v1/notifications", Some(rig.confirmation("o-1"))).await.json();
    assert_eq!(suppressed["status"], "suppressed");
    let sms = json!({
        "channel": "sms", "to": "+4930123456", "template": "order_cancelled",
        "data": { "order_id": "o-1", "user_id": rig.user }
    });
    let sms = rig.call("POST", "/v1/notifications", Some(sms)).await.json();
    rig.until(sms["id"].as_str().unwrap(), "delivered").await;
    let kept = rig.until(suppressed["id"].as_str().unwrap(), "suppressed").await;
    assert_eq!(kept["attempts"], 0);
    assert_eq!(rig.sender.deliveries(), 1);
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"suppressed\"}").await, 1.0);
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"accepted\"}").await, 0.0);
}
