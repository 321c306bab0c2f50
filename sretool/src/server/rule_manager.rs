//! Evaluates rule groups on their schedules.

mod group;
mod json;
mod notifier;

pub(crate) use json::RuleFilter;
pub(crate) use notifier::QUEUE_CAPACITY;

use super::clock;
use super::metrics::{GroupName, Metrics};
use group::{Inner, RunningGroup, Timing};
use notifier::Notifier;
use promql::{Engine, Labels, MatchOp, Matcher};
use rules::{ALERTS_FOR_STATE, Context, RestoreLimits, RuleFile};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tsdb::Store;

/// What the evaluation of rules needs.
#[derive(Debug)]
pub(crate) struct RuleManager {
    pool: Mutex<Pool>,
    store: Arc<Store>,
    engine: Engine,
    metrics: Arc<Metrics>,
    settings: RuleSettings,
    notifier: Notifier,
}

#[derive(Debug)]
struct Pool {
    /// Turns true when a group is removed.
    running: Vec<(Arc<RunningGroup>, watch::Sender<bool>)>,
    tasks: JoinSet<()>,
    /// Whether alerts of groups that start now are looked up in the store.
    restore: bool,
}

/// Settings of a [`RuleManager`].
#[derive(Debug)]
pub(crate) struct RuleSettings {
    pub external_labels: Labels,
    pub external_url: String,
    pub alertmanagers: Vec<String>,
    pub resend_delay: Duration,
    pub restore: RestoreLimits,
}

impl RuleManager {
    /// A manager without groups; needs the context of a runtime for its notifications.
    pub(crate) fn new(settings: RuleSettings, store: Arc<Store>, engine: Engine, metrics: Arc<Metrics>) -> Self {
        let link = format!("{}/graph?g0.tab=1&g0.expr=", settings.external_url);
        let notifier =
            Notifier::start(&settings.alertmanagers, link, settings.external_labels.clone(), metrics.clone());
        let pool = Pool { running: Vec::new(), tasks: JoinSet::new(), restore: has_alert_history(&store) };
        Self { pool: Mutex::new(pool), store, engine, metrics, settings, notifier }
    }

