//! States of pods and endpoints, as `kubectl get pods,endpointslices -o yaml` shows them.

use super::Findings;
use crate::cluster::{Cluster, Manifest};
use serde_json::Value;

pub(super) fn check(cluster: &Cluster, findings: &mut Findings) {
    for pod in cluster.of_kind("Pod").filter(|pod| pod.at("/status").is_some()) {
        scheduling(pod, findings);
        let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
        let statuses = statuses.into_iter().filter_map(|p| pod.at(p)?.as_array()).flatten();
        statuses.for_each(|status| container(pod, status, findings));
    }
    for slice in cluster.of_kind("EndpointSlice") {
        let endpoints = slice.at("/endpoints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let ready = |e: &&Value| e.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true);
        if endpoints.iter().filter(ready).count() == 0 {
            let service = slice.at("/metadata/labels/kubernetes.io~1service-name").and_then(Value::as_str);
            let service = service.unwrap_or(&slice.name);
            let cause = format!("none of its {} endpoints is ready: connections are refused", endpoints.len());
            findings.error(format!("Service/{service}"), cause, "look at the readiness of its pods, and at their logs");
        }
    }
}

fn scheduling(pod: &Manifest, findings: &mut Findings) {
    let conditions = pod.at("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    for condition in conditions {
        let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("type") == "PodScheduled" && text("status") == "False" {
            let cause = format!("no node takes it: {}", text("message"));
            findings.error(pod.id(), cause, "lower its requests, add nodes, or correct its tolerations and selectors");
        }
    }
}

fn container(pod: &Manifest, status: &Value, findings: &mut Findings) {
    let name = status.get("name").and_then(Value::as_str).unwrap_or_default();
    let waiting = status.pointer("/state/waiting/reason").and_then(Value::as_str).unwrap_or_default();
    let ended = ["/lastState/terminated", "/state/terminated"].into_iter().find_map(|p| status.pointer(p));
    let reason = ended.and_then(|e| e.get("reason")).and_then(Value::as_str).unwrap_or_default();
    let code = ended.and_then(|e| e.get("exitCode")).and_then(Value::as_i64);
    if reason == "OOMKilled" {
        let cause = format!("{name} was killed for using more memory than its limit");
        findings.error(pod.id(), cause, "raise request and limit, or find the leak: kubectl top pod");
    } else if waiting == "CrashLoopBackOff" {
        let (cause, remedy) = crash(code);
        let logs = format!("{remedy}: kubectl logs {} -c {name} --previous", pod.name);
        findings.error(pod.id(), format!("{name} keeps ending {cause}"), logs);
    } else if matches!(waiting, "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName") {
        let message = status.pointer("/state/waiting/message").and_then(Value::as_str).unwrap_or_default();
        let cause = format!("the image of {name} cannot be pulled: {message}");
        findings.error(pod.id(), cause, "check its name, its tag or digest, and imagePullSecrets");
    } else if waiting == "CreateContainerConfigError" {
        let message = status.pointer("/state/waiting/message").and_then(Value::as_str).unwrap_or_default();
        findings.error(
            pod.id(),
            format!("{name} cannot be created: {message}"),
            "add the secret or config map, and its key",
        );
    }
    let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
    if restarts >= 5 && waiting != "CrashLoopBackOff" && reason != "OOMKilled" {
        let cause = format!("{name} was restarted {restarts} times");
        findings.warning(pod.id(), cause, format!("read why: kubectl logs {} -c {name} --previous", pod.name));
    }
}

/// Words for an exit status; 78 is the services' own for wrong configuration (sysexits' EX_CONFIG).
fn crash(code: Option<i64>) -> (String, &'static str) {
    match code {
        Some(78) => ("with status 78: its configuration is wrong".to_owned(), "the last line names the key"),
        Some(137) => ("with status 137: killed".to_owned(), "liveness or memory did it; see its events"),
        Some(139) => ("with status 139: a memory fault".to_owned(), "read its last lines"),
        Some(126 | 127) => ("at once: its command does not exist in the image".to_owned(), "check command and image"),
        Some(code) => (format!("with status {code}"), "read its last lines"),
        None => ("".to_owned(), "read its last lines"),
    }
}
