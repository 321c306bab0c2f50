//! One row a route of the selected service.

use super::{largest_first, lookup};
use crate::queries::QueryId as Q;
use crate::state::{Screen, State};
use promql::Value;

/// A route at a glance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RouteRow {
    /// HTTP method.
    pub method: String,
    /// Route pattern.
    pub route: String,
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
}

impl RouteRow {
    /// Method and route.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.route)
    }
}

/// The routes that the filter shows, in the chosen order.
pub fn routes(state: &State) -> Vec<RouteRow> {
    let Some(Value::Vector(rates)) = state.value(Q::RouteRate) else { return Vec::new() };
    let filter = &state.filters[Screen::Service as usize];
    let row = |sample: &promql::VectorSample| {
        let (method, route) = (sample.labels.get("method"), sample.labels.get("route"));
        let get = |id| lookup(state.value(id), &[("method", method), ("route", route)]);
        RouteRow {
            rate: get(Q::RouteRate),
            errors: get(Q::RouteErrors),
            p50: get(Q::RouteP50),
            p95: get(Q::RouteP95),
            p99: get(Q::RouteP99),
            method: method.to_owned(),
            route: route.to_owned(),
        }
    };
    let mut rows: Vec<_> = rates.iter().map(row).filter(|row| filter.shows(&row.key())).collect();
    let sort = state.sorts[Screen::Service as usize];
    rows.sort_by(|a, b| {
        let order = match sort.column {
            0 => largest_first(a.rate, b.rate),
            1 => largest_first(a.errors, b.errors),
            2 => largest_first(a.p95, b.p95),
            _ => std::cmp::Ordering::Equal,
        };
        order.then_with(|| (&a.route, &a.method).cmp(&(&b.route, &b.method)))
    });
    if sort.reversed {
        rows.reverse();
    }
    rows
}

/// Keys of the routes shown.
pub(crate) fn route_keys(state: &State) -> Vec<String> {
    routes(state).iter().map(RouteRow::key).collect()
}
