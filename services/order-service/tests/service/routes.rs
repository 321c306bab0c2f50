//! Every route, good and bad.

use crate::rig::{Rig, SERVICE_TOKEN};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use service_common::Role;
use uuid::Uuid;

fn one(sku: &str, quantity: i64) -> Value {
    json!({ "items": [{ "sku": sku, "quantity": quantity }] })
}

#[tokio::test]
async fn products_are_public_and_seeded() {
    let rig = Rig::new().await;
    let answer = rig.call_as("", "GET", "/v1/products", None, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let items = answer.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 10);
    assert!(items.iter().all(|product| product["price"].as_i64().unwrap() > 0 && product["sku"].is_string()));
}

#[tokio::test]
async fn an_order_is_created_and_read_by_its_owner_only() {
    let rig = Rig::new().await;
    let answer = rig.call("POST", "/v1/orders", Some(one("grinder-hand", 2))).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let order = answer.json();
    assert_eq!((&order["status"], &order["total"]), (&json!("reserved"), &json!(17_800)));
    assert_eq!(order["user_id"], rig.user.to_string());
    assert!(order.get("email").is_none(), "an address must not be shown: {order}");
    assert!(chrono::DateTime::parse_from_rfc3339(order["created_at"].as_str().unwrap()).is_ok());
    let path = answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(path, format!("/v1/orders/{}", order["id"].as_str().unwrap()));

    assert_eq!(rig.call("GET", &path, None).await.json(), order);
    assert_eq!(rig.call_as(&rig.admin(), "GET", &path, None, &[]).await.status, StatusCode::OK);
    assert_eq!(rig.call_as(SERVICE_TOKEN, "GET", &path, None, &[]).await.status, StatusCode::OK);
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    rig.call_as(&stranger, "GET", &path, None, &[]).await.problem(404, "about:blank");
    rig.call_as("", "GET", &path, None, &[]).await.problem(401, "about:blank");
    assert_eq!(rig.stock("grinder-hand").await, (1_000_000, 2));
}

