//! Alert policies, conditions and notification targets.

use super::{description, metadata, reference};
use crate::fields::Fields;
use crate::finding::Collector;
use crate::model::{AlertCondition, AlertPolicy, Operator, Use};
use crate::yaml::Node;

/// An object in place of a reference: its kind, and what reads its `spec`.
struct Inline<T> {
    reference: &'static str,
    kind: &'static str,
    spec: fn(&Node, &str, &mut Collector) -> Option<T>,
}

/// Reads an item of `alertPolicies`.
pub(super) fn policy_reference(node: &Node, path: &str, out: &mut Collector) -> Option<Use<AlertPolicy>> {
    let inline = Inline { reference: "alertPolicyRef", kind: "AlertPolicy", spec: policy_spec };
    inline_or_reference(node, path, &inline, out)
}

fn inline_or_reference<T>(node: &Node, path: &str, inline: &Inline<T>, out: &mut Collector) -> Option<Use<T>> {
    let fields = Fields::open(node, path, &[inline.reference, "kind", "metadata", "spec"], out)?;
    if !fields.exactly_one([inline.reference, "spec"], out) {
        return None;
    }
    let Some(spec) = fields.node("spec") else {
        let at = fields.node(inline.reference)?.at;
        return reference(&fields, inline.reference, out).map(|name| Use::Reference(name, at));
    };
    fields.required_node("kind", out);
    fields.one_of("kind", &[inline.kind], out);
    metadata::read(&fields, out);
    (inline.spec)(spec, &fields.path_of("spec"), out).map(Use::Inline)
}

/// Reads the specification of a policy: exactly one condition, at least one target.
pub(super) fn policy_spec(node: &Node, path: &str, out: &mut Collector) -> Option<AlertPolicy> {
    let keys = [
        "description",
        "alertWhenNoData",
        "alertWhenResolved",
        "alertWhenBreaching",
        "conditions",
        "notificationTargets",
    ];
    let fields = Fields::open(node, path, &keys, out)?;
    description(&fields, out);
    let conditions = fields.list("conditions", out);
    if conditions.len() != 1 {
        let message = format!("{:?} has {} items", fields.path_of("conditions"), conditions.len());
        out.error(fields.place_of("conditions"), "length", message, Some("write exactly one".into()));
    }
    let targets = fields.list("notificationTargets", out);
    if targets.is_empty() {
        fields.missing("notificationTargets", out);
    }
    let condition = Inline { reference: "conditionRef", kind: "AlertCondition", spec: condition_spec };
    let target = Inline { reference: "targetRef", kind: "AlertNotificationTarget", spec: target_spec };
    Some(AlertPolicy {
        when_no_data: fields.boolean("alertWhenNoData", out),
        when_resolved: fields.boolean("alertWhenResolved", out),
        when_breaching: fields.boolean("alertWhenBreaching", out),
        conditions: uses(conditions, &fields.path_of("conditions"), &condition, out),
        targets: uses(targets, &fields.path_of("notificationTargets"), &target, out),
    })
}

fn uses<T>(items: &[Node], path: &str, inline: &Inline<T>, out: &mut Collector) -> Vec<Use<T>> {
    let item = |(i, node): (usize, &Node)| inline_or_reference(node, &format!("{path}[{i}]"), inline, out);
    items.iter().enumerate().filter_map(item).collect()
}

/// Reads the specification of a condition.
pub(super) fn condition_spec(node: &Node, path: &str, out: &mut Collector) -> Option<AlertCondition> {
    let fields = Fields::open(node, path, &["description", "severity", "condition"], out)?;
    description(&fields, out);
    let severity = fields.required_text("severity", out);
    let node = fields.required_node("condition", out)?;
    let keys = ["kind", "op", "threshold", "lookbackWindow", "alertAfter"];
    let fields = Fields::open(node, &fields.path_of("condition"), &keys, out)?;
    fields.required_node("kind", out);
    fields.one_of("kind", &["burnrate"], out);
    fields.required_node("op", out);
    let op = fields.one_of("op", &Operator::NAMES, out);
    fields.required_node("threshold", out);
    let threshold = fields.number("threshold", out);
    let lookback = fields.required_duration("lookbackWindow", out);
    let after = fields.duration("alertAfter", out);
    Some(AlertCondition {
        severity: severity?.value.to_owned(),
        op: Operator::from_name(op?.value)?,
        threshold: threshold?.0,
        lookback: lookback?,
        after,
    })
}

/// Reads the specification of a notification target.
pub(super) fn target_spec(node: &Node, path: &str, out: &mut Collector) -> Option<String> {
    let fields = Fields::open(node, path, &["description", "target"], out)?;
    description(&fields, out);
    fields.required_text("target", out).map(|text| text.value.to_owned())
}
