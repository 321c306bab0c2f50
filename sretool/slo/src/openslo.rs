//! Reads OpenSLO v1 documents and judges them as the reference SDK for Go does, which is stricter than the
//! specification's prose: exactly one time window, no operator beside a ratio, exactly one condition a policy.
//!
//! Unknown keys are errors: a misspelt key would otherwise silently fall back to a default.

mod alerting;
mod indicator;
mod metadata;
mod objective;

use crate::fields::Fields;
use crate::finding::{Collector, closest};
use crate::model::{Body, Document, Kind};
use crate::yaml::Node;

/// The version that this crate reads.
pub const API_VERSION: &str = "openslo/v1";

/// Reads one object. `None`, and findings, where it has an error.
pub(crate) fn document(node: &Node, out: &mut Collector) -> Option<Document> {
    let before = out.errors();
    let fields = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], out)?;
    if let Some(version) = fields.required_text("apiVersion", out)
        && version.value != API_VERSION
    {
        let message = format!("apiVersion {:?} is not supported", version.value);
        out.error(version.at, "api-version", message, Some(format!("write {API_VERSION}")));
        return None;
    }
    let kind = kind(&fields, out)?;
    let metadata = metadata::read(&fields, out);
    let spec = fields.required_node("spec", out);
    let body = spec.and_then(|spec| body(kind, spec, out));
    if out.errors() > before {
        return None;
    }
    Some(Document { file: out.file(), at: node.at, metadata: metadata?, body: body? })
}

fn kind(fields: &Fields<'_>, out: &mut Collector) -> Option<Kind> {
    let text = fields.required_text("kind", out)?;
    let kind = Kind::from_name(text.value);
    if kind.is_none() {
        let remedy = match closest(text.value, &Kind::NAMES) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("use one of {}", Kind::NAMES.join(", ")),
        };
        out.error(text.at, "kind", format!("kind {:?} is unknown", text.value), Some(remedy));
    }
    kind
}

fn body(kind: Kind, spec: &Node, out: &mut Collector) -> Option<Body> {
    match kind {
        Kind::Slo => objective::read(spec, out).map(|slo| Body::Slo(Box::new(slo))),
        Kind::Sli => indicator::read_spec(spec, "spec", out).map(Body::Sli),
        Kind::DataSource => data_source(spec, out),
        Kind::Service => {
            let fields = Fields::open(spec, "spec", &["description"], out)?;
            Some(Body::Service(description(&fields, out)))
        }
        Kind::AlertPolicy => alerting::policy_spec(spec, "spec", out).map(Body::AlertPolicy),
        Kind::AlertCondition => alerting::condition_spec(spec, "spec", out).map(Body::AlertCondition),
        Kind::AlertNotificationTarget => alerting::target_spec(spec, "spec", out).map(Body::AlertNotificationTarget),
    }
}

fn data_source(spec: &Node, out: &mut Collector) -> Option<Body> {
    let fields = Fields::open(spec, "spec", &["description", "type", "connectionDetails"], out)?;
    description(&fields, out);
    fields.required_node("connectionDetails", out);
    fields.required_text("type", out).map(|kind| Body::DataSource(kind.value.to_lowercase()))
}

/// Whether a name is a DNS label of RFC 1123, as every name of an object must be.
pub(crate) use metadata::is_dns_label;

/// A description of at most 1,050 characters.
fn description(fields: &Fields<'_>, out: &mut Collector) -> Option<String> {
    let text = fields.text("description", out)?;
    let length = text.value.chars().count();
    if length > 1050 {
        let message = format!("{:?} has {length} characters", fields.path_of("description"));
        out.error(text.at, "length", message, Some("shorten it to 1050".into()));
    }
    Some(text.value.to_owned())
}

/// A key that must hold the name of another object.
fn reference(fields: &Fields<'_>, key: &str, out: &mut Collector) -> Option<String> {
    let text = fields.required_text(key, out)?;
    metadata::check_name(text, &fields.path_of(key), out);
    Some(text.value.to_owned())
}

#[cfg(test)]
mod tests;
