//! Scrapes targets, each on a schedule of its own.

mod batch;
mod fetch;
mod schedule;

use super::clock;
use super::metrics::{Job, Metrics};
use super::targets::{Target, TargetBoard, TargetHealth};
use batch::{Outcome, SeriesCache};
use fetch::Fetcher;
use schedule::Schedule;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tsdb::Store;

pub(crate) use fetch::FetchError;

/// Longest wait for a target, as in Prometheus; never longer than the interval.
const MAX_TIMEOUT: Duration = Duration::from_secs(10);

/// What all scrapers share.
#[derive(Clone, Debug)]
pub(crate) struct Scraper {
    store: Arc<Store>,
    board: Arc<TargetBoard>,
    metrics: Arc<Metrics>,
    fetcher: Fetcher,
    interval: Duration,
}

impl Scraper {
    pub(crate) fn new(
        store: Arc<Store>,
        board: Arc<TargetBoard>,
        metrics: Arc<Metrics>,
        interval: Duration,
    ) -> Result<Self, FetchError> {
        let fetcher = Fetcher::new(MAX_TIMEOUT.min(interval))?;
        Ok(Self { store, board, metrics, fetcher, interval })
    }

    /// Scrapes one target until `stop`.
    pub(crate) async fn run(self, index: usize, mut stop: watch::Receiver<bool>) {
        let target = self.board.target(index).clone();
        let mut schedule = Schedule::new(&target.labels.to_string(), self.interval, clock::now_ms());
        let mut cache = SeriesCache::new(target.labels.clone());
        loop {
            let wait = schedule.wait(clock::now_ms());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            let at = schedule.take(clock::now_ms());
            self.scrape(index, &target, at, &mut cache).await;
        }
    }

    async fn scrape(&self, index: usize, target: &Target, at: i64, cache: &mut SeriesCache) {
        let started = Instant::now();
        let fetched = self.fetcher.fetch(&target.url).await;
        let elapsed = started.elapsed();
        let parsed = fetched.and_then(|body| cache.read(&body, at));
        let (outcome, error) = match parsed {
            Ok(outcome) => (outcome, None),
            Err(error) => (cache.fail(at), Some(error)),
        };
        self.record(target, &outcome, elapsed, error.is_none());
        let health = if error.is_none() { TargetHealth::Up } else { TargetHealth::Down };
        let last_error = error.map(|e| e.to_string()).unwrap_or_default();
        self.board.report(index, health, last_error, at, elapsed);
        self.store_outcome(outcome, cache.report(at, elapsed, health == TargetHealth::Up));
    }

    fn record(&self, target: &Target, outcome: &Outcome, elapsed: Duration, up: bool) {
        Metrics::count(&self.metrics.scrapes, if up { "success" } else { "failure" }, 1);
        let job = Job { job: target.job.clone() };
        self.metrics.scrape_seconds.get_or_create(&job).observe(elapsed.as_secs_f64());
        tracing::trace!(url = %target.url, samples = outcome.samples.len(), up, "scraped");
    }

    fn store_outcome(&self, outcome: Outcome, report: Vec<(promql::Labels, i64, f64)>) {
        for (family, metadata) in outcome.metadata {
            self.store.set_metadata(&family, metadata);
        }
        for batch in [outcome.samples, report] {
            let (accepted, rejected) = match self.store.append_batch(&batch) {
                Ok(accepted) => (accepted, 0),
                Err(error) => {
                    tracing::warn!(%error, "samples refused");
                    (error.accepted, error.rejected.len())
                }
            };
            Metrics::count(&self.metrics.samples, "accepted", accepted);
            Metrics::count(&self.metrics.samples, "rejected", rejected);
        }
        for (series, exemplar) in outcome.exemplars {
            self.store.add_exemplar(&series, exemplar);
        }
    }
}
