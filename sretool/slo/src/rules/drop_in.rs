//! Rules as sloth itself generates them, its mean of ratios included, so that they replace sloth's own files.

use super::alerts::{burn_name, settings};
use super::{Action, GenerateError, Options, Rule, RuleGroup, label_name};
use crate::catalog::{Sli, Slo};
use crate::duration::Window;
use crate::model::Budgeting;
use crate::query::split_at_windows;
use crate::sloth::{Plugin, SlothAlert, SlothFormat, SlothSli, SlothSlo};
use crate::windows::{AlertWindows, BurnCondition, Urgency};
use std::collections::BTreeMap;

const INFO: &str = "sloth_slo_info";
const REMAINING: &str = "slo:period_error_budget_remaining:ratio";

/// One objective with everything that its rules are made of.
struct Job<'j> {
    slo: &'j SlothSlo,
    windows: &'j AlertWindows,
    options: &'j Options,
    ids: String,
    identity: BTreeMap<String, String>,
    /// The objective's labels and those of the command line.
    own: BTreeMap<String, String>,
}

/// The groups of an objective.
pub(super) fn groups(slo: &SlothSlo, windows: &AlertWindows, options: &Options) -> Vec<RuleGroup> {
    let identity = BTreeMap::from([
        ("sloth_id".to_owned(), slo.id()),
        ("sloth_service".to_owned(), slo.service.clone()),
        ("sloth_slo".to_owned(), slo.name.clone()),
    ]);
    let mut own = slo.labels.clone();
    own.extend(options.extra_labels.iter().cloned());
    let job = Job { slo, windows, options, ids: matchers(&identity), identity, own };
    let group = |kind: &str, rules| RuleGroup { name: format!("sloth-slo-{kind}-{}", slo.id()), interval: None, rules };
    let mut groups = [
        group("sli-recordings", if options.recordings { job.sli() } else { Vec::new() }),
        group("meta-recordings", if options.recordings { job.meta() } else { Vec::new() }),
        group("alerts", if options.alerts { job.alerts() } else { Vec::new() }),
    ];
    for plugin in &slo.plugins {
        job.apply(plugin, &mut groups);
    }
    groups.into_iter().filter(|group| !group.rules.is_empty()).collect()
}

/// An objective of another format as sloth would have it.
///
/// # Errors
/// When sloth has no such objectives.
pub(super) fn from_exact(slo: &Slo) -> Result<SlothSlo, GenerateError> {
    let refuse = |what| GenerateError::NotSloth { id: slo.id.clone(), what };
    if !slo.group_by.is_empty() {
        return Err(refuse("grouping"));
    }
    if slo.budgeting != Budgeting::Occurrences {
        return Err(refuse("time slices"));
    }
    if slo.calendar.is_some() {
        return Err(refuse("a calendar window"));
    }
    let sli = match &slo.sli {
        Sli::BadTotal(pair) => SlothSli::Events { error: pair.part.template(), total: pair.total.template() },
        Sli::GoodTotal(pair) => {
            let (good, total) = (pair.part.template(), pair.total.template());
            SlothSli::Events { error: format!("({total})\n-\n({good})"), total }
        }
        Sli::Raw { query, success: false } => SlothSli::Raw { ratio: query.template() },
        Sli::Raw { query, success: true } => SlothSli::Raw { ratio: format!("1 - ({})", query.template()) },
    };
    let alert = |urgency| {
        let own = settings(slo, urgency);
        let name = burn_name(slo);
        let labels = slo.alerting.labels.iter().chain(&own.labels).cloned().collect();
        let annotations = slo.alerting.annotations.iter().chain(&own.annotations).cloned().collect();
        (!own.disabled).then_some(SlothAlert { name, labels, annotations })
    };
    Ok(SlothSlo {
        format: SlothFormat::Prometheus,
        service: slo.service.clone(),
        name: slo.name.clone(),
        objective: slo.objective_percent().parse().unwrap_or(slo.objective * 100.0),
        sli,
        labels: slo.labels.iter().map(|(key, values)| (label_name(key), values.join(","))).collect(),
        page: alert(Urgency::Page),
        ticket: alert(Urgency::Ticket),
        plugins: Vec::new(),
        at: slo.at,
    })
}

