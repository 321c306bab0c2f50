//! Evaluates rule groups on their schedules.

mod json;
mod notifier;

pub(crate) use json::RuleFilter;

use super::clock;
use super::metrics::Metrics;
use notifier::Notifier;
use promql::{Engine, Labels, MatchOp, Matcher};
use rules::{ALERTS_FOR_STATE, Context, Group, GroupState, RuleFile};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tsdb::Store;

/// How long a firing alert is not sent again, as in Prometheus.
const RESEND_MS: i64 = 60_000;

/// A group with its state and its timings.
#[derive(Debug)]
struct RunningGroup {
    interval: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: GroupState,
    timings: Vec<Timing>,
    whole: Timing,
}

/// When something was evaluated last, and how long that took.
#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    at: Option<i64>,
    elapsed: Duration,
}

/// What the evaluation of rules needs.
#[derive(Debug)]
pub(crate) struct RuleManager {
    groups: Vec<RunningGroup>,
    store: Arc<Store>,
    engine: Engine,
    metrics: Arc<Metrics>,
    external_labels: Labels,
    external_url: String,
    notifier: Option<Notifier>,
}

/// Settings of a [`RuleManager`].
#[derive(Debug)]
pub(crate) struct RuleSettings {
    pub files: Vec<RuleFile>,
    pub interval: Duration,
    pub external_labels: Labels,
    pub external_url: String,
    pub alertmanager: Option<String>,
}

impl RuleManager {
    pub(crate) fn new(settings: RuleSettings, store: Arc<Store>, engine: Engine, metrics: Arc<Metrics>) -> Self {
        let restore = has_alert_history(&store);
        let groups = settings.files.into_iter().flat_map(|file| file.groups);
        let groups = groups.map(|group| RunningGroup::new(group, settings.interval, restore)).collect();
        let labels = &settings.external_labels;
        let notifier = settings.alertmanager.map(|url| {
            let link = format!("{}/graph?g0.tab=1&g0.expr=", settings.external_url);
            Notifier::start(&url, link, labels.clone(), metrics.clone())
        });
        let (external_labels, external_url) = (settings.external_labels, settings.external_url);
        Self { groups, store, engine, metrics, external_labels, external_url, notifier }
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Where alerts are sent.
    pub(crate) fn alertmanager(&self) -> Option<&str> {
        self.notifier.as_ref().map(Notifier::endpoint)
    }

    /// Evaluates one group until `stop`.
    pub(crate) async fn run(self: Arc<Self>, index: usize, mut stop: watch::Receiver<bool>) {
        let interval = self.groups[index].interval_ms();
        let mut next = self.groups[index].first_evaluation(clock::now_ms());
        let mut evaluations = 0_u32;
        loop {
            let wait = Duration::from_millis(u64::try_from(next - clock::now_ms()).unwrap_or(0));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            let missed = (clock::now_ms() - next) / interval;
            if missed > 0 {
                self.metrics.rule_iterations_missed.inc_by(missed.unsigned_abs());
                next += missed * interval;
            }
            let (manager, at) = (Arc::clone(&self), next);
            evaluations = evaluations.saturating_add(1);
            // Evaluation is pure computation: away from the threads that answer requests.
            let work = tokio::task::spawn_blocking(move || manager.evaluate(index, at, evaluations));
            if let Err(error) = work.await {
                tracing::error!(%error, "the evaluation of a rule group died");
            }
            next += interval;
        }
    }

    fn evaluate(&self, index: usize, at: i64, evaluations: u32) {
        let running = &self.groups[index];
        let started = Instant::now();
        let mut inner = running.lock();
        let inner = &mut *inner;
        for rule in 0..inner.state.rules().len() {
            self.evaluate_rule(inner, rule, at);
            self.notify(inner, rule, at, running.interval_ms());
        }
        if evaluations == 2
            && !inner.state.is_restored()
            && let Err(error) = inner.state.restore(at, &*self.store)
        {
            tracing::warn!(%error, "alerts start anew: their history cannot be read");
        }
        inner.whole = Timing { at: Some(at), elapsed: started.elapsed() };
        self.metrics.rule_group_seconds.observe(inner.whole.elapsed.as_secs_f64());
    }

    fn evaluate_rule(&self, inner: &mut Inner, rule: usize, at: i64) {
        let started = Instant::now();
        let (mut accepted, mut rejected) = (0, 0);
        let mut sink = |labels: &Labels, t: i64, v: f64| match self.store.append(labels, t, v) {
            Ok(()) => accepted += 1,
            Err(error) => {
                rejected += 1;
                tracing::warn!(%error, "a rule's sample was refused");
            }
        };
        let mut context = Context {
            engine: &self.engine,
            storage: &*self.store,
            sink: &mut sink,
            external_labels: &self.external_labels,
            external_url: &self.external_url,
        };
        inner.state.evaluate_rule(rule, at, &mut context);
        inner.timings[rule] = Timing { at: Some(at), elapsed: started.elapsed() };
        Metrics::count(&self.metrics.samples, "accepted", accepted);
        Metrics::count(&self.metrics.samples, "rejected", rejected);
        let failed = inner.state.rules()[rule].last_error();
        Metrics::count(&self.metrics.rule_evaluations, if failed.is_none() { "success" } else { "failure" }, 1);
        if let Some(error) = failed {
            let name = inner.state.rules()[rule].rule().name();
            tracing::warn!(group = %inner.state.group().name, rule = name, %error, "a rule failed");
        }
    }

    fn notify(&self, inner: &mut Inner, rule: usize, at: i64, interval: i64) {
        let Some(notifier) = &self.notifier else { return };
        let expr = inner.state.rules()[rule].rule().expr_text.clone();
        let due = inner.state.rules_mut()[rule].take_due_alerts(at, RESEND_MS, interval);
        if !due.is_empty() {
            notifier.send(&due, &expr);
        }
    }
}

impl RunningGroup {
    fn new(group: Group, default: Duration, restore: bool) -> Self {
        let own = group.interval_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let timings = vec![Timing::default(); group.rules.len()];
        let state = GroupState::new(group, restore);
        let inner = Mutex::new(Inner { state, timings, whole: Timing::default() });
        Self { interval: own.unwrap_or(default), inner }
    }

    /// An evaluation that panicked leaves single results out, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interval_ms(&self) -> i64 {
        i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// Groups are spread over their interval, each at a fixed place.
    fn first_evaluation(&self, now: i64) -> i64 {
        let inner = self.lock();
        let mut hasher = DefaultHasher::new();
        (&inner.state.group().file, &inner.state.group().name).hash(&mut hasher);
        let interval = self.interval_ms();
        let offset = i64::try_from(hasher.finish() >> 1).unwrap_or(0) % interval;
        let base = now - now.rem_euclid(interval) + offset;
        if base < now { base + interval } else { base }
    }
}

/// Whether the store outlived a server that wrote alerts into it.
fn has_alert_history(store: &Store) -> bool {
    let matcher = Matcher::new(promql::METRIC_NAME, MatchOp::Equal, ALERTS_FOR_STATE);
    matcher.is_ok_and(|matcher| !store.series(&[matcher], i64::MIN, i64::MAX).is_empty())
}

#[cfg(test)]
mod tests;
