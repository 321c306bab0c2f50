//! The run so far: everything merged, and a row a second.

use crate::latency::Latency;
use crate::snapshot::{Snapshot, Update};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One second of a run (the last may be shorter or, after a stall of the generator, longer).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Its end, in seconds since the start.
    pub t: f64,
    /// Its length.
    pub seconds: f64,
    /// Requests that became due.
    pub scheduled: u64,
    /// Requests answered as expected.
    pub finished: u64,
    /// Requests that failed, timed out or were censored.
    pub errors: u64,
    /// Requests whose end came from the other side.
    pub answered: u64,
    /// Median response time in seconds of what ended in it.
    pub p50: Option<f64>,
    /// Its 90th percentile.
    pub p90: Option<f64>,
    /// Its 95th percentile.
    pub p95: Option<f64>,
    /// Its 99th percentile.
    pub p99: Option<f64>,
    /// Its maximum.
    pub max: Option<f64>,
    /// 99th percentile of the lag in seconds.
    pub lag_p99: Option<f64>,
    /// Requests sent and unanswered at its end.
    pub in_flight: u64,
    /// Requests due and unsent at its end.
    pub queued: u64,
    /// Causes of failure in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<String, u64>,
    /// The distribution of its response times in the HdrHistogram V2 compressed format, base64: some hundred bytes.
    #[serde(default)]
    pub response: String,
}

impl Second {
    /// Its response times; none where there were none.
    pub fn latency(&self) -> Latency {
        Latency::from_base64(&self.response).unwrap_or_default()
    }
}

/// Accumulates updates.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Everything so far.
    pub whole: Snapshot,
    /// Everything of the last update.
    pub latest: Option<Update>,
    /// One row an update.
    pub seconds: Vec<Second>,
    /// Time since the start, in seconds.
    pub elapsed_s: f64,
    /// Whether the last update was seen.
    pub ended: bool,
}

impl Totals {
    /// Takes an update in.
    pub fn add(&mut self, update: Update) {
        let stats = update.delta.overall();
        let latency: &Latency = &stats.response;
        self.seconds.push(Second {
            t: update.elapsed_s,
            // To the µs: a difference has binary noise, which JSON would not keep to the bit.
            seconds: ((update.elapsed_s - self.elapsed_s).max(0.0) * 1e6).round() / 1e6,
            scheduled: update.delta.scheduled,
            finished: stats.counts.finished,
            errors: stats.counts.total() - stats.counts.finished,
            answered: stats.counts.answered(),
            p50: latency.quantile(0.5),
            p90: latency.quantile(0.9),
            p95: latency.quantile(0.95),
            p99: latency.quantile(0.99),
            max: latency.max(),
            lag_p99: stats.lag.quantile(0.99),
            in_flight: update.in_flight,
            queued: update.queued,
            causes: update.delta.causes.clone(),
            response: if latency.count() > 0 { latency.to_base64() } else { String::new() },
        });
        self.elapsed_s = update.elapsed_s;
        self.ended |= update.last;
        self.whole.merge(&update.delta);
        self.latest = Some(update);
    }

    /// The share of all answers that count for the rate over `duration_s`: those that had arrived by then, and those
    /// to requests under way then. What an overloaded server answers later, in the drain, would flatter it.
    pub fn share_in_time(&self, duration_s: f64) -> f64 {
        let all: u64 = self.seconds.iter().map(|second| second.answered).sum();
        let mut in_time = 0;
        for second in &self.seconds {
            in_time += second.answered;
            if second.t >= duration_s {
                in_time += second.in_flight;
                break;
            }
        }
        if all == 0 { 1.0 } else { (in_time as f64 / all as f64).min(1.0) }
    }

    /// Ends a run whose executor is gone: what was open at its last word is censored without a time.
    pub fn end_without_word(&mut self, elapsed_s: f64) {
        let missing = self.whole.scheduled.saturating_sub(self.whole.counts().total());
        if missing > 0 {
            let unsent = self.whole.routes.entry(crate::snapshot::UNSENT.to_owned()).or_default();
            unsent.counts.censored += missing;
        }
        self.elapsed_s = self.elapsed_s.max(elapsed_s);
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::{Outcome, Recorder};
    use std::time::Duration;

    fn update(recorder: &mut Recorder, at: f64) -> Update {
        Update {
            elapsed_s: at,
            in_flight: recorder.in_flight(),
            queued: recorder.queued(),
            last: false,
            delta: recorder.take(),
        }
    }

    #[test]
    fn seconds_hold_what_ended_in_them() {
        let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
        let ms = Duration::from_millis;
        for i in 0..2 {
            recorder.emitted(i, ms(i), ms(i), true);
            recorder.sent(i, ms(i), "GET /".into());
        }
        recorder.done(0, ms(10), Outcome::Finished { status: 200 });
        totals.add(update(&mut recorder, 1.0));
        recorder.done(1, ms(1501), Outcome::Refused { status: 500 });
        totals.add(update(&mut recorder, 2.0));
        let [first, second] = &totals.seconds[..] else { panic!("two seconds") };
        assert_eq!((first.finished, first.errors, first.in_flight, first.p95), (1, 0, 1, Some(0.01)));
        assert_eq!((second.finished, second.errors, second.scheduled, second.max), (0, 1, 0, Some(1.5)));
        assert_eq!(second.seconds, 1.0);
        assert_eq!(totals.whole.counts().total(), 2);
    }

    #[test]
    fn answers_long_after_the_duration_do_not_count_for_its_rate() {
        let row = |t: f64, answered: u64, in_flight: u64| {
            let mut totals = Totals::default();
            let update = Update { elapsed_s: t, in_flight, queued: 0, last: false, delta: Snapshot::default() };
            totals.add(update);
            Second { answered, ..totals.seconds.remove(0) }
        };
        let totals = |seconds| Totals { seconds, ..Totals::default() };
        assert_eq!(totals(vec![]).share_in_time(2.0), 1.0);
        assert_eq!(totals(vec![row(1.0, 50, 2), row(2.0, 48, 2), row(2.02, 2, 0)]).share_in_time(2.0), 1.0);
        assert_eq!(totals(vec![row(1.0, 50, 5), row(2.01, 45, 5), row(3.0, 105, 0)]).share_in_time(2.0), 0.5);
        assert_eq!(totals(vec![row(1.0, 50, 5)]).share_in_time(2.0), 1.0);
    }

    #[test]
    fn a_lost_executor_leaves_its_open_requests_censored() {
        let (mut recorder, mut totals) = (Recorder::default(), Totals::default());
        recorder.emitted(0, Duration::ZERO, Duration::ZERO, true);
        totals.add(update(&mut recorder, 1.0));
        totals.end_without_word(5.0);
        assert_eq!(totals.whole.counts().censored, 1);
        assert_eq!(totals.whole.counts().total(), totals.whole.scheduled);
        assert!(totals.ended);
        assert_eq!(totals.elapsed_s, 5.0);
    }
}
