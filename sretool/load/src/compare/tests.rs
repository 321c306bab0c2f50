//! Comparisons of runs that are known to be equal, and of runs that are known to differ.

use super::*;
use crate::recorder::{Outcome, Recorder};
use crate::schedule::Schedule;
use crate::snapshot::Update;
use crate::totals::Totals;
use crate::verdict::Plan;
use proptest::prelude::*;
use std::time::Duration;

/// A run of `seconds` at 100 requests a second. Seconds share a factor that wanders, as real ones do.
fn run(seed: u64, seconds: u64, scale: f64, failing: f64) -> Report {
    let (mut random, mut recorder, mut totals) = (Random::new(seed), Recorder::default(), Totals::default());
    let mut wander = 1.0;
    for second in 0..seconds {
        wander = 0.6 * wander + 0.4 * (0.9 + 0.2 * random.unit());
        for i in second * 100..(second + 1) * 100 {
            let due = Duration::from_millis(i * 10);
            recorder.emitted(i, due, due, true);
            recorder.sent(i, due, "GET /".into());
            let ms = scale * wander * (5.0 + 5.0 * random.exponential());
            let status = if random.unit() < failing { 500 } else { 200 };
            let outcome = if status == 200 { Outcome::Finished { status } } else { Outcome::Refused { status } };
            recorder.done(i, due + Duration::from_secs_f64(ms / 1e3), outcome);
        }
        let last = second + 1 == seconds;
        let delta = recorder.take();
        totals.add(Update { elapsed_s: (second + 1) as f64, in_flight: 0, queued: 0, last, delta });
    }
    let plan = Plan {
        executor: "http".into(),
        schedule: Some(Schedule::constant(100.0, Duration::from_secs(seconds)).unwrap()),
        duration_s: seconds as f64,
        capacity: 10,
        thresholds: vec![],
    };
    Report::new(&plan, &totals, false)
}

fn quick() -> Settings {
    Settings { draws: 300, ..Settings::default() }
}

fn change(comparison: &Comparison, measure: Measure) -> Change {
    comparison.measures.iter().find(|m| m.measure == measure).unwrap().change
}

#[test]
fn equal_runs_rarely_differ() {
    // No minimum, so that this is about the intervals alone. At 95 % one of twenty-four is expected to differ.
    let strict = Settings { min_change: 0.0, min_latency_s: 0.0, min_errors: 0.0, ..quick() };
    let pairs: u64 = std::env::var("SRETOOL_COMPARE_PAIRS").map_or(24, |pairs| pairs.parse().unwrap());
    let mut found = 0;
    for seed in 0..pairs {
        let (a, b) = (run(2 * seed, 30, 1.0, 0.01), run(2 * seed + 1, 30, 1.0, 0.01));
        let verdict = compare(&a, &b, &strict).unwrap().verdict;
        found += u64::from(matches!(verdict, Change::Worse | Change::Better));
    }
    println!("{found} of {pairs} equal pairs differ");
    assert!(found <= 2 + pairs / 12, "{found} of {pairs} differ");
}

#[test]
fn a_tenth_slower_is_found_and_which_way_round() {
    for seed in 0..10 {
        let (a, b) = (run(seed, 60, 1.0, 0.0), run(seed + 100, 60, 1.1, 0.0));
        let worse = compare(&a, &b, &quick()).unwrap();
        assert_eq!((worse.verdict, change(&worse, Measure::P50)), (Change::Worse, Change::Worse), "{worse:?}");
        let p50 = worse.measures[0];
        assert!(p50.low > 0.0 && p50.low < p50.difference && p50.difference < p50.high, "{p50:?}");
        assert_eq!(compare(&b, &a, &quick()).unwrap().verdict, Change::Better);
    }
}

#[test]
fn a_run_is_the_same_as_itself() {
    let a = run(1, 30, 1.0, 0.0);
    let comparison = compare(&a, &a, &quick()).unwrap();
    assert!(comparison.measures.iter().all(|m| m.difference == 0.0));
    assert_eq!(change(&comparison, Measure::Throughput), Change::Same);
    assert_eq!(change(&comparison, Measure::Errors), Change::Same);
    assert_eq!(comparison.seconds, (30, 30));
    assert!(comparison.notes.is_empty(), "{:?}", comparison.notes);
}

#[test]
fn more_errors_are_worse_and_cost_throughput_only_a_little() {
    let comparison = compare(&run(1, 60, 1.0, 0.0), &run(2, 60, 1.0, 0.02), &quick()).unwrap();
    assert_eq!(change(&comparison, Measure::Errors), Change::Worse);
    assert_eq!(change(&comparison, Measure::Throughput), Change::Same, "{comparison:?}");
}

#[test]
fn a_real_but_tiny_change_is_the_same() {
    let settings = Settings { min_change: 0.5, ..quick() };
    let comparison = compare(&run(1, 60, 1.0, 0.0), &run(2, 60, 1.1, 0.0), &settings).unwrap();
    assert_eq!(change(&comparison, Measure::P50), Change::Same, "{comparison:?}");
}

#[test]
fn a_warm_up_does_not_count() {
    let (mut a, b) = (run(1, 40, 1.0, 0.0), run(2, 40, 1.0, 0.0));
    let cold = run(3, 10, 30.0, 0.0);
    a.seconds.splice(0..10, cold.seconds);
    let cold = compare(&a, &b, &quick()).unwrap();
    let warm = compare(&a, &b, &Settings { warm_up_s: 10.0, ..quick() }).unwrap();
    assert_eq!((cold.seconds, warm.seconds), ((40, 40), (30, 30)));
    assert!(cold.measures[1].a > 5.0 * warm.measures[1].a, "{cold:?} {warm:?}");
    assert!(!matches!(warm.verdict, Change::Better | Change::Worse), "{warm:?}");
}

#[test]
fn short_and_invalid_runs_are_refused_with_a_reason() {
    let (long, short) = (run(1, 20, 1.0, 0.0), run(2, 9, 1.0, 0.0));
    let error = compare(&long, &short, &quick()).unwrap_err();
    assert_eq!(error, CompareError::Short { which: 'B', seconds: 9 });
    assert!(error.to_string().contains("make it longer"));
    let invalid =
        Report { verdict: Verdict::Invalid, reasons: vec!["the generator lagged".into()], ..run(1, 20, 1.0, 0.0) };
    let error = compare(&invalid, &long, &quick()).unwrap_err().to_string();
    assert!(error.contains("run A") && error.contains("the generator lagged"), "{error}");
}

#[test]
fn runs_of_different_kind_are_compared_with_a_note() {
    let (a, b) = (run(1, 20, 1.0, 0.0), Report { executor: "goose".into(), ..run(2, 20, 1.0, 0.0) });
    assert_eq!(compare(&a, &b, &quick()).unwrap().notes, ["the runs differ in the executor: http and goose"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn swapping_the_runs_swaps_the_answer(seed in 0u64..1000, scale in 0.5f64..2.0) {
        let (a, b) = (run(seed, 20, 1.0, 0.0), run(seed + 7, 20, scale, 0.0));
        let (there, back) = (compare(&a, &b, &quick()).unwrap(), compare(&b, &a, &quick()).unwrap());
        for (one, other) in there.measures.iter().zip(&back.measures) {
            prop_assert_eq!(one.difference, -other.difference);
            prop_assert!(one.low <= one.high);
            let decided = matches!(one.change, Change::Better | Change::Worse);
            prop_assert!(!(decided && one.change == other.change), "{:?} {:?}", one, other);
        }
    }
}
