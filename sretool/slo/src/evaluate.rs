//! From counts of events to a budget.
//!
//! Over the period, `sli = good / total`, the error budget is `1 − objective`, and
//! `error_budget_remaining = 1 − (bad / total) / (1 − objective)`: 1 is untouched, 0 used up, negative overspent.
//! A window's burn rate is `(bad / total) / (1 − objective)` over that window: 1 uses up the budget in exactly the
//! period. Sources: Site Reliability Workbook, chapters 2 and 5; OpenSLO v1, budgeting methods.
//!
//! With `Timeslices`, slices of time take the place of events: one is good where its ratio of good events reaches
//! `timeSliceTarget`. With `RatioTimeslices`, each slice counts by its ratio. The budget of a calendar's period is then
//! known from its begin, as the number of its slices is: half a week of good slices leaves more than all of it.

mod composite;
mod incidents;
mod slices;

pub use composite::composite;
pub use incidents::{Incident, Point};

use crate::answers::{Answers, Group, Tally};
use crate::catalog::Slo;
use crate::duration::Window;
use crate::model::NoData;
use crate::plan::{Request, Target, past_periods, period};
use crate::windows::{BurnCondition, BurnWindows};
use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The window whose burn rate predicts when the budget ends: long enough to be steady, short enough to be now.
const CURRENT: Window = Window::hours(1);

/// Below this share of the budget an objective is at risk, however slowly it burns.
pub const RESERVE: f64 = 0.1;

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

impl Status {
    /// The judgement from the share of the budget that is left, where there are data, and from whether a burn-rate
    /// condition holds now: the one rule of reports, screens and gates.
    pub fn judge(remaining: Option<f64>, burning: bool) -> Self {
        match remaining {
            None => Self::NoData,
            Some(left) if left.is_nan() => Self::NoData,
            Some(left) if left < -ROUNDING => Self::Breached,
            Some(left) if left < RESERVE || burning => Self::AtRisk,
            Some(_) => Self::Ok,
        }
    }
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

/// Whether a burn-rate condition holds: both its windows burn faster than its factor. `rate` gives a window's burn
/// rate; without the numbers of events there is no low-traffic guard.
pub fn burning(burn: &BurnWindows, rate: impl Fn(Window) -> Option<f64>) -> bool {
    burn.conditions.iter().any(|condition| {
        let faster = |window| rate(window).is_some_and(|rate| rate > condition.factor);
        faster(condition.short) && faster(condition.long)
    })
}

/// What a report counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Events.
    Events,
    /// Slices of time.
    Slices,
    /// Nothing: the source computes a ratio.
    Ratio,
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
    /// Values of the labels that it is grouped by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub group: BTreeMap<String, String>,
    /// The ratio of good events that is promised.
    pub objective: f64,
    /// The period's length, nominal where a calendar sets it.
    pub window: Window,
    /// Begin of the period, RFC 3339.
    pub period_start: Option<String>,
    /// End of the period, RFC 3339, where a calendar sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_end: Option<String>,
    /// The ratio of good events in the period.
    pub sli: Option<f64>,
    /// Good events or slices in the period; `None` for a raw ratio.
    pub good: Option<f64>,
    /// Events or slices in the period; `None` for a raw ratio.
    pub total: Option<f64>,
    /// What `good` and `total` count.
    pub unit: Unit,
    /// Share of the error budget that is left; negative where it is overspent.
    pub error_budget_remaining: Option<f64>,
    /// Burn rates of the burn-rate conditions' windows.
    pub burn_rates: BTreeMap<Window, Option<f64>>,
    /// Seconds until the budget is used up if the burn rate of the last hour lasts; `None` where it does not burn.
    pub time_to_exhaustion_s: Option<f64>,
    /// The judgement.
    pub status: Status,
    /// Weights and identifiers of the objectives that a composite is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<(f64, String)>,
    /// Earlier periods, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PastPeriod>,
    /// Times at which the budget burned faster than it lasts, where the report was asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incidents: Option<Vec<Incident>>,
    /// The period step by step, for plots.
    #[serde(skip)]
    pub timeline: Vec<Point>,
}

/// How an objective stood at the end of an earlier period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastPeriod {
    /// Such as `2026-10`.
    pub name: String,
    /// Begin, RFC 3339.
    pub start: String,
    /// End, RFC 3339.
    pub end: String,
    /// The ratio of good events.
    pub sli: Option<f64>,
    /// Events or slices; `None` for a raw ratio.
    pub total: Option<f64>,
    /// Share of the error budget that was left.
    pub error_budget_remaining: Option<f64>,
    /// Whether the objective was met.
    pub status: Status,
}

/// What an evaluation looks at.
pub(crate) struct View<'a> {
    slo: &'a Slo,
    answers: &'a Answers,
    request: &'a Request,
    group: &'a Group,
    /// The period, and its end where a calendar sets it.
    period: Option<(i64, i64)>,
}

/// Judges an SLO from the answers to its planned queries: one report for each group, at least one in all.
pub fn evaluate(slo: &Slo, answers: &Answers, request: &Request) -> Vec<SloReport> {
    let nothing = Group::new();
    let mut groups: Vec<_> = answers.groups().collect();
    // A group without a single value has been mistaken for one: the labels are missing from the series.
    if groups.is_empty() {
        groups.push(&nothing);
    }
    let period = period(slo, request.at_ms);
    groups.into_iter().map(|group| View { slo, answers, request, group, period }.report()).collect()
}