    /// Replaces the groups: those that stay the same go on undisturbed, changed ones keep the states of the rules that
    /// stay, the series of removed ones end.
    pub(crate) fn set(self: &Arc<Self>, files: Vec<RuleFile>, interval: Duration) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        while pool.tasks.try_join_next().is_some() {}
        let mut before = std::mem::take(&mut pool.running);
        for group in files.into_iter().flat_map(|file| file.groups) {
            let new = RunningGroup::new(group, interval, pool.restore);
            let known = before.iter().position(|(old, _)| old.name() == new.name()).map(|i| before.swap_remove(i));
            if let Some((old, removed)) = known {
                if old.is_same(&new) {
                    pool.running.push((old, removed));
                    continue;
                }
                let _ = removed.send(true);
                new.adopt(&old);
            }
            let (removed, watched) = watch::channel(false);
            let new = Arc::new(new);
            self.describe(&new);
            pool.tasks.spawn(Arc::clone(self).run(new.clone(), watched));
            pool.running.push((new, removed));
        }
        for (gone, removed) in before {
            let _ = removed.send(true);
            let mut end = |labels: &Labels, t: i64, v: f64| self.append(labels, t, v);
            gone.end(clock::now_ms(), &mut end);
            self.metrics.groups.remove(gone.name());
        }
        pool.restore = false;
    }

    fn describe(&self, group: &RunningGroup) {
        let (name, rules) = (group.name(), group.lock().state.rules().len());
        self.metrics.groups.describe(name, group.interval.as_secs_f64(), rules);
    }

    fn groups(&self) -> Vec<Arc<RunningGroup>> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.running.iter().map(|(group, _)| group.clone()).collect()
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups().len()
    }

    /// Where alerts are sent.
    pub(crate) fn alertmanagers(&self) -> impl Iterator<Item = &str> {
        self.notifier.endpoints()
    }

    /// Ends all evaluation as the server ends; series and alerts stay as they are, for a restart to go on with.
    pub(crate) async fn stop(&self) {
        let tasks = |pool: &mut Pool| std::mem::replace(&mut pool.tasks, JoinSet::new());
        let mut tasks = tasks(&mut self.pool.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    /// Evaluates one group until it is removed.
    async fn run(self: Arc<Self>, group: Arc<RunningGroup>, mut removed: watch::Receiver<bool>) {
        let interval = group.interval_ms();
        let mut next = group.first_evaluation(clock::now_ms());
        loop {
            let wait = Duration::from_millis(u64::try_from(next - clock::now_ms()).unwrap_or(0));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = removed.wait_for(|removed| *removed) => return,
            }
            let missed = (clock::now_ms() - next) / interval;
            if missed > 0 {
                self.metrics.groups.missed(group.name(), missed.unsigned_abs());
                next += missed * interval;
            }
            let (manager, evaluated, at) = (Arc::clone(&self), group.clone(), next);
            // Evaluation is pure computation: away from the threads that answer requests.
            let work = tokio::task::spawn_blocking(move || manager.evaluate(&evaluated, at));
            if let Err(error) = work.await {
                tracing::error!(%error, "the evaluation of a rule group died");
            }
            next += interval;
        }
    }

    fn evaluate(&self, running: &RunningGroup, at: i64) {
        let started = Instant::now();
        let mut inner = running.lock();
        if inner.retired {
            return;
        }
        let inner = &mut *inner;
        let (mut failures, mut samples) = (0, 0);
        for rule in 0..inner.state.rules().len() {
            samples += self.evaluate_rule(inner, rule, at);
            failures += u64::from(inner.state.rules()[rule].last_error().is_some());
            self.notify(inner, rule, at, running.interval_ms());
        }
        inner.state.end_adopted(at, &mut |labels: &Labels, t: i64, v: f64| self.append(labels, t, v));
        inner.evaluations += 1;
        if inner.evaluations == 2
            && !inner.state.is_restored()
            && let Err(error) = inner.state.restore(at, &*self.store, self.settings.restore)
        {
            tracing::warn!(%error, "alerts start anew: their history cannot be read");
        }
        inner.whole = Timing { at: Some(at), elapsed: started.elapsed() };
        self.metrics.rule_group_seconds.observe(inner.whole.elapsed.as_secs_f64());
        let rules = inner.state.rules().len() as u64;
        self.metrics.groups.evaluated(running.name(), at, inner.whole.elapsed, [rules, failures, samples]);
    }

    /// Returns how many samples it wrote.
    fn evaluate_rule(&self, inner: &mut Inner, rule: usize, at: i64) -> u64 {
        let started = Instant::now();
        let mut written = 0;
        let mut sink = |labels: &Labels, t: i64, v: f64| {
            written += 1;
            self.append(labels, t, v);
        };
        let mut context = Context {
            engine: &self.engine,
            storage: &*self.store,
            sink: &mut sink,
            external_labels: &self.settings.external_labels,
            external_url: &self.settings.external_url,
        };
        inner.state.evaluate_rule(rule, at, &mut context);
        inner.timings[rule] = Timing { at: Some(at), elapsed: started.elapsed() };
        if let Some(error) = inner.state.rules()[rule].last_error() {
            let name = inner.state.rules()[rule].rule().name();
            tracing::warn!(group = %inner.state.group().name, rule = name, %error, "a rule failed");
        }
        written
    }

    fn append(&self, labels: &Labels, t: i64, v: f64) {
        let outcome = self.store.append(labels, t, v);
        if let Err(error) = &outcome {
            tracing::warn!(%error, "a rule's sample was refused");
        }
        Metrics::count(&self.metrics.samples, if outcome.is_ok() { "accepted" } else { "rejected" }, 1);
    }

    fn notify(&self, inner: &mut Inner, rule: usize, at: i64, interval: i64) {
        if self.notifier.is_idle() {
            return;
        }
        let expr = inner.state.rules()[rule].rule().expr_text.clone();
        let resend = i64::try_from(self.settings.resend_delay.as_millis()).unwrap_or(i64::MAX);
        let due = inner.state.rules_mut()[rule].take_due_alerts(at, resend, interval);
        if !due.is_empty() {
            self.notifier.send(&due, &expr);
        }
    }
}

/// Whether the store outlived a server that wrote alerts into it.
fn has_alert_history(store: &Store) -> bool {
    let matcher = Matcher::new(promql::METRIC_NAME, MatchOp::Equal, ALERTS_FOR_STATE);
    matcher.is_ok_and(|matcher| !store.series(&[matcher], i64::MIN, i64::MAX).is_empty())
}

#[cfg(test)]
mod tests;
