//! Alert rules under test, without a server.
//!
//! [`unit_test`] runs files of promtool's test format; a run yields what [`coverage`] and [`mutate`] need: which rules
//! the tests exercise, and whether they would notice a change. [`route`] says where an Alertmanager sends an alert.
//!
//! Architecture invariant: nothing here reads a clock, a file or a socket. Texts are arguments.

pub mod coverage;
pub mod dependency;
pub mod drift;
pub mod mutate;
pub mod route;
pub mod unit_test;

use rules::Problem;
use serde_saphyr::Location;

/// Line and column, from 1.
fn position(location: Location) -> (usize, usize) {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
    (number(location.line()), number(location.column()))
}

/// What a YAML reader found wrong; `what` says what the file should be.
fn yaml_problem(name: &str, error: &serde_saphyr::Error, what: &str) -> Problem {
    let (line, column) = error.location().map_or((1, 1), position);
    Problem { file: name.to_owned(), line, column, message: rules::yaml_message(error, what) }
}
