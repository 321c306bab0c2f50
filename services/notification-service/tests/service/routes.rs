//! Every route, good and bad.

use crate::rig::{ADA, Rig, SERVICE_TOKEN, Scripted};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use service_common::Role;
use uuid::Uuid;

#[tokio::test]
async fn a_notification_is_accepted_delivered_and_read_by_its_owner() {
    let rig = Rig::new().await;
    let answer = rig.call("POST", "/v1/notifications", Some(rig.confirmation("o-1"))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json()["status"], "accepted");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let path = answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(path, format!("/v1/notifications/{id}"));
    let delivered = rig.until(&id, "delivered").await;
    assert_eq!(delivered["subject"], "Your order o-1 is confirmed");
    assert!(delivered["body"].as_str().unwrap().contains("Total: 18.90 EUR"), "{delivered}");
    assert_eq!((&delivered["attempts"], &delivered["order_id"]), (&json!(1), &json!("o-1")));
    assert!(delivered["delivered_at"].is_string());

    assert_eq!(rig.call_as(&rig.token(), "GET", &path, None, &[]).await.json(), delivered);
    assert_eq!(rig.call_as(&rig.admin(), "GET", &path, None, &[]).await.status, StatusCode::OK);
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    rig.call_as(&stranger, "GET", &path, None, &[]).await.problem(404, "about:blank");
    rig.call_as("", "GET", &path, None, &[]).await.problem(401, "about:blank");
    rig.call("GET", "/v1/notifications/42", None).await.problem(400, "about:blank");
    let unknown = format!("/v1/notifications/{}", Uuid::now_v7());
    rig.call("GET", &unknown, None).await.problem(404, "about:blank");
}

