//! Objectives that are valid and will nevertheless mislead.
//!
//! [`lint`] needs the documents alone; [`live_checks`] ask a server about the metrics.

mod live;

use crate::catalog::{Catalog, Sli, Slo};
use crate::duration::Window;
use crate::finding::{Collector, Finding, Position};
use crate::model::{Body, IndicatorSource, Metric, MetricSource};
use crate::pyrra::matchers;
use crate::rules::Options;
use crate::testgen::samples;
pub use live::{LiveCheck, live_checks};
use promql::{MatchOp, Matcher};

/// What rules are made with, and how often metrics are scraped.
#[derive(Clone, Debug)]
pub struct LintOptions {
    /// Distance of the samples.
    pub scrape_interval: Window,
    /// How rules are generated.
    pub rules: Options,
}

/// Ends of names that counters do not have.
const GAUGES: [&str; 7] = ["_ratio", "_percent", "_in_flight", "_depth", "_bytes", "_celsius", "_connections"];

/// Everything about the documents of a catalog that will mislead, with the lines of the files.
pub fn lint(catalog: &Catalog, files: &[(String, String)], options: &LintOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in &catalog.documents {
        let mut out = Collector::new(&document.file);
        for metric in metrics(&document.body) {
            check_metric(metric, &mut out);
        }
        findings.append(&mut out.findings);
    }
    for (i, slo) in catalog.slos.iter().enumerate() {
        let mut out = Collector::new(&slo.file);
        windows(slo, options, &mut out);
        if let Some(same) = catalog.slos[..i].iter().find(|other| measures_the_same(slo, other)) {
            let message = format!("{} measures what {} in {}:{} does", slo.id, same.id, same.file, same.at.line);
            out.warning(slo.at, "duplicate-measure", message, Some("keep one of the two".into()));
        }
        findings.append(&mut out.findings);
    }
    for (file, text) in files {
        crate::finding::quote(&mut findings, file, text);
    }
    findings.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
    findings
}

fn measures_the_same(a: &Slo, b: &Slo) -> bool {
    (&a.sli, &a.group_by, a.objective.to_bits(), a.period) == (&b.sli, &b.group_by, b.objective.to_bits(), b.period)
        && a.calendar == b.calendar
        && a.slices == b.slices
}

