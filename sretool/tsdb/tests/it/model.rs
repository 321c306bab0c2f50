//! Random operations on the store and on a map of maps must agree.

use promql::{Labels, MatchOp, Matcher, Queryable, SelectHints};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tsdb::{AppendError, Store, StoreOptions};

const WINDOW: i64 = 500;
const RETENTION: i64 = 2_000;

/// One step of a test.
#[derive(Clone, Debug)]
enum Step {
    Append { series: usize, t: i64, v: u8 },
    Select { matchers: Vec<(usize, u8, usize)>, min: i64, max: i64 },
}

/// Series that differ in which labels they have, so that absent labels are met too.
const SERIES: [&[(&str, &str)]; 6] = [
    &[("__name__", "a"), ("x", "1")],
    &[("__name__", "a"), ("x", "2")],
    &[("__name__", "a")],
    &[("__name__", "b"), ("x", "1"), ("y", "10")],
    &[("__name__", "b"), ("y", "11")],
    &[("__name__", "ab"), ("x", "12"), ("y", "1")],
];

const NAMES: [&str; 4] = ["__name__", "x", "y", "z"];
const VALUES: [&str; 4] = ["a", "1", "", "11"];
const EXPRESSIONS: [&str; 8] = ["a|b", "1.*", ".*", ".+", "", "(a|1)", "1", "[12]"];

fn any_step() -> impl Strategy<Value = Step> {
    let append = (0..SERIES.len(), 0..3_000_i64, 0..3_u8).prop_map(|(series, t, v)| Step::Append { series, t, v });
    let matchers = prop::collection::vec((0..NAMES.len(), 0..4_u8, 0..8_usize), 0..3);
    let select = (matchers, 0..3_000_i64, 0..1_000_i64).prop_map(|(matchers, min, length)| Step::Select {
        matchers,
        min,
        max: min + length,
    });
    prop_oneof![8 => append, 1 => select]
}

fn matcher((name, op, value): (usize, u8, usize)) -> Matcher {
    let op = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex][usize::from(op)];
    let literal = matches!(op, MatchOp::Equal | MatchOp::NotEqual);
    let value = if literal { VALUES[value % VALUES.len()] } else { EXPRESSIONS[value] };
    Matcher::new(NAMES[name], op, value).unwrap()
}

#[derive(Default)]
struct Model(BTreeMap<Labels, BTreeMap<i64, f64>>);

impl Model {
    /// What the store should answer, in words that are easy to compare.
    fn append(&mut self, labels: &Labels, t: i64, v: f64) -> &'static str {
        let samples = self.0.entry(labels.clone()).or_default();
        let newest = samples.last_key_value().map(|(t, _)| *t);
        if newest.is_some_and(|newest| t < newest - WINDOW) {
            return "too old";
        }
        match samples.get(&t) {
            Some(old) if *old != v => "duplicate",
            _ => {
                samples.insert(t, v);
                "ok"
            }
        }
    }

    fn select(&self, matchers: &[Matcher], min: i64, max: i64) -> BTreeMap<Labels, Vec<(i64, f64)>> {
        let matching = self.0.iter().filter(|(l, _)| matchers.iter().all(|m| m.matches(l.get(&m.name))));
        let samples = matching.map(|(l, s)| (l.clone(), s.range(min..=max).map(|(t, v)| (*t, *v)).collect::<Vec<_>>()));
        samples.filter(|(_, samples)| !samples.is_empty()).collect()
    }
}

fn select(store: &Store, matchers: &[Matcher], min_t: i64, max_t: i64) -> BTreeMap<Labels, Vec<(i64, f64)>> {
    let found = store.select(matchers, SelectHints { min_t, max_t }).unwrap();
    found.into_iter().map(|s| (s.labels, s.samples.iter().map(|s| (s.t, s.v)).collect())).collect()
}

fn outcome(result: &Result<(), AppendError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(AppendError::Duplicate { .. }) => "duplicate",
        Err(AppendError::TooOld { .. }) => "too old",
        Err(_) => "something else",
    }
}

