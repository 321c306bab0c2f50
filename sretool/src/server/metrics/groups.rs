//! Metrics of rule groups, under the names that Prometheus gives them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// File and name of a group, joined by a semicolon.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct GroupName {
    pub rule_group: String,
}

type Floats = Family<GroupName, Gauge<f64, AtomicU64>>;
type Counters = Family<GroupName, Counter>;

/// What is known of every group.
#[derive(Debug, Default)]
pub(crate) struct GroupMetrics {
    evaluations: Counters,
    failures: Counters,
    iterations: Counters,
    missed: Counters,
    interval: Floats,
    duration: Floats,
    at: Floats,
    samples: Floats,
    rules: Floats,
}

impl GroupMetrics {
    pub(super) fn register(&self, r: &mut Registry) {
        let counters = [
            ("prometheus_rule_evaluations", "Evaluations of rules", &self.evaluations),
            ("prometheus_rule_evaluation_failures", "Evaluations of rules that failed", &self.failures),
            ("prometheus_rule_group_iterations", "Evaluations of groups, missed ones included", &self.iterations),
            (
                "prometheus_rule_group_iterations_missed",
                "Evaluations of groups that were skipped because the one before took too long",
                &self.missed,
            ),
        ];
        for (name, help, family) in counters {
            r.register(name, help, family.clone());
        }
        let seconds = [
            ("prometheus_rule_group_interval", "Interval of a group", &self.interval),
            ("prometheus_rule_group_last_duration", "Duration of the last evaluation", &self.duration),
            ("prometheus_rule_group_last_evaluation_timestamp", "Time of the last evaluation", &self.at),
        ];
        for (name, help, family) in seconds {
            r.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
        let help = "Samples that the last evaluation wrote";
        r.register("prometheus_rule_group_last_evaluation_samples", help, self.samples.clone());
        r.register("prometheus_rule_group_rules", "Rules of a group", self.rules.clone());
    }

    /// A group begins; its counters start at zero.
    pub(crate) fn describe(&self, group: &GroupName, interval: f64, rules: usize) {
        self.interval.get_or_create(group).set(interval);
        #[expect(clippy::cast_precision_loss, reason = "a count of rules")]
        self.rules.get_or_create(group).set(rules as f64);
        for family in [&self.evaluations, &self.failures, &self.iterations, &self.missed] {
            family.get_or_create(group).inc_by(0);
        }
    }

    /// A group was evaluated: how many rules, how many of them failed, how many samples they wrote.
    pub(crate) fn evaluated(&self, group: &GroupName, at: i64, elapsed: Duration, [rules, failed, samples]: [u64; 3]) {
        self.evaluations.get_or_create(group).inc_by(rules);
        self.failures.get_or_create(group).inc_by(failed);
        self.iterations.get_or_create(group).inc();
        self.duration.get_or_create(group).set(elapsed.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
        self.at.get_or_create(group).set(at as f64 / 1000.0);
        #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
        self.samples.get_or_create(group).set(samples as f64);
    }

    /// Evaluations were skipped.
    pub(crate) fn missed(&self, group: &GroupName, count: u64) {
        self.missed.get_or_create(group).inc_by(count);
        self.iterations.get_or_create(group).inc_by(count);
    }

    /// A group is gone.
    pub(crate) fn remove(&self, group: &GroupName) {
        for family in [&self.evaluations, &self.failures, &self.iterations, &self.missed] {
            family.remove(group);
        }
        for family in [&self.interval, &self.duration, &self.at, &self.samples, &self.rules] {
            family.remove(group);
        }
    }
}
