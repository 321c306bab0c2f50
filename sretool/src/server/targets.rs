//! Targets and how their last scrapes went.

use super::clock;
use promql::Labels;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Something to scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Value of the label `job`.
    pub job: String,
    /// Where the exposition is served.
    pub url: String,
    /// Labels of every series, `job` and `instance` among them.
    pub labels: Labels,
}

/// Why a target was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{target}` is no target: {cause}; write HOST:PORT, HOST:PORT/PATH or JOB=HOST:PORT")]
pub struct TargetError {
    target: String,
    cause: String,
}

impl Target {
    /// A target at `http://ADDRESS/PATH` with the labels that Prometheus gives it.
    pub fn new(job: &str, address: &str, path: &str) -> Self {
        let labels = Labels::new([("job", job), ("instance", address)]);
        Self { job: job.to_owned(), url: format!("http://{address}{path}"), labels }
    }

    /// Reads `[JOB=]HOST:PORT[/PATH]`, with `http://` before it or not. The path is `/metrics` unless given, the job
    /// is the host and port unless given.
    ///
    /// # Errors
    /// [`TargetError`] naming the accepted forms.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let error = |cause: &str| TargetError { target: text.to_owned(), cause: cause.to_owned() };
        let (job, place) = match text.split_once('=') {
            Some(("", _)) => return Err(error("the job before `=` is empty")),
            Some((job, place)) if !job.contains(['/', ':']) => (Some(job), place),
            _ => (None, text),
        };
        let (scheme, rest) = place.split_once("://").unwrap_or(("http", place));
        if !matches!(scheme, "http" | "https") {
            return Err(error("the scheme is neither http nor https"));
        }
        let (address, path) = rest.find('/').map_or((rest, "/metrics"), |i| rest.split_at(i));
        let path = if path == "/" { "/metrics" } else { path };
        let (host, port) = address.rsplit_once(':').ok_or_else(|| error("it has no port"))?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(error("the host is empty or the port is no number up to 65535"));
        }
        let url = format!("{scheme}://{address}{path}");
        reqwest::Url::parse(&url).map_err(|e| error(&e.to_string()))?;
        Ok(Self { url, ..Self::new(job.unwrap_or(address), address, path) })
    }
}

/// Whether the last scrape of a target succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TargetHealth {
    #[default]
    Unknown,
    Up,
    Down,
}

#[derive(Clone, Debug, Default)]
struct Report {
    health: TargetHealth,
    error: String,
    at: Option<i64>,
    elapsed: Duration,
}

/// All targets with their last reports.
#[derive(Debug)]
pub(crate) struct TargetBoard {
    targets: Vec<Target>,
    reports: Mutex<Vec<Report>>,
    interval: Duration,
}

impl TargetBoard {
    pub(crate) fn new(targets: Vec<Target>, interval: Duration) -> Self {
        let reports = Mutex::new(vec![Report::default(); targets.len()]);
        Self { targets, reports, interval }
    }

    pub(crate) fn len(&self) -> usize {
        self.targets.len()
    }

    pub(crate) fn target(&self, index: usize) -> &Target {
        &self.targets[index]
    }

    pub(crate) fn report(&self, index: usize, health: TargetHealth, error: String, at: i64, elapsed: Duration) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports[index] = Report { health, error, at: Some(at), elapsed };
    }

    /// The `data` object of `/api/v1/targets`; dropped targets do not exist here.
    pub(crate) fn json(&self, active: bool, pool: Option<&str>) -> Value {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shown = self.targets.iter().zip(&reports).filter(|(t, _)| active && pool.is_none_or(|p| p == t.job));
        let targets: Vec<_> = shown.map(|(target, report)| self.target_json(target, report)).collect();
        json!({ "activeTargets": targets, "droppedTargets": [], "droppedTargetCounts": {} })
    }

    fn target_json(&self, target: &Target, report: &Report) -> Value {
        let labels: serde_json::Map<_, _> = target.labels.iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
        let (scheme, rest) = target.url.split_once("://").unwrap_or(("http", &target.url));
        let (address, path) = rest.find('/').map_or((rest, "/metrics"), |i| rest.split_at(i));
        let interval = rules::format_duration(i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX));
        json!({
            "discoveredLabels": {
                "__address__": address, "__metrics_path__": path, "__scheme__": scheme,
                "__scrape_interval__": interval, "__scrape_timeout__": interval, "job": target.job,
            },
            "labels": labels,
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
            "scrapeInterval": interval,
            "scrapeTimeout": interval,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_in_every_form() {
        for (text, job, url) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", "http://127.0.0.1:9001/metrics"),
            ("api=h:80", "api", "http://h:80/metrics"),
            ("api=h:80/admin/metrics", "api", "http://h:80/admin/metrics"),
            ("https://h:443/", "h:443", "https://h:443/metrics"),
            ("h:1/m?x=y", "h:1", "http://h:1/m?x=y"),
            ("v6=[::1]:9", "v6", "http://[::1]:9/metrics"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.job.as_str(), target.url.as_str()), (job, url), "{text}");
            assert_eq!(target.labels.get("job"), job);
        }
        assert_eq!(Target::parse("api=h:80/x").unwrap().labels.get("instance"), "h:80");
    }

    #[test]
    fn wrong_targets_name_the_forms() {
        for text in ["", "localhost", "h:99999", ":80", "=h:1", "ftp://h:1", "a b:1"] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains("JOB=HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn reports_show_in_the_answer() {
        let board = TargetBoard::new(vec![Target::new("api", "h:1", "/metrics")], Duration::from_secs(15));
        assert_eq!(board.json(true, None)["activeTargets"][0]["health"], "unknown");
        board.report(0, TargetHealth::Down, "refused".into(), 1000, Duration::from_millis(5));
        let answer = board.json(true, Some("api"));
        let target = &answer["activeTargets"][0];
        assert_eq!((&target["health"], &target["lastError"]), (&json!("down"), &json!("refused")));
        assert_eq!(target["lastScrape"], "1970-01-01T00:00:01Z");
        assert_eq!(target["scrapeInterval"], "15s");
        assert_eq!(target["labels"], json!({"instance": "h:1", "job": "api"}));
        assert_eq!(board.json(true, Some("other"))["activeTargets"], json!([]));
        assert_eq!(board.json(false, None)["activeTargets"], json!([]));
    }
}
