//! The overview printed once, for pipes and scripts.

use crate::message::{Alert, AlertState};
use crate::model::overview::{ServiceRow, rows};
use crate::state::State;
use crate::units::{self, NO_DATA, Unit};
use serde_json::{Value, json};
use std::fmt::Write;

/// Whether an alert that wakes somebody up fires.
pub fn page_fires(state: &State) -> bool {
    crate::model::alerts::counts(state).is_some_and(|counts| counts.pages > 0)
}

fn firing(state: &State) -> Vec<&Alert> {
    let mut all = crate::model::alerts::rows(state);
    all.sort_by_key(|alert| (alert.state, !alert.pages(), alert.key()));
    all
}

fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Firing => "firing",
        AlertState::Pending => "pending",
    }
}

/// As a table; what is not known says `no data`.
pub fn text(state: &State) -> String {
    let mut out = String::new();
    let head = ["SERVICE", "UP", "RATE", "ERRORS", "P50", "P95", "P99", "IN FLIGHT", "BUDGET", "BURN 1H"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(rows(state).0.iter().map(cells));
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in &table {
        let mut line = format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            // Writing to a string cannot fail.
            let _ = write!(line, "  {cell:>width$}");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let alerts = firing(state);
    let unknown = state.alerts().data().is_none();
    let _ = match (alerts.len(), unknown) {
        (0, true) => writeln!(out, "\nalerts: {NO_DATA}"),
        (0, false) => writeln!(out, "\nalerts: none"),
        (n, _) => writeln!(out, "\nalerts: {n}"),
    };
    for alert in alerts {
        let since = alert.active_at_ms.map_or_else(|| "?".to_owned(), |at| crate::clock::span(state.now_ms - at));
        let _ = writeln!(
            out,
            "{:<8} {:<7} {} {} for {since}: {}",
            state_name(alert.state),
            alert.severity(),
            alert.name(),
            alert.service(),
            alert.summary().split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
    out
}

fn cells(row: &ServiceRow<'_>) -> Vec<String> {
    let number = |unit, value| units::cell(unit, value).unwrap_or_else(|| NO_DATA.to_owned());
    let up = match (row.up, row.targets) {
        (Some(up), Some(all)) => format!("{up}/{all}"),
        _ => NO_DATA.to_owned(),
    };
    let rate = row.rate.map_or_else(|| NO_DATA.to_owned(), |rate| units::format(Unit::RequestsPerSecond, rate));
    vec![
        row.name.clone(),
        up,
        rate,
        number(Unit::Ratio, row.errors),
        number(Unit::Seconds, row.p50),
        number(Unit::Seconds, row.p95),
        number(Unit::Seconds, row.p99),
        number(Unit::Short, row.in_flight),
        number(Unit::Ratio, row.budget),
        number(Unit::BurnRate, row.burn),
    ]
}

/// As JSON; what is not known is `null`. Durations in seconds, ratios of 1.
pub fn json(state: &State) -> Value {
    let service = |row: &ServiceRow<'_>| {
        json!({
            "name": row.name, "up": row.up, "targets": row.targets, "rate": row.rate, "error_ratio": row.errors,
            "p50_s": row.p50, "p95_s": row.p95, "p99_s": row.p99, "in_flight": row.in_flight,
            "error_budget_remaining": row.budget, "burn_rate_1h": row.burn,
        })
    };
    let alert = |alert: &&Alert| {
        json!({
            "name": alert.name(), "state": state_name(alert.state), "severity": alert.severity(),
            "service": alert.service(), "active_at_ms": alert.active_at_ms, "labels": alert.labels,
            "annotations": alert.annotations,
        })
    };
    let services: Vec<_> = rows(state).0.iter().map(service).collect();
    let alerts: Option<Vec<_>> = state.alerts().data().map(|_| firing(state).iter().map(alert).collect());
    json!({ "at_ms": state.view_time_ms(), "source": state.config.source, "services": services, "alerts": alerts })
}
