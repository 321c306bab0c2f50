//! The report from recorded tiles equals `increase` over the whole period, and loads a tenth of the samples.

use promql::{
    Compat, Engine, EngineOptions, Labels, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError, Value,
};
use slo::{Action, Answers, Catalog, Options, PlannedQuery, Request, Slo, SloReport, Tiles, When};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

const SECOND: i64 = 1_000;
const SCRAPE: i64 = 15 * SECOND;
const TILE: i64 = 300 * SECOND;
const HOUR: i64 = 3_600 * SECOND;
const END: i64 = 7 * 24 * HOUR;

const DOCUMENT: &str = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: availability}\nspec:\n  service: shop\n  \
    timeWindow: [{duration: 7d, isRolling: true}]\n  budgetingMethod: Occurrences\n  objectives: [{target: 0.999}]\n  \
    indicator:\n    metadata: {name: ok}\n    spec:\n      ratioMetric:\n        counter: true\n        \
    bad: {metricSource: {spec: {query: errors_total}}}\n        \
    total: {metricSource: {spec: {query: requests_total}}}\n";

/// Series in memory that count what is read of them.
#[derive(Default)]
struct Counting {
    series: BTreeMap<Labels, Vec<Sample>>,
    loaded: AtomicUsize,
}

impl Counting {
    fn append(&mut self, labels: Labels, t: i64, v: f64) {
        self.series.entry(labels).or_default().push(Sample { t, v });
    }

    fn loaded(&self) -> usize {
        self.loaded.swap(0, Ordering::Relaxed)
    }
}

impl Queryable for Counting {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let mut found = Vec::new();
        for (labels, samples) in &self.series {
            if matchers.iter().all(|m| m.matches(labels.get(&m.name))) {
                let from = samples.partition_point(|sample| sample.t < hints.min_t);
                let to = samples.partition_point(|sample| sample.t <= hints.max_t);
                self.loaded.fetch_add(to - from, Ordering::Relaxed);
                if from < to {
                    found.push(SeriesData::new(labels.clone(), &samples[from..to]));
                }
            }
        }
        Ok(found)
    }
}

/// Traffic with everything that goes wrong elsewhere: a busy hour of errors, idle hours, a cluster that is born late,
/// and, where asked for, counters that start anew.
fn store(restarts: bool) -> Counting {
    let mut store = Counting::default();
    for (cluster, born) in [("a", 0), ("b", 60 * HOUR + 7 * SCRAPE)] {
        let (mut requests, mut errors) = (0.0, 0.0);
        let mut t = born;
        while t <= END {
            let label = |name| Labels::new([("__name__", name), ("cluster", cluster)]);
            store.append(label("requests_total"), t, requests);
            store.append(label("errors_total"), t, errors);
            let (busy, idle) = ((30 * HOUR..31 * HOUR).contains(&t), (100 * HOUR..103 * HOUR).contains(&t));
            // Uneven within a tile, so that extrapolation would show.
            let wave = (t / SCRAPE % 7) as f64;
            let rate = if idle {
                0.0
            } else if busy {
                250.0
            } else {
                3.0 + wave
            };
            requests += rate;
            errors += if busy {
                2.5
            } else if wave == 3.0 && !idle {
                0.25
            } else {
                0.0
            };
            t += SCRAPE;
            if restarts && t == 120 * HOUR + 3 * SCRAPE {
                (requests, errors) = (0.0, 0.0);
            }
        }
    }
    store
}

fn engine(compat: Compat) -> Engine {
    Engine::new(EngineOptions { compat, ..EngineOptions::default() })
}

fn instant(engine: &Engine, store: &Counting, expr: &str, at: i64) -> Value {
    let parsed = promql::parse(expr).unwrap_or_else(|error| panic!("{expr}\n{error}"));
    engine.instant(store, &parsed, at).unwrap_or_else(|error| panic!("{expr}\n{error}")).value
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Vector(samples) if samples.len() == 1 => samples[0].v,
        other => panic!("{other:?}"),
    }
}

fn slo() -> Slo {
    Catalog::load([("shop.yaml", DOCUMENT)]).slos.remove(0)
}

