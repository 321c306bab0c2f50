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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, documents: usize, findings: &[&str]) {
        let (read, found) = parse("a.yaml", text, LoadOptions::default());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            (read.len(), found.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
            (documents, findings)
        );
    }

    #[test]
    fn every_document_is_read_in_its_own_format() {
        let pyrra = "apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {name: shop}\nspec:\n  \
            target: \"99\"\n  window: 4w\n  indicator: {ratio: {errors: {metric: a_total}, total: {metric: b_total}}}\n";
        let sloth = "version: prometheus/v1\nservice: shop\nslos:\n- name: ok\n  objective: 99\n  sli: {raw: \
            {error_ratio_query: 'avg_over_time(x[{{.window}}])'}}\n  alerting: {name: A}\n";
        let openslo = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: a}\nspec: {description: b}\n";
        check(&format!("{pyrra}---\n{sloth}---\n{openslo}---\n\n"), 3, &[]);
        check("- {apiVersion: openslo/v1, kind: Service, metadata: {name: a}, spec: {}}\n", 1, &[]);
    }

    #[test]
    fn what_is_no_objective_says_what_it_is() {
        check(
            "apiVersion: sloth.slok.dev/v1\nkind: AlertWindows\nspec: {}\n",
            0,
            &["a.yaml:1:1: warning: windows are no objectives; give their folder to `slo rules --windows` (kind)"],
        );
        check(
            "apiVersion: sloth.slok.dev/v1\nkind: PrometheusServiceLevels\n",
            0,
            &["a.yaml:2:7: error: \"kind\" cannot be \"PrometheusServiceLevels\"; did you mean \
               \"PrometheusServiceLevel\"? (value)"],
        );
        check(
            "version: prometheus/v2\nslos: []\n",
            0,
            &["a.yaml:1:10: error: \"version\" cannot be \"prometheus/v2\"; did you mean \"prometheus/v1\"? (value)"],
        );
    }
}
