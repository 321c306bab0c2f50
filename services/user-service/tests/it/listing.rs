//! The list of accounts, the description, health.

use crate::support::{ADMIN, Platform};
use serde_json::Value;

#[tokio::test]
async fn pages_cover_every_account_once_in_order() {
    let platform = Platform::start().await;
    for index in 0..7 {
        assert_eq!(platform.register(&format!("user{index}@example.com")).await.status, 201);
    }
    let token = platform.admin().await;
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = platform.get(&format!("/v1/users?limit=3{cursor}"), &token).await;
        assert_eq!(page.status, 200);
        seen.extend(
            page.body["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match &page.body["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            other => {
                assert!(other.is_null());
                break;
            }
        }
    }
    let expected: Vec<_> =
        std::iter::once(ADMIN.0.to_owned()).chain((0..7).map(|index| format!("user{index}@example.com"))).collect();
    assert_eq!((seen, pages), (expected, 3));
}

#[tokio::test]
async fn a_full_last_page_has_no_cursor() {
    let platform = Platform::start().await;
    platform.register("ada@example.com").await;
    let page = platform.get("/v1/users?limit=2", &platform.admin().await).await;
    assert_eq!(page.body["items"].as_array().unwrap().len(), 2);
    assert!(page.body["next_cursor"].is_null());
}

#[tokio::test]
async fn wrong_pages_are_refused() {
    let platform = Platform::start().await;
    let token = platform.admin().await;
    for query in ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=x", "cursor=AAAA", "offset=3"] {
        platform.get(&format!("/v1/users?{query}"), &token).await.problem(400);
    }
}

#[tokio::test]
async fn the_description_names_every_route_and_its_security() {
    let platform = Platform::start().await;
    let api = platform.get("/openapi.json", "").await.body;
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let secured = operation.get("security").is_some();
            operations.push(format!("{method} {path}{}", if secured { " +" } else { "" }));
        }
    }
    operations.sort();
    let expected = [
        "delete /v1/sessions/current +",
        "delete /v1/users/{id} +",
        "get /.well-known/jwks.json",
        "get /v1/users +",
        "get /v1/users/me +",
        "get /v1/users/{id} +",
        "patch /v1/users/{id} +",
        "post /v1/sessions",
        "post /v1/sessions/refresh",
        "post /v1/users",
    ];
    assert_eq!(operations, expected);
}

#[tokio::test]
async fn request_series_exist_before_the_first_request() {
    let platform = Platform::start().await;
    for (method, route, status) in [
        ("POST", "/v1/users", 201),
        ("POST", "/v1/sessions", 503),
        ("GET", "/v1/users/{id}", 500),
        ("DELETE", "/v1/sessions/current", 204),
        ("GET", "/.well-known/jwks.json", 504),
    ] {
        let labels = format!(r#"service="user-service",method="{method}",route="{route}",status="{status}""#);
        assert_eq!(platform.metric(&format!("http_requests_total{{{labels}}}")).await, Some(0.0), "{labels}");
    }
}
