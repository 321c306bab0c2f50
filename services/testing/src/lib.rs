//! What the services' tests share: how to ask a service without a socket, tokens for it, and real servers in temporary
//! folders on free ports. Failures panic: everything here runs in tests only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod answer;
pub mod database;
pub mod postgres;
pub mod server;
pub mod smtp;
pub mod tokens;

pub use answer::{Answer, ask, metric};
pub use database::{Backend, TestDatabase};
pub use server::{Server, free_port};
pub use smtp::SmtpSink;
pub use tokens::{SERVICE_TOKEN, Tokens};

/// Ends the test as passed, with the reason why it could not run. Under nextest every test is a process of its own.
pub fn skip(reason: &str) -> ! {
    eprintln!("skipped: {reason}");
    std::process::exit(0);
}

/// Waits until a condition holds, for at most a minute.
///
/// # Panics
/// When it does not come true.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut condition: impl FnMut() -> F) -> T {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(std::time::Instant::now() < end, "gave up waiting: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
