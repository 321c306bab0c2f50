//! Budgets counted by slices of time.

use super::View;
use crate::answers::Tally;
use crate::duration::Window;
use crate::exclusions::remaining;
use crate::model::{Budgeting, NoData};
use crate::plan::{Target, past_periods};
use std::collections::BTreeMap;

impl View<'_> {
    /// How good each slice of a target was, from 0 to 1, by the slices' ends.
    pub(super) fn scores(&self, target: Target) -> BTreeMap<i64, f64> {
        let Some(slices) = self.slo.slices else { return BTreeMap::new() };
        let length = millis(slices.window);
        let measured = self.answers.steps(self.slo, self.group, target);
        let score = |tally: &Tally| {
            let ratio = 1.0 - tally.bad_ratio();
            match self.slo.budgeting {
                // 95 of 100 is 0.95, whatever the rounding of a division.
                Budgeting::Timeslices => f64::from(u8::from(ratio >= slices.target - 1e-12)),
                Budgeting::RatioTimeslices | Budgeting::Occurrences => ratio,
            }
        };
        let missing = match self.slo.no_data {
            NoData::Good => Some(1.0),
            NoData::Bad => Some(0.0),
            NoData::Exclude => None,
        };
        let counts = |end: &i64| remaining(end - length, *end, &self.slo.exclusions) == [(end - length, *end)];
        let ends = self.ends(target, length).filter(counts);
        ends.filter_map(|end| Some((end, measured.get(&end).map(score).or(missing)?))).collect()
    }

    /// The ends of a target's slices.
    fn ends(&self, target: Target, length: i64) -> impl Iterator<Item = i64> + use<> {
        let at = self.request.at_ms;
        let bounds = match target {
            Target::Past(back) => {
                let index = usize::try_from(back).unwrap_or(usize::MAX) - 1;
                past_periods(self.slo, at, back).get(index).map(|(_, start, end)| (*start, *end))
            }
            _ => self.period.map(|(start, _)| (start, at)),
        };
        let (start, end) = bounds.unwrap_or((0, 0));
        let from = if self.slo.calendar.is_some() { start } else { (start + length - 1).div_euclid(length) * length };
        let count = (end - from).div_euclid(length);
        (1..=count).map(move |i| from + i * length)
    }

    pub(super) fn slices(&self, target: Target) -> Option<Tally> {
        sum(self.scores(target).into_values())
    }

    /// The slices that end within a window before now.
    pub(super) fn latest_slices(&self, window: Window) -> Option<Tally> {
        let since = self.request.at_ms - millis(window);
        sum(self.scores(Target::Period).into_iter().filter(|(end, _)| *end > since).map(|(_, score)| score))
    }

    /// Slices of a calendar's period that are still to come.
    pub(super) fn slices_ahead(&self, period: Option<(i64, i64)>) -> f64 {
        let (Some(slices), Some((start, end)), true) = (self.slo.slices, period, self.slo.calendar.is_some()) else {
            return 0.0;
        };
        let length = millis(slices.window);
        let all = (end - start).div_euclid(length);
        let elapsed = (self.request.at_ms - start).div_euclid(length);
        #[expect(clippy::cast_precision_loss, reason = "there are far fewer slices than 2^53")]
        let ahead = (all - elapsed).max(0) as f64;
        ahead
    }
}

fn sum(scores: impl Iterator<Item = f64>) -> Option<Tally> {
    let (mut bad, mut total) = (0.0, 0.0);
    for score in scores {
        bad += 1.0 - score;
        total += 1.0;
    }
    (total > 0.0).then_some(Tally { bad, total, counted: true })
}

pub(super) fn millis(window: Window) -> i64 {
    i64::try_from(window.as_millis()).unwrap_or(i64::MAX / 4)
}
