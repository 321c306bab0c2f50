//! Alerting rules: budget burn, page and ticket, a spent budget, and absence of the metrics.

use super::expressions::{TILE, errors_name, events_name, failed, ids, indented, is_direct, ratio_name};
use super::recordings::windows;
use super::{Action, Options, Rule, RuleGroup, labels};
use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::model::{AlertSettings, Alerting};
use crate::windows::{BurnCondition, BurnWindows, Urgency};
use std::collections::BTreeMap;

/// Annotation of an SLO that says where its runbooks are; `{alert}` stands for the alert's name.
const RUNBOOK: &str = "runbook_url";

/// Name of the alert on missing metrics.
pub(crate) const ABSENT: &str = "SLOMetricAbsent";

/// Name of the alert on a spent budget.
pub(crate) const EXHAUSTED: &str = "ErrorBudgetExhausted";

/// Name of the series of what is left of the budget.
pub(crate) const REMAINING: &str = "slo:period_error_budget_remaining:ratio";

/// How long metrics must be missing: longer than a restart, shorter than the guard of anything else.
pub(crate) const ABSENT_HOLD: Window = Window::minutes(10);

/// How long a budget must be spent: longer than one bad evaluation.
pub(crate) const EXHAUSTED_HOLD: Window = Window::minutes(15);

/// The alerts of an SLO.
pub(super) fn group(slo: &Slo, options: &Options) -> RuleGroup {
    let windows = options.burn_for(slo.period);
    let mut rules: Vec<_> = [Urgency::Page, Urgency::Ticket]
        .into_iter()
        .filter_map(|urgency| burn(slo, options, &windows, urgency))
        .collect();
    if !slo.alerting.ticket.disabled {
        rules.push(exhausted(slo, options, &windows));
    }
    if !slo.alerting.absent_disabled {
        rules.push(absence(slo, options));
    }
    RuleGroup { name: format!("sloth-slo-alerts-{}", slo.id), interval: None, rules }
}

/// `order-pipeline` becomes `OrderPipelineBudgetBurn`, unless the document names its alerts.
pub(crate) fn name_of_burn(alerting: &Alerting, name: &str) -> String {
    if let Some(name) = alerting.name.as_ref().filter(|name| !name.is_empty()) {
        return name.clone();
    }
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split(['-', '_', '.']).map(capital).collect::<String>() + "BudgetBurn"
}

/// The name of an objective's burn alerts.
pub(crate) fn burn_name(slo: &Slo) -> String {
    name_of_burn(&slo.alerting, &slo.name)
}

/// What the document says about the alerts of an urgency.
pub(crate) fn settings(slo: &Slo, urgency: Urgency) -> &AlertSettings {
    match urgency {
        Urgency::Page => &slo.alerting.page,
        Urgency::Ticket => &slo.alerting.ticket,
    }
}

fn burn(slo: &Slo, options: &Options, windows: &BurnWindows, urgency: Urgency) -> Option<Rule> {
    let conditions: Vec<_> = windows.conditions.iter().filter(|c| c.urgency == urgency).collect();
    if conditions.is_empty() || settings(slo, urgency).disabled {
        return None;
    }
    let expr = conditions.iter().map(|c| condition(slo, c)).collect::<Vec<_>>().join("\nor\n");
    let objective = slo.objective_percent();
    let annotations = [
        (
            "title",
            format!(
                "({urgency}) {{{{$labels.sloth_service}}}} {{{{$labels.sloth_slo}}}} SLO error budget burn rate is \
                 too fast."
            ),
        ),
        (
            "summary",
            format!("{} spends the error budget of its {objective} % {} objective too fast", slo.service, slo.name),
        ),
        ("description", description(slo, &conditions)),
    ];
    let timing = (Some(windows.hold(urgency)), windows.keep(urgency));
    Some(alert(slo, options, burn_name(slo), expr, timing, urgency, annotations.into()))
}

fn description(slo: &Slo, conditions: &[&BurnCondition]) -> String {
    let rates: Vec<_> = conditions.iter().map(|c| format!("{} over {} and {}", c.factor, c.short, c.long)).collect();
    format!(
        "{{{{ $value | humanizePercentage }}}} of events fail; the objective allows {}. The burn rate, where 1 uses \
         up the budget in exactly {}, is above {}.",
        percent(slo.error_budget()),
        slo.period,
        rates.join(", or above ")
    )
}

