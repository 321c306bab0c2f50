//! Load tests and their thresholds.

use super::{Level, label_values, lookup};
use crate::queries::QueryId as Q;
use crate::state::State;
use crate::units::Unit;
use promql::Value;

/// A load test at a glance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// Its `run` label.
    pub id: String,
    /// Whether it runs.
    pub running: bool,
    /// Seconds since it started.
    pub elapsed_s: Option<f64>,
    /// Seconds that it shall take.
    pub duration_s: Option<f64>,
    /// Requests a second that it aims at.
    pub target: Option<f64>,
    /// Requests without an answer.
    pub in_flight: Option<f64>,
    /// Requests answered as expected.
    pub ok: Option<f64>,
    /// Requests that failed.
    pub failed: Option<f64>,
    /// Requests that took too long.
    pub timed_out: Option<f64>,
}

/// A threshold of a load test.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Threshold {
    /// As written: `p95<200ms`.
    pub expr: String,
    /// Whether it holds.
    pub ok: Option<bool>,
    /// What was seen.
    pub observed: Option<f64>,
}

impl Threshold {
    /// Unit of what was seen: thresholds are on latencies (`p95`, `mean`, `max`), shares, or rates.
    pub fn unit(&self) -> Unit {
        match self.expr.trim().split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("") {
            "errors" | "availability" | "timeouts" => Unit::Ratio,
            "rate" => Unit::RequestsPerSecond,
            "mean" | "max" | "min" => Unit::Seconds,
            name if name.starts_with('p') => Unit::Seconds,
            _ => Unit::Short,
        }
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        match self.ok {
            None => Level::Unknown,
            Some(true) => Level::Good,
            Some(false) => Level::Bad,
        }
    }
}

/// All known load tests, newest first.
pub fn runs(state: &State) -> Vec<String> {
    let mut runs = label_values(state.value(Q::LoadRunning), "run");
    let started = |run: &String| lookup(state.value(Q::LoadStarted), &[("run", run)]);
    runs.sort_by(|a, b| super::largest_first(started(a), started(b)).then_with(|| b.cmp(a)));
    runs
}

/// The selected load test.
pub fn selected(state: &State) -> Option<Run> {
    let id = state.selection.run.clone()?;
    let get = |query| lookup(state.value(query), &[("run", &id)]);
    let outcome = |name| lookup(state.value(Q::LoadRequests), &[("outcome", name)]);
    Some(Run {
        running: get(Q::LoadRunning) == Some(1.0),
        elapsed_s: get(Q::LoadElapsed),
        duration_s: get(Q::LoadDuration),
        target: get(Q::LoadTarget),
        in_flight: get(Q::LoadInFlight),
        ok: outcome("ok"),
        failed: outcome("failed"),
        timed_out: outcome("timed_out"),
        id,
    })
}

/// The thresholds of the selected load test, broken ones first.
pub fn thresholds(state: &State) -> Vec<Threshold> {
    let Some(Value::Vector(samples)) = state.value(Q::LoadThresholdOk) else { return Vec::new() };
    let threshold = |sample: &promql::VectorSample| {
        let expr = sample.labels.get("expr");
        let ok = lookup(state.value(Q::LoadThresholdOk), &[("expr", expr)]).map(|v| v == 1.0);
        let observed = lookup(state.value(Q::LoadThresholdObserved), &[("expr", expr)]);
        Threshold { expr: expr.to_owned(), ok, observed }
    };
    let mut thresholds: Vec<_> = samples.iter().map(threshold).collect();
    thresholds.sort_by(|a, b| (a.ok, &a.expr).cmp(&(b.ok, &b.expr)));
    thresholds
}

/// From the start of the selected load test to its planned end, or as far as it came.
pub(crate) fn span_ms(state: &State) -> Option<(i64, i64)> {
    let run = state.selection.run.as_deref()?;
    let get = |query| lookup(state.value(query), &[("run", run)]);
    let start = get(Q::LoadStarted)?;
    let length = get(Q::LoadDuration).into_iter().chain(get(Q::LoadElapsed)).fold(10.0, f64::max);
    Some(((start * 1_000.0) as i64, ((start + length) * 1_000.0) as i64))
}