impl View<'_> {
    fn report(&self) -> SloReport {
        let Self { slo, request, .. } = self;
        let budget = slo.error_budget();
        let period = self.tally(Target::Period);
        let remaining = period.map(|tally| self.remaining(tally, self.period));
        let rates: BTreeMap<_, _> = request.burn.all().into_iter().map(|w| (w, self.burn_rate(w))).collect();
        let counts = period.filter(|tally| tally.counted);
        let length = self.period.map_or(slo.period.as_secs_f64(), |(start, end)| seconds(end - start));
        let mut timeline = self.timeline();
        incidents::burn_down(&mut timeline, self.budget_total(period));
        SloReport {
            id: slo.id.clone(),
            name: slo.name.clone(),
            service: slo.service.clone(),
            group: slo.group_by.iter().cloned().zip(self.group.iter().cloned()).collect(),
            objective: slo.objective,
            window: slo.period,
            period_start: self.period.map(|(start, _)| rfc3339(start)),
            period_end: self.period.filter(|_| slo.calendar.is_some()).map(|(_, end)| rfc3339(end)),
            sli: period.map(|tally| 1.0 - tally.bad_ratio()),
            good: counts.map(|tally| tally.total - tally.bad),
            total: counts.map(|tally| tally.total),
            unit: self.unit(),
            error_budget_remaining: remaining,
            time_to_exhaustion_s: remaining
                .zip(self.burn_rate(CURRENT))
                .and_then(|(left, rate)| (rate > 0.0 && budget > 0.0).then(|| left.max(0.0) * length / rate)),
            status: Status::judge(remaining, self.burns()),
            parts: Vec::new(),
            history: self.history(),
            incidents: request.timeline.then(|| incidents::find(&timeline, budget, self.budget_total(period))),
            burn_rates: rates,
            timeline,
        }
    }

    fn unit(&self) -> Unit {
        match (self.slo.slices, &self.slo.sli) {
            (Some(_), _) => Unit::Slices,
            (None, crate::Sli::Raw { .. }) => Unit::Ratio,
            (None, _) => Unit::Events,
        }
    }

    /// What happened in a target's time, where nothing counts as the objective says.
    fn tally(&self, target: Target) -> Option<Tally> {
        let found = if self.slo.slices.is_some() {
            self.slices(target)
        } else {
            self.answers.tally(self.slo, self.group, target)
        };
        found.or(match self.slo.no_data {
            NoData::Exclude => None,
            NoData::Good => Some(Tally { bad: 0.0, total: 1.0, counted: false }),
            NoData::Bad => Some(Tally { bad: 1.0, total: 1.0, counted: false }),
        })
    }

    fn burn_rate(&self, window: Window) -> Option<f64> {
        let tally = self.window(window)?;
        Some(tally.bad_ratio() / self.slo.error_budget())
    }

    fn window(&self, window: Window) -> Option<Tally> {
        if self.slo.slices.is_some() { self.latest_slices(window) } else { self.tally(Target::Burn(window)) }
    }

    /// Share of the budget that is left. Over slices of a calendar's period, those to come have a budget already.
    fn remaining(&self, tally: Tally, period: Option<(i64, i64)>) -> f64 {
        let ahead = self.slices_ahead(period);
        1.0 - tally.bad / ((tally.total + ahead) * self.slo.error_budget())
    }

    /// How many bad events or slices the period's budget allows.
    fn budget_total(&self, period: Option<Tally>) -> f64 {
        period.map_or(0.0, |tally| (tally.total + self.slices_ahead(self.period)) * self.slo.error_budget())
    }

    /// Whether a burn-rate condition holds, low-traffic guard included.
    fn burns(&self) -> bool {
        let budget = self.slo.error_budget();
        let holds = |condition: &BurnCondition| {
            let faster = |tally: &Tally| tally.bad_ratio() / budget > condition.factor;
            let enough = |tally: &Tally| {
                // Slices are few; the guard is for events.
                !tally.counted || self.slo.slices.is_some() || tally.bad >= condition.minimum_failed_events
            };
            self.window(condition.short).is_some_and(|tally| faster(&tally))
                && self.window(condition.long).is_some_and(|tally| faster(&tally) && enough(&tally))
        };
        self.request.burn.conditions.iter().any(holds)
    }

    fn history(&self) -> Vec<PastPeriod> {
        let periods = past_periods(self.slo, self.request.at_ms, self.request.past);
        let one = |(back, (name, start, end)): (u32, (String, i64, i64))| {
            let tally = self.tally(Target::Past(back));
            let left = tally.map(|tally| self.remaining(tally, None));
            PastPeriod {
                name,
                start: rfc3339(start),
                end: rfc3339(end),
                sli: tally.map(|tally| 1.0 - tally.bad_ratio()),
                total: tally.filter(|tally| tally.counted).map(|tally| tally.total),
                error_budget_remaining: left,
                // It is over: nothing is at risk any more.
                status: match Status::judge(left, false) {
                    Status::AtRisk => Status::Ok,
                    status => status,
                },
            }
        };
        (1..).zip(periods).map(one).collect()
    }
}

pub(crate) fn rfc3339(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub(crate) fn seconds(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any period are far below 2^53")]
    let ms = ms as f64;
    ms / 1000.0
}

#[cfg(test)]
mod tests;
