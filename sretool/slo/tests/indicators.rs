//! Every kind of indicator, from its document through its queries to a report.

use promql::{
    Engine, Histogram, HistogramSample, Labels, Matcher, Queryable, Sample, SelectHints, SeriesData, StorageError,
};
use slo::{Answers, Catalog, Request, Slo, SloReport, Status, When};
use std::sync::Arc;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const END: i64 = 24 * HOUR;

/// Series in memory.
#[derive(Default)]
struct Memory(Vec<SeriesData>);

impl Memory {
    /// A series that is sampled each minute.
    fn series(mut self, labels: &[(&str, &str)], value: impl Fn(i64) -> f64) -> Self {
        let samples: Vec<_> = (0..=END / MINUTE).map(|m| Sample { t: m * MINUTE, v: value(m) }).collect();
        self.0.push(SeriesData::new(Labels::new(labels.iter().copied()), samples));
        self
    }

    fn histogram(mut self, labels: &[(&str, &str)], value: impl Fn(i64) -> Histogram) -> Self {
        let one = |m: i64| HistogramSample { t: m * MINUTE, h: Arc::new(value(m)) };
        let histograms: Vec<_> = (0..=END / MINUTE).map(one).collect();
        let labels = Labels::new(labels.iter().copied());
        self.0.push(SeriesData { labels, histograms: histograms.into(), ..SeriesData::default() });
        self
    }
}

impl Queryable for Memory {
    fn select(&self, matchers: &[Matcher], hints: SelectHints) -> Result<Vec<SeriesData>, StorageError> {
        let inside = |t: i64| (hints.min_t..=hints.max_t).contains(&t);
        let cut = |series: &SeriesData| {
            let samples: Vec<_> = series.samples.iter().filter(|s| inside(s.t)).copied().collect();
            let histograms: Vec<_> = series.histograms.iter().filter(|s| inside(s.t)).cloned().collect();
            SeriesData { samples: samples.into(), histograms: histograms.into(), ..series.clone() }
        };
        let matching = self.0.iter().filter(|series| matchers.iter().all(|m| m.matches(series.labels.get(&m.name))));
        Ok(matching.map(cut).filter(|series| !series.is_empty()).collect())
    }
}

fn slo(indicator: &str, objective: &str, annotations: &str) -> Slo {
    let text = format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: a, annotations: {{{annotations}}}}}\nspec:\n  service: shop\n  \
         timeWindow: [{{duration: 12h, isRolling: true}}]\n  budgetingMethod: Occurrences\n  \
         objectives: [{{{objective}}}]\n  indicator: {{metadata: {{name: i}}, spec: {{{indicator}}}}}\n"
    );
    let catalog = Catalog::load([("a.yaml", text.as_str())]);
    assert_eq!(catalog.findings, []);
    catalog.slos.into_iter().next().expect("the document has an objective")
}

fn source(spec: &str) -> String {
    format!("{{metricSource: {{type: prometheus, spec: {{{spec}}}}}}}")
}

fn reports(store: &Memory, slo: &Slo) -> Vec<SloReport> {
    let request = Request::at(END);
    let mut answers = Answers::default();
    for query in slo::plan(slo, &request) {
        let When::At(at) = query.when else { panic!("{query:?}") };
        let parsed = promql::parse(&query.expr).unwrap_or_else(|error| panic!("{}\n{error}", query.expr));
        let value =
            Engine::default().instant(store, &parsed, at).unwrap_or_else(|e| panic!("{}\n{e}", query.expr)).value;
        answers.record(slo, &query, &value).expect("one series a group answers");
    }
    slo::evaluate(slo, &answers, &request)
}

#[track_caller]
fn sli(store: &Memory, slo: &Slo) -> f64 {
    let reports = reports(store, slo);
    assert_eq!(reports.len(), 1);
    reports[0].sli.expect("there are data")
}

#[track_caller]
fn close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
}

#[test]
fn a_threshold_is_compared_once_a_minute() {
    // Of every ten minutes one is too deep, and in two there is no number.
    let depth = |m: i64| {
        if m % 10 == 0 {
            101.0
        } else if m % 10 < 3 {
            f64::NAN
        } else {
            100.0
        }
    };
    let store = Memory::default().series(&[("__name__", "depth")], depth);
    let indicator = format!("thresholdMetric: {}", source("query: depth"));
    close(sli(&store, &slo(&indicator, "target: 0.99, op: lte, value: 100", "")), 7.0 / 8.0);
    close(sli(&store, &slo(&indicator, "target: 0.99, op: lt, value: 100", "")), 0.0);
    close(sli(&store, &slo(&indicator, "target: 0.99, op: gt, value: 100", "")), 1.0 / 8.0);
}

#[test]
fn a_gauge_of_probes_is_a_share_of_samples() {
    let up = |m: i64| if m % 20 == 0 { 0.0 } else { 1.0 };
    let store = Memory::default().series(&[("__name__", "probe_success")], up);
    let indicator = format!("thresholdMetric: {}", source("query: probe_success"));
    close(sli(&store, &slo(&indicator, "target: 0.99, op: gte, value: 1", "")), 0.95);
    let pyrra = "apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {name: probes, namespace: shop}\n\
                 spec: {target: '99', window: 12h, indicator: {bool_gauge: {metric: probe_success}}}\n";
    let catalog = Catalog::load([("pyrra.yaml", pyrra)]);
    close(sli(&store, &catalog.slos[0]), 0.95);
}

