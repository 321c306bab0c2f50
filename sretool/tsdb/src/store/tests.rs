use super::*;
use crate::MetricType;
use promql::{MatchOp, Matcher, Queryable, SelectHints, StorageError, SummaryHints, stale_nan};
use std::ops::ControlFlow;
use std::sync::Arc;

const ALWAYS: SelectHints = SelectHints { min_t: i64::MIN, max_t: i64::MAX };

fn labels(text: &str) -> Labels {
    Labels::new(text.split(',').map(|pair| pair.split_once('=').unwrap_or(("__name__", pair))))
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).unwrap()
}

fn options(max_series: usize) -> StoreOptions {
    StoreOptions { retention_ms: 1_000, max_series, out_of_order_ms: 100 }
}

fn filled() -> Store {
    let store = Store::new(options(100));
    for (i, series) in ["up,job=a", "up,job=b,env=x", "req,job=a,status=200", "req,job=b,status=503"].iter().enumerate()
    {
        for t in 0..5 {
            store.append(&labels(series), t * 10 + i as i64, t as f64).unwrap();
        }
    }
    store
}

#[track_caller]
fn check(matchers: &[(&str, MatchOp, &str)], expected: &[&str]) {
    let matchers: Vec<_> = matchers.iter().map(|(n, op, v)| matcher(n, *op, v)).collect();
    let mut found: Vec<_> = filled().select(&matchers, ALWAYS).unwrap().into_iter().map(|s| s.labels).collect();
    let mut expected: Vec<_> = expected.iter().map(|e| labels(e)).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn matchers_select_series() {
    use MatchOp::*;
    check(&[("__name__", Equal, "up")], &["up,job=a", "up,job=b,env=x"]);
    check(&[("env", Equal, ""), ("__name__", Equal, "up")], &["up,job=a"]);
    check(&[("env", NotEqual, ""), ("__name__", Equal, "up")], &["up,job=b,env=x"]);
    check(&[("status", Regex, "5..")], &["req,job=b,status=503"]);
    check(&[("status", NotRegex, "5.."), ("__name__", Equal, "req")], &["req,job=a,status=200"]);
    check(&[("job", Regex, "a|c"), ("status", Regex, ".*")], &["up,job=a", "req,job=a,status=200"]);
    check(&[("job", Equal, "nobody")], &[]);
}

#[test]
fn the_window_is_closed_and_empty_series_are_left_out() {
    let store = filled();
    let found = store.select(&[matcher("job", MatchOp::Equal, "a")], SelectHints { min_t: 12, max_t: 20 }).unwrap();
    let samples: Vec<_> = found.iter().map(|s| s.samples.iter().map(|s| s.t).collect::<Vec<_>>()).collect();
    assert_eq!(samples, [vec![20], vec![12]]);
    assert!(store.select(&[], SelectHints { min_t: 44, max_t: 99 }).unwrap().is_empty());
}

#[test]
fn contradictions_and_late_samples_are_typed_errors() {
    let store = filled();
    let up = labels("up,job=a");
    assert_eq!(store.append(&up, 40, 4.0), Ok(()));
    let error = store.append(&up, 40, 5.0).unwrap_err();
    assert_eq!(error, AppendError::Duplicate { labels: up.clone(), t: 40, existing: 4.0, rejected: 5.0 });
    assert_eq!(error.to_string(), "up{job=\"a\"} has the value 4 at 40 ms already; 5 was refused");
    let error = store.append(&up, -61, 5.0).unwrap_err();
    assert_eq!(error, AppendError::TooOld { labels: up, t: -61, newest: 40, window_ms: 100 });
    assert_eq!(store.append(&Labels::default(), 1, 1.0), Err(AppendError::NoLabels));
}

#[test]
fn the_series_limit_refuses_loudly_and_recovers() {
    let store = Store::new(options(1));
    store.append(&labels("a"), 0, 1.0).unwrap();
    let error = store.append(&labels("b"), 0, 1.0).unwrap_err();
    assert_eq!(error, AppendError::SeriesLimit { limit: 1, labels: labels("b") });
    assert!(error.to_string().contains("limit of 1 series"));
    store.truncate(5_000);
    assert_eq!(store.append(&labels("b"), 5_000, 1.0), Ok(()));
    assert_eq!(store.series(&[], 0, 9_999), [labels("b")]);
}

#[test]
fn a_batch_keeps_what_it_can() {
    let store = Store::new(options(2));
    store.append(&labels("a"), 10, 1.0).unwrap();
    let batch = [(labels("a"), 10, 2.0), (labels("a"), 20, 2.0), (labels("b"), 10, 1.0), (labels("c"), 10, 1.0)];
    let error = store.append_batch(&batch).unwrap_err();
    assert_eq!((error.accepted, error.rejected.iter().map(|r| r.at).collect::<Vec<_>>()), (2, vec![0, 3]));
    assert!(error.to_string().starts_with("2 of 4 samples refused: a has the value 1 at 10 ms"), "{error}");
    assert_eq!(store.append_batch(&batch[1..3]), Ok(2));
    assert_eq!(store.stats().samples, 3);
}

#[test]
fn names_and_values_respect_matchers_and_time() {
    let store = filled();
    let names = |m: &[Matcher], min| store.label_names(m, min, 99).iter().map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&[], 0), ["__name__", "env", "job", "status"]);
    assert_eq!(names(&[matcher("job", MatchOp::Equal, "a")], 0), ["__name__", "job", "status"]);
    assert_eq!(names(&[], 43), ["__name__", "job", "status"]);
    let values =
        |m: &[Matcher], min| store.label_values("job", m, min, 99).iter().map(|v| v.to_string()).collect::<Vec<_>>();
    assert_eq!(values(&[], 0), ["a", "b"]);
    assert_eq!(values(&[], 43), ["b"]);
    assert_eq!(values(&[matcher("env", MatchOp::Equal, "x")], 0), ["b"]);
    assert!(values(&[], 44).is_empty());
}

