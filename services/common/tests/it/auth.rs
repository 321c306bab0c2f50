//! Who gets in: every way in which credentials can be wrong.

use crate::support::{SPEC, api, get, send};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get as route;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::SecretString;
use serde_json::{Value, json};
use service_common::auth::{Claims, Issuer, JwkSet, Keys};
use service_common::{Client, Context, Role, Verifier};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

const SERVICE_TOKEN: &str = "a-token-that-services-share";

fn issuer() -> Issuer {
    Issuer::from_seed([7; 32]).unwrap()
}

fn router(keys: Keys) -> Router {
    let verifier = Verifier::new(keys, Some(SecretString::from(SERVICE_TOKEN.to_owned())));
    Context::for_test(&SPEC).finish(api(verifier)).api
}

fn claims(roles: &[Role]) -> Claims {
    Claims::new(Uuid::from_u128(5), "ada@example.com", roles, chrono::Utc::now().timestamp(), 60)
}

fn admin_token() -> String {
    issuer().sign(&claims(&[Role::User, Role::Admin])).unwrap()
}

/// A token with other claims than ours, signed with our key.
fn token_of(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = serde_json::to_value(claims(&[Role::Admin])).unwrap();
    change(&mut claims);
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(issuer().kid().to_owned());
    jsonwebtoken::encode(&header, &claims, &private_key([7; 32])).unwrap()
}

fn private_key(seed: [u8; 32]) -> EncodingKey {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[prefix.as_slice(), &seed].concat())
}

async fn ask(router: &Router, authorization: &str) -> (u16, String) {
    let request = Request::get("/v1/secret").header("authorization", authorization).body(Body::empty()).unwrap();
    let answer = send(router, request).await;
    if answer.status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    (answer.status, answer.body)
}

#[tokio::test]
async fn an_administrator_and_a_service_get_in() {
    let router = router(Keys::fixed(&issuer().jwks()));
    let id = Uuid::from_u128(5).to_string();
    assert_eq!(ask(&router, &format!("Bearer {}", admin_token())).await, (200, id.clone()));
    assert_eq!(ask(&router, &format!("bearer  {}", admin_token())).await, (200, id));
    assert_eq!(ask(&router, &format!("Bearer {SERVICE_TOKEN}")).await, (200, "service".to_owned()));
}

#[tokio::test]
async fn a_user_is_known_and_not_allowed() {
    let router = router(Keys::fixed(&issuer().jwks()));
    let token = issuer().sign(&claims(&[Role::User])).unwrap();
    let (status, body) = ask(&router, &format!("Bearer {token}")).await;
    assert_eq!(status, 403);
    assert!(body.contains("this needs the role admin or service"), "{body}");
}

/// Tokens whose signature is wrong, each in another way.
fn forgeries() -> Vec<(&'static str, String)> {
    let token = admin_token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let payload = serde_json::to_value(claims(&[Role::Admin])).unwrap();
    let no_algorithm = json!({"alg": "none", "typ": "JWT", "kid": issuer().kid()});
    let under_our_name = |algorithm, key: &EncodingKey| {
        let mut header = Header::new(algorithm);
        header.kid = Some(issuer().kid().to_owned());
        jsonwebtoken::encode(&header, &payload, key).unwrap()
    };
    // The classic confusion: the public key, which everybody has, used as the secret of a symmetric signature.
    let public = serde_json::to_value(issuer().jwks()).unwrap()["keys"][0]["x"].as_str().unwrap().to_owned();
    let hmac = under_our_name(Algorithm::HS256, &EncodingKey::from_secret(public.as_bytes()));
    let other_payload = token_of(|claims| claims["sub"] = json!(Uuid::from_u128(6)));
    let no_kid = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &payload, &private_key([7; 32])).unwrap();
    vec![
        ("alg none", format!("{}.{}.", part(&no_algorithm), part(&payload))),
        ("HMAC with the public key", hmac),
        ("another key under its own name", Issuer::from_seed([8; 32]).unwrap().sign(&claims(&[Role::Admin])).unwrap()),
        ("another key under our name", under_our_name(Algorithm::EdDSA, &private_key([8; 32]))),
        ("no key named", no_kid),
        ("another payload", format!("{}.{signature}", other_payload.rsplit_once('.').unwrap().0)),
        ("no signature", format!("{head}.")),
        ("cut signature", format!("{head}.{}", &signature[..20])),
    ]
}

