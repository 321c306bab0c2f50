//! Error responses as clients see them.

use crate::support::Answer;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse as _;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::json;
use service_common::problem::FieldError;
use service_common::{Problem, Query};

async fn answer(problem: Problem) -> Answer {
    let (parts, body) = problem.into_response().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

#[tokio::test]
async fn a_plain_problem_has_only_what_is_known() {
    let answer = answer(Problem::new(StatusCode::IM_A_TEAPOT)).await;
    assert_eq!(answer.status, 418);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json(), json!({"type": "about:blank", "title": "I'm a teapot", "status": 418}));
}

#[tokio::test]
async fn every_short_form_has_its_status() {
    let cases = [
        (Problem::bad_request("d"), 400),
        (Problem::unauthorized("d"), 401),
        (Problem::forbidden("d"), 403),
        (Problem::not_found("d"), 404),
        (Problem::conflict("d"), 409),
        (Problem::unavailable("d", 3), 503),
    ];
    for (problem, status) in cases {
        assert_eq!(problem.status().as_u16(), status);
        let answer = answer(problem).await;
        assert_eq!((answer.status, answer.json()["detail"].clone()), (status, "d".into()));
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
        assert_eq!(answer.header("retry-after"), if status == 503 { "3" } else { "" });
    }
}

#[tokio::test]
async fn refused_fields_are_listed() {
    let field = |field: &str| FieldError { field: field.to_owned(), message: "is wrong".to_owned() };
    let answer = answer(Problem::invalid(vec![field("a"), field("b[0].c")])).await;
    let expected = json!({
        "type": "/problems/invalid-fields", "title": "Invalid fields", "status": 422,
        "errors": [{"field": "a", "message": "is wrong"}, {"field": "b[0].c", "message": "is wrong"}]
    });
    assert_eq!((answer.status, answer.json()), (422, expected));
    assert_eq!(Problem::invalid_field("a", "is wrong").body().errors, [field("a")]);
}

#[derive(Debug, thiserror::Error)]
#[error("outer")]
struct Outer(#[source] std::num::ParseIntError);

#[tokio::test]
async fn a_cause_with_its_sources_is_for_the_log_only() {
    let problem = Problem::internal(Outer("x".parse::<u8>().unwrap_err()));
    assert_eq!(problem.cause_text().unwrap(), "outer: invalid digit found in string");
    assert_eq!(problem.to_string(), "500 Internal Server Error");
    assert!(!answer(problem).await.body.contains("digit"));
    assert_eq!(Problem::not_found("no such order").to_string(), "404 Not Found: no such order");
    assert_eq!(Problem::not_found("no such order").cause_text(), None);
}

#[tokio::test]
async fn a_database_without_free_connections_asks_to_come_again() {
    for error in [sqlx::Error::PoolTimedOut, sqlx::Error::PoolClosed] {
        let answer = answer(Problem::from(error)).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: u8,
}

#[tokio::test]
async fn wrong_queries_are_400_and_say_what_is_wrong() {
    use axum::extract::FromRequestParts as _;
    let parse = async |query: &str| {
        let request = Request::get(format!("/?{query}")).body(Body::empty()).unwrap();
        Query::<Page>::from_request_parts(&mut request.into_parts().0, &()).await
    };
    assert_eq!(parse("limit=7").await.unwrap().0.limit, 7);
    for (query, expected) in [("limit=300", "number too large"), ("limit=x", "invalid digit"), ("", "missing field")] {
        let problem = parse(query).await.unwrap_err();
        assert_eq!(problem.status(), 400);
        assert!(problem.body().detail.as_deref().unwrap().contains(expected), "{query}: {problem}");
    }
}
