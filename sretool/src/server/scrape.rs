//! Scrapes targets, each on a schedule of its own.

mod batch;
mod cache;
mod fetch;
mod schedule;

use super::clock;
use super::metrics::{Job, Metrics};
use super::targets::{Report, Target, TargetBoard, TargetHealth, TargetState};
use batch::{Outcome, SeriesCache};
use fetch::Fetcher;
use promql::Labels;
use schedule::Schedule;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tsdb::Store;

pub(crate) use fetch::FetchError;

/// Scrapes the targets that it was given last.
#[derive(Debug)]
pub(crate) struct Scraper {
    store: Arc<Store>,
    board: Arc<TargetBoard>,
    metrics: Arc<Metrics>,
    fetcher: Fetcher,
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    /// Turns true when a target is removed.
    running: Vec<(Arc<TargetState>, watch::Sender<bool>)>,
    tasks: JoinSet<()>,
}

impl Scraper {
    pub(crate) fn new(
        store: Arc<Store>,
        board: Arc<TargetBoard>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, FetchError> {
        Ok(Arc::new(Self { store, board, metrics, fetcher: Fetcher::new()?, pool: Mutex::default() }))
    }

    /// Replaces the targets: those that stay the same go on undisturbed, the series of removed ones end.
    pub(crate) fn set(self: &Arc<Self>, targets: Vec<Target>, dropped: Vec<(String, Labels)>, interval: Duration) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        while pool.tasks.try_join_next().is_some() {}
        let mut before = std::mem::take(&mut pool.running);
        for target in targets {
            let state = TargetState::new(target, interval);
            let same = |old: &TargetState| (&old.target, old.interval) == (&state.target, state.interval);
            let running = match before.iter().position(|(old, _)| same(old)) {
                Some(place) => before.swap_remove(place),
                None => {
                    let (removed, watched) = watch::channel(false);
                    let state = Arc::new(state);
                    pool.tasks.spawn(Arc::clone(self).run(state.clone(), watched));
                    (state, removed)
                }
            };
            pool.running.push(running);
        }
        // The task of a target that is gone hears of it, or has died.
        for (_, removed) in before {
            let _ = removed.send(true);
        }
        self.board.set(pool.running.iter().map(|(state, _)| state.clone()).collect(), dropped);
    }

    /// Ends all scrapes as the server ends; series stay as they are, for a restart to go on with.
    pub(crate) async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *self.pool.lock().unwrap_or_else(PoisonError::into_inner)).tasks;
        tasks.shutdown().await;
    }

    async fn run(self: Arc<Self>, state: Arc<TargetState>, mut removed: watch::Receiver<bool>) {
        let mut schedule = Schedule::new(&state.target.labels.to_string(), state.interval, clock::now_ms());
        let mut cache = SeriesCache::new(&state.target);
        loop {
            let wait = schedule.wait(clock::now_ms());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = removed.wait_for(|removed| *removed) => break,
            }
            let at = schedule.take(clock::now_ms());
            self.scrape(&state, at, &mut cache).await;
        }
        self.append(&cache.remove(clock::now_ms()));
    }

    async fn scrape(&self, state: &TargetState, at: i64, cache: &mut SeriesCache) {
        let started = Instant::now();
        let fetched = self.fetcher.fetch(&state.target, state.timeout).await;
        let elapsed = started.elapsed();
        let (outcome, error) = match fetched {
            Ok(body) => cache.read(&body, at),
            Err(error) => (cache.fail(at), Some(error)),
        };
        let up = error.is_none();
        self.record(&state.target, &outcome, elapsed, up);
        let health = if up { TargetHealth::Up } else { TargetHealth::Down };
        let error = error.map(|e| e.to_string()).unwrap_or_default();
        state.report(Report { health, error, at: Some(at), elapsed });
        self.store_outcome(outcome, &cache.report(at, elapsed, up));
    }

    fn record(&self, target: &Target, outcome: &Outcome, elapsed: Duration, up: bool) {
        Metrics::count(&self.metrics.scrapes, if up { "success" } else { "failure" }, 1);
        let job = Job { job: target.job.clone() };
        self.metrics.scrape_seconds.get_or_create(&job).observe(elapsed.as_secs_f64());
        tracing::trace!(url = %target.url, samples = outcome.samples.len(), up, "scraped");
    }

    fn store_outcome(&self, outcome: Outcome, report: &[(Labels, i64, f64)]) {
        for (family, metadata) in outcome.metadata {
            self.store.set_metadata(&family, metadata);
        }
        self.append(&outcome.samples);
        self.append(report);
        for (series, exemplar) in outcome.exemplars {
            self.store.add_exemplar(&series, exemplar);
        }
    }

    fn append(&self, batch: &[(Labels, i64, f64)]) {
        let (accepted, rejected) = match self.store.append_batch(batch) {
            Ok(accepted) => (accepted, 0),
            Err(error) => {
                tracing::warn!(%error, "samples refused");
                (error.accepted, error.rejected.len())
            }
        };
        Metrics::count(&self.metrics.samples, "accepted", accepted);
        Metrics::count(&self.metrics.samples, "rejected", rejected);
    }
}
