//! The result of a run as one JSON file: a contract that other programs rely on.
//!
//! The summary stands at the top: verdict, counts, percentiles, routes, thresholds. Below it stands all that they were
//! computed from, so that a file can be shown in every format, compared and merged long after the run:
//!
//! - `plan` and `whole`: what was asked, and what was counted. `whole.routes[ROUTE]` has the histograms `response`,
//!   `service` and `lag`, and in `ends[STATUS]` the same apart by status (`broken`, `timed_out`, `censored` where there
//!   was none; null where all requests of the route ended so). A histogram is `{max_us, hdr}`: the exact maximum, and
//!   the HdrHistogram V2 compressed format in base64, in µs with three significant digits; empty without values.
//! - `seconds`: a row a second with counts, percentiles (in seconds) and the histogram of its response times.
//! - `meta`: where it comes from; `server`: what Prometheus saw of the server in the same time.
//!
//! `schema` counts up when a field changes its meaning or goes; fields may be added without.

mod parts;

pub use parts::{EndReport, Histograms, Meta, Panel, Percentiles, RouteReport, ThresholdReport};

use crate::gate::{GateReport, GateStatus};
use crate::snapshot::Snapshot;
use crate::totals::{Second, Totals};
use crate::verdict::{Judgement, Plan, Verdict, judge};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the file that this program writes, and the newest that it reads.
pub const SCHEMA: u32 = 1;

/// Why a file is no result of a run.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Something else, or damaged.
    #[error("no result of a load test: {0}; write one with `sretool load --report FILE.json`")]
    Malformed(#[from] serde_json::Error),
    /// Of a newer program.
    #[error("schema {0} is newer than this program, which reads up to {SCHEMA}: use the version that wrote it")]
    Newer(u32),
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this file's form: [`SCHEMA`].
    pub schema: u32,
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
    /// Where it comes from.
    #[serde(default)]
    pub meta: Meta,
    /// What was asked.
    pub plan: Plan,
    /// Everything counted.
    pub whole: Snapshot,
    /// A row a second.
    pub seconds: Vec<Second>,
    /// What ended the run before its time, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted: Option<String>,
    /// The SLOs that it was held against.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gate: Vec<GateReport>,
    /// What Prometheus saw of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server: Vec<Panel>,
}

impl Report {
    /// Judges a run and reports on it.
    pub fn new(plan: &Plan, totals: &Totals, partial: bool) -> Self {
        let Judgement { verdict, reasons, checked } = judge(plan, totals, partial);
        let (overall, counts) = (totals.whole.overall(), totals.whole.counts());
        let duration_s = if partial { totals.elapsed_s.min(plan.duration_s) } else { plan.duration_s };
        let in_time = counts.answered() as f64 * totals.share_in_time(duration_s);
        let thresholds = plan.thresholds.iter().zip(&checked).map(|(threshold, checked)| ThresholdReport {
            expr: threshold.expr.clone(),
            limit: rounded(threshold.in_unit(checked.limit)),
            observed: checked.observed.map(|observed| rounded(threshold.in_unit(observed))),
            unit: threshold.unit().to_owned(),
            ok: checked.ok,
        });
        Self {
            schema: SCHEMA,
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
            routes: totals.whole.routes.iter().map(|(name, stats)| RouteReport::new(name, stats)).collect(),
            thresholds: thresholds.collect(),
            causes: totals.whole.causes.clone(),
            histograms: Histograms {
                response: overall.response.to_base64(),
                service: overall.service.to_base64(),
                lag: overall.lag.to_base64(),
            },
            meta: Meta::default(),
            plan: plan.clone(),
            whole: totals.whole.clone(),
            seconds: totals.seconds.clone(),
            aborted: None,
            gate: Vec::new(),
            server: Vec::new(),
        }
    }

