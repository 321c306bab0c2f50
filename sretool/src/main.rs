//! Entry point of sretool.
fn main() {}