/// Every measurement that a document holds.
fn metrics(body: &Body) -> Vec<&Metric> {
    match body {
        Body::Sli(indicator) => vec![&indicator.metric],
        Body::Slo(spec) => {
            let own = spec.objectives.iter().filter_map(|objective| objective.indicator.as_ref());
            [&spec.indicator]
                .into_iter()
                .chain(own)
                .filter_map(|source| match source {
                    IndicatorSource::Inline(indicator) => Some(&indicator.metric),
                    _ => None,
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn check_metric(metric: &Metric, out: &mut Collector) {
    let (part, total, counter) = match metric {
        Metric::GoodTotal { counter, good, total } => (good, total, *counter),
        Metric::BadTotal { counter, bad, total } => (bad, total, *counter),
        _ => return,
    };
    let (Some(p), Some(t)) = (bare(part), bare(total)) else { return };
    for (source, selector) in [(part, &p), (total, &t)] {
        bounds(source, selector, out);
        if counter && let Some(name) = gauge(selector) {
            let message = format!("{name:?} is named like a gauge, and counter: true takes its increase");
            let remedy = "name a counter, or write counter: false for a gauge of events".to_owned();
            out.warning(source.at, "not-a-counter", message, Some(remedy));
        }
    }
    if p == t {
        let message = "the part and the total are the same events".to_owned();
        out.warning(part.at, "part-is-total", message, Some("select the good or the bad events only".into()));
    } else if name(&p) == name(&t)
        && let Some(series) = samples::series(&text_of(part), &[])
        && !samples::is_selected(&text_of(total), &series)
    {
        let message = format!("the total does not count {series}, which the part counts");
        out.warning(part.at, "part-outside-total", message, Some("give both the same matchers but one".into()));
    }
}

fn text_of(source: &MetricSource) -> String {
    source.query.clone().unwrap_or_default()
}

/// The matchers of a source that is a bare selector.
fn bare(source: &MetricSource) -> Option<Vec<Matcher>> {
    if source.histogram.is_some() {
        return None;
    }
    Some(matchers(source.query.as_deref()?)).filter(|matchers| !matchers.is_empty())
}

fn name(matchers: &[Matcher]) -> Option<&str> {
    let name = matchers.iter().find(|m| &*m.name == promql::METRIC_NAME && m.op == MatchOp::Equal);
    name.map(|matcher| &*matcher.value)
}

fn gauge(matchers: &[Matcher]) -> Option<&str> {
    name(matchers).filter(|name| GAUGES.iter().any(|end| name.ends_with(end)))
}

/// Clients write a whole bound as `1` or as `1.0`, and Prometheus 3 changes one into the other.
fn bounds(source: &MetricSource, matchers: &[Matcher], out: &mut Collector) {
    for matcher in matchers.iter().filter(|m| &*m.name == "le" && m.op == MatchOp::Equal) {
        let whole = matcher.value.strip_suffix(".0").unwrap_or(&matcher.value);
        if !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!("le={:?} is written {whole} or {whole}.0, depending on the client", &*matcher.value);
            out.warning(source.at, "le-drift", message, Some(format!("write le=~\"{whole}(\\\\.0)?\"")));
        }
    }
    let is_bucket = name(matchers).is_some_and(|name| name.ends_with("_bucket"));
    if is_bucket && !matchers.iter().any(|matcher| &*matcher.name == "le") {
        let message = "buckets of every bound are added up, so that an event counts several times".to_owned();
        out.warning(source.at, "no-bound", message, Some("add le=\"SECONDS\", or select the _count series".into()));
    }
}

fn windows(slo: &Slo, options: &LintOptions, out: &mut Collector) {
    let burn = options.rules.burn_for(slo.period);
    let least = Window::from_millis(4 * options.scrape_interval.as_millis());
    if let Some(short) = burn.all().first().filter(|short| **short < least) {
        let message =
            format!("a window of {short} holds fewer than 4 samples at one every {}", options.scrape_interval);
        out.warning(slo.at, "short-window", message, Some(format!("use windows of {least} or more (--windows)")));
    }
    for condition in &burn.conditions {
        let (factor, long, urgency) = (condition.factor, condition.long, condition.urgency);
        if factor < 1.0 {
            let message =
                format!("the {urgency} over {long} fires at {factor:.4} times the rate that the budget sustains");
            out.warning(slo.at, "factor", message, Some("use a factor of 1 or more (--windows)".into()));
        }
        if long >= slo.period {
            let message = format!("the {urgency} looks at {long}, and the budget's period is {}", slo.period);
            let remedy = "use a longer period, or windows made for this one (--windows)".to_owned();
            out.warning(slo.at, "long-window", message, Some(remedy));
        }
    }
    if let Some(slices) = slo.slices.filter(|slices| slices.window < least) {
        let message = format!("a slice of {} holds fewer than 4 samples", slices.window);
        out.warning(slo.at, "short-slice", message, Some(format!("use a timeSliceWindow of {least} or more")));
    }
    if slo.error_budget() <= 0.0 {
        let message = "an objective of 100 % has no budget: the first failure breaks it for a whole period".to_owned();
        out.warning(slo.at, "no-budget", message, Some("promise less, such as 99.99".into()));
    }
}

/// A finding about a query of an objective, for checks that a server answers.
fn about(slo: &Slo, at: Position, code: &'static str, message: String, remedy: String) -> Finding {
    let mut out = Collector::new(&slo.file);
    out.warning(at, code, message, Some(remedy));
    out.findings.remove(0)
}

/// The counters of an objective, part and total, where both are bare.
fn counters(slo: &Slo) -> Option<[&str; 2]> {
    match &slo.sli {
        Sli::GoodTotal(pair) | Sli::BadTotal(pair) => Some([pair.part.counters()?, pair.total.counters()?]),
        Sli::Raw { .. } => None,
    }
}

#[cfg(test)]
mod tests;