#[test]
fn classic_histograms_are_read_however_their_bounds_are_written() {
    let store = Memory::default()
        .series(&[("__name__", "rpc_seconds_bucket"), ("le", "30.0"), ("pod", "a")], |m| 90.0 * m as f64)
        .series(&[("__name__", "rpc_seconds_bucket"), ("le", "30"), ("pod", "b")], |m| 100.0 * m as f64)
        .series(&[("__name__", "rpc_seconds_bucket"), ("le", "300"), ("pod", "b")], |m| 100.0 * m as f64)
        .series(&[("__name__", "rpc_seconds_count"), ("pod", "a")], |m| 100.0 * m as f64)
        .series(&[("__name__", "rpc_seconds_count"), ("pod", "b")], |m| 100.0 * m as f64);
    let good = source("query: rpc_seconds, histogram: classic, le: 30");
    let total = source("query: rpc_seconds, histogram: classic");
    let indicator = format!("ratioMetric: {{counter: true, good: {good}, total: {total}}}");
    close(sli(&store, &slo(&indicator, "target: 0.99", "")), 0.95);
}

#[test]
fn native_histograms_are_read_by_the_fraction_below_a_bound() {
    // 3 of 4 observations a minute are at most 0.5; none in the last two hours.
    let histogram = |m: i64| {
        let n = m.min(22 * 60) as f64;
        let positive = vec![(-1, 3.0 * n), (0, n)];
        Histogram { count: 4.0 * n, sum: 2.0 * n, positive, ..Histogram::default() }
    };
    let store = Memory::default().histogram(&[("__name__", "rpc_seconds"), ("pod", "a")], histogram);
    let good = source("query: rpc_seconds, histogram: native, le: 0.5");
    let total = source("query: rpc_seconds, histogram: native");
    let slo = slo(&format!("ratioMetric: {{counter: true, good: {good}, total: {total}}}"), "target: 0.99", "");
    let report = reports(&store, &slo).remove(0);
    close(report.sli.unwrap(), 0.75);
    close(report.burn_rates[&slo::Window::hours(6)].unwrap(), 25.0);
    assert_eq!(report.burn_rates[&slo::Window::hours(1)], None, "an idle hour has no ratio");
    let pyrra = "apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {name: rpc, namespace: shop}\n\
                 spec: {target: '99', window: 12h, indicator: {latencyNative: {latency: 500ms, total: {metric: rpc_seconds}}}}\n";
    let catalog = Catalog::load([("pyrra.yaml", pyrra)]);
    close(sli(&store, &catalog.slos[0]), 0.75);
}

#[test]
fn a_raw_ratio_weighs_every_second_alike_where_times_are_excluded() {
    // 90 % in the first half of the period, 100 % in the second.
    let ratio = |m: i64| if m <= 18 * 60 { 0.9 } else { 1.0 };
    let store = Memory::default().series(&[("__name__", "ok")], ratio);
    let indicator =
        format!("ratioMetric: {{rawType: success, raw: {}}}", source("query: 'avg_over_time(ok[$window])'"));
    close(sli(&store, &slo(&indicator, "target: 0.99", "")), 0.95);
    let excluded = slo(&indicator, "target: 0.99", "sretool.dev/exclude: '1970-01-01T12:00:00Z/3h'");
    close(sli(&store, &excluded), (3.0 * 0.9 + 6.0) / 9.0);
    let failures = indicator.replace("success", "failure");
    let report = reports(&store, &slo(&failures, "target: 0.99", "")).remove(0);
    assert_eq!((report.total, report.status), (None, Status::Breached));
}

#[test]
fn an_objective_of_each_tenant_and_cluster_stands_for_itself() {
    let mut store = Memory::default();
    for (tenant, cluster, bad) in [("a", "x", 1.0), ("a", "y", 0.0), ("b", "x", 5.0)] {
        let labels = |name| [("__name__", name), ("tenant", tenant), ("cluster", cluster)];
        store = store
            .series(&labels("requests_total"), |m| 100.0 * m as f64)
            .series(&labels("errors_total"), move |m| bad * m as f64);
    }
    let (bad, total) = (source("query: errors_total"), source("query: requests_total"));
    let indicator = format!("ratioMetric: {{counter: true, bad: {bad}, total: {total}}}");
    let grouped = |by: &str| slo(&indicator, "target: 0.99", &format!("sretool.dev/group-by: '{by}'"));
    let reports = |by: &str| {
        let found = self::reports(&store, &grouped(by));
        found.into_iter().map(|r| (r.group_text(), (r.sli.unwrap() * 1e6).round() / 1e6)).collect::<Vec<_>>()
    };
    assert_eq!(reports("tenant"), [("tenant=a".to_owned(), 0.995), ("tenant=b".to_owned(), 0.95)]);
    let both = reports("tenant, cluster");
    assert_eq!(both.len(), 3);
    assert_eq!(both[1], ("cluster=y, tenant=a".to_owned(), 1.0));
    close(sli(&store, &slo(&indicator, "target: 0.99", "")), 0.98);
}
