//! Replicas, scalers, disruption budgets, resources and images.

use super::Findings;
use crate::cluster::{Cluster, Manifest};
use crate::labels::Selector;
use crate::workload::Workload;
use serde_json::Value;

pub(super) fn check(cluster: &Cluster, workloads: &[Workload], findings: &mut Findings) {
    for scaler in cluster.of_kind("HorizontalPodAutoscaler") {
        horizontal(cluster, scaler, workloads, findings);
    }
    for budget in cluster.of_kind("PodDisruptionBudget") {
        disruption(budget, workloads, findings);
    }
    for workload in workloads {
        storage(cluster, workload, findings);
        containers(workload, findings);
    }
}

fn text<'a>(manifest: &'a Manifest, pointer: &str) -> &'a str {
    manifest.at(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn horizontal(cluster: &Cluster, scaler: &Manifest, workloads: &[Workload], findings: &mut Findings) {
    let (kind, name) = (text(scaler, "/spec/scaleTargetRef/kind"), text(scaler, "/spec/scaleTargetRef/name"));
    if cluster.find(kind, &scaler.namespace, name).is_none() {
        let cause = format!("its target {kind}/{name} does not exist, so that nothing is scaled");
        findings.error(scaler.id(), cause, "correct scaleTargetRef");
        return;
    }
    let metrics = scaler.at("/spec/metrics").and_then(Value::as_array).into_iter().flatten();
    let resources: Vec<&str> = metrics.filter_map(|m| m.pointer("/resource/name")?.as_str()).collect();
    let of_name = workloads.iter().filter(|w| w.name == name && w.namespace == scaler.namespace);
    for workload in of_name {
        if workload.kind == kind && workload.replicas.is_some() {
            let cause = format!("{} sets replicas, and every apply resets what the scaler chose", workload.id());
            findings.warning(scaler.id(), cause, "remove spec.replicas");
        }
        for resource in &resources {
            let requests = |c: &crate::Container| c.value.pointer(&format!("/resources/requests/{resource}")).is_some();
            if !workload.containers.iter().all(requests) {
                let cause = format!("a container of {} requests no {resource}: utilisation is unknown", workload.id());
                findings.error(scaler.id(), cause, "set the request");
            }
        }
    }
    for vertical in cluster.of_kind("VerticalPodAutoscaler").filter(|v| text(v, "/spec/targetRef/name") == name) {
        let policies = vertical.at("/spec/resourcePolicy/containerPolicies").and_then(Value::as_array);
        let controls = |resource: &str| {
            policies.is_none_or(|policies| {
                policies.iter().any(|policy| {
                    let listed = policy.get("controlledResources").and_then(Value::as_array);
                    listed.is_none_or(|list| list.iter().any(|r| r.as_str() == Some(resource)))
                })
            })
        };
        let acts = text(vertical, "/spec/updatePolicy/updateMode") != "Off";
        if let Some(resource) = resources.iter().find(|resource| acts && controls(resource)) {
            let cause = format!("it and {} both steer by {resource} and undo each other", vertical.id());
            findings.error(
                scaler.id(),
                cause,
                "let the vertical one control memory only, or set its updateMode to Off",
            );
        }
    }
}

fn disruption(budget: &Manifest, workloads: &[Workload], findings: &mut Findings) {
    let selector = Selector::read(budget.at("/spec/selector"));
    let own = workloads.iter().filter(|w| w.namespace == budget.namespace && selector.matches(&w.labels));
    let own: Vec<_> = own.collect();
    if own.is_empty() {
        findings.warning(budget.id(), "it selects no pod", "compare its selector with the pods' labels");
    }
    let blocked = |workload: &Workload| {
        let replicas = workload.replicas.unwrap_or(2);
        let least = budget.at("/spec/minAvailable").and_then(Value::as_u64);
        least.is_some_and(|least| least >= replicas) || text(budget, "/spec/minAvailable") == "100%"
    };
    let none = budget.at("/spec/maxUnavailable").is_some_and(|v| v.as_u64() == Some(0) || v.as_str() == Some("0%"));
    for workload in own.into_iter().filter(|workload| none || blocked(workload)) {
        let cause = format!("no pod of {} may ever be evicted: a node can never be drained", workload.id());
        findings.error(budget.id(), cause, "set maxUnavailable to 1, and run two replicas");
    }
}

/// A volume that one node mounts cannot move to a second pod before the first has gone.
fn storage(cluster: &Cluster, workload: &Workload, findings: &mut Findings) {
    let volumes = workload.pod.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let claims = volumes.filter_map(|v| v.pointer("/persistentVolumeClaim/claimName")?.as_str());
    for claim in claims {
        let modes = cluster.find("PersistentVolumeClaim", &workload.namespace, claim);
        let modes = modes.and_then(|m| m.at("/spec/accessModes")?.as_array().cloned()).unwrap_or_default();
        let shared = modes.iter().any(|mode| mode.as_str() == Some("ReadWriteMany"));
        let manifest = cluster.find(&workload.kind, &workload.namespace, &workload.name);
        let recreates = manifest.is_some_and(|m| text(m, "/spec/strategy/type") == "Recreate");
        if !modes.is_empty() && !shared && workload.kind == "Deployment" && !recreates {
            let cause = format!("its volume {claim} mounts on one node, and a rolling update waits for it for ever");
            findings.error(workload.id(), cause, "set strategy.type to Recreate, or use a StatefulSet");
        }
        if !modes.is_empty() && !shared && workload.replicas.unwrap_or(1) > 1 {
            let cause = format!("its replicas share the volume {claim}, which mounts on one node");
            findings.error(workload.id(), cause, "run one replica, or give each its own volume");
        }
    }
}

fn containers(workload: &Workload, findings: &mut Findings) {
    for container in &workload.containers {
        let image = container.image.rsplit('/').next().unwrap_or(&container.image);
        if image.ends_with(":latest") {
            let cause = format!("{} runs {}, which is another image tomorrow", container.name, container.image);
            findings.warning(workload.id(), cause, "pin a version or a digest");
        }
        let memory = |part: &str| container.value.pointer(&format!("/resources/{part}/memory")).and_then(Value::as_str);
        match (memory("requests"), memory("limits")) {
            (_, None) => {
                let cause = format!("{} has no memory limit: a leak takes its node with it", container.name);
                findings.warning(workload.id(), cause, "set one, equal to the request");
            }
            (Some(request), Some(limit)) if request != limit => {
                let cause = format!("{} requests {request} and may use {limit}: it is killed first", container.name);
                findings.warning(workload.id(), cause, "set both to one value");
            }
            _ => {}
        }
    }
}
