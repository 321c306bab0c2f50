//! The statistics of one route, in whole and by how its requests ended.

use crate::latency::Latency;
use crate::snapshot::Counts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How a request ended, as far as its times are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum End {
    /// With an answer of this HTTP status.
    Status(u16),
    /// The connection failed.
    Broken,
    /// Given up after the request timeout.
    TimedOut,
    /// Still unanswered when the run ended.
    Censored,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Broken => f.write_str("broken"),
            Self::TimedOut => f.write_str("timed_out"),
            Self::Censored => f.write_str("censored"),
        }
    }
}

impl From<End> for String {
    fn from(end: End) -> Self {
        end.to_string()
    }
}

impl TryFrom<String> for End {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "broken" => Ok(Self::Broken),
            "timed_out" => Ok(Self::TimedOut),
            "censored" => Ok(Self::Censored),
            status => status.parse().map(Self::Status).map_err(|_| format!("{text:?} is no status")),
        }
    }
}

/// Requests of one route that ended alike, and their times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// As [`RouteStats::response`].
    pub response: Latency,
    /// As [`RouteStats::service`].
    pub service: Latency,
    /// As [`RouteStats::lag`].
    pub lag: Latency,
}

impl Times {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
    }
}

/// The statistics of one route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct RouteStats {
    /// How its requests ended.
    pub counts: Counts,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Intended start to last byte. Requests that timed out or were censored count with the time they had waited, a
    /// lower bound; requests without an answer because the connection failed do not count.
    pub response: Latency,
    /// Actual start to last byte, of the same requests where they were sent.
    pub service: Latency,
    /// Intended start to actual start.
    pub lag: Latency,
    /// The same apart by how requests ended; their sums are the three above.
    pub ends: BTreeMap<End, Times>,
}

/// `RouteStats` as stored: where all requests ended alike, their times are those of the route and stand there once.
#[derive(Serialize, Deserialize)]
struct Wire {
    counts: Counts,
    statuses: BTreeMap<u16, u64>,
    response: Latency,
    service: Latency,
    lag: Latency,
    ends: BTreeMap<End, Option<Times>>,
}

impl From<RouteStats> for Wire {
    fn from(stats: RouteStats) -> Self {
        let RouteStats { counts, statuses, response, service, lag, ends } = stats;
        let alike = ends.len() == 1 && ends.values().all(|times| times.count == counts.total());
        let ends = ends.into_iter().map(|(end, times)| (end, (!alike).then_some(times))).collect();
        Self { counts, statuses, response, service, lag, ends }
    }
}

impl From<Wire> for RouteStats {
    fn from(wire: Wire) -> Self {
        let Wire { counts, statuses, response, service, lag, ends } = wire;
        let all = || {
            let (response, service, lag) = (response.clone(), service.clone(), lag.clone());
            Times { count: counts.total(), response, service, lag }
        };
        let ends = ends.into_iter().map(|(end, times)| (end, times.unwrap_or_else(all))).collect();
        Self { counts, statuses, response, service, lag, ends }
    }
}

impl RouteStats {
    /// Takes in the end of one request with its response time, service time and lag, where it has them.
    pub fn record(&mut self, end: End, times: (Option<Duration>, Option<Duration>, Option<Duration>)) {
        let apart = self.ends.entry(end).or_default();
        apart.count += 1;
        let (response, service, lag) = times;
        for (time, whole, part) in [
            (response, &mut self.response, &mut apart.response),
            (service, &mut self.service, &mut apart.service),
            (lag, &mut self.lag, &mut apart.lag),
        ] {
            if let Some(time) = time {
                whole.record(time);
                part.record(time);
            }
        }
    }

    /// Adds another's numbers.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
        for (end, times) in &other.ends {
            self.ends.entry(*end).or_default().merge(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stats(requests: &[(u8, u64)]) -> RouteStats {
        let mut stats = RouteStats::default();
        for &(end, ms) in requests {
            let time = Some(Duration::from_millis(ms));
            let (end, count) = match end % 5 {
                0 => (End::Status(200), &mut stats.counts.finished),
                1 => (End::Status(503), &mut stats.counts.failed),
                2 => (End::Broken, &mut stats.counts.failed),
                3 => (End::TimedOut, &mut stats.counts.timed_out),
                _ => (End::Censored, &mut stats.counts.censored),
            };
            *count += 1;
            let answered = time.filter(|_| end != End::Broken);
            stats.record(end, (answered, answered, time));
        }
        stats
    }

    #[test]
    fn ends_are_named_and_read_back() {
        for (end, name) in [
            (End::Status(204), "204"),
            (End::Broken, "broken"),
            (End::TimedOut, "timed_out"),
            (End::Censored, "censored"),
        ] {
            assert_eq!(end.to_string(), name);
            assert_eq!(End::try_from(name.to_owned()), Ok(end));
        }
        assert!(End::try_from("lost".to_owned()).is_err());
    }

    #[test]
    fn the_times_of_a_uniform_route_are_stored_once() {
        let uniform = serde_json::to_value(stats(&[(0, 3), (0, 4)])).unwrap();
        assert_eq!(uniform["ends"], serde_json::json!({"200": null}));
        let mixed = serde_json::to_value(stats(&[(0, 3), (1, 4)])).unwrap();
        assert_eq!(mixed["ends"]["503"]["count"], 1);
        assert!(mixed["ends"]["503"]["response"]["hdr"].is_string());
    }

    proptest! {
        #[test]
        fn ends_add_up_to_the_route(requests in prop::collection::vec((0u8..5, 0u64..60_000), 0..60)) {
            let stats = stats(&requests);
            let mut sum = Times::default();
            stats.ends.values().for_each(|times| sum.merge(times));
            prop_assert_eq!(sum.count, stats.counts.total());
            prop_assert_eq!(&sum.response, &stats.response);
            prop_assert_eq!(&sum.service, &stats.service);
            prop_assert_eq!(&sum.lag, &stats.lag);
        }

        #[test]
        fn json_keeps_everything(requests in prop::collection::vec((0u8..5, 0u64..60_000), 0..60)) {
            let stats = stats(&requests);
            let text = serde_json::to_string(&stats).unwrap();
            prop_assert_eq!(serde_json::from_str::<RouteStats>(&text).unwrap(), stats);
        }
    }
}
