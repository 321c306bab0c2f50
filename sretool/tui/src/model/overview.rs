//! One row a service.

use super::{Level, label_values, largest_first, lookup, samples, smallest_first};
use crate::queries::QueryId as Q;
use crate::state::{Screen, State};
use promql::Sample;

/// A service at a glance; what is missing was not answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServiceRow<'a> {
    /// Its name.
    pub name: String,
    /// Targets that answer the scrape.
    pub up: Option<f64>,
    /// Targets.
    pub targets: Option<f64>,
    /// Requests a second.
    pub rate: Option<f64>,
    /// Share of 5xx answers.
    pub errors: Option<f64>,
    /// Median duration, seconds.
    pub p50: Option<f64>,
    /// 95th percentile, seconds.
    pub p95: Option<f64>,
    /// 99th percentile, seconds.
    pub p99: Option<f64>,
    /// Requests being answered.
    pub in_flight: Option<f64>,
    /// Availability budget remaining, 1 is all of it.
    pub budget: Option<f64>,
    /// Burn rate over an hour.
    pub burn: Option<f64>,
    /// Rate over time.
    pub rates: &'a [Sample],
    /// 95th percentile over time.
    pub p95s: &'a [Sample],
}

/// Burn rate over an hour that pages: 2 % of a 30-day budget in that hour (SRE workbook, table 5-8).
pub const PAGE_BURN: f64 = 14.4;
/// Burn rate over six hours that pages: 5 % of a 30-day budget in that time.
pub const SLOW_PAGE_BURN: f64 = 6.0;

impl ServiceRow<'_> {
    /// Whether all targets answer.
    pub fn reachable(&self) -> Level {
        match (self.up, self.targets) {
            (Some(up), Some(all)) if up < all && up == 0.0 => Level::Bad,
            (Some(up), Some(all)) if up < all => Level::Warn,
            (Some(_), Some(_)) => Level::Good,
            _ => Level::Unknown,
        }
    }

    /// The worst that is known of it.
    pub fn level(&self) -> Level {
        self.reachable().max(budget_level(self.budget)).max(burn_level(self.burn))
    }
}

/// A spent budget is bad, a quarter left is worth a look.
pub fn budget_level(budget: Option<f64>) -> Level {
    match budget {
        None => Level::Unknown,
        Some(left) if left <= 0.0 => Level::Bad,
        Some(left) if left < 0.25 => Level::Warn,
        Some(_) => Level::Good,
    }
}

/// A paging burn rate is bad, a slowly paging one worth a look.
pub fn burn_level(burn: Option<f64>) -> Level {
    match burn {
        None => Level::Unknown,
        Some(rate) if rate >= PAGE_BURN => Level::Bad,
        Some(rate) if rate >= SLOW_PAGE_BURN => Level::Warn,
        Some(_) => Level::Good,
    }
}

/// Every service that any answer names, sorted by name.
pub fn names(state: &State) -> Vec<String> {
    let ids = [Q::AllTargets, Q::Rate, Q::Budget];
    let mut names: Vec<_> = ids.iter().flat_map(|id| label_values(state.value(*id), "service")).collect();
    names.sort();
    names.dedup();
    names
}

/// The first service that answers requests, else the first of all.
pub(crate) fn first_serving(state: &State) -> Option<String> {
    let serving = label_values(state.value(Q::Rate), "service").into_iter().next();
    serving.or_else(|| names(state).into_iter().next())
}

fn row(state: &State, name: String) -> ServiceRow<'_> {
    let get = |id| lookup(state.value(id), &[("service", &name)]);
    ServiceRow {
        up: get(Q::UpTargets),
        targets: get(Q::AllTargets),
        rate: get(Q::Rate),
        errors: get(Q::ErrorRatio),
        p50: get(Q::P50),
        p95: get(Q::P95),
        p99: get(Q::P99),
        in_flight: get(Q::InFlight),
        budget: get(Q::Budget),
        burn: get(Q::Burn),
        rates: samples(state.value(Q::RateByService), "service", &name),
        p95s: samples(state.value(Q::P95ByService), "service", &name),
        name,
    }
}

/// The rows that the filter shows, in the chosen order, and how many there are without it.
pub fn rows(state: &State) -> (Vec<ServiceRow<'_>>, usize) {
    let names = names(state);
    let all = names.len();
    let filter = &state.filters[Screen::Overview as usize];
    let mut rows: Vec<_> = names.into_iter().filter(|name| filter.shows(name)).map(|name| row(state, name)).collect();
    let sort = state.sorts[Screen::Overview as usize];
    rows.sort_by(|a, b| {
        let order = match sort.column {
            1 => largest_first(a.rate, b.rate),
            2 => largest_first(a.errors, b.errors),
            3 => largest_first(a.p95, b.p95),
            4 => smallest_first(a.budget, b.budget),
            // Platform parts without requests follow the services.
            _ => a.rate.is_none().cmp(&b.rate.is_none()),
        };
        order.then_with(|| a.name.cmp(&b.name))
    });
    if sort.reversed {
        rows.reverse();
    }
    (rows, all)
}

/// Names of the rows shown.
pub(crate) fn shown_names(state: &State) -> Vec<String> {
    rows(state).0.into_iter().map(|row| row.name).collect()
}
