//! The real program: configuration mistakes, SIGTERM, and kill -9 in the middle of work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use program::{Keys, Program, free_port};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const CLIENTS: usize = 4;
const ORDERS_EACH: usize = 75;

#[test]
fn configuration_mistakes_are_one_line_each_and_exit_with_78() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_order-service"))
        .env_clear()
        .envs([("SEED_STOCK", "lots"), ("PORT", "70000"), ("NOTIFICATION_SERVICE_URL", "gopher://x")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for key in ["PORT", "SEED_STOCK", "NOTIFICATION_SERVICE_URL"] {
        assert!(lines.iter().any(|line| line.starts_with(&format!("order-service: {key}: "))), "{key} in {text}");
    }
}

/// Orders and pays for one product under its own keys; every request is repeated until it is answered.
async fn shop(base: String, token: String, client: usize) -> BTreeMap<String, Value> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().unwrap();
    let mut orders = BTreeMap::new();
    for number in 0..ORDERS_EACH {
        let key = format!("{client}-{number}");
        let order = post(
            &http,
            &format!("{base}/v1/orders"),
            &token,
            &key,
            &json!({
                "items": [{ "sku": "mug-travel", "quantity": 1 }]
            }),
        )
        .await;
        let path = format!("{base}/v1/orders/{}/payment", order["id"].as_str().unwrap());
        post(&http, &path, &token, &format!("pay-{key}"), &json!({ "method": "card" })).await;
        orders.insert(key, order);
    }
    orders
}

async fn post(http: &reqwest::Client, url: &str, token: &str, key: &str, body: &Value) -> Value {
    for _ in 0..600 {
        let request = http.post(url).bearer_auth(token).header("idempotency-key", key).json(body);
        if let Ok(response) = request.send().await
            && response.status().is_success()
            && let Ok(answer) = response.json().await
        {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{url} was not answered");
}

async fn get(base: &str, path: &str, token: &str) -> Value {
    let url = format!("{base}{path}");
    reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap()
}

/// Waits until nothing is reserved any more, and returns the stock.
async fn settled_stock(base: &str, token: &str) -> Value {
    for _ in 0..600 {
        let stock = get(base, "/v1/inventory/mug-travel", token).await;
        if stock["reserved"] == 0 {
            return stock;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("orders stay unconfirmed");
}

async fn start(folder: &Path, keys: &Keys, port: u16) -> Program {
    Program::start(folder, &keys.url(), port).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_loses_no_order_and_doubles_none() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::serve().await;
    let (port, token) = (free_port(), keys.token());
    let base = format!("http://127.0.0.1:{port}");
    let mut program = start(folder.path(), &keys, port).await;
    let clients: Vec<_> = (0..CLIENTS).map(|client| tokio::spawn(shop(base.clone(), token.clone(), client))).collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        program.kill();
        program = start(folder.path(), &keys, port).await;
    }
    let mut acknowledged = BTreeMap::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    let stock = settled_stock(&base, &token).await;
    let sold = i64::try_from(CLIENTS * ORDERS_EACH).unwrap();
    assert_eq!(stock["on_hand"].as_i64(), Some(1_000_000 - sold), "each order took its unit exactly once");
    for (key, order) in &acknowledged {
        let found = get(&base, &format!("/v1/orders/{}", order["id"].as_str().unwrap()), &token).await;
        assert_eq!(found["status"], "confirmed", "{key}");
    }
    let mut listed = 0;
    let mut path = "/v1/orders?limit=100".to_owned();
    loop {
        let list = get(&base, &path, &token).await;
        listed += list["items"].as_array().unwrap().len();
        let Some(cursor) = list["next_cursor"].as_str() else { break };
        path = format!("/v1/orders?limit=100&cursor={cursor}");
    }
    assert_eq!((listed, acknowledged.len()), (CLIENTS * ORDERS_EACH, CLIENTS * ORDERS_EACH));
    assert_eq!(program.terminate(), Some(0), "SIGTERM drains and ends well");
}
