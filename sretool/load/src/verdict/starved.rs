//! Whether the generator had what it needed to send what was asked for.

use super::Plan;
use crate::format;
use crate::snapshot::Snapshot;
use crate::threshold::{Comparison, Metric};
use crate::usage::Usage;

/// CPUs busier than this are full.
const FULL: f64 = 0.95;

/// A generator that got less than this share of the CPU time it asked for was starved.
const GRANTED: f64 = 0.5;

/// A generator that was stopped by a CPU limit for more than this share of the time was starved.
const THROTTLED: f64 = 0.05;

/// How much of the generator's own lag, at its 99th percentile, a run may have, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limits {
    /// Where its CPUs were full.
    starved: f64,
    /// Otherwise.
    always: f64,
}

impl Limits {
    /// A hundredth and a tenth of the tightest latency that the run is held against: less cannot change its verdict by
    /// much. Where no latency is asked for, lag only bunches requests.
    fn of(plan: &Plan) -> Self {
        let upper = |comparison| matches!(comparison, Comparison::Less | Comparison::AtMost);
        let limits = plan.thresholds.iter().filter(|t| t.metric.is_latency() && upper(t.comparison)).map(|t| t.limit);
        match limits.reduce(f64::min) {
            Some(limit) => {
                Self { starved: (limit / 100.0).clamp(0.001, 0.05), always: (limit / 10.0).clamp(0.01, 1.0) }
            }
            None => Self { starved: 0.05, always: 0.5 },
        }
    }
}

/// Why a run whose thresholds hold is no pass: the generator lagged. None in a closed model, which has no schedule to
/// lag behind, and where the run has a threshold of its own on the lag.
pub(super) fn starved(plan: &Plan, whole: &Snapshot) -> Option<String> {
    if plan.schedule.is_none() || plan.thresholds.iter().any(|threshold| threshold.metric == Metric::Lag) {
        return None;
    }
    let (limits, lag, full) = (Limits::of(plan), whole.own_lag.quantile(0.99)?, full(&whole.usage));
    let limit = if full.is_some() { limits.starved } else { limits.always };
    (lag > limit).then(|| {
        format!(
            "the generator lagged (p99 {}, allowed {}){}; give it more CPU or a lower rate, or allow more with \
             --threshold 'lag<{}'",
            format::ms(Some(lag)),
            format::ms(Some(limit)),
            full.map(|why| format!(": its own cores were full, {why}")).unwrap_or_default(),
            format::short(lag * 2.0),
        )
    })
}

/// Why the generator rather than the server made requests slow: its cores were full, and the time until requests were
/// sent is no small part of the time `observed`. It waits as long for a core to read an answer as to send a request,
/// and the requests that it has not got round to keep the connections of others busy.
pub(super) fn slowed(plan: &Plan, whole: &Snapshot, observed: f64) -> Option<String> {
    let (lag, full) = (whole.own_lag.quantile(0.99)?, full(&whole.usage)?);
    let unsent = whole.overall().lag.quantile(0.99).unwrap_or(0.0).max(lag);
    (plan.schedule.is_some() && lag > Limits::of(plan).starved && unsent * 10.0 >= observed).then(|| {
        format!(
            "the generator lagged (p99 {}): its own cores were full, {full}; give it more CPU or a lower rate",
            format::ms(Some(lag))
        )
    })
}

