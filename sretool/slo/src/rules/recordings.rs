//! Recording rules: what happened, and what was promised.

use super::expressions::{TILE, errors, errors_name, events, events_name, ids, is_direct, ratio, ratio_name};
use super::{Action, Options, Rule, RuleGroup, labels};
use crate::catalog::{MetricPair, Sli, Slo};
use crate::duration::Window;
use crate::model::Origin;

/// Every window over which an objective's error ratio is recorded, shortest first.
pub(crate) fn windows(slo: &Slo, options: &Options) -> Vec<Window> {
    let mut windows = options.burn_for(slo.period).all();
    windows.extend([TILE, slo.period]);
    windows.extend(slo.slices.map(|slices| slices.window));
    windows.sort_unstable();
    windows.dedup();
    windows
}

/// Events and errors over short windows, and error ratios over the windows of the alerts and over the period.
pub(super) fn sli(slo: &Slo, options: &Options) -> RuleGroup {
    let windows = windows(slo, options);
    let mut rules = Vec::new();
    if let Sli::GoodTotal(pair) | Sli::BadTotal(pair) = &slo.sli {
        let direct = windows.iter().filter(|window| is_direct(**window));
        rules.extend(direct.flat_map(|window| counts(slo, pair, *window, options)));
    }
    let ratio = |window| recorded(slo, ratio_name(window), ratio(slo, window), Some(window), options);
    rules.extend(windows.into_iter().map(ratio));
    RuleGroup { name: format!("sloth-slo-sli-recordings-{}", slo.id), interval: None, rules }
}

/// Events and errors, from which ratios, longer windows and the low-traffic guards are made.
fn counts(slo: &Slo, pair: &MetricPair, window: Window, options: &Options) -> [Rule; 2] {
    [
        recorded(slo, events_name(window), events(pair, window), Some(window), options),
        recorded(slo, errors_name(window), errors(slo, pair, window), Some(window), options),
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
    let recorded_as = |(name, expr): (&str, String)| recorded(slo, name.to_owned(), expr, None, options);
    let mut rules: Vec<_> = series.into_iter().map(recorded_as).collect();
    let mut info = recorded(slo, "sloth_slo_info".into(), "vector(1)".into(), None, options);
    for (key, value) in [
        ("sloth_mode", "cli-gen-openslo"),
        ("sloth_objective", &slo.objective_percent()),
        ("sloth_spec", spec(slo)),
        ("sloth_version", &options.version),
    ] {
        info.labels.insert(key.to_owned(), value.to_owned());
    }
    rules.push(info);
    RuleGroup { name: format!("sloth-slo-meta-recordings-{}", slo.id), interval: None, rules }
}

/// The format in which an objective was written.
fn spec(slo: &Slo) -> &'static str {
    match &slo.origin {
        Origin::OpenSlo => crate::openslo::API_VERSION,
        Origin::Sloth(own) => own.format.version(),
        Origin::Pyrra(_) => crate::pyrra::API_VERSION,
    }
}

fn recorded(slo: &Slo, name: String, expr: String, window: Option<Window>, options: &Options) -> Rule {
    let mut labels = labels(slo, options);
    if let Some(window) = window {
        labels.insert("sloth_window".into(), window.to_string());
    }
    Rule { action: Action::Record(name), expr, labels }
}
