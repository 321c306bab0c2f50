//! Login, refresh, logout, lockout, keys.

use crate::support::{PASSWORD, Platform};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::time::Duration;

async fn refresh(platform: &Platform, token: &str) -> crate::support::Answer {
    platform.post("/v1/sessions/refresh", json!({"refresh_token": token})).await
}

#[tokio::test]
async fn a_token_can_be_verified_with_the_published_key_alone() {
    let platform = Platform::start().await;
    let id = platform.register("ada@example.com").await.text("id");
    let login = platform.login("ada@example.com", PASSWORD).await;
    assert_eq!(login.status, 200);
    assert_eq!(login.header("cache-control"), "no-store");
    assert_eq!((&login.body["token_type"], &login.body["expires_in"]), (&json!("Bearer"), &json!(900)));
    let keys = platform.get("/.well-known/jwks.json", "").await;
    let key = &keys.body["keys"][0];
    assert_eq!(keys.body["keys"].as_array().unwrap().len(), 1);
    let token = login.text("access_token");
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::EdDSA, key["kid"].as_str()));
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["sre-platform"]);
    validation.set_issuer(&["user-service"]);
    let public = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &public, &validation).unwrap().claims;
    assert_eq!((&claims["sub"], &claims["email"]), (&json!(id), &json!("ada@example.com")));
    assert_eq!(claims["roles"], json!(["user"]));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
}

#[tokio::test]
async fn wrong_credentials_tell_nothing_about_accounts() {
    let platform = Platform::start().await;
    platform.register("ada@example.com").await;
    let wrong = platform.login("ada@example.com", "wrong password").await;
    let unknown = platform.login("nobody@example.com", PASSWORD).await;
    assert_eq!(wrong.problem(401), unknown.problem(401));
    let long = platform.login("ada@example.com", &"x".repeat(5_000)).await;
    assert_eq!(long.problem(401), wrong.problem(401));
    platform.post("/v1/sessions", json!({"email": "ada@example.com"})).await.problem(422);
    platform.login("ada@example.com", PASSWORD).await;
    let logins = |outcome: &str| format!(r#"logins_total{{service="user-service",outcome="{outcome}"}}"#);
    assert_eq!(platform.metric(&logins("failure")).await, Some(3.0));
    assert_eq!(platform.metric(&logins("success")).await, Some(1.0));
}

#[tokio::test]
async fn login_counters_exist_before_the_first_login() {
    let platform = Platform::start().await;
    for series in [r#"outcome="failure""#, r#"outcome="success""#] {
        let series = format!(r#"logins_total{{service="user-service",{series}}}"#);
        assert_eq!(platform.metric(&series).await, Some(0.0));
    }
    assert_eq!(platform.metric(r#"db_pool_max_connections{service="user-service"}"#).await, Some(9.0));
}

#[tokio::test]
async fn repeated_failures_lock_an_address_whether_or_not_it_has_an_account() {
    let platform = Platform::start_with(|config| {
        config.lockout.failures = 3;
        config.lockout.lock = Duration::from_secs(40);
    })
    .await;
    platform.register("ada@example.com").await;
    for address in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..3 {
            platform.login(address, "guess").await.problem(401);
        }
        let locked = platform.login(&address.to_uppercase(), PASSWORD).await;
        locked.problem(429);
        assert_eq!(locked.body["type"], "/problems/locked");
        let wait: u64 = locked.header("retry-after").parse().unwrap();
        assert!((38..=40).contains(&wait), "{wait}");
    }
    assert_eq!(platform.register("grace@example.com").await.status, 201);
    assert_eq!(platform.login("grace@example.com", PASSWORD).await.status, 200, "others are not concerned");
}

#[tokio::test]
async fn a_good_login_forgets_earlier_failures() {
    let platform = Platform::start_with(|config| config.lockout.failures = 2).await;
    platform.register("ada@example.com").await;
    for _ in 0..3 {
        platform.login("ada@example.com", "guess").await.problem(401);
        assert_eq!(platform.login("ada@example.com", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn a_rush_of_logins_is_shed_with_503() {
    let platform = Platform::start_with(|config| {
        config.hasher.workers = 1;
        config.hasher.queue = 0;
        config.hasher.memory_kib = 16_384;
        config.lockout.failures = 1_000;
    })
    .await;
    let logins = (0..20).map(|_| platform.login("nobody@example.com", "x"));
    let answers = futures_join(logins).await;
    let shed: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!shed.is_empty() && shed.len() < 20, "{} of 20 shed", shed.len());
    assert!(shed.iter().all(|answer| answer.header("retry-after") == "1"));
    assert!(answers.iter().all(|answer| [401, 503].contains(&answer.status)));
    assert_eq!(platform.login("nobody@example.com", "x").await.status, 401, "the place came back");
}

/// Drives several requests at once on this thread.
async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(Box::pin).map(Some).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (slot, result) in pending.iter_mut().zip(&mut done) {
            if let Some(future) = slot
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *result = Some(value);
                *slot = None;
            }
        }
        if pending.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_use() {
    let platform = Platform::start().await;
    let (id, _, first) = platform.user("ada@example.com").await;
    let second = refresh(&platform, &first).await;
    assert_eq!(second.status, 200);
    let me = platform.get("/v1/users/me", &second.text("access_token")).await;
    assert_eq!(me.text("id"), id);
    let third = refresh(&platform, &second.text("refresh_token")).await;
    assert_eq!(third.status, 200);
    assert_ne!(second.text("refresh_token"), third.text("refresh_token"));
}

#[tokio::test]
async fn using_a_refresh_token_twice_ends_its_session_and_no_other() {
    let platform = Platform::start().await;
    let (_, _, stolen) = platform.user("ada@example.com").await;
    let other = platform.login("ada@example.com", PASSWORD).await.text("refresh_token");
    let successor = refresh(&platform, &stolen).await.text("refresh_token");
    refresh(&platform, &stolen).await.problem(401);
    refresh(&platform, &successor).await.problem(401);
    assert_eq!(refresh(&platform, &other).await.status, 200);
}

#[tokio::test]
async fn of_two_simultaneous_uses_at_most_one_is_good() {
    let platform = Platform::start().await;
    let (_, _, token) = platform.user("ada@example.com").await;
    let (a, b) = tokio::join!(refresh(&platform, &token), refresh(&platform, &token));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn refresh_tokens_end_and_inventions_are_refused() {
    let platform = Platform::start_with(|config| config.refresh_ttl = Duration::ZERO).await;
    let (_, access, ended) = platform.user("ada@example.com").await;
    for token in [ended.as_str(), "", "invented", access.as_str()] {
        refresh(&platform, token).await.problem(401);
    }
    platform.post("/v1/sessions/refresh", json!({"token": "x"})).await.problem(422);
}

#[tokio::test]
async fn logging_out_ends_this_session_only() {
    let platform = Platform::start().await;
    let (_, access, token) = platform.user("ada@example.com").await;
    let other = platform.login("ada@example.com", PASSWORD).await.text("refresh_token");
    assert_eq!(platform.ask("DELETE /v1/sessions/current", &access, &[], None).await.status, 204);
    refresh(&platform, &token).await.problem(401);
    assert_eq!(refresh(&platform, &other).await.status, 200);
    assert_eq!(platform.ask("DELETE /v1/sessions/current", &access, &[], None).await.status, 204, "again is harmless");
    platform.ask("DELETE /v1/sessions/current", "", &[], None).await.problem(401);
    platform.ask("DELETE /v1/sessions/current", "test-service-token", &[], None).await.problem(403);
}
