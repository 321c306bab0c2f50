//! The real program: configuration mistakes, SIGTERM, and kill -9 in the middle of work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TOKEN: &str = "shared-secret-of-the-test";
const CLIENTS: usize = 4;
const EACH: usize = 75;

#[test]
fn configuration_mistakes_are_one_line_each_and_exit_with_78() {
    let output = Command::new(env!("CARGO_BIN_EXE_notification-service"))
        .env_clear()
        .envs([("DELIVERY_MAX_ATTEMPTS", "0"), ("RETENTION_DAYS", "long"), ("DATABASE_URL", "mysql://x")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).unwrap();
    for key in ["DELIVERY_MAX_ATTEMPTS", "RETENTION_DAYS", "DATABASE_URL"] {
        let prefix = format!("notification-service: {key}: ");
        assert_eq!(text.lines().filter(|line| line.starts_with(&prefix)).count(), 1, "{text}");
    }
}

/// A running program; it is killed when dropped.
struct Program(Child);

impl Program {
    async fn start(folder: &Path, port: u16) -> Self {
        let admin = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_notification-service"))
            .env_clear()
            .env("PORT", port.to_string())
            .env("ADMIN_PORT", admin.to_string())
            .env("DATABASE_URL", format!("sqlite:{}", folder.join("notifications.db").display()))
            .env("SERVICE_TOKEN", TOKEN)
            .env("DRAIN_DELAY_MS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self(child);
        for _ in 0..400 {
            let url = format!("http://127.0.0.1:{admin}/readyz");
            if reqwest::get(url).await.is_ok_and(|response| response.status().is_success()) {
                return program;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the program does not become ready");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is just as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends notifications under its own keys; every request is repeated until it is answered.
async fn client(base: String, client: usize) -> BTreeMap<String, String> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().unwrap();
    let mut ids = BTreeMap::new();
    for number in 0..EACH {
        let key = format!("{client}-{number}");
        let body = json!({
            "channel": "email", "to": "ada@example.com", "template": "order_cancelled", "data": { "order_id": key }
        });
        let id = loop {
            let url = format!("{base}/v1/notifications");
            let request = http.post(url).bearer_auth(TOKEN).header("idempotency-key", &key).json(&body);
            if let Ok(response) = request.send().await
                && response.status() == 202
                && let Ok(answer) = response.json::<Value>().await
            {
                break answer["id"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        };
        ids.insert(key, id);
    }
    ids
}

async fn get(base: &str, path: &str) -> Value {
    reqwest::Client::new().get(format!("{base}{path}")).bearer_auth(TOKEN).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_loses_no_notification_and_doubles_none() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let mut program = Program::start(folder.path(), port).await;
    let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(client(base.clone(), number))).collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        drop(program);
        program = Program::start(folder.path(), port).await;
    }
    let mut accepted = BTreeMap::new();
    for client in clients {
        accepted.extend(tokio::time::timeout(Duration::from_secs(60), client).await.unwrap().unwrap());
    }
    assert_eq!(accepted.len(), CLIENTS * EACH);
    for (key, id) in &accepted {
        let list = get(&base, &format!("/v1/notifications?order_id={key}")).await;
        let items = list["items"].as_array().unwrap();
        assert_eq!((items.len(), items[0]["id"].as_str()), (1, Some(id.as_str())), "{key}");
        let mut status = items[0]["status"].clone();
        for _ in 0..400 {
            if status == "delivered" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            status = get(&base, &format!("/v1/notifications/{id}")).await["status"].clone();
        }
        assert_eq!(status, "delivered", "{key}");
    }
    let pid = program.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(program.0.wait().unwrap().code(), Some(0), "SIGTERM drains and ends well");
}
