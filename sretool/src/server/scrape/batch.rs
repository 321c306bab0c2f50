//! Turns an exposition into samples with the target's labels, and finds the series that vanished.

use super::fetch::{Body, FetchError};
use promql::{Labels, METRIC_NAME, stale_nan};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tsdb::{Exemplar, Metadata, exposition};

type Samples = Vec<(Labels, i64, f64)>;

/// What a scrape adds to the store.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub samples: Samples,
    pub exemplars: Vec<(Labels, Exemplar)>,
    pub metadata: BTreeMap<String, Metadata>,
}

/// A series of the last scrape.
#[derive(Debug)]
struct Known {
    labels: Labels,
    generation: u64,
    /// Series with times of their own are not ended when they vanish: their last sample may be old by intent.
    timed: bool,
}

/// The series of a target's last scrape, by their labels as exposed.
#[derive(Debug)]
pub(super) struct SeriesCache {
    target: Labels,
    known: HashMap<Labels, Known>,
    generation: u64,
    scraped: usize,
    added: usize,
}

impl SeriesCache {
    pub(super) fn new(target: Labels) -> Self {
        Self { target, known: HashMap::new(), generation: 0, scraped: 0, added: 0 }
    }

    /// Reads an exposition scraped at `at`. On an error nothing is kept of it.
    pub(super) fn read(&mut self, body: &Body, at: i64) -> Result<Outcome, FetchError> {
        let parsed = exposition::parse(&body.text, body.format, at)?;
        let mut outcome = Outcome { metadata: parsed.metadata, ..Outcome::default() };
        self.generation += 1;
        (self.scraped, self.added) = (parsed.samples.len(), 0);
        for entry in parsed.samples {
            let labels = self.series(&entry.labels, entry.timestamp.is_some());
            if let Some(exemplar) = entry.exemplar {
                outcome.exemplars.push((labels.clone(), exemplar));
            }
            outcome.samples.push((labels, entry.timestamp.unwrap_or(at), entry.value));
        }
        self.end_vanished(at, &mut outcome.samples);
        Ok(outcome)
    }

    /// Ends the series of the last good scrape after a failed one.
    pub(super) fn fail(&mut self, at: i64) -> Outcome {
        self.generation += 1;
        (self.scraped, self.added) = (0, 0);
        let mut outcome = Outcome::default();
        self.end_vanished(at, &mut outcome.samples);
        outcome
    }

    /// The samples that describe the scrape itself.
    pub(super) fn report(&self, at: i64, elapsed: Duration, up: bool) -> Samples {
        #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
        let count = |n: usize| n as f64;
        let values = [
            ("up", f64::from(u8::from(up))),
            ("scrape_duration_seconds", elapsed.as_secs_f64()),
            ("scrape_samples_scraped", count(self.scraped)),
            ("scrape_samples_post_metric_relabeling", count(self.scraped)),
            ("scrape_series_added", count(self.added)),
        ];
        values.map(|(name, value)| (self.target.with(METRIC_NAME, name), at, value)).to_vec()
    }

    fn series(&mut self, exposed: &Labels, timed: bool) -> Labels {
        let generation = self.generation;
        if let Some(known) = self.known.get_mut(exposed) {
            known.generation = generation;
            known.timed = timed;
            return known.labels.clone();
        }
        self.added += 1;
        let labels = with_target(exposed, &self.target);
        self.known.insert(exposed.clone(), Known { labels: labels.clone(), generation, timed });
        labels
    }

    fn end_vanished(&mut self, at: i64, samples: &mut Samples) {
        let generation = self.generation;
        self.known.retain(|_, known| {
            let seen = known.generation == generation;
            if !seen && !known.timed {
                samples.push((known.labels.clone(), at, stale_nan()));
            }
            seen
        });
    }
}

