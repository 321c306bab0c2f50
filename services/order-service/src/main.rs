//! Entry point of order-service.

use service_common::ProcessEnv;
use std::process::ExitCode;

fn main() -> ExitCode {
    order_service::main_with(&ProcessEnv)
}
