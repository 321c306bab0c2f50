//! One objective: its error budget, how fast it burns, and since when.

use super::{board, variable};
use crate::model::{Color, Dashboard, Kind, Panel, Row, Unit};
use Color::{Green, Orange, Red, Yellow};

pub(super) fn dashboard() -> Dashboard {
    let rows = vec![
        Row::new("State", state()),
        Row::new("Budget and burn", history()),
        Row::new("Events", events()),
        Row::new("All objectives", overview()),
    ];
    Dashboard {
        variables: vec![
            variable("service", "Service", "sloth_slo_info", "sloth_service"),
            variable("slo", "Objective", r#"sloth_slo_info{sloth_service="$service"}"#, "sloth_slo"),
        ],
        from: "now-24h".to_owned(),
        refresh: "1m".to_owned(),
        ..board(
            "slo-error-budget",
            "SLOs and error budgets",
            "One service level objective: what was promised, what is left of the error budget, and how fast it burns. \
             Reads the series that `sretool slo rules` and sloth record.",
            &["slo"],
            rows,
        )
    }
}

/// A recorded series of the chosen objective.
fn series(name: &str) -> String {
    format!("{name}{{sloth_service=\"$service\", sloth_slo=\"$slo\"}}")
}

fn state() -> Vec<Panel> {
    let sli = format!(
        "1 - {}\n* on (sloth_id) group_left ()\n{}",
        series("slo:period_burn_rate:ratio"),
        series("slo:error_budget:ratio")
    );
    let exhaustion = format!(
        "{}\n* on (sloth_id) group_left ()\n{}\n/ on (sloth_id) group_left ()\n{}",
        series("slo:period_error_budget_remaining:ratio"),
        series("slo:time_period:days"),
        series("slo:current_burn_rate:ratio")
    );
    vec![
        Panel::new(Kind::Stat, "Objective", Unit::Ratio, "Share of events that were promised to be good.")
            .query(&series("slo:objective:ratio"), "objective")
            .decimals(3),
        Panel::new(Kind::Stat, "Achieved", Unit::Ratio, "Share of good events over the period so far.")
            .query(&sli, "achieved")
            .decimals(3),
        Panel::new(
            Kind::Gauge,
            "Budget left",
            Unit::Ratio,
            "Share of the period's error budget that is left; below 0 the objective is missed.",
        )
        .query(&series("slo:period_error_budget_remaining:ratio"), "left")
        .min(0.0)
        .max(1.0)
        .colors(Red, &[(0.0, Orange), (0.25, Yellow), (0.5, Green)]),
        Panel::new(
            Kind::Stat,
            "Burn rate now",
            Unit::Times,
            "How many times faster than sustainable the budget is spent, over 5 minutes.",
        )
        .query(&series("slo:current_burn_rate:ratio"), "burn rate")
        .decimals(1)
        .colors(Green, &[(1.0, Yellow), (6.0, Orange), (14.4, Red)]),
        Panel::new(
            Kind::Stat,
            "Exhausted in",
            Unit::Days,
            "When the budget will be spent if it burns on as in the last 5 minutes; infinite without errors.",
        )
        .query(&exhaustion, "days")
        .decimals(1)
        .colors(Red, &[(1.0, Orange), (7.0, Yellow), (30.0, Green)]),
        Panel::new(Kind::Stat, "Period", Unit::Days, "Days over which the objective is judged.")
            .query(&series("slo:time_period:days"), "period"),
    ]
}

fn history() -> Vec<Panel> {
    let burn = format!(
        "{{__name__=~\"slo:sli_error:ratio_rate(5m|30m|1h|2h|6h|1d|3d)\", sloth_service=\"$service\", sloth_slo=\"$slo\"}}\n\
         / on (sloth_id) group_left ()\n{}",
        series("slo:error_budget:ratio")
    );
    vec![
        Panel::new(
            Kind::TimeSeries,
            "Error budget left",
            Unit::Ratio,
            "Steps down are incidents; a slow slope is a constant error rate; it rises as old incidents leave the period.",
        )
        .query(&series("slo:period_error_budget_remaining:ratio"), "left")
        .max(1.0)
        .colors(Red, &[(0.0, Green)])
        .lines(),
        Panel::new(
            Kind::TimeSeries,
            "Burn rate by window",
            Unit::Times,
            "A page is due when the 5 m and 1 h windows are above 14.4, or 30 m and 6 h above 6; a ticket when 2 h and 1 d are \
             above 3, or 6 h and 3 d above 1.",
        )
        .query(&burn, "{{sloth_window}}")
        .min(0.0)
        .colors(Green, &[(1.0, Yellow), (6.0, Orange), (14.4, Red)])
        .lines(),
    ]
}

fn events() -> Vec<Panel> {
    let ratio = |window: &str| series(&format!("slo:sli_error:ratio_rate{window}"));
    vec![
        Panel::new(Kind::TimeSeries, "Error ratio", Unit::Ratio, "Share of bad events over 5 minutes and over an hour.")
            .query(&ratio("5m"), "5m")
            .query(&ratio("1h"), "1h")
            .query(&series("slo:error_budget:ratio"), "budget")
            .min(0.0),
        Panel::new(
            Kind::StateTimeline,
            "Alerts",
            Unit::None,
            "When alerts of this service fired; the line `none` stands where nothing did.",
        )
        .query(
            r#"max by (alertname, severity) (ALERTS{alertstate="firing", sloth_service="$service"}) or on () vector(0)"#,
            "{{alertname}} {{severity}}",
        )
        .size(12, 8)
        .states(&[(0, "none", Green), (1, "firing", Red)])
        .colors(Green, &[(1.0, Red)]),
    ]
}

fn overview() -> Vec<Panel> {
    vec![
        Panel::new(
            Kind::BarGauge,
            "Budget left, all objectives",
            Unit::Ratio,
            "Share of the error budget that is left.",
        )
        .query("slo:period_error_budget_remaining:ratio", "{{sloth_service}} {{sloth_slo}}")
        .size(12, 9)
        .min(0.0)
        .max(1.0)
        .colors(Red, &[(0.0, Orange), (0.25, Yellow), (0.5, Green)]),
        Panel::new(
            Kind::BarGauge,
            "Burn rate, all objectives",
            Unit::Times,
            "How many times faster than sustainable, over 5 m.",
        )
        .query("slo:current_burn_rate:ratio", "{{sloth_service}} {{sloth_slo}}")
        .size(12, 9)
        .min(0.0)
        .colors(Green, &[(1.0, Yellow), (6.0, Orange), (14.4, Red)]),
    ]
}