/// The exposed labels with the target's; an exposed label that clashes gets the prefix `exported_`, as often as it
/// takes to be free.
fn with_target(exposed: &Labels, target: &Labels) -> Labels {
    let clashes: Vec<_> = exposed.iter().filter(|(name, _)| !target.get(name).is_empty()).collect();
    if clashes.is_empty() {
        return exposed.iter().chain(target.iter()).collect();
    }
    let mut taken: BTreeSet<String> = exposed.iter().chain(target.iter()).map(|(name, _)| name.to_owned()).collect();
    let mut renamed = Vec::with_capacity(clashes.len());
    // Shorter names first, so that `exported_job` keeps being what `job` becomes.
    let mut in_order = clashes;
    in_order.sort_by_key(|(name, _)| name.len());
    for (name, value) in in_order {
        let mut new = format!("exported_{name}");
        while !taken.insert(new.clone()) {
            new.insert_str(0, "exported_");
        }
        renamed.push((new, value.to_owned()));
    }
    let kept = exposed.iter().filter(|(name, _)| target.get(name).is_empty());
    let owned = kept.chain(target.iter()).map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.chain(renamed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tsdb::exposition::Format;

    fn cache() -> SeriesCache {
        SeriesCache::new(Labels::new([("job", "api"), ("instance", "h:1")]))
    }

    fn text(body: &str) -> Body {
        Body { text: body.to_owned(), format: Format::Text }
    }

    /// Samples as `series value`, without the target's labels.
    fn shown(samples: &Samples) -> Vec<String> {
        let mut lines: Vec<_> = samples
            .iter()
            .map(|(labels, t, v)| {
                let value = if promql::is_stale(*v) { "stale".to_owned() } else { v.to_string() };
                format!("{} {value} @{t}", labels.without(|n| n == "job" || n == "instance"))
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_vanished_series_ends_once() {
        let mut cache = cache();
        assert_eq!(shown(&cache.read(&text("a 1\nb 2\n"), 10).unwrap().samples), ["a 1 @10", "b 2 @10"]);
        assert_eq!(shown(&cache.read(&text("a 1\n"), 20).unwrap().samples), ["a 1 @20", "b stale @20"]);
        assert_eq!(shown(&cache.read(&text("a 1\n"), 30).unwrap().samples), ["a 1 @30"]);
        assert_eq!(shown(&cache.read(&text("a 1\nb 3\n"), 40).unwrap().samples), ["a 1 @40", "b 3 @40"]);
    }

    #[test]
    fn a_failure_ends_all_but_those_with_their_own_time() {
        let mut cache = cache();
        cache.read(&text("a 1\nb 2 5\n"), 10).unwrap();
        assert_eq!(shown(&cache.fail(20).samples), ["a stale @20"]);
        assert_eq!(shown(&cache.fail(30).samples), Vec::<String>::new());
    }

    #[test]
    fn a_broken_exposition_changes_nothing() {
        let mut cache = cache();
        cache.read(&text("a 1\n"), 10).unwrap();
        assert!(matches!(cache.read(&text("a 1\nb {\n"), 20), Err(FetchError::Exposition(_))));
        assert_eq!(shown(&cache.fail(20).samples), ["a stale @20"]);
    }

    #[test]
    fn the_report_counts_new_series() {
        let mut cache = cache();
        let report = |cache: &SeriesCache, up| shown(&cache.report(10, Duration::from_millis(1500), up));
        cache.read(&text("a 1\nb 2\n"), 10).unwrap();
        assert_eq!(
            report(&cache, true),
            [
                "scrape_duration_seconds 1.5 @10",
                "scrape_samples_post_metric_relabeling 2 @10",
                "scrape_samples_scraped 2 @10",
                "scrape_series_added 2 @10",
                "up 1 @10"
            ]
        );
        cache.read(&text("a 1\nc 2\n"), 10).unwrap();
        assert!(report(&cache, true).contains(&"scrape_series_added 1 @10".to_owned()));
        cache.fail(10);
        assert!(report(&cache, false).contains(&"up 0 @10".to_owned()));
        assert!(report(&cache, false).contains(&"scrape_samples_scraped 0 @10".to_owned()));
    }

    #[test]
    fn exemplars_stay_with_their_series() {
        let body = "# TYPE x counter\nx_total 1 # {trace_id=\"t\"} 0.5\n# EOF\n";
        let body = Body { text: body.to_owned(), format: Format::OpenMetrics };
        let outcome = cache().read(&body, 10).unwrap();
        let (series, exemplar) = &outcome.exemplars[0];
        assert_eq!(series.get("job"), "api");
        assert_eq!((exemplar.labels.get("trace_id"), exemplar.value), ("t", 0.5));
        assert!(outcome.metadata.contains_key("x"), "{:?}", outcome.metadata);
    }

    #[test]
    fn clashing_labels_are_exported() {
        let target = Labels::new([("job", "api"), ("instance", "h:1")]);
        let merged = |pairs: &[(&str, &str)]| with_target(&Labels::new(pairs.iter().copied()), &target).to_string();
        assert_eq!(merged(&[("__name__", "a"), ("x", "1")]), r#"a{instance="h:1", job="api", x="1"}"#);
        assert_eq!(merged(&[("__name__", "a"), ("job", "own")]), r#"a{exported_job="own", instance="h:1", job="api"}"#);
        assert_eq!(
            merged(&[("job", "own"), ("exported_job", "older")]),
            r#"{exported_exported_job="own", exported_job="older", instance="h:1", job="api"}"#
        );
    }
}
