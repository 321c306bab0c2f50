//! Reads sloth's own format and its Kubernetes resource.

use super::{Plugin, Resource, SlothAlert, SlothFormat, SlothSli, SlothSlo, plugins};
use crate::duration::Window;
use crate::fields::{Fields, Text};
use crate::finding::Collector;
use crate::model::{
    AlertSettings, Alerting, Body, Budgeting, Document, Extras, Indicator, IndicatorSource, Metadata, Metric,
    MetricSource, Objective, Origin, SloSpec, TimeWindow,
};
use crate::yaml::Node;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The keys of which the two forms have different spellings.
#[derive(Debug)]
pub(crate) struct Spelling {
    pub(crate) error_query: &'static str,
    pub(crate) total_query: &'static str,
    pub(crate) error_ratio_query: &'static str,
    pub(crate) page_alert: &'static str,
    pub(crate) ticket_alert: &'static str,
    pub(crate) spec_plugins: &'static str,
    pub(crate) override_previous: &'static str,
    /// Whether a number may stand for a string, as sloth's YAML reader allows and Kubernetes does not.
    loose: bool,
}

/// `prometheus/v1`.
pub(crate) const PROMETHEUS: Spelling = Spelling {
    error_query: "error_query",
    total_query: "total_query",
    error_ratio_query: "error_ratio_query",
    page_alert: "page_alert",
    ticket_alert: "ticket_alert",
    spec_plugins: "slo_plugins",
    override_previous: "overridePrevious",
    loose: true,
};

/// `PrometheusServiceLevel`.
pub(crate) const KUBERNETES: Spelling = Spelling {
    error_query: "errorQuery",
    total_query: "totalQuery",
    error_ratio_query: "errorRatioQuery",
    page_alert: "pageAlert",
    ticket_alert: "ticketAlert",
    spec_plugins: "sloPlugins",
    override_previous: "overridePrevious",
    loose: false,
};

/// What the objectives of a document share.
struct Service<'s> {
    spelling: &'s Spelling,
    format: SlothFormat,
    name: String,
    labels: BTreeMap<String, String>,
    plugins: Vec<(i64, Plugin)>,
    period: Window,
}

/// Reads a document of `prometheus/v1`.
pub(crate) fn read_prometheus(node: &Node, period: Window, out: &mut Collector) -> Vec<Document> {
    let keys = ["version", "service", "labels", PROMETHEUS.spec_plugins, "slos"];
    let before = out.errors();
    let documents = Fields::open(node, "", &keys, out)
        .and_then(|fields| {
            fields.required_node("version", out);
            fields.one_of("version", &[super::PROMETHEUS_VERSION], out)?;
            service(&fields, &PROMETHEUS, SlothFormat::Prometheus, period, out)
        })
        .unwrap_or_default();
    if out.errors() > before { Vec::new() } else { documents }
}

/// Reads a `PrometheusServiceLevel`.
pub(crate) fn read_kubernetes(node: &Node, period: Window, out: &mut Collector) -> Vec<Document> {
    let before = out.errors();
    let documents = kubernetes(node, period, out).unwrap_or_default();
    if out.errors() > before { Vec::new() } else { documents }
}

fn kubernetes(node: &Node, period: Window, out: &mut Collector) -> Option<Vec<Document>> {
    let fields = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec", "status"], out)?;
    let resource = resource(&fields, out)?;
    let spec = fields.required_node("spec", out)?;
    let spec = Fields::open(spec, "spec", &["service", "labels", KUBERNETES.spec_plugins, "slos"], out)?;
    service(&spec, &KUBERNETES, SlothFormat::Kubernetes(Arc::new(resource)), period, out)
}

