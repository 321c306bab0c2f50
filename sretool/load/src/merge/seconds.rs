//! The seconds of several workers as the seconds of a run.

use crate::latency::Latency;
use crate::report::Report;
use crate::totals::Second;
use std::collections::BTreeMap;

/// A second of one worker or of several.
struct Row {
    second: Second,
    latency: Latency,
}

impl Row {
    fn new(second: &Second, shift_s: f64) -> Self {
        let second = Second { t: second.t + shift_s, ..second.clone() };
        Self { latency: second.latency(), second }
    }

    /// Adds the counts of another row, whose distribution comes with them.
    fn add(&mut self, other: &Self) {
        let (second, theirs) = (&mut self.second, &other.second);
        second.t = second.t.max(theirs.t);
        second.scheduled += theirs.scheduled;
        second.finished += theirs.finished;
        second.errors += theirs.errors;
        second.answered += theirs.answered;
        second.max = later(second.max, theirs.max);
        second.lag_p99 = later(second.lag_p99, theirs.lag_p99);
        for (cause, count) in &theirs.causes {
            *second.causes.entry(cause.clone()).or_default() += count;
        }
        self.latency.merge(&other.latency);
    }

    /// The next stretch of the same worker.
    fn then(&mut self, other: &Self) {
        self.add(other);
        self.second.seconds += other.second.seconds;
        (self.second.in_flight, self.second.queued) = (other.second.in_flight, other.second.queued);
    }

    /// The same stretch of another worker.
    fn beside(&mut self, other: &Self) {
        self.add(other);
        self.second.seconds = self.second.seconds.max(other.second.seconds);
        self.second.in_flight += other.second.in_flight;
        self.second.queued += other.second.queued;
    }

    fn finish(self) -> Second {
        let Self { second, latency } = self;
        // The stored distribution has three digits; the maximum is known exactly.
        let of = |q: f64| latency.quantile(q).map(|value| second.max.map_or(value, |max| value.min(max)));
        let (p50, p90, p95, p99) = (of(0.5), of(0.9), of(0.95), of(0.99));
        let response = if latency.count() > 0 { latency.to_base64() } else { String::new() };
        Second { p50, p90, p95, p99, response, ..second }
    }
}

/// The greater of two values, of which either may be missing.
fn later(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

/// Rows that end in the same second of the clock are one.
pub(super) fn merge(reports: &[Report]) -> Vec<Second> {
    let start = reports.iter().filter_map(|report| report.meta.started_at_ms).min();
    let mut all: BTreeMap<u64, Row> = BTreeMap::new();
    for report in reports {
        let shift_ms = report.meta.started_at_ms.zip(start).map_or(0, |(own, first)| own - first);
        let mut own: BTreeMap<u64, Row> = BTreeMap::new();
        for second in &report.seconds {
            let row = Row::new(second, shift_ms as f64 / 1e3);
            // A row ends some ms after its second does; the shorter one at the end belongs to the second before.
            let key = row.second.t.round().max(0.0) as u64;
            own.entry(key).and_modify(|before| before.then(&row)).or_insert(row);
        }
        for (key, row) in own {
            all.entry(key).and_modify(|other| other.beside(&row)).or_insert(row);
        }
    }
    all.into_values().map(Row::finish).collect()
}