fn percent(ratio: f64) -> String {
    let text = format!("{:.6}", ratio * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Whether a condition asks for a number of failures, which a ratio that the source computes does not have.
pub(crate) fn is_guarded(slo: &Slo, condition: &BurnCondition) -> bool {
    !matches!(slo.sli, Sli::Raw { .. }) && condition.minimum_failed_events > 0.0
}

fn condition(slo: &Slo, condition: &BurnCondition) -> String {
    let ids = ids(slo);
    let limit = format!("({} * {})", condition.factor, slo.error_budget());
    let faster = |window| format!("max({}{ids} > {limit}) without (sloth_window)", ratio_name(window));
    let mut parts = vec![faster(condition.short), faster(condition.long)];
    if is_guarded(slo, condition) {
        let failed = failed(slo, condition.long);
        parts.push(format!("max({failed} >= {}) without (sloth_window)", condition.minimum_failed_events));
    }
    format!("(\n{}\n)", indented(&parts.join("\nand\n")))
}

/// The least number of failures in the period that can spend a budget, as far as an alert is concerned.
pub(crate) fn exhausting_failures(windows: &BurnWindows) -> f64 {
    windows.conditions.iter().map(|condition| condition.minimum_failed_events).fold(0.0, f64::max)
}

/// The window whose failures are added up over the period, every one once: an hour where that is recorded, since five
/// minutes are thousands of steps.
pub(crate) fn exhausted_step(slo: &Slo, options: &Options) -> Window {
    windows(slo, options).into_iter().rfind(|window| is_direct(*window)).unwrap_or(TILE)
}

fn exhausted(slo: &Slo, options: &Options, windows: &BurnWindows) -> Rule {
    let ids = ids(slo);
    let mut expr = format!("max({REMAINING}{ids} <= 0) without (sloth_window)");
    let least = exhausting_failures(windows);
    if least > 0.0 && !matches!(slo.sli, Sli::Raw { .. }) {
        // In the first hours of a new service one failure would be more than all that its few events allow.
        let step = exhausted_step(slo, options);
        let failures = format!("sum_over_time({}{ids}[{}:{step}])", errors_name(step), slo.period);
        expr += &format!("\nand\nmax({failures} >= {least}) without (sloth_window)");
    }
    let annotations = [
        ("summary", format!("{} has spent the error budget of its {} objective", slo.service, slo.name)),
        (
            "description",
            format!(
                "{{{{ $value | humanizePercentage }}}} of the error budget of {} is left: more events failed in {} \
                 than the objective of {} % allows.",
                slo.id,
                slo.period,
                slo.objective_percent()
            ),
        ),
    ];
    alert(slo, options, EXHAUSTED.into(), expr, (Some(EXHAUSTED_HOLD), None), Urgency::Ticket, annotations.into())
}

fn absence(slo: &Slo, options: &Options) -> Rule {
    let series = absence_series(slo);
    let annotations = [
        ("summary", format!("the metrics behind the {} objective of {} are missing", slo.name, slo.service)),
        (
            "description",
            format!(
                "There has been no {series} of {} for {ABSENT_HOLD}: nothing can be said about its objective, and its \
                 burn alerts cannot fire.",
                slo.id
            ),
        ),
    ];
    let expr = format!("absent({series}{})", ids(slo));
    let name = slo.alerting.absent_name.clone().unwrap_or_else(|| ABSENT.to_owned());
    alert(slo, options, name, expr, (Some(ABSENT_HOLD), None), Urgency::Ticket, annotations.into())
}

/// The series whose absence says that nothing is measured. Events are counted while nothing happens as well, so that
/// an idle service is not absent.
pub(crate) fn absence_series(slo: &Slo) -> String {
    if matches!(slo.sli, Sli::Raw { .. }) { ratio_name(TILE) } else { events_name(TILE) }
}

fn alert(
    slo: &Slo,
    options: &Options,
    name: String,
    expr: String,
    (hold, keep_firing): (Option<Window>, Option<Window>),
    urgency: Urgency,
    texts: BTreeMap<&str, String>,
) -> Rule {
    let own = settings(slo, urgency);
    let mut labels = labels(slo, options);
    labels.insert("service".into(), slo.service.clone());
    labels.insert("severity".into(), urgency.to_string());
    labels.insert("sloth_severity".into(), urgency.to_string());
    labels.extend(slo.alerting.labels.iter().chain(&own.labels).cloned());
    let mut annotations: BTreeMap<String, String> =
        texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
    if let Some(url) = slo.annotation(RUNBOOK) {
        annotations.insert(RUNBOOK.to_owned(), url.replace("{alert}", &name));
    }
    annotations.extend(slo.alerting.annotations.iter().chain(&own.annotations).cloned());
    Rule { action: Action::Alert { name, hold, keep_firing, annotations }, expr, labels }
}