/// A selector of labels.
fn matchers(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn ratio_name(window: Window) -> String {
    format!("slo:sli_error:ratio_rate{window}")
}

/// The query over a window, as its template says.
fn over(query: &str, window: Window) -> String {
    split_at_windows(query).map_or_else(|_| query.to_owned(), |pieces| pieces.join(&window.to_string()))
}

impl Job<'_> {
    fn period(&self) -> Window {
        self.windows.period
    }

    fn recorded(&self, name: &str, expr: String, window: Option<Window>) -> Rule {
        let mut labels = self.identity.clone();
        labels.extend(window.map(|window| ("sloth_window".to_owned(), window.to_string())));
        labels.extend(self.own.clone());
        Rule { action: Action::Record(name.to_owned()), expr, labels }
    }

    fn sli(&self) -> Vec<Rule> {
        let optimized =
            !self.slo.plugins.iter().any(|plugin| matches!(plugin, Plugin::SliRules { disable_optimized: true }));
        let mut windows = self.windows.all();
        windows.push(self.period());
        let rule = |window: Window| {
            let expr = if window == self.period() && optimized { self.mean_of_ratios() } else { self.ratio(window) };
            self.recorded(&ratio_name(window), expr, Some(window))
        };
        windows.into_iter().map(rule).collect()
    }

    fn ratio(&self, window: Window) -> String {
        match &self.slo.sli {
            SlothSli::Events { error, total } => format!("({})\n/\n({})\n", over(error, window), over(total, window)),
            SlothSli::Raw { ratio } => format!("({})", over(ratio, window)),
        }
    }

    /// Five minutes with one event weigh as much here as five minutes with a million: sloth's own shortcut.
    fn mean_of_ratios(&self) -> String {
        let series = format!("{}{}", ratio_name(self.windows.shortest()), self.ids);
        let period = self.period();
        format!("sum_over_time({series}[{period}])\n/ ignoring (sloth_window)\ncount_over_time({series}[{period}])\n")
    }

    fn meta(&self) -> Vec<Rule> {
        let ids = &self.ids;
        let objective = self.slo.objective / 100.0;
        let burn = |window| {
            let ratio = ratio_name(window);
            format!("{ratio}{ids}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio{ids}\n")
        };
        let series = [
            ("slo:objective:ratio", format!("vector({objective})")),
            ("slo:error_budget:ratio", format!("vector(1-{objective})")),
            ("slo:time_period:days", format!("vector({})", self.period().as_days())),
            ("slo:current_burn_rate:ratio", burn(self.windows.shortest())),
            ("slo:period_burn_rate:ratio", burn(self.period())),
            (REMAINING, format!("1 - slo:period_burn_rate:ratio{ids}")),
        ];
        let mut rules: Vec<_> = series.into_iter().map(|(name, expr)| self.recorded(name, expr, None)).collect();
        let mode = match &self.slo.format {
            SlothFormat::Prometheus => "cli-gen-prom",
            SlothFormat::Kubernetes(_) => "cli-gen-k8s",
            SlothFormat::Alpha => "cli-gen-openslo",
        };
        let mut info = self.recorded(INFO, "vector(1)".into(), None);
        let objective = format!("{:.10}", self.slo.objective);
        for (key, value) in [
            ("sloth_mode", mode),
            ("sloth_objective", objective.trim_end_matches('0').trim_end_matches('.')),
            ("sloth_spec", self.slo.format.version()),
            ("sloth_version", &self.options.version),
        ] {
            info.labels.insert(key.to_owned(), value.to_owned());
        }
        rules.push(info);
        rules
    }

    fn alerts(&self) -> Vec<Rule> {
        let page = self.slo.page.as_ref().map(|alert| self.alert(alert, Urgency::Page));
        let ticket = self.slo.ticket.as_ref().map(|alert| self.alert(alert, Urgency::Ticket));
        page.into_iter().chain(ticket).collect()
    }

    fn alert(&self, alert: &SlothAlert, urgency: Urgency) -> Rule {
        let who = "{{$labels.sloth_service}} {{$labels.sloth_slo}}";
        let mut annotations = BTreeMap::from([
            ("title".to_owned(), format!("({urgency}) {who} SLO error budget burn rate is too fast.")),
            ("summary".to_owned(), format!("{who} SLO error budget burn rate is over expected.")),
        ]);
        annotations.extend(alert.annotations.clone());
        let mut labels = BTreeMap::from([("sloth_severity".to_owned(), urgency.to_string())]);
        labels.extend(alert.labels.clone());
        let conditions = self.windows.conditions();
        let conditions = conditions.iter().filter(|condition| condition.urgency == urgency);
        let expr = conditions.map(|condition| self.condition(condition)).collect::<Vec<_>>().join("\nor\n");
        let action = Action::Alert { name: alert.name.clone(), hold: None, keep_firing: None, annotations };
        Rule { action, expr: expr + "\n", labels }
    }

    fn condition(&self, condition: &BurnCondition) -> String {
        let budget = (100.0 - self.slo.objective) / 100.0;
        let limit = format!("({} * {budget})", condition.factor);
        let faster = |window| format!("    max({}{} > {limit}) without (sloth_window)", ratio_name(window), self.ids);
        format!("(\n{}\n    and\n{}\n)", faster(condition.short), faster(condition.long))
    }

    fn apply(&self, plugin: &Plugin, groups: &mut [RuleGroup; 3]) {
        let [sli, meta, alerts] = groups;
        match plugin {
            Plugin::Noop | Plugin::SliRules { .. } => {}
            Plugin::RuleIntervals { sli: s, metadata, alert } => {
                (sli.interval, meta.interval, alerts.interval) = (Some(*s), Some(*metadata), Some(*alert));
            }
            Plugin::InfoLabels { metric, labels } => {
                if let Some(rule) = meta.rules.iter_mut().find(|rule| rule.name() == metric) {
                    rule.labels.extend(labels.clone());
                }
            }
            Plugin::RemoveLabels { preserve, skip } => {
                let kept = |key: &str| self.identity.contains_key(key) || preserve.contains(key);
                let affected = |rule: &&mut Rule| rule.name() != INFO && !skip.contains(rule.name());
                for rule in sli.rules.iter_mut().filter(affected) {
                    rule.labels.retain(|key, _| kept(key) || key == "sloth_window");
                }
                for rule in meta.rules.iter_mut().filter(affected) {
                    rule.labels.retain(|key, _| kept(key));
                }
            }
            Plugin::BudgetExhausted { threshold, hold, name, selector, labels, annotations } => {
                if !self.options.alerts {
                    return;
                }
                let mut identity = self.identity.clone();
                identity.extend(self.own.clone());
                identity.extend(selector.clone());
                let action = Action::Alert {
                    name: name.clone(),
                    hold: Some(*hold),
                    keep_firing: None,
                    annotations: annotations.clone(),
                };
                let expr = format!("{REMAINING}{} <= {threshold}", matchers(&identity));
                alerts.rules.push(Rule { action, expr, labels: labels.clone() });
            }
        }
    }
}
