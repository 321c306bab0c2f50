//! What manifests name must exist.

use super::Findings;
use crate::cluster::Cluster;
use crate::workload::Workload;
use serde_json::Value;

pub(super) fn check(cluster: &Cluster, workloads: &[Workload], findings: &mut Findings) {
    for workload in workloads {
        service_account(cluster, workload, findings);
        volumes(cluster, workload, findings);
        for container in &workload.containers {
            for (kind, name, key) in container.references() {
                reference(cluster, workload, (kind, name, key), findings);
            }
        }
    }
}

fn service_account(cluster: &Cluster, workload: &Workload, findings: &mut Findings) {
    let Some(name) = workload.pod.get("serviceAccountName").and_then(Value::as_str) else { return };
    if name != "default" && cluster.find("ServiceAccount", &workload.namespace, name).is_none() {
        let cause = format!("the service account {name} does not exist, so that no pod is created");
        findings.error(workload.id(), cause, "add it, or correct serviceAccountName");
    }
}

fn volumes(cluster: &Cluster, workload: &Workload, findings: &mut Findings) {
    let volumes = workload.pod.get("volumes").and_then(Value::as_array).into_iter().flatten();
    for volume in volumes {
        let named = [
            ("ConfigMap", volume.pointer("/configMap/name"), volume.pointer("/configMap/optional")),
            ("Secret", volume.pointer("/secret/secretName"), volume.pointer("/secret/optional")),
            ("PersistentVolumeClaim", volume.pointer("/persistentVolumeClaim/claimName"), None),
        ];
        for (kind, name, optional) in named {
            let Some(name) = name.and_then(Value::as_str) else { continue };
            let optional = optional.and_then(Value::as_bool).unwrap_or(false);
            if !optional && !exists(cluster, kind, &workload.namespace, name) {
                missing(workload, kind, name, findings);
            }
        }
    }
}

/// A secret may come from an ExternalSecret.
fn exists(cluster: &Cluster, kind: &str, namespace: &str, name: &str) -> bool {
    cluster.find(kind, namespace, name).is_some() || (kind == "Secret" && external(cluster, namespace, name).is_some())
}

fn external<'a>(cluster: &'a Cluster, namespace: &str, name: &str) -> Option<&'a crate::Manifest> {
    cluster.of_kind("ExternalSecret").find(|m| {
        m.namespace == namespace && m.at("/spec/target/name").and_then(Value::as_str).unwrap_or(&m.name) == name
    })
}

fn missing(workload: &Workload, kind: &str, name: &str, findings: &mut Findings) {
    let cause = format!("{kind}/{name} is not among the manifests; without it pods wait in ContainerCreating");
    // Secrets are rightly kept out of manifests.
    if kind == "Secret" {
        findings.warning(workload.id(), cause, format!("make sure that the cluster has it: kubectl get secret {name}"));
    } else {
        findings.error(workload.id(), cause, "add it, or correct the name");
    }
}

fn reference(cluster: &Cluster, workload: &Workload, (kind, name, key): (&str, &str, &str), findings: &mut Findings) {
    let keys = match (cluster.find(kind, &workload.namespace, name), external(cluster, &workload.namespace, name)) {
        (Some(found), _) => {
            let parts = ["/data", "/stringData"].into_iter().filter_map(|p| found.at(p)?.as_object());
            parts.flat_map(|map| map.keys().cloned()).collect::<Vec<_>>()
        }
        (None, Some(external)) if kind == "Secret" => {
            let data = external.at("/spec/data").and_then(Value::as_array).into_iter().flatten();
            data.filter_map(|d| d.get("secretKey")?.as_str().map(str::to_owned)).collect()
        }
        _ => return missing(workload, kind, name, findings),
    };
    if !keys.iter().any(|known| known == key) {
        let cause = format!("{kind}/{name} has no key {key}, so that pods stay in CreateContainerConfigError");
        findings.error(workload.id(), cause, format!("add it, or use one of {}", keys.join(", ")));
    }
}
