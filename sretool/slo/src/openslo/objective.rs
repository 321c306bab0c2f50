//! `spec` of an SLO.

use super::{alerting, description, indicator, reference};
use crate::duration::Window;
use crate::fields::Fields;
use crate::finding::{Collector, Position};
use crate::model::{
    Alerting, Budgeting, CalendarStart, CalendarUnit, Extras, IndicatorSource, Metric, Objective, Operator, Origin,
    SloSpec, TimeWindow,
};
use crate::yaml::Node;

const KEYS: [&str; 8] = [
    "description",
    "service",
    "indicator",
    "indicatorRef",
    "timeWindow",
    "budgetingMethod",
    "objectives",
    "alertPolicies",
];

const OBJECTIVE_KEYS: [&str; 10] = [
    "displayName",
    "op",
    "value",
    "target",
    "targetPercent",
    "timeSliceTarget",
    "timeSliceWindow",
    "indicator",
    "indicatorRef",
    "compositeWeight",
];

/// Reads the specification of an objective.
pub(super) fn read(node: &Node, out: &mut Collector) -> Option<SloSpec> {
    let fields = Fields::open(node, "spec", &KEYS, out)?;
    let description = description(&fields, out);
    let service = fields.required_text("service", out);
    let budgeting = budgeting(&fields, out);
    let window = time_window(&fields, out);
    let mut alert_policies = Vec::new();
    for (i, policy) in fields.list("alertPolicies", out).iter().enumerate() {
        alert_policies.extend(alerting::policy_reference(policy, &format!("spec.alertPolicies[{i}]"), out));
    }
    let objectives: Vec<_> = fields
        .list("objectives", out)
        .iter()
        .enumerate()
        .filter_map(|(i, node)| Fields::open(node, &format!("spec.objectives[{i}]"), &OBJECTIVE_KEYS, out))
        .collect();
    let (indicator, composite) = indicators(&fields, &objectives, out);
    let objectives = objectives
        .iter()
        .zip(composite)
        .filter_map(|(fields, own)| objective(fields, budgeting, own.as_ref().or(indicator.as_ref()), own.clone(), out))
        .collect();
    Some(SloSpec {
        description,
        service: service?.value.to_owned(),
        indicator: indicator?,
        window,
        budgeting: budgeting?,
        objectives,
        alert_policies,
        extras: Extras::default(),
        alerting: Alerting::default(),
        origin: Origin::OpenSlo,
    })
}

fn budgeting(fields: &Fields<'_>, out: &mut Collector) -> Option<Budgeting> {
    fields.required_node("budgetingMethod", out)?;
    let names = ["Occurrences", "Timeslices", "RatioTimeslices"];
    let text = fields.one_of("budgetingMethod", &names, out)?;
    Some(match text.value {
        "Occurrences" => Budgeting::Occurrences,
        "Timeslices" => Budgeting::Timeslices,
        _ => Budgeting::RatioTimeslices,
    })
}

/// The indicator of the spec, and those of the objectives of a composite.
fn indicators(
    fields: &Fields<'_>,
    objectives: &[Fields<'_>],
    out: &mut Collector,
) -> (Option<IndicatorSource>, Vec<Option<IndicatorSource>>) {
    let has = |fields: &Fields<'_>| fields.node("indicator").is_some() || fields.node("indicatorRef").is_some();
    let none = vec![None; objectives.len()];
    let Some(composite) = objectives.iter().find(|objective| has(objective)) else {
        return (source(fields, out), none);
    };
    if has(fields) {
        let message = "an indicator stands both on the spec and on an objective".to_owned();
        let remedy = "keep it on the spec, or on every objective of a composite".to_owned();
        out.error(composite.at, "exclusive", message, Some(remedy));
        return (None, none);
    }
    let own = objectives.iter().map(|objective| source(objective, out)).collect();
    (Some(IndicatorSource::Composite(composite.at)), own)
}

fn source(fields: &Fields<'_>, out: &mut Collector) -> Option<IndicatorSource> {
    if !fields.exactly_one(["indicator", "indicatorRef"], out) {
        return None;
    }
    if let Some(node) = fields.node("indicator") {
        return indicator::read_inline(node, &fields.path_of("indicator"), out).map(IndicatorSource::Inline);
    }
    let at = fields.node("indicatorRef")?.at;
    reference(fields, "indicatorRef", out).map(|name| IndicatorSource::Reference(name, at))
}

fn time_window(fields: &Fields<'_>, out: &mut Collector) -> Option<TimeWindow> {
    let windows = fields.list("timeWindow", out);
    if windows.len() > 1 {
        let message = format!("\"spec.timeWindow\" has {} items", windows.len());
        out.error(windows[1].at, "length", message, Some("keep exactly one".into()));
    }
    let Some(node) = windows.first() else {
        if fields.node("timeWindow").is_none_or(|node| node.kind() == "a list") {
            fields.missing("timeWindow", out);
        }
        return None;
    };
    let path = "spec.timeWindow[0]";
    let window = Fields::open(node, path, &["duration", "isRolling", "calendar"], out)?;
    let duration = window.required_duration("duration", out);
    let rolling = window.boolean("isRolling", out);
    let calendar = match (rolling, window.node("calendar")) {
        (true, Some(calendar)) => {
            let message = "a rolling window has no calendar".to_owned();
            out.error(calendar.at, "exclusive", message, Some("remove calendar, or write isRolling: false".into()));
            None
        }
        (false, None) => {
            let message = "a window that does not roll needs a calendar".to_owned();
            out.error(window.at, "required", message, Some("write isRolling: true, or add calendar".into()));
            None
        }
        (false, Some(calendar)) => {
            let length = window.text("duration", &mut Collector::new(""));
            calendar_window(calendar, path, length.map_or("", |text| text.value), out)
        }
        (true, None) => None,
    };
    Some(TimeWindow { duration: duration?, rolling, calendar, at: node.at })
}

fn calendar_window(node: &Node, path: &str, length: &str, out: &mut Collector) -> Option<CalendarStart> {
    let fields = Fields::open(node, &format!("{path}.calendar"), &["startTime", "timeZone"], out)?;
    let text = fields.required_text("startTime", out);
    let start = text.and_then(|text| chrono::NaiveDateTime::parse_from_str(text.value, "%Y-%m-%d %H:%M:%S").ok());
    if let (Some(text), None) = (text, start) {
        let message = format!("startTime is no date and time: {:?}", text.value);
        out.error(text.at, "value", message, Some("write it as 2026-01-31 00:00:00".into()));
    }
    let zone = fields.required_text("timeZone", out);
    if let Some(zone) = zone.filter(|zone| !looks_like_a_time_zone(zone.value)) {
        let message = format!("timeZone is no IANA name: {:?}", zone.value);
        out.error(zone.at, "value", message, Some("write a name such as Europe/Berlin, or UTC".into()));
    }
    let unit = CalendarUnit::from_letter(length.chars().last()?)?;
    let count = length[..length.len() - 1].parse().ok()?;
    Some(CalendarStart { start: start?, zone: zone?.value.to_owned(), count, unit })
}

/// The shape of an IANA name; which names exist changes with the machine's zone files.
fn looks_like_a_time_zone(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'))
    };
    name.split('/').all(part)
}

