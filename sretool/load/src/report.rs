//! The result of a run as JSON: a contract that other programs rely on.

use crate::latency::Latency;
use crate::totals::{Second, Totals};
use crate::verdict::{Judgement, Plan, Verdict, judge};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Percentiles in milliseconds; null without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: Option<f64>,
    /// 90th.
    pub p90: Option<f64>,
    /// 95th.
    pub p95: Option<f64>,
    /// 99th.
    pub p99: Option<f64>,
    /// Maximum.
    pub max: Option<f64>,
}

impl From<&Latency> for Percentiles {
    fn from(latency: &Latency) -> Self {
        let ms = |seconds: Option<f64>| seconds.map(|s| (s * 1e6).round() / 1e3);
        Self {
            p50: ms(latency.quantile(0.5)),
            p90: ms(latency.quantile(0.9)),
            p95: ms(latency.quantile(0.95)),
            p99: ms(latency.quantile(0.99)),
            max: ms(latency.max()),
        }
    }
}

/// One route of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Method and path.
    pub name: String,
    /// Its requests.
    pub count: u64,
    /// Those that failed, timed out or were censored.
    pub failed: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Intended start to last byte.
    pub response_ms: Percentiles,
    /// Actual start to last byte.
    pub service_ms: Percentiles,
}

/// One threshold of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdReport {
    /// As given.
    pub expr: String,
    /// The limit, in `unit`.
    pub limit: f64,
    /// The observation, in `unit`; null without data.
    pub observed: Option<f64>,
    /// `ms`, `%` or `/s`.
    pub unit: String,
    /// Whether it holds.
    pub ok: bool,
}

/// The distributions of a run as HdrHistogram V2 compressed base64, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histograms {
    /// Of the response time.
    pub response: String,
    /// Of the service time.
    pub service: String,
    /// Of the lag.
    pub lag: String,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not a pass.
    pub reasons: Vec<String>,
    /// Whether the run was cut short by its user.
    pub partial: bool,
    /// What sent: `http` or `goose`.
    pub executor: String,
    /// Requests asked for a second; null in a closed model.
    pub target_rps: Option<f64>,
    /// Requests answered, or under way and answered soon after, for each second of the duration.
    pub achieved_rps: f64,
    /// Length of the run without the drain, in seconds.
    pub duration_s: f64,
    /// Requests that became due: the sum of the next four.
    pub scheduled: u64,
    /// Answered as expected.
    pub finished: u64,
    /// Answered otherwise, or refused.
    pub failed: u64,
    /// Given up after the request timeout.
    pub timed_out: u64,
    /// Unanswered at the end.
    pub censored: u64,
    /// Intended start to last byte.
    pub response_ms: Percentiles,
    /// Actual start to last byte.
    pub service_ms: Percentiles,
    /// Intended start to actual start.
    pub lag_ms: Percentiles,
    /// By route, in order of name.
    pub routes: Vec<RouteReport>,
    /// The thresholds.
    pub thresholds: Vec<ThresholdReport>,
    /// Causes of failure.
    pub causes: BTreeMap<String, u64>,
    /// Exact distributions.
    pub histograms: Histograms,
    /// A row a second.
    pub seconds: Vec<Second>,
}

impl Report {
    /// Judges a run and reports on it.
    pub fn new(plan: &Plan, totals: &Totals, partial: bool) -> Self {
        let Judgement { verdict, reasons, checked } = judge(plan, totals, partial);
        let (overall, counts) = (totals.whole.overall(), totals.whole.counts());
        let duration_s = if partial { totals.elapsed_s.min(plan.duration_s) } else { plan.duration_s };
        let in_time = counts.answered() as f64 * totals.share_in_time(duration_s);
        let routes = totals.whole.routes.iter().map(|(name, stats)| RouteReport {
            name: name.clone(),
            count: stats.counts.total(),
            failed: stats.counts.total() - stats.counts.finished,
            statuses: stats.statuses.clone(),
            response_ms: (&stats.response).into(),
            service_ms: (&stats.service).into(),
        });
        let thresholds = plan.thresholds.iter().zip(&checked).map(|(threshold, checked)| ThresholdReport {
            expr: threshold.expr.clone(),
            limit: rounded(threshold.in_unit(checked.limit)),
            observed: checked.observed.map(|observed| rounded(threshold.in_unit(observed))),
            unit: threshold.unit().to_owned(),
            ok: checked.ok,
        });
        Self {
            verdict,
            reasons,
            partial,
            executor: plan.executor.clone(),
            target_rps: plan.target_rps().map(rounded),
            achieved_rps: if duration_s > 0.0 { rounded(in_time / duration_s) } else { 0.0 },
            duration_s: rounded(duration_s),
            scheduled: totals.whole.scheduled,
            finished: counts.finished,
            failed: counts.failed,
            timed_out: counts.timed_out,
            censored: counts.censored,
            response_ms: (&overall.response).into(),
            service_ms: (&overall.service).into(),
            lag_ms: (&overall.lag).into(),
            routes: routes.collect(),
            thresholds: thresholds.collect(),
            causes: totals.whole.causes.clone(),
            histograms: Histograms {
                response: overall.response.to_base64(),
                service: overall.service.to_base64(),
                lag: overall.lag.to_base64(),
            },
            seconds: totals.seconds.clone(),
        }
    }