#[tokio::test]
async fn wrong_fields_are_named_with_what_is_allowed() {
    let rig = Rig::new().await;
    for (body, field, hint) in [
        (json!({ "channel": "fax", "to": ADA, "template": "welcome", "data": { "name": "Ada" } }), "channel", "push"),
        (json!({ "channel": "email", "to": ADA, "template": "spam" }), "template", "order_refunded"),
        (json!({ "channel": "email", "to": "ada", "template": "welcome", "data": { "name": "A" } }), "to", "address"),
        (json!({ "channel": "sms", "to": ADA, "template": "welcome", "data": { "name": "A" } }), "to", "+49"),
        (json!({ "channel": "email", "to": ADA, "template": "welcome" }), "data.name", "missing"),
        (
            json!({ "channel": "push", "to": "t", "template": "welcome", "data": { "name": "A", "user_id": 1 } }),
            "data.user_id",
            "UUID",
        ),
    ] {
        let problem = rig.call("POST", "/v1/notifications", Some(body)).await.problem(422, "/problems/invalid-fields");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(problem["errors"][0]["message"].as_str().unwrap().contains(hint), "{problem}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
    }
    let typo = json!({ "chanel": "email" });
    rig.call("POST", "/v1/notifications", Some(typo)).await.problem(422, "/problems/invalid-fields");
    assert_eq!(rig.metric("notifications_total{channel=\"email\",status=\"accepted\"}").await, 0.0);
}

#[tokio::test]
async fn users_may_only_write_to_their_own_address() {
    let rig = Rig::new().await;
    let token = rig.token();
    let to = |to: &str, channel: &str, data: Value| {
        let body = json!({ "channel": channel, "to": to, "template": "welcome", "data": data });
        let token = token.clone();
        let rig = &rig;
        async move { rig.call_as(&token, "POST", "/v1/notifications", Some(body), &[]).await }
    };
    let own = to(ADA, "email", json!({ "name": "Ada" })).await;
    assert_eq!(own.status, StatusCode::ACCEPTED);
    let delivered = rig.until(own.json()["id"].as_str().unwrap(), "delivered").await;
    assert_eq!(delivered["user_id"], rig.user.to_string());
    to("bob@example.com", "email", json!({ "name": "Ada" })).await.problem(403, "about:blank");
    to("+4930123456", "sms", json!({ "name": "Ada" })).await.problem(403, "about:blank");
    to(ADA, "email", json!({ "name": "Ada", "user_id": Uuid::now_v7() })).await.problem(403, "about:blank");
    rig.call_as("", "POST", "/v1/notifications", Some(rig.confirmation("o")), &[]).await.problem(401, "about:blank");
}

#[tokio::test]
async fn lists_are_filtered_by_order_and_owner_and_come_in_parts() {
    let rig = Rig::new().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(rig.notify("o-1").await);
    }
    rig.notify("o-2").await;
    ids.reverse();
    let list = |token: String, query: &str| {
        let path = format!("/v1/notifications{query}");
        let rig = &rig;
        async move { rig.call_as(&token, "GET", &path, None, &[]).await }
    };
    let ids_of = |answer: &Value| -> Vec<String> {
        answer["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    for token in [rig.token(), rig.admin(), SERVICE_TOKEN.to_owned()] {
        let answer = list(token, "?order_id=o-1").await.json();
        assert_eq!((ids_of(&answer), &answer["next_cursor"]), (ids.clone(), &Value::Null));
    }
    assert_eq!(ids_of(&list(rig.token(), "").await.json()).len(), 4);
    assert_eq!(ids_of(&list(rig.admin(), "").await.json()).len(), 4);
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    assert_eq!(list(stranger, "?order_id=o-1").await.json(), json!({ "items": [], "next_cursor": null }));

    let first = list(rig.token(), "?order_id=o-1&limit=2").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = list(rig.token(), &format!("?order_id=o-1&limit=2&cursor={cursor}")).await.json();
    assert_eq!([ids_of(&first), ids_of(&rest)].concat(), ids);
    list(rig.token(), "?limit=0").await.problem(422, "/problems/invalid-fields");
    list(rig.token(), "?cursor=x").await.problem(400, "about:blank");
    list(String::new(), "").await.problem(401, "about:blank");
}

#[tokio::test]
async fn dead_letters_are_tried_again_by_administrators() {
    let rig = Rig::sending_with(Scripted::failing(3)).await;
    let id = rig.notify("o-1").await;
    rig.until(&id, "failed").await;
    let path = format!("/v1/notifications/{id}/retry");
    rig.call("POST", &path, None).await.problem(403, "about:blank");
    rig.call_as(&rig.token(), "POST", &path, None, &[]).await.problem(403, "about:blank");
    let answer = rig.call_as(&rig.admin(), "POST", &path, None, &[]).await;
    assert_eq!((answer.status, answer.json()["status"].clone()), (StatusCode::ACCEPTED, json!("accepted")));
    rig.until(&id, "delivered").await;
    rig.call_as(&rig.admin(), "POST", &path, None, &[]).await.problem(409, "/problems/not-failed");
    let unknown = format!("/v1/notifications/{}/retry", Uuid::now_v7());
    rig.call_as(&rig.admin(), "POST", &unknown, None, &[]).await.problem(404, "about:blank");
}

#[tokio::test]
async fn the_description_names_every_operation() {
    let rig = Rig::new().await;
    let api = rig.call_as("", "GET", "/openapi.json", None, &[]).await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, method) in [
        ("/v1/notifications", "get"),
        ("/v1/notifications", "post"),
        ("/v1/notifications/{id}", "get"),
        ("/v1/notifications/{id}/retry", "post"),
        ("/v1/preferences", "get"),
        ("/v1/preferences", "put"),
    ] {
        assert!(api["paths"][path][method].is_object(), "{method} {path} is missing");
    }
    let channels = &api["components"]["schemas"]["Channel"]["enum"];
    assert_eq!(channels, &json!(["email", "sms", "push"]));
    let series = "http_requests_total{method=\"POST\",route=\"/v1/notifications\",status=\"202\"}";
    assert_eq!(rig.metric(series).await, 0.0);
}

#[tokio::test]
async fn the_description_is_unambiguous_about_names_and_problems() {
    let rig = Rig::new().await;
    let api = rig.call_as("", "GET", "/openapi.json", None, &[]).await.json();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
            assert_eq!(operation["requestBody"].is_object(), statuses.iter().any(|status| *status == "415"), "{path}");
            for status in statuses.into_iter().filter(|status| status.starts_with(['4', '5'])) {
                let content = &operation["responses"][status]["content"];
                assert!(content["application/problem+json"].is_object(), "{method} {path} {status}: {content}");
            }
        }
    }
}