fn objective(
    fields: &Fields<'_>,
    budgeting: Option<Budgeting>,
    source: Option<&IndicatorSource>,
    own: Option<IndicatorSource>,
    out: &mut Collector,
) -> Option<Objective> {
    let display_name = fields.text("displayName", out).map(|text| text.value.to_owned());
    let inline = match source {
        Some(IndicatorSource::Inline(indicator)) => Some(&indicator.metric),
        _ => None,
    };
    let (op, value) = limit(fields, inline, out);
    let (time_slice_target, time_slice_window) = time_slices(fields, budgeting, out);
    let weight = fields.number("compositeWeight", out);
    if let Some((_, text)) = weight.filter(|(weight, _)| *weight <= 0.0) {
        out.error(text.at, "value", "compositeWeight must be positive".into(), None);
    }
    let (target, at) = target(fields, out)?;
    Some(Objective {
        display_name,
        target,
        op,
        value,
        time_slice_target,
        time_slice_window,
        indicator: own,
        weight: weight.map_or(1.0, |(weight, _)| weight),
        at,
    })
}

fn target(fields: &Fields<'_>, out: &mut Collector) -> Option<(f64, Position)> {
    if !fields.exactly_one(["target", "targetPercent"], out) {
        return None;
    }
    match (fields.number("target", out), fields.number("targetPercent", out)) {
        (Some((target, text)), _) if (0.0..1.0).contains(&target) => Some((target, text.at)),
        (None, Some((percent, text))) if (0.0..100.0).contains(&percent) => Some((from_percent(percent), text.at)),
        (Some((target, text)), _) => {
            let message = format!("target {target} is not in [0, 1)");
            out.error(text.at, "value", message, Some("write a ratio such as 0.999".into()));
            None
        }
        (None, Some((percent, text))) => {
            let message = format!("targetPercent {percent} is not in [0, 100)");
            out.error(text.at, "value", message, Some("write a percentage such as 99.9".into()));
            None
        }
        (None, None) => None,
    }
}

/// Dividing by 100 in binary turns 99.9 into 0.9990000000000001; the decimal is what was meant.
fn from_percent(percent: f64) -> f64 {
    format!("{:.12}", percent / 100.0).parse().unwrap_or(percent / 100.0)
}

/// The comparison that makes a threshold metric's value good.
fn limit(fields: &Fields<'_>, inline: Option<&Metric>, out: &mut Collector) -> (Option<Operator>, Option<f64>) {
    let op = fields.one_of("op", &Operator::NAMES, out).and_then(|text| Operator::from_name(text.value));
    let value = fields.number("value", out).map(|(value, _)| value);
    for key in ["op", "value"] {
        match inline {
            Some(Metric::Threshold(_)) => {
                fields.required_node(key, out);
            }
            Some(_) if fields.node(key).is_some() => {
                let message = format!("{:?} has no meaning beside a ratioMetric", fields.path_of(key));
                out.error(fields.place_of(key), "forbidden", message, Some("remove it".into()));
            }
            _ => {}
        }
    }
    (op, value)
}

fn time_slices(
    fields: &Fields<'_>,
    budgeting: Option<Budgeting>,
    out: &mut Collector,
) -> (Option<f64>, Option<Window>) {
    let target = fields.number("timeSliceTarget", out);
    let window = fields.duration("timeSliceWindow", out);
    if budgeting == Some(Budgeting::Timeslices) {
        fields.required_node("timeSliceTarget", out);
        if let Some((target, text)) = target.filter(|(target, _)| *target <= 0.0 || *target > 1.0) {
            out.error(text.at, "value", format!("timeSliceTarget {target} is not in (0, 1]"), None);
        }
    }
    if matches!(budgeting, Some(Budgeting::Timeslices | Budgeting::RatioTimeslices)) {
        fields.required_node("timeSliceWindow", out);
    }
    (target.map(|(target, _)| target), window)
}
