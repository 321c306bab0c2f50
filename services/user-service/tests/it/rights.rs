//! Who may do what.

use crate::support::Platform;
use serde_json::json;
use service_common::Role;
use service_common::auth::{Claims, Issuer};
use uuid::Uuid;

const SERVICE: &str = "test-service-token";

/// Every route that needs credentials, with a body where it needs one.
fn protected(id: &str) -> Vec<(String, Option<serde_json::Value>)> {
    vec![
        ("GET /v1/users/me".to_owned(), None),
        (format!("GET /v1/users/{id}"), None),
        (format!("PATCH /v1/users/{id}"), Some(json!({"name": "Mallory"}))),
        (format!("DELETE /v1/users/{id}"), None),
        ("GET /v1/users".to_owned(), None),
        ("DELETE /v1/sessions/current".to_owned(), None),
    ]
}

#[tokio::test]
async fn without_good_credentials_every_protected_route_answers_401() {
    let platform = Platform::start().await;
    let (id, good, refresh) = platform.user("ada@example.com").await;
    let subject: Uuid = id.parse().unwrap();
    let roles = [Role::User, Role::Admin];
    let past =
        platform.app.issuer().sign(&Claims::new(subject, "ada@example.com", &roles, 1_000_000_000, 900)).unwrap();
    let stranger = Issuer::generate().unwrap();
    let now = 4_000_000_000;
    let foreign = stranger.sign(&Claims::new(subject, "ada@example.com", &roles, now, 900)).unwrap();
    let mut elsewhere = Claims::new(subject, "ada@example.com", &roles, now, 900);
    "other-platform".clone_into(&mut elsewhere.aud);
    let elsewhere = platform.app.issuer().sign(&elsewhere).unwrap();
    let mut pretended = Claims::new(subject, "ada@example.com", &roles, now, 900);
    "order-service".clone_into(&mut pretended.iss);
    let pretended = platform.app.issuer().sign(&pretended).unwrap();
    let cut = good[..good.len() - 4].to_owned();
    for token in ["", "garbage", &past, &foreign, &elsewhere, &pretended, &cut, &refresh] {
        for (line, body) in protected(&id) {
            platform.ask(&line, token, &[], body).await.problem(401);
        }
    }
    assert_eq!(platform.get("/v1/users/me", &good).await.text("name"), "Ada", "nothing was changed");
}

#[tokio::test]
async fn a_user_has_no_rights_over_others_and_learns_nothing_about_them() {
    let platform = Platform::start().await;
    let (ada, _, _) = platform.user("ada@example.com").await;
    let (_, mallory, _) = platform.user("mallory@example.com").await;
    let nobody = Uuid::now_v7().to_string();
    for id in [ada, nobody] {
        let read = platform.get(&format!("/v1/users/{id}"), &mallory).await;
        assert_eq!(read.problem(403), "this is not your account", "the same whether or not there is one");
        let change = Some(json!({"name": "Mallory"}));
        platform.ask(&format!("PATCH /v1/users/{id}"), &mallory, &[], change).await.problem(403);
        platform.ask(&format!("DELETE /v1/users/{id}"), &mallory, &[], None).await.problem(403);
    }
    platform.get("/v1/users", &mallory).await.problem(403);
}

#[tokio::test]
async fn nobody_makes_themselves_an_administrator() {
    let platform = Platform::start().await;
    let (id, token, _) = platform.user("mallory@example.com").await;
    let patch = format!("PATCH /v1/users/{id}");
    for roles in [json!(["user", "admin"]), json!(["user"])] {
        platform.ask(&patch, &token, &[], Some(json!({"roles": roles}))).await.problem(403);
    }
    assert_eq!(platform.get("/v1/users/me", &token).await.body["roles"], json!(["user"]));
}

#[tokio::test]
async fn an_administrator_reads_changes_promotes_and_deletes() {
    let platform = Platform::start().await;
    let admin = platform.admin().await;
    let (id, _, _) = platform.user("ada@example.com").await;
    let path = format!("/v1/users/{id}");
    assert_eq!(platform.get(&path, &admin).await.text("email"), "ada@example.com");
    let change = json!({"email": "countess@example.com", "password": "given by the admin", "roles": ["user", "admin"]});
    let changed = platform.ask(&format!("PATCH {path}"), &admin, &[], Some(change)).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body["roles"], json!(["user", "admin"]));
    let promoted = platform.login("countess@example.com", "given by the admin").await.text("access_token");
    assert_eq!(platform.get("/v1/users", &promoted).await.status, 200);
    let demote = Some(json!({"roles": ["user"]}));
    platform.ask(&format!("PATCH {path}"), &promoted, &[], demote.clone()).await.problem(409);
    assert_eq!(platform.ask(&format!("PATCH {path}"), &admin, &[], demote).await.body["roles"], json!(["user"]));
    assert_eq!(platform.ask(&format!("DELETE {path}"), &admin, &[], None).await.status, 204);
    platform.get(&path, &admin).await.problem(404);
}

#[tokio::test]
async fn a_service_reads_accounts_and_changes_none() {
    let platform = Platform::start().await;
    let (id, _, _) = platform.user("ada@example.com").await;
    assert_eq!(platform.get(&format!("/v1/users/{id}"), SERVICE).await.text("email"), "ada@example.com");
    platform.get("/v1/users/me", SERVICE).await.problem(403);
    platform.get("/v1/users", SERVICE).await.problem(403);
    let change = Some(json!({"name": "x"}));
    platform.ask(&format!("PATCH /v1/users/{id}"), SERVICE, &[], change).await.problem(403);
    platform.ask(&format!("DELETE /v1/users/{id}"), SERVICE, &[], None).await.problem(403);
    platform.get(&format!("/v1/users/{}", Uuid::now_v7()), SERVICE).await.problem(404);
}
