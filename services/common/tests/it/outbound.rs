//! Calls to other services.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use reqwest::Method;
use secrecy::SecretString;
use service_common::Client;
use service_common::outbound::OutboundError;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A peer that answers with the statuses given, the last one again and again, and notes what it was asked.
#[derive(Clone)]
struct Peer {
    statuses: Arc<Mutex<Vec<u16>>>,
    seen: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Peer {
    async fn start(statuses: &[u16]) -> (Self, String) {
        let mut statuses = statuses.to_vec();
        statuses.reverse();
        let peer = Self { statuses: Arc::new(Mutex::new(statuses)), seen: Arc::default() };
        let this = peer.clone();
        let router = Router::new().fallback(any(async move |headers: HeaderMap| {
            this.seen.lock().unwrap().push(headers);
            let mut statuses = this.statuses.lock().unwrap();
            let status = if statuses.len() > 1 { statuses.pop() } else { statuses.first().copied() };
            StatusCode::from_u16(status.unwrap()).unwrap()
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (peer, url)
    }

    fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn client() -> Client {
    Client::new(Duration::from_secs(2), Some(SecretString::from("shared-secret".to_owned()))).unwrap()
}

/// Sends one request to a peer and checks the final status and the number of attempts.
async fn check(statuses: &[u16], method: Method, key: bool, status: u16, calls: usize) {
    let (peer, url) = Peer::start(statuses).await;
    let client = client();
    let mut request = client.request(method.clone(), &url);
    if key {
        request = request.header("idempotency-key", "k1");
    }
    let response = client.send(request).await.unwrap();
    assert_eq!((response.status().as_u16(), peer.calls()), (status, calls), "{method} {statuses:?} key {key}");
}

#[tokio::test]
async fn only_what_cannot_do_harm_is_repeated() {
    check(&[200], Method::GET, false, 200, 1).await;
    check(&[503, 502, 200], Method::GET, false, 200, 3).await;
    check(&[503], Method::GET, false, 503, 3).await;
    check(&[503, 200], Method::DELETE, false, 200, 2).await;
    check(&[503, 200], Method::POST, false, 503, 1).await;
    check(&[503, 200], Method::POST, true, 200, 2).await;
    check(&[503, 200], Method::PATCH, false, 503, 1).await;
    for status in [400, 404, 409, 429, 500] {
        check(&[status, 200], Method::GET, false, status, 1).await;
    }
}

#[tokio::test]
async fn a_failing_peer_is_not_hit_with_a_multiple_of_its_load() {
    let (peer, url) = Peer::start(&[503]).await;
    let client = client();
    for _ in 0..200 {
        client.send(client.request(Method::GET, &url)).await.unwrap();
    }
    let retries = peer.calls() - 200;
    assert!((20..=30).contains(&retries), "{retries} further attempts for 200 calls");
}

#[tokio::test]
async fn a_call_carries_the_token_of_the_service() {
    let (peer, url) = Peer::start(&[200]).await;
    client().send(client().request(Method::GET, &url)).await.unwrap();
    assert_eq!(peer.seen.lock().unwrap()[0]["authorization"], "Bearer shared-secret");
}

#[tokio::test]
async fn no_answer_is_an_error_that_does_not_repeat_the_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::new(Duration::from_millis(50), None).unwrap();
    let url = format!("http://{address}/?email=ada@example.com");
    let silent = client.send(client.request(Method::POST, &url)).await.unwrap_err();
    assert!(matches!(silent, OutboundError::Timeout(_)), "{silent:?}");
    drop(listener);
    let absent = client.send(client.request(Method::POST, &url)).await.unwrap_err();
    assert!(matches!(absent, OutboundError::Transport(_)), "{absent:?}");
    assert!(!absent.to_string().contains("ada"), "{absent}");
    let wrong = client.send(client.request(Method::GET, "not a url")).await.unwrap_err();
    assert!(matches!(wrong, OutboundError::Build(_)), "{wrong:?}");
}