/// Well signed tokens whose claims are wrong, and texts that are no tokens.
fn wrong_contents() -> Vec<(&'static str, String)> {
    let without = |claim: &str| token_of(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
    vec![
        ("wrong audience", token_of(|claims| claims["aud"] = json!("other-platform"))),
        ("no audience", without("aud")),
        ("wrong issuer", token_of(|claims| claims["iss"] = json!("evil-service"))),
        ("no issuer", without("iss")),
        ("expired just now", token_of(|claims| claims["exp"] = json!(chrono::Utc::now().timestamp() - 2))),
        ("no end", without("exp")),
        ("no subject", without("sub")),
        ("subject is no UUID", token_of(|claims| claims["sub"] = json!("root"))),
        ("a service's role", token_of(|claims| claims["roles"] = json!(["service"]))),
        ("an invented role", token_of(|claims| claims["roles"] = json!(["admin", "root"]))),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("nothing", String::new()),
        ("too long", "x".repeat(10_000)),
        ("almost the service token", SERVICE_TOKEN[..SERVICE_TOKEN.len() - 1].to_owned()),
    ]
}

#[tokio::test]
async fn every_wrong_credential_is_refused() {
    let router = router(Keys::fixed(&issuer().jwks()));
    for (name, credential) in forgeries().into_iter().chain(wrong_contents()) {
        let (status, body) = ask(&router, &format!("Bearer {credential}")).await;
        assert_eq!(status, 401, "{name}: {body}");
    }
    let token = admin_token();
    for header in ["", "Bearer", "Basic YTpi", &format!("Token {token}"), &token] {
        assert_eq!(ask(&router, header).await.0, 401, "{header:?}");
    }
    assert_eq!(get(&router, "/v1/secret").await.status, 401, "no header at all");
}

#[tokio::test]
async fn an_expired_token_says_so() {
    let router = router(Keys::fixed(&issuer().jwks()));
    let token = token_of(|claims| claims["exp"] = json!(1_000_000_000));
    assert!(ask(&router, &format!("Bearer {token}")).await.1.contains("has expired"));
}

#[tokio::test]
async fn without_a_service_token_nobody_is_a_service() {
    let verifier = Verifier::new(Keys::fixed(&issuer().jwks()), None);
    let router = Context::for_test(&SPEC).finish(api(verifier)).api;
    for token in ["", SERVICE_TOKEN] {
        assert_eq!(ask(&router, &format!("Bearer {token}")).await.0, 401);
    }
}

#[tokio::test]
async fn where_credentials_are_optional_wrong_ones_are_still_wrong() {
    let router = router(Keys::fixed(&issuer().jwks()));
    assert_eq!(get(&router, "/v1/greeting").await.body, "anonymous");
    for (credential, status, body) in [(admin_token(), 200, "ada@example.com"), ("garbage".to_owned(), 401, "")] {
        let request = Request::get("/v1/greeting").header("authorization", format!("Bearer {credential}"));
        let answer = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.starts_with(body) || status == 401);
    }
}

/// A user-service that publishes what it is told to, and counts how often it is asked.
#[derive(Clone, Default)]
struct Publisher {
    keys: Arc<Mutex<Option<JwkSet>>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    fn publish(&self, issuers: &[&Issuer]) {
        let keys = issuers.iter().flat_map(|issuer| issuer.jwks().keys).collect();
        *self.keys.lock().unwrap() = Some(JwkSet { keys });
    }

    async fn start(&self) -> String {
        let this = self.clone();
        let answer = async move || {
            this.asked.fetch_add(1, Ordering::SeqCst);
            match this.keys.lock().unwrap().clone() {
                Some(keys) => Ok(axum::Json(keys)),
                None => Err(axum::http::StatusCode::INTERNAL_SERVER_ERROR),
            }
        };
        let router = Router::new().route("/.well-known/jwks.json", route(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}

fn http_client() -> reqwest::Client {
    Client::new(Duration::from_secs(2), None).unwrap().http().clone()
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_invented_names_do_not_become_requests() {
    let publisher = Publisher::default();
    publisher.publish(&[&issuer()]);
    let router = router(Keys::remote(&publisher.start().await, http_client()));
    let bearer = format!("Bearer {}", admin_token());
    let statuses = futures::future::join_all((0..20).map(|_| ask(&router, &bearer))).await;
    assert!(statuses.iter().all(|(status, _)| *status == 200), "{statuses:?}");
    assert_eq!(publisher.asked.load(Ordering::SeqCst), 1);
    for seed in 20..40 {
        let stranger = Issuer::from_seed([seed; 32]).unwrap().sign(&claims(&[Role::Admin])).unwrap();
        let (status, body) = ask(&router, &format!("Bearer {stranger}")).await;
        assert_eq!(status, 401);
        assert!(body.contains("unknown key"), "{body}");
    }
    assert_eq!(publisher.asked.load(Ordering::SeqCst), 1, "asked again within seconds");
}

#[tokio::test]
async fn while_keys_cannot_be_had_the_answer_is_503_and_not_401() {
    let publisher = Publisher::default();
    let router = router(Keys::remote(&publisher.start().await, http_client()));
    let bearer = format!("Bearer {}", admin_token());
    assert_eq!(ask(&router, &bearer).await.0, 503);
    assert_eq!(ask(&router, "Bearer garbage").await.0, 401, "what is no token needs no key");
    assert_eq!(ask(&router, &format!("Bearer {SERVICE_TOKEN}")).await.0, 200, "nor does the shared token");
    publisher.publish(&[&issuer()]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(ask(&router, &bearer).await.0, 200);
}

#[test]
fn a_key_is_the_same_after_it_was_stored() {
    let first = Issuer::generate().unwrap();
    let second = Issuer::from_text(&first.to_text()).unwrap();
    assert_eq!(first.kid(), second.kid());
    assert_ne!(first.kid(), Issuer::generate().unwrap().kid());
    assert!(!format!("{first:?}").contains(&first.to_text()));
}

#[test]
fn keys_come_as_pem_or_base64() {
    // RFC 8037, appendix A: a private key, its public key and its thumbprint.
    let private = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(private).unwrap().try_into().unwrap();
    let der = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], &seed].concat();
    let base64 = base64::engine::general_purpose::STANDARD;
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64.encode(der));
    for text in [pem, base64.encode(seed)] {
        let issuer = Issuer::from_text(&text).unwrap();
        let key = &serde_json::to_value(issuer.jwks()).unwrap()["keys"][0];
        assert_eq!(key["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let fields = ["kty", "crv", "alg", "use"].map(|field| key[field].as_str().unwrap());
        assert_eq!(fields, ["OKP", "Ed25519", "EdDSA", "sig"]);
        assert!(key.get("d").is_none(), "the private key is not published");
    }
    for bad in
        ["", "short", "bm90IDMyIGJ5dGVz", "-----BEGIN RSA PRIVATE KEY-----\nMC4CAQAw\n-----END RSA PRIVATE KEY-----"]
    {
        assert!(Issuer::from_text(bad).is_err(), "{bad}");
    }
}
