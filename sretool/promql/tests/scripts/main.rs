//! Evaluations written in the language of Prometheus' own test files, judged by the same reader and comparison. What
//! they expect was worked out by hand.

#[path = "../promqltest/compare.rs"]
mod compare;
mod histograms;
mod modifiers;
#[path = "../promqltest/script.rs"]
mod script;
mod starts;
#[path = "../promqltest/store.rs"]
mod store;
#[path = "../promqltest/values.rs"]
mod values;

use compare::{Failure, judge};
use script::Command;
use store::Memory;

/// Runs a script; every evaluation must yield what it says.
#[track_caller]
fn check(text: &str) {
    let mut store = Memory::default();
    let mut evaluations = 0;
    for command in script::read(text).unwrap_or_else(|e| panic!("{e}")) {
        match command {
            Command::Clear => store = Memory::default(),
            Command::Load(load) => store.load(&load),
            Command::Eval(eval) => {
                evaluations += 1;
                match judge(&store, &eval) {
                    Ok(()) => {}
                    Err(Failure::Unsupported(what)) => panic!("line {}: {what} is not supported", eval.line),
                    Err(Failure::Wrong(why)) => panic!("line {}: {}\n    {why}", eval.line, eval.expr),
                }
            }
        }
    }
    assert!(evaluations > 0, "the script evaluates nothing");
}

#[test]
#[should_panic(expected = "wanted")]
fn a_wrong_value_is_noticed() {
    check(
        "load 1m
            m 1

        eval instant at 0 m
            m 2",
    );
}

#[test]
#[should_panic(expected = "wanted")]
fn a_wrong_histogram_is_noticed() {
    check(
        "load 1m
            h {{count:1 sum:1 buckets:[1]}}

        eval instant at 0 h
            h {{count:1 sum:1 offset:1 buckets:[1]}}",
    );
}

#[test]
#[should_panic(expected = "unexpected warnings")]
fn a_warning_is_noticed() {
    check(
        "load 1m
            h 1 {{count:1 sum:1 buckets:[1]}}

        eval instant at 1m sum_over_time(h[5m])
            expect no_warn",
    );
}
