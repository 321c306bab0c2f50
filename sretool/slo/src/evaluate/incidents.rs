//! The period step by step: where its budget went.

use super::{View, rfc3339};
use crate::plan::Target;
use serde::Serialize;

/// Steps between two bad ones that do not end an incident.
const PATIENCE: usize = 3;

/// Incidents that spent less of the budget than this are noise.
const SMALLEST: f64 = 0.005;

/// One step of a timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// End of the step, milliseconds since the Unix epoch.
    pub t: i64,
    /// Length of the step in milliseconds.
    pub step_ms: i64,
    /// Bad events or slices in it, or the bad share of its milliseconds.
    pub bad: f64,
    /// All of them.
    pub total: f64,
    /// Share of the period's error budget that is left after it, had the period begun with all of it.
    pub remaining: f64,
}

/// Notes in each step what is left of the budget after it. `allowed` is how much may be bad in the whole period.
pub(super) fn burn_down(timeline: &mut [Point], allowed: f64) {
    let mut bad = 0.0;
    for point in timeline {
        bad += point.bad;
        point.remaining = if allowed > 0.0 { 1.0 - bad / allowed } else { 1.0 };
    }
}

/// A time in which the budget burned faster than it lasts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Begin, RFC 3339.
    pub start: String,
    /// End, RFC 3339.
    pub end: String,
    /// Length in seconds.
    pub duration_s: f64,
    /// Bad events or slices; of a raw ratio, bad seconds.
    pub bad: f64,
    /// Share of the period's error budget that it spent.
    pub budget_spent: f64,
    /// Begin, milliseconds since the Unix epoch.
    #[serde(skip)]
    pub start_ms: i64,
    /// End, milliseconds since the Unix epoch.
    #[serde(skip)]
    pub end_ms: i64,
}

impl View<'_> {
    /// The steps of the period, where the report was asked for them.
    pub(super) fn timeline(&self) -> Vec<Point> {
        if !self.request.timeline {
            return Vec::new();
        }
        if let Some(slices) = self.slo.slices {
            let step_ms = super::slices::millis(slices.window);
            let point = |(t, score)| Point { t, step_ms, bad: 1.0 - score, total: 1.0, remaining: 1.0 };
            return self.scores(Target::Period).into_iter().map(point).collect();
        }
        let bounds = self.period.map_or((0, 0), |(start, _)| (start, self.request.at_ms));
        let Some((_, _, step_ms)) = crate::plan::timeline_steps(bounds) else { return Vec::new() };
        let counts = |t: i64| !crate::exclusions::remaining(t - step_ms, t, &self.slo.exclusions).is_empty();
        let steps = self.answers.steps(self.slo, self.group, Target::Timeline);
        let point = |(t, tally): (i64, crate::answers::Tally)| {
            // A raw ratio's time is that of the first step, and so is its weight.
            Point { t, step_ms, bad: tally.bad, total: tally.total, remaining: 1.0 }
        };
        steps.into_iter().filter(|(t, _)| counts(*t)).map(point).collect()
    }
}

/// The incidents of a timeline, in order. `allowed` is how much may be bad in the whole period.
pub(super) fn find(timeline: &[Point], budget: f64, allowed: f64) -> Vec<Incident> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (i, point) in timeline.iter().enumerate() {
        if point.bad <= point.total * budget {
            continue;
        }
        match runs.last_mut() {
            Some((_, last)) if near(timeline, *last, i) => *last = i,
            _ => runs.push((i, i)),
        }
    }
    let incident = |(first, last): (usize, usize)| {
        let points = &timeline[first..=last];
        let (start_ms, end_ms) = (points[0].t - points[0].step_ms, timeline[last].t);
        let bad: f64 = points.iter().map(|point| point.bad).sum();
        Incident {
            start: rfc3339(start_ms),
            end: rfc3339(end_ms),
            duration_s: super::seconds(end_ms - start_ms),
            bad,
            budget_spent: if allowed > 0.0 { bad / allowed } else { 0.0 },
            start_ms,
            end_ms,
        }
    };
    runs.into_iter().map(incident).filter(|incident| incident.budget_spent >= SMALLEST).collect()
}

/// Whether so little lies between two steps that they belong together; steps without events are missing.
fn near(timeline: &[Point], last: usize, next: usize) -> bool {
    let patience = i64::try_from(PATIENCE).unwrap_or_default();
    timeline[next].t - timeline[last].t <= (patience + 1) * timeline[next].step_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(bad: &[f64]) -> Vec<Point> {
        let point = |(i, bad): (i64, &f64)| Point {
            t: (i + 1) * 300_000,
            step_ms: 300_000,
            bad: *bad,
            total: 100.0,
            remaining: 1.0,
        };
        (0..).zip(bad).map(point).collect()
    }

    #[test]
    fn bad_steps_that_are_near_are_one_incident() {
        let bad = [0.0, 5.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 1.0];
        let found = find(&timeline(&bad), 0.01, 20.0);
        let spans: Vec<_> = found.iter().map(|i| (i.start_ms / 300_000, i.end_ms / 300_000, i.bad)).collect();
        assert_eq!(spans, [(1, 4, 12.0), (8, 9, 3.0)], "1 of 100 is the budget, which is no incident");
        assert!((found[0].budget_spent - 0.6).abs() < 1e-12 && found[0].start == "1970-01-01T00:05:00Z");
    }

    #[test]
    fn the_budget_burns_down_step_by_step() {
        let mut points = timeline(&[1.0, 0.0, 3.0]);
        burn_down(&mut points, 2.0);
        assert_eq!(points.iter().map(|point| point.remaining).collect::<Vec<_>>(), [0.5, 0.5, -1.0]);
        burn_down(&mut points, 0.0);
        assert_eq!(points[2].remaining, 1.0, "nothing is known about the budget");
    }

    #[test]
    fn a_gap_in_the_data_ends_an_incident_and_noise_is_none() {
        let mut points = timeline(&[5.0, 5.0]);
        points[1].t += 10 * 300_000;
        assert_eq!(find(&points, 0.01, 20.0).len(), 2);
        assert_eq!(find(&timeline(&[2.0]), 0.01, 1_000.0), []);
        assert_eq!(find(&[], 0.01, 0.0), []);
    }
}