/// Reads the metadata of a Kubernetes resource, of which only what people write is kept.
pub(crate) fn resource(fields: &Fields<'_>, out: &mut Collector) -> Option<Resource> {
    let keys = [
        "name",
        "namespace",
        "labels",
        "annotations",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "uid",
        "managedFields",
        "finalizers",
        "ownerReferences",
        "selfLink",
    ];
    let metadata = Fields::open(fields.required_node("metadata", out)?, "metadata", &keys, out)?;
    Some(Resource {
        name: metadata.required_text("name", out)?.value.to_owned(),
        namespace: metadata.text("namespace", out).map(|text| text.value.to_owned()).unwrap_or_default(),
        labels: metadata.texts("labels", out),
        annotations: metadata.texts("annotations", out),
    })
}

fn service(
    fields: &Fields<'_>,
    spelling: &Spelling,
    format: SlothFormat,
    period: Window,
    out: &mut Collector,
) -> Option<Vec<Document>> {
    let name = service_name(fields, "service", out);
    let labels = labels(fields, spelling.loose, out);
    let (_, plugins) = plugins::read(fields, spelling.spec_plugins, spelling, out);
    let items = fields.list("slos", out);
    if items.is_empty() {
        fields.missing("slos", out);
    }
    let service = Service { spelling, format, name: name.unwrap_or_default(), labels, plugins, period };
    let one = |(i, node): (usize, &Node)| slo(node, &fields.path_of(&format!("slos[{i}]")), &service, out);
    Some(items.iter().enumerate().filter_map(one).collect())
}

fn slo(node: &Node, path: &str, service: &Service<'_>, out: &mut Collector) -> Option<Document> {
    let keys = ["name", "description", "objective", "plugins", "labels", "sli", "alerting"];
    let fields = Fields::open(node, path, &keys, out)?;
    let name = service_name(&fields, "name", out);
    let description = fields.text("description", out).map(|text| text.value.to_owned());
    fields.required_node("objective", out);
    let objective = fields.number("objective", out);
    if let Some((objective, text)) = objective.filter(|(o, _)| *o <= 0.0 || *o > 100.0) {
        let message = format!("objective {objective} is not in (0, 100]");
        out.error(text.at, "value", message, Some("write a percentage such as 99.9".into()));
    }
    let mut merged = service.labels.clone();
    merged.extend(labels(&fields, service.spelling.loose, out));
    let (override_previous, own) = plugins::read(&fields, "plugins", service.spelling, out);
    let inherited = if override_previous { &[][..] } else { &service.plugins[..] };
    let mut plugins: Vec<_> = inherited.iter().cloned().chain(own).collect();
    plugins.sort_by_key(|(priority, _)| *priority);
    let alerting = fields
        .required_node("alerting", out)
        .and_then(|node| alerting(node, &fields.path_of("alerting"), service.spelling, out));
    let (sli, metric) = sli(&fields, service.spelling, out)?;
    let [page, ticket] = alerting?;
    let slo = SlothSlo {
        format: service.format.clone(),
        service: service.name.clone(),
        name: name?,
        objective: objective?.0,
        sli,
        labels: merged,
        page,
        ticket,
        plugins: plugins.into_iter().map(|(_, plugin)| plugin).collect(),
        at: node.at,
    };
    Some(document(slo, description, service.period, metric, out))
}

fn sli(fields: &Fields<'_>, spelling: &Spelling, out: &mut Collector) -> Option<(SlothSli, Metric)> {
    let node = fields.required_node("sli", out)?;
    let path = fields.path_of("sli");
    let sli = Fields::open(node, &path, &["raw", "events", "plugin"], out)?;
    let present: Vec<_> = ["events", "raw", "plugin"].into_iter().filter(|key| sli.node(key).is_some()).collect();
    let [kind] = present.as_slice() else {
        let message = match present.as_slice() {
            [] => format!("{path:?} has no indicator"),
            several => format!("{path:?} has {} indicators", several.len()),
        };
        out.error(node.at, "exclusive", message, Some("keep exactly one of events, raw and plugin".into()));
        return None;
    };
    let inner = sli.node(kind)?;
    match *kind {
        "events" => events(inner, &sli.path_of("events"), spelling, out),
        "raw" => {
            let fields = Fields::open(inner, &sli.path_of("raw"), &[spelling.error_ratio_query], out)?;
            let text = fields.required_text(spelling.error_ratio_query, out)?;
            check_query(text, out);
            let raw = source(text.value, text.at);
            Some((SlothSli::Raw { ratio: text.value.to_owned() }, Metric::Raw { success: false, raw }))
        }
        _ => {
            let message = "an SLI plugin is a Go program, which only sloth can run".to_owned();
            let remedy = "write the queries that it makes under sli.events";
            out.error(sli.place_of("plugin"), "plugin", message, Some(remedy.to_owned()));
            None
        }
    }
}

