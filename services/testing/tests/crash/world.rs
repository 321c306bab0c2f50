//! Everything that an order touches.

use crate::program::Program;
use crate::provider::{self, Captures};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use service_common::Role;
use service_testing::{SERVICE_TOKEN, Server, SmtpSink, Tokens, postgres};
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// The servers that the services use instead of files and memory.
#[derive(Debug)]
pub struct Servers {
    pub postgres: postgres::Server,
    pub rabbitmq: Server,
    pub redis: Server,
}

impl Servers {
    /// All three.
    pub fn start() -> Result<Self, String> {
        let rabbitmq = std::thread::spawn(Server::rabbitmq);
        let postgres = postgres::Server::own()?;
        let redis = Server::redis()?;
        Ok(Self { postgres, rabbitmq: rabbitmq.join().unwrap()?, redis })
    }
}

/// Two services with what they need.
#[derive(Debug)]
pub struct World {
    pub order: Program,
    pub notification: Program,
    pub mail: SmtpSink,
    captures: Captures,
    token: String,
    http: Client,
    _folder: TempDir,
}

/// Whether notification-service passes a failpoint; order-service passes the others.
pub fn in_notification_service(failpoint: &str) -> bool {
    failpoint.starts_with("inbox") || failpoint.starts_with("delivery")
}

impl World {
    /// Over files, or over servers; a failpoint is where one of the services dies.
    pub async fn start(servers: Option<&Servers>, failpoint: Option<&str>) -> Self {
        let folder = TempDir::new().unwrap();
        let tokens = Tokens::new("ada@example.com");
        let (provider, captures) = provider::serve(&tokens).await;
        let mail = SmtpSink::start().await;
        let mut common = vec![("USER_SERVICE_URL", provider.clone())];
        if let Some(servers) = servers {
            common.push(("AMQP_URL", format!("amqp://127.0.0.1:{}", servers.rabbitmq.port)));
            common.push(("REDIS_URL", format!("redis://127.0.0.1:{}", servers.redis.port)));
        }
        let database = async |name: &str| match servers {
            Some(servers) => servers.postgres.schema().await.unwrap(),
            None => format!("sqlite:{}", folder.path().join(name).display()),
        };
        let (own, other) = match failpoint {
            Some(name) if in_notification_service(name) => (None, failpoint),
            failpoint => (failpoint, None),
        };
        let mut environment = common.clone();
        environment.extend([
            ("DATABASE_URL", database("notifications.db").await),
            ("SMTP_URL", mail.url.clone()),
            ("DELIVERY_TIMEOUT_MS", "1000".to_owned()),
        ]);
        let notification = Program::start("notification-service", &environment, other).await;
        let mut environment = common;
        environment.extend([
            ("DATABASE_URL", database("orders.db").await),
            ("PAYMENT_PROVIDER_URL", provider),
            ("PAYMENT_TIMEOUT_MS", "1000".to_owned()),
            ("NOTIFICATION_SERVICE_URL", notification.url.clone()),
        ]);
        let order = Program::start("order-service", &environment, own).await;
        let token = tokens.of(Uuid::now_v7(), &[Role::User]);
        let http = Client::builder().timeout(Duration::from_secs(5)).no_proxy().build().unwrap();
        Self { order, notification, mail, captures, token, http, _folder: folder }
    }

    /// Starts again what has died. Returns whether anything had.
    pub async fn revive(&mut self) -> bool {
        let order = self.order.revive().await;
        self.notification.revive().await || order
    }

    /// Asks order-service as a client would; `None` without a good answer.
    pub async fn ask(&self, method: Method, path: &str, key: &str, body: Option<&Value>) -> Option<Value> {
        let request = self.http.request(method, format!("{}{path}", self.order.url)).bearer_auth(&self.token);
        let request = request.header("idempotency-key", key);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await.ok()?;
        if answer.status().is_success() { answer.json().await.ok() } else { None }
    }

    /// Creates and pays an order, trying again with the same keys until both have succeeded.
    pub async fn order(&mut self, key: &str) -> String {
        let body = json!({ "items": [{ "sku": "mug-travel", "quantity": 1 }] });
        let order = self.insist("/v1/orders", key, &body).await;
        let id = order["id"].as_str().unwrap().to_owned();
        self.insist(&format!("/v1/orders/{id}/payment"), key, &json!({ "method": "card" })).await;
        id
    }

    async fn insist(&mut self, path: &str, key: &str, body: &Value) -> Value {
        for _ in 0..1_500 {
            if let Some(answer) = self.ask(Method::POST, path, key, Some(body)).await {
                return answer;
            }
            self.revive().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no answer to {path}");
    }

    /// Waits until every order is confirmed and its customer told, reviving what dies meanwhile; then counts captures
    /// and messages. Returns how many deaths there were.
    pub async fn settle(&mut self, orders: &[String]) -> usize {
        let mut deaths = 0;
        for _ in 0..1_500 {
            deaths += usize::from(self.revive().await);
            if self.told().values().filter(|ids| !ids.is_empty()).count() >= orders.len()
                && self.all_confirmed(orders).await
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.check(orders).await;
        deaths
    }

    async fn all_confirmed(&self, orders: &[String]) -> bool {
        for id in orders {
            let found = self.ask(Method::GET, &format!("/v1/orders/{id}"), "", None).await;
            if found.is_none_or(|order| order["status"] != "confirmed") {
                return false;
            }
        }
        true
    }

    /// For each order the identifiers of the messages about it.
    fn told(&self) -> BTreeMap<String, Vec<String>> {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for mail in self.mail.mails() {
            let order = mail.text.lines().find_map(|line| line.strip_prefix("Subject: Your order ")).unwrap();
            told.entry(order.split(' ').next().unwrap().to_owned()).or_default().push(mail.id);
        }
        told
    }

    async fn check(&mut self, orders: &[String]) {
        let told = self.told();
        assert_eq!(told.len(), orders.len(), "every order, and no other: {told:?}");
        let captures = self.captures.lock().unwrap().clone();
        for id in orders {
            assert_eq!(captures[id].len(), 1, "captures of {id}");
            let mut messages = told[id].clone();
            messages.dedup();
            assert_eq!(messages.len(), 1, "messages about {id}: {:?}", told[id]);
        }
        assert_eq!(captures.len(), orders.len(), "no other order was paid for");
        for id in orders {
            let notifications = loop {
                match self.notifications(id).await {
                    Some(found) => break found,
                    // It may have died after its last message.
                    None => assert!(self.revive().await, "notification-service answers"),
                }
            };
            assert_eq!(notifications.len(), 1, "notifications of {id}");
        }
    }

    async fn notifications(&self, order: &str) -> Option<Vec<Value>> {
        let url = format!("{}/v1/notifications?order_id={order}", self.notification.url);
        let answer = self.http.get(url).bearer_auth(SERVICE_TOKEN).send().await.ok()?;
        let found: Value = answer.json().await.ok()?;
        found["items"].as_array().cloned()
    }

    /// Mails that came more than once.
    pub fn repeats(&self) -> usize {
        self.told().values().map(|ids| ids.len() - 1).sum()
    }
}
