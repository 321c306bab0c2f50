//! Whatever runs pods: deployments, stateful and daemon sets, jobs, rollouts, pods.

use crate::cluster::Manifest;
use crate::labels::{Labels, read_labels};
use serde_json::Value;

/// A workload and the pods that it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Labels of its pods.
    pub labels: Labels,
    /// Number of pods; none where a scaler decides.
    pub replicas: Option<u64>,
    /// The pods' specification.
    pub pod: Value,
    /// Containers, init containers apart.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Name.
    pub name: String,
    /// Image.
    pub image: String,
    /// Ports that it names.
    pub ports: Vec<Port>,
    /// Probes with their kind: `startupProbe`, `readinessProbe`, `livenessProbe`.
    pub probes: Vec<Probe>,
    /// All of it.
    pub value: Value,
}

/// A port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name; empty without one.
    pub name: String,
    /// Number.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// A probe over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `startupProbe`, `readinessProbe` or `livenessProbe`.
    pub kind: &'static str,
    /// Path.
    pub path: String,
    /// Port as written: a number or a name.
    pub port: String,
}

impl Workload {
    /// Reads a manifest that runs pods; none for any other.
    pub(crate) fn read(manifest: &Manifest) -> Option<Self> {
        let template = match manifest.kind.as_str() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "Rollout" | "ReplicaSet" => "/spec/template",
            "CronJob" => "/spec/jobTemplate/spec/template",
            "Pod" => "",
            _ => return None,
        };
        let pod = manifest.at(&format!("{template}/spec"))?.clone();
        let labels = read_labels(manifest.at(&format!("{template}/metadata/labels")));
        let containers = pod.get("containers").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            kind: manifest.kind.clone(),
            name: manifest.name.clone(),
            namespace: manifest.namespace.clone(),
            labels,
            replicas: manifest.at("/spec/replicas").and_then(Value::as_u64),
            containers: containers.map(Container::read).collect(),
            pod,
        })
    }

    /// `Kind/name`, as kubectl calls it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// All ports of all containers.
    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        self.containers.iter().flat_map(|container| &container.ports)
    }

    /// Numbers that a port as written stands for: itself, or the ports of that name.
    pub fn resolve_port(&self, port: &str) -> Vec<u16> {
        match port.parse() {
            Ok(number) => vec![number],
            Err(_) => self.ports().filter(|p| p.name == port).map(|p| p.number).collect(),
        }
    }
}

/// A port as written, number or name.
pub(crate) fn port_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Container {
    fn read(value: &Value) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let ports = value.get("ports").and_then(Value::as_array).into_iter().flatten().filter_map(|port| {
            let number = port.get("containerPort").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok())?;
            let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
            Some(Port { name: text(port, "name"), number, protocol })
        });
        let kinds = ["startupProbe", "readinessProbe", "livenessProbe"];
        let probes = kinds.into_iter().filter_map(|kind| {
            let http = value.get(kind)?.get("httpGet")?;
            Some(Probe { kind, path: text(http, "path"), port: http.get("port").map(port_text)? })
        });
        Self {
            name: text(value, "name"),
            image: text(value, "image"),
            ports: ports.collect(),
            probes: probes.collect(),
            value: value.clone(),
        }
    }

    /// Names of the environment variables that it sets.
    pub fn environment(&self) -> Vec<&str> {
        let variables = self.value.get("env").and_then(Value::as_array).into_iter().flatten();
        variables.filter_map(|v| v.get("name").and_then(Value::as_str)).collect()
    }

    /// Secrets and their keys, and config maps and theirs, that environment variables are taken from:
    /// kind, name, key.
    pub fn references(&self) -> Vec<(&'static str, &str, &str)> {
        let variables = self.value.get("env").and_then(Value::as_array).into_iter().flatten();
        let sources = variables.filter_map(|v| v.get("valueFrom"));
        sources
            .flat_map(|from| {
                [("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")].into_iter().filter_map(
                    move |(kind, key)| {
                        let reference = from.get(key)?;
                        Some((kind, reference.get("name")?.as_str()?, reference.get("key")?.as_str()?))
                    },
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cluster;

    #[test]
    fn ports_probes_and_references() {
        let text = "kind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: 2\n  template:\n    metadata: {labels: {a: b}}\n    \
                    spec:\n      containers:\n      - name: c\n        image: i:1\n        ports: [{name: api, containerPort: 80}]\n        \
                    readinessProbe: {httpGet: {path: /r, port: api}}\n        env:\n        - {name: X, value: y}\n        \
                    - {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}\n";
        let workload = Cluster::parse("x", text).unwrap().workloads().remove(0);
        assert_eq!((workload.id().as_str(), workload.replicas), ("Deployment/d", Some(2)));
        assert_eq!(workload.resolve_port("api"), [80]);
        assert_eq!(workload.resolve_port("81"), [81]);
        assert_eq!(workload.resolve_port("none"), [0; 0]);
        let container = &workload.containers[0];
        assert_eq!(container.environment(), ["X", "S"]);
        assert_eq!(container.references(), [("Secret", "s", "k")]);
        assert_eq!(container.probes, [Probe { kind: "readinessProbe", path: "/r".into(), port: "api".into() }]);
    }

    #[test]
    fn what_runs_no_pods_is_none() {
        let cluster = Cluster::parse("x", "kind: Service\nmetadata: {name: s}\n").unwrap();
        assert!(cluster.workloads().is_empty());
    }
}