fn events(node: &Node, path: &str, spelling: &Spelling, out: &mut Collector) -> Option<(SlothSli, Metric)> {
    let fields = Fields::open(node, path, &[spelling.error_query, spelling.total_query], out)?;
    let error = fields.required_text(spelling.error_query, out);
    let total = fields.required_text(spelling.total_query, out);
    let (error, total) = (error?, total?);
    check_query(error, out);
    check_query(total, out);
    if error.value == total.value {
        let message = "the error query is the total query".to_owned();
        out.error(error.at, "value", message, Some("select the bad events only".into()));
    }
    let metric = match super::counts::from_rates([error.value, total.value]) {
        Some([e, t]) => Metric::BadTotal { counter: true, bad: source(&e, error.at), total: source(&t, total.at) },
        None => {
            let ratio = format!("(\n  {}\n)\n/\n(\n  {}\n)", error.value.trim(), total.value.trim());
            Metric::Raw { success: false, raw: source(&ratio, error.at) }
        }
    };
    Some((SlothSli::Events { error: error.value.to_owned(), total: total.value.to_owned() }, metric))
}

fn source(query: &str, at: crate::finding::Position) -> MetricSource {
    MetricSource {
        reference: None,
        kind: Some("prometheus".into()),
        query: Some(query.trim().to_owned()),
        histogram: None,
        at,
    }
}

/// A query must hold the window and be PromQL.
pub(super) fn check_query(text: Text<'_>, out: &mut Collector) {
    let pieces = match crate::query::split_at_windows(text.value) {
        Ok(pieces) => pieces,
        Err(error) => return out.error(text.at, "query", error.to_string(), error.remedy()),
    };
    if pieces.len() < 2 {
        let remedy = "write [{{.window}}] as the range of its selectors".to_owned();
        out.error(text.at, "query", "the query does not hold {{.window}}".into(), Some(remedy));
    }
    if let Err(error) = promql::parse(&pieces.join("1m"))
        && !matches!(error.kind, promql::ParseErrorKind::Unsupported(_))
    {
        out.error_inside(
            text.at,
            error.span,
            format!("the query is not valid PromQL: {}", error.message),
            error.remedy,
        );
    }
}

fn alerting(node: &Node, path: &str, spelling: &Spelling, out: &mut Collector) -> Option<[Option<SlothAlert>; 2]> {
    let keys = ["name", "labels", "annotations", spelling.page_alert, spelling.ticket_alert];
    let fields = Fields::open(node, path, &keys, out)?;
    let name = fields.text("name", out).map(|text| text.value.to_owned()).unwrap_or_default();
    let shared = SlothAlert {
        name,
        labels: labels(&fields, spelling.loose, out),
        annotations: texts(&fields, "annotations", spelling.loose, out),
    };
    let [page, ticket] =
        [spelling.page_alert, spelling.ticket_alert].map(|key| alert(&fields, key, &shared, spelling, out));
    if shared.name.is_empty() && (page.is_some() || ticket.is_some()) {
        let remedy = "name the alerts, or disable both".to_owned();
        out.error(
            fields.place_of("name"),
            "required",
            format!("{:?} is required", fields.path_of("name")),
            Some(remedy),
        );
    }
    Some([page, ticket])
}