#[tokio::test]
async fn wrong_orders_name_the_field() {
    let rig = Rig::new().await;
    for (body, field) in [
        (json!({ "items": [] }), "items"),
        (one("unicorn", 1), "items[0].sku"),
        (one("mug-travel", 0), "items[0].quantity"),
        (one("mug-travel", 1_001), "items[0].quantity"),
    ] {
        let problem = rig.call("POST", "/v1/orders", Some(body)).await.problem(422, "/problems/invalid-fields");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let typo = json!({ "item": [] });
    rig.call("POST", "/v1/orders", Some(typo)).await.problem(422, "/problems/invalid-fields");
    rig.call_as("", "POST", "/v1/orders", Some(one("mug-travel", 1)), &[]).await.problem(401, "about:blank");
    rig.call_as(SERVICE_TOKEN, "POST", "/v1/orders", Some(one("mug-travel", 1)), &[]).await.problem(403, "about:blank");
    assert_eq!(rig.stock("mug-travel").await, (1_000_000, 0));
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let rig = Rig::new().await;
    for (content_type, body, status) in
        [("application/json", "{", 400), ("text/plain", "{}", 415), ("application/json", "{\"items\":3}", 422)]
    {
        let request = Request::post("/v1/orders")
            .header(header::AUTHORIZATION, format!("Bearer {}", rig.token()))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap();
        assert_eq!(rig.send(request).await.status.as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn a_key_replays_the_first_response() {
    let rig = Rig::new().await;
    let key = [("idempotency-key", "k-1")];
    let token = rig.token();
    let first = rig.call_as(&token, "POST", "/v1/orders", Some(one("teapot-glass", 1)), &key).await;
    let again = rig.call_as(&token, "POST", "/v1/orders", Some(one("teapot-glass", 1)), &key).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!(first.headers.get("idempotency-replayed"), None);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(rig.stock("teapot-glass").await, (1_000_000, 1));

    let other = rig.call_as(&token, "POST", "/v1/orders", Some(one("teapot-glass", 2)), &key).await;
    other.problem(422, "/problems/idempotency-key-reused");
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    let theirs = rig.call_as(&stranger, "POST", "/v1/orders", Some(one("teapot-glass", 1)), &key).await;
    assert_eq!(theirs.status, StatusCode::CREATED);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
    let empty = rig.call_as(&token, "POST", "/v1/orders", Some(one("teapot-glass", 1)), &[("idempotency-key", "")]);
    empty.await.problem(400, "about:blank");
    assert_eq!(rig.metric("orders_total{status=\"reserved\"}").await, 2.0);
}

#[tokio::test]
async fn lists_hold_own_orders_in_parts() {
    let rig = Rig::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(rig.order("tea-green-250g", 1).await);
    }
    ids.reverse();
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    let theirs = rig.call_as(&stranger, "GET", "/v1/orders", None, &[]).await.json();
    assert_eq!(theirs, json!({ "items": [], "next_cursor": null }));

    let (mut seen, mut path, mut parts) = (Vec::new(), "/v1/orders?limit=2".to_owned(), 0);
    loop {
        let list = rig.call("GET", &path, None).await.json();
        parts += 1;
        seen.extend(list["items"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = list["next_cursor"].as_str() else { break };
        path = format!("/v1/orders?limit=2&cursor={cursor}");
    }
    assert_eq!((seen, parts), (ids, 3));
    for bad in ["limit=0", "limit=101"] {
        rig.call("GET", &format!("/v1/orders?{bad}"), None).await.problem(422, "/problems/invalid-fields");
    }
    for bad in ["limit=x", "cursor=x", "page=2"] {
        rig.call("GET", &format!("/v1/orders?{bad}"), None).await.problem(400, "about:blank");
    }
}

#[tokio::test]
async fn cancelling_releases_stock_once() {
    let rig = Rig::new().await;
    let order = rig.order("kettle-gooseneck", 3).await;
    assert_eq!(rig.stock("kettle-gooseneck").await, (1_000_000, 3));
    let path = format!("/v1/orders/{order}/cancel");
    let stranger = rig.token_of(Uuid::now_v7(), &[Role::User]);
    rig.call_as(&stranger, "POST", &path, None, &[]).await.problem(404, "about:blank");
    rig.call_as(SERVICE_TOKEN, "POST", &path, None, &[]).await.problem(403, "about:blank");
    assert_eq!(rig.call("POST", &path, None).await.json()["status"], "cancelled");
    assert_eq!(rig.stock("kettle-gooseneck").await, (1_000_000, 0));
    let problem = rig.call("POST", &path, None).await.problem(409, "/problems/illegal-transition");
    assert_eq!(problem["detail"], "cannot cancel an order that is cancelled");
    rig.pay(&order, "card").await.problem(409, "/problems/illegal-transition");
    rig.call("POST", &format!("/v1/orders/{order}/refund"), None).await.problem(409, "/problems/illegal-transition");
    assert_eq!(rig.stock("kettle-gooseneck").await, (1_000_000, 0));
}

#[tokio::test]
async fn unknown_and_malformed_ids_are_told_apart() {
    let rig = Rig::new().await;
    for (method, tail) in [("GET", ""), ("POST", "/cancel"), ("POST", "/refund")] {
        let unknown = format!("/v1/orders/{}{tail}", Uuid::now_v7());
        rig.call(method, &unknown, None).await.problem(404, "about:blank");
        rig.call(method, &format!("/v1/orders/42{tail}"), None).await.problem(400, "about:blank");
    }
}

#[tokio::test]
async fn stock_is_set_by_administrators_and_never_below_reserved() {
    let rig = Rig::new().await;
    rig.order("milk-frother", 4).await;
    assert_eq!(
        rig.set_stock("milk-frother", 10).await.json(),
        json!({
            "sku": "milk-frother", "on_hand": 10, "reserved": 4, "available": 6
        })
    );
    let problem = rig.set_stock("milk-frother", 3).await.problem(409, "/problems/below-reserved");
    assert!(problem["detail"].as_str().unwrap().contains("4 units"), "{problem}");
    rig.set_stock("milk-frother", -1).await.problem(422, "/problems/invalid-fields");
    rig.set_stock("unicorn", 3).await.problem(404, "about:blank");
    rig.call("GET", "/v1/inventory/unicorn", None).await.problem(404, "about:blank");
    let body = Some(json!({ "on_hand": 1 }));
    rig.call("PUT", "/v1/inventory/milk-frother", body.clone()).await.problem(403, "about:blank");
    rig.call_as("", "PUT", "/v1/inventory/milk-frother", body, &[]).await.problem(401, "about:blank");
    assert_eq!(rig.stock("milk-frother").await, (10, 4));
    // A round of upkeep that had read the stock before may write the gauge after; the next one sets it right.
    let gauge = async || (rig.metric("inventory_on_hand{sku=\"milk-frother\"}").await == 10.0).then_some(());
    service_testing::until("the gauge shows the stock", gauge).await;
}

#[tokio::test]
async fn too_few_units_are_a_conflict_that_takes_nothing() {
    let rig = Rig::new().await;
    rig.set_stock("scale-digital", 2).await;
    let both = json!({ "items": [{ "sku": "mug-travel", "quantity": 1 }, { "sku": "scale-digital", "quantity": 3 }] });
    let problem = rig.call("POST", "/v1/orders", Some(both)).await.problem(409, "/problems/out-of-stock");
    assert!(problem["detail"].as_str().unwrap().contains("scale-digital"), "{problem}");
    assert_eq!(rig.stock("mug-travel").await, (1_000_000, 0));
    assert_eq!(rig.metric("orders_total{status=\"rejected\"}").await, 1.0);
    assert_eq!(rig.metric("orders_total{status=\"reserved\"}").await, 0.0);
}

#[tokio::test]
async fn the_description_names_every_operation() {
    let rig = Rig::new().await;
    let api = rig.call_as("", "GET", "/openapi.json", None, &[]).await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, method) in [
        ("/v1/products", "get"),
        ("/v1/orders", "get"),
        ("/v1/orders", "post"),
        ("/v1/orders/{id}", "get"),
        ("/v1/orders/{id}/payment", "post"),
        ("/v1/orders/{id}/cancel", "post"),
        ("/v1/orders/{id}/refund", "post"),
        ("/v1/inventory/{sku}", "get"),
        ("/v1/inventory/{sku}", "put"),
    ] {
        assert!(api["paths"][path][method].is_object(), "{method} {path} is missing");
    }
    for name in ["Order", "ProblemBody", "Inventory", "OrderRequest"] {
        assert!(api["components"]["schemas"][name].is_object(), "{name} is missing");
    }
    assert_eq!(rig.metric("http_requests_total{method=\"POST\",route=\"/v1/orders\",status=\"503\"}").await, 0.0);
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