/// How it shows that its CPUs were full, if they were.
pub(super) fn full(usage: &Usage) -> Option<String> {
    let cores = if usage.cores == 1 { "the CPU that it may use was" } else { "the CPUs that it may use were" };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let wall = usage.available_us as f64 / f64::from(usage.cores.max(1));
    if let Some(granted) = usage.granted().filter(|granted| *granted < GRANTED) {
        return Some(format!("it got {} of the CPU time that it asked for", percent(granted)));
    }
    if wall > 0.0 && usage.throttled_us as f64 > wall * THROTTLED {
        return Some(format!("its CPU limit stopped it for {} of the time", percent(usage.throttled_us as f64 / wall)));
    }
    usage.busy().filter(|busy| *busy >= FULL).map(|busy| format!("{cores} {} busy", percent(busy)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;
    use std::time::Duration;

    fn plan(thresholds: &[&str]) -> Plan {
        Plan {
            executor: "http".into(),
            schedule: Some(Schedule::constant(10.0, Duration::from_secs(1)).unwrap()),
            duration_s: 1.0,
            capacity: 1,
            thresholds: thresholds.iter().map(|t| t.parse().unwrap()).collect(),
        }
    }

    fn lagging(ms: u64, usage: Usage) -> Snapshot {
        let mut snapshot = Snapshot { usage, ..Snapshot::default() };
        (0..100).for_each(|_| snapshot.own_lag.record(Duration::from_millis(ms)));
        snapshot
    }

    const QUIET: Usage = Usage {
        cpu_us: 50_000,
        waited_us: 1000,
        busy_us: 200_000,
        available_us: 2_000_000,
        throttled_us: 0,
        cores: 2,
        peak_rss_kb: 1,
    };

    #[test]
    fn full_cores_allow_little_lag() {
        let beside = Usage { busy_us: 1_000_000, available_us: 1_000_000, cores: 1, ..QUIET };
        let plan = plan(&["p99<1s", "p95<200ms"]);
        assert_eq!(starved(&plan, &lagging(1, beside)), None);
        let reason = starved(&plan, &lagging(3, beside)).unwrap();
        assert!(reason.contains("p99 3.00 ms, allowed 2.00 ms"), "{reason}");
        assert!(reason.contains("its own cores were full, the CPU that it may use was 100 % busy"), "{reason}");
        assert!(reason.contains("--threshold 'lag<6ms'"), "{reason}");
    }

    #[test]
    fn waiting_and_throttling_show_too() {
        let waiting = Usage { cpu_us: 100_000, waited_us: 900_000, ..QUIET };
        assert_eq!(full(&waiting).unwrap(), "it got 10 % of the CPU time that it asked for");
        let throttled = Usage { throttled_us: 300_000, ..QUIET };
        assert_eq!(full(&throttled).unwrap(), "its CPU limit stopped it for 30 % of the time");
        assert_eq!((full(&QUIET), full(&Usage::default())), (None, None));
    }

    #[test]
    fn much_lag_spoils_a_run_whatever_its_cause() {
        assert_eq!(starved(&plan(&["p95<200ms"]), &lagging(15, QUIET)), None);
        assert!(starved(&plan(&["p95<200ms"]), &lagging(25, QUIET)).is_some());
        assert_eq!(starved(&plan(&["errors<1%"]), &lagging(25, QUIET)), None);
        assert!(starved(&plan(&["errors<1%"]), &lagging(600, Usage::default())).is_some());
    }

    #[test]
    fn full_cores_slow_answers_down_as_much_as_requests() {
        let starved = Usage { cpu_us: 100_000, waited_us: 900_000, ..QUIET };
        let plan = plan(&["p95<200ms"]);
        let reason = slowed(&plan, &lagging(150, starved), 0.4).unwrap();
        assert!(reason.contains("it got 10 % of the CPU time"), "{reason}");
        assert_eq!(slowed(&plan, &lagging(3, starved), 5.0), None, "a server that stalls for seconds is slow itself");
        assert_eq!(slowed(&plan, &lagging(150, QUIET), 0.4), None);
    }

    #[test]
    fn an_own_limit_or_a_closed_model_leave_it_to_the_user() {
        assert_eq!(starved(&plan(&["p95<200ms", "lag<1s"]), &lagging(900, QUIET)), None);
        assert_eq!(starved(&Plan { schedule: None, ..plan(&["p95<1s"]) }, &lagging(900, QUIET)), None);
        assert_eq!(starved(&plan(&[]), &Snapshot::default()), None);
    }
}
