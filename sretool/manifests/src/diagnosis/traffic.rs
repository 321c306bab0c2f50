//! Services, routes, probes, and whether calls get through.

use super::Findings;
use crate::cluster::{Cluster, Manifest};
use crate::labels::Selector;
use crate::network::{Endpoint, Network, Refusal};
use crate::workload::{Workload, port_text};
use serde_json::Value;

pub(super) fn check(cluster: &Cluster, workloads: &[Workload], findings: &mut Findings) {
    for service in cluster.of_kind("Service") {
        check_service(service, workloads, findings);
    }
    for route in cluster.of_kind("HTTPRoute") {
        check_route(cluster, route, findings);
    }
    let network = Network::new(cluster);
    for workload in workloads {
        check_probes(workload, findings);
        check_calls(cluster, &network, workload, workloads, findings);
    }
}

/// Workloads whose pods a service selects.
fn selected<'a>(service: &Manifest, workloads: &'a [Workload]) -> Vec<&'a Workload> {
    let selector = Selector::plain(service.at("/spec/selector"));
    let same = workloads.iter().filter(|w| w.namespace == service.namespace);
    same.filter(|workload| !selector.is_empty() && selector.matches(&workload.labels)).collect()
}

fn ports(service: &Manifest) -> impl Iterator<Item = &Value> {
    service.at("/spec/ports").and_then(Value::as_array).into_iter().flatten()
}

fn number(port: &Value, key: &str) -> Option<u16> {
    port.get(key).and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok())
}

fn check_service(service: &Manifest, workloads: &[Workload], findings: &mut Findings) {
    if service.at("/spec/selector").is_none() {
        return;
    }
    let backends = selected(service, workloads);
    if backends.is_empty() {
        let cause = "its selector matches no pod, so that every connection is refused";
        findings.error(service.id(), cause, "compare it with the labels of the pods' template");
    }
    for port in ports(service) {
        let target = port.get("targetPort").or_else(|| port.get("port")).map(port_text).unwrap_or_default();
        for workload in backends.iter().filter(|workload| workload.resolve_port(&target).is_empty()) {
            let cause = format!("its targetPort {target} is no port of {}", workload.id());
            let names: Vec<_> = workload.ports().map(|p| format!("{} ({})", p.name, p.number)).collect();
            findings.error(service.id(), cause, format!("use one of {}", names.join(", ")));
        }
    }
}

fn check_route(cluster: &Cluster, route: &Manifest, findings: &mut Findings) {
    let rules = route.at("/spec/rules").and_then(Value::as_array).into_iter().flatten();
    let backends = rules.filter_map(|rule| rule.get("backendRefs")?.as_array()).flatten();
    for backend in backends {
        let name = backend.get("name").and_then(Value::as_str).unwrap_or_default();
        let namespace = backend.get("namespace").and_then(Value::as_str).unwrap_or(&route.namespace);
        let wanted = number(backend, "port");
        match cluster.find("Service", namespace, name) {
            None => findings.error(
                route.id(),
                format!("its backend Service/{name} does not exist: the gateway answers 500"),
                "add the service, or correct the name",
            ),
            Some(service) if !ports(service).any(|port| number(port, "port") == wanted) => findings.error(
                route.id(),
                format!("Service/{name} has no port {}", wanted.map_or("given".to_owned(), |p| p.to_string())),
                "use a port of the service",
            ),
            Some(_) => {}
        }
    }
}

fn check_probes(workload: &Workload, findings: &mut Findings) {
    let serves = workload.ports().next().is_some();
    for container in &workload.containers {
        for probe in &container.probes {
            if workload.resolve_port(&probe.port).is_empty() {
                let cause = format!("its {} asks port {}, which no container names", probe.kind, probe.port);
                findings.error(workload.id(), cause, "name the port in `ports`, or correct the probe");
            }
        }
        let path = |kind: &str| container.probes.iter().find(|p| p.kind == kind).map(|p| (&p.path, &p.port));
        let has = |kind: &str| container.value.get(kind).is_some();
        if serves && !container.ports.is_empty() && !has("readinessProbe") && workload.kind != "Job" {
            let cause =
                "it has no readinessProbe: it gets traffic before it can serve it, and after it cannot any more";
            findings.warning(workload.id(), cause, "add one that asks for what a request needs");
        }
        if path("livenessProbe").is_some() && path("livenessProbe") == path("readinessProbe") && !has("startupProbe") {
            let cause = "liveness asks what readiness asks: a dependency that is down restarts every pod";
            findings.warning(workload.id(), cause, "let liveness ask only whether the process is alive");
        }
    }
}

/// Addresses in environment variables: scheme, host without domain, port.
fn addresses(workload: &Workload) -> Vec<(String, String, u16)> {
    let mut found = Vec::new();
    for container in &workload.containers {
        let variables = container.value.get("env").and_then(Value::as_array).into_iter().flatten();
        for variable in variables {
            let Some(value) = variable.get("value").and_then(Value::as_str) else { continue };
            let Some((_, rest)) = value.split_once("://") else { continue };
            let authority = rest.split(['/', '?']).next().unwrap_or(rest);
            let Some((host, port)) = authority.rsplit_once('@').map_or(authority, |(_, a)| a).rsplit_once(':') else {
                continue;
            };
            let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Ok(port) = port.parse() {
                found.push((name.to_owned(), host.split('.').next().unwrap_or(host).to_owned(), port));
            }
        }
    }
    found
}

fn check_calls(
    cluster: &Cluster,
    network: &Network,
    workload: &Workload,
    workloads: &[Workload],
    findings: &mut Findings,
) {
    for (variable, host, port) in addresses(workload) {
        let Some(service) = cluster.find("Service", &workload.namespace, &host) else { continue };
        let Some(entry) = ports(service).find(|p| number(p, "port") == Some(port)) else {
            let cause = format!("{variable} names port {port} of Service/{host}, which it does not have");
            findings.error(workload.id(), cause, "use a port of the service");
            continue;
        };
        let target = entry.get("targetPort").map_or_else(|| port.to_string(), port_text);
        for backend in selected(service, workloads).into_iter().filter(|backend| backend.id() != workload.id()) {
            for number in backend.resolve_port(&target) {
                let verdict = network.connect(&Endpoint::from(workload), &Endpoint::from(backend), "TCP", number);
                let Err(refusal) = verdict else { continue };
                let (side, names) = match refusal {
                    Refusal::Egress(names) => ("egress", names),
                    Refusal::Ingress(names) => ("ingress", names),
                };
                let cause = format!(
                    "{variable} points at {}:{number}, and no {side} rule of the network policies {} allows it",
                    backend.name,
                    names.join(", ")
                );
                findings.error(workload.id(), cause, format!("add the {side} rule, or drop the variable"));
            }
        }
    }
}
