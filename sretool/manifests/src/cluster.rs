//! A set of manifests.

use crate::workload::Workload;
use serde_json::Value;

/// What would run together: all manifests of an overlay, or of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// In the order in which they were read.
    pub manifests: Vec<Manifest>,
}

/// One manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; empty where the manifest names none.
    pub namespace: String,
    /// All of it.
    pub value: Value,
}

/// Why manifests could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}: {message}")]
pub struct ReadError {
    /// File, or what stands for it.
    pub source_name: String,
    /// Cause and remedy.
    pub message: String,
}

impl Manifest {
    /// The value at a path of keys; none where there is nothing.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer).filter(|value| !value.is_null())
    }

    /// `Kind/name`, as kubectl calls it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl Cluster {
    /// Reads YAML documents; `List` kinds are taken apart. `source_name` is how messages call the text.
    ///
    /// # Errors
    /// [`ReadError`] for broken YAML, and for a document that is no manifest.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, ReadError> {
        let fail = |message: String| ReadError { source_name: source_name.to_owned(), message };
        let options = serde_saphyr::options! { with_snippet: false };
        let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
            .map_err(|error| fail(format!("this is no YAML of manifests: {error}")))?;
        let mut cluster = Self::default();
        for (i, document) in documents.into_iter().enumerate().filter(|(_, document)| !document.is_null()) {
            cluster.add(document).map_err(|message| fail(format!("document {}: {message}", i + 1)))?;
        }
        Ok(cluster)
    }

    fn add(&mut self, mut value: Value) -> Result<(), String> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, name, namespace) = (text("/kind"), text("/metadata/name"), text("/metadata/namespace"));
        if kind.is_empty() {
            return Err("it has no `kind`; give the output of `kubectl kustomize` or `kubectl get -o yaml`".to_owned());
        }
        if kind == "List" {
            let items = value.pointer_mut("/items").and_then(Value::as_array_mut).map(std::mem::take);
            return items.unwrap_or_default().into_iter().try_for_each(|item| self.add(item));
        }
        self.manifests.push(Manifest { kind, name, namespace, value });
        Ok(())
    }

    /// All manifests of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter().filter(move |manifest| manifest.kind == kind)
    }

    /// The manifest of this kind, namespace and name.
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Manifest> {
        self.manifests.iter().find(|m| m.kind == kind && m.name == name && m.namespace == namespace)
    }

    /// Everything that runs pods.
    pub fn workloads(&self) -> Vec<Workload> {
        self.manifests.iter().filter_map(Workload::read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_read() {
        let text = "---\nkind: Service\nmetadata: {name: a, namespace: ns}\n---\n---\nkind: List\nitems:\n- kind: Pod\n  \
                    metadata: {name: b}\n";
        let cluster = Cluster::parse("x", text).unwrap();
        assert_eq!(cluster.manifests.iter().map(Manifest::id).collect::<Vec<_>>(), ["Service/a", "Pod/b"]);
        assert!(cluster.find("Service", "ns", "a").is_some() && cluster.find("Service", "", "a").is_none());
    }

    #[test]
    fn what_is_no_manifest_says_so() {
        let error = Cluster::parse("file.yaml", "a: 1\n").unwrap_err().to_string();
        assert!(error.starts_with("file.yaml: document 1: it has no `kind`"), "{error}");
        assert!(Cluster::parse("x", "a: [").is_err());
        assert!(Cluster::parse("x", "").unwrap().manifests.is_empty());
    }
}
