//! Alerting rules: budget burn, page and ticket, and absence of the metrics.

use super::expressions::{TILE, events_name, failed, ids, indented, ratio_name};
use super::{Action, Options, Rule, RuleGroup, labels};
use crate::catalog::{Sli, Slo};
use crate::windows::{BurnCondition, Urgency};
use std::collections::BTreeMap;

/// Annotation of an SLO that says where its runbooks are; `{alert}` stands for the alert's name.
const RUNBOOK: &str = "runbook_url";

/// Name of the alert on missing metrics.
const ABSENT: &str = "SLOMetricAbsent";

/// How long metrics must be missing: longer than a restart, shorter than the guard of anything else.
const ABSENT_HOLD: &str = "10m";

/// The alerts of an SLO.
pub(super) fn group(slo: &Slo, options: &Options) -> RuleGroup {
    let mut rules: Vec<_> =
        [Urgency::Page, Urgency::Ticket].into_iter().filter_map(|urgency| burn(slo, options, urgency)).collect();
    rules.push(absence(slo));
    RuleGroup { name: format!("sloth-slo-alerts-{}", slo.id), rules }
}

/// `order-pipeline` becomes `OrderPipelineBudgetBurn`.
fn burn_name(slo: &Slo) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    slo.name.split('-').map(capital).collect::<String>() + "BudgetBurn"
}

fn burn(slo: &Slo, options: &Options, urgency: Urgency) -> Option<Rule> {
    let conditions: Vec<_> = options.burn.conditions.iter().filter(|c| c.urgency == urgency).collect();
    if conditions.is_empty() {
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
    let hold = options.burn.hold(urgency).to_string();
    Some(alert(slo, burn_name(slo), expr, hold, urgency, annotations.into()))
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

fn condition(slo: &Slo, condition: &BurnCondition) -> String {
    let ids = ids(slo);
    let limit = format!("({} * {})", condition.factor, slo.error_budget());
    let faster = |window| format!("max({}{ids} > {limit}) without (sloth_window)", ratio_name(window));
    let mut parts = vec![faster(condition.short), faster(condition.long)];
    if !matches!(slo.sli, Sli::Raw { .. }) && condition.minimum_failed_events > 0.0 {
        let failed = failed(slo, condition.long);
        parts.push(format!("max({failed} >= {}) without (sloth_window)", condition.minimum_failed_events));
    }
    format!("(\n{}\n)", indented(&parts.join("\nand\n")))
}

fn absence(slo: &Slo) -> Rule {
    let series = if matches!(slo.sli, Sli::Raw { .. }) { ratio_name(TILE) } else { events_name(TILE) };
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
    alert(slo, ABSENT.into(), expr, ABSENT_HOLD.into(), Urgency::Ticket, annotations.into())
}

fn alert(slo: &Slo, name: String, expr: String, hold: String, urgency: Urgency, texts: BTreeMap<&str, String>) -> Rule {
    let mut labels = labels(slo);
    labels.insert("service".into(), slo.service.clone());
    labels.insert("severity".into(), urgency.to_string());
    labels.insert("sloth_severity".into(), urgency.to_string());
    let mut annotations: BTreeMap<String, String> =
        texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
    if let Some(url) = slo.annotation(RUNBOOK) {
        annotations.insert(RUNBOOK.to_owned(), url.replace("{alert}", &name));
    }
    Rule { action: Action::Alert { name, hold, annotations }, expr, labels }
}
