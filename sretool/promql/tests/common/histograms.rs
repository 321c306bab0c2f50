//! Random series with native histograms among their samples.

use promql::{CUSTOM_SCHEMA, Histogram, HistogramSample, Labels, ResetHint, Sample, SeriesData, StartTimes};
use proptest::prelude::*;
use std::sync::Arc;

fn buckets() -> impl Strategy<Value = Vec<(i32, f64)>> {
    prop::collection::btree_map(-3..6i32, (0..9u8).prop_map(f64::from), 0..5).prop_map(|m| m.into_iter().collect())
}

/// Histograms whose count is that of their buckets, of every kind.
pub fn histogram() -> impl Strategy<Value = Histogram> {
    let hint = prop::sample::select(vec![
        ResetHint::Unknown,
        ResetHint::Unknown,
        ResetHint::Reset,
        ResetHint::NotReset,
        ResetHint::Gauge,
    ]);
    let schema = prop::sample::select(vec![0, 0, 0, 1, -1, 3, CUSTOM_SCHEMA]);
    let zero = (prop::sample::select(vec![0.0, 0.001, 0.6, 2.0]), (0..4u8).prop_map(f64::from));
    (schema, buckets(), buckets(), zero, hint, 0..20u8).prop_map(
        |(schema, positive, negative, zero, reset_hint, odd)| {
            let mut h = Histogram { schema, positive, reset_hint, ..Histogram::default() };
            if schema == CUSTOM_SCHEMA {
                h.bounds = if odd % 2 == 0 { [1.0, 2.0, 5.0].into() } else { [-1.0, 2.0, 5.0, 9.0].into() };
                h.positive.retain(|(i, _)| (0..=3).contains(i));
            } else {
                (h.negative, h.zero_threshold, h.zero_count) = (negative, zero.0, zero.1);
            }
            h.count = h.positive.iter().chain(&h.negative).map(|(_, c)| c).sum::<f64>() + h.zero_count;
            h.sum = if odd == 0 { f64::NAN } else { h.count * f64::from(odd) / 4.0 };
            h
        },
    )
}

#[derive(Clone, Debug)]
enum Value {
    Float(f64),
    Native(Box<Histogram>),
    Stale,
}

/// A series of both kinds of samples, some of them with a known start.
pub fn series(name: &'static str, job: &'static str) -> impl Strategy<Value = SeriesData> {
    let value = prop_oneof![
        1 => (0..9u8).prop_map(|v| Value::Float(f64::from(v))),
        12 => histogram().prop_map(|h| Value::Native(Box::new(h))),
        1 => Just(Value::Stale),
    ];
    let samples = prop::collection::btree_map(0..200_000i64, (value, 0..40_000i64), 1..40);
    (samples, any::<bool>()).prop_map(move |(points, started)| {
        let (mut samples, mut histograms, mut starts) = (Vec::new(), Vec::new(), StartTimes::default());
        for (t, (value, age)) in points {
            let start = (t - age).max(0);
            let mut put = |h: Histogram| {
                histograms.push(HistogramSample { t, h: Arc::new(h) });
                starts.histograms.push(start);
            };
            match value {
                Value::Float(v) => {
                    samples.push(Sample { t, v });
                    starts.samples.push(start);
                }
                Value::Native(h) => put(*h),
                Value::Stale => put(Histogram { sum: promql::stale_nan(), ..Histogram::default() }),
            }
        }
        SeriesData {
            labels: Labels::new([("__name__", name), ("job", job), ("instance", "i")]),
            samples: samples.into(),
            histograms: histograms.into(),
            starts: started.then(|| Arc::new(starts)),
        }
    })
}

/// Expressions over such series, named `h` and `g`.
pub fn expression() -> impl Strategy<Value = String> {
    let words = |words: &[&'static str]| prop::sample::select(words.to_vec()).prop_map(str::to_owned);
    let selector = words(&["h", "g", "h{job=\"x\"}", "{__name__=~\"h|g\",job=\"y\"}", "h smoothed", "g offset 7s"]);
    let range =
        words(&["h[40s]", "g[1m]", "h[50s] offset 7s", "{job=\"x\"}[30s]", "h[40s] anchored", "g[40s] smoothed"]);
    let function = words(&[
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "resets",
        "changes",
        "sum_over_time",
        "avg_over_time",
        "count_over_time",
        "min_over_time",
        "last_over_time",
        "first_over_time",
        "present_over_time",
        "stddev_over_time",
        "deriv",
    ]);
    let leaf = prop_oneof![selector, (function.clone(), range).prop_map(|(f, r)| format!("{f}({r})"))];
    leaf.prop_recursive(3, 10, 2, move |inner| {
        let op = words(&["+", "-", "*", "/", "==", "!=", "and", "or", "unless", "> bool", "+ fill (1)"]);
        let scalar = words(&["* 2", "/ 0", "</ 1.5", ">/ 0.7", "== 3", "* -1", "+ 1"]);
        let of_one = words(&[
            "histogram_count",
            "histogram_sum",
            "histogram_avg",
            "histogram_stddev",
            "histogram_stdvar",
            "abs",
            "-",
            "timestamp",
            "absent",
            "info",
        ]);
        let of_quantile = words(&["histogram_quantile(0.3, ", "histogram_fraction(-1, 2, ", "topk(1, ", "limitk(1, "]);
        let group = words(&["sum", "avg", "count", "group", "min", "stddev", "sum by (job)", "avg without (job)"]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("({l}) {op} ({r})")),
            (inner.clone(), scalar).prop_map(|(e, s)| format!("({e}) {s}")),
            (of_one, inner.clone()).prop_map(|(f, e)| format!("{f}({e})")),
            (of_quantile, inner.clone()).prop_map(|(f, e)| format!("{f}{e})")),
            (group, inner.clone()).prop_map(|(g, e)| format!("{g}({e})")),
            (function.clone(), inner).prop_map(|(f, e)| format!("{f}(({e})[40s:8s])")),
        ]
    })
}
