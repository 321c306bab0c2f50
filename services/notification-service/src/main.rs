//! Entry point of notification-service.

use service_common::ProcessEnv;
use std::process::ExitCode;

fn main() -> ExitCode {
    notification_service::main_with(&ProcessEnv)
}
