//! Entry point of notification-service.
fn main() {}
