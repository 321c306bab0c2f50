//! Traffic on which other tools' numbers go wrong, run through the generated rules and the report's queries.

mod alerts;

use promql::{Engine, Labels, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError, Value};
use slo::{Action, Answers, Catalog, Options, Request, Slo, SloReport, Status, When, Window};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const DOCUMENT: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: shop
  timeWindow: [{duration: 7d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: ok}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: prometheus, spec: {query: errors_total}}}
        total: {metricSource: {type: prometheus, spec: {query: requests_total}}}
"#;

fn slo() -> Slo {
    Catalog::load([("shop.yaml", DOCUMENT)]).slos.into_iter().next().expect("the document is valid")
}

/// Series in memory.
#[derive(Default)]
struct Memory(BTreeMap<Labels, Vec<Sample>>);

impl Memory {
    fn append(&mut self, labels: Labels, t: i64, v: f64) {
        self.0.entry(labels).or_default().push(Sample { t, v });
    }

    /// A counter that is sampled each minute from 0 to the end and rises by `rate(minute)` a minute.
    fn counter(&mut self, name: &str, end: i64, rate: impl Fn(i64) -> f64) {
        let mut value = 0.0;
        for minute in 0..=end / MINUTE {
            self.append(Labels::new([("__name__", name)]), minute * MINUTE, value);
            value += rate(minute);
        }
    }
}

impl Queryable for Memory {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let matching = self.0.iter().filter(|(labels, _)| matchers.iter().all(|m| m.matches(labels.get(&m.name))));
        let inside = |samples: &[Sample]| -> Vec<Sample> {
            samples.iter().filter(|s| (hints.min_t..=hints.max_t).contains(&s.t)).copied().collect()
        };
        let series = matching.map(|(labels, samples)| SeriesData::new(labels.clone(), inside(samples)));
        Ok(series.filter(|series| !series.samples.is_empty()).collect())
    }
}

fn instant(store: &Memory, expr: &str, at: i64) -> Value {
    let parsed = promql::parse(expr).unwrap_or_else(|error| panic!("{expr}\n{error}"));
    Engine::default().instant(store, &parsed, at).unwrap_or_else(|error| panic!("{expr}\n{error}")).value
}

/// The report, as `sretool slo report` makes it.
fn report(store: &Memory, at: i64) -> SloReport {
    let (slo, request) = (slo(), Request::at(at));
    let mut answers = Answers::default();
    for query in slo::plan(&slo, &request) {
        let When::At(at) = query.when else { panic!("{query:?}") };
        answers.record(&slo, &query, &instant(store, &query.expr, at)).expect("every query yields one number");
    }
    slo::evaluate(&slo, &answers, &request).remove(0)
}