fn alert(
    fields: &Fields<'_>,
    key: &str,
    shared: &SlothAlert,
    spelling: &Spelling,
    out: &mut Collector,
) -> Option<SlothAlert> {
    let mut alert = shared.clone();
    let Some(node) = fields.node(key) else { return Some(alert) };
    let fields = Fields::open(node, &fields.path_of(key), &["disable", "labels", "annotations"], out)?;
    alert.labels.extend(labels(&fields, spelling.loose, out));
    alert.annotations.extend(texts(&fields, "annotations", spelling.loose, out));
    (!fields.boolean("disable", out)).then_some(alert)
}

fn texts(fields: &Fields<'_>, key: &str, loose: bool, out: &mut Collector) -> BTreeMap<String, String> {
    if loose { fields.loose_texts(key, out) } else { fields.texts(key, out) }.into_iter().collect()
}

/// Labels, whose names must be Prometheus'.
fn labels(fields: &Fields<'_>, loose: bool, out: &mut Collector) -> BTreeMap<String, String> {
    let labels = texts(fields, "labels", loose, out);
    for (name, _) in labels.iter().filter(|(name, _)| !promql::is_label_name(name)) {
        let place = fields.inner_place("labels", name);
        let remedy = "use letters, digits and underscores, and no digit first".to_owned();
        out.error(place, "label", format!("{name:?} is no label name"), Some(remedy));
    }
    labels
}

/// A required name as sloth allows it.
pub(super) fn service_name(fields: &Fields<'_>, key: &str, out: &mut Collector) -> Option<String> {
    let text = fields.required_text(key, out)?;
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let name = text.value;
    let valid = name.len() >= 2
        && alphanumeric(name.chars().next())
        && alphanumeric(name.chars().last())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !valid {
        let remedy = "use two or more letters, digits and inner hyphens, underscores and dots".to_owned();
        out.error(text.at, "name", format!("{:?} is no name: {name:?}", fields.path_of(key)), Some(remedy));
    }
    Some(name.to_owned())
}

/// The objective in this crate's model.
pub(super) fn document(
    slo: SlothSlo,
    description: Option<String>,
    period: Window,
    metric: Metric,
    out: &Collector,
) -> Document {
    let at = slo.at;
    let settings = |alert: &Option<SlothAlert>| match alert {
        None => AlertSettings { disabled: true, ..AlertSettings::default() },
        Some(alert) => AlertSettings {
            disabled: false,
            labels: alert.labels.clone().into_iter().collect(),
            annotations: alert.annotations.clone().into_iter().collect(),
        },
    };
    let alerting = Alerting {
        name: slo.page.as_ref().or(slo.ticket.as_ref()).map(|alert| alert.name.clone()),
        page: settings(&slo.page),
        ticket: settings(&slo.ticket),
        ..Alerting::default()
    };
    let target = format!("{:.12}", slo.objective / 100.0).parse().unwrap_or(slo.objective / 100.0);
    let metadata = Metadata {
        name: slo.name.clone(),
        display_name: None,
        labels: slo.labels.iter().map(|(key, value)| (key.clone(), vec![value.clone()])).collect(),
        annotations: Vec::new(),
        annotation_places: Vec::new(),
    };
    let spec = SloSpec {
        description,
        service: slo.service.clone(),
        indicator: IndicatorSource::Inline(Indicator { metric, at }),
        window: Some(TimeWindow { duration: period, rolling: true, calendar: None, at }),
        budgeting: Budgeting::Occurrences,
        objectives: vec![Objective::of_target(target, at)],
        alert_policies: Vec::new(),
        extras: Extras::default(),
        alerting,
        origin: Origin::Sloth(Arc::new(slo)),
    };
    Document { file: out.file(), at, metadata, body: Body::Slo(Box::new(spec)) }
}
