//! OpenSLO v1alpha as sloth reads it: ratio metrics over one rolling period of days.

use super::read::{document, service_name};
use super::{SlothFormat, SlothSli, SlothSlo};
use crate::duration::Window;
use crate::fields::Fields;
use crate::finding::Collector;
use crate::model::{Document, Metric, MetricSource};
use crate::yaml::Node;
use std::collections::BTreeMap;

const SPEC: [&str; 6] = ["timeWindows", "budgetingMethod", "description", "objectives", "service", "indicator"];
const OBJECTIVE: [&str; 9] = [
    "displayName",
    "op",
    "value",
    "target",
    "timeSliceTarget",
    "timeSliceWindow",
    "ratioMetrics",
    "indicator",
    "indicatorRef",
];

/// Reads an SLO of OpenSLO v1alpha whose period must be the given one.
pub(crate) fn read(node: &Node, period: Window, out: &mut Collector) -> Vec<Document> {
    let before = out.errors();
    let documents = slo(node, period, out).unwrap_or_default();
    if out.errors() > before { Vec::new() } else { documents }
}

fn slo(node: &Node, period: Window, out: &mut Collector) -> Option<Vec<Document>> {
    let fields = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], out)?;
    if fields.required_text("kind", out)?.value != "SLO" {
        let message = "only SLO is read of OpenSLO v1alpha".to_owned();
        out.error(fields.place_of("kind"), "kind", message, Some("write apiVersion: openslo/v1".into()));
        return None;
    }
    let metadata = Fields::open(fields.required_node("metadata", out)?, "metadata", &["name", "displayName"], out)?;
    let name = metadata.required_text("name", out)?;
    let spec = Fields::open(fields.required_node("spec", out)?, "spec", &SPEC, out)?;
    let service = service_name(&spec, "service", out)?;
    let description = spec.text("description", out).map(|text| text.value.to_owned());
    period_of(&spec, period, out);
    let objectives = spec.list("objectives", out);
    if objectives.is_empty() {
        spec.missing("objectives", out);
    }
    let mut documents = Vec::new();
    for (i, item) in objectives.iter().enumerate() {
        let path = format!("spec.objectives[{i}]");
        let fields = Fields::open(item, &path, &OBJECTIVE, out)?;
        let Some((objective, [good, total])) = objective(&fields, out) else { continue };
        let ratio = format!("1 - (\n  (\n    {}\n  )\n  /\n  (\n    {}\n  )\n)", good.0, total.0);
        let counts = super::counts::from_rates([&good.0, &total.0]);
        let source = |query: &str, at| MetricSource {
            reference: None,
            kind: Some("prometheus".into()),
            query: Some(query.to_owned()),
            histogram: None,
            at,
        };
        let metric = match &counts {
            Some([g, t]) => Metric::GoodTotal { counter: true, good: source(g, good.1), total: source(t, total.1) },
            None => Metric::Raw { success: false, raw: source(&ratio, good.1) },
        };
        let slo = SlothSlo {
            format: SlothFormat::Alpha,
            service: service.clone(),
            name: format!("{}-{i}", name.value),
            objective,
            sli: SlothSli::Raw { ratio },
            labels: BTreeMap::new(),
            page: None,
            ticket: None,
            plugins: Vec::new(),
            at: item.at,
        };
        documents.push(document(slo, description.clone(), period, metric, out));
    }
    Some(documents)
}

type Query = (String, crate::finding::Position);

/// The objective in percent, the good and the total query.
fn objective(fields: &Fields<'_>, out: &mut Collector) -> Option<(f64, [Query; 2])> {
    fields.required_node("target", out);
    let (target, at) = fields.number("target", out)?;
    if target <= 0.0 || target >= 1.0 {
        let message = format!("target {target} is not in (0, 1)");
        out.error(at.at, "value", message, Some("write a ratio such as 0.999".into()));
    }
    let node = fields.required_node("ratioMetrics", out)?;
    let path = fields.path_of("ratioMetrics");
    let ratio = Fields::open(node, &path, &["incremental", "counter", "good", "total"], out)?;
    let [good, total] = ["good", "total"].map(|key| query(&ratio, key, out));
    Some((target * 100.0, [good?, total?]))
}

fn query(ratio: &Fields<'_>, key: &str, out: &mut Collector) -> Option<Query> {
    let node = ratio.required_node(key, out)?;
    let fields = Fields::open(node, &ratio.path_of(key), &["source", "queryType", "query"], out)?;
    fields.required_node("source", out);
    fields.one_of("source", &["prometheus", "sloth"], out);
    fields.required_node("queryType", out);
    fields.one_of("queryType", &["promql"], out);
    let text = fields.required_text("query", out)?;
    super::read::check_query(text, out);
    Some((text.value.trim().to_owned(), text.at))
}

fn period_of(spec: &Fields<'_>, period: Window, out: &mut Collector) {
    let windows = spec.list("timeWindows", out);
    if windows.len() > 1 {
        out.error(windows[1].at, "length", "only one time window is possible".into(), Some("keep one".into()));
    }
    let Some(node) = windows.first() else { return };
    let keys = ["count", "unit", "isRolling", "calendar"];
    let Some(fields) = Fields::open(node, "spec.timeWindows[0]", &keys, out) else { return };
    fields.required_node("unit", out);
    fields.one_of("unit", &["Day"], out);
    if let Some((count, text)) = fields.number("count", out)
        && Window::from_shorthand(&format!("{count}d")) != Some(period)
    {
        let message = format!("a period of {count} days is not the one that rules are made for, {period}");
        out.error(text.at, "period", message, Some(format!("give --period {count}d")));
    }
}
