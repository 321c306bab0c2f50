//! Pyrra's resource `ServiceLevelObjective` of `pyrra.dev/v1alpha1`.

use crate::fields::{Fields, Text};
use crate::finding::Collector;
use crate::model::{
    AlertSettings, Alerting, Body, Budgeting, Document, Extras, Indicator, IndicatorSource, Metadata, Metric,
    MetricSource, Objective, Origin, SloSpec, TimeWindow,
};
use crate::rules::yaml::scalar;
use crate::sloth::{Resource, resource};
use crate::yaml::Node;
use promql::ExprKind;
use std::sync::Arc;

/// The version that this crate reads.
pub(crate) const API_VERSION: &str = "pyrra.dev/v1alpha1";
/// The kind that it reads.
pub(crate) const KIND: &str = "ServiceLevelObjective";
/// Labels and annotations with this prefix pass to the rules, without it.
pub(crate) const PROPAGATED: &str = "pyrra.dev/";

/// What a resource says beyond its objective.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PyrraResource {
    /// Its metadata.
    pub resource: Resource,
    /// Settings of Pyrra's own rules, as YAML on one line.
    pub settings: Vec<(&'static str, String)>,
}

const SPEC: [&str; 8] = [
    "description",
    "target",
    "window",
    "indicator",
    "alerting",
    "partial_response_strategy",
    "performanceOverAccuracy",
    "ruleOutput",
];

/// Reads a resource.
pub(crate) fn read(node: &Node, out: &mut Collector) -> Option<Document> {
    let before = out.errors();
    let document = document(node, out);
    if out.errors() > before { None } else { document }
}

fn document(node: &Node, out: &mut Collector) -> Option<Document> {
    let fields = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec", "status"], out)?;
    fields.required_node("kind", out);
    fields.one_of("kind", &[KIND], out)?;
    let resource = resource(&fields, out);
    let spec = Fields::open(fields.required_node("spec", out)?, "spec", &SPEC, out)?;
    let description = spec.text("description", out).map(|text| text.value.to_owned());
    let target = target(&spec, out);
    spec.required_node("window", out);
    let window = spec.prometheus_duration("window", out);
    let settings = settings(&spec, out);
    let alerting = alerting(&spec, out);
    let (metric, grouping) = indicator(&spec, out)?;
    let resource = resource?;
    let at = node.at;
    let propagated = |pairs: &[(String, String)]| -> Vec<(String, String)> {
        let own = |(key, value): &(String, String)| Some((key.strip_prefix(PROPAGATED)?.to_owned(), value.clone()));
        pairs.iter().filter_map(own).collect()
    };
    let labels = propagated(&resource.labels);
    let service = labels.iter().find(|(key, _)| key == "service").map(|(_, value)| value.clone());
    let service = service.unwrap_or_else(|| match resource.namespace.as_str() {
        "" => resource.name.clone(),
        namespace => namespace.to_owned(),
    });
    let spec = SloSpec {
        description,
        service,
        indicator: IndicatorSource::Inline(Indicator { metric, at }),
        window: Some(TimeWindow { duration: window?, rolling: true, calendar: None, at: spec.place_of("window") }),
        budgeting: Budgeting::Occurrences,
        objectives: vec![Objective::of_target(target?, spec.place_of("target"))],
        alert_policies: Vec::new(),
        extras: Extras { group_by: grouping, ..Extras::default() },
        alerting,
        origin: Origin::Pyrra(Arc::new(PyrraResource { resource: resource.clone(), settings })),
    };
    let prefix = format!("{}-", spec.service);
    let name = resource.name.strip_prefix(&prefix).unwrap_or(&resource.name);
    let metadata = Metadata {
        name: name.to_owned(),
        display_name: None,
        labels: labels.into_iter().map(|(key, value)| (key, vec![value])).collect(),
        annotation_places: vec![at; resource.annotations.len()],
        annotations: propagated(&resource.annotations),
    };
    Some(Document { file: out.file(), at, metadata, body: Body::Slo(Box::new(spec)) })
}

