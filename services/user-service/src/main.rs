//! Entry point of user-service.

use std::process::ExitCode;

fn main() -> ExitCode {
    user_service::main_with(&service_common::ProcessEnv)
}