    /// Reads what [`Report::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is no such file, or of a newer program.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        // The version first: the rest of a newer file may not be readable.
        match serde_json::from_str(text)? {
            Version { schema } if schema > SCHEMA => Err(ReadError::Newer(schema)),
            Version { .. } => Ok(serde_json::from_str(text)?),
        }
    }

    /// The run as it was before it was judged.
    pub fn totals(&self) -> Totals {
        let elapsed_s = self.seconds.last().map_or(0.0, |second| second.t);
        Totals { whole: self.whole.clone(), latest: None, seconds: self.seconds.clone(), elapsed_s, ended: true }
    }

    /// The same, ended before its time by a condition of its user: a failure.
    #[must_use]
    pub fn aborted(mut self, reason: Option<String>) -> Self {
        if let Some(reason) = reason {
            self.verdict = Verdict::Fail;
            self.reasons.insert(0, reason.clone());
            self.aborted = Some(reason);
        }
        self
    }

    /// The same, held against SLOs: a burnt budget is a failure, and where the server counted nothing for any of them
    /// there is no verdict.
    #[must_use]
    pub fn gated(mut self, gate: Vec<GateReport>) -> Self {
        let burnt: Vec<_> =
            gate.iter().filter(|slo| slo.status == GateStatus::Burnt).map(GateReport::sentence).collect();
        let blind = !gate.is_empty() && gate.iter().all(|slo| slo.status == GateStatus::NoData);
        if !burnt.is_empty() && self.verdict != Verdict::Invalid {
            self.verdict = Verdict::Fail;
        }
        if blind && self.verdict == Verdict::Pass {
            self.verdict = Verdict::Invalid;
            self.reasons
                .push("the gate has no data: the server counted no event of any SLO in the run's time".to_owned());
        }
        self.reasons.extend(burnt);
        self.gate = gate;
        self
    }

    /// The same where the SLOs that it was to be held against could not be asked about: no pass.
    #[must_use]
    pub fn ungated(mut self, reason: String) -> Self {
        if self.verdict == Verdict::Pass {
            self.verdict = Verdict::Invalid;
        }
        self.reasons.push(reason);
        self
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

    /// The same, held against two SLOs: one burnt, the other without data.
    pub(crate) fn gated() -> Report {
        use crate::gate::{ClientView, Events};
        let (server, client) = (Events { bad: 5.0, total: 1000.0 }, Events { bad: 0.0, total: 100.0 });
        let burnt = (Some(server), Some((client, ClientView::Availability)));
        report(&[]).gated(vec![
            GateReport::new(("orders-availability", "orders", 0.999), burnt.0, burnt.1),
            GateReport::new(("users-latency", "users", 0.99), None, None),
        ])
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
        let histogram = crate::Latency::from_base64(json["histograms"]["response"].as_str().unwrap()).unwrap();
        assert_eq!(histogram.count(), 100);
    }

    #[test]
    fn it_reads_back() {
        let report = report(&["p95<200ms"]);
        let read = Report::read(&report.to_json()).unwrap();
        assert_eq!(read, report);
        // All that the summary says follows from the rest of the file.
        assert_eq!(Report::new(&read.plan, &read.totals(), read.partial), report);
        assert_eq!(report.verdict, Verdict::Pass);
        assert_eq!(report.errors(), 1);
    }

    #[test]
    fn times_are_kept_by_route_and_status() {
        let report = report(&[]);
        let ends = &report.routes[1].ends;
        assert_eq!(
            ends.iter().map(|end| (end.end.to_string(), end.count)).collect::<Vec<_>>(),
            [("200".to_owned(), 49), ("500".to_owned(), 1)]
        );
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        let route = &json["whole"]["routes"]["POST /b<c>"];
        for family in ["response", "service", "lag"] {
            assert!(route[family]["hdr"].as_str().unwrap().starts_with("HISTFAA"), "{family}");
            assert!(route["ends"]["500"][family]["hdr"].is_string(), "{family}");
        }
        let slices: u64 = report.seconds.iter().map(|second| second.latency().count()).sum();
        assert_eq!(slices, 100);
    }

    #[test]
    fn an_abort_and_a_burnt_budget_are_failures_and_a_blind_gate_is_no_pass() {
        use crate::gate::Events;
        let aborted = report(&[]).aborted(Some("ended".into()));
        assert_eq!((aborted.verdict, &aborted.reasons), (Verdict::Fail, &vec!["ended".to_owned()]));
        let slo = |server| GateReport::new(("s-a", "s", 0.999), server, None);
        let (good, bad) = (Events { bad: 0.0, total: 9.0 }, Events { bad: 1.0, total: 9.0 });
        assert_eq!(report(&[]).gated(vec![slo(Some(good)), slo(None)]).verdict, Verdict::Pass);
        let burnt = report(&[]).gated(vec![slo(Some(good)), slo(Some(bad))]);
        assert_eq!((burnt.verdict, burnt.reasons.len()), (Verdict::Fail, 1));
        assert_eq!(Report::read(&burnt.to_json()).unwrap(), burnt);
        assert_eq!(report(&[]).gated(vec![slo(None)]).verdict, Verdict::Invalid);
        assert_eq!(report(&["errors<0.1%"]).gated(vec![slo(None)]).verdict, Verdict::Fail);
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        let error = Report::read("{\"a\": 1}").unwrap_err().to_string();
        assert!(error.contains("no result of a load test") && error.contains("--report"), "{error}");
        let newer = report(&[]).to_json().replace("\"schema\": 1", "\"schema\": 2");
        assert!(matches!(Report::read(&newer), Err(ReadError::Newer(2))));
        assert!(Report::read("").is_err());
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
