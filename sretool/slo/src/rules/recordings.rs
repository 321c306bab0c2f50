//! Recording rules: what happened, and what was promised.

use super::expressions::{TILE, errors, errors_name, events_name, ids, is_direct, ratio, ratio_name};
use super::{Action, Options, Rule, RuleGroup, labels};
use crate::catalog::{MetricPair, Sli, Slo};
use crate::duration::Window;

/// Events and errors over short windows, and error ratios over the windows of the alerts and over the period.
pub(super) fn sli(slo: &Slo, options: &Options) -> RuleGroup {
    let mut windows = options.burn.all();
    windows.extend([TILE, slo.period]);
    windows.sort_unstable();
    windows.dedup();
    let mut rules = Vec::new();
    if let Sli::GoodTotal(pair) | Sli::BadTotal(pair) = &slo.sli {
        rules.extend(windows.iter().filter(|window| is_direct(**window)).flat_map(|window| counts(slo, pair, *window)));
    }
    let ratio = |window| recorded(slo, ratio_name(window), ratio(slo, window), Some(window));
    rules.extend(windows.into_iter().map(ratio));
    RuleGroup { name: format!("sloth-slo-sli-recordings-{}", slo.id), rules }
}

/// Events and errors, from which ratios, longer windows and the low-traffic guards are made.
fn counts(slo: &Slo, pair: &MetricPair, window: Window) -> [Rule; 2] {
    [
        recorded(slo, events_name(window), pair.total.over(window), Some(window)),
        recorded(slo, errors_name(window), errors(slo, pair, window), Some(window)),
    ]
}

/// Objective, budget and what is left of it.
pub(super) fn meta(slo: &Slo, options: &Options) -> RuleGroup {
    let ids = ids(slo);
    let burn = |window| {
        let ratio = ratio_name(window);
        format!("{ratio}{ids}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio{ids}")
    };
    let series = [
        ("slo:objective:ratio", format!("vector({})", slo.objective)),
        ("slo:error_budget:ratio", format!("vector({})", slo.error_budget())),
        ("slo:time_period:days", format!("vector({})", slo.period.as_days())),
        ("slo:current_burn_rate:ratio", burn(TILE)),
        ("slo:period_burn_rate:ratio", burn(slo.period)),
        ("slo:period_error_budget_remaining:ratio", format!("1 - slo:period_burn_rate:ratio{ids}")),
    ];
    let mut rules: Vec<_> = series.into_iter().map(|(name, expr)| recorded(slo, name.to_owned(), expr, None)).collect();
    let mut info = recorded(slo, "sloth_slo_info".into(), "vector(1)".into(), None);
    for (key, value) in [
        ("sloth_mode", "cli-gen-openslo"),
        ("sloth_objective", &slo.objective_percent()),
        ("sloth_spec", crate::openslo::API_VERSION),
        ("sloth_version", &options.version),
    ] {
        info.labels.insert(key.to_owned(), value.to_owned());
    }
    rules.push(info);
    RuleGroup { name: format!("sloth-slo-meta-recordings-{}", slo.id), rules }
}

fn recorded(slo: &Slo, name: String, expr: String, window: Option<Window>) -> Rule {
    let mut labels = labels(slo);
    if let Some(window) = window {
        labels.insert("sloth_window".into(), window.to_string());
    }
    Rule { action: Action::Record(name), expr, labels }
}
