//! Entry point of user-service.
fn main() {}
