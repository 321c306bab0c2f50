//! Orders survive the death of any part at any place: one capture and one notification an order, and no order lost.
//!
//! The services run as processes of their own (this program again) and are killed where `FAILPOINT` says, or their
//! servers are killed under them. `CRASH_SEEDS=200 cargo nextest run -p service-testing` tries 200 places and times.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failpoints;
mod program;
mod provider;
mod world;

use service_common::ProcessEnv;
use std::process::ExitCode;

/// Not a test of its own: the program that the tests start.
#[test]
fn child() {
    let run: fn(&dyn service_common::Env) -> ExitCode = match std::env::var("CRASH_CHILD").as_deref() {
        Ok("order-service") => order_service::main_with,
        Ok("notification-service") => notification_service::main_with,
        _ => return,
    };
    let code = run(&ProcessEnv);
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}
