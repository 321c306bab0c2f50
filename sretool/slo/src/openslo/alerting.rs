//! Alert policies, conditions and notification targets.

use super::{description, metadata, reference};
use crate::fields::Fields;
use crate::finding::Collector;
use crate::yaml::Node;

const OPERATORS: [&str; 4] = ["lte", "gte", "lt", "gt"];

/// An object in place of a reference: its kind, and what reads its `spec`.
struct Inline {
    reference: &'static str,
    kind: &'static str,
    spec: fn(&Node, &str, &mut Collector) -> Option<()>,
}

/// Reads an item of `alertPolicies`.
pub(super) fn policy_reference(node: &Node, path: &str, out: &mut Collector) {
    inline_or_reference(
        node,
        path,
        &Inline { reference: "alertPolicyRef", kind: "AlertPolicy", spec: policy_spec },
        out,
    );
}

fn inline_or_reference(node: &Node, path: &str, inline: &Inline, out: &mut Collector) {
    let Some(fields) = Fields::open(node, path, &[inline.reference, "kind", "metadata", "spec"], out) else {
        return;
    };
    if !fields.exactly_one([inline.reference, "spec"], out) {
        return;
    }
    let Some(spec) = fields.node("spec") else {
        reference(&fields, inline.reference, out);
        return;
    };
    fields.required_node("kind", out);
    fields.one_of("kind", &[inline.kind], out);
    metadata::read(&fields, out);
    (inline.spec)(spec, &fields.path_of("spec"), out);
}

/// Reads the specification of a policy: exactly one condition, at least one target.
pub(super) fn policy_spec(node: &Node, path: &str, out: &mut Collector) -> Option<()> {
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
    for key in ["alertWhenNoData", "alertWhenResolved", "alertWhenBreaching"] {
        fields.boolean(key, out);
    }
    let conditions = fields.list("conditions", out);
    if conditions.len() != 1 {
        let message = format!("{:?} has {} items", fields.path_of("conditions"), conditions.len());
        out.error(fields.place_of("conditions"), "length", message, Some("write exactly one".into()));
    }
    let condition = Inline { reference: "conditionRef", kind: "AlertCondition", spec: condition_spec };
    for (i, item) in conditions.iter().enumerate() {
        inline_or_reference(item, &format!("{}[{i}]", fields.path_of("conditions")), &condition, out);
    }
    let targets = fields.list("notificationTargets", out);
    if targets.is_empty() {
        fields.missing("notificationTargets", out);
    }
    let target = Inline { reference: "targetRef", kind: "AlertNotificationTarget", spec: target_spec };
    for (i, item) in targets.iter().enumerate() {
        inline_or_reference(item, &format!("{}[{i}]", fields.path_of("notificationTargets")), &target, out);
    }
    Some(())
}

/// Reads the specification of a condition.
pub(super) fn condition_spec(node: &Node, path: &str, out: &mut Collector) -> Option<()> {
    let fields = Fields::open(node, path, &["description", "severity", "condition"], out)?;
    description(&fields, out);
    fields.required_text("severity", out);
    let node = fields.required_node("condition", out)?;
    let keys = ["kind", "op", "threshold", "lookbackWindow", "alertAfter"];
    let fields = Fields::open(node, &fields.path_of("condition"), &keys, out)?;
    fields.required_node("kind", out);
    fields.one_of("kind", &["burnrate"], out);
    fields.required_node("op", out);
    fields.one_of("op", &OPERATORS, out);
    fields.required_node("threshold", out);
    fields.number("threshold", out);
    fields.required_duration("lookbackWindow", out);
    fields.duration("alertAfter", out);
    Some(())
}

/// Reads the specification of a notification target.
pub(super) fn target_spec(node: &Node, path: &str, out: &mut Collector) -> Option<()> {
    let fields = Fields::open(node, path, &["description", "target"], out)?;
    description(&fields, out);
    fields.required_text("target", out);
    Some(())
}