    /// As indented JSON.
    pub fn to_json(&self) -> String {
        // Only maps with keys that are no strings fail to serialise, and there are none.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Requests that were not answered as expected.
    pub fn errors(&self) -> u64 {
        self.scheduled.saturating_sub(self.finished)
    }
}

/// Six decimals: enough for microseconds in seconds, and free of binary noise.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::recorder::{Outcome, Recorder};
    use crate::schedule::Schedule;
    use crate::snapshot::Update;
    use std::time::Duration;

    /// 100 requests in 2 s: the last one failed, all took 10 ms.
    pub(crate) fn report(thresholds: &[&str]) -> Report {
        let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
        for i in 0..100 {
            let due = Duration::from_millis(i * 20);
            recorder.emitted(i, due, due, true);
            recorder.sent(i, due, if i % 2 == 0 { "GET /a" } else { "POST /b<c>" }.into());
            let outcome = if i == 99 { Outcome::Refused { status: 500 } } else { Outcome::Finished { status: 200 } };
            recorder.done(i, due + Duration::from_millis(10), outcome);
            if i == 49 || i == 99 {
                let elapsed_s = (i as f64 + 1.0) / 50.0;
                totals.add(Update { elapsed_s, in_flight: 0, queued: 0, last: i == 99, delta: recorder.take() });
            }
        }
        let plan = Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(50.0, Duration::from_secs(2)).unwrap()),
            duration_s: 2.0,
            capacity: 10,
            thresholds: thresholds.iter().map(|t| t.parse().unwrap()).collect(),
        };
        Report::new(&plan, &totals, false)
    }

    #[test]
    fn the_contract_holds() {
        let report = report(&["p95<200ms", "errors<0.1%"]);
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["verdict"], "fail");
        assert_eq!(json["partial"], false);
        assert_eq!(json["target_rps"], 50.0);
        assert_eq!(json["achieved_rps"], 50.0);
        assert_eq!(json["duration_s"], 2.0);
        let sum: u64 = ["finished", "failed", "timed_out", "censored"].iter().map(|k| json[k].as_u64().unwrap()).sum();
        assert_eq!(json["scheduled"], sum);
        for family in ["response_ms", "service_ms", "lag_ms"] {
            for key in ["p50", "p90", "p95", "p99", "max"] {
                assert!(json[family][key].is_number(), "{family}.{key}");
            }
        }
        assert_eq!(json["response_ms"]["max"], 10.0);
        assert_eq!(json["routes"][1]["name"], "POST /b<c>");
        assert_eq!(json["routes"][1]["count"], 50);
        assert_eq!(json["routes"][1]["failed"], 1);
        assert_eq!(json["routes"][1]["statuses"]["500"], 1);
        let threshold = &json["thresholds"][1];
        assert_eq!((&threshold["expr"], &threshold["ok"]), (&"errors<0.1%".into(), &false.into()));
        assert_eq!((&threshold["limit"], &threshold["observed"]), (&0.1.into(), &1.0.into()));
        let histogram = Latency::from_base64(json["histograms"]["response"].as_str().unwrap()).unwrap();
        assert_eq!(histogram.count(), 100);
    }

    #[test]
    fn it_reads_back() {
        let report = report(&["p95<200ms"]);
        assert_eq!(serde_json::from_str::<Report>(&report.to_json()).unwrap(), report);
        assert_eq!(report.verdict, Verdict::Pass);
        assert_eq!(report.errors(), 1);
    }

    #[test]
    fn no_samples_are_null_and_invalid() {
        let plan = Plan { executor: "http".into(), schedule: None, duration_s: 1.0, capacity: 1, thresholds: vec![] };
        let report = Report::new(&plan, &Totals::default(), false);
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["verdict"], "invalid");
        assert!(json["response_ms"]["p95"].is_null());
        assert!(json["target_rps"].is_null());
    }
}