/// Evaluates the recording rules every five minutes, as Prometheus does, and reads one of their series at the end.
fn recorded(store: &mut Memory, end: i64, series: &str) -> Option<f64> {
    let options = Options { alerts: false, ..Options::new("") };
    let file = slo::generate(&[slo()], &options).expect("rules can be made of it");
    let needed = ["slo:sli_events:increase5m", "slo:sli_errors:increase5m"];
    let mut step = 0;
    while step <= end {
        for rule in file.groups.iter().flat_map(|group| &group.rules) {
            let Action::Record(name) = &rule.action else { continue };
            // Every other rule is a function of these two at its own time.
            if step < end && !needed.contains(&name.as_str()) {
                continue;
            }
            let Value::Vector(samples) = instant(store, &rule.expr, step) else { panic!("{}", rule.expr) };
            for sample in samples {
                let labels = sample.labels.iter().chain(rule.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
                let labels = Labels::new(labels.filter(|(key, _)| *key != "__name__"));
                store.append(labels.with("__name__", name), step, sample.v);
            }
        }
        step += 5 * MINUTE;
    }
    match instant(store, series, end) {
        Value::Vector(samples) => {
            assert!(samples.len() <= 1, "{samples:?}");
            samples.first().map(|sample| sample.v)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn close(actual: Option<f64>, expected: f64, tolerance: f64) {
    let actual = actual.expect("there is data");
    assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected} ± {tolerance}");
}

/// A week at 1 request a minute; in one hour 1,000 a minute, of which 10 fail.
#[test]
fn a_busy_hour_of_errors_weighs_as_much_as_its_events() {
    let end = 7 * DAY;
    let busy = |minute: i64| (3 * 24 * 60..3 * 24 * 60 + 60).contains(&minute);
    let mut store = Memory::default();
    store.counter("requests_total", end, |minute| if busy(minute) { 1_000.0 } else { 1.0 });
    store.counter("errors_total", end, |minute| if busy(minute) { 10.0 } else { 0.0 });
    let events = 60.0 * 1_000.0 + (7.0 * 24.0 * 60.0 - 60.0);
    let truth = 600.0 / events;

    let report = report(&store, end);
    close(report.total, events, 2.0);
    close(report.sli, 1.0 - truth, 1e-6);
    close(report.error_budget_remaining, 1.0 - truth / 0.001, 0.01);
    assert_eq!(report.status, Status::Breached);

    // The mean of the week's five-minute ratios would be 12 of 2,016 tiles at 1 %, and leave 94 % of the budget.
    close(recorded(&mut store, end, "slo:sli_error:ratio_rate1w"), truth, 5e-6);
    close(recorded_budget(&store, end), 1.0 - truth / 0.001, 0.01);
}

fn recorded_budget(store: &Memory, at: i64) -> Option<f64> {
    match instant(store, "slo:period_error_budget_remaining:ratio", at) {
        Value::Vector(samples) => samples.first().map(|sample| sample.v),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_idle_hour_changes_nothing() {
    let end = DAY;
    let idle = |minute: i64| (600..660).contains(&minute);
    let mut store = Memory::default();
    store.counter("requests_total", end, |minute| if idle(minute) { 0.0 } else { 2_000.0 });
    store.counter("errors_total", end, |minute| if idle(minute) { 0.0 } else { 1.0 });

    let report = report(&store, end);
    close(report.sli, 0.9995, 1e-9);
    assert_eq!(report.status, Status::Ok);
    close(recorded(&mut store, end, "slo:sli_error:ratio_rate1w"), 0.0005, 1e-9);
}

#[test]
fn while_nothing_happens_there_is_no_ratio() {
    let end = 3 * HOUR;
    let mut store = Memory::default();
    store.counter("requests_total", end, |minute| if minute < 60 { 10.0 } else { 0.0 });
    store.counter("errors_total", end, |_| 0.0);
    let report = report(&store, end);
    assert_eq!(report.burn_rates[&Window::hours(1)], None);
    assert_eq!(report.burn_rates[&Window::days(1)], Some(0.0));
    assert_eq!((report.sli, report.status), (Some(1.0), Status::Ok));
    assert_eq!(recorded(&mut store, end, "slo:sli_error:ratio_rate5m"), None);
    assert_eq!(recorded_budget(&store, end), Some(1.0));
}

#[test]
fn an_error_series_that_does_not_exist_is_no_errors() {
    let end = 2 * HOUR;
    let mut store = Memory::default();
    store.counter("requests_total", end, |_| 10.0);
    let report = report(&store, end);
    assert_eq!((report.sli, report.status), (Some(1.0), Status::Ok));
    assert_eq!(recorded(&mut store, end, "slo:sli_error:ratio_rate1h"), Some(0.0));
    assert_eq!(recorded_budget(&store, end), Some(1.0));
}

#[test]
fn without_any_series_there_is_no_data() {
    let mut store = Memory::default();
    store.counter("errors_total", HOUR, |_| 1.0);
    let report = report(&store, HOUR);
    assert_eq!((report.sli, report.total, report.status), (None, None, Status::NoData));
    assert_eq!(recorded(&mut store, HOUR, "slo:sli_error:ratio_rate1w"), None);
    assert_eq!(recorded_budget(&store, HOUR), None);
}

#[test]
fn a_counter_that_restarts_loses_nothing() {
    let end = DAY;
    let mut store = Memory::default();
    let mut value = [0.0, 0.0];
    for minute in 0..=end / MINUTE {
        if minute % 300 == 0 {
            value = [0.0, 0.0];
        }
        for (name, value) in ["requests_total", "errors_total"].into_iter().zip(value) {
            store.append(Labels::new([("__name__", name)]), minute * MINUTE, value);
        }
        value = [value[0] + 100.0, value[1] + 1.0];
    }
    let report = report(&store, end);
    close(report.sli, 0.99, 1e-9);
    assert_eq!(report.status, Status::Breached);
}
