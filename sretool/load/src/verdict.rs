//! Pass, fail, or no judgement.

mod starved;

use crate::format;
use crate::latency::Latency;
use crate::schedule::Schedule;
use crate::snapshot::UNSENT;
use crate::threshold::{Basis, Checked, Metric, Threshold};
use crate::totals::Totals;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where more than this share of the requests found all connections or users busy, these set the pace, not the server.
const SATURATED: f64 = 0.9;

/// Below this share of the scheduled requests sent, the load was not the one asked for.
const DELIVERED: f64 = 0.99;

/// What was asked of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What sends: `http` or `goose`.
    pub executor: String,
    /// When requests are due; none where the server sets the pace (closed model).
    pub schedule: Option<Schedule>,
    /// Length of the run in seconds, without the drain.
    pub duration_s: f64,
    /// Connections or users that can send at once.
    pub capacity: usize,
    /// What must hold.
    pub thresholds: Vec<Threshold>,
}

impl Plan {
    /// Requests a second, on average; none in a closed model.
    pub fn target_rps(&self) -> Option<f64> {
        self.schedule.as_ref().map(Schedule::mean_rate)
    }
}

/// The judgement in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every threshold holds.
    Pass,
    /// At least one is broken.
    Fail,
    /// The run does not tell: no samples, or the generator was the bottleneck.
    Invalid,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Invalid => "invalid",
        })
    }
}

/// A verdict and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, a sentence each: the broken thresholds, or why the run does not tell.
    pub reasons: Vec<String>,
    /// The thresholds held against the run, in the plan's order.
    pub checked: Vec<Checked>,
}

/// Judges a run, finished or so far. `interrupted`: cut short by its user.
///
/// A broken latency threshold is blamed on the generator only if it would hold without the generator's own lag
/// (request by request), or if it holds from the actual start of requests while every connection or user was busy
/// all the time. A threshold that holds, holds in spite of any lag, since response times include it; but where the
/// generator was starved of CPU, or did not send what was asked for, the server was not put to the test.
pub fn judge(plan: &Plan, totals: &Totals, interrupted: bool) -> Judgement {
    let seconds = if interrupted { totals.elapsed_s.min(plan.duration_s) } else { plan.duration_s };
    let in_time = totals.share_in_time(seconds);
    let basis = Basis { seconds, target_rps: plan.target_rps().unwrap_or(0.0), in_time, interrupted };
    let checked: Vec<_> = plan.thresholds.iter().map(|t| t.check(&totals.whole, basis)).collect();
    let counts = totals.whole.counts();
    if counts.answered() + counts.timed_out + if interrupted { 0 } else { counts.censored } == 0 {
        let reasons = vec!["no samples: no request was answered, refused or given up".to_owned()];
        return Judgement { verdict: Verdict::Invalid, reasons, checked };
    }
    let broken: Vec<_> = plan.thresholds.iter().zip(&checked).filter(|(_, checked)| !checked.ok).collect();
    let blame = Blame { plan, totals, basis };
    if broken.is_empty() {
        let reasons: Vec<_> =
            starved::starved(plan, &totals.whole).or_else(|| blame.undelivered()).into_iter().collect();
        let verdict = if reasons.is_empty() { Verdict::Pass } else { Verdict::Invalid };
        return Judgement { verdict, reasons, checked };
    }
    let blame: Vec<_> = broken.iter().map(|(threshold, _)| blame.generator(threshold)).collect();
    // One threshold that the server broke on its own is enough for a verdict.
    if blame.iter().all(Option::is_some) {
        let mut reasons: Vec<String> = blame.into_iter().flatten().collect();
        reasons.dedup();
        return Judgement { verdict: Verdict::Invalid, reasons, checked };
    }
    let reasons = broken.iter().map(|(threshold, checked)| sentence(threshold, checked)).collect();
    Judgement { verdict: Verdict::Fail, reasons, checked }
}

/// The first of some conditions that is so in a run so far, in a sentence: the reason to end it.
pub fn met(plan: &Plan, totals: &Totals, conditions: &[Threshold]) -> Option<String> {
    let seconds = totals.elapsed_s.min(plan.duration_s);
    let target_rps = plan.target_rps().unwrap_or(0.0);
    let basis = Basis { seconds, target_rps, in_time: totals.share_in_time(seconds), interrupted: true };
    conditions.iter().find_map(|condition| {
        let checked = condition.check(&totals.whole, basis);
        let observed = condition.show(checked.observed);
        checked.ok.then(|| format!("ended after {:.0} s, since {condition}: observed {observed}", totals.elapsed_s))
    })
}

