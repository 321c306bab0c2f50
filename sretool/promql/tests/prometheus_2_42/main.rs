//! Compares the evaluator, set to 2.42, with a live Prometheus 2.42 on random expressions and random data.
//!
//! `SRETOOL_PROMETHEUS_242` names the folder that holds its `prometheus` and `promtool`; without it the test is
//! skipped.

#[path = "../common/expressions.rs"]
#[expect(dead_code, reason = "the generators for the parser are not needed here")]
mod expressions;
#[path = "../common/memory.rs"]
#[expect(dead_code, reason = "the store is filled by a generator here")]
mod memory;
mod server;

use memory::Memory;
use promql::{Compat, Engine, EngineOptions, Labels, Sample, SeriesData, Value, parse};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use server::Server;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the data starts, in seconds since the Unix epoch; the expressions speak of times from zero on.
const BASE: i64 = 1_700_000_000;
const EXPRESSIONS: usize = 3000;

/// A result by labels and time.
type Points = BTreeMap<(String, i64), f64>;

/// Series with uneven distances, resets, gaps and NaN, from a fixed linear congruence.
fn data() -> Memory {
    let mut state: u64 = 42;
    let mut random = move |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let metrics = [("m", "x", ""), ("m", "y", ""), ("m", "z", ""), ("n", "x", ""), ("n", "y", "")];
    let buckets = [("b_bucket", "x", "1"), ("b_bucket", "x", "2"), ("b_bucket", "x", "+Inf")];
    let mut series = Vec::new();
    for (name, job, le) in metrics.into_iter().chain(buckets) {
        let labels = Labels::new([("__name__", name), ("job", job), ("le", le)]);
        let (mut t, mut v) = (BASE * 1000 + random(5000) as i64, random(10) as f64);
        let mut samples = Vec::new();
        while t < (BASE + 400) * 1000 {
            let odd = random(20);
            v = match odd {
                0 => random(3) as f64,
                1 => f64::NAN,
                _ if v.is_nan() => random(9) as f64,
                _ => v + random(7) as f64 * 0.5,
            };
            samples.push(Sample { t, v });
            t += if random(15) == 0 { 45_000 } else { 3000 + random(4000) as i64 };
        }
        series.push(SeriesData::new(labels, samples));
    }
    Memory::from(series)
}

fn open_metrics(data: &Memory) -> String {
    let mut text = String::new();
    for series in &data.series {
        for s in series.samples.iter() {
            // OpenMetrics has no blanks between labels.
            let (labels, seconds) = (series.labels.to_string().replace(", ", ","), s.t as f64 / 1000.0);
            let value = if s.v.is_nan() { "NaN".to_owned() } else { s.v.to_string() };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{labels} {value} {seconds:.3}");
        }
    }
    text + "# EOF\n"
}

/// Our answer, or the reason for none.
fn ours(data: &Memory, src: &str, start: i64, end: i64, step: i64) -> Result<Points, String> {
    let options = EngineOptions { compat: Compat::V2_42, default_step_ms: 60_000, ..EngineOptions::default() };
    let expr = parse(src).map_err(|e| e.render(src))?;
    let evaluation = Engine::new(options).range(data, &expr, start, end, step).map_err(|e| e.to_string())?;
    let Value::Matrix(series) = evaluation.value else { return Err("no matrix".into()) };
    let mut points = Points::new();
    for s in series {
        points.extend(s.samples.iter().map(|sample| ((s.labels.to_string(), sample.t), sample.v)));
    }
    Ok(points)
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
}

fn same(a: &Points, b: &Points) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((k, v), (l, w))| k == l && close(*v, *w))
}

/// Constructs that 2.42 lacks, or on which the two differ for a reason.
const NOT_COMPARED: [(&str, &str); 8] = [
    ("mad_over_time", "unknown to 2.42"),
    ("ts_of", "unknown to 2.42"),
    ("first_over_time", "unknown to 2.42"),
    ("topk", "which of equal values it picks is up to the implementation"),
    ("bottomk", "which of equal values it picks is up to the implementation"),
    ("stddev", "of equal values it is nothing but rounding"),
    ("minute", "of NaN it is whatever the processor makes of it"),
    ("atan2", "2.42 keeps the metric name"),
];

fn compared(src: &str) -> bool {
    // A label shows the last bit of a mean, which the compensation of rounding errors changes.
    let bits = src.contains("count_values");
    // 2.42 misplaces an `@` inside of a subquery that has one too.
    let nested_at = src.matches('@').count() > 1 && src.contains(':');
    !bits && !nested_at && !NOT_COMPARED.iter().any(|(word, _)| src.contains(word))
}

/// For functions over ranges and signs 2.42 looks for equal label sets in the whole range: it refuses a range whose
/// every time by itself is fine.
fn whole_ranges_are_refused(data: &Memory, server: &Server) {
    let src = "changes({__name__=~\"m|n\",job=\"x\"}[500ms])";
    let single = |t: &i64| ours(data, src, *t, *t, 1).is_ok_and(|points| points.len() == 1);
    let there: Vec<_> = (0..300).map(|i| (BASE + i) * 1000).filter(single).collect();
    // The first time belongs to one series; where the range is refused, the other has joined it.
    let a = there[0];
    let refused = |t: &&i64| **t > a && ours(data, src, a, **t, **t - a).is_err();
    let b = *there.iter().find(refused).expect("two times with different series");
    for t in [a, b] {
        assert_eq!(server.range(src, t, t, 1).map(|points| points.len()), Ok(1), "{src} at {t}");
    }
    let error = server.range(src, a, b, b - a).expect_err("the whole range is refused");
    assert!(error.contains("same labelset"), "{error}");
}

#[test]
fn prometheus_2_42_agrees() {
    let Some(folder) = std::env::var_os("SRETOOL_PROMETHEUS_242") else {
        println!("skipped: SRETOOL_PROMETHEUS_242 is not set");
        return;
    };
    let data = data();
    let server = Server::start(folder.as_ref(), &open_metrics(&data));
    whole_ranges_are_refused(&data, &server);
    let mut runner = TestRunner::deterministic();
    let strategy = expressions::vector_expression();
    let (mut agreed, mut failed, mut empty) = (0, 0, 0);
    let mut wrong = Vec::new();
    for i in 0..EXPRESSIONS {
        let src = strategy.new_tree(&mut runner).expect("a value").current();
        // Fixed times are meant from the start of the data.
        let src = src.replace("@ 60", &format!("@ {}", BASE + 60)).replace("@ 90", &format!("@ {}", BASE + 90));
        if !compared(&src) {
            continue;
        }
        let (start, step) = ((BASE + 20 + (i as i64 * 7) % 60) * 1000, 1000 * (1 + i as i64 % 40));
        let end = start + 6 * step;
        match (ours(&data, &src, start, end, step), server.range(&src, start, end, step)) {
            (Ok(a), Ok(b)) if same(&a, &b) => {
                agreed += 1;
                empty += usize::from(a.is_empty());
            }
            (Err(_), Err(_)) => failed += 1,
            // Of nested subqueries 2.42 evaluates the inner ones at times that no window covers, and may fail there.
            (Ok(_), Err(e)) if e.contains("same labelset") && src.matches(':').count() > 1 => failed += 1,
            (a, b) => {
                wrong.push(format!("{src}\n    from {start} to {end} step {step}\n    ours   {a:?}\n    theirs {b:?}"))
            }
        }
    }
    println!("{agreed} agree ({empty} of them without data), {failed} fail on both sides, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agreed > EXPRESSIONS / 3);
}
