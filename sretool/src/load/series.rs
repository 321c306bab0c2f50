//! A running test as time series.

use load::{Latency, Plan, Totals, judge};
use promql::{Labels, Sample};

/// The buckets of the services' own histograms, so that both can be laid over each other.
const BUCKETS: [(&str, f64); 13] = [
    ("0.005", 0.005),
    ("0.01", 0.01),
    ("0.025", 0.025),
    ("0.05", 0.05),
    ("0.1", 0.1),
    ("0.2", 0.2),
    ("0.3", 0.3),
    ("0.5", 0.5),
    ("1.0", 1.0),
    ("2.5", 2.5),
    ("5.0", 5.0),
    ("10.0", 10.0),
    ("+Inf", f64::INFINITY),
];

/// Builds the series of one moment. Before the first second the counters are 0, so that `increase` misses nothing.
pub(super) fn series(plan: &Plan, totals: &Totals, run: &str, t: i64, running: bool) -> Vec<(Labels, Vec<Sample>)> {
    let mut all = Series { run, t, all: Vec::new() };
    let counts = totals.whole.counts();
    let at = std::time::Duration::from_secs_f64(totals.elapsed_s.max(0.0));
    let target = plan.schedule.as_ref().map_or(0.0, |schedule| schedule.rate_at(at));
    all.push("sretool_load_target_rps", &[], if running { target } else { 0.0 });
    // What was never answered belongs to the time-outs: both waited in vain.
    for (outcome, value) in
        [("ok", counts.finished), ("failed", counts.failed), ("timed_out", counts.timed_out + counts.censored)]
    {
        all.push("sretool_load_requests_total", &[("outcome", outcome)], value as f64);
    }
    if let Some(latest) = &totals.latest {
        let stats = latest.delta.overall();
        all.quantiles("sretool_load_response_seconds", &stats.response);
        all.quantiles("sretool_load_lag_seconds", &stats.lag);
    }
    let in_flight = totals.latest.as_ref().filter(|_| running).map_or(0, |latest| latest.in_flight);
    all.push("sretool_load_in_flight", &[], in_flight as f64);
    for (route, stats) in totals.whole.routes.iter().filter(|(route, _)| *route != load::UNSENT) {
        all.histogram("sretool_load_request_duration_seconds", route, &stats.response);
    }
    all.push("sretool_load_elapsed_seconds", &[], totals.elapsed_s);
    all.push("sretool_load_duration_seconds", &[], plan.duration_s);
    all.push("sretool_load_running", &[], f64::from(u8::from(running)));
    if totals.latest.is_some() {
        let judgement = judge(plan, totals, running);
        for (threshold, checked) in plan.thresholds.iter().zip(judgement.checked) {
            let expr = [("expr", threshold.expr.as_str())];
            all.push("sretool_load_threshold_ok", &expr, f64::from(u8::from(checked.ok)));
            if let Some(observed) = checked.observed {
                all.push("sretool_load_threshold_observed", &expr, observed);
            }
        }
    }
    all.all
}

struct Series<'a> {
    run: &'a str,
    t: i64,
    all: Vec<(Labels, Vec<Sample>)>,
}

impl Series<'_> {
    fn push(&mut self, name: &str, labels: &[(&str, &str)], v: f64) {
        let pairs = [("__name__", name), ("run", self.run)];
        let labels = Labels::new(pairs.iter().chain(labels).copied());
        self.all.push((labels, vec![Sample { t: self.t, v }]));
    }

    /// Quantiles of several workers cannot be combined; buckets can.
    fn histogram(&mut self, name: &str, route: &str, latency: &Latency) {
        let pairs: Vec<_> = latency.pairs().collect();
        for (le, bound) in BUCKETS {
            let count: u64 = pairs.iter().filter(|(us, _)| *us as f64 <= bound * 1e6).map(|(_, count)| count).sum();
            self.push(&format!("{name}_bucket"), &[("route", route), ("le", le)], count as f64);
        }
        self.push(&format!("{name}_count"), &[("route", route)], latency.count() as f64);
        self.push(&format!("{name}_sum"), &[("route", route)], latency.sum());
    }

    fn quantiles(&mut self, name: &str, latency: &Latency) {
        for (label, q) in [("0.5", 0.5), ("0.9", 0.9), ("0.95", 0.95), ("0.99", 0.99), ("1", 1.0)] {
            if let Some(seconds) = latency.quantile(q) {
                self.push(name, &[("quantile", label)], seconds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use load::{Outcome, Recorder, Schedule, Update};
    use std::time::Duration;

    fn plan() -> Plan {
        Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(10.0, Duration::from_secs(60)).unwrap()),
            duration_s: 60.0,
            capacity: 4,
            thresholds: vec!["p95<10ms".parse().unwrap()],
        }
    }

    fn value(series: &[(Labels, Vec<Sample>)], selector: &str) -> Option<f64> {
        let found = series.iter().find(|(labels, _)| labels.to_string() == selector);
        found.map(|(_, samples)| samples[0].v)
    }

    #[test]
    fn a_run_starts_at_zero() {
        let series = series(&plan(), &Totals::default(), "r", 1000, true);
        assert_eq!(value(&series, "sretool_load_requests_total{outcome=\"ok\", run=\"r\"}"), Some(0.0));
        assert_eq!(value(&series, "sretool_load_running{run=\"r\"}"), Some(1.0));
        assert_eq!(value(&series, "sretool_load_target_rps{run=\"r\"}"), Some(10.0));
        assert!(series.iter().all(|(labels, _)| !labels.metric_name().contains("quantile")));
        assert!(series.iter().all(|(_, samples)| samples.len() == 1 && samples[0].t == 1000));
    }

    #[test]
    fn a_second_has_quantiles_counts_and_thresholds() {
        let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
        for i in 0..10 {
            let due = Duration::from_millis(i * 100);
            recorder.emitted(i, due, due, true);
            recorder.sent(i, due, "GET /".into());
            recorder.done(i, due + Duration::from_millis(20), Outcome::Finished { status: 200 });
        }
        totals.add(Update { elapsed_s: 1.0, in_flight: 2, queued: 0, last: false, delta: recorder.take() });
        let now = series(&plan(), &totals, "r", 1000, true);
        let p95 = value(&now, "sretool_load_response_seconds{quantile=\"0.95\", run=\"r\"}");
        assert!((p95.unwrap() - 0.02).abs() < 1e-4);
        assert_eq!(value(&now, "sretool_load_requests_total{outcome=\"ok\", run=\"r\"}"), Some(10.0));
        assert_eq!(value(&now, "sretool_load_threshold_ok{expr=\"p95<10ms\", run=\"r\"}"), Some(0.0));
        assert_eq!(value(&now, "sretool_load_in_flight{run=\"r\"}"), Some(2.0));
        let bucket = |le| {
            let labels = format!("{{le=\"{le}\", route=\"GET /\", run=\"r\"}}");
            value(&now, &format!("sretool_load_request_duration_seconds_bucket{labels}"))
        };
        assert_eq!(["0.01", "0.025", "+Inf"].map(bucket), [Some(0.0), Some(10.0), Some(10.0)]);
        let end = series(&plan(), &totals, "r", 2000, false);
        assert_eq!(value(&end, "sretool_load_running{run=\"r\"}"), Some(0.0));
        assert_eq!(value(&end, "sretool_load_target_rps{run=\"r\"}"), Some(0.0));
    }
}
