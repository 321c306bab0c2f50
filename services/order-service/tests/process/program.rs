//! The program under test, and a stand-in for the keys of user-service.

use axum::Router;
use axum::routing::get;
use service_common::Role;
use service_common::auth::{Claims, Issuer};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use uuid::Uuid;

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Publishes a key and signs with it.
#[derive(Debug)]
pub struct Keys {
    issuer: Issuer,
    port: u16,
}

impl Keys {
    pub async fn serve() -> Self {
        let issuer = Issuer::generate().unwrap();
        let set = serde_json::to_string(&issuer.jwks()).unwrap();
        let router = Router::new().route("/.well-known/jwks.json", get(async move || set));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, port }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn token(&self) -> String {
        let now = chrono::Utc::now().timestamp();
        self.issuer.sign(&Claims::new(Uuid::now_v7(), "ada@example.com", &[Role::User], now, 900)).unwrap()
    }
}

/// A running program; it is killed when dropped.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts the program and waits until it is ready.
    pub async fn start(folder: &Path, user_service: &str, port: u16) -> Self {
        let admin = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_order-service"))
            .env_clear()
            .env("PORT", port.to_string())
            .env("ADMIN_PORT", admin.to_string())
            .env("DATABASE_URL", format!("sqlite:{}", folder.join("orders.db").display()))
            .env("USER_SERVICE_URL", user_service)
            .env("SIMULATED_PAYMENT_LATENCY_MS", "30")
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

    /// Ends it as the kernel's out-of-memory killer would.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end, and returns its exit status.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is just as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
