//! From counts of events to a budget.
//!
//! Over the period, `sli = good / total`, the error budget is `1 − objective`, and
//! `error_budget_remaining = 1 − (bad / total) / (1 − objective)`: 1 is untouched, 0 used up, negative overspent.
//! A window's burn rate is `(bad / total) / (1 − objective)` over that window: 1 uses up the budget in exactly the
//! period. Sources: Site Reliability Workbook, chapters 2 and 5.

use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::plan::{Answers, Part};
use crate::windows::BurnWindows;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The window whose burn rate predicts when the budget ends: long enough to be steady, short enough to be now.
const CURRENT: Window = Window::hours(1);

/// Below this share of the budget an objective is at risk, however slowly it burns.
const RESERVE: f64 = 0.1;

/// Rounding errors of this size do not breach an objective that is met exactly.
const ROUNDING: f64 = 1e-9;

/// How an objective stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Met, and not in danger.
    Ok,
    /// Met, but a burn-rate condition holds, or less than a tenth of the budget is left.
    AtRisk,
    /// No events in the period, so nothing can be said.
    NoData,
    /// The period's budget is overspent.
    Breached,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::AtRisk => "at risk",
            Self::NoData => "no data",
            Self::Breached => "breached",
        })
    }
}

/// How one objective stands. `None` means that there is no data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloReport {
    /// sloth's identifier: service and name.
    pub id: String,
    /// Name of the objective.
    pub name: String,
    /// The service.
    pub service: String,
    /// The ratio of good events that is promised.
    pub objective: f64,
    /// The period.
    pub window: Window,
    /// The ratio of good events in the period.
    pub sli: Option<f64>,
    /// Good events in the period; `None` for a raw ratio.
    pub good: Option<f64>,
    /// Events in the period; `None` for a raw ratio.
    pub total: Option<f64>,
    /// Share of the error budget that is left; negative where it is overspent.
    pub error_budget_remaining: Option<f64>,
    /// Burn rates of the burn-rate conditions' windows.
    pub burn_rates: BTreeMap<Window, Option<f64>>,
    /// Seconds until the budget is used up if the burn rate of the last hour lasts; `None` where it does not burn.
    pub time_to_exhaustion_s: Option<f64>,
    /// The judgement.
    pub status: Status,
}

/// What happened in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tally {
    bad_ratio: f64,
    /// Bad and all events; a raw ratio has neither.
    counts: Option<(f64, f64)>,
}

/// Judges an SLO from the answers to its planned queries.
pub fn evaluate(slo: &Slo, answers: &Answers, burn: &BurnWindows) -> SloReport {
    let budget = slo.error_budget();
    let burn_rate = |window| tally(slo, answers, window).map(|tally| tally.bad_ratio / budget);
    let period = tally(slo, answers, slo.period);
    let remaining = period.map(|tally| 1.0 - tally.bad_ratio / budget);
    let status = match remaining {
        None => Status::NoData,
        Some(left) if left < -ROUNDING => Status::Breached,
        Some(left) if left < RESERVE || burns(slo, answers, burn) => Status::AtRisk,
        Some(_) => Status::Ok,
    };
    let counts = period.and_then(|tally| tally.counts);
    SloReport {
        id: slo.id.clone(),
        name: slo.name.clone(),
        service: slo.service.clone(),
        objective: slo.objective,
        window: slo.period,
        sli: period.map(|tally| 1.0 - tally.bad_ratio),
        good: counts.map(|(bad, total)| total - bad),
        total: counts.map(|(_, total)| total),
        error_budget_remaining: remaining,
        burn_rates: burn.all().into_iter().map(|window| (window, burn_rate(window))).collect(),
        time_to_exhaustion_s: remaining
            .zip(burn_rate(CURRENT))
            .and_then(|(left, rate)| (rate > 0.0).then(|| (left.max(0.0) * slo.period.as_secs_f64()) / rate)),
        status,
    }
}

fn tally(slo: &Slo, answers: &Answers, window: Window) -> Option<Tally> {
    if let Sli::Raw { success, .. } = slo.sli {
        let ratio = answers.get(window, Part::Ratio)?.clamp(0.0, 1.0);
        return Some(Tally { bad_ratio: if success { 1.0 - ratio } else { ratio }, counts: None });
    }
    let total = answers.get(window, Part::Total).filter(|total| *total > 0.0)?;
    let bad = match slo.sli {
        Sli::GoodTotal(_) => total - answers.get(window, Part::Good).unwrap_or(0.0),
        Sli::BadTotal(_) | Sli::Raw { .. } => answers.get(window, Part::Bad).unwrap_or(0.0),
    };
    // `increase` extrapolates each series on its own, so that a part may exceed the whole by a little.
    let bad = bad.clamp(0.0, total);
    Some(Tally { bad_ratio: bad / total, counts: Some((bad, total)) })
}

/// Whether a burn-rate condition holds, low-traffic guard included.
fn burns(slo: &Slo, answers: &Answers, burn: &BurnWindows) -> bool {
    let budget = slo.error_budget();
    burn.conditions.iter().any(|condition| {
        let faster = |tally: &Tally| tally.bad_ratio / budget > condition.factor;
        let enough = |tally: &Tally| tally.counts.is_none_or(|(bad, _)| bad >= condition.minimum_failed_events);
        tally(slo, answers, condition.short).is_some_and(|tally| faster(&tally))
            && tally(slo, answers, condition.long).is_some_and(|tally| faster(&tally) && enough(&tally))
    })
}

#[cfg(test)]
mod tests;
