//! `metadata` of every object.

use crate::fields::{Fields, Text};
use crate::finding::{Collector, Position};
use crate::model::Metadata;
use crate::yaml::{Data, Node};

/// Reads the required `metadata` of an object.
pub(super) fn read(object: &Fields<'_>, out: &mut Collector) -> Option<Metadata> {
    let node = object.required_node("metadata", out)?;
    let path = object.path_of("metadata");
    let fields = Fields::open(node, &path, &["name", "displayName", "labels", "annotations"], out)?;
    let name = fields.required_text("name", out);
    if let Some(name) = name {
        check_name(name, &fields.path_of("name"), out);
    }
    let display_name = fields.text("displayName", out);
    if let Some(text) = display_name.filter(|text| text.value.chars().count() > 63) {
        out.error(text.at, "length", format!("{:?} is too long", fields.path_of("displayName")), Some(limit(63)));
    }
    let (annotations, annotation_places) = annotations(&fields, out).into_iter().unzip();
    Some(Metadata {
        labels: labels(&fields, out),
        annotations,
        annotation_places,
        name: name?.value.to_owned(),
        display_name: display_name.map(|text| text.value.to_owned()),
    })
}

fn limit(characters: usize) -> String {
    format!("use at most {characters} characters")
}

/// A name is a DNS label of RFC 1123.
pub(super) fn check_name(text: Text<'_>, path: &str, out: &mut Collector) {
    // An empty one is reported as missing.
    if !text.value.is_empty() && !is_dns_label(text.value) {
        let message = format!("{path:?} is no DNS label: {:?}", text.value);
        let remedy = "use at most 63 lower-case letters, digits and inner hyphens".to_owned();
        out.error(text.at, "name", message, Some(remedy));
    }
}

/// Lower-case letters, digits and inner hyphens, at most 63.
pub(crate) fn is_dns_label(name: &str) -> bool {
    let name = name.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    (1..=63).contains(&name.len()) && name.iter().all(inner) && !name.starts_with(b"-") && !name.ends_with(b"-")
}

fn labels(fields: &Fields<'_>, out: &mut Collector) -> Vec<(String, Vec<String>)> {
    let mut labels = Vec::new();
    for (key, at, node) in entries(fields, "labels", out) {
        if !is_qualified(key) {
            let remedy = format!("{}: letters, digits and inner dots, hyphens, underscores", limit(63));
            out.error(at, "label", format!("label key {key:?} is not valid"), Some(remedy));
        }
        let items = match &node.data {
            Data::Sequence(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let values = items.iter().filter_map(|item| text_of(item, "a label", out)).collect();
        labels.push((key.to_owned(), values));
    }
    labels
}

fn annotations(fields: &Fields<'_>, out: &mut Collector) -> Vec<((String, String), Position)> {
    let mut annotations = Vec::new();
    for (key, at, node) in entries(fields, "annotations", out) {
        let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        if !is_qualified(name) || prefix.is_some_and(|prefix| !is_domain(prefix)) {
            let remedy = "write a name, or domain/name such as example.org/owner".to_owned();
            out.error(at, "annotation", format!("annotation key {key:?} is not valid"), Some(remedy));
        }
        annotations.extend(text_of(node, "an annotation", out).map(|value| ((key.to_owned(), value), at)));
    }
    annotations
}

fn entries<'n>(fields: &Fields<'n>, key: &str, out: &mut Collector) -> Vec<(&'n str, Position, &'n Node)> {
    let Some(node) = fields.node(key) else { return Vec::new() };
    let Data::Mapping(entries) = &node.data else {
        let message = format!("{:?} must be a mapping, not {}", fields.path_of(key), node.kind());
        out.error(node.at, "type", message, None);
        return Vec::new();
    };
    entries.iter().map(|entry| (entry.key.as_str(), entry.at, &entry.value)).collect()
}

fn text_of(node: &Node, what: &str, out: &mut Collector) -> Option<String> {
    match (&node.data, node.kind()) {
        (Data::Scalar { text, .. }, "a string") => Some(text.clone()),
        (_, kind) => {
            let message = format!("the value of {what} must be a string, not {kind}");
            out.error(node.at, "type", message, Some("quote it".into()));
            None
        }
    }
}

/// Letters, digits and inner `-._`, at most 63.
fn is_qualified(key: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    key.len() <= 63
        && alphanumeric(key.chars().next())
        && alphanumeric(key.chars().last())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

fn is_domain(prefix: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    prefix.len() <= 253 && prefix.split('.').all(label)
}
