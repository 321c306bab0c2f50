//! A rule group with its state and its timings.

use super::GroupName;
use promql::Labels;
use rules::{Group, GroupState};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A group that is evaluated again and again.
#[derive(Debug)]
pub(super) struct RunningGroup {
    name: GroupName,
    pub interval: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub state: GroupState,
    pub timings: Vec<Timing>,
    pub whole: Timing,
    pub evaluations: u32,
    /// Another group has taken over: this one writes nothing any more.
    pub retired: bool,
}

/// When something was evaluated last, and how long that took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    pub at: Option<i64>,
    pub elapsed: Duration,
}

impl RunningGroup {
    pub(super) fn new(group: Group, default: Duration, restore: bool) -> Self {
        let own = group.interval_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let timings = vec![Timing::default(); group.rules.len()];
        let name = GroupName { rule_group: format!("{};{}", group.file, group.name) };
        let state = GroupState::new(group, restore);
        let inner = Inner { state, timings, whole: Timing::default(), evaluations: 0, retired: false };
        Self { name, interval: own.unwrap_or(default), inner: Mutex::new(inner) }
    }

    /// File and name, as metrics show them.
    pub(super) fn name(&self) -> &GroupName {
        &self.name
    }

    /// An evaluation that panicked leaves single results out, so a poisoned lock is still good.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a reload changed nothing of it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.interval == other.interval && self.lock().state.group() == other.lock().state.group()
    }

    /// Takes over what an earlier version knows, and retires that.
    pub(super) fn adopt(&self, old: &Self) {
        let mut old = old.lock();
        old.retired = true;
        self.lock().state.adopt(old.state.clone());
    }

    /// Ends the series of a group that is gone.
    pub(super) fn end(&self, now: i64, sink: &mut dyn FnMut(&Labels, i64, f64)) {
        let mut inner = self.lock();
        inner.retired = true;
        inner.state.end_series(now, &mut |labels: &Labels, t: i64, v: f64| sink(labels, t, v));
    }

    pub(super) fn interval_ms(&self) -> i64 {
        i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// Groups are spread over their interval, each at a fixed place.
    pub(super) fn first_evaluation(&self, now: i64) -> i64 {
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        let interval = self.interval_ms();
        let offset = i64::try_from(hasher.finish() >> 1).unwrap_or(0) % interval;
        let base = now - now.rem_euclid(interval) + offset;
        if base < now { base + interval } else { base }
    }
}