fn sentence(threshold: &Threshold, checked: &Checked) -> String {
    let limit = threshold.show(Some(checked.limit));
    format!("{threshold} broken: observed {}, limit {limit}", threshold.show(checked.observed))
}

/// Whose fault a broken threshold is.
struct Blame<'a> {
    plan: &'a Plan,
    totals: &'a Totals,
    basis: Basis,
}

impl Blame<'_> {
    /// Why the generator rather than the server broke a threshold, where that is so.
    fn generator(&self, threshold: &Threshold) -> Option<String> {
        match threshold.metric {
            Metric::Errors | Metric::Availability => self.errors(threshold),
            Metric::Rate if threshold.comparison.holds(f64::INFINITY, threshold.limit) => {
                self.undelivered().or_else(|| starved::slowed(self.plan, &self.totals.whole, 0.0))
            }
            Metric::Rate => None,
            Metric::Lag => Some(self.lagged(threshold)),
            _ => self.latency(threshold),
        }
    }

    fn latency(&self, threshold: &Threshold) -> Option<String> {
        let holds = |latency: &Latency| {
            threshold.latency(latency).filter(|observed| threshold.comparison.holds(*observed, threshold.limit))
        };
        if let Some(net) = threshold.route.is_none().then(|| holds(&self.totals.whole.net)).flatten() {
            return Some(format!(
                "the generator lagged (p99 {}): {threshold} would hold without it, at {}; give it more CPU or a lower \
                 rate",
                format::ms(self.totals.whole.own_lag.quantile(0.99)),
                threshold.show(Some(net))
            ));
        }
        let scoped = threshold.scoped(&self.totals.whole);
        let observed = threshold.latency(&scoped.response);
        if let Some(reason) = observed.and_then(|observed| starved::slowed(self.plan, &self.totals.whole, observed)) {
            return Some(reason);
        }
        let service = holds(&scoped.service);
        service.filter(|_| self.saturated()).map(|_| self.too_few())
    }

    /// Requests that were never sent are no errors of the server, nor are the last ones under way.
    fn errors(&self, threshold: &Threshold) -> Option<String> {
        let mut sent = threshold.scoped(&self.totals.whole);
        sent.counts.censored = sent.counts.censored.saturating_sub(self.unsent() + self.plan.capacity as u64);
        let checked = threshold.check_stats(&sent, self.basis);
        if threshold.route.is_some() || !checked.ok {
            return None;
        }
        let starved = || starved::slowed(self.plan, &self.totals.whole, 0.0);
        if self.saturated() { Some(self.too_few()) } else { starved() }
    }

    fn lagged(&self, threshold: &Threshold) -> String {
        let lag = format::ms(self.totals.whole.own_lag.quantile(0.99));
        let full = starved::full(&self.totals.whole.usage);
        let why = full.map(|why| format!(": its own cores were full, {why}")).unwrap_or_default();
        format!("the generator lagged (p99 {lag}), which breaks {threshold}{why}; give it more CPU or a lower rate")
    }

    /// Why the load was less than what was asked for, although the server was answering.
    fn undelivered(&self) -> Option<String> {
        let (whole, counts) = (&self.totals.whole, self.totals.whole.counts());
        let asked = self.plan.schedule.as_ref().map_or(0, Schedule::total);
        if !self.basis.interrupted && (whole.scheduled as f64) < asked as f64 * DELIVERED {
            return Some(format!(
                "the generator handed out {} of {} requests in time; give it more CPU or a lower rate",
                format::count(whole.scheduled),
                format::count(asked)
            ));
        }
        let unsent = self.unsent();
        let in_time = counts.total().saturating_sub(unsent) as f64 * self.basis.in_time;
        let delivered = in_time >= counts.total() as f64 * DELIVERED;
        // Up to the last moment requests are sent, so that some are under way then.
        let answering = counts.timed_out == 0 && counts.censored.saturating_sub(unsent) <= self.plan.capacity as u64;
        (!delivered && answering && self.saturated()).then(|| self.too_few())
    }

    fn unsent(&self) -> u64 {
        self.totals.whole.routes.get(UNSENT).map_or(0, |stats| stats.counts.total())
    }

    fn saturated(&self) -> bool {
        let whole = &self.totals.whole;
        self.plan.schedule.is_some() && whole.crowded as f64 > whole.scheduled as f64 * SATURATED
    }

    fn too_few(&self) -> String {
        let what = if self.plan.executor == "goose" { "users" } else { "connections" };
        format!(
            "all {} {what} were busy all the time, so requests waited in the generator; allow more with --{what}, give \
             it more CPU, or a lower rate",
            self.plan.capacity
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Outcome, Recorder};
    use crate::snapshot::Update;
    use std::time::Duration;

    fn plan(rate: f64, seconds: f64, capacity: usize, thresholds: &[&str]) -> Plan {
        Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(rate, Duration::from_secs_f64(seconds)).unwrap()),
            duration_s: seconds,
            capacity,
            thresholds: thresholds.iter().map(|t| t.parse().unwrap()).collect(),
        }
    }

    /// A run of 100 requests in 1 s, the first `free` of which find a free connection; `times` gives, for each,
    /// emission, sending and end after it was due, in ms.
    fn run(free: u64, outcome: &Outcome, times: impl Fn(u64) -> (u64, Option<u64>, Option<u64>)) -> Totals {
        let mut recorder = Recorder::default();
        let ms = Duration::from_millis;
        for i in 0..100 {
            let due = ms(i * 10);
            let (emitted, sent, done) = times(i);
            recorder.emitted(i, due, due + ms(emitted), i < free);
            if let Some(sent) = sent {
                recorder.sent(i, due + ms(sent), "GET /".into());
            }
            if let Some(done) = done {
                recorder.done(i, due + ms(done), outcome.clone());
            }
        }
        let mut totals = Totals::default();
        recorder.censor(ms(1000), false);
        totals.add(Update { elapsed_s: 1.0, in_flight: 0, queued: 0, last: true, delta: recorder.take() });
        totals
    }

    const OK: Outcome = Outcome::Finished { status: 200 };

    #[test]
    fn a_quick_server_passes() {
        let totals = run(100, &OK, |_| (0, Some(0), Some(5)));
        let judgement = judge(&plan(100.0, 1.0, 10, &["p95<200ms", "errors<0.1%", "rate>=99%"]), &totals, false);
        assert_eq!((judgement.verdict, judgement.reasons.len()), (Verdict::Pass, 0));
    }

    #[test]
    fn a_slow_server_fails_and_the_reason_names_threshold_limit_and_observation() {
        let totals = run(100, &OK, |_| (0, Some(0), Some(300)));
        let judgement = judge(&plan(100.0, 1.0, 1000, &["p95<200ms", "errors<0.1%"]), &totals, false);
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert_eq!(judgement.reasons, ["p95<200ms broken: observed 300 ms, limit 200 ms"]);
    }

    #[test]
    fn a_generator_that_lags_makes_no_verdict() {
        let totals = run(100, &OK, |_| (250, Some(290), Some(300)));
        let judgement = judge(&plan(100.0, 1.0, 1000, &["p95<200ms"]), &totals, false);
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reasons[0].contains("the generator lagged (p99 290 ms)"), "{:?}", judgement.reasons);
    }

    #[test]
    fn lag_does_not_excuse_a_server_that_is_slow_on_its_own() {
        let totals = run(100, &OK, |_| (50, Some(50), Some(900)));
        assert_eq!(judge(&plan(100.0, 1.0, 1000, &["p95<200ms"]), &totals, false).verdict, Verdict::Fail);
    }

    #[test]
    fn a_little_lag_does_not_spoil_a_pass_but_much_does() {
        let plan = plan(100.0, 1.0, 1000, &["p95<200ms"]);
        let little = run(100, &OK, |_| (15, Some(15), Some(60)));
        assert_eq!(judge(&plan, &little, false).verdict, Verdict::Pass);
        let much = judge(&plan, &run(100, &OK, |_| (50, Some(50), Some(60))), false);
        assert_eq!(much.verdict, Verdict::Invalid);
        assert!(much.reasons[0].contains("p99 50.0 ms, allowed 20.0 ms"), "{:?}", much.reasons);
    }

    #[test]
    fn a_threshold_on_the_lag_makes_a_run_invalid_and_never_failed() {
        let totals = run(100, &OK, |_| (50, Some(50), Some(60)));
        assert_eq!(judge(&plan(100.0, 1.0, 1000, &["p95<200ms", "lag<1s"]), &totals, false).verdict, Verdict::Pass);
        let judgement = judge(&plan(100.0, 1.0, 1000, &["p95<200ms", "lag<5ms"]), &totals, false);
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reasons[0].contains("which breaks lag<5ms"), "{:?}", judgement.reasons);
        let slow = judge(&plan(100.0, 1.0, 1000, &["p95<1ms", "lag<5ms"]), &totals, false);
        assert_eq!(slow.verdict, Verdict::Fail, "the server is slow on its own");
    }

    #[test]
    fn a_condition_that_is_so_ends_a_run() {
        let plan = plan(100.0, 1.0, 1000, &[]);
        let totals = run(100, &Outcome::Refused { status: 500 }, |_| (0, Some(0), Some(10)));
        let conditions = ["p95>1s", "errors>50%"].map(|text| text.parse().unwrap());
        assert_eq!(met(&plan, &totals, &conditions).unwrap(), "ended after 1 s, since errors>50%: observed 100%");
        assert_eq!(met(&plan, &totals, &conditions[..1]), None);
        assert_eq!(met(&plan, &Totals::default(), &conditions), None, "nothing seen is no reason");
    }

    #[test]
    fn a_load_that_was_not_sent_is_no_pass_even_where_nobody_asked_for_a_rate() {
        let totals = run(100, &OK, |_| (0, Some(0), Some(5)));
        let judgement = judge(&plan(200.0, 1.0, 10, &["errors<1%"]), &totals, false);
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reasons[0].contains("100 of 200"), "{:?}", judgement.reasons);
    }

    #[test]
    fn too_few_connections_are_no_fault_of_the_server() {
        // One connection, 10 ms a request: always busy, and the queue grows.
        let totals = run(0, &OK, |i| (0, Some(i * 3), Some(i * 3 + 10)));
        let judgement = judge(&plan(100.0, 1.0, 1, &["p95<200ms"]), &totals, false);
        assert_eq!(judgement.verdict, Verdict::Invalid, "{judgement:?}");
        assert!(judgement.reasons[0].contains("all 1 connections"), "{:?}", judgement.reasons);
        assert!(judgement.reasons[0].contains("--connections"));
    }

    #[test]
    fn requests_that_could_not_be_sent_are_no_errors_of_a_server_that_answers() {
        let totals = run(0, &OK, |i| if i < 60 { (0, Some(i * 5), Some(i * 5 + 10)) } else { (0, None, None) });
        let thresholds = ["p95<200ms", "errors<0.1%", "availability>=99.9%", "rate>=99%"];
        let judgement = judge(&plan(100.0, 1.0, 1, &thresholds), &totals, false);
        assert_eq!((judgement.verdict, judgement.reasons.len()), (Verdict::Invalid, 1), "{judgement:?}");
        assert!(judgement.checked.iter().all(|checked| !checked.ok));
    }

    #[test]
    fn a_generator_that_hands_out_too_little_makes_no_verdict() {
        let totals = run(100, &OK, |_| (0, Some(0), Some(5)));
        let judgement = judge(&plan(200.0, 1.0, 10, &["rate>=99%"]), &totals, false);
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reasons[0].contains("100 of 200 requests"), "{:?}", judgement.reasons);
    }

    #[test]
    fn a_stall_is_the_servers_fault_although_requests_queued() {
        let stalled = |i| if i < 50 { (0, Some(0), Some(2)) } else { (0, Some(490), Some(500)) };
        let totals = run(50, &OK, stalled);
        assert_eq!(judge(&plan(100.0, 1.0, 10, &["p95<200ms"]), &totals, false).verdict, Verdict::Fail);
    }

    #[test]
    fn a_refusing_server_fails_and_a_silent_one_too() {
        let thresholds = ["p95<200ms", "errors<0.1%", "availability>=99.9%", "rate>=99%"];
        let refused = run(100, &Outcome::Broken { cause: "refused".into() }, |_| (0, Some(0), Some(1)));
        let judgement = judge(&plan(100.0, 1.0, 10, &thresholds), &refused, false);
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert!(judgement.reasons.iter().any(|r| r.contains("errors<0.1% broken: observed 100%")));
        let silent = run(100, &OK, |_| (0, Some(0), None));
        assert_eq!(judge(&plan(100.0, 1.0, 10, &thresholds), &silent, false).verdict, Verdict::Fail);
    }

    #[test]
    fn nothing_sent_is_no_verdict() {
        let judgement = judge(&plan(1.0, 1.0, 1, &["errors<0.1%"]), &Totals::default(), false);
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reasons[0].contains("no samples"));
        let silent = run(100, &OK, |_| (0, None, None));
        assert_eq!(judge(&plan(100.0, 1.0, 1, &["errors<0.1%"]), &silent, true).verdict, Verdict::Invalid);
    }
}
