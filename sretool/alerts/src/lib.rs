//! Alert rules under test, without a server.
//!
//! [`unit_test`] runs files of promtool's test format; a run yields what [`coverage`] and [`mutate`] need: which rules
//! the tests exercise, and whether they would notice a change.
//!
//! Architecture invariant: nothing here reads a clock, a file or a socket. Texts are arguments.

pub mod coverage;
pub mod dependency;
pub mod mutate;
pub mod unit_test;
