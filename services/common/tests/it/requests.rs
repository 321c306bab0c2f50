//! The request layer: identifiers, problems, metrics, limits.

use crate::support::{Answer, get, send, send_json, service, service_with, value};
use axum::body::Body;
use axum::http::Request;
use service_common::Service;
use std::time::Duration;

async fn scrape(service: &Service) -> String {
    let answer = get(&service.admin, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    answer.body
}

/// Checks a problem and that it belongs to its request.
#[track_caller]
fn check_problem(answer: &Answer, status: u16, kind: &str) -> serde_json::Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = answer.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], kind);
    assert_eq!(body["instance"], format!("urn:request:{}", answer.header("x-request-id")));
    body
}

#[tokio::test]
async fn a_request_keeps_its_identifier_or_gets_one() {
    let service = service();
    let request = Request::get("/v1/things/1").header("x-request-id", "abc-123").body(Body::empty()).unwrap();
    assert_eq!(send(&service.api, request).await.header("x-request-id"), "abc-123");
    for bad in ["", "has blank", &"x".repeat(65)] {
        let request = Request::get("/v1/things/1").header("x-request-id", bad).body(Body::empty()).unwrap();
        let id = send(&service.api, request).await.header("x-request-id").to_owned();
        assert_eq!(id.len(), 36, "{bad:?} is replaced, got {id}");
    }
}

