//! All targets with how their last scrapes went.

use super::Target;
use crate::server::clock;
use promql::Labels;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest wait for a target that names none, as in Prometheus; never longer than the interval.
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the last scrape of a target succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TargetHealth {
    #[default]
    Unknown,
    Up,
    Down,
}

/// How a scrape went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub health: TargetHealth,
    pub error: String,
    pub at: Option<i64>,
    pub elapsed: Duration,
}

/// A target that is scraped.
#[derive(Debug)]
pub(crate) struct TargetState {
    pub target: Target,
    pub interval: Duration,
    pub timeout: Duration,
    report: Mutex<Report>,
}

impl TargetState {
    pub(crate) fn new(target: Target, interval: Duration) -> Self {
        let interval = target.settings.interval.unwrap_or(interval);
        let timeout = target.settings.timeout.unwrap_or(USUAL_TIMEOUT).min(interval);
        Self { target, interval, timeout, report: Mutex::default() }
    }

    pub(crate) fn report(&self, report: Report) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    fn last(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn json(&self) -> Value {
        let (target, report) = (&self.target, self.last());
        json!({
            "discoveredLabels": self.discovered(),
            "labels": object(&target.labels),
            "scrapePool": target.job,
            "scrapeUrl": target.url,
            "globalUrl": target.url,
            "lastError": report.error,
            "lastScrape": clock::rfc3339(report.at),
            "lastScrapeDuration": report.elapsed.as_secs_f64(),
            "health": match report.health {
                TargetHealth::Unknown => "unknown",
                TargetHealth::Up => "up",
                TargetHealth::Down => "down",
            },
            "scrapeInterval": duration(self.interval),
            "scrapeTimeout": duration(self.timeout),
        })
    }

    fn discovered(&self) -> Map<String, Value> {
        let mut labels = object(&self.target.discovered);
        for (name, value) in [("__scrape_interval__", self.interval), ("__scrape_timeout__", self.timeout)] {
            labels.entry(name).or_insert_with(|| duration(value).into());
        }
        labels
    }
}

fn object(labels: &Labels) -> Map<String, Value> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn duration(duration: Duration) -> String {
    rules::format_duration(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// All targets, those that relabelling dropped included.
#[derive(Debug, Default)]
pub(crate) struct TargetBoard(Mutex<Targets>);

#[derive(Debug, Default)]
struct Targets {
    active: Vec<Arc<TargetState>>,
    /// Pools with the labels of what was dropped.
    dropped: Vec<(String, Labels)>,
}

impl TargetBoard {
    pub(crate) fn set(&self, active: Vec<Arc<TargetState>>, dropped: Vec<(String, Labels)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Targets { active, dropped };
    }

    pub(crate) fn active(&self) -> Vec<Arc<TargetState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).active.clone()
    }

    /// The `data` object of `/api/v1/targets`.
    pub(crate) fn json(&self, active: bool, dropped: bool, pool: Option<&str>) -> Value {
        let targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |job: &str| pool.is_none_or(|pool| pool == job);
        let shown: Vec<_> =
            targets.active.iter().filter(|t| active && wanted(&t.target.job)).map(|t| t.json()).collect();
        let mut counts = Map::new();
        for (job, _) in &targets.dropped {
            let count = counts.get(job).and_then(Value::as_u64).unwrap_or(0);
            counts.insert(job.clone(), (count + 1).into());
        }
        let gone = targets.dropped.iter().filter(|(job, _)| dropped && wanted(job));
        let gone: Vec<_> = gone.map(|(_, labels)| json!({ "discoveredLabels": object(labels) })).collect();
        json!({ "activeTargets": shown, "droppedTargets": gone, "droppedTargetCounts": counts })
    }

    /// Names of the pools, in order.
    pub(crate) fn pools(&self) -> Vec<String> {
        let targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let active = targets.active.iter().map(|t| t.target.job.clone());
        let all: std::collections::BTreeSet<_> = active.chain(targets.dropped.iter().map(|(j, _)| j.clone())).collect();
        all.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_show_in_the_answer() {
        let board = TargetBoard::default();
        let state = Arc::new(TargetState::new(Target::new("api", "h:1", "/metrics"), Duration::from_secs(15)));
        board.set(vec![state.clone()], vec![("gone".into(), Labels::new([("__address__", "x:1")]))]);
        assert_eq!(board.json(true, true, None)["activeTargets"][0]["health"], "unknown");
        let elapsed = Duration::from_millis(5);
        state.report(Report { health: TargetHealth::Down, error: "refused".into(), at: Some(1000), elapsed });
        let answer = board.json(true, false, Some("api"));
        let target = &answer["activeTargets"][0];
        assert_eq!((&target["health"], &target["lastError"]), (&json!("down"), &json!("refused")));
        assert_eq!(target["lastScrape"], "1970-01-01T00:00:01Z");
        assert_eq!((&target["scrapeInterval"], &target["scrapeTimeout"]), (&json!("15s"), &json!("10s")));
        assert_eq!(target["labels"], json!({"instance": "h:1", "job": "api"}));
        assert_eq!(target["discoveredLabels"]["__scrape_interval__"], "15s");
        assert_eq!((&answer["droppedTargets"], &answer["droppedTargetCounts"]), (&json!([]), &json!({"gone": 1})));
        assert_eq!(board.json(true, false, Some("other"))["activeTargets"], json!([]));
        let dropped = board.json(false, true, None);
        assert_eq!(dropped["activeTargets"], json!([]));
        assert_eq!(dropped["droppedTargets"][0]["discoveredLabels"]["__address__"], "x:1");
        assert_eq!(board.pools(), ["api", "gone"]);
    }

    #[test]
    fn no_wait_is_longer_than_the_interval() {
        let mut target = Target::new("api", "h:1", "/metrics");
        assert_eq!(TargetState::new(target.clone(), Duration::from_secs(1)).timeout, Duration::from_secs(1));
        target.settings =
            Arc::new(super::super::ScrapeSettings { interval: Some(Duration::from_secs(60)), ..Default::default() });
        let state = TargetState::new(target, Duration::from_secs(1));
        assert_eq!((state.interval.as_secs(), state.timeout.as_secs()), (60, 10));
    }
}
