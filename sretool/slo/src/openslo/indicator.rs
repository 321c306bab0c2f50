//! `spec` of an SLI, on its own or in an objective.

use super::{description, metadata};
use crate::fields::Fields;
use crate::finding::Collector;
use crate::model::{HistogramUse, Indicator, Metric, MetricSource};
use crate::yaml::{Data, Node};

/// Reads an indicator in an objective: `metadata` and `spec`.
pub(super) fn read_inline(node: &Node, path: &str, out: &mut Collector) -> Option<Indicator> {
    let fields = Fields::open(node, path, &["metadata", "spec"], out)?;
    metadata::read(&fields, out);
    let spec = fields.required_node("spec", out)?;
    read_spec(spec, &fields.path_of("spec"), out)
}

/// Reads the specification of an indicator.
pub(super) fn read_spec(node: &Node, path: &str, out: &mut Collector) -> Option<Indicator> {
    let fields = Fields::open(node, path, &["description", "thresholdMetric", "ratioMetric"], out)?;
    description(&fields, out);
    if !fields.exactly_one(["thresholdMetric", "ratioMetric"], out) {
        return None;
    }
    let metric = match (fields.node("ratioMetric"), fields.node("thresholdMetric")) {
        (Some(ratio), _) => ratio_metric(ratio, &fields.path_of("ratioMetric"), out)?,
        (None, Some(threshold)) => Metric::Threshold(metric_spec(threshold, &fields.path_of("thresholdMetric"), out)?),
        (None, None) => return None,
    };
    Some(Indicator { metric, at: node.at })
}

fn ratio_metric(node: &Node, path: &str, out: &mut Collector) -> Option<Metric> {
    let fields = Fields::open(node, path, &["counter", "good", "bad", "total", "rawType", "raw"], out)?;
    let counter = fields.boolean("counter", out);
    if !fields.exactly_one(["total", "raw"], out) {
        return None;
    }
    let source = |key: &str, out: &mut Collector| {
        let node = fields.node(key)?;
        metric_spec(node, &fields.path_of(key), out)
    };
    if fields.node("raw").is_some() {
        for key in ["good", "bad"].into_iter().filter(|key| fields.node(key).is_some()) {
            let message = format!("{:?} and {:?} exclude each other", fields.path_of("raw"), fields.path_of(key));
            out.error(fields.place_of(key), "exclusive", message, Some(format!("remove {key}")));
        }
        fields.required_node("rawType", out);
        let kind = fields.one_of("rawType", &["success", "failure"], out);
        let raw = source("raw", out);
        return Some(Metric::Raw { success: kind?.value == "success", raw: raw? });
    }
    if !fields.exactly_one(["good", "bad"], out) {
        return None;
    }
    let (good, bad, total) = (source("good", out), source("bad", out), source("total", out));
    match (good, bad) {
        (Some(good), _) => Some(Metric::GoodTotal { counter, good, total: total? }),
        (None, Some(bad)) => Some(Metric::BadTotal { counter, bad, total: total? }),
        (None, None) => None,
    }
}

fn metric_spec(node: &Node, path: &str, out: &mut Collector) -> Option<MetricSource> {
    let fields = Fields::open(node, path, &["metricSource"], out)?;
    let node = fields.required_node("metricSource", out)?;
    let path = fields.path_of("metricSource");
    let fields = Fields::open(node, &path, &["metricSourceRef", "type", "spec"], out)?;
    let reference = fields.text("metricSourceRef", out).filter(|text| !text.value.is_empty());
    if let Some(text) = reference {
        metadata::check_name(text, &fields.path_of("metricSourceRef"), out);
    }
    let kind = fields.text("type", out).map(|text| text.value.to_owned());
    let spec = fields.required_node("spec", out)?;
    let Data::Mapping(entries) = &spec.data else {
        out.error(spec.at, "type", format!("{path}.spec must be a mapping, not {}", spec.kind()), None);
        return None;
    };
    if entries.is_empty() {
        out.error(spec.at, "required", format!("{path}.spec is empty"), Some("add the key \"query\"".into()));
    }
    // What the keys mean is the data source's business; every Prometheus source calls its one key `query`.
    let query = entries.iter().find(|entry| entry.key == "query");
    let text = query.and_then(|entry| match &entry.value.data {
        Data::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    });
    let at = query.map_or(node.at, |entry| entry.value.at);
    let histogram = histogram(spec, out);
    Some(MetricSource { reference: reference.map(|text| text.value.to_owned()), kind, query: text, histogram, at })
}

/// The keys that make a query the name of a histogram; other sources' keys of these names are left alone.
fn histogram(spec: &Node, out: &mut Collector) -> Option<HistogramUse> {
    let Data::Mapping(entries) = &spec.data else { return None };
    let scalar = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key)?;
        match &entry.value.data {
            Data::Scalar { text, .. } => Some((text.as_str(), entry.value.at)),
            _ => None,
        }
    };
    let (kind, at) = scalar("histogram")?;
    if !matches!(kind, "classic" | "native") {
        let message = format!("histogram cannot be {kind:?}");
        out.error(at, "value", message, Some("write classic or native".into()));
        return None;
    }
    let le = match scalar("le") {
        None => None,
        Some((text, at)) => match text.parse::<f64>() {
            Ok(le) if le.is_finite() => Some(le),
            _ => {
                out.error(at, "value", format!("le is no number: {text:?}"), Some("write a number such as 0.2".into()));
                return None;
            }
        },
    };
    Some(HistogramUse { native: kind == "native", le })
}