/// What is said about Pyrra's own rules.
fn settings(spec: &Fields<'_>, out: &mut Collector) -> Vec<(&'static str, String)> {
    let mut settings = Vec::new();
    if let Some(strategy) = spec.one_of("partial_response_strategy", &["abort", "warn", ""], out)
        && strategy.value == "warn"
    {
        settings.push(("partial_response_strategy", strategy.value.to_owned()));
    }
    if spec.boolean("performanceOverAccuracy", out) {
        settings.push(("performanceOverAccuracy", "true".to_owned()));
    }
    let keys = ["shortRulesLabels", "longRulesLabels", "enableDescriptionAsLabel"];
    let node = spec.node("ruleOutput");
    if let Some(fields) = node.and_then(|node| Fields::open(node, "spec.ruleOutput", &keys, out)) {
        let labels = |key: &str, out: &mut Collector| {
            let pairs = fields.texts(key, out);
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{}: {}", scalar(k), scalar(v))).collect();
            (!pairs.is_empty()).then(|| format!("{key}: {{{}}}", pairs.join(", ")))
        };
        let mut parts: Vec<_> = keys[..2].iter().filter_map(|key| labels(key, out)).collect();
        if fields.boolean(keys[2], out) {
            parts.push(format!("{}: true", keys[2]));
        }
        settings.push(("ruleOutput", format!("{{{}}}", parts.join(", "))));
    }
    settings
}

/// The target as a ratio; it is written as a string of percent.
fn target(spec: &Fields<'_>, out: &mut Collector) -> Option<f64> {
    let text = spec.required_text("target", out)?;
    match text.value.parse::<f64>() {
        Ok(percent) if (0.0..100.0).contains(&percent) => {
            if percent > 0.0 && percent < 1.0 {
                let message = format!("target {percent} is a percentage below 1 %");
                out.warning(
                    text.at,
                    "value",
                    message,
                    Some(format!("write {:?} for that ratio", (percent * 100.0).to_string())),
                );
            }
            format!("{:.12}", percent / 100.0).parse().ok()
        }
        _ => {
            let message = format!("target {:?} is no percentage in [0, 100)", text.value);
            out.error(text.at, "value", message, Some("write a percentage such as \"99.9\"".into()));
            None
        }
    }
}

fn alerting(spec: &Fields<'_>, out: &mut Collector) -> Alerting {
    let mut alerting = Alerting::default();
    let Some(node) = spec.node("alerting") else { return alerting };
    let keys = ["disabled", "burnrates", "absent", "name", "absentName", "severities"];
    let Some(fields) = Fields::open(node, "spec.alerting", &keys, out) else { return alerting };
    let on = |key: &str, out: &mut Collector| fields.node(key).is_none() || fields.boolean(key, out);
    let disabled = fields.boolean("disabled", out) || !on("burnrates", out);
    alerting.absent_disabled = fields.boolean("disabled", out) || !on("absent", out);
    alerting.name = fields.text("name", out).map(|text| text.value.to_owned());
    alerting.absent_name = fields.text("absentName", out).map(|text| text.value.to_owned());
    let settings = AlertSettings { disabled, ..AlertSettings::default() };
    (alerting.page, alerting.ticket) = (settings.clone(), settings);
    if let Some(node) = fields.node("severities") {
        let keys = ["absent", "fastBurn", "mediumBurn", "slowBurn", "longTermBurn"];
        if let Some(severities) = Fields::open(node, "spec.alerting.severities", &keys, out) {
            let severity = |keys: [&str; 2], out: &mut Collector| {
                let found = keys.into_iter().find_map(|key| severities.text(key, out));
                found.map(|text| ("severity".to_owned(), text.value.to_owned()))
            };
            alerting.page.labels.extend(severity(["fastBurn", "mediumBurn"], out));
            alerting.ticket.labels.extend(severity(["slowBurn", "longTermBurn"], out));
        }
    }
    alerting
}

