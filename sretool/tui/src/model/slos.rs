//! One row an objective.

use super::overview::{budget_level, burn_level};
use super::{Level, lookup, smallest_first};
use crate::queries::QueryId as Q;
use crate::state::{Screen, State};
use promql::Value;

/// An objective at a glance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SloRow {
    /// `sloth_id`.
    pub id: String,
    /// The service.
    pub service: String,
    /// Name within the service.
    pub slo: String,
    /// 0.999 and the like.
    pub objective: Option<f64>,
    /// Days of the period.
    pub days: Option<f64>,
    /// Share of good events in the period.
    pub sli: Option<f64>,
    /// Budget remaining; 1 is all, below 0 it is overspent.
    pub budget: Option<f64>,
    /// Burn rate over 1 h.
    pub burn_1h: Option<f64>,
    /// Burn rate over 6 h.
    pub burn_6h: Option<f64>,
    /// Seconds until the budget is gone at the rate of the last hour; none where nothing burns.
    pub exhaustion_s: Option<f64>,
}

/// Verdict on an objective, in the words of `sretool slo report`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing was measured.
    NoData,
    /// Met.
    Ok,
    /// Met, but not for long.
    AtRisk,
    /// The budget is gone.
    Breached,
}

impl Status {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "no data",
            Self::Ok => "ok",
            Self::AtRisk => "at risk",
            Self::Breached => "breached",
        }
    }

    /// How bad it is.
    pub fn level(self) -> Level {
        match self {
            Self::NoData => Level::Unknown,
            Self::Ok => Level::Good,
            Self::AtRisk => Level::Warn,
            Self::Breached => Level::Bad,
        }
    }
}

impl SloRow {
    /// Breached without budget; at risk while little is left or a paging burn rate holds.
    pub fn status(&self) -> Status {
        let slow = self.burn_6h.is_some_and(|rate| rate >= super::overview::SLOW_PAGE_BURN);
        match budget_level(self.budget) {
            Level::Unknown => Status::NoData,
            Level::Bad => Status::Breached,
            Level::Warn => Status::AtRisk,
            Level::Good if slow || burn_level(self.burn_1h) >= Level::Warn => Status::AtRisk,
            Level::Good => Status::Ok,
        }
    }
}

/// The objectives that the filter shows, in the chosen order, and how many there are without it.
pub fn rows(state: &State) -> (Vec<SloRow>, usize) {
    let Some(Value::Vector(objectives)) = state.value(Q::SloObjective) else { return (Vec::new(), 0) };
    let row = |sample: &promql::VectorSample| {
        let id = sample.labels.get("sloth_id");
        let get = |query| lookup(state.value(query), &[("sloth_id", id)]);
        SloRow {
            objective: get(Q::SloObjective),
            days: get(Q::SloPeriodDays),
            sli: get(Q::SloSli),
            budget: get(Q::SloBudget),
            burn_1h: get(Q::SloBurn1h),
            burn_6h: get(Q::SloBurn6h),
            exhaustion_s: get(Q::SloExhaustion),
            service: sample.labels.get("sloth_service").to_owned(),
            slo: sample.labels.get("sloth_slo").to_owned(),
            id: id.to_owned(),
        }
    };
    let filter = &state.filters[Screen::Slos as usize];
    let mut rows: Vec<_> = objectives.iter().map(row).filter(|row| filter.shows(&row.id)).collect();
    let sort = state.sorts[Screen::Slos as usize];
    rows.sort_by(|a, b| {
        let order = match sort.column {
            1 => smallest_first(a.budget, b.budget),
            2 => super::largest_first(a.burn_1h, b.burn_1h),
            _ => std::cmp::Ordering::Equal,
        };
        order.then_with(|| (&a.service, &a.slo).cmp(&(&b.service, &b.slo)))
    });
    if sort.reversed {
        rows.reverse();
    }
    (rows, objectives.len())
}

/// Keys of the rows shown.
pub(crate) fn keys(state: &State) -> Vec<String> {
    rows(state).0.into_iter().map(|row| row.id).collect()
}

/// The selected objective.
pub fn selected(state: &State) -> Option<SloRow> {
    let id = state.selection.slo.as_ref()?;
    rows(state).0.into_iter().find(|row| row.id == *id)
}