fn series(at: usize) -> Labels {
    Labels::new(SERIES[at].iter().copied())
}

proptest! {
    #[test]
    fn the_store_is_a_map_of_maps(steps in prop::collection::vec(any_step(), 1..400)) {
        let store =
            Store::new(StoreOptions { retention_ms: RETENTION, max_series: 100, out_of_order_ms: WINDOW });
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append { series: at, t, v } => {
                    let (labels, v) = (series(at), f64::from(v));
                    let expected = model.append(&labels, t, v);
                    prop_assert_eq!(outcome(&store.append(&labels, t, v)), expected);
                }
                Step::Select { matchers, min, max } => {
                    let matchers: Vec<_> = matchers.into_iter().map(matcher).collect();
                    let expected = model.select(&matchers, min, max);
                    prop_assert_eq!(select(&store, &matchers, min, max), expected.clone());
                    let mut names: Vec<_> = store.series(&matchers, min, max);
                    names.sort();
                    prop_assert_eq!(names, expected.into_keys().collect::<Vec<_>>());
                }
            }
        }
        let stats = store.stats();
        prop_assert_eq!(stats.samples, model.0.values().map(BTreeMap::len).sum::<usize>());
        prop_assert_eq!(stats.min_time, model.0.values().filter_map(|s| s.keys().next()).min().copied());
    }

    /// Truncation may keep what shares a chunk with younger samples, but must keep every younger sample.
    #[test]
    fn truncation_keeps_what_is_young(
        appends in prop::collection::vec((0..SERIES.len(), 0..3_000_i64), 1..600),
        now in 0..6_000_i64,
    ) {
        let store =
            Store::new(StoreOptions { retention_ms: RETENTION, max_series: 100, out_of_order_ms: i64::MAX });
        let mut model = Model::default();
        for (at, t) in appends {
            store.append(&series(at), t, 1.0).unwrap();
            model.0.entry(series(at)).or_default().insert(t, 1.0);
        }
        store.truncate(now);
        let young = select(&store, &[], now - RETENTION, i64::MAX);
        prop_assert_eq!(young, model.select(&[], now - RETENTION, i64::MAX));
        let kept = select(&store, &[], i64::MIN, i64::MAX);
        prop_assert_eq!(store.stats().series, kept.len());
        prop_assert_eq!(store.stats().samples, kept.values().map(Vec::len).sum::<usize>());
        let values = store.label_values("__name__", &[], i64::MIN, i64::MAX).len();
        let names: std::collections::BTreeSet<_> = kept.keys().map(|l| l.metric_name().to_owned()).collect();
        prop_assert_eq!(values, names.len());
    }

    #[test]
    fn a_batch_equals_single_appends(
        appends in prop::collection::vec((0..SERIES.len(), 0..2_000_i64, 0..3_u8), 0..200),
    ) {
        let options = StoreOptions { retention_ms: RETENTION, max_series: 4, out_of_order_ms: WINDOW };
        let (single, batched) = (Store::new(options), Store::new(options));
        // All series exist beforehand: a batch creates new ones last, so that limits would be met in another order.
        for at in 0..4 {
            single.append(&series(at), 0, 0.0).unwrap();
            batched.append(&series(at), 0, 0.0).unwrap();
        }
        let batch: Vec<_> = appends.iter().map(|(at, t, v)| (series(*at), *t, f64::from(*v))).collect();
        let expected: Vec<_> = batch.iter().map(|(l, t, v)| single.append(l, *t, *v).is_ok()).collect();
        let refused = match batched.append_batch(&batch) {
            Ok(accepted) => {
                prop_assert_eq!(accepted, batch.len());
                Vec::new()
            }
            Err(error) => {
                prop_assert_eq!(error.accepted + error.rejected.len(), batch.len());
                error.rejected.iter().map(|r| r.at).collect()
            }
        };
        for (at, ok) in expected.iter().enumerate() {
            prop_assert_eq!(*ok, !refused.contains(&at), "sample {}", at);
        }
        let all = |store: &Store| select(store, &[], i64::MIN, i64::MAX);
        prop_assert_eq!(all(&batched), all(&single));
    }
}