fn indicator(spec: &Fields<'_>, out: &mut Collector) -> Option<(Metric, Vec<String>)> {
    let node = spec.required_node("indicator", out)?;
    let kinds = ["ratio", "latency", "latencyNative", "bool_gauge"];
    let fields = Fields::open(node, "spec.indicator", &kinds, out)?;
    let present: Vec<_> = kinds.into_iter().filter(|kind| fields.node(kind).is_some()).collect();
    let [kind] = present.as_slice() else {
        let message = format!("\"spec.indicator\" has {} indicators", present.len());
        out.error(node.at, "exclusive", message, Some(format!("keep exactly one of {}", kinds.join(", "))));
        return None;
    };
    let path = fields.path_of(kind);
    let node = fields.node(kind)?;
    let keys: &[&str] = match *kind {
        "ratio" => &["errors", "total", "grouping"],
        "latency" => &["success", "total", "grouping"],
        "latencyNative" => &["total", "latency", "grouping"],
        _ => &["metric", "grouping"],
    };
    let fields = Fields::open(node, &path, keys, out)?;
    let metric = match *kind {
        "ratio" => {
            let (bad, total) = (selector(&fields, "errors", out), selector(&fields, "total", out));
            Metric::BadTotal { counter: true, bad: source(bad?), total: source(total?) }
        }
        "latency" => latency(&fields, out)?,
        "latencyNative" => native(&fields, out)?,
        _ => bool_gauge(&fields, out)?,
    };
    Some((metric, fields.text_list("grouping", out)))
}

fn latency(fields: &Fields<'_>, out: &mut Collector) -> Option<Metric> {
    let (success, total) = (selector(fields, "success", out), selector(fields, "total", out));
    let (success, total) = (success?, total?);
    if !matchers(success.value).iter().any(|matcher| &*matcher.name == "le") {
        let message = "the success metric has no label le, so it counts every event".to_owned();
        out.error(success.at, "value", message, Some("add le=\"SECONDS\" of one of the buckets".into()));
    }
    Some(Metric::GoodTotal { counter: true, good: source(success), total: source(total) })
}

fn native(fields: &Fields<'_>, out: &mut Collector) -> Option<Metric> {
    let total = selector(fields, "total", out)?;
    fields.required_node("latency", out);
    let latency = fields.prometheus_duration("latency", out)?;
    Some(Metric::NativeLatency { histogram: source(total), limit: latency.as_secs_f64() })
}

fn bool_gauge(fields: &Fields<'_>, out: &mut Collector) -> Option<Metric> {
    fields.required_node("metric", out);
    checked(fields.required_text("metric", out)?, out).map(|text| Metric::BoolGauge(source(text)))
}

fn source(text: Text<'_>) -> MetricSource {
    MetricSource {
        reference: None,
        kind: Some("prometheus".into()),
        query: Some(text.value.trim().to_owned()),
        histogram: None,
        at: text.at,
    }
}

/// The `metric` under a key, which must be a bare selector.
fn selector<'n>(fields: &Fields<'n>, key: &str, out: &mut Collector) -> Option<Text<'n>> {
    let node = fields.required_node(key, out)?;
    let inner = Fields::open(node, &fields.path_of(key), &["metric"], out)?;
    checked(inner.required_text("metric", out)?, out)
}

fn checked<'n>(text: Text<'n>, out: &mut Collector) -> Option<Text<'n>> {
    match promql::parse(text.value) {
        Ok(expr) if matches!(expr.kind, ExprKind::Vector(_)) => Some(text),
        Ok(_) => {
            let message = "the metric must be a bare selector".to_owned();
            out.error(text.at, "query", message, Some("write NAME{LABEL=\"VALUE\"} without functions".into()));
            None
        }
        Err(error) => {
            let message = format!("the metric is not valid PromQL: {}", error.message);
            out.error_inside(text.at, error.span, message, error.remedy);
            None
        }
    }
}

/// The matchers of a selector.
pub(crate) fn matchers(selector: &str) -> Vec<promql::Matcher> {
    match promql::parse(selector).map(|expr| expr.kind) {
        Ok(ExprKind::Vector(selector)) => selector.matchers,
        _ => Vec::new(),
    }
}
