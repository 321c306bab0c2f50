//! Entry point of order-service.
fn main() {}
