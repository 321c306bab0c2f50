//! What has been counted: by route, and in whole.

use crate::latency::Latency;
use crate::route::RouteStats;
use crate::slowest::Slowest;
use crate::usage::Usage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The route of requests that were due and could not be sent: every connection or user was busy to the end.
pub const UNSENT: &str = "(not sent)";

/// At most so many distinct causes of failure are told apart.
const MAX_CAUSES: usize = 20;

/// How requests ended. Every scheduled request is in exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Answered as expected.
    pub finished: u64,
    /// Answered otherwise, or not at all because the connection failed.
    pub failed: u64,
    /// Given up after the request timeout.
    pub timed_out: u64,
    /// Still unanswered when the run ended.
    pub censored: u64,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.finished + self.failed + self.timed_out + self.censored
    }

    /// Requests whose end came from the other side.
    pub fn answered(&self) -> u64 {
        self.finished + self.failed
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.finished += other.finished;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.censored += other.censored;
    }
}

/// Statistics of a stretch of a run. Snapshots of consecutive stretches merge into that of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Requests that became due.
    pub scheduled: u64,
    /// Those of them that found every connection or user busy.
    pub crowded: u64,
    /// Statistics by route.
    pub routes: BTreeMap<String, RouteStats>,
    /// Response time without the delay that the generator itself caused.
    pub net: Latency,
    /// The delay that the generator itself caused: lateness of the pacer, and of starting a request while a
    /// connection or user was free.
    pub own_lag: Latency,
    /// Causes of failure.
    pub causes: BTreeMap<String, u64>,
    /// The slowest requests, one by one.
    #[serde(default)]
    pub slowest: Slowest,
    /// What the generator used of its machine.
    #[serde(default)]
    pub usage: Usage,
}

impl Snapshot {
    /// Adds another stretch.
    pub fn merge(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.crowded += other.crowded;
        for (route, stats) in &other.routes {
            self.routes.entry(route.clone()).or_default().merge(stats);
        }
        self.net.merge(&other.net);
        self.own_lag.merge(&other.own_lag);
        for (cause, count) in &other.causes {
            self.count_cause(cause, *count);
        }
        self.slowest.merge(&other.slowest);
        self.usage.merge(&other.usage);
    }

    /// All routes together.
    pub fn overall(&self) -> RouteStats {
        let mut all = RouteStats::default();
        self.routes.values().for_each(|stats| all.merge(stats));
        all
    }

    /// How all requests ended.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.routes.values().for_each(|stats| all.merge(&stats.counts));
        all
    }

    /// Counts a cause of failure; past the twentieth they count as `other`.
    pub fn count_cause(&mut self, cause: &str, count: u64) {
        let known = self.causes.contains_key(cause) || self.causes.len() < MAX_CAUSES;
        let cause = if known { cause } else { "other" };
        *self.causes.entry(cause.to_owned()).or_default() += count;
    }
}

/// A snapshot on its way from the executor to whoever shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Seconds since the start.
    pub elapsed_s: f64,
    /// Requests sent and unanswered.
    pub in_flight: u64,
    /// Requests due and not yet sent.
    pub queued: u64,
    /// Whether this is the last one.
    pub last: bool,
    /// What happened since the one before.
    pub delta: Snapshot,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::End;
    use proptest::prelude::*;
    use std::time::Duration;

    fn snapshot(events: &[(u8, u8, u64)]) -> Snapshot {
        let mut snapshot = Snapshot { scheduled: events.len() as u64, ..Snapshot::default() };
        for &(route, end, ms) in events {
            let stats = snapshot.routes.entry(format!("GET /{}", route % 3)).or_default();
            match end % 4 {
                0 => stats.counts.finished += 1,
                1 => stats.counts.failed += 1,
                2 => stats.counts.timed_out += 1,
                _ => stats.counts.censored += 1,
            }
            *stats.statuses.entry(200 + u16::from(end)).or_default() += 1;
            let times = (Some(Duration::from_millis(ms)), None, Some(Duration::from_millis(ms / 2)));
            stats.record(End::Status(200 + u16::from(end)), times);
            snapshot.own_lag.record(Duration::from_millis(ms / 3));
            snapshot.count_cause(&format!("cause {}", end % 4), 1);
        }
        snapshot
    }

    proptest! {
        #[test]
        fn parts_merge_into_the_whole(events in prop::collection::vec((0u8..6, 0u8..6, 0u64..900), 0..40),
                                      at in 0usize..40) {
            let (a, b) = events.split_at(at.min(events.len()));
            let mut merged = snapshot(a);
            merged.merge(&snapshot(b));
            prop_assert_eq!(&merged, &snapshot(&events));
            prop_assert_eq!(merged.counts().total(), merged.scheduled);
            prop_assert_eq!(merged.overall().response.count(), merged.scheduled);
        }
    }

    #[test]
    fn causes_are_bounded() {
        let mut snapshot = Snapshot::default();
        (0..50).for_each(|i| snapshot.count_cause(&format!("cause {i}"), 1));
        assert_eq!(snapshot.causes.len(), MAX_CAUSES + 1);
        assert_eq!(snapshot.causes["other"], 30);
    }

    #[test]
    fn an_update_survives_json() {
        let delta = snapshot(&[(0, 0, 3), (1, 1, 900)]);
        let update = Update { elapsed_s: 1.0, in_flight: 2, queued: 0, last: false, delta };
        let text = serde_json::to_string(&update).unwrap();
        assert!(!text.contains('\n'), "one line an update");
        assert_eq!(serde_json::from_str::<Update>(&text).unwrap(), update);
    }
}
