//! Registering, reading, changing and deleting accounts.

use crate::support::{ADMIN, PASSWORD, Platform, database};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn a_registered_user_can_log_in_and_read_their_account() {
    let platform = Platform::start().await;
    let answer = platform.register(" Ada@Example.com ").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), format!("/v1/users/{}", answer.text("id")));
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!((answer.text("email"), answer.text("name")), ("Ada@Example.com".to_owned(), "Ada".to_owned()));
    assert_eq!(answer.body["roles"], json!(["user"]));
    assert!(answer.text("created_at").ends_with('Z'));
    assert!(!answer.body.to_string().contains("argon2"), "the hash stays inside");
    let token = platform.login("ada@example.COM", PASSWORD).await.text("access_token");
    let me = platform.get("/v1/users/me", &token).await;
    assert_eq!((me.status, &me.body), (200, &answer.body));
    assert_eq!(platform.metric(r#"users_registered_total{service="user-service"}"#).await, Some(1.0));
}

#[tokio::test]
async fn wrong_registrations_name_every_wrong_field() {
    let platform = Platform::start().await;
    let wrong = json!({"email": "nobody", "password": "short", "name": " "});
    assert_eq!(platform.post("/v1/users", wrong).await.fields(), ["email", "password", "name"]);
    let long = json!({"email": "a@example.com", "password": "x".repeat(129), "name": "x"});
    assert_eq!(platform.post("/v1/users", long).await.fields(), ["password"]);
    for body in [json!({}), json!({"email": "a@example.com", "password": PASSWORD, "name": "x", "roles": ["admin"]})] {
        platform.post("/v1/users", body).await.problem(422);
    }
    platform.post("/v1/users", json!("text")).await.problem(422);
    assert_eq!(platform.metric(r#"users_registered_total{service="user-service"}"#).await, Some(0.0));
}

#[tokio::test]
async fn an_address_belongs_to_one_account_in_whatever_case() {
    let platform = Platform::start().await;
    assert_eq!(platform.register("ada@example.com").await.status, 201);
    let again = platform.register("ADA@example.com").await;
    again.problem(409);
    assert_eq!(again.body["type"], "/problems/email-taken");
    let (_, token, _) = platform.user("grace@example.com").await;
    let id = platform.get("/v1/users/me", &token).await.text("id");
    let change = Some(json!({"email": "Ada@Example.com"}));
    platform.ask(&format!("PATCH /v1/users/{id}"), &token, &[], change).await.problem(409);
}

#[tokio::test]
async fn simultaneous_registrations_of_one_address_make_one_account() {
    let platform = Platform::start().await;
    let (a, b, c) = tokio::join!(
        platform.register("ada@example.com"),
        platform.register("ada@example.com"),
        platform.register("Ada@example.com")
    );
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn changes_need_the_version_that_was_read() {
    let platform = Platform::start().await;
    let (id, token, _) = platform.user("ada@example.com").await;
    let patch = format!("PATCH /v1/users/{id}");
    let first = platform.ask(&patch, &token, &[("if-match", "\"1\"")], Some(json!({"name": "Countess"}))).await;
    assert_eq!((first.status, first.header("etag"), first.text("name")), (200, "\"2\"", "Countess".to_owned()));
    let stale = platform.ask(&patch, &token, &[("if-match", "\"1\"")], Some(json!({"name": "Stale"}))).await;
    stale.problem(412);
    for (version, good) in [(2, "*"), (3, "\"1\", \"3\""), (4, "W/\"4\"")] {
        let changed = platform.ask(&patch, &token, &[("if-match", good)], Some(json!({}))).await;
        assert_eq!((changed.status, changed.header("etag")), (200, format!("\"{}\"", version + 1).as_str()), "{good}");
    }
    let me = platform.get("/v1/users/me", &token).await;
    assert_eq!(me.text("name"), "Countess");
    let tag = me.header("etag").to_owned();
    let same = platform.ask(&format!("GET /v1/users/{id}"), &token, &[("if-none-match", &tag)], None).await;
    assert_eq!((same.status, same.header("etag")), (304, tag.as_str()));
    let delete = format!("DELETE /v1/users/{id}");
    platform.ask(&delete, &token, &[("if-match", "\"1\"")], None).await.problem(412);
    assert_eq!(platform.ask(&delete, &token, &[("if-match", &tag)], None).await.status, 204);
}

#[tokio::test]
async fn wrong_changes_are_refused() {
    let platform = Platform::start().await;
    let (id, token, _) = platform.user("ada@example.com").await;
    let patch = format!("PATCH /v1/users/{id}");
    let wrong = json!({"email": "x", "name": "", "password": "short", "roles": ["service"]});
    let fields = platform.ask(&patch, &token, &[], Some(wrong)).await.fields();
    assert_eq!(fields, ["email", "name", "password", "roles"]);
    platform.ask(&patch, &token, &[], Some(json!({"id": "x"}))).await.problem(422);
    platform.ask("PATCH /v1/users/not-a-uuid", &token, &[], Some(json!({}))).await.problem(400);
    platform.get("/v1/users/not-a-uuid", &token).await.problem(400);
    platform.ask(&patch, &token, &[], None).await.problem(415);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_all_sessions() {
    let platform = Platform::start().await;
    let (id, token, refresh) = platform.user("ada@example.com").await;
    let patch = format!("PATCH /v1/users/{id}");
    let new = "another good password";
    let without = platform.ask(&patch, &token, &[], Some(json!({"password": new}))).await;
    assert_eq!(without.fields(), ["current_password"]);
    let wrong = json!({"password": new, "current_password": "guess"});
    platform.ask(&patch, &token, &[], Some(wrong)).await.problem(403);
    let right = json!({"password": new, "current_password": PASSWORD});
    assert_eq!(platform.ask(&patch, &token, &[], Some(right)).await.status, 200);
    platform.login("ada@example.com", PASSWORD).await.problem(401);
    assert_eq!(platform.login("ada@example.com", new).await.status, 200);
    platform.post("/v1/sessions/refresh", json!({"refresh_token": refresh})).await.problem(401);
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_address_free() {
    let platform = Platform::start().await;
    let (id, token, refresh) = platform.user("ada@example.com").await;
    assert_eq!(platform.ask(&format!("DELETE /v1/users/{id}"), &token, &[], None).await.status, 204);
    platform.get("/v1/users/me", &token).await.problem(401);
    platform.get(&format!("/v1/users/{id}"), &token).await.problem(404);
    platform.ask(&format!("DELETE /v1/users/{id}"), &token, &[], None).await.problem(404);
    platform.login("ada@example.com", PASSWORD).await.problem(401);
    platform.post("/v1/sessions/refresh", json!({"refresh_token": refresh})).await.problem(401);
    let again = platform.register("ada@example.com").await;
    assert_eq!(again.status, 201);
    assert_ne!(again.text("id"), id);
}

#[tokio::test]
async fn the_administrator_of_the_configuration_exists_and_keeps_a_changed_password() {
    let database = Arc::new(database().await);
    let start = || Platform::over(Arc::clone(&database), |_| ());
    let first = start().await;
    let token = first.admin().await;
    let me = first.get("/v1/users/me", &token).await;
    assert_eq!(me.body["roles"], json!(["user", "admin"]));
    let patch = format!("PATCH /v1/users/{}", me.text("id"));
    let body = json!({"password": "changed password", "current_password": ADMIN.1});
    assert_eq!(first.ask(&patch, &token, &[], Some(body)).await.status, 200);
    let second = start().await;
    second.login(ADMIN.0, ADMIN.1).await.problem(401);
    assert_eq!(second.login(ADMIN.0, "changed password").await.status, 200);
    assert_eq!(second.get("/v1/users/me", &token).await.status, 200, "the signing key survives a restart");
    assert_eq!(first.app.issuer().kid(), second.app.issuer().kid());
}