/// Evaluates the generated recording rules of the tiles every five minutes.
fn record(engine: &Engine, store: &mut Counting) {
    let file =
        slo::generate(&[slo()], &Options { alerts: false, ..Options::new("") }).expect("rules can be made of it");
    let tiles = ["slo:sli_events:increase5m", "slo:sli_errors:increase5m"];
    let rules: Vec<_> = file.groups.iter().flat_map(|group| &group.rules).collect();
    let mut at = TILE;
    while at <= END {
        for rule in &rules {
            let Action::Record(name) = &rule.action else { continue };
            if !tiles.contains(&name.as_str()) {
                continue;
            }
            let Value::Vector(samples) = instant(engine, store, &rule.expr, at) else { panic!("{}", rule.expr) };
            for sample in samples {
                let labels = sample.labels.iter().chain(rule.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
                let labels = Labels::new(labels.filter(|(key, _)| *key != "__name__")).with("__name__", name);
                store.append(labels, at, sample.v);
            }
        }
        at += TILE;
    }
}

fn answer(engine: &Engine, store: &Counting, query: &PlannedQuery) -> Value {
    let When::At(at) = query.when else { panic!("{query:?}") };
    instant(engine, store, &query.expr, at)
}

fn tiles(engine: &Engine, store: &Counting, at: i64) -> Option<Tiles> {
    let (mut probe, queries) = slo::probe(&slo(), at)?;
    for query in &queries {
        probe.record(query, &answer(engine, store, query));
    }
    probe.tiles()
}

fn report(engine: &Engine, store: &Counting, at: i64, tiles: Option<Tiles>) -> SloReport {
    let (slo, request) = (slo(), Request { tiles, ..Request::at(at) });
    let mut answers = Answers::default();
    for query in slo::plan(&slo, &request) {
        answers.record(&slo, &query, &answer(engine, store, &query)).expect("one series answers");
    }
    slo::evaluate(&slo, &answers, &request).remove(0)
}

/// The ratio of errors by `increase` over the whole period. Ranges of Prometheus 3 exclude their left end, so that
/// one scrape more has the same samples as Prometheus 2.
fn truth(engine: &Engine, store: &Counting, compat: Compat) -> f64 {
    let range = if compat == Compat::V3 { "7d15s" } else { "7d" };
    let of = |name: &str| number(&instant(engine, store, &format!("sum(increase({name}[{range}]))"), END));
    of("errors_total") / of("requests_total")
}

#[track_caller]
fn close(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected} ± {tolerance}");
}

#[test]
fn tiles_add_up_to_the_increase_of_the_whole_period_at_a_tenth_of_its_samples() {
    for compat in [Compat::V3, Compat::V2_42] {
        let engine = engine(compat);
        let mut store = store(false);
        record(&engine, &mut store);
        store.loaded();
        let expected = truth(&engine, &store, compat);
        let raw_samples = store.loaded();
        assert!(expected > 0.001, "{expected}");

        let found = tiles(&engine, &store, END).expect("the rules have recorded everything");
        let report = report(&engine, &store, END, Some(found));
        let loaded = store.loaded();
        close(report.sli.unwrap(), 1.0 - expected, 1e-9);
        close(report.error_budget_remaining.unwrap(), 1.0 - expected / 0.001, 1e-6);
        println!("{compat:?}: {loaded} samples instead of {raw_samples}, burn rates and probe included");
        assert!(loaded * 10 <= raw_samples, "{loaded} of {raw_samples}");
        // Between two tiles, the rest is read from the metrics.
        let late = END - 2 * SCRAPE;
        let between = self::report(&engine, &store, late, tiles(&engine, &store, late));
        let raw = self::report(&engine, &store, late, None);
        close(between.sli.unwrap(), raw.sli.unwrap(), 1e-6);
    }
}

#[test]
fn counters_that_start_anew_lose_nothing_in_prometheus_2_and_less_than_a_scrape_in_3() {
    for (compat, tolerance) in [(Compat::V2_42, 1e-9), (Compat::V3, 1e-6)] {
        let engine = engine(compat);
        let mut store = store(true);
        record(&engine, &mut store);
        let report = report(&engine, &store, END, tiles(&engine, &store, END));
        close(report.sli.unwrap(), 1.0 - truth(&engine, &store, compat), tolerance);
    }
}

#[test]
fn without_recorded_tiles_or_with_a_gap_the_metrics_are_read() {
    let engine = engine(Compat::V2_42);
    let mut store = store(false);
    assert_eq!(tiles(&engine, &store, END), None);
    record(&engine, &mut store);
    for samples in store.series.iter_mut().filter(|(l, _)| l.get("__name__").starts_with("slo:")).map(|(_, s)| s) {
        samples.retain(|sample| !(50 * HOUR..51 * HOUR).contains(&sample.t));
    }
    assert_eq!(tiles(&engine, &store, END), None);
}
