//! The overlays of deploy/, as kustomize builds them: nothing in them is wrong, they allow the calls that are made and
//! no others, and what they name exists in the code.
#![expect(clippy::unwrap_used, reason = "a test fails where a step of it fails")]

use manifests::{Cluster, Endpoint, Network, Severity, diagnose};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const OVERLAYS: [&str; 6] = [
    "kubernetes/overlays/local",
    "kubernetes/overlays/staging",
    "kubernetes/overlays/production",
    "istio/ambient",
    "istio/sidecar",
    "kong",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An overlay as kustomize builds it; none, with the reason printed, without kubectl.
fn build(folder: &str) -> Option<Cluster> {
    let Ok(output) = Command::new("kubectl").arg("kustomize").arg(repository().join("deploy").join(folder)).output()
    else {
        println!("skipped: kubectl is not installed here");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(Cluster::parse(folder, &String::from_utf8(output.stdout).unwrap()).unwrap())
}

#[test]
fn nothing_in_them_is_wrong() {
    for folder in OVERLAYS {
        let Some(cluster) = build(folder) else { return };
        let found: Vec<_> = diagnose(&cluster)
            .into_iter()
            // Secrets come with the cluster, and so does whatever answers at the database's and the queue's address.
            .filter(|f| f.severity == Severity::Error || !f.cause.contains("Secret/platform-secrets"))
            .map(|f| f.to_string())
            .collect();
        assert_eq!(found, [""; 0], "{folder}");
    }
}

const SERVICES: [&str; 3] = ["user-service", "order-service", "notification-service"];

/// Calls that are made: orders tells notifications, both ask users for keys, Prometheus scrapes, traces flow.
fn calls(collector: &str) -> BTreeSet<(String, String, u16)> {
    let mut calls = vec![
        ("order-service", "user-service", 3001),
        ("notification-service", "user-service", 3001),
        ("order-service", "notification-service", 3003),
        ("prometheus", "user-service", 9001),
        ("prometheus", "order-service", 9002),
        ("prometheus", "notification-service", 9003),
        ("prometheus", "alertmanager", 9093),
        ("grafana", "prometheus", 9090),
        ("grafana", "jaeger", 16686),
    ];
    calls.extend(SERVICES.map(|service| (service, collector, 4317)));
    if collector != "jaeger" {
        calls.push((collector, "jaeger", 4317));
    }
    calls.into_iter().map(|(from, to, port)| (from.to_owned(), to.to_owned(), port)).collect()
}

#[test]
fn the_calls_that_are_made_are_allowed_and_no_others() {
    for (folder, collector) in [
        ("kubernetes/overlays/local", "jaeger"),
        ("kubernetes/overlays/staging", "jaeger"),
        ("kubernetes/overlays/production", "otel-collector"),
    ] {
        let Some(cluster) = build(folder) else { return };
        let edges = Network::new(&cluster).edges(&cluster.workloads());
        let mut wanted = calls(collector);
        // The scaler of the queue's depth asks from outside of the namespace, through the API server's operator.
        wanted.retain(|call| cluster.workloads().iter().any(|w| w.name == call.1));
        assert_eq!(edges, wanted, "{folder}");
        println!("{folder}: {} connections allowed, all of them made", edges.len());
    }
}

#[test]
fn the_gateway_reaches_the_apis_and_nothing_behind_them() {
    let Some(cluster) = build("istio/ambient") else { return };
    let network = Network::new(&cluster);
    let gateway = Endpoint { namespace: "gateway".to_owned(), ..Endpoint::default() };
    let stranger = Endpoint { namespace: "default".to_owned(), ..Endpoint::default() };
    for workload in cluster.workloads() {
        let to = Endpoint::from(&workload);
        for port in workload.ports() {
            let open = matches!(port.number, 3000..=3003);
            let verdict = network.connect(&gateway, &to, &port.protocol, port.number);
            assert_eq!(verdict.is_ok(), open, "{} {}", workload.id(), port.number);
            assert!(network.connect(&stranger, &to, &port.protocol, port.number).is_err(), "{}", workload.id());
        }
    }
}

/// All Rust sources below a folder, joined.
fn sources(folder: &str) -> String {
    fn walk(path: &Path, text: &mut String) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, text);
            } else if path.extension().is_some_and(|e| e == "rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    walk(&repository().join(folder), &mut text);
    text
}

#[test]
fn what_they_name_exists_in_the_code() {
    let Some(cluster) = build("kubernetes/overlays/production") else { return };
    let shared = sources("services/common/src");
    let mut names = 0;
    for workload in cluster.workloads().iter().filter(|w| SERVICES.contains(&w.name.as_str())) {
        let own = sources(&format!("services/{}/src", workload.name));
        let known = |text: &str| shared.contains(text) || own.contains(text);
        let container = &workload.containers[0];
        for variable in container.environment() {
            assert!(known(&format!("\"{variable}\"")), "{}: no code reads {variable}", workload.name);
            names += 1;
        }
        for probe in &container.probes {
            assert!(known(&format!("\"{}\"", probe.path)), "{}: no code serves {}", workload.name, probe.path);
            names += 1;
        }
        for port in &container.ports {
            let digits = port.number.to_string();
            let ours = known(&digits) || known(&format!("{}_{}", &digits[..1], &digits[1..]));
            assert!(ours, "{}: no code knows port {digits}", workload.name);
            names += 1;
        }
    }
    let query = cluster.of_kind("ScaledObject").next().unwrap().at("/spec/triggers/0/metadata/query").unwrap().clone();
    assert!(query.as_str().unwrap().contains("notification_queue_depth"));
    assert!(sources("services/notification-service/src").contains("notification_queue_depth"));
    println!("{names} names of production found in the code");
}

/// Paths of the gateway's routes are paths of the services.
#[test]
fn routes_lead_somewhere() {
    let Some(cluster) = build("kubernetes/overlays/production") else { return };
    let mut code = BTreeMap::new();
    for route in cluster.of_kind("HTTPRoute").filter(|r| SERVICES.contains(&r.name.as_str())) {
        let code = code.entry(route.name.clone()).or_insert_with(|| sources(&format!("services/{}/src", route.name)));
        for rule in route.at("/spec/rules").unwrap().as_array().unwrap() {
            for found in rule["matches"].as_array().unwrap() {
                let path = found["path"]["value"].as_str().unwrap();
                assert!(code.contains(&format!("\"{path}")), "{}: no code serves {path}", route.name);
            }
        }
    }
    assert_eq!(code.len(), 3);
}
