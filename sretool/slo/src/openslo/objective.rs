//! `spec` of an SLO.

use super::{alerting, description, indicator, reference};
use crate::fields::Fields;
use crate::finding::Collector;
use crate::model::{Budgeting, IndicatorSource, Metric, Objective, SloSpec, TimeWindow};
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
    for (i, policy) in fields.list("alertPolicies", out).iter().enumerate() {
        alerting::policy_reference(policy, &format!("spec.alertPolicies[{i}]"), out);
    }
    let objectives: Vec<_> = fields
        .list("objectives", out)
        .iter()
        .enumerate()
        .filter_map(|(i, node)| Fields::open(node, &format!("spec.objectives[{i}]"), &OBJECTIVE_KEYS, out))
        .collect();
    let indicator = indicator_source(&fields, &objectives, out);
    let inline = match &indicator {
        Some(IndicatorSource::Inline(indicator)) => Some(&indicator.metric),
        _ => None,
    };
    let objectives = objectives.iter().filter_map(|fields| objective(fields, budgeting, inline, out)).collect();
    Some(SloSpec {
        description,
        service: service?.value.to_owned(),
        indicator: indicator?,
        window,
        budgeting: budgeting?,
        objectives,
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

fn indicator_source(fields: &Fields<'_>, objectives: &[Fields<'_>], out: &mut Collector) -> Option<IndicatorSource> {
    let has = |fields: &Fields<'_>| fields.node("indicator").is_some() || fields.node("indicatorRef").is_some();
    if let Some(composite) = objectives.iter().find(|objective| has(objective)) {
        if has(fields) {
            let message = "an indicator stands both on the spec and on an objective".to_owned();
            let remedy = "keep it on the spec, or on every objective of a composite".to_owned();
            out.error(composite.at, "exclusive", message, Some(remedy));
            return None;
        }
        for objective in objectives {
            source(objective, out);
        }
        return Some(IndicatorSource::Composite(composite.at));
    }
    source(fields, out)
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
    match (rolling, window.node("calendar")) {
        (true, Some(calendar)) => {
            let message = "a rolling window has no calendar".to_owned();
            out.error(calendar.at, "exclusive", message, Some("remove calendar, or write isRolling: false".into()));
        }
        (false, None) => {
            let message = "a window that does not roll needs a calendar".to_owned();
            out.error(window.at, "required", message, Some("write isRolling: true, or add calendar".into()));
        }
        (false, Some(calendar)) => calendar_window(calendar, path, out),
        (true, None) => {}
    }
    Some(TimeWindow { duration: duration?, rolling, at: node.at })
}

fn calendar_window(node: &Node, path: &str, out: &mut Collector) {
    let Some(fields) = Fields::open(node, &format!("{path}.calendar"), &["startTime", "timeZone"], out) else {
        return;
    };
    if let Some(start) = fields.required_text("startTime", out)
        && chrono::NaiveDateTime::parse_from_str(start.value, "%Y-%m-%d %H:%M:%S").is_err()
    {
        let message = format!("startTime is no date and time: {:?}", start.value);
        out.error(start.at, "value", message, Some("write it as 2026-01-31 00:00:00".into()));
    }
    if let Some(zone) = fields.required_text("timeZone", out)
        && !looks_like_a_time_zone(zone.value)
    {
        let message = format!("timeZone is no IANA name: {:?}", zone.value);
        out.error(zone.at, "value", message, Some("write a name such as Europe/Berlin, or UTC".into()));
    }
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
    inline: Option<&Metric>,
    out: &mut Collector,
) -> Option<Objective> {
    let display_name = fields.text("displayName", out).map(|text| text.value.to_owned());
    operator(fields, inline, out);
    time_slices(fields, budgeting, out);
    if let Some((weight, text)) = fields.number("compositeWeight", out)
        && weight <= 0.0
    {
        out.error(text.at, "value", "compositeWeight must be positive".into(), None);
    }
    if !fields.exactly_one(["target", "targetPercent"], out) {
        return None;
    }
    let (target, at) = match (fields.number("target", out), fields.number("targetPercent", out)) {
        (Some((target, text)), _) if (0.0..1.0).contains(&target) => (target, text.at),
        (None, Some((percent, text))) if (0.0..100.0).contains(&percent) => (from_percent(percent), text.at),
        (Some((target, text)), _) => {
            let message = format!("target {target} is not in [0, 1)");
            out.error(text.at, "value", message, Some("write a ratio such as 0.999".into()));
            return None;
        }
        (None, Some((percent, text))) => {
            let message = format!("targetPercent {percent} is not in [0, 100)");
            out.error(text.at, "value", message, Some("write a percentage such as 99.9".into()));
            return None;
        }
        (None, None) => return None,
    };
    Some(Objective { display_name, target, at })
}

/// Dividing by 100 in binary turns 99.9 into 0.9990000000000001; the decimal is what was meant.
fn from_percent(percent: f64) -> f64 {
    format!("{:.12}", percent / 100.0).parse().unwrap_or(percent / 100.0)
}

fn operator(fields: &Fields<'_>, inline: Option<&Metric>, out: &mut Collector) {
    fields.one_of("op", &["lte", "gte", "lt", "gt"], out);
    fields.number("value", out);
    for key in ["op", "value"] {
        match inline {
            Some(Metric::Threshold) => {
                fields.required_node(key, out);
            }
            Some(_) if fields.node(key).is_some() => {
                let message = format!("{:?} has no meaning beside a ratioMetric", fields.path_of(key));
                out.error(fields.place_of(key), "forbidden", message, Some("remove it".into()));
            }
            _ => {}
        }
    }
}

fn time_slices(fields: &Fields<'_>, budgeting: Option<Budgeting>, out: &mut Collector) {
    let target = fields.number("timeSliceTarget", out);
    fields.duration("timeSliceWindow", out);
    if budgeting == Some(Budgeting::Timeslices) {
        fields.required_node("timeSliceTarget", out);
        if let Some((target, text)) = target.filter(|(target, _)| *target <= 0.0 || *target > 1.0) {
            out.error(text.at, "value", format!("timeSliceTarget {target} is not in (0, 1]"), None);
        }
    }
    if matches!(budgeting, Some(Budgeting::Timeslices | Budgeting::RatioTimeslices)) {
        fields.required_node("timeSliceWindow", out);
    }
}
