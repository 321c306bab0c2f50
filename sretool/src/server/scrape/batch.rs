//! Turns an exposition into samples with the target's labels.

use super::cache::{Cache, about, with_target};
use super::fetch::{Body, FetchError};
use crate::server::relabel::relabel;
use crate::server::targets::{ScrapeSettings, Target};
use promql::{Labels, stale_nan};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tsdb::exposition::{self, Entry};
use tsdb::{Exemplar, Metadata};

type Samples = Vec<(Labels, i64, f64)>;

/// Samples further ahead of the scrape are left out, as in Prometheus.
const FUTURE_MS: i64 = 10 * 60_000;
/// The series about each scrape.
const ABOUT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// What a scrape adds to the store.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub samples: Samples,
    pub exemplars: Vec<(Labels, Exemplar)>,
    pub metadata: BTreeMap<String, Metadata>,
}

/// The series of one target.
#[derive(Debug)]
pub(super) struct SeriesCache {
    target: Labels,
    settings: Arc<ScrapeSettings>,
    cache: Cache,
    counts: Counts,
}

/// What the last scrape counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    scraped: usize,
    kept: usize,
    added: usize,
}

impl SeriesCache {
    pub(super) fn new(target: &Target) -> Self {
        let (target, settings) = (target.labels.clone(), target.settings.clone());
        Self { target, settings, cache: Cache::default(), counts: Counts::default() }
    }

    /// Reads an exposition scraped at `at`; where that fails, the outcome only ends series.
    pub(super) fn read(&mut self, body: &Body, at: i64) -> (Outcome, Option<FetchError>) {
        self.counts = Counts::default();
        let mut outcome = Outcome::default();
        let parsed = exposition::visit(&body.text, body.format, at, |entry| self.take(entry, at, &mut outcome));
        let over = self.settings.sample_limit > 0 && self.counts.kept > self.settings.sample_limit;
        let error = match parsed {
            Err(error) => error,
            Ok(_) if over => FetchError::SampleLimit(self.settings.sample_limit),
            Ok(metadata) => {
                outcome.metadata = metadata;
                self.end_vanished(at, &mut outcome.samples);
                self.cache.end_scrape(!body.text.is_empty());
                return (outcome, None);
            }
        };
        (self.end(at), Some(error))
    }

    /// Ends the series of the scrape before, after one that yielded nothing.
    pub(super) fn fail(&mut self, at: i64) -> Outcome {
        self.counts = Counts::default();
        self.end(at)
    }

    fn end(&mut self, at: i64) -> Outcome {
        let mut outcome = Outcome::default();
        self.end_vanished(at, &mut outcome.samples);
        self.cache.end_scrape(false);
        outcome
    }

    /// Ends everything, the series about the scrape included, when the target is removed.
    pub(super) fn remove(&self, at: i64) -> Samples {
        let own = self.cache.live().cloned();
        let about = ABOUT.iter().map(|name| about(&self.target, name));
        own.chain(about).map(|labels| (labels, at, stale_nan())).collect()
    }

    fn end_vanished(&self, at: i64, samples: &mut Samples) {
        samples.extend(self.cache.vanished().map(|labels| (labels.clone(), at, stale_nan())));
    }

    /// The samples that describe the scrape itself.
    pub(super) fn report(&self, at: i64, elapsed: Duration, up: bool) -> Samples {
        #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
        let count = |n: usize| n as f64;
        let Counts { scraped, kept, added } = self.counts;
        let values = [f64::from(u8::from(up)), elapsed.as_secs_f64(), count(scraped), count(kept), count(added)];
        ABOUT.iter().zip(values).map(|(name, value)| (about(&self.target, name), at, value)).collect()
    }

    fn take(&mut self, entry: Entry, at: i64, outcome: &mut Outcome) -> Result<(), FetchError> {
        self.counts.scraped += 1;
        let settings = &*self.settings;
        let time = if settings.ignore_timestamps { None } else { entry.timestamp };
        let (known, new) = self.cache.find(&entry.labels, || {
            let labels = with_target(&entry.labels, &self.target, settings.honor_labels);
            let labels = relabel(&labels, &settings.metric_relabel);
            labels.map(|labels| within_limits(labels, settings)).transpose()
        })?;
        let Some(labels) = known.labels.clone() else { return Ok(()) };
        let over = settings.sample_limit > 0 && self.counts.kept >= settings.sample_limit;
        let early = time.is_some_and(|t| t > at + FUTURE_MS);
        let accepted = !over && !early;
        // A sample that is refused keeps a known series alive no longer, but a new one is followed from its birth.
        if (new || accepted) && (time.is_none() || settings.track_timestamps_staleness) {
            known.track();
        }
        self.counts.kept += 1;
        self.counts.added += usize::from(new && accepted);
        if accepted {
            if let Some(exemplar) = entry.exemplar {
                outcome.exemplars.push((labels.clone(), exemplar));
            }
            outcome.samples.push((labels, time.unwrap_or(at), entry.value));
        }
        Ok(())
    }
}

/// Refuses labels that relabelling broke, and those beyond the limits.
fn within_limits(labels: Labels, settings: &ScrapeSettings) -> Result<Labels, FetchError> {
    if labels.metric_name().is_empty() {
        return Err(FetchError::Labels("missing metric name (__name__ label)".to_owned()));
    }
    let over = |limit: usize, size: usize| limit > 0 && size > limit;
    if over(settings.label_limit, labels.len()) {
        let (limit, count) = (settings.label_limit, labels.len());
        return Err(FetchError::Labels(format!("label_limit exceeded ({labels}: {count} labels, limit {limit})")));
    }
    for (name, value) in labels.iter() {
        for (key, limit, size) in [
            ("label_name_length_limit", settings.label_name_length_limit, name.len()),
            ("label_value_length_limit", settings.label_value_length_limit, value.len()),
        ] {
            if over(limit, size) {
                let message = format!("{key} exceeded ({labels}: label {name} has {size} bytes, limit {limit})");
                return Err(FetchError::Labels(message));
            }
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests;
