//! Targets: what is scraped, and how.

mod board;

pub(crate) use board::{Report, TargetBoard, TargetHealth, TargetState};

use super::relabel::Relabel;
use promql::Labels;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something to scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Value of the label `job` as configured: the pool that the target belongs to.
    pub job: String,
    /// Where the exposition is served.
    pub url: String,
    /// Labels of every series, `job` and `instance` among them.
    pub labels: Labels,
    /// Labels before relabelling, as service discovery would show them.
    pub discovered: Labels,
    /// How it is scraped.
    pub settings: Arc<ScrapeSettings>,
}

/// How a target is scraped; the names are those of Prometheus' `scrape_configs`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapeSettings {
    /// Time between scrapes, where it differs from the server's.
    pub interval: Option<Duration>,
    /// Longest wait for an answer, where it differs from the usual ten seconds; at most the interval.
    pub timeout: Option<Duration>,
    /// Exposed labels win over the target's, instead of being renamed to `exported_…`.
    pub honor_labels: bool,
    /// Exposed timestamps are ignored.
    pub ignore_timestamps: bool,
    /// Series with timestamps of their own end when they vanish, too.
    pub track_timestamps_staleness: bool,
    /// Largest body in bytes, decompressed.
    pub body_size_limit: Option<usize>,
    /// Samples after relabelling; 0 is no limit.
    pub sample_limit: usize,
    /// Labels of a series; 0 is no limit.
    pub label_limit: usize,
    /// Bytes of a label's name; 0 is no limit.
    pub label_name_length_limit: usize,
    /// Bytes of a label's value; 0 is no limit.
    pub label_value_length_limit: usize,
    /// Applied to every sample's labels.
    pub metric_relabel: Vec<Relabel>,
    /// Value of the header `Authorization`.
    pub authorization: Option<Credentials>,
}

/// A header's value that is not shown.
#[derive(Clone, PartialEq)]
pub struct Credentials(String);

impl Credentials {
    /// Keeps a value such as `Bearer …`.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
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
        Self::with_scheme("http", job, address, path)
    }

    fn with_scheme(scheme: &str, job: &str, address: &str, path: &str) -> Self {
        Self {
            job: job.to_owned(),
            url: format!("{scheme}://{address}{path}"),
            labels: Labels::new([("job", job), ("instance", address)]),
            discovered: Labels::new([
                ("__address__", address),
                ("__metrics_path__", path),
                ("__scheme__", scheme),
                ("job", job),
            ]),
            settings: Arc::default(),
        }
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
        let target = Self::with_scheme(scheme, job.unwrap_or(address), address, path);
        reqwest::Url::parse(&target.url).map_err(|e| error(&e.to_string()))?;
        Ok(target)
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
        let target = Target::parse("api=https://h:80/x").unwrap();
        assert_eq!((target.labels.get("instance"), target.discovered.get("__scheme__")), ("h:80", "https"));
    }

    #[test]
    fn wrong_targets_name_the_forms() {
        for text in ["", "localhost", "h:99999", ":80", "=h:1", "ftp://h:1", "a b:1"] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains("JOB=HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let settings =
            ScrapeSettings { authorization: Some(Credentials::new("Bearer hidden".into())), ..Default::default() };
        assert!(!format!("{settings:?}").contains("hidden"));
    }
}
