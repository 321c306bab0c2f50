//! Which format a document is written in.

use crate::duration::Window;
use crate::fields::Fields;
use crate::finding::{Collector, Finding};
use crate::model::Document;
use crate::yaml::{self, Data, Node};
use crate::{openslo, policy, pyrra, sloth};

/// How documents are read.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Unknown keys are warnings, as sloth takes no notice of them at all.
    pub lenient: bool,
    /// The period of objectives whose format names none.
    pub period: Window,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { lenient: false, period: Window::days(30) }
    }
}

/// Reads the documents of one file: YAML documents separated by `---`, each one object or a list of objects, each in
/// any format that this crate knows. A document with an error is left out of the result.
pub fn parse(file: &str, text: &str, options: LoadOptions) -> (Vec<Document>, Vec<Finding>) {
    let mut out = Collector::new(file).lenient(options.lenient);
    let mut documents = Vec::new();
    match yaml::parse(text) {
        Err(error) => out.error(error.at, "yaml", error.message, None),
        Ok(nodes) => {
            for node in nodes.iter().filter(|node| !node.is_null()) {
                match &node.data {
                    Data::Sequence(items) => {
                        items.iter().for_each(|item| documents.extend(objects(item, options.period, &mut out)));
                    }
                    _ => documents.extend(objects(node, options.period, &mut out)),
                }
            }
        }
    }
    crate::finding::quote(&mut out.findings, file, text);
    (documents, out.findings)
}

fn objects(node: &Node, period: Window, out: &mut Collector) -> Vec<Document> {
    let text = |key| peek(node, key);
    match (text("apiVersion"), text("kind")) {
        (Some(policy::API_VERSION), Some(policy::KIND)) => {
            // It stands beside the objectives, and is none: its mistakes are told, and the gate reads it.
            policy::read(node, out);
            Vec::new()
        }
        (Some(sloth::KUBERNETES_VERSION), Some("AlertWindows")) => {
            let message = "windows are no objectives".to_owned();
            out.warning(node.at, "kind", message, Some("give their folder to `slo rules --windows`".into()));
            Vec::new()
        }
        (Some(sloth::KUBERNETES_VERSION), kind) => {
            if kind == Some(sloth::KUBERNETES_KIND) {
                return sloth::read_kubernetes(node, period, out);
            }
            if let Some(fields) = Fields::open(node, "", &["apiVersion", "kind", "metadata", "spec"], out) {
                fields.required_node("kind", out);
                fields.one_of("kind", &[sloth::KUBERNETES_KIND], out);
            }
            Vec::new()
        }
        (Some(sloth::ALPHA_VERSION), _) => sloth::read_alpha(node, period, out),
        (Some(pyrra::API_VERSION), _) => pyrra::read(node, out).into_iter().collect(),
        (None, _) if text("version").is_some() || has(node, "slos") => sloth::read_prometheus(node, period, out),
        _ => openslo::document(node, out).into_iter().collect(),
    }
}

/// The text of a key, whatever else may be wrong.
fn peek<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    let Data::Mapping(entries) = &node.data else { return None };
    entries.iter().find(|entry| entry.key == key).and_then(|entry| match &entry.value.data {
        Data::Scalar { text, .. } => Some(text.as_str()),
        _ => None,
    })
}

/// Whether a node is a mapping with this key.
pub(crate) fn has(node: &Node, key: &str) -> bool {
    matches!(&node.data, Data::Mapping(entries) if entries.iter().any(|entry| entry.key == key))
}