#[tokio::test]
async fn bad_bodies_are_problems() {
    let service = service();
    let syntax = send_json(&service.api, "POST", "/v1/things", "{\"name\":").await;
    assert!(check_problem(&syntax, 400, "about:blank")["detail"].as_str().unwrap().contains("EOF"));
    let field = send_json(&service.api, "POST", "/v1/things", r#"{"name":"x","size":256}"#).await;
    assert!(check_problem(&field, 422, "/problems/invalid-fields")["detail"].as_str().unwrap().contains("256"));
    let untyped = Request::post("/v1/things").body(Body::from("{}")).unwrap();
    check_problem(&send(&service.api, untyped).await, 415, "about:blank");
    let path = get(&service.api, "/v1/things/minus").await;
    check_problem(&path, 400, "about:blank");
    let good = send_json(&service.api, "POST", "/v1/things", r#"{"name":"x","size":255}"#).await;
    assert_eq!(good.status, 201);
}

#[tokio::test]
async fn a_large_body_is_refused_whether_or_not_it_says_so() {
    let service = service_with(|settings| settings.max_body_bytes = 1_024);
    let body = format!(r#"{{"name":"{}","size":1}}"#, "x".repeat(2_000));
    check_problem(&send_json(&service.api, "POST", "/v1/things", body.clone()).await, 413, "about:blank");
    let request = Request::post("/v1/things")
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(Body::from(body))
        .unwrap();
    let answer = send(&service.api, request).await;
    assert_eq!(check_problem(&answer, 413, "about:blank")["detail"], "the body may have 1024 bytes");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let service = service();
    check_problem(&get(&service.api, "/nothing").await, 404, "about:blank");
    let answer = send_json(&service.api, "DELETE", "/v1/things/1", "").await;
    check_problem(&answer, 405, "about:blank");
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let metrics = scrape(&service).await;
    let series = r#"http_requests_total{service="thing-service",method="DELETE",route="/v1/things/{id}",status="405"}"#;
    assert_eq!(value(&metrics, series), Some(1.0));
}

#[tokio::test]
async fn failures_tell_the_client_nothing() {
    let service = service();
    for (path, secret) in [("/v1/panic", "swordfish"), ("/v1/broken", "hunter2")] {
        let answer = get(&service.api, path).await;
        check_problem(&answer, 500, "about:blank");
        assert!(!answer.body.contains(secret), "{}", answer.body);
    }
    let metrics = scrape(&service).await;
    let series = r#"http_requests_total{service="thing-service",method="GET",route="/v1/panic",status="500"}"#;
    assert_eq!(value(&metrics, series), Some(1.0));
    assert_eq!(value(&metrics, r#"http_requests_in_flight{service="thing-service"}"#), Some(0.0));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_a_504() {
    let service = service_with(|settings| settings.request_timeout = Duration::from_millis(100));
    let answer = get(&service.api, "/v1/slow").await;
    assert_eq!(check_problem(&answer, 504, "about:blank")["detail"], "no answer within 100 ms");
    let series = r#"http_requests_total{service="thing-service",method="GET",route="/v1/slow",status="504"}"#;
    assert_eq!(value(&scrape(&service).await, series), Some(1.0));
}

#[tokio::test]
async fn too_many_requests_at_once_are_shed_and_counted() {
    let service = service_with(|settings| settings.max_in_flight = 2);
    let paths = ["/v1/slow"; 5].map(|path| get(&service.api, path));
    let answers = futures::future::join_all(paths).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 503, 503, 503], "one limit for all routes together");
    check_problem(&answers[4], 503, "about:blank");
    assert_eq!(answers[4].header("retry-after"), "1");
    let metrics = scrape(&service).await;
    let series = |status: u16| {
        format!(r#"http_requests_total{{service="thing-service",method="GET",route="/v1/slow",status="{status}"}}"#)
    };
    assert_eq!((value(&metrics, &series(200)), value(&metrics, &series(503))), (Some(2.0), Some(3.0)));
    assert_eq!(get(&service.api, "/v1/slow").await.status, 200, "the permits came back");
}

#[tokio::test]
async fn a_client_that_goes_away_is_counted_once() {
    let service = service();
    let request = get(&service.api, "/v1/slow");
    assert!(tokio::time::timeout(Duration::from_millis(20), request).await.is_err());
    let metrics = scrape(&service).await;
    let series = r#"http_requests_total{service="thing-service",method="GET",route="/v1/slow",status="499"}"#;
    assert_eq!(value(&metrics, series), Some(1.0));
    assert_eq!(value(&metrics, r#"http_requests_in_flight{service="thing-service"}"#), Some(0.0));
}

#[tokio::test]
async fn every_series_exists_at_zero_from_the_start() {
    let metrics = scrape(&service()).await;
    for (method, route, own) in
        [("GET", "/v1/things/{id}", 200), ("POST", "/v1/things", 201), ("GET", "/openapi.json", 200)]
    {
        for status in [200, 500, 503, 504, own] {
            let labels = format!(r#"service="thing-service",method="{method}",route="{route}""#);
            let series = format!(r#"http_requests_total{{{labels},status="{status}"}}"#);
            assert_eq!(value(&metrics, &series), Some(0.0), "{series}");
            let buckets = metrics.lines().filter(|line| line.starts_with("http_request_duration_seconds_bucket{"));
            let own = [format!(r#"method="{method}""#), format!(r#"route="{route}""#), r#"le="0.2""#.to_owned()];
            let own: Vec<_> = buckets.filter(|line| own.iter().all(|label| line.contains(label))).collect();
            assert_eq!(own.len(), 1, "{method} {route}: {own:?}");
            assert!(own[0].ends_with("} 0"), "{own:?}");
        }
    }
    assert_eq!(value(&metrics, r#"service_info{service="thing-service",version="1.2.3"}"#), Some(1.0));
    for name in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "tokio_workers",
        "tokio_alive_tasks",
        "tokio_global_queue_depth",
    ] {
        assert!(value(&metrics, &format!(r#"{name}{{service="thing-service"}}"#)).is_some(), "{name} is missing");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn no_url_and_no_method_can_add_a_series() {
    let service = service();
    let series = |metrics: &str| metrics.lines().filter(|line| line.starts_with("http_")).count();
    // The first of each kind may create its one series; every later one must not.
    for path in ["/v1/things/0", "/none"] {
        get(&service.api, path).await;
    }
    send_json(&service.api, "BREW", "/none", "").await;
    let before = series(&scrape(&service).await);
    for index in 0..1_000_u32 {
        let path = match index % 4 {
            0 => format!("/v1/things/{}", rand::random::<u32>()),
            1 => format!("/{:x}", rand::random::<u64>()),
            2 => format!("/none?q={index}"),
            _ => format!("/v1/{:x}/{index}", rand::random::<u64>()),
        };
        get(&service.api, &path).await;
        send_json(&service.api, &format!("M{index}"), "/none", "").await;
    }
    let after = scrape(&service).await;
    assert_eq!(series(&after), before);
    let unmatched = r#"http_requests_total{service="thing-service",method="GET",route="unmatched",status="404"}"#;
    assert_eq!(value(&after, unmatched), Some(751.0));
}

#[tokio::test]
async fn the_api_describes_itself() {
    let answer = get(&service().api, "/openapi.json").await;
    let api = answer.json();
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(api["info"]["title"], "thing-service");
    assert_eq!(api["info"]["version"], "1.2.3");
    assert!(api["paths"]["/v1/things/{id}"]["get"].is_object());
    assert_eq!(api["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    assert!(api["components"]["schemas"]["ProblemBody"].is_object());
}

#[tokio::test]
async fn the_admin_port_is_not_on_the_api() {
    let service = service();
    for path in ["/metrics", "/livez", "/readyz", "/startupz", "/faults"] {
        assert_eq!(get(&service.api, path).await.status, 404, "{path}");
    }
}
