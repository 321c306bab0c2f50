//! What the engine makes of summaries must be what it makes of the samples.

use promql::{
    Compat, Engine, EngineOptions, Labels, Matcher, Queryable, SelectHints, SeriesData, StorageError, Value, stale_nan,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tsdb::{Store, StoreOptions};

/// A store that has forgotten how to summarise.
struct SamplesOnly<'a>(&'a Store);

impl Queryable for SamplesOnly<'_> {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        self.0.select(matchers, hints)
    }
}

/// Every function that summaries can answer, and two that they cannot.
const FUNCTIONS: [&str; 17] = [
    "rate",
    "increase",
    "delta",
    "resets",
    "changes",
    "sum_over_time",
    "avg_over_time",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "first_over_time",
    "last_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "present_over_time",
    "stddev_over_time",
    "irate",
];

type Values = BTreeMap<(String, i64), f64>;

fn values(store: &dyn Queryable, engine: &Engine, src: &str, at: (i64, i64, i64)) -> Values {
    let expr = promql::parse(src).unwrap();
    let (start, end, step) = at;
    let evaluation = match step {
        0 => engine.instant(store, &expr, end),
        _ => engine.range(store, &expr, start, end, step),
    };
    match evaluation.unwrap().value {
        Value::Vector(samples) => samples.into_iter().map(|s| ((s.labels.to_string(), s.t), s.v)).collect(),
        Value::Matrix(series) => {
            let all = series.iter().flat_map(|s| s.samples.iter().map(|p| ((s.labels.to_string(), p.t), p.v)));
            all.collect()
        }
        other => panic!("{src}: {other:?}"),
    }
}

fn equal(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

/// A stretch of a series: steps of time, rises of the counter, and what happens at its end.
#[derive(Clone, Debug)]
struct Stretch {
    step: i64,
    rises: Vec<f64>,
    end: End,
}

#[derive(Clone, Debug)]
enum End {
    Reset(f64),
    Gap(i64),
    Stale,
    Value(f64),
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let rise = prop_oneof![4 => (0..50_i32).prop_map(f64::from), 1 => Just(0.0), 2 => 0.0..3.0];
    let end = prop_oneof![
        3 => (0.0..5.0).prop_map(End::Reset),
        2 => (1..900_000_i64).prop_map(End::Gap),
        1 => Just(End::Stale),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e308), Just(-1e308)].prop_map(End::Value),
    ];
    (prop_oneof![Just(1_000_i64), Just(15_000), 1..20_000_i64], prop::collection::vec(rise, 1..500), end)
        .prop_map(|(step, rises, end)| Stretch { step, rises, end })
}

/// Fills a series and tells when it ends.
fn fill(store: &Store, name: &str, stretches: &[Stretch]) -> i64 {
    let labels = Labels::new([("__name__", "c_total"), ("job", name)]);
    let (mut t, mut counter) = (0, 0.0);
    for stretch in stretches {
        for rise in &stretch.rises {
            (t, counter) = (t + stretch.step, counter + rise);
            store.append(&labels, t, counter).unwrap();
        }
        let special = match stretch.end {
            End::Reset(to) => {
                counter = to;
                continue;
            }
            End::Gap(width) => {
                t += width;
                continue;
            }
            End::Stale => stale_nan(),
            End::Value(v) => v,
        };
        t += stretch.step;
        store.append(&labels, t, special).unwrap();
    }
    t
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn both_paths_give_the_same_values(
        series in prop::collection::vec(prop::collection::vec(stretch(), 1..9), 1..4),
        late in prop::collection::vec((0..5_000_000_i64, 0..100_i32), 0..10),
        share in 0.05..1.3,
        offset in 0..20_000_i64,
        steps in 0..20_i64,
    ) {
        let store = Store::new(StoreOptions { out_of_order_ms: i64::MAX, ..StoreOptions::default() });
        let end = series.iter().enumerate().map(|(i, s)| fill(&store, &i.to_string(), s)).max().unwrap_or(0);
        for (t, v) in late {
            let _ = store.append(&Labels::new([("__name__", "c_total"), ("job", "0")]), t, f64::from(v));
        }
        // 1e308 swallows what is added to it: drops of such a counter come out by the order of addition.
        let huge = series.iter().flatten().any(|s| matches!(s.end, End::Value(v) if v.abs() == 1e308));
        let range = ((end as f64 * share) as i64).max(1);
        for compat in [Compat::V3, Compat::V2_42] {
            let engine = Engine::new(EngineOptions { compat, ..EngineOptions::default() });
            for function in FUNCTIONS {
                let src = format!("{function}(c_total[{range}ms] offset {offset}ms)");
                let step = if steps == 0 { 0 } else { (end / steps / 2).max(1) };
                let at = (end / 2, end + offset / 2, step);
                let found = values(&store, &engine, &src, at);
                let expected = values(&SamplesOnly(&store), &engine, &src, at);
                prop_assert!(found.keys().eq(expected.keys()), "{}: {:?} {:?}", src, found, expected);
                if huge && ["rate", "increase"].contains(&function) {
                    continue;
                }
                for (key, v) in &expected {
                    prop_assert!(equal(found[key], *v), "{} {:?}: {} is not {}", src, key, found[key], v);
                }
            }
        }
    }
}

#[test]
fn a_month_is_summed_up_without_reading_it() {
    // The limit on samples would stop any query that reads them.
    let store = Store::default().with_max_query_samples(100);
    let labels = |code: &str| Labels::new([("__name__", "req_total"), ("code", code)]);
    let month = 30 * 86_400_000_i64;
    for i in 0..month / 60_000 {
        store.append(&labels("200"), i * 60_000, (i * 10) as f64).unwrap();
        store.append(&labels("500"), i * 60_000, (i % 10_000) as f64).unwrap();
    }
    let src = r#"sum(increase(req_total{code="500"}[30d])) / sum(increase(req_total[30d]))"#;
    let found = values(&store, &Engine::default(), src, (0, month - 30_000, 0));
    let engine = Engine::default();
    let drops = 4.0;
    let errors = 43_199.0 - drops;
    assert!(equal(found.values().next().copied().unwrap(), errors / (errors + 431_990.0)), "{found:?}");
    let refused = engine.instant(&SamplesOnly(&store), &promql::parse(src).unwrap(), month);
    assert!(refused.unwrap_err().to_string().contains("100 samples"));
}

#[test]
fn sums_that_might_overflow_are_added_one_by_one() {
    let store = Store::default();
    let name = Labels::new([("__name__", "g")]);
    for i in 0..1_000_i64 {
        let v = if i == 100 { f64::MAX } else { 1.0 };
        store.append(&name, i, if i == 700 { -f64::MAX } else { v }).unwrap();
    }
    store.append(&name, 1_000, f64::MAX).unwrap();
    store.append(&name, 1_001, f64::MAX).unwrap();
    for function in ["sum_over_time", "avg_over_time"] {
        let src = format!("{function}(g[10m])");
        let at = (0, 2_000, 0);
        let expected = values(&SamplesOnly(&store), &Engine::default(), &src, at);
        assert_eq!(values(&store, &Engine::default(), &src, at), expected);
    }
}
