//! PromQL over the store: what compression, late samples and markers must not change.

use promql::{Engine, EngineOptions, Labels, Value, stale_nan};
use tsdb::{Store, StoreOptions, load_openmetrics};

#[track_caller]
fn evaluate(store: &Store, expr: &str, at_ms: i64) -> Vec<(String, f64)> {
    let parsed = promql::parse(expr).unwrap();
    let evaluation = Engine::new(EngineOptions::default()).instant(store, &parsed, at_ms).unwrap();
    let Value::Vector(samples) = evaluation.value else { panic!("{expr} is no vector") };
    let mut found: Vec<_> = samples.into_iter().map(|s| (s.labels.to_string(), s.v)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[track_caller]
fn check(store: &Store, expr: &str, at_ms: i64, expected: &[(&str, f64)]) {
    let found = evaluate(store, expr, at_ms);
    assert_eq!(found.len(), expected.len(), "{expr}: {found:?}");
    for ((labels, value), (expected_labels, expected_value)) in found.iter().zip(expected) {
        assert_eq!(labels, expected_labels);
        assert!((value - expected_value).abs() < 1e-9, "{expr}: {labels} is {value}, not {expected_value}");
    }
}

fn name(name: &str) -> Labels {
    Labels::new([("__name__", name)])
}

/// A counter of 10 a second over 1,000 seconds, which is more than four chunks, with a restart in the middle.
fn counter() -> Store {
    let store = Store::default();
    for second in 0..1_000_i64 {
        let value = if second < 500 { second * 10 } else { (second - 500) * 10 };
        store.append(&name("c_total"), second * 1_000, value as f64).unwrap();
    }
    store
}

#[test]
fn rates_cross_chunks_and_restarts() {
    let store = counter();
    check(&store, "rate(c_total[1m])", 400_500, &[("{}", 10.0)]);
    check(&store, "rate(c_total[10m])", 999_500, &[("{}", 10.0 * 598.0 / 599.0)]);
    check(&store, "resets(c_total[16m])", 999_500, &[("{}", 1.0)]);
    check(&store, "count_over_time(c_total[5m])", 600_500, &[("{}", 300.0)]);
}

#[test]
fn a_stale_marker_ends_a_series_at_once() {
    let store = Store::default();
    for (t, v) in [(0, 1.0), (15_000, 1.0), (30_000, stale_nan())] {
        store.append(&name("up"), t, v).unwrap();
    }
    check(&store, "up", 20_000, &[("up", 1.0)]);
    check(&store, "up", 30_000, &[]);
    check(&store, "count_over_time(up[1m])", 30_000, &[("{}", 2.0)]);
    store.append(&name("up"), 45_000, f64::NAN).unwrap();
    assert!(evaluate(&store, "up", 45_000)[0].1.is_nan());
}

#[test]
fn late_samples_count_as_if_they_had_been_on_time() {
    let (ordered, shuffled) = (Store::default(), Store::default());
    let sample = |i: i64| (i * 1_000, (i * i) as f64);
    for i in 0..300 {
        let (t, v) = sample(i);
        ordered.append(&name("c"), t, v).unwrap();
        // Pairs arrive in reverse: 1, 0, 3, 2, …
        let (t, v) = sample(i ^ 1);
        shuffled.append(&name("c"), t, v).unwrap();
    }
    for expr in ["rate(c[1m])", "max_over_time(c[2m])", "avg_over_time(c[90s:7s])", "c offset 1m"] {
        assert_eq!(evaluate(&shuffled, expr, 299_500), evaluate(&ordered, expr, 299_500), "{expr}");
    }
}

#[test]
fn a_histogram_file_answers_quantiles() {
    let mut body = String::from("# TYPE lat_seconds histogram\n# UNIT lat_seconds seconds\n");
    for minute in 0..10 {
        for (le, share) in [("0.1", 50), ("0.2", 90), ("1", 100), ("+Inf", 100)] {
            body += &format!("lat_seconds_bucket{{le=\"{le}\"}} {} {}\n", share * minute, minute * 60);
        }
        body += &format!("lat_seconds_count {} {}\n", 100 * minute, minute * 60);
    }
    let store = load_openmetrics(&(body + "# EOF\n"), 0).unwrap();
    let at = 9 * 60_000;
    check(&store, "histogram_quantile(0.9, rate(lat_seconds_bucket[5m]))", at, &[("{}", 0.2)]);
    check(&store, "histogram_quantile(0.5, rate(lat_seconds_bucket[5m]))", at, &[("{}", 0.1)]);
    let ratio = r#"sum(rate(lat_seconds_bucket{le="0.2"}[5m])) / sum(rate(lat_seconds_count[5m]))"#;
    check(&store, ratio, at, &[("{}", 0.9)]);
    // The bound was written as 1 and is found under its normal form.
    check(&store, r#"lat_seconds_bucket{le="1.0"}"#, at, &[(r#"lat_seconds_bucket{le="1.0"}"#, 900.0)]);
}

#[test]
fn selectors_meet_absent_labels() {
    let store = Store::default();
    for (labels, v) in [(vec![("__name__", "m"), ("env", "prod")], 1.0), (vec![("__name__", "m")], 2.0)] {
        store.append(&Labels::new(labels), 0, v).unwrap();
    }
    check(&store, r#"m{env=""}"#, 0, &[("m", 2.0)]);
    check(&store, r#"m{env!="prod"}"#, 0, &[("m", 2.0)]);
    check(&store, r#"m{env=~"prod|"}"#, 0, &[("m", 2.0), (r#"m{env="prod"}"#, 1.0)]);
    check(&store, r#"{__name__=~"m|n",env!~".+"}"#, 0, &[("m", 2.0)]);
    check(&store, "sum(m) by (env)", 0, &[(r#"{env="prod"}"#, 1.0), ("{}", 2.0)]);
}

#[test]
fn a_query_that_is_too_large_is_refused_by_name() {
    let store = Store::new(StoreOptions::default()).with_max_query_samples(100);
    for t in 0..200 {
        store.append(&name("c"), t * 1_000, 1.0).unwrap();
    }
    let parsed = promql::parse("stddev_over_time(c[10m])").unwrap();
    let error = Engine::new(EngineOptions::default()).instant(&store, &parsed, 200_000).unwrap_err();
    assert!(error.to_string().contains("100 samples"), "{error}");
}