#[test]
fn retention_frees_series_and_reuses_their_places() {
    let store = filled();
    for t in 0..300 {
        store.append(&labels("up,job=a"), 1_000 + t * 10, 1.0).unwrap();
    }
    store.truncate(1_900 + 1_000);
    let stats = store.stats();
    assert_eq!((stats.series, stats.min_time, stats.max_time), (1, Some(0), Some(3_990)));
    store.truncate(4_400);
    assert_eq!(store.stats().min_time, Some(3_350));
    store.append(&labels("new"), 4_400, 1.0).unwrap();
    assert_eq!(store.series(&[matcher("__name__", MatchOp::Equal, "new")], 0, 9_999), [labels("new")]);
    assert_eq!(store.label_values("job", &[], 0, 9_999).len(), 1);
}

#[test]
fn a_query_cannot_exhaust_the_memory() {
    let store = filled().with_max_query_samples(19);
    assert_eq!(store.select(&[], ALWAYS), Err(StorageError::TooManySamples { limit: 19 }));
    assert_eq!(store.select(&[matcher("job", MatchOp::Equal, "a")], ALWAYS).unwrap().len(), 2);
}

#[test]
fn nan_bits_are_kept() {
    let store = Store::new(options(1));
    let values = [stale_nan(), f64::from_bits(0x7ff8_0000_0000_0001), -0.0, f64::INFINITY];
    for (t, v) in values.iter().enumerate() {
        store.append(&labels("a"), t as i64, *v).unwrap();
    }
    let found = store.select(&[], ALWAYS).unwrap();
    let bits: Vec<_> = found[0].samples.iter().map(|s| s.v.to_bits()).collect();
    assert_eq!(bits, values.map(f64::to_bits));
}

#[test]
fn exemplars_belong_to_series() {
    let store = filled();
    let exemplar = Exemplar { labels: Labels::new([("trace_id", "7")]), value: 0.3, t: 20 };
    assert!(store.add_exemplar(&labels("up,job=a"), exemplar.clone()));
    assert!(!store.add_exemplar(&labels("up,job=a"), exemplar.clone()));
    assert!(!store.add_exemplar(&labels("nothing"), exemplar.clone()));
    let found = store.exemplars(&[matcher("__name__", MatchOp::Equal, "up")], 0, 99);
    assert_eq!((found.len(), &found[0].labels, &found[0].exemplars), (1, &labels("up,job=a"), &vec![exemplar]));
    assert!(store.exemplars(&[], 21, 99).is_empty());
}

#[test]
fn metadata_is_by_family() {
    let store = Store::default();
    let metadata = Metadata { kind: MetricType::Counter, help: "Requests.".into(), unit: String::new() };
    store.set_metadata("req", metadata.clone());
    store.set_metadata("req", metadata.clone());
    assert_eq!(store.metadata().into_iter().collect::<Vec<_>>(), [("req".to_owned(), metadata)]);
}

#[test]
fn a_long_window_is_answered_without_its_samples() {
    let store = Store::new(options(2)).with_max_query_samples(0);
    for t in 0..480 {
        store.append(&labels("a"), t, (t % 100) as f64).unwrap();
    }
    store.append(&labels("b"), 5_000, 1.0).unwrap();
    let mut found = Vec::new();
    let hints = SummaryHints { windows: &[(0, 479)], sliding: true };
    let answered = store.summarize(&[], hints, &mut |labels, windows| {
        found.push((labels.metric_name().to_owned(), windows[0]));
        ControlFlow::Continue(())
    });
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let (a, b) = (&found[0].1, &found[1].1);
    assert_eq!((answered, a.count, a.resets, a.last.v - a.first.v + a.resets), (Ok(true), 480, 396.0, 79.0 + 396.0));
    assert_eq!((found.len(), b.count), (2, 0));
}

#[test]
fn a_visitor_may_stop() {
    let store = filled();
    let mut seen = 0;
    let hints = SummaryHints { windows: &[(0, 99)], sliding: false };
    let answered = store.summarize(&[], hints, &mut |_, _| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((answered, seen), (Ok(true), 1));
}

#[test]
fn threads_share_a_store() {
    let store = Arc::new(Store::new(StoreOptions { out_of_order_ms: 10_000, ..options(100) }));
    std::thread::scope(|scope| {
        for worker in 0..4_i64 {
            let store = Arc::clone(&store);
            scope.spawn(move || {
                for t in 0..500 {
                    let series = labels(["a", "b", "c"][(t % 3) as usize]);
                    store.append(&series, t * 4 + worker, 1.0).unwrap();
                }
            });
        }
    });
    let stats = store.stats();
    assert_eq!((stats.series, stats.samples), (3, 2_000));
}
